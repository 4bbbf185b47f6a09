//! A server's studies for a window: what the window shows is told here and its pictures are taken here, and no call
//! waits for anything. A thread of its own talks to the server.
//!
//! ```text
//! window -> Remote::show(slot, series, ViewState) -> the newest state of each slot -> `set` -> server
//! window <- Remote::take_picture(slot)            <- the newest picture of each slot <- frames, values
//! ```
//!
//! The states are the window's own, so nothing is lost with a connection: what comes back, or a server that has
//! forgotten the session, is told everything again.

pub mod adaptive;
mod cache;
mod driver;
mod ending;
mod fetch;
mod report;
mod series;
mod slot;
mod thumbnail;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::message::{self, Drawn, Measure, Measured, Role, Study, TransportKind};
use protocol::{Codec, MAX_VIEWS, Quality};
use render_core::scene::ViewState;
use tokio::sync::{Notify, mpsc};

use crate::client::{Address, Error, Fetcher};
pub use cache::Cache;
pub use ending::Ending;
pub use fetch::{Coming, Fetch};
pub use series::RemoteSeries;
use slot::Slot;
pub use thumbnail::Thumbnail;

/// Commands that wait for the thread; whoever asks for more is told.
const MOST_COMMANDS: usize = 256;
/// Events that the window has not taken.
const MOST_EVENTS: usize = 1024;

/// Whether there is a server at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Connecting,
    Connected {
        transport: TransportKind,
        /// Whether that is the worse way, after the better one broke or could not be had.
        fell_back: bool,
    },
    /// The connection was lost and is looked for.
    Reconnecting {
        /// How often in vain.
        attempts: u32,
    },
    /// Nothing is tried any more until [`Remote::reconnect`].
    Gone {
        ending: Ending,
    },
}

/// What the server told when it let us in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    pub role: Role,
    /// Whether it hands out voxels.
    pub voxels: bool,
    /// What it draws with.
    pub backend: String,
}

/// What the window has to know besides pictures.
#[derive(Clone, Debug)]
pub enum Event {
    /// Also of a series that is open again after a server had forgotten it.
    Opened(Arc<RemoteSeries>),
    OpenFailed {
        series_id: String,
        reason: String,
    },
    Loading {
        series_id: String,
        done: u64,
        total: u64,
    },
    /// Which slots a guest is shown, and how they lie in the host's window.
    Shared(message::Shared),
    /// What else the server could not do, in words for people.
    Failed(String),
}

/// The ids of series that were another patient's, or of another study, in the library before.
pub fn changed_hands(before: &[Study], now: &[Study]) -> Vec<String> {
    fn owned(library: &[Study]) -> impl Iterator<Item = (&str, [&str; 4])> {
        library.iter().flat_map(|study| {
            let Study { study_instance_uid, patient_name, patient_id, patient_birth_date, .. } = study;
            let owner: [&str; 4] = [study_instance_uid, patient_name, patient_id, patient_birth_date];
            study.series.iter().map(move |series| (series.series_instance_uid.as_str(), owner))
        })
    }
    let owners: HashMap<&str, [&str; 4]> = owned(before).collect();
    let changed = owned(now).filter(|(id, owner)| owners.get(id).is_some_and(|before| before != owner));
    changed.map(|(id, _)| id.to_owned()).collect()
}

/// A view of the host's, as a guest has to show it.
#[derive(Clone, Debug)]
pub struct HostView {
    pub series_id: String,
    pub state: Arc<ViewState>,
    /// Whether the host's hand is at work.
    pub moving: bool,
}

/// The newest picture of a slot.
#[derive(Clone, Debug)]
pub struct Picture {
    /// RGBA, row by row from the top.
    pub rgba: Vec<u8>,
    pub size: [u32; 2],
    /// What it shows, which may be older than what was asked for.
    pub view: Arc<ViewState>,
    pub quality: Quality,
    /// `None` where it was drawn here, of values.
    pub codec: Option<Codec>,
    /// How much is done of a picture that refines.
    pub refined: Option<f64>,
}

/// What was measured in the last second, and the way there and back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    pub rtt: Option<Duration>,
    /// From the newest input to the picture that shows it.
    pub latency: Option<Duration>,
    pub frames_per_second: f64,
    pub bits_per_second: f64,
}

/// A server at the other end of a thread; the thread ends when this is dropped.
pub struct Remote {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

enum Command {
    Open(String),
    Close(String),
    Measure(Measure, Answer),
    Thumbnail(String, Box<dyn FnOnce(Option<Thumbnail>) + Send>),
    Reconnect,
}

/// Takes what was measured, or why it was not, on another thread; must not block.
type Answer = Box<dyn FnOnce(Result<Measured, String>) + Send>;

struct Shared {
    address: Address,
    inner: Mutex<Inner>,
    /// A slot has changed, or everything is to end.
    changed: Notify,
    stopped: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

struct Inner {
    state: State,
    welcome: Option<Welcome>,
    fetcher: Fetcher,
    library: Arc<[Study]>,
    events: VecDeque<Event>,
    slots: BTreeMap<u8, Slot>,
    /// What a host has drawn, by series.
    drawn: BTreeMap<String, Arc<Drawn>>,
    stats: Stats,
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // It is whole between any two statements that can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        let mut inner = self.inner();
        if inner.events.len() < MOST_EVENTS {
            inner.events.push_back(event);
        }
        drop(inner);
        (self.wake)();
    }

    fn become_(&self, state: State) {
        self.inner().state = state;
        (self.wake)();
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("address", &self.shared.address).finish_non_exhaustive()
    }
}

impl Remote {
    /// Begins to connect to what a server printed, `http://HOST:PORT/?token=TOKEN`. `wake` is called on other threads
    /// whenever there is something to take.
    ///
    /// # Errors
    /// The address is none, or has no token; or the system gives no thread.
    pub fn connect(url: &str, wake: impl Fn() + Send + Sync + 'static) -> Result<Self, Error> {
        let address = Address::parse(url)?;
        let inner = Inner {
            state: State::Connecting,
            welcome: None,
            fetcher: Fetcher::new(address.clone(), None),
            library: Arc::default(),
            events: VecDeque::new(),
            slots: BTreeMap::new(),
            drawn: BTreeMap::new(),
            stats: Stats::default(),
        };
        let shared = Arc::new(Shared {
            address,
            inner: Mutex::new(inner),
            changed: Notify::new(),
            stopped: AtomicBool::new(false),
            wake: Box::new(wake),
        });
        let (commands, asked) = mpsc::channel(MOST_COMMANDS);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("remote".into())
            .spawn(move || runtime.block_on(driver::run(&theirs, asked)))
            .map_err(Error::Thread)?;
        Ok(Self { shared, commands })
    }

    /// Host and port, for people.
    pub fn authority(&self) -> String {
        self.shared.address.authority().to_owned()
    }

    pub fn state(&self) -> State {
        self.shared.inner().state.clone()
    }

    /// `None` until the server has let us in.
    pub fn welcome(&self) -> Option<Welcome> {
        self.shared.inner().welcome.clone()
    }

    pub fn library(&self) -> Arc<[Study]> {
        Arc::clone(&self.shared.inner().library)
    }

    pub fn stats(&self) -> Stats {
        self.shared.inner().stats
    }

    /// What has happened since the last call.
    pub fn take_events(&self) -> Vec<Event> {
        self.shared.inner().events.drain(..).collect()
    }

    /// Opens a series of the library; [`Event::Opened`] or [`Event::OpenFailed`] answers.
    pub fn open(&self, series_id: &str) {
        self.command(Command::Open(series_id.to_owned()));
    }

    /// Slots that show it have to be hidden before.
    pub fn close(&self, series_id: &str) {
        self.command(Command::Close(series_id.to_owned()));
    }

    /// Has something measured by the server's voxels, once its series is open. `answer` is called on another thread, with
    /// the reason where the connection is lost or a later request of the same number has taken its place, and must not
    /// block.
    pub fn measure(&self, measure: Measure, answer: impl FnOnce(Result<Measured, String>) + Send + 'static) {
        self.command(Command::Measure(measure, Box::new(answer)));
    }

    /// Begins to bring the voxels of an open series here. `cache` is where they are kept, sealed; `most_bytes` is what
    /// they may take in memory.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn fetch(
        &self,
        series: &Arc<RemoteSeries>,
        cache: Option<Cache>,
        most_bytes: u64,
    ) -> Result<Fetch, Error> {
        let shared = Arc::clone(&self.shared);
        let wake = move || (shared.wake)();
        let fetcher = self.shared.inner().fetcher.clone();
        Fetch::start(fetcher, Arc::clone(series), cache, most_bytes, wake)
    }

    /// Asks for a small picture of a series of the library. `answer` is called on another thread, or dropped where
    /// there is no connection; it must not block.
    pub fn thumbnail(&self, series_id: &str, answer: impl FnOnce(Option<Thumbnail>) + Send + 'static) {
        self.command(Command::Thumbnail(series_id.to_owned(), Box::new(answer)));
    }

    /// Tries again from [`State::Gone`], or sooner than it would; what was open is opened again and shown as it was.
    pub fn reconnect(&self) {
        self.command(Command::Reconnect);
    }

    /// The slot shows this from now on; a guest that may only watch tells its size by it, and nothing else. `moving`
    /// says that a hand is at work: the last state of a movement has to come without.
    pub fn show(&self, slot: u8, series_id: &str, view: &ViewState, moving: bool) {
        if usize::from(slot) >= MAX_VIEWS {
            return;
        }
        let mut inner = self.shared.inner();
        if inner.slots.entry(slot).or_default().show(series_id, view, moving) {
            drop(inner);
            self.shared.changed.notify_one();
        }
    }

    /// Whether a guest's window draws by itself what the slot shows: the host is told what its hand does, and sends no
    /// pictures.
    pub fn pause(&self, slot: u8, paused: bool) {
        if self.shared.inner().slots.get_mut(&slot).is_some_and(|slot| slot.pause(paused)) {
            self.shared.changed.notify_one();
        }
    }

    /// The slot shows nothing any more.
    pub fn hide(&self, slot: u8) {
        if let Some(slot) = self.shared.inner().slots.get_mut(&slot) {
            slot.hide();
        }
        self.shared.changed.notify_one();
    }

    /// A picture that was not taken yet.
    pub fn take_picture(&self, slot: u8) -> Option<Picture> {
        self.shared.inner().slots.get_mut(&slot)?.take_picture()
    }

    /// What the host shows in a slot, for guests.
    pub fn host_view(&self, slot: u8) -> Option<HostView> {
        self.shared.inner().slots.get(&slot)?.host.clone()
    }

    /// What the host has drawn on its series, for guests: the same `Arc` as long as it is the same.
    pub fn drawn(&self) -> Vec<Arc<Drawn>> {
        self.shared.inner().drawn.values().cloned().collect()
    }

    /// A guest's window takes over what the host shows in a slot: when the slot shows it, that is not sent back.
    pub fn adopt(&self, slot: u8, state: &Arc<ViewState>) {
        if let Some(slot) = self.shared.inner().slots.get_mut(&slot) {
            slot.adopt(Arc::clone(state));
        }
    }

    fn command(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            self.shared.tell(Event::Failed("Too much waits to be done. Try again.".into()));
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.shared.changed.notify_one();
    }
}
