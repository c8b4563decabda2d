//! What the system counts of processes and threads: processor time and memory.
//! It is read from `/proc`, as `top` does.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::{SysconfVar, sysconf};
use unisono::clock::ClockTime;

use crate::server::SoundServer;

/// The name of threads that record.
pub(crate) const RECORD: &str = "record";
/// The name of the thread that keeps a core busy.
pub(crate) const BUSY: &str = "busy";

/// How much processor time had been used at one moment, in seconds.
#[derive(Debug)]
pub(crate) struct Snapshot {
    at: ClockTime,
    own: f64,
    lanes: Vec<f64>,
    servers: Vec<f64>,
}

/// Between two moments, in percent of a core.
#[derive(Debug)]
pub(crate) struct Used {
    /// By all threads of this process but those that measure.
    pub(crate) own: f64,
    /// By each lane's thread.
    pub(crate) lanes: Vec<f64>,
    /// By each server.
    pub(crate) servers: Vec<f64>,
}

impl Snapshot {
    /// What has been used up to now.
    pub(crate) fn take(servers: &[SoundServer], now: ClockTime) -> anyhow::Result<Self> {
        let ticks = sysconf(SysconfVar::CLK_TCK)?.context("the system counts no clock ticks")?;
        let seconds = |ticked: u64| ticked as f64 / ticks as f64;
        let threads = own_threads()?;
        let lane = |server: &SoundServer| {
            let name = format!("lane-{}", server.name());
            let ticked = threads.iter().find(|thread| thread.0 == name);
            let ticked = ticked.with_context(|| format!("there is no thread {name}"))?;
            anyhow::Ok(seconds(ticked.1))
        };
        let daemon = |server: &SoundServer| {
            let stat = PathBuf::from(format!("/proc/{}/stat", server.pid()));
            anyhow::Ok(seconds(ticked(&stat)?))
        };
        let playing = threads
            .iter()
            .filter(|thread| thread.0 != RECORD && thread.0 != BUSY);
        Ok(Self {
            at: now,
            own: seconds(playing.map(|thread| thread.1).sum()),
            lanes: servers.iter().map(lane).collect::<Result<_, _>>()?,
            servers: servers.iter().map(daemon).collect::<Result<_, _>>()?,
        })
    }

    /// What was used between `earlier` and this.
    pub(crate) fn since(&self, earlier: &Self) -> Used {
        let seconds = self.at.seconds_since(earlier.at);
        let percent = |now: f64, then: f64| (now - then) / seconds * 100.0;
        let each = |now: &[f64], then: &[f64]| {
            let pairs = now.iter().zip(then);
            pairs.map(|(now, then)| percent(*now, *then)).collect()
        };
        Used {
            own: percent(self.own, earlier.own),
            lanes: each(&self.lanes, &earlier.lanes),
            servers: each(&self.servers, &earlier.servers),
        }
    }
}

/// Each thread of this process: its name, and the ticks it has used.
fn own_threads() -> anyhow::Result<Vec<(String, u64)>> {
    fs::read_dir("/proc/self/task")?
        .map(|folder| {
            let folder = folder?.path();
            let name = fs::read_to_string(folder.join("comm"))?;
            Ok((name.trim_end().to_owned(), ticked(&folder.join("stat"))?))
        })
        .collect()
}

/// The ticks that a `stat` file of `/proc` speaks of: those in the program and those in the kernel for it.
fn ticked(stat: &Path) -> anyhow::Result<u64> {
    let text = fs::read_to_string(stat)?;
    let of = || -> Option<u64> {
        // The second field is a name in parentheses, in which anything may stand. Of those after it, see proc(5).
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace().skip(11);
        let mut number = || fields.next()?.parse::<u64>().ok();
        Some(number()? + number()?)
    };
    of().with_context(|| format!("{} is not as expected", stat.display()))
}

/// A process's memory that is in RAM, shared libraries included, in KiB.
pub(crate) fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok())
        .with_context(|| format!("{path} is not as expected"))
}
