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
