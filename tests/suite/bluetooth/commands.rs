//! `unisono bluetooth …`, the real program against BlueZ: one clear sentence each, and the right exit code.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;

use super::bluez::{Bluez, Bus};
use crate::support::program::unisono;

const FLIP: &str = "AA:BB:CC:DD:EE:01";
const ECHO: &str = "11:22:33:44:55:66";

/// Runs a command to its end: its exit code, what it wrote, and what it said was wrong.
async fn run(mut command: Command) -> (i32, String, String) {
    let ended = tokio::task::spawn_blocking(move || command.output());
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
    let ended = ended.expect("it never ended").expect("no panic");
    let output: Output = ended.expect("it started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().expect("an exit code");
    (code, text(&output.stdout), text(&output.stderr))
}

fn bluetooth(arguments: &[&str]) -> Command {
    unisono(&[&["bluetooth"], arguments].concat())
}

async fn with(bluez: &Bluez, arguments: &[&str]) -> (i32, String, String) {
    let mut command = bluetooth(arguments);
    // No sound server of the tester's is asked for codecs.
    command.env("PULSE_SERVER", "unix:/nonexistent/pulse");
    bluez.for_program(&mut command);
    run(command).await
}

/// Asserts that a command has failed with this code, and has said why in one sentence with this in it.
#[track_caller]
fn assert_failed(outcome: &(i32, String, String), code: i32, why: &str) {
    assert_eq!(outcome.0, code, "{outcome:?}");
    let lines: Vec<&str> = outcome.2.lines().collect();
    assert!(
        lines.len() == 1 && lines[0].starts_with("unisono: ") && lines[0].contains(why),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn pair_finds_pairs_trusts_and_connects() {
    let mut bluez = Bluez::with_adapter().await;
    bluez
        .order(json!(["around", "hci0", FLIP, "Flip 5", "heard"]))
        .await;
    let (code, said, _) = with(&bluez, &["pair", "aa-bb-cc-dd-ee-01"]).await;
    assert_eq!(code, 0, "{said}");
    for line in [
        "Looking for AA:BB:CC:DD:EE:01",
        "Found Flip 5. Pairing …",
        "Paired with Flip 5.",
        "Flip 5 is connected.",
        "type = \"bluetooth\"\naddress = \"AA:BB:CC:DD:EE:01\"",
    ] {
        assert!(said.contains(line), "no {line:?} in {said}");
    }
    let state = bluez.order(json!(["state", FLIP])).await;
    assert_eq!(
        state,
        json!([{"Paired": true, "Trusted": true, "Connected": true}])
    );
    // Again is no mistake.
    let (code, said, _) = with(&bluez, &["pair", FLIP]).await;
    assert!(
        code == 0 && said.contains("Flip 5 is paired already."),
        "{said}"
    );
}

#[tokio::test]
async fn pair_says_in_a_sentence_why_it_did_not() {
    let mut bluez = Bluez::with_adapter().await;
    let absent = with(&bluez, &["pair", FLIP, "--seconds", "1"]).await;
    assert_failed(&absent, 1, "no device AA:BB:CC:DD:EE:01 was found");

    bluez
        .order(json!(["device", "hci0", FLIP, "Flip 5", "heard"]))
        .await;
    let rejected = json!([
        "answer",
        FLIP,
        "Pair",
        "org.bluez.Error.AuthenticationRejected",
        "Rejected"
    ]);
    bluez.order(rejected).await;
    let rejected = with(&bluez, &["pair", FLIP]).await;
    assert_failed(
        &rejected,
        1,
        "Flip 5 was not paired: it does not accept the pairing",
    );

    bluez
        .order(json!(["answer", FLIP, "Pair", "silence", "4"]))
        .await;
    let slow = with(&bluez, &["pair", FLIP, "--seconds", "1"]).await;
    assert_failed(&slow, 1, "Flip 5 was not paired: it did not finish in time");

    bluez.order(json!(["answer well", FLIP, "Pair"])).await;
    let gone = json!([
        "answer",
        FLIP,
        "Connect",
        "org.bluez.Error.Failed",
        "br-connection-page-timeout"
    ]);
    bluez.order(gone).await;
    let (code, said, _) = with(&bluez, &["pair", FLIP]).await;
    assert_eq!(code, 0, "it is paired");
    assert!(
        said.contains("is not connected yet: it does not answer"),
        "{said}"
    );
}

#[tokio::test]
async fn an_address_that_is_none_is_a_mistake_of_the_command_line() {
    for command in ["pair", "forget"] {
        let outcome = run(bluetooth(&[command, "Flip"])).await;
        assert_failed(&outcome, 2, "\"Flip\" is no Bluetooth address");
    }
}

#[tokio::test]
async fn without_bluetooth_each_command_says_what_is_missing() {
    let commands: [&[&str]; 5] = [
        &["scan"],
        &["pair", FLIP],
        &["list"],
        &["forget", FLIP],
        &["receive"],
    ];
    let bus = Bus::start().await;
    let mut bluez = Bluez::start().await;
    for arguments in commands {
        let mut command = bluetooth(arguments);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        assert_failed(&run(command).await, 3, "there is no D-Bus system bus");
        let mut command = bluetooth(arguments);
        bus.for_program(&mut command);
        assert_failed(&run(command).await, 3, "BlueZ does not answer");
        let no_adapter = with(&bluez, arguments).await;
        assert_failed(&no_adapter, 3, "this machine has no Bluetooth adapter");
    }
    bluez.order(json!(["adapter", "hci0", "box"])).await;
    bluez.order(json!(["power", "hci0", false])).await;
    for arguments in commands {
        let off = with(&bluez, arguments).await;
        assert_failed(&off, 3, "the Bluetooth adapter hci0 is switched off");
    }
}

#[tokio::test]
async fn scan_lists_who_is_around_and_list_who_is_paired() {
    let mut bluez = Bluez::with_adapter().await;
    bluez
        .order(json!(["around", "hci0", FLIP, "Flip 5", "heard"]))
        .await;
    bluez
        .order(json!(["device", "hci0", ECHO, "Echo Dot", "paired"]))
        .await;
    bluez.order(json!(["battery", ECHO, 70])).await;
    let (code, said, _) = with(&bluez, &["scan", "--seconds", "1"]).await;
    assert_eq!(code, 0);
    assert!(
        said.contains("AA:BB:CC:DD:EE:01   -79 dBm  Flip 5 (plays music)\n"),
        "{said}"
    );
    assert!(!said.contains("Echo"), "it is not heard: {said}");

    let (code, said, _) = with(&bluez, &["list"]).await;
    assert_eq!(code, 0);
    assert_eq!(
        said,
        "DEVICE    ADDRESS            STATE          BATTERY  CODEC  ADAPTER  SIGNAL\n\
         Echo Dot  11:22:33:44:55:66  not connected     70 %  –      hci0          –\n"
    );
    let (code, said, _) = with(&bluez, &["forget", ECHO]).await;
    assert_eq!(
        (code, said.as_str()),
        (0, "Echo Dot (11:22:33:44:55:66) is forgotten by hci0.\n")
    );
    let unknown = with(&bluez, &["forget", ECHO]).await;
    assert_failed(&unknown, 1, "there is nothing to forget");
    let (code, said, _) = with(&bluez, &["list"]).await;
    assert!(
        code == 0 && said.starts_with("Nothing is paired."),
        "{said}"
    );
}

#[tokio::test]
async fn receive_lets_one_pair_trusts_it_and_closes_the_door() {
    let mut bluez = Bluez::with_adapter().await;
    bluez
        .order(json!(["visit", "hci0", ECHO, "Echo Dot"]))
        .await;
    bluez.told(json!({"visited": false}), 1).await;

    let mut command = bluetooth(&["receive"]);
    bluez.for_program(&mut command);
    let receiving = tokio::spawn(run(command));
    while bluez.order(json!(["adapter state", "hci0"])).await["Discoverable"] != json!(true) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bluez
        .order(json!(["visit", "hci0", ECHO, "Echo Dot"]))
        .await;
    bluez.told(json!({"visited": true}), 1).await;
    let (code, said, wrong) = receiving.await.unwrap();
    assert_eq!(code, 0, "{said}{wrong}");
    assert!(
        said.contains("For 120 s this machine can be found and paired with as \"box\""),
        "{said}"
    );
    assert!(
        said.contains("Echo Dot (11:22:33:44:55:66) has paired"),
        "{said}"
    );
    let state = bluez.order(json!(["state", ECHO])).await;
    assert_eq!(
        state,
        json!([{"Paired": true, "Trusted": true, "Connected": false}])
    );
    let adapter = bluez.order(json!(["adapter state", "hci0"])).await;
    assert_eq!(adapter["Discoverable"], json!(false));

    let nobody = with(&bluez, &["receive", "--seconds", "1"]).await;
    assert_failed(&nobody, 1, "nothing has paired within 1 s");
    let adapter = bluez.order(json!(["adapter state", "hci0"])).await;
    assert_eq!(adapter["Discoverable"], json!(false));
}
