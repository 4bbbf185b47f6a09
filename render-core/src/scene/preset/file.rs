//! The preset file format. `presets/README.md` documents it.

use std::fmt::{self, Write as _};
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use toml::Spanned;

use super::{Preset, Shading, Values};
use crate::scene::color_map::ColorMap;
use crate::scene::track::{Curve, Point, Track, TrackError};
use crate::scene::transfer::TransferFunction;

/// Largest preset file: room for three full tracks.
pub const MAX_FILE_BYTES: usize = 64 * 1024;

/// Longest name and label, in characters.
const MAX_NAME: usize = 64;

/// Why a text is no preset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct PresetError {
    /// From 1.
    pub line: usize,
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    label: Spanned<String>,
    modality: Spanned<String>,
    #[serde(default)]
    values: Values,
    color: Option<Spanned<Vec<Spanned<Row<4>>>>>,
    color_map: Option<Spanned<String>>,
    color_range: Option<Spanned<[f32; 2]>>,
    opacity: Spanned<Vec<Spanned<Row<2>>>>,
    gradient: Option<Spanned<Vec<Spanned<Row<2>>>>>,
    shading: Option<Spanned<Shading>>,
}

/// `N` numbers, then the name of a curve if it is not linear.
struct Row<const N: usize> {
    numbers: [f32; N],
    curve: Curve,
}

impl<'de, const N: usize> Deserialize<'de> for Row<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells<const N: usize>;

        impl<'de, const N: usize> Visitor<'de> for Cells<N> {
            type Value = Row<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} numbers, and a curve if it is not linear")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<Row<N>, A::Error> {
                let mut numbers = [0.0; N];
                for (i, number) in numbers.iter_mut().enumerate() {
                    *number = cells.next_element()?.ok_or_else(|| A::Error::invalid_length(i, &self))?;
                }
                let curve = match cells.next_element::<String>()? {
                    None => Curve::Linear,
                    Some(name) => curve_named(&name).ok_or_else(|| {
                        A::Error::custom("the curve to the next point is \"linear\", \"step\" or \"smooth\"")
                    })?,
                };
                match cells.next_element::<toml::Value>()? {
                    None => Ok(Row { numbers, curve }),
                    Some(_) => Err(A::Error::invalid_length(N + 2, &self)),
                }
            }
        }

        deserializer.deserialize_seq(Cells::<N>)
    }
}

const CURVES: [(&str, Curve); 3] =
    [("linear", Curve::Linear), ("step", Curve::Step), ("smooth", Curve::Smooth)];

fn curve_named(name: &str) -> Option<Curve> {
    CURVES.iter().find(|(known, _)| *known == name).map(|(_, curve)| *curve)
}

impl Preset {
    /// Reads a preset file.
    pub fn parse(text: &str) -> Result<Self, PresetError> {
        let error = |at: Range<usize>, reason: String| PresetError { line: line_of(text, at.start), reason };
        if text.len() > MAX_FILE_BYTES {
            return Err(error(0..0, format!("the file is larger than {} KiB", MAX_FILE_BYTES / 1024)));
        }
        let file: File =
            toml::from_str(text).map_err(|e| error(e.span().unwrap_or(0..0), one_line(e.message())))?;
        for (what, field) in [("name", &file.name), ("label", &file.label), ("modality", &file.modality)] {
            check_text(what, field.as_ref()).map_err(|reason| error(field.span(), reason))?;
        }
        let colors = match (&file.color, &file.color_map, &file.color_range) {
            (Some(rows), None, None) => track("color", rows, |[v, r, g, b]| (v, [r, g, b])),
            (None, Some(name), Some(range)) => mapped(name, range),
            (_, Some(name), _) => {
                Err((name.span(), "`color_map` goes with `color_range`, and without `color`".into()))
            }
            (_, None, Some(range)) => Err((range.span(), "`color_range` goes with `color_map`".into())),
            (None, None, None) => Err((0..0, "`color` or `color_map` is missing".into())),
        };
        let colors = colors.map_err(|(at, reason)| error(at, reason))?;
        let opacities =
            track("opacity", &file.opacity, |[v, a]| (v, [a])).map_err(|(at, reason)| error(at, reason))?;
        let gradient_opacities = match &file.gradient {
            None => None,
            Some(rows) => {
                Some(track("gradient", rows, |[v, a]| (v, [a])).map_err(|(at, reason)| error(at, reason))?)
            }
        };
        let shading = match &file.shading {
            None => Shading::default(),
            Some(shading) => {
                let s = *shading.as_ref();
                let weights = [s.ambient, s.diffuse, s.specular];
                if !weights.iter().all(|w| (0.0..=1.0).contains(w)) || !(1..=128).contains(&s.specular_power)
                {
                    let reason = "shading weights lie in 0 to 1, specular_power in 1 to 128";
                    return Err(error(shading.span(), reason.into()));
                }
                s
            }
        };
        Ok(Self {
            name: file.name.into_inner(),
            label: file.label.into_inner(),
            modality: file.modality.into_inner(),
            values: file.values,
            transfer: TransferFunction { colors, opacities, gradient_opacities },
            shading,
        })
    }

    /// The file that `parse` reads as this preset.
    pub fn to_file(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "name = {}", quoted(&self.name));
        let _ = writeln!(text, "label = {}", quoted(&self.label));
        let _ = writeln!(text, "modality = {}", quoted(&self.modality));
        if self.values == Values::Relative {
            text.push_str("values = \"relative\"\n");
        }
        let TransferFunction { colors, opacities, gradient_opacities } = &self.transfer;
        write_track(&mut text, "color", colors);
        write_track(&mut text, "opacity", opacities);
        if let Some(gradient) = gradient_opacities {
            write_track(&mut text, "gradient", gradient);
        }
        let Shading { ambient, diffuse, specular, specular_power } = self.shading;
        let _ = write!(
            text,
            "\n[shading]\nambient = {ambient:?}\ndiffuse = {diffuse:?}\nspecular = {specular:?}\n\
             specular_power = {specular_power}\n"
        );
        text
    }
}

fn write_track<const N: usize>(text: &mut String, name: &str, track: &Track<N>) {
    let _ = writeln!(text, "\n{name} = [");
    for point in track.points() {
        let _ = write!(text, "    [{:?}", point.value);
        for component in point.level {
            let _ = write!(text, ", {component:?}");
        }
        if let Some((curve, _)) = CURVES.iter().find(|(_, c)| *c == point.curve && *c != Curve::Linear) {
            let _ = write!(text, ", \"{curve}\"");
        }
        text.push_str("],\n");
    }
    text.push_str("]\n");
}

type At<T> = Result<T, (Range<usize>, String)>;

fn track<const R: usize, const N: usize>(
    what: &str,
    rows: &Spanned<Vec<Spanned<Row<R>>>>,
    split: impl Fn([f32; R]) -> (f32, [f32; N]),
) -> At<Track<N>> {
    let point = |row: &Spanned<Row<R>>| {
        let (value, level) = split(row.as_ref().numbers);
        Point { value, level, curve: row.as_ref().curve }
    };
    let list = rows.as_ref();
    Track::new(list.iter().map(point).collect()).map_err(|source: TrackError| {
        let row = source.point().and_then(|index| list.get(index));
        (row.map_or(rows.span(), Spanned::span), format!("{what}: {source}"))
    })
}

fn mapped(name: &Spanned<String>, range: &Spanned<[f32; 2]>) -> At<Track<3>> {
    let Some(map) = ColorMap::find(name.as_ref()) else {
        let names: Vec<&str> = ColorMap::all().iter().map(|map| map.name).collect();
        return Err((name.span(), format!("there is no such colour map; there are {}", names.join(", "))));
    };
    let [low, high] = *range.as_ref();
    map.over(low, high).map_err(|_| (range.span(), "color_range is [low, high], with low below high".into()))
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    let fits = (1..=MAX_NAME).contains(&text.chars().count());
    if !fits || text.chars().any(char::is_control) {
        return Err(format!("{what} must be 1 to {MAX_NAME} printable characters"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if what != "label" && !text.chars().all(plain) {
        return Err(format!("{what} may hold letters, digits, _ and - only"));
    }
    Ok(())
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count()
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"name = "Mine"
label = "Mine, by hand"
modality = "MR"
values = "relative"
color = [
    [0, 0.1, 0.2, 0.3],
    [1, 1, 0.5, 0.25],
]
opacity = [
    [0.0, 0.0, "smooth"],
    [0.25, 0.3, "step"],
    [1, 0.9],
]
gradient = [[0, 0.2], [0.5, 1]]

[shading]
ambient = 0.3
diffuse = 0.6
specular = 0.1
specular_power = 4
"#;

    #[test]
    fn a_file_says_what_the_readme_documents() {
        let preset = Preset::parse(GOOD).unwrap();
        assert_eq!((preset.name.as_str(), preset.values), ("Mine", Values::Relative));
        let curves: Vec<Curve> = preset.transfer.opacities.points().iter().map(|p| p.curve).collect();
        assert_eq!(curves, [Curve::Smooth, Curve::Step, Curve::Linear]);
        assert!((preset.transfer.color(0.5)[1] - 0.35).abs() < 1e-6);
        assert!((preset.transfer.gradient_opacity(0.25) - 0.6).abs() < 1e-6);
        assert_eq!(preset.shading.specular_power, 4);
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let odd = TransferFunction::new(
            vec![(-1e9, [0.1, 0.2, 0.3]), (0.1 + 0.2, [1.0 / 3.0, f32::MIN_POSITIVE, 1.0])],
            vec![(f32::MIN_POSITIVE, 0.5f32.next_up()), (16_777_217.0, 1.0)],
        )
        .unwrap();
        let mine = Preset::parse(GOOD).unwrap();
        let odd = Preset { transfer: odd, label: "\"Ünusual\" \\ label".into(), ..mine.clone() };
        for preset in Preset::built_in().iter().chain([&mine, &odd]) {
            let text = preset.to_file();
            assert_eq!(Preset::parse(&text).as_ref(), Ok(preset), "{text}");
        }
    }

    #[test]
    fn a_colour_map_stands_for_its_colours() {
        let rows = GOOD.find("color = [").unwrap()..GOOD.find("opacity").unwrap();
        let with = |text: &str| {
            let mut file = GOOD.to_owned();
            file.replace_range(rows.clone(), text);
            Preset::parse(&file)
        };
        let preset = with("color_map = \"viridis\"\ncolor_range = [0.5, 2]\n").unwrap();
        assert_eq!(preset.transfer.colors, ColorMap::find("viridis").unwrap().over(0.5, 2.0).unwrap());
        let reason = |text| with(text).unwrap_err().to_string();
        assert!(
            reason("color_map = \"virdis\"\ncolor_range = [0, 1]\n").contains("line 5: there is no such")
        );
        assert!(reason("color_map = \"pet\"\ncolor_range = [1, 0]\n").starts_with("line 6: color_range"));
        assert!(reason("color_map = \"pet\"\n").starts_with("line 5: `color_map` goes with"));
        assert!(reason("color_range = [1, 0]\n").starts_with("line 5: `color_range` goes with"));
        assert!(reason("").contains("`color` or `color_map` is missing"));
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (from, to, line, word) in [
            ("name = \"Mine\"", "name = \"../etc\"", 1, "letters, digits"),
            ("name = \"Mine\"", "name = \"\"", 1, "1 to 64"),
            ("label =", "lable =", 2, "unknown field"),
            ("label = \"Mine, by hand\"", "label = \"a\\u0007b\"", 2, "printable"),
            ("\"relative\"", "\"percent\"", 4, "unknown variant"),
            ("[0, 0.1, 0.2, 0.3]", "[0, 0.1, 0.2]", 6, "length"),
            ("[1, 1, 0.5, 0.25]", "[1, 1, 0.5, 1.25]", 7, "color: point 1 lies outside 0 to 1"),
            ("[1, 1, 0.5, 0.25]", "[0, 1, 0.5, 0.25]", 7, "color: point 1 does not lie after"),
            ("[1, 1, 0.5, 0.25]", "[inf, 1, 0.5, 0.25]", 7, "color: point 1"),
            ("[1, 0.9]", "[nan, 0.9]", 12, "opacity: point 2"),
            ("\"step\"", "\"steep\"", 11, "\"linear\", \"step\" or \"smooth\""),
            ("\"step\"]", "\"step\", 3]", 11, "length"),
            ("[0.5, 1]]", "[0.5, \"x\"]]", 14, "invalid type"),
            ("ambient = 0.3", "ambient = 1.3", 16, "shading weights"),
            ("specular_power = 4", "specular_power = 400", 16, "specular_power in 1 to 128"),
            ("specular_power = 4", "specular_power = 4\nshininess = 2", 21, "unknown field"),
            ("modality = \"MR\"", "modality = MR", 3, ""),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error = Preset::parse(&GOOD.replacen(from, to, 1)).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(word) && !text.contains('\n'), "{to}: {text}");
            assert_eq!(error.line, line, "{to}: {text}");
        }
    }

    #[test]
    fn the_readme_shows_a_valid_file_and_names_every_map_and_preset() {
        let readme = include_str!("../../../../presets/README.md");
        let example = readme.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert!(Preset::parse(example).unwrap().transfer.gradient_opacities.is_some());
        let names = Preset::built_in().iter().map(|preset| preset.name.as_str());
        for name in names.chain(ColorMap::all().iter().map(|map| map.name)) {
            assert!(readme.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn too_much_is_refused() {
        let rows: String = (0..300).map(|i| format!("[{i}, 0.5],")).collect();
        let many = GOOD.replacen("[1, 0.9],", &format!("[1, 0.9], {rows}"), 1);
        assert!(Preset::parse(&many).unwrap_err().reason.contains("303 points; 1 to 256"));
        let large = format!("{GOOD}# {}", "x".repeat(MAX_FILE_BYTES));
        assert!(Preset::parse(&large).unwrap_err().reason.contains("64 KiB"));
        let deep = format!("name = {}", "[".repeat(20_000));
        assert!(Preset::parse(&deep).is_err());
    }
}
