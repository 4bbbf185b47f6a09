//! What a window tells its server of the pictures that come.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use protocol::Codec;
use protocol::message::{MAX_STATISTIC, Percentiles, Stats, TransportKind};

/// A hand that pauses for longer has stopped: the time until its next input is no freeze.
const PAUSE: Duration = Duration::from_millis(250);
/// Pictures of which is told at a time: more than come in five seconds.
const MOST_PICTURES: usize = 2000;

/// What was measured since the last report.
#[derive(Debug, Default)]
pub struct Report {
    /// When the last report was made, and the bytes that had come until then.
    began: Option<(Instant, u64)>,
    latencies: Vec<Duration>,
    gaps: Vec<Duration>,
    /// When each view had its last picture.
    last: BTreeMap<u8, Instant>,
    codecs: HashMap<&'static str, u32>,
}

impl Report {
    /// A picture is there to be looked at, so long after the input that it is the first to show.
    pub fn shown(&mut self, view: u8, codec: Codec, latency: Option<Duration>, now: Instant) {
        *self.codecs.entry(codec.name()).or_default() += 1;
        let before = self.last.insert(view, now);
        let Some(latency) = latency.filter(|_| self.gaps.len() < MOST_PICTURES) else { return };
        self.latencies.push(latency);
        let moved = now.checked_sub(latency).unwrap_or(now);
        let since = before.filter(|before| moved <= *before + PAUSE).unwrap_or(moved);
        self.gaps.push(now.saturating_duration_since(since));
    }

    /// What was measured; `None` where no picture came.
    pub fn take(&mut self, way: Way, now: Instant) -> Option<Stats> {
        let (began, bytes) =
            self.began.replace((now, way.received_bytes)).unwrap_or((now, way.received_bytes));
        let codecs = std::mem::take(&mut self.codecs);
        let (mut latencies, gaps) = (std::mem::take(&mut self.latencies), std::mem::take(&mut self.gaps));
        let codec = codecs.into_iter().max_by_key(|(_, count)| *count)?.0.to_owned();
        let seconds = now.saturating_duration_since(began).as_secs_f64();
        let moved: f64 = gaps.iter().map(Duration::as_secs_f64).sum();
        latencies.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let percentile = |share: f64| {
            let place = (share * latencies.len() as f64).ceil() as usize;
            ms(latencies[place.clamp(1, latencies.len()) - 1])
        };
        Some(Stats {
            codec,
            transport: way.transport,
            frames_per_second: if moved > 0.0 { gaps.len() as f64 / moved } else { 0.0 },
            latency_ms: (!latencies.is_empty()).then(|| Percentiles {
                p50: percentile(0.5),
                p95: percentile(0.95),
                p99: percentile(0.99),
            }),
            bits_per_second: match seconds > 0.0 {
                true => (way.received_bytes.saturating_sub(bytes) as f64 * 8.0 / seconds).min(MAX_STATISTIC),
                false => 0.0,
            },
            longest_freeze_ms: gaps.into_iter().max().map_or(0.0, ms),
            round_trip_ms: way.round_trip.map(ms),
            lost_share: way.lost_share,
            jitter_ms: None,
        })
    }
}

/// The way that pictures come.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub transport: TransportKind,
    /// All that has come since the connection began.
    pub received_bytes: u64,
    pub round_trip: Option<Duration>,
    pub lost_share: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAY: Way = Way {
        transport: TransportKind::Webrtc,
        received_bytes: 0,
        round_trip: Some(Duration::from_millis(12)),
        lost_share: Some(0.25),
    };

    #[test]
    fn a_report_tells_what_came_since_the_last_one() {
        let (mut measured, start) = (Report::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        assert_eq!(measured.take(WAY, start), None, "nothing came");
        // The first input is answered after 50 ms, then there is a picture every 40 ms, and one comes 200 ms late.
        for shown in [1050, 1090, 1130, 1170, 1410] {
            measured.shown(
                3,
                Codec::H264,
                Some(Duration::from_millis(if shown == 1410 { 240 } else { 50 })),
                at(shown),
            );
        }
        // At rest, a picture answers nothing.
        measured.shown(3, Codec::Png, None, at(2000));
        let told = measured.take(Way { received_bytes: 100_000, ..WAY }, at(4000)).expect("pictures came");
        assert_eq!((told.codec.as_str(), told.transport), ("h264", TransportKind::Webrtc));
        assert_eq!(told.latency_ms, Some(Percentiles { p50: 50.0, p95: 240.0, p99: 240.0 }));
        assert_eq!(told.longest_freeze_ms, 240.0);
        assert!((told.frames_per_second - 5.0 / 0.41).abs() < 1e-9, "{}", told.frames_per_second);
        assert_eq!(told.bits_per_second, 200_000.0);
        assert_eq!((told.round_trip_ms, told.lost_share), (Some(12.0), Some(0.25)));
        // The hand rested meanwhile: that is no freeze.
        measured.shown(3, Codec::H264, Some(Duration::from_millis(30)), at(8000));
        let told = measured.take(Way { received_bytes: 100_000, ..WAY }, at(9000)).expect("a picture came");
        assert_eq!((told.longest_freeze_ms, told.bits_per_second), (30.0, 0.0));
        assert_eq!(measured.take(WAY, at(14_000)), None);
    }
}
