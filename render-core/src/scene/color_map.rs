//! Named colour maps.

use super::track::{Track, TrackError};

/// Colours from the lowest to the highest value, straight lines between a few of them.
#[derive(Debug)]
pub struct ColorMap {
    /// What files and programs use.
    pub name: &'static str,
    /// What a menu shows.
    pub label: &'static str,
    /// Position 0 to 255, then red, green and blue, 0 to 255.
    stops: &'static [[u8; 4]],
}

impl ColorMap {
    /// All maps, in menu order.
    pub fn all() -> &'static [Self] {
        &MAPS
    }

    /// A map by its exact name.
    pub fn find(name: &str) -> Option<&'static Self> {
        MAPS.iter().find(|map| map.name == name)
    }

    /// The colour at a position from 0 to 1.
    pub fn color(&self, position: f32) -> [f32; 3] {
        let position = if position.is_nan() { 0.0 } else { position.clamp(0.0, 1.0) * 255.0 };
        let above = self.stops.partition_point(|stop| f32::from(stop[0]) <= position);
        let (from, to) = (&self.stops[above.saturating_sub(1)], &self.stops[above.min(self.stops.len() - 1)]);
        let width = f32::from(to[0]) - f32::from(from[0]);
        let f = if width > 0.0 { (position - f32::from(from[0])) / width } else { 0.0 };
        std::array::from_fn(|i| {
            let (a, b) = (f32::from(from[i + 1]), f32::from(to[i + 1]));
            (a + (b - a) * f) / 255.0
        })
    }

    /// The map stretched over values from `low` to `high`.
    pub fn over(&self, low: f32, high: f32) -> Result<Track<3>, TrackError> {
        let span = f64::from(high) - f64::from(low);
        Track::linear(self.stops.iter().map(|&[position, red, green, blue]| {
            let value = f64::from(low) + span * f64::from(position) / 255.0;
            (value as f32, [red, green, blue].map(|component| f32::from(component) / 255.0))
        }))
    }
}

/// Viridis, inferno and magma (Smith and van der Walt, dedicated to the public domain) rise evenly in
/// lightness and stay apart for colour-blind readers. The hot iron, PET and hot metal blue palettes
/// are those of PS3.6 Annex B. Stops are chosen so that no colour is off by more than 2 of 255.
static MAPS: [ColorMap; 9] = [
    ColorMap { name: "grey", label: "Grey", stops: &[[0, 0, 0, 0], [255, 255, 255, 255]] },
    ColorMap { name: "inverse_grey", label: "Inverse grey", stops: &[[0, 255, 255, 255], [255, 0, 0, 0]] },
    ColorMap {
        name: "viridis",
        label: "Viridis",
        stops: &[
            [0, 68, 1, 84],
            [15, 72, 23, 105],
            [29, 72, 41, 121],
            [42, 68, 57, 131],
            [57, 62, 74, 137],
            [91, 46, 110, 142],
            [129, 32, 146, 140],
            [143, 31, 159, 136],
            [154, 35, 169, 131],
            [170, 53, 183, 121],
            [188, 86, 198, 103],
            [208, 132, 212, 75],
            [238, 210, 226, 27],
            [246, 231, 228, 25],
            [255, 253, 231, 37],
        ],
    },
    ColorMap {
        name: "inferno",
        label: "Inferno",
        stops: &[
            [0, 0, 0, 4],
            [9, 4, 3, 20],
            [17, 12, 8, 38],
            [29, 28, 12, 67],
            [42, 50, 10, 94],
            [55, 73, 11, 106],
            [73, 101, 21, 110],
            [90, 128, 31, 108],
            [107, 155, 41, 100],
            [124, 182, 52, 88],
            [143, 208, 69, 69],
            [158, 226, 87, 52],
            [173, 239, 110, 33],
            [192, 249, 142, 9],
            [201, 252, 159, 7],
            [213, 251, 182, 26],
            [228, 247, 211, 64],
            [236, 243, 227, 90],
            [244, 241, 241, 121],
            [255, 252, 255, 164],
        ],
    },
    ColorMap {
        name: "magma",
        label: "Magma",
        stops: &[
            [0, 0, 0, 4],
            [12, 6, 5, 26],
            [28, 24, 15, 61],
            [47, 52, 16, 105],
            [54, 64, 15, 116],
            [61, 76, 17, 122],
            [81, 107, 29, 129],
            [107, 148, 44, 128],
            [129, 184, 55, 121],
            [152, 220, 72, 105],
            [163, 234, 86, 97],
            [175, 244, 105, 92],
            [184, 249, 121, 93],
            [194, 252, 140, 99],
            [207, 254, 165, 113],
            [221, 254, 191, 132],
            [255, 252, 253, 191],
        ],
    },
    ColorMap {
        name: "hot_iron",
        label: "Hot iron",
        stops: &[[0, 0, 0, 0], [127, 254, 0, 0], [191, 255, 126, 0], [255, 255, 255, 255]],
    },
    ColorMap {
        name: "pet",
        label: "PET rainbow",
        stops: &[
            [0, 0, 0, 0],
            [63, 0, 128, 125],
            [128, 128, 0, 255],
            [192, 255, 128, 0],
            [255, 255, 255, 255],
        ],
    },
    ColorMap {
        name: "hot_metal_blue",
        label: "Hot metal blue",
        stops: &[
            [0, 0, 0, 0],
            [85, 0, 0, 167],
            [102, 50, 0, 200],
            [119, 90, 0, 150],
            [136, 140, 32, 50],
            [144, 164, 47, 26],
            [153, 190, 64, 0],
            [170, 255, 96, 0],
            [230, 255, 209, 176],
            [255, 255, 255, 255],
        ],
    },
    // Muscle, bone and what lies between, as atlases print them.
    ColorMap {
        name: "flesh",
        label: "Flesh and bone",
        stops: &[
            [0, 60, 20, 12],
            [90, 178, 84, 62],
            [150, 224, 158, 120],
            [200, 240, 218, 184],
            [255, 255, 252, 244],
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_have_unique_names_and_run_from_end_to_end() {
        for (i, map) in ColorMap::all().iter().enumerate() {
            assert!(ColorMap::all()[..i].iter().all(|other| other.name != map.name));
            assert_eq!((map.stops[0][0], map.stops[map.stops.len() - 1][0]), (0, 255), "{}", map.name);
            map.over(-1000.0, 1000.0).unwrap();
        }
    }

    #[test]
    fn perceptual_maps_grow_lighter_all_the_way() {
        for name in ["grey", "viridis", "inferno", "magma", "hot_iron"] {
            let map = ColorMap::find(name).unwrap();
            // Luma of ITU-R BT.709.
            let light = |i: u8| {
                let [red, green, blue] = map.color(f32::from(i) / 255.0);
                0.2126 * red + 0.7152 * green + 0.0722 * blue
            };
            assert!((1..=255).all(|i| light(i) >= light(i - 1) - 1e-3), "{name}");
            assert!(light(255) - light(0) > 0.6, "{name}");
        }
    }

    /// A few entries of the palettes as PS3.6 tables B.1-1 to B.1-3 print them, and of the published
    /// tables of the others.
    #[test]
    fn maps_agree_with_their_published_tables() {
        for (name, entry, expected) in [
            ("hot_iron", 64, [128, 0, 0]),
            ("hot_iron", 160, [255, 64, 0]),
            ("pet", 32, [0, 65, 63]),
            ("hot_metal_blue", 200, [255, 152, 88]),
            ("viridis", 128, [33, 145, 140]),
            ("inferno", 128, [188, 55, 84]),
            ("magma", 128, [183, 55, 121]),
        ] {
            let color =
                ColorMap::find(name).unwrap().color(entry as f32 / 255.0).map(|c| (c * 255.0).round());
            for (found, expected) in color.into_iter().zip(expected) {
                assert!((found - expected as f32).abs() <= 3.0, "{name} {entry}: {color:?}");
            }
        }
    }
}
