//! A server whose studies the window shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eframe::egui;
use glam::DVec3;
use protocol::message::{Drawn, Measure, MeasuredKind, MeasuredPlane, Role, Series, Study};
use protocol::{MAX_SERIES, MAX_VIEWS};
use reading::{Annotation, Placement, Quantity, Values};
use render_core::scene::ViewState;
use server_mode::client::Error;
use server_mode::remote::{Cache, Event, Fetch, HostView, Picture, Remote, RemoteSeries, State, Thumbnail};

use super::named::{Named, there};
use super::pointed::{Next, Pointed};

/// The number of the requests for values under the pointer; those of annotations count up from 1.
const POINTED: u32 = u32::MAX;
/// Of an outline that is measured: a server takes `MAX_MEASURED`, and messages of 64 KiB hold these.
const MOST_POINTS: usize = 800;
/// A server that has not answered by then does not.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// The connection and its places for pictures. It ends when the last viewport and the window let go of it. Series are
/// called as this window calls them ([`Named`]).
#[derive(Debug)]
pub struct Connection {
    remote: Remote,
    named: Named,
    /// A bit for each slot that is taken.
    taken: AtomicU32,
    /// Series that the server was asked for and has not opened yet, and how far it has read them: done, of all.
    opening: Mutex<BTreeMap<String, (u64, u64)>>,
    /// Series that are open there, or are going to be.
    open: Mutex<BTreeSet<String>>,
    /// Series whose small pictures were asked for.
    pictured: Mutex<BTreeSet<String>>,
    pointed: Arc<Mutex<Pointed>>,
    ctx: egui::Context,
}

impl Connection {
    /// Begins to connect to the address that a server prints.
    pub fn new(url: &str, ctx: &egui::Context) -> Result<Arc<Self>, Error> {
        let woken = ctx.clone();
        let remote = Remote::connect(url, move || woken.request_repaint())?;
        Ok(Arc::new(Self {
            remote,
            named: Named::default(),
            taken: AtomicU32::new(0),
            opening: Mutex::default(),
            open: Mutex::default(),
            pictured: Mutex::default(),
            pointed: Arc::default(),
            ctx: ctx.clone(),
        }))
    }

    /// Host and port, for people.
    pub fn authority(&self) -> String {
        self.remote.authority()
    }

    pub fn state(&self) -> State {
        self.remote.state()
    }

    pub fn reconnect(&self) {
        self.remote.reconnect();
    }

    /// The series of what is opened is called as the server calls it ([`Self::here`]).
    pub fn take_events(&self) -> Vec<Event> {
        let mut events = self.remote.take_events();
        // What they name is listed by then.
        self.library();
        for event in &mut events {
            if let Event::OpenFailed { series_id, .. } | Event::Loading { series_id, .. } = event {
                *series_id = self.here(series_id);
            }
        }
        events
    }

    pub fn library(&self) -> Arc<[Study]> {
        self.named.library(self.remote.library())
    }

    /// What this window calls a series of the server's.
    pub fn here(&self, told: &str) -> String {
        self.named.here(told)
    }

    pub fn stats(&self) -> server_mode::remote::Stats {
        self.remote.stats()
    }

    /// Asks for series, each once, as far as the server opens so many; in their place it closes what nobody uses. What
    /// a host has open is not for its guests to close.
    pub fn open(&self, wanted: &[String], uses: &Uses) -> Opening {
        let (mut opening, mut open) = (lock(&self.opening), lock(&self.open));
        let Plan { close, ask, refuse } = match self.role_of_guest() {
            None => Plan::new(&open, &opening, wanted, uses),
            Some(_) => Plan { close: Vec::new(), ask: wanted.to_vec(), refuse: Vec::new() },
        };
        for id in &close {
            open.remove(id);
            self.remote.close(there(id));
        }
        let waits = wanted.len() > ask.len() + refuse.len();
        for id in ask {
            if !opening.contains_key(&id) {
                opening.insert(id.clone(), (0, 0));
                self.remote.open(there(&id));
                open.insert(id);
            }
        }
        Opening { refused: refuse, is_stuck: waits && opening.is_empty() }
    }

    /// The server reads it.
    pub fn reads(&self, series_id: &str, done: u64, total: u64) {
        if let Some(counts) = lock(&self.opening).get_mut(series_id) {
            *counts = (done, total);
        }
    }

    /// It came.
    pub fn opened(&self, series_id: &str) {
        lock(&self.opening).remove(series_id);
        lock(&self.open).insert(series_id.to_owned());
    }

    /// It will not come.
    pub fn did_not_open(&self, series_id: &str) {
        lock(&self.opening).remove(series_id);
        lock(&self.open).remove(series_id);
    }

    /// Nobody waits any more for what the server has not opened yet; it reads that to its end.
    pub fn cancel_opening(&self) {
        lock(&self.opening).clear();
    }

    /// The series that the server reads now, and how far it is; `None` where the window waits for none.
    pub fn reading(&self) -> Option<(String, (u64, u64))> {
        let opening = lock(&self.opening);
        // It reads one after the other, and has told nothing of the others.
        let reading = opening.iter().find(|(_, counts)| counts.1 > 0).or_else(|| opening.iter().next());
        reading.map(|(series_id, counts)| (series_id.clone(), *counts))
    }

    /// What a library says of a series.
    pub fn listed(library: &[Study], series_id: &str) -> Option<(Study, Series)> {
        library.iter().find_map(|study| {
            let series = study.series.iter().find(|series| series.series_instance_uid == series_id)?;
            Some((study.clone(), series.clone()))
        })
    }

    /// What was drawn, measured by the server's voxels. Waits for it, so it is for threads of jobs.
    pub fn measure(&self, series_id: &str, annotation: &Annotation) -> Option<Values> {
        let kind = serde_json::to_value(annotation.kind).ok()?;
        let Placement { center_mm, right, down } = annotation.placement;
        let measure = Measure {
            // What is moved is measured anew; only its last place is worth anything.
            request: serde_json::to_value(annotation.id).ok()?.as_u64()? as u32,
            series_instance_uid: there(series_id).to_owned(),
            kind: serde_json::from_value(kind).ok()?,
            points_mm: thinned(&annotation.points_mm),
            plane: MeasuredPlane {
                center_mm: center_mm.to_array(),
                right: right.to_array(),
                down: down.to_array(),
            },
        };
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        self.remote.measure(measure, move |measured| drop(answer.send(measured)));
        let measured = answered.recv_timeout(LONGEST_ANSWER).ok()?;
        let measured =
            measured.inspect_err(|reason| tracing::warn!(reason, "a server does not measure")).ok()?;
        let quantity = |quantity: &protocol::message::Quantity| {
            let measure = serde_json::from_value(quantity.measure.clone().into()).ok()?;
            Some(Quantity { measure, value: quantity.value, unit: quantity.unit.clone() })
        };
        Some(Values {
            quantities: measured.quantities.iter().filter_map(quantity).collect(),
            histogram: measured.histogram,
            doubt: measured.doubt,
        })
    }

    /// Series of the library that have not been returned by this yet.
    pub fn unpictured(&self) -> Vec<String> {
        let mut pictured = lock(&self.pictured);
        let library = self.library();
        let ids = library.iter().flat_map(|study| &study.series).map(|series| &series.series_instance_uid);
        let missing: Vec<String> = ids.filter(|id| !pictured.contains(*id)).cloned().collect();
        pictured.extend(missing.iter().cloned());
        missing
    }

    /// A small picture of a series. Waits for it, so it is for threads of jobs.
    pub fn thumbnail(&self, series_id: &str) -> Option<egui::ColorImage> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        self.remote.thumbnail(there(series_id), move |thumbnail| drop(answer.send(thumbnail)));
        let Thumbnail { size, rgb } = answered.recv_timeout(LONGEST_ANSWER).ok()??;
        Some(egui::ColorImage::from_rgb(size, &rgb))
    }

    /// The value of a voxel with its centre there, once the server has told it; then the window is painted again.
    pub fn value_at(&self, series: &RemoteSeries, voxel: [u32; 3], center_mm: DVec3) -> Option<f32> {
        let place = (series.id.clone(), voxel);
        match lock(&self.pointed).look(Instant::now(), &place) {
            Next::Known(value) => return value,
            Next::Nothing => return None,
            Next::Wait(time) => {
                self.ctx.request_repaint_after(time);
                return None;
            }
            Next::Ask => {}
        }
        let measure = Measure {
            request: POINTED,
            series_instance_uid: series.id.clone(),
            kind: MeasuredKind::Probe,
            points_mm: vec![center_mm.to_array()],
            plane: MeasuredPlane {
                center_mm: center_mm.to_array(),
                right: [1.0, 0.0, 0.0],
                down: [0.0, 1.0, 0.0],
            },
        };
        let (pointed, ctx) = (Arc::clone(&self.pointed), self.ctx.clone());
        // Of what has a scale to SUVs, those are told.
        let factor = series.suv.map_or(1.0, |suv| suv.body_weight);
        self.remote.measure(measure, move |measured| {
            let told = measured.ok().and_then(|measured| {
                Some(
                    (measured.quantities.iter().find(|quantity| quantity.measure == "value")?.value / factor)
                        as f32,
                )
            });
            lock(&pointed).answered(place, told);
            ctx.request_repaint();
        });
        None
    }

    /// What a guest may do; `None` where this is no host's window.
    pub fn role_of_guest(&self) -> Option<Role> {
        self.remote.welcome().map(|welcome| welcome.role).filter(|role| *role != Role::Owner)
    }

    /// Whether the server, or the host of a guest, lets this window have voxels.
    pub fn hands_out_voxels(&self) -> bool {
        self.remote.welcome().is_some_and(|welcome| welcome.voxels)
    }

    /// Begins to bring the voxels of an open series here.
    pub fn fetch(
        &self,
        series: &Arc<RemoteSeries>,
        cache: Option<Cache>,
        most_bytes: u64,
    ) -> Result<Fetch, Error> {
        self.remote.fetch(series, cache, most_bytes)
    }

    /// What the host of a guest shows in one of its views.
    pub fn host_view(&self, number: u8) -> Option<HostView> {
        let view = self.remote.host_view(number)?;
        Some(HostView { series_id: self.here(&view.series_id), ..view })
    }

    /// What the host of a guest has drawn.
    pub fn drawn(&self) -> Vec<Arc<Drawn>> {
        self.remote.drawn()
    }

    /// The window takes over what the host shows, and does not send it back.
    pub fn adopt(&self, number: u8, state: &Arc<ViewState>) {
        self.remote.adopt(number, state);
    }

    /// Whether there is a place for one picture more.
    pub fn has_room(&self) -> bool {
        self.taken.load(Ordering::Relaxed).count_ones() < MAX_VIEWS as u32
    }

    /// A place for pictures: the host's of this number, else a free one.
    pub fn slot(self: &Arc<Self>, hosted: Option<u8>) -> Option<Slot> {
        if let Some(number) = hosted {
            self.taken.fetch_or(1 << number, Ordering::Relaxed);
            return Some(Slot { connection: Arc::clone(self), number });
        }
        let free = |taken: u32| (0..MAX_VIEWS as u32).find(|slot| taken & (1 << slot) == 0);
        let take = |taken: u32| free(taken).map(|slot| taken | (1 << slot));
        let before = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        Some(Slot { connection: Arc::clone(self), number: free(before)? as u8 })
    }
}

/// The series that the window has of a server.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Those on screen.
    pub shown: BTreeSet<String>,
    /// Of these, the ones whose places nothing else is going to take.
    pub staying: BTreeSet<String>,
}

/// What became of the series that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Those that the server has no room for beside what stays on screen.
    pub refused: Vec<String>,
    /// The others wait for places of what is still on screen, and nothing comes that would take those.
    pub is_stuck: bool,
}

/// Which series to close and to ask for, so that no more are open than a server allows. What is in no list waits.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    close: Vec<String>,
    ask: Vec<String>,
    refuse: Vec<String>,
}

impl Plan {
    /// What is being opened cannot be closed yet.
    fn new<T>(
        open: &BTreeSet<String>,
        opening: &BTreeMap<String, T>,
        wanted: &[String],
        Uses { shown, staying }: &Uses,
    ) -> Self {
        let room = MAX_SERIES.saturating_sub(staying.len());
        let (had, new): (Vec<_>, Vec<_>) = wanted.iter().cloned().partition(|id| staying.contains(id));
        let mut plan = Self { close: Vec::new(), ask: had, refuse: new.iter().skip(room).cloned().collect() };
        let unused =
            |id: &&String| !shown.contains(*id) && !wanted.contains(id) && !opening.contains_key(*id);
        let mut unused = open.iter().filter(unused);
        let mut count = open.len();
        for id in new.into_iter().take(room) {
            if !open.contains(&id) {
                if count < MAX_SERIES {
                    count += 1;
                } else if let Some(closed) = unused.next() {
                    plan.close.push(closed.clone());
                } else {
                    continue;
                }
            }
            plan.ask.push(id);
        }
        plan
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The points of an outline, every so many where there are more than a message has room for.
fn thinned(points_mm: &[DVec3]) -> Vec<[f64; 3]> {
    let count = points_mm.len().min(MOST_POINTS);
    (0..count).map(|i| points_mm[i * points_mm.len() / count].to_array()).collect()
}

/// One of the server's views, for as long as a viewport has it.
#[derive(Debug)]
pub struct Slot {
    connection: Arc<Connection>,
    number: u8,
}

impl Slot {
    pub fn show(&self, series_id: &str, view: &ViewState, moving: bool) {
        self.connection.remote.show(self.number, there(series_id), view, moving);
    }

    /// Whether what a host shows is drawn here.
    pub fn pause(&self, paused: bool) {
        self.connection.remote.pause(self.number, paused);
    }

    pub fn take_picture(&self) -> Option<Picture> {
        self.connection.remote.take_picture(self.number)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connection.remote.hide(self.number);
        self.connection.taken.fetch_and(!(1 << self.number), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: std::ops::Range<usize>) -> Vec<String> {
        numbers.map(|number| number.to_string()).collect()
    }

    fn plan(open: &[String], wanted: &[String], shown: &[String], staying: &[String]) -> [Vec<String>; 3] {
        let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<String>>();
        let uses = Uses { shown: set(shown), staying: set(staying) };
        let Plan { close, ask, refuse } = Plan::new(&set(open), &BTreeMap::<_, ()>::new(), wanted, &uses);
        [close, ask, refuse]
    }

    #[test]
    fn no_more_series_are_open_than_a_server_allows() {
        let none = Vec::new;
        let most = ids(0..MAX_SERIES);
        assert_eq!(plan(&[], &most, &[], &[]), [none(), most.clone(), none()]);
        // What nobody sees makes room.
        let [close, ask, refuse] = plan(&most, &ids(20..22), &most[..10], &most[..10]);
        assert_eq!((close.len(), ask, refuse), (2, ids(20..22), none()));
        assert!(close.iter().all(|id| !most[..10].contains(id)), "{close:?}");
        // What is about to go makes room later.
        assert_eq!(plan(&most, &ids(20..22), &most, &most[..10]), [none(), none(), none()]);
        // What stays does not.
        assert_eq!(plan(&most, &ids(20..22), &most, &most), [none(), none(), ids(20..22)]);
        let all = ids(0..MAX_SERIES + 3);
        assert_eq!(plan(&[], &all, &[], &[]), [none(), most, all[MAX_SERIES..].to_vec()]);
        // What is open already is asked for, and takes no place.
        assert_eq!(plan(&all[..16], &all[3..5], &[], &all[3..4]), [none(), ids(3..5), none()]);
    }
}
