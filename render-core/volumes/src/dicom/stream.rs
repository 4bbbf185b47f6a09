//! The slices of a series, decoded on all cores: each is read, converted and measured while it is
//! in a core's cache.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::dataset::File;
use super::frames::Frames;
use super::header::Image;
use super::pixels::{self, Convert, Format, Notes, Padding, Sample};
use super::stack::Stack;
use super::{Series, codec, load, source};
use crate::progress::Progress;
use crate::volume::{Statistics, Volume, Voxel};

/// What can be shown of a series before all of it is there.
#[derive(Clone, Debug)]
pub struct Glimpse {
    /// Index in `Series::dims[2]`.
    pub slice: usize,
    /// A volume of this slice alone, in its place in the patient.
    pub volume: Arc<Volume>,
}

/// Shown a slice's index, its voxels and their statistics.
type OnSlice<'a, T> = &'a (dyn Fn(usize, &[T], &Statistics) + Sync);

/// How to read the slices of a series.
pub struct Slices<'a, T> {
    pub series: &'a Series,
    /// For each image.
    pub convert: &'a [Convert],
    pub progress: &'a Progress,
    /// What decoding finds out.
    pub notes: &'a Mutex<Notes>,
    /// With it the middle, first and last slice are read before all others.
    pub on_slice: Option<OnSlice<'a, T>>,
    /// Voxels that hold nothing: what would be mixed with them holds nothing, too.
    pub padding: Option<T>,
}

/// Statistics of one image.
#[derive(Clone, Copy)]
pub struct Measured {
    /// As the file has it, padding included.
    pub file: Statistics,
    /// As the volume has it.
    pub voxels: Statistics,
}

/// What became of the slices.
#[derive(Default)]
pub struct Decoded {
    /// For each image of the series: what it holds, or why it could not be read.
    pub images: Vec<Result<Measured, String>>,
    /// For each slice of a resampled grid; `None` where it is empty.
    pub grid: Vec<Option<Statistics>>,
    /// Slices of the volume that hold nothing yet.
    pub empty: Vec<usize>,
}

/// An image by its index in the series, and where its voxels go.
type Work<'w, T> = (usize, &'w mut [T]);
type Outcome = (usize, Result<Measured, String>);

impl<T: Sample + Voxel> Slices<'_, T> {
    /// Every image into its own slice of `whole`, each of `pixels` voxels. Incomplete if cancelled.
    pub fn decode_all(&self, whole: &mut [T], pixels: usize) -> Decoded {
        self.glimpse(pixels);
        let mut outcomes = self.decode(whole.chunks_exact_mut(pixels).enumerate().collect(), None);
        outcomes.sort_unstable_by_key(|(index, _)| *index);
        let images: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        let empty = (0..images.len()).filter(|&i| images[i].is_err()).collect();
        Decoded { images, grid: Vec::new(), empty }
    }

    /// Shows the middle, first and last image; of so few that they are most of the series, none. Of a
    /// video the first: the others take all that is before them.
    fn glimpse(&self, pixels: usize) {
        let n = self.series.images.0.len();
        let video = self.series.transfer_syntaxes.iter().any(|syntax| codec::is_video(syntax));
        let shown = [n / 2, 0, n - 1];
        let shown = if video { &shown[1..2] } else { &shown };
        if self.on_slice.is_some() && n > 3 {
            let mut voxels = vec![T::default(); shown.len() * pixels];
            let work = shown.iter().copied().zip(voxels.chunks_exact_mut(pixels)).collect();
            // They are decoded again with all others, and what is found counts then.
            let uncounted = Slices { notes: &Mutex::default(), ..*self };
            uncounted.decode(work, self.on_slice);
        }
    }

    /// Slices of the regular grid, linear between the images on either side. Of the images only as
    /// many are in memory as the cores work on. Where an image that counts cannot be read, the slice
    /// is empty.
    pub fn resample(&self, stack: &Stack, whole: &mut [T], pixels: usize, round: bool) -> Decoded {
        self.glimpse(pixels);
        let images = self.series.images.0.len();
        let block = 4 * rayon::current_num_threads();
        let mut near = vec![T::default(); (block + 1) * pixels];
        let mut decoded = Decoded { grid: vec![None; stack.grid_slices], ..Decoded::default() };
        let mut grid = whole.chunks_exact_mut(pixels).enumerate().peekable();
        for start in (0..images).step_by(block) {
            let end = (start + block).min(images);
            // The last image of the block before is the first one's neighbour.
            let (last, fresh) = near.split_at_mut(pixels);
            if start > 0 {
                last.copy_from_slice(&fresh[(block - 1) * pixels..]);
            }
            let work = (start..end).zip(fresh.chunks_exact_mut(pixels)).collect();
            let mut outcomes = self.decode(work, None);
            if self.progress.is_cancelled() {
                return decoded;
            }
            outcomes.sort_unstable_by_key(|(index, _)| *index);
            decoded.images.extend(outcomes.into_iter().map(|(_, outcome)| outcome));

            let mut ready = Vec::new();
            while let Some((k, slice)) =
                grid.next_if(|(k, _)| stack.source(*k).is_none_or(|(before, _)| before + 1 < end))
            {
                let Some((before, share)) = stack.source(k) else { continue };
                let missing = |image: usize| decoded.images[image].is_err();
                if !(share < 1.0 && missing(before) || share > 0.0 && missing(before + 1)) {
                    ready.push((k, before, share, slice));
                }
            }
            let at = |image: usize| &near[(image + 1 - start) * pixels..][..pixels];
            let measured: Vec<_> = ready
                .into_par_iter()
                .map(|(k, before, share, slice)| {
                    for ((out, a), b) in slice.iter_mut().zip(at(before)).zip(at(before + 1)) {
                        let counts = [(share < 1.0).then_some(*a), (share > 0.0).then_some(*b)];
                        if let Some(padding) = self.padding
                            && counts.contains(&Some(padding))
                        {
                            *out = padding;
                            continue;
                        }
                        let value = f64::from(a.to_f32()) * (1.0 - share) + f64::from(b.to_f32()) * share;
                        *out = T::from_f64(if round { value.round() } else { value });
                    }
                    (k, T::measure(slice))
                })
                .collect();
            for (k, statistics) in measured {
                decoded.grid[k] = Some(statistics);
            }
        }
        decoded.empty = (0..decoded.grid.len()).filter(|&k| decoded.grid[k].is_none()).collect();
        decoded
    }

    /// Decodes images to be shown, or else counted; each file is read once. In no order, and
    /// incomplete if cancelled.
    fn decode(&self, work: Vec<Work<'_, T>>, show: Option<OnSlice<'_, T>>) -> Vec<Outcome> {
        let images = &self.series.images.0;
        let mut by_file: Vec<(usize, Vec<Work<'_, T>>)> = Vec::new();
        let mut place = vec![usize::MAX; self.series.files.len()];
        for (index, slice) in work {
            let file = images[index].file;
            if place[file] == usize::MAX {
                place[file] = by_file.len();
                by_file.push((file, Vec::new()));
            }
            by_file[place[file]].1.push((index, slice));
        }
        let buffers = Buffers::default();
        let outcomes: Vec<Vec<Outcome>> = by_file
            .into_par_iter()
            .map(|(file, slices)| {
                if self.progress.is_cancelled() {
                    return Vec::new();
                }
                let mut buffer = buffers.take();
                let outcomes = self.decode_file(&self.series.files[file], slices, &mut buffer, show);
                buffers.give_back(buffer);
                outcomes
            })
            .collect();
        outcomes.into_iter().flatten().collect()
    }

    fn decode_file(
        &self,
        path: &Path,
        slices: Vec<Work<'_, T>>,
        buffer: &mut Vec<u8>,
        show: Option<OnSlice<'_, T>>,
    ) -> Vec<Outcome> {
        let first = slices.first().map(|(index, _)| &self.series.images.0[*index]);
        let format = first.map(|image| &*image.format);
        let frames = first.filter(|image| image.tile.is_none());
        if let Some(frames) = frames.and_then(|image| Frames::open(path, &image.format)) {
            self.note_cut(frames.cut);
            return self.decode_frames(&frames, slices, show);
        }
        let parsed = source::read(path, format, buffer).and_then(|()| load::parse(buffer));
        self.note_cut(parsed.as_ref().is_ok_and(|file| file.truncated.is_some()));
        if let Ok(file) = &parsed
            && codec::is_video(&file.transfer_syntax)
        {
            return self.decode_video(file, slices, show);
        }
        let one = |(index, slice): Work<'_, T>| {
            if self.progress.is_cancelled() {
                return None;
            }
            let image = &self.series.images.0[index];
            let decoded = match &parsed {
                Ok(file) => pixels::decode(file, image, self.convert[index], slice)
                    .map_err(|reason| in_frame(image, &reason)),
                Err(reason) => Err(reason.clone()),
            };
            Some(self.finish((index, slice), decoded, show))
        };
        if slices.len() == 1 {
            slices.into_iter().filter_map(one).collect()
        } else {
            slices.into_par_iter().filter_map(one).collect()
        }
    }

    fn note_cut(&self, cut: bool) {
        *self.notes.lock().unwrap_or_else(PoisonError::into_inner) += Notes { cut, ..Notes::default() };
    }

    /// Frames that are read one by one.
    fn decode_frames(
        &self,
        frames: &Frames,
        slices: Vec<Work<'_, T>>,
        show: Option<OnSlice<'_, T>>,
    ) -> Vec<Outcome> {
        let buffers = Buffers::default();
        let alone = |format: &Format| Arc::new(Format { frames: 1, ..format.clone() });
        // Frames have one format, but for tables of their own.
        let common = slices.first().map(|(index, _)| &self.series.images.0[*index].format);
        let common = common.map(|format| (format, alone(format)));
        let one = |(index, slice): Work<'_, T>| {
            if self.progress.is_cancelled() {
                return None;
            }
            let image = &self.series.images.0[index];
            let format = match &common {
                Some((of, format)) if Arc::ptr_eq(of, &image.format) => Arc::clone(format),
                _ => alone(&image.format),
            };
            let mut buffer = buffers.take();
            let decoded = frames.read(image.frame, &image.format, &mut buffer).and_then(|()| {
                let alone = Image { frame: 0, format, ..image.clone() };
                pixels::decode(&frames.file(&buffer), &alone, self.convert[index], slice)
            });
            buffers.give_back(buffer);
            let decoded = decoded.map_err(|reason| in_frame(image, &reason));
            Some(self.finish((index, slice), decoded, show))
        };
        slices.into_par_iter().filter_map(one).collect()
    }

    /// All frames of a video, one after the other.
    fn decode_video(
        &self,
        file: &File<'_>,
        mut slices: Vec<Work<'_, T>>,
        show: Option<OnSlice<'_, T>>,
    ) -> Vec<Outcome> {
        let image = |index: usize| &self.series.images.0[index];
        slices.sort_by_key(|(index, _)| image(*index).frame);
        let last = slices.last().map(|(index, _)| *index);
        let Some(last) = last.map(image) else { return Vec::new() };
        let mut outcomes = Vec::with_capacity(slices.len());
        let mut slices = slices.into_iter().peekable();
        let decoded = pixels::decode_video(file, &last.format, last.frame + 1, |frame, rgb| {
            while let Some((index, slice)) = slices.next_if(|(index, _)| image(*index).frame == frame) {
                pixels::grey_from_rgb(rgb, slice);
                let notes = Notes { lossy: true, ..Notes::default() };
                outcomes.push(self.finish((index, slice), Ok((notes, Padding::None)), show));
            }
            !self.progress.is_cancelled()
        });
        if self.progress.is_cancelled() {
            return outcomes;
        }
        let more_frames = decoded == Ok(true) && last.frame + 1 == last.format.frames;
        *self.notes.lock().unwrap_or_else(PoisonError::into_inner) +=
            Notes { more_frames, ..Notes::default() };
        let reason = decoded.err().unwrap_or_else(|| "the video has no such frame".into());
        let reason = format!("PixelData (7FE0,0010): {reason}");
        outcomes.extend(slices.map(|work| self.finish(work, Err(reason.clone()), show)));
        outcomes
    }

    /// Measures, shows and counts an image that was decoded.
    fn finish(
        &self,
        (index, slice): Work<'_, T>,
        decoded: Result<(Notes, Padding<T>), String>,
        show: Option<OnSlice<'_, T>>,
    ) -> Outcome {
        let image = &self.series.images.0[index];
        let outcome = decoded.map(|(mut notes, padding)| {
            // Padding that is no number has no part in what the file holds either.
            let no_number = image.format.padding.is_some_and(|[value, _]| value.is_nan());
            if no_number {
                notes.padding = padding.replace(&image.format, slice);
            }
            let file = T::measure(slice);
            if !no_number {
                notes.padding = padding.replace(&image.format, slice);
            }
            let voxels = if notes.padding > 0 { T::measure(slice) } else { file };
            *self.notes.lock().unwrap_or_else(PoisonError::into_inner) += notes;
            Measured { file, voxels }
        });
        match (show, &outcome) {
            (Some(show), Ok(measured)) => show(index, slice, &measured.voxels),
            (Some(_), Err(_)) => {}
            (None, _) => self.progress.add_done(1),
        }
        (index, outcome)
    }
}

/// Where a reason belongs: the element, and the frame where a file has several.
fn in_frame(image: &Image, reason: &str) -> String {
    match image.format.frames {
        1 => format!("PixelData (7FE0,0010): {reason}"),
        frames => {
            format!("PixelData (7FE0,0010), frame {} of {frames}: {reason}", u64::from(image.frame) + 1)
        }
    }
}

/// Bytes of files, used again: fresh memory costs as much as reading.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// A buffer larger than this is not worth keeping.
    const KEPT: usize = 32 << 20;

    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, buffer: Vec<u8>) {
        if buffer.capacity() <= Self::KEPT {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }
}
