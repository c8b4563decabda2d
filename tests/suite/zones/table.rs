//! The table of `zone::Transport`'s documentation: a test for each row.

use std::time::Duration;

use unisono::audio::volume_gain;
use unisono::playback::SideGain;
use unisono::zone::Effect::{self, Continue, Load, Pause, Play, Prepare, Queue, Seek, Stop};
use unisono::zone::TransportState::{NoMedia, Paused, Playing, Stopped, Transitioning};
use unisono::zone::ZoneError::{IllegalSeekTarget, TransitionNotAvailable};
use unisono::zone::{Channel, Progress, ZoneCommand};

use super::{FIRST, SECOND, at, check, info, track, transport, transport_with_next};
use unisono::playback::EngineEvent;

const TARGET: Duration = Duration::from_secs(60);

#[test]
fn without_media_there_is_nothing_to_play_and_nothing_to_halt() {
    let set = ZoneCommand::SetTrack(Some(track("b")));
    let loaded = [Prepare, Load(1, track("b"))];
    let zone = check(transport(NoMedia), set, Ok((Stopped, &loaded)));
    assert_eq!(zone.state().track, Some(track("b")));
    let unset = ZoneCommand::SetTrack(None);
    check(transport(NoMedia), unset, Ok((NoMedia, &[Stop])));
    for command in [
        ZoneCommand::Play,
        ZoneCommand::Pause,
        ZoneCommand::Seek(TARGET),
        ZoneCommand::Next,
        ZoneCommand::Previous,
    ] {
        check(transport(NoMedia), command, Err(TransitionNotAvailable));
    }
    check(transport(NoMedia), ZoneCommand::Stop, Ok((NoMedia, &[])));
    let next = ZoneCommand::SetNext(Some(track("b")));
    check(transport(NoMedia), next, Ok((NoMedia, &[])));
}

#[test]
fn stopped_it_loads_and_plays() {
    let set = ZoneCommand::SetTrack(Some(track("b")));
    let loaded = [Prepare, Load(2, track("b"))];
    check(transport(Stopped), set, Ok((Stopped, &loaded)));
    check(
        transport(Stopped),
        ZoneCommand::Play,
        Ok((Transitioning, &[Play])),
    );
    let refused = Err(TransitionNotAvailable);
    check(transport(Stopped), ZoneCommand::Pause, refused);
    check(transport(Stopped), ZoneCommand::Stop, Ok((Stopped, &[])));
    let sought = Ok((Stopped, &[Seek(TARGET)][..]));
    let zone = check(transport(Stopped), ZoneCommand::Seek(TARGET), sought);
    assert_eq!(zone.state().position(at(50)), TARGET);
    let zone = check(
        transport_with_next(Stopped),
        ZoneCommand::Next,
        Ok((Stopped, &[Load(3, track("b"))])),
    );
    assert_eq!(zone.state().next, None);
    let back = Ok((Stopped, &[Seek(Duration::ZERO)][..]));
    check(transport(Stopped), ZoneCommand::Previous, back);
}

#[test]
fn transitioning_and_playing_differ_only_in_what_is_heard() {
    for state in [Transitioning, Playing] {
        let set = ZoneCommand::SetTrack(Some(track("b")));
        let loaded = [Prepare, Load(2, track("b")), Play];
        let zone = check(transport(state), set, Ok((Transitioning, &loaded)));
        assert_eq!(zone.state().progress, Progress::Unstarted);
        check(transport(state), ZoneCommand::Play, Ok((state, &[])));
        let zone = check(transport(state), ZoneCommand::Pause, Ok((Paused, &[Pause])));
        let heard = if state == Playing { 30 } else { 0 };
        assert_eq!(zone.state().position(at(99)), heard * SECOND);
        let zone = check(transport(state), ZoneCommand::Stop, Ok((Stopped, &[Stop])));
        assert_eq!(zone.state().position(at(99)), Duration::ZERO);
        assert_eq!(zone.state().track, Some(track("a")));
        let sought = Ok((Transitioning, &[Seek(TARGET)][..]));
        let zone = check(transport(state), ZoneCommand::Seek(TARGET), sought);
        assert_eq!(zone.state().position(at(99)), TARGET);
        let zone = check(
            transport_with_next(state),
            ZoneCommand::Next,
            Ok((Transitioning, &[Load(3, track("b")), Continue])),
        );
        assert_eq!(zone.state().track, Some(track("b")));
        let back = Ok((Transitioning, &[Seek(Duration::ZERO)][..]));
        check(transport(state), ZoneCommand::Previous, back);
    }
}

#[test]
fn paused_it_stays_so_until_play() {
    let set = ZoneCommand::SetTrack(Some(track("b")));
    let loaded = [Prepare, Load(2, track("b"))];
    let zone = check(transport(Paused), set, Ok((Paused, &loaded)));
    assert_eq!(zone.state().position(at(99)), Duration::ZERO);
    let zone = check(
        transport(Paused),
        ZoneCommand::Play,
        Ok((Transitioning, &[Play])),
    );
    assert_eq!(zone.state().position(at(99)), 20 * SECOND);
    check(transport(Paused), ZoneCommand::Pause, Ok((Paused, &[])));
    check(transport(Paused), ZoneCommand::Stop, Ok((Stopped, &[Stop])));
    let sought = Ok((Paused, &[Seek(TARGET)][..]));
    let zone = check(transport(Paused), ZoneCommand::Seek(TARGET), sought);
    assert_eq!(zone.state().position(at(99)), TARGET);
    check(
        transport_with_next(Paused),
        ZoneCommand::Next,
        Ok((Transitioning, &[Load(3, track("b")), Play])),
    );
    let back = Ok((Paused, &[Seek(Duration::ZERO)][..]));
    check(transport(Paused), ZoneCommand::Previous, back);
}

#[test]
fn what_is_not_there_is_not_gone_to() {
    for state in [Stopped, Transitioning, Playing, Paused] {
        let nothing = Err(IllegalSeekTarget);
        check(transport(state), ZoneCommand::Next, nothing);
        let beyond = ZoneCommand::Seek(101 * SECOND);
        check(transport(state), beyond, nothing);
        let to_the_end = transport(state).command(ZoneCommand::Seek(100 * SECOND), at(40));
        assert!(to_the_end.is_ok());
        let mut radio = transport(state);
        radio.event(EngineEvent::Opened(FIRST, info(None, false)), at(20));
        check(radio, ZoneCommand::Seek(SECOND), nothing);
    }
}

#[test]
fn previous_on_a_radio_station_tunes_in_anew() {
    for (state, after) in [
        (Stopped, Stopped),
        (Playing, Transitioning),
        (Paused, Paused),
    ] {
        let mut radio = transport_with_next(state);
        radio.event(EngineEvent::Opened(FIRST, info(None, false)), at(20));
        let mut effects = vec![Load(3, track("a")), Queue(Some((4, track("b"))))];
        effects.extend((state == Playing).then_some(Continue));
        check(radio, ZoneCommand::Previous, Ok((after, &effects)));
    }
}

#[test]
fn after_stop_play_begins_anew_with_the_next_one_behind_it() {
    for state in [Transitioning, Playing, Paused] {
        let mut zone = transport_with_next(state);
        zone.command(ZoneCommand::Stop, at(40)).expect("allowed");
        let effects = [
            Prepare,
            Load(3, track("a")),
            Queue(Some((4, track("b")))),
            Play,
        ];
        let zone = check(zone, ZoneCommand::Play, Ok((Transitioning, &effects)));
        assert_eq!(zone.state().position(at(99)), Duration::ZERO);
    }
}

#[test]
fn a_seek_after_stop_is_where_play_begins() {
    let mut zone = transport(Playing);
    zone.command(ZoneCommand::Stop, at(40)).expect("allowed");
    let zone = check(zone, ZoneCommand::Seek(TARGET), Ok((Stopped, &[])));
    let effects = [Prepare, Load(2, track("a")), Seek(TARGET), Play];
    let zone = check(zone, ZoneCommand::Play, Ok((Transitioning, &effects)));
    assert_eq!(zone.state().position(at(99)), TARGET);
}

#[test]
fn the_next_track_is_queued_where_there_is_something_to_follow() {
    for state in [Stopped, Transitioning, Playing, Paused] {
        let queued = [Queue(Some((2, track("b"))))];
        let next = ZoneCommand::SetNext(Some(track("b")));
        let zone = check(transport(state), next, Ok((state, &queued)));
        assert_eq!(zone.state().next, Some(track("b")));
        let unset = ZoneCommand::SetNext(None);
        let zone = check(zone, unset, Ok((state, &[Queue(None)])));
        assert_eq!(zone.state().next, None);
    }
}

#[test]
fn a_new_track_clears_the_next_and_no_track_clears_everything() {
    for state in [Stopped, Transitioning, Playing, Paused] {
        let mut zone = transport_with_next(state);
        zone.command(ZoneCommand::SetTrack(Some(track("c"))), at(40))
            .expect("always allowed");
        assert_eq!(zone.state().next, None);
        assert_eq!(zone.state().duration, None);
        let unset = ZoneCommand::SetTrack(None);
        let zone = check(transport_with_next(state), unset, Ok((NoMedia, &[Stop])));
        let left = zone.state();
        assert_eq!(
            (&left.track, &left.next, left.duration),
            (&None, &None, None)
        );
        assert_eq!(left.position(at(99)), Duration::ZERO);
    }
}

#[test]
fn r01_volume_and_mute_are_heard_in_every_state() {
    for state in [NoMedia, Stopped, Transitioning, Playing, Paused] {
        let volume = |percent| ZoneCommand::SetVolume(Channel::Master, percent);
        let mute = |muted| ZoneCommand::SetMute(Channel::Master, muted);
        let loud = |factor, muted| {
            let side = SideGain { factor, muted };
            Effect::Gain {
                left: side,
                right: side,
            }
        };
        let zone = check(
            transport(state),
            volume(100),
            Ok((state, &[loud(1.0, false)])),
        );
        let zone = check(zone, volume(200), Ok((state, &[loud(1.0, false)])));
        assert_eq!(zone.state().volume, 100);
        let zone = check(zone, mute(true), Ok((state, &[loud(1.0, true)])));
        let zone = check(zone, volume(100), Ok((state, &[loud(1.0, true)])));
        let zone = check(zone, mute(false), Ok((state, &[loud(1.0, false)])));
        check(zone, volume(0), Ok((state, &[loud(0.0, false)])));
    }
}

#[test]
fn each_side_has_a_volume_and_a_mute_beside_the_masters() {
    let side = |volume: u8, muted| SideGain {
        factor: volume_gain(volume),
        muted,
    };
    let mut zone = transport(Playing);
    let mut sides = |command| match &zone.command(command, at(40)).as_deref() {
        Ok([Effect::Gain { left, right }]) => (*left, *right),
        other => panic!("{other:?}"),
    };
    // The master is at 50 from the beginning.
    let told = sides(ZoneCommand::SetVolume(Channel::Left, 75));
    let both = volume_gain(50) * volume_gain(75);
    assert!((told.0.factor - both).abs() < 1e-6, "{told:?}");
    assert_eq!(told.1, side(50, false));
    let told = sides(ZoneCommand::SetVolume(Channel::Master, 100));
    assert_eq!(told, (side(75, false), side(100, false)));
    let told = sides(ZoneCommand::SetMute(Channel::Right, true));
    assert_eq!(told, (side(75, false), side(100, true)));
    let told = sides(ZoneCommand::SetMute(Channel::Master, true));
    assert_eq!(told, (side(75, true), side(100, true)));
    let told = sides(ZoneCommand::SetMute(Channel::Master, false));
    assert_eq!(told, (side(75, false), side(100, true)));
    let state = zone.state();
    assert_eq!((state.volume, state.muted), (100, false));
    assert_eq!((state.left.volume, state.right.muted), (75, true));
}
