//! Headers of lines of text, as NRRD and MetaImage have them.

use std::io::Read;
use std::path::{Path, PathBuf};

use glam::DVec3;

/// Longer headers are damage.
const MAX_HEADER: u64 = 1 << 20;

/// The beginning of a file.
pub fn beginning(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    super::open(path)?.take(MAX_HEADER).read_to_end(&mut bytes).map_err(|e| super::io_reason(&e))?;
    Ok(bytes)
}

/// A line, and where the next one begins; `None` at the end.
pub fn line(bytes: &[u8], at: usize) -> Option<(String, usize)> {
    let end = bytes.get(at..)?.iter().position(|&b| b == b'\n')? + at;
    Some((String::from_utf8_lossy(&bytes[at..end]).trim().to_owned(), end + 1))
}

/// A field of a header by its name, in lower case.
pub fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Numbers between spaces; none if one is not a finite number.
pub fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split_whitespace().map(|word| word.parse().ok().filter(|n: &f64| n.is_finite())).collect()
}

/// One to four sizes: of columns, rows, slices, times; those left out are 1.
pub fn sizes(text: &str) -> Option<[u32; 4]> {
    let mut sizes = [1; 4];
    let stated = numbers(text)?;
    if stated.is_empty() || stated.len() > 4 {
        return None;
    }
    for (size, n) in sizes.iter_mut().zip(stated) {
        *size = Some(n).filter(|n| (1.0..=f64::from(u32::MAX)).contains(n) && n.fract() == 0.0)? as u32;
    }
    Some(sizes)
}

/// A data file beside its header. Names and links that lead elsewhere are refused: a header from somewhere must
/// not make Voxcast read another file.
pub fn beside(header: &Path, name: &str) -> Result<PathBuf, String> {
    let elsewhere = || format!("its data file {name:?} must lie in the same folder");
    let name = Path::new(name);
    let mut parts = name.components();
    let (Some(std::path::Component::Normal(_)), None) = (parts.next(), parts.next()) else {
        return Err(elsewhere());
    };
    let folder = header.parent().unwrap_or(Path::new(""));
    let path = folder.join(name);
    if path.is_symlink() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let real = |path: &Path| path.canonicalize().map_err(|e| super::io_reason(&e));
        if real(&path)?.parent() != Some(&real(folder)?) {
            return Err(format!("{}, and is a link to another", elsewhere()));
        }
    }
    Ok(path)
}

/// Numbers for a header.
pub fn joined(vector: DVec3) -> [String; 3] {
    // Adding zero makes a negative zero positive.
    vector.to_array().map(|n| format!("{}", n + 0.0))
}
