//! The session with a clock, a client and a renderer made by hand.

mod absolute;
mod guest;
mod quality;
mod values;
mod way;
mod webrtc;

use glam::DVec3;
use protocol::frame::HEADER_BYTES;
use protocol::{ClientMessage, Codec, FrameHeader};
use render_core::Progress;
use render_core::dicom::{Error, Facts, Library, Loaded, Report, Series, Suv};
use render_core::volume::{Meaning, Rescale};
use render_core::{Geometry, Voxels};
use serde_json::{Value, json};

use super::*;
use crate::studies::OpenError;

const MS: Duration = Duration::from_millis(1);
const OWNER: Access = Access { role: Role::Owner, voxels: true };

/// A session and what happens around it.
struct Stage {
    session: Session,
    now: Instant,
    seq: u64,
    texts: Vec<Value>,
    frames: Vec<Frame>,
    /// The jobs that nobody has begun, latest-wins as the workers have it.
    jobs: BTreeMap<u8, Box<Job>>,
    opens: Vec<Target>,
    withdrawn: Vec<u8>,
    /// What went by WebRTC.
    parcels: Vec<Parcel>,
    offers: u32,
    /// What a guest wants its host to show.
    driven: Vec<(u8, ViewState)>,
}

struct Frame {
    header: Option<FrameHeader>,
}

/// The size that a job's picture will have.
fn job_size(job: &Job) -> [u32; 2] {
    job.meta.rung.map_or(job.state.size, |rung| rung.size(job.state.size))
}

fn jpeg_quality(job: &Job) -> u8 {
    match job.coding {
        Coding::Bare { quality } => quality,
        Coding::Parts { brush, .. } => brush.quality,
        Coding::Film { .. } | Coding::Rest { .. } | Coding::Values { .. } => panic!("no JPEG comes of this"),
    }
}

/// All that a job asks for, once.
fn painted(job: &Job) -> Painted {
    Painted::with(match &job.coding {
        Coding::Bare { .. } | Coding::Parts { .. } => Codec::Jpeg,
        Coding::Film { .. } => Codec::H264,
        Coding::Rest { .. } | Coding::Values { .. } => Codec::Png,
    })
}

impl Stage {
    fn new(dialect: Dialect) -> Self {
        let load = |_: &Series, _: &Progress| Err(Error::Series("not read here".into()));
        let studies = Arc::new(Studies::new(Library::default(), &[], Box::new(load)));
        let mut stage = Self {
            session: Session::new("id".into(), dialect, studies, Arc::default(), "cpu", OWNER),
            now: Instant::now(),
            seq: 0,
            texts: Vec::new(),
            frames: Vec::new(),
            jobs: BTreeMap::new(),
            opens: Vec::new(),
            withdrawn: Vec::new(),
            parcels: Vec::new(),
            offers: 0,
            driven: Vec::new(),
        };
        stage.connect(false);
        stage
    }

    fn connect(&mut self, resumed: bool) {
        self.seq = 0;
        self.input(Input::Connected { resume_token: "token".into(), resumed, ice_servers: None });
    }

    /// With one volume and one slice view whose first frames are shown and acknowledged.
    fn showing() -> Self {
        let mut stage = Self::new(Dialect::Stream);
        stage.say(json!({"type": "openSeries", "seriesInstanceUid": ""}));
        stage.say(json!({"type": "layout", "views": [
            {"view": 0, "content": "volume", "size": [400, 300]},
            {"view": 1, "content": "axial", "size": [400, 300]},
            {"view": 2, "content": "coronal", "size": [400, 300]},
        ]}));
        stage.opened(Ok(series()));
        stage.settle();
        stage.frames.clear();
        stage.texts.clear();
        stage
    }

    fn input(&mut self, input: Input<'_>) {
        self.session.handle(self.now, input);
        self.drain();
    }

    /// The newest request for a series is answered.
    fn opened(&mut self, opened: Opened) {
        self.input(Input::Opened(self.opens.len() as u64, opened));
    }

    fn say(&mut self, mut message: Value) -> u64 {
        self.seq += 1;
        message["seq"] = json!(self.seq);
        ClientMessage::parse(&message.to_string()).expect("the test speaks the protocol");
        self.input(Input::Text(&message.to_string()));
        self.seq
    }

    fn plain(&mut self, message: &Value) {
        self.input(Input::Text(&message.to_string()));
    }

    fn pointer(&mut self, view: u8, kind: &str, x: f64) -> u64 {
        self.say(json!({"type": "pointer", "view": view, "kind": kind, "button": "left", "x": x, "y": 0}))
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Text(text) => self.texts.push(serde_json::from_str(&text).expect("JSON")),
                Output::Frame(message) => {
                    let header = FrameHeader::decode(&message).ok().map(|(header, _)| header);
                    self.frames.push(Frame { header });
                }
                Output::Open(_, target) => self.opens.push(target),
                Output::Render(job) => drop(self.jobs.insert(job.meta.view, job)),
                Output::Withdraw { view } => {
                    self.jobs.remove(&view);
                    self.withdrawn.push(view);
                }
                Output::Carry(parcel) => self.parcels.push(parcel),
                Output::Drive { view, state, .. } => self.driven.push((view, *state)),
                Output::Offer { .. } => self.offers += 1,
                Output::Stats(_) | Output::Candidate(_) | Output::Measure(..) => {}
            }
        }
    }

    /// A worker begins with what waits for a view.
    fn begin(&mut self, view: u8) -> Box<Job> {
        self.jobs.remove(&view).expect("a job waits")
    }

    fn finish(&mut self, job: &Job, took: Duration) {
        self.finish_pass(job, took, 1.0);
    }

    fn finish_pass(&mut self, job: &Job, took: Duration, refined: f32) {
        self.finish_with(job, took, refined, painted(job));
    }

    fn finish_with(&mut self, job: &Job, took: Duration, refined: f32, painted: Painted) {
        if job.meta.quality == Quality::Interactive {
            // No renderer is faster than a screen.
            self.now += 16 * MS;
        }
        let message = match &job.coding {
            Coding::Bare { .. } => vec![0xff],
            _ => vec![0; HEADER_BYTES],
        };
        let size = job_size(job);
        let wait_time = Duration::ZERO;
        let picture =
            Picture { message, size, painted, wait_time, render_time: took, encode_time: MS, refined };
        self.input(Input::Rendered(Rendered { meta: job.meta.clone(), picture: Ok(picture) }));
    }

    fn draw(&mut self, view: u8) {
        let job = self.begin(view);
        self.finish(&job, MS);
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.input(Input::Wake);
    }

    fn acknowledge(&mut self, view: u8) {
        let newest = self.headers(view).last().expect("a frame").frame;
        self.say(json!({"type": "ack", "view": view, "frame": newest}));
    }

    fn headers(&self, view: u8) -> impl DoubleEndedIterator<Item = FrameHeader> {
        self.frames.iter().filter_map(|frame| frame.header).filter(move |header| header.view == view)
    }

    /// Draws and acknowledges until nothing is left to do.
    fn settle(&mut self) {
        while let Some(&view) = self.jobs.keys().next() {
            self.draw(view);
            self.acknowledge(view);
        }
    }
}

pub fn series() -> Arc<OpenSeries> {
    let dims = [16, 16, 16];
    let axes = [DVec3::X, DVec3::Y, DVec3::Z];
    let geometry = Geometry::from_axes(dims, DVec3::ZERO, axes, DVec3::ONE).expect("a grid");
    let voxels: Arc<[i16]> = (0..16 * 16 * 16).collect();
    let meaning = Meaning {
        modality: "CT".into(),
        unit: "HU".into(),
        windows: Vec::new(),
        tables: Vec::new(),
        inverted: false,
    };
    let volume = Volume::new(geometry, Voxels::I16(voxels), Rescale::IDENTITY, meaning).expect("a volume");
    let facts = Facts {
        dims,
        spacing_mm: [1.0; 3],
        origin_mm: [0.0; 3],
        direction: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        value_range: volume.value_range(),
        mean: volume.mean(),
        unit: "HU".into(),
    };
    let loaded = Loaded {
        volume: Arc::new(volume),
        facts,
        warnings: Vec::new(),
        report: Report::default(),
        failed: Vec::new(),
    };
    let (study_id, series_id) = ("1.2".into(), "1.2.3".into());
    let frame_of_reference_uid = "1.2.9".into();
    let spacing_source = "Pixel Spacing (0028,0030)";
    Arc::new(OpenSeries { study_id, series_id, frame_of_reference_uid, suv: None, spacing_source, loaded })
}

/// A stage whose client takes lossless pictures, all of them shown.
fn settling() -> Stage {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "accept", "codecs": ["jpeg", "png", "of-tomorrow"]}));
    stage.wait(350 * MS);
    for view in 0..3 {
        let job = stage.begin(view);
        stage.finish_with(&job, Duration::ZERO, 1.0, Painted { lossless: Some(7), ..painted(&job) });
        stage.acknowledge(view);
    }
    stage
}

#[test]
fn first_frames_are_final_and_come_after_their_view_message() {
    let mut stage = Stage::new(Dialect::Stream);
    stage.say(json!({"type": "layout", "views": [{"view": 5, "content": "axial", "size": [64, 48]}]}));
    stage.say(json!({"type": "openSeries", "seriesInstanceUid": "1.2.3"}));
    assert_eq!(stage.opens, [Target::Series("1.2.3".into())]);
    stage.opened(Ok(series()));
    stage.draw(5);
    let header = stage.headers(5).next().expect("a frame");
    assert_eq!((header.quality, header.size, header.frame), (Quality::Final, [64, 48], 1));
    let kinds: Vec<_> = stage.texts.iter().map(|text| text["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds, ["connected", "library", "stateFull", "seriesOpened", "view"]);
    assert_eq!(stage.texts[4]["revision"], header.view_revision);
    assert_eq!(stage.texts[4]["slices"], 16);
    assert!(stage.jobs.is_empty(), "a still view costs nothing");
}

#[test]
fn a_drag_is_drawn_fast_and_its_release_in_full() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    assert!(stage.jobs.is_empty(), "pressing changes nothing");
    let moved = stage.pointer(0, "move", 10.0);
    let job = stage.begin(0);
    assert_eq!((job.meta.quality, jpeg_quality(&job)), (Quality::Interactive, 50));
    stage.finish(&job, MS);
    assert_eq!(stage.headers(0).next_back().expect("a frame").input_seq, moved);
    let released = stage.pointer(0, "release", 10.0);
    let job = stage.begin(0);
    assert_eq!((job.meta.quality, jpeg_quality(&job)), (Quality::Final, 90));
    stage.finish(&job, MS);
    assert_eq!(stage.headers(0).next_back().expect("a frame").input_seq, released);
    assert_eq!(stage.session.wake_at(), None);
}

#[test]
fn a_cinematic_view_refines_pass_by_pass_while_it_rests_and_its_frames_are_seen() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "layout", "views": [{"view": 0, "content": "cinematic", "size": [400, 300]}]}));
    let revision = stage.session.views[&0].state().revision;
    for refined in [0.25, 0.5] {
        let job = stage.begin(0);
        assert!(job.meta.refines && job.studio.is_some() && jpeg_quality(&job) == 90);
        assert!(stage.jobs.is_empty());
        stage.finish_pass(&job, 900 * MS, refined);
        let header = stage.headers(0).next_back().expect("a frame");
        assert_eq!((header.quality, header.view_revision), (Quality::Interactive, revision));
        let told = stage.texts.iter().rfind(|text| text["type"] == "view").expect("a view message");
        assert_eq!(told["refined"], refined);
    }
    assert!(stage.jobs.is_empty(), "nothing is refined for a client that does not keep up");
    stage.acknowledge(0);

    let turned = stage.begin(0);
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 10.0);
    stage.jobs.clear();
    stage.input(Input::Rendered(Rendered { meta: turned.meta.clone(), picture: Err(Failure::Cancelled) }));
    let job = stage.begin(0);
    assert_eq!((job.meta.quality, job.meta.refines), (Quality::Interactive, false));
    assert_eq!(job_size(&job), [400, 300], "long passes do not make what moves coarse");
    stage.finish(&job, MS);
    stage.pointer(0, "release", 10.0);
    let job = stage.begin(0);
    assert!(job.meta.refines);
    stage.finish_pass(&job, MS, 1.0);
    let header = stage.headers(0).next_back().expect("a frame");
    assert!(header.quality == Quality::Final && header.view_revision > revision);
    stage.acknowledge(0);
    stage.wait(1000 * MS);
    assert!(stage.jobs.is_empty(), "what is final costs nothing");
}

#[test]
fn until_a_cinematic_picture_refines_nothing_coarser_than_what_is_there_is_sent() {
    let mut stage = Stage::showing();
    let layout = |content: &str, width: u32| json!({"type": "layout", "views": [{"view": 0, "content": content, "size": [width, 300]}]});
    let drawn = |stage: &mut Stage| {
        let job = stage.begin(0);
        stage.finish_pass(&job, MS, if job.meta.refines { 0.1 } else { 1.0 });
        stage.acknowledge(0);
        (job.meta.quality, job.meta.refines)
    };
    let (moves, rests) = ((Quality::Interactive, false), (Quality::Final, false));
    stage.say(layout("cinematic", 400));
    assert_eq!(drawn(&mut stage), (Quality::Final, true), "the volume is there");
    stage.say(layout("volume", 400));
    assert_eq!(drawn(&mut stage), moves);
    stage.say(layout("cinematic", 400));
    assert_eq!(drawn(&mut stage), moves, "the final volume was not there yet");
    stage.say(layout("volume", 400));
    stage.wait(150 * MS);
    assert_eq!(drawn(&mut stage), rests);
    stage.say(layout("cinematic", 500));
    assert_eq!(drawn(&mut stage), moves, "a volume of another size");
}

#[test]
fn the_answer_to_an_earlier_view_of_a_number_is_not_taken_for_the_new_ones() {
    let mut stage = Stage::showing();
    let layout = |content: &str| json!({"type": "layout", "views": [{"view": 0, "content": content, "size": [400, 300]}]});
    stage.say(json!({"type": "preset", "view": 0, "name": "CT_Lung"}));
    let old = stage.begin(0);
    stage.say(json!({"type": "layout", "views": []}));
    stage.say(layout("volume"));
    let new = stage.begin(0);
    stage.finish(&old, MS);
    assert!(stage.jobs.is_empty(), "the new view's picture is in the making");
    stage.say(json!({"type": "repaint", "view": 0}));
    stage.finish(&new, MS);
    assert_eq!(stage.begin(0).meta.quality, Quality::Final, "all of it again");
}

#[test]
fn a_client_whose_picture_is_damaged_is_shown_all_of_it_again() {
    let mut stage = settling();
    let canvas = |job: &Job| match &job.coding {
        Coding::Parts { canvas, .. } | Coding::Film { canvas, .. } | Coding::Rest { canvas, .. } => {
            Arc::clone(canvas)
        }
        Coding::Bare { .. } | Coding::Values { .. } => panic!("this has no canvas"),
    };
    stage.say(json!({"type": "repaint", "view": 1}));
    let first = stage.begin(1);
    assert_eq!(first.meta.quality, Quality::Final);
    stage.say(json!({"type": "repaint", "view": 1}));
    stage.jobs.clear();
    stage.finish(&first, MS);
    let second = stage.begin(1);
    assert!(!Arc::ptr_eq(&canvas(&first), &canvas(&second)), "the one in the making was of the old canvas");
    stage.finish(&second, MS);
    stage.acknowledge(1);
    assert!(stage.jobs.is_empty());
}

#[test]
fn a_hand_that_pauses_gets_the_final_picture() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 10.0);
    let moved = stage.now;
    stage.draw(0);
    stage.acknowledge(0);
    stage.wait(moved + 499 * MS - stage.now);
    assert!(stage.jobs.is_empty());
    stage.wait(MS);
    assert_eq!(stage.begin(0).meta.quality, Quality::Final);
}

#[test]
fn the_wheel_pages_fast_and_rests_after_150_ms() {
    let mut stage = Stage::showing();
    let rest_at = stage.now + 150 * MS;
    stage.say(json!({"type": "wheel", "view": 1, "delta": 100}));
    let job = stage.begin(1);
    assert_eq!(job.meta.quality, Quality::Interactive);
    stage.finish(&job, MS);
    stage.acknowledge(1);
    assert_eq!(stage.session.wake_at(), Some(rest_at));
    stage.wait(rest_at - stage.now);
    assert_eq!(stage.begin(1).meta.quality, Quality::Final);
}

#[test]
fn a_slow_client_gets_two_frames_and_then_the_newest_state() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    for x in 1..=2 {
        stage.pointer(0, "move", f64::from(x));
        stage.draw(0);
    }
    let mut last = 0;
    for x in 3..=300 {
        last = stage.pointer(0, "move", f64::from(x));
    }
    assert!(stage.jobs.is_empty(), "nothing is drawn for a client that does not keep up");
    assert_eq!(stage.headers(0).count(), 2);
    stage.acknowledge(0);
    stage.draw(0);
    assert_eq!(stage.headers(0).next_back().expect("a frame").input_seq, last);
    assert!(stage.jobs.is_empty(), "one picture for 298 moves");
}

#[test]
fn wheel_turns_add_up_while_they_wait() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "scroll", "view": 1, "slices": -100}));
    stage.draw(1);
    stage.say(json!({"type": "scroll", "view": 1, "slices": 1}));
    stage.draw(1);
    for _ in 0..5 {
        stage.say(json!({"type": "wheel", "view": 1, "delta": 100}));
    }
    assert!(stage.jobs.is_empty());
    stage.acknowledge(1);
    stage.draw(1);
    let told = stage.texts.iter().rfind(|text| text["type"] == "view").expect("a view message");
    assert_eq!(told["slice"], 7, "{told}");
}

#[test]
fn newer_input_replaces_a_picture_that_nobody_has_begun() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 5.0);
    let newest = stage.pointer(0, "move", 50.0);
    assert_eq!(stage.jobs.len(), 1);
    stage.draw(0);
    assert_eq!(stage.headers(0).next_back().expect("a frame").input_seq, newest);
}

#[test]
fn input_during_a_picture_is_drawn_after_it() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 5.0);
    let running = stage.begin(0);
    let newest = stage.pointer(0, "move", 50.0);
    // The workers drop what they are given while they draw an interactive picture.
    stage.jobs.clear();
    stage.finish(&running, MS);
    stage.draw(0);
    assert_eq!(stage.headers(0).next_back().expect("a frame").input_seq, newest);
}

#[test]
fn a_cancelled_final_picture_is_asked_for_again() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "preset", "view": 0, "name": "CT_Lung"}));
    let running = stage.begin(0);
    stage.jobs.clear();
    stage.input(Input::Rendered(Rendered { meta: running.meta.clone(), picture: Err(Failure::Cancelled) }));
    assert_eq!(stage.begin(0).meta.quality, Quality::Final);
}

#[test]
fn what_cannot_be_drawn_is_said_once() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "preset", "view": 0, "name": "CT_Lung"}));
    let job = stage.begin(0);
    let failed = Err(Failure::Failed("out of memory".into()));
    stage.input(Input::Rendered(Rendered { meta: job.meta.clone(), picture: failed }));
    assert_eq!(stage.texts.last().expect("an error")["code"], "renderFailed");
    stage.wait(1000 * MS);
    assert!(stage.jobs.is_empty());
}

#[test]
fn a_picture_of_a_view_that_is_gone_is_dropped() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 5.0);
    let stale = stage.begin(0);
    stage.say(json!({"type": "layout", "views": []}));
    assert!(stage.withdrawn.contains(&0));
    stage.say(json!({"type": "layout", "views": [{"view": 0, "content": "mip", "size": [400, 300]}]}));
    stage.finish(&stale, MS);
    assert_eq!(stage.headers(0).count(), 0, "the stale picture is not sent");
    stage.draw(0);
    let header = stage.headers(0).next().expect("a frame of the new view");
    assert_eq!(header.frame, 2, "frame numbers go on");
    assert!(header.view_revision > stale.meta.info.revision, "revisions go on");
}

#[test]
fn a_window_goes_to_all_slices_and_to_no_volume() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "window", "view": 1, "center": -600, "width": 1500}));
    assert_eq!(stage.jobs.keys().copied().collect::<Vec<_>>(), [1, 2]);
    stage.settle();
    stage.pointer(2, "press", 0.0);
    stage.pointer(2, "move", 30.0);
    stage.settle();
    stage.texts.clear();
    stage.pointer(2, "release", 30.0);
    stage.settle();
    let last = |view| stage.headers(view).next_back().expect("a frame").quality;
    assert_eq!((last(1), last(2)), (Quality::Final, Quality::Final));
    assert_eq!(stage.headers(0).count(), 0);
}

#[test]
fn an_expensive_view_shrinks_while_it_moves_and_is_whole_at_rest() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    // One could be an accident.
    for x in [1.0, 2.0] {
        stage.pointer(0, "move", x);
        let job = stage.begin(0);
        assert_eq!(job_size(&job), [400, 300]);
        stage.finish(&job, 500 * MS);
        stage.acknowledge(0);
    }
    stage.pointer(0, "move", 3.0);
    let job = stage.begin(0);
    assert!(job_size(&job)[0] < 300, "{:?}", job_size(&job));
    stage.finish(&job, 30 * MS);
    let header = stage.headers(0).next_back().expect("a frame");
    assert_eq!(header.size.map(u32::from), job_size(&job));
    stage.pointer(0, "release", 3.0);
    assert_eq!(job_size(&stage.begin(0)), [400, 300]);
}

#[test]
fn a_client_that_reconnects_starts_afresh_with_the_series_in_memory() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 40.0);
    let held = stage.begin(0);
    // The connection breaks with the button held; the browser comes back with a new session.
    let mut back = Stage::new(Dialect::Stream);
    back.say(json!({"type": "openSeries", "seriesInstanceUid": "1.2.3"}));
    back.say(json!({"type": "layout", "views": [{"view": 0, "content": "volume", "size": [400, 300]}]}));
    back.opened(Ok(series()));
    back.settle();
    let first = back.headers(0).next().expect("a frame");
    assert_eq!((first.quality, first.frame), (Quality::Final, 1));
    back.pointer(0, "move", 80.0);
    assert!(back.jobs.is_empty(), "no button is held in the new session");
    assert_eq!(held.meta.quality, Quality::Interactive);
}

#[test]
fn another_series_is_shown_through_its_own_window() {
    let mut stage = Stage::showing();
    let first = stage.session.views[&1].state().window;
    stage.say(json!({"type": "window", "view": 1, "center": -600, "width": 1500}));
    stage.settle();
    stage.say(json!({"type": "openSeries", "seriesInstanceUid": "4.5.6"}));
    stage.opened(Ok(series()));
    for view in [1, 2] {
        assert_eq!(stage.session.views[&view].state().window, first, "view {view}");
    }
}

#[test]
fn a_pet_is_looked_at_first_in_uptake_and_black_for_much() {
    let mut stage = Stage::new(Dialect::Stream);
    stage.say(json!({"type": "openSeries", "seriesInstanceUid": "1.2.3"}));
    stage.say(json!({"type": "layout", "views": [{"view": 0, "content": "axial", "size": [400, 300]}]}));
    let ct = Arc::into_inner(series()).expect("nobody else has it");
    let (geometry, voxels) = (*ct.loaded.volume.geometry(), ct.loaded.volume.voxels().clone());
    let meaning =
        Meaning { modality: "PT".into(), unit: "BQML".into(), ..ct.loaded.volume.meaning().clone() };
    let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, meaning).expect("a volume");
    let suv = Some(Suv { body_weight: 0.002, lean_body_mass: None, body_surface: None });
    let loaded = Loaded { volume: Arc::new(volume), ..ct.loaded };
    stage.opened(Ok(Arc::new(OpenSeries { suv, loaded, ..ct })));
    let state = stage.session.views[&0].state();
    assert_eq!((state.window.ends(), state.inverted), ((0.0, 2500.0), true));
    let opened = stage.texts.iter().find(|text| text["type"] == "seriesOpened").expect("it is open");
    let menu = opened["windows"].as_array().expect("a menu");
    assert_eq!(menu[1], json!({"label": "SUV 0 – 7", "center": 1750.0, "width": 3500.0}));
    stage.say(json!({"type": "window", "view": 0, "center": 1750.0, "width": 3500.0}));
    stage.settle();
    assert_eq!(stage.session.views[&0].state().window.ends(), (0.0, 3500.0), "with its shape");
    stage.say(json!({"type": "reset", "view": 0}));
    stage.settle();
    let state = stage.session.views[&0].state();
    assert_eq!((state.window.ends(), state.inverted), ((0.0, 2500.0), true));
}

#[test]
fn images_that_do_not_say_how_they_lie_have_no_letters() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "openSeries", "seriesInstanceUid": "4.5.6"}));
    let mut series = Arc::into_inner(series()).expect("nobody else has it");
    series.loaded.report.directions_unknown = true;
    stage.opened(Ok(Arc::new(series)));
    stage.draw(1);
    let told = stage.texts.iter().rfind(|text| text["type"] == "view").expect("a view message");
    assert_eq!(told["letters"], json!({"left": "", "right": "", "top": "", "bottom": ""}));
}

#[test]
fn an_answer_that_comes_too_late_is_not_taken_for_the_next_one() {
    let mut stage = Stage::new(Dialect::Stream);
    stage.say(json!({"type": "openSeries", "seriesInstanceUid": "1.2.3"}));
    stage.say(json!({"type": "openSeries", "seriesInstanceUid": "4.5.6"}));
    stage.input(Input::Opened(1, Err(OpenError::Unknown)));
    assert!(stage.session.is_opening());
    stage.opened(Ok(series()));
    assert_eq!(stage.texts.last().expect("an answer")["type"], "seriesOpened");
}

#[test]
fn a_frame_that_has_left_is_not_one_that_was_seen() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    for x in 1..=2 {
        stage.pointer(0, "move", f64::from(x));
        stage.draw(0);
        stage.input(Input::FrameSent);
    }
    stage.pointer(0, "move", 3.0);
    assert!(stage.jobs.is_empty(), "two frames are unacknowledged");
    stage.acknowledge(0);
    assert!(stage.jobs.contains_key(&0));
}

#[test]
fn acknowledgements_of_frames_that_were_not_sent_mean_nothing() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    for x in 1..=2 {
        stage.pointer(0, "move", f64::from(x));
        stage.draw(0);
    }
    stage.pointer(0, "move", 3.0);
    for frame in [0, 1, 4, 1000, u32::MAX] {
        stage.say(json!({"type": "ack", "view": 0, "frame": frame}));
        assert!(stage.jobs.is_empty(), "ack of frame {frame}");
    }
}

#[test]
fn errors_name_the_message_and_change_nothing() {
    let mut stage = Stage::showing();
    let mut code_of = |text: &str| {
        stage.input(Input::Text(text));
        let error = stage.texts.pop().expect("an answer");
        assert_eq!(error["type"], "error", "{error}");
        (error["code"].as_str().unwrap_or_default().to_owned(), error["seq"].as_u64())
    };
    assert_eq!(code_of("{"), ("malformed".into(), None));
    assert_eq!(code_of(r#"{"type":"reset","seq":1}"#), ("seq".into(), Some(1)));
    assert_eq!(code_of(r#"{"type":"format","seq":1000}"#), ("malformed".into(), Some(1000)));
    assert_eq!(
        code_of(r#"{"type":"preset","seq":1001,"view":0,"name":"x"}"#),
        ("unknownPreset".into(), Some(1001))
    );
    assert_eq!(code_of(r#"{"type":"reset","seq":1002,"view":9}"#), ("unknownView".into(), Some(1002)));
    assert!(stage.jobs.is_empty());
    let mut early = Stage::new(Dialect::Stream);
    early.say(json!({"type": "reset"}));
    assert_eq!(early.texts.pop().expect("an answer")["code"], "noSeries");
    early.say(json!({"type": "openSeries", "seriesInstanceUid": "9.9"}));
    early.opened(Err(OpenError::Unknown));
    assert_eq!(early.texts.pop().expect("an answer")["code"], "unknownSeries");
}

#[test]
fn a_plain_client_gets_the_qualities_it_was_promised() {
    let mut stage = Stage::new(Dialect::Plain { size: [320, 180] });
    stage.plain(&json!({"action": "render"}));
    assert_eq!(stage.texts.last().expect("an answer")["type"], "error");
    stage.plain(&json!({"action": "loadStudy", "path": ""}));
    assert_eq!(stage.opens, [Target::Path(String::new())]);
    stage.opened(Ok(series()));
    assert_eq!(stage.texts.last().expect("an answer"), &json!({"type": "studyLoaded", "studyId": "1.2"}));
    let mut next = |message: Value| {
        stage.plain(&message);
        let job = stage.begin(0);
        stage.finish(&job, 500 * MS);
        stage.input(Input::FrameSent);
        assert_eq!(job.state.size, [320, 180], "a plain picture has the server's size");
        jpeg_quality(&job)
    };
    let mouse = |kind: &str, x: u32| json!({"action": "mouse", "type": kind, "x": x, "y": 0, "button": 0});
    assert_eq!(next(mouse("mousemove", 7)), 85, "the first picture; hovering changes nothing");
    assert_eq!(next(json!({"action": "mouse", "type": "wheel", "delta": 120})), 85);
    assert_eq!(next(mouse("mouseup", 0)), 90);
    assert_eq!(next(json!({"action": "windowLevel", "window": 400, "level": 40})), 85);
    assert_eq!(next(json!({"action": "preset", "preset": "CT_Lung"})), 85);
    assert_eq!(next(json!({"action": "render"})), 85);
    stage.plain(&mouse("mousedown", 0));
    assert!(stage.jobs.is_empty());
    stage.plain(&mouse("mousemove", 20));
    let moving = stage.begin(0);
    assert_eq!(jpeg_quality(&moving), 50);
    // The button is let go while the picture is being made, and the mouse hovers on.
    stage.plain(&mouse("mouseup", 20));
    stage.plain(&mouse("mousemove", 21));
    stage.jobs.clear();
    stage.finish(&moving, MS);
    assert_eq!(jpeg_quality(&stage.begin(0)), 90);
}

#[test]
fn a_client_that_comes_back_finds_what_it_saw_and_no_drag_goes_on() {
    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 40.0);
    let moving = stage.begin(0);
    stage.say(json!({"type": "scroll", "view": 1, "slices": 3}));
    stage.withdrawn.clear();
    stage.texts.clear();
    stage.input(Input::Disconnected);
    assert_eq!(stage.withdrawn, [0, 1, 2]);
    stage.finish(&moving, MS);
    stage.wait(Duration::from_secs(30));
    assert!(stage.texts.is_empty() && stage.frames.is_empty() && stage.jobs.is_empty(), "nobody is there");
    assert_eq!(stage.session.wake_at(), None);

    stage.connect(true);
    let kinds: Vec<_> = stage.texts.iter().map(|text| text["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds, ["connected", "library", "seriesOpened", "stateFull"]);
    let views = stage.texts[3]["views"].as_array().expect("views");
    assert_eq!((views.len(), &views[1]["slice"]), (3, &json!(12)));
    stage.texts.clear();
    let turned = stage.begin(0);
    assert_eq!(turned.state.camera, moving.state.camera);
    stage.finish(&turned, MS);
    let header = stage.headers(0).next_back().expect("a frame");
    assert_eq!((header.quality, header.input_seq), (Quality::Final, 0));
    assert!(stage.texts.is_empty(), "it was told what it shows");
    stage.pointer(0, "move", 90.0);
    stage.acknowledge(0);
    assert!(!stage.jobs.contains_key(&0), "the drag has ended");
}

#[test]
fn presets_that_change_reach_the_menu_and_the_views_that_show_them() {
    let folder = std::env::temp_dir().join(format!("voxcast-session-presets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut library = PresetLibrary::default();
    let mut write = |opacity: &str| {
        let text = include_str!("../../../presets/CT_Bone.toml").replace("CT_Bone", "Ours");
        std::fs::write(folder.join("ours.toml"), text.replace("[1500, 0.8]", opacity)).expect("a file");
        library.reload(&folder);
        Arc::new(library.clone())
    };
    let (first, second) = (write("[1500, 0.5]"), write("[1500, 0.75]"));
    std::fs::remove_dir_all(&folder).expect("the folder goes");

    let mut stage = Stage::showing();
    stage.input(Input::Presets(first));
    let menu = stage.texts.iter().find(|text| text["type"] == "presets").expect("the menu is told");
    assert!(menu["presets"].as_array().expect("a list").iter().any(|preset| preset["name"] == "Ours"));
    assert!(stage.jobs.is_empty(), "no view shows a preset that has changed");
    stage.say(json!({"type": "preset", "view": 0, "name": "Ours"}));
    stage.settle();
    stage.input(Input::Presets(second));
    let job = stage.begin(0);
    assert_eq!(job.state.transfer.opacity(1500.0), 0.75);
    assert!(stage.jobs.is_empty(), "the slices do not show the preset");
}
