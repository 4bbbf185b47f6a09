//! Work off the UI thread, with progress and a way to stop it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use eframe::egui;
use render_core::Progress;

/// Results a job may have waiting before its thread pauses.
const WAITING_RESULTS: usize = 4;

/// Work on a named thread. Dropping it asks the work to stop.
#[derive(Debug)]
pub struct Job<T> {
    progress: Arc<Progress>,
    results: Receiver<T>,
}

/// What a job has to say.
#[derive(Debug)]
pub enum Poll<T> {
    Pending,
    Result(T),
    /// The thread has ended and every result was taken. Without any result it has panicked.
    Ended,
}

/// Hands results to the UI thread and wakes it.
#[derive(Debug)]
pub struct Sink<T> {
    results: SyncSender<T>,
    ctx: egui::Context,
}

impl<T> Sink<T> {
    /// Returns false when nobody waits for results any more.
    pub fn send(&self, result: T) -> bool {
        let sent = self.results.send(result).is_ok();
        self.ctx.request_repaint();
        sent
    }
}

impl<T> Drop for Sink<T> {
    fn drop(&mut self) {
        // A panic ends the work without a result; the window must notice.
        self.ctx.request_repaint();
    }
}

impl<T: Send + 'static> Job<T> {
    /// Runs `work` on a thread called `name`.
    pub fn start(
        name: &str,
        ctx: &egui::Context,
        work: impl FnOnce(&Progress, &Sink<T>) + Send + 'static,
    ) -> Self {
        let progress = Arc::new(Progress::default());
        let (sender, results) = sync_channel(WAITING_RESULTS);
        let sink = Sink { results: sender, ctx: ctx.clone() };
        let theirs = Arc::clone(&progress);
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&theirs, &sink));
        if let Err(error) = spawned {
            // The sink went with the closure, so the next poll says `Ended` and the user is told.
            tracing::error!(%error, name, "no thread for a job");
        }
        Self { progress, results }
    }

    /// The same for work that comes after what the window shows.
    pub fn aside(
        name: &str,
        ctx: &egui::Context,
        work: impl FnOnce(&Progress, &Sink<T>) + Send + 'static,
    ) -> Self {
        Self::start(name, ctx, |progress, sink| {
            step_aside();
            work(progress, sink);
        })
    }

    pub fn poll(&self) -> Poll<T> {
        match self.results.try_recv() {
            Ok(result) => Poll::Result(result),
            Err(TryRecvError::Empty) => Poll::Pending,
            Err(TryRecvError::Disconnected) => Poll::Ended,
        }
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

/// Where there are more threads than cores, this one leaves most of the time to the others: a system that shares it out
/// evenly lets the window wait for some 4 ms a turn.
pub fn step_aside() {
    // Elsewhere it would be the whole program that steps aside.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!(%error, "a thread stays as important as the window");
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.progress.cancel();
    }
}
