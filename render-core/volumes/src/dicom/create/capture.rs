//! Secondary captures (PS3.3 A.8): pictures of what was on the screen.

use dicom_dictionary_std::{tags, uids};

use super::{Stamp, Subject, finish, put_pixels, reference};
use crate::dicom::Error;

/// A picture in colour: `rgb` holds `size` columns by rows, top left first, without gaps. It shows no patient's
/// name unless one was drawn into it, which `burned_in` must tell.
pub fn secondary_capture(
    subject: &Subject,
    size: [u16; 2],
    rgb: &[u8],
    burned_in: bool,
    stamp: &Stamp,
) -> Result<Vec<u8>, Error> {
    let [columns, rows] = size;
    if rgb.len() != usize::from(columns) * usize::from(rows) * 3 || rgb.is_empty() {
        return Err(Error::Series(format!(
            "a picture of {columns}x{rows} pixels has {} bytes, not {}",
            usize::from(columns) * usize::from(rows) * 3,
            rgb.len()
        )));
    }
    let mut set = subject.begin(uids::SECONDARY_CAPTURE_IMAGE_STORAGE, "OT", stamp);
    set.put_text(tags::CONVERSION_TYPE, "WSD")
        .put_text(tags::IMAGE_TYPE, "DERIVED\\SECONDARY")
        .put_text(tags::PATIENT_ORIENTATION, "")
        .put_text(tags::LATERALITY, "")
        .put_text(tags::BURNED_IN_ANNOTATION, if burned_in { "YES" } else { "NO" })
        .put_numbers(tags::SAMPLES_PER_PIXEL, &[3.0])
        .put_text(tags::PHOTOMETRIC_INTERPRETATION, "RGB")
        .put_numbers(tags::PLANAR_CONFIGURATION, &[0.0])
        .put_numbers(tags::ROWS, &[f64::from(rows)])
        .put_numbers(tags::COLUMNS, &[f64::from(columns)])
        .put_numbers(tags::BITS_ALLOCATED, &[8.0])
        .put_numbers(tags::BITS_STORED, &[8.0])
        .put_numbers(tags::HIGH_BIT, &[7.0])
        .put_numbers(tags::PIXEL_REPRESENTATION, &[0.0])
        .put_items(tags::SOURCE_IMAGE_SEQUENCE, subject.images().iter().map(reference).collect());
    put_pixels(&mut set, *b"OB", rgb.to_vec());
    Ok(finish(&set))
}
