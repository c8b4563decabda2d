//! What lasts of an output over a restart: values that were set while the program ran, and what was learnt of its device.
//! How it is written down is `state_dir`'s matter, what a value means is `api`'s.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::api::{House, Key, OUTPUT_KEYS, Setting};
use crate::config::{Plan, ZonePlan};
use crate::playback::{LARGEST_SPREAD_MS, Learnt, OutputSettings, OutputSpec};
use crate::state_dir::{KeptLateness, KeptLearnt, KeptValue, StateDir};

/// Somebody who turns a knob sets many values in a row; the last is worth writing down.
const SETTLED: Duration = Duration::from_millis(500);
/// How often what was learnt is looked over: often enough that a power cut costs little.
const LEARNT_EVERY: Duration = Duration::from_secs(180);
/// A change of a clock's rate below this is not worth a write: the next start trusts what was learnt to 15 ppm.
const NOTICEABLE_PPM: f64 = 1.0;

/// Puts what was kept into the plan's outputs, and returns their settings as the config has them, in the same order.
pub(super) fn recall(plan: &mut Plan, state: &StateDir) -> Vec<OutputSettings> {
    let configured: Vec<_> = plan.outputs.iter().map(|output| output.settings).collect();
    for output in &mut plan.outputs {
        output.settings = settled(output, &state.kept_values(&output.name));
        let kept = state.kept_learnt(&output.name, &output.sink.to_string());
        output.learnt = learnt(kept);
    }
    restore_spread(&plan.zones, &mut plan.outputs, &configured);
    configured
}

/// An output's settings with the kept values that still hold.
fn settled(output: &OutputSpec, kept: &[KeptValue]) -> OutputSettings {
    let (name, mut settings) = (&output.name, output.settings);
    for kept in kept {
        // A key of another version may be in the file; it is left there.
        let Some(key) = OUTPUT_KEYS.into_iter().find(|key| key.name() == kept.key) else {
            continue;
        };
        let key_name = key.name();
        if !same(key, &kept.config, &output.settings) {
            tracing::info!(
                "{key_name} of the output {name:?} is what the config says now; {} had been set and is dropped",
                kept.value
            );
            continue;
        }
        match Setting::read(key, &kept.value) {
            Ok(setting) => setting.apply(&mut settings),
            Err(problem) => tracing::warn!(
                "what the state file keeps for the output {name:?} is ignored: {}",
                problem.message
            ),
        }
    }
    settings
}

/// Whether `value` is what the settings say for the key, however the number is written.
fn same(key: Key, value: &serde_json::Value, settings: &OutputSettings) -> bool {
    Setting::read(key, value).is_ok_and(|setting| {
        let mut copy = *settings;
        setting.apply(&mut copy);
        key.of(&copy) == key.of(settings)
    })
}

/// Takes kept latenesses back that do not go together in a zone: the config may have changed around them. What the config
/// itself says goes together.
fn restore_spread(zones: &[ZonePlan], outputs: &mut [OutputSpec], configured: &[OutputSettings]) {
    let late = |outputs: &[OutputSpec], index: usize| {
        outputs
            .get(index)
            .map_or(0.0, |output| output.settings.late_seconds)
    };
    loop {
        let mut restored = false;
        for zone in zones {
            let all = || zone.outputs.iter().map(|&index| late(outputs, index));
            let spread = all().fold(f64::MIN, f64::max) - all().fold(f64::MAX, f64::min);
            if spread * 1e3 <= LARGEST_SPREAD_MS {
                continue;
            }
            for &index in &zone.outputs {
                let (Some(output), Some(config)) = (outputs.get_mut(index), configured.get(index))
                else {
                    continue;
                };
                if output.settings.late_seconds != config.late_seconds {
                    output.settings.late_seconds = config.late_seconds;
                    restored = true;
                    tracing::warn!(
                        "late_ms of the output {:?} is what the config says: what had been set is too far from the others of the zone {:?} now",
                        output.name,
                        zone.name
                    );
                }
            }
        }
        if !restored {
            return;
        }
    }
}

fn learnt(kept: KeptLearnt) -> Learnt {
    let buffer = kept
        .buffer_ms
        .map(|ms| Duration::try_from_secs_f64(ms / 1e3));
    Learnt {
        clock_ppm: kept.clock_ppm,
        buffer: buffer.and_then(Result::ok),
    }
    .plausible()
}

/// Whether what is known now is worth writing down over what is kept.
fn noticeable(kept: Learnt, now: Learnt) -> bool {
    let clock = match (kept.clock_ppm, now.clock_ppm) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(kept), Some(now)) => (kept - now).abs() >= NOTICEABLE_PPM,
    };
    clock || (now.buffer.is_some() && now.buffer != kept.buffer)
}

/// The values to keep so that `now` comes back from `config` at the next start.
fn differing(config: &OutputSettings, now: &OutputSettings) -> Vec<KeptValue> {
    let differing = OUTPUT_KEYS
        .into_iter()
        .filter(|key| key.of(config) != key.of(now));
    differing
        .map(|key| KeptValue {
            key: key.name().to_owned(),
            value: key.of(now).value(),
            config: key.of(config).value(),
        })
        .collect()
}

/// Takes what is to last of each output into `state`.
fn take_over(state: &mut StateDir, house: &House, configured: &[OutputSettings]) {
    let keys = OUTPUT_KEYS.map(Key::name);
    for (output, config) in house.outputs().iter().zip(configured) {
        let name = output.lane.name();
        state.keep_values(name, &keys, &differing(config, &output.lane.settings()));
        let now = output.lane.learnt().plausible();
        if noticeable(learnt(state.kept_learnt(name, &output.sink)), now) {
            let kept = KeptLearnt {
                clock_ppm: now.clock_ppm,
                buffer_ms: now.buffer.map(|buffer| buffer.as_secs_f64() * 1e3),
            };
            state.keep_learnt(name, &output.sink, kept);
        }
    }
}

/// Keeps what is to last of the house's outputs, soon after it has changed, until `stop` and once more then. Gives the state
/// directory back, unless writing to it has panicked.
pub(super) async fn keep(
    mut state: StateDir,
    house: Arc<House>,
    configured: Vec<OutputSettings>,
    mut latenesses: watch::Receiver<Vec<KeptLateness>>,
    stop: CancellationToken,
) -> Option<StateDir> {
    let mut changes = house.settings_changes();
    let mut learnt_ticks = interval_at(Instant::now() + LEARNT_EVERY, LEARNT_EVERY);
    learnt_ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let last = stop.is_cancelled();
        take_over(&mut state, &house, &configured);
        state.keep_latenesses(&latenesses.borrow_and_update());
        // The disk may take its time.
        let written = tokio::task::spawn_blocking(move || {
            let written = state.write();
            (state, written)
        });
        let Ok((back, written)) = written.await else {
            tracing::error!(
                "what is set from now on will not last: writing it down has failed badly"
            );
            return None;
        };
        state = back;
        if let Err(error) = written {
            tracing::warn!("what was set does not last over a restart: {error}");
        }
        if last {
            return Some(state);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            _ = learnt_ticks.tick() => {}
            // Without Bluetooth speakers nobody is there to change them.
            Ok(()) = latenesses.changed() => {}
            // The house is held here, so its sender lives.
            _ = changes.changed() => tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(SETTLED) => changes.mark_unchanged(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sink::{SimulatedSpec, SinkSpec};

    fn output(name: &str, late_ms: f64) -> OutputSpec {
        let mut output = OutputSpec::plain(name, SinkSpec::Simulated(SimulatedSpec::default()));
        output.settings.late_seconds = late_ms / 1e3;
        output
    }

    fn kept(key: &str, value: Value, config: Value) -> KeptValue {
        KeptValue {
            key: key.to_owned(),
            value,
            config,
        }
    }

    #[test]
    fn what_is_kept_brings_the_settings_back() {
        let output = output("Desk", 180.0);
        let mut now = output.settings;
        now.volume = 40;
        now.late_seconds = 0.2;
        now.trim_db = -3.3;
        now.muted = true;
        let values = differing(&output.settings, &now);
        assert_eq!(values.len(), 4, "{values:?}");
        assert_eq!(settled(&output, &values), now);
        assert_eq!(differing(&now, &now), []);
    }

    #[test]
    fn a_value_holds_as_long_as_the_config_says_the_same() {
        let output = output("Desk", 180.0);
        let volume =
            |value: Value, config: Value| settled(&output, &[kept("volume", value, config)]).volume;
        assert_eq!(volume(json!(40), json!(100)), 40);
        assert_eq!(volume(json!(40), json!(100.0)), 40, "however it is written");
        assert_eq!(volume(json!(40), json!(99)), 100, "the config has changed");
        for absurd in [json!(400), json!("loud"), json!(null), json!([1])] {
            assert_eq!(volume(absurd.clone(), json!(100)), 100, "{absurd}");
            assert_eq!(volume(json!(40), absurd.clone()), 100, "{absurd}");
        }
        let late = settled(&output, &[kept("late_ms", json!(250), json!(180))]);
        assert_eq!(late.late_seconds, 0.25);
        let unknown = settled(&output, &[kept("bass", json!(3), json!(0))]);
        assert_eq!(unknown, output.settings);
    }

    #[test]
    fn kept_latenesses_that_do_not_go_together_are_taken_back() {
        let zone = |outputs: &[usize]| ZonePlan {
            name: "Z".to_owned(),
            outputs: outputs.to_vec(),
            volume: 50,
            replay_gain: Default::default(),
        };
        let configured = [100.0, 2000.0, 0.0].map(|late| output("x", late).settings);
        let check = |zones: &[ZonePlan], kept: [f64; 3], expected: [f64; 3]| {
            let mut outputs = kept.map(|late| output("x", late));
            restore_spread(zones, &mut outputs, &configured);
            let late = outputs.map(|output| (output.settings.late_seconds * 1e3).round());
            assert_eq!(late, expected);
        };
        check(
            &[zone(&[0, 1])],
            [-2900.0, 2000.0, 7.0],
            [-2900.0, 2000.0, 7.0],
        );
        check(
            &[zone(&[0, 1])],
            [-3100.0, 2000.0, 7.0],
            [100.0, 2000.0, 7.0],
        );
        check(
            &[zone(&[1, 2]), zone(&[0, 1])],
            [-3000.0, 2100.0, -2900.0],
            [100.0, 2000.0, -2900.0],
        );
        // Taking one back can part it from another, in a zone that was looked at before.
        check(
            &[zone(&[1, 2]), zone(&[0, 1])],
            [5000.0, -200.0, -3100.0],
            [100.0, 2000.0, 0.0],
        );
    }

    #[test]
    fn what_was_learnt_is_believed_within_reason() {
        let learnt = |clock_ppm, buffer_ms| {
            let learnt = learnt(KeptLearnt {
                clock_ppm: Some(clock_ppm),
                buffer_ms: Some(buffer_ms),
            });
            (learnt.clock_ppm, learnt.buffer)
        };
        assert_eq!(
            learnt(-12.5, 225.0),
            (Some(-12.5), Some(Duration::from_millis(225)))
        );
        assert_eq!(learnt(1e9, -3.0), (None, None));
        assert_eq!(learnt(f64::NAN, 1e300), (None, None));
    }

    #[test]
    fn only_what_makes_a_difference_is_written() {
        let learnt = |clock_ppm, buffer| Learnt {
            clock_ppm,
            buffer: Option::map(buffer, Duration::from_millis),
        };
        let check =
            |now, expected| assert_eq!(noticeable(learnt(Some(10.0), Some(150)), now), expected);
        check(learnt(Some(10.9), Some(150)), false);
        check(learnt(Some(11.0), Some(150)), true);
        check(learnt(Some(10.0), Some(225)), true);
        check(learnt(None, None), false);
        assert!(noticeable(Learnt::default(), learnt(Some(0.1), None)));
    }
}
