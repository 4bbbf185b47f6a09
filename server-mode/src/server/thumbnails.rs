//! Small pictures for the study list, made when first asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use render_core::Volume;
use render_core::dicom::{self, Thumbnail};
use tokio::sync::Semaphore;

use super::entry::Entry;
use crate::board::Board;
use crate::encode::Jpeg;
use crate::studies::Studies;

/// Longer side in pixels: the list shows 64, on a dense display 128.
const SIZE: u32 = 128;
const QUALITY: u8 = 85;
/// Thumbnails kept, at about 4 KB each.
const MAX_KEPT: usize = 2048;
/// Read at a time: each reads and decodes a file, and drawing needs the cores more.
const AT_ONCE: usize = 2;

pub struct Thumbnails {
    source: Source,
    kept: Mutex<HashMap<String, Bytes>>,
    turns: Semaphore,
}

#[derive(Clone)]
enum Source {
    Files(Arc<Studies>),
    /// What a host shows.
    Board(Arc<Board>),
}

impl Source {
    fn make(&self, series_id: &str) -> Option<Thumbnail> {
        match self {
            Self::Files(studies) => dicom::thumbnail(studies.series(series_id)?.1, SIZE).ok(),
            Self::Board(board) => Some(middle(&*board.shown().volume_of(series_id)?)),
        }
    }
}

/// The middle slice of a volume.
fn middle(volume: &Volume) -> Thumbnail {
    let [columns, rows, slices] = volume.geometry().dims();
    let spacing = volume.geometry().spacing_mm();
    let (width_mm, height_mm) = (f64::from(columns) * spacing.x, f64::from(rows) * spacing.y);
    let px = f64::from(SIZE) / width_mm.max(height_mm);
    let size = [width_mm, height_mm].map(|mm| ((mm * px).round() as u32).clamp(1, SIZE));
    let window = volume.default_window();
    let (low, scale) = window.ramp();
    let inverted = volume.meaning().inverted;
    let source = |i: u32, small: u32, large: u32| (i * large / small).min(large - 1);
    let grey = |x: u32, y: u32| {
        let voxel = [source(x, size[0], columns), source(y, size[1], rows), slices / 2];
        let value = volume.value_at(voxel).unwrap_or(low);
        let brightness = ((value - low) * scale).clamp(0.0, 1.0);
        (if inverted { 1.0 - brightness } else { brightness } * 255.0).round() as u8
    };
    let pixels = (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x, y))).map(|(x, y)| grey(x, y));
    Thumbnail { size, pixels: pixels.collect() }
}

impl Thumbnails {
    pub fn new(studies: &Arc<Studies>, entry: &Entry) -> Self {
        let source = match entry.board() {
            Some(board) => Source::Board(Arc::clone(board)),
            None => Source::Files(Arc::clone(studies)),
        };
        Self { source, kept: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }

    /// The middle image of a series as a JPEG; `None` when there is no such series or it cannot be
    /// read.
    pub async fn get(&self, series_id: &str) -> Option<Bytes> {
        if let Some(jpeg) = self.kept(series_id) {
            return Some(jpeg);
        }
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await.ok()?;
        if let Some(jpeg) = self.kept(series_id) {
            return Some(jpeg);
        }
        let (source, id) = (self.source.clone(), series_id.to_owned());
        let made = tokio::task::spawn_blocking(move || {
            let small = source.make(&id)?;
            Jpeg::new().ok()?.encode_grey(&small.pixels, small.size, QUALITY).ok()
        });
        let jpeg = Bytes::from(made.await.ok()??);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(series_id.to_owned(), jpeg.clone());
        Some(jpeg)
    }

    fn kept(&self, series_id: &str) -> Option<Bytes> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(series_id).cloned()
    }
}
