//! Drives a renderer as an app would: play, pause, seek, volume, stop.
//! Usage: `cargo run --example control_point -- LOCATION URL`, with a LOCATION that `unisono discover` lists.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;
use unisono::cast::RemoteRenderer;
use unisono::renderer::{minimal_didl, track};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let location = arguments
        .next()
        .context("the first argument is a renderer's LOCATION")?;
    let url = arguments
        .next()
        .context("the second argument is a song's http:// address")?;

    let renderer = RemoteRenderer::connect(&location).await?;
    renderer
        .set_uri(&url, &minimal_didl(&track(&url, "")))
        .await?;
    renderer.set_volume(40).await?;
    renderer.play().await?;
    tell(&renderer, "told to play").await?;

    sleep(Duration::from_secs(3)).await;
    tell(&renderer, "after three seconds").await?;

    renderer.pause().await?;
    sleep(Duration::from_secs(1)).await;
    tell(&renderer, "paused for a second").await?;

    renderer.seek(Duration::from_secs(10)).await?;
    renderer.play().await?;
    sleep(Duration::from_secs(2)).await;
    tell(&renderer, "two seconds after a seek to 0:00:10").await?;

    renderer.stop().await?;
    tell(&renderer, "stopped").await
}

async fn tell(renderer: &RemoteRenderer, when: &str) -> anyhow::Result<()> {
    let playback = renderer.playback().await?;
    let seconds = playback.position.as_secs();
    writeln!(
        io::stdout(),
        "{when}: {} is {} at {seconds} s",
        renderer.name(),
        playback.state
    )?;
    Ok(())
}
