//! Standardised uptake values of PET, after the vendor-neutral pseudo-code of the Quantitative Imaging
//! Biomarkers Alliance (QIBA, FDG-PET/CT profile).

use dicom_dictionary_std::tags;

use super::dataset::{Dataset, Tag};

/// Philips: SUV and Bq/ml for each rescaled value, where the unit is counts.
const PHILIPS_SUV: Tag = Tag::new(0x7053, 0x1000);
const PHILIPS_BQML: Tag = Tag::new(0x7053, 0x1009);

/// What a rescaled value is multiplied by to become an SUV.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suv {
    /// By body weight, in g/ml.
    pub body_weight: f64,
    /// By lean body mass (James), in g/ml; needs height and sex.
    pub lean_body_mass: Option<f64>,
    /// By body surface (Du Bois), in cm²/ml; needs the height.
    pub body_surface: Option<f64>,
}

impl Suv {
    /// `None` if the file is no PET; an error says what is missing.
    pub(super) fn read(data: &Dataset<'_>) -> Option<Result<Self, String>> {
        let modality = data.text(tags::MODALITY).unwrap_or_default();
        (modality == "PT").then(|| Self::of_pet(data))
    }

    fn of_pet(data: &Dataset<'_>) -> Result<Self, String> {
        let weight_kg = positive(data, tags::PATIENT_WEIGHT, "PatientWeight")?;
        // Per gram of body weight, so that other measures of the body only replace the weight.
        let per_gram = match data.text(tags::UNITS).unwrap_or_default().as_str() {
            "GML" => match data.text(tags::SUV_TYPE).as_deref() {
                None | Some("" | "BW") => 1.0 / (weight_kg * 1000.0),
                Some(other) => return Err(format!("SUVType (0054,1006) is {other}, not BW")),
            },
            "BQML" => 1.0 / remaining_dose_bq(data)?,
            "CNTS" => match (data.number(PHILIPS_SUV), data.number(PHILIPS_BQML)) {
                (Some(suv), _) if suv > 0.0 => suv / (weight_kg * 1000.0),
                (_, Some(scale)) if scale > 0.0 => scale / remaining_dose_bq(data)?,
                _ => return Err("Units (0054,1001) is CNTS, without a scale to SUV or Bq/ml".into()),
            },
            other => return Err(format!("Units (0054,1001) is {other:?}, not BQML, CNTS or GML")),
        };
        let height_cm =
            data.number(tags::PATIENT_SIZE).map(|m| m * 100.0).filter(|cm| (20.0..300.0).contains(cm));
        let lean_kg = height_cm.and_then(|height_cm| {
            let slim = (weight_kg / height_cm).powi(2);
            match data.text(tags::PATIENT_SEX).as_deref() {
                Some("M") => Some(1.10 * weight_kg - 120.0 * slim),
                Some("F") => Some(1.07 * weight_kg - 148.0 * slim),
                _ => None,
            }
        });
        let surface_cm2 = height_cm.map(|cm| weight_kg.powf(0.425) * cm.powf(0.725) * 0.007_184 * 1e4);
        Ok(Self {
            body_weight: per_gram * weight_kg * 1000.0,
            lean_body_mass: lean_kg.filter(|&kg| kg > 0.0).map(|kg| per_gram * kg * 1000.0),
            body_surface: surface_cm2.map(|cm2| per_gram * cm2),
        })
    }
}

fn positive(data: &Dataset<'_>, tag: dicom_object::Tag, name: &str) -> Result<f64, String> {
    let number = data.number(tag).filter(|&n| n > 0.0);
    number.ok_or_else(|| format!("{name} {} is missing or not above 0", Tag::from(tag)))
}

/// The injected dose at the time that the image's decay is corrected to.
fn remaining_dose_bq(data: &Dataset<'_>) -> Result<f64, String> {
    let corrected = data.texts(tags::CORRECTED_IMAGE);
    if !["ATTN", "DECY"].iter().all(|needed| corrected.iter().any(|found| found == needed)) {
        return Err("CorrectedImage (0028,0051) does not say ATTN and DECY".into());
    }
    let drug = data.items(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE).first();
    let drug = drug.ok_or("RadiopharmaceuticalInformationSequence (0054,0016) is missing")?;
    let dose_bq = positive(drug, tags::RADIONUCLIDE_TOTAL_DOSE, "RadionuclideTotalDose")?;
    match data.text(tags::DECAY_CORRECTION).unwrap_or_default().as_str() {
        "ADMIN" => Ok(dose_bq),
        "START" => {
            let half_life_s = positive(drug, tags::RADIONUCLIDE_HALF_LIFE, "RadionuclideHalfLife")?;
            let scan = scan_start_s(data)?;
            let waited_s = scan - injected_s(data, drug, scan)?;
            if !(0.0..=2.0 * 86_400.0).contains(&waited_s) {
                return Err(format!("the scan begins {waited_s:.0} s after the injection, which cannot be"));
            }
            Ok(dose_bq * (-waited_s / half_life_s).exp2())
        }
        other => Err(format!("DecayCorrection (0054,1102) is {other:?}, not START or ADMIN")),
    }
}

/// When the drug was given, in the time zone of the images.
fn injected_s(data: &Dataset<'_>, drug: &Dataset<'_>, scan: f64) -> Result<f64, String> {
    let missing = || "RadiopharmaceuticalStartTime (0018,1072) is missing".to_owned();
    let time = drug.text(tags::RADIOPHARMACEUTICAL_START_TIME).unwrap_or_default();
    let Some(both) = drug
        .text(tags::RADIOPHARMACEUTICAL_START_DATE_TIME)
        .filter(|t| t.find(['+', '-']).unwrap_or(t.len()) >= 12)
    else {
        let date = data.text(tags::SERIES_DATE).unwrap_or_default();
        // Without a date: the last such time before the scan.
        return seconds(&date, &time).map(|s| if s > scan { s - 86_400.0 } else { s }).ok_or_else(missing);
    };
    let local = both.split(['+', '-']).next().unwrap_or_default();
    let at = local.split_at_checked(8).and_then(|(date, time)| seconds(date, time)).ok_or_else(missing)?;
    let Some(sign) = both.rfind(['+', '-']) else { return Ok(at) };
    let offset = offset_s(&both[sign..])
        .ok_or("RadiopharmaceuticalStartDateTime (0018,1078) has no time zone that can be")?;
    if let Some(own) = data.text(tags::TIMEZONE_OFFSET_FROM_UTC).as_deref().and_then(offset_s) {
        return Ok(at - offset + own);
    }
    // Where the zone of all other times is not told, the same time without a zone tells that it is this one.
    let same = seconds(&both[..8], &time).is_some_and(|local| (local - at).abs() < 60.0);
    same.then_some(at).ok_or_else(|| {
        "RadiopharmaceuticalStartDateTime (0018,1078) has a time zone, and that of the images (0008,0201) is missing"
            .into()
    })
}

/// Seconds by which a time zone (`&ZZXX`) is ahead of UTC.
fn offset_s(zone: &str) -> Option<f64> {
    let (sign, digits) = zone.split_at_checked(1)?;
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u16>().ok();
    let (hours, minutes) = (number(0..2)?, number(2..4)?);
    let ahead = f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0;
    (digits.len() == 4 && hours <= 14 && minutes < 60).then_some(if sign == "-" { -ahead } else { ahead })
}

/// The series' own time, unless it was set anew by processing and lies after the acquisition.
fn scan_start_s(data: &Dataset<'_>) -> Result<f64, String> {
    let at = |date, time| seconds(&data.text(date)?, &data.text(time)?);
    let series = at(tags::SERIES_DATE, tags::SERIES_TIME).ok_or("SeriesTime (0008,0031) is missing")?;
    match at(tags::ACQUISITION_DATE, tags::ACQUISITION_TIME) {
        Some(acquired) if series <= acquired => Ok(series),
        Some(_) => {
            Err("SeriesTime (0008,0031) lies after the acquisition, so the scan's start is not known".into())
        }
        None => Err("AcquisitionTime (0008,0032) is missing".into()),
    }
}

/// Seconds of a DA and a TM, from a day long ago.
fn seconds(date: &str, time: &str) -> Option<f64> {
    let number = |text: &str, range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(date, 0..4)?, number(date, 4..6)?, number(date, 6..8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March end with the leap day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    let seconds: f64 = time
        .get(4..)
        .filter(|s| !s.is_empty())
        .map_or(Some(0.0), |s| s.split(['+', '-']).next()?.parse().ok())?;
    let (hours, minutes) = (number(time, 0..2)?, number(time, 2..4).unwrap_or(0));
    Some((days * 86_400 + hours * 3600 + minutes * 60) as f64 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dicom::dataset::{File, Until};

    fn element(tag: u32, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let mut value = value.to_vec();
        value.resize(value.len().next_multiple_of(2), b' ');
        let mut out = Vec::new();
        out.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
        out.extend_from_slice(&(tag as u16).to_le_bytes());
        out.extend_from_slice(vr);
        if vr == b"SQ" {
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        } else {
            out.extend_from_slice(&(value.len() as u16).to_le_bytes());
        }
        out.extend(value);
        out
    }

    /// A man of 70 kg and 1.75 m, 370 MBq of F-18 an hour before the scan.
    fn pet(decay: &str, units: &str, injected: &str) -> Option<Result<Suv, String>> {
        let is_date_time = injected.len() >= 14;
        let (time, both) = if is_date_time { ("", injected) } else { (injected, "") };
        pet_in_zone(decay, units, time, both, "")
    }

    fn pet_in_zone(
        decay: &str,
        units: &str,
        time: &str,
        both: &str,
        zone: &str,
    ) -> Option<Result<Suv, String>> {
        let drug = [
            element(0x0018_1072, b"TM", time.as_bytes()),
            element(0x0018_1074, b"DS", b"370000000"),
            element(0x0018_1075, b"DS", b"6586.2"),
            element(0x0018_1078, b"DT", both.as_bytes()),
        ]
        .concat();
        let item = [&[0xFE, 0xFF, 0x00, 0xE0][..], &(drug.len() as u32).to_le_bytes(), &drug].concat();
        let file = [
            element(0x0008_0021, b"DA", b"20240301"),
            element(0x0008_0022, b"DA", b"20240301"),
            element(0x0008_0031, b"TM", b"003000.5"),
            element(0x0008_0032, b"TM", b"003100"),
            element(0x0008_0060, b"CS", b"PT"),
            element(0x0008_0201, b"SH", zone.as_bytes()),
            element(0x0010_0040, b"CS", b"M"),
            element(0x0010_1020, b"DS", b"1.75"),
            element(0x0010_1030, b"DS", b"70"),
            element(0x0028_0051, b"CS", b"ATTN\\DECY"),
            element(0x0054_0016, b"SQ", &item),
            element(0x0054_1001, b"CS", units.as_bytes()),
            element(0x0054_1102, b"CS", decay.as_bytes()),
        ]
        .concat();
        let file = File::parse(&file, true, Until::PixelData).unwrap();
        Suv::read(&file.dataset)
    }

    /// The injection is on the day before.
    #[test]
    fn factors_are_those_of_the_pseudo_code() {
        let suv = pet("START", "BQML", "233000.5").unwrap().unwrap();
        let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-9, "{found}");
        near(suv.body_weight, 0.00027633668171764324);
        near(suv.lean_body_mass.unwrap(), 0.0002281751457611397);
        near(suv.body_surface.unwrap(), 7.2958529852469e-05);
        let dated = pet("START", "BQML", "20240229233000.5").unwrap().unwrap();
        near(dated.body_weight, suv.body_weight);
        near(pet("ADMIN", "BQML", "").unwrap().unwrap().body_weight, 70_000.0 / 3.7e8);
        near(pet("NONE", "GML", "").unwrap().unwrap().body_weight, 1.0);
    }

    /// The scan is at half past midnight of the first of March, an hour later.
    #[test]
    fn an_injection_may_be_told_in_another_time_zone() {
        let factor = |time, both, zone| pet_in_zone("START", "BQML", time, both, zone).unwrap();
        let expected = pet("START", "BQML", "233000.5").unwrap().unwrap();
        for (time, both, zone) in [
            ("", "20240229213000.50+0000", "+0200"),
            ("", "20240301010000.50+0430", "+0300"),
            ("", "20240229183000.50-0500", "+0000"),
            ("", "20240229233000.50+0200", "+0200"),
            ("233000.5", "20240229233000.50+0200", ""),
            ("", "20240229233000.50", "+0200"),
            ("233000.5", "20240229+0000", "+0200"),
        ] {
            assert_eq!(factor(time, both, zone), Ok(expected), "{both} {zone}");
        }
        // Which zone the scan's time is of is not known.
        assert!(factor("", "20240229213000.50+0000", "").unwrap_err().contains("(0008,0201)"));
        assert!(factor("233000.5", "20240229213000.50+0000", "").unwrap_err().contains("(0008,0201)"));
        assert!(factor("", "20240229213000.50+99", "+0200").unwrap_err().contains("(0018,1078)"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let reason = |decay, units, injected| pet(decay, units, injected).unwrap().unwrap_err();
        assert!(reason("NONE", "BQML", "2330").contains("(0054,1102)"));
        assert!(reason("START", "CNTS", "2330").contains("CNTS"));
        assert!(reason("START", "BQML", "").contains("(0018,1072)"));
        // A byte that is no digit in the middle of a date.
        assert!(reason("START", "BQML", "2024030é110000").contains("(0018,1072)"));
    }
}
