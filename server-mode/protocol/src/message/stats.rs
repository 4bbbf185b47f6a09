//! What clients tell of how they fare.

use serde::{Deserialize, Serialize};

use super::TransportKind;
use crate::short;

/// Milliseconds and rates in `stats`.
pub const MAX_STATISTIC: f64 = 1e9;

/// What a client measured since it last told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stats {
    /// Codec of most pictures.
    pub codec: String,
    pub transport: TransportKind,
    /// Pictures shown a second while something moved.
    pub frames_per_second: f64,
    /// From an input to the picture that shows it; `None` without input.
    pub latency_ms: Option<Percentiles>,
    pub bits_per_second: f64,
    /// The longest time between two pictures while something moved.
    pub longest_freeze_ms: f64,
    /// Of the last ping; `None` before it is answered.
    pub round_trip_ms: Option<f64>,
    /// Share of WebRTC's packets that did not come; `None` by WebSocket, which repeats them unseen.
    pub lost_share: Option<f64>,
    /// How much the packets' time on the way varies (RFC 3550, 6.4.1); `None` where it is not known.
    pub jitter_ms: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Percentiles {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

impl Stats {
    pub(super) fn check(&self) -> Result<(), String> {
        let latency = self.latency_ms.map(|ms| [ms.p50, ms.p95, ms.p99]).into_iter().flatten();
        let others = [self.frames_per_second, self.bits_per_second, self.longest_freeze_ms];
        let of_the_way = [self.round_trip_ms, self.jitter_ms].into_iter().flatten();
        if !latency.chain(others).chain(of_the_way).all(|number| (0.0..=MAX_STATISTIC).contains(&number)) {
            return Err(format!("what `stats` measures must lie between 0 and {MAX_STATISTIC}"));
        }
        if !self.lost_share.is_none_or(|share| (0.0..=1.0).contains(&share)) {
            return Err("the share of packets that `stats` misses must lie between 0 and 1".into());
        }
        short("codec", &self.codec)
    }
}
