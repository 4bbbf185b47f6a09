//! Other volumes shown together with the first: a PET over its CT, or labels over an image.

use std::sync::Arc;

use super::color_map::ColorMap;
use super::track::{Track, TrackError};
use super::transfer::TransferFunction;
use crate::volume::Volume;

/// Most layers of a view.
pub const MAX_LAYERS: usize = 4;

/// A volume laid over the view's own by its place in the patient. What lies beyond the view's own
/// volume is not shown.
#[derive(Clone)]
pub struct Layer {
    pub volume: Arc<Volume>,
    pub look: Look,
    /// 0 hides the layer.
    pub opacity: f32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// Colour and opacity by interpolated value. Over slices and projections the opacity of 1 mm
    /// counts.
    Values(TransferFunction),
    /// Colour and opacity of each label: of the nearest voxel's rescaled value, rounded. Values
    /// beyond the list show nothing.
    Labels(Arc<[[f32; 4]]>),
}

impl Look {
    /// A colour map over values from `low` to `high`, which fades in: nothing below `low` is shown.
    pub fn color_map(map: &ColorMap, low: f32, high: f32) -> Result<Self, TrackError> {
        Ok(Self::Values(TransferFunction {
            colors: map.over(low, high)?,
            opacities: Track::linear([(low, [0.0]), (high, [1.0])])?,
            gradient_opacities: None,
        }))
    }

    /// Colours for labels 1 to `count`, neighbours far apart; 0 is transparent.
    pub fn labels(count: usize) -> Self {
        // Steps of the golden ratio around the colour circle never meet.
        let color = |label: usize| {
            let hue = (label as f32 * 0.618_034).fract() * 6.0;
            let channel = |shift: f32| {
                let distance = ((hue + shift).rem_euclid(6.0) - 3.0).abs();
                0.25 + 0.75 * (distance - 1.0).clamp(0.0, 1.0)
            };
            [channel(0.0), channel(4.0), channel(2.0), 1.0]
        };
        Self::Labels((0..=count).map(|label| if label == 0 { [0.0; 4] } else { color(label) }).collect())
    }
}

impl PartialEq for Layer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.volume, &other.volume) && self.look == other.look && self.opacity == other.opacity
    }
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dims = self.volume.geometry().dims();
        f.debug_struct("Layer").field("dims", &dims).field("opacity", &self.opacity).finish_non_exhaustive()
    }
}
