//! A series into memory.

use std::sync::{Arc, Mutex, PoisonError};

use glam::DVec3;

use super::dataset::{File, ParseError, Until};
use super::header::Image;
use super::pixels::{self, Colour, Convert, Notes, Padding, Sample, Voi};
use super::stack::{Grid, Stack};
use super::stream::{Glimpse, Measured, Slices};
use super::{
    Error, Facts, Failed, Loaded, Report, Series, Warning, WarningCode, codec, source, straighten,
    volume_files,
};
use crate::geometry::{Geometry, MAX_VOXELS};
use crate::memory;
use crate::progress::Progress;
use crate::threads::reading;
use crate::volume::{Meaning, Rescale, Statistics, Volume, Voxel, Voxels};
use crate::window::Window;
use crate::words::{advised, counted};

/// Reads a series into one volume, slices in parallel; `progress` counts slices.
///
/// Slices that cannot be read are named in `failed` and are filled with the lowest value; an
/// error means that there is no volume: cancelled, too little memory, or no readable slice.
/// Unevenly spaced slices are resampled to a regular grid, with a warning that says so.
pub fn load(series: &Series, progress: &Progress) -> Result<Loaded, Error> {
    load_with(series, progress, None)
}

/// [`load`] that shows what it has while it goes on: the middle, first and last slice are read
/// before all others, and `on_glimpse` gets each as a volume of one slice.
///
/// It is called on a thread of the pool, at most three times and before `load_with` returns; what
/// cannot be read has no glimpse, and neither has a series of three slices or less.
pub fn load_with(
    series: &Series,
    progress: &Progress,
    on_glimpse: Option<&(dyn Fn(Glimpse) + Sync)>,
) -> Result<Loaded, Error> {
    let images: Vec<&Image> = series.images.0.iter().collect();
    if images.is_empty() {
        return volume_files::load(series);
    }
    load_stack(series, &Stack::new(&images, Grid::Usual), progress, on_glimpse)
}

/// [`load`] with the tilt of a gantry straightened: slices are shifted against each other until they
/// stand upright, on a grid that holds all of them. Uneven slices are resampled to the smallest
/// distance, of at most twice as many slices as there are. What is not tilted is loaded as ever.
pub fn load_upright(series: &Series, progress: &Progress) -> Result<Loaded, Error> {
    let images: Vec<&Image> = series.images.0.iter().collect();
    if images.is_empty() {
        return volume_files::load(series);
    }
    let stack = Stack::new(&images, Grid::Finest);
    if !stack.is_tilted() {
        return load(series, progress);
    }
    let mut series = series.clone();
    let headers = Stack::new(&images, Grid::Usual).warnings;
    series.warnings.retain(|warning| !headers.contains(warning));
    series.warnings.extend(stack.warnings.iter().cloned());
    let sheared = load_stack(&series, &stack, progress, None)?;
    straighten::straighten(&series, sheared)
}

fn load_stack(
    series: &Series,
    stack: &Stack,
    progress: &Progress,
    on_glimpse: Option<&(dyn Fn(Glimpse) + Sync)>,
) -> Result<Loaded, Error> {
    let images: Vec<&Image> = series.images.0.iter().collect();
    let plan = Plan::new(&images);
    check_memory(series, stack, &plan)?;
    let job = Job { series, stack, plan: &plan, progress, on_glimpse };
    reading(|| match plan.target {
        Target::U8 => job.run::<u8>(Voxels::U8),
        Target::I16 => job.run::<i16>(Voxels::I16),
        Target::U16 => job.run::<u16>(Voxels::U16),
        Target::F32 => job.run::<f32>(Voxels::F32),
    })
}

/// A small grey picture of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Thumbnail {
    /// Columns and rows.
    pub size: [u32; 2],
    /// Brightness, row by row from the top.
    pub pixels: Vec<u8>,
}

/// The middle image of a series, windowed, its longer side at most `max_px` pixels. Reads one file.
pub fn thumbnail(series: &Series, max_px: u32) -> Result<Thumbnail, Error> {
    let Some(image) = series.images.0.get(series.images.0.len() / 2) else {
        return volume_files::thumbnail(series, max_px);
    };
    let path = &series.files[image.file];
    let at = |reason: String| Error::Path { path: path.clone(), reason: advised(reason) };
    let (columns, rows) = (usize::from(image.format.columns), usize::from(image.format.rows));
    let convert = if image.format.is_grey() {
        Convert::Scale(image.rescale.0, image.rescale.1)
    } else {
        Convert::Add(0)
    };
    let bytes = source::bytes(path, Some(&image.format)).map_err(at)?;
    if !codec::plausible(4 * (columns * rows) as u64, bytes.len() as u64) {
        return Err(at("its header asks for far more pixels than the file can hold: it is damaged".into()));
    }
    let mut values = vec![0f32; columns * rows];
    let decoded = parse(&bytes).and_then(|file| pixels::decode(&file, image, convert, &mut values));
    let (_, padding) = decoded.map_err(at)?;
    let inverted = matches!(image.format.colour, Colour::Grey { inverted: true });
    let voi = if image.format.is_grey() { image.voi.clone() } else { Voi::default() };
    let window = voi.windows.first().map_or_else(|| middle_range(&values, &padding), |(_, w)| *w);
    padding.replace(&image.format, &mut values);
    let meaning = Meaning { windows: voi.windows, tables: voi.tables, inverted, ..Meaning::default() };
    let curve = window.curve(&meaning, meaning.inverted);
    let (low, scale) = window.ramp();

    // Rows and columns need not be equally far apart; the picture's pixels are.
    let [dx, dy] = image.spacing_mm.unwrap_or([1.0, 1.0]);
    let (width_mm, height_mm) = (columns as f64 * dx, rows as f64 * dy);
    let px = f64::from(max_px.max(1)) / width_mm.max(height_mm);
    let size = [width_mm, height_mm].map(|mm| ((mm * px).round() as u32).clamp(1, max_px.max(1)));
    let mut pixels = Vec::with_capacity(size[0] as usize * size[1] as usize);
    for y in 0..size[1] as usize {
        let ys = span(y, size[1] as usize, rows);
        for x in 0..size[0] as usize {
            let xs = span(x, size[0] as usize, columns);
            let count = (ys.len() * xs.len()) as f32;
            let sum: f32 = ys.clone().map(|r| values[r * columns..][xs.clone()].iter().sum::<f32>()).sum();
            let grey = match &curve {
                Some(curve) => curve.brightness(sum / count),
                None if inverted => 1.0 - ((sum / count - low) * scale).clamp(0.0, 1.0),
                None => ((sum / count - low) * scale).clamp(0.0, 1.0),
            };
            pixels.push((grey * 255.0).round() as u8);
        }
    }
    Ok(Thumbnail { size, pixels })
}

/// The source pixels that one pixel of the small picture stands for.
fn span(i: usize, small: usize, large: usize) -> std::ops::Range<usize> {
    let start = (i * large / small).min(large - 1);
    start..((i + 1) * large / small).clamp(start + 1, large)
}

/// A window between the darkest and brightest percent, padding left out.
fn middle_range(values: &[f32], padding: &Padding<f32>) -> Window {
    let counts = |i: usize, v: f32| v.is_finite() && !padding.holds(i, v);
    let mut sorted: Vec<f32> =
        values.iter().enumerate().filter(|&(i, &v)| counts(i, v)).map(|(_, &v)| v).collect();
    if sorted.is_empty() {
        return Window::from_range(0.0, 1.0);
    }
    sorted.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| f64::from(sorted[((sorted.len() - 1) as f64 * share) as usize]);
    Window::from_range(at(0.01), at(0.99))
}

pub(super) fn parse(bytes: &[u8]) -> Result<File<'_>, String> {
    File::parse(bytes, true, Until::End).map_err(|e| match e {
        ParseError::Bad(reason) => reason,
        ParseError::NeedMore(_) => "it ends too early".into(),
    })
}

/// The type of the volume's voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    U8,
    I16,
    U16,
    F32,
}

impl Target {
    fn of_range((low, high): (i64, i64)) -> Self {
        match (low, high) {
            (0.., ..=255) => Self::U8,
            (-32_768.., ..=32_767) => Self::I16,
            (0.., ..=65_535) => Self::U16,
            _ => Self::F32,
        }
    }

    fn bytes(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 => 4,
        }
    }
}

/// How all samples of a series become voxels of one type.
struct Plan {
    target: Target,
    rescale: Rescale,
    /// For each image.
    convert: Vec<Convert>,
}

impl Plan {
    /// Integers stay exact: an offset goes into the voxels where they have room for it, else
    /// slope and intercept stay outside. Slices that differ in them get one scale, in floats.
    fn new(images: &[&Image]) -> Self {
        let identity = Rescale::IDENTITY;
        if images.iter().any(|i| !i.format.is_grey()) {
            return Self {
                target: Target::U8,
                rescale: identity,
                convert: vec![Convert::Add(0); images.len()],
            };
        }
        let exact = images.iter().all(|i| !i.format.float && i.format.stored <= 16);
        let span = |offset: fn(&Image) -> i64| {
            images.iter().fold((i64::MAX, i64::MIN), |(low, high), image| {
                let (a, b) = image.format.range();
                (low.min(a + offset(image)), high.max(b + offset(image)))
            })
        };
        let offset = |image: &Image| image.rescale.1 as i64;
        if exact
            && images
                .iter()
                .all(|i| i.rescale.0 == 1.0 && i.rescale.1.fract() == 0.0 && i.rescale.1.abs() < 1e6)
        {
            let target = Target::of_range(span(offset));
            if matches!(target, Target::U8 | Target::I16) {
                let convert = images.iter().map(|i| Convert::Add(offset(i) as i32)).collect();
                return Self { target, rescale: identity, convert };
            }
        }
        let (slope, intercept) = images[0].rescale;
        if exact && images.iter().all(|i| i.rescale == images[0].rescale) {
            let target = Target::of_range(span(|_| 0));
            if target != Target::F32 {
                let rescale = Rescale { slope: slope as f32, intercept: intercept as f32 };
                return Self { target, rescale, convert: vec![Convert::Add(0); images.len()] };
            }
        }
        let convert = images.iter().map(|i| Convert::Scale(i.rescale.0, i.rescale.1)).collect();
        Self { target: Target::F32, rescale: identity, convert }
    }
}

/// Refuses what cannot fit before anything is allocated.
fn check_memory(series: &Series, stack: &Stack, plan: &Plan) -> Result<(), Error> {
    let images = &series.images.0;
    let slice = images[0].format.pixels() as u64;
    let stored = slice.saturating_mul(images.len() as u64).saturating_mul(plan.target.bytes());
    let on_disk = series.files.iter().filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len()).sum();
    let video = series.transfer_syntaxes.iter().any(|syntax| codec::is_video(syntax));
    // What does not move takes next to nothing in a video.
    if !video && !codec::plausible(stored, on_disk) {
        let reason = format!(
            "Rows (0028,0010), Columns (0028,0011) and NumberOfFrames (0028,0008) ask for {stored} bytes of pixels, \
             but all files of the series together have {on_disk}"
        );
        return Err(Error::Path { path: series.files[0].clone(), reason: advised(reason) });
    }
    let voxels = slice.saturating_mul(stack.grid_slices as u64);
    let needed = voxels.saturating_mul(plan.target.bytes());
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    if voxels > MAX_VOXELS {
        return Err(Error::Series(format!(
            "the series has {voxels} voxels, more than the {MAX_VOXELS} that a volume may have; load fewer images"
        )));
    }
    match available_memory() {
        Some(available) if needed > available => Err(Error::Series(format!(
            "the volume needs {:.1} GiB of memory, {:.1} GiB are free; close other programs or load fewer images",
            gib(needed),
            gib(available)
        ))),
        _ => Ok(()),
    }
}

/// Memory that may still be used, where the system tells: of the machine and of its control group.
pub fn available_memory() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
    });
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let group = number("/sys/fs/cgroup/memory.max")
        .map(|max| max.saturating_sub(number("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    [machine, group].into_iter().flatten().min()
}

struct Job<'a> {
    series: &'a Series,
    stack: &'a Stack,
    plan: &'a Plan,
    progress: &'a Progress,
    on_glimpse: Option<&'a (dyn Fn(Glimpse) + Sync)>,
}

impl Job<'_> {
    fn run<T: Sample + Voxel>(&self, wrap: fn(Arc<[T]>) -> Voxels) -> Result<Loaded, Error> {
        let images = &self.series.images.0;
        let format = &images[0].format;
        let geometry =
            self.stack.geometry(format.columns, format.rows).map_err(|e| Error::Series(e.to_string()))?;
        let pixels = format.pixels();
        self.progress.add_total(images.len() as u64);
        let middle = &images[images.len() / 2];
        let voi = if format.is_grey() { middle.voi.clone() } else { Voi::default() };
        let meaning = Meaning {
            modality: self.series.modality.clone(),
            unit: self.series.unit.clone(),
            windows: voi.windows,
            tables: voi.tables,
            inverted: format.colour == Colour::Grey { inverted: true },
        };
        let show = |index: usize, voxels: &[T], statistics: &Statistics| {
            let mut place = geometry.patient_from_voxel();
            // A resampled grid's slices lie elsewhere than the images.
            let resampled = images[index].position.filter(|_| self.stack.resampled);
            let along = DVec3::new(0.0, 0.0, index as f64);
            place.translation = resampled.unwrap_or_else(|| place.transform_point3(along));
            let [columns, rows, _] = geometry.dims();
            let rescale = self.plan.rescale;
            let alone = Geometry::new([columns, rows, 1], place).ok().and_then(|place| {
                Volume::measured(place, wrap(voxels.into()), rescale, meaning.clone(), statistics).ok()
            });
            if let (Some(alone), Some(on_glimpse)) = (alone, self.on_glimpse) {
                on_glimpse(Glimpse { slice: index, volume: Arc::new(alone) });
            }
        };
        let notes = Mutex::new(Notes::default());
        let round = self.plan.target != Target::F32;
        let padding = self.series.stored_padding(self.plan.rescale, round);
        let slices = Slices {
            series: self.series,
            convert: &self.plan.convert,
            progress: self.progress,
            notes: &notes,
            on_slice: self
                .on_glimpse
                .is_some()
                .then_some(&show as &(dyn Fn(usize, &[T], &Statistics) + Sync)),
            padding: padding.map(|padding| T::from_f64(f64::from(padding))),
        };

        let mut voxels: Arc<[T]> = memory::zeroed(pixels * self.stack.grid_slices);
        let whole = Arc::get_mut(&mut voxels).expect("nobody else has it yet");
        let decoded = if self.stack.resampled {
            slices.resample(self.stack, whole, pixels, round)
        } else {
            slices.decode_all(whole, pixels)
        };
        if self.progress.is_cancelled() {
            return Err(Error::Cancelled);
        }

        let mut warnings = self.series.warnings.clone();
        let lowest = self.fill(&decoded.images)?;
        let fill = padding.unwrap_or(lowest);
        let empty = T::from_f64(f64::from(fill));
        for &k in &decoded.empty {
            whole[k * pixels..][..pixels].fill(empty);
        }
        let constant = Statistics::of_constant(empty, pixels);
        let joined = |get: fn(&Measured) -> &Statistics| {
            Statistics::joined(decoded.images.iter().map(|slice| slice.as_ref().map_or(&constant, get)))
        };
        let of_images = joined(|measured| &measured.file);
        let of_volume = if self.stack.resampled {
            Statistics::joined(decoded.grid.iter().map(|slice| slice.as_ref().unwrap_or(&constant)))
        } else {
            joined(|measured| &measured.voxels)
        };
        if of_images.not_finite > 0 {
            warnings.push(super::not_finite_warning(of_images.not_finite));
        }
        let unreadable = decoded.images.iter().filter(|slice| slice.is_err()).count();
        if unreadable > 0 {
            warnings.push(Warning {
                code: WarningCode::Truncated,
                value: Some(unreadable as f64),
                message: format!(
                    "{unreadable} of {} cannot be read: shown empty",
                    counted(images.len(), "slice")
                ),
            });
        }
        let mut notes = *notes.lock().unwrap_or_else(PoisonError::into_inner);
        // What cannot be read is told with its reason.
        notes.cut &= unreadable == 0;
        self.warn(notes, &mut warnings);
        let failed = self.failures(&decoded.images);

        let Rescale { slope, intercept } = self.plan.rescale;
        let [a, b] = [of_images.low, of_images.high].map(|v| self.plan.rescale.apply(v));
        let facts = Facts {
            dims: self.series.dims,
            spacing_mm: self.stack.spacing_mm,
            origin_mm: self.stack.origin_mm.to_array(),
            direction: self.stack.direction.map(|axis| axis.to_array()),
            value_range: (a.min(b), a.max(b)),
            mean: of_images.mean() * f64::from(slope) + f64::from(intercept),
            unit: self.series.unit.clone(),
        };
        let volume = Volume::measured(geometry, wrap(voxels), self.plan.rescale, meaning, &of_volume)
            .map_err(|e| Error::Series(e.to_string()))?;
        let report = Report::new(self.series, &warnings);
        Ok(Loaded { volume: Arc::new(volume), facts, warnings, report, failed })
    }

    /// Says what decoding found out.
    fn warn(&self, notes: Notes, warnings: &mut Vec<Warning>) {
        if notes.rounded && self.plan.target == Target::F32 {
            warnings.push(Warning {
                code: WarningCode::Rounded,
                value: None,
                message:
                    "the images have whole numbers above 16777216, which are rounded to 24 binary digits"
                        .into(),
            });
        }
        if notes.padding > 0 {
            warnings.push(Warning {
                code: WarningCode::Padding,
                value: Some(notes.padding as f64),
                message: format!(
                    "{} voxels hold the padding value (0028,0120), which stands for nothing: they are shown as the \
                     darkest value of their image",
                    notes.padding
                ),
            });
        }
        if notes.cut {
            warnings.push(Warning {
                code: WarningCode::Truncated,
                value: None,
                message: "PixelData (7FE0,0010) has no end where the file ends: it may have been cut short, though all \
                          images can be read"
                    .into(),
            });
        }
        if notes.more_frames {
            warnings.push(Warning {
                code: WarningCode::Truncated,
                value: None,
                message: "the video has more frames than NumberOfFrames (0028,0008) says: they are left out"
                    .into(),
            });
        }
        if notes.lossy && warnings.iter().all(|w| w.code != WarningCode::Lossy) {
            warnings.push(super::group::lossy_warning(None));
        }
    }

    /// What stands where there are no pixels: the lowest value of the first slice that could be read.
    /// An error if none could.
    fn fill(&self, images: &[Result<Measured, String>]) -> Result<f32, Error> {
        match images.iter().find_map(|slice| slice.as_ref().ok()) {
            Some(good) => Ok(good.voxels.low),
            None => Err(Error::Unreadable(self.failures(images))),
        }
    }

    /// The files of the slices that could not be read; what is wrong with a file as a whole is said
    /// once, not for each of its frames.
    fn failures(&self, images: &[Result<Measured, String>]) -> Vec<Failed> {
        let mut failed: Vec<Failed> = Vec::new();
        for (image, slice) in self.series.images.0.iter().zip(images) {
            let (path, Err(reason)) = (&self.series.files[image.file], slice) else { continue };
            let reason = advised(reason.clone());
            if !failed.last().is_some_and(|f| f.path == *path && f.reason == reason) {
                failed.push(Failed { path: path.clone(), reason });
            }
        }
        failed
    }
}
