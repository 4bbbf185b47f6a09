//! Progress and cancellation shared between a worker and whoever watches it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts of work done and a flag to stop it. Share it in an `Arc`; every method takes `&self`.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// Adds to the amount of work known to exist.
    pub fn add_total(&self, amount: u64) {
        self.total.fetch_add(amount, Ordering::Relaxed);
    }

    /// Adds to the amount of work finished.
    pub fn add_done(&self, amount: u64) {
        self.done.fetch_add(amount, Ordering::Relaxed);
    }

    /// Work finished and work known, in the worker's own unit (files, slices).
    pub fn counts(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// Asks the worker to stop; it returns its `Cancelled` error soon after.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
