//! Decoders in processes of their own, so that a crash, an endless loop or a bomb in one of them
//! costs a frame and not the program.
//!
//! A worker is this program again. Its standard input is a socket that carries requests one way and
//! answers the other; its standard output is memory that both sides share, through which frames and
//! samples go. It limits its own memory and processor time before each frame, by what a frame of that
//! size may need. Workers are used again and again, and end when their socket closes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::MemfdFlags;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::Task;
use super::facts::Coding;

/// Processor time for any frame; the kernel counts whole seconds, so it may be one more.
const BASE_SECONDS: u64 = 1;
/// How much longer than its processor time a frame may take on a busy machine.
const WALL_SHARE: u32 = 5;
/// Memory for any frame, and for each sample: some decoders keep several copies of 32 bits.
const BASE_BYTES: u64 = 256 << 20;
const BYTES_PER_SAMPLE: u64 = 64;
/// Shared memory beyond this goes back to the system after a frame.
const KEPT_BYTES: u64 = 32 << 20;
/// Longer than any reason a decoder gives.
const MAX_REASON: u64 = 4096;

/// A number of bytes that follow, in the shared memory, and what they are.
const REQUEST: usize = Task::BYTES + 8;
const ANSWER: usize = 1 + 8;
const SAMPLES: u8 = 0;
const REASON: u8 = 1;

/// Starts workers and keeps those that wait.
#[derive(Debug)]
pub struct Pool {
    program: PathBuf,
    argument: String,
    idle: Mutex<Vec<Worker>>,
    /// One for each core.
    most: usize,
    /// To the thread that starts workers: the kernel ends them with the thread that started them.
    starter: Mutex<SyncSender<Start>>,
}

/// What to start, and whom to tell.
type Start = (Command, SyncSender<io::Result<Child>>);

impl Pool {
    /// Workers are `program argument`, which has to call `run` at once.
    pub fn new(program: PathBuf, argument: String) -> Self {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        let (starter, starts) = mpsc::sync_channel::<Start>(most);
        let start = move || {
            for (mut command, tell) in starts {
                // Who asked waits for the answer.
                let _ = tell.send(command.spawn());
            }
        };
        // Without it whoever asks is told that it has ended.
        drop(std::thread::Builder::new().name("start decoders".into()).spawn(start));
        Self { program, argument, idle: Mutex::default(), most, starter: Mutex::new(starter) }
    }

    /// Decodes a frame in a worker. Whatever happens to the worker is an error of this frame alone; one
    /// that was killed or stopped from outside may not have been its fault, so another one tries once more.
    pub fn decode(&self, task: &Task, bytes: &[u8]) -> Result<Vec<u8>, String> {
        match self.try_decode(task, bytes) {
            Err(Lost { by_decoder: false, .. }) => self.try_decode(task, bytes),
            other => other,
        }
        .unwrap_or_else(|lost| Err(lost.reason))
    }

    fn try_decode(&self, task: &Task, bytes: &[u8]) -> Result<Result<Vec<u8>, String>, Lost> {
        let lost = |reason| Lost { reason, by_decoder: true };
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = match waiting {
            // One that died while it waited is not this frame's fault.
            Some(worker) if worker.ask(task, bytes).is_ok() => worker,
            _ => {
                let cannot =
                    |e| lost(format!("{} cannot be started to decode it: {e}", self.program.display()));
                let worker = self.start().map_err(cannot)?;
                worker.ask(task, bytes).map_err(|e| lost(format!("the decoder cannot be asked: {e}")))?;
                worker
            }
        };
        match worker.answer(task, bytes.len() as u64) {
            Ok(outcome) => {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                if idle.len() < self.most {
                    idle.push(worker);
                }
                Ok(outcome)
            }
            Err(error) => Err(worker.post_mortem(&error, task)),
        }
    }

    fn start(&self) -> io::Result<Worker> {
        let (socket, theirs) = UnixStream::pair()?;
        let memory = File::from(rustix::fs::memfd_create("voxcast-frame", MemfdFlags::CLOEXEC)?);
        let mut command = Command::new(&self.program);
        command
            .arg(&self.argument)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(memory.try_clone()?))
            .stderr(Stdio::null());
        let (tell, told) = mpsc::sync_channel(1);
        let gone = || io::Error::other("the thread that starts decoders has ended");
        let asked = self.starter.lock().unwrap_or_else(PoisonError::into_inner).send((command, tell));
        asked.map_err(|_| gone())?;
        let child = told.recv().map_err(|_| gone())??;
        Ok(Worker { child, socket, memory })
    }
}

/// Why there is no answer, and whether the frame is the likely cause.
struct Lost {
    reason: String,
    by_decoder: bool,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    socket: UnixStream,
    memory: File,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Nothing is to be done if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    fn ask(&self, task: &Task, bytes: &[u8]) -> io::Result<()> {
        self.memory.write_all_at(bytes, 0)?;
        let mut request = [0; REQUEST];
        request[..Task::BYTES].copy_from_slice(&task.to_bytes());
        request[Task::BYTES..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        (&self.socket).write_all(&request)
    }

    /// An error of the outer kind means that the worker is of no more use.
    fn answer(&self, task: &Task, asked: u64) -> io::Result<Result<Vec<u8>, String>> {
        self.socket.set_read_timeout(Some(Duration::from_secs(seconds(task)) * WALL_SHARE))?;
        let mut answer = [0; ANSWER];
        (&self.socket).read_exact(&mut answer)?;
        let (kind, length) = (answer[0], u64::from_le_bytes(answer[1..].try_into().expect("eight bytes")));
        let expected = (task.samples() * task.sample_bytes()) as u64;
        if length > if kind == SAMPLES { expected } else { MAX_REASON } {
            return Err(io::Error::other("it answered with more bytes than were asked for"));
        }
        let mut out = vec![0; length as usize];
        self.memory.read_exact_at(&mut out, 0)?;
        if asked + length > KEPT_BYTES {
            self.memory.set_len(0)?;
        }
        Ok(if kind == SAMPLES { Ok(out) } else { Err(String::from_utf8_lossy(&out).into_owned()) })
    }

    /// Why a worker that gave no answer did not.
    fn post_mortem(mut self, error: &io::Error, task: &Task) -> Lost {
        if error.kind() == io::ErrorKind::WouldBlock {
            let waited = seconds(task) * u64::from(WALL_SHARE);
            return Lost { reason: format!("the decoder gave no answer for {waited} s"), by_decoder: false };
        }
        let signal = self.child.wait().ok().and_then(|status| status.signal());
        let reason = match signal.and_then(Signal::from_named_raw) {
            Some(Signal::XCPU) => {
                let most = seconds(task) + 1;
                format!("decoding it takes longer than the {most} s that an image of its size needs")
            }
            Some(signal) => {
                format!("the decoder crashed or needed too much memory (signal {})", signal.as_raw())
            }
            None => format!("the decoder ended: {error}"),
        };
        let from_outside = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP].map(Signal::as_raw);
        Lost { reason, by_decoder: !signal.is_some_and(|signal| from_outside.contains(&signal)) }
    }
}

/// Processor time for a frame. The speeds are those of a slow machine: here they are four times that.
fn seconds(task: &Task) -> u64 {
    let samples_per_second = match task.coding {
        Coding::Jpeg | Coding::JpegLossless | Coding::JpegLs => 8 << 20,
        Coding::Jpeg2000 | Coding::JpegXl => 2 << 20,
    };
    BASE_SECONDS + task.samples() as u64 / samples_per_second
}

/// What a worker does until its socket closes.
pub fn run() -> io::Result<()> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let memory = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // A worker that is stopped does not see its socket close.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    limit(Resource::Core, 0)?;
    let own_bytes = address_space()?;
    let mut input = Vec::new();
    loop {
        let mut request = [0; REQUEST];
        match socket.read_exact(&mut request) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let (task, length) = request.split_at(Task::BYTES);
        let task = Task::from_bytes(task.try_into().expect("as many bytes"));
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        let task = task.ok_or_else(|| io::Error::other("the request names no decoder"))?;
        let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec as u64 + 1;
        limit(Resource::Cpu, used + seconds(&task))?;
        let frame_bytes = BYTES_PER_SAMPLE * task.samples() as u64 + 4 * length;
        limit(Resource::As, own_bytes + BASE_BYTES + frame_bytes)?;
        input.resize(length as usize, 0);
        memory.read_exact_at(&mut input, 0)?;
        let (kind, out) = match task.run_guarded(&input) {
            Ok(samples) => (SAMPLES, samples),
            Err(mut reason) => {
                reason.truncate(reason.floor_char_boundary(MAX_REASON as usize));
                (REASON, reason.into_bytes())
            }
        };
        memory.write_all_at(&out, 0)?;
        let mut answer = [kind; ANSWER];
        answer[1..].copy_from_slice(&(out.len() as u64).to_le_bytes());
        socket.write_all(&answer)?;
        if length + out.len() as u64 > KEPT_BYTES {
            input = Vec::new();
        }
    }
}

/// The soft limit, which may rise again; where the hard one is lower, that.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let current = maximum.map_or(most, |maximum| maximum.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum })?)
}

/// Bytes of addresses in use: what the program takes before any frame.
fn address_space() -> io::Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().next().and_then(|pages| pages.parse::<u64>().ok());
    Ok(pages.unwrap_or(0) * rustix::param::page_size() as u64)
}
