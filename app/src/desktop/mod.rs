//! The desktop window.
//!
//! ```text
//! paths -> Job (scan, load) -> Preview, then Desk (OpenSeries in Viewports) -> RenderWorker -> Canvas -> egui
//! mouse, keys -> Command or Interaction -> ViewState -> Viewport
//! ```
//!
//! The UI thread never renders a volume, never reads a file and never waits: it hands work to named
//! threads and takes their results when they wake it. It repaints only when something changed, so a
//! still window costs nothing.

mod about;
mod annotate;
mod app;
mod canvas;
mod clip_planes;
mod command;
mod connecting;
mod connection;
mod crosshair;
mod curve;
mod desk;
mod dialogs;
mod export;
mod guest;
mod hanging;
mod hung;
mod hybrid;
mod job;
mod keeper;
mod keymap;
mod kind;
mod layout;
mod loading;
mod look_panel;
mod menu;
mod mouse;
mod overlay;
mod palette;
mod pictures;
mod pointed;
mod presets;
mod preview;
mod recent;
mod remote;
mod render_worker;
mod session;
pub mod settings;
mod settings_dialog;
mod sharing;
mod sheet;
mod side_panel;
mod solid;
mod study;
mod text;
mod theme;
mod tool;
mod top_bar;
mod upkeep;
mod viewport;
mod windows;

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui_wgpu::{WgpuSetup, WgpuSetupCreateNew};
use eframe::wgpu;
use render_core::{Renderer, gpu};

/// How the window starts.
#[derive(Debug)]
pub struct Options {
    /// Draws the pictures. The window's widgets use whatever adapter there is.
    pub renderer: Renderer,
    /// Folder of the user's own volume presets.
    pub presets: Option<PathBuf>,
    /// Whether headers are kept between starts.
    pub index: bool,
    /// A server to connect to, by the address that it prints.
    pub connect: Option<String>,
    pub settings: settings::Read,
}

/// Opens the window on the studies in `paths` and returns when it is closed. Fails if there is no
/// display or no adapter that could draw a window.
pub fn run(paths: Vec<PathBuf>, options: Options) -> anyhow::Result<()> {
    text::choose(options.settings.settings.language.as_deref());
    let native = eframe::NativeOptions {
        viewport: eframe::egui::ViewportBuilder::default()
            .with_title("Voxcast")
            .with_app_id("voxcast")
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([640.0, 480.0])
            .with_drag_and_drop(true),
        renderer: eframe::Renderer::Wgpu,
        // Noise that hides banding would change grey values.
        dithering: false,
        wgpu_options: eframe::WgpuConfiguration { wgpu_setup: setup(), ..Default::default() },
        ..Default::default()
    };
    eframe::run_native("Voxcast", native, Box::new(|cc| Ok(Box::new(app::App::new(cc, paths, options)))))
        .map_err(|error| anyhow::anyhow!("the window could not be opened: {error}"))
}

/// The window's device. On a real card the renderer works with it, too, and needs all it has to give.
fn setup() -> WgpuSetup {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    let plain = setup.device_descriptor;
    setup.device_descriptor = Arc::new(move |adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::Cpu | wgpu::DeviceType::Other => plain(adapter),
        _ => gpu::device_descriptor(adapter),
    });
    WgpuSetup::CreateNew(setup)
}
