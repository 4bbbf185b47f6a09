//! Grayscale softcopy presentation states (PS3.3 A.33.1).

use dicom_dictionary_std::{tags, uids};

use super::segmentation::code_string;
use super::{Stamp, Subject, finish, reference};
use crate::dicom::object::PresentationState;
use crate::dicom::object::presentation::{Annotation, Graphic, Shutter, Text};
use crate::dicom::write::Set;

/// A presentation state for the images of the subject. What it says about no image in particular holds for all;
/// windows are of values after the modality's rescale.
pub fn presentation_state(subject: &Subject, state: &PresentationState, stamp: &Stamp) -> Vec<u8> {
    let mut set = subject.begin(uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE, "PR", stamp);
    let images = subject.referenced_series(tags::REFERENCED_IMAGE_SEQUENCE, subject.images());
    set.put_items(tags::REFERENCED_SERIES_SEQUENCE, vec![images])
        .put_text(tags::LATERALITY, "")
        .put_text(tags::CONTENT_LABEL, &code_string(&state.label))
        .put_text(tags::CONTENT_DESCRIPTION, &state.description)
        .put_text(tags::PRESENTATION_CREATION_DATE, &stamp.date)
        .put_text(tags::PRESENTATION_CREATION_TIME, &stamp.time)
        .put_text(tags::CONTENT_CREATOR_NAME, "")
        .put_text(tags::PRESENTATION_LUT_SHAPE, if state.inverted { "INVERSE" } else { "IDENTITY" });
    if !state.windows.is_empty() {
        let windows = state.windows.iter().map(|window| {
            let mut item = Set::default();
            put_images(&mut item, &window.images);
            item.put_numbers(tags::WINDOW_CENTER, &[window.center])
                .put_numbers(tags::WINDOW_WIDTH, &[window.width]);
            if !window.explanation.is_empty() {
                item.put_text(tags::WINDOW_CENTER_WIDTH_EXPLANATION, &window.explanation);
            }
            item
        });
        set.put_items(tags::SOFTCOPY_VOILUT_SEQUENCE, windows.collect());
    }
    if state.rotation_deg != 0 || state.flipped {
        set.put_numbers(tags::IMAGE_ROTATION, &[f64::from(state.rotation_deg)])
            .put_text(tags::IMAGE_HORIZONTAL_FLIP, if state.flipped { "Y" } else { "N" });
    }
    set.put_items(tags::DISPLAYED_AREA_SELECTION_SEQUENCE, areas(subject, state));
    if !state.annotations.is_empty() {
        set.put_items(tags::GRAPHIC_ANNOTATION_SEQUENCE, state.annotations.iter().map(annotation).collect());
    }
    if !state.layers.is_empty() {
        let layers = state.layers.iter().map(|layer| {
            let mut item = Set::default();
            item.put_text(tags::GRAPHIC_LAYER, &layer.name)
                .put_numbers(tags::GRAPHIC_LAYER_ORDER, &[layer.order as f64])
                .put_text(tags::GRAPHIC_LAYER_DESCRIPTION, &layer.description);
            item
        });
        set.put_items(tags::GRAPHIC_LAYER_SEQUENCE, layers.collect());
    }
    put_shutters(&mut set, &state.shutters);
    finish(&set)
}

fn put_images(item: &mut Set, images: &[crate::dicom::object::Reference]) {
    if !images.is_empty() {
        item.put_items(tags::REFERENCED_IMAGE_SEQUENCE, images.iter().map(reference).collect());
    }
}

/// The areas asked for, else the whole of every image.
fn areas(subject: &Subject, state: &PresentationState) -> Vec<Set> {
    let [columns, rows] = subject.size.map(f64::from);
    let area = |from: [f64; 2], to: [f64; 2], mode: &str| {
        let mut item = Set::default();
        item.put_numbers(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, &from)
            .put_numbers(tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER, &to)
            .put_text(tags::PRESENTATION_SIZE_MODE, if mode.is_empty() { "SCALE TO FIT" } else { mode })
            .put_numbers(tags::PRESENTATION_PIXEL_ASPECT_RATIO, &[1.0, 1.0]);
        item
    };
    if state.areas.is_empty() {
        return vec![area([1.0, 1.0], [columns, rows], "")];
    }
    let stated = state.areas.iter().map(|stated| {
        let mut item =
            area(stated.top_left.map(f64::from), stated.bottom_right.map(f64::from), &stated.size_mode);
        put_images(&mut item, &stated.images);
        item
    });
    stated.collect()
}

fn units(in_pixels: bool) -> &'static str {
    if in_pixels { "PIXEL" } else { "DISPLAY" }
}

fn annotation(annotation: &Annotation) -> Set {
    let mut item = Set::default();
    put_images(&mut item, &annotation.images);
    item.put_text(tags::GRAPHIC_LAYER, &annotation.layer);
    if !annotation.graphics.is_empty() {
        item.put_items(tags::GRAPHIC_OBJECT_SEQUENCE, annotation.graphics.iter().map(graphic).collect());
    }
    if !annotation.texts.is_empty() {
        item.put_items(tags::TEXT_OBJECT_SEQUENCE, annotation.texts.iter().map(text).collect());
    }
    item
}

fn graphic(graphic: &Graphic) -> Set {
    let numbers: Vec<f64> = graphic.points.as_flattened().iter().map(|&n| f64::from(n)).collect();
    let mut item = Set::default();
    item.put_text(tags::GRAPHIC_ANNOTATION_UNITS, units(graphic.in_pixels))
        .put_numbers(tags::GRAPHIC_DIMENSIONS, &[2.0])
        .put_numbers(tags::NUMBER_OF_GRAPHIC_POINTS, &[graphic.points.len() as f64])
        .put_numbers(tags::GRAPHIC_DATA, &numbers)
        .put_text(tags::GRAPHIC_TYPE, &graphic.shape);
    // Only of closed shapes can there be an inside.
    if graphic.shape != "POINT" {
        item.put_text(tags::GRAPHIC_FILLED, if graphic.filled { "Y" } else { "N" });
    }
    item
}

fn text(text: &Text) -> Set {
    let wide = |point: [f32; 2]| point.map(f64::from);
    let mut item = Set::default();
    item.put_text(tags::UNFORMATTED_TEXT_VALUE, &text.text);
    if let Some(([from, to], in_pixels)) = text.bounds {
        item.put_text(tags::BOUNDING_BOX_ANNOTATION_UNITS, units(in_pixels))
            .put_numbers(tags::BOUNDING_BOX_TOP_LEFT_HAND_CORNER, &wide(from))
            .put_numbers(tags::BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER, &wide(to))
            .put_text(tags::BOUNDING_BOX_TEXT_HORIZONTAL_JUSTIFICATION, "LEFT");
    }
    if let Some((at, in_pixels)) = text.anchor {
        item.put_text(tags::ANCHOR_POINT_ANNOTATION_UNITS, units(in_pixels))
            .put_numbers(tags::ANCHOR_POINT, &wide(at))
            .put_text(tags::ANCHOR_POINT_VISIBILITY, "Y");
    }
    item
}

fn put_shutters(set: &mut Set, shutters: &[Shutter]) {
    let mut shapes = Vec::new();
    for shutter in shutters {
        let whole = |n: i64| [n as f64];
        match shutter {
            Shutter::Rectangle { left, right, top, bottom } => {
                shapes.push("RECTANGULAR");
                set.put_numbers(tags::SHUTTER_LEFT_VERTICAL_EDGE, &whole(*left))
                    .put_numbers(tags::SHUTTER_RIGHT_VERTICAL_EDGE, &whole(*right))
                    .put_numbers(tags::SHUTTER_UPPER_HORIZONTAL_EDGE, &whole(*top))
                    .put_numbers(tags::SHUTTER_LOWER_HORIZONTAL_EDGE, &whole(*bottom));
            }
            Shutter::Circle { center: [column, row], radius } => {
                shapes.push("CIRCULAR");
                set.put_numbers(tags::CENTER_OF_CIRCULAR_SHUTTER, &[*row as f64, *column as f64])
                    .put_numbers(tags::RADIUS_OF_CIRCULAR_SHUTTER, &whole(*radius));
            }
            Shutter::Polygon(vertices) => {
                shapes.push("POLYGONAL");
                let numbers: Vec<f64> =
                    vertices.iter().flat_map(|&[column, row]| [row as f64, column as f64]).collect();
                set.put_numbers(tags::VERTICES_OF_THE_POLYGONAL_SHUTTER, &numbers);
            }
        }
    }
    if !shapes.is_empty() {
        set.put_text(tags::SHUTTER_SHAPE, &shapes.join("\\"))
            .put_numbers(tags::SHUTTER_PRESENTATION_VALUE, &[0.0]);
    }
}
