//! Frame numbers and acknowledgements of one view.

use std::time::{Duration, Instant};

use protocol::message::ViewInfo;

use super::pace::Pace;

/// Frame numbers and acknowledgements of one view number.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub(super) sent: u32,
    pub(super) acknowledged: u32,
    /// When the last frame was sent, if it may be lost.
    pub(super) at_risk: Option<Instant>,
    /// Frames that were sent before values that the client is not known to have read.
    pub(super) before_values: Option<u32>,
    /// What is on its way goes another way than what follows.
    pub drains: bool,
    pub(super) revision: u64,
    /// What the client was last told about the view.
    pub told: Option<ViewInfo>,
    pub pace: Pace,
}

impl Counters {
    /// Frames that were sent and not acknowledged.
    pub fn unacknowledged(&self) -> u32 {
        self.sent.wrapping_sub(self.acknowledged)
    }

    /// Counts a frame, sent at this time where it may be lost, and returns its number.
    pub fn send(&mut self, at_risk: Option<Instant>) -> u32 {
        (self.sent, self.at_risk) = (self.sent.wrapping_add(1), at_risk);
        self.sent
    }

    /// When to `give_up` frames that may hold up the next. A picture of a track may be lost with all that tells of it.
    pub fn stalled_until(&self, patience: Duration) -> Option<Instant> {
        self.at_risk.filter(|_| self.unacknowledged() > 0).map(|at| at + patience)
    }

    /// Waits no longer for frames that are lost. Returns when the last of them was sent, if there are any.
    pub fn give_up(&mut self, now: Instant, patience: Duration) -> Option<Instant> {
        self.stalled_until(patience).filter(|at| *at <= now)?;
        self.acknowledge_all();
        self.at_risk
    }

    /// Numbers that were not sent, or were acknowledged before, mean nothing. Returns what a picture at rest
    /// told of the way: its bytes and how long they took.
    pub fn acknowledge(
        &mut self,
        now: Instant,
        frame: u32,
        round_trip: Option<Duration>,
    ) -> Option<(usize, Duration)> {
        let unacknowledged = self.sent.wrapping_sub(self.acknowledged);
        if self.sent.wrapping_sub(frame) >= unacknowledged {
            return None;
        }
        self.acknowledged = frame;
        self.before_values = self.before_values.filter(|&sent| sent.wrapping_sub(frame) <= unacknowledged);
        self.pace.acknowledged(frame, round_trip, now)
    }

    /// Values follow all frames that were sent.
    pub fn send_values(&mut self) {
        self.before_values = Some(self.sent);
    }

    /// Whether the client has read a frame that came after the last values.
    pub fn has_read_values(&self) -> bool {
        self.before_values.is_none()
    }

    /// Waits no longer for frames that may be lost.
    pub fn acknowledge_lost(&mut self) {
        if self.at_risk.is_some() {
            self.acknowledge_all();
        }
    }

    pub fn acknowledge_all(&mut self) {
        self.acknowledged = self.sent;
        self.pace.forget();
    }

    /// Nobody waits for what was sent.
    pub fn begin_anew(&mut self) {
        self.acknowledge_all();
        (self.before_values, self.drains) = (None, false);
    }

    pub fn keep_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    /// The first of another view: far from those before, see [`protocol::REVISIONS`].
    pub fn next_revision(&self) -> u64 {
        match self.revision {
            0 => 1,
            before => (before / protocol::REVISIONS + 1) * protocol::REVISIONS,
        }
    }
}
