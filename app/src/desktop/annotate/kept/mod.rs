//! What was drawn, kept between starts: for each series a file of its annotations and one of its labels, read and
//! written on a thread.
//!
//! Several windows may keep the same series. What one of them has drawn, changed or deleted is put into what the
//! file holds by then, annotation by annotation; labels are one piece, so whoever has not seen the last change of
//! them is told instead of replacing it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use eframe::egui;
use reading::{Annotation, Reading, Segmentation};

mod open;
mod store;

use store::Store;
pub use store::{create_folder, labels};

/// News that wait for the window before the thread does.
const WAITING_NEWS: usize = 8;

/// What the thread has to say. What was read has a number, from 1.
#[derive(Debug)]
pub enum News {
    /// What was drawn on a series earlier.
    Annotations(u64, Vec<Annotation>),
    /// The labels of a series, or that there are none.
    Labels { number: u64, series: String, labels: Option<Box<Segmentation>> },
    /// The reading that was given last is kept, or not all of it.
    Kept { whole: bool },
    /// So many series are forgotten.
    Forgotten(usize),
    /// Something that has to be told, once.
    Problem(String),
    /// Nothing is read or kept any more: the thread could not begin, or has died of a panic. The last news.
    Ended,
}

/// What of a series is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Annotations(String),
    Labels(String),
}

impl Part {
    fn series(&self) -> &str {
        match self {
            Self::Annotations(series) | Self::Labels(series) => series,
        }
    }
}

/// The thread and what it has to do. Dropping it waits until everything is written.
#[derive(Debug)]
pub struct Kept {
    shared: Arc<Shared>,
    news: Option<Receiver<News>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Parts to read; each is asked for once.
    wanted: Vec<Part>,
    /// All but these series are to be forgotten.
    forget: Option<HashSet<String>>,
    /// The reading as it is now, and the last number of the news that it holds.
    latest: Option<(Box<Reading>, u64)>,
    ends: bool,
}

impl Kept {
    /// Keeps readings in this folder, which is made when something is drawn.
    pub fn new(folder: PathBuf, ctx: &egui::Context) -> Self {
        let shared = Arc::new(Shared::default());
        let (sender, news) = sync_channel(WAITING_NEWS);
        let (theirs, ctx) = (Arc::clone(&shared), ctx.clone());
        let thread = std::thread::Builder::new().name("drawn".to_owned()).spawn(move || {
            // The window looks for news when all is over, even after a panic.
            let _wake = Wake(ctx.clone());
            let sender = sender;
            theirs.run(Store::new(folder), &sender, &ctx);
        });
        if let Err(error) = &thread {
            tracing::error!(%error, "no thread to keep what is drawn");
        }
        Self { shared, news: Some(news), thread: thread.ok() }
    }

    pub fn read(&self, parts: impl IntoIterator<Item = Part>) {
        self.shared.lock().wanted.extend(parts);
        self.shared.woken.notify_one();
    }

    /// Deletes what was drawn on all series but these.
    pub fn forget_all_but(&self, series: HashSet<String>) {
        self.shared.lock().forget = Some(series);
        self.shared.woken.notify_one();
    }

    /// Replaces what has not been written yet. `heard` is the last number of the news that the reading holds: what
    /// is not in it, and was told later, was not deleted.
    pub fn keep(&self, reading: Box<Reading>, heard: u64) {
        self.shared.lock().latest = Some((reading, heard));
        self.shared.woken.notify_one();
    }

    pub fn news(&mut self) -> Option<News> {
        match self.news.as_ref()?.try_recv() {
            Ok(news) => Some(news),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.news = None;
                Some(News::Ended)
            }
        }
    }
}

/// Wakes the window when dropped.
struct Wake(egui::Context);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.request_repaint();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // A thread that waits for somebody to hear its news goes on.
        self.news = None;
        self.shared.lock().ends = true;
        self.shared.woken.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in there was told when it happened.
            let _ = thread.join();
        }
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.wanted.is_empty() && self.latest.is_none() && self.forget.is_none() && !self.ends
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut store: Store, news: &SyncSender<News>, ctx: &egui::Context) {
        let tell = |what: News| {
            // At the end nobody listens.
            let _ = news.send(what);
            ctx.request_repaint();
        };
        loop {
            let mut state = self.lock();
            while state.is_idle() {
                state = self.woken.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let (wanted, latest, ends) = (std::mem::take(&mut state.wanted), state.latest.take(), state.ends);
            let forget = state.forget.take();
            drop(state);
            if !ends {
                store.take_earlier();
                store.open(wanted.iter().map(Part::series));
                wanted.into_iter().filter_map(|part| store.read(part)).for_each(&tell);
            }
            if let Some(others) = forget {
                tell(News::Forgotten(store.forget_all_but(&others)));
            }
            let done = latest.map(|(reading, heard)| News::Kept { whole: store.write(*reading, heard) });
            store.take_problems().into_iter().map(News::Problem).chain(done).for_each(&tell);
            if ends {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_thread_is_told_once() {
        let (sender, news) = sync_channel(1);
        let mut kept = Kept { shared: Arc::default(), news: Some(news), thread: None };
        assert!(kept.news().is_none(), "it is at work");
        sender.send(News::Kept { whole: true }).expect("somebody listens");
        drop(sender);
        assert!(matches!(kept.news(), Some(News::Kept { whole: true })));
        assert!(matches!(kept.news(), Some(News::Ended)));
        assert!(kept.news().is_none());
    }
}
