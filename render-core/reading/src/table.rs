//! All measurements as a table, and as CSV.

use glam::DVec3;

use crate::annotation::{Annotation, Id, Kind, Placement};
use crate::measure::{Measure, Values};

/// One annotation in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: Id,
    /// `dicom::Series::id`, to jump to with `placement`.
    pub series: String,
    /// The series as people know it.
    pub series_title: String,
    /// From 1, as acquired; `None` where it lies on no slice of the series.
    pub slice: Option<u32>,
    /// Its middle in the patient (LPS), where that is known.
    pub position_mm: Option<DVec3>,
    pub kind: Kind,
    pub label: String,
    pub placement: Placement,
    pub values: Values,
}

impl Row {
    pub fn new(
        annotation: &Annotation,
        series_title: &str,
        slice: Option<u32>,
        position_mm: Option<DVec3>,
        values: Values,
    ) -> Self {
        Self {
            id: annotation.id,
            series: annotation.series.clone(),
            series_title: series_title.to_owned(),
            slice,
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
        let fixed = ["Series", "Slice", "X (mm)", "Y (mm)", "Z (mm)", "Kind", "Label"].map(str::to_owned);
        line(&mut csv, fixed.into_iter().chain(headings).chain(["Note".to_owned()]));
        for row in &self.rows {
            let position =
                |axis: usize| row.position_mm.map(|mm| format!("{:.2}", mm[axis])).unwrap_or_default();
            let texts = [
                text(&row.series_title),
                row.slice.map(|slice| slice.to_string()).unwrap_or_default(),
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
            let note = text(row.values.doubt.as_deref().unwrap_or_default());
            line(&mut csv, texts.into_iter().chain(values).chain([note]));
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
