//! A file of the window's own that is kept up to date off the UI thread.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use render_core::save::{Existing, save};

/// What follows within this time is written once.
const REST: Duration = Duration::from_millis(400);

/// Writes the latest content to a file, whole or not at all, soon after it was given; at the latest when
/// dropped. A file that cannot be written is told in the log.
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
            let due = Instant::now() + REST;
            while !state.ends && Instant::now() < due {
                let rest = due.saturating_duration_since(Instant::now());
                state = self.woken.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
            }
            let Some(content) = state.latest.take() else { return };
            drop(state);
            if let Err(error) = write(file, &content) {
                tracing::warn!(%error, what, "a file was not written");
            }
        }
    }
}

fn write(file: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    save(file, Existing::Replace, |out| out.write_all(content))
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
    fn without_content_nothing_is_written() {
        let file = std::env::temp_dir().join(format!("voxcast-keeper-none-{}", std::process::id()));
        drop(Keeper::new("test", file.clone()));
        assert!(!file.exists());
    }
}
