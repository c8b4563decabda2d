//! Radio stations as a zone sees them: what they tell becomes the track's title, they are waited for, and can be gone forward in.

use unisono::playback::EngineEvent;
use unisono::zone::TransportState::{Playing, Stopped, Transitioning};
use unisono::zone::{Effect, Transport, ZoneCommand, ZoneError};

use super::{FIRST, SECOND, at, info, transport};

/// A zone that plays a station since second 10.
fn tuned_in() -> Transport {
    let mut zone = transport(Playing);
    zone.event(EngineEvent::Opened(FIRST, info(None, false)), at(10));
    zone
}

fn told(zone: &mut Transport, title: &str) {
    let event = EngineEvent::Title(FIRST, title.to_owned());
    assert_eq!(zone.event(event, at(20)), []);
}

#[test]
fn h08_what_a_station_tells_is_the_title_until_it_tells_something_else() {
    let mut zone = tuned_in();
    let shown = |zone: &Transport| {
        let track = zone.state().track.clone().expect("a track");
        (
            track.artist.clone(),
            track.title.clone(),
            track.request.uri.clone(),
        )
    };
    let expected = |artist: Option<&str>, title: &str| {
        (artist.map(str::to_owned), title.to_owned(), "a".to_owned())
    };
    for (text, artist, title) in [
        ("Kraftwerk - Autobahn", Some("Kraftwerk"), "Autobahn"),
        ("News at nine", None, "News at nine"),
        ("A - B - C", Some("A"), "B - C"),
        (" - odd", None, " - odd"),
        ("", None, "a"),
        ("Back", None, "Back"),
    ] {
        told(&mut zone, text);
        assert_eq!(shown(&zone), expected(artist, title), "{text}");
    }
    // Whoever tunes in again begins without.
    zone.command(ZoneCommand::Stop, at(30)).expect("allowed");
    let effects = zone.command(ZoneCommand::Play, at(31)).expect("allowed");
    assert_eq!(shown(&zone), expected(None, "a"));
    let loaded = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Load(_, track) if track.title == "a"));
    assert!(loaded, "{effects:?}");
    // Word of the old one is history.
    told(&mut zone, "Late");
    assert_eq!(shown(&zone), expected(None, "a"));
}

#[test]
fn a_station_is_waited_for_for_five_minutes() {
    let mut zone = tuned_in();
    zone.event(EngineEvent::Stalled(FIRST), at(100));
    assert_eq!(zone.state().transport, Transitioning);
    assert_eq!(zone.gives_up_at(), Some(at(400)));
    let start = at(380);
    let track = FIRST;
    zone.event(EngineEvent::Playing { track, start }, at(380));
    assert_eq!(zone.state().transport, Playing);
    zone.event(EngineEvent::Stalled(FIRST), at(500));
    assert_eq!(zone.give_up(at(800)), [Effect::Stop]);
    assert_eq!(zone.state().transport, Stopped);
    assert!(zone.state().error.is_some());
}

#[test]
fn k09_what_cannot_be_sought_in_is_gone_forward_in_as_far_as_it_has_come() {
    let mut zone = tuned_in();
    // Heard at second 40: its second 30.
    let seek = |zone: &mut Transport, to: u32| zone.command(ZoneCommand::Seek(to * SECOND), at(40));
    assert_eq!(seek(&mut zone, 35), Err(ZoneError::IllegalSeekTarget));
    zone.event(EngineEvent::Reach(FIRST, 45 * SECOND), at(40));
    assert_eq!(seek(&mut zone, 29), Err(ZoneError::IllegalSeekTarget));
    assert_eq!(seek(&mut zone, 46), Err(ZoneError::IllegalSeekTarget));
    assert_eq!(seek(&mut zone, 44), Ok(vec![Effect::Seek(44 * SECOND)]));
    // Of another track nothing has come.
    zone.event(EngineEvent::Reach(FIRST + 1, 99 * SECOND), at(40));
    assert_eq!(seek(&mut zone, 60), Err(ZoneError::IllegalSeekTarget));
}
