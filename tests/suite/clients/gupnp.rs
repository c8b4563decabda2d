//! The tools of GUPnP: its search on the command line, and its two control points, whose windows go to a screen that nobody sees.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use super::{Background, Scene, output};
use crate::support::namespace::inside;
use crate::support::soap::Renderer;

#[tokio::test]
async fn gssdp_discover_lists_the_device_and_its_services() {
    if !inside("clients::gupnp::gssdp_discover_lists_the_device_and_its_services") {
        return;
    }
    let scene = Scene::set().await;
    let location = scene.location().await;
    let mut command = Command::new("gssdp-discover");
    // It asks for answers within three seconds.
    command.args(["--interface", "near", "--timeout", "4"]);
    let discovered = output(command).await;
    assert!(discovered.status.success(), "{discovered:?}");
    assert!(discovered.stderr.is_empty(), "{discovered:?}");
    let said = String::from_utf8_lossy(&discovered.stdout);
    let all = |start: &str| -> BTreeSet<String> {
        let found = said
            .lines()
            .filter_map(|line| line.trim().strip_prefix(start));
        found.map(|rest| rest.trim().to_owned()).collect()
    };
    assert_eq!(all("USN:").len(), 6, "{said}");
    assert_eq!(all("Location:"), [location].into(), "{said}");
    scene.end().await;
}

#[tokio::test]
async fn f09_its_control_points_run_without_a_warning() {
    if !inside("clients::gupnp::f09_its_control_points_run_without_a_warning") {
        return;
    }
    let scene = Scene::set().await;
    let renderer = Renderer::at(&scene.location().await).await;
    let mut screen = Command::new("Xvfb");
    screen.args(["-displayfd", "1", "-nolisten", "tcp"]);
    let mut screen = Background::start(&screen);
    let display = format!(":{}", screen.line().await);
    // What each of them subscribes to at once.
    for (name, subscriptions) in [("gupnp-av-cp", 2), ("gupnp-universal-cp", 3)] {
        let mut command = Command::new(name);
        command.env("DISPLAY", &display);
        // No desktop is there to speak of.
        command.env("NO_AT_BRIDGE", "1");
        command.env("GSETTINGS_BACKEND", "memory");
        command.env("G_MESSAGES_DEBUG", "gupnp-service-proxy");
        let mut client = Background::start(&command);
        for _ in 0..subscriptions {
            while !client.line().await.contains("will re-subscribe") {}
        }
        // Enough to tell it of.
        let song = scene.songs(1, 60).remove(0);
        renderer.cast(&song).await;
        for volume in ["30", "40"] {
            renderer
                .rendering("SetVolume", &[("DesiredVolume", volume)])
                .await;
        }
        renderer.transport("Stop", &[]).await;
        renderer.reach("STOPPED").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        client.interrupt().await;
    }
    scene.end().await;
}
