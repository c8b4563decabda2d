//! A short piece of music, made of sums: broken chords on something between a kalimba and a small bell.
//! It is the same in every run, and no recording is involved.

use std::f64::consts::TAU;

/// Frames per second: that of a CD, so that the renderer has something to convert.
pub(crate) const RATE: u32 = 44_100;
/// How long it plays.
pub(crate) const SECONDS: u32 = 28;

/// One chord lasts so long, in seconds; its notes come at eighths of that.
const BAR: f64 = 3.0;
/// The loudest sample, so that nothing is clipped anywhere on the way.
const PEAK: f64 = 0.7;
/// Between a sound and its echo from the other side: five sixteenths of a bar would be on the beat, this is just off it.
const ECHO_SECONDS: f64 = 0.47;
/// How loud the echo is, and then the echo's echo.
const ECHO: f64 = 0.28;

/// The chords, as MIDI notes: a bass note, then four notes from low to high.
const CHORDS: [[u8; 5]; 8] = [
    [45, 64, 67, 71, 76], // A minor with its ninth
    [41, 60, 64, 69, 79], // F
    [48, 62, 67, 72, 76], // C with a second
    [43, 62, 67, 69, 74], // G
    [45, 64, 69, 72, 76], // A minor
    [38, 65, 69, 72, 77], // D minor with its seventh
    [41, 60, 67, 69, 76], // F with its ninth
    [48, 64, 67, 74, 79], // C, and home
];
/// Which of a chord's four upper notes each eighth of a bar plays.
const PATTERN: [usize; 8] = [0, 1, 2, 3, 2, 1, 3, 1];

/// A partial of a note: frequency as a multiple of the note's, loudness, and how long it takes to fall to 1/e, in seconds.
type Partial = (f64, f64, f64);
/// A plucked metal tongue: what is not a multiple is what makes it ring.
const TONGUE: [Partial; 5] = [
    (1.0, 1.0, 1.1),
    (2.0, 0.35, 0.7),
    (3.01, 0.16, 0.4),
    (5.4, 0.09, 0.16),
    (8.93, 0.05, 0.06),
];
/// A soft low string.
const STRING: [Partial; 4] = [
    (1.0, 1.0, 1.9),
    (2.0, 0.5, 1.2),
    (3.0, 0.2, 0.7),
    (4.0, 0.1, 0.4),
];
/// A note does not begin at once but within this, in seconds, or it would click.
const ATTACK: f64 = 0.004;

/// The piece as a WAV file: 16 bits, stereo.
pub(crate) fn wav() -> Vec<u8> {
    let frames = piece();
    let loudest = frames
        .iter()
        .flatten()
        .fold(0.0, |a: f64, b| a.max(b.abs()));
    let scale = PEAK / loudest * f64::from(i16::MAX);
    let data = frames.len() as u32 * 4;
    let mut file = Vec::with_capacity(44 + data as usize);
    file.extend(b"RIFF");
    file.extend((36 + data).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    for field in [1_u16, 2] {
        file.extend(field.to_le_bytes()); // PCM, stereo
    }
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 4).to_le_bytes());
    for field in [4_u16, 16] {
        file.extend(field.to_le_bytes()); // bytes per frame, bits per sample
    }
    file.extend(b"data");
    file.extend(data.to_le_bytes());
    for sample in frames.iter().flatten() {
        file.extend(((sample * scale).round() as i16).to_le_bytes());
    }
    file
}

fn piece() -> Vec<[f64; 2]> {
    let mut frames = vec![[0.0; 2]; (SECONDS * RATE) as usize];
    for (bar, chord) in CHORDS.iter().enumerate() {
        let begin = bar as f64 * BAR;
        let last = bar + 1 == CHORDS.len();
        play(&mut frames, begin, chord[0], 0.9, 0.5, &STRING);
        for (eighth, &note) in PATTERN.iter().enumerate() {
            // The last chord is rolled once, slowly, and left to ring.
            if last && eighth > 3 {
                break;
            }
            let accent = if eighth % 4 == 0 { 0.75 } else { 0.5 };
            // Low notes to the left, high ones to the right, as on a keyboard.
            let side = 0.2 + 0.2 * note as f64;
            let at = begin + eighth as f64 * BAR / 8.0;
            play(&mut frames, at, chord[1 + note], accent, side, &TONGUE);
        }
    }
    let delay = (ECHO_SECONDS * f64::from(RATE)) as usize;
    for at in delay..frames.len() {
        let [left, right] = frames[at - delay];
        frames[at][0] += right * ECHO;
        frames[at][1] += left * ECHO;
    }
    frames
}

/// Adds a note. `side` is its place from 0 (left) to 1 (right), at equal power everywhere.
fn play(
    frames: &mut [[f64; 2]],
    at: f64,
    note: u8,
    loudness: f64,
    side: f64,
    partials: &[Partial],
) {
    let rate = f64::from(RATE);
    let hertz = 440.0 * 2f64.powf((f64::from(note) - 69.0) / 12.0);
    let (right, left) = (side * TAU / 4.0).sin_cos();
    let begin = (at * rate).round() as usize;
    for &(multiple, level, fall) in partials {
        // A pointer that turns and shrinks by the same factor at each frame.
        let (turn_sin, turn_cos) = (TAU * hertz * multiple / rate).sin_cos();
        let shrink = (-1.0 / (fall * rate)).exp();
        let (mut x, mut y) = (loudness * level, 0.0);
        // After nine times the time to 1/e it is 78 dB down.
        let length = (9.0 * fall * rate) as usize;
        for (index, frame) in frames.iter_mut().skip(begin).take(length).enumerate() {
            let attack = (index as f64 / (ATTACK * rate)).min(1.0);
            frame[0] += y * attack * left;
            frame[1] += y * attack * right;
            (x, y) = (
                (x * turn_cos - y * turn_sin) * shrink,
                (x * turn_sin + y * turn_cos) * shrink,
            );
        }
    }
}
