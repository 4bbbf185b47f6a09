//! Frame numbers and acknowledgements of one view.

use std::time::{Duration, Instant};

use protocol::message::ViewInfo;

use super::pace::Pace;

/// A browser whose way to units of a track leads nowhere acknowledges nothing; narrow ways carry the smallest frames in less.
const STILLS_PATIENCE: Duration = Duration::from_secs(5);

/// Frame numbers and acknowledgements of one view number.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub(super) sent: u32,
    pub(super) acknowledged: u32,
    /// When the last frame was sent, if it may be lost.
    pub(super) at_risk: Option<Instant>,
    /// Frames that were sent before values that the client is not known to have read.
    pub(super) before_values: Option<u32>,
    pub(super) revision: u64,
    /// What the client was last told about the view.
    pub told: Option<ViewInfo>,
    pub pace: Pace,
    /// The last frame that was no picture of a track, and whether it went by the track of no view.
    untracked: u32,
    by_stills: bool,
    /// The first frame by the track of no view of which the client is not known to have read any, and when it left.
    unproved: Option<(u32, Instant)>,
    /// The client is known to have read what it was told of the view, for it has a frame that came behind that.
    has_read: bool,
    /// The last frame behind what was told last, the way that keeps the order.
    behind_told: Option<u32>,
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

    /// The client is told this about the view; its next frames are not to overtake that.
    pub fn tell(&mut self, info: &ViewInfo) {
        self.told = Some(info.clone());
        self.expect_reading();
    }

    /// Something is told that the view's next frames are not to overtake.
    pub fn expect_reading(&mut self) {
        (self.has_read, self.behind_told) = (false, None);
    }

    /// Whether the client is known to have read what it was told about the view.
    pub fn has_read_told(&self) -> bool {
        self.has_read
    }

    /// Whether the next frame, no picture of a track, is to go by the track of no view: it overtakes neither frames on
    /// their way nor what is told of the view.
    pub fn goes_by_stills(&mut self, wanted: bool) -> bool {
        if self.sent.wrapping_sub(self.untracked) >= self.unacknowledged() {
            self.by_stills = wanted && self.has_read;
        }
        self.untracked = self.sent.wrapping_add(1);
        if !self.by_stills {
            self.behind_told = Some(self.untracked);
        }
        self.by_stills
    }

    /// This frame leaves by the track of no view.
    pub fn send_still(&mut self, frame: u32, now: Instant) {
        self.unproved.get_or_insert((frame, now));
    }

    /// When to believe that the client cannot read the track of no view, unless it did before.
    pub fn stills_fail_at(&self) -> Option<Instant> {
        self.unproved.map(|(_, at)| at + STILLS_PATIENCE)
    }

    /// Whether the acknowledgement of this frame proves that the client reads the track of no view.
    pub fn proves_stills(&self, frame: u32) -> bool {
        self.by_stills && self.unproved.is_some_and(|(first, _)| frame == self.untracked || frame == first)
    }

    /// Waits no longer for frames that are lost. Returns whether there are any.
    pub fn give_up(&mut self, now: Instant, patience: Duration) -> bool {
        let gives_up = self.stalled_until(patience).is_some_and(|at| at <= now);
        if gives_up {
            self.acknowledge_all();
        }
        gives_up
    }

    /// Numbers that were not sent, or were acknowledged before, mean nothing. Returns what a picture at rest
    /// told of the way: its bytes and how long they took.
    pub fn acknowledge(&mut self, now: Instant, frame: u32) -> Option<(usize, Duration)> {
        let unacknowledged = self.sent.wrapping_sub(self.acknowledged);
        if self.sent.wrapping_sub(frame) >= unacknowledged {
            return None;
        }
        self.acknowledged = frame;
        self.has_read |= self.behind_told == Some(frame);
        self.before_values = self.before_values.filter(|&sent| sent.wrapping_sub(frame) <= unacknowledged);
        self.pace.acknowledged(frame, now)
    }

    /// Values follow all frames that were sent.
    pub fn send_values(&mut self) {
        self.before_values = Some(self.sent);
    }

    /// Whether the client has read a frame that came after the last values.
    pub fn has_read_values(&self) -> bool {
        self.before_values.is_none()
    }

    pub fn acknowledge_all(&mut self) {
        (self.acknowledged, self.unproved) = (self.sent, None);
        self.pace.forget();
    }

    /// Nobody waits for what was sent.
    pub fn begin_anew(&mut self) {
        self.acknowledge_all();
        self.before_values = None;
        self.expect_reading();
    }

    pub fn keep_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    pub fn next_revision(&self) -> u64 {
        self.revision + 1
    }
}
