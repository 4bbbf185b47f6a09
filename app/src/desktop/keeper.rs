//! A file of the window's own that is kept up to date off the UI thread.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use render_core::save::{Existing, save_private};

/// What follows within this time is written once.
const REST: Duration = Duration::from_millis(400);
/// How soon what could not be written is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Writes the latest content to a file, whole or not at all, soon after it was given; at the latest when
/// dropped. What cannot be written is tried again until it is, and told in the log once.
#[derive(Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    latest: Option<Vec<u8>>,
    /// Whether the last attempt did not succeed, and why, until somebody asks.
    failed: bool,
    problem: Option<String>,
    ends: bool,
}

impl Keeper {
    /// `what` is named in the log.
    pub fn new(what: &'static str, file: PathBuf) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(what.to_owned()).spawn(move || theirs.run(what, &file));
        if let Err(error) = &thread {
            tracing::error!(%error, what, "no thread to write a file");
        }
        Self { shared, thread: thread.ok() }
    }

    /// Replaces what has not been written yet.
    pub fn put(&self, content: Vec<u8>) {
        self.shared.lock().latest = Some(content);
        self.shared.woken.notify_one();
    }

    /// Why the file cannot be written, told once until it can.
    pub fn take_problem(&self) -> Option<String> {
        self.shared.lock().problem.take()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.lock().ends = true;
        self.shared.woken.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in there was told when it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, what: &str, file: &Path) {
        loop {
            let mut state = self.lock();
            while state.latest.is_none() && !state.ends {
                state = self.woken.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let due = Instant::now() + if state.failed { RETRY } else { REST };
            while !state.ends && Instant::now() < due {
                let rest = due.saturating_duration_since(Instant::now());
                state = self.woken.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
            }
            let Some(content) = state.latest.take() else { return };
            drop(state);
            let written = write(file, &content);
            let mut state = self.lock();
            match written {
                Ok(()) => (state.failed, state.problem) = (false, None),
                Err(error) => {
                    if !std::mem::replace(&mut state.failed, true) {
                        tracing::warn!(%error, what, "a file was not written");
                        state.problem = Some(error.to_string());
                    }
                    if state.ends {
                        return;
                    }
                    state.latest.get_or_insert(content);
                }
            }
        }
    }
}

/// Writes a file that nobody else on this machine may read, whole or not at all.
pub fn write(file: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    save_private(file, Existing::Replace, |out| out.write_all(content))
}

/// Puts a file that cannot be read beside its place, so that what it holds is not lost; returns where.
pub fn set_aside(file: &Path) -> std::io::Result<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = (1..)
        .map(|number| file.with_file_name(format!("{name}.broken-{number}")))
        .find(|path| path.symlink_metadata().is_err());
    let to = free.ok_or(std::io::ErrorKind::AlreadyExists)?;
    std::fs::rename(file, &to)?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_content_is_in_the_file_when_the_keeper_is_gone() {
        let folder = std::env::temp_dir().join(format!("voxcast-keeper-{}", std::process::id()));
        let file = folder.join("deep/state.json");
        let keeper = Keeper::new("test", file.clone());
        for number in 0..100 {
            keeper.put(format!("{number}").into_bytes());
        }
        drop(keeper);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "99");
        let first = set_aside(&file).unwrap();
        std::fs::write(&file, "again").unwrap();
        let second = set_aside(&file).unwrap();
        assert_ne!(first, second);
        assert_eq!(std::fs::read_to_string(first).unwrap(), "99");
        assert!(!file.exists());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_could_not_be_written_is_written_once_it_can() {
        let folder = std::env::temp_dir().join(format!("voxcast-keeper-full-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        // A file is in the place of the folder.
        std::fs::write(&folder, "in the way").unwrap();
        let file = folder.join("state.json");
        let keeper = Keeper::new("test", file.clone());
        keeper.put(b"precious".to_vec());
        while keeper.take_problem().is_none() {
            std::thread::yield_now();
        }
        std::fs::remove_file(&folder).unwrap();
        drop(keeper);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn without_content_nothing_is_written() {
        let file = std::env::temp_dir().join(format!("voxcast-keeper-none-{}", std::process::id()));
        drop(Keeper::new("test", file.clone()));
        assert!(!file.exists());
    }
}
