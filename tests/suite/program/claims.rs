//! Two zones that name the same output: who has it, what the other says on the wire, and that nothing resumes by itself.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::Home;
use crate::support::recording::tone;
use crate::support::soap::{Renderer, changed};
use crate::support::upnp_wire::Subscriber;

const OUTPUTS: &str = "\
    [[output]]\nname = \"Kitchen\"\ntype = \"wav\"\npath = \"kitchen.wav\"\n\
    [[output]]\nname = \"Desk\"\ntype = \"wav\"\npath = \"desk.wav\"\n\
    [[zone]]\nname = \"House\"\noutputs = [\"Kitchen\", \"Desk\"]\n\
    [[zone]]\nname = \"Cook\"\noutputs = [\"Kitchen\"]\n";

/// Waits for the event that says this state.
async fn told(subscriber: &mut Subscriber, state: &str) {
    let wait =
        async { while changed(&subscriber.event().await, "TransportState") != Some(state) {} };
    let told = timeout(Duration::from_secs(20), wait).await;
    assert!(told.is_ok(), "nobody is told of {state}");
}

#[tokio::test]
async fn the_zone_told_last_has_the_output_and_the_one_that_has_none_left_stops() {
    if !inside(
        "program::claims::the_zone_told_last_has_the_output_and_the_one_that_has_none_left_stops",
    ) {
        return;
    }
    let home = Home::new();
    home.configure(OUTPUTS);
    let program = home.start().await;
    let (house, cook) = (Renderer::find("House").await, Renderer::find("Cook").await);
    let mut events = cook.subscribe("AVTransport").await;
    let server = MediaServer::start();
    let url = server.serve("/song.wav", Media::new(tone(60.0)));

    house.cast(&url).await;
    cook.cast(&url).await;
    told(&mut events, "PLAYING").await;
    // The house has lost its kitchen and plays on at the desk.
    sleep(Duration::from_millis(500)).await;
    assert_eq!(
        house.condition().await,
        ("PLAYING".to_owned(), "OK".to_owned())
    );

    house.cast(&url).await;
    told(&mut events, "STOPPED").await;
    assert_eq!(
        cook.condition().await,
        ("STOPPED".to_owned(), "OK".to_owned())
    );

    house.transport("Stop", &[]).await;
    house.reach("STOPPED").await;
    // Nobody told the kitchen's own zone to go on.
    let more = timeout(Duration::from_secs(1), events.event()).await;
    assert!(more.is_err(), "{more:?}");
    assert_eq!(cook.condition().await.0, "STOPPED");
    cook.play().await;
    told(&mut events, "PLAYING").await;
    program.stop().await;
}
