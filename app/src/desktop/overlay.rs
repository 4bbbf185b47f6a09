//! What is written and drawn over a picture.

use eframe::egui::epaint::Vertex;
use eframe::egui::text::{LayoutJob, TextFormat, TextWrapping};
use eframe::egui::{Align2, Color32, FontId, Mesh, Painter, Pos2, Rect, Stroke, TextureId, Vec2, pos2, vec2};
use render_core::Window;
use render_core::dicom::{Suv, WarningCode};
use render_core::scene::overlay::{EdgeLetters, ruler};
use render_core::scene::view::Combine;
use render_core::scene::{Content, Plane, ViewState};

use super::crosshair;
use super::study::{self, OpenSeries};
use super::text::{self, tr};
use super::theme;
use super::tool::Tool;
use super::viewport::{Scenery, Shown, Viewport};

const MARGIN: f32 = 9.0;
const LINE_HEIGHT: f32 = 17.0;
/// Below this size, a viewport tells only whose picture it is and what it cannot be read without.
const ROOMY: [f32; 2] = [330.0, 230.0];
/// Below this size, what is wrong is told in one line: a line each would cover the picture.
const SPACIOUS: [f32; 2] = [450.0, 340.0];
/// Points of a letter's height.
const TEXT_SIZE: f32 = 12.5;

/// How far a picture has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// It stands in for one that is on its way.
    Interactive,
    /// Drawn of coarse voxels of a server's series: the others are on their way.
    Coarse,
    /// A server's, from before its connection was lost.
    Stale,
    /// This share of its passes is done.
    Refining(f32),
    Final,
    /// A server's, and the last one while the view rests, but not bit by bit.
    Lossy,
    /// A server's, bit by bit what it drew.
    Lossless,
}

/// Draws everything over the picture at `place` in the viewport `rect`. The text tells what the
/// picture shows, not what was asked for since.
pub fn draw(
    painter: &Painter,
    rect: Rect,
    place: Rect,
    viewport: &Viewport,
    shown: &Shown,
    stage: Stage,
    scenery: &Scenery<'_>,
) {
    if viewport.shows_its_series() {
        lines(painter, rect, viewport, scenery);
        if let Some(path) = scenery.path.filter(|path| path.frame == viewport.frame() && viewport.is_slice())
        {
            path.paint(painter, rect, &viewport.view);
        }
    }
    texts(painter, rect, place, &shown.series, &shown.view, stage, scenery.demographics);
    if scenery.by_offset && shown.view.content == Content::Slice {
        let at = rect.center_top() + vec2(0.0, 3.2 * MARGIN);
        let text = tr!("manual-offset");
        label(painter, at, Align2::CENTER_TOP, &text, 11.0, theme::OVERLAY_WARNING, rect.width() * 0.4);
    }
}

/// Writes over a picture what it shows: all that does not depend on other viewports.
pub fn texts(
    painter: &Painter,
    rect: Rect,
    place: Rect,
    open: &OpenSeries,
    view: &ViewState,
    stage: Stage,
    demographics: bool,
) {
    let volume = open.outline();
    let millimetres = &open.report.millimetres;
    if !open.report.directions_unknown {
        letters(painter, rect, view);
    }
    let inner = rect.shrink(MARGIN);
    let text = Corners { painter, inner, width: inner.width() * 0.45 };

    let is = |size: [f32; 2]| rect.width() >= size[0] && rect.height() >= size[1];
    let badges = badges(open);
    let slice = (view.content == Content::Slice).then(|| match open.only {
        Some((slice, count)) => (slice as i64 + 1, i64::from(count)),
        None => view.plane.slice_number(volume),
    });
    if !is(ROOMY) {
        return narrow(painter, inner, open, view, slice, &badges, stage, demographics);
    }
    if demographics {
        text.write(Align2::LEFT_TOP, &patient_lines(open));
        text.write(Align2::RIGHT_TOP, &study_lines(open));
    }
    let badges = if is(SPACIOUS) { badges } else { vec![in_one_line(painter, &badges, text.width)] };
    let mut lower_left: Vec<_> = badges.into_iter().map(|badge| (badge, theme::OVERLAY_WARNING)).collect();
    if let Some((number, count)) = slice {
        lower_left.push((tr!("slice-of", number = number, count = count).into_owned(), theme::OVERLAY));
        if millimetres.is_everywhere() {
            lower_left.push((plane_position(&view.plane), theme::OVERLAY_WEAK));
        }
    } else {
        lower_left.push((volume_title(view, open), theme::OVERLAY));
    }
    text.write(Align2::LEFT_BOTTOM, &lower_left);

    let mut lower_right = Vec::new();
    if view.content.in_one_picture() != Content::Volume {
        lower_right.push((window_text(view.window, open.suv), theme::OVERLAY));
    }
    if view.inverted && view.content.in_one_picture() != Content::Volume {
        lower_right.push((tr!("inverted").into_owned(), theme::OVERLAY_WEAK));
    }
    if let Some(layer) = view.layers.first() {
        let percent = layer.opacity * 100.0;
        let modality = &layer.volume.meaning().modality;
        let text = tr!("lies-over-it", modality = modality.as_str(), percent = format!("{percent:.0}"));
        lower_right.push((text.into_owned(), theme::OVERLAY));
    }
    if let (Some(time), count @ 2..) = (open.time, open.times.len()) {
        let text = tr!("time-of", number = time + 1, count = count);
        lower_right.push((text.into_owned(), theme::OVERLAY));
    }
    if let Some(slab) = slab_text(view, open) {
        lower_right.push((slab, theme::OVERLAY));
    }
    let zoom = match view.content {
        Content::Slice => view.plane.zoom,
        Content::Curved => view.curved.as_ref().map_or(1.0, |curved| curved.zoom),
        _ => view.camera.zoom / view.fitting_zoom(volume),
    };
    let percent = format!("{:.0}", zoom * 100.0);
    lower_right.push((tr!("zoom-percent", percent = percent).into_owned(), theme::OVERLAY_WEAK));
    lower_right.push(stage_text(stage));
    if let Stage::Refining(share) = stage {
        let y = rect.bottom() - 1.0;
        let end = pos2(rect.left() + rect.width() * share, y);
        painter.line_segment([pos2(rect.left(), y), end], Stroke::new(2.0, theme::OVERLAY_WEAK));
    }
    text.write(Align2::RIGHT_BOTTOM, &lower_right);

    let measured = millimetres.holds_in_plane(view.plane.scroll_direction(), volume.geometry());
    let mm_per_pixel = match view.content {
        Content::Slice => measured.then(|| view.plane.mm_per_pixel(view.size)),
        // Along a path and at a right angle to it, lengths hold where millimetres hold everywhere.
        Content::Curved if millimetres.is_everywhere() => {
            view.curved.as_ref().map(|curved| curved.mm_per_pixel(view.size))
        }
        _ => None,
    };
    if let Some(mm_per_pixel) = mm_per_pixel {
        let points_per_pixel = place.width() / view.size[0] as f32;
        draw_ruler(painter, rect, mm_per_pixel / f64::from(points_per_pixel));
    }
}

/// What is wrong with a series in a few words each: whether lengths hold and pixels are as they were taken comes first.
fn badges(open: &OpenSeries) -> Vec<String> {
    let mut warnings: Vec<_> = open.warnings.iter().collect();
    warnings.sort_by_key(|warning| warning.code != WarningCode::Lossy);
    let trust = study::trust_badge(&open.report.millimetres).map(str::to_owned);
    trust.into_iter().chain(warnings.into_iter().map(study::badge)).collect()
}

/// As many as fit, and how many others there are.
fn in_one_line(painter: &Painter, badges: &[String], width: f32) -> String {
    let first = |shown: usize| {
        let text = badges[..shown].join(" · ");
        if shown < badges.len() { format!("{text} +{}", badges.len() - shown) } else { text }
    };
    let fits = (2..=badges.len()).rev().map(first).find(|line| text_width(painter, line) <= width);
    fits.unwrap_or_else(|| first(badges.len().min(1)))
}

fn text_width(painter: &Painter, text: &str) -> f32 {
    painter.layout_no_wrap(text.to_owned(), FontId::proportional(TEXT_SIZE), theme::OVERLAY).size().x
}

/// How far a picture has come, in words.
fn stage_text(stage: Stage) -> (String, Color32) {
    match stage {
        Stage::Interactive => (tr!("stage-interactive").into_owned(), theme::OVERLAY_WARNING),
        Stage::Coarse => (tr!("stage-coarse").into_owned(), theme::OVERLAY_WARNING),
        Stage::Stale => (tr!("stage-stale").into_owned(), theme::OVERLAY_WARNING),
        Stage::Refining(share) => {
            let percent = format!("{:.0}", share * 100.0);
            (tr!("stage-refining", percent = percent).into_owned(), theme::OVERLAY_WEAK)
        }
        Stage::Final => (tr!("stage-final").into_owned(), theme::OVERLAY_WEAK),
        Stage::Lossy => (tr!("stage-lossy").into_owned(), theme::OVERLAY_WARNING),
        Stage::Lossless => (tr!("stage-lossless").into_owned(), theme::OVERLAY_WEAK),
    }
}

/// Where there is little room: whose picture it is comes first, each line as wide as the picture and below the letter
/// at its top; then what is seen, between the letters at the bottom; then what is wrong, as far as there is room.
#[expect(clippy::too_many_arguments, reason = "each is another thing that is told")]
fn narrow(
    painter: &Painter,
    inner: Rect,
    open: &OpenSeries,
    view: &ViewState,
    slice: Option<(i64, i64)>,
    badges: &[String],
    stage: Stage,
    demographics: bool,
) {
    let below_letters = Rect::from_min_max(inner.min + vec2(0.0, LINE_HEIGHT), inner.max);
    let mut rows = (below_letters.height() / LINE_HEIGHT) as usize;
    if demographics {
        let lines = whose(open);
        Corners { painter, inner: below_letters, width: inner.width() }.write(Align2::LEFT_TOP, &lines);
        rows = rows.saturating_sub(lines.len());
    }
    if rows == 0 {
        return;
    }
    // Without these nobody knows what the picture means.
    let is_inverted = view.inverted && view.content.in_one_picture() != Content::Volume;
    let inverted = is_inverted.then(|| tr!("inverted").into_owned());
    let meaning: Vec<String> = slab_text(view, open).into_iter().chain(inverted).collect();
    let meaning = meaning.join(" · ");
    let shown = match slice {
        _ if rows == 1 && !meaning.is_empty() => meaning.clone(),
        Some((number, count)) => format!("{number}/{count}"),
        None => volume_title(view, open),
    };
    let halves = Corners { painter, inner, width: inner.width() * 0.45 };
    halves.write(Align2::LEFT_BOTTOM, &[(shown, theme::OVERLAY)]);
    let mut lines = vec![
        (meaning, theme::OVERLAY),
        (in_one_line(painter, badges, inner.width()), theme::OVERLAY_WARNING),
    ];
    lines.extend(Some(stage_text(stage)).filter(|(_, color)| *color == theme::OVERLAY_WARNING));
    if view.content.in_one_picture() != Content::Volume {
        let window = (window_text(view.window, open.suv), theme::OVERLAY);
        // Half a number is worse than another line.
        if text_width(painter, &window.0) <= halves.width {
            halves.write(Align2::RIGHT_BOTTOM, &[window]);
        } else {
            lines.push(window);
        }
    }
    lines.retain(|(text, _)| !text.is_empty());
    lines.truncate(rows - 1);
    let above = Rect::from_min_max(inner.min, inner.max - vec2(0.0, LINE_HEIGHT));
    Corners { painter, inner: above, width: inner.width() }.write(Align2::LEFT_BOTTOM, &lines);
}

/// Name and ID, a line each.
fn whose(open: &OpenSeries) -> Vec<(String, Color32)> {
    let title = study::patient_title(&open.patient);
    let id = Some(open.patient.id.trim()).filter(|id| !id.is_empty() && *id != title);
    let id = id.map(|id| (id.to_owned(), theme::OVERLAY_WEAK));
    std::iter::once((title, theme::OVERLAY)).chain(id).collect()
}

/// Width and centre; of a PET, where its values have a scale to them, the SUVs that are black and white.
pub fn window_text(window: Window, suv: Option<Suv>) -> String {
    match suv {
        Some(suv) => {
            let [low, high] =
                [-0.5, 0.5].map(|half| (window.center() + half * window.width()) * suv.body_weight);
            format!("SUV {low:.1} – {high:.1}")
        }
        None => format!("W {:.0}  L {:.0}", window.width(), window.center()),
    }
}

/// A message in the middle of a viewport.
pub fn centered(painter: &Painter, rect: Rect, text: &str, color: Color32) {
    let galley = painter.layout(text.to_owned(), FontId::proportional(13.5), color, rect.width() * 0.8);
    painter.galley(rect.center() - galley.size() / 2.0, galley, color);
}

/// A position along one patient axis, for example `H 120.4 mm`.
pub fn axis_position(value_mm: f64, axis: usize) -> String {
    let letters = [["L", "R"], ["P", "A"], ["H", "F"]][axis];
    format!("{} {:.1}", letters[usize::from(value_mm < 0.0)], value_mm.abs())
}

fn plane_position(plane: &Plane) -> String {
    let normal = plane.scroll_direction();
    match (0..3).find(|&axis| normal[axis].abs() > 0.9999) {
        Some(axis) => format!("{} mm", axis_position(plane.center_mm[axis], axis)),
        None => {
            let mm = format!("{:.1}", plane.center_mm.dot(normal));
            tr!("mm-along-the-normal", mm = mm).into_owned()
        }
    }
}

fn volume_title(view: &ViewState, open: &OpenSeries) -> String {
    match view.content {
        Content::Projection(Combine::Maximum) => tr!("maximum-intensity").into_owned(),
        Content::Projection(Combine::Minimum) => tr!("minimum-intensity").into_owned(),
        Content::Projection(Combine::Mean) => tr!("mean-intensity").into_owned(),
        Content::Isosurface(value) => tr!("surface-at", value = format!("{value:.0}")).into_owned(),
        Content::Cinematic => tr!("preset-cinematic", preset = preset_title(view)).into_owned(),
        Content::Curved => match &view.curved {
            Some(curved) if open.report.millimetres.is_everywhere() => {
                let mm = format!("{:.0}", curved.path.length_mm());
                tr!("curved-along-a-path-of", mm = mm).into_owned()
            }
            _ => tr!("curved-along-a-path").into_owned(),
        },
        _ => preset_title(view),
    }
}

/// The preset's label, marked when its curve was changed.
pub fn preset_title(view: &ViewState) -> String {
    match &view.preset {
        Some(origin) if view.shows_preset() => text::named(&origin.label).into_owned(),
        Some(origin) => tr!("preset-changed", preset = text::named(&origin.label)).into_owned(),
        None => tr!("opacity-by-window").into_owned(),
    }
}

fn patient_lines(open: &OpenSeries) -> Vec<(String, Color32)> {
    let patient = &open.patient;
    let born = study::date(&patient.birth_date);
    let title = study::patient_title(patient);
    let details = [patient.id.as_str(), patient.sex.as_str(), born.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty() && *part != title);
    let details: Vec<&str> = details.collect();
    vec![(title.clone(), theme::OVERLAY), (details.join("  ·  "), theme::OVERLAY_WEAK)]
}

fn study_lines(open: &OpenSeries) -> Vec<(String, Color32)> {
    vec![
        (open.study_description.clone(), theme::OVERLAY),
        (study::series_title(open.series_number, &open.series_description), theme::OVERLAY_WEAK),
        (study::date(&open.study_date), theme::OVERLAY_WEAK),
    ]
}

struct Corners<'a> {
    painter: &'a Painter,
    inner: Rect,
    width: f32,
}

impl Corners<'_> {
    /// Lines in a corner, each cut where it would meet the other side.
    fn write(&self, corner: Align2, lines: &[(String, Color32)]) {
        let lines = lines.iter().filter(|(text, _)| !text.is_empty());
        let count = lines.clone().count();
        for (row, (text, color)) in lines.enumerate() {
            let from_edge = if corner.y() == eframe::egui::Align::Min {
                row as f32 * LINE_HEIGHT
            } else {
                -((count - 1 - row) as f32) * LINE_HEIGHT
            };
            let anchor = corner.pos_in_rect(&self.inner) + vec2(0.0, from_edge);
            label(self.painter, anchor, corner, text, TEXT_SIZE, *color, self.width);
        }
    }
}

/// One line with a dark edge, readable on black and on white.
fn label(painter: &Painter, at: Pos2, anchor: Align2, text: &str, size: f32, color: Color32, width: f32) {
    let galley = |color| {
        let format = TextFormat::simple(FontId::proportional(size), color);
        let mut job = LayoutJob::single_section(text.to_owned(), format);
        job.wrap = TextWrapping::truncate_at_width(width);
        painter.layout_job(job)
    };
    let text = galley(color);
    let corner = anchor.anchor_size(at, text.size()).min;
    let edge = galley(Color32::BLACK);
    for offset in [vec2(-1.2, -1.2), vec2(1.2, -1.2), vec2(-1.2, 1.2), vec2(1.2, 1.2)] {
        painter.galley(corner + offset, edge.clone(), Color32::BLACK);
    }
    painter.galley(corner, text, color);
}

fn letters(painter: &Painter, rect: Rect, view: &ViewState) {
    let edges = EdgeLetters::of(view);
    let inner = rect.shrink(MARGIN);
    for (text, at, anchor) in [
        (&edges.left, inner.left_center(), Align2::LEFT_CENTER),
        (&edges.right, inner.right_center(), Align2::RIGHT_CENTER),
        (&edges.top, inner.center_top(), Align2::CENTER_TOP),
        (&edges.bottom, inner.center_bottom(), Align2::CENTER_BOTTOM),
    ] {
        label(painter, at, anchor, text, 15.0, theme::OVERLAY_STRONG, f32::INFINITY);
    }
}

/// A ruler above the lower edge, ticks at each tenth.
fn draw_ruler(painter: &Painter, rect: Rect, mm_per_point: f64) {
    let (mm, points) = ruler(mm_per_point, f64::from(rect.width()) * 0.28);
    let left = pos2(rect.center().x - points as f32 / 2.0, rect.bottom() - 34.0);
    let strokes = [Stroke::new(3.0, Color32::from_black_alpha(170)), Stroke::new(1.0, theme::OVERLAY)];
    for stroke in strokes {
        painter.line_segment([left, left + vec2(points as f32, 0.0)], stroke);
        for tick in 0..=10 {
            let x = points as f32 * tick as f32 / 10.0;
            let height = if tick % 5 == 0 { 7.0 } else { 4.0 };
            painter.line_segment([left + vec2(x, 0.0), left + vec2(x, -height)], stroke);
        }
    }
    let text =
        if mm >= 10.0 && mm % 10.0 == 0.0 { format!("{:.0} cm", mm / 10.0) } else { format!("{mm} mm") };
    let beside = left + vec2(points as f32 + 7.0, -3.0);
    label(painter, beside, Align2::LEFT_CENTER, &text, 12.0, theme::OVERLAY, f32::INFINITY);
}

/// Where the other cuts pass through this one, and where they cross.
fn lines(painter: &Painter, rect: Rect, viewport: &Viewport, scenery: &Scenery<'_>) {
    match viewport.crosshair(rect, scenery) {
        Some(crosshair) if scenery.tool == Tool::Crosshair => crosshair.paint_handles(painter),
        Some(crosshair) if scenery.reference_lines => crosshair.paint_lines(painter),
        Some(_) => {}
        None => {
            let cursor = scenery.cursors.get(viewport.frame());
            let at = cursor
                .and_then(|&cursor| viewport.view.camera.pixel_from_patient(cursor, viewport.view.size));
            if let Some([x, y]) = at.filter(|_| scenery.tool == Tool::Crosshair) {
                let scale = rect.width() / viewport.view.size[0] as f32;
                crosshair::paint_cursor(painter, rect.min + vec2(x as f32, y as f32) * scale);
            }
        }
    }
}

/// How thick a slice is, in voxels where millimetres do not hold, and how its values become one; `None` for plain cuts
/// and other views.
pub fn slab_text(view: &ViewState, open: &OpenSeries) -> Option<String> {
    let thick = view.content.is_cut() && view.slab.thickness_mm > 0.0;
    let name = match view.slab.combine {
        Combine::Maximum => tr!("mip"),
        Combine::Minimum => tr!("minip"),
        Combine::Mean => tr!("mean"),
    };
    thick.then(|| {
        let mm = view.slab.thickness_mm;
        if open.report.millimetres.is_everywhere() {
            return format!("{name} {mm:.1} mm");
        }
        let across = open.outline().geometry().voxel_from_patient().matrix3 * view.plane.scroll_direction();
        format!("{name} {:.1} px", mm * across.length())
    })
}

/// A round part of the picture, twice as large.
pub fn magnify(painter: &Painter, texture: TextureId, place: Rect, at: Pos2) {
    const RADIUS: f32 = 80.0;
    const FACTOR: f32 = 2.5;
    let uv_of = |p: Pos2| {
        let part = (p - place.min) / place.size();
        pos2(part.x, part.y)
    };
    let mut mesh = Mesh::with_texture(texture);
    let vertex =
        |offset: Vec2| Vertex { pos: at + offset, uv: uv_of(at + offset / FACTOR), color: Color32::WHITE };
    mesh.vertices.push(vertex(Vec2::ZERO));
    const CORNERS: u32 = 64;
    for corner in 0..CORNERS {
        let angle = corner as f32 / CORNERS as f32 * std::f32::consts::TAU;
        mesh.vertices.push(vertex(Vec2::angled(angle) * RADIUS));
        mesh.add_triangle(0, 1 + corner, 1 + (corner + 1) % CORNERS);
    }
    painter.circle_filled(at, RADIUS, Color32::BLACK);
    painter.add(mesh);
    painter.circle_stroke(at, RADIUS, Stroke::new(1.5, theme::OVERLAY_WEAK));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_takes_one_line_where_there_is_little_room() {
        let ctx = eframe::egui::Context::default();
        let badges = ["Gantry-Kippung 18.5°", "Ungleiche Schichtabstände", "Füllwerte"].map(str::to_owned);
        let mut lines = Vec::new();
        let output = ctx.run_ui(Default::default(), |ui| {
            let painter = ui.painter();
            lines = [4000.0, 330.0, 150.0, 20.0].map(|width| in_one_line(painter, &badges, width)).to_vec();
            assert!(text_width(painter, &lines[1]) <= 330.0);
            assert_eq!(in_one_line(painter, &[], 100.0), "");
        });
        output.drop_without_applying_deltas();
        assert_eq!(lines[0], "Gantry-Kippung 18.5° · Ungleiche Schichtabstände · Füllwerte");
        assert_eq!(lines[1], "Gantry-Kippung 18.5° · Ungleiche Schichtabstände +1");
        // At the end a line is cut, never what comes first.
        assert_eq!(lines[2..], ["Gantry-Kippung 18.5° +2"; 2]);
    }

    #[test]
    fn windows_of_a_pet_are_told_in_suv() {
        let suv = Suv { body_weight: 0.0005, lean_body_mass: None, body_surface: None };
        let window = Window::shaped(5000.0, 10_000.0, render_core::window::Shape::LinearExact).unwrap();
        assert_eq!(window_text(window, Some(suv)), "SUV 0.0 – 5.0");
        assert_eq!(window_text(Window::clamped(40.0, 400.0), None), "W 400  L 40");
    }

    #[test]
    fn positions_name_the_side_of_the_patient() {
        assert_eq!(axis_position(12.34, 0), "L 12.3");
        assert_eq!(axis_position(-12.34, 0), "R 12.3");
        assert_eq!(axis_position(-5.0, 1), "A 5.0");
        assert_eq!(axis_position(120.0, 2), "H 120.0");
    }
}
