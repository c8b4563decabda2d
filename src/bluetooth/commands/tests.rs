//! The commands against a Bluetooth made of paper, in virtual time: what each says, and what is left behind.

use std::sync::{Mutex, MutexGuard};

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, pending};
use tokio::time::Instant;

use super::*;
use crate::bluetooth::{
    Adapter, Address, CommandError, Device, Failure, Fault, Guard, Place, Radio, Survey,
};

const FLIP: Address = Address::new([0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0x01]);

/// What a test has put on paper, and what was done with it.
#[derive(Default)]
struct Sheet {
    fault: Option<Fault>,
    survey: Survey,
    /// Devices that are heard or pair so many seconds after the start.
    later: Vec<(u64, Device)>,
    pairing: Option<Failure>,
    never_pairs: bool,
    connecting: Option<Failure>,
    done: Vec<String>,
    open: bool,
}

struct Paper {
    start: Instant,
    sheet: Mutex<Sheet>,
}

impl Paper {
    fn new(sheet: Sheet) -> Self {
        Self {
            start: Instant::now(),
            sheet: Mutex::new(sheet),
        }
    }

    fn sheet(&self) -> MutexGuard<'_, Sheet> {
        self.sheet.lock().unwrap()
    }

    fn note(&self, done: &str) -> Result<(), Failure> {
        self.sheet().done.push(done.to_owned());
        Ok(())
    }
}

impl Radio for Paper {
    type Open = ();

    async fn survey(&self, only: &[Address]) -> Result<Survey, Fault> {
        let sheet = self.sheet();
        if let Some(fault) = &sheet.fault {
            return Err(fault.clone());
        }
        let mut survey = sheet.survey.clone();
        for (second, device) in &sheet.later {
            if self.start.elapsed().as_secs() >= *second {
                survey.devices.retain(|it| it.place != device.place);
                survey.devices.push(device.clone());
            }
        }
        let meant = |it: &Device| only.is_empty() || only.contains(&it.place.device);
        survey.devices.retain(meant);
        Ok(survey)
    }

    async fn changes(&self) -> Result<BoxStream<'static, ()>, Fault> {
        Ok(pending().boxed())
    }

    async fn connect(&self, _place: &Place) -> Result<(), Failure> {
        let failure = self.sheet().connecting.clone();
        failure.map_or_else(|| self.note("connect"), Err)
    }

    async fn look_around(&self, _adapter: &str) -> Result<Guard, Failure> {
        self.note("look around")?;
        Ok(Box::new(()))
    }

    async fn pair(&self, _place: &Place) -> Result<(), Failure> {
        if self.sheet().never_pairs {
            std::future::pending::<()>().await;
        }
        let failure = self.sheet().pairing.clone();
        failure.map_or_else(|| self.note("pair"), Err)
    }

    async fn trust(&self, _place: &Place) -> Result<(), Failure> {
        self.note("trust")
    }

    async fn forget(&self, _place: &Place) -> Result<(), Failure> {
        self.note("forget")
    }

    async fn open(&self, _adapter: &str, _most: Duration) -> Result<(), Failure> {
        self.sheet().open = true;
        Ok(())
    }

    async fn close(&self, (): ()) -> Result<(), Failure> {
        self.sheet().open = false;
        Ok(())
    }
}

fn device(paired: bool, signal: Option<i16>) -> Device {
    Device {
        place: Place {
            adapter: "hci0".to_owned(),
            device: FLIP,
        },
        name: "Flip 5".to_owned(),
        paired,
        trusted: paired,
        connected: false,
        battery: Some(70),
        signal,
        plays: true,
    }
}

fn sheet(powered: bool, devices: Vec<Device>) -> Sheet {
    let adapter = Adapter {
        name: "hci0".to_owned(),
        alias: "box".to_owned(),
        powered,
    };
    Sheet {
        survey: Survey {
            adapters: vec![adapter],
            devices,
        },
        ..Sheet::default()
    }
}

/// What a command has written, or its one sentence of what is wrong.
fn said(outcome: Result<(), CommandError>, out: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(out).unwrap();
    outcome.map(|()| text).map_err(|error| error.to_string())
}

async fn pairs(radio: &Paper) -> Result<String, String> {
    let mut out = Vec::new();
    let outcome = pair(radio, FLIP, Duration::from_secs(30), &mut out).await;
    said(outcome, out)
}

async fn receives(radio: &Paper, stop: impl Future<Output = ()>) -> Result<String, String> {
    let mut out = Vec::new();
    let outcome = receive(radio, Duration::from_secs(120), stop, &mut out).await;
    said(outcome, out)
}

#[tokio::test(start_paused = true)]
async fn a_speaker_in_pairing_mode_is_found_paired_trusted_and_connected() {
    let mut sheet = sheet(true, vec![]);
    sheet.later = vec![(4, device(false, Some(-60)))];
    let radio = Paper::new(sheet);
    let said = pairs(&radio).await.unwrap();
    assert!(said.contains("Looking for AA:BB:CC:DD:EE:01"), "{said}");
    assert!(said.contains("Flip 5 is connected."), "{said}");
    assert!(said.contains("type = \"bluetooth\"\naddress = \"AA:BB:CC:DD:EE:01\""));
    assert_eq!(radio.start.elapsed().as_secs(), 4);
    let expected = ["look around", "pair", "trust", "connect"];
    assert_eq!(radio.sheet().done, expected);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_it_from_pairing_is_said_in_a_sentence() {
    let radio = Paper::new(sheet(true, vec![device(false, None)]));
    let error = pairs(&radio).await.unwrap_err();
    assert!(
        error.starts_with("no device AA:BB:CC:DD:EE:01 was found"),
        "{error}"
    );
    assert_eq!(radio.start.elapsed().as_secs(), 30);

    for (failure, expected) in [
        (
            Failure::Rejected,
            "Flip 5 was not paired: it does not accept",
        ),
        (
            Failure::OutOfReach,
            "Flip 5 was not paired: it does not answer",
        ),
    ] {
        let mut sheet = sheet(true, vec![device(false, Some(-60))]);
        sheet.pairing = Some(failure);
        let error = pairs(&Paper::new(sheet)).await.unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }

    let mut sheet = sheet(true, vec![device(false, Some(-60))]);
    sheet.never_pairs = true;
    let radio = Paper::new(sheet);
    let error = pairs(&radio).await.unwrap_err();
    assert!(error.contains("did not finish in time"), "{error}");
    assert_eq!(radio.start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_paired_and_does_not_come_is_no_error() {
    let mut sheet = sheet(true, vec![device(true, None)]);
    sheet.connecting = Some(Failure::OutOfReach);
    let radio = Paper::new(sheet);
    let said = pairs(&radio).await.unwrap();
    assert!(
        said.contains("is not connected yet: it does not answer"),
        "{said}"
    );
    assert_eq!(radio.sheet().done, ["trust"]);
}

#[tokio::test(start_paused = true)]
async fn without_bluetooth_every_command_says_so() {
    let off = || sheet(false, vec![]);
    let no_adapter = Sheet::default;
    let no_bluez = || Sheet {
        fault: Some(Fault::NoBluez("no such name".to_owned())),
        ..Sheet::default()
    };
    let sheets: [(&dyn Fn() -> Sheet, &str); 3] = [
        (&off, "the Bluetooth adapter hci0 is switched off"),
        (&no_adapter, "this machine has no Bluetooth adapter"),
        (&no_bluez, "BlueZ does not answer"),
    ];
    for (sheet, expected) in sheets {
        let (radio, mut out) = (Paper::new(sheet()), Vec::new());
        let second = Duration::from_secs(1);
        let outcomes = [
            scan(&radio, second, &mut out).await,
            pair(&radio, FLIP, second, &mut out).await,
            list(&radio, &[], &mut out).await,
            forget(&radio, FLIP, &mut out).await,
            receive(&radio, second, std::future::pending(), &mut out).await,
        ];
        for outcome in outcomes {
            let error = outcome.unwrap_err();
            assert!(error.no_bluetooth(), "{error}");
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        assert!(out.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_pairs_while_we_receive_is_trusted_and_nobody_after_that() {
    let mut sheet = sheet(true, vec![]);
    sheet.later = vec![(70, device(true, Some(-60)))];
    let radio = Paper::new(sheet);
    let said = receives(&radio, std::future::pending()).await.unwrap();
    assert!(
        said.contains("found and paired with as \"box\" (hci0)"),
        "{said}"
    );
    assert!(
        said.contains("Flip 5 (AA:BB:CC:DD:EE:01) has paired"),
        "{said}"
    );
    let input =
        "[[input]]\nname = \"Flip 5\"\ntype = \"bluetooth\"\naddress = \"AA:BB:CC:DD:EE:01\"";
    assert!(said.contains(input), "{said}");
    assert_eq!(radio.start.elapsed().as_secs(), 70);
    assert!(!radio.sheet().open);
    assert_eq!(radio.sheet().done, ["trust"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_can_pair_after_two_minutes_or_an_end_by_hand() {
    let radio = Paper::new(sheet(true, vec![device(true, None)]));
    let error = receives(&radio, std::future::pending()).await.unwrap_err();
    assert!(error.contains("nothing has paired within 120 s"), "{error}");
    assert_eq!(radio.start.elapsed().as_secs(), 120);
    assert!(!radio.sheet().open);

    let radio = Paper::new(sheet(true, vec![]));
    let stop = tokio::time::sleep(Duration::from_secs(5));
    let said = receives(&radio, stop).await.unwrap();
    assert!(said.ends_with("nobody can pair any more.\n"), "{said}");
    assert!(!radio.sheet().open);
}

#[tokio::test(start_paused = true)]
async fn the_list_has_what_is_known() {
    let mut connected = device(true, None);
    connected.connected = true;
    let radio = Paper::new(sheet(true, vec![connected]));
    let mut out = Vec::new();
    list(&radio, &[(FLIP, "aac".to_owned())], &mut out)
        .await
        .unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "DEVICE  ADDRESS            STATE      BATTERY  CODEC  ADAPTER  SIGNAL\n\
         Flip 5  AA:BB:CC:DD:EE:01  connected     70 %  aac    hci0          –\n"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_cannot_be_forgotten() {
    let mut out = Vec::new();
    let radio = Paper::new(sheet(true, vec![]));
    let error = forget(&radio, FLIP, &mut out).await.unwrap_err();
    assert!(error.to_string().contains("nothing to forget"), "{error}");
    let radio = Paper::new(sheet(true, vec![device(true, None)]));
    forget(&radio, FLIP, &mut out).await.unwrap();
    assert_eq!(radio.sheet().done, ["forget"]);
}

#[tokio::test(start_paused = true)]
async fn a_scan_lists_each_that_is_heard_once() {
    let mut sheet = sheet(true, vec![]);
    sheet.later = vec![(3, device(false, Some(-60)))];
    let radio = Paper::new(sheet);
    let mut out = Vec::new();
    scan(&radio, Duration::from_secs(12), &mut out)
        .await
        .unwrap();
    let said = String::from_utf8(out).unwrap();
    let line = "AA:BB:CC:DD:EE:01   -60 dBm  Flip 5 (plays music)\n";
    assert_eq!(said.matches(line).count(), 1, "{said}");
    assert_eq!(radio.start.elapsed().as_secs(), 12);
}
