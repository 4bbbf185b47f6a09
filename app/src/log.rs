//! The last things that were logged, for the window to show.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Older entries make room.
const MOST_ENTRIES: usize = 2_000;

/// Bytes of an entry; the rest is cut off.
const MOST_BYTES: usize = 2_000;

/// Something that was logged. What goes into a log holds nothing of a patient.
#[derive(Clone, Debug)]
pub struct Entry {
    pub time: SystemTime,
    pub level: Level,
    /// The module that said it.
    pub target: &'static str,
    pub text: String,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    next: u64,
}

static RING: Mutex<Ring> = Mutex::new(Ring { entries: VecDeque::new(), next: 0 });

impl Ring {
    fn push(&mut self, level: Level, target: &'static str, text: String) {
        if self.entries.len() >= MOST_ENTRIES {
            self.entries.pop_front();
        }
        self.next += 1;
        self.entries.push_back(Entry { time: SystemTime::now(), level, target, text });
    }
}

/// How many entries there were so far: whether there is anything new.
pub fn count() -> u64 {
    RING.lock().unwrap_or_else(PoisonError::into_inner).next
}

/// The entries at this level or above, oldest first.
pub fn entries(least: Level) -> Vec<Entry> {
    let ring = RING.lock().unwrap_or_else(PoisonError::into_inner);
    // Levels that say more are greater.
    ring.entries.iter().filter(|entry| entry.level <= least).cloned().collect()
}

/// Remembers what our own crates say from `info` on, and others from `warn` on.
pub fn remember<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let ours =
        ["voxcast", "render_core", "volumes", "kernels", "reading", "server_mode", "protocol", "views"];
    let targets = Targets::new().with_default(Level::WARN).with_targets(ours.map(|name| (name, Level::INFO)));
    Remember.with_filter(targets)
}

struct Remember;

impl<S: Subscriber> Layer<S> for Remember {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        let metadata = event.metadata();
        let mut ring = RING.lock().unwrap_or_else(PoisonError::into_inner);
        ring.push(*metadata.level(), metadata.target(), words.0);
    }
}

/// The message, then what goes with it.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if self.0.len() >= MOST_BYTES {
            return;
        }
        let gap = if self.0.is_empty() { "" } else { "  " };
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{gap}{value:?}"),
            name => write!(self.0, "{gap}{name}: {value:?}"),
        };
        if self.0.len() > MOST_BYTES {
            let end = (0..=MOST_BYTES).rev().find(|&end| self.0.is_char_boundary(end)).unwrap_or(0);
            self.0.truncate(end);
            self.0.push('…');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn what_is_logged_is_remembered_by_level_and_within_limits() {
        let subscriber = tracing_subscriber::registry().with(remember());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "voxcast::test_log", slices = 3, "loaded");
            tracing::debug!(target: "voxcast::test_log", "of no interest");
            tracing::info!(target: "winit::test_log", "of no interest");
            tracing::warn!(target: "voxcast::test_log", "{}", "ä".repeat(5_000));
        });
        let ours = |level| -> Vec<Entry> {
            entries(level).into_iter().filter(|entry| entry.target.ends_with("test_log")).collect()
        };
        let all = ours(Level::INFO);
        assert_eq!(all.len(), 2);
        assert!(all[0].text.contains("loaded") && all[0].text.contains("slices: 3"), "{}", all[0].text);
        assert!(all[1].text.len() < MOST_BYTES + 10);
        assert_eq!(ours(Level::WARN).len(), 1);
        assert!(count() >= 2);
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let mut ring = Ring::default();
        for number in 0..MOST_ENTRIES + 5 {
            ring.push(Level::INFO, "test", number.to_string());
        }
        assert_eq!(ring.entries.len(), MOST_ENTRIES);
        assert_eq!(ring.entries.front().map(|entry| entry.text.as_str()), Some("5"));
    }
}
