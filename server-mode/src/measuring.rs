//! The threads that measure for clients: neither the network nor pictures wait for them. A session's request of a
//! number replaces one of the same number that has not begun, and sessions take turns. What is read at points waits for no
//! area and no solid.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use protocol::message::{Measure, Measured, MeasuredKind, Quantity};
use reading::Annotation;
use render_core::Progress;
use serde_json::json;

use crate::background;
use crate::studies::OpenSeries;
use crate::turns::{Claim, Turns};

/// Requests of a session that wait.
const MOST_WAITING: usize = 64;

/// Takes what was measured, or why it was not; must not block.
pub type Reply = Box<dyn FnOnce(Result<Measured, String>) + Send>;

/// What to measure.
#[derive(Debug)]
pub struct Task {
    pub series: Arc<OpenSeries>,
    pub measure: Measure,
}

impl Task {
    /// Whether it takes a few values, not all of an area or a solid.
    fn is_quick(&self) -> bool {
        use MeasuredKind as K;
        matches!(self.measure.kind, K::Probe | K::Length | K::Angle | K::Cobb | K::Bidirectional)
    }
}

/// The threads end when this is dropped.
pub struct Measuring(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(u64, Task, Reply)>,
    running: Vec<(u64, Arc<Progress>)>,
    turns: Turns,
    stopped: bool,
}

/// What a thread takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    All,
    Quick,
}

impl Queue {
    fn next(&mut self, takes: Takes) -> Option<(u64, Task, Reply)> {
        let waiting = self.waiting.iter().enumerate();
        let fitting = waiting.filter(|(_, (_, task, _))| takes == Takes::All || task.is_quick());
        let at = self.turns.next(fitting.map(|(at, (session, ..))| (at, *session)))?;
        let next = self.waiting.remove(at)?;
        // Quick ones are no reason to wait for the others.
        if !next.1.is_quick() {
            self.turns.had(next.0, Claim::Full);
        }
        Some(next)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // It is whole between any two statements that can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measuring {
    pub fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        for (name, takes) in [("measure", Takes::All), ("measure-points", Takes::Quick)] {
            let theirs = Arc::clone(&shared);
            std::thread::Builder::new().name(name.into()).spawn(move || work(&theirs, takes))?;
        }
        Ok(Self(shared))
    }

    pub fn submit(&self, session: u64, task: Task, reply: Reply) {
        let mut queue = self.0.queue();
        let same = |(of, task_there, _): &(u64, Task, Reply)| {
            *of == session && task_there.measure.request == task.measure.request
        };
        if let Some(at) = queue.waiting.iter().position(same) {
            queue.waiting[at] = (session, task, reply);
            return;
        }
        if queue.waiting.iter().filter(|(of, ..)| *of == session).count() >= MOST_WAITING {
            drop(queue);
            return reply(Err("Too much waits to be measured. Try again.".into()));
        }
        queue.waiting.push_back((session, task, reply));
        self.0.work.notify_all();
    }

    /// Nobody waits for a session's measurements any more.
    pub fn end_session(&self, session: u64) {
        let mut queue = self.0.queue();
        queue.waiting.retain(|(of, ..)| *of != session);
        queue.turns.forget(session);
        queue.running.iter().filter(|(of, _)| *of == session).for_each(|(_, progress)| progress.cancel());
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.stopped = true;
        queue.running.iter().for_each(|(_, progress)| progress.cancel());
        self.0.work.notify_all();
    }
}

fn work(shared: &Shared, takes: Takes) {
    background::give_way();
    // Half the cores: pictures need the others.
    let cores = std::thread::available_parallelism().map_or(1, |cores| usize::from(cores) / 2).max(1);
    let threads = if takes == Takes::All { cores } else { 1 };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let mut queue = shared.queue();
    while !queue.stopped {
        let Some((session, task, reply)) = queue.next(takes) else {
            queue = shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let progress = Arc::new(Progress::default());
        queue.running.push((session, Arc::clone(&progress)));
        drop(queue);
        // A defect costs one measurement, not the server.
        let measured = catch_unwind(AssertUnwindSafe(|| match &pool {
            Ok(pool) => pool.install(|| measure(&task, &progress)),
            // A system that gives no more threads has those for all work.
            Err(_) => measure(&task, &progress),
        }));
        reply(measured.unwrap_or_else(|_| Err("The measurement has a defect.".into())));
        queue = shared.queue();
        queue.running.retain(|(_, running)| !Arc::ptr_eq(running, &progress));
    }
}

fn measure(task: &Task, progress: &Progress) -> Result<Measured, String> {
    let Task { series, measure } = task;
    let annotation = annotation(measure)?;
    let loaded = &series.loaded;
    let source = reading::Source::new(&loaded.volume, &loaded.report.millimetres, series.suv);
    let values = reading::measure(&annotation, &source, progress).map_err(|error| error.to_string())?;
    let quantity = |quantity: &reading::Quantity| Quantity {
        measure: serde_json::to_value(quantity.measure)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default(),
        value: quantity.value,
        unit: quantity.unit.clone(),
    };
    let in_mm =
        values.quantities.iter().any(|quantity| ["mm", "mm²", "ml"].contains(&quantity.unit.as_str()));
    Ok(Measured {
        request: measure.request,
        quantities: values.quantities.iter().map(quantity).collect(),
        histogram: values.histogram,
        doubt: values.doubt,
        lengths_by: in_mm.then(|| series.spacing_source.to_owned()),
    })
}

/// The reader's own type, which checks what it is read from.
fn annotation(measure: &Measure) -> Result<Annotation, String> {
    let Measure { kind, points_mm, plane, .. } = measure;
    let kind = match kind {
        MeasuredKind::Probe => "probe",
        MeasuredKind::Length => "length",
        MeasuredKind::Angle => "angle",
        MeasuredKind::Cobb => "cobb",
        MeasuredKind::Bidirectional => "bidirectional",
        MeasuredKind::Ellipse => "ellipse",
        MeasuredKind::Rectangle => "rectangle",
        MeasuredKind::Freehand => "freehand",
        MeasuredKind::Box => "box",
        MeasuredKind::Ellipsoid => "ellipsoid",
    };
    let saved = json!({
        "id": 0, "uid": "", "series": "", "kind": kind, "pointsMm": points_mm, "centerMm": plane.center_mm,
        "right": plane.right, "down": plane.down, "label": "", "color": [0, 0, 0], "visible": true,
    });
    serde_json::from_value(saved).map_err(|error| format!("This cannot be measured: {error}."))
}

#[cfg(test)]
mod tests {
    use protocol::message::MeasuredPlane;

    use super::*;

    fn waiting(session: u64, request: u32, kind: MeasuredKind) -> (u64, Task, Reply) {
        let plane = MeasuredPlane { center_mm: [0.0; 3], right: [1.0, 0.0, 0.0], down: [0.0, 1.0, 0.0] };
        let (series_instance_uid, points_mm) = (String::new(), vec![[0.0; 3]]);
        let measure = Measure { request, series_instance_uid, kind, points_mm, plane };
        (session, Task { series: crate::session::tests::series(), measure }, Box::new(|_| {}))
    }

    #[test]
    fn many_solids_of_one_session_hold_up_neither_anothers_nor_points() {
        let mut queue = Queue::default();
        for request in 0..10 {
            queue.waiting.push_back(waiting(1, request, MeasuredKind::Ellipsoid));
        }
        assert!(queue.next(Takes::Quick).is_none());
        assert!(queue.next(Takes::All).is_some_and(|(session, ..)| session == 1));
        queue.waiting.push_back(waiting(2, 0, MeasuredKind::Ellipse));
        queue.waiting.push_back(waiting(2, 1, MeasuredKind::Probe));
        assert!(
            queue
                .next(Takes::Quick)
                .is_some_and(|(session, task, _)| (session, task.measure.request) == (2, 1))
        );
        assert!(queue.next(Takes::All).is_some_and(|(session, ..)| session == 2));
        assert!(queue.next(Takes::All).is_some_and(|(session, ..)| session == 1));
    }
}
