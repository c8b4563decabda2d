//! Bluetooth without a radio: the program and BlueZ, stood in for on a bus of its own.
//! What is decided is tested where it is, in `src/bluetooth`.

mod bluez;
mod commands;
#[cfg(feature = "pulse")]
mod speakers;

use unisono::bluetooth::advice::SPEAKERS_PER_ADAPTER;
use unisono::bluetooth::keeper::{
    AFTER_LOSS_S, DROPPED_S, NO_ANSWER_S, REFUSED_S, SETTLED, SILENT_S,
};

#[test]
fn the_documentation_has_the_pauses_that_are_made() {
    let page = include_str!("../../../docs/bluetooth.md");
    let row = |pauses: &[u64]| {
        let [first, rest @ .., last] = pauses else {
            panic!("{pauses:?}");
        };
        let rest = rest.iter().chain([last]);
        let rest: Vec<String> = rest.map(|pause| format!("{pause} s")).collect();
        let rest = rest.join(", ");
        format!("| {first} s | {rest}, and every {last} s from then on |")
    };
    let silent = [&[SILENT_S], &REFUSED_S[..]].concat();
    let rows = [&NO_ANSWER_S[..], &REFUSED_S, &DROPPED_S, &silent].map(row);
    for row in rows {
        assert!(page.contains(&row), "no {row:?}");
    }
    let settled = SETTLED.as_secs();
    for words in [
        format!(
            "a speaker has gone that had been there for {settled} s: switched off, out of range, or a phone has it now | {AFTER_LOSS_S} s |"
        ),
        format!("it was connected by us and has gone within {settled} s"),
    ] {
        assert!(page.contains(&words), "no {words:?}");
    }
    assert_eq!(SPEAKERS_PER_ADAPTER, 2, "the page says two");
}
