//! Volume presets: named looks, built into the binary or read from a user's folder.

mod file;
mod library;

use serde::Deserialize;

use super::transfer::TransferFunction;
use crate::Outlined;

pub use file::{MAX_FILE_BYTES, PresetError};
pub use kernels::render::Shading;
pub use library::{MAX_FILES, PresetLibrary, Reload};

/// A named look for a volume view.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// What programs use: letters, digits, `_` and `-`.
    pub name: String,
    /// What a menu shows.
    pub label: String,
    /// DICOM Modality the values are meant for.
    pub modality: String,
    /// What the values of `transfer` are.
    pub values: Values,
    pub transfer: TransferFunction,
    pub shading: Shading,
}

/// What the numbers of a preset stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Values {
    /// The volume's own values, for example HU.
    #[default]
    Absolute,
    /// 0 is where tissue begins and 1 its brightest, measured on the volume (`volume::Levels`): for
    /// modalities whose values have no unit.
    Relative,
}

impl Preset {
    /// The transfer function in the volume's own values.
    pub fn transfer_for(&self, volume: &dyn Outlined) -> TransferFunction {
        let mut transfer = self.transfer.clone();
        if self.values == Values::Relative {
            let levels = volume.levels();
            // Levels are apart and within the limits; a volume so extreme that the points fall
            // together keeps a ramp.
            if transfer.remap((0.0, 1.0), (levels.tissue, levels.bright)).is_err() {
                transfer = TransferFunction::tissue(volume.default_window());
            }
        }
        transfer
    }

    /// The presets in the binary, in menu order.
    pub fn built_in() -> &'static [Self] {
        static PRESETS: std::sync::LazyLock<Vec<Preset>> = std::sync::LazyLock::new(|| {
            FILES
                .iter()
                // A test parses every file, so this cannot fail in a binary that passed it.
                .map(|text| Preset::parse(text).expect("built-in preset is valid"))
                .collect()
        });
        &PRESETS
    }

    /// A built-in preset by its exact name.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::built_in().iter().find(|p| p.name == name)
    }

    /// The built-in preset that a volume of this modality is first shown with.
    pub fn first_for(modality: &str) -> Option<&'static Self> {
        Self::built_in().iter().find(|p| p.modality == modality)
    }
}

/// Which preset a view's look came from, and what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    pub name: String,
    pub label: String,
    pub transfer: TransferFunction,
}

const FILES: [&str; 14] = [
    include_str!("../../../../presets/CT_Bone.toml"),
    include_str!("../../../../presets/CT_SoftTissue.toml"),
    include_str!("../../../../presets/CT_Lung.toml"),
    include_str!("../../../../presets/CT_Angio.toml"),
    include_str!("../../../../presets/CT_Skin.toml"),
    include_str!("../../../../presets/CT_Airways.toml"),
    include_str!("../../../../presets/CT_Muscle.toml"),
    include_str!("../../../../presets/CT_Organs.toml"),
    include_str!("../../../../presets/CT_Cardiac.toml"),
    include_str!("../../../../presets/MR_Default.toml"),
    include_str!("../../../../presets/MR_Brain.toml"),
    include_str!("../../../../presets/MR_Angio.toml"),
    include_str!("../../../../presets/PET_HotIron.toml"),
    include_str!("../../../../presets/PET_Rainbow.toml"),
];
