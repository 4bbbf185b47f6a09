//! From a value to a colour and an opacity.

use super::color_map::ColorMap;
use super::track::{MAX_VALUE, Track, TrackError};
use crate::render::{GradientOpacity, TransferTable};
use crate::window::Window;

/// Colour and opacity over rescaled values (HU for CT). Plain data: a copy of it is an undo step.
///
/// Every back end reads it sampled into the same tables (`render::TransferTable`), so a curve looks
/// the same on all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferFunction {
    /// Red, green, blue.
    pub colors: Track<3>,
    /// Opacity of 1 mm.
    pub opacities: Track<1>,
    /// What the opacity is multiplied by, over the length of the gradient in values per mm. Below 1 on
    /// the left, it hides the inside of even tissue and keeps its borders.
    pub gradient_opacities: Option<Track<1>>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what}: {source}")]
pub struct TransferError {
    /// `color`, `opacity` or `gradient`.
    pub what: &'static str,
    pub source: TrackError,
}

impl TransferFunction {
    /// Straight lines. `color` points are (value, [r, g, b]), `opacity` points (value, opacity of
    /// 1 mm), all 0 to 1.
    pub fn new(color: Vec<(f32, [f32; 3])>, opacity: Vec<(f32, f32)>) -> Result<Self, TransferError> {
        let of = |what| move |source| TransferError { what, source };
        Ok(Self {
            colors: Track::linear(color).map_err(of("color"))?,
            opacities: Track::linear(opacity.into_iter().map(|(v, a)| (v, [a]))).map_err(of("opacity"))?,
            gradient_opacities: None,
        })
    }

    /// A first look at values without a preset: grey tissue. The lowest quarter of the window, where
    /// air's noise lies, is transparent.
    pub fn tissue(window: Window) -> Self {
        let (low, high) = window.ends();
        let air = low + (high - low) / 4.0;
        Self {
            colors: line((air, [0.35; 3]), (high, [1.0; 3])),
            opacities: line((air, [0.0]), (high, [0.5])),
            gradient_opacities: None,
        }
    }

    /// The same colours with opacity 0 below centre - width/2, rising linearly to 1 at
    /// centre + width/2.
    pub fn with_opacity_window(&self, window: Window) -> Self {
        let (low, high) = window.ends();
        Self { opacities: line((low, [0.0]), (high, [1.0])), ..self.clone() }
    }

    /// The colours of a map over `low` to `high`; opacities stay.
    pub fn set_color_map(&mut self, map: &ColorMap, low: f32, high: f32) -> Result<(), TransferError> {
        self.colors = map.over(low, high).map_err(|source| TransferError { what: "color", source })?;
        Ok(())
    }

    /// Shifts and stretches colours and opacities, like a window: what was at `from` (low, high) is
    /// at `to`. Slopes of values change with it, so the gradient's opacities do, too.
    pub fn remap(&mut self, from: (f32, f32), to: (f32, f32)) -> Result<(), TransferError> {
        let of = |what| move |source| TransferError { what, source };
        let mut next = self.clone();
        next.colors.remap(from, to).map_err(of("color"))?;
        next.opacities.remap(from, to).map_err(of("opacity"))?;
        if let Some(gradient) = &mut next.gradient_opacities {
            gradient.remap((0.0, from.1 - from.0), (0.0, to.1 - to.0)).map_err(of("gradient"))?;
        }
        *self = next;
        Ok(())
    }

    pub fn color(&self, value: f32) -> [f32; 3] {
        self.colors.at(value)
    }

    /// Opacity of 1 mm of this value.
    pub fn opacity(&self, value: f32) -> f32 {
        self.opacities.at(value)[0]
    }

    /// What a gradient of this length, in values per mm, multiplies the opacity by.
    pub fn gradient_opacity(&self, per_mm: f32) -> f32 {
        self.gradient_opacities.as_ref().map_or(1.0, |track| track.at(per_mm)[0])
    }

    /// What back ends look up for each sample, of a step of this length.
    pub fn table(&self, step_mm: f32) -> TransferTable {
        let look = |value| {
            let [r, g, b] = self.color(value);
            [r, g, b, self.opacity(value)]
        };
        TransferTable::new(self.span(), look, step_mm)
    }

    /// `None` for a function that takes no notice of gradients.
    pub fn gradient_table(&self) -> Option<GradientOpacity> {
        let (_, last) = self.gradient_opacities.as_ref()?.span();
        Some(GradientOpacity::new(last, |magnitude| self.gradient_opacity(magnitude)))
    }

    /// The values between which colour or opacity change.
    pub fn span(&self) -> (f32, f32) {
        let (colors, opacities) = (self.colors.span(), self.opacities.span());
        (colors.0.min(opacities.0), colors.1.max(opacities.1))
    }
}

/// A straight line between two points in the right order; one point where they fall together. Values beyond a
/// track's limits are moved there.
fn line<const N: usize>(low: (f32, [f32; N]), high: (f32, [f32; N])) -> Track<N> {
    let within = |(value, level): (f32, [f32; N])| (value.clamp(-MAX_VALUE, MAX_VALUE), level);
    let (low, high) = (within(low), within(high));
    let points = if low.0 < high.0 { vec![low, high] } else { vec![high] };
    // A window's ends are numbers, and callers give levels from 0 to 1.
    Track::linear(points).expect("a line between two values is a track")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::TABLE_LEN;
    use crate::scene::track::{Curve, Point};

    fn bone() -> TransferFunction {
        crate::scene::Preset::find("CT_Bone").expect("built in").transfer.clone()
    }

    #[test]
    fn tables_hold_the_curves_as_they_are() {
        let mut function = bone();
        function.opacities.set_curve(1, Curve::Step).unwrap();
        function.opacities.set_curve(2, Curve::Smooth).unwrap();
        let table = function.table(1.0);
        for i in (0..TABLE_LEN).step_by(7) {
            let value = table.low + i as f32 / table.scale;
            assert!((table.rgba[i][3] - function.opacity(value)).abs() < 1e-5);
            assert_eq!(table.rgba[i][..3], function.color(value));
        }
        assert_eq!(table.lookup(299.0)[3], 0.0, "the step holds until its end");
    }

    #[test]
    fn a_color_map_colours_a_range_and_leaves_opacities() {
        let mut function = bone();
        let viridis = ColorMap::find("viridis").unwrap();
        function.set_color_map(viridis, -200.0, 600.0).unwrap();
        assert_eq!(function.color(-200.0), viridis.color(0.0));
        assert_eq!(function.color(2000.0), viridis.color(1.0));
        assert_eq!(function.opacities, bone().opacities);
        assert!(function.set_color_map(viridis, 5.0, 5.0).is_err());
        assert!(function.set_color_map(viridis, 0.0, f32::NAN).is_err());
    }

    #[test]
    fn remapping_moves_colours_and_opacities_together_and_scales_gradients() {
        let mut function = bone();
        function.gradient_opacities = Some(Track::linear([(0.0, [0.0]), (100.0, [1.0])]).unwrap());
        let before = function.clone();
        function.remap((0.0, 100.0), (1000.0, 1050.0)).unwrap();
        for value in [-500.0f32, 250.0, 300.0, 900.0] {
            let there = 1000.0 + value / 2.0;
            assert!((function.opacity(there) - before.opacity(value)).abs() < 1e-5);
            assert!((function.color(there)[1] - before.color(value)[1]).abs() < 1e-5);
        }
        assert!((function.gradient_opacity(25.0) - 0.5).abs() < 1e-6);
        let undo = function.clone();
        assert!(function.remap((0.0, 1.0), (0.0, 1e9)).is_err());
        assert_eq!(function, undo);
    }

    #[test]
    fn without_a_gradient_track_borders_and_insides_count_alike() {
        assert_eq!(bone().gradient_opacity(0.0), 1.0);
        assert_eq!(bone().gradient_opacity(1e9), 1.0);
    }

    #[test]
    fn the_narrowest_window_makes_a_step() {
        let function = bone().with_opacity_window(Window::clamped(1e6, 1.0));
        assert_eq!(function.opacity(999_990.0), 0.0);
        assert_eq!(function.opacity(1_000_010.0), 1.0);
    }

    #[test]
    fn the_widest_window_stays_within_a_track() {
        let widest = Window::new(0.0, 2e9).expect("the widest window there is");
        assert!(TransferFunction::tissue(widest).opacities.span().1 <= MAX_VALUE);
        let edge = Window::new(1e9 - 1.0, 2.0).expect("at the edge");
        assert_eq!(bone().with_opacity_window(edge).opacity(0.0), 1.0, "both ends are one point");
    }

    #[test]
    fn points_are_named_by_their_row() {
        let point = |value| Point::linear(value, [0.5]);
        let error = Track::new(vec![point(1.0), point(2.0), point(2.0)]).unwrap_err();
        assert_eq!(error.point(), Some(2));
    }
}
