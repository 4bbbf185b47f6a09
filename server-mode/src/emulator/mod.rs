//! Networks as they are outside a laboratory, for measuring and for tests: delay, jitter, loss, and a
//! bottleneck with a queue. The same seed does the same to the same packets.
//!
//! ```text
//! Path  one packet   -> when it arrives, or that it is lost          sans-IO
//! Tcp   bytes        -> when they arrive, in order and all of them   sans-IO
//! Relay              passes on what it gets as one of the two says
//! ```
//!
//! Times are counted from any moment that the caller likes, and never go back.

mod relay;
mod tcp;

use std::time::Duration;

pub use relay::Relay;
pub use tcp::{Delivery, Tcp};

/// One direction of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// From one end to the other.
    pub delay: Duration,
    /// Packets take up to so much longer, each another part of it; none overtakes another.
    pub jitter: Duration,
    /// The share of packets that are lost by chance, from 0 to 1.
    pub loss: f64,
    /// What the narrowest place carries; no limit where `None`.
    pub bits_per_second: Option<f64>,
    /// How long packets wait there at most; one that would wait longer is lost.
    pub queue: Duration,
}

impl Default for Conditions {
    /// Nothing stands in the way.
    fn default() -> Self {
        let none = Duration::ZERO;
        Self { delay: none, jitter: none, loss: 0.0, bits_per_second: None, queue: DEFAULT_QUEUE }
    }
}

/// More than a fifth of a second is common in home routers, less in those that manage their queues.
pub const DEFAULT_QUEUE: Duration = Duration::from_millis(200);

/// Both directions of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Network {
    /// To the clients.
    pub down: Conditions,
    /// To the server.
    pub up: Conditions,
}

impl Network {
    /// Whether there is anything that a loopback interface does not do by itself.
    pub fn is_plain(&self) -> bool {
        let is_plain = |way: Conditions| Conditions { queue: DEFAULT_QUEUE, ..way } == Conditions::default();
        is_plain(self.down) && is_plain(self.up)
    }
}

/// What happens to packets on their way in one direction.
#[derive(Clone, Debug)]
pub struct Path {
    conditions: Conditions,
    chance: Chance,
    /// When the narrowest place has passed on all that it got.
    free: Duration,
    last_arrival: Duration,
}

impl Path {
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self { conditions, chance: Chance(seed), free: Duration::ZERO, last_arrival: Duration::ZERO }
    }

    /// From now on it is another one; what has been sent arrives as it was to.
    pub fn change(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Of what was sent only this is left, which arrives then.
    fn forget(&mut self, last_arrival: Duration) {
        self.free = last_arrival.saturating_sub(self.conditions.delay);
        self.last_arrival = last_arrival;
    }

    /// When a packet arrives that is sent now; `None` where it is lost.
    pub fn send(&mut self, now: Duration, bytes: usize) -> Option<Duration> {
        let takes = self.on_the_line(bytes);
        let waits = self.free.saturating_sub(now);
        if self.conditions.bits_per_second.is_some() && waits > self.conditions.queue {
            return None;
        }
        self.free = now + waits + takes;
        let arrival = self.cross(self.free)?.max(self.last_arrival);
        self.last_arrival = arrival;
        Some(arrival)
    }

    /// How long a packet would wait now in front of the narrowest place.
    fn queued(&self, now: Duration) -> Duration {
        self.free.saturating_sub(now)
    }

    /// What the rest of the way does: loss, delay and jitter.
    fn cross(&mut self, at: Duration) -> Option<Duration> {
        let is_lost = self.chance.next() < self.conditions.loss;
        let jitter = self.conditions.jitter.mul_f64(self.chance.next());
        (!is_lost).then_some(at + self.conditions.delay + jitter)
    }

    fn on_the_line(&self, bytes: usize) -> Duration {
        let bits = bytes as f64 * 8.0;
        self.conditions.bits_per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bits / rate))
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    /// From 0 to less than 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_plain_path_takes_no_time_and_loses_nothing() {
        let mut path = Path::new(Conditions::default(), 1);
        for packet in 0..1000 {
            assert_eq!(path.send(packet * MS, 1500), Some(packet * MS));
        }
    }

    #[test]
    fn what_the_line_cannot_carry_waits_and_what_the_queue_cannot_hold_is_lost() {
        // 1500 bytes take 12 ms.
        let conditions = Conditions {
            delay: 50 * MS,
            bits_per_second: Some(1e6),
            queue: 36 * MS,
            ..Conditions::default()
        };
        let mut path = Path::new(conditions, 1);
        let fates: Vec<_> = (0..6).map(|_| path.send(Duration::ZERO, 1500)).collect();
        assert_eq!(fates, [Some(62 * MS), Some(74 * MS), Some(86 * MS), Some(98 * MS), None, None]);
        assert_eq!(path.send(100 * MS, 1500), Some(162 * MS), "what was lost takes no room");
    }

    #[test]
    fn a_line_that_gets_narrower_carries_less_from_then_on() {
        let conditions = |rate| Conditions { bits_per_second: Some(rate), ..Conditions::default() };
        let mut path = Path::new(conditions(1e6), 1);
        assert_eq!(path.send(Duration::ZERO, 1500), Some(12 * MS));
        path.change(conditions(0.5e6));
        assert_eq!(path.send(Duration::ZERO, 1500), Some(36 * MS));
    }

    #[test]
    fn chance_loses_its_share_and_the_same_seed_the_same_packets() {
        let conditions = Conditions { loss: 0.01, ..Conditions::default() };
        let fates = |seed| {
            let mut path = Path::new(conditions, seed);
            (0..100_000).map(|n| path.send(n * MS, 100).is_none()).collect::<Vec<_>>()
        };
        let lost = fates(7).iter().filter(|lost| **lost).count();
        assert!((900..1100).contains(&lost), "{lost} of 100 000");
        assert_eq!(fates(7), fates(7));
        assert_ne!(fates(7), fates(8));
    }

    #[test]
    fn jitter_delays_but_changes_no_order() {
        let conditions = Conditions { delay: 20 * MS, jitter: 30 * MS, ..Conditions::default() };
        let mut path = Path::new(conditions, 3);
        let arrivals: Vec<_> = (0..1000).map(|n| path.send(n * MS, 100).expect("no loss")).collect();
        assert!(arrivals.is_sorted());
        let delays: Vec<_> = arrivals.iter().zip(0..).map(|(arrival, n)| *arrival - n * MS).collect();
        assert!(delays.iter().all(|delay| (20 * MS..50 * MS).contains(delay)));
        assert!(delays.iter().max() > Some(&(48 * MS)));
    }
}
