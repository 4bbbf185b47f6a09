//! How much of a picture at rest may be on its way at once: little enough that new input does not wait
//! behind it, enough that it does not take for ever.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const FIRST_BYTES: usize = 32 << 10;
const FEWEST_BYTES: usize = 8 << 10;
const MOST_BYTES: usize = 2 << 20;
/// Frames on their way at once, so that the way is not empty while an acknowledgement comes back.
const AT_ONCE: usize = 2;
/// A frame may take so much longer than the fastest one did before there are fewer bytes on their way.
const PATIENCE: Duration = Duration::from_millis(60);
/// The fastest one of so long counts, or of twice that: a way that has become longer is not taken for a slow one for ever.
const REMEMBERED: Duration = Duration::from_secs(10);
/// All that is on its way arrives within so long after it has begun to: what moves next may have to wait for it.
const HOLDS_UP: Duration = Duration::from_millis(250);
/// The middle one of so many frames tells what the way carries: one may have waited for a lost packet, and the one behind
/// it is there at once then. Less time tells of clients that acknowledge two at a time.
const RATES: usize = 3;
const LEAST_TIME: Duration = Duration::from_millis(5);

/// Grows while frames come through as fast as the fastest one, and shrinks when they queue. A packet that was lost makes
/// frames late once, a queue again and again: late are those that left when it was known that others were late.
#[derive(Clone, Debug)]
pub struct Pace {
    bytes: usize,
    /// The shortest time of this period, and of the one before.
    fastest: [Option<Duration>; 2],
    period: Option<Instant>,
    on_their_way: VecDeque<OnItsWay>,
    late_since: Option<Instant>,
    arrived: Option<Instant>,
    /// Bytes a second of the last frames, while the way was busy with them.
    rates: VecDeque<f64>,
}

#[derive(Clone, Copy, Debug)]
struct OnItsWay {
    frame: u32,
    bytes: usize,
    sent: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            bytes: FIRST_BYTES,
            fastest: [None; 2],
            period: None,
            on_their_way: VecDeque::new(),
            late_since: None,
            arrived: None,
            rates: VecDeque::new(),
        }
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

    /// All frames up to this one are there, on a way whose shortest round trip is known or not. Returns its bytes and how
    /// long they took.
    pub fn acknowledged(
        &mut self,
        frame: u32,
        round_trip: Option<Duration>,
        now: Instant,
    ) -> Option<(usize, Duration)> {
        let is_left = |sent: &OnItsWay| sent.frame.wrapping_sub(frame).cast_signed() > 0;
        let left = self.on_their_way.iter().position(is_left).unwrap_or(self.on_their_way.len());
        let OnItsWay { frame: last, bytes, sent } = self.on_their_way.drain(..left).next_back()?;
        if last != frame {
            return None;
        }
        let took = now.saturating_duration_since(sent);
        if self.period.is_none_or(|began| now.saturating_duration_since(began) > REMEMBERED) {
            (self.period, self.fastest) = (Some(now), [None, self.fastest[0]]);
        }
        let others = self.fastest.into_iter().flatten().min();
        self.fastest[0] = Some(self.fastest[0].map_or(took, |fastest| fastest.min(took)));
        let fastest = others.map_or(took, |fastest| fastest.min(took));
        if took <= fastest + PATIENCE {
            self.late_since = None;
            if others.is_some() && took < fastest + PATIENCE / 2 {
                self.bytes = (self.bytes * 2).min(MOST_BYTES);
            }
        } else if *self.late_since.get_or_insert(now) <= sent {
            (self.bytes, self.late_since) = ((self.bytes / 2).max(FEWEST_BYTES), None);
        }
        // It was the only one on the way from when the one before was there, or from when it left.
        let behind = self.arrived.replace(now).filter(|before| sent <= *before);
        if let Some(busy_since) = behind.max(round_trip.map(|round_trip| sent + round_trip)) {
            let time = now.saturating_duration_since(busy_since).max(LEAST_TIME);
            self.rates.truncate(RATES - 1);
            self.rates.push_front(bytes as f64 / time.as_secs_f64());
        }
        let mut rates: Vec<f64> = self.rates.iter().copied().collect();
        rates.sort_by(|a, b| b.total_cmp(a));
        if let Some(rate) = rates.get(rates.len().saturating_sub(1) / 2) {
            let most = (rate * HOLDS_UP.as_secs_f64()) as usize;
            self.bytes = self.bytes.min(most.max(FEWEST_BYTES));
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
        let pace = &mut Pace::default();
        let rate = made_in(Duration::ZERO, pace, delay, bytes_per_second, frames, held_up);
        (pace.bytes, rate)
    }

    /// The same with frames that take so long to make, one after the other.
    fn made_in(
        making: Duration,
        pace: &mut Pace,
        delay: Duration,
        bytes_per_second: f64,
        frames: u32,
        held_up: u32,
    ) -> f64 {
        let start = Instant::now();
        let (mut now, mut free, mut sent) = (start, start, 0);
        let mut acknowledged = VecDeque::new();
        for number in 1..=frames {
            while !pace.has_room() {
                let (frame, at) = acknowledged.pop_front().expect("some are on their way");
                now = now.max(at);
                pace.acknowledged(frame, Some(delay), at);
            }
            now += making;
            while let Some((frame, at)) = acknowledged.pop_front_if(|(_, at)| *at <= now) {
                pace.acknowledged(frame, Some(delay), at);
            }
            pace.sent(number, pace.bytes(), now);
            sent += pace.bytes();
            free = free.max(now) + Duration::from_secs_f64(pace.bytes() as f64 / bytes_per_second);
            let again = if number.is_multiple_of(held_up) { delay * 2 } else { Duration::ZERO };
            let before = acknowledged.back().map_or(start, |(_, at)| *at);
            acknowledged.push_back((number, before.max(free + delay + again)));
        }
        sent as f64 / (now - start).as_secs_f64()
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
    fn what_is_on_its_way_holds_what_comes_next_up_for_a_quarter_of_a_second() {
        for rate in [60_000.0, 125_000.0, 250_000.0] {
            for frames in 3..40 {
                let (bytes, _) = through(Duration::from_millis(50), rate, frames, u32::MAX);
                let most = if frames == 3 { FIRST_BYTES } else { (rate / 4.0) as usize };
                assert!(bytes <= most, "{bytes} after {frames} at {rate}");
            }
        }
    }

    #[test]
    fn a_slow_encoder_is_no_narrow_way() {
        for (delay, making) in [(300, 200), (160, 150), (20, 30), (4, 8)] {
            let (delay, making) = (Duration::from_millis(delay), Duration::from_millis(making));
            let pace = &mut Pace { bytes: FEWEST_BYTES, ..Pace::default() };
            made_in(making, pace, delay, 12.5e6, 30, u32::MAX);
            assert!(pace.bytes >= MOST_BYTES / 4, "{delay:?} {making:?}: {}", pace.bytes);
        }
    }

    #[test]
    fn a_way_that_has_become_longer_is_no_slow_one_for_ever() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for number in 0..400 {
            let took = Duration::from_millis(if number < 50 { 20 } else { 120 });
            pace.sent(number, pace.bytes(), now);
            now += took;
            pace.acknowledged(number, Some(took), now);
        }
        assert_eq!(pace.bytes, MOST_BYTES);
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
        assert_eq!(pace.acknowledged(6, None, now + Duration::from_secs(9)), None);
        assert_eq!(pace.acknowledged(8, None, now + Duration::from_secs(9)), None);
        assert!(pace.has_room(), "the first one is there all the same");
        assert_eq!(pace.bytes(), FIRST_BYTES / 2);
    }
}
