//! Every config in the repository: those for people load, the broken ones are explained, and the documentation
//! names the keys there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use unisono::audio::ChannelMap;
use unisono::capture::{
    BluetoothSource, CaptureSpec, DeviceInput, PipeFormat, PipeInput, PipeOrigin, PulseSource,
};
use unisono::config::{
    self, ConfigError, DEFAULT_PORT, DEFAULT_VOLUME, InputPlan, InputType, KEYS, OutputType, Plan,
    Section, Start, ValueKind,
};
use unisono::sink::{DeviceSpec, PulseSpec, SimulatedSpec, SinkSpec, WavSpec};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(folder: &str, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository(folder)).expect("the folder is part of the repository");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(prefix)
        })
        .collect();
    files.sort();
    files
}

fn plan(text: &str) -> Plan {
    match config::parse(text, Path::new("/home/ann/config.toml"), "box") {
        Ok(plan) => plan,
        Err(error) => panic!("{error}\nin\n{text}"),
    }
}

#[test]
fn every_shipped_config_loads_and_leaves_no_output_silent() {
    let shipped = files("config", "");
    assert!(shipped.len() >= 4, "{shipped:?}");
    for path in shipped {
        match config::load(&path, "box") {
            Ok(plan) => assert_eq!(plan.idle_outputs().count(), 0, "{}", path.display()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Each `broken-*.toml` begins with lines `# expect LINE: MESSAGE`; one that ends in "…" is a beginning,
/// for what a library says in its own words.
#[test]
fn every_mistake_is_named_with_its_line_and_a_cure() {
    let broken = files("tests/fixtures/config", "broken-");
    assert!(broken.len() >= 15, "{broken:?}");
    for path in broken {
        let text = fs::read_to_string(&path).expect("fixtures are readable");
        let expected: Vec<(usize, &str)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# expect "))
            .map(|line| {
                let (line, message) = line.split_once(": ").expect("line and message");
                (line.parse().expect("a line number"), message)
            })
            .collect();
        let problems = match config::load(&path, "box") {
            Err(ConfigError::Invalid { problems }) => problems,
            other => panic!("{}: {other:?}", path.display()),
        };
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.line, problem.message.as_str()))
            .collect();
        let alike =
            |((line, message), (expected_line, expected)): (&(usize, &str), &(usize, &str))| {
                let as_expected = match expected.strip_suffix('…') {
                    Some(beginning) => message.starts_with(beginning),
                    None => message == expected,
                };
                line == expected_line && as_expected
            };
        assert!(
            !expected.is_empty()
                && found.len() == expected.len()
                && found.iter().zip(&expected).all(alike),
            "{}\nfound    {found:#?}\nexpected {expected:#?}",
            path.display()
        );
        let shown = ConfigError::Invalid { problems }.to_string();
        assert!(
            shown.starts_with(&format!("{}:{}: ", path.display(), expected[0].0)),
            "{shown}"
        );
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = config::load(Path::new("/nowhere/unisono.toml"), "box").expect_err("no such file");
    assert!(matches!(error, ConfigError::Unreadable { .. }));
    assert!(
        error.to_string().contains("/nowhere/unisono.toml"),
        "{error}"
    );
}

#[test]
fn what_is_left_out_has_its_default() {
    let plan = plan("[[output]]\nname = \"Desk\"\ntype = \"pulse\"\n");
    assert_eq!(plan.network.port, DEFAULT_PORT);
    assert!(plan.network.interfaces.is_empty());
    let output = &plan.outputs[0];
    assert_eq!(output.sink, SinkSpec::Pulse(PulseSpec::default()));
    assert_eq!(output.settings.channels, ChannelMap::Stereo);
    assert_eq!(
        (output.settings.late_seconds, output.settings.trim_db),
        (0.0, 0.0)
    );
    assert_eq!(plan.zones.len(), 1);
    assert_eq!(plan.zones[0].name, "Unisono (box)");
    assert_eq!(plan.zones[0].outputs, [0]);
    assert_eq!(plan.zones[0].volume, DEFAULT_VOLUME);
}

#[test]
fn every_key_arrives_where_it_belongs() {
    let plan = plan(concat!(
        "[network]\ninterfaces = [\"wlan0\", \"eth0\"]\nport = 0\n",
        "ignore_interfaces = [\"10.0.0.7\"]\nallow = [\"192.168.1.7/24\", \"fd00::1\"]\n",
        "[[output]]\nname = \"P\"\ntype = \"pulse\"\nserver = \"tcp:nas\"\nsink = \"hall\"\n",
        "late_ms = 180\nchannels = \"left\"\ntrim_db = -3.5\n",
        "[[output]]\nname = \"D\"\ntype = \"device\"\ndevice = \"hw:1\"\nlate_ms = -20.5\nchannels = \"swap\"\n",
        "[[output]]\nname = \"W\"\ntype = \"wav\"\npath = \"takes/one.wav\"\nchannels = \"right\"\n",
        "[[output]]\nname = \"S\"\ntype = \"simulated\"\ncrystal_ppm = -120.5\nstart_up_ms = 41\n",
        "period_frames = 1024\nlate_reports_ms = 10\nchannels = \"mono\"\n",
        "[[zone]]\nname = \"A \\\"B\\\" & 🎷\"\noutputs = [\"S\", \"P\"]\nvolume = 40\n",
        "[[zone]]\nname = \"Z\"\noutputs = [\"P\", \"W\"]\n",
    ));
    assert_eq!(plan.network.interfaces, ["wlan0", "eth0"]);
    assert_eq!(plan.network.ignore_interfaces, ["10.0.0.7"]);
    let allow: Vec<_> = plan
        .network
        .allow
        .iter()
        .map(|network| network.to_string())
        .collect();
    assert_eq!(allow, ["192.168.1.7/24", "fd00::1/128"]);
    assert_eq!(plan.network.port, 0);
    assert_eq!(
        plan.network.to_string(),
        "Network: any free port on wlan0, eth0, but not on 10.0.0.7; controlled only from 192.168.1.7/24, fd00::1/128"
    );
    let [pulse, device, wav, simulated] = plan.outputs.as_slice() else {
        panic!("{:?}", plan.outputs);
    };
    let server = Some("tcp:nas".to_owned());
    let sink = Some("hall".to_owned());
    assert_eq!(pulse.sink, SinkSpec::Pulse(PulseSpec { server, sink }));
    assert_eq!(
        (pulse.settings.late_seconds, pulse.settings.trim_db),
        (0.18, -3.5)
    );
    assert_eq!(pulse.settings.channels, ChannelMap::Left);
    let card = Some("hw:1".to_owned());
    assert_eq!(device.sink, SinkSpec::Device(DeviceSpec { device: card }));
    assert_eq!(
        (device.settings.late_seconds, device.settings.channels),
        (-0.0205, ChannelMap::Swap)
    );
    let path = PathBuf::from("/home/ann/takes/one.wav");
    assert_eq!(wav.sink, SinkSpec::Wav(WavSpec { path }));
    assert_eq!(
        simulated.sink,
        SinkSpec::Simulated(SimulatedSpec {
            crystal_ppm: -120.5,
            start_up: Duration::from_millis(41),
            period: 1024,
            late_reports: Duration::from_millis(10),
        })
    );
    assert_eq!(plan.zones[0].name, "A \"B\" & 🎷");
    assert_eq!(
        (plan.zones[0].outputs.as_slice(), plan.zones[0].volume),
        ([3, 0].as_slice(), 40)
    );
    assert_eq!(plan.zones[1].outputs, [0, 2]);
    let idle: Vec<_> = plan
        .idle_outputs()
        .map(|output| output.name.as_str())
        .collect();
    assert_eq!(idle, ["D"]);
    assert_eq!(
        plan.place_of_output(1).as_deref(),
        Some("/home/ann/config.toml:14")
    );
    assert_eq!(
        plan.place_of_port().as_deref(),
        Some("/home/ann/config.toml:3")
    );
}

#[test]
fn every_key_of_an_input_arrives_where_it_belongs() {
    let plan = plan(concat!(
        "[[output]]\nname = \"K\"\ntype = \"pulse\"\n[[output]]\nname = \"D\"\ntype = \"device\"\n",
        "[[zone]]\nname = \"All\"\noutputs = [\"K\", \"D\"]\n[[zone]]\nname = \"Desk\"\noutputs = [\"D\"]\n",
        "[[input]]\nname = \"Dot\"\ntype = \"bluetooth\"\naddress = \"11_22_33_aa_bb_cc\"\nzone = \"Desk\"\n",
        "start = \"manual\"\nstop_after_s = 12.5\nbuffer_ms = 80\nserver = \"tcp:nas\"\n",
        "[[input]]\nname = \"Line\"\ntype = \"pulse\"\nsource = \"line\"\nzone = \"All\"\n",
        "[[input]]\nname = \"Card\"\ntype = \"device\"\ndevice = \"hw:1\"\nzone = \"All\"\n",
        "[[input]]\nname = \"File\"\ntype = \"pipe\"\npath = \"fifo\"\nrate = 48000\nchannels = 1\n",
        "format = \"f32\"\nzone = \"All\"\n",
        "[[input]]\nname = \"Program\"\ntype = \"pipe\"\ncommand = [\"play\", \"-v\"]\nzone = \"All\"\n",
    ));
    let dot = &plan.inputs[0];
    assert_eq!(
        *dot,
        InputPlan {
            name: "Dot".to_owned(),
            capture: CaptureSpec::Bluetooth(BluetoothSource {
                server: Some("tcp:nas".to_owned()),
                address: "11:22:33:AA:BB:CC".parse().unwrap(),
            }),
            zone: 1,
            start: Start::Manual,
            stop_after: Duration::from_millis(12_500),
            buffer: Duration::from_millis(80),
        }
    );
    let line = &plan.inputs[1];
    assert_eq!((line.zone, line.start), (0, Start::OnSound));
    assert_eq!(line.stop_after, Duration::from_secs(8));
    assert_eq!(line.buffer, Duration::from_millis(120));
    let captures: Vec<_> = plan.inputs[1..]
        .iter()
        .map(|input| &input.capture)
        .collect();
    let pipe = |origin, format, rate, channels| {
        CaptureSpec::Pipe(PipeInput {
            origin,
            format,
            rate,
            channels,
        })
    };
    let fifo = PipeOrigin::Fifo(PathBuf::from("/home/ann/fifo"));
    let program = PipeOrigin::Program(vec!["play".to_owned(), "-v".to_owned()]);
    assert_eq!(
        captures,
        [
            &CaptureSpec::Pulse(PulseSource {
                server: None,
                source: Some("line".to_owned())
            }),
            &CaptureSpec::Device(DeviceInput {
                device: Some("hw:1".to_owned())
            }),
            &pipe(fifo, PipeFormat::F32, 48_000, 1),
            &pipe(program, PipeFormat::S16, 44_100, 2),
        ]
    );
    assert_eq!(
        plan.place_of_input(1).as_deref(),
        Some("/home/ann/config.toml:22")
    );
    let words = plan.to_string();
    for line in [
        "Input \"Dot\": the Bluetooth device 11:22:33:AA:BB:CC of the sound server \"tcp:nas\" in zone \"Desk\", \
         starts when asked to, ends after 12.5 s of silence, 80 ms ahead",
        "Input \"File\": the named pipe /home/ann/fifo (f32, 48000 Hz, mono) in zone \"All\", \
         starts when it sounds, ends after 8 s of silence, 120 ms ahead",
    ] {
        assert!(words.lines().any(|there| there == line), "{line}\n{words}");
    }
}

#[test]
fn an_input_needs_no_zone_where_there_is_one_or_none_yet() {
    let input = "[[input]]\nname = \"Line\"\ntype = \"pulse\"\n";
    let output = "[[output]]\nname = \"Desk\"\ntype = \"device\"\n";
    assert_eq!(plan(&format!("{input}{output}")).inputs[0].zone, 0);
    let found = plan(output).outputs;
    let plan = plan(input).over("box", found);
    assert_eq!(plan.inputs[0].zone, 0);
    assert_eq!(plan.zones.len(), 1);
}

#[test]
fn a_key_for_one_type_of_input_is_refused_on_the_others() {
    for key in KEYS.iter().filter(|key| !key.only_for_inputs.is_empty()) {
        for kind in InputType::ALL {
            let value = match (key.name, key.value) {
                ("address", _) => "\"AA:BB:CC:DD:EE:FF\"",
                ("format", _) => "\"s24\"",
                ("rate", _) => "48000",
                (_, ValueKind::TextList) => "[\"x\"]",
                (_, ValueKind::Text) => "\"x\"",
                _ => "1",
            };
            let needed = match kind {
                InputType::Bluetooth if key.name != "address" => {
                    "address = \"AA:BB:CC:DD:EE:FF\"\n"
                }
                InputType::Pipe if !["path", "command"].contains(&key.name) => "path = \"fifo\"\n",
                _ => "",
            };
            let (name, word) = (key.name, kind.name());
            let text =
                format!("[[input]]\nname = \"A\"\ntype = \"{word}\"\n{needed}{name} = {value}\n");
            let parsed = config::parse(&text, Path::new("c.toml"), "box");
            let refused = parsed
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            if key.only_for_inputs.contains(&kind) {
                assert_eq!(refused, "", "{text}");
            } else {
                assert!(
                    refused.contains(&format!("{name:?} does not fit")),
                    "{text}{refused}"
                );
            }
        }
    }
}

#[test]
fn a_config_may_leave_the_outputs_to_the_program() {
    let plan = plan("[network]\nport = 8200\n");
    assert!(plan.outputs.is_empty() && plan.zones.is_empty());
    let found = self::plan("[[output]]\nname = \"Desk\"\ntype = \"pulse\"\n").outputs;
    let plan = plan.over("box", found);
    assert_eq!(plan.network.port, 8200);
    assert_eq!(plan.zones[0].name, "Unisono (box)");
    assert_eq!(plan.zones[0].outputs, [0]);
    assert_eq!(plan.place_of_output(0), None);
}

#[test]
fn a_name_may_have_two_hundred_characters_and_no_more() {
    let config = |length| {
        format!(
            "[[output]]\nname = \"{}\"\ntype = \"pulse\"\n",
            "ü".repeat(length)
        )
    };
    assert_eq!(plan(&config(200)).outputs[0].name.chars().count(), 200);
    let error = config::parse(&config(201), Path::new("c.toml"), "box").expect_err("too long");
    assert_eq!(
        error.to_string(),
        "c.toml:2: name: 201 characters are too many; 200 is the most"
    );
}

#[test]
fn a_plan_is_said_in_plain_words() {
    let path = repository("config/three-rooms.toml");
    let plan = config::load(&path, "box").expect("a shipped config");
    let expected = [
        "Network: port 49494 on wlan0",
        "Output \"Kitchen\": the sink \"bluez_output.AA_BB_CC_DD_EE_FF.1\" of the user's sound server, \
         fed 210 ms early because it is late by that, -3 dB",
        "Output \"Desk\": the default sound card",
        "Output \"Bedroom\": the default sink of the sound server at tcp:bedroom.local, both channels mixed",
        "Zone \"Kitchen\" plays on \"Kitchen\", starting at volume 50",
        "Zone \"Everywhere\" plays on \"Kitchen\", \"Desk\", \"Bedroom\", starting at volume 60",
    ];
    assert_eq!(plan.to_string().lines().collect::<Vec<_>>(), expected);
}

/// Keys are documented as table rows that begin with the key in backquotes, below a heading that names the section.
#[test]
fn the_documentation_lists_the_keys_there_are() {
    let text = fs::read_to_string(repository("docs/configuration.md")).expect("the documentation");
    let mut documented = BTreeSet::new();
    let mut section = None;
    for line in text.lines() {
        if line.starts_with('#') {
            section = Section::ALL
                .into_iter()
                .find(|section| line.contains(&format!("`{}`", section.heading())));
        } else if let Some(section) = section
            && let Some(row) = line.strip_prefix("| `")
        {
            let (name, _) = row.split_once('`').expect("a closing backquote");
            assert!(
                documented.insert((section.name(), name)),
                "{name} is listed twice"
            );
        }
    }
    let known: BTreeSet<_> = KEYS
        .iter()
        .map(|key| (key.section.name(), key.name))
        .collect();
    assert_eq!(documented, known);
    let words = OutputType::ALL.map(OutputType::name).into_iter();
    let words = words
        .chain(ChannelMap::ALL.map(ChannelMap::name))
        .chain(InputType::ALL.map(InputType::name))
        .chain(Start::ALL.map(Start::name))
        .chain(PipeFormat::ALL.map(PipeFormat::name));
    for word in words {
        assert!(
            text.contains(&format!("`\"{word}\"`")),
            "{word} is not documented"
        );
    }
}

#[test]
fn a_key_for_one_type_of_output_is_refused_on_the_others() {
    for key in KEYS.iter().filter(|key| !key.only_for.is_empty()) {
        for kind in OutputType::ALL {
            let value = match key.value {
                ValueKind::Text if key.name == "address" => "\"AA:BB:CC:DD:EE:FF\"",
                ValueKind::Text => "\"x\"",
                _ => "20",
            };
            let needed = match kind {
                OutputType::Wav if key.name != "path" => "path = \"a.wav\"\n",
                OutputType::Bluetooth if key.name != "address" => {
                    "address = \"AA:BB:CC:DD:EE:FF\"\n"
                }
                _ => "",
            };
            let (name, word) = (key.name, kind.name());
            let text =
                format!("[[output]]\nname = \"A\"\ntype = \"{word}\"\n{needed}{name} = {value}\n");
            let parsed = config::parse(&text, Path::new("c.toml"), "box");
            let refused = parsed
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            if key.only_for.contains(&kind) {
                assert_eq!(refused, "", "{text}");
            } else {
                assert!(
                    refused.contains(&format!("{name:?} does not fit")),
                    "{text}{refused}"
                );
            }
        }
    }
}

#[test]
fn check_explains_on_standard_error_and_ends_with_two() {
    let check = |config: &str| {
        Command::new(env!("CARGO_BIN_EXE_unisono"))
            .args(["check", "--config", config])
            .current_dir(repository(""))
            .env_remove("RUST_LOG")
            .output()
            .expect("the program starts")
    };
    let bad = check("tests/fixtures/config/broken-unknown-key.toml");
    assert_eq!(bad.status.code(), Some(2));
    let said = String::from_utf8_lossy(&bad.stderr);
    assert!(
        said.starts_with("tests/fixtures/config/broken-unknown-key.toml:6: unknown key"),
        "{said}"
    );
    assert_eq!(bad.stdout, b"");
    assert_eq!(check("nowhere.toml").status.code(), Some(2));
}

proptest! {
    /// A config that was damaged anywhere is understood or explained; it never brings the program down.
    #[test]
    fn no_damage_to_a_config_is_fatal(which in 0usize..7, at in any::<Index>(), length in 0usize..20, noise in "\\PC{0,6}") {
        let path = &files("config", "")[which];
        let mut text: Vec<char> = fs::read_to_string(path).expect("a shipped config").chars().collect();
        let from = at.index(text.len());
        let to = (from + length).min(text.len());
        text.splice(from..to, noise.chars());
        let text: String = text.into_iter().collect();
        match config::parse(&text, Path::new("c.toml"), "box") {
            Ok(plan) => prop_assert!(plan.zones.iter().all(|zone| !zone.outputs.is_empty())),
            Err(ConfigError::Invalid { problems }) => prop_assert!(!problems.is_empty()),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
