//! Pictures and movies that leave the program, made off the UI thread.

mod dialog;
mod moment;
mod movie;
mod over;
mod raster;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use eframe::egui::{self, Align2, Color32, FontId, Rect, vec2};
use reading::Segmentation;
use render_core::cinematic::{Cinematic, Finish, Settings};
use render_core::save::{Existing, save_private};
use render_core::scene::view::MAX_SIZE;
use render_core::scene::{Content, ViewState};
use render_core::{Frame, FrameKind, Progress, Renderer, render};

use self::moment::Moments;
use self::over::Over;
use self::raster::Raster;
use super::annotate::{self, Drawn};
use super::command::Command;
use super::job::Job;
use super::overlay::{self, Stage};
use super::study::OpenSeries;
use super::text::tr;
use super::theme;

pub use dialog::{ExportDialog, stamp};
pub use moment::{Moment, Stored};

/// Samples of a pixel of a cinematic picture, and of one of a movie.
const SAMPLES: u32 = 128;
const MOVIE_SAMPLES: u32 = 32;

/// Points at the lower edge that nothing else is written on.
const NOTICE_HEIGHT: f32 = 13.0;

/// Samples between two looks at whether anybody still waits.
const PASS: u32 = 8;

/// A viewport as it is to be drawn.
#[derive(Clone, Debug)]
pub struct Subject {
    pub series: Arc<OpenSeries>,
    pub view: ViewState,
    /// What was drawn on its slices.
    pub drawn: Vec<Drawn>,
    /// What was marked in its voxels.
    pub segments: Option<Segmentation>,
    /// Whether overlay planes and shutters lie over its images.
    pub overlay_planes: bool,
    /// Its place on screen, in points.
    pub rect: Rect,
}

impl PartialEq for Subject {
    fn eq(&self, other: &Self) -> bool {
        let segments = match (&self.segments, &other.segments) {
            (Some(own), Some(others)) => over::same(own, others),
            (own, others) => own.is_none() && others.is_none(),
        };
        Arc::ptr_eq(&self.series, &other.series)
            && segments
            && (&self.view, &self.drawn, self.rect) == (&other.view, &other.drawn, other.rect)
            && self.overlay_planes == other.overlay_planes
    }
}

/// What is drawn on a picture besides the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inscription {
    pub overlays: bool,
    /// Name, ID, study and series.
    pub patient: bool,
}

/// What is made of the subjects.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// All of them as they lie on screen, in one picture this many times as large.
    Picture { scale: u32 },
    /// Of the first one.
    Movie(Movie),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Movie {
    pub motion: Motion,
    pub pictures: u32,
    pub per_second: u32,
    /// Both even.
    pub size: [u32; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// Once around the patient.
    Rotation,
    /// From the first slice to the last.
    Sweep,
    /// The times of a 4D series, one after the other.
    Times,
}

/// All that an export needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub what: What,
    pub subjects: Vec<Subject>,
    pub inscription: Inscription,
    pub pixels_per_point: f32,
    /// One that is there already is not replaced.
    pub file: PathBuf,
}

impl Order {
    /// Whether it is a movie of the times of a 4D series.
    pub fn plays_times(&self) -> bool {
        matches!(self.what, What::Movie(Movie { motion: Motion::Times, .. }))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("it was cancelled")]
    Cancelled,
    #[error("there is nothing to draw")]
    Nothing,
    #[error("the voxels of the series are on a server; open it from there to export it here")]
    Remote,
    #[error("a time of the series cannot be read: {0}")]
    Read(render_core::dicom::Error),
    #[error("what lies over the images cannot be read: {0}")]
    Planes(render_core::dicom::Error),
    #[error(transparent)]
    Render(#[from] render_core::RenderError),
    #[error("the file cannot be written: {0}")]
    Write(#[from] std::io::Error),
    #[error("the picture cannot be encoded: {0}")]
    Png(#[from] png::EncodingError),
    #[error("movies are made by the program ffmpeg, which does not start: {0}")]
    NoFfmpeg(std::io::Error),
    #[error("the program ffmpeg here has no encoder for H.264")]
    NoEncoder,
    #[error("the program ffmpeg could not make the movie: {0}")]
    Ffmpeg(String),
}

impl ExportError {
    /// In the window's language.
    pub fn told(&self) -> String {
        match self {
            Self::Cancelled => tr!("export-cancelled"),
            Self::Nothing => tr!("export-nothing"),
            Self::Remote => tr!("export-on-a-server"),
            Self::Read(error) => tr!("export-time-not-read", reason = error.to_string()),
            Self::Planes(error) => tr!("export-planes-not-read", reason = error.to_string()),
            Self::Render(error) => return error.to_string(),
            Self::Write(error) => tr!("export-not-written", reason = error.to_string()),
            Self::Png(error) => tr!("export-not-encoded", reason = error.to_string()),
            Self::NoFfmpeg(error) => tr!("export-no-ffmpeg", reason = error.to_string()),
            Self::NoEncoder => tr!("export-no-encoder"),
            Self::Ffmpeg(told) => tr!("export-ffmpeg-failed", reason = told.as_str()),
        }
        .into_owned()
    }
}

/// Does it on a thread of its own. `moments` are the times that a movie plays. The job's progress counts pictures.
pub fn start(
    ctx: &egui::Context,
    renderer: Renderer,
    order: Order,
    moments: Vec<Moment>,
) -> Job<Result<PathBuf, ExportError>> {
    Job::start("export", ctx, move |progress, sink| {
        sink.send(export(&renderer, &order, Moments::new(moments), progress).map(|()| order.file.clone()));
    })
}

/// What the window tells of an export.
#[derive(Debug)]
pub enum Running {
    Job(Job<Result<PathBuf, ExportError>>),
    Done(PathBuf),
}

impl Running {
    /// A line below the viewports.
    pub fn show(&self, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
        ui.horizontal(|ui| match self {
            Self::Job(job) => {
                let (done, total) = job.progress().counts();
                ui.label(tr!("export-progress", done = done, total = total));
                let part = done as f32 / total.max(1) as f32;
                let bar = egui::ProgressBar::new(part)
                    .desired_width(240.0)
                    .desired_height(10.0)
                    .fill(theme::accent());
                ui.add(bar);
                if ui.button(tr!("cancel")).accessible_name(tr!("export-cancel")).clicked() {
                    commands.push(Command::EndExport);
                }
            }
            Self::Done(file) => {
                ui.label(tr!("export-done", file = file.display().to_string()));
                if ui.button(tr!("close")).accessible_name(tr!("export-close")).clicked() {
                    commands.push(Command::EndExport);
                }
            }
        });
    }
}

fn export(
    renderer: &Renderer,
    order: &Order,
    moments: Moments,
    progress: &Progress,
) -> Result<(), ExportError> {
    match &order.what {
        What::Picture { scale } => {
            let frame = picture(renderer, order, *scale, progress)?;
            write_png(&order.file, &frame)
        }
        What::Movie(movie) => movie::make(renderer, order, movie, moments, progress),
    }
}

/// All subjects in one picture.
fn picture(
    renderer: &Renderer,
    order: &Order,
    scale: u32,
    progress: &Progress,
) -> Result<Frame, ExportError> {
    progress.add_total(order.subjects.len() as u64);
    let per_point = order.pixels_per_point * scale as f32;
    let bounds = order.subjects.iter().map(|subject| subject.rect).reduce(|a, b| a.union(b));
    let bounds = bounds.ok_or(ExportError::Nothing)?;
    let pixels = |points: f32| (points * per_point).round().max(0.0) as u32;
    let whole = [bounds.width(), bounds.height()].map(|n| pixels(n).clamp(1, MAX_SIZE));
    let mut canvas = blank(whole);
    let mut raster = Raster::new(per_point);
    for subject in &order.subjects {
        let mut view = subject.view.clone();
        let offset = subject.rect.min - bounds.min;
        let at = [offset.x, offset.y].map(pixels);
        let room = [0, 1].map(|i| whole[i].saturating_sub(at[i]).max(1));
        let size = view.size.map(|n| n.saturating_mul(scale).clamp(1, MAX_SIZE));
        view.size = [size[0].min(room[0]), size[1].min(room[1])];
        let mut frame = draw(renderer, &subject.series, &view, SAMPLES, progress)?;
        Over::default().draw(&mut frame, subject, &view, order.inscription, progress)?;
        inscribe(&mut raster, &mut frame, subject, &view, order.inscription);
        paste(&mut canvas, &frame, at);
        progress.add_done(1);
    }
    Ok(canvas)
}

/// The exact picture of a view.
fn draw(
    renderer: &Renderer,
    series: &OpenSeries,
    view: &ViewState,
    samples: u32,
    progress: &Progress,
) -> Result<Frame, ExportError> {
    if progress.is_cancelled() {
        return Err(ExportError::Cancelled);
    }
    let never = AtomicBool::new(false);
    let volume = series.volume().ok_or(ExportError::Remote)?;
    if view.content != Content::Cinematic {
        return Ok(renderer.render(volume, &render::resolve(view, volume), &never)?);
    }
    let mut cinematic = Cinematic::new(Arc::clone(volume), view, &Settings::default())?;
    while cinematic.samples() < samples {
        if progress.is_cancelled() {
            return Err(ExportError::Cancelled);
        }
        cinematic.accumulate(PASS.min(samples - cinematic.samples()), &never)?;
    }
    Ok(cinematic.picture(Finish::Denoised))
}

/// Writes over a picture what the window shows over it, and what it is not for.
fn inscribe(
    raster: &mut Raster,
    frame: &mut Frame,
    subject: &Subject,
    view: &ViewState,
    inscription: Inscription,
) {
    let series = &*subject.series;
    raster.over(frame, |painter, rect| {
        if inscription.overlays {
            // The notice has the last line for itself.
            let above = rect.with_max_y(rect.bottom() - NOTICE_HEIGHT);
            overlay::texts(painter, above, rect, series, view, Stage::Final, inscription.patient);
            annotate::paint_drawn(painter, rect, view, series, &subject.drawn, inscription.patient);
        }
        let at = rect.center_bottom() - vec2(0.0, 3.0);
        let font = FontId::proportional(10.5);
        let notice = tr!("notice");
        for shift in [vec2(1.0, 1.0), vec2(-1.0, 1.0)] {
            painter.text(at + shift, Align2::CENTER_BOTTOM, &notice, font.clone(), Color32::BLACK);
        }
        painter.text(at, Align2::CENTER_BOTTOM, &notice, font.clone(), theme::OVERLAY_WEAK);
    });
}

fn blank(size: [u32; 2]) -> Frame {
    let pixels = [0, 0, 0, 255].repeat(size[0] as usize * size[1] as usize);
    Frame { size, pixels, kind: FrameKind::Exact, view_revision: 0, input_seq: 0 }
}

fn paste(canvas: &mut Frame, picture: &Frame, [left, top]: [u32; 2]) {
    let [across, down] = canvas.size;
    let width = picture.size[0].min(across.saturating_sub(left)) as usize;
    for row in 0..picture.size[1].min(down.saturating_sub(top)) {
        let from = (row * picture.size[0]) as usize * 4;
        let to = ((top + row) * across + left) as usize * 4;
        canvas.pixels[to..to + width * 4].copy_from_slice(&picture.pixels[from..from + width * 4]);
    }
}

fn write_png(file: &Path, frame: &Frame) -> Result<(), ExportError> {
    save_private(file, Existing::Refuse, |out| {
        let rgb: Vec<u8> = frame.pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        let mut encoder = png::Encoder::new(out, frame.size[0], frame.size[1]);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&rgb)?;
        writer.finish()?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::study::Source;
    use eframe::egui::pos2;
    use glam::DAffine3;
    use render_core::dicom::{Patient, Report};
    use render_core::render::Choice;
    use render_core::scene::view::Orientation;
    use render_core::volume::{Meaning, Rescale, Voxels};
    use render_core::{Geometry, Volume};

    /// An empty volume of somebody, on screen in a viewport.
    fn subject(size: [u32; 2]) -> Subject {
        let geometry = Geometry::new([16, 16, 16], DAffine3::IDENTITY).expect("a plain grid");
        let meaning = Meaning { modality: "CT".into(), ..Meaning::default() };
        let voxels = Voxels::I16(vec![-1000i16; 4096].into());
        let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, meaning).expect("a volume");
        let view = ViewState::new(&volume, Content::Slice, Orientation::Axial, size);
        let patient = Patient { name: "Doe^Jane".into(), id: "4711".into(), ..Patient::default() };
        let series = OpenSeries {
            source: Source::Here(Arc::new(volume)),
            windows: Vec::new(),
            warnings: Vec::new(),
            report: Report::default(),
            patient,
            study_description: "Chest".into(),
            study_instance_uid: "1.1".into(),
            study_date: "20260101".into(),
            series_instance_uid: "1.2.3".into(),
            series_id: "1.2.3".into(),
            series_description: "Thin".into(),
            series_number: Some(1),
            frame: "1.2".into(),
            time: None,
            times: Vec::new(),
            suv: None,
            spacing_source: "",
            own: None,
            is_overlaid: false,
            only: None,
        };
        let rect = Rect::from_min_size(pos2(7.0, 9.0), vec2(size[0] as f32, size[1] as f32));
        let series = Arc::new(series);
        Subject { series, view, drawn: Vec::new(), segments: None, overlay_planes: true, rect }
    }

    fn order(what: What, inscription: Inscription, file: PathBuf) -> Order {
        Order { what, subjects: vec![subject([400, 300])], inscription, pixels_per_point: 1.0, file }
    }

    fn no_times() -> Moments {
        Moments::new(Vec::new())
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("voxcast-export-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Pixels that are lit in a part of the picture.
    fn lit(frame: &Frame, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) -> usize {
        let at = |x, y| frame.pixels[((y * frame.size[0] + x) * 4) as usize];
        rows.map(|y| columns.clone().filter(|&x| at(x, y) > 90).count()).sum()
    }

    #[test]
    fn the_patient_is_on_a_picture_only_when_asked_for_and_the_notice_always() {
        let renderer = Renderer::open(Choice::Cpu).unwrap();
        let make = |overlays, patient, scale| {
            let inscription = Inscription { overlays, patient };
            let order = order(What::Picture { scale }, inscription, PathBuf::new());
            picture(&renderer, &order, scale, &Progress::default()).unwrap()
        };
        let (plain, named) = (make(true, false, 1), make(true, true, 1));
        assert_eq!(lit(&plain, 0..170, 0..40), 0, "somebody's name");
        assert!(lit(&named, 0..170, 0..40) > 50, "no name");
        assert_eq!(lit(&plain, 230..400, 0..60), 0, "somebody's study");
        assert!(lit(&plain, 0..170, 240..300) > 50, "no slice number");
        let bare = make(false, true, 1);
        assert_eq!(lit(&bare, 0..400, 0..280), 0, "something besides the notice");
        assert!(lit(&bare, 100..300, 282..300) > 50, "no notice");
        assert_eq!(make(true, false, 2).size, [800, 600]);
    }

    #[test]
    fn what_was_drawn_is_on_pictures_and_its_label_only_with_the_patient() {
        let renderer = Renderer::open(Choice::Cpu).unwrap();
        let inscription = |patient| Inscription { overlays: true, patient };
        let make = |drawn: bool, patient| {
            let mut order = order(What::Picture { scale: 1 }, inscription(patient), PathBuf::new());
            let subject = &mut order.subjects[0];
            let plane = subject.view.plane;
            let points = [[60.0, 150.0], [140.0, 150.0]].map(|at| plane.patient_from_pixel(at, [400, 300]));
            let placement = reading::Placement { center_mm: points[0], ..reading::Placement::of(&plane) };
            let mut reading = reading::Reading::new([1; 16]);
            let line = reading.annotation(reading::Kind::Length, "1.2.3", placement, points.to_vec());
            let line = reading::Annotation { label: "Jane Doe's".into(), ..line };
            subject.drawn = drawn.then_some((line, None)).into_iter().collect();
            picture(&renderer, &order, 1, &Progress::default()).unwrap()
        };
        let (bare, plain, named) = (make(false, false), make(true, false), make(true, true));
        let line = |frame| lit(frame, 65..135, 149..152);
        assert!(line(&plain) >= line(&bare) + 60, "no line");
        assert_eq!(lit(&plain, 145..230, 140..160), lit(&bare, 145..230, 140..160), "somebody's name");
        assert!(lit(&named, 145..230, 140..160) > lit(&bare, 145..230, 140..160) + 20, "no label");
    }

    #[test]
    fn segments_are_on_pictures_of_slices_and_of_volumes() {
        let renderer = Renderer::open(Choice::Cpu).unwrap();
        let red = |marked: bool, content| {
            let inscription = Inscription { overlays: false, patient: false };
            let mut order = order(What::Picture { scale: 1 }, inscription, PathBuf::new());
            let subject = &mut order.subjects[0];
            let outline = subject.series.outline();
            subject.view.set_content(content, outline);
            let mut reading = reading::Reading::new([1; 16]);
            reading.begin_segmentation("1.2.3", outline.geometry()).unwrap();
            let (color, name) = ([250, 20, 20], String::new());
            let segment = reading::Segment { number: 1, name, color, visible: true };
            reading.apply(reading::Edit::Segments { series: "1.2.3".into(), segments: vec![segment] });
            // Four layers around the middle one.
            reading.paint("1.2.3", &[reading::Run { start: 6 * 256, length: 4 * 256 }], 1).unwrap();
            subject.segments = reading.segmentation("1.2.3").filter(|_| marked).cloned();
            let frame = picture(&renderer, &order, 1, &Progress::default()).unwrap();
            frame.pixels.chunks_exact(4).filter(|p| p[0] > 60 && p[1] < p[0] / 3).count()
        };
        for content in [Content::Slice, Content::Volume, Content::MIP] {
            assert_eq!(red(false, content), 0);
            assert!(red(true, content) > 4000, "{content:?}: {}", red(true, content));
        }
        assert_eq!(red(true, Content::Curved), 0);
    }

    /// A real time series, of which one time is in memory.
    #[test]
    fn a_movie_of_times_reads_those_that_are_not_in_memory_and_begins_again_after_the_last() {
        let data = std::env::var_os("VOXCAST_DATA")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
        if !data.is_dir() {
            eprintln!("skipped: no ../shared/data");
            return;
        }
        let scanned = render_core::dicom::scan(&[data.join("geometry/mr-4d-epi")], &Progress::default());
        let study = Arc::new(scanned.unwrap().studies.remove(0));
        let loaded = render_core::dicom::load(&study.series[0], &Progress::default()).unwrap();
        let open = Arc::new(OpenSeries::new(&study, &study.series[0], loaded));
        assert_eq!(open.times.len(), 10);
        let first = Subject { series: Arc::clone(&open), ..subject([64, 48]) };
        let stored = |id: &String| {
            if *id == open.series_id {
                Stored::Open(Arc::clone(&open))
            } else {
                Stored::Files(Arc::clone(&study), id.clone())
            }
        };
        let moment = |id| Moment { stored: stored(id), drawn: Vec::new(), segments: None };
        let mut moments = Moments::new(open.times.iter().map(moment).collect());
        let mut time = |number| moments.subject(number, &first).unwrap().series;
        assert_eq!([0, 3, 9, 10, 13].map(|n| time(n).time), [0, 3, 9, 0, 3].map(Some));
        assert!(Arc::ptr_eq(&time(3), &time(13)), "it was read twice");
        let values = |series: Arc<OpenSeries>| series.volume().unwrap().value_at([30, 30, 7]);
        assert_ne!(values(time(0)), values(time(5)));
        // A server's series has no times here.
        assert!(matches!(no_times().subject(0, &first), Err(ExportError::Remote)));
    }

    #[test]
    fn a_picture_is_written_once_and_never_over_another() {
        let folder = folder("png");
        let renderer = Renderer::open(Choice::Cpu).unwrap();
        let inscription = Inscription { overlays: true, patient: false };
        let order = order(What::Picture { scale: 1 }, inscription, folder.join("a.png"));
        export(&renderer, &order, no_times(), &Progress::default()).unwrap();
        let bytes = std::fs::read(&order.file).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"));
        assert!(matches!(
            export(&renderer, &order, no_times(), &Progress::default()),
            Err(ExportError::Write(_))
        ));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_movie_is_whole_or_not_there() {
        if std::process::Command::new("ffmpeg").arg("-version").output().is_err() {
            eprintln!("skipped: no ffmpeg");
            return;
        }
        let folder = folder("mp4");
        let renderer = Renderer::open(Choice::Cpu).unwrap();
        let movie = Movie { motion: Motion::Sweep, pictures: 5, per_second: 25, size: [64, 48] };
        let inscription = Inscription { overlays: false, patient: false };
        let order = order(What::Movie(movie), inscription, folder.join("a.mp4"));
        let progress = Progress::default();
        export(&renderer, &order, no_times(), &progress).unwrap();
        assert_eq!(progress.counts(), (5, 5));
        assert_eq!(&std::fs::read(&order.file).unwrap()[4..8], b"ftyp");

        let cancelled = Progress::default();
        cancelled.cancel();
        let again = Order { file: folder.join("b.mp4"), ..order };
        assert!(matches!(export(&renderer, &again, no_times(), &cancelled), Err(ExportError::Cancelled)));
        let left: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["a.mp4"]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_sweep_shows_the_first_slice_first_and_the_last_one_last() {
        let Subject { series, view, .. } = subject([64, 48]);
        let movie = Movie { motion: Motion::Sweep, pictures: 16, per_second: 25, size: [64, 48] };
        let slice = |number| {
            let view = movie::view_of(&view, &movie, number, &series);
            view.plane.slice_number(series.outline())
        };
        assert_eq!((slice(0), slice(7), slice(15)), ((1, 16), (8, 16), (16, 16)));
    }

    #[test]
    fn pictures_are_pasted_where_they_lie_and_cut_at_the_edge() {
        let mut canvas = blank([4, 3]);
        let mut white = blank([3, 3]);
        white.pixels.fill(255);
        paste(&mut canvas, &white, [2, 1]);
        let lit = |x: usize, y: usize| canvas.pixels[(y * 4 + x) * 4] == 255;
        assert!(lit(2, 1) && lit(3, 2));
        assert!(!lit(1, 1) && !lit(3, 0));
    }
}
