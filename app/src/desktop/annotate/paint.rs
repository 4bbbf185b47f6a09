//! What was drawn, over the pictures.

use std::sync::Arc;

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{self, Color32, FontId, Painter, Pos2, Rect, Stroke, Vec2, pos2, vec2};
use reading::{Annotation, Id, Kind, Pixel, Shape, Tool, Values};
use render_core::scene::{Content, Plane, ViewState};

use super::super::layout::ViewportId;
use super::super::study::OpenSeries;
use super::super::text::{self, tr};
use super::super::theme;
use super::hosted::{Hosted, Theirs};
use super::{Annotate, reach_mm};

const LINE_HEIGHT: f32 = 16.0;
/// Between what is drawn, with its handles, and its text.
const TEXT_GAP: f32 = 9.0;
/// How far a line may pass from a point that it leaves out, in points of the screen.
const UNSEEN: f32 = 0.25;
/// Points in a row that a line leaves out.
const MOST_LEFT_OUT: usize = 16;

impl Annotate {
    /// Draws the segments over the picture at `place`, which shows `view`; what is written comes over them.
    pub fn paint_segments(
        &mut self,
        painter: &Painter,
        place: Rect,
        id: ViewportId,
        view: &ViewState,
        series: &OpenSeries,
        is_active: bool,
    ) {
        if self.hidden {
            return;
        }
        let segmentation = self.reading.segmentation(&series.series_id);
        let segmentation =
            segmentation.filter(|s| view.content != Content::Curved && !s.segments().is_empty());
        let is_slice = view.content == Content::Slice;
        let (series, busy) = (&series.series_id, self.editor.is_busy());
        match segmentation {
            Some(segmentation) if is_slice => {
                self.masks.paint(painter, place, id, series, segmentation, view, is_active && busy);
            }
            Some(segmentation) => self.solids.paint(painter, place, id, series, segmentation, view, busy),
            None => {}
        }
        if segmentation.is_none() || !is_slice {
            self.masks.forget(id);
        }
        if segmentation.is_none() || is_slice {
            self.solids.forget(id);
        }
    }

    /// Draws over the picture at `place`, which shows `view`.
    pub fn paint(
        &mut self,
        painter: &Painter,
        place: Rect,
        view: &ViewState,
        series: &Arc<OpenSeries>,
        pointer: Option<Pos2>,
        is_active: bool,
    ) {
        if self.hidden || view.content != Content::Slice {
            return;
        }
        let points_per_pixel = place.width() / view.size[0].max(1) as f32;
        let at = |[x, y]: Pixel| place.min + vec2(x as f32, y as f32) * points_per_pixel;
        let reach = reach_mm(view, series.outline());
        let shown =
            |a: &&Annotation| a.visible && a.series == series.series_id && a.is_on(&view.plane, reach);
        let draft = self.editor.draft().filter(shown).cloned();
        let mut annotations: Vec<Annotation> =
            self.reading.annotations().iter().filter(shown).cloned().chain(draft).collect();
        let mut badges = 0;
        let under = Under::of(view);
        self.hosted.paint(painter, place, under, &series.series_id, reach, &mut badges);
        let (selected, focus) = (self.editor.selected(), self.editor.focus());
        // What a hand is at lies in front of the others, with its text.
        annotations.sort_by_key(|annotation| selected == Some(annotation.id));
        for annotation in annotations {
            let values = self.values(&annotation, series, painter.ctx());
            paint_one(painter, place, under, &annotation, values.as_ref(), (selected, focus), &mut badges);
        }
        if let Some(pointer) = self.editor.pointer().filter(|_| is_active) {
            let center = at(pointer);
            for (dx, dy) in [(1.0, 0.0), (0.0, 1.0)] {
                for (width, color) in [(4.0, Color32::from_black_alpha(160)), (1.5, theme::OVERLAY_STRONG)] {
                    let arm = vec2(dx, dy) * 12.0;
                    painter.line_segment([center - arm, center + arm], Stroke::new(width, color));
                }
            }
        }
        if matches!(self.editor.tool(), Tool::Brush | Tool::Eraser)
            && let Some(pointer) = pointer.filter(|&pointer| place.contains(pointer))
        {
            let radius = self.editor.brush.radius_mm / view.plane.mm_per_pixel(view.size);
            let stroke = Stroke::new(1.4, theme::OVERLAY_STRONG);
            painter.circle_stroke(pointer, radius as f32 * points_per_pixel, stroke);
        }
    }
}

impl Hosted {
    /// Draws what lies on a slice of a series, over its picture.
    fn paint(
        &self,
        painter: &Painter,
        place: Rect,
        under: Under<'_>,
        series: &str,
        reach_mm: f64,
        badges: &mut usize,
    ) {
        for Theirs { annotation, values, .. } in self.on(series, under.plane, reach_mm) {
            paint_one(painter, place, under, annotation, Some(values), (None, None), badges);
        }
    }
}

/// An annotation with what was measured of it.
pub type Drawn = (Annotation, Option<Values>);

/// What was drawn on a series, over a picture of it that leaves the program. Labels may name the patient: they stay
/// away where the patient does.
pub fn paint_drawn(
    painter: &Painter,
    place: Rect,
    view: &ViewState,
    series: &OpenSeries,
    drawn: &[Drawn],
    labels: bool,
) {
    if view.content != Content::Slice {
        return;
    }
    let reach = reach_mm(view, series.outline());
    let mut badges = 0;
    for (annotation, values) in drawn.iter().filter(|(annotation, _)| annotation.is_on(&view.plane, reach)) {
        let label = if labels { annotation.label.clone() } else { String::new() };
        let annotation = Annotation { label, ..annotation.clone() };
        let values = values.as_ref();
        paint_one(painter, place, Under::of(view), &annotation, values, (None, None), &mut badges);
    }
}

/// The picture that is drawn over.
#[derive(Clone, Copy)]
struct Under<'a> {
    plane: &'a Plane,
    size: [u32; 2],
    /// It shows a slab: what is measured in a slice of it is not what is seen.
    in_slab: bool,
}

impl<'a> Under<'a> {
    fn of(view: &'a ViewState) -> Self {
        Self { plane: &view.plane, size: view.size, in_slab: view.slab.thickness_mm > 0.0 }
    }
}

/// `selected` is the annotation with handles, and the handle that keys move.
fn paint_one(
    painter: &Painter,
    place: Rect,
    Under { plane, size, in_slab }: Under<'_>,
    annotation: &Annotation,
    values: Option<&Values>,
    (selected, focus): (Option<Id>, Option<usize>),
    badges: &mut usize,
) {
    let points_per_pixel = place.width() / size[0].max(1) as f32;
    let at = |[x, y]: Pixel| place.min + vec2(x as f32, y as f32) * points_per_pixel;
    let shapes = reading::shapes(annotation, values, plane, size, selected);
    let [r, g, b] = annotation.color;
    let color = Color32::from_rgb(r, g, b);
    let width = if selected == Some(annotation.id) { 2.0 } else { 1.4 };
    let mut around = Rect::NOTHING;
    for shape in &shapes {
        match shape {
            Shape::Line { points, .. } => points.iter().for_each(|point| around.extend_with(at(*point))),
            Shape::Handle { at: handle, .. } => around.extend_with(at(*handle)),
            _ => {}
        }
    }
    for shape in shapes {
        match shape {
            Shape::Line { points, closed, dashed } => {
                let points = points.into_iter().map(at).collect();
                line(painter, points, closed, dashed, color, width);
            }
            Shape::Handle { at: handle, number } => {
                let focused = focus == Some(number);
                let (center, radius) = (at(handle), if focused { 6.5 } else { 4.5 });
                painter.circle_filled(center, radius, Color32::from_black_alpha(150));
                painter.circle_stroke(center, radius, Stroke::new(if focused { 3.0 } else { 1.6 }, color));
            }
            Shape::Text { at: place_of_text, .. } => {
                let mut lines =
                    reading::told(annotation, values, selected, |measure| text::of(measure.name()));
                let is_of_slice = annotation.kind == Kind::Probe || annotation.kind.is_area();
                if in_slab && is_of_slice && values.is_some() {
                    lines.push(tr!("values-of-one-slice").into_owned());
                }
                let beside = at(place_of_text) + vec2(TEXT_GAP, 0.0);
                around.extend_with(at(place_of_text));
                write(painter, beside, &lines, color, place, around);
            }
            Shape::Badge { text: label } => {
                let label = if annotation.label.is_empty() {
                    text::of(annotation.kind.name()).to_owned()
                } else {
                    label
                };
                let y = place.top() + 34.0 + LINE_HEIGHT * *badges as f32;
                let left = place.center().x - 40.0;
                super::icons::paint(Tool::Draw(Kind::KeyImage), painter, pos2(left - 12.0, y), color);
                let at = pos2(left, y);
                write(painter, at, &[label], color, place, Rect::from_pos(at));
                *badges += 1;
            }
            _ => {}
        }
    }
}

/// A line with a dark edge, to be seen on black and on white.
fn line(painter: &Painter, mut points: Vec<Pos2>, closed: bool, dashed: bool, color: Color32, width: f32) {
    if closed {
        points.extend(points.first().copied());
    }
    let points = thinned(&points);
    let edge = Stroke::new(width + 2.0, Color32::from_black_alpha(130));
    if dashed {
        painter.extend(egui::Shape::dashed_line(&points, Stroke::new(width, color), 5.0, 5.0));
        return;
    }
    painter.add(egui::Shape::line(points.clone(), edge));
    painter.add(egui::Shape::line(points, Stroke::new(width, color)));
}

/// The same line of fewer points, as far as nobody sees it: triangles are made of each of them.
fn thinned(points: &[Pos2]) -> Vec<Pos2> {
    let mut kept: Vec<Pos2> = points.first().copied().into_iter().collect();
    let mut from = 0;
    for i in 1..points.len().saturating_sub(1) {
        let (start, along) = (points[from], points[i + 1] - points[from]);
        let squared = along.length_sq();
        // All times the length of the straight line.
        let far = UNSEEN * squared.sqrt();
        let is_near = |point: &Pos2| {
            let off = *point - start;
            let (forth, across) = (off.dot(along), off.x * along.y - off.y * along.x);
            squared > 0.0 && across.abs() <= far && (-far..=squared + far).contains(&forth)
        };
        if i - from >= MOST_LEFT_OUT || !points[from + 1..=i].iter().all(is_near) {
            kept.push(points[i]);
            from = i;
        }
    }
    kept.extend(points.last().copied().filter(|_| points.len() > 1));
    kept
}

/// Lines of text to the right of a point, or elsewhere beside what they tell of, to stay in the picture.
fn write(painter: &Painter, at: Pos2, lines: &[String], color: Color32, place: Rect, of: Rect) {
    let font = FontId::proportional(12.5);
    let room = Rect::from_min_max(place.min + vec2(4.0, 2.0), place.max - vec2(6.0, 4.0));
    // What somebody has typed may be longer than the picture is wide; the table has all of it.
    let galleys: Vec<_> = lines
        .iter()
        .map(|text| {
            let mut job = LayoutJob::simple_singleline(text.clone(), font.clone(), color);
            job.wrap = TextWrapping::truncate_at_width(room.width().max(1.0));
            painter.layout_job(job)
        })
        .collect();
    let width = galleys.iter().map(|galley| galley.size().x).fold(0.0, f32::max);
    let height = LINE_HEIGHT * lines.len() as f32;
    let size = vec2(width, height);
    let Pos2 { x, y } = beside(at - vec2(0.0, LINE_HEIGHT / 2.0), size, of, room);
    let behind = Rect::from_min_size(pos2(x, y), size).expand2(vec2(4.0, 1.0));
    painter.rect_filled(behind, 3.0, Color32::from_black_alpha(150));
    for (row, galley) in galleys.into_iter().enumerate() {
        painter.galley(pos2(x, y + LINE_HEIGHT * row as f32), galley, color);
    }
}

/// Where a text goes that should be at a place: there, else to the left of what it tells of, else below or above it,
/// and over it only where there is room nowhere else.
fn beside(at: Pos2, size: Vec2, of: Rect, room: Rect) -> Pos2 {
    let x = at.x.min(room.right() - size.x).max(room.left());
    let y = at.y.min(room.bottom() - size.y).max(room.top());
    let left = (of.left() - TEXT_GAP - size.x).min(room.right() - size.x);
    let (below, above) = (of.bottom() + TEXT_GAP, of.top() - TEXT_GAP - size.y);
    if at.x <= x {
        pos2(x, y)
    } else if left >= room.left() {
        pos2(left, y)
    } else if below + size.y <= room.bottom() {
        pos2(x, below)
    } else if above >= room.top() {
        pos2(x, above)
    } else {
        pos2(x, y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_leaves_out_points_that_are_not_seen_and_no_others() {
        let all = |points: &[[f32; 2]]| points.iter().map(|&[x, y]| pos2(x, y)).collect::<Vec<_>>();
        let corner = all(&[[0.0, 0.0], [1.0, 0.1], [2.0, 0.0], [2.0, 1.0], [2.0, 2.0]]);
        assert_eq!(thinned(&corner), all(&[[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]]));
        let back = all(&[[0.0, 0.0], [9.0, 0.0], [0.0, 0.0]]);
        assert_eq!(thinned(&back), back, "it goes there and back");
        for few in [all(&[]), all(&[[1.0, 2.0]]), all(&[[1.0, 2.0], [1.0, 2.0]])] {
            assert_eq!(thinned(&few), few);
        }
        let round: Vec<Pos2> = (0..=720)
            .map(|i| pos2(50.0, 50.0) + 40.0 * Vec2::angled((i as f32).to_radians() / 2.0))
            .collect();
        let kept = thinned(&round);
        assert!(kept.len() < round.len() / 8, "{}", kept.len());
        let middle = |pair: &[Pos2]| pair[0] + (pair[1] - pair[0]) / 2.0;
        let is_round = |point: Pos2| ((point - pos2(50.0, 50.0)).length() - 40.0).abs() < UNSEEN + 0.01;
        assert!(kept.windows(2).map(middle).all(is_round));
        assert_eq!((kept.first(), kept.last()), (round.first(), round.last()));
    }

    #[test]
    fn a_text_covers_what_it_tells_of_only_where_there_is_room_nowhere_else() {
        let room = Rect::from_min_max(pos2(0.0, 0.0), pos2(400.0, 300.0));
        let size = vec2(100.0, 40.0);
        let put = |of: Rect| {
            let at = pos2(of.right() + TEXT_GAP, of.center().y);
            Rect::from_min_size(beside(at, size, of, room), size)
        };
        let of = |left: f32, top: f32, right: f32, bottom: f32| {
            Rect::from_min_max(pos2(left, top), pos2(right, bottom))
        };
        // To the right, to the left, below, above.
        assert!(put(of(100.0, 100.0, 200.0, 200.0)).left() > 200.0);
        assert!(put(of(250.0, 100.0, 350.0, 200.0)).right() < 250.0);
        assert!(put(of(50.0, 100.0, 350.0, 200.0)).top() > 200.0);
        assert!(put(of(50.0, 100.0, 350.0, 280.0)).bottom() < 100.0);
        let everywhere = put(of(-50.0, -20.0, 450.0, 320.0));
        assert!(room.contains_rect(everywhere));
        // What has left the picture takes its text along as far as the edge.
        assert!(room.contains_rect(put(of(600.0, 100.0, 700.0, 150.0))));
        assert!(room.contains_rect(put(of(-300.0, 100.0, -200.0, 150.0))));
    }
}
