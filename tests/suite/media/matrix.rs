//! Every container and codec that ffmpeg can make, in every layout: it plays, as long, as loud and as high as it was made, and each
//! channel is where it belongs. What an encoder loses is not ours: of lossy codecs the level is that of ffmpeg's own decoder. The files are
//! made once, into `target`, and each is heard at a zone's rate.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};
use std::fs;
use std::path::{Path, PathBuf};

use unisono::audio::Converter;

use super::*;
use crate::support::ffmpeg::{ffmpeg, folder_of_made};

/// Of each file, in seconds: whole frames at every rate, and enough to tell a cent.
const SECONDS: f64 = 0.75;
/// What a zone plays.
const ZONE: u32 = StreamFormat::STANDARD.rate;
/// The tone of each channel, in the order of ffmpeg's 5.1: left, right, centre, bass, left and right behind.
const TONES: [f64; 6] = [500.0, 700.0, 900.0, 300.0, 1100.0, 1300.0];
const AMPLITUDE: f64 = 0.5;

/// How a kind of file is made, and what can be asked of it.
struct Kind {
    /// What the file is called; its ending tells ffmpeg the container.
    name: &'static str,
    /// How ffmpeg makes it.
    arguments: &'static str,
    /// Which of the matrix' rates ffmpeg makes it at, 0 being all.
    rates: &'static [u32],
    /// The most channels that ffmpeg makes it of.
    channels: usize,
    length: Length,
}

/// How much the container and the codec say of a file's length.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Length {
    /// All: not one frame more or less.
    Exact,
    /// Not all of what the encoder has put before and behind: at most so many frames.
    Padded(f64),
    /// The same, and no more than ffmpeg leaves.
    Untold,
}

/// How far a level may be off, in decibels: from what was encoded, or what ffmpeg decodes.
const DECIBELS: f64 = 0.1;
/// How far what a lossy codec makes of a level may be off.
const LOSSY_DECIBELS: f64 = 0.2;
/// Codecs that do not give back what they were given.
const LOSSY: [&str; 5] = ["aac", "libmp3lame", "mp2", "libvorbis", "libopus"];

const ALL: &[u32] = &[44_100, 48_000, 96_000];
const CD_AND_DAT: &[u32] = &[44_100, 48_000];
const OPUS: &[u32] = &[48_000];
const OTHER_RATES: &[u32] = &[
    8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 64_000, 88_200, 176_400, 192_000,
    352_800, 384_000,
];

const fn exact(name: &'static str, arguments: &'static str) -> Kind {
    Kind {
        name,
        arguments,
        rates: ALL,
        channels: 6,
        length: Length::Exact,
    }
}

impl Kind {
    const fn at(self, rates: &'static [u32]) -> Self {
        Self { rates, ..self }
    }

    const fn up_to(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    const fn padded(self, frames: f64) -> Self {
        Self {
            length: Length::Padded(frames),
            ..self
        }
    }

    const fn untold(self) -> Self {
        Self {
            length: Length::Untold,
            ..self
        }
    }
}

const KINDS: &[Kind] = &[
    exact("u8.wav", "-c:a pcm_u8"),
    exact("s16.wav", "-c:a pcm_s16le"),
    exact("s24.wav", "-c:a pcm_s24le"),
    exact("s32.wav", "-c:a pcm_s32le"),
    exact("f32.wav", "-c:a pcm_f32le"),
    exact("f64.wav", "-c:a pcm_f64le"),
    exact("alaw.wav", "-c:a pcm_alaw"),
    exact("mulaw.wav", "-c:a pcm_mulaw"),
    exact("ms.wav", "-c:a adpcm_ms").up_to(2).padded(2048.0),
    exact("ima.wav", "-c:a adpcm_ima_wav").up_to(2).padded(2048.0),
    exact("rf64.wav", "-c:a pcm_s24le -rf64 always"),
    // ffmpeg counts what fills up the last eight bytes as audio.
    exact("s16.w64", "-c:a pcm_s16le").padded(3.0),
    exact("f32.w64", "-c:a pcm_f32le").padded(1.0),
    exact("s16.aiff", "-c:a pcm_s16be"),
    exact("s24.aiff", "-c:a pcm_s24be"),
    exact("f32.aiff", "-c:a pcm_f32be"),
    exact("sowt.aiff", "-c:a pcm_s16le"),
    exact("s16.caf", "-c:a pcm_s16le"),
    exact("s24.caf", "-c:a pcm_s24be"),
    exact("f32.caf", "-c:a pcm_f32le"),
    exact("alac.caf", "-c:a alac -sample_fmt s16p"),
    exact("s16.flac", "-c:a flac -sample_fmt s16"),
    exact("s24.flac", "-c:a flac -sample_fmt s32 -bits_per_raw_sample 24"),
    exact("flac.ogg", "-c:a flac -sample_fmt s32"),
    exact("flac.mka", "-c:a flac -sample_fmt s16"),
    exact("flac.mp4", "-c:a flac -sample_fmt s32"),
    exact("s16.mka", "-c:a pcm_s16le"),
    exact("s24.mka", "-c:a pcm_s24le"),
    exact("f32.mka", "-c:a pcm_f32le"),
    exact("s16.mov", "-c:a pcm_s16le"),
    exact("s24.mov", "-c:a pcm_s24le"),
    exact("f32.mov", "-c:a pcm_f32le"),
    exact("alac16.m4a", "-c:a alac -sample_fmt s16p"),
    exact("alac24.m4a", "-c:a alac -sample_fmt s32p"),
    exact("alac.mka", "-c:a alac -sample_fmt s16p"),
    exact("alac-pieces.mp4", "-c:a alac -movflags +frag_keyframe+empty_moov+default_base_moof -frag_duration 200000"),
    exact("aac.m4a", "-c:a aac -b:a 512k").untold(),
    exact("aac-pieces.mp4", "-c:a aac -b:a 512k -movflags +frag_keyframe+empty_moov+default_base_moof -frag_duration 200000").untold(),
    exact("aac.aac", "-c:a aac -b:a 512k").untold(),
    exact("aac.mka", "-c:a aac -b:a 512k").untold(),
    exact("mp3.mp3", "-c:a libmp3lame -b:a 320k").at(CD_AND_DAT).up_to(2),
    exact("mp3-vbr.mp3", "-c:a libmp3lame -q:a 0").at(CD_AND_DAT).up_to(2),
    exact("mp3-plain.mp3", "-c:a libmp3lame -b:a 320k -write_xing 0 -id3v2_version 0").at(CD_AND_DAT).up_to(2).untold(),
    exact("mp3.mka", "-c:a libmp3lame -b:a 320k").at(CD_AND_DAT).up_to(2).untold(),
    exact("mp3.mp4", "-c:a libmp3lame -b:a 320k").at(CD_AND_DAT).up_to(2).untold(),
    exact("mp2.mp2", "-c:a mp2 -b:a 192k").at(CD_AND_DAT).up_to(2).untold(),
    exact("vorbis.ogg", "-c:a libvorbis -q:a 10"),
    exact("vorbis.webm", "-c:a libvorbis -q:a 10").untold(),
    exact("vorbis.mka", "-c:a libvorbis -q:a 10").untold(),
    exact("opus.opus", "-c:a libopus -b:a 192k").at(OPUS),
    exact("opus.ogg", "-c:a libopus -b:a 256k -vbr off").at(OPUS),
    exact("opus.webm", "-c:a libopus -b:a 192k").at(OPUS).untold(),
    exact("opus.mka", "-c:a libopus -b:a 192k").at(OPUS).untold(),
    exact("opus.mp4", "-c:a libopus -b:a 192k").at(OPUS).untold(),
    exact("ac3.ac3", "-c:a ac3").at(OPUS),
    exact("eac3.eac3", "-c:a eac3").at(OPUS),
    exact("wma.wma", "-c:a wmav2").at(CD_AND_DAT).up_to(2),
    exact("tta.tta", "-c:a tta"),
    exact("wavpack.wv", "-c:a wavpack"),
    exact("speex.ogg", "-c:a libspeex -ar 16000").at(OPUS).up_to(2),
    exact("s16.au", "-c:a pcm_s16be"),
];

fn layout(channels: usize) -> &'static str {
    match channels {
        1 => "mono",
        2 => "stereo",
        _ => "5.1",
    }
}

/// The folder with the files of one rate and layout. They are made anew when what they are made by has changed.
fn made(rate: u32, channels: usize, kinds: &[&Kind]) -> PathBuf {
    let folder = folder_of_made(&format!("matrix/{rate}-{}", layout(channels)));
    let tones: Vec<String> = TONES[..channels]
        .iter()
        .map(|hertz| format!("{AMPLITUDE}*sin(2*PI*{hertz}*t)"))
        .collect();
    let sound = format!(
        "aevalsrc={}:s={rate}:d={SECONDS}:c={}",
        tones.join("|"),
        layout(channels)
    );
    let mut arguments = ["-f", "lavfi", "-i", &sound].map(str::to_owned).to_vec();
    for kind in kinds {
        arguments.extend("-map 0 -bitexact -strict -2".split(' ').map(str::to_owned));
        arguments.extend(kind.arguments.split(' ').map(str::to_owned));
        arguments.push(kind.name.to_owned());
    }
    let stamp = folder.join("made-by.txt");
    let by = arguments.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|before| before == by) {
        return folder;
    }
    // What was decoded of others goes with them.
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).unwrap();
    ffmpeg(&folder, &arguments);
    fs::write(stamp, by).unwrap();
    folder
}

/// What ffmpeg decodes the lossy ones of these files to, as WAV files next to them.
fn decoded_by_ffmpeg(folder: &Path, kinds: &[&Kind]) {
    let lossy = || kinds.iter().filter(|kind| kind.is_lossy());
    if lossy().all(|kind| folder.join(kind.reference()).exists()) {
        return;
    }
    let mut arguments = Vec::new();
    for kind in lossy() {
        arguments.extend(["-i".to_owned(), kind.name.to_owned()]);
    }
    for (number, kind) in lossy().enumerate() {
        let how = format!("-map {number}:a -c:a pcm_f32le");
        arguments.extend(how.split(' ').map(str::to_owned));
        arguments.push(kind.reference());
    }
    ffmpeg(folder, arguments);
}

impl Kind {
    fn is_lossy(&self) -> bool {
        let mut words = self.arguments.split(' ');
        words.any(|word| LOSSY.contains(&word))
    }

    fn reference(&self) -> String {
        format!("{}.decoded.wav", self.name)
    }

    fn is_made(&self, rate: u32, channels: usize) -> bool {
        self.rates.contains(&rate) && channels <= self.channels
    }
}

/// The complex amplitude of a tone in left or right of `frames`, from `first` on, of a quarter of a second.
fn tone(stereo: &[f32], side: usize, first: usize, hertz: f64) -> (f64, f64) {
    let length = ZONE as usize / 4;
    let (mut real, mut imaginary) = (0.0, 0.0);
    for number in 0..length {
        let window = 1.0 - (TAU * number as f64 / length as f64).cos();
        let sample = f64::from(stereo[(first + number) * 2 + side]) * window;
        let phase = TAU * hertz * (first + number) as f64 / f64::from(ZONE);
        real += sample * phase.cos();
        imaginary += sample * phase.sin();
    }
    let scale = 2.0 / length as f64;
    (real * scale, imaginary * scale)
}

/// How loud the channels are left and right, by ITU-R BS.775, with full scale kept.
fn expected(channels: usize) -> [[f64; 6]; 2] {
    let fold = FRAC_1_SQRT_2;
    let whole = 1.0 / (1.0 + 2.0 * fold);
    match channels {
        1 => [[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]; 2],
        2 => [
            [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        ],
        _ => [
            [1.0, 0.0, fold, 0.0, fold, 0.0].map(|part| part * whole),
            [0.0, 1.0, fold, 0.0, 0.0, fold].map(|part| part * whole),
        ],
    }
}

/// What a file is heard as at a zone's rate, after how many frames of its own; or why it is not.
async fn heard(rate: u32, bytes: Vec<u8>) -> Result<(Vec<f32>, usize), String> {
    let server = MediaServer::start();
    let uri = server.serve("/media", Media::new(bytes));
    let mut listener = Listener::open(request(uri));
    let (mut converter, mut stereo) = (Converter::new(ZONE), Vec::new());
    let mut frames = 0;
    loop {
        match listener.next().await {
            Polled::Audio(chunk) => {
                if chunk.format.rate != rate {
                    return Err(format!("plays at {} Hz", chunk.format.rate));
                }
                frames += chunk.format.frames(chunk.samples.len());
                converter.push(chunk.format, &chunk.samples, &mut stereo);
            }
            Polled::End => break,
            Polled::Failed(error) => return Err(format!("is refused: {error}")),
            Polled::Opened(_) | Polled::Sought(_) | Polled::Title(_) | Polled::Pending => {}
        }
    }
    converter.finish(&mut stereo);
    Ok((stereo, frames))
}

/// What is wrong with a file, if anything; of a lossy codec with what ffmpeg makes of it.
async fn fault(
    kind: &Kind,
    rate: u32,
    channels: usize,
    bytes: Vec<u8>,
    reference: Option<Vec<u8>>,
) -> Result<(), String> {
    let (stereo, frames) = heard(rate, bytes).await?;
    let theirs = match reference {
        Some(reference) => Some(heard(rate, reference).await?),
        None => None,
    };
    let excess = |frames: usize| frames as f64 - SECONDS * f64::from(rate);
    let allowed = match (kind.length, &theirs) {
        (Length::Padded(frames), _) => 0.0..=frames,
        (Length::Untold, Some((_, frames))) => 0.0..=excess(*frames).max(0.99),
        // Where three quarters of a second are no whole number of frames, either neighbour.
        (Length::Exact | Length::Untold, _) => -0.99..=0.99,
    };
    let excess = excess(frames);
    // Fraunhofer's limiter keeps the last frames, and its bindings cannot ask for them.
    let is_limited = cfg!(feature = "he-aac") && kind.name.starts_with("aac") && channels > 2;
    if !(allowed.contains(&excess) || is_limited && (-2500.0..0.0).contains(&excess)) {
        return Err(format!("is {excess} frames too long, not {allowed:?}"));
    }
    let quarter = ZONE as usize / 4;
    for (side, loud) in expected(channels).iter().enumerate() {
        for (channel, hertz) in TONES[..channels].iter().enumerate() {
            let early = tone(&stereo, side, quarter / 2, *hertz);
            let late = tone(&stereo, side, quarter * 3 / 2, *hertz);
            let level = early.0.hypot(early.1) / AMPLITUDE;
            if loud[channel] == 0.0 {
                if level > 0.02 {
                    return Err(format!("has {level} of channel {channel} on side {side}"));
                }
                continue;
            }
            let off = |level: f64, from: f64| 20.0 * (level / from).log10();
            let mut checks = vec![("it was", off(level, loud[channel]), DECIBELS)];
            if let Some((theirs, _)) = &theirs {
                let theirs = tone(theirs, side, quarter / 2, *hertz);
                let theirs = theirs.0.hypot(theirs.1) / AMPLITUDE;
                checks[0].2 = LOSSY_DECIBELS;
                checks.push(("ffmpeg makes it", off(level, theirs), DECIBELS));
            }
            for (than, db, most) in checks {
                if db.abs() > most {
                    return Err(format!(
                        "is {db} dB louder than {than}: channel {channel} on side {side}"
                    ));
                }
            }
            let turned = late.1.atan2(late.0) - early.1.atan2(early.0);
            let turned = (turned + TAU / 2.0).rem_euclid(TAU) - TAU / 2.0;
            let detuned = turned / TAU * 4.0 / hertz;
            let cents = 1200.0 * (1.0 + detuned).log2();
            if cents.abs() > 1.0 {
                return Err(format!("is {cents} cents too high: channel {channel}"));
            }
        }
    }
    Ok(())
}

/// What does not play, and why.
fn refusal(kind: &Kind, rate: u32, channels: usize) -> Option<&'static str> {
    match kind.name {
        "ac3.ac3" | "eac3.eac3" | "wma.wma" | "tta.tta" | "wavpack.wv" | "speex.ogg" | "s16.au" => {
            Some(
                "Symphonia reads or decodes none of these, and no media server offers them without converting",
            )
        }
        "ima.wav" if rate > 48_000 => {
            Some("ffmpeg writes an extensible header for it, which leaves out how long a block is")
        }
        name if name.ends_with(".mov") && channels > 2 && rate < 65_536 => Some(
            "the older description of sound in QuickTime has no places of channels, and Symphonia refuses it",
        ),
        name if name.starts_with("aac") && channels > 2 && !cfg!(feature = "he-aac") => Some(
            "Symphonia's decoder knows mono and stereo; the feature he-aac brings one that knows more",
        ),
        _ => None,
    }
}

/// Hears all kinds that are made of this rate and layout. How many there were, and what was wrong.
async fn hear_all(rate: u32, channels: usize, kinds: &[&Kind]) -> (usize, Vec<String>) {
    let kinds: Vec<&Kind> = kinds
        .iter()
        .copied()
        .filter(|kind| kind.is_made(rate, channels))
        .collect();
    let folder = made(rate, channels, &kinds);
    decoded_by_ffmpeg(&folder, &kinds);
    let mut faults = Vec::new();
    for kind in &kinds {
        let bytes = fs::read(folder.join(kind.name)).unwrap();
        let reference = kind
            .is_lossy()
            .then(|| fs::read(folder.join(kind.reference())).unwrap());
        let fault = fault(kind, rate, channels, bytes, reference).await.err();
        let what = format!("{} {rate} {}", kind.name, layout(channels));
        match (fault, refusal(kind, rate, channels)) {
            (Some(fault), None) => faults.push(format!("{what} {fault}")),
            (Some(fault), Some(_)) if !fault.starts_with("is refused") => {
                faults.push(format!("{what} {fault}"));
            }
            (None, Some(reason)) => faults.push(format!("{what} plays, but {reason}")),
            _ => {}
        }
    }
    (kinds.len(), faults)
}

#[tokio::test]
async fn whatever_ffmpeg_makes_is_heard_as_it_was_made() {
    let kinds: Vec<&Kind> = KINDS.iter().collect();
    let (mut heard, mut faults) = (0, Vec::new());
    for rate in ALL {
        for channels in [1, 2, 6] {
            let (count, these) = hear_all(*rate, channels, &kinds).await;
            heard += count;
            faults.extend(these);
        }
    }
    assert!(heard > 350, "{heard}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn every_rate_from_8_to_384_khz_is_heard() {
    let kinds = [
        exact("rate.wav", "-c:a pcm_s16le").at(OTHER_RATES),
        exact("rate.flac", "-c:a flac -sample_fmt s32").at(OTHER_RATES),
    ];
    for rate in OTHER_RATES {
        let (count, faults) = hear_all(*rate, 2, &kinds.each_ref()).await;
        assert_eq!(count, 2);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
