//! Small pictures for the study list, made when first asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use render_core::dicom;
use tokio::sync::Semaphore;

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
    studies: Arc<Studies>,
    kept: Mutex<HashMap<String, Bytes>>,
    turns: Semaphore,
}

impl Thumbnails {
    pub fn new(studies: Arc<Studies>) -> Self {
        Self { studies, kept: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
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
        let (studies, id) = (Arc::clone(&self.studies), series_id.to_owned());
        let made = tokio::task::spawn_blocking(move || {
            let (_, series) = studies.series(&id)?;
            let small = dicom::thumbnail(series, SIZE).ok()?;
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
