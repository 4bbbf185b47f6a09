//! How much of a picture at rest may be on its way at once: little enough that new input does not wait
//! behind it, enough that it does not take for ever.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const FIRST_BYTES: usize = 64 << 10;
const FEWEST_BYTES: usize = 8 << 10;
const MOST_BYTES: usize = 2 << 20;
/// Frames on their way at once, so that the way is not empty while an acknowledgement comes back.
const AT_ONCE: usize = 2;
/// A frame may take so much longer than the fastest one did before there are fewer bytes on their way.
const PATIENCE: Duration = Duration::from_millis(60);

/// Grows while frames come through as fast as the fastest one, and shrinks when they queue. A packet that was lost makes
/// frames late once, a queue again and again: late are those that left when it was known that others were late.
#[derive(Clone, Debug)]
pub struct Pace {
    bytes: usize,
    fastest: Option<Duration>,
    on_their_way: VecDeque<OnItsWay>,
    late_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct OnItsWay {
    frame: u32,
    bytes: usize,
    sent: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes: FIRST_BYTES, fastest: None, on_their_way: VecDeque::new(), late_since: None }
    }
}

impl Pace {
    /// How many bytes the next frame should have.
    pub fn bytes(&self) -> usize {
        self.bytes / AT_ONCE
    }

    /// Whether one more may go.
    pub fn has_room(&self) -> bool {
        self.on_their_way.len() < AT_ONCE
    }

    /// What is on its way is not waited for.
    pub fn forget(&mut self) {
        self.on_their_way.clear();
    }

    pub fn sent(&mut self, frame: u32, bytes: usize, now: Instant) {
        self.on_their_way.push_back(OnItsWay { frame, bytes, sent: now });
    }

    /// All frames up to this one are there. Returns its bytes and how long they took.
    pub fn acknowledged(&mut self, frame: u32, now: Instant) -> Option<(usize, Duration)> {
        let is_left = |sent: &OnItsWay| sent.frame.wrapping_sub(frame).cast_signed() > 0;
        let left = self.on_their_way.iter().position(is_left).unwrap_or(self.on_their_way.len());
        let OnItsWay { frame: last, bytes, sent } = self.on_their_way.drain(..left).next_back()?;
        if last != frame {
            return None;
        }
        let took = now.saturating_duration_since(sent);
        let fastest = self.fastest.map_or(took, |fastest| fastest.min(took));
        self.fastest = Some(fastest);
        if took <= fastest + PATIENCE {
            self.late_since = None;
            if took < fastest + PATIENCE / 2 {
                self.bytes = (self.bytes * 2).min(MOST_BYTES);
            }
        } else if *self.late_since.get_or_insert(now) <= sent {
            (self.bytes, self.late_since) = ((self.bytes / 2).max(FEWEST_BYTES), None);
        }
        Some((bytes, took))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends frames through a link with this delay and rate that holds up every so manieth for a while. Returns
    /// what was on its way at the end, and the bytes a second.
    fn through(delay: Duration, bytes_per_second: f64, frames: u32, held_up: u32) -> (usize, f64) {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let (mut now, mut free, mut sent) = (start, start, 0);
        let mut acknowledged = VecDeque::new();
        for number in 1..=frames {
            while !pace.has_room() {
                let (frame, at) = acknowledged.pop_front().expect("some are on their way");
                now = now.max(at);
                pace.acknowledged(frame, at);
            }
            pace.sent(number, pace.bytes(), now);
            sent += pace.bytes();
            free = free.max(now) + Duration::from_secs_f64(pace.bytes() as f64 / bytes_per_second);
            let again = if number.is_multiple_of(held_up) { delay * 2 } else { Duration::ZERO };
            let before = acknowledged.back().map_or(start, |(_, at)| *at);
            acknowledged.push_back((number, before.max(free + delay + again)));
        }
        (pace.bytes, sent as f64 / (now - start).as_secs_f64())
    }

    #[test]
    fn a_fast_link_carries_large_frames_and_a_slow_one_small_ones() {
        let never = u32::MAX;
        assert_eq!(through(Duration::from_millis(1), 1e9, 20, never).0, MOST_BYTES);
        assert_eq!(through(Duration::from_millis(100), 1e9, 20, never).0, MOST_BYTES, "delay is no queue");
        let (slow, rate) = through(Duration::from_millis(50), 125_000.0, 50, never);
        assert!((FEWEST_BYTES..=FIRST_BYTES).contains(&slow) && rate > 60_000.0, "{slow} {rate}");
    }

    #[test]
    fn lost_packets_do_not_make_frames_small() {
        let (bytes, rate) = through(Duration::from_millis(100), 625_000.0, 100, 5);
        assert!(bytes >= FIRST_BYTES / 2 && rate > 200_000.0, "{bytes} {rate}");
    }

    #[test]
    fn acknowledgements_of_other_frames_tell_nothing() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.sent(7, 10, now);
        pace.sent(9, 10, now);
        assert_eq!(pace.acknowledged(6, now + Duration::from_secs(9)), None);
        assert_eq!(pace.acknowledged(8, now + Duration::from_secs(9)), None);
        assert!(pace.has_room(), "the first one is there all the same");
        assert_eq!(pace.bytes(), FIRST_BYTES / 2);
    }
}
