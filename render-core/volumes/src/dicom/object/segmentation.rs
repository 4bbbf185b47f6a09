//! Segmentations (PS3.3 A.51 and A.101): segments as runs of voxels, and as label volumes.

use std::sync::Arc;

use dicom_dictionary_std::tags;
use glam::{DAffine3, DMat3, DVec3};
use rayon::prelude::*;

use super::code::{self, Code};
use crate::dicom::dataset::File;
use crate::dicom::header::{Header, Image};
use crate::dicom::pixels::{self, Convert};
use crate::dicom::pixels::{Colour, Format};
use crate::geometry::{Geometry, MAX_VOXELS};
use crate::volume::{Meaning, Rescale, Volume, Voxels};

/// 1.2 GB of runs: far above any real segmentation, and what noise in fractions may ask for.
const MAX_RUNS: usize = 100_000_000;
/// Positions this close are one plane.
const SAME_PLANE_MM: f64 = 0.01;
/// Planes may be so far off a regular grid, as a share of its step.
const OFF_GRID: f64 = 0.1;
/// Planes farther apart than this many steps are not joined into one grid.
const MAX_SLICES: f64 = 20_000.0;

/// How a segmentation says what belongs to a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    Binary,
    /// Parts of 255: a probability, or how much of the voxel is filled.
    Fractional {
        probability: bool,
    },
    /// One segment a voxel.
    LabelMap,
}

/// What was found in images, as regions with a name.
#[derive(Clone, Debug)]
pub struct Segmentation {
    pub kind: Kind,
    pub segments: Vec<Segment>,
    pub columns: u32,
    pub rows: u32,
    /// The grid whose slices `Plane::slice` counts; `None` where planes have no place in the patient (a
    /// slide, a radiograph): they are numbered as they come.
    pub grid: Option<Geometry>,
    pub frame_of_reference_uid: String,
}

/// One region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    pub number: u16,
    pub label: String,
    pub description: String,
    pub category: Option<Code>,
    /// What it is, for example a liver.
    pub property_type: Option<Code>,
    /// `AUTOMATIC`, `SEMIAUTOMATIC` or `MANUAL`.
    pub algorithm_type: String,
    pub algorithm_name: String,
    pub tracking_id: String,
    pub tracking_uid: String,
    /// What its maker wants it drawn in, sRGB.
    pub color: Option<[u8; 3]>,
    /// Where it is, by slice.
    pub planes: Vec<Plane>,
}

/// A segment in one slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    pub slice: u32,
    /// In order; they do not meet.
    pub runs: Vec<Run>,
}

/// Voxels that follow each other in a slice, row by row, with one value above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// row * columns + column.
    pub start: u32,
    pub length: u32,
    /// 255 is all of the segment.
    pub value: u8,
}

impl Segmentation {
    pub(super) fn read(file: &File<'_>, size: u64) -> Result<Self, String> {
        let data = &file.dataset;
        let kind = match data.text(tags::SEGMENTATION_TYPE).unwrap_or_default().as_str() {
            "BINARY" => Kind::Binary,
            "FRACTIONAL" => Kind::Fractional {
                probability: data.text(tags::SEGMENTATION_FRACTIONAL_TYPE).as_deref() == Some("PROBABILITY"),
            },
            "LABELMAP" => Kind::LabelMap,
            other => {
                return Err(format!("SegmentationType (0062,0001) is {other:?}, not one that can be read"));
            }
        };
        let mut images = Header::images(data, size, "")?;
        let Some(first) = images.first() else { return Err("it has no frames".into()) };
        if u64::from(first.format.columns) * u64::from(first.format.rows) * images.len() as u64 > MAX_VOXELS {
            return Err(format!("its frames have more than {MAX_VOXELS} pixels"));
        }
        // Numbers of segments are no colours, whatever palette comes with them.
        let format =
            Arc::new(Format { colour: Colour::Grey { inverted: false }, ..Format::clone(&first.format) });
        if format.samples != 1 {
            return Err(format!("a segmentation with {} samples per pixel cannot be read", format.samples));
        }
        images.iter_mut().for_each(|image| image.format = Arc::clone(&format));
        let maximum = match kind {
            Kind::Fractional { .. } => {
                data.short(tags::MAXIMUM_FRACTIONAL_VALUE).filter(|&m| m > 0 && m <= 255).unwrap_or(255)
            }
            _ => 1,
        };
        let mut segments = segments(file);
        let grid = grid(&images);
        let slice_of = |index: usize, image: &Image| match (&grid, image.position) {
            (Some(grid), Some(position)) => {
                grid.voxel_from_patient().transform_point3(position).z.round() as u32
            }
            _ => index as u32,
        };
        // Frames of a fully tiled image are in order and have no groups of their own (PS3.3 C.7.6.17.3).
        let tiled = data.text(tags::DIMENSION_ORGANIZATION_TYPE).as_deref() == Some("TILED_FULL");
        let tiles = images.len().checked_div(segments.len()).unwrap_or(0).max(1);
        let numbers: Vec<u16> = segments.iter().map(|segment| segment.number).collect();
        let number_of = |frame: usize| {
            segment_number(file, frame).or_else(|| numbers.get(frame / tiles).copied().filter(|_| tiled))
        };
        let background = data.short(tags::PIXEL_PADDING_VALUE).unwrap_or(0);
        let planes: Vec<(u16, Plane)> = images
            .par_iter()
            .enumerate()
            .map(|(index, image)| {
                let mut values = vec![0u16; format.pixels()];
                pixels::decode(file, image, Convert::Add(0), &mut values)
                    .map_err(|reason| format!("frame {}: {reason}", index + 1))?;
                let slice = slice_of(index, image);
                if kind == Kind::LabelMap {
                    return Ok(label_planes(slice, &values, background));
                }
                let number = number_of(index)
                    .ok_or_else(|| format!("frame {} names no segment in (0062,000B)", index + 1))?;
                let of_255 = |v: u16| (u32::from(v.min(maximum)) * 255 / u32::from(maximum)) as u8;
                let runs = runs(&values, of_255);
                Ok(if runs.is_empty() { Vec::new() } else { vec![(number, Plane { slice, runs })] })
            })
            .collect::<Result<Vec<_>, String>>()?
            .into_iter()
            .flatten()
            .collect();
        if planes.iter().map(|(_, plane)| plane.runs.len()).sum::<usize>() > MAX_RUNS {
            return Err(format!("it has more than {MAX_RUNS} runs of voxels"));
        }
        for (number, plane) in planes {
            match segments.iter_mut().find(|segment| segment.number == number) {
                Some(segment) => segment.planes.push(plane),
                None => segments.push(Segment { number, planes: vec![plane], ..Segment::default() }),
            }
        }
        segments.iter_mut().for_each(|segment| segment.planes.sort_by_key(|plane| plane.slice));
        Ok(Self {
            kind,
            segments,
            columns: u32::from(format.columns),
            rows: u32::from(format.rows),
            grid,
            frame_of_reference_uid: data.text(tags::FRAME_OF_REFERENCE_UID).unwrap_or_default(),
        })
    }

    /// Voxels of a segment, those counted that it fills at least half.
    pub fn voxel_count(&self, segment: &Segment) -> u64 {
        let filled = segment.planes.iter().flat_map(|plane| &plane.runs).filter(|run| run.value >= 128);
        filled.map(|run| u64::from(run.length)).sum()
    }

    /// Draws a segment into a mask on the segmentation's grid, column fastest: how much of each voxel it fills, of
    /// 255, where it fills more than is there.
    pub fn add_to(&self, segment: &Segment, mask: &mut [u8]) {
        let slice = self.columns as usize * self.rows as usize;
        for plane in &segment.planes {
            for run in &plane.runs {
                let first = plane.slice as usize * slice + run.start as usize;
                let voxels = mask.get_mut(first..first + run.length as usize).unwrap_or_default();
                voxels.iter_mut().for_each(|voxel| *voxel = run.value.max(*voxel));
            }
        }
    }

    /// Whether any voxel belongs to two segments.
    pub fn overlaps(&self) -> bool {
        self.grid.is_some_and(|grid| self.draw(&grid).1)
    }

    /// The segments as one volume: each voxel holds the number of its segment, 0 where there is none; where
    /// several overlap, the last counts. `None` where the segmentation has no place in the patient.
    pub fn labels(&self) -> Option<Volume> {
        let grid = self.grid?;
        let (labels, _) = self.draw(&grid);
        let meaning = Meaning { modality: "SEG".into(), ..Meaning::default() };
        Volume::new(grid, Voxels::U16(labels.into()), Rescale::IDENTITY, meaning).ok()
    }

    /// The same on another grid, by the nearest voxel.
    pub fn labels_on(&self, target: &Geometry) -> Option<Volume> {
        let labels = self.labels()?;
        let source_from_target = labels.geometry().voxel_from_patient() * target.patient_from_voxel();
        let [columns, rows, _] = target.dims().map(|n| n as usize);
        let mut out = vec![0u16; target.voxel_count()];
        out.par_chunks_mut(columns * rows).enumerate().for_each(|(k, slice)| {
            for (i, out) in slice.iter_mut().enumerate() {
                let at = DVec3::new((i % columns) as f64, (i / columns) as f64, k as f64);
                let at = source_from_target.transform_point3(at).round();
                if at.min_element() >= 0.0 {
                    let value = labels.value_at([at.x as u32, at.y as u32, at.z as u32]);
                    *out = value.unwrap_or(0.0) as u16;
                }
            }
        });
        Volume::new(*target, Voxels::U16(out.into()), Rescale::IDENTITY, labels.meaning().clone()).ok()
    }

    fn draw(&self, grid: &Geometry) -> (Vec<u16>, bool) {
        let slice = self.columns as usize * self.rows as usize;
        let mut labels = vec![0u16; grid.voxel_count()];
        let mut overlaps = false;
        for segment in &self.segments {
            for plane in &segment.planes {
                let voxels = &mut labels[plane.slice as usize * slice..][..slice];
                for run in plane.runs.iter().filter(|run| run.value >= 128) {
                    for voxel in &mut voxels[run.start as usize..][..run.length as usize] {
                        overlaps |= *voxel != 0 && *voxel != segment.number;
                        *voxel = segment.number;
                    }
                }
            }
        }
        (labels, overlaps)
    }
}

fn segments(file: &File<'_>) -> Vec<Segment> {
    let charset = file.dataset.charset();
    let items = file.dataset.items(tags::SEGMENT_SEQUENCE).iter();
    items
        .map(|item| Segment {
            number: item.short(tags::SEGMENT_NUMBER).unwrap_or_default(),
            label: item.person_text(tags::SEGMENT_LABEL, &charset),
            description: item.person_text(tags::SEGMENT_DESCRIPTION, &charset),
            category: Code::first(item, tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, &charset),
            property_type: Code::first(item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, &charset),
            algorithm_type: item.text(tags::SEGMENT_ALGORITHM_TYPE).unwrap_or_default(),
            algorithm_name: item.person_text(tags::SEGMENT_ALGORITHM_NAME, &charset),
            tracking_id: item.person_text(tags::TRACKING_ID, &charset),
            tracking_uid: item.text(tags::TRACKING_UID).unwrap_or_default(),
            color: code::srgb_of_cielab(item),
            planes: Vec::new(),
        })
        .collect()
}

/// Segment of a frame: its own functional group, else the one of all frames.
fn segment_number(file: &File<'_>, frame: usize) -> Option<u16> {
    let own = file.dataset.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).get(frame);
    let shared = file.dataset.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    let levels = own.into_iter().chain(shared);
    levels
        .filter_map(|level| level.items(tags::SEGMENT_IDENTIFICATION_SEQUENCE).first())
        .find_map(|item| item.short(tags::REFERENCED_SEGMENT_NUMBER))
}

fn runs(values: &[u16], of_255: impl Fn(u16) -> u8) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (i, &value) in values.iter().enumerate().filter(|(_, value)| **value != 0) {
        let value = of_255(value);
        match runs.last_mut() {
            Some(run) if run.value == value && run.start + run.length == i as u32 => run.length += 1,
            _ => runs.push(Run { start: i as u32, length: 1, value }),
        }
    }
    runs
}

/// The segments of one frame of a label map.
fn label_planes(slice: u32, values: &[u16], background: u16) -> Vec<(u16, Plane)> {
    let mut planes: Vec<(u16, Plane)> = Vec::new();
    for (i, &number) in values.iter().enumerate() {
        if number == background || number == 0 {
            continue;
        }
        let index = planes.iter().position(|(other, _)| *other == number).unwrap_or_else(|| {
            planes.push((number, Plane { slice, runs: Vec::new() }));
            planes.len() - 1
        });
        let runs = &mut planes[index].1.runs;
        match runs.last_mut() {
            Some(run) if run.start + run.length == i as u32 => run.length += 1,
            _ => runs.push(Run { start: i as u32, length: 1, value: 255 }),
        }
    }
    planes
}

/// The regular grid of the planes, whose gaps are slices without segments.
fn grid(images: &[Image]) -> Option<Geometry> {
    let first = &images[0];
    let [x, y] = first.orientation?;
    let normal = x.cross(y).normalize();
    let [dx, dy] = first.spacing_mm?;
    let positions: Vec<DVec3> = images.iter().map(|image| image.position).collect::<Option<_>>()?;
    if images.iter().any(|i| i.orientation.is_none_or(|o| o[0].dot(x) < 0.999_9 || o[1].dot(y) < 0.999_9)) {
        return None;
    }
    let mut along: Vec<(f64, DVec3)> = positions.iter().map(|p| (p.dot(normal), *p)).collect();
    along.sort_by(|a, b| a.0.total_cmp(&b.0));
    along.dedup_by(|a, b| (a.0 - b.0).abs() < SAME_PLANE_MM);
    let (low, high) = (along[0], along[along.len() - 1]);
    let length = high.0 - low.0;
    let stated = first.step_mm.unwrap_or(1.0);
    let smallest = along.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(f64::INFINITY, f64::min);
    let fits = |step: f64| {
        let off = |at: f64| ((at - low.0) / step - ((at - low.0) / step).round()).abs();
        step > SAME_PLANE_MM && length / step < MAX_SLICES && along.iter().all(|(at, _)| off(*at) < OFF_GRID)
    };
    // What is stated may be a thickness of slices that overlap or leave gaps.
    let step = if along.len() == 1 { stated } else { [stated, smallest].into_iter().find(|&s| fits(s))? };
    let slices = (length / step).round() as u32 + 1;
    let slice_axis = if slices == 1 { normal * step } else { (high.1 - low.1) / f64::from(slices - 1) };
    let matrix3 = DMat3::from_cols(x * dx, y * dy, slice_axis);
    let dims = [u32::from(first.format.columns), u32::from(first.format.rows), slices];
    Geometry::new(dims, DAffine3 { matrix3, translation: low.1 }).ok()
}
