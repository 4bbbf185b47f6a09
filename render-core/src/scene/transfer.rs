//! From a value to a colour and an opacity.

use crate::window::Window;

/// Piecewise linear colour and opacity over rescaled values (HU for CT). Points are sorted by
/// value and finite; before the first and after the last point the end value holds.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferFunction {
    color: Vec<(f32, [f32; 3])>,
    opacity: Vec<(f32, f32)>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    #[error("{what}: {count} points; 1 to {MAX_POINTS} are allowed")]
    Count { what: &'static str, count: usize },
    #[error("{what}: point {index} is out of order or not finite; values must rise")]
    Order { what: &'static str, index: usize },
    #[error("{what}: point {index} lies outside 0 to 1")]
    Range { what: &'static str, index: usize },
}

pub const MAX_POINTS: usize = 256;

impl TransferFunction {
    /// `color` points are (value, [r, g, b]), `opacity` points (value, opacity per mm), all 0 to 1.
    pub fn new(color: Vec<(f32, [f32; 3])>, opacity: Vec<(f32, f32)>) -> Result<Self, TransferError> {
        check("color", color.iter().map(|&(v, c)| (v, c.iter().all(|x| (0.0..=1.0).contains(x)))))?;
        check("opacity", opacity.iter().map(|&(v, a)| (v, (0.0..=1.0).contains(&a))))?;
        Ok(Self { color, opacity })
    }

    /// A first look at values without a preset: grey tissue. The lowest quarter of the window, where
    /// air's noise lies, is transparent.
    pub fn tissue(window: Window) -> Self {
        let (low, high) = ends(window);
        let air = low + (high - low) / 4.0;
        Self { color: vec![(air, [0.35; 3]), (high, [1.0; 3])], opacity: vec![(air, 0.0), (high, 0.5)] }
    }

    /// The same colours with opacity 0 below centre - width/2, rising linearly to 1 at
    /// centre + width/2.
    pub fn with_opacity_window(&self, window: Window) -> Self {
        let (low, high) = ends(window);
        Self { color: self.color.clone(), opacity: vec![(low, 0.0), (high, 1.0)] }
    }

    pub fn color_points(&self) -> &[(f32, [f32; 3])] {
        &self.color
    }

    pub fn opacity_points(&self) -> &[(f32, f32)] {
        &self.opacity
    }

    pub fn color(&self, value: f32) -> [f32; 3] {
        interpolate(&self.color, value, |a, b, f| std::array::from_fn(|i| a[i] + (b[i] - a[i]) * f))
    }

    /// Opacity of 1 mm of this value.
    pub fn opacity(&self, value: f32) -> f32 {
        interpolate(&self.opacity, value, |a, b, f| a + (b - a) * f)
    }
}

fn ends(window: Window) -> (f32, f32) {
    let half = window.width() / 2.0;
    ((window.center() - half) as f32, (window.center() + half) as f32)
}

fn check(
    what: &'static str,
    points: impl ExactSizeIterator<Item = (f32, bool)>,
) -> Result<(), TransferError> {
    let count = points.len();
    if count == 0 || count > MAX_POINTS {
        return Err(TransferError::Count { what, count });
    }
    let mut last = f32::NEG_INFINITY;
    for (index, (value, in_range)) in points.enumerate() {
        if !value.is_finite() || value <= last {
            return Err(TransferError::Order { what, index });
        }
        if !in_range {
            return Err(TransferError::Range { what, index });
        }
        last = value;
    }
    Ok(())
}

fn interpolate<T: Copy>(points: &[(f32, T)], value: f32, mix: impl Fn(T, T, f32) -> T) -> T {
    let above = points.partition_point(|&(v, _)| v <= value);
    match (above.checked_sub(1), points.get(above)) {
        (None, Some(&(_, first))) => first,
        (Some(below), Some(&(v1, t1))) => {
            let (v0, t0) = points[below];
            mix(t0, t1, (value - v0) / (v1 - v0))
        }
        // No constructor makes an empty list, so there is a last point.
        (_, None) => points[points.len() - 1].1,
    }
}
