//! What lies over an image or hides part of it: overlay planes (PS3.3 C.9.2, C.9.3) and display
//! shutters (C.7.6.11, C.7.6.15).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use dicom_dictionary_std::tags;

use super::dataset::{Dataset, File, Tag, Value};
use super::header::Image;
use super::object::presentation::{self, Shutter};
use super::pixels::{self, Format};
use super::{Error, Series, load, source};

/// Overlay groups are even, and this is the last.
const LAST_GROUP: u16 = 0x601E;
const FIRST_GROUP: u16 = 0x6000;
/// Further kinds of planes are not listed in the self-check.
const MAX_TOLD: usize = 32;
/// More vertices than anybody draws.
const MAX_VERTICES: usize = 1000;
/// More frames than any scanner writes into one object.
const MAX_FRAMES: f64 = 1e6;

/// One bit for each of a rectangle's pixels: what a header says about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// From 0x6000 to 0x601E, even.
    pub group: u16,
    pub kind: Kind,
    pub label: String,
    pub description: String,
    /// What its maker meant by it, for example `USER` or `AUTOMATED`.
    pub subtype: String,
    /// Columns and rows.
    pub dims: [u32; 2],
    /// Column and row of the image, from 0, that its first bit lies on. It may lie outside.
    pub origin: [i32; 2],
    /// Why its bits cannot be used.
    pub problem: Option<&'static str>,
    /// Frames of the image, from 0, that it lies over; `None` for all.
    frames: Option<Range<u32>>,
    /// Where its bits are.
    bits: Bits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Drawings and writing.
    Graphics,
    /// A region of interest.
    Region,
}

impl Kind {
    /// OverlayType (60xx,0040).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graphics => "G",
            Self::Region => "R",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bits {
    /// OverlayData (60xx,3000), frame after frame without a gap.
    Apart,
    /// This bit of each sample of the pixel data, as it was until 2004.
    Embedded(u16),
}

/// A plane with its bits for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    pub plane: Plane,
    /// Row by row without a gap, the lowest bit of a byte first.
    bits: Vec<u8>,
}

impl Overlay {
    /// Whether it covers a pixel of the image, counted from 0; what lies outside is not covered.
    pub fn covers(&self, column: i32, row: i32) -> bool {
        let inside = |at: i32, origin: i32, size: u32| {
            let at = i64::from(at) - i64::from(origin);
            u32::try_from(at).ok().filter(|&at| at < size)
        };
        let [columns, rows] = self.plane.dims;
        let (Some(x), Some(y)) =
            (inside(column, self.plane.origin[0], columns), inside(row, self.plane.origin[1], rows))
        else {
            return false;
        };
        bit(&self.bits, y as usize * columns as usize + x as usize)
    }

    /// How many of its bits are set.
    pub fn count(&self) -> u64 {
        self.bits.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }
}

fn bit(bytes: &[u8], index: usize) -> bool {
    bytes.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 != 0)
}

/// What of an image is to be seen, and what is shown in place of the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shutters {
    /// Only what lies inside all of them is seen.
    pub shapes: Vec<Shutter>,
    /// The overlay group whose bits hide what they cover (C.7.6.15).
    pub bitmap_group: Option<u16>,
    /// Brightness of what is hidden, from 0 to 1 on a calibrated display; black where it is not stated.
    pub brightness: f32,
    /// The height of a pixel in widths.
    aspect: f64,
}

impl Shutters {
    fn read(item: &Dataset<'_>, data: &Dataset<'_>, spacing_mm: Option<[f64; 2]>) -> Option<Arc<Self>> {
        let mut shapes = presentation::shutters(item);
        // Each pixel is compared with each vertex.
        shapes.retain(|shape| !matches!(shape, Shutter::Polygon(vertices) if vertices.len() > MAX_VERTICES));
        let bitmap = item.texts(tags::SHUTTER_SHAPE).iter().any(|shape| shape == "BITMAP");
        let bitmap_group = item.short(tags::SHUTTER_OVERLAY_GROUP).filter(|_| bitmap);
        if shapes.is_empty() && bitmap_group.is_none() {
            return None;
        }
        let value = [item, data].into_iter().find_map(|d| d.short(tags::SHUTTER_PRESENTATION_VALUE));
        Some(Arc::new(Self {
            shapes,
            bitmap_group,
            brightness: f32::from(value.unwrap_or(0)) / f32::from(u16::MAX),
            aspect: spacing_mm.map_or(1.0, |[x, y]| y / x),
        }))
    }

    /// Whether the shapes hide a pixel of the image, counted from 0. A bitmap is one of its overlays.
    pub fn hides(&self, column: i32, row: i32) -> bool {
        // Shutters count pixels from 1.
        let (x, y) = (f64::from(column) + 1.0, f64::from(row) + 1.0);
        self.shapes.iter().any(|shape| match shape {
            Shutter::Rectangle { left, right, top, bottom } => {
                x < *left as f64 || x > *right as f64 || y < *top as f64 || y > *bottom as f64
            }
            // The radius counts pixels along a row.
            Shutter::Circle { center: [cx, cy], radius } => {
                (x - *cx as f64).hypot((y - *cy as f64) * self.aspect) > *radius as f64
            }
            Shutter::Polygon(vertices) => !encloses(vertices, [x, y]),
        })
    }
}

/// Whether a polygon holds a point, its edges included.
fn encloses(vertices: &[[i64; 2]], [x, y]: [f64; 2]) -> bool {
    let mut inside = false;
    for (i, &b) in vertices.iter().enumerate() {
        let a = vertices[(i + vertices.len() - 1) % vertices.len()];
        let ([ax, ay], [bx, by]) = (a.map(|n| n as f64), b.map(|n| n as f64));
        let side = (bx - ax) * (y - ay) - (by - ay) * (x - ax);
        let between = |p: f64, q: f64, at: f64| p.min(q) <= at && at <= p.max(q);
        if side == 0.0 && between(ax, bx, x) && between(ay, by, y) {
            return true;
        }
        if (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax) {
            inside = !inside;
        }
    }
    inside
}

/// What the header of a file says about its overlays and shutters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Over {
    pub planes: Arc<[Plane]>,
    pub shutters: Option<Arc<Shutters>>,
}

impl Over {
    /// `frame` is the frame's own functional group, where there is one.
    pub fn of_frame(&self, group: &Dataset<'_>, data: &Dataset<'_>, spacing_mm: Option<[f64; 2]>) -> Self {
        let shutters = match &self.shutters {
            Some(shutters) if std::ptr::eq(group, data) => Some(shutters.clone()),
            _ => Shutters::read(group, data, spacing_mm),
        };
        Self { planes: self.planes.clone(), shutters }
    }

    pub fn read(data: &Dataset<'_>, format: &Format, spacing_mm: Option<[f64; 2]>) -> Self {
        let charset = data.charset();
        let groups = (FIRST_GROUP..=LAST_GROUP).step_by(2);
        let plane = |group: u16| {
            let at = |element: u16| Tag::new(group, element);
            let dims = [data.short(at(0x0011))?, data.short(at(0x0010))?].map(u32::from);
            let stated = data.number(at(0x0015)).filter(|n| (1.0..=MAX_FRAMES).contains(n));
            let frames = stated.map_or(1, |n| n as u32);
            let first = data.short(at(0x0051)).filter(|&n| n > 0);
            let origin = match data.shorts(at(0x0050))[..] {
                [row, column, ..] => [column, row].map(|n| i32::from(n as i16) - 1),
                _ => [0, 0],
            };
            let (bits, problem) = match data.bytes(at(0x3000)) {
                Some(bytes) => {
                    let asked = u64::from(dims[0]) * u64::from(dims[1]) * u64::from(frames);
                    let have = bytes.len() as u64 * 8;
                    (
                        Bits::Apart,
                        (asked > have).then_some("it has fewer bits than its rows and columns ask for"),
                    )
                }
                None => {
                    let bit = data.short(at(0x0102)).unwrap_or(0);
                    let value = format.high + 1 - format.stored..format.high + 1;
                    let problem = match () {
                        () if bit >= format.allocated || value.contains(&bit) => {
                            Some("it has no bits of its own, and none of the pixel data are free for it")
                        }
                        () if dims != [format.columns, format.rows].map(u32::from) => {
                            Some("it lies in the pixel data, but has another size than the image")
                        }
                        () => None,
                    };
                    (Bits::Embedded(bit), problem)
                }
            };
            let text = |element: u16| data.person_text(at(element), &charset);
            let region = data.text(at(0x0040)).as_deref() == Some("R");
            Some(Plane {
                group,
                kind: if region { Kind::Region } else { Kind::Graphics },
                label: text(0x1500),
                description: text(0x0022),
                subtype: text(0x0045),
                dims,
                origin,
                problem: if dims.contains(&0) { Some("it has no rows or columns") } else { problem },
                // One that names no frame lies over all of them; embedded bits are each frame's own.
                frames: match (bits, first, stated) {
                    (Bits::Embedded(_), ..) | (_, None, None) => None,
                    _ if format.frames == 1 => None,
                    _ => {
                        let first = u32::from(first.unwrap_or(1)) - 1;
                        Some(first..first.saturating_add(frames))
                    }
                },
                bits,
            })
        };
        Self { planes: groups.filter_map(plane).collect(), shutters: Shutters::read(data, data, spacing_mm) }
    }
}

impl Plane {
    /// Which of its frames lies over a frame of the image.
    fn frame_over(&self, frame: u32) -> Option<u32> {
        match &self.frames {
            None => Some(0),
            Some(frames) => frames.contains(&frame).then(|| frame - frames.start),
        }
    }

    fn bits_over(&self, frame: u32, file: &File<'_>, format: &Format) -> Result<Vec<u8>, String> {
        let [columns, rows] = self.dims.map(|n| n as usize);
        let count = columns * rows;
        match self.bits {
            Bits::Embedded(bit) => pixels::bit_plane(file, frame, format, bit),
            Bits::Apart => {
                let bytes = overlay_data(&file.dataset, Tag::new(self.group, 0x3000));
                let start = self.frame_over(frame).unwrap_or(0) as usize * count;
                Ok(pack((0..count).map(|i| bit(&bytes, start + i))))
            }
        }
    }
}

/// Bits eight to a byte, the first one lowest.
pub(super) fn pack(bits: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![0; bits.len().div_ceil(8)];
    bits.enumerate().for_each(|(i, bit)| bytes[i / 8] |= u8::from(bit) << (i % 8));
    bytes
}

/// Words of big-endian files have their bytes swapped.
fn overlay_data(data: &Dataset<'_>, tag: Tag) -> Vec<u8> {
    let Some(element) = data.elements().iter().find(|element| element.tag == tag) else { return Vec::new() };
    let Value::Bytes(bytes) = &element.value else { return Vec::new() };
    let mut bytes = bytes.to_vec();
    if data.is_big_endian() && &element.vr == b"OW" {
        bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
    }
    bytes
}

/// The planes that lie over an image of a series, with their bits; those with a problem are left out.
pub fn overlays(series: &Series, slice: usize) -> Result<Vec<Overlay>, Error> {
    let Some(image) = series.images.0.get(slice) else { return Ok(Vec::new()) };
    let usable: Vec<&Plane> = planes(image).filter(|plane| plane.problem.is_none()).collect();
    if usable.is_empty() {
        return Ok(Vec::new());
    }
    let path = &series.files[image.file];
    let at = |reason: String| Error::Path { path: path.clone(), reason };
    let format = image.tile.as_ref().map_or(&image.format, |tile| tile.whole());
    let bytes = source::bytes(path, Some(format)).map_err(at)?;
    let file = load::parse(&bytes).map_err(at)?;
    let with_bits = |plane: &Plane| {
        let bits = plane.bits_over(image.frame, &file, format).map_err(at)?;
        let mut plane = plane.clone();
        if let Some(tile) = &image.tile {
            // A mosaic's overlay lies over its picture, of which the slice is a part.
            let [column, row] = tile.first_pixel();
            plane.origin = [plane.origin[0] - column as i32, plane.origin[1] - row as i32];
        }
        Ok(Overlay { plane, bits })
    };
    usable.into_iter().map(with_bits).collect()
}

/// The planes that lie over an image.
pub fn planes(image: &Image) -> impl Iterator<Item = &Plane> {
    image.over.planes.iter().filter(|plane| plane.frame_over(image.frame).is_some())
}

/// The different planes of a series by group, each with the number of images it lies over.
pub fn list(images: &[Image]) -> Vec<(&Plane, usize)> {
    let mut listed = BTreeMap::new();
    for plane in images.iter().flat_map(planes) {
        let same = (plane.group, plane.kind.as_str(), &plane.label, &plane.description, plane.problem);
        listed.entry(same).or_insert((plane, 0)).1 += 1;
    }
    listed.into_values().collect()
}

/// What the self-check says was found, and what cannot be shown.
pub fn told(images: &[Image]) -> (Vec<String>, Vec<String>) {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let of = |count: usize| match (count, images.len()) {
        (1, 1) => "the image".to_owned(),
        (count, all) => format!("{count} of {all} images"),
    };
    for (plane, count) in list(images).into_iter().take(MAX_TOLD) {
        let name = [&plane.label, &plane.description].into_iter().find(|name| !name.is_empty());
        let name = name.map(|name| format!(" \u{201C}{name}\u{201D}")).unwrap_or_default();
        let what = format!("overlay {:04X}{name} lies over {}", plane.group, of(count));
        match plane.problem {
            None => {
                found.push(format!("{what}: slices in the window, of `voxcast render` and of `mpr` show it, a server's do not"));
            }
            Some(problem) => unknown.push(format!("{what}, but {problem}: it is left out")),
        }
    }
    let shut = images.iter().filter(|image| image.over.shutters.is_some()).count();
    if shut > 0 {
        found.push(format!(
            "a display shutter (0018,1600) hides parts of {}: slices in the window, of `voxcast render` and of `mpr` heed it, a server's do not",
            of(shut)
        ));
    }
    (found, unknown)
}
