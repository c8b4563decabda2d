//! Volume over the wire: what is told of it, and what is heard. R cases.

use super::*;

#[tokio::test]
async fn r05_a_slider_that_is_dragged_is_told_in_few_events_and_the_last_arrives() {
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let mut subscriber = house.subscribe("RenderingControl").await;
    subscriber.event().await;
    let begun = Instant::now();
    for volume in 1..=50u32 {
        let volume = volume.to_string();
        house
            .rendering("SetVolume", &[("DesiredVolume", &volume)])
            .await;
        milliseconds(15).await;
    }
    let events = events_until(&mut subscriber, "Volume", "50").await;
    let windows = begun.elapsed().as_millis() / 200 + 2;
    assert!(
        events.len() as u128 <= windows,
        "{} events in {windows} windows",
        events.len()
    );
    for event in &events {
        let document = event.element("LastChange").expect("a LastChange");
        assert!(document.contains("Volume channel=&quot;Master&quot; val=&quot;"));
        assert!(!document.contains("LF"), "only what changed: {document}");
    }
    // A knob at the machine turns it for everybody.
    let command = unisono::zone::ZoneCommand::SetVolume(unisono::zone::Channel::Master, 12);
    assert_eq!(stack.zone.send(command).await, Ok(()));
    let event = subscriber.event().await;
    assert_eq!(changed(&event, "Volume"), Some("12"));
    assert_eq!(changed(&event, "VolumeDB"), Some("-12902"));
    stack.close().await;
}

#[tokio::test]
async fn r01_r06_each_side_is_heard_at_its_level() {
    let server = MediaServer::start();
    let stack = playing(&server).await;
    let house = &stack.renderer;
    let set = async |action: &str, argument: &str, channel: &str, value: &str| {
        let arguments = [("Channel", channel), (argument, value)];
        let answer = house.call("RenderingControl", action, &arguments).await;
        assert!(answer.is_ok(), "{action} {channel} {value}");
    };
    // Set in a pause, so that silence parts one from the other.
    house.transport("Pause", &[]).await;
    milliseconds(300).await;
    set("SetVolumeDB", "DesiredVolume", "LF", "-5120").await;
    house.play().await;
    house.reach("PLAYING").await;
    milliseconds(500).await;
    house.transport("Pause", &[]).await;
    milliseconds(300).await;
    set("SetVolume", "DesiredVolume", "Master", "90").await;
    set("SetMute", "DesiredMute", "RF", "1").await;
    house.play().await;
    house.reach("PLAYING").await;
    milliseconds(500).await;
    house.transport("Stop", &[]).await;
    let left = [("Channel", "LF")];
    let left = house.call("RenderingControl", "GetVolume", &left).await;
    assert_eq!(left.expect("read").element("CurrentVolume"), Some("50"));
    // -20 dB of its own, and -4 dB of the master.
    let (softer, master) = (0.1, 10f64.powf(-4.0 / 20.0));
    for recording in stack.end().await {
        let sounds = recording.sounds();
        assert_eq!(sounds.len(), 3);
        let inner = |number: usize| sounds[number].inner(0.05);
        inner(0).assert_tones(PITCH, LEVEL);
        inner(1).assert_tone(0, PITCH[0], LEVEL * softer);
        inner(1).assert_tone(1, PITCH[1], LEVEL);
        inner(2).assert_tone(0, PITCH[0], LEVEL * softer * master);
        assert!(inner(2).peak_of(1) < 1e-4);
    }
}
