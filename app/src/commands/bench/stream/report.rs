//! What clients saw, in numbers.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use protocol::{Codec, Quality};
use render_core::save::Existing;
use serde_json::{Value, json};

use super::cpu::Used;
use super::hand::{Picture, Seen};
use super::judge::{Likeness, Verdict};
use crate::cli::{BenchStream, StreamCase};
use crate::output;

/// One case by all clients.
#[derive(Debug)]
pub struct Case {
    pub case: StreamCase,
    pub seen: Vec<Seen>,
    /// By the server while the hands moved, where it is in this process.
    pub used: Option<Used>,
}

impl Case {
    fn name(&self) -> &'static str {
        match self.case {
            StreamCase::Rotate => "rotate",
            StreamCase::Window => "window",
            StreamCase::Scroll => "scroll",
            StreamCase::Still => "still",
        }
    }

    /// Pictures that were shown while the hands moved.
    fn moving(&self) -> impl Iterator<Item = &Picture> {
        self.seen.iter().flat_map(|seen| seen.pictures.iter().filter(|picture| picture.at <= seen.released))
    }
}

impl Seen {
    /// From each input until a picture showed it or a newer one.
    fn input_ms(&self) -> Vec<f64> {
        let mut pictures = self.pictures.iter().peekable();
        let mut waits = Vec::new();
        for input in &self.inputs {
            while pictures.next_if(|picture| picture.header.input_seq < input.seq).is_some() {}
            waits.extend(pictures.peek().map(|picture| ms(picture.at.saturating_sub(input.at))));
        }
        waits
    }

    /// The longest time without a new picture while the hand moved.
    fn longest_freeze(&self) -> Duration {
        let shown = self.pictures.iter().map(|picture| picture.at).filter(|at| *at <= self.released);
        let ends: Vec<Duration> = [Duration::ZERO].into_iter().chain(shown).chain([self.released]).collect();
        ends.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or_default()
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Sorted numbers; empty ones have no percentiles.
struct Spread(Vec<f64>);

impl Spread {
    fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        Self(numbers)
    }

    /// Nearest rank.
    fn at(&self, percent: f64) -> Option<f64> {
        let rank = (self.0.len() as f64 * percent / 100.0).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().map(rounded)
    }

    fn median(&self) -> Option<f64> {
        self.at(50.0)
    }

    fn percentiles(&self) -> Value {
        let [p50, p95, p99, max] = [50.0, 95.0, 99.0, 100.0].map(|percent| self.at(percent));
        json!({ "p50": p50, "p95": p95, "p99": p99, "max": max })
    }

    fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    fn mean_and_least(&self) -> Value {
        let round = |number: f64| (number * 1e4).round() / 1e4;
        json!({ "mean": self.mean().map(round), "min": self.0.first().copied().map(round) })
    }
}

/// Prints a case as a line of JSON, or for people.
pub fn print(args: &BenchStream, backend: &str, case: &Case, verdict: &Verdict) {
    let line = summary(args, backend, case, verdict);
    if args.json {
        return output::line(line);
    }
    let text = |path: &str| match line.pointer(path) {
        None | Some(Value::Null) => "–".to_owned(),
        Some(number) => number.to_string(),
    };
    let [width, height] = args.size;
    output::line(format_args!(
        "stream {}, {width}x{height}, {}, {} clients, {backend}",
        case.name(),
        text("/codec").trim_matches('"'),
        args.clients
    ));
    if case.case == StreamCase::Still {
        return output::line(format_args!("  {} bytes/s", text("/still_bytes_per_s")));
    }
    for (what, key) in [("picture's newest input", "latency_ms"), ("each input", "input_ms")] {
        let [p50, p95, p99, max] = ["p50", "p95", "p99", "max"].map(|p| text(&format!("/{key}/{p}")));
        output::line(format_args!(
            "  {what} to decoded pixel: median {p50} ms, 95 % {p95}, 99 % {p99}, max {max}"
        ));
    }
    output::line(format_args!(
        "  {} fps of {} x {} pixels, longest freeze {} ms, {} kbit/s, {} bytes a frame",
        text("/fps"),
        text("/shown_size/0"),
        text("/shown_size/1"),
        text("/longest_freeze_ms"),
        text("/kbit_per_s"),
        text("/frame_bytes/median")
    ));
    output::line(format_args!(
        "  rendering {} ms, encoding {} ms, decoding {} ms, network and waiting {} ms",
        text("/render_ms"),
        text("/encode_ms"),
        text("/decode_ms"),
        text("/rest_ms")
    ));
    output::line(format_args!(
        "  against the view in full: PSNR {} dB (brightness {} dB), SSIM {}; by encoding alone {} dB ({} dB); {} pictures",
        text("/psnr_db/mean"),
        text("/psnr_y_db/mean"),
        text("/ssim/mean"),
        text("/encoded_psnr_db/mean"),
        text("/encoded_psnr_y_db/mean"),
        verdict.moving.len()
    ));
    output::line(format_args!(
        "  after letting go: in full {} ms, lossless {} ms, equal to the reference: {}",
        text("/final_ms"),
        text("/lossless_ms"),
        text("/exact")
    ));
    output::line(format_args!(
        "  server: {} CPU s a session, {} cores, {} of it neither drawing nor encoding",
        text("/cpu/server_s_per_session"),
        text("/cpu/cores"),
        text("/cpu/overhead_share")
    ));
}

fn summary(args: &BenchStream, backend: &str, case: &Case, verdict: &Verdict) -> Value {
    let pictures_in = |codec: Codec| case.moving().filter(|picture| picture.header.codec == codec).count();
    let codecs = case.moving().map(|picture| picture.header.codec);
    let most_frequent = codecs.max_by_key(|codec| pictures_in(*codec));
    let mut line = json!({
        "bench": "stream", "case": case.name(), "backend": backend, "size": args.size,
        "threads": super::super::cores(), "clients": args.clients, "seconds": args.seconds,
        "codec": most_frequent.map(|codec| codec.name()),
        "network": {
            "delay_ms": args.delay_ms, "jitter_ms": args.jitter_ms, "loss_percent": args.loss,
            "mbit_per_s": args.mbit_per_s, "queue_ms": args.queue_ms, "seed": args.seed,
        },
        "transport": args.transport.to_possible_value().map(|value| value.get_name().to_owned()),
        "frames": case.moving().count(),
    });
    let clients = case.seen.len().max(1) as f64;
    let seconds: f64 = case.seen.iter().map(|seen| seen.released.as_secs_f64()).sum::<f64>().max(1e-3);
    let bytes = case.seen.iter().map(|seen| seen.bytes).sum::<u64>() as f64;
    let mut add = |key: &str, value: Value| line[key] = value;
    if case.case == StreamCase::Still {
        add("still_bytes_per_s", json!(rounded(bytes / seconds)));
        return line;
    }
    let latency = Spread::of(case.moving().filter_map(|picture| picture.latency).map(ms));
    add("ms", json!({ "median": latency.median(), "min": latency.at(0.0), "max": latency.at(100.0) }));
    add("latency_ms", latency.percentiles());
    add("input_ms", Spread::of(case.seen.iter().flat_map(Seen::input_ms)).percentiles());
    add("fps", json!(rounded(case.moving().count() as f64 / seconds)));
    let of_client = |seen: &Seen| {
        let shown = seen.pictures.iter().filter(|picture| picture.at <= seen.released).count();
        shown as f64 / seen.released.as_secs_f64().max(1e-3)
    };
    add("fps_slowest", json!(Spread::of(case.seen.iter().map(of_client)).at(0.0)));
    let freeze = case.seen.iter().map(Seen::longest_freeze).max().unwrap_or_default();
    add("longest_freeze_ms", json!(rounded(ms(freeze))));
    add("kbit_per_s", json!(rounded(bytes * 8.0 / 1e3 / seconds)));
    let sizes = Spread::of(case.moving().map(|picture| picture.bytes as f64));
    add("frame_bytes", json!({ "median": sizes.median(), "max": sizes.at(100.0) }));
    for (key, which) in [("final_ms", 0), ("lossless_ms", 1)] {
        let settled = Spread::of(case.seen.iter().filter_map(|seen| seen.settled[which]).map(ms));
        add(key, json!(settled.median()));
    }
    let across = |axis: usize| Spread::of(case.moving().map(|p| f64::from(p.header.size[axis]))).median();
    add("shown_size", json!([across(0), across(1)]));
    let micros = |us: u32| f64::from(us) / 1e3;
    add("render_ms", json!(Spread::of(case.moving().map(|p| micros(p.header.render_us))).median()));
    add("encode_ms", json!(Spread::of(case.moving().map(|p| micros(p.header.encode_us))).median()));
    add("decode_ms", json!(Spread::of(case.moving().map(|p| ms(p.decoding))).median()));
    let rest = case.moving().filter_map(|picture| {
        let known =
            micros(picture.header.render_us) + micros(picture.header.encode_us) + ms(picture.decoding);
        Some(ms(picture.latency?) - known)
    });
    add("rest_ms", json!(Spread::of(rest).median()));
    add("exact", json!(verdict.exact));
    if !verdict.moving.is_empty() {
        let of = |what: fn(&Likeness) -> f64| Spread::of(verdict.moving.iter().map(what)).mean_and_least();
        add("psnr_db", of(|likeness| likeness.psnr_db));
        add("psnr_y_db", of(|likeness| likeness.psnr_y_db));
        add("ssim", of(|likeness| likeness.ssim));
        add("encoded_psnr_db", of(|likeness| likeness.encoded_psnr_db));
        add("encoded_psnr_y_db", of(|likeness| likeness.encoded_psnr_y_db));
    }
    if let Some(used) = case.used {
        let all = (used.network + used.pictures).as_secs_f64();
        add(
            "cpu",
            json!({
                "server_s_per_session": rounded(all / clients),
                "cores": rounded(all / args.seconds),
                "overhead_share": (used.network.as_secs_f64() / all.max(1e-9) * 1e4).round() / 1e4,
            }),
        );
    }
    line
}

/// A file with one line for each picture.
pub struct Trace {
    path: PathBuf,
    lines: String,
}

impl Trace {
    /// Written by `save`, in place of what is there.
    pub fn new(path: &Path) -> Self {
        let header = "case,client,time_s,latency_ms,bytes,bits_per_second,width,height,quality,codec\n";
        Self { path: path.to_owned(), lines: header.to_owned() }
    }

    pub fn add(&mut self, case: &Case) {
        for (seen, client) in case.seen.iter().zip(0..) {
            for (picture, at) in seen.pictures.iter().zip(0..) {
                self.add_picture(case, client, &seen.pictures[..=at], picture);
            }
        }
    }

    fn add_picture(&mut self, case: &Case, client: usize, until: &[Picture], picture: &Picture) {
        let last = until.iter().rev().take_while(|other| picture.at.saturating_sub(other.at).as_secs() < 1);
        let bits = last.map(|other| other.bytes * 8).sum::<usize>();
        let latency = picture.latency.map_or_else(String::new, |latency| format!("{:.2}", ms(latency)));
        let quality = match picture.header.quality {
            Quality::Interactive => "interactive",
            Quality::Final => "final",
            Quality::Lossless => "lossless",
        };
        let codec = picture.header.codec.name();
        let [width, height] = picture.header.size;
        let (time, bytes) = (picture.at.as_secs_f64(), picture.bytes);
        // Writing to a text does not fail.
        let _ = writeln!(
            self.lines,
            "{},{client},{time:.4},{latency},{bytes},{bits},{width},{height},{quality},{codec}",
            case.name()
        );
    }

    pub fn save(self) -> Result<()> {
        output::write_bytes(&self.path, self.lines.as_bytes(), Existing::Replace)
    }
}

#[cfg(test)]
mod tests {
    use protocol::{ClientMessage, FrameHeader};

    use super::super::hand::Input;
    use super::*;

    fn picture(at_ms: u64, input_seq: u64) -> Picture {
        let header = FrameHeader {
            codec: Codec::Jpeg,
            quality: Quality::Interactive,
            view: 0,
            cleared: false,
            stretched: false,
            key: false,
            size: [8, 8],
            frame: 1,
            input_seq,
            view_revision: 0,
            render_us: 0,
            encode_us: 0,
            hash: 0,
        };
        let at = Duration::from_millis(at_ms);
        Picture { header, bytes: 1000, at, latency: None, decoding: Duration::ZERO, view: None }
    }

    fn seen() -> Seen {
        let input = |(seq, at): (u64, u64)| Input {
            seq,
            at: Duration::from_millis(at),
            message: ClientMessage::Repaint { view: 0 },
        };
        Seen {
            inputs: [(1, 10), (2, 20), (3, 30), (4, 900)].map(input).into(),
            pictures: vec![picture(40, 1), picture(60, 3), picture(1000, 3)],
            released: Duration::from_millis(500),
            ..Seen::default()
        }
    }

    #[test]
    fn an_input_waits_until_a_picture_shows_it_or_a_newer_one() {
        assert_eq!(seen().input_ms(), [30.0, 40.0, 30.0], "the last one was never shown");
    }

    #[test]
    fn a_freeze_lasts_until_the_hand_lets_go() {
        assert_eq!(seen().longest_freeze(), Duration::from_millis(440));
    }

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let spread = Spread::of((1..=200).rev().map(f64::from));
        assert_eq!(
            [0.0, 50.0, 99.0, 100.0].map(|percent| spread.at(percent)),
            [1.0, 100.0, 198.0, 200.0].map(Some)
        );
        assert_eq!(Spread::of([]).at(50.0), None);
    }

    #[test]
    fn a_trace_has_the_rate_of_the_second_before_each_picture() {
        let mut trace = Trace::new(Path::new("trace.csv"));
        trace.add(&Case { case: StreamCase::Rotate, seen: vec![seen()], used: None });
        let bits: Vec<&str> = trace.lines.lines().skip(1).filter_map(|line| line.split(',').nth(5)).collect();
        assert_eq!(bits, ["8000", "16000", "24000"]);
    }
}
