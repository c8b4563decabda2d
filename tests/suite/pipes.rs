//! Inputs out of real named pipes and programs. What is given on of them when is tested in virtual time, beside the code.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use unisono::capture::{Capture, CaptureSpec, PipeFormat, PipeInput, PipeOrigin};
use unisono::clock::{Clock, ManualClock, SystemClock};

use super::support::log::Log;
use super::support::program::Home;

const MILLI: Duration = Duration::from_millis(1);
/// Another process has done what it is to do within this.
const PATIENCE: Duration = Duration::from_secs(20);

fn fifo(path: &Path) -> CaptureSpec {
    pipe(PipeOrigin::Fifo(path.to_owned()))
}

fn shell(script: &str) -> CaptureSpec {
    let words = ["sh", "-c", script];
    pipe(PipeOrigin::Program(words.map(str::to_owned).to_vec()))
}

fn pipe(origin: PipeOrigin) -> CaptureSpec {
    CaptureSpec::Pipe(PipeInput {
        origin,
        format: PipeFormat::S16,
        rate: 8_000,
        channels: 2,
    })
}

/// Looks again and again until there is something to see.
#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    let end = clock.now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(clock.now() < end, "{what}");
        thread::sleep(5 * MILLI);
    }
}

/// Reads until so many samples are there; the clock moves a little each time.
#[track_caller]
fn read(capture: &mut dyn Capture, clock: &ManualClock, samples: usize) -> Vec<f32> {
    let mut frames = Vec::new();
    until("nothing comes", || {
        capture.read(&mut frames).expect("it is there");
        clock.advance(MILLI);
        (frames.len() >= samples).then_some(())
    });
    frames
}

fn nothing(capture: &mut dyn Capture) {
    let mut frames = Vec::new();
    assert_eq!(capture.read(&mut frames).expect("it is there"), 0);
}

#[test]
fn a_named_pipe_is_made_for_this_user_and_whoever_writes_may_come_and_go() {
    let home = Home::new();
    let path = home.path("fifo");
    let clock = Arc::new(ManualClock::new());
    let mut capture = fifo(&path)
        .open(&(clock.clone() as Arc<dyn Clock>))
        .expect("made");
    let made = fs::metadata(&path).expect("it is there");
    assert!(made.file_type().is_fifo());
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
    nothing(capture.as_mut());

    let writer = || {
        OpenOptions::new()
            .write(true)
            .open(&path)
            .expect("a reader")
    };
    let mut first = writer();
    // A frame and half of the next; then the other half, and one that will never be whole.
    first
        .write_all(&[0, 0x40, 0, 0xc0, 0, 0x20])
        .expect("written");
    assert_eq!(read(capture.as_mut(), &clock, 2), [0.5, -0.5]);
    nothing(capture.as_mut());
    first.write_all(&[0, 0xe0, 1]).expect("written");
    assert_eq!(read(capture.as_mut(), &clock, 2), [0.25, -0.25]);
    drop(first);
    nothing(capture.as_mut());
    let mut second = writer();
    second.write_all(&[0, 0x40, 0, 0x40]).expect("written");
    assert_eq!(read(capture.as_mut(), &clock, 2), [0.5, 0.5]);

    // Opened again, it is the same pipe.
    drop(capture);
    fifo(&path).open(&(clock as Arc<dyn Clock>)).expect("there");
}

#[test]
fn what_is_no_named_pipe_or_cannot_be_one_is_refused() {
    let home = Home::new();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    fs::write(home.path("file"), "music").expect("a file");
    let refused = |spec: &CaptureSpec| match spec.open(&clock) {
        Ok(_) => panic!("{spec} was opened"),
        Err(error) => error.to_string(),
    };
    let said = refused(&fifo(&home.path("file")));
    assert!(said.contains("is no named pipe"), "{said}");
    let said = refused(&fifo(&home.path("nowhere/fifo")));
    assert!(said.contains("cannot be made"), "{said}");
    let said = refused(&pipe(PipeOrigin::Program(vec!["no-such-program".into()])));
    assert_eq!(
        said,
        "cannot listen to the program \"no-such-program\": there is no such program"
    );
}

#[test]
fn a_program_that_ends_is_started_again_ever_more_rarely_and_the_log_says_why() {
    let log = Log::start();
    let clock = Arc::new(ManualClock::new());
    let spec = shell("printf '\\0\\100\\0\\300'; echo out of breath >&2; exit 3");
    let mut capture = spec
        .open(&(clock.clone() as Arc<dyn Clock>))
        .expect("started");
    let mut ended = 0;
    for pause in ["500ms", "1s", "2s"] {
        assert_eq!(read(capture.as_mut(), &clock, 2), [0.5, -0.5]);
        ended += 1;
        until("it ends", || {
            nothing(capture.as_mut());
            let text = log.text();
            (text.matches("ended (exit status: 3)").count() == ended).then_some(())
        });
        log.assert_line(&["WARN", "the program \"sh\" ended", pause]);
        // Not a moment sooner.
        clock.advance(490 * MILLI);
        nothing(capture.as_mut());
        nothing(capture.as_mut());
        let starts = log.text().matches("is started again\n").count();
        assert_eq!(starts, ended - 1);
        clock.advance(Duration::from_secs(2));
    }
}

#[test]
fn a_program_and_whatever_it_has_started_ends_with_us() {
    let home = Home::new();
    let pids = home.path("pids");
    let script = format!(
        "sleep 1000 & echo $$ $! > {0}.new; mv {0}.new {0}; wait",
        pids.display()
    );
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    let mut capture = shell(&script).open(&clock).expect("started");
    let written = until("it starts", || fs::read_to_string(&pids).ok());
    nothing(capture.as_mut());
    drop(capture);
    for pid in written.split_whitespace() {
        until("it ends", || {
            // What has ended and was not waited for by its new parent has no command line.
            let left = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            left.is_empty().then_some(())
        });
    }
}

#[test]
fn a_program_that_writes_as_fast_as_it_can_is_not_heard_any_faster() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut capture = shell("exec cat /dev/zero").open(&clock).expect("started");
    let (mut frames, mut began, mut reports) = (Vec::new(), None, 0);
    for _ in 0..100 {
        let before = clock.now();
        let read = capture.read(&mut frames).expect("it is there");
        if read > 0 && began.is_none() {
            began = Some(before);
        }
        let most = began.map_or(0.0, |began| clock.now().seconds_since(began) + 0.1);
        assert!((frames.len() / 2) as f64 <= most * 8_000.0 + 1.0);
        reports += usize::from(capture.heard().is_some());
        thread::sleep(capture.pace());
    }
    assert!(frames.len() / 2 > 800, "{} frames", frames.len() / 2);
    assert!(reports > 10, "{reports} reports");
}
