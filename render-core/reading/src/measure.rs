//! Lengths, angles, areas and values of annotations, computed from the volume.

use glam::{DVec2, DVec3};
use render_core::dicom::{Suv, Trust};
use render_core::{Geometry, Progress, Volume};
use serde::{Deserialize, Serialize};

use crate::annotation::{Annotation, Kind, Placement};
use crate::outline;
use crate::region::{self, Lattice};
use crate::statistics::{Cancelled, Statistics};

/// What annotations of a series are measured in.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub geometry: &'a Geometry,
    /// Of the values; empty where it is not known.
    pub unit: &'a str,
    /// `None` where the voxels are on another machine: lengths and angles are told then, and no values.
    pub volume: Option<&'a Volume>,
    /// Where millimetres hold.
    pub trust: &'a Trust,
    /// Of a PET whose values have a scale to SUV: then SUVs are told.
    pub suv: Option<Suv>,
}

impl<'a> Source<'a> {
    pub fn new(volume: &'a Volume, trust: &'a Trust, suv: Option<Suv>) -> Self {
        Self { geometry: volume.geometry(), unit: &volume.meaning().unit, volume: Some(volume), trust, suv }
    }
}

/// Which number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Measure {
    Length,
    LongAxis,
    ShortAxis,
    Angle,
    CobbAngle,
    Area,
    Perimeter,
    Volume,
    Value,
    Mean,
    StandardDeviation,
    Minimum,
    Maximum,
    /// Pixels of an area, voxels of a solid.
    Count,
}

impl Measure {
    /// The name that people read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Length => "Length",
            Self::LongAxis => "Long axis",
            Self::ShortAxis => "Short axis",
            Self::Angle => "Angle",
            Self::CobbAngle => "Cobb angle",
            Self::Area => "Area",
            Self::Perimeter => "Perimeter",
            Self::Volume => "Volume",
            Self::Value => "Value",
            Self::Mean => "Mean",
            Self::StandardDeviation => "SD",
            Self::Minimum => "Min",
            Self::Maximum => "Max",
            Self::Count => "Count",
        }
    }
}

/// A number with its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    pub measure: Measure,
    pub value: f64,
    /// `mm`, `px`, `voxels`, `°`, `mm²`, `px²`, `ml`, the unit of the volume's values (`HU`, `SUVbw`), or empty.
    pub unit: String,
}

impl Quantity {
    fn new(measure: Measure, value: f64, unit: &str) -> Self {
        Self { measure, value, unit: unit.into() }
    }

    /// The number as it is told: mm and degrees to 0.1, values as finely as they mean anything.
    pub fn number(&self) -> String {
        let decimals = match (self.measure, self.unit.as_str()) {
            (Measure::Count, _) => 0,
            (Measure::Volume, _) => {
                return format!("{:.*}", if self.value.abs() < 10.0 { 3 } else { 1 }, self.value);
            }
            (_, "mm" | "px" | "°" | "mm²" | "px²") => 1,
            (_, unit) if unit.starts_with("SUV") => 2,
            (Measure::Value | Measure::Minimum | Measure::Maximum, _) if self.value.fract() == 0.0 => 0,
            // Three digits that count, of values that have no usual size.
            _ => match self.value.abs() {
                v if v >= 10.0 || v == 0.0 => 1,
                v if v >= 1.0 => 2,
                v => (2.0 - v.log10().floor()).clamp(0.0, 12.0) as usize,
            },
        };
        format!("{:.decimals$}", self.value)
    }

    /// The number with its unit.
    pub fn text(&self) -> String {
        match self.unit.as_str() {
            "" => self.number(),
            "°" => format!("{}°", self.number()),
            unit => format!("{} {unit}", self.number()),
        }
    }
}

/// All that is known of an annotation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Values {
    /// In the order in which they are told.
    pub quantities: Vec<Quantity>,
    /// Of areas and solids: between the minimum and the maximum.
    pub histogram: Vec<u64>,
    /// Why lengths are in pixels, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

impl Values {
    pub fn get(&self, measure: Measure) -> Option<&Quantity> {
        self.quantities.iter().find(|quantity| quantity.measure == measure)
    }

    /// The lines that matter most, where there is little room.
    pub fn brief_in(&self, name: impl Fn(Measure) -> &'static str) -> Vec<String> {
        let known = |quantity: &&Quantity| {
            use Measure::{Count, Maximum, Minimum, Perimeter};
            !matches!(quantity.measure, Count | Perimeter | Minimum | Maximum)
        };
        Self { quantities: self.quantities.iter().filter(known).cloned().collect(), ..Self::default() }
            .lines_in(name)
    }

    /// Lines to be read beside the annotation.
    pub fn lines(&self) -> Vec<String> {
        self.lines_in(Measure::name)
    }

    /// The same with other names for what is measured.
    pub fn lines_in(&self, name: impl Fn(Measure) -> &'static str) -> Vec<String> {
        let short = |quantity: &Quantity| match quantity.measure {
            Measure::Length | Measure::Angle | Measure::CobbAngle | Measure::Value => quantity.text(),
            _ => format!("{} {}", name(quantity.measure), quantity.text()),
        };
        let mut lines: Vec<String> = Vec::new();
        for quantity in &self.quantities {
            let joins = matches!(quantity.measure, Measure::StandardDeviation | Measure::Maximum);
            match lines.last_mut().filter(|_| joins) {
                Some(line) => line.push_str(&format!("  {}", short(quantity))),
                None => lines.push(short(quantity)),
            }
        }
        lines
    }
}

/// How lengths in a plane are told.
struct Scale<'a> {
    geometry: &'a Geometry,
    trusted: bool,
}

impl Scale<'_> {
    fn length(&self, a: DVec3, b: DVec3) -> f64 {
        self.vector(b - a).length()
    }

    /// In mm, or in voxels, which are pixels within an image.
    fn vector(&self, mm: DVec3) -> DVec3 {
        if self.trusted { mm } else { self.geometry.voxel_from_patient().matrix3 * mm }
    }

    fn unit(&self) -> &'static str {
        if self.trusted { "mm" } else { "px" }
    }

    fn area_unit(&self) -> &'static str {
        if self.trusted { "mm²" } else { "px²" }
    }

    fn path(&self, points: &[DVec3]) -> f64 {
        let next = points.iter().cycle().skip(1);
        points.iter().zip(next).map(|(a, b)| self.length(*a, *b)).sum()
    }

    /// What an outline encloses once, or any odd number of times, as samples are counted.
    fn polygon(&self, annotation: &Annotation) -> f64 {
        let Placement { right, down, .. } = annotation.placement;
        let flat: Vec<DVec2> = annotation.points_mm.iter().map(|p| annotation.placement.flat(*p)).collect();
        let (x, y) = (self.vector(right), self.vector(down));
        outline::area(&flat) * x.cross(y).length()
    }
}

fn degrees(a: DVec3, b: DVec3) -> f64 {
    a.cross(b).length().atan2(a.dot(b)).to_degrees()
}

/// Measures an annotation. Large areas and solids take a while: they can be watched and cancelled.
pub fn measure(
    annotation: &Annotation,
    source: &Source<'_>,
    progress: &Progress,
) -> Result<Values, Cancelled> {
    let geometry = source.geometry;
    let trusted = if annotation.kind.is_solid() {
        source.trust.is_everywhere()
    } else {
        source.trust.holds_between(&annotation.points_mm, annotation.placement.normal(), geometry)
    };
    let scale = Scale { geometry, trusted };
    let p = &annotation.points_mm;
    let mut values = Values::default();
    let mut tell =
        |measure, value: f64, unit: &str| values.quantities.push(Quantity::new(measure, value, unit));
    let mut statistics = None;
    match annotation.kind {
        Kind::Probe => {
            let at = geometry.voxel_from_patient().transform_point3(p[0]);
            let (factor, unit) = source.unit();
            // The voxel itself, not a mixture of it and its neighbours.
            if let Some(value) = source.volume.and_then(|volume| region::sample(volume, at.round())) {
                tell(Measure::Value, f64::from(value) * factor, &unit);
            }
        }
        Kind::Length => tell(Measure::Length, scale.length(p[0], p[1]), scale.unit()),
        Kind::Angle => tell(Measure::Angle, degrees(p[0] - p[1], p[2] - p[1]), "°"),
        Kind::Cobb => {
            // Lines have no direction.
            let angle = degrees(p[1] - p[0], p[3] - p[2]);
            tell(Measure::CobbAngle, angle.min(180.0 - angle), "°");
        }
        Kind::Bidirectional => {
            let lengths = [scale.length(p[0], p[1]), scale.length(p[2], p[3])];
            tell(Measure::LongAxis, lengths[0].max(lengths[1]), scale.unit());
            tell(Measure::ShortAxis, lengths[0].min(lengths[1]), scale.unit());
        }
        Kind::Ellipse | Kind::Rectangle | Kind::Freehand => {
            if let Some(volume) = source.volume {
                statistics = region::of_area(annotation, volume, progress)?;
            }
            let (_, a, b) = match annotation.kind {
                Kind::Freehand => Default::default(),
                _ => annotation.half_axes(),
            };
            let parallelogram = scale.vector(a).cross(scale.vector(b)).length();
            match annotation.kind {
                Kind::Ellipse => tell(Measure::Area, std::f64::consts::PI * parallelogram, scale.area_unit()),
                Kind::Rectangle => tell(Measure::Area, 4.0 * parallelogram, scale.area_unit()),
                _ => {
                    tell(Measure::Area, scale.polygon(annotation), scale.area_unit());
                    tell(Measure::Perimeter, scale.path(p), scale.unit());
                }
            }
        }
        Kind::Box | Kind::Ellipsoid => {
            if let Some(volume) = source.volume {
                statistics = region::of_solid(annotation, volume, progress)?;
            }
            if let (Some(statistics), true) = (&statistics, trusted) {
                tell(Measure::Volume, statistics.count as f64 * voxel_ml(geometry), "ml");
            }
        }
        Kind::Arrow | Kind::KeyImage => {}
    }
    if let Some(statistics) = statistics {
        values.add(&statistics, source, if annotation.kind.is_solid() { "voxels" } else { "px" });
    }
    let measured = !matches!(annotation.kind, Kind::Probe | Kind::Arrow | Kind::KeyImage);
    if !trusted && measured {
        let reason = source.trust.reason().unwrap_or("lengths are not known in this plane");
        values.doubt = Some(reason.to_owned());
    }
    Ok(values)
}

impl Values {
    /// `counted` are pixels or voxels.
    pub(crate) fn add(&mut self, statistics: &Statistics, source: &Source<'_>, counted: &str) {
        let (factor, unit) = source.unit();
        let told = statistics.clone().scaled(factor);
        for (measure, value) in [
            (Measure::Mean, told.mean),
            (Measure::StandardDeviation, told.standard_deviation),
            (Measure::Minimum, told.minimum),
            (Measure::Maximum, told.maximum),
        ] {
            self.quantities.push(Quantity::new(measure, value, &unit));
        }
        self.quantities.push(Quantity::new(Measure::Count, told.count as f64, counted));
        self.histogram = told.histogram;
    }
}

impl Source<'_> {
    /// What the volume's values are multiplied by, and their unit then.
    pub(crate) fn unit(&self) -> (f64, String) {
        match self.suv {
            Some(suv) => (suv.body_weight, "SUVbw".into()),
            None => (1.0, self.unit.to_owned()),
        }
    }
}

/// Millilitres of a voxel.
pub(crate) fn voxel_ml(geometry: &Geometry) -> f64 {
    geometry.patient_from_voxel().matrix3.determinant().abs() / 1000.0
}

/// Millimetres between the samples that an area is measured by, along the two axes of its lattice.
pub fn sampling_mm(annotation: &Annotation, geometry: &Geometry) -> [f64; 2] {
    let lattice = Lattice::new(&annotation.placement, geometry);
    let place = |i, j| geometry.patient_from_voxel().transform_point3(lattice.voxel(i, j));
    let origin = place(0, 0);
    [origin.distance(place(1, 0)), origin.distance(place(0, 1))]
}
