//! What Prometheus may ask for (text format 0.0.4): counts of the whole server, nothing of a patient and nothing of a client.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::message::Stats;

use super::App;
use super::entry::Admitted;
use super::pages;

/// A client that saw no picture for longer while something moved saw it stand still.
const FREEZE_MS: f64 = 500.0;
/// Upper ends of histograms of times, in ms.
const ENDS_MS: [u64; 8] = [5, 10, 25, 50, 100, 250, 500, 1000];

/// How many times were up to so long; the last ones were longer.
#[derive(Default)]
struct Histogram {
    counts: [AtomicU64; ENDS_MS.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    fn count(&self, time: Duration) {
        let slot = ENDS_MS.iter().position(|&ms| time <= Duration::from_millis(ms));
        add(&self.counts[slot.unwrap_or(ENDS_MS.len())], 1);
        add(&self.sum_us, micros(time));
    }

    fn write(&self, text: &mut String, name: &str, help: &str) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "# HELP voxcast_{name} {help}\n# TYPE voxcast_{name} histogram\n");
        let mut sum = 0;
        for (slot, count) in self.counts.iter().enumerate() {
            sum += get(count);
            let end = ENDS_MS.get(slot).map_or("+Inf".into(), |&ms| (ms as f64 / 1000.0).to_string());
            let _ = writeln!(text, "voxcast_{name}_bucket{{le=\"{end}\"}} {sum}");
        }
        let seconds = get(&self.sum_us) as f64 / 1e6;
        let _ = write!(text, "voxcast_{name}_sum {seconds}\nvoxcast_{name}_count {sum}\n");
    }
}

/// Sums since the server began.
pub struct Metrics {
    began: SystemTime,
    sessions: AtomicU64,
    turned_away: AtomicU64,
    pictures: AtomicU64,
    picture_bytes: AtomicU64,
    render_us: AtomicU64,
    encode_us: AtomicU64,
    measurements: AtomicU64,
    client_freezes: AtomicU64,
    round_trips: Histogram,
    client_latencies: Histogram,
}

impl Metrics {
    pub fn new() -> Self {
        Self {
            began: SystemTime::now(),
            sessions: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            pictures: AtomicU64::new(0),
            picture_bytes: AtomicU64::new(0),
            render_us: AtomicU64::new(0),
            encode_us: AtomicU64::new(0),
            measurements: AtomicU64::new(0),
            client_freezes: AtomicU64::new(0),
            round_trips: Histogram::default(),
            client_latencies: Histogram::default(),
        }
    }

    pub fn session_began(&self) {
        add(&self.sessions, 1);
    }

    pub fn turned_away(&self) {
        add(&self.turned_away, 1);
    }

    /// A picture was made for a client.
    pub fn picture(&self, bytes: usize, render: Duration, encode: Duration) {
        add(&self.pictures, 1);
        add(&self.picture_bytes, bytes as u64);
        add(&self.render_us, micros(render));
        add(&self.encode_us, micros(encode));
    }

    pub fn measured(&self) {
        add(&self.measurements, 1);
    }

    /// From a ping to its answer.
    pub fn round_trip(&self, took: Duration) {
        self.round_trips.count(took);
    }

    /// A client told what it saw in the last seconds.
    pub fn client_told(&self, stats: &Stats) {
        if let Some(latency) = stats.latency_ms {
            self.client_latencies.count(Duration::from_secs_f64(latency.p95 / 1000.0));
        }
        add(&self.client_freezes, u64::from(stats.longest_freeze_ms > FREEZE_MS));
    }

    /// All of it as text, with `connected` clients of `most` that may be.
    fn text(&self, connected: usize, most: usize) -> String {
        let mut text = String::new();
        let mut one = |name: &str, kind: &str, help: &str, value: f64| {
            // Writing to a `String` cannot fail.
            let _ = write!(
                text,
                "# HELP voxcast_{name} {help}\n# TYPE voxcast_{name} {kind}\nvoxcast_{name} {value}\n"
            );
        };
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        one("start_time_seconds", "gauge", "When the server began, in seconds since 1970.", began);
        one("clients", "gauge", "Clients that are connected.", connected as f64);
        one("clients_max", "gauge", "Clients that may be connected at a time.", most as f64);
        let counters = [
            ("sessions_total", "Sessions that began.", get(&self.sessions)),
            ("clients_turned_away_total", "Clients that found no place.", get(&self.turned_away)),
            ("pictures_total", "Pictures made for clients.", get(&self.pictures)),
            ("picture_bytes_total", "Bytes of those, compressed.", get(&self.picture_bytes)),
            ("measurements_total", "Measurements and values asked for by clients.", get(&self.measurements)),
            (
                "client_freezes_total",
                "Reports of clients that saw no picture for over half a second while something moved.",
                get(&self.client_freezes),
            ),
        ];
        for (name, help, value) in counters {
            one(name, "counter", help, value as f64);
        }
        let seconds = |sum: &AtomicU64| get(sum) as f64 / 1e6;
        one(
            "render_seconds_total",
            "counter",
            "Time spent drawing those pictures.",
            seconds(&self.render_us),
        );
        one("encode_seconds_total", "counter", "Time spent compressing them.", seconds(&self.encode_us));
        self.round_trips.write(&mut text, "round_trip_seconds", "From a ping to its answer.");
        self.client_latencies.write(
            &mut text,
            "client_latency_p95_seconds",
            "From input to shown picture, the 95th percentile of each report of a client.",
        );
        text
    }
}

/// Answers `/metrics`; guests of a shared session are not told.
pub async fn metrics(
    State(app): State<Arc<App>>,
    Extension(Admitted(pass)): Extension<Admitted>,
) -> Response {
    if pass.is_some() {
        return pages::text(StatusCode::FORBIDDEN, "Guests are told no figures.");
    }
    let connected = app.max_sessions.saturating_sub(app.sessions.available_permits());
    let text = app.metrics.text(connected, app.max_sessions);
    pages::respond(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", Body::from(text))
}

fn add(sum: &AtomicU64, by: u64) {
    sum.fetch_add(by, Ordering::Relaxed);
}

fn get(sum: &AtomicU64) -> u64 {
    sum.load(Ordering::Relaxed)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_told_as_prometheus_reads_them() {
        let metrics = Metrics::new();
        metrics.session_began();
        metrics.picture(1000, Duration::from_millis(20), Duration::from_millis(5));
        metrics.picture(500, Duration::from_millis(10), Duration::from_millis(5));
        metrics.round_trip(Duration::from_millis(10));
        metrics.round_trip(Duration::from_secs(2));
        let mut stats = Stats {
            codec: "h264".into(),
            transport: protocol::message::TransportKind::Webrtc,
            frames_per_second: 30.0,
            latency_ms: Some(protocol::message::Percentiles { p50: 20.0, p95: 80.0, p99: 90.0 }),
            bits_per_second: 1e6,
            longest_freeze_ms: 499.0,
            round_trip_ms: None,
            lost_share: None,
            jitter_ms: None,
        };
        metrics.client_told(&stats);
        (stats.latency_ms, stats.longest_freeze_ms) = (None, 501.0);
        metrics.client_told(&stats);
        let text = metrics.text(3, 1024);
        let value = |name: &str| {
            let line = text.lines().find(|line| line.split(' ').next() == Some(name));
            line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse::<f64>().ok())
        };
        assert_eq!(value("voxcast_clients"), Some(3.0));
        assert_eq!(value("voxcast_sessions_total"), Some(1.0));
        assert_eq!(value("voxcast_pictures_total"), Some(2.0));
        assert_eq!(value("voxcast_picture_bytes_total"), Some(1500.0));
        assert_eq!(value("voxcast_render_seconds_total"), Some(0.03));
        assert_eq!(value("voxcast_encode_seconds_total"), Some(0.01));
        assert_eq!(value("voxcast_round_trip_seconds_bucket{le=\"0.005\"}"), Some(0.0));
        assert_eq!(value("voxcast_round_trip_seconds_bucket{le=\"0.01\"}"), Some(1.0));
        assert_eq!(value("voxcast_round_trip_seconds_bucket{le=\"+Inf\"}"), Some(2.0));
        assert_eq!(value("voxcast_round_trip_seconds_count"), Some(2.0));
        assert_eq!(value("voxcast_client_latency_p95_seconds_bucket{le=\"0.05\"}"), Some(0.0));
        assert_eq!(value("voxcast_client_latency_p95_seconds_bucket{le=\"0.1\"}"), Some(1.0));
        assert_eq!(value("voxcast_client_latency_p95_seconds_count"), Some(1.0));
        assert_eq!(value("voxcast_client_freezes_total"), Some(1.0));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert_eq!(line.split(' ').count(), 2, "{line}");
        }
    }
}
