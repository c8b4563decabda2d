//! HE-AAC: at the right speed and pitch whoever decodes it, and in its whole bandwidth by a decoder that knows it.

use unisono::audio::Converter;

use super::*;

/// The fixtures hold 440 Hz left and 660 Hz right, and 14 kHz, more softly, on both; their encoder begins some 5000 frames before.
const SECONDS: f64 = 1.5;

/// How strong a tone is in the middle of `stereo`, by side.
fn strength(stereo: &[f32], side: usize, hertz: f64) -> f64 {
    let (from, length) = (24_000, 24_000);
    let (mut along, mut across) = (0.0, 0.0);
    for number in from..from + length {
        let window = 1.0 - (TAU * (number - from) as f64 / length as f64).cos();
        let angle = TAU * hertz * number as f64 / 48_000.0;
        along += window * f64::from(stereo[number * 2 + side]) * angle.sin();
        across += window * f64::from(stereo[number * 2 + side]) * angle.cos();
    }
    along.hypot(across) * 2.0 / length as f64
}

async fn check(name: &str, is_stereo: bool) {
    let heard = hear(Media::fixture(name)).await;
    assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
    let format = heard.format.unwrap();
    let is_whole = cfg!(feature = "he-aac");
    let rate = if is_whole { 44_100 } else { 22_050 };
    assert_eq!(format.rate, rate, "{name}");
    let seconds = format.frames(heard.samples.len()) as f64 / f64::from(format.rate);
    assert!(
        (SECONDS..SECONDS + 0.3).contains(&seconds),
        "{name}: {seconds} s"
    );
    if is_whole && name.ends_with(".aac") {
        // Nothing says that any of it is not to be heard: whole packets, however late the decoder is.
        assert_eq!(format.frames(heard.samples.len()) % 2048, 0, "{name}");
    }
    let (mut converter, mut stereo) = (Converter::new(48_000), Vec::new());
    converter.push(format, &heard.samples, &mut stereo);
    converter.finish(&mut stereo);
    // Half a second tells 2 Hz apart; at half or twice the speed there would be nothing at all.
    let left = strength(&stereo, 0, 440.0);
    let right = strength(&stereo, 1, 660.0);
    // Without parametric stereo both sides are the middle, as its encoder mixed it.
    let expected = if is_stereo { 0.4 } else { 0.283 };
    for (side, found) in [("left", left), ("right", right)] {
        assert!(
            (found / expected - 1.0).abs() < 0.15,
            "{name}: {found} {side}"
        );
    }
    let high: f64 = (11_500..16_000)
        .step_by(4)
        .map(|hertz| strength(&stereo, 0, f64::from(hertz)).powi(2))
        .sum::<f64>()
        .sqrt();
    assert_eq!(high > 0.02, is_whole, "{name}: {high} above the core");
}

#[tokio::test]
async fn it_plays_at_the_right_speed_and_pitch() {
    for name in ["he.aac", "he.m4a", "he-implied.m4a"] {
        check(name, true).await;
    }
    check("he-v2.aac", cfg!(feature = "he-aac")).await;
}
