//! The times of a 4D series, for a movie that plays them.

use std::sync::Arc;

use reading::Segmentation;
use render_core::Progress;
use render_core::dicom::{self, Study};

use super::super::annotate::Drawn;
use super::super::study::OpenSeries;
use super::{ExportError, Subject};

/// Times that were read are kept while they are together no larger than this; a movie may play them several times.
const KEPT_BYTES: usize = 1 << 30;

/// A time of a 4D series.
#[derive(Debug)]
pub struct Moment {
    pub stored: Stored,
    pub drawn: Vec<Drawn>,
    pub segments: Option<Segmentation>,
}

#[derive(Debug)]
pub enum Stored {
    Open(Arc<OpenSeries>),
    /// A series of a study, by its id.
    Files(Arc<Study>, String),
}

/// All times, read when they are due.
pub struct Moments {
    all: Vec<Moment>,
    read: Vec<Option<Arc<OpenSeries>>>,
}

impl Moments {
    pub fn new(all: Vec<Moment>) -> Self {
        let read = all.iter().map(|_| None).collect();
        Self { all, read }
    }

    /// What is drawn of a time, counted from 0; after the last one comes the first.
    pub fn subject(&mut self, number: usize, first: &Subject) -> Result<Subject, ExportError> {
        // Where the files are elsewhere, there are no times here.
        let index = number.checked_rem(self.all.len()).ok_or(ExportError::Remote)?;
        let series = self.open(index)?;
        let Moment { drawn, segments, .. } = &self.all[index];
        let (drawn, segments) = (drawn.clone(), segments.clone());
        Ok(Subject { series, drawn, segments, ..first.clone() })
    }

    fn open(&mut self, index: usize) -> Result<Arc<OpenSeries>, ExportError> {
        let (study, id) = match &self.all[index].stored {
            Stored::Open(open) => return Ok(Arc::clone(open)),
            Stored::Files(study, id) => (study, id),
        };
        if let Some(open) = &self.read[index] {
            return Ok(Arc::clone(open));
        }
        let series = study.series.iter().find(|series| series.key() == *id).ok_or(ExportError::Nothing)?;
        // The job counts pictures, not files.
        let loaded = dicom::load(series, &Progress::default()).map_err(ExportError::Read)?;
        let open = Arc::new(OpenSeries::new(study, series, loaded));
        let bytes = |open: &Arc<OpenSeries>| open.volume().map_or(0, |volume| volume.voxels().byte_len());
        let kept: usize = self.read.iter().flatten().map(bytes).sum();
        if kept + bytes(&open) <= KEPT_BYTES {
            self.read[index] = Some(Arc::clone(&open));
        }
        Ok(open)
    }
}
