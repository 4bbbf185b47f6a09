//! How much of a picture at rest may be on its way at once: little enough that new input does not wait
//! behind it, enough that it does not take for ever.

use std::time::{Duration, Instant};

const FIRST_BYTES: usize = 32 << 10;
const FEWEST_BYTES: usize = 4 << 10;
const MOST_BYTES: usize = 1 << 20;
/// A frame may take so much longer than the fastest one did before there are fewer bytes in the next.
const PATIENCE: Duration = Duration::from_millis(60);

/// Grows while frames come through as fast as the fastest one, and shrinks when they queue.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    bytes: usize,
    fastest: Option<Duration>,
    on_its_way: Option<OnItsWay>,
}

#[derive(Clone, Copy, Debug)]
struct OnItsWay {
    frame: u32,
    bytes: usize,
    sent: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes: FIRST_BYTES, fastest: None, on_its_way: None }
    }
}

impl Pace {
    /// How many bytes the next frame should have.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn sent(&mut self, frame: u32, bytes: usize, now: Instant) {
        self.on_its_way = Some(OnItsWay { frame, bytes, sent: now });
    }

    /// Returns the frame's bytes and how long they took.
    pub fn acknowledged(&mut self, frame: u32, now: Instant) -> Option<(usize, Duration)> {
        let OnItsWay { bytes, sent, .. } = self.on_its_way.take_if(|sent| sent.frame == frame)?;
        let took = now.saturating_duration_since(sent);
        let fastest = self.fastest.map_or(took, |fastest| fastest.min(took));
        self.fastest = Some(fastest);
        if took > fastest + PATIENCE {
            self.bytes = (self.bytes / 2).max(FEWEST_BYTES);
        } else if took < fastest + PATIENCE / 2 {
            self.bytes = (self.bytes * 2).min(MOST_BYTES);
        }
        Some((bytes, took))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends frames through a link with this delay and rate, and returns what the last one held.
    fn through(delay: Duration, bytes_per_second: f64, frames: u32) -> usize {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for number in 0..frames {
            pace.sent(number, pace.bytes(), now);
            now += delay + Duration::from_secs_f64(pace.bytes() as f64 / bytes_per_second);
            pace.acknowledged(number, now);
        }
        pace.bytes()
    }

    #[test]
    fn a_fast_link_carries_large_frames_and_a_slow_one_small_ones() {
        assert_eq!(through(Duration::from_millis(1), 1e9, 20), MOST_BYTES);
        assert_eq!(through(Duration::from_millis(100), 1e9, 20), MOST_BYTES, "delay is no queue");
        let slow = through(Duration::from_millis(50), 125_000.0, 50);
        assert!((FEWEST_BYTES..=FIRST_BYTES * 2).contains(&slow), "{slow}");
    }

    #[test]
    fn acknowledgements_of_other_frames_tell_nothing() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.sent(7, 10, now);
        assert_eq!(pace.acknowledged(6, now + Duration::from_secs(9)), None);
        assert_eq!(pace.bytes(), FIRST_BYTES);
    }
}
