//! What is read, and which part of a file is damaged for it.

use std::ops::Range;
use std::path::Path;

use volumes::Progress;
use volumes::dicom;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Dataset,
    Pixels,
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
    JpegXl,
    Deflated,
    Index,
}

impl Target {
    pub const ALL: [Self; 9] = [
        Self::Dataset,
        Self::Pixels,
        Self::Rle,
        Self::Jpeg,
        Self::JpegLs,
        Self::Jpeg2000,
        Self::JpegXl,
        Self::Deflated,
        Self::Index,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Pixels => "pixels",
            Self::Rle => "rle",
            Self::Jpeg => "jpeg",
            Self::JpegLs => "jpegls",
            Self::Jpeg2000 => "jpeg2000",
            Self::JpegXl => "jpegxl",
            Self::Deflated => "deflated",
            Self::Index => "index",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// The bytes to damage: all, or the compressed pixel data.
    pub fn span(self, seed: &[u8]) -> Range<usize> {
        const PIXEL_DATA: &[u8] = &[0xE0, 0x7F, 0x10, 0x00, b'O'];
        let all = 132.min(seed.len())..seed.len();
        match self {
            Self::Dataset | Self::Pixels | Self::Deflated => all,
            Self::Index => 0..seed.len(),
            _ => match seed.windows(5).rposition(|w| w == PIXEL_DATA) {
                // After the element's header and the empty offset table.
                Some(at) if at + 20 < seed.len() => at + 20..seed.len(),
                _ => all,
            },
        }
    }

    pub fn run(self, path: &Path) {
        if self == Self::Index {
            // A damaged index is deleted, and the input is to stay.
            let index = path.with_file_name("index");
            if std::fs::copy(path, &index).is_ok() {
                read_with_index(&index);
                dicom::Index::delete(&index);
            }
            return;
        }
        let paths = [path.to_owned()];
        let Ok(library) = dicom::scan(&paths, &Progress::default()) else { return };
        for series in library.studies.iter().flat_map(|study| &study.series) {
            let _ = dicom::load(series, &Progress::default());
            let _ = dicom::thumbnail(series, 64);
            let _ = series.overlays(0);
            let _ = series.shutters(0).map(|shutters| shutters.hides(3, 3));
        }
    }
}

/// Scans a few files with the headers that this index knows.
pub fn read_with_index(path: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/rle");
    let _ = dicom::scan_with(&[folder], &Progress::default(), Some(&dicom::Index::open(path)));
}
