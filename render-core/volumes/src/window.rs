//! Window centre and width, and the curves between black and white (PS3.3 C.11.2).

use std::sync::Arc;

use crate::volume::{Meaning, Volume};

/// Which values become black and white, and how those between them do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    center: f64,
    width: f64,
    shape: Shape,
}

/// VOI LUT Function (0028,1056), or a table in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A straight ramp from `center - width / 2` on; the width is at least 1 (C.11.2.1.2.1).
    #[default]
    Linear,
    /// A straight ramp from `center - width / 2` to `center + width / 2` (C.11.2.1.3.2).
    LinearExact,
    /// The logistic function (C.11.2.1.3.1).
    Sigmoid,
    /// The table of this index in `Meaning::tables`, stretched over the window.
    Table(u16),
}

/// Brightness for evenly spaced values, from a VOI LUT Sequence (0028,3010): 0 is black, 1 white.
/// There are at least two entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Table(Vec<f32>);

/// Narrower ramps have no place in a float.
const MIN_EXACT_WIDTH: f64 = 1e-6;
/// A window whose ends lie farther from 0 is none: no volume holds such values, and a track of a transfer function
/// ends here, too.
const FARTHEST: f64 = 1e9;

impl Window {
    /// For the tables below, in the order in which the field names windows: width, then centre.
    const fn of(width: f64, center: f64) -> Self {
        Self { center, width, shape: Shape::Linear }
    }

    /// `None` if a number is not finite or the width is below 1, which LINEAR forbids.
    pub fn new(center: f64, width: f64) -> Option<Self> {
        Self::shaped(center, width, Shape::Linear)
    }

    /// `None` if a number is not finite, the width is less than the shape allows, or an end lies beyond ±1e9.
    pub fn shaped(center: f64, width: f64, shape: Shape) -> Option<Self> {
        // What is not a number fails both.
        let possible = width >= shape.least_width() && center.abs() + width / 2.0 <= FARTHEST;
        possible.then_some(Self { center, width, shape })
    }

    /// The nearest allowed straight window to what a drag or a slider asks for.
    pub fn clamped(center: f64, width: f64) -> Self {
        Self::of(1.0, 0.0).changed(center, width)
    }

    /// As `clamped`, with the shape of this window.
    pub fn changed(self, center: f64, width: f64) -> Self {
        let finite = |x: f64, otherwise: f64| if x.is_finite() { x } else { otherwise };
        let least = self.shape.least_width();
        Self {
            center: finite(center, 0.0).clamp(-1e6, 1e6),
            width: finite(width, 1.0).clamp(least, 1e6),
            shape: self.shape,
        }
    }

    /// From the value that is just black to the value that is just white.
    pub fn from_range(low: f64, high: f64) -> Self {
        Self::clamped((low + high) / 2.0 + 0.5, high - low + 1.0)
    }

    /// The file's own window with these numbers, for what comes back as numbers; else a straight one.
    pub fn of_numbers(meaning: &Meaning, center: f64, width: f64) -> Self {
        let own = meaning.windows.iter().map(|(_, window)| *window);
        own.into_iter()
            .find(|w| (w.center, w.width) == (center, width))
            .unwrap_or(Self::clamped(center, width))
    }

    pub fn center(self) -> f64 {
        self.center
    }

    pub fn width(self) -> f64 {
        self.width
    }

    pub fn shape(self) -> Shape {
        self.shape
    }

    /// centre - width/2 and centre + width/2.
    pub fn ends(self) -> (f32, f32) {
        let half = self.width / 2.0;
        ((self.center - half) as f32, (self.center + half) as f32)
    }

    /// `(low, scale)`: brightness is `clamp((value - low) * scale, 0, 1)`. Of a curve it is the ramp
    /// that comes nearest.
    pub fn ramp(self) -> (f32, f32) {
        let (low, span) = match self.shape {
            // A width of 1 is a step; the tiny span keeps the division finite.
            Shape::Linear | Shape::Table(_) => {
                (self.center - 0.5 - (self.width - 1.0) / 2.0, (self.width - 1.0).max(1e-3))
            }
            Shape::LinearExact | Shape::Sigmoid => (self.center - self.width / 2.0, self.width),
        };
        (low as f32, (1.0 / span) as f32)
    }

    /// What stands in for the ramp, if it does not say it all; black and white change places if it is `inverted`.
    pub fn curve(self, meaning: &Meaning, inverted: bool) -> Option<Curve> {
        let (low, scale) = self.ramp();
        match self.shape {
            Shape::Linear | Shape::LinearExact => None,
            Shape::Sigmoid => Some(Curve { low, scale, table: None, inverted }),
            Shape::Table(index) => {
                let table = Some(Arc::clone(meaning.tables.get(usize::from(index))?));
                Some(Curve { low, scale, table, inverted })
            }
        }
    }
}

impl Shape {
    fn least_width(self) -> f64 {
        match self {
            Self::Linear | Self::Table(_) => 1.0,
            Self::LinearExact | Self::Sigmoid => MIN_EXACT_WIDTH,
        }
    }
}

impl Table {
    /// `None` with fewer than two entries.
    pub fn new(brightness: Vec<f32>) -> Option<Self> {
        (brightness.len() >= 2).then_some(Self(brightness))
    }

    /// Brightness for evenly spaced values, 0 to 1.
    pub fn entries(&self) -> &[f32] {
        &self.0
    }

    /// Between entries it is a straight line.
    fn at(&self, share: f32) -> f32 {
        let at = share.clamp(0.0, 1.0) * (self.0.len() - 1) as f32;
        let below = (at as usize).min(self.0.len() - 2);
        let part = at - below as f32;
        self.0[below] * (1.0 - part) + self.0[below + 1] * part
    }
}

/// A window that is no ramp, with all that it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    low: f32,
    scale: f32,
    /// Without one the curve is the logistic function.
    table: Option<Arc<Table>>,
    inverted: bool,
}

impl Curve {
    /// From 0, black, to 1, white.
    pub fn brightness(&self, value: f32) -> f32 {
        let share = (value - self.low) * self.scale;
        let brightness = match &self.table {
            Some(table) => table.at(share),
            None => 1.0 / (1.0 + (-4.0 * (share - 0.5)).exp()),
        };
        if self.inverted { 1.0 - brightness } else { brightness }
    }
}

/// First window of a CT projection.
pub const CT_MIP_WINDOW: Window = Window::of(1400.0, 500.0);

/// The usual windows of a modality, as (label, window). The first five of CT are on the number keys
/// of every viewer.
pub fn presets(modality: &str) -> &'static [(&'static str, Window)] {
    match modality {
        "CT" => &CT,
        _ => &[],
    }
}

const CT: [(&str, Window); 14] = [
    ("Soft tissue", Window::of(400.0, 40.0)),
    ("Lung", Window::of(1500.0, -600.0)),
    ("Bone", Window::of(2500.0, 480.0)),
    ("Brain", Window::of(80.0, 40.0)),
    ("Liver", Window::of(150.0, 90.0)),
    ("Mediastinum", Window::of(350.0, 50.0)),
    ("Angiography", Window::of(600.0, 300.0)),
    ("Pulmonary embolism", Window::of(700.0, 100.0)),
    ("Stroke", Window::of(40.0, 40.0)),
    ("Subdural", Window::of(200.0, 75.0)),
    ("Temporal bone", Window::of(4000.0, 700.0)),
    ("Spine", Window::of(250.0, 50.0)),
    ("Spine bone", Window::of(1800.0, 400.0)),
    ("Fat", Window::of(500.0, -50.0)),
];

/// What a window menu for a volume holds: the files' own windows, the usual ones of the modality, what
/// the values themselves suggest, and their whole range.
pub fn menu(volume: &Volume) -> Vec<(String, Window)> {
    let meaning = volume.meaning();
    // Some files ask for the same one twice.
    let is_first = |i: usize| meaning.windows[..i].iter().all(|(_, before)| *before != meaning.windows[i].1);
    let own = meaning.windows.iter().enumerate().filter(|(i, _)| is_first(*i)).map(|(i, (name, window))| {
        let name = if name.is_empty() { format!("From the file {}", i + 1) } else { name.clone() };
        (name, *window)
    });
    let usual = presets(&meaning.modality).iter().map(|(name, window)| ((*name).to_owned(), *window));
    let (low, high) = volume.value_range();
    let measured = measured(volume).into_iter().map(|(name, window)| (name.to_owned(), window));
    let whole = ("Whole range".to_owned(), Window::from_range(f64::from(low), f64::from(high)));
    own.chain(usual).chain(measured).chain([whole]).collect()
}

/// Windows for values without a fixed unit.
fn measured(volume: &Volume) -> Vec<(&'static str, Window)> {
    let (low, bright) = (f64::from(volume.value_range().0), f64::from(volume.levels().bright));
    match volume.meaning().modality.as_str() {
        "MR" => {
            let tissue = f64::from(volume.levels().tissue);
            vec![
                ("Tissue", Window::from_range(low, bright)),
                ("High contrast", Window::from_range(tissue, bright)),
            ]
        }
        // Uptake is judged from nothing upwards.
        "PT" | "NM" => vec![
            ("Uptake", Window::from_range(low.max(0.0), bright)),
            ("Low uptake", Window::from_range(low.max(0.0), bright / 2.0)),
            ("High uptake", Window::from_range(low.max(0.0), 2.0 * bright)),
        ],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use glam::DVec3;

    use super::*;
    use crate::geometry::Geometry;
    use crate::volume::{Meaning, Rescale, Voxels};

    #[test]
    fn a_menu_has_what_a_file_asks_for_twice_once() {
        let windows = [-450.0, -450.0, 40.0].map(|center| (String::new(), Window::clamped(center, 2000.0)));
        let meaning = Meaning { windows: windows.into(), ..Meaning::default() };
        let voxels = Voxels::I16(vec![0; 8].into());
        let geometry = Geometry::from_axes([2; 3], DVec3::ZERO, DVec3::AXES, DVec3::ONE).expect("a grid");
        let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, meaning).expect("a volume");
        let named: Vec<String> = menu(&volume).into_iter().map(|(name, _)| name).collect();
        assert_eq!(named[..3], ["From the file 1", "From the file 3", "Whole range"]);
    }

    #[test]
    fn windows_whose_ends_no_volume_reaches_are_none() {
        for (center, width) in
            [(9e99, 400.0), (-1e10, 400.0), (40.0, 3e9), (f64::INFINITY, 1.0), (0.0, f64::NAN)]
        {
            assert_eq!(Window::shaped(center, width, Shape::Linear), None, "{center} {width}");
        }
        let pet = Window::shaped(2e6, 4e6, Shape::Linear).expect("values of a PET reach millions");
        assert_eq!(pet.ends(), (0.0, 4e6));
    }

    fn meaning(tables: Vec<Arc<Table>>) -> Meaning {
        Meaning { tables, ..Meaning::default() }
    }

    /// The pseudo-code of C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, with an output from 0 to 1.
    #[test]
    fn functions_are_those_of_the_standard() {
        let (c, w) = (40.0, 400.0);
        let ramp = |shape, x: f64| {
            let (low, scale) = Window::shaped(c, w, shape).unwrap().ramp();
            ((x as f32 - low) * scale).clamp(0.0, 1.0)
        };
        let sigmoid =
            Window::shaped(c, w, Shape::Sigmoid).unwrap().curve(&meaning(Vec::new()), false).unwrap();
        for x in [-400.0, -161.0, -160.0, -159.5, 0.0, 39.5, 40.0, 200.0, 239.0, 240.0, 1000.0] {
            let linear = ((x - (c - 0.5)) / (w - 1.0) + 0.5).clamp(0.0, 1.0);
            let exact = ((x - c) / w + 0.5).clamp(0.0, 1.0);
            let logistic = 1.0 / (1.0 + (-4.0 * (x - c) / w).exp());
            assert!((f64::from(ramp(Shape::Linear, x)) - linear).abs() < 1e-6, "{x}");
            assert!((f64::from(ramp(Shape::LinearExact, x)) - exact).abs() < 1e-6, "{x}");
            assert!((f64::from(sigmoid.brightness(x as f32)) - logistic).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn tables_hold_their_ends_join_their_entries_and_stretch_with_the_window() {
        let table = Arc::new(Table::new(vec![0.0, 0.1, 0.7, 1.0]).unwrap());
        // Entries stand for 10, 11, 12 and 13.
        let window = Window::shaped(12.0, 4.0, Shape::Table(0)).unwrap();
        for inverted in [false, true] {
            let curve = window.curve(&meaning(vec![table.clone()]), inverted).unwrap();
            for (value, expected) in
                [(0.0, 0.0), (10.0, 0.0), (11.0, 0.1), (11.5, 0.4), (12.0, 0.7), (99.0, 1.0)]
            {
                let expected = if inverted { 1.0 - expected } else { expected };
                assert!((curve.brightness(value) - expected).abs() < 1e-6, "{value}");
            }
        }
        let twice = window.changed(12.0, 7.0).curve(&meaning(vec![table]), false).unwrap();
        assert!((twice.brightness(8.5 + 2.0) - 0.1).abs() < 1e-6);
        assert_eq!(window.curve(&meaning(Vec::new()), false), None);
    }

    #[test]
    fn numbers_find_the_files_own_window() {
        let own = Window::shaped(12.0, 4.0, Shape::Sigmoid).unwrap();
        let meaning = Meaning { windows: vec![(String::new(), own)], ..Meaning::default() };
        assert_eq!(Window::of_numbers(&meaning, 12.0, 4.0), own);
        assert_eq!(Window::of_numbers(&meaning, 12.0, 5.0), Window::clamped(12.0, 5.0));
    }
}
