//! The schedule, with a painter that does what the test says and a test that waits for what the
//! painter says: no step depends on time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::*;

const STEPS: u32 = 3;
const AT_ONCE: Duration = Duration::ZERO;
/// Longer than any test runs.
const NEVER: Duration = Duration::from_secs(3600);

/// What happens on the painter's side.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Began(u32, u32),
    Cancelled(u32, u32),
    Delivered(u32, u32),
    Failed(u32, u32),
}
use Event::{Began, Cancelled, Delivered, Failed};

#[derive(Clone, Copy)]
enum Order {
    Finish,
    Fail,
    Panic,
}

/// Announces each step, then waits for an order or for being cancelled.
struct Scripted {
    events: SyncSender<Event>,
    orders: Receiver<Order>,
}

impl Painter for Scripted {
    type Request = u32;
    type Picture = u32;

    fn begin(&mut self, _: &u32) -> u32 {
        STEPS
    }

    fn paint(&mut self, request: &u32, step: u32, cancel: &AtomicBool) -> Result<u32, RenderError> {
        let _ = self.events.send(Began(*request, step));
        loop {
            if cancel.load(Ordering::Relaxed) {
                let _ = self.events.send(Cancelled(*request, step));
                return Err(RenderError::Cancelled);
            }
            match self.orders.try_recv() {
                Ok(Order::Finish) => return Ok(*request * 10 + step),
                Ok(Order::Fail) => return Err(RenderError::NoValues),
                Ok(Order::Panic) => panic!("the test asks for it"),
                Err(_) => std::thread::yield_now(),
            }
        }
    }
}

struct Stage {
    progressive: Progressive<u32>,
    events: Receiver<Event>,
    orders: SyncSender<Order>,
}

impl Stage {
    fn new() -> Self {
        let (events_in, events) = sync_channel(1024);
        let (orders, orders_out) = sync_channel(1024);
        let painter = Scripted { events: events_in.clone(), orders: orders_out };
        let progressive = Progressive::start("test", painter, move |update| {
            assert_eq!(update.steps, STEPS);
            assert_eq!(update.is_final(), update.step == STEPS - 1);
            let event = match update.picture {
                Ok(picture) => {
                    assert_eq!(picture, *update.request * 10 + update.step);
                    Delivered(*update.request, update.step)
                }
                Err(_) => Failed(*update.request, update.step),
            };
            let _ = events_in.send(event);
        })
        .unwrap();
        Self { progressive, events, orders }
    }

    fn submit(&self, request: u32) {
        self.progressive.submit(request, Succession::Continues, AT_ONCE);
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    #[track_caller]
    fn expect(&self, expected: Event) {
        assert_eq!(self.events.recv().unwrap(), expected);
    }

    /// Lets a request run through from a step on.
    #[track_caller]
    fn finish(&self, request: u32, from: u32) {
        for step in from..STEPS {
            self.expect(Began(request, step));
            self.order(Order::Finish);
            self.expect(Delivered(request, step));
        }
    }
}

#[test]
fn steps_come_in_order_up_to_the_final_one() {
    let stage = Stage::new();
    stage.submit(1);
    stage.finish(1, 0);
    stage.submit(2);
    stage.finish(2, 0);
}

#[test]
fn the_newest_request_wins_and_those_between_are_never_drawn() {
    let stage = Stage::new();
    stage.submit(1);
    stage.expect(Began(1, 0));
    for request in 2..=50 {
        stage.submit(request);
    }
    // The first step is finished, so that a mouse that never rests sees something.
    stage.order(Order::Finish);
    stage.expect(Delivered(1, 0));
    stage.finish(50, 0);
}

#[test]
fn refinement_stops_at_once_when_something_newer_comes() {
    let stage = Stage::new();
    stage.submit(1);
    stage.expect(Began(1, 0));
    stage.order(Order::Finish);
    stage.expect(Delivered(1, 0));
    stage.expect(Began(1, 1));
    stage.submit(2);
    stage.expect(Cancelled(1, 1));
    stage.finish(2, 0);
}

#[test]
fn another_scene_stops_even_the_first_step() {
    let stage = Stage::new();
    stage.submit(1);
    stage.expect(Began(1, 0));
    stage.progressive.submit(2, Succession::Replaces, AT_ONCE);
    stage.expect(Cancelled(1, 0));
    stage.finish(2, 0);
}

#[test]
fn nothing_is_refined_before_its_time() {
    let stage = Stage::new();
    stage.progressive.submit(1, Succession::Continues, NEVER);
    stage.expect(Began(1, 0));
    stage.order(Order::Finish);
    stage.expect(Delivered(1, 0));
    stage.progressive.submit(2, Succession::Continues, NEVER);
    stage.expect(Began(2, 0));
    stage.submit(3);
    stage.order(Order::Finish);
    stage.expect(Delivered(2, 0));
    stage.finish(3, 0);
}

#[test]
fn what_is_withdrawn_is_not_delivered() {
    let stage = Stage::new();
    stage.submit(1);
    stage.expect(Began(1, 0));
    stage.submit(2);
    stage.progressive.withdraw();
    stage.expect(Cancelled(1, 0));
    stage.submit(3);
    stage.finish(3, 0);
}

#[test]
fn a_failure_ends_its_request_and_no_other() {
    let stage = Stage::new();
    stage.submit(1);
    stage.expect(Began(1, 0));
    stage.order(Order::Finish);
    stage.expect(Delivered(1, 0));
    stage.expect(Began(1, 1));
    stage.order(Order::Fail);
    stage.expect(Failed(1, 1));
    stage.submit(2);
    stage.finish(2, 0);
}

#[test]
fn a_panic_is_seen_from_outside() {
    let stage = Stage::new();
    stage.submit(1);
    stage.expect(Began(1, 0));
    assert!(!stage.progressive.is_dead());
    stage.order(Order::Panic);
    // The painter and `deliver` go with the thread, and with them the events' senders.
    assert!(stage.events.recv().is_err());
    assert!(stage.progressive.is_dead());
    stage.submit(2);
}

#[test]
fn dropping_it_stops_the_work_and_does_not_wait() {
    let Stage { progressive, events, orders } = Stage::new();
    progressive.submit(1, Succession::Continues, AT_ONCE);
    assert_eq!(events.recv(), Ok(Began(1, 0)));
    // The painter is held up until after the drop.
    drop(progressive);
    assert_eq!(events.recv(), Ok(Cancelled(1, 0)));
    assert!(events.recv().is_err(), "the thread has ended");
    drop(orders);
}

/// Draws at once whatever it is asked for.
struct Eager;

impl Painter for Eager {
    type Request = u32;
    type Picture = u32;

    fn begin(&mut self, _: &u32) -> u32 {
        STEPS
    }

    fn paint(&mut self, request: &u32, step: u32, cancel: &AtomicBool) -> Result<u32, RenderError> {
        if step > 0 && cancel.load(Ordering::Relaxed) { Err(RenderError::Cancelled) } else { Ok(*request) }
    }
}

#[test]
fn the_final_picture_of_the_last_request_is_never_lost() {
    for _ in 0..200 {
        let (finals, pictures) = sync_channel(1024);
        let progressive = Progressive::start("test", Eager, move |update| {
            if update.is_final() {
                let _ = finals.send(*update.request);
            }
        })
        .unwrap();
        for request in 0..=100 {
            let succession = if request % 7 == 0 { Succession::Replaces } else { Succession::Continues };
            progressive.submit(request, succession, AT_ONCE);
        }
        let mut last = None;
        while last != Some(100) {
            let picture = pictures.recv().unwrap();
            assert!(last.is_none_or(|last| picture > last), "a picture came out of order");
            last = Some(picture);
        }
    }
}

/// A small cube of stripes up to 1020 HU in the bone preset.
fn bone_view() -> (Arc<crate::Volume>, crate::scene::ViewState) {
    use crate::scene::view::{Orientation, ViewState};
    use crate::scene::{Content, Preset};

    let axes = [glam::DVec3::X, glam::DVec3::Y, glam::DVec3::Z];
    let geometry = crate::Geometry::from_axes([16; 3], glam::DVec3::ZERO, axes, glam::DVec3::ONE).unwrap();
    let voxels = crate::Voxels::I16((0..4096).map(|i| (i % 256) * 4).collect());
    let meaning = crate::volume::Meaning {
        modality: "CT".into(),
        unit: "HU".into(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    let rescale = crate::volume::Rescale::IDENTITY;
    let volume = Arc::new(crate::Volume::new(geometry, voxels, rescale, meaning).unwrap());
    let mut view = ViewState::new(&volume, Content::Volume, Orientation::Axial, [32, 24]);
    view.apply_preset(&Preset::built_in()[0], &volume);
    (volume, view)
}

#[test]
fn a_view_is_coarse_at_once_then_exact_and_a_fast_machine_skips_the_first() {
    use crate::frame::FrameKind;
    use crate::render::{Choice, Renderer};

    let (volume, view) = bone_view();
    let request = ViewRequest { renderer: Renderer::open(Choice::Cpu).unwrap(), volume, view };
    // A clock that says that every picture takes 4 ms.
    let ticks = std::sync::atomic::AtomicU64::new(0);
    let clock = move || Duration::from_millis(4 * ticks.fetch_add(1, Ordering::Relaxed));
    let mut painter = ViewPainter::new(
        Duration::from_millis(24),
        clock,
        |request: &ViewRequest, volume: &_, params: &_, cancel: &_| {
            request.renderer.render(volume, params, cancel)
        },
    );
    let go_on = AtomicBool::new(false);

    assert_eq!(painter.begin(&request), 2);
    let coarse = painter.paint(&request, 0, &go_on).unwrap();
    assert_eq!(coarse.kind, FrameKind::Interactive);
    assert!(coarse.size[0] < 32);
    let exact = painter.paint(&request, 1, &go_on).unwrap();
    assert_eq!((exact.kind, exact.size), (FrameKind::Exact, [32, 24]));
    assert_eq!(painter.begin(&request), 1);
    assert_eq!(painter.paint(&request, 0, &go_on).unwrap().kind, FrameKind::Exact);
}

#[test]
fn a_cinematic_view_moves_as_a_volume_then_refines_and_starts_afresh_when_it_turns() {
    use crate::Frame;
    use crate::frame::FrameKind;
    use crate::render::{Choice, Renderer};
    use crate::scene::Content;

    let (volume, view) = bone_view();
    let renderer = Renderer::open(Choice::Cpu).unwrap();
    let view = crate::scene::ViewState { content: Content::Cinematic, ..view };
    let mut request = ViewRequest { renderer, volume, view };
    let painter = || {
        // A clock that says that all takes long.
        let ticks = std::sync::atomic::AtomicU64::new(0);
        let clock = move || Duration::from_secs(40 * ticks.fetch_add(1, Ordering::Relaxed));
        let draw = |request: &ViewRequest, volume: &_, params: &_, cancel: &_| {
            request.renderer.render(volume, params, cancel)
        };
        ViewPainter::new(Duration::from_millis(24), clock, draw)
    };
    let go_on = AtomicBool::new(false);
    let mut painted = painter();

    // The first view tells how long paths take.
    for view in 0..2 {
        let steps = painted.begin(&request);
        let frames: Vec<Frame> =
            (0..steps).map(|step| painted.paint(&request, step, &go_on).unwrap()).collect();
        let (last, before) = frames.split_last().unwrap();
        assert!(before.iter().all(|frame| frame.kind == FrameKind::Interactive));
        assert_eq!((last.kind, last.size), (FrameKind::Exact, [32, 24]));
        assert!(frames[0].size[0] < 32, "what moves is coarse");
        if view == 1 {
            assert!(frames[1].size[0] < 32, "the first paths show a coarse picture");
            // Each picture is closer to the final one than those of a few samples were.
            let whole: Vec<&Frame> = frames.iter().filter(|frame| frame.size == [32, 24]).collect();
            let distance = |frame: &Frame| -> u64 {
                frame.pixels.iter().zip(&last.pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
            };
            assert!(whole.len() > 4);
            assert!(distance(whole[whole.len() - 2]) * 2 < distance(whole[0]));
        }
    }

    // A cancelled pass goes on where it was; after a turn nothing of it is left.
    let mut fresh = painter();
    for painter in [&mut painted, &mut fresh] {
        painter.begin(&request);
        painter.paint(&request, 0, &go_on).unwrap();
    }
    assert_eq!(painted.paint(&request, 1, &AtomicBool::new(true)).unwrap_err(), RenderError::Cancelled);
    request.view.camera.azimuth(90.0);
    request.view.touch();
    let finals = [&mut painted, &mut fresh].map(|painter| {
        let steps = painter.begin(&request);
        (0..steps).map(|step| painter.paint(&request, step, &go_on).unwrap()).last().unwrap().pixels
    });
    assert!(finals[0] == finals[1]);
}
