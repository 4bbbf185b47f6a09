//! Structure sets of radiotherapy (PS3.3 A.19): regions as outlines.

use dicom_dictionary_std::tags;
use glam::DVec3;

use crate::dicom::dataset::{Dataset, File};
use crate::geometry::Geometry;

/// Regions of interest, drawn as contours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StructureSet {
    pub label: String,
    pub name: String,
    pub regions: Vec<Region>,
}

/// One region of interest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    pub number: i64,
    pub name: String,
    pub description: String,
    /// Space of the points.
    pub frame_of_reference_uid: String,
    /// `AUTOMATIC`, `SEMIAUTOMATIC`, `MANUAL`, or empty.
    pub generation_algorithm: String,
    /// What it is for, for example `PTV`, `ORGAN` or `EXTERNAL`.
    pub interpreted_type: String,
    /// sRGB.
    pub color: Option<[u8; 3]>,
    pub contours: Vec<Contour>,
}

/// One outline.
#[derive(Clone, Debug, PartialEq)]
pub struct Contour {
    pub shape: Shape,
    /// LPS, in order.
    pub points_mm: Vec<DVec3>,
    /// Images it was drawn on.
    pub image_sop_instance_uids: Vec<String>,
}

/// Contour Geometric Type (3006,0042).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    Point,
    OpenPlanar,
    OpenNonplanar,
    ClosedPlanar,
    /// Closed, and outside where it lies within an odd number of others.
    ClosedPlanarXor,
}

impl Shape {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "POINT" => Self::Point,
            "OPEN_PLANAR" => Self::OpenPlanar,
            "OPEN_NONPLANAR" => Self::OpenNonplanar,
            "CLOSED_PLANAR" => Self::ClosedPlanar,
            "CLOSEDPLANAR_XOR" => Self::ClosedPlanarXor,
            _ => return None,
        })
    }

    pub fn is_closed(self) -> bool {
        matches!(self, Self::ClosedPlanar | Self::ClosedPlanarXor)
    }
}

impl StructureSet {
    pub(super) fn read(file: &File<'_>) -> Result<Self, String> {
        let data = &file.dataset;
        let charset = data.charset();
        let number = |item: &Dataset<'_>, tag| item.number(tag).map(|n| n as i64);
        let mut regions: Vec<Region> = data
            .items(tags::STRUCTURE_SET_ROI_SEQUENCE)
            .iter()
            .map(|item| Region {
                number: number(item, tags::ROI_NUMBER).unwrap_or_default(),
                name: item.person_text(tags::ROI_NAME, &charset),
                description: item.person_text(tags::ROI_DESCRIPTION, &charset),
                frame_of_reference_uid: item
                    .text(tags::REFERENCED_FRAME_OF_REFERENCE_UID)
                    .unwrap_or_default(),
                generation_algorithm: item.text(tags::ROI_GENERATION_ALGORITHM).unwrap_or_default(),
                ..Region::default()
            })
            .collect();
        let find = |regions: &mut Vec<Region>, wanted: Option<i64>| {
            regions.iter().position(|region| Some(region.number) == wanted)
        };
        for item in data.items(tags::ROI_CONTOUR_SEQUENCE) {
            let wanted = number(item, tags::REFERENCED_ROI_NUMBER);
            let Some(index) = find(&mut regions, wanted) else {
                return Err(format!(
                    "ROIContourSequence (3006,0039) draws region {}, which StructureSetROISequence (3006,0020) \
                     does not name",
                    wanted.unwrap_or_default()
                ));
            };
            let color = item.numbers(tags::ROI_DISPLAY_COLOR);
            if let [r, g, b] = color[..] {
                regions[index].color = Some([r, g, b].map(|c| c.clamp(0.0, 255.0) as u8));
            }
            for contour in item.items(tags::CONTOUR_SEQUENCE) {
                let contour = contour_of(contour, &regions[index].name)?;
                regions[index].contours.push(contour);
            }
        }
        for item in data.items(tags::RTROI_OBSERVATIONS_SEQUENCE) {
            if let Some(index) = find(&mut regions, number(item, tags::REFERENCED_ROI_NUMBER)) {
                regions[index].interpreted_type = item.text(tags::RTROI_INTERPRETED_TYPE).unwrap_or_default();
            }
        }
        Ok(Self {
            label: data.person_text(tags::STRUCTURE_SET_LABEL, &charset),
            name: data.person_text(tags::STRUCTURE_SET_NAME, &charset),
            regions,
        })
    }
}

fn contour_of(item: &Dataset<'_>, region: &str) -> Result<Contour, String> {
    let shape = item.text(tags::CONTOUR_GEOMETRIC_TYPE).unwrap_or_default();
    let shape = Shape::read(&shape)
        .ok_or_else(|| format!("ContourGeometricType (3006,0042) {shape:?} of {region} is not known"))?;
    let texts = item.texts(tags::CONTOUR_DATA).len();
    let numbers = item.numbers(tags::CONTOUR_DATA);
    // A number left out would shift all that follow.
    if numbers.len() != texts || !numbers.len().is_multiple_of(3) {
        return Err(format!("ContourData (3006,0050) of {region} is not triples of numbers"));
    }
    let images = item.items(tags::CONTOUR_IMAGE_SEQUENCE).iter();
    Ok(Contour {
        shape,
        points_mm: numbers.as_chunks::<3>().0.iter().map(|&p| DVec3::from(p)).collect(),
        image_sop_instance_uids: images
            .filter_map(|image| image.text(tags::REFERENCED_SOP_INSTANCE_UID))
            .collect(),
    })
}

impl Region {
    /// The voxels of a grid whose centres lie inside the closed contours: 1 inside, 0 outside, column fastest.
    /// A contour counts for the slice nearest to it; where several lie in one slice, holes are what an even
    /// number of them encloses.
    pub fn mask_on(&self, grid: &Geometry) -> Vec<u8> {
        let [columns, rows, slices] = grid.dims().map(|n| n as usize);
        let mut mask = vec![0u8; grid.voxel_count()];
        for contour in self.contours.iter().filter(|contour| contour.shape.is_closed()) {
            let points: Vec<DVec3> =
                contour.points_mm.iter().map(|&p| grid.voxel_from_patient().transform_point3(p)).collect();
            let height = points.iter().map(|p| p.z).sum::<f64>() / points.len() as f64;
            if !(-0.5..slices as f64 - 0.5).contains(&height) {
                continue;
            }
            let slice = &mut mask[height.round().max(0.0) as usize * columns * rows..][..columns * rows];
            fill(&points, columns, rows, |i| slice[i] ^= 1);
        }
        mask
    }
}

/// Visits the pixels of a row-major grid whose centres lie inside a polygon, by crossings of each row.
fn fill(points: &[DVec3], columns: usize, rows: usize, mut visit: impl FnMut(usize)) {
    let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); rows];
    for (i, a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        let (low, high) = if a.y <= b.y { (*a, b) } else { (b, *a) };
        // Half open, so that a corner on a row is crossed once.
        let (first, end) = (low.y.ceil().max(0.0), high.y.ceil().min(rows as f64));
        let mut row = first;
        while row < end {
            crossings[row as usize].push(low.x + (row - low.y) / (high.y - low.y) * (high.x - low.x));
            row += 1.0;
        }
    }
    for (row, xs) in crossings.iter_mut().enumerate() {
        xs.sort_by(f64::total_cmp);
        for pair in xs.as_chunks::<2>().0 {
            let (first, end) = (pair[0].ceil().max(0.0), pair[1].ceil().min(columns as f64));
            (first as usize..end.max(first) as usize).for_each(|column| visit(row * columns + column));
        }
    }
}
