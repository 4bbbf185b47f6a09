//! What is known of a volume without its voxels, which may be on another machine.

use crate::geometry::Geometry;
use crate::levels::Levels;
use crate::volume::{Meaning, Volume};
use crate::window::{self, Window};

/// What views need to know of a volume: where it is and what its values are.
pub trait Outlined {
    fn geometry(&self) -> &Geometry;

    fn meaning(&self) -> &Meaning;

    /// Smallest and largest rescaled value.
    fn value_range(&self) -> (f32, f32);

    /// Where tissue begins and how bright it gets.
    fn levels(&self) -> Levels;

    /// The window to show first: the files' own, else soft tissue for CT, else the value range.
    fn default_window(&self) -> Window {
        let meaning = self.meaning();
        if let Some((_, window)) = meaning.windows.first() {
            return *window;
        }
        match window::presets(&meaning.modality).first() {
            Some((_, window)) if meaning.modality == "CT" => *window,
            _ => {
                let (low, high) = self.value_range();
                Window::from_range(f64::from(low), f64::from(high))
            }
        }
    }
}

/// A volume without its voxels.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    pub geometry: Geometry,
    pub meaning: Meaning,
    /// Smallest and largest rescaled value.
    pub value_range: (f32, f32),
    pub levels: Levels,
}

impl Outline {
    pub fn of(volume: &Volume) -> Self {
        Self {
            geometry: *volume.geometry(),
            meaning: volume.meaning().clone(),
            value_range: volume.value_range(),
            levels: volume.levels(),
        }
    }
}

impl Outlined for Outline {
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    fn value_range(&self) -> (f32, f32) {
        self.value_range
    }

    fn levels(&self) -> Levels {
        self.levels
    }
}

impl Outlined for Volume {
    fn geometry(&self) -> &Geometry {
        self.geometry()
    }

    fn meaning(&self) -> &Meaning {
        self.meaning()
    }

    fn value_range(&self) -> (f32, f32) {
        self.value_range()
    }

    fn levels(&self) -> Levels {
        self.levels()
    }
}

impl<T: Outlined> Outlined for std::sync::Arc<T> {
    fn geometry(&self) -> &Geometry {
        T::geometry(self)
    }

    fn meaning(&self) -> &Meaning {
        T::meaning(self)
    }

    fn value_range(&self) -> (f32, f32) {
        T::value_range(self)
    }

    fn levels(&self) -> Levels {
        T::levels(self)
    }
}
