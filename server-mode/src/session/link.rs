//! How much the way to the client carries, told from when frames are acknowledged.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const FIRST_BITS: usize = 8_000_000;
const FEWEST_BITS: usize = 300_000;
const MOST_BITS: usize = 40_000_000;
/// Frames that come so much later than the fastest ones wait in a queue.
const QUEUES: Duration = Duration::from_millis(60);
/// Frames that come so much later have filled the way for long: it carries what has arrived, and no more.
const FLOODED: Duration = Duration::from_millis(400);
/// Arrivals over which that is measured.
const ARRIVALS: usize = 8;
/// The fastest one of so many seconds counts, so that a link that has become longer is not taken for a
/// slow one for ever.
const REMEMBERED: Duration = Duration::from_secs(10);
/// A client that takes so long has hidden its view; that tells nothing of the link.
const HIDDEN: Duration = Duration::from_secs(5);
/// There is less when all frames that left in so long a time, or in two and a half round trips, were late. A packet
/// that is lost holds up what is on its way behind it, once; that is no sign of a narrow way.
const LATE: Duration = Duration::from_millis(200);
const LATE_ROUND_TRIPS: f64 = 2.5;
/// What is left then, in percent: of what arrives, so that the queue runs dry, and of what was sent.
const OF_ARRIVALS: usize = 85;
const OF_BUDGET: usize = 90;
/// A frame that may be lost is given up after so long, sooner where the fastest ones need less than a part of it. There
/// is less then, in percent.
const PATIENCE: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(300)];
const OF_STALLED: usize = 60;
/// Timely frames before there is more, and how many percent.
const TIMELY: u32 = 6;
const MORE: usize = 8;
/// While the last of so many frames waited for longer than this, what follows is smaller: the less the longer, by
/// all of it where they waited for so much longer, but for the least.
const WAITED: usize = 3;
const WAITS: Duration = Duration::from_millis(25);
const FADES: Duration = Duration::from_millis(200);
const LEAST_SHARE: f64 = 0.4;
/// Frames of a view on their way: two, and one more for each of these that the way itself is long.
const FEWEST_AHEAD: u32 = 2;
const FRAME: Duration = Duration::from_millis(25);
/// The shortest round trip of so many counts: the others waited behind pictures.
const ROUND_TRIPS: usize = 12;

/// Nothing has moved for so long: what pictures at rest told of the way counts more than what was before.
const RESTED: Duration = Duration::from_secs(1);
/// Pictures at rest that tell it, and how large they have to be.
const LARGE: usize = 4 << 10;
const LARGE_ONES: usize = 5;

/// One client's way. Quickly down, slowly up.
#[derive(Clone, Debug)]
pub struct Link {
    bits_per_second: usize,
    /// What a transport that sees each packet estimates. It knows better, but is slow to notice that a way has become
    /// narrow.
    estimate: Option<usize>,
    /// How long the way to the client and back is, measured by pings.
    round_trips: VecDeque<Duration>,
    on_their_way: VecDeque<Sent>,
    /// When frames arrived, and their bytes.
    arrived: VecDeque<(Instant, usize)>,
    /// The view of the newest frame that arrived.
    heard: Option<u8>,
    /// How long the last ones took.
    took: VecDeque<Duration>,
    /// The shortest time of this period, and of the one before.
    fastest: [Option<Duration>; 2],
    period: Option<Instant>,
    /// When the first one of the frames left that have been late in a row.
    late_since: Option<Instant>,
    timely: u32,
    /// Bits a second of large pictures at rest.
    large: VecDeque<usize>,
    sent_at: Option<Instant>,
    /// When there was last less: frames that left before cannot tell whether that was enough.
    lowered_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    view: u8,
    frame: u32,
    bytes: usize,
    at: Instant,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            bits_per_second: FIRST_BITS,
            estimate: None,
            round_trips: VecDeque::new(),
            on_their_way: VecDeque::new(),
            arrived: VecDeque::new(),
            heard: None,
            took: VecDeque::new(),
            fastest: [None; 2],
            period: None,
            late_since: None,
            timely: 0,
            large: VecDeque::new(),
            sent_at: None,
            lowered_at: None,
        }
    }
}

impl Link {
    /// For all views together.
    pub fn bits_per_second(&self) -> usize {
        let estimate = self.estimate.unwrap_or(MOST_BITS);
        self.bits_per_second.min(estimate).clamp(FEWEST_BITS, MOST_BITS)
    }

    /// A transport that sees each packet has estimated what there is for all views together.
    pub fn estimated(&mut self, bits_per_second: usize) {
        self.estimate = Some(bits_per_second);
    }

    /// A packet and its answer took so long.
    pub fn round_trip(&mut self, took: Duration) {
        if self.round_trips.len() >= ROUND_TRIPS {
            self.round_trips.pop_front();
        }
        self.round_trips.push_back(took);
    }

    pub fn shortest_round_trip(&self) -> Option<Duration> {
        self.round_trips.iter().min().copied()
    }

    /// Frames of one view that may be unacknowledged.
    pub fn ahead(&self) -> u32 {
        let shortest = self.shortest_round_trip().unwrap_or_default();
        let on_the_way = (shortest.as_secs_f64() / FRAME.as_secs_f64()).round() as u32;
        FEWEST_AHEAD.saturating_add(on_the_way).min(protocol::MAX_UNACKNOWLEDGED)
    }

    /// A picture at rest was acknowledged.
    pub fn carried_large(&mut self, bytes: usize, took: Duration) {
        if bytes < LARGE {
            return;
        }
        let shortest = self.shortest_round_trip().unwrap_or_default();
        let time = took.saturating_sub(shortest).max(Duration::from_millis(1));
        if self.large.len() >= LARGE_ONES {
            self.large.pop_front();
        }
        self.large.push_back((bytes as f64 * 8.0 / time.as_secs_f64()) as usize);
    }

    /// A picture of what moves has left.
    pub fn sent(&mut self, view: u8, frame: u32, bytes: usize, now: Instant) {
        self.sent_at = Some(now);
        // Those of views that are gone are never acknowledged.
        if self.on_their_way.len() >= protocol::MAX_UNACKNOWLEDGED as usize * protocol::MAX_VIEWS {
            self.on_their_way.pop_front();
        }
        self.on_their_way.push_back(Sent { view, frame, bytes, at: now });
    }

    /// What is on its way to a view tells nothing more.
    pub fn forget(&mut self, view: u8) {
        self.on_their_way.retain(|sent| sent.view != view);
    }

    /// Something begins to move. Pictures at rest tell nothing of a transport that estimates: theirs may be another one,
    /// which losses hold up.
    pub fn begin(&mut self, now: Instant) {
        if self.estimate.is_some() {
            return;
        }
        if self.sent_at.is_some_and(|at| now.saturating_duration_since(at) < RESTED) {
            return;
        }
        let mut large: Vec<usize> = self.large.iter().copied().collect();
        large.sort_unstable();
        if let Some(&middle) = large.get(large.len() / 2) {
            self.bits_per_second = (middle * 9 / 10).clamp(FEWEST_BITS, MOST_BITS);
        }
    }

    /// Bits a second that have arrived lately.
    fn carried(&self) -> Option<usize> {
        let (first, _) = self.arrived.front()?;
        let (last, _) = self.arrived.back()?;
        let bits = self.arrived.iter().skip(1).map(|(_, bytes)| *bytes).sum::<usize>() * 8;
        let time = last.saturating_duration_since(*first);
        (time > QUEUES).then(|| (bits as f64 / time.as_secs_f64()) as usize)
    }

    /// What part of the budget the next picture may have: less while those before it wait on the way. That passes with
    /// the queue, so the budget itself stays.
    pub fn share(&self, now: Instant) -> f64 {
        let Some(fastest) = self.fastest() else { return 1.0 };
        let ages = self.on_their_way.iter().map(|sent| now.saturating_duration_since(sent.at));
        let waits = ages.filter(|age| *age <= HIDDEN).max();
        let took = self.took.iter().min().copied().max(waits).unwrap_or_default();
        let queued = took.saturating_sub(fastest + WAITS);
        (1.0 - queued.as_secs_f64() / FADES.as_secs_f64()).max(LEAST_SHARE)
    }

    /// How long a frame that may be lost holds up the next one.
    pub fn patience(&self) -> Duration {
        let [least, most] = PATIENCE;
        self.fastest().map_or(most, |fastest| (2 * fastest + least / 2).clamp(least, most))
    }

    /// Nothing has come of what a view was sent since then. Where another view's frames arrive, the client just does not
    /// say so, as of a view that it has hidden.
    pub fn stalled(&mut self, view: u8, since: Instant, now: Instant) {
        let carries = self.arrived.back().is_some_and(|(at, _)| *at > since);
        if carries && self.heard != Some(view) {
            return;
        }
        if self.lowered_at.is_none_or(|at| now.saturating_duration_since(at) >= self.patience()) {
            self.bits_per_second = (self.bits_per_second() / 100 * OF_STALLED).max(FEWEST_BITS);
            (self.late_since, self.lowered_at, self.timely) = (None, Some(now), 0);
        }
    }

    fn fastest(&self) -> Option<Duration> {
        self.fastest.iter().flatten().min().copied()
    }

    pub fn acknowledged(&mut self, view: u8, frame: u32, now: Instant) {
        let is_it = |sent: &Sent| (sent.view, sent.frame) == (view, frame);
        let Some(&sent) = self.on_their_way.iter().find(|sent| is_it(sent)) else { return };
        // Clients do not acknowledge a frame that they have got another one after.
        let until = sent.at;
        let mut bytes = 0;
        self.on_their_way.retain(|sent| {
            let is_there = sent.view == view && sent.at <= until;
            bytes += if is_there { sent.bytes } else { 0 };
            !is_there
        });
        let took = now.saturating_duration_since(sent.at);
        if took > HIDDEN {
            return;
        }
        if self.took.len() >= WAITED {
            self.took.pop_front();
        }
        self.took.push_back(took);
        if self.arrived.len() >= ARRIVALS {
            self.arrived.pop_front();
        }
        self.arrived.push_back((now, bytes));
        self.heard = Some(view);
        if self.period.is_none_or(|began| now.saturating_duration_since(began) > REMEMBERED) {
            self.period = Some(now);
            self.fastest = [None, self.fastest[0]];
        }
        self.fastest[0] = Some(self.fastest[0].map_or(took, |fastest| fastest.min(took)));
        let fastest = self.fastest().unwrap_or(took);
        let left_before = self.lowered_at.is_some_and(|lowered| sent.at < lowered);
        if took <= fastest + QUEUES {
            (self.late_since, self.timely) = (None, self.timely + 1);
        } else if !left_before {
            let flooded = took > fastest + FLOODED;
            let since = *self.late_since.get_or_insert(sent.at);
            let patience = LATE.max(fastest.mul_f64(LATE_ROUND_TRIPS));
            if flooded || sent.at.saturating_duration_since(since) >= patience {
                let arrives = self.carried().map_or(usize::MAX, |carried| carried / 100 * OF_ARRIVALS);
                self.bits_per_second = (self.bits_per_second / 100 * OF_BUDGET).min(arrives).max(FEWEST_BITS);
                (self.late_since, self.lowered_at, self.timely) = (None, Some(now), 0);
            }
        }
        if self.timely >= TIMELY {
            self.bits_per_second = (self.bits_per_second / 100 * (100 + MORE)).min(MOST_BITS);
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
            self.link.round_trip(delay);
            for _ in 0..frames {
                while self.seen.len() >= self.link.ahead() as usize {
                    self.hear();
                }
                while self.seen.front().is_some_and(|(_, at)| *at <= self.now) {
                    self.hear();
                }
                let bits = self.link.bits_per_second() as f64 / 30.0;
                self.frame += 1;
                self.link.sent(0, self.frame, (bits / 8.0) as usize, self.now);
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
        let (bits, rate) = wire.run(100e6, Duration::from_millis(150), 100);
        assert!(bits >= FIRST_BITS);
        assert!(rate > 25.0, "{rate}");
    }

    #[test]
    fn pings_that_waited_behind_pictures_tell_nothing_of_the_distance() {
        let mut link = Link::default();
        assert_eq!(link.ahead(), FEWEST_AHEAD);
        [900, 100, 400].into_iter().for_each(|ms| link.round_trip(Duration::from_millis(ms)));
        assert_eq!(link.ahead(), FEWEST_AHEAD + 4);
        (0..ROUND_TRIPS).for_each(|_| link.round_trip(Duration::from_secs(900)));
        assert_eq!(link.ahead(), protocol::MAX_UNACKNOWLEDGED);
    }

    #[test]
    fn packets_that_are_lost_now_and_then_do_not_narrow_the_way() {
        let mut wire = Wire::new();
        for _ in 0..20 {
            wire.run(100e6, Duration::from_millis(100), 20);
            // What is on its way waits for what is sent again.
            let again = wire.now + Duration::from_millis(250);
            wire.seen.iter_mut().for_each(|(_, at)| *at = (*at).max(again));
        }
        assert!(wire.link.bits_per_second() >= FIRST_BITS, "{}", wire.link.bits_per_second());
    }

    #[test]
    fn a_view_whose_frames_nobody_sees_narrows_nothing() {
        let (mut link, now) = (Link::default(), Instant::now());
        let at = |ms| now + Duration::from_millis(ms);
        (0..2).for_each(|view| link.sent(view, 1, 10_000, now));
        link.acknowledged(0, 1, at(20));
        let before = link.bits_per_second();
        link.stalled(1, now, at(300));
        assert_eq!(link.bits_per_second(), before, "another view's frames arrive");
        (0..2).for_each(|view| link.sent(view, 2, 10_000, at(320)));
        link.stalled(1, at(320), at(620));
        assert!(link.bits_per_second() < before, "nothing arrives");
    }

    #[test]
    fn pictures_at_rest_tell_what_to_begin_with() {
        let (mut link, start) = (Link::default(), Instant::now());
        link.round_trip(Duration::from_millis(100));
        // 1 Mbit/s.
        (0..LARGE_ONES).for_each(|_| link.carried_large(10_000, Duration::from_millis(180)));
        link.carried_large(100, Duration::from_millis(100));
        link.begin(start);
        assert_eq!(link.bits_per_second(), 900_000);
        link.sent(0, 1, 4000, start);
        (0..LARGE_ONES).for_each(|_| link.carried_large(1 << 20, Duration::from_millis(101)));
        link.begin(start + Duration::from_millis(500));
        assert_eq!(link.bits_per_second(), 900_000, "while it moves, what moves tells more");
        link.begin(start + RESTED);
        assert_eq!(link.bits_per_second(), MOST_BITS);
    }

    #[test]
    fn where_a_transport_estimates_pictures_at_rest_tell_nothing() {
        let (mut link, start) = (Link::default(), Instant::now());
        link.estimated(2_500_000);
        // What losses hold up comes with 300 kbit/s.
        (0..LARGE_ONES).for_each(|_| link.carried_large(10_000, Duration::from_millis(270)));
        link.begin(start);
        assert_eq!(link.bits_per_second(), 2_500_000);
    }

    #[test]
    fn while_pictures_wait_the_next_ones_are_smaller_and_the_budget_stays() {
        let (mut link, start) = (Link::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        link.sent(0, 1, 5000, at(0));
        link.acknowledged(0, 1, at(100));
        link.sent(0, 2, 5000, at(100));
        link.sent(0, 3, 5000, at(130));
        assert_eq!(link.share(at(220)), 1.0);
        assert!((0.4..0.6).contains(&link.share(at(320))), "{}", link.share(at(320)));
        assert_eq!(link.bits_per_second(), FIRST_BITS);
        // It tells of the one before it, too.
        link.acknowledged(0, 3, at(330));
        link.sent(0, 4, 5000, at(330));
        assert_eq!(link.share(at(400)), 1.0, "one was as fast as ever");
        link.forget(0);
        assert_eq!(link.share(at(9000)), 1.0, "what is gone is not waited for");
    }

    #[test]
    fn what_sees_each_packet_knows_better_how_much_there_is() {
        let mut link = Link::default();
        link.estimated(2_000_000);
        assert_eq!(link.bits_per_second(), 2_000_000);
        link.estimated(1);
        assert_eq!(link.bits_per_second(), FEWEST_BITS);
    }
}
