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
/// Frames of a view on their way: two, and more where a long way and no queue holds them (TCP Vegas, Brakmo
/// and Peterson 1995, counts the same in segments).
const FEWEST_AHEAD: u32 = 2;
const FEW_QUEUE: f64 = 0.4;
const MANY_QUEUE: f64 = 1.2;

/// One client's way. Quickly down, slowly up.
#[derive(Clone, Debug)]
pub struct Link {
    bits_per_second: usize,
    /// What a transport that sees each packet estimates; it knows better.
    estimate: Option<usize>,
    ahead: u32,
    /// The next frame goes alone, to find out how long the way itself is (as BBR does).
    alone: bool,
    on_their_way: VecDeque<Sent>,
    /// The shortest time of this period, and of the one before.
    fastest: [Option<Duration>; 2],
    period: Option<Instant>,
    late: u32,
    timely: u32,
    /// Frames that queued less, or more, than there should be, in a row.
    spare: u32,
    queued: u32,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    view: u8,
    frame: u32,
    at: Instant,
    /// Of its view, itself included.
    ahead: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            bits_per_second: FIRST_BITS,
            estimate: None,
            ahead: FEWEST_AHEAD,
            alone: false,
            on_their_way: VecDeque::new(),
            fastest: [None; 2],
            period: None,
            late: 0,
            timely: 0,
            spare: 0,
            queued: 0,
        }
    }
}

impl Link {
    /// For all views together.
    pub fn bits_per_second(&self) -> usize {
        self.estimate.unwrap_or(self.bits_per_second).clamp(FEWEST_BITS, MOST_BITS)
    }

    /// A transport that sees each packet has estimated what there is for all views together.
    pub fn estimated(&mut self, bits_per_second: usize) {
        self.estimate = Some(bits_per_second);
    }

    /// Frames of one view that may be unacknowledged.
    pub fn ahead(&self) -> u32 {
        if self.alone { 1 } else { self.ahead }
    }

    /// `ahead` frames of the view are unacknowledged with this one.
    pub fn sent(&mut self, view: u8, frame: u32, ahead: u32, now: Instant) {
        // Those of views that are gone are never acknowledged.
        if self.on_their_way.len() >= protocol::MAX_UNACKNOWLEDGED as usize * protocol::MAX_VIEWS {
            self.on_their_way.pop_front();
        }
        self.on_their_way.push_back(Sent { view, frame, at: now, ahead });
    }

    pub fn acknowledged(&mut self, view: u8, frame: u32, now: Instant) {
        let is_it = |sent: &Sent| (sent.view, sent.frame) == (view, frame);
        let place = self.on_their_way.iter().position(is_it);
        let Some(sent) = place.and_then(|place| self.on_their_way.remove(place)) else { return };
        let took = now.saturating_duration_since(sent.at);
        if took > HIDDEN {
            return;
        }
        if self.period.is_none_or(|began| now.saturating_duration_since(began) > REMEMBERED) {
            self.alone = self.period.replace(now).is_some();
            self.fastest = [None, self.fastest[0]];
        }
        if sent.ahead == 1 {
            self.alone = false;
        }
        self.fastest[0] = Some(self.fastest[0].map_or(took, |fastest| fastest.min(took)));
        let fastest = self.fastest.iter().flatten().min().copied().unwrap_or(took);
        self.count_queue(sent.ahead, fastest, took);
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

    /// Of the frames that were on their way, the part by which this one took longer than the fastest waited
    /// in a queue.
    fn count_queue(&mut self, ahead: u32, fastest: Duration, took: Duration) {
        let queue = f64::from(ahead) * (1.0 - fastest.as_secs_f64() / took.as_secs_f64().max(1e-6));
        let (spare, queued) = (queue < FEW_QUEUE && ahead >= self.ahead, queue > MANY_QUEUE);
        self.spare = if spare { self.spare + 1 } else { 0 };
        self.queued = if queued { self.queued + 1 } else { 0 };
        if self.spare >= self.ahead {
            (self.ahead, self.spare) = ((self.ahead + 1).min(protocol::MAX_UNACKNOWLEDGED), 0);
        }
        if self.queued >= LATE {
            (self.ahead, self.queued) = ((self.ahead - 1).max(FEWEST_AHEAD), 0);
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
        /// Frames on their way and when they are acknowledged.
        seen: VecDeque<(u32, Instant)>,
    }

    impl Wire {
        fn new() -> Self {
            let now = Instant::now();
            Self { link: Link::default(), now, free: now, frame: 0, seen: VecDeque::new() }
        }

        /// Sends 30 frames a second, as large as the budget says, as many ahead as the link says. Returns the
        /// budget and the frames a second that there were.
        fn run(&mut self, bits_per_second: f64, delay: Duration, frames: u32) -> (usize, f64) {
            let began = self.now;
            for _ in 0..frames {
                while self.seen.len() >= self.link.ahead() as usize {
                    self.hear();
                }
                while self.seen.front().is_some_and(|(_, at)| *at <= self.now) {
                    self.hear();
                }
                let bits = self.link.bits_per_second() as f64 / 30.0;
                self.frame += 1;
                self.link.sent(0, self.frame, self.seen.len() as u32 + 1, self.now);
                let begins = self.free.max(self.now);
                self.free = begins + Duration::from_secs_f64(bits / bits_per_second);
                self.seen.push_back((self.frame, self.free + delay));
                self.now += Duration::from_millis(33);
            }
            (self.link.bits_per_second(), f64::from(frames) / (self.now - began).as_secs_f64())
        }

        fn hear(&mut self) {
            let Some((frame, at)) = self.seen.pop_front() else { return };
            self.link.acknowledged(0, frame, at);
            self.now = self.now.max(at);
        }
    }

    #[test]
    fn the_budget_follows_the_link_down_and_up_again() {
        let mut wire = Wire::new();
        let (wide, _) = wire.run(100e6, Duration::from_millis(5), 300);
        assert_eq!(wide, MOST_BITS);
        let (narrow, _) = wire.run(1e6, Duration::from_millis(50), 200);
        assert!((FEWEST_BITS..3_000_000).contains(&narrow), "{narrow}");
        let (again, _) = wire.run(100e6, Duration::from_millis(5), 300);
        assert!(again > 10_000_000, "{again}");
    }

    #[test]
    fn a_long_way_is_not_a_narrow_one_and_is_filled() {
        let mut wire = Wire::new();
        wire.run(100e6, Duration::from_millis(150), 100);
        let (bits, rate) = wire.run(100e6, Duration::from_millis(150), 100);
        assert!(bits >= FIRST_BITS);
        assert!(rate > 25.0, "{rate}");
    }

    #[test]
    fn a_slow_client_near_by_gets_two_frames_ahead() {
        let mut wire = Wire::new();
        // Each frame takes it 100 ms, and waits for the one before.
        let mut free = wire.now;
        for frame in 1..1000 {
            let ahead = wire.seen.len() as u32 + 1;
            wire.link.sent(0, frame, ahead, wire.now);
            free = free.max(wire.now) + Duration::from_millis(100);
            wire.seen.push_back((frame, free));
            while wire.seen.len() >= wire.link.ahead() as usize {
                wire.hear();
            }
        }
        assert_eq!(wire.link.ahead(), FEWEST_AHEAD);
    }

    #[test]
    fn what_sees_each_packet_knows_better() {
        let mut link = Link::default();
        link.estimated(2_000_000);
        assert_eq!(link.bits_per_second(), 2_000_000);
        link.estimated(1);
        assert_eq!(link.bits_per_second(), FEWEST_BITS);
    }
}
