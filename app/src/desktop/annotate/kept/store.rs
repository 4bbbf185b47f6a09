//! The files of readings, and what a window knows of them.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use reading::{Annotation, Reading, Restored, Segmentation, SessionError, Texts};
use render_core::Geometry;
use sha2::{Digest as _, Sha256};

use super::open::Open;
use super::{News, Part};
use crate::desktop::keeper::{self, set_aside};
use crate::desktop::text::tr;

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64)>;

/// Annotations as they were read or written last.
#[derive(Debug, Default)]
struct KnownAnnotations {
    /// The news that told them.
    number: u64,
    all: Vec<Annotation>,
}

/// Labels as they are in their file.
#[derive(Debug)]
struct KnownLabels {
    number: u64,
    /// Where they are in memory and their revision: both are the same while nothing has changed.
    memory: (usize, u64),
    grid: Option<Geometry>,
    stamp: Stamp,
}

/// Labels that have changed, as text.
struct Painted {
    memory: (usize, u64),
    grid: Option<Geometry>,
    any: bool,
    /// `None` where no voxel has a label, or where they are in too many pieces.
    text: Option<String>,
}

impl Painted {
    /// Labels that are not there any more.
    const NONE: Self = Self { memory: (0, 0), grid: None, any: false, text: None };

    fn new(series: &str, labels: &Segmentation) -> Self {
        let any = labels.labels().any();
        let text = if any { reading::labels_to_json(series, labels) } else { None };
        Self { memory: in_memory(labels), grid: Some(*labels.geometry()), any, text }
    }
}

/// The files of a folder, and what this window knows of them.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Annotations of each series as this window has read or written them; others in its file are another's.
    annotations: HashMap<String, KnownAnnotations>,
    labels: HashMap<String, KnownLabels>,
    number: u64,
    problems: Vec<String>,
    told: HashSet<String>,
    /// Whether the last attempt to write did not succeed, and that was told.
    failing: bool,
    /// Series whose labels lie nowhere but in memory, and stay there until they change.
    not_kept: HashSet<String>,
    looked: bool,
    open: Open,
}

impl Store {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            open: Open::new(folder.join("open")),
            folder,
            annotations: HashMap::new(),
            labels: HashMap::new(),
            number: 0,
            problems: Vec::new(),
            told: HashSet::new(),
            failing: false,
            not_kept: HashSet::new(),
            looked: false,
        }
    }

    /// The same problem is told once.
    fn problem(&mut self, text: String) {
        if self.told.insert(text.clone()) {
            self.problems.push(text);
        }
    }

    pub fn take_problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    fn file(&self, part: &Part) -> PathBuf {
        let (series, end) = match part {
            Part::Annotations(series) => (series, "json"),
            Part::Labels(series) => (series, "labels.json"),
        };
        self.folder.join(format!("{}.{end}", name(series)))
    }

    /// Tells other windows that these series are open in this one, before anything of them is read or written.
    pub fn open<'a>(&mut self, series: impl Iterator<Item = &'a str>) {
        let names: Vec<String> = series.map(name).collect();
        if self.open.knows(&names) || names.is_empty() {
            return;
        }
        let added = create_folder(&self.folder).and_then(|()| {
            let _lock = self.lock();
            self.open.add(names)
        });
        if let Err(error) = added {
            tracing::warn!(%error, "other windows do not know what is open in this one");
        }
    }

    /// No other window writes while this is held. Where a file system knows no locks, two windows that write in the
    /// same moment are all that is not cared for.
    fn lock(&self) -> Option<File> {
        let file =
            File::options().create(true).truncate(false).write(true).open(self.folder.join("lock")).ok()?;
        file.lock().ok().map(|()| file)
    }

    pub fn read(&mut self, part: Part) -> Option<News> {
        self.open(std::iter::once(part.series()));
        self.number += 1;
        let number = self.number;
        match part {
            Part::Annotations(series) => {
                let found = self.annotations_of(&series).filter(|found| !found.is_empty())?;
                let all = found.iter().map(Annotation::unnumbered).collect();
                self.annotations.insert(series, KnownAnnotations { number, all });
                Some(News::Annotations(number, found))
            }
            Part::Labels(series) => {
                let file = self.file(&Part::Labels(series.clone()));
                let before = stamp(&file);
                let labels = self.read_file(&file, |text| reading::labels_from_json(&series, text));
                let known = KnownLabels {
                    number,
                    memory: labels.as_ref().map_or((0, 0), in_memory),
                    grid: labels.as_ref().map(|labels| *labels.geometry()),
                    // What could not be read is not there any more.
                    stamp: before.filter(|_| labels.is_some()),
                };
                self.labels.insert(series.clone(), known);
                Some(News::Labels { number, series, labels: labels.map(Box::new) })
            }
        }
    }

    /// The annotations that the file of a series holds; `None` where there is none, or none that can be read.
    fn annotations_of(&mut self, series: &str) -> Option<Vec<Annotation>> {
        let file = self.file(&Part::Annotations(series.to_owned()));
        let mut found = self.read_file(&file, reading::annotations_from_json)?;
        found.retain(|annotation| annotation.series == series);
        Some(found)
    }

    /// `None` where there is no such file. One that cannot be read is set aside, and so is a copy of one of which
    /// something was left out.
    fn read_file<T>(
        &mut self,
        file: &Path,
        parse: impl FnOnce(&str) -> Result<Restored<T>, SessionError>,
    ) -> Option<T> {
        let text = match read_text(file, reading::MAX_TEXT as u64) {
            Ok(text) => text?,
            Err(reason) => return self.unreadable(file, &reason),
        };
        match parse(&text) {
            Ok(Restored { content, left_out }) => {
                if left_out > 0 {
                    let copy = file.with_extension("part");
                    let aside = std::fs::copy(file, &copy).and_then(|_| set_aside(&copy));
                    let aside = aside.map(|to| to.display().to_string()).unwrap_or_default();
                    self.problem(tr!("reading-partly", count = left_out, file = aside).into_owned());
                }
                Some(content)
            }
            Err(error) => self.unreadable(file, &error.to_string()),
        }
    }

    fn unreadable<T>(&mut self, file: &Path, reason: &str) -> Option<T> {
        let aside = set_aside(file).map(|to| to.display().to_string()).unwrap_or_default();
        self.problem(tr!("reading-unreadable", reason = reason, file = aside).into_owned());
        None
    }

    /// Takes over the one file of all series that earlier versions wrote.
    pub fn take_earlier(&mut self) {
        if std::mem::replace(&mut self.looked, true) {
            return;
        }
        let file = self.folder.with_file_name("reading.json");
        if !file.exists() || create_folder(&self.folder).is_err() {
            return;
        }
        let _lock = self.lock();
        let text = match read_text(&file, reading::MAX_WHOLE_TEXT as u64) {
            Ok(Some(text)) => text,
            // Another window was faster.
            Ok(None) => return,
            Err(reason) => {
                self.unreadable::<()>(&file, &reason);
                return;
            }
        };
        let Restored { content, left_out } = match reading::split(&text) {
            Ok(split) => split,
            Err(error) => {
                self.unreadable::<()>(&file, &error.to_string());
                return;
            }
        };
        for (series, Texts { annotations, labels }) in content {
            let added = annotations.is_none_or(|text| {
                let new =
                    reading::annotations_from_json(&text).map(|found| found.content).unwrap_or_default();
                self.merge(&series, &[], &new)
            });
            let labels_file = self.file(&Part::Labels(series));
            // Labels that are there already are newer.
            let added = added
                && labels
                    .filter(|_| !labels_file.exists())
                    .is_none_or(|text| self.write_file(&labels_file, &text));
            if !added {
                // The file stays for the next start.
                return;
            }
        }
        let moved = if left_out == 0 { Ok(()) } else { Err(left_out) };
        match (std::fs::rename(&file, file.with_extension("json.old")), moved) {
            (Ok(()), Ok(())) => {}
            (Ok(()), Err(count)) => {
                let aside = file.with_extension("json.old").display().to_string();
                self.problem(tr!("reading-partly", count = count, file = aside).into_owned());
            }
            (Err(error), _) => tracing::warn!(%error, "the reading of an earlier version stays where it is"),
        }
    }

    /// Writes what has changed. Returns whether everything is kept now.
    pub fn write(&mut self, reading: Reading, heard: u64) -> bool {
        let mut now: HashMap<String, Vec<Annotation>> = HashMap::new();
        for annotation in reading.annotations() {
            now.entry(annotation.series.clone()).or_default().push(annotation.unnumbered());
        }
        // Of what the window has not heard yet, nothing was changed.
        for (series, _) in self.annotations.iter().filter(|(_, known)| known.number <= heard) {
            now.entry(series.clone()).or_default();
        }
        now.retain(|series, now| {
            let known = self.annotations.get(series).map_or(&[][..], |known| known.all.as_slice());
            known != now.as_slice()
        });
        let mut painted: Vec<(String, Painted)> = reading
            .segmentations()
            .filter(|(series, labels)| match self.labels.get(*series) {
                Some(known) => known.number <= heard && known.memory != in_memory(labels),
                None => true,
            })
            .map(|(series, labels)| (series.to_owned(), Painted::new(series, labels)))
            .collect();
        let gone = self.labels.iter().filter(|(series, known)| {
            known.number <= heard && known.stamp.is_some() && reading.segmentation(series).is_none()
        });
        painted.extend(gone.map(|(series, _)| (series.clone(), Painted::NONE)));
        drop(reading);
        if now.is_empty() && painted.is_empty() {
            return self.not_kept.is_empty();
        }
        if let Err(error) = create_folder(&self.folder) {
            self.failed(&error);
            return false;
        }
        self.open(now.keys().chain(painted.iter().map(|(series, _)| series)).map(String::as_str));
        let _lock = self.lock();
        let mut whole = true;
        for (series, now) in now {
            let known = self.annotations.remove(&series).unwrap_or_default();
            let heard = known.number <= heard;
            let written = self.merge(&series, if heard { &known.all } else { &[] }, &now);
            let all = if written && heard { now } else { known.all };
            self.annotations.insert(series, KnownAnnotations { number: known.number, all });
            whole &= written;
        }
        for (series, painted) in painted {
            whole &= self.write_labels(&series, painted);
        }
        self.failing &= !whole;
        whole && self.not_kept.is_empty()
    }

    /// Puts what changed from `before` to `now` into the file of a series.
    fn merge(&mut self, series: &str, before: &[Annotation], now: &[Annotation]) -> bool {
        let file = self.file(&Part::Annotations(series.to_owned()));
        let on_disk = self.annotations_of(series);
        let lost = on_disk.is_none();
        let on_disk = on_disk.unwrap_or_default();
        let before: HashMap<&str, &Annotation> = before.iter().map(|a| (a.uid.as_str(), a)).collect();
        let mine: HashSet<&str> = now.iter().map(|annotation| annotation.uid.as_str()).collect();
        let theirs: HashMap<&str, &Annotation> = on_disk.iter().map(|a| (a.uid.as_str(), a)).collect();
        let mut merged: Vec<Annotation> = now
            .iter()
            .filter_map(|annotation| match before.get(annotation.uid.as_str()) {
                // Not touched here: as another window has left it, or not any more.
                Some(before) if *before == annotation && !lost => {
                    theirs.get(annotation.uid.as_str()).copied().cloned()
                }
                _ => Some(annotation.clone()),
            })
            .collect();
        let others = on_disk.iter().filter(|annotation| {
            let uid = annotation.uid.as_str();
            !mine.contains(uid) && !before.contains_key(uid)
        });
        merged.extend(others.cloned());
        if merged.is_empty() {
            return self.remove(&file);
        }
        match reading::annotations_to_json(&merged) {
            Some(text) => self.write_file(&file, &text),
            None => {
                self.problem(tr!("reading-too-long").into_owned());
                false
            }
        }
    }

    /// Returns false where it is worth trying again.
    fn write_labels(&mut self, series: &str, painted: Painted) -> bool {
        let file = self.file(&Part::Labels(series.to_owned()));
        let Painted { memory, grid, any, text } = painted;
        let (number, before, old_grid) =
            self.labels.get(series).map_or((0, None, None), |known| (known.number, known.stamp, known.grid));
        let done = if stamp(&file) != before {
            self.problem(tr!("reading-labels-elsewhere").into_owned());
            None
        } else if text.is_none() && any {
            self.problem(tr!("reading-too-many-pieces").into_owned());
            None
        } else {
            // Labels of another grid are not those that were changed.
            if before.is_some() && grid.is_some() && old_grid != grid && set_aside(&file).is_err() {
                return false;
            }
            let written = match text {
                Some(text) => self.write_file(&file, &text),
                None => self.remove(&file),
            };
            if !written {
                return false;
            }
            Some(stamp(&file))
        };
        match done {
            Some(_) => self.not_kept.remove(series),
            None => self.not_kept.insert(series.to_owned()),
        };
        // What cannot be kept is not tried again before it has changed.
        let known = KnownLabels { number, memory, grid, stamp: done.unwrap_or(before) };
        self.labels.insert(series.to_owned(), known);
        true
    }

    /// Deletes what was drawn on all series but these and those that other windows have open, with what was set aside
    /// of it, and says on how many.
    pub fn forget_all_but(&mut self, series: &HashSet<String>) -> usize {
        let _lock = self.lock();
        let Some(elsewhere) = self.open.others() else { return 0 };
        let of = |path: &Path| path.file_name()?.to_str()?.split('.').next().map(str::to_owned);
        let stay: HashSet<String> = series.iter().map(|series| name(series)).collect();
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|file| file.path());
        // A name is 16 bytes of a digest; the lock has another.
        let others = files.filter_map(|file| of(&file).map(|name| (file, name)));
        let others =
            others.filter(|(_, name)| name.len() == 32 && !stay.contains(name) && !elsewhere.contains(name));
        let mut gone = HashSet::new();
        for (file, name) in others {
            if self.remove(&file) {
                gone.insert(name);
            }
        }
        gone.len()
    }

    fn write_file(&mut self, file: &Path, text: &str) -> bool {
        keeper::write(file, text.as_bytes()).map_err(|error| self.failed(&error)).is_ok()
    }

    fn remove(&mut self, file: &Path) -> bool {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                self.failed(&error);
                false
            }
            _ => true,
        }
    }

    fn failed(&mut self, error: &std::io::Error) {
        tracing::warn!(%error, "what was drawn is not kept");
        if !std::mem::replace(&mut self.failing, true) {
            let folder = self.folder.display().to_string();
            let text = tr!("reading-not-kept", folder = folder, reason = error.to_string());
            self.problems.push(text.into_owned());
        }
    }
}

/// What files of a series are called: ids of a server's series may be anything.
fn name(series: &str) -> String {
    let digest = Sha256::digest(series.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The labels of a series that is not in memory, as they were kept.
pub fn labels(folder: &Path, series: &str) -> Option<Segmentation> {
    let file = Store::new(folder.to_owned()).file(&Part::Labels(series.to_owned()));
    let text = read_text(&file, reading::MAX_TEXT as u64).ok()??;
    Some(reading::labels_from_json(series, &text).ok()?.content)
}

/// Makes a folder, where there is none, that nobody else on this machine sees into (Unix).
pub fn create_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// `Ok(None)` where there is no such file.
pub fn read_text(file: &Path, most: u64) -> Result<Option<String>, String> {
    use std::io::Read as _;
    let opened = match File::open(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| error.to_string())?,
    };
    let mut text = String::new();
    opened.take(most + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(Some(text))
}

fn stamp(file: &Path) -> Stamp {
    let about = std::fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn in_memory(labels: &Segmentation) -> (usize, u64) {
    (Arc::as_ptr(labels.labels()).addr(), labels.revision())
}

#[cfg(test)]
mod tests {
    use glam::{DAffine3, DVec3};
    use reading::{Edit, Kind, Placement, Run};

    use super::*;

    /// A window with a reading of its own, on a folder of files.
    struct Window {
        store: Store,
        reading: Reading,
        heard: u64,
    }

    impl Window {
        fn new(folder: &Path, random: u8) -> Self {
            Self { store: Store::new(folder.join("drawn")), reading: Reading::new([random; 16]), heard: 0 }
        }

        fn draw(&mut self, series: &str, label: &str) {
            let placement = Placement::new(DVec3::ZERO, DVec3::X, DVec3::Y).expect("axes at a right angle");
            let points = vec![DVec3::ZERO, DVec3::new(0.1, 1.0 / 3.0, 0.0)];
            let line = self.reading.annotation(Kind::Length, series, placement, points);
            self.reading.apply(Edit::put(Annotation { label: label.to_owned(), ..line }));
        }

        fn edit(&mut self, label: &str, to: Option<&str>) {
            let found =
                self.reading.annotations().iter().find(|a| a.label == label).expect("is there").clone();
            let edit = match to {
                Some(to) => Edit::put(Annotation { label: to.to_owned(), ..found }),
                None => Edit::remove(found.id),
            };
            self.reading.apply(edit);
        }

        fn paint(&mut self, series: &str, start: u32) {
            let geometry = Geometry::new([40, 20, 10], DAffine3::IDENTITY).expect("a grid");
            let next = self.reading.begin_segmentation(series, &geometry).expect("small").next_segment();
            let segments = vec![next.expect("is free")];
            self.reading.apply(Edit::Segments { series: series.to_owned(), segments });
            self.reading.paint(series, &[Run { start, length: 30 }], 1).expect("a change");
        }

        fn hear(&mut self, part: Part) {
            match self.store.read(part) {
                Some(News::Annotations(number, all)) => {
                    self.heard = number;
                    self.reading.resume(all);
                }
                Some(News::Labels { number, series, labels }) => {
                    self.heard = number;
                    labels.into_iter().for_each(|labels| {
                        assert!(self.reading.resume_labels(&series, *labels));
                    });
                }
                _ => {}
            }
        }

        fn open(&mut self, series: &str) {
            self.store.take_earlier();
            self.hear(Part::Annotations(series.to_owned()));
            self.hear(Part::Labels(series.to_owned()));
        }

        fn keep(&mut self) -> bool {
            self.store.write(self.reading.clone(), self.heard)
        }

        fn labels(&self) -> Vec<&str> {
            let mut labels: Vec<&str> = self.reading.annotations().iter().map(|a| a.label.as_str()).collect();
            labels.sort_unstable();
            labels
        }

        fn painted(&self, series: &str) -> Option<usize> {
            let labels = self.reading.segmentation(series)?.labels();
            labels.iter().position(|label| *label != 0)
        }
    }

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("voxcast-kept-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).expect("a folder for the test");
            Self(folder)
        }

        fn files(&self) -> usize {
            let is_file = |entry: &std::fs::DirEntry| entry.path().is_file();
            let all = std::fs::read_dir(self.0.join("drawn"));
            all.map_or(0, |all| all.flatten().filter(is_file).count())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_drawn_comes_back_series_by_series_and_however_many_are_painted() {
        let folder = Folder::new("many");
        let mut window = Window::new(&folder.0, 1);
        for series in 0..70 {
            window.paint(&format!("1.2.{series}"), series);
        }
        window.draw("1.2.3", "a line");
        window.draw("1.2.4", "another");
        assert!(window.keep());
        assert!(window.store.take_problems().is_empty());
        let mut next = Window::new(&folder.0, 2);
        next.open("1.2.3");
        next.open("1.2.69");
        assert_eq!(next.labels(), ["a line"]);
        assert_eq!((next.painted("1.2.3"), next.painted("1.2.69")), (Some(3), Some(69)));
        assert!(next.keep() && next.store.take_problems().is_empty());
        let mut last = Window::new(&folder.0, 3);
        last.open("1.2.4");
        assert_eq!(last.labels(), ["another"], "what was not opened is as it was");
    }

    #[test]
    fn windows_keep_what_each_of_them_has_drawn_changed_and_deleted() {
        let folder = Folder::new("windows");
        let mut first = Window::new(&folder.0, 1);
        for label in ["stays", "goes", "becomes"] {
            first.draw("1.2.3", label);
        }
        assert!(first.keep());
        let mut second = Window::new(&folder.0, 2);
        second.open("1.2.3");
        second.draw("1.2.3", "second's");
        second.edit("goes", None);
        first.draw("1.2.3", "first's");
        first.edit("becomes", Some("became"));
        assert!(first.keep() && second.keep() && first.keep());
        let mut third = Window::new(&folder.0, 3);
        third.open("1.2.3");
        assert_eq!(third.labels(), ["became", "first's", "second's", "stays"]);
    }

    #[test]
    fn what_a_window_has_not_heard_of_yet_it_has_not_deleted() {
        let folder = Folder::new("heard");
        let mut first = Window::new(&folder.0, 1);
        first.draw("1.2.3", "earlier");
        first.paint("1.2.3", 5);
        assert!(first.keep());
        let mut second = Window::new(&folder.0, 2);
        // Both are read, but the news are still on their way.
        let news = [Part::Annotations("1.2.3".into()), Part::Labels("1.2.3".into())];
        for part in news {
            assert!(second.store.read(part).is_some());
        }
        second.draw("1.2.3", "new");
        assert!(second.keep());
        let mut third = Window::new(&folder.0, 3);
        third.open("1.2.3");
        assert_eq!((third.labels(), third.painted("1.2.3")), (vec!["earlier", "new"], Some(5)));
        third.edit("earlier", None);
        third.edit("new", None);
        third.reading.apply(Edit::segmentation("1.2.3", None));
        assert!(third.keep());
        assert_eq!(folder.files(), 1, "but for the lock nothing is left of what was deleted");
    }

    #[test]
    fn segments_that_two_windows_paint_are_told_and_not_replaced() {
        let folder = Folder::new("painted");
        let (mut first, mut second) = (Window::new(&folder.0, 1), Window::new(&folder.0, 2));
        first.open("1.2.3");
        second.open("1.2.3");
        first.paint("1.2.3", 5);
        second.paint("1.2.3", 100);
        assert!(first.keep() && !second.keep());
        assert!(first.store.take_problems().is_empty());
        assert_eq!(second.store.take_problems().len(), 1);
        assert!(!second.keep() && second.store.take_problems().is_empty(), "it is told once, and not kept");
        let mut third = Window::new(&folder.0, 3);
        third.open("1.2.3");
        assert_eq!(third.painted("1.2.3"), Some(5));
    }

    #[test]
    fn what_was_drawn_on_other_series_is_forgotten_on_request_alone() {
        let folder = Folder::new("forgotten");
        let mut window = Window::new(&folder.0, 1);
        for series in ["1.2.3", "1.2.4", "1.2.5"] {
            window.draw(series, series);
            window.paint(series, 5);
        }
        assert!(window.keep());
        let broken = window.store.file(&Part::Labels("1.2.4".into())).with_extension("broken");
        std::fs::write(&broken, "set aside").expect("is written");
        let open = HashSet::from(["1.2.3".to_owned()]);
        assert_eq!(window.store.forget_all_but(&open), 2);
        assert!(!broken.exists() && window.store.take_problems().is_empty());
        assert_eq!(folder.files(), 3, "a lock, a line and labels");
        let mut next = Window::new(&folder.0, 2);
        next.open("1.2.3");
        next.open("1.2.4");
        assert_eq!((next.labels(), next.painted("1.2.3")), (vec!["1.2.3"], Some(5)));
        assert_eq!(next.painted("1.2.4"), None);
    }

    #[test]
    fn what_other_windows_have_open_is_not_forgotten() {
        let folder = Folder::new("open");
        let mut first = Window::new(&folder.0, 1);
        ["1.2.3", "1.2.4", "1.2.5"].into_iter().for_each(|series| first.draw(series, series));
        first.paint("1.2.3", 5);
        assert!(first.keep());
        drop(first);
        let (nothing, mut second) = (HashSet::new(), Window::new(&folder.0, 2));
        second.open("1.2.3");
        let mut third = Window::new(&folder.0, 3);
        third.draw("1.2.6", "new");
        assert!(third.keep());
        let mut fourth = Window::new(&folder.0, 4);
        assert_eq!(fourth.store.forget_all_but(&nothing), 2, "of 1.2.4 and 1.2.5 alone");
        assert_eq!(folder.files(), 4, "a lock, two lines and labels");
        // A window that was killed leaves its file without a lock.
        drop(second);
        let left = folder.0.join("drawn/open/0123");
        std::fs::write(&left, format!("{}\n", name("1.2.3"))).expect("is written");
        assert_eq!(fourth.store.forget_all_but(&nothing), 1);
        drop(third);
        assert_eq!(fourth.store.forget_all_but(&nothing), 1);
        assert_eq!(folder.files(), 1, "the lock");
        assert_eq!(std::fs::read_dir(folder.0.join("drawn/open")).map_or(9, Iterator::count), 0);
    }

    #[test]
    fn what_cannot_be_written_is_told_and_written_later() {
        let folder = Folder::new("full");
        let mut window = Window::new(&folder.0, 1);
        window.draw("1.2.3", "precious");
        // A file is in the place of the folder.
        std::fs::write(folder.0.join("drawn"), "in the way").expect("is written");
        assert!(!window.keep() && !window.keep());
        assert_eq!(window.store.take_problems().len(), 1, "it is told once");
        std::fs::remove_file(folder.0.join("drawn")).expect("is removed");
        assert!(window.keep());
        let mut next = Window::new(&folder.0, 2);
        next.open("1.2.3");
        assert_eq!(next.labels(), ["precious"]);
    }

    #[test]
    fn damaged_files_are_set_aside_and_told() {
        let folder = Folder::new("damaged");
        let mut window = Window::new(&folder.0, 1);
        window.draw("1.2.3", "one");
        window.draw("1.2.3", "two");
        window.draw("1.2.4", "three");
        assert!(window.keep());
        for (series, change) in [("1.2.3", "\"label\":\"one\""), ("1.2.4", "{\"version\"")] {
            let file = window.store.file(&Part::Annotations(series.into()));
            let text = std::fs::read_to_string(&file).expect("is there");
            std::fs::write(file, text.replace(change, "\"label\":7")).expect("is written");
        }
        let mut next = Window::new(&folder.0, 2);
        next.open("1.2.3");
        next.open("1.2.4");
        assert_eq!(next.labels(), ["two"]);
        assert_eq!(next.store.take_problems().len(), 2);
        next.draw("1.2.4", "four");
        assert!(next.keep());
        let broken = std::fs::read_dir(folder.0.join("drawn")).expect("a folder").filter(|file| {
            file.as_ref().is_ok_and(|file| file.file_name().to_string_lossy().contains("broken"))
        });
        assert_eq!(broken.count(), 2, "what was drawn is still there");
        // What this window still holds outlives the loss of its file.
        std::fs::remove_file(next.store.file(&Part::Annotations("1.2.4".into()))).expect("is removed");
        next.draw("1.2.4", "five");
        assert!(next.keep());
        let mut last = Window::new(&folder.0, 3);
        last.open("1.2.4");
        assert_eq!(last.labels(), ["five", "four"]);
    }

    #[test]
    fn the_file_of_earlier_versions_is_taken_over_once_whatever_it_holds() {
        let folder = Folder::new("earlier");
        let mut before = Window::new(&folder.0, 1);
        before.draw("1.2.3", "earlier");
        let line = serde_json::to_value(&before.reading.annotations()[0]).expect("is JSON");
        let grid = |series: usize, runs: &str| {
            let place = "[1,0,0,0,1,0,0,0,1,0,0,0]";
            let segments = "[{\"number\":1,\"name\":\"a\",\"color\":[1,2,3],\"visible\":true}]";
            format!(
                "{{\"series\":\"1.2.{series}\",\"dims\":[512,512,300],\"patientFromVoxel\":{place},\
                 \"segments\":{segments},\"runs\":{runs}}}"
            )
        };
        // 65 of them, and more voxels than were read once.
        let grids: Vec<String> = (0..65).map(|i| grid(i, if i < 20 { "[[9,5,1]]" } else { "[]" })).collect();
        let grids = grids.join(",");
        let text = format!(
            "{{\"version\":1,\"seed\":\"0\",\"next\":1,\"annotations\":[{line}],\"segmentations\":[{grids}]}}"
        );
        std::fs::write(folder.0.join("reading.json"), text).expect("is written");
        for _ in 0..2 {
            let mut window = Window::new(&folder.0, 2);
            window.open("1.2.3");
            assert_eq!((window.labels(), window.painted("1.2.3")), (vec!["earlier"], Some(9)));
            window.open("1.2.19");
            assert_eq!(window.painted("1.2.19"), Some(9));
            assert!(window.store.take_problems().is_empty());
        }
        assert!(!folder.0.join("reading.json").exists() && folder.0.join("reading.json.old").exists());
        assert_eq!(folder.files(), 1 + 20 + 1);
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_reads_what_was_drawn() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("private");
        let mut window = Window::new(&folder.0, 1);
        window.draw("1.2.3", "a name");
        assert!(window.keep());
        let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder.0.join("drawn")), 0o700);
        assert_eq!(mode(&window.store.file(&Part::Annotations("1.2.3".into()))), 0o600);
    }
}
