//! Files whose end is not to be had, because the server states too small a length for them: what comes of them plays, and why it ends is
//! said.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::support::ffmpeg::{ffmpeg, folder_of_made};

/// Ten seconds of a tone in each of these formats, as ffmpeg writes them.
fn songs(kinds: &[(&str, &str)]) -> PathBuf {
    let folder = folder_of_made("cut-short");
    let mut how = "-f lavfi -i sine=440:r=44100:d=10".to_owned();
    for (name, arguments) in kinds {
        how.push_str(&format!(" -map 0 -ac 2 {arguments} {name}"));
    }
    ffmpeg(&folder, how.split_whitespace());
    folder
}

/// Hears what is served, when the sender says that it is so long.
async fn listen(media: Media, duration: Option<Duration>) -> Listened {
    let log = Log::start();
    let server = MediaServer::start();
    let uri = server.serve("/song", media);
    let asked = MediaRequest {
        duration,
        ..request(uri.clone())
    };
    let mut listener = Listener::open(asked);
    let heard = listener.rest().await;
    Listened {
        _server: server,
        uri,
        listener,
        heard,
        log,
    }
}

/// What was heard, and of what.
struct Listened {
    _server: MediaServer,
    uri: String,
    listener: Listener,
    heard: Heard,
    log: Log,
}

impl Listened {
    /// How long it was heard.
    #[track_caller]
    fn seconds(&self, name: &str) -> f64 {
        let failure = &self.heard.failure;
        assert!(failure.is_none(), "{name}: {failure:?}");
        seconds(&self.heard)
    }
}

fn seconds(heard: &Heard) -> f64 {
    let format = heard.format.unwrap();
    format.frames(heard.samples.len()) as f64 / f64::from(format.rate)
}

/// What lies behind the length that the server states is not to be had. That something is missing is known by the file's own word, or by
/// the sender's.
#[tokio::test]
async fn h05_a_length_that_is_too_short_ends_the_song_and_why_is_said() {
    let stating = [
        ("s16.wav", ""),
        ("f32.w64", "-c:a pcm_f32le"),
        ("plain.flac", ""),
        ("s16.aiff", ""),
        ("aac.m4a", "-movflags +faststart"),
        ("alac.m4a", "-c:a alac -movflags +faststart"),
        ("flac.mka", "-c:a flac"),
        ("opus.webm", "-c:a libopus"),
        ("vbr.mp3", "-q:a 2"),
    ];
    let silent = [
        ("plain.mp3", "-b:a 128k -write_xing 0"),
        ("plain.mp2", ""),
        ("adts.aac", ""),
        ("flac.ogg", "-c:a flac"),
        ("vorbis.ogg", "-c:a libvorbis"),
        ("opus.opus", "-c:a libopus"),
    ];
    for (kinds, who, duration) in [
        (&stating[..], "it says", None),
        (
            &silent[..],
            "the sender says",
            Some(Duration::from_secs(10)),
        ),
    ] {
        let folder = songs(kinds);
        for (name, _) in kinds {
            let bytes = fs::read(folder.join(name)).unwrap();
            let whole = listen(Media::new(bytes.clone()), duration).await;
            assert!((9.99..10.1).contains(&whole.seconds(name)), "{name}");
            assert_eq!(whole.log.text(), "", "{name}");
            for framing in [
                Framing::Ranges,
                Framing::IgnoresRanges,
                Framing::RefusesRanges,
            ] {
                let stated = (bytes.len() / 2).to_string();
                let half = Media::new(bytes.clone()).framing(framing);
                let mut half = listen(half.claims_length(&stated), duration).await;
                assert!((4.0..5.05).contains(&half.seconds(name)), "{name}");
                let says = format!("{who} that it lasts 10.0 s, and nothing comes from");
                let why = format!("it was cut off, or the server's word that it is {stated} bytes");
                half.log.assert_line(&["WARN", &half.uri, &says, &why]);
                let text = half.log.text();
                assert_eq!(text.matches("WARN").count(), 1, "{name}: {text}");
                if framing == Framing::RefusesRanges {
                    continue;
                }
                // What there is can be gone back to, and nothing more is said of what there is not.
                let place = Duration::from_secs(2);
                half.listener.source.seek(place);
                assert_eq!(half.listener.sought().await, place, "{name}");
                let before = half.seconds(name);
                half.heard = half.listener.rest().await;
                let after = half.seconds(name);
                assert!(
                    (before - after - 2.0).abs() < 0.03,
                    "{name}: {before} {after}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_mp4_whose_index_is_lost_says_so() {
    let bytes = fixture("index-last.m4a");
    let stated = (bytes.len() / 2).to_string();
    let half = listen(Media::new(bytes).claims_length(&stated), None).await;
    let failure = half.heard.failure.expect("nothing can be found in it");
    let text = failure.to_string();
    assert!(
        text.contains(&half.uri) && text.contains("its index is missing"),
        "{text}"
    );
}

/// What is as long as it can be is not called cut off.
#[tokio::test]
async fn what_is_longer_beside_the_music_is_not_missed() {
    let folder = songs(&[(
        "beside.mka",
        "-filter_complex [0:a]apad=whole_dur=13[long] -map [long] -c:a flac",
    )]);
    let bytes = fs::read(folder.join("beside.mka")).unwrap();
    let whole = listen(Media::new(bytes), None).await;
    assert!((9.99..10.1).contains(&whole.seconds("beside.mka")));
    assert_eq!(whole.log.text(), "");
}
