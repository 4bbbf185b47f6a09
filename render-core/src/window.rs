//! Window centre and width: which values become black and white.

/// PS3.3 C.11.2.1.2, function LINEAR. The width is at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    center: f64,
    width: f64,
}

impl Window {
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

    /// `(low, scale)`: brightness is `clamp((value - low) * scale, 0, 1)`.
    pub fn ramp(self) -> (f32, f32) {
        // A width of 1 is a step; the tiny span keeps the division finite.
        let span = (self.width - 1.0).max(1e-3);
        let low = self.center - 0.5 - (self.width - 1.0) / 2.0;
        (low as f32, (1.0 / span) as f32)
    }
}

/// First window of a CT projection.
pub const CT_MIP_WINDOW: Window = Window { center: 500.0, width: 1400.0 };

/// Windows on the number keys for CT, in key order (1 to 5).
pub const CT_WINDOWS: [(&str, Window); 5] = [
    ("Soft tissue", Window { center: 40.0, width: 400.0 }),
    ("Lung", Window { center: -600.0, width: 1500.0 }),
    ("Bone", Window { center: 480.0, width: 2500.0 }),
    ("Brain", Window { center: 40.0, width: 80.0 }),
    ("Liver", Window { center: 90.0, width: 150.0 }),
];
