//! Saving what was drawn as files, and taking over what files hold, off the UI thread.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::{self, RichText};
use reading::objects::{self, About, Added, ObjectError, Written};
use reading::{Annotation, Image, Kind, Origin, Row, Segmentation, Table, Values};
use render_core::dicom::create::{Stamp, Subject};
use render_core::dicom::object::presentation::StatedWindow;
use render_core::dicom::object::{Content, PresentationState};
use render_core::dicom::{self, Object, Series, Study, WarningCode};
use render_core::save::{Existing, save_private};
use render_core::{Outlined, Progress};

use super::super::command::Command;
use super::super::job::Job;
use super::super::study::{self, OpenSeries};
use super::super::text::{self, tr};
use super::super::{dialogs, theme};

/// Kinds of files that a reading becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    Report,
    Presentation,
    KeyImages,
    Segments,
    Csv,
}

const FILES: [(File, &str, &str); 5] = [
    (File::Report, "Measurement report (SR, TID 1500)", "measurements.dcm"),
    (File::Presentation, "Presentation state (GSPS)", "presentation.dcm"),
    (File::KeyImages, "Key images (KO)", "key-images.dcm"),
    (File::Segments, "Segments (SEG)", "segments.dcm"),
    (File::Csv, "Table (CSV)", "measurements.csv"),
];

/// The dialog behind `Save…`.
#[derive(Clone, Debug, PartialEq)]
pub struct Saving {
    folder: String,
    observer: String,
    chosen: [bool; FILES.len()],
}

/// A series with what was drawn on it.
pub struct Subjects {
    pub series: Series,
    pub place: Place,
    pub annotations: Vec<Annotation>,
    pub segmentation: Option<Segmentation>,
    /// Centre and width that its slices are shown with.
    pub window: Option<(f64, f64)>,
}

/// What was drawn on series that are on no disk of this machine: objects cannot name their images.
#[derive(Default)]
pub struct Theirs {
    pub annotations: usize,
    /// Those that are measured and shown.
    pub rows: Vec<Row>,
}

/// Where a series is.
pub enum Place {
    Open(Arc<OpenSeries>),
    /// In its files, to be loaded; its labels may be in a file of this folder.
    Closed {
        study: Box<Study>,
        labels: Option<PathBuf>,
    },
}

impl Saving {
    pub fn new() -> Self {
        let dirs = directories::ProjectDirs::from("org", "voxcast", "voxcast");
        let folder = dirs.map(|dirs| dirs.data_dir().join("readings")).unwrap_or_default();
        Self {
            folder: folder.display().to_string(),
            observer: String::new(),
            chosen: [true, true, true, true, true],
        }
    }

    /// Into another folder.
    pub fn choose(&mut self, folder: &Path) {
        self.folder = folder.display().to_string();
    }

    /// Returns false when it is closed. `is_choosing` while the system asks for a folder.
    pub fn show(
        &mut self,
        ctx: &egui::Context,
        beside: Option<&Path>,
        is_choosing: bool,
        commands: &mut Vec<Command>,
    ) -> bool {
        let mut open = true;
        let modal = dialogs::modal(ctx, "save reading").show(ctx, |ui| {
            ui.set_width(520.0);
            ui.heading(tr!("save-measurements"));
            ui.add_space(6.0);
            for (chosen, (_, name, _)) in self.chosen.iter_mut().zip(FILES) {
                ui.checkbox(chosen, text::of(name));
            }
            ui.add_space(6.0);
            let label = ui.label(tr!("folder-made-if-not-there"));
            ui.add(egui::TextEdit::singleline(&mut self.folder).desired_width(f32::INFINITY))
                .labelled_by(label.id);
            ui.horizontal(|ui| {
                let choose = egui::Button::new(tr!("choose-a-folder"));
                if ui.add_enabled(!is_choosing, choose).clicked() {
                    commands.push(Command::ChooseReadingFolder);
                }
                if let Some(beside) = beside
                    && ui.button(tr!("beside-the-images")).clicked()
                {
                    self.folder = beside.display().to_string();
                }
            });
            ui.add_space(6.0);
            let label = ui.label(tr!("who-measured"));
            let field =
                egui::TextEdit::singleline(&mut self.observer).char_limit(64).desired_width(f32::INFINITY);
            ui.add(field).labelled_by(label.id);
            ui.add_space(4.0);
            let note = tr!("saved-files-hold-the-patient");
            ui.label(RichText::new(note).color(theme::weak()).size(12.5));
            ui.add_space(10.0);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let ready = self.chosen.contains(&true) && !self.folder.trim().is_empty();
                let button = egui::Button::new(tr!("save")).fill(theme::accent_fill());
                if ui.add_enabled(ready, button).clicked() {
                    commands.push(Command::SaveReading(Box::new(self.clone())));
                    open = false;
                }
                if ui.button(tr!("close")).clicked() {
                    open = false;
                }
            });
        });
        open && !modal.should_close()
    }

    /// Writes the files. The answer is what was written and what was not, line by line, for people.
    pub fn start(self, ctx: &egui::Context, subjects: Vec<Subjects>, theirs: Theirs) -> Job<Saved> {
        Job::start("save", ctx, move |progress, sink| {
            let count = theirs.annotations;
            let mut saved = self.write(subjects, theirs.rows, progress);
            if count > 0 {
                saved.problems.push(tr!("save-elsewhere", count = count).into_owned());
            }
            sink.send(saved);
        })
    }

    fn write(&self, subjects: Vec<Subjects>, mut rows: Vec<Row>, progress: &Progress) -> Saved {
        let mut saved = Saved { folder: PathBuf::from(self.folder.trim()), ..Saved::default() };
        if let Err(error) = super::kept::create_folder(&saved.folder) {
            let folder = saved.folder.display().to_string();
            let text = tr!("folder-cannot-be-made", folder = folder, reason = error.to_string());
            saved.problems.push(text.into_owned());
            return saved;
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seconds = now.map(|now| now.as_secs()).unwrap_or_default();
        for (index, mut subject) in subjects.into_iter().enumerate() {
            let open = match subject.opened(progress) {
                Ok(open) => open,
                Err(error) => {
                    let title = study::series_title(subject.series.series_number, &subject.series.title());
                    let reason = error.to_string();
                    saved.problems.push(tr!("save-not-loaded", name = title, reason = reason).into_owned());
                    continue;
                }
            };
            let values: Option<Vec<Values>> =
                subject.annotations.iter().map(|a| super::measure(a, &open, progress)).collect();
            let Some(values) = values else {
                saved.problems.push(tr!("measuring-was-cancelled").into_owned());
                return saved;
            };
            rows.extend(subject.annotations.iter().zip(&values).map(|(a, values)| row(&open, a, values)));
            self.write_objects(&subject, &open, &values, index, seconds, &mut saved);
        }
        if self.wants(File::Csv) && !rows.is_empty() {
            let csv = Table { rows }.csv();
            saved.put(&name(File::Csv, 0, seconds), csv.as_bytes());
        }
        saved
    }

    fn wants(&self, file: File) -> bool {
        FILES.iter().zip(self.chosen).any(|((of, ..), chosen)| *of == file && chosen)
    }

    fn write_objects(
        &self,
        subject: &Subjects,
        open: &OpenSeries,
        values: &[Values],
        index: usize,
        seconds: u64,
        saved: &mut Saved,
    ) {
        let files =
            FILES.iter().zip(self.chosen).filter(|((file, ..), chosen)| *chosen && *file != File::Csv);
        let mut of = None;
        for (number, ((file, title, _), _)) in files.enumerate() {
            let dicom = match of.get_or_insert_with(|| Subject::of(&subject.series)) {
                Ok(dicom) => dicom,
                Err(error) => return saved.problems.push(error.to_string()),
            };
            let stamp = match stamp(seconds, 9000 + 10 * index as u32 + number as u32, title) {
                Ok(stamp) => stamp,
                Err(problem) => return saved.problems.push(problem),
            };
            match subject.object(open, *file, dicom, values, &self.observer, &stamp) {
                Ok(written) => {
                    saved.put(&name(*file, index, seconds), &written.bytes);
                    match written.left_out.len() {
                        0 => {}
                        // That is how presentation states are, and nothing has failed.
                        count if *file == File::Presentation => saved.not_in_presentation += count,
                        count => {
                            let text = tr!("cannot-hold", title = text::of(title), count = count);
                            saved.problems.push(text.into_owned());
                        }
                    }
                }
                Err(ObjectError::Nothing(_)) if *file == File::Presentation => {
                    let drawn = subject.annotations.iter().filter(|a| a.kind != Kind::KeyImage);
                    saved.not_in_presentation += drawn.count();
                }
                // What there is nothing of is not missed, but what cannot be in it is.
                Err(ObjectError::Nothing(reason)) if subject.has(*file) => {
                    let series = study::series_title(subject.series.series_number, &subject.series.title());
                    let nothing = tr!("save-nothing", name = series, reason = text::told(reason));
                    saved.problems.push(format!("{}: {nothing}", text::of(title)));
                }
                Err(ObjectError::Nothing(_)) => {}
                Err(error) => saved.problems.push(format!("{}: {error}", text::of(title))),
            }
        }
    }
}

/// What became of a reading that was saved.
#[derive(Debug, Default)]
pub struct Saved {
    pub folder: PathBuf,
    pub files: Vec<String>,
    pub problems: Vec<String>,
    /// Annotations that lie on no image: on reformatted planes, or solids. Presentation states hold none of them.
    pub not_in_presentation: usize,
}

impl Saved {
    fn put(&mut self, name: &str, bytes: &[u8]) {
        let path = self.folder.join(name);
        match save_private(&path, Existing::Refuse, |out| out.write_all(bytes)) {
            Ok(()) => self.files.push(name.to_owned()),
            Err(error) => self.problems.push(format!("{name}: {error}")),
        }
    }
}

/// Files of one moment belong together; they name nobody.
fn name(file: File, series: usize, seconds: u64) -> String {
    let stamp = Stamp::at(seconds, [[0; 16]; 2], 0, "");
    let name = FILES.iter().find(|(of, ..)| *of == file).map_or("", |(_, _, name)| name);
    let number = if series == 0 { String::new() } else { format!("{}-", series + 1) };
    format!("{}-{}-{number}{name}", stamp.date, stamp.time)
}

fn stamp(seconds: u64, number: u32, description: &str) -> Result<Stamp, String> {
    let mut random = [[0; 16]; 2];
    for part in &mut random {
        getrandom::fill(part).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    }
    Ok(Stamp::at(seconds, random, number, description))
}

pub fn row(open: &OpenSeries, annotation: &Annotation, values: &Values) -> Row {
    let origin = Origin {
        study_date: study::date(&open.study_date),
        study_instance_uid: open.study_instance_uid.clone(),
        series_title: study::series_title(open.series_number, &open.series_description),
        series_instance_uid: open.series_instance_uid.clone(),
    };
    let position_mm = open.is_placed().then(|| annotation.center_mm());
    Row::new(annotation, origin, image_of(open, annotation), position_mm, values.clone())
}

/// The acquired image that an annotation lies on.
fn image_of(open: &OpenSeries, annotation: &Annotation) -> Option<Image> {
    // Slices of a grid that others were resampled to, or that has slices between them, are nobody else's.
    let others = [WarningCode::UnevenSpacing, WarningCode::MissingSlices];
    if open.warnings.iter().any(|warning| others.contains(&warning.code)) {
        return None;
    }
    let slice = acquired_slice(annotation, open.outline())?;
    let geometry = open.outline().geometry();
    let index = geometry.voxel_from_patient().transform_point3(annotation.center_mm()).z.round();
    let place = open.own.as_ref().and_then(|series| series.image(index as usize));
    Some(Image {
        slice,
        instance_number: place.as_ref().and_then(|place| place.instance_number),
        frame: place.as_ref().filter(|place| place.is_one_of_many).map(|place| place.frame + 1),
        sop_instance_uid: place.map(|place| place.sop_instance_uid).unwrap_or_default(),
    })
}

/// The acquired slice that an annotation lies on, by the number that its picture shows: slices of other planes have no
/// number that anybody else could find.
fn acquired_slice(annotation: &Annotation, volume: &dyn Outlined) -> Option<u32> {
    let axes = volume.geometry().patient_from_voxel().matrix3;
    let normal = axes.x_axis.cross(axes.y_axis).normalize();
    let along = annotation.placement.normal().dot(normal).abs() > 0.9999;
    let (number, count) = super::plane_of(annotation).slice_number(volume);
    (along && (1..=count).contains(&number)).then_some(number as u32)
}

impl Subjects {
    /// The series with its voxels, which are loaded where they are not in memory.
    fn opened(&mut self, progress: &Progress) -> Result<Arc<OpenSeries>, dicom::Error> {
        match &self.place {
            Place::Open(open) => Ok(Arc::clone(open)),
            Place::Closed { study, labels } => {
                let loaded = dicom::load(&self.series, progress)?;
                let id = self.series.key();
                let kept = || super::kept::labels(labels.as_ref()?, &id);
                self.segmentation = self.segmentation.take().or_else(kept);
                Ok(Arc::new(OpenSeries::new(study, &self.series, loaded)))
            }
        }
    }

    /// Whether anything was drawn that a file of this kind is for.
    fn has(&self, file: File) -> bool {
        match file {
            File::Report | File::Presentation => self.annotations.iter().any(|a| a.kind != Kind::KeyImage),
            File::KeyImages => self.annotations.iter().any(|a| a.kind == Kind::KeyImage),
            File::Segments => self.segmentation.as_ref().is_some_and(|s| s.labels().any()),
            File::Csv => false,
        }
    }

    fn object(
        &self,
        open: &OpenSeries,
        file: File,
        subject: &Subject,
        values: &[Values],
        observer: &str,
        stamp: &Stamp,
    ) -> Result<Written, ObjectError> {
        let about = About { series: &self.series, subject, geometry: open.outline().geometry() };
        let measured: Vec<(&Annotation, &Values)> = self.annotations.iter().zip(values).collect();
        match file {
            File::Report => objects::measurement_report(&about, &measured, observer.trim(), stamp),
            File::Presentation => {
                let stated = |(center, width)| StatedWindow { center, width, ..StatedWindow::default() };
                let base = PresentationState {
                    label: "READING".into(),
                    windows: self.window.map(stated).into_iter().collect(),
                    inverted: open.outline().meaning().inverted,
                    ..PresentationState::default()
                };
                objects::presentation_state(&about, &measured, base, stamp)
            }
            File::KeyImages => {
                let marks: Vec<&Annotation> =
                    self.annotations.iter().filter(|a| a.kind == Kind::KeyImage).collect();
                objects::key_objects(&about, &marks, stamp)
            }
            File::Segments => match &self.segmentation {
                Some(segmentation) => objects::segmentation(&about, segmentation, stamp),
                None => Err(ObjectError::Nothing("there is no segment")),
            },
            File::Csv => Err(ObjectError::Nothing("a table is no object")),
        }
    }
}

/// What an object of the study holds, for one of the series in memory.
pub enum Loaded {
    Annotations {
        found: objects::Found,
    },
    /// Segments beside those of a series, or the first of it.
    Segmentation {
        series: String,
        added: Box<Added>,
    },
    Problem(String),
}

/// A series that an object may be about.
pub struct Candidate {
    pub series: Series,
    pub open: Arc<OpenSeries>,
    /// What is there already.
    pub segmentation: Option<Segmentation>,
}

/// Reads an object and finds what of it lies on a series of its patient.
pub fn load_object(
    ctx: &egui::Context,
    object: Object,
    objects: HashSet<String>,
    candidates: Vec<Candidate>,
) -> Job<Loaded> {
    Job::start("object", ctx, move |_, sink| {
        sink.send(
            read(&object, &objects, &candidates).unwrap_or_else(|error| Loaded::Problem(error.to_string())),
        );
    })
}

/// The series that an object is about: one that it names or, where it names none, the first that lies in its space.
/// `objects` are the series that hold no images: naming those tells nothing.
fn subject<'a>(
    object: &Object,
    objects: &HashSet<String>,
    candidates: &'a [Candidate],
) -> Result<&'a Candidate, ObjectError> {
    let names: Vec<&String> = object.referenced_series.iter().filter(|uid| !objects.contains(*uid)).collect();
    let in_its_space = |candidate: &&Candidate| {
        let frames = [object.frame_of_reference_uid.as_str(), candidate.series.frame_of_reference_uid()];
        frames.contains(&"") || frames[0] == frames[1]
    };
    let named =
        |candidate: &&Candidate| names.is_empty() || names.contains(&&candidate.series.series_instance_uid);
    let mut all = candidates.iter().filter(named).peekable();
    all.peek().ok_or(ObjectError::OtherSeries)?;
    all.find(in_its_space).ok_or(ObjectError::OtherFrame)
}

fn read(object: &Object, objects: &HashSet<String>, candidates: &[Candidate]) -> Result<Loaded, ObjectError> {
    let content = object.open()?;
    let Candidate { series, open, segmentation } = subject(object, objects, candidates)?;
    let geometry = open.outline().geometry();
    if let Content::Segmentation(found) = &content {
        let onto = match segmentation {
            Some(onto) if !onto.segments().is_empty() => onto.clone(),
            _ => Segmentation::new(*geometry)?,
        };
        if onto.geometry() != geometry {
            return Err(ObjectError::OtherGrid);
        }
        let added = Box::new(objects::segmentation_of(found, &onto)?);
        return Ok(Loaded::Segmentation { series: series.key(), added });
    }
    let subject = Subject::of(series)?;
    let about = About { series, subject: &subject, geometry };
    let found = match &content {
        Content::Report(report) if object.modality == "KO" => objects::key_images(&about, report),
        Content::Report(report) => objects::report_annotations(&about, report),
        Content::PresentationState(state) => objects::presentation_annotations(&about, state),
        _ => return Err(ObjectError::Nothing("the object holds no annotations")),
    };
    Ok(Loaded::Annotations { found })
}

/// Whether an object may hold what a reading can take over.
pub fn is_readable(object: &Object) -> bool {
    ["SR", "KO", "PR", "SEG"].contains(&object.modality.as_str())
}

impl super::Annotate {
    /// Takes over what a file holds. Returns what has to be told, of success or failure.
    pub fn take_over(&mut self, loaded: Loaded) -> Result<String, String> {
        match loaded {
            Loaded::Problem(problem) => Err(study::sentence(&problem)),
            Loaded::Annotations { found } => {
                let others = found.not_understood;
                let (edit, count) = found.adopt(&mut self.reading);
                if count > 0 {
                    self.adopt("Add annotations", edit);
                }
                let added = tr!("annotations-added", count = count);
                Ok(match others {
                    0 => added.into_owned(),
                    others => format!("{added} {}", tr!("shapes-left-out", count = others)),
                })
            }
            Loaded::Segmentation { series, .. } if self.unread.contains(&series) => {
                Err(tr!("segments-still-read").into_owned())
            }
            Loaded::Segmentation { series, added } => {
                let Added { painted, count, cut } = *added;
                let edit = match self.reading.segmentation(&series) {
                    Some(now) if !now.segments().is_empty() => self.reading.put_painted(&series, painted),
                    // There was none when it was read, either.
                    _ if count == painted.after().segments().len() => {
                        let first = reading::Edit::segmentation(series, Some(painted.after().clone()));
                        Some(self.reading.apply(first))
                    }
                    _ => None,
                };
                let edit = edit.ok_or_else(|| tr!("segments-changed-meanwhile").into_owned())?;
                self.adopt("Add segments", edit);
                let told = tr!("segments-added", count = count);
                Ok(match cut {
                    0 => told.into_owned(),
                    cut => format!("{told} {}", tr!("segments-cut", count = cut)),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::{DAffine3, DVec3};
    use reading::{Placement, Reading};
    use render_core::scene::view::{Orientation, Plane};
    use render_core::volume::{Meaning, Rescale};
    use render_core::{Geometry, Volume, Voxels};

    use super::*;

    #[test]
    fn slices_are_numbered_as_they_were_acquired_and_those_of_other_planes_are_not() {
        let geometry =
            Geometry::new([40, 30, 20], DAffine3::from_translation(DVec3::splat(5.0))).expect("a grid");
        let voxels = Voxels::U8(vec![0; 40 * 30 * 20].into());
        let volume =
            Arc::new(Volume::new(geometry, voxels, Rescale::IDENTITY, Meaning::default()).expect("a volume"));
        let mut reading = Reading::new([1; 16]);
        let mut slice = |center_mm: DVec3, right: DVec3, down: DVec3| {
            let placement = Placement::new(center_mm, right, down).expect("axes at a right angle");
            let line =
                reading.annotation(Kind::Length, "1.2.3", placement, vec![center_mm, center_mm + right]);
            acquired_slice(&line, &volume)
        };
        // As pictures show them: from the feet to the head, or the other way round.
        let first = Plane { center_mm: DVec3::splat(5.0), ..Plane::standard(Orientation::Axial, &volume) };
        let first = first.slice_number(&volume).0 as u32;
        assert!([1, 20].contains(&first));
        assert_eq!(slice(DVec3::new(9.0, 9.0, 5.0), DVec3::X, DVec3::Y), Some(first));
        assert_eq!(slice(DVec3::new(9.0, 9.0, 24.3), DVec3::X, DVec3::Y), Some(21 - first));
        assert_eq!(slice(DVec3::new(9.0, 9.0, 26.0), DVec3::X, DVec3::Y), None, "beyond the last one");
        assert_eq!(slice(DVec3::new(9.0, 9.0, 9.0), DVec3::X, DVec3::Z), None, "a reformatted plane");
    }

    #[test]
    fn an_object_is_laid_over_the_series_that_it_names_and_in_its_space_only() {
        let folder = std::env::temp_dir().join(format!("voxcast-object-{}", std::process::id()));
        let spec = render_core::phantom::Spec {
            columns: 60,
            rows: 60,
            slices: 40,
            pixel_spacing_mm: 6.0,
            slice_spacing_mm: 8.0,
            ..render_core::phantom::Spec::default()
        };
        render_core::phantom::write_study(&folder, &spec, |_, _| {}).expect("the phantom is written");
        let library = dicom::scan(std::slice::from_ref(&folder), &Progress::default()).expect("a scan");
        let series = library.studies[0].series[0].clone();
        let loaded = dicom::load(&series, &Progress::default()).expect("a volume");
        std::fs::remove_dir_all(&folder).expect("the folder goes");
        let open = Arc::new(OpenSeries::new(&library.studies[0], &series, loaded));
        let (own, frame) = (series.series_instance_uid.clone(), series.frame_of_reference_uid().to_owned());
        assert!(!frame.is_empty());
        let candidates = [Candidate { series, open, segmentation: None }];
        let objects = HashSet::from(["1.9".to_owned()]);
        let found = |names: &[&str], frame: &str| {
            let object = Object {
                referenced_series: names.iter().map(|name| (*name).to_owned()).collect(),
                frame_of_reference_uid: frame.to_owned(),
                ..Object::default()
            };
            subject(&object, &objects, &candidates).map(|_| ())
        };
        assert!(
            found(&[&own], &frame).is_ok() && found(&["1.8", &own], "").is_ok() && found(&[], "").is_ok()
        );
        assert!(matches!(found(&["1.8"], &frame), Err(ObjectError::OtherSeries)), "another's");
        assert!(found(&["1.9"], &frame).is_ok(), "it names an object only");
        assert!(matches!(found(&[&own], "1.7"), Err(ObjectError::OtherFrame)));
        assert!(matches!(found(&[], "1.7"), Err(ObjectError::OtherFrame)));
    }
}
