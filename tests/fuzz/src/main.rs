//! Damages valid files by the million and watches what becomes of them: no crash, no input that
//! takes a second, no memory beyond the limit.
//!
//! Runs on stable Rust without instrumentation, so it does not see which code an input reaches; it
//! knows the format instead (`mutate`). An input runs as in the program: a file is scanned, loaded
//! and made a thumbnail. What a run cannot survive, a watching process sees: it starts the runs,
//! and keeps the input that ended one in `corpus/TARGET/`, where `./x test` finds it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

mod mutate;
mod target;

use mutate::Random;
use target::Target;

const HELP: &str = "usage: ./x fuzz [TARGET] [--runs N] [--seed N]

Damages the files in tests/fuzz/corpus/TARGET and reads them. A target alone, or all in turn:
  dataset   the structure of a file and what its header states
  pixels    uncompressed, big-endian, float and palette pixel data
  rle, jpeg, jpegls, jpeg2000, jpegxl, deflated
            the compressed frames of each codec, and little else
  index     the list of known files that is kept between starts

  --runs N  inputs for each target, 20000 if not given
  --seed N  another sequence of damage; the same seed gives the same inputs";

/// Longer than any input may take.
const SLOW: Duration = Duration::from_secs(1);
/// How often an input that seems slow is read.
const TRIES: usize = 3;
/// More than any input may take: a series of 64 MiB, its file, and decoders at work.
const MAX_BYTES: usize = 512 << 20;

/// Counts what is in use, so that an input which asks for too much is found.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator is unsafe by its interface")]
// SAFETY: every call goes on to the system's allocator unchanged; counting touches atomics only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Args {
    targets: Vec<Target>,
    runs: u64,
    seed: u64,
    /// The process that reads; without it the one that watches.
    reads: bool,
}

fn main() -> ExitCode {
    let outcome = arguments().and_then(|args| match args {
        None => {
            eprintln!("{HELP}");
            Ok(true)
        }
        Some(args) if args.reads => read(&args),
        Some(args) => watch(&args),
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Option<Args>> {
    let mut args = Args { targets: Vec::new(), runs: 20_000, seed: 1, reads: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64> {
            words.next().with_context(|| format!("{word} wants a number"))?.parse().context("no number")
        };
        match word.as_str() {
            "--runs" => args.runs = number()?,
            "--seed" => args.seed = number()?,
            "--reads" => args.reads = true,
            "-h" | "--help" => return Ok(None),
            name => {
                args.targets.push(Target::named(name).with_context(|| format!("no target {name}\n{HELP}"))?);
            }
        }
    }
    if args.targets.is_empty() {
        args.targets = Target::ALL.to_vec();
    }
    Ok(Some(args))
}

fn corpus(target: Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name())
}

/// The files to start from, in the same order every time.
fn seeds(target: Target) -> Result<Vec<Vec<u8>>> {
    let folder = corpus(target);
    let mut paths = Vec::new();
    // Git keeps no empty folders.
    if folder.is_dir() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
        paths.extend(entries.flatten().map(|entry| entry.path()));
    }
    paths.sort();
    let mut seeds: Vec<Vec<u8>> = paths.iter().map(fs::read).collect::<std::io::Result<_>>()?;
    if target == Target::Index {
        seeds.push(index_of_this_machine()?);
    }
    if seeds.is_empty() {
        bail!("{} is empty", folder.display())
    }
    Ok(seeds)
}

/// An index is worth something only where its paths and times are those of files that are there.
fn index_of_this_machine() -> Result<Vec<u8>> {
    let folder = scratch(std::process::id());
    fs::create_dir_all(&folder)?;
    let path = folder.join("whole");
    target::read_with_index(&path);
    let whole = fs::read(&path).context("no index was written")?;
    fs::remove_file(&path)?;
    Ok(whole)
}

/// Where the process that reads leaves the input it is at.
fn scratch(process: u32) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    folder.join(format!("voxcast-fuzz-{process}"))
}

/// Reads damaged files until one goes wrong.
fn read(args: &Args) -> Result<bool> {
    let target = args.targets[0];
    let seeds = seeds(target)?;
    let folder = scratch(std::process::id());
    fs::create_dir_all(&folder)?;
    std::panic::set_hook(Box::new(|_| ()));
    std::thread::Builder::new().name("watch".into()).spawn(watch_for_hangs)?;
    let clock = Instant::now();
    let (mut slowest, mut largest) = (Duration::ZERO, 0);
    let path = folder.join("input");
    for run in 0..args.runs {
        let mut random = Random::new(args.seed, run);
        let seed = &seeds[random.below(seeds.len())];
        let input = mutate::damaged(seed, target.span(seed), &mut random);
        fs::write(&path, &input)?;
        // On a busy machine any input may once take long; one that is slow is so every time.
        let mut took = Duration::MAX;
        let mut wrong = None;
        for _ in 0..TRIES {
            let before = IN_USE.load(Ordering::Relaxed);
            PEAK.store(before, Ordering::Relaxed);
            let start = Instant::now();
            BEGUN.fetch_add(1, Ordering::Relaxed);
            let outcome = std::panic::catch_unwind(|| target.run(&path));
            BEGUN.fetch_add(1, Ordering::Relaxed);
            took = took.min(start.elapsed());
            let used = PEAK.load(Ordering::Relaxed).saturating_sub(before);
            largest = largest.max(used);
            wrong = match outcome {
                Err(_) => Some("panic".to_owned()),
                Ok(()) if used > MAX_BYTES => Some(format!("memory: {} MiB", used >> 20)),
                Ok(()) if took > SLOW => Some(format!("slow: {took:.2?}")),
                Ok(()) => None,
            };
            if took <= SLOW {
                break;
            }
        }
        slowest = slowest.max(took);
        if let Some(wrong) = wrong {
            eprintln!("{wrong} in run {run}");
            return Ok(false);
        }
    }
    let _ = fs::remove_dir_all(&folder);
    let speed = args.runs as f64 / clock.elapsed().as_secs_f64();
    eprintln!(
        "{}: {} inputs, {speed:.0} a second, the slowest {slowest:.1?}, the largest {} MiB",
        target.name(),
        args.runs,
        largest >> 20
    );
    Ok(true)
}

/// Inputs begun and ended: odd while one is read.
static BEGUN: AtomicUsize = AtomicUsize::new(0);

/// Ends the process when an input takes ten times what it may. Counts its own rounds, not seconds: they
/// stand still with the rest while the whole process is stopped.
fn watch_for_hangs() {
    let (mut last, mut rounds) = (0, 0);
    loop {
        std::thread::sleep(SLOW / 10);
        let begun = BEGUN.load(Ordering::Relaxed);
        rounds = if begun % 2 == 1 && begun == last { rounds + 1 } else { 0 };
        last = begun;
        if rounds > 100 {
            eprintln!("hang: an input takes more than {:?}", 10 * SLOW);
            std::process::exit(2);
        }
    }
}

/// Runs each target in a process of its own and keeps what ended one.
fn watch(args: &Args) -> Result<bool> {
    let mut clean = true;
    for &target in &args.targets {
        let mut child = Command::new(std::env::current_exe()?)
            .args([target.name(), "--reads", "--runs", &args.runs.to_string()])
            .args(["--seed", &args.seed.to_string()])
            .stdin(Stdio::null())
            .spawn()?;
        let folder = scratch(child.id());
        let ended = child.wait()?;
        if !ended.success() {
            clean = false;
            let input = fs::read(folder.join("input")).context("the run ended before its first input")?;
            fs::create_dir_all(corpus(target))?;
            let kept = corpus(target).join(format!("found-{:016x}", mutate::hash(&input)));
            fs::write(&kept, input)?;
            eprintln!("{}: {ended}; the input is kept as {}", target.name(), kept.display());
        }
        let _ = fs::remove_dir_all(folder);
    }
    Ok(clean)
}
