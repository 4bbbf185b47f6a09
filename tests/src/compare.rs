//! Comparing pictures and values, and showing where they differ.

use std::path::{Path, PathBuf};

use render_core::{Frame, ValueImage};

/// How far a back end may stray from the reference.
///
/// All back ends do the same arithmetic in 32-bit floats but may round it differently (fused
/// multiply-add, order of additions). Three things amplify such a difference of one part in 10^7:
/// a value may fall to the neighbouring entry of the transfer table, a ray may take or leave the
/// sample on the very edge of the volume, and a surface hit may move to the next sample where a ray
/// grazes the surface. The first changes many pixels by a grey level or so, the others single pixels
/// by more; hence a limit for nearly all pixels, and a share of outliers.
pub mod tolerance {
    /// Values before windowing: HU, or the same part of the value, whichever is more.
    pub const VALUE: f32 = 0.1;
    pub const VALUE_RELATIVE: f32 = 1e-4;
    /// Largest difference of an 8-bit colour.
    pub const COLOR: u8 = 2;

    /// How far a picture may stray.
    #[derive(Clone, Copy, Debug)]
    pub struct Picture {
        /// Share of pixels that may exceed `COLOR`.
        pub outliers: f64,
        /// Least peak signal-to-noise ratio of the whole picture.
        pub psnr_db: f64,
    }

    /// Share of values that may exceed the limits above.
    pub const OUTLIERS: f64 = 0.0005;
    pub const EXACT: Picture = Picture { outliers: OUTLIERS, psnr_db: 55.0 };
    /// Pictures made on another day, by another compiler and C library.
    pub const GOLDEN: Picture = Picture { outliers: OUTLIERS, psnr_db: 50.0 };
    /// Where a card's texture unit interpolates, its weights have 8 bits: beside an edge of 1000 HU a
    /// value is off by up to 4 HU, and a normal turns by a degree or so.
    pub const FAST: Picture = Picture { outliers: 0.06, psnr_db: 45.0 };
}

/// Checks values before windowing.
pub fn values(actual: &ValueImage, expected: &ValueImage) -> Result<(), String> {
    if actual.size != expected.size || actual.values.len() != expected.values.len() {
        return Err(format!("size {:?}, expected {:?}", actual.size, expected.size));
    }
    let (mut outliers, mut worst) = (0usize, 0.0f32);
    for (&a, &e) in actual.values.iter().zip(&expected.values) {
        let off = match (a.is_nan(), e.is_nan()) {
            (true, true) => 0.0,
            (false, false) => (a - e).abs(),
            _ => f32::INFINITY,
        };
        let limit = tolerance::VALUE.max(tolerance::VALUE_RELATIVE * e.abs());
        if off > limit || off.is_nan() {
            outliers += 1;
            worst = worst.max(off);
        }
    }
    if outliers as f64 > tolerance::OUTLIERS * actual.values.len() as f64 {
        return Err(format!("{outliers} of {} values differ, by up to {worst}", actual.values.len()));
    }
    Ok(())
}

/// How two pictures of one size differ.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    pub largest: u8,
    /// Share of pixels with a difference above `tolerance::COLOR`.
    pub outliers: f64,
    pub psnr_db: f64,
}

impl Difference {
    pub fn of(actual: &Frame, expected: &Frame) -> Self {
        let (mut largest, mut outliers, mut squares) = (0u8, 0usize, 0.0f64);
        let pixels = actual.pixels.chunks_exact(4).zip(expected.pixels.chunks_exact(4));
        for (a, e) in pixels {
            let off = (0..4).map(|i| a[i].abs_diff(e[i])).max().unwrap_or(0);
            largest = largest.max(off);
            outliers += usize::from(off > tolerance::COLOR);
            squares += (0..3).map(|i| f64::from(a[i].abs_diff(e[i])).powi(2)).sum::<f64>();
        }
        let count = actual.pixels.len() as f64 / 4.0;
        let mean = squares / (count * 3.0);
        Self {
            largest,
            outliers: outliers as f64 / count,
            psnr_db: 10.0 * (255.0f64.powi(2) / mean.max(1e-12)).log10(),
        }
    }
}

/// Checks a picture. If it is wrong, writes it, the expected one and an amplified difference to the
/// folder that the message names.
pub fn pictures(
    name: &str,
    actual: &Frame,
    expected: &Frame,
    tolerance: &tolerance::Picture,
) -> Result<(), String> {
    if actual.size != expected.size || actual.pixels.len() != expected.pixels.len() {
        return Err(format!("size {:?}, expected {:?}", actual.size, expected.size));
    }
    let difference = Difference::of(actual, expected);
    if difference.outliers <= tolerance.outliers && difference.psnr_db >= tolerance.psnr_db {
        return Ok(());
    }
    let folder = failures_folder();
    let amplified = Frame { pixels: amplified(&actual.pixels, &expected.pixels), ..actual.clone() };
    for (suffix, frame) in [("actual", actual), ("expected", expected), ("diff", &amplified)] {
        write_png(&folder.join(format!("{name}-{suffix}.png")), frame)?;
    }
    Err(format!(
        "the picture is wrong: largest difference {}, {:.3} % of pixels beyond {}, PSNR {:.1} dB (at least {}); see {}",
        difference.largest,
        difference.outliers * 100.0,
        tolerance::COLOR,
        difference.psnr_db,
        tolerance.psnr_db,
        folder.join(format!("{name}-diff.png")).display(),
    ))
}

/// Grey where equal, 16 times the difference elsewhere.
fn amplified(actual: &[u8], expected: &[u8]) -> Vec<u8> {
    let off = |(i, (&a, &e)): (usize, (&u8, &u8))| {
        if i % 4 == 3 { 255 } else { (128 + (i32::from(a) - i32::from(e)) * 16).clamp(0, 255) as u8 }
    };
    actual.iter().zip(expected).enumerate().map(off).collect()
}

/// `golden-failures` in the build folder, which holds this program at `release/deps/`.
fn failures_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.ancestors().nth(3).unwrap_or(Path::new("target")).join("golden-failures")
}

/// Writes an RGB PNG.
pub fn write_png(path: &Path, frame: &Frame) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    }
    let file = std::fs::File::create(path).map_err(|e| failed(&e))?;
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), frame.size[0], frame.size[1]);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    let rgb: Vec<u8> = frame.pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let mut writer = encoder.write_header().map_err(|e| failed(&e))?;
    writer.write_image_data(&rgb).map_err(|e| failed(&e))
}

/// Reads what `write_png` wrote.
pub fn read_png(path: &Path) -> Result<Frame, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(|e| failed(&e))?;
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().map_err(|e| failed(&e))?;
    let mut rgb = vec![0; reader.output_buffer_size().ok_or_else(|| failed(&"too large"))?];
    let info = reader.next_frame(&mut rgb).map_err(|e| failed(&e))?;
    if info.color_type != png::ColorType::Rgb {
        return Err(failed(&"not RGB"));
    }
    Ok(Frame {
        size: [info.width, info.height],
        pixels: rgb.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        kind: render_core::FrameKind::Exact,
        view_revision: 0,
        input_seq: 0,
    })
}
