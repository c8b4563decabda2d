//! Draws the icons that apps show for a renderer, into `assets/icons`: `cargo run --example icons`.
//! A voice in the middle, and the same waves to both sides at the same time.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{Rgb, RgbImage};

/// Sizes in pixels: DLNA's two, and what apps with sharper screens look for.
const PNG: [u32; 4] = [48, 120, 256, 512];
/// DLNA's two again.
const JPEG: [u32; 2] = [48, 120];
const JPEG_QUALITY: u8 = 90;
/// Points looked at per pixel, along each side.
const FINE: u32 = 8;

/// From the upper left corner to the lower right one.
const GROUND: [[f64; 3]; 2] = [[22.0, 122.0, 131.0], [33.0, 41.0, 110.0]];
const VOICE: [f64; 3] = [255.0, 214.0, 102.0];
const WAVES: [f64; 3] = [255.0, 255.0, 255.0];

/// The picture reaches from −1 to 1 on both axes.
const VOICE_RADIUS: f64 = 0.15;
const WAVE_RADII: [f64; 3] = [0.34, 0.56, 0.78];
const WAVE_WIDTH: f64 = 0.11;
/// How far a wave reaches up and down, seen from the middle, in radians.
const WAVE_REACH: f64 = 0.8;

fn main() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/icons");
    for size in PNG {
        let file = create(&folder.join(format!("{size}.png")))?;
        let encoder =
            PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::Adaptive);
        draw(size).write_with_encoder(encoder)?;
    }
    for size in JPEG {
        let file = create(&folder.join(format!("{size}.jpg")))?;
        draw(size).write_with_encoder(JpegEncoder::new_with_quality(file, JPEG_QUALITY))?;
    }
    Ok(())
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::new(file))
}

fn draw(size: u32) -> RgbImage {
    RgbImage::from_fn(size, size, |column, row| {
        let mut sum = [0.0; 3];
        for point in 0..FINE * FINE {
            let at = |pixel: u32, part: u32| {
                let part = (f64::from(part) + 0.5) / f64::from(FINE);
                (f64::from(pixel) + part) / f64::from(size) * 2.0 - 1.0
            };
            let color = color(at(column, point % FINE), at(row, point / FINE));
            for (sum, part) in sum.iter_mut().zip(color) {
                *sum += part;
            }
        }
        // Within 0 to 255, as every color is that went into it.
        Rgb(sum.map(|sum| (sum / f64::from(FINE * FINE)).round() as u8))
    })
}

fn color(x: f64, y: f64) -> [f64; 3] {
    if x.hypot(y) < VOICE_RADIUS {
        return VOICE;
    }
    if WAVE_RADII.iter().any(|&radius| on_wave(x, y, radius)) {
        return WAVES;
    }
    let down = (x + y + 2.0) / 4.0;
    let [from, to] = GROUND;
    std::array::from_fn(|part| from[part] + (to[part] - from[part]) * down)
}

/// Whether a point is within half a width of the arc of this radius, on either side.
fn on_wave(x: f64, y: f64, radius: f64) -> bool {
    let angle = y.atan2(x.abs()).clamp(-WAVE_REACH, WAVE_REACH);
    let (nearest_x, nearest_y) = (radius * angle.cos(), radius * angle.sin());
    (x.abs() - nearest_x).hypot(y - nearest_y) < WAVE_WIDTH / 2.0
}
