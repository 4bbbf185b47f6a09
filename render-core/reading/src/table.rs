//! All measurements as a table, and as CSV.

use glam::DVec3;

use crate::annotation::{Annotation, Id, Kind, Placement};
use crate::measure::{Measure, Values};

/// One annotation in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: Id,
    /// `dicom::Series::key`, to jump to with `placement`.
    pub series: String,
    pub origin: Origin,
    pub image: Option<Image>,
    /// Its middle in the patient (LPS), where that is known.
    pub position_mm: Option<DVec3>,
    pub kind: Kind,
    pub label: String,
    pub placement: Placement,
    pub values: Values,
}

/// What an annotation was drawn on: patients and studies may stand in one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// As its files state it.
    pub study_date: String,
    pub study_instance_uid: String,
    /// The series as people know it.
    pub series_title: String,
    pub series_instance_uid: String,
}

/// The acquired image that an annotation lies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// From 1, as acquired.
    pub slice: u32,
    /// Instance Number (0020,0013).
    pub instance_number: Option<i64>,
    /// Empty where it is not known.
    pub sop_instance_uid: String,
    /// From 1, where the object holds several.
    pub frame: Option<u32>,
}

impl Row {
    pub fn new(
        annotation: &Annotation,
        origin: Origin,
        image: Option<Image>,
        position_mm: Option<DVec3>,
        values: Values,
    ) -> Self {
        Self {
            id: annotation.id,
            series: annotation.series.clone(),
            origin,
            image,
            position_mm,
            kind: annotation.kind,
            label: annotation.label.clone(),
            placement: Placement { center_mm: annotation.center_mm(), ..annotation.placement },
            values,
        }
    }

    /// The most telling value, as text.
    pub fn summary(&self) -> String {
        self.values.lines().join(", ")
    }
}

/// Rows with a column for each quantity and unit that occurs.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub rows: Vec<Row>,
}

impl Table {
    /// RFC 4180, in UTF-8, lines ending with CR LF. X grows to the patient's left, Y to the back, Z to the head. Units stand in the headings; numbers have all their digits.
    /// Text that a spreadsheet would take for a formula begins with an apostrophe.
    pub fn csv(&self) -> String {
        let mut columns: Vec<(Measure, &str)> = Vec::new();
        for quantity in self.rows.iter().flat_map(|row| &row.values.quantities) {
            let column = (quantity.measure, quantity.unit.as_str());
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns.sort_by_key(|(measure, _)| *measure as u8);
        let mut csv = String::new();
        let headings = columns.iter().map(|(measure, unit)| match *unit {
            "" => measure.name().to_owned(),
            unit => format!("{} ({unit})", measure.name()),
        });
        let fixed = [
            "Study Date",
            "Study Instance UID",
            "Series",
            "Series Instance UID",
            "Slice",
            "Instance Number",
            "X (mm)",
            "Y (mm)",
            "Z (mm)",
            "Kind",
            "Label",
        ];
        let last = ["SOP Instance UID", "Frame", "Note"];
        line(&mut csv, fixed.map(str::to_owned).into_iter().chain(headings).chain(last.map(str::to_owned)));
        for row in &self.rows {
            let position =
                |axis: usize| row.position_mm.map(|mm| format!("{:.2}", mm[axis])).unwrap_or_default();
            let image = row.image.as_ref();
            let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
            let texts = [
                text(&row.origin.study_date),
                text(&row.origin.study_instance_uid),
                text(&row.origin.series_title),
                text(&row.origin.series_instance_uid),
                number(image.map(|image| image.slice.into())),
                number(image.and_then(|image| image.instance_number)),
                position(0),
                position(1),
                position(2),
                row.kind.name().to_owned(),
                text(&row.label),
            ];
            let values = columns.iter().map(|(measure, unit)| {
                let found = row.values.get(*measure).filter(|quantity| quantity.unit == *unit);
                found.map(|quantity| quantity.value.to_string()).unwrap_or_default()
            });
            let last = [
                text(image.map(|image| image.sop_instance_uid.as_str()).unwrap_or_default()),
                number(image.and_then(|image| image.frame).map(i64::from)),
                text(row.values.doubt.as_deref().unwrap_or_default()),
            ];
            line(&mut csv, texts.into_iter().chain(values).chain(last));
        }
        csv
    }
}

/// Text that no spreadsheet takes for a formula.
fn text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn line(csv: &mut String, fields: impl Iterator<Item = String>) {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            csv.push(',');
        }
        if field.contains(['"', ',', '\r', '\n']) {
            csv.push('"');
            csv.push_str(&field.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(&field);
        }
    }
    csv.push_str("\r\n");
}
