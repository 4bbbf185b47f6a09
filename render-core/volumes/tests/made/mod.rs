//! Small DICOM files made by a test: CT slices of 4x4 pixels, element by element.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use volumes::Progress;
use volumes::dicom::{self, Library, Loaded, Series};

/// An empty folder of its own for one test, gone at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("voxcast-made-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("create a folder for the test");
        Self(path)
    }

    pub fn scan(&self) -> Library {
        scan(&self.0)
    }

    /// All series of all studies.
    pub fn series(&self) -> Vec<Series> {
        self.scan().studies.into_iter().flat_map(|study| study.series).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn scan(path: &Path) -> Library {
    dicom::scan(&[path.to_owned()], &Progress::default()).expect("scan")
}

pub fn load(series: &Series) -> Loaded {
    dicom::load(series, &Progress::default()).expect("load")
}

/// The elements of one file; explicit VR little endian.
#[derive(Clone)]
pub struct Slice(BTreeMap<u32, ([u8; 2], Vec<u8>)>);

impl Slice {
    /// A slice at a height with one value everywhere.
    pub fn new(number: u32, z: f64, value: i16) -> Self {
        Self(BTreeMap::new())
            .text(0x0002_0010, b"UI", "1.2.840.10008.1.2.1")
            .text(0x0008_0018, b"UI", &format!("1.2.3.{number}"))
            .text(0x0008_0060, b"CS", "CT")
            .text(0x0010_0010, b"PN", "Made")
            .text(0x0010_0020, b"LO", "Made")
            .text(0x0020_000D, b"UI", "1.2.3")
            .text(0x0020_000E, b"UI", "1.2.3.0")
            .text(0x0020_0013, b"IS", &number.to_string())
            .text(0x0020_0032, b"DS", &format!("0\\0\\{z}"))
            .text(0x0020_0037, b"DS", "1\\0\\0\\0\\1\\0")
            .us(0x0028_0002, 1)
            .text(0x0028_0004, b"CS", "MONOCHROME2")
            .text(0x0028_0030, b"DS", "1\\1")
            .us(0x0028_0100, 16)
            .us(0x0028_0101, 16)
            .us(0x0028_0102, 15)
            .us(0x0028_0103, 1)
            .pixels(4, 4, &[value; 16])
    }

    pub fn element(mut self, tag: u32, vr: &[u8; 2], value: &[u8]) -> Self {
        self.0.insert(tag, (*vr, value.to_vec()));
        self
    }

    pub fn text(self, tag: u32, vr: &[u8; 2], value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if vr == b"UI" { 0 } else { b' ' });
        }
        self.element(tag, vr, &bytes)
    }

    pub fn us(self, tag: u32, value: u16) -> Self {
        self.element(tag, b"US", &value.to_le_bytes())
    }

    pub fn without(mut self, tag: u32) -> Self {
        self.0.remove(&tag);
        self
    }

    /// Values row by row.
    pub fn pixels(self, columns: u16, rows: u16, values: &[i16]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.us(0x0028_0010, rows).us(0x0028_0011, columns).element(0x7FE0_0010, b"OW", &bytes)
    }

    pub fn write(&self, folder: &Folder, name: &str) {
        let mut bytes = [&[0; 128][..], b"DICM"].concat();
        for (tag, (vr, value)) in &self.0 {
            bytes.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
            bytes.extend_from_slice(&(*tag as u16).to_le_bytes());
            bytes.extend_from_slice(vr);
            if matches!(vr, b"OB" | b"OW" | b"OF" | b"OD" | b"SQ" | b"UN") {
                bytes.extend_from_slice(&[0, 0]);
                bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
            } else {
                bytes.extend_from_slice(&(value.len() as u16).to_le_bytes());
            }
            bytes.extend_from_slice(value);
        }
        fs::write(folder.0.join(name), bytes).expect("write a test file");
    }
}
