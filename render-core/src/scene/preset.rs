//! Volume presets: files in `presets/`, built into the binary.

use serde::Deserialize;

use super::transfer::{TransferError, TransferFunction};

/// A named look for a volume view.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    pub name: String,
    /// What a menu shows.
    pub label: String,
    /// DICOM Modality the values are meant for.
    pub modality: String,
    pub transfer: TransferFunction,
    pub shading: Shading,
}

/// Blinn-Phong weights for a light at the camera.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shading {
    pub ambient: f32,
    pub diffuse: f32,
    pub specular: f32,
    /// A small whole number, so every back end can multiply it out to the same picture.
    pub specular_power: u32,
}

impl Default for Shading {
    fn default() -> Self {
        Self { ambient: 0.2, diffuse: 0.7, specular: 0.3, specular_power: 10 }
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PresetError {
    #[error("preset file cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    #[error("preset {name}: {source}")]
    Transfer { name: String, source: TransferError },
    #[error("preset {name}: shading weights must lie in 0 to 1, specular_power in 1 to 128")]
    Shading { name: String },
}

/// A preset file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    label: String,
    modality: String,
    shading: Shading,
    color: Vec<[f32; 4]>,
    opacity: Vec<[f32; 2]>,
}

impl Preset {
    /// Reads a preset file. `presets/README.md` documents the format.
    pub fn parse(text: &str) -> Result<Self, PresetError> {
        let file: File = toml::from_str(text)?;
        let name = file.name;
        let transfer = TransferFunction::new(
            file.color.iter().map(|&[v, r, g, b]| (v, [r, g, b])).collect(),
            file.opacity.iter().map(|&[v, a]| (v, a)).collect(),
        )
        .map_err(|source| PresetError::Transfer { name: name.clone(), source })?;
        let s = file.shading;
        let in_range = [s.ambient, s.diffuse, s.specular].iter().all(|w| (0.0..=1.0).contains(w));
        if !in_range || !(1..=128).contains(&s.specular_power) {
            return Err(PresetError::Shading { name });
        }
        Ok(Self { name, label: file.label, modality: file.modality, transfer, shading: s })
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
}

const FILES: [&str; 4] = [
    include_str!("../../../presets/CT_Bone.toml"),
    include_str!("../../../presets/CT_SoftTissue.toml"),
    include_str!("../../../presets/CT_Lung.toml"),
    include_str!("../../../presets/CT_Angio.toml"),
];
