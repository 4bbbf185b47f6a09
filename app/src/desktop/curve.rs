//! The path of a curved view, as it is drawn on a slice point by point.

use std::sync::Arc;

use eframe::egui::{Color32, Painter, Rect, Stroke, vec2};
use glam::DVec3;
use render_core::scene::{ViewState, curved};

use super::layout::ViewportId;
use super::theme;

#[derive(Clone, Debug)]
pub struct Drawn {
    /// What tells its patient space from others.
    pub frame: String,
    /// Where it is drawn, and where it is rolled out.
    pub on: ViewportId,
    pub shown_in: Option<ViewportId>,
    points_mm: Vec<DVec3>,
    /// The plane's normal: downwards in the rolled out picture.
    down: DVec3,
}

impl Drawn {
    pub fn new(frame: String, on: ViewportId, view: &ViewState) -> Self {
        Self { frame, on, shown_in: None, points_mm: Vec::new(), down: view.plane.scroll_direction() }
    }

    pub fn push(&mut self, point_mm: DVec3) {
        if self.points_mm.len() < curved::MAX_POINTS {
            self.points_mm.push(point_mm);
        }
    }

    /// `None` until two points are apart.
    pub fn path(&self) -> Option<Arc<curved::Path>> {
        curved::Path::new(&self.points_mm, self.down).map(Arc::new)
    }

    /// Over a slice of its patient space, wherever that lies.
    pub fn paint(&self, painter: &Painter, rect: Rect, view: &ViewState) {
        let scale = rect.width() / view.size[0] as f32;
        let screen = |place: &DVec3| {
            let ([x, y], _) = view.plane.pixel_from_patient(*place, view.size);
            rect.min + vec2(x as f32, y as f32) * scale
        };
        if let Some(path) = self.path() {
            let line: Vec<_> = path.points_mm().iter().map(screen).collect();
            painter.line(line.clone(), Stroke::new(3.0, Color32::from_black_alpha(130)));
            painter.line(line, Stroke::new(1.5, theme::accent()));
        }
        for point in &self.points_mm {
            painter.circle(screen(point), 3.0, theme::panel(), Stroke::new(1.4, theme::accent()));
        }
    }
}
