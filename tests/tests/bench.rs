//! `voxcast bench` on the real binary: what it measures of networks whose properties are known, and of its own memory.

use std::path::Path;
use std::process::Command;

use render_core::phantom::{Spec, write_study};
use serde_json::Value;
use tests::binary::voxcast;
use tests::data;
use tests::server::Folder;

const SPEC: Spec = Spec {
    columns: 64,
    rows: 64,
    slices: 48,
    pixel_spacing_mm: 5.6,
    slice_spacing_mm: 6.5,
    noise_sigma_hu: 11.0,
    seed: 1,
};

/// What the benchmark prints, one object a case.
fn bench(study: &Path, flags: &[&str]) -> Vec<Value> {
    let output = Command::new(voxcast())
        .args(["bench", "stream"])
        .arg(study)
        .args(["--size", "161x121", "--seconds", "1", "--json"])
        .args(flags)
        .output()
        .expect("the binary starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn number(line: &Value, path: &str) -> f64 {
    line.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} of {line}"))
}

#[test]
fn streaming_is_measured_from_the_input_to_the_exact_picture() {
    let folder = Folder::new();
    write_study(&folder.0, &SPEC, |_, _| {}).expect("writes a phantom");
    let lines = bench(&folder.0, &["--clients", "2"]);
    let cases: Vec<&Value> = lines.iter().map(|line| &line["case"]).collect();
    assert_eq!(cases, ["rotate", "window", "scroll", "still"]);
    for line in &lines[..3] {
        assert_eq!(line["exact"], true, "what is shown at rest is what is drawn: {line}");
        assert_eq!(line["codec"], "h264");
        assert!(number(line, "/fps") > 5.0, "{line}");
        let [p50, p99] = ["/latency_ms/p50", "/latency_ms/p99"].map(|path| number(line, path));
        assert!(0.0 < p50 && p50 <= p99 && p99 <= number(line, "/latency_ms/max"), "{line}");
        assert!(number(line, "/lossless_ms") > number(line, "/final_ms"), "{line}");
        assert!(number(line, "/longest_freeze_ms") < 1000.0, "{line}");
        let [shown, encoded] = ["/psnr_db/mean", "/encoded_psnr_db/mean"].map(|path| number(line, path));
        assert!(encoded > 25.0 && encoded >= shown - 0.01, "encoding is part of what is lost: {line}");
    }
    // Slices are drawn in full while they move, so only compression is between them and the reference.
    for line in &lines[1..3] {
        assert!(number(line, "/psnr_y_db/mean") > 35.0 && number(line, "/ssim/mean") > 0.9, "{line}");
    }
    assert!(number(&lines[3], "/still_bytes_per_s") < 100.0, "{}", lines[3]);
    if cfg!(target_os = "linux") {
        let share = number(&lines[0], "/cpu/overhead_share");
        assert!((0.0..1.0).contains(&share), "{share}");
    }
}

#[test]
fn webrtc_is_measured_through_the_same_networks() {
    let folder = Folder::new();
    write_study(&folder.0, &SPEC, |_, _| {}).expect("writes a phantom");
    let flags =
        ["--cases", "rotate,window", "--transport", "webrtc", "--delay-ms", "20", "--mbit-per-s", "20"];
    for line in bench(&folder.0, &flags) {
        assert_eq!((&line["transport"], &line["codec"]), (&"webrtc".into(), &"h264".into()), "{line}");
        assert_eq!(line["exact"], true, "what is shown at rest is what is drawn: {line}");
        assert!(number(&line, "/fps") > 5.0, "{line}");
        assert!(number(&line, "/latency_ms/p50") >= 40.0, "there and back again: {line}");
    }
}

#[test]
fn an_emulated_network_shows_in_what_is_measured() {
    let folder = Folder::new();
    let study = folder.0.join("study");
    write_study(&study, &SPEC, |_, _| {}).expect("writes a phantom");
    let trace = folder.0.join("trace.csv");
    let flags = ["--cases", "window", "--codecs", "jpeg", "--delay-ms", "40", "--mbit-per-s", "1,0.5"];
    let lines = bench(&study, &[&flags[..], &["--trace", trace.to_str().expect("UTF-8")]].concat());
    let line = &lines[0];
    assert_eq!(line["codec"], "jpeg");
    assert_eq!(line["lossless_ms"], Value::Null, "nobody asked for it");
    assert!(number(line, "/latency_ms/p50") >= 80.0, "there and back again: {line}");
    assert!(number(line, "/kbit_per_s") <= 1100.0, "{line}");
    let trace = std::fs::read_to_string(trace).expect("written");
    let mut rows = trace.lines();
    let header = "case,client,time_s,latency_ms,bytes,bits_per_second,width,height,quality,codec";
    assert_eq!(rows.next(), Some(header));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 10 && row[0] == "window"), "{trace}");
    assert_eq!(rows.last().map(|row| row[8]), Some("final"));
}

#[test]
fn all_that_is_kept_for_a_volume_is_less_than_six_tenths_of_its_voxels_and_frames_add_nothing() {
    let Some(study) = data::folder(data::CHEST) else { return eprintln!("skipped: no ../shared/data") };
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        return eprintln!("skipped: memory is measured on Linux only");
    }
    let output = Command::new(voxcast())
        .args(["bench", "memory", "--size", "640x360", "--frames", "500", "--json"])
        .arg(study)
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [voxels, loaded, shown, after] =
        ["/voxel_bytes", "/loaded_bytes", "/shown_bytes", "/after_bytes"].map(|path| number(&line, path));
    assert!(loaded >= voxels, "{line}");
    assert!(shown - loaded < 0.6 * voxels, "{line}");
    assert!(after - shown < 8e6, "{line}");
}
