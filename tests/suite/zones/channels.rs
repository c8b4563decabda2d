//! What is heard of the levels of left and right beside the master: R cases in virtual time.

use unisono::audio::{ChannelMap, volume_gain};
use unisono::zone::{Channel, ZoneCommand};

use super::flat::{Flat, OTHER_SONG, SONG};
use super::heard::{MILLI, SECOND, playing};

#[test]
fn r06_left_and_right_have_levels_of_their_own_before_the_channel_map() {
    let mut flat = Flat::new();
    let room = flat.house.rooms[1].handle.clone();
    let mut settings = room.settings();
    settings.channels = ChannelMap::Swap;
    room.set(settings);
    flat.cast("two sides");
    flat.run(2 * SECOND);
    let mut check = |command: ZoneCommand, left: f32, right: f32| {
        let text = format!("{command:?}");
        flat.must(command);
        flat.run(SECOND);
        for (sides, expected) in flat.sides().iter().zip([[left, right], [right, left]]) {
            for (side, expected) in sides.iter().zip(expected) {
                assert!((side - expected).abs() < 1e-3, "{text}: {sides:?}");
            }
        }
    };
    let (left, right) = (SONG, OTHER_SONG);
    let softer = volume_gain(50);
    check(
        ZoneCommand::SetVolume(Channel::Left, 50),
        left * softer,
        right,
    );
    check(
        ZoneCommand::SetVolume(Channel::Master, 50),
        left * softer * softer,
        right * softer,
    );
    check(
        ZoneCommand::SetMute(Channel::Right, true),
        left * softer * softer,
        0.0,
    );
    check(
        ZoneCommand::SetVolume(Channel::Left, 100),
        left * softer,
        0.0,
    );
    check(
        ZoneCommand::SetMute(Channel::Right, false),
        left * softer,
        right * softer,
    );
    check(ZoneCommand::SetMute(Channel::Master, true), 0.0, 0.0);
}

#[test]
fn r06_no_change_of_a_channel_clicks() {
    let mut flat = playing("two sides");
    flat.record();
    for command in [
        ZoneCommand::SetVolume(Channel::Left, 0),
        ZoneCommand::SetVolume(Channel::Left, 100),
        ZoneCommand::SetMute(Channel::Left, true),
        ZoneCommand::SetMute(Channel::Left, false),
        ZoneCommand::SetVolume(Channel::Master, 10),
        ZoneCommand::SetVolume(Channel::Right, 30),
    ] {
        flat.must(command);
        flat.run(137 * MILLI);
    }
    for tape in flat.tapes() {
        let steps = tape.windows(2).map(|pair| (pair[1].1 - pair[0].1).abs());
        let largest = steps.fold(0.0, f32::max);
        // A ramp from nothing to everything takes 10 ms.
        assert!(largest < SONG / 480.0 * 1.05, "{largest}");
        assert!(largest > 0.0, "nothing was changed");
    }
}
