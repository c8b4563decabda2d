//! The whole program with speakers that come and go: BlueZ stood in for, their sinks on sound servers of their own.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::fmt::Write as _;
use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::bluez::Bluez;
use crate::support::dice::Dice;
use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::{Home, Program, unisono};
use crate::support::recording::{LEVEL, PITCH, tone};
use crate::support::soap::Renderer;
use crate::support::sound_server::SoundServer;

/// Back in step so soon after the sink is there.
const BACK_WITHIN: Duration = Duration::from_secs(3);
/// In step to this, in milliseconds.
const IN_STEP: f64 = 1.0;
/// A connection of ours is a good one then.
const SETTLED: Duration = Duration::from_secs(31);

/// A speaker: what BlueZ and a sound server have of it.
struct Speaker {
    name: &'static str,
    address: &'static str,
    server: SoundServer,
    /// When the program connected it last.
    asked: Option<Instant>,
}

impl Speaker {
    async fn new(
        name: &'static str,
        address: &'static str,
        sink: &'static str,
        speed: f64,
    ) -> Self {
        Self {
            name,
            address,
            server: SoundServer::start(sink, speed).await,
            asked: None,
        }
    }

    fn output(&self, late_ms: u32) -> String {
        format!(
            "[[output]]\nname = \"{}\"\ntype = \"bluetooth\"\naddress = \"{}\"\nserver = \"{}\"\nlate_ms = {late_ms}\n",
            self.name,
            self.address,
            self.server.address()
        )
    }

    /// It has gone, and its sink with it.
    async fn goes(&self, bluez: &mut Bluez) {
        bluez.order(json!(["connected", self.address, false])).await;
        self.server.unplug();
    }

    /// It connects by itself, and its sink is there some time later.
    async fn comes(&self, bluez: &mut Bluez, codec: &str) {
        bluez.order(json!(["connected", self.address, true])).await;
        sleep(Duration::from_millis(300)).await;
        self.server.plug(&format!("bluetooth.codec={codec}"));
    }
}

/// A running program, asked through its API.
struct House {
    home: Home,
    program: Program,
    port: u16,
}

/// The outputs by the word of the program at this address and port.
async fn outputs(authority: &str) -> Vec<Value> {
    let url = format!("http://{authority}/api/v1/state");
    let answer = reqwest::get(url).await.unwrap().text().await.unwrap();
    let state: Value = serde_json::from_str(&answer).unwrap();
    state["outputs"].as_array().unwrap().clone()
}

impl House {
    async fn start(bluez: &Bluez, outputs: &str) -> Self {
        let home = Home::new();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let port = free.unwrap().port();
        home.write_config(&format!(
            "[network]\ninterfaces = [\"lo\"]\nport = {port}\n{outputs}"
        ));
        let program = Program::spawn(bluez.for_program(&mut home.run()));
        program.logged("ready: ").await;
        Self {
            home,
            program,
            port,
        }
    }

    async fn outputs(&self) -> Vec<Value> {
        outputs(&format!("127.0.0.1:{}", self.port)).await
    }

    async fn output(&self, name: &str) -> Value {
        let outputs = self.outputs().await;
        let output = outputs.into_iter().find(|it| it["name"] == name);
        output.expect("the output")
    }

    /// Waits until an output is as wanted, and says how long that took.
    async fn until(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Duration {
        let start = Instant::now();
        loop {
            let output = self.output(name).await;
            if wanted(&output) {
                return start.elapsed();
            }
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{name} never {what}: {output:#}\n{}",
                self.program.log().join("\n")
            );
            sleep(Duration::from_millis(25)).await;
        }
    }

    fn set(&self, output: &str, change: &str) {
        let mut command = unisono(&["set", output, change]);
        command.arg("--config").arg(self.home.path("config.toml"));
        let set = command.output().unwrap();
        assert!(set.status.success(), "{set:?}");
    }
}

fn in_step(output: &Value) -> bool {
    let apart = output["misalignment_ms"].as_f64();
    output["state"] == "playing" && apart.is_some_and(|ms| ms.abs() < IN_STEP)
}

/// What would be heard of an output that was held up.
fn troubles(output: &Value) -> [Value; 3] {
    ["gaps", "starved_frames", "reanchored"].map(|key| output[key].clone())
}

/// How often one goes; BLUETOOTH_ROUNDS says another number: fifty take five minutes.
fn rounds() -> usize {
    let said = std::env::var("BLUETOOTH_ROUNDS");
    said.ok().and_then(|it| it.parse().ok()).unwrap_or(10)
}

#[tokio::test]
async fn speakers_that_go_come_back_in_step_and_the_others_never_notice() {
    if !inside(
        "bluetooth::speakers::speakers_that_go_come_back_in_step_and_the_others_never_notice",
    ) {
        return;
    }
    let mut bluez = Bluez::with_adapter().await;
    let (a, b, c, mut kitchen) = tokio::join!(
        Speaker::new(
            "Flip",
            "AA:BB:CC:DD:EE:01",
            "bluez_sink.AA_BB_CC_DD_EE_01.a2dp_sink",
            0.9998
        ),
        Speaker::new(
            "Boom",
            "AA:BB:CC:DD:EE:02",
            "bluez_output.AA_BB_CC_DD_EE_02.1",
            1.0
        ),
        Speaker::new(
            "Desk",
            "AA:BB:CC:DD:EE:03",
            "bluez_sink.AA_BB_CC_DD_EE_03.a2dp_sink",
            1.0004
        ),
        SoundServer::start("kitchen", 1.0),
    );
    let mut speakers = [a, b, c];
    let mut outputs = kitchen.output("Kitchen");
    for (speaker, late_ms) in speakers.iter().zip([150, 210, 180]) {
        outputs += &speaker.output(late_ms);
        bluez
            .order(json!([
                "device",
                "hci0",
                speaker.address,
                speaker.name,
                "paired"
            ]))
            .await;
        bluez
            .order(json!(["connected", speaker.address, true]))
            .await;
    }
    writeln!(
        outputs,
        "[[zone]]\nname = \"House\"\nvolume = 100\noutputs = [\"Kitchen\", \"Flip\", \"Boom\", \"Desk\"]"
    )
    .unwrap();
    let house = House::start(&bluez, &outputs).await;
    let renderer = Renderer::find("House").await;
    let heard = kitchen.record().await;
    let server = MediaServer::start();
    let url = server.serve("/song.wav", Media::new(tone(3600.0)));
    renderer.cast(&url).await;
    for speaker in &speakers {
        house.until(speaker.name, "plays in step", in_step).await;
    }

    let mut dice = Dice::new(6);
    for round in 0..rounds() {
        let number = dice.below(speakers.len());
        let speaker = &mut speakers[number];
        let settled = speaker.asked.is_none_or(|asked| asked.elapsed() > SETTLED);
        let before = house.outputs().await;
        let others = |outputs: &[Value]| {
            let others = outputs.iter().filter(|it| it["name"] != speaker.name);
            others.map(troubles).collect::<Vec<_>>()
        };
        let connects = bluez.asked("Connect", speaker.address);
        speaker.goes(&mut bluez).await;
        house
            .until(speaker.name, "is lost", |it| it["state"] == "lost")
            .await;
        // Most come by themselves when they are switched on again, some have to be asked; one that goes soon after it was asked is not asked
        // for a while.
        let by_itself = !dice.one_in(3) || !settled;
        if by_itself {
            sleep(Duration::from_millis(dice.below(2000) as u64)).await;
            speaker.comes(&mut bluez, "sbc").await;
        } else {
            let fact = json!({"did": "Connect", "address": speaker.address});
            bluez.told(fact, connects + 1).await;
            sleep(Duration::from_millis(300)).await;
            speaker.server.plug("bluetooth.codec=sbc");
        }
        let took = house.until(speaker.name, "is back in step", in_step).await;
        assert!(
            took < BACK_WITHIN,
            "round {round}: {} was back after {took:?}\n{}",
            speaker.name,
            house.program.log().join("\n")
        );
        if bluez.asked("Connect", speaker.address) > connects {
            speaker.asked = Some(Instant::now());
        }
        sleep(Duration::from_millis(500)).await;
        let after = house.outputs().await;
        assert_eq!(
            others(&after),
            others(&before),
            "round {round}: the others noticed that {} went",
            speaker.name
        );
    }
    renderer.transport("Stop", &[]).await;
    let kitchen = heard.finish().await.only_sound();
    let inner = kitchen.inner(0.03);
    inner.assert_tones(PITCH, LEVEL);
    inner.assert_unbroken(0, PITCH[0]);
    inner.assert_unbroken(1, PITCH[1]);
    house.program.stop().await;
}

/// BlueZ, and a speaker that is paired.
async fn one_speaker() -> (Bluez, Speaker) {
    let mut bluez = Bluez::with_adapter().await;
    let sink = "bluez_sink.AA_BB_CC_DD_EE_01.a2dp_sink";
    let flip = Speaker::new("Flip", "AA:BB:CC:DD:EE:01", sink, 1.0).await;
    bluez
        .order(json!(["device", "hci0", flip.address, "Flip 5", "paired"]))
        .await;
    (bluez, flip)
}

#[tokio::test]
async fn lateness_goes_with_the_codec_and_lasts() {
    if !inside("bluetooth::speakers::lateness_goes_with_the_codec_and_lasts") {
        return;
    }
    let (mut bluez, flip) = one_speaker().await;
    bluez.order(json!(["battery", flip.address, 70])).await;
    flip.server.unplug();
    let house = House::start(&bluez, &flip.output(210)).await;
    // At the start it is asked to come.
    bluez
        .told(json!({"did": "Connect", "address": flip.address}), 1)
        .await;
    flip.server.plug("bluetooth.codec=sbc");
    let codec = |codec: &'static str| move |it: &Value| it["bluetooth"]["codec"] == codec;
    house
        .until("Flip", "is known to have SBC", codec("sbc"))
        .await;
    let known = house.output("Flip").await["bluetooth"].clone();
    assert_eq!(
        known,
        json!({"address": flip.address, "connected": true, "battery_percent": 70, "codec": "sbc", "adapter": "hci0", "signal_dbm": null})
    );

    flip.goes(&mut bluez).await;
    house
        .until("Flip", "has no codec", |it| {
            it["bluetooth"]["codec"].is_null()
        })
        .await;
    flip.comes(&mut bluez, "aac").await;
    let asked = house
        .program
        .logged_all(&["WARN", "\"Flip\"", "with aac now", "found for sbc"])
        .await;
    assert!(asked.contains("unisono set \"Flip\" late_ms="), "{asked}");
    assert_eq!(house.output("Flip").await["late_ms"], json!(210.0));
    house.set("Flip", "late_ms=260");
    // It is looked twice a second whether somebody has set it.
    sleep(Duration::from_millis(1200)).await;

    for (with, late_ms) in [("sbc", 210.0), ("aac", 260.0)] {
        flip.goes(&mut bluez).await;
        house
            .until("Flip", "has no codec", |it| {
                it["bluetooth"]["codec"].is_null()
            })
            .await;
        flip.comes(&mut bluez, with).await;
        let right = move |it: &Value| it["late_ms"] == json!(late_ms);
        house
            .until("Flip", "has the lateness of its codec", right)
            .await;
    }
    house.program.stop().await;
    let state = std::fs::read(house.home.path("state/state.json")).unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    assert_eq!(
        state["speakers"][flip.address]["late_ms"],
        json!({"sbc": {"value": 210.0, "config": 210.0}, "aac": {"value": 260.0, "config": 210.0}})
    );
}

/// BlueZ keeps the link, and what the sound server had for it is gone.
#[tokio::test]
async fn one_that_lost_its_sink_alone_is_connected_once_more() {
    if !inside("bluetooth::speakers::one_that_lost_its_sink_alone_is_connected_once_more") {
        return;
    }
    let (mut bluez, flip) = one_speaker().await;
    bluez.order(json!(["connected", flip.address, true])).await;
    let zone = "[[zone]]\nname = \"House\"\noutputs = [\"Flip\"]\n";
    let house = House::start(&bluez, &format!("{}{zone}", flip.output(0))).await;
    let renderer = Renderer::find("House").await;
    let server = MediaServer::start();
    let url = server.serve("/song.wav", Media::new(tone(120.0)));
    renderer.cast(&url).await;
    house.until(flip.name, "plays in step", in_step).await;
    assert_eq!(bluez.asked("Connect", flip.address), 0, "it was there");

    flip.server.unplug();
    house
        .program
        .logged_all(&["INFO", "\"Flip\"", "the sound server has no sink for it"])
        .await;
    let fact = json!({"did": "Connect", "address": flip.address});
    bluez.told(fact, 1).await;
    flip.server.plug("bluetooth.codec=sbc");
    let took = house.until(flip.name, "is back in step", in_step).await;
    assert!(took < BACK_WITHIN, "back after {took:?}");
    house.program.stop().await;
}

#[tokio::test]
async fn without_bluez_the_program_says_so_once_and_plays() {
    if !inside("bluetooth::speakers::without_bluez_the_program_says_so_once_and_plays") {
        return;
    }
    let sink = "bluez_output.AA_BB_CC_DD_EE_01.1";
    let flip = Speaker::new("Flip", "aa_bb_cc_dd_ee_01", sink, 1.0).await;
    let home = Home::new();
    let zone = "[[zone]]\nname = \"House\"\noutputs = [\"Flip\"]\n";
    home.configure(&format!("{}{zone}", flip.output(0)));
    let mut command = home.run();
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let program = Program::spawn(&mut command);
    program.logged("ready: ").await;
    let said = program.logged("there is no D-Bus system bus").await;
    assert!(
        said.contains("WARN") && said.contains("They play when they are connected otherwise"),
        "{said}"
    );
    let renderer = Renderer::find("House").await;
    let server = MediaServer::start();
    renderer
        .cast(&server.serve("/song.wav", Media::new(tone(60.0))))
        .await;
    program
        .logged("opened the Bluetooth speaker AA:BB:CC:DD:EE:01")
        .await;
    // Long enough for another look.
    sleep(Duration::from_secs(6)).await;
    let log = program.log();
    let times = log.iter().filter(|line| line.contains("D-Bus")).count();
    assert_eq!(times, 1, "{log:?}");
    // It plays; whether it is connected nobody can say.
    let outputs = outputs(&renderer.address.to_string()).await;
    let known = json!({"address": "AA:BB:CC:DD:EE:01", "connected": null, "battery_percent": null, "codec": null, "adapter": null, "signal_dbm": null});
    assert_eq!(
        (&outputs[0]["state"], &outputs[0]["bluetooth"]),
        (&json!("playing"), &known)
    );
    program.stop().await;
}
