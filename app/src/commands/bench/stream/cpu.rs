//! Processor time of this process' threads, by what they do.

use std::time::Duration;

/// Threads of the server's connections and sessions, of clients, and of the emulated network.
pub const NETWORK: &str = "network";
pub const CLIENT: &str = "client";
pub const RELAY: &str = "relay";
/// As the client library calls its own.
const DECODE: &str = "decode";

/// What has been used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Connections and sessions.
    pub network: Duration,
    /// Drawing and encoding.
    pub pictures: Duration,
}

impl Used {
    /// Of this process until now; `None` where the system does not tell (it is Linux that does).
    pub fn now() -> Option<Self> {
        let mut used = Self::default();
        for task in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
            // A thread may end meanwhile.
            let Ok(name) = std::fs::read_to_string(task.path().join("comm")) else { continue };
            let Ok(times) = std::fs::read_to_string(task.path().join("schedstat")) else { continue };
            let nanoseconds = times.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
            let time = Duration::from_nanos(nanoseconds);
            match name.trim_end() {
                NETWORK => used.network += time,
                CLIENT | DECODE | RELAY => {}
                _ => used.pictures += time,
            }
        }
        Some(used)
    }

    pub fn since(self, before: Self) -> Self {
        Self {
            network: self.network.saturating_sub(before.network),
            pictures: self.pictures.saturating_sub(before.pictures),
        }
    }
}
