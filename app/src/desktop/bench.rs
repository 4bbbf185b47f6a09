//! What `voxcast bench window` measures: the real window on a real display, with a hand that follows a plan.
//!
//! ```text
//! Act -> raw_input_hook: events by the clock -> App::ui, timed -> pictures on screen, counted -> Measured
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use eframe::egui::{self, Event, Modifiers, MouseWheelUnit, PointerButton, Pos2, TouchPhase, vec2};
use reading::{Edit, Kind, Placement};

use super::app::App;
use super::command::Command;
use super::layout::ViewportId;
use super::main_window::Extent;
use super::tool::Tool;
use super::viewport::Viewport;
use super::{Options, Widgets};

/// What the hand does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// All slices of the first viewport, by the wheel.
    Scroll,
    /// The same by a key.
    Keys,
    /// The window of its slices, by a drag.
    Window,
    /// A volume, by a drag.
    Turn,
    /// As `Scroll`, with 300 lengths and their table on screen.
    Drawn,
    /// A segment grows through whatever hangs together in the middle; then undo and redo. It is removed and brought
    /// back.
    Grow,
    /// As `Scroll`, with what `Grow` has marked.
    Marked,
}

/// Inputs a second: as many as a fast mouse has.
const INPUTS_PER_S: f64 = 120.0;
/// How long drags last.
const DRAG_S: f64 = 3.0;
/// Nothing new for so long, and an act is over.
const STILL: Duration = Duration::from_millis(400);
/// How often that is looked at.
const LOOK_EVERY_S: f64 = 0.05;
/// A segment has grown by then.
const GROWN_S: f64 = 8.0;
/// More slices than any series has.
const MANY: i64 = 1_000_000;

/// What one act came to.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Milliseconds of each frame in which the window's own code ran: logic and widgets, not painting them.
    pub frames_ms: Vec<f64>,
    /// Of these, what the window's thread itself took: the rest it waited for a core.
    pub busy_ms: Vec<f64>,
    /// Inputs, and pictures on screen that showed another state of the viewport under the hand.
    pub inputs: u32,
    pub pictures: u32,
    /// From the first input to the last picture.
    pub seconds: f64,
}

/// What all came to.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// From the start of the program to the first image of the study on screen, and to the final pictures of all
    /// viewports.
    pub first_ms: f64,
    pub all_ms: f64,
    /// As in [`Measured`], until then.
    pub starting: Measured,
    /// In the order in which they were asked for.
    pub acts: Vec<Measured>,
}

/// Opens a window on a study, goes through the acts and closes it. `began` is when the program did.
pub fn run(path: PathBuf, acts: Vec<Act>, options: Options, began: Instant) -> anyhow::Result<Results> {
    let widgets = Widgets::beside(&options.renderer);
    let results = Rc::new(RefCell::new(Results::default()));
    let theirs = Rc::clone(&results);
    super::open(
        widgets,
        Extent::default(),
        Box::new(move |cc| {
            Box::new(Bench {
                app: App::new(cc, vec![path], options),
                results: theirs,
                began,
                phase: Phase::Starting,
                act: None,
                acts: acts.into(),
                viewport: ViewportId(0),
                shown: None,
                last: began,
                commands: (Duration::ZERO, Duration::ZERO),
                measured: Measured::default(),
            })
        }),
    )?;
    Ok(results.take())
}

struct Bench {
    app: App,
    results: Rc<RefCell<Results>>,
    began: Instant,
    phase: Phase,
    act: Option<Act>,
    acts: VecDeque<Act>,
    /// The viewport under the hand, and the state that its picture on screen shows.
    viewport: ViewportId,
    shown: Option<u64>,
    /// When something was new last.
    last: Instant,
    /// What commands of this frame took before its widgets, and how much of it this thread itself.
    commands: (Duration, Duration),
    measured: Measured,
}

/// How far an act is.
enum Phase {
    /// The study is opened.
    Starting,
    /// The window comes to rest before the hand begins, or after it.
    Settling,
    /// The hand is at work, since then: what has still to come, and after how many seconds.
    Acting(Instant, VecDeque<(f64, Step)>),
    /// The window closes.
    Done,
}

enum Step {
    Event(Event),
    Command(Command),
    RemoveSegment,
}

impl eframe::App for Bench {
    fn raw_input_hook(&mut self, ctx: &egui::Context, input: &mut egui::RawInput) {
        // A mouse that is really there has no part in this.
        let own = |event: &Event| !matches!(event, Event::PointerMoved(_) | Event::PointerGone);
        input.events.retain(own);
        let (start, busy) = (Instant::now(), busy());
        self.due(ctx, &mut input.events);
        self.commands.0 += start.elapsed();
        self.commands.1 += self::busy().saturating_sub(busy);
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.see();
        let ctx = ui.ctx().clone();
        let (start, busy) = (Instant::now(), busy());
        self.app.ui(ui, frame);
        let (took, busy_before) = std::mem::take(&mut self.commands);
        self.measured.frames_ms.push((took + start.elapsed()).as_secs_f64() * 1e3);
        self.measured.busy_ms.push((busy_before + self::busy().saturating_sub(busy)).as_secs_f64() * 1e3);
        self.go_on(&ctx);
    }

    fn on_exit(&mut self, gl: Option<&eframe::glow::Context>) {
        self.app.on_exit(gl);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        self.app.clear_color(visuals)
    }
}

impl Bench {
    /// Counts what the frame before this one has brought on screen.
    fn see(&mut self) {
        let desk = &self.app.desk;
        let mut started = self.results.borrow_mut();
        if started.first_ms == 0.0 && (self.app.shows_preview_picture() || desk.shows_pictures()) {
            started.first_ms = self.began.elapsed().as_secs_f64() * 1e3;
        }
        let shown =
            desk.viewports.get(&self.viewport).and_then(Viewport::on_screen).map(|(revision, _)| revision);
        if shown != self.shown {
            self.shown = shown;
            self.last = Instant::now();
            if let Phase::Acting(since, _) = &self.phase {
                self.measured.pictures += 1;
                self.measured.seconds = since.elapsed().as_secs_f64();
            }
        }
    }

    /// From one phase, or act, to the next.
    fn go_on(&mut self, ctx: &egui::Context) {
        let rests = self.is_at_rest();
        if !rests {
            self.last = Instant::now();
        }
        let still = self.last.elapsed() >= STILL;
        match &self.phase {
            Phase::Starting if rests => {
                let mut results = self.results.borrow_mut();
                results.all_ms = self.began.elapsed().as_secs_f64() * 1e3;
                results.starting = std::mem::take(&mut self.measured);
                drop(results);
                self.next(ctx);
            }
            Phase::Settling if still => {
                self.begin();
                ctx.request_repaint();
            }
            Phase::Acting(_, script) if script.is_empty() && still => {
                self.results.borrow_mut().acts.push(std::mem::take(&mut self.measured));
                self.next(ctx);
            }
            Phase::Acting(since, script) => {
                let next =
                    script.front().map_or(LOOK_EVERY_S, |(when, _)| when - since.elapsed().as_secs_f64());
                ctx.request_repaint_after_secs(next.max(0.0) as f32);
            }
            _ => ctx.request_repaint_after_secs(LOOK_EVERY_S as f32),
        }
    }

    /// Whether every viewport shows the final picture of its state, and no thread has work.
    fn is_at_rest(&self) -> bool {
        let desk = &self.app.desk;
        let is_final = |viewport: &Viewport| viewport.on_screen() == Some((viewport.view.revision, true));
        let works =
            self.app.work.is_some() || self.app.thumbnail_job.is_some() || desk.annotate.work().is_some();
        !works && !desk.is_empty() && desk.missing().is_empty() && desk.viewports.values().all(is_final)
    }

    /// Makes ready for the next act, or ends.
    fn next(&mut self, ctx: &egui::Context) {
        self.act = self.acts.pop_front();
        let Some(act) = self.act else {
            self.phase = Phase::Done;
            return ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        };
        self.phase = Phase::Settling;
        self.last = Instant::now();
        ctx.request_repaint();
        let fits = |viewport: &&Viewport| viewport.is_slice() == (act != Act::Turn);
        self.viewport = self.app.desk.viewports.values().find(fits).map_or(self.viewport, |found| found.id);
        self.app.desk.active = self.viewport;
        match act {
            Act::Scroll | Act::Keys | Act::Marked => self.app.run(ctx, Command::Page(-MANY)),
            Act::Drawn => {
                self.app.run(ctx, Command::Page(-MANY));
                self.draw_lengths();
                self.app.run(ctx, Command::ToggleMeasurements);
            }
            Act::Grow => self.app.run(ctx, Command::SetTool(Tool::Annotate(reading::Tool::Grow))),
            Act::Window | Act::Turn => self.app.run(ctx, Command::SetTool(Tool::Window)),
        }
    }

    /// The hand begins.
    fn begin(&mut self) {
        let (Some(act), Some(viewport)) = (self.act, self.app.desk.viewports.get(&self.viewport)) else {
            return;
        };
        let middle = viewport.rect().map_or(Pos2::ZERO, |rect| rect.center());
        let (_, slices) = viewport.view.plane.slice_number(viewport.series.outline());
        let every = 1.0 / INPUTS_PER_S;
        let mut script = VecDeque::from([(0.0, Step::Event(Event::PointerMoved(middle)))]);
        match act {
            Act::Scroll | Act::Drawn | Act::Marked => {
                script.extend((1..slices).map(|n| (n as f64 * every, Step::Event(wheel_down()))));
            }
            Act::Keys => {
                script.extend((1..slices).map(|n| (n as f64 * every, Step::Command(Command::Page(1)))));
            }
            Act::Window | Act::Turn => {
                script.push_back((0.0, button(middle, true)));
                script.extend((1..=(DRAG_S * INPUTS_PER_S) as u32).map(|n| {
                    let seconds = f64::from(n) * every;
                    let off = vec2((seconds * 3.0).sin() as f32, (seconds * 2.0).sin() as f32);
                    (seconds, Step::Event(Event::PointerMoved(middle + off * 80.0)))
                }));
                script.push_back((DRAG_S + every, button(middle, false)));
            }
            Act::Grow => {
                script.push_back((0.1, button(middle, true)));
                script.push_back((0.2, button(middle, false)));
                script.push_back((GROWN_S, Step::Command(Command::Undo)));
                script.push_back((GROWN_S + 1.0, Step::Command(Command::Redo)));
                script.push_back((GROWN_S + 2.0, Step::RemoveSegment));
                script.push_back((GROWN_S + 3.0, Step::Command(Command::Undo)));
            }
        }
        self.measured = Measured { inputs: script.len() as u32, ..Measured::default() };
        self.phase = Phase::Acting(Instant::now(), script);
    }

    /// Lengths on all slices of the viewport.
    fn draw_lengths(&mut self) {
        const LENGTHS: u32 = 300;
        let desk = &mut self.app.desk;
        let Some(viewport) = desk.viewports.get(&self.viewport) else { return };
        let (plane, series) = (viewport.view.plane, &viewport.series);
        let (spacing_mm, slices) =
            (plane.slice_spacing_mm(series.outline()), plane.slice_number(series.outline()).1);
        let reading = &mut desk.annotate.reading;
        for n in 0..LENGTHS {
            let off = plane.scroll_direction() * spacing_mm * (i64::from(n) % slices) as f64;
            let placement =
                Placement { center_mm: plane.center_mm + off, right: plane.right, down: plane.down };
            let end = |x: f64| placement.center_mm + plane.right * x + plane.down * (f64::from(n) * 0.2);
            let length =
                reading.annotation(Kind::Length, &series.series_id, placement, vec![end(-30.0), end(40.0)]);
            reading.apply(Edit::put(length));
        }
    }

    /// What the hand has done by now.
    fn due(&mut self, ctx: &egui::Context, events: &mut Vec<Event>) {
        let Phase::Acting(since, script) = &mut self.phase else { return };
        let elapsed = since.elapsed().as_secs_f64();
        while let Some((_, step)) = script.pop_front_if(|(when, _)| *when <= elapsed) {
            self.last = Instant::now();
            match step {
                Step::Event(event) => events.push(event),
                Step::Command(command) => self.app.run(ctx, command),
                Step::RemoveSegment => {
                    let desk = &mut self.app.desk;
                    let Some(viewport) = desk.viewports.get(&self.viewport) else { continue };
                    let number = desk.annotate.editor.segment;
                    desk.annotate.remove_segment(&viewport.series.series_id, number, ctx);
                }
            }
        }
    }
}

/// How long this thread has run on any core, where the system tells.
fn busy() -> Duration {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap_or_default()
    }
    #[cfg(not(unix))]
    Duration::ZERO
}

fn wheel_down() -> Event {
    Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, -1.0),
        phase: TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    }
}

fn button(pos: Pos2, pressed: bool) -> Step {
    let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
    Step::Event(Event::PointerButton { pos, button, pressed, modifiers })
}
