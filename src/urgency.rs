//! How a thread comes to run at once when its time has come, however busy the machine is.

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Asks the system to run this thread, and those it spawns, before all ordinary ones: the lowest of the real-time priorities, below
/// those that sound servers take for themselves. What does so works for some hundred microseconds at a time, so that nobody misses them.
///
/// Many systems grant that only to root or to the group `audio` (`ulimit -r`). Without it the thread runs as any other does, and a
/// machine that is busy otherwise may let sound break.
pub fn ask_for_real_time() {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    match set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        Ok(()) => tracing::debug!("runs before ordinary threads"),
        Err(error) => tracing::debug!("runs as ordinary threads do: {error}"),
    }
}
