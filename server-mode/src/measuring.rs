//! The thread that measures for clients: neither the network nor pictures wait for it. A session's request of a
//! number replaces one of the same number that has not begun.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use protocol::message::{Measure, Measured, MeasuredKind, Quantity};
use reading::Annotation;
use render_core::Progress;
use serde_json::json;

use crate::studies::OpenSeries;

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

/// The thread ends when this is dropped.
pub struct Measuring(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(u64, Task, Reply)>,
    running: Option<(u64, Arc<Progress>)>,
    stopped: bool,
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
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("measure".into()).spawn(move || work(&theirs))?;
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
        self.0.work.notify_one();
    }

    /// Nobody waits for a session's measurements any more.
    pub fn end_session(&self, session: u64) {
        let mut queue = self.0.queue();
        queue.waiting.retain(|(of, ..)| *of != session);
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

fn work(shared: &Shared) {
    let mut queue = shared.queue();
    while !queue.stopped {
        let Some((session, task, reply)) = queue.waiting.pop_front() else {
            queue = shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let progress = Arc::new(Progress::default());
        queue.running = Some((session, Arc::clone(&progress)));
        drop(queue);
        // A defect costs one measurement, not the server.
        let measured = catch_unwind(AssertUnwindSafe(|| measure(&task, &progress)));
        reply(measured.unwrap_or_else(|_| Err("The measurement has a defect.".into())));
        queue = shared.queue();
        queue.running = None;
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
    Ok(Measured {
        request: measure.request,
        quantities: values.quantities.iter().map(quantity).collect(),
        histogram: values.histogram,
        doubt: values.doubt,
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
