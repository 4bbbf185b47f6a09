//! What link and motion make of networks, with pictures as large as they may be.

use super::*;
use crate::emulator::{Conditions, Delivery, Tcp};
use crate::session::motion::Motion;

const INPUT_EVERY: Duration = Duration::from_millis(16);
/// Of an input, and of an acknowledgement, with what carries them.
const SMALL_BYTES: usize = 100;
const HD: f64 = 1280.0 * 720.0;

/// One direction of a connection and the messages in it.
struct Pipe<T> {
    tcp: Tcp,
    deliveries: VecDeque<Delivery>,
    messages: VecDeque<(usize, T)>,
    sent: usize,
    arrived: usize,
}

impl<T> Pipe<T> {
    fn new(conditions: Conditions, seed: u64) -> Self {
        let tcp = Tcp::new(conditions, conditions.delay, seed);
        Self { tcp, deliveries: VecDeque::new(), messages: VecDeque::new(), sent: 0, arrived: 0 }
    }

    fn send(&mut self, now: Duration, bytes: usize, message: T) {
        self.sent += bytes;
        self.tcp.send(now, bytes, &mut self.deliveries);
        self.messages.push_back((self.sent, message));
    }

    fn receive(&mut self, now: Duration) -> Option<T> {
        while let Some(delivery) = self.deliveries.pop_front_if(|delivery| delivery.at <= now) {
            self.arrived += delivery.bytes;
        }
        self.messages.pop_front_if(|(end, _)| *end <= self.arrived).map(|(_, message)| message)
    }
}

enum FromClient {
    Moved,
    Seen(u32),
}

/// What a client sees of a drag.
#[derive(Clone, Copy, Debug)]
struct Trace {
    kbit_per_s: f64,
    pictures_per_s: f64,
    longest_freeze_ms: f64,
}

/// Turns a volume for ten seconds through a network that may change, on a machine that draws a picture in 25 ms.
fn drag(conditions: impl Fn(Duration) -> Conditions, seed: u64) -> Trace {
    const LASTS: Duration = Duration::from_secs(10);
    const DRAWS: Duration = Duration::from_millis(25);
    let start = Instant::now();
    let (mut link, mut motion) = (Link::default(), Motion::default());
    let first = conditions(Duration::ZERO);
    let (mut down, mut up) = (Pipe::new(first, seed), Pipe::new(first, seed + 1));
    link.round_trip(first.delay * 2);
    let (mut now, mut next_input, mut moved) = (Duration::ZERO, Duration::ZERO, false);
    let mut drawing: Option<(Duration, f64)> = None;
    let (mut frame, mut seen, mut bytes) = (0, 0, 0);
    let mut shown = vec![Duration::ZERO];
    while now < LASTS {
        let way = conditions(now);
        down.tcp.change(now, way, way.delay, &mut down.deliveries);
        up.tcp.change(now, way, way.delay, &mut up.deliveries);
        if now >= next_input {
            up.send(now, SMALL_BYTES, FromClient::Moved);
            next_input += INPUT_EVERY;
        }
        while let Some(message) = up.receive(now) {
            match message {
                FromClient::Moved => moved = true,
                FromClient::Seen(number) => {
                    seen = number;
                    link.acknowledged(0, number, start + now);
                }
            }
        }
        while let Some(number) = down.receive(now) {
            shown.push(now);
            up.send(now, SMALL_BYTES, FromClient::Seen(number));
        }
        if let Some((_, bits)) = drawing.take_if(|(at, _)| *at <= now) {
            frame += 1;
            bytes += bits as usize / 8;
            down.send(now, bits as usize / 8, frame);
            link.sent(0, frame, bits as usize / 8, start + now);
            motion.drawn([1, 1], None);
        }
        let is_due = motion.due().is_none_or(|due| due <= start + now);
        if moved && is_due && drawing.is_none() && frame - seen < link.ahead() {
            moved = false;
            motion.plan(start + now, HD, true, link.bits_per_second());
            let bits = motion.bits_per_picture(link.bits_per_second()) * link.share(start + now);
            drawing = Some((now + DRAWS, bits));
        }
        now += MS;
    }
    shown.push(LASTS);
    let freeze = shown.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    let seconds = LASTS.as_secs_f64();
    Trace {
        kbit_per_s: bytes as f64 * 8.0 / 1e3 / seconds,
        pictures_per_s: (shown.len() - 2) as f64 / seconds,
        longest_freeze_ms: freeze.as_secs_f64() * 1e3,
    }
}

/// The median of each number over some seeds.
fn drags(conditions: impl Fn(Duration) -> Conditions) -> Trace {
    let traces: Vec<Trace> = (1..=9).map(|seed| drag(&conditions, seed * 1000)).collect();
    let median = |number: fn(&Trace) -> f64| {
        let mut numbers: Vec<f64> = traces.iter().map(number).collect();
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    };
    Trace {
        kbit_per_s: median(|trace| trace.kbit_per_s),
        pictures_per_s: median(|trace| trace.pictures_per_s),
        longest_freeze_ms: median(|trace| trace.longest_freeze_ms),
    }
}

fn way(delay_ms: u32, loss: f64, megabits: f64) -> Conditions {
    Conditions { delay: delay_ms * MS, loss, bits_per_second: Some(megabits * 1e6), ..Conditions::default() }
}

#[test]
fn most_of_what_a_lossy_way_carries_is_used_without_a_long_freeze() {
    // With this loss TCP carries some 1400 kbit/s, however wide the way is.
    let trace = drags(|_| way(50, 0.01, 5.0));
    assert!(trace.kbit_per_s > 1000.0 && trace.pictures_per_s > 20.0, "{trace:?}");
    assert!(trace.longest_freeze_ms < 500.0, "{trace:?}");
}

#[test]
fn a_narrow_way_is_filled_and_pictures_keep_coming() {
    for megabits in [1.0, 5.0] {
        let trace = drags(|_| way(50, 0.0, megabits));
        assert!(trace.kbit_per_s > 800.0 * megabits, "{megabits} Mbit/s: {trace:?}");
        assert!(trace.pictures_per_s > 20.0, "{megabits} Mbit/s: {trace:?}");
    }
}

#[test]
fn a_way_that_narrows_and_widens_is_followed() {
    let trace = drags(|now| {
        let is_narrow = (3300 * MS..6600 * MS).contains(&now);
        way(50, 0.0, if is_narrow { 1.0 } else { 5.0 })
    });
    assert!(trace.longest_freeze_ms < 500.0 && trace.kbit_per_s > 1500.0, "{trace:?}");
}
