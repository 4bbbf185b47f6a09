//! Siemens mosaics: all slices of a volume side by side in one picture.

use std::sync::Arc;

use dicom_dictionary_std::tags;
use glam::DVec3;

use super::dataset::{Dataset, File, Tag};
use super::header::Image;
use super::pixels::{self, Convert, Format, Notes, Padding, Sample};
use super::stack;
use crate::volume::Voxel;

/// A CSA header has about a hundred elements.
const MAX_ELEMENTS: u32 = 1024;

/// Where an image lies in the picture of its mosaic.
#[derive(Clone, Debug)]
pub struct Tile {
    /// The whole picture's.
    whole: Arc<Format>,
    /// Its first pixel.
    column: usize,
    row: usize,
}

impl Tile {
    pub fn whole(&self) -> &Arc<Format> {
        &self.whole
    }

    /// Column and row of its first pixel in the picture.
    pub fn first_pixel(&self) -> [usize; 2] {
        [self.column, self.row]
    }
}

/// A mosaic whose header tells how to take it apart.
pub struct Mosaic {
    count: u32,
    /// Tiles in a row and in a column.
    across: u16,
    tile: Arc<Format>,
    whole: Arc<Format>,
    /// Of rising slices, where the header tells it.
    normal: Option<DVec3>,
    step_mm: f64,
}

impl Mosaic {
    /// `None` if the object is none, or does not tell what is needed to take it apart.
    pub fn read(data: &Dataset<'_>, whole: &Arc<Format>) -> Option<Self> {
        if whole.frames != 1 || !data.texts(tags::IMAGE_TYPE).iter().any(|t| t == "MOSAIC") {
            return None;
        }
        let csa = private(data, 0x0029, "SIEMENS CSA HEADER", 0x10).unwrap_or_default();
        let count = private(data, 0x0019, "SIEMENS MR HEADER", 0x0A)
            .and_then(|bytes| Some(f64::from(u16::from_le_bytes(*bytes.first_chunk()?))))
            .or_else(|| element(csa, "NumberOfImagesInMosaic").first().copied())
            .filter(|n| (1.0..=65_535.0).contains(n))? as u32;
        let across = (1..=255u16).find(|&n| u32::from(n) * u32::from(n) >= count)?;
        if !whole.columns.is_multiple_of(across) || !whole.rows.is_multiple_of(across) {
            return None;
        }
        let normal = match element(csa, "SliceNormalVector")[..] {
            [x, y, z] => Some(DVec3::new(x, y, z)),
            _ => None,
        };
        let step_mm = [tags::SPACING_BETWEEN_SLICES, tags::SLICE_THICKNESS]
            .iter()
            .find_map(|&tag| data.number(tag).map(f64::abs).filter(|&mm| mm > 1e-6))?;
        let (columns, rows) = (whole.columns / across, whole.rows / across);
        let tile = Arc::new(Format { columns, rows, ..(**whole).clone() });
        Some(Self { count, across, tile, whole: whole.clone(), normal, step_mm })
    }

    /// Columns and rows of one slice.
    pub fn dims(&self) -> [u16; 2] {
        [self.tile.columns, self.tile.rows]
    }

    /// The slices of the picture. Its own position is the corner that one slice of the size of the
    /// whole picture would have, around the same middle.
    pub fn slices(&self, picture: &Image) -> Option<Vec<Image>> {
        let (position, [x, y], [dx, dy]) = (picture.position?, picture.orientation?, picture.spacing_mm?);
        let margin = |whole: u16, tile: u16| (f64::from(whole) - f64::from(tile)) / 2.0;
        let origin = position
            + x * dx * margin(self.whole.columns, self.tile.columns)
            + y * dy * margin(self.whole.rows, self.tile.rows);
        let normal = stack::normal([x, y]);
        let against = self.normal.is_some_and(|stated| stated.dot(normal) < 0.0);
        let step = normal * if against { -self.step_mm } else { self.step_mm };
        let slice = |k: u32| Image {
            position: Some(origin + step * f64::from(k)),
            step_mm: Some(self.step_mm),
            format: self.tile.clone(),
            tile: Some(Tile {
                whole: self.whole.clone(),
                column: (k % u32::from(self.across)) as usize * usize::from(self.tile.columns),
                row: (k / u32::from(self.across)) as usize * usize::from(self.tile.rows),
            }),
            ..picture.clone()
        };
        Some((0..self.count).map(slice).collect())
    }
}

/// Decodes the picture and takes one slice out of it.
pub fn decode<T: Sample + Voxel>(
    file: &File<'_>,
    image: &Image,
    tile: &Tile,
    convert: Convert,
    out: &mut [T],
) -> Result<(Notes, Padding<T>), String> {
    let picture = Image { format: tile.whole.clone(), tile: None, ..image.clone() };
    let mut whole = vec![T::default(); tile.whole.pixels()];
    let (notes, padding) = pixels::decode(file, &picture, convert, &mut whole)?;
    let rows = whole.chunks_exact(usize::from(tile.whole.columns)).skip(tile.row);
    for (out, row) in out.chunks_exact_mut(usize::from(image.format.columns)).zip(rows) {
        out.copy_from_slice(&row[tile.column..][..out.len()]);
    }
    // Indices count the whole picture's pixels.
    let padding = if matches!(padding, Padding::At(_)) { Padding::None } else { padding };
    Ok((notes, padding))
}

/// A private element, wherever its creator reserved a block (PS3.5 7.8.1).
fn private<'a>(data: &Dataset<'a>, group: u16, creator: &str, element: u16) -> Option<&'a [u8]> {
    let block = (0x10..=0xFF).find(|&b| data.text(Tag::new(group, b)).is_some_and(|name| name == creator))?;
    data.bytes(Tag::new(group, block << 8 | element))
}

/// The numbers of an element of a Siemens CSA header: a table of names, each with items of text.
fn element(csa: &[u8], wanted: &str) -> Vec<f64> {
    let mut reader = Csa { bytes: csa, at: 0 };
    reader.find(wanted).unwrap_or_default()
}

struct Csa<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Csa<'a> {
    /// `None` when the header ends too early or is no CSA header.
    fn find(&mut self, wanted: &str) -> Option<Vec<f64>> {
        // The older of the two forms has no magic number and counts lengths from the first element's.
        let newer = self.bytes.starts_with(b"SV10");
        if newer {
            self.take(8)?;
        }
        let elements = self.u32()?;
        self.u32()?;
        let mut base = None;
        for _ in 0..elements.min(MAX_ELEMENTS) {
            let name = self.take(64)?;
            let name = name.split(|&b| b == 0).next().unwrap_or_default();
            self.take(12)?;
            let items = self.u32()?;
            self.u32()?;
            let base = *base.get_or_insert(items);
            let mut numbers = Vec::new();
            for _ in 0..items {
                let lengths = [self.u32()?, self.u32()?, self.u32()?, self.u32()?];
                let length = if newer { lengths[1] } else { lengths[0].checked_sub(base)? } as usize;
                let text = String::from_utf8_lossy(self.take(length)?);
                let number = text.trim_matches(['\0', ' ']).parse::<f64>().ok();
                numbers.extend(number.filter(|n| n.is_finite()));
                // Items are padded to four bytes; the last one may end before.
                self.at = self.at.next_multiple_of(4);
            }
            if name == wanted.as_bytes() {
                return Some(numbers);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }
}
