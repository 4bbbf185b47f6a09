//! Presentation states and key object selections: what was drawn, and which images matter.

use render_core::dicom::create::{self, Stamp};
use render_core::dicom::object::presentation::{self, Layer, Text};
use render_core::dicom::object::{Code, PresentationState, Reference, Report};

use super::report::is_same;
use super::{
    About, Found, Graphic, ON_IMAGE, ObjectError, Written, annotation_of, graphics, image_of, kind_code,
    kind_of_code,
};
use crate::annotation::{Annotation, Id, Kind, Placement};
use crate::measure::Values;

/// Half a step: a mark is for the nearest image.
const NEAREST: f64 = 0.51;

/// A Grayscale Softcopy Presentation State with annotations drawn over the images that they lie on, and what was
/// measured as text. `base` says how the images are shown. Solids and what lies on no image cannot be held.
pub fn presentation_state(
    about: &About<'_>,
    measured: &[(&Annotation, &Values)],
    base: PresentationState,
    stamp: &Stamp,
) -> Result<Written, ObjectError> {
    let places = about.places();
    let mut state = base;
    let mut left_out = Vec::new();
    for (annotation, values) in measured.iter().filter(|(annotation, _)| annotation.kind != Kind::KeyImage) {
        let flat = !annotation.kind.is_solid();
        let normal = annotation.placement.normal();
        let place = flat.then(|| image_of(&places, &annotation.points_mm, normal, ON_IMAGE)).flatten();
        let Some(place) = place else {
            left_out.push(annotation.id);
            continue;
        };
        let name = kind_code(annotation.kind);
        if state.layers.iter().all(|layer| layer.name != name) {
            let order = state.layers.len() as i64 + 1;
            let description = annotation.kind.name().to_owned();
            state.layers.push(Layer { name: name.into(), order, description });
        }
        let pixels = |graphic: &Graphic| graphic.points.iter().map(|&p| place.pixel(p)).collect::<Vec<_>>();
        let shapes = graphics(annotation);
        let anchor = shapes.iter().flat_map(pixels).max_by(|a, b| a[0].total_cmp(&b[0]));
        let text = |text: String| Text { text, bounds: None, anchor: anchor.map(|at| (at, true)) };
        // What was measured comes first, the label after it. Where nothing was measured, a label alone would be
        // read as that; arrows have nothing else.
        let told = values.lines().join("\r\n");
        let nothing = told.is_empty() && !annotation.label.is_empty() && annotation.kind != Kind::Arrow;
        let told = if nothing { annotation.kind.name().to_owned() } else { told };
        let texts = [told, annotation.label.clone()];
        state.annotations.push(presentation::Annotation {
            images: vec![place.reference.clone()],
            layer: name.into(),
            graphics: shapes
                .iter()
                .map(|graphic| presentation::Graphic {
                    shape: graphic.shape.clone(),
                    in_pixels: true,
                    filled: false,
                    points: pixels(graphic),
                })
                .collect(),
            texts: texts.into_iter().filter(|t| !t.is_empty()).map(text).collect(),
        });
    }
    if state.annotations.is_empty() {
        return Err(ObjectError::Nothing("no annotation of this series lies on one of its images"));
    }
    Ok(Written { bytes: create::presentation_state(about.subject, &state, stamp), left_out })
}

/// What a presentation state draws over the series' images in their pixels.
pub fn presentation_annotations(about: &About<'_>, state: &PresentationState) -> Found {
    let places = about.places();
    let series = about.series.key();
    let mut found = Found::default();
    for drawn in state.annotations.iter().filter(|drawn| !drawn.graphics.is_empty()) {
        let stated = kind_of_code(&drawn.layer);
        let named = |image: &Reference| places.iter().find(|place| is_same(&place.reference, image));
        // What is drawn over all images lies on the first.
        let place = match drawn.images.as_slice() {
            [] => places.first(),
            images => images.iter().find_map(named),
        };
        let Some(place) = place.filter(|_| drawn.graphics.iter().all(|graphic| graphic.in_pixels)) else {
            found.not_understood += drawn.graphics.len();
            continue;
        };
        let shapes = drawn.graphics.iter().map(|graphic| Graphic {
            shape: graphic.shape.clone(),
            points: graphic.points.iter().map(|&p| place.patient(p)).collect(),
        });
        let shapes: Vec<Graphic> = shapes.collect();
        let text = |index: usize| drawn.texts.get(index).map(|text| crate::clean_label(&text.text));
        let mut add = |shapes: &[Graphic], stated: Option<Kind>, label: Option<String>| {
            let annotation = annotation_of(shapes, stated, Some(place.placement()), &series);
            found.add(annotation.map(|a| Annotation { label: label.unwrap_or_default(), ..a }));
        };
        match stated {
            Some(Kind::Arrow) => add(&shapes, stated, text(0)),
            Some(_) => add(&shapes, stated, text(1)),
            // Of other programs each line is one; a single text belongs to a single line.
            None => {
                let label = if shapes.len() == 1 { text(0) } else { None };
                shapes.chunks(1).for_each(|shape| add(shape, None, label.clone()));
            }
        }
    }
    found
}

/// A Key Object Selection with the images that are marked; the labels of the marks are its description.
pub fn key_objects(about: &About<'_>, marks: &[&Annotation], stamp: &Stamp) -> Result<Written, ObjectError> {
    let places = about.places();
    let (mut images, mut left_out) = (Vec::<Reference>::new(), Vec::<Id>::new());
    let mut labels: Vec<&str> = Vec::new();
    for mark in marks.iter().filter(|mark| mark.kind == Kind::KeyImage) {
        match image_of(&places, &mark.points_mm, mark.placement.normal(), NEAREST) {
            Some(place) => {
                if !images.contains(&place.reference) {
                    images.push(place.reference.clone());
                }
                labels.extend(Some(mark.label.as_str()).filter(|label| !label.is_empty()));
            }
            None => left_out.push(mark.id),
        }
    }
    if images.is_empty() {
        return Err(ObjectError::Nothing("no image of this series is marked"));
    }
    let title = Code::new("113000", "DCM", "Of Interest");
    let bytes = create::key_objects(about.subject, &title, &labels.join("; "), &images, stamp);
    Ok(Written { bytes, left_out })
}

/// Marks for the images that a key object selection names.
pub fn key_images(about: &About<'_>, selection: &Report) -> Found {
    let places = about.places();
    let series = about.series.key();
    let [columns, rows, _] = about.series.dims.map(|n| n as f32);
    let mut found = Found::default();
    for image in selection.references() {
        let Some(place) = places.iter().find(|place| is_same(&place.reference, image)) else {
            found.not_understood += 1;
            continue;
        };
        let center_mm = place.patient([columns / 2.0, rows / 2.0]);
        let point = [Graphic { shape: "POINT".into(), points: vec![center_mm] }];
        let placement = Placement { center_mm, ..place.placement() };
        found.add(annotation_of(&point, Some(Kind::KeyImage), Some(placement), &series));
    }
    found
}
