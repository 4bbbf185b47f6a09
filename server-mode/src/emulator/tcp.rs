//! What TCP makes of a path: nothing is lost, but what is lost on the way holds back all that follows.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use super::{Conditions, Path};

/// Payload of a segment on Ethernet, with timestamps.
const SEGMENT_BYTES: usize = 1448;
/// Of IP and TCP.
const HEADER_BYTES: usize = 52;
/// Segments that may be on their way before the first acknowledgement (RFC 6928).
const FIRST_WINDOW: f64 = 10.0;
const SMALLEST_WINDOW: f64 = 2.0;
/// What is left of the window after a loss, and how many segments it then grows by in a round trip: CUBIC
/// where it is as fast as Reno, which it is at these rates (RFC 9438, 4.3).
const AFTER_LOSS: f64 = 0.7;
const GROWTH: f64 = 0.53;
/// Over the round trip, where even what was sent again is lost: Linux' least.
const TIMEOUT: Duration = Duration::from_millis(200);

/// One direction of a connection.
///
/// Segments leave as the congestion window allows, and pass the path. One that is lost is noticed when a later
/// one is acknowledged, a round trip and a quarter after it left (RACK), or by a probe after two round trips
/// where none follows (RFC 8985), then sent again; if that is lost, too, after a timeout that doubles. Every
/// loss, by chance or by a full queue, shrinks the window once in a round trip. What is sent again does not
/// queue; acknowledgements are not lost; the handshake costs nothing; the receiver's window is no limit; an
/// idle connection keeps its window.
#[derive(Clone, Debug)]
pub struct Tcp {
    path: Path,
    /// Acknowledgements' way.
    back: Duration,
    window: f64,
    /// The window grows by a segment for each that is acknowledged, up to here.
    threshold: f64,
    /// When what is on its way will have been acknowledged.
    in_flight: BinaryHeap<Reverse<Duration>>,
    left: Duration,
    arrived: Duration,
    asked: Duration,
    /// A loss before this time has been answered.
    recovers_until: Duration,
    /// Something had to wait for the window in the round trip before; one that is not used does not grow.
    limits_until: Duration,
}

/// Bytes that the receiver gets together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub at: Duration,
    /// When they leave the sender.
    pub left: Duration,
    pub bytes: usize,
}

impl Tcp {
    /// `back` is the other direction's delay.
    pub fn new(conditions: Conditions, back: Duration, seed: u64) -> Self {
        Self {
            path: Path::new(conditions, seed),
            back,
            window: FIRST_WINDOW,
            threshold: f64::INFINITY,
            in_flight: BinaryHeap::new(),
            left: Duration::ZERO,
            arrived: Duration::ZERO,
            asked: Duration::ZERO,
            recovers_until: Duration::ZERO,
            limits_until: Duration::ZERO,
        }
    }

    /// From now on the path is another one. What is on its way arrives as it was to; what had to wait leaves by the new
    /// path, of which these are deliveries to come.
    pub fn change(
        &mut self,
        now: Duration,
        conditions: Conditions,
        back: Duration,
        deliveries: &mut VecDeque<Delivery>,
    ) {
        if (self.path.conditions, self.back) == (conditions, back) {
            return;
        }
        self.path.change(conditions);
        self.back = back;
        let gone = deliveries.partition_point(|delivery| delivery.left <= now);
        let waiting: usize = deliveries.drain(gone..).map(|delivery| delivery.bytes).sum();
        if waiting > 0 {
            self.arrived = deliveries.back().map_or(now, |last| last.at);
            self.left = now;
            self.in_flight = deliveries.iter().map(|delivery| Reverse(delivery.at + back)).collect();
            self.path.forget(self.arrived);
            (self.recovers_until, self.limits_until) = (now, now);
            self.send(now, waiting, deliveries);
        }
    }

    /// Sends bytes, and appends when they arrive.
    pub fn send(&mut self, now: Duration, bytes: usize, deliveries: &mut VecDeque<Delivery>) {
        let gap = now.saturating_sub(std::mem::replace(&mut self.asked, now));
        let mut rest = bytes;
        while rest > 0 {
            let segment = rest.min(SEGMENT_BYTES);
            rest -= segment;
            // The last one is followed by the next write's, which will take as long to come as this one did.
            let next = if rest > 0 { Duration::ZERO } else { gap };
            let at = self.segment(now, segment, next);
            deliveries.push_back(Delivery { at, left: self.left, bytes: segment });
        }
    }

    /// When a segment arrives that is followed by another one so much later.
    fn segment(&mut self, now: Duration, bytes: usize, next: Duration) -> Duration {
        self.left = self.left.max(now);
        while let Some(&Reverse(acknowledged)) = self.in_flight.peek() {
            let full = self.in_flight.len() >= self.window as usize;
            if !full && acknowledged > self.left {
                break;
            }
            self.left = self.left.max(acknowledged);
            if full {
                self.limits_until = self.left + self.rtt();
            }
            if acknowledged <= self.limits_until {
                self.grow();
            }
            self.in_flight.pop();
        }
        let rtt = self.rtt();
        let arrival = self.path.send(self.left, bytes + HEADER_BYTES);
        let arrival = arrival.unwrap_or_else(|| self.send_again(rtt, next));
        self.in_flight.push(Reverse(arrival + self.back));
        self.arrived = self.arrived.max(arrival);
        self.arrived
    }

    fn send_again(&mut self, rtt: Duration, next: Duration) -> Duration {
        let mut at = self.left + (rtt + rtt / 4 + next).min(rtt * 2);
        if self.left >= self.recovers_until {
            self.window = (self.window * AFTER_LOSS).max(SMALLEST_WINDOW);
            self.threshold = self.window;
            self.recovers_until = at;
        }
        let mut timeout = rtt + TIMEOUT;
        loop {
            if let Some(arrival) = self.path.cross(at) {
                return arrival;
            }
            self.window = SMALLEST_WINDOW;
            at += timeout;
            timeout *= 2;
        }
    }

    /// A segment was acknowledged.
    fn grow(&mut self) {
        self.window += if self.window < self.threshold { 1.0 } else { GROWTH / self.window };
    }

    fn rtt(&self) -> Duration {
        self.path.conditions.delay + self.back + self.path.queued(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sends frames of so many bytes, so far apart, and returns how long each took.
    fn frames(conditions: Conditions, bytes: usize, every: Duration, count: u32) -> Vec<Duration> {
        let mut tcp = Tcp::new(conditions, conditions.delay, 5);
        (0..count)
            .map(|n| {
                let (now, mut deliveries) = (n * every, VecDeque::new());
                tcp.send(now, bytes, &mut deliveries);
                assert_eq!(deliveries.iter().map(|delivery| delivery.bytes).sum::<usize>(), bytes);
                assert!(deliveries.iter().is_sorted_by_key(|delivery| delivery.at));
                deliveries.back().expect("bytes").at - now
            })
            .collect()
    }

    /// Bits a second that arrive when there is always something to send.
    fn throughput(conditions: Conditions) -> f64 {
        let (bytes, mut deliveries) = (20_000_000, VecDeque::new());
        Tcp::new(conditions, conditions.delay, 5).send(Duration::ZERO, bytes, &mut deliveries);
        bytes as f64 * 8.0 / deliveries.back().expect("bytes").at.as_secs_f64()
    }

    #[test]
    fn a_plain_connection_takes_no_time() {
        assert!(frames(Conditions::default(), 100_000, MS, 1000).iter().all(Duration::is_zero));
    }

    #[test]
    fn frames_that_fit_the_window_take_the_delay_and_larger_ones_wait_for_acknowledgements() {
        let conditions = Conditions { delay: 50 * MS, ..Conditions::default() };
        assert!(frames(conditions, 10 * SEGMENT_BYTES, 200 * MS, 10).iter().all(|took| *took == 50 * MS));
        let first = frames(conditions, 40 * SEGMENT_BYTES, 200 * MS, 1)[0];
        assert_eq!(first, 250 * MS, "10, 20, then the rest: two more round trips");
    }

    #[test]
    fn a_lost_segment_holds_back_what_follows_for_about_a_round_trip() {
        let conditions = Conditions { delay: 50 * MS, loss: 0.01, ..Conditions::default() };
        let took = frames(conditions, 2000, 33 * MS, 3000);
        let late = took.iter().filter(|took| **took > 50 * MS).count();
        // One frame in fifty has a segment that is lost, and some four come after it in its round trip; more
        // wait for a window that loss has made small.
        assert!((150..900).contains(&late), "{late} of 3000");
        assert!(took.iter().all(|took| *took >= 50 * MS));
        let worst = took.iter().max().expect("frames");
        assert!((150 * MS..800 * MS).contains(worst), "{worst:?}");
    }

    #[test]
    fn loss_by_chance_limits_throughput_as_it_does_to_real_connections() {
        let conditions = Conditions { delay: 50 * MS, loss: 0.01, ..Conditions::default() };
        // Mathis, Semke, Mahdavi, Ott 1997: segment / RTT * 1.22 / sqrt(loss) = 1.41 Mbit/s.
        let bits = throughput(conditions);
        assert!((1.0e6..1.9e6).contains(&bits), "{bits}");
    }

    #[test]
    fn a_bottleneck_is_filled_without_loss_by_chance() {
        let conditions = Conditions { delay: 50 * MS, bits_per_second: Some(5e6), ..Conditions::default() };
        let bits = throughput(conditions);
        assert!((4.2e6..5.0e6).contains(&bits), "{bits}");
    }

    #[test]
    fn what_waits_in_front_of_a_narrow_way_leaves_by_the_one_that_follows() {
        let narrow = Conditions { delay: 50 * MS, bits_per_second: Some(30e3), ..Conditions::default() };
        let wide = Conditions { bits_per_second: Some(5e6), ..narrow };
        let (mut tcp, mut deliveries) = (Tcp::new(narrow, narrow.delay, 5), VecDeque::new());
        tcp.send(Duration::ZERO, 256 << 10, &mut deliveries);
        assert!(deliveries.back().expect("bytes").at > 20_000 * MS);
        let now = 2000 * MS;
        let before: Vec<_> = deliveries.iter().copied().filter(|delivery| delivery.left <= now).collect();
        tcp.change(now, wide, wide.delay, &mut deliveries);
        assert!(deliveries.iter().copied().take(before.len()).eq(before), "what is on its way stays so");
        assert!(deliveries.iter().is_sorted_by_key(|delivery| delivery.at));
        assert_eq!(deliveries.iter().map(|delivery| delivery.bytes).sum::<usize>(), 256 << 10);
        assert!(deliveries.back().expect("bytes").at < 10_000 * MS, "{:?}", deliveries.back());
        tcp.change(2100 * MS, narrow, narrow.delay, &mut deliveries);
        assert!(deliveries.back().expect("bytes").at > 20_000 * MS, "{:?}", deliveries.back());
    }

    #[test]
    fn the_same_seed_does_the_same() {
        let conditions = Conditions {
            delay: 20 * MS,
            jitter: 9 * MS,
            loss: 0.05,
            bits_per_second: Some(1e6),
            ..Conditions::default()
        };
        assert_eq!(frames(conditions, 5000, 33 * MS, 200), frames(conditions, 5000, 33 * MS, 200));
    }
}
