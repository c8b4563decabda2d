//! Inputs on real sound servers whose clocks are skewed: what is taken in, and where they say that they are.
//! What becomes of it is not their matter.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use unisono::audio::PositionFilter;
use unisono::capture::{BluetoothSource, Capture, CaptureError, CaptureSpec, PulseSource};
use unisono::clock::{Clock, SystemClock};

use super::{inside, output, text};
use crate::support::program::Home;
use crate::support::recording::{LEVEL, PITCH, Recording, tone};
use crate::support::sound_server::SoundServer;

/// Whoever does not answer within this has not understood.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open input, and what has come of it.
struct Listener {
    clock: Arc<dyn Clock>,
    capture: Box<dyn Capture>,
    frames: Vec<f32>,
    /// Frames that were read, those that were left out too.
    read: usize,
    line: PositionFilter,
}

impl Listener {
    #[track_caller]
    fn open(spec: &CaptureSpec) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let capture = spec.open(&clock).unwrap_or_else(|error| panic!("{error}"));
        Self {
            line: PositionFilter::new(capture.rate(), None),
            clock,
            capture,
            frames: Vec::new(),
            read: 0,
        }
    }

    /// Reads for so long, as often as it wants to be read.
    fn listen(&mut self, time: Duration) -> Result<(), CaptureError> {
        let end = self.clock.now() + time;
        while self.clock.now() < end {
            let before = self.frames.len();
            let read = self.capture.read(&mut self.frames)?;
            assert_eq!(self.frames.len() - before, read * 2);
            self.read += read;
            while let Some(heard) = self.capture.heard() {
                self.line.observe(heard);
            }
            thread::sleep(self.capture.pace());
        }
        Ok(())
    }

    /// Reads until it sounds, and then for so long; what came before is left out.
    fn listen_to_sound(&mut self, time: Duration) {
        let end = self.clock.now() + PATIENCE;
        while !self.frames.iter().any(|sample| *sample != 0.0) {
            assert!(self.clock.now() < end, "it does not sound");
            self.frames.clear();
            self.listen(Duration::from_millis(50)).expect("it is there");
        }
        self.listen(time).expect("it is there");
    }

    /// The error with which it ends.
    fn end(&mut self) -> String {
        let error = self.listen(PATIENCE).expect_err("it is still there");
        assert!(matches!(error, CaptureError::Lost { .. }), "{error:?}");
        error.to_string()
    }

    fn recording(&self, file: &Path) -> Recording {
        let bytes: Vec<u8> = self.frames.iter().flat_map(|s| s.to_le_bytes()).collect();
        std::fs::write(file, bytes).expect("a file");
        Recording::of_raw(file)
    }
}

fn source(server: &SoundServer, name: &str) -> CaptureSpec {
    CaptureSpec::Pulse(PulseSource {
        server: Some(server.address()),
        source: Some(name.to_owned()),
    })
}

fn bluetooth(server: &SoundServer, address: &str) -> CaptureSpec {
    CaptureSpec::Bluetooth(BluetoothSource {
        server: Some(server.address()),
        address: address.parse().expect("an address"),
    })
}

/// Why it cannot be opened.
#[track_caller]
fn refused(spec: &CaptureSpec) -> String {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    match spec.open(&clock) {
        Ok(_) => panic!("{spec} was opened"),
        Err(error) => error.to_string(),
    }
}

/// A sink whose monitor stands for a line-in. Of one that could take back what is played on it PulseAudio holds the monitor back, by up to a
/// piece and without saying so.
fn load_line(server: &SoundServer) -> String {
    server.control(&[
        "load-module",
        "module-null-sink",
        "sink_name=line",
        "norewinds=1",
        "format=float32le",
        "rate=48000",
        "channels=2",
    ])
}

#[tokio::test]
async fn a_source_is_heard_whole_and_says_how_fast_its_clock_is() {
    let home = Home::new();
    let song = home.path("song.wav");
    std::fs::write(&song, tone(30.0)).expect("a file");
    for ppm in [300.0, -200.0] {
        let desk = SoundServer::start("desk", 1.0 + ppm * 1e-6).await;
        load_line(&desk);
        let mut listener = Listener::open(&source(&desk, "line.monitor"));
        assert_eq!(listener.capture.rate(), 48_000);
        // As long as nothing plays: the null sink counts in whole microseconds, and plays some ppm faster what comes in odd pieces.
        listener
            .listen(Duration::from_secs(8))
            .expect("it is there");
        let measured = listener.line.ppm();
        assert!((measured - ppm).abs() < 15.0, "{measured} ppm, of {ppm}");
        // What it says has come in is what was read, and what was on its way: some pieces.
        let now = listener.clock.now();
        let said = listener.line.frames_at(now).expect("reports");
        let under_way = (said - listener.read as f64) / 48_000.0;
        assert!((-0.03..0.06).contains(&under_way), "{under_way} s");

        listener.frames.clear();
        let _player = desk.play("line", &song);
        listener.listen_to_sound(Duration::from_secs(6));
        assert_eq!(listener.capture.gaps(), 0);
        let sound = listener.recording(&home.path("heard.raw")).only_sound();
        assert!(sound.seconds() > 5.0, "{} s", sound.seconds());
        let inner = sound.inner(0.05);
        inner.assert_tones(PITCH, LEVEL);
        inner.assert_unbroken(0, PITCH[0]);
        inner.assert_unbroken(1, PITCH[1]);
    }
}

#[tokio::test]
async fn a_source_that_goes_away_or_dies_with_its_server_is_lost() {
    let mut desk = SoundServer::start("desk", 1.0).await;
    let module = load_line(&desk);
    let mut line = Listener::open(&source(&desk, "line.monitor"));
    line.listen(Duration::from_millis(200))
        .expect("it is there");
    desk.control(&["unload-module", &module]);
    let said = line.end();
    assert!(said.contains("the source \"line.monitor\""), "{said}");
    assert!(said.contains("went away"), "{said}");

    let mut monitor = Listener::open(&source(&desk, "desk.monitor"));
    monitor
        .listen(Duration::from_millis(200))
        .expect("it is there");
    desk.kill();
    monitor.end();

    let said = refused(&source(&desk, "desk.monitor"));
    assert!(said.contains("no sound server answers"), "{said}");
}

#[tokio::test]
async fn a_device_is_found_by_its_address_however_the_server_calls_it() {
    let home = Home::new();
    let desk = SoundServer::start("desk", 1.0).await;
    let song = home.path("song.wav");
    std::fs::write(&song, tone(30.0)).expect("a file");
    let _player = desk.play("desk", &song);
    let remap = |name: &str, properties: &str| {
        desk.control(&[
            "load-module",
            "module-remap-source",
            "master=desk.monitor",
            &format!("source_name={name}"),
            &format!("source_properties={properties}"),
        ]);
    };
    remap(
        "bluez_source.11_22_33_AA_BB_CC.a2dp_source",
        "device.class=sound",
    );
    remap("bluez_input.22_33_44_AA_BB_CC.0", "device.class=sound");
    remap("phone", "api.bluez5.address=33:44:55:aa:bb:cc");
    remap("tablet", "device.string=44:55:66:AA:BB:CC");
    for address in [
        "11:22:33:aa:bb:cc",
        "22:33:44:AA:BB:CC",
        "33:44:55:AA:BB:CC",
        "44:55:66:AA:BB:CC",
    ] {
        let mut listener = Listener::open(&bluetooth(&desk, address));
        listener.listen_to_sound(Duration::from_millis(400));
        let sound = listener.recording(&home.path("heard.raw")).longest_sound();
        assert!(sound.seconds() > 0.2, "{address}: {} s", sound.seconds());
    }

    // What is played to a speaker does not come from it.
    desk.control(&[
        "load-module",
        "module-null-sink",
        "sink_name=bluez_sink.AA_BB_CC_DD_EE_FF.a2dp_sink",
    ]);
    for address in ["AA:BB:CC:DD:EE:FF", "00:11:22:33:44:55"] {
        let said = refused(&bluetooth(&desk, address));
        assert!(
            said.contains(address) && said.contains("connected"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1);
    }
}

#[tokio::test]
async fn inputs_are_listed_and_check_says_which_are_there() {
    if !inside("pulse::capture::inputs_are_listed_and_check_says_which_are_there") {
        return;
    }
    let kitchen = SoundServer::start("kitchen", 1.0).await;
    kitchen.control(&[
        "load-module",
        "module-remap-source",
        "master=kitchen.monitor",
        "source_name=bluez_source.11_22_33_AA_BB_CC.a2dp_source",
    ]);
    let listed = text(&output(&["outputs"], &kitchen).stdout);
    for part in [
        "# type = \"pulse\"\n# source = \"kitchen.monitor\"\n",
        "# type = \"bluetooth\"\n# address = \"11:22:33:AA:BB:CC\"\n",
    ] {
        assert!(listed.contains(part), "{listed}");
    }

    let home = Home::new();
    let zone = kitchen.output("Kitchen");
    let input = |name: &str, rest: &str| format!("[[input]]\nname = \"{name}\"\n{rest}\n");
    home.configure(&format!(
        "{zone}{}{}{}{}{}",
        input(
            "Dot",
            "type = \"bluetooth\"\naddress = \"11:22:33:AA:BB:CC\""
        ),
        input(
            "Phone",
            "type = \"bluetooth\"\naddress = \"AA:BB:CC:DD:EE:FF\""
        ),
        input("Line", "type = \"pulse\"\nsource = \"line\""),
        input("Fifo", "type = \"pipe\"\npath = \"fifo\""),
        input(
            "Spotify",
            "type = \"pipe\"\ncommand = [\"no-such-program\"]"
        ),
    ));
    let config = home.path("config.toml").display().to_string();
    let checked = output(&["check", "--config", &config], &kitchen);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let said = text(&checked.stdout);
    for line in [
        "Input \"Dot\": the Bluetooth device 11:22:33:AA:BB:CC",
        "The input \"Dot\" is there.",
        "Note: the input \"Phone\" is not there yet",
        "Note: the input \"Line\" is not there yet",
        "The input \"Fifo\" is there.",
        "Note: the input \"Spotify\" is not there yet, and is waited for: there is no such program",
    ] {
        assert!(
            said.lines().any(|there| there.starts_with(line)),
            "{line}\n{said}"
        );
    }
    assert!(!home.path("fifo").exists(), "it was only looked at");
}
