//! The first images of a series on screen while the rest of it is read.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use render_core::dicom::{Glimpse, Series, Study};
use render_core::{Progress, Renderer};

use super::annotate::Annotate;
use super::app::LOADING;
use super::command::Command;
use super::kind::Kind;
use super::layout::ViewportId;
use super::loading::Underway;
use super::mouse::Mouse;
use super::study::OpenSeries;
use super::tool::Tool;
use super::viewport::{Scenery, Viewport};
use super::{side_panel, theme};

/// One image of a series that is being loaded, in its own plane.
pub struct Preview {
    viewport: Viewport,
    /// How far it is from the middle of the series, in slices.
    off_middle: u32,
    /// Nothing is drawn before all of it is there.
    annotate: Annotate,
}

impl Preview {
    pub fn new(
        study: &Study,
        series: &Series,
        glimpse: Glimpse,
        ctx: &egui::Context,
        card: Option<&RenderState>,
    ) -> Self {
        let off_middle = (glimpse.slice as u32).abs_diff(series.dims[2] / 2);
        let open = Arc::new(OpenSeries::glimpse(study, series, glimpse));
        let viewport = Viewport::new(ViewportId(0), Kind::Acquired, open, ctx, card);
        Self { viewport, off_middle, annotate: Annotate::default() }
    }

    /// Whether this shows more of the series than the other: the middle more than an end.
    pub fn beats(&self, other: &Self) -> bool {
        self.off_middle < other.off_middle
    }

    /// Whether its picture is there yet.
    pub fn shows_picture(&self) -> bool {
        self.viewport.on_screen().is_some()
    }

    /// The image below a bar with progress and a way to stop.
    pub fn show(
        &mut self,
        renderer: &Renderer,
        demographics: bool,
        progress: &Progress,
        ui: &mut egui::Ui,
        commands: &mut Vec<Command>,
    ) {
        let frame = egui::Frame::new().fill(theme::panel()).inner_margin(egui::Margin::symmetric(10, 6));
        egui::Panel::top("loading")
            .frame(frame)
            .show(ui, |ui| side_panel::progress_line(&Underway::new(LOADING, progress), ui, commands));
        let scenery = Scenery {
            renderer,
            active: self.viewport.id,
            cuts: &[],
            cursors: &HashMap::new(),
            path: None,
            tool: Tool::default(),
            demographics,
            reference_lines: false,
            overlay_planes: false,
            mouse: Mouse::default(),
            modifiers: egui::Modifiers::NONE,
            handles: false,
            several_series: false,
            by_offset: false,
            watches: false,
        };
        self.viewport.show(ui, &scenery, &mut self.annotate);
    }
}
