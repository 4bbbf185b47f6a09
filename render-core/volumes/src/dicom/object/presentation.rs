//! Presentation states (PS3.3 A.33): how images are to be shown, and what is drawn over them.

use dicom_dictionary_std::tags;

use super::code::{Reference, ReferencedSeries};
use crate::dicom::dataset::{Dataset, File};

/// How somebody wants images to be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PresentationState {
    pub label: String,
    pub description: String,
    /// The images that it is for.
    pub images: Vec<ReferencedSeries>,
    pub windows: Vec<StatedWindow>,
    /// The smallest value is white (Presentation LUT Shape INVERSE).
    pub inverted: bool,
    /// Clockwise, in steps of 90 degrees, before flipping.
    pub rotation_deg: u16,
    /// Mirrored left to right, after the rotation.
    pub flipped: bool,
    pub areas: Vec<Area>,
    pub layers: Vec<Layer>,
    pub annotations: Vec<Annotation>,
    pub shutters: Vec<Shutter>,
}

/// A window for some of the images, for all if none is named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatedWindow {
    pub images: Vec<Reference>,
    pub center: f64,
    pub width: f64,
    pub explanation: String,
}

/// The part of an image that fills the screen, in pixels from (1, 1), ends included; it may reach beyond.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Area {
    pub images: Vec<Reference>,
    pub top_left: [i32; 2],
    pub bottom_right: [i32; 2],
    /// `SCALE TO FIT`, `TRUE SIZE` or `MAGNIFY`.
    pub size_mode: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    pub name: String,
    pub order: i64,
    pub description: String,
}

/// What is drawn over some of the images, over all if none is named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotation {
    pub images: Vec<Reference>,
    pub layer: String,
    pub graphics: Vec<Graphic>,
    pub texts: Vec<Text>,
}

/// Points are (column, row): pixels, the first one's top left corner at (0, 0), or shares of the area shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graphic {
    /// `POINT`, `POLYLINE`, `INTERPOLATED`, `CIRCLE` or `ELLIPSE`.
    pub shape: String,
    pub in_pixels: bool,
    pub filled: bool,
    pub points: Vec<[f32; 2]>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    pub text: String,
    /// Top left and bottom right, and whether they count pixels.
    pub bounds: Option<([[f32; 2]; 2], bool)>,
    pub anchor: Option<([f32; 2], bool)>,
}

/// What of the image is to be seen; positions are pixels from (1, 1).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shutter {
    Rectangle {
        left: i64,
        right: i64,
        top: i64,
        bottom: i64,
    },
    Circle {
        center: [i64; 2],
        radius: i64,
    },
    /// (column, row).
    Polygon(Vec<[i64; 2]>),
}

impl PresentationState {
    pub(super) fn read(file: &File<'_>) -> Self {
        let data = &file.dataset;
        let charset = data.charset();
        let images = |item: &Dataset<'_>| Reference::all(item, tags::REFERENCED_IMAGE_SEQUENCE);
        let window = |item: &Dataset<'_>| {
            let width = item.number(tags::WINDOW_WIDTH).filter(|&width| width > 0.0)?;
            Some(StatedWindow {
                images: images(item),
                center: item.number(tags::WINDOW_CENTER)?,
                width,
                explanation: item.person_text(tags::WINDOW_CENTER_WIDTH_EXPLANATION, &charset),
            })
        };
        let layer = |item: &Dataset<'_>| Layer {
            name: item.text(tags::GRAPHIC_LAYER).unwrap_or_default(),
            order: item.number(tags::GRAPHIC_LAYER_ORDER).unwrap_or(0.0) as i64,
            description: item.person_text(tags::GRAPHIC_LAYER_DESCRIPTION, &charset),
        };
        let graphic = |item: &Dataset<'_>| Graphic {
            shape: item.text(tags::GRAPHIC_TYPE).unwrap_or_default(),
            in_pixels: in_pixels(item, tags::GRAPHIC_ANNOTATION_UNITS),
            filled: item.text(tags::GRAPHIC_FILLED).as_deref() == Some("Y"),
            points: item.floats(tags::GRAPHIC_DATA).as_chunks::<2>().0.to_vec(),
        };
        let text = |item: &Dataset<'_>| Text {
            text: item.person_text(tags::UNFORMATTED_TEXT_VALUE, &charset),
            bounds: point(item, tags::BOUNDING_BOX_TOP_LEFT_HAND_CORNER)
                .zip(point(item, tags::BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER))
                .map(|(a, b)| ([a, b], in_pixels(item, tags::BOUNDING_BOX_ANNOTATION_UNITS))),
            anchor: point(item, tags::ANCHOR_POINT)
                .map(|at| (at, in_pixels(item, tags::ANCHOR_POINT_ANNOTATION_UNITS))),
        };
        let annotation = |item: &Dataset<'_>| Annotation {
            images: images(item),
            layer: item.text(tags::GRAPHIC_LAYER).unwrap_or_default(),
            graphics: item.items(tags::GRAPHIC_OBJECT_SEQUENCE).iter().map(graphic).collect(),
            texts: item.items(tags::TEXT_OBJECT_SEQUENCE).iter().map(text).collect(),
        };
        let area = |item: &Dataset<'_>| {
            let corner = |tag| <[u32; 2]>::try_from(item.longs(tag)).ok().map(|c| c.map(|v| v as i32));
            Some(Area {
                images: images(item),
                top_left: corner(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER)?,
                bottom_right: corner(tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER)?,
                size_mode: item.text(tags::PRESENTATION_SIZE_MODE).unwrap_or_default(),
            })
        };
        Self {
            label: data.text(tags::CONTENT_LABEL).unwrap_or_default(),
            description: data.person_text(tags::CONTENT_DESCRIPTION, &charset),
            images: ReferencedSeries::all(data, tags::REFERENCED_SERIES_SEQUENCE),
            windows: data.items(tags::SOFTCOPY_VOILUT_SEQUENCE).iter().filter_map(window).collect(),
            inverted: data.text(tags::PRESENTATION_LUT_SHAPE).as_deref() == Some("INVERSE"),
            rotation_deg: data.short(tags::IMAGE_ROTATION).unwrap_or(0) / 90 % 4 * 90,
            flipped: data.text(tags::IMAGE_HORIZONTAL_FLIP).as_deref() == Some("Y"),
            areas: data.items(tags::DISPLAYED_AREA_SELECTION_SEQUENCE).iter().filter_map(area).collect(),
            layers: data.items(tags::GRAPHIC_LAYER_SEQUENCE).iter().map(layer).collect(),
            annotations: data.items(tags::GRAPHIC_ANNOTATION_SEQUENCE).iter().map(annotation).collect(),
            shutters: shutters(data),
        }
    }
}

fn in_pixels(item: &Dataset<'_>, tag: dicom_object::Tag) -> bool {
    item.text(tag).as_deref() != Some("DISPLAY")
}

fn point(item: &Dataset<'_>, tag: dicom_object::Tag) -> Option<[f32; 2]> {
    item.floats(tag).try_into().ok()
}

pub(in crate::dicom) fn shutters(data: &Dataset<'_>) -> Vec<Shutter> {
    let whole = |tag| data.numbers(tag).iter().map(|&n| n as i64).collect::<Vec<_>>();
    let one = |tag| whole(tag).first().copied();
    let shapes = data.texts(tags::SHUTTER_SHAPE);
    let shape = |name: &String| {
        Some(match name.as_str() {
            "RECTANGULAR" => Shutter::Rectangle {
                left: one(tags::SHUTTER_LEFT_VERTICAL_EDGE)?,
                right: one(tags::SHUTTER_RIGHT_VERTICAL_EDGE)?,
                top: one(tags::SHUTTER_UPPER_HORIZONTAL_EDGE)?,
                bottom: one(tags::SHUTTER_LOWER_HORIZONTAL_EDGE)?,
            },
            // Files give rows first.
            "CIRCULAR" => match whole(tags::CENTER_OF_CIRCULAR_SHUTTER)[..] {
                [row, column] => {
                    Shutter::Circle { center: [column, row], radius: one(tags::RADIUS_OF_CIRCULAR_SHUTTER)? }
                }
                _ => return None,
            },
            "POLYGONAL" => {
                let vertices = whole(tags::VERTICES_OF_THE_POLYGONAL_SHUTTER);
                let pairs = vertices.as_chunks::<2>().0;
                Shutter::Polygon(pairs.iter().map(|&[row, column]| [column, row]).collect())
            }
            _ => return None,
        })
    };
    shapes.iter().filter_map(shape).collect()
}
