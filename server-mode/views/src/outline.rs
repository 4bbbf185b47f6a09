//! A volume without its voxels.

use std::sync::Arc;

use glam::{DAffine3, DMat3, DVec3};
use protocol::message::{Outline as Wire, SeriesOpened, ShapedNamedWindow};
use protocol::scene::ShapedWindow;
use render_core::geometry::GeometryError;
use render_core::levels::Levels;
use render_core::volume::Meaning;
use render_core::window::Table;
use render_core::{Geometry, Outline, Outlined};

use super::{shape_out, window_in};

/// What `seriesOpened` tells of a volume besides what it tells to people.
pub fn outline(volume: &dyn Outlined, directions_unknown: bool) -> Wire {
    let m = volume.geometry().patient_from_voxel();
    let (meaning, levels) = (volume.meaning(), volume.levels());
    Wire {
        patient_from_voxel: [m.matrix3.x_axis, m.matrix3.y_axis, m.matrix3.z_axis, m.translation]
            .map(|column| column.to_array()),
        value_range: volume.value_range().into(),
        levels: [levels.tissue, levels.bright],
        windows: meaning
            .windows
            .iter()
            .map(|(label, window)| ShapedNamedWindow {
                label: label.clone(),
                center: window.center(),
                width: window.width(),
                shape: shape_out(window.shape()),
            })
            .collect(),
        tables: meaning.tables.iter().map(|table| table.entries().to_vec()).collect(),
        inverted: meaning.inverted,
        directions_unknown,
    }
}

/// The outline of a series that a server has opened.
///
/// # Errors
/// The geometry is none: its axes are not independent, or it has no voxels.
pub fn read_outline(series: &SeriesOpened) -> Result<Outline, GeometryError> {
    let told = &series.outline;
    let [x_axis, y_axis, z_axis, translation] = told.patient_from_voxel.map(DVec3::from);
    let matrix3 = DMat3 { x_axis, y_axis, z_axis };
    let geometry = Geometry::new(series.dims, DAffine3 { matrix3, translation })?;
    let window = |window: &ShapedNamedWindow| {
        let ShapedNamedWindow { label, center, width, shape } = window;
        let window = window_in(ShapedWindow { center: *center, width: *width, shape: *shape })?;
        Some((label.clone(), window))
    };
    let meaning = Meaning {
        modality: series.modality.clone(),
        unit: series.unit.clone(),
        windows: told.windows.iter().filter_map(window).collect(),
        tables: told.tables.iter().filter_map(|t| Table::new(t.clone())).map(Arc::new).collect(),
        inverted: told.inverted,
    };
    let [tissue, bright] = told.levels;
    Ok(Outline { geometry, meaning, value_range: told.value_range.into(), levels: Levels { tissue, bright } })
}
