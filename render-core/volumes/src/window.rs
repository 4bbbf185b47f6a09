//! Window centre and width: which values become black and white.

use crate::volume::Volume;

/// PS3.3 C.11.2.1.2, function LINEAR. The width is at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    center: f64,
    width: f64,
}

impl Window {
    /// For the tables below, in the order in which the field names windows: width, then centre.
    const fn of(width: f64, center: f64) -> Self {
        Self { center, width }
    }

    /// `None` if a number is not finite or the width is below 1, which LINEAR forbids.
    pub fn new(center: f64, width: f64) -> Option<Self> {
        (center.is_finite() && width.is_finite() && width >= 1.0).then_some(Self { center, width })
    }

    /// The nearest allowed window to what a drag or a slider asks for.
    pub fn clamped(center: f64, width: f64) -> Self {
        let finite = |x: f64, otherwise: f64| if x.is_finite() { x } else { otherwise };
        Self { center: finite(center, 0.0).clamp(-1e6, 1e6), width: finite(width, 1.0).clamp(1.0, 1e6) }
    }

    /// From the value that is just black to the value that is just white.
    pub fn from_range(low: f64, high: f64) -> Self {
        Self::clamped((low + high) / 2.0 + 0.5, high - low + 1.0)
    }

    pub fn center(self) -> f64 {
        self.center
    }

    pub fn width(self) -> f64 {
        self.width
    }

    /// centre - width/2 and centre + width/2.
    pub fn ends(self) -> (f32, f32) {
        let half = self.width / 2.0;
        ((self.center - half) as f32, (self.center + half) as f32)
    }

    /// `(low, scale)`: brightness is `clamp((value - low) * scale, 0, 1)`.
    pub fn ramp(self) -> (f32, f32) {
        // A width of 1 is a step; the tiny span keeps the division finite.
        let span = (self.width - 1.0).max(1e-3);
        let low = self.center - 0.5 - (self.width - 1.0) / 2.0;
        (low as f32, (1.0 / span) as f32)
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
    let own = meaning.windows.iter().enumerate().map(|(i, (name, window))| {
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
