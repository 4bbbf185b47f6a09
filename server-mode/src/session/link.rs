//! How much the way to the client carries, told from when frames are acknowledged.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const FIRST_BITS: usize = 8_000_000;
const FEWEST_BITS: usize = 300_000;
const MOST_BITS: usize = 40_000_000;
/// Frames that come so much later than the fastest ones wait in a queue.
const QUEUES: Duration = Duration::from_millis(60);
/// The fastest one of so many seconds counts, so that a link that has become longer is not taken for a
/// slow one for ever.
const REMEMBERED: Duration = Duration::from_secs(10);
/// A client that takes so long has hidden its view; that tells nothing of the link.
const HIDDEN: Duration = Duration::from_secs(5);
/// Late frames in a row before there is less, and timely ones before there is more.
const LATE: u32 = 2;
const TIMELY: u32 = 6;

/// What the video of a view may take; late frames of any view lower it for all. Quickly down, slowly up.
#[derive(Clone, Debug)]
pub struct Link {
    bits_per_second: usize,
    on_their_way: VecDeque<(u8, u32, Instant)>,
    /// The shortest time of this period, and of the one before.
    fastest: [Option<Duration>; 2],
    period: Option<Instant>,
    late: u32,
    timely: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            bits_per_second: FIRST_BITS,
            on_their_way: VecDeque::new(),
            fastest: [None; 2],
            period: None,
            late: 0,
            timely: 0,
        }
    }
}

impl Link {
    pub fn bits_per_second(&self) -> usize {
        self.bits_per_second
    }

    pub fn sent(&mut self, view: u8, frame: u32, now: Instant) {
        // Views send two frames ahead; those of views that are gone are never acknowledged.
        if self.on_their_way.len() >= 2 * protocol::MAX_VIEWS {
            self.on_their_way.pop_front();
        }
        self.on_their_way.push_back((view, frame, now));
    }

    pub fn acknowledged(&mut self, view: u8, frame: u32, now: Instant) {
        let place = self.on_their_way.iter().position(|&(v, number, _)| (v, number) == (view, frame));
        let Some((_, _, sent)) = place.and_then(|place| self.on_their_way.remove(place)) else { return };
        let took = now.saturating_duration_since(sent);
        if took > HIDDEN {
            return;
        }
        if self.period.is_none_or(|began| now.saturating_duration_since(began) > REMEMBERED) {
            self.period = Some(now);
            self.fastest = [None, self.fastest[0]];
        }
        self.fastest[0] = Some(self.fastest[0].map_or(took, |fastest| fastest.min(took)));
        let fastest = self.fastest.iter().flatten().min().copied().unwrap_or(took);
        if took > fastest + QUEUES {
            (self.late, self.timely) = (self.late + 1, 0);
        } else {
            (self.late, self.timely) = (0, self.timely + 1);
        }
        if self.late >= LATE {
            self.bits_per_second = (self.bits_per_second * 7 / 10).max(FEWEST_BITS);
            self.late = 0;
        }
        if self.timely >= TIMELY {
            self.bits_per_second = (self.bits_per_second * 11 / 10).min(MOST_BITS);
            self.timely = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link of this rate and delay whose queue holds what does not fit.
    struct Wire {
        link: Link,
        now: Instant,
        /// When the queue has run dry.
        free: Instant,
        frame: u32,
    }

    impl Wire {
        fn new() -> Self {
            let now = Instant::now();
            Self { link: Link::default(), now, free: now, frame: 0 }
        }

        /// Sends 30 frames a second, as large as the budget says, at most two unacknowledged.
        fn run(&mut self, bits_per_second: f64, delay: Duration, frames: u32) -> usize {
            for _ in 0..frames {
                let bits = self.link.bits_per_second() as f64 / 30.0;
                self.frame += 1;
                self.link.sent(0, self.frame, self.now);
                let begins = self.free.max(self.now);
                self.free = begins + Duration::from_secs_f64(bits / bits_per_second);
                let seen = self.free + delay;
                self.link.acknowledged(0, self.frame, seen);
                self.now = (self.now + Duration::from_millis(33)).max(seen - Duration::from_millis(33));
            }
            self.link.bits_per_second()
        }
    }

    #[test]
    fn the_budget_follows_the_link_down_and_up_again() {
        let mut wire = Wire::new();
        let wide = wire.run(100e6, Duration::from_millis(5), 300);
        assert_eq!(wide, MOST_BITS);
        let narrow = wire.run(1e6, Duration::from_millis(50), 200);
        assert!((FEWEST_BITS..3_000_000).contains(&narrow), "{narrow}");
        let again = wire.run(100e6, Duration::from_millis(5), 300);
        assert!(again > 10_000_000, "{again}");
    }

    #[test]
    fn a_long_way_is_not_a_narrow_one() {
        let mut wire = Wire::new();
        assert!(wire.run(100e6, Duration::from_millis(150), 100) >= FIRST_BITS);
    }
}
