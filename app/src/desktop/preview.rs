//! The first images of a series on screen while the rest of it is read.

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use glam::DVec3;
use render_core::dicom::{Glimpse, Series, Study};
use render_core::scene::Plane;
use render_core::scene::view::Orientation;
use render_core::{Progress, Renderer, Volume};

use super::app::LOADING;
use super::command::Command;
use super::layout::ViewId;
use super::study::OpenSeries;
use super::viewport::{Scenery, Viewport};
use super::{side_panel, theme};

/// One image of a series that is being loaded, in its own plane.
pub struct Preview {
    open: OpenSeries,
    viewport: Viewport,
    /// How far it is from the middle of the series, in slices.
    off_middle: u32,
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
        let open = OpenSeries::glimpse(study, series, glimpse);
        let (id, plane) = own_plane(&open.volume);
        let mut viewport = Viewport::new(id, &open, ctx, card);
        viewport.view.plane = plane;
        Self { open, viewport, off_middle }
    }

    /// Whether this shows more of the series than the other: the middle more than an end.
    pub fn beats(&self, other: &Self) -> bool {
        self.off_middle < other.off_middle
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
        let frame = egui::Frame::new().fill(theme::PANEL).inner_margin(egui::Margin::symmetric(10, 6));
        egui::Panel::top("loading")
            .frame(frame)
            .show(ui, |ui| side_panel::progress_line((LOADING, progress), ui, commands));
        let scenery = Scenery {
            open: &self.open,
            renderer,
            active: self.viewport.id,
            planes: ViewId::SLICES.map(|id| (id, self.viewport.view.plane)),
            demographics,
            reference_lines: false,
        };
        self.viewport.show(ui, &scenery);
    }
}

/// The plane of a volume's images, turned as the viewport is that shows them best: the patient's right
/// on the left, the head or the front on top.
fn own_plane(volume: &Volume) -> (ViewId, Plane) {
    let geometry = volume.geometry();
    let [x, y, _] = geometry.direction();
    let (id, orientation) = match x.cross(y).abs().max_position() {
        0 => (ViewId::Sagittal, Orientation::Sagittal),
        1 => (ViewId::Coronal, Orientation::Coronal),
        _ => (ViewId::Axial, Orientation::Axial),
    };
    let (right, down) = orientation.axes();
    let towards = |wanted: DVec3, axis: DVec3| if axis.dot(wanted) < 0.0 { -axis } else { axis };
    let (across, along) = if x.dot(right).abs() >= y.dot(right).abs() { (x, y) } else { (y, x) };
    let (right, down) = (towards(right, across), towards(down, along));
    let fit_mm = [geometry.extent_mm(right), geometry.extent_mm(down)];
    (id, Plane { center_mm: geometry.center_mm(), right, down, fit_mm, zoom: 1.0 })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use glam::{DAffine3, DMat3};
    use render_core::volume::{Meaning, Rescale};
    use render_core::{Geometry, Voxels};

    use super::*;

    /// One image whose columns and rows run along these axes.
    fn image(x: DVec3, y: DVec3) -> Volume {
        let place = DAffine3 { matrix3: DMat3::from_cols(x, y, x.cross(y)), translation: DVec3::ZERO };
        let geometry = Geometry::new([4, 6, 1], place).expect("a geometry");
        let voxels = Voxels::U8(Arc::from([0u8; 24]));
        Volume::new(geometry, voxels, Rescale::IDENTITY, Meaning::default()).expect("a volume")
    }

    #[test]
    fn an_image_of_any_orientation_stands_upright_in_its_own_plane() {
        let (id, plane) = own_plane(&image(DVec3::X, DVec3::Y));
        assert_eq!(
            (id, plane.right, plane.down, plane.fit_mm),
            (ViewId::Axial, DVec3::X, DVec3::Y, [4.0, 6.0])
        );
        // Feet first and turned round.
        let (id, plane) = own_plane(&image(DVec3::Z, DVec3::NEG_Y));
        assert_eq!((id, plane.right, plane.down), (ViewId::Sagittal, DVec3::Y, DVec3::NEG_Z));
        assert_eq!(plane.fit_mm, [6.0, 4.0]);
        let tilt = DVec3::new(0.0, 0.3, -0.953_939);
        let (id, plane) = own_plane(&image(DVec3::X, tilt));
        assert_eq!((id, plane.right), (ViewId::Coronal, DVec3::X));
        assert!(plane.down.abs_diff_eq(tilt, 1e-6), "{}", plane.down);
    }
}
