//! The windows and tables that files ask for (PS3.3 C.11.2).

use std::sync::Arc;

use dicom_dictionary_std::tags;

use super::format::{Format, read_lut};
use crate::dicom::dataset::Dataset;
use crate::window::{Shape, Table, Window};

/// More tables than any object has.
const MAX_TABLES: usize = 16;

/// How an image is to be shown, first choice first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voi {
    /// With their explanations.
    pub windows: Vec<(String, Window)>,
    /// What `Shape::Table` counts.
    pub tables: Vec<Arc<Table>>,
}

impl Voi {
    /// Tables come first: a file that has both made the table for this very image.
    pub fn read(data: &Dataset<'_>, format: &Format, (slope, intercept): (f64, f64)) -> Self {
        // A table begins with a signed number where what goes into it can be negative (C.11.2.1.1).
        let (low, high) = format.range();
        let signed = [low, high].iter().any(|&v| (v as f64) * slope + intercept < 0.0);
        let mut voi = Self::default();
        for item in data.items(tags::VOILUT_SEQUENCE).iter().take(MAX_TABLES) {
            let Ok(lut) = read_lut(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, signed) else { continue };
            let white = ((1u32 << lut.bits) - 1) as f32;
            let entries = lut.values.iter().map(|&entry| (f32::from(entry) / white).min(1.0)).collect();
            let Some(table) = Table::new(entries) else { continue };
            let (first, last) = (f64::from(lut.first), f64::from(lut.first) + lut.values.len() as f64 - 1.0);
            let (center, width) = ((first + last) / 2.0 + 0.5, last - first + 1.0);
            let Some(window) = Window::shaped(center, width, Shape::Table(voi.tables.len() as u16)) else {
                continue;
            };
            let name = item.text(tags::LUT_EXPLANATION).filter(|text| !text.is_empty());
            voi.windows.push((name.unwrap_or_else(|| "Table of the file".into()), window));
            voi.tables.push(Arc::new(table));
        }
        voi.windows.extend(windows(data));
        voi
    }
}

fn windows(data: &Dataset<'_>) -> Vec<(String, Window)> {
    let names = data.texts(tags::WINDOW_CENTER_WIDTH_EXPLANATION);
    let shape = match data.text(tags::VOILUT_FUNCTION).as_deref() {
        Some("LINEAR_EXACT") => Shape::LinearExact,
        Some("SIGMOID") => Shape::Sigmoid,
        _ => Shape::Linear,
    };
    let pairs = data.numbers(tags::WINDOW_CENTER).into_iter().zip(data.numbers(tags::WINDOW_WIDTH));
    let named = pairs.enumerate().filter_map(|(i, (center, width))| {
        let window = Window::shaped(center, width, shape)?;
        Some((names.get(i).cloned().unwrap_or_default(), window))
    });
    named.collect()
}
