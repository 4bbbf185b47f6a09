//! A series' voxels on their way to this machine, coarse ones first, so that it can draw the series itself.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::voxels::MAX_LEVEL;
use render_core::{Outlined, Volume};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use views::{Arrival, ArrivalError};

use super::cache::{Cache, Entry};
use super::series::RemoteSeries;
use crate::client::{Error as ClientError, Fetcher};
use crate::server::{KEEP, POLICY};

/// The first voxels that come are at most so many.
const FEWEST_VOXELS: u64 = 2 << 20;
/// A server that is silent for so long is asked again.
const SILENCE: Duration = Duration::from_secs(20);
/// Between attempts: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Of the type that takes most.
const MOST_BYTES_PER_VOXEL: u64 = 4;

/// How far the voxels are.
#[derive(Clone, Debug, PartialEq)]
pub enum Coming {
    /// 0 to 1, of all bytes.
    UnderWay(f64),
    Here,
    /// The server keeps them, or they cannot be used here: nothing more comes.
    Refused(String),
    /// They are asked for again in a while.
    Failed(String),
}

/// Voxels on their way; they stop when this is dropped.
#[derive(Debug)]
pub struct Fetch {
    shared: Arc<Shared>,
}

struct Shared {
    fetcher: Fetcher,
    series: Arc<RemoteSeries>,
    cache: Option<Cache>,
    most_bytes: u64,
    coarse: Mutex<Option<Arc<Volume>>>,
    whole: OnceLock<Arc<Volume>>,
    coming: Mutex<Coming>,
    /// A hand is at work, and pictures need the way for themselves.
    held: AtomicBool,
    stopped: AtomicBool,
    changed: Notify,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("fetcher", &self.fetcher).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    /// Nobody wants them any more.
    #[error("stopped")]
    Stopped,
    /// Asking again would not help.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Voxels(#[from] ArrivalError),
    #[error("{0}")]
    Busy(String),
    #[error(transparent)]
    Connection(#[from] io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error("the server does not answer")]
    Silent,
}

impl Fetch {
    /// Begins. `most_bytes` is what the voxels may take in memory; `wake` is called on another thread whenever there
    /// is more.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        fetcher: Fetcher,
        series: Arc<RemoteSeries>,
        cache: Option<Cache>,
        most_bytes: u64,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, ClientError> {
        let shared = Arc::new(Shared {
            fetcher,
            series,
            cache,
            most_bytes,
            coarse: Mutex::default(),
            whole: OnceLock::new(),
            coming: Mutex::new(Coming::UnderWay(0.0)),
            held: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            changed: Notify::new(),
            wake: Box::new(wake),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ClientError::Thread)?;
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("voxels".into())
            .spawn(move || runtime.block_on(theirs.run()))
            .map_err(ClientError::Thread)?;
        Ok(Self { shared })
    }

    /// The finest voxels so far, short of all.
    pub fn coarse(&self) -> Option<Arc<Volume>> {
        lock(&self.shared.coarse).clone()
    }

    /// All voxels, as the server has them.
    pub fn whole(&self) -> Option<&Arc<Volume>> {
        self.shared.whole.get()
    }

    pub fn coming(&self) -> Coming {
        lock(&self.shared.coming).clone()
    }

    /// Whether to leave the way to the server to something else for now.
    pub fn hold(&self, held: bool) {
        if self.shared.held.swap(held, Ordering::Relaxed) && !held {
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.shared.changed.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What to ask for, from the coarsest to the whole.
fn levels(dims: [u32; 3]) -> Vec<u8> {
    let voxels = |level: u8| dims.map(|n| u64::from(n.div_ceil(1 << level))).iter().product::<u64>();
    let coarsest = (0..=MAX_LEVEL).find(|&level| voxels(level) <= FEWEST_VOXELS).unwrap_or(MAX_LEVEL);
    (0..=coarsest).rev().collect()
}

/// Of all that comes, how much a level is.
fn weight(level: u8) -> f64 {
    0.125f64.powi(level.into())
}

impl Shared {
    async fn run(&self) {
        let levels = levels(self.series.outline.geometry().dims());
        let all: f64 = levels.iter().copied().map(weight).sum();
        let mut done = 0.0;
        let mut pause = FIRST_PAUSE;
        for level in levels {
            loop {
                let progress = |share: f64| (done + share * weight(level)) / all;
                match self.level(level, progress).await {
                    Ok(volume) if level == 0 => {
                        drop(self.whole.set(Arc::new(volume)));
                        *lock(&self.coarse) = None;
                        self.become_(Coming::Here);
                    }
                    Ok(volume) => {
                        *lock(&self.coarse) = Some(Arc::new(volume));
                        (self.wake)();
                    }
                    Err(Error::Stopped) => return,
                    Err(Error::Refused(reason)) => return self.become_(Coming::Refused(reason)),
                    Err(Error::Voxels(error)) => return self.become_(Coming::Refused(error.to_string())),
                    Err(error) => {
                        tracing::info!(%error, "voxels are asked for again");
                        self.become_(Coming::Failed(error.to_string()));
                        let woken = tokio::time::timeout(pause, self.until_stopped());
                        if woken.await.is_ok() {
                            return;
                        }
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        continue;
                    }
                }
                pause = FIRST_PAUSE;
                done += weight(level);
                break;
            }
        }
    }

    async fn level(&self, level: u8, progress: impl Fn(f64) -> f64) -> Result<Volume, Error> {
        let id = &self.series.id;
        let entry = self.cache.as_ref().and_then(|cache| {
            let entry = cache.entry(self.fetcher.token(), id, level);
            entry.inspect_err(|error| tracing::info!(%error, "voxels are not kept")).ok()
        });
        let mut kept = None;
        if let Some(entry) = &entry {
            kept = entry.open().unwrap_or_else(|error| {
                tracing::info!(%error, "kept voxels are of no use");
                entry.remove();
                None
            });
        }
        let known = kept.as_ref().map(|kept| kept.entity_tag.as_str());
        let response = self.ask(level, known).await?;
        let may_keep = response.headers().get(POLICY).is_some_and(|policy| policy == KEEP);
        if !may_keep {
            // What was kept under another policy is read for the last time.
            entry.iter().for_each(Entry::remove);
        }
        let mut arrival = Arrival::new(&self.series.outline);
        if response.status() == StatusCode::NOT_MODIFIED
            && let Some(kept) = &mut kept
        {
            let begun = Instant::now();
            let mut next = || kept.next().inspect_err(|_| entry.iter().for_each(Entry::remove));
            while let Some(bytes) = next()? {
                self.stop_if_unwanted()?;
                arrival.push(&bytes, self.most_bytes)?;
                self.become_(Coming::UnderWay(progress(arrival.share())));
            }
            tracing::debug!(level, ms = begun.elapsed().as_millis() as u64, "voxels were here already");
            return Ok(arrival.finish()?);
        }
        let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let bytes = self.series.outline.geometry().dims().iter().map(|&n| u64::from(n)).product::<u64>();
        let bytes = (bytes >> (3 * level)).saturating_mul(MOST_BYTES_PER_VOXEL);
        let mut writer = match (&self.cache, &entry, &tag) {
            (Some(cache), Some(entry), Some(tag)) if may_keep => kept_on(cache.write(entry, tag, bytes)),
            _ => None,
        };
        let mut body = response.into_body();
        loop {
            self.until_free().await?;
            let frame = tokio::time::timeout(SILENCE, body.frame()).await.map_err(|_| Error::Silent)?;
            let Some(frame) = frame else { break };
            if let Ok(bytes) = frame?.into_data() {
                arrival.push(&bytes, self.most_bytes)?;
                writer = writer.and_then(|mut writer| kept_on(writer.push(&bytes).map(|()| writer)));
                self.become_(Coming::UnderWay(progress(arrival.share())));
            }
        }
        let volume = arrival.finish()?;
        writer.map(|writer| kept_on(writer.finish()));
        Ok(volume)
    }

    async fn ask(&self, level: u8, known: Option<&str>) -> Result<Response<Incoming>, Error> {
        let ask = async {
            let tcp = TcpStream::connect(self.fetcher.authority()).await?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await?;
            tokio::spawn(connection);
            let id = utf8_percent_encode(&self.series.id, NON_ALPHANUMERIC);
            let mut request =
                Request::get(format!("/voxels/{id}/{level}")).header(header::HOST, self.fetcher.authority());
            for (name, value) in self.fetcher.headers() {
                request = request.header(name, value);
            }
            if let Some(known) = known {
                request = request.header(header::IF_NONE_MATCH, known);
            }
            let refused = |_| Error::Refused("The series cannot be asked for.".into());
            let request = request.body(Empty::<Bytes>::new()).map_err(refused)?;
            Ok::<_, Error>(sender.send_request(request).await?)
        };
        let response = tokio::time::timeout(SILENCE, ask).await.map_err(|_| Error::Silent)??;
        let status = response.status();
        match status {
            StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(response),
            StatusCode::FORBIDDEN => Err(Error::Refused("The server does not hand out the voxels.".into())),
            StatusCode::UNAUTHORIZED => Err(Error::Refused("The server's token is another one now.".into())),
            _ => Err(Error::Busy(format!("the server does not send the voxels now ({})", status.as_u16()))),
        }
    }

    fn become_(&self, now: Coming) {
        let mut coming = lock(&self.coming);
        let percent = |coming: &Coming| match coming {
            Coming::UnderWay(share) => Some((share * 100.0) as u32),
            _ => None,
        };
        let told = percent(&coming).is_none() || percent(&coming) != percent(&now);
        *coming = now;
        drop(coming);
        if told {
            (self.wake)();
        }
    }

    fn stop_if_unwanted(&self) -> Result<(), Error> {
        if self.stopped.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
    }

    /// Waits while something else needs the way.
    async fn until_free(&self) -> Result<(), Error> {
        loop {
            self.stop_if_unwanted()?;
            if !self.held.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.changed.notified().await;
        }
    }

    async fn until_stopped(&self) {
        while self.stop_if_unwanted().is_ok() {
            self.changed.notified().await;
        }
    }
}

/// What cannot be kept is done without.
fn kept_on<T>(kept: io::Result<T>) -> Option<T> {
    kept.inspect_err(|error| tracing::info!(%error, "voxels are not kept on the disk")).ok()
}
