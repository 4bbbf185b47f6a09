//! Decoders in processes of their own: what they decode, and what becomes of those that crash or
//! never end. This program is its own worker.

mod data;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::{Pid, Signal};
use volumes::Progress;
use volumes::dicom::{self, Error, Loaded};

use data::data;

const WORKER: &str = "codec-worker";
const PARENT: &str = "parent-of-workers";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        return if dicom::run_worker().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    dicom::decode_in_processes(std::env::current_exe().expect("this program"), WORKER);
    if let (Some(path), Some(PARENT)) = (std::env::args().nth(2), std::env::args().nth(1).as_deref()) {
        return parent(Path::new(&path));
    }
    let trials = [
        ("frames_come_out_of_workers_as_they_do_without", same_values as fn() -> Result<(), Failed>),
        ("workers_are_used_again_and_replaced_when_they_die", replaced),
        ("a_decoder_that_does_not_answer_is_given_up", stopped),
        ("workers_end_with_a_parent_that_is_killed_even_if_they_are_stopped", orphaned),
        ("workers_are_limited_by_what_a_frame_needs", limited),
    ];
    let trials = trials.map(|(name, test)| Trial::test(name, test));
    let mut arguments = Arguments::from_args();
    // They count and kill the same workers.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn load(path: &Path) -> Result<Loaded, Error> {
    let library = dicom::scan(&[path.to_owned()], &Progress::default())?;
    let series = library.studies.iter().flat_map(|s| &s.series).next().expect("a series");
    dicom::load(series, &Progress::default())
}

/// Processes that this one started.
fn workers() -> Vec<i32> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("list threads");
    let children =
        tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let mut all: Vec<i32> = children
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    all.sort_unstable();
    all
}

fn same_values() -> Result<(), Failed> {
    let Some(root) = data("transfer-syntaxes") else { return Ok(()) };
    for (name, mean) in [
        ("ct-one-image/CTImage_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm", 74.9236 - 1024.0),
        ("ct-one-image/CTImage_JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm", 74.9236 - 1024.0),
        (
            "ct-one-image/CTImage_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm",
            74.9236 - 1024.0,
        ),
        ("ct-one-image-made/CTImage_JPEGXLLossless_1.2.840.10008.1.2.4.110.dcm", 74.9236 - 1024.0),
        ("jpeg-family/JPEGExtended/JPEGExtended_1s_1f_u_16_12.dcm", 14.37),
        ("sc-colour-and-misc/SC_rgb_jpeg.dcm", 243.98),
        ("pydicom-data/emri_small_jpeg_2k_lossless.dcm", 109.699),
    ] {
        let loaded = load(&root.join(name))?;
        assert!((loaded.facts.mean - mean).abs() < 0.01, "{name}: {}", loaded.facts.mean);
        assert!(loaded.failed.is_empty());
    }
    assert!(!workers().is_empty());
    Ok(())
}

fn replaced() -> Result<(), Failed> {
    let Some(path) = data("ct-body-jpeg2000") else { return Ok(()) };
    load(&path)?;
    let before = workers();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    assert!((1..=cores).contains(&before.len()), "{before:?}");
    load(&path)?;
    assert_eq!(workers(), before);
    for &pid in &before {
        send(pid, Signal::KILL);
    }
    // Frames that were handed to the dead are tried again.
    assert!(load(&path)?.failed.is_empty());
    assert!(workers().iter().all(|pid| !before.contains(pid)));
    Ok(())
}

fn send(pid: i32, signal: Signal) {
    rustix::process::kill_process(Pid::from_raw(pid).expect("a process"), signal).expect("send a signal");
}

/// A worker that does nothing any more is given up, and another one does its work.
fn stopped() -> Result<(), Failed> {
    let Some(path) = data("ct-body-jpeg2000") else { return Ok(()) };
    load(&path)?;
    let held = workers();
    held.iter().for_each(|&pid| send(pid, Signal::STOP));
    let began = Instant::now();
    let loaded = load(&path)?;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(loaded.failed.is_empty(), "{:?}", loaded.failed);
    assert!(workers().iter().all(|pid| !held.contains(pid)));
    assert!(load(&path)?.failed.is_empty());
    Ok(())
}

/// Starts workers, names them, and waits to be killed.
fn parent(path: &Path) -> ExitCode {
    load(path).expect("a volume");
    let names: Vec<String> = workers().iter().map(i32::to_string).collect();
    writeln!(std::io::stdout(), "{}", names.join(" ")).expect("write");
    let _ = std::io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}

fn orphaned() -> Result<(), Failed> {
    let Some(path) = data("ct-body-jpeg2000") else { return Ok(()) };
    let mut parent = Command::new(std::env::current_exe()?)
        .arg(PARENT)
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(parent.stdout.take().expect("its output")).read_line(&mut line)?;
    let held: Vec<i32> = line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    assert!(!held.is_empty(), "{line}");
    held.iter().for_each(|&pid| send(pid, Signal::STOP));
    parent.kill()?;
    parent.wait()?;
    // A zombie waits for whoever adopted it.
    let lives = |pid: &i32| {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    };
    let began = Instant::now();
    while held.iter().any(lives) {
        assert!(began.elapsed() < Duration::from_secs(10), "{held:?} live on");
        std::thread::yield_now();
    }
    Ok(())
}

/// The limits that the kernel holds against a worker after a frame of 512x512.
fn limited() -> Result<(), Failed> {
    let Some(path) = data("ct-body-jpeg2000") else { return Ok(()) };
    load(&path)?;
    for pid in workers() {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits"))?;
        let soft = |name: &str| -> u64 {
            let line = limits.lines().find(|line| line.starts_with(name)).expect("a limit");
            line[name.len()..].split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
        };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let ticks =
            |i: usize| stat.split_whitespace().nth(i).and_then(|n| n.parse::<u64>().ok()).expect("ticks");
        // Hundredths of a second, in user and system mode.
        let used = (ticks(13) + ticks(14)) / 100;
        assert!((1..=3).contains(&(soft("Max cpu time") - used)), "{limits}");
        assert!(soft("Max address space") < 2 << 30, "{limits}");
        assert_eq!(soft("Max core file size"), 0);
    }
    // What the kernel does at the limit.
    let held = workers();
    held.iter().for_each(|&pid| send(pid, Signal::STOP));
    held.iter().for_each(|&pid| send(pid, Signal::XCPU));
    held.iter().for_each(|&pid| send(pid, Signal::CONT));
    let loaded = load(&path)?;
    for failed in &loaded.failed {
        assert!(failed.reason.contains("takes longer than the 2 s"), "{}", failed.reason);
    }
    Ok(())
}
