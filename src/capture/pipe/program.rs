//! A program whose standard output is listened to: started, started again when it ends, and ended with us.

use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::Got;
use crate::clock::ClockTime;

/// How soon a program that has ended is started again…
const LEAST_PAUSE: Duration = Duration::from_millis(500);
/// …and how much later at most, when it has ended again and again. One that has run for so long starts from the least.
const MOST_PAUSE: Duration = Duration::from_secs(30);
/// One that has closed its output and does not end is ended after this.
const LINGERS: Duration = Duration::from_secs(1);
/// So often, and each time for so long, it is waited for when it has been told to end, before it is ended by force.
const FAREWELL: (u32, Duration) = (25, Duration::from_millis(20));
/// Lines of the log are cut to this many bytes.
const LONGEST_LINE: usize = 1024;

/// A program that is kept running.
#[derive(Debug)]
pub(super) struct Program {
    command: Vec<String>,
    /// What the log calls it.
    name: String,
    running: Option<Running>,
    pause: Duration,
    again_at: ClockTime,
}

impl Program {
    /// Starts it.
    pub(super) fn start(command: &[String], name: &str, now: ClockTime) -> Result<Self, String> {
        let running = Running::start(command, name, now).map_err(|error| match error.kind() {
            ErrorKind::NotFound => "there is no such program".to_owned(),
            _ => error.to_string(),
        })?;
        Ok(Self {
            command: command.to_vec(),
            name: name.to_owned(),
            running: Some(running),
            pause: Duration::ZERO,
            again_at: now,
        })
    }

    /// Never waits. While the program does not run there is nothing.
    pub(super) fn read(&mut self, bytes: &mut [u8], now: ClockTime) -> io::Result<Got> {
        let Some(running) = &mut self.running else {
            self.start_again(now);
            return Ok(Got::Nothing);
        };
        running.log_what_it_says();
        let got = Got::of(running.output.read(bytes))?;
        if !matches!(got, Got::Closed) {
            return Ok(got);
        }
        if let Some(status) = running.ended(now)? {
            let ran = now.saturating_since(running.started);
            self.pause = pause_after(self.pause, ran);
            tracing::warn!(
                "{} ended ({status}); it is started again in {:?}",
                self.name,
                self.pause
            );
            self.again_at = now + self.pause;
            self.running = None;
        }
        Ok(Got::Closed)
    }

    fn start_again(&mut self, now: ClockTime) {
        if now < self.again_at {
            return;
        }
        match Running::start(&self.command, &self.name, now) {
            Ok(running) => {
                tracing::info!("{} is started again", self.name);
                self.running = Some(running);
            }
            Err(error) => {
                self.pause = pause_after(self.pause, Duration::ZERO);
                self.again_at = now + self.pause;
                tracing::warn!(
                    "{} cannot be started: {error}; tried again in {:?}",
                    self.name,
                    self.pause
                );
            }
        }
    }
}

/// How long to wait before a program is started again that has `ran` for so long, after the last time it was waited for `before`.
fn pause_after(before: Duration, ran: Duration) -> Duration {
    if ran >= MOST_PAUSE {
        LEAST_PAUSE
    } else {
        (before * 2).clamp(LEAST_PAUSE, MOST_PAUSE)
    }
}

/// A program that runs, or has ended without our having noticed.
#[derive(Debug)]
struct Running {
    child: Child,
    output: ChildStdout,
    /// What it says to people, until it closes that.
    says: Option<ChildStderr>,
    line: Vec<u8>,
    name: String,
    started: ClockTime,
    closed: Option<ClockTime>,
    /// It has been waited for.
    reaped: bool,
}

impl Running {
    fn start(command: &[String], name: &str, now: ClockTime) -> io::Result<Self> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(ErrorKind::NotFound.into());
        };
        // A group of its own: Ctrl-C in a terminal is for us, and whatever it starts ends with it.
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (Some(output), Some(says)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        let running = Self {
            child,
            output,
            says: Some(says),
            line: Vec::new(),
            name: name.to_owned(),
            started: now,
            closed: None,
            reaped: false,
        };
        never_wait(&running.output)?;
        if let Some(says) = &running.says {
            never_wait(says)?;
        }
        Ok(running)
    }

    fn log_what_it_says(&mut self) {
        let mut bytes = [0; LONGEST_LINE];
        let Some(says) = &mut self.says else {
            return;
        };
        match Got::of(says.read(&mut bytes)) {
            Ok(Got::Bytes(count)) => self.line.extend(&bytes[..count]),
            Ok(Got::Nothing) => return,
            Ok(Got::Closed) | Err(_) => self.says = None,
        }
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            log_line(&self.name, &line);
        }
        if self.line.len() >= LONGEST_LINE || self.says.is_none() {
            log_line(&self.name, &std::mem::take(&mut self.line));
        }
    }

    /// How it ended, once it has. It has closed its output.
    fn ended(&mut self, now: ClockTime) -> io::Result<Option<ExitStatus>> {
        let closed = *self.closed.get_or_insert(now);
        let status = self.child.try_wait()?;
        self.reaped = status.is_some();
        if !self.reaped && now.saturating_since(closed) > LINGERS {
            self.tell(Signal::SIGKILL);
        }
        while status.is_some() && self.says.is_some() {
            let before = self.line.len();
            self.log_what_it_says();
            if self.line.len() == before {
                break;
            }
        }
        Ok(status)
    }

    fn tell(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // It may have ended in between.
            let _gone = killpg(Pid::from_raw(id), signal);
        }
    }
}

fn log_line(name: &str, line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    let line = line.trim();
    if !line.is_empty() {
        tracing::debug!("{name} says: {line}");
    }
}

fn never_wait(end: &impl AsFd) -> io::Result<()> {
    // Ours alone: the writer's end is another file to the system.
    fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        self.tell(Signal::SIGTERM);
        let (times, pause) = FAREWELL;
        for _ in 0..times {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(pause);
        }
        self.tell(Signal::SIGKILL);
        let _status = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_ends_again_and_again_is_started_ever_more_rarely() {
        let mut pause = Duration::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pause = pause_after(pause, Duration::from_secs(1));
            pauses.push(pause.as_secs_f64());
        }
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        let after_an_evening = Duration::from_secs(7200);
        assert_eq!(pause_after(pause, after_an_evening), LEAST_PAUSE);
    }
}
