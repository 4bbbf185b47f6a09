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
pub mod bench;
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
mod folding;
mod guest;
mod hanging;
mod hosting;
mod hung;
mod hybrid;
mod job;
mod keeper;
mod keymap;
mod kind;
mod layout;
mod listed;
mod loading;
mod look_panel;
mod main_window;
mod menu;
mod mouse;
mod named;
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

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui_wgpu::{WgpuSetup, WgpuSetupCreateNew};
use eframe::{egui, wgpu};
use main_window::Extent;
use render_core::{Renderer, gpu};

/// How the window starts.
#[derive(Debug)]
pub struct Options {
    /// Draws the pictures.
    pub renderer: Renderer,
    /// Folder of the user's own volume presets.
    pub presets: Option<PathBuf>,
    /// Whether headers are kept between starts.
    pub index: bool,
    /// A server to connect to, by the address that it prints.
    pub connect: Option<String>,
    pub settings: settings::Read,
    pub keeping: Keeping,
}

/// Whether the next start finds what this one leaves: settings, the session, what was opened and drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    Everything,
    Nothing,
}

/// Opens the window on the studies in `paths` and returns when it is closed. Fails if there is no
/// display or nothing that could draw a window.
pub fn run(paths: Vec<PathBuf>, options: Options) -> anyhow::Result<()> {
    text::choose(options.settings.settings.language.as_deref());
    let widgets = Widgets::beside(&options.renderer);
    let file = main_window::file().filter(|_| options.keeping == Keeping::Everything);
    let extent = Extent::read(file.as_deref());
    let make = move |cc: &eframe::CreationContext<'_>| -> Box<dyn eframe::App> {
        close_when_told(&cc.egui_ctx);
        Box::new(app::App::new(cc, paths, options))
    };
    open(widgets, extent, Box::new(make))
}

/// Closes the window where the system ends the program, or somebody presses Ctrl+C beside it: what is not kept yet is
/// kept, and guests are told that their session is over. The second time ends it at once.
fn close_when_told(ctx: &egui::Context) {
    #[cfg(unix)]
    {
        let ctx = ctx.clone();
        let wait = move || {
            if let Err(error) = obey_signals(&ctx) {
                tracing::debug!(%error, "signals end the program at once");
            }
        };
        if let Err(error) = std::thread::Builder::new().name("signals".into()).spawn(wait) {
            tracing::debug!(%error, "signals end the program at once");
        }
    }
    #[cfg(not(unix))]
    let _ = ctx;
}

#[cfg(unix)]
fn obey_signals(ctx: &egui::Context) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut terminated, mut interrupted) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        for is_first in [true, false] {
            let number = tokio::select! {
                _ = terminated.recv() => SignalKind::terminate(),
                _ = interrupted.recv() => SignalKind::interrupt(),
            };
            if !is_first {
                std::process::exit(128 + number.as_raw_value());
            }
            ctx.data_mut(|data| data.insert_temp(told_to_end(), true));
            ctx.send_viewport_cmd_to(egui::ViewportId::ROOT, egui::ViewportCommand::Close);
        }
        Ok(())
    })
}

/// Where the window remembers that it is to close without a question, for nobody may be there to answer.
fn told_to_end() -> egui::Id {
    egui::Id::unique("told to end")
}

/// What draws the window around the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Widgets {
    /// The card that draws the pictures, so that they need not leave it.
    Card,
    /// The system's OpenGL. Where a processor stands in for the card, its shaders cost a fraction of those of
    /// `Card`: 1440x900 took 127 ms there and 12 ms here.
    OpenGl,
}

impl Widgets {
    fn beside(renderer: &Renderer) -> Self {
        if renderer.name() == "gpu" { Self::Card } else { Self::OpenGl }
    }
}

type Make = Box<dyn FnOnce(&eframe::CreationContext<'_>) -> Box<dyn eframe::App>>;

/// Opens a window for an app, and by the other way of drawing it if the first one fails.
fn open(widgets: Widgets, extent: Extent, make: Make) -> anyhow::Result<()> {
    // What takes all cores is work behind the window, which keeps one of them: a thread that has stepped aside, too,
    // goes on for some milliseconds when the window wakes. Pictures have threads of their own.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = rayon::ThreadPoolBuilder::new().num_threads(cores.saturating_sub(1).max(1));
    let threads = threads.thread_name(|i| format!("work {i}"));
    if let Err(error) = threads.start_handler(|_| job::step_aside()).build_global() {
        tracing::debug!(%error, "threads that work are as important as the window");
    }
    let make = Cell::new(Some(make));
    let run = |renderer| {
        let native = eframe::NativeOptions {
            viewport: extent.open(
                egui::ViewportBuilder::default()
                    .with_title("Voxcast")
                    .with_app_id("voxcast")
                    .with_drag_and_drop(true),
            ),
            renderer,
            // Noise that hides banding would change grey values.
            dithering: false,
            wgpu_options: eframe::WgpuConfiguration { wgpu_setup: setup(), ..Default::default() },
            ..Default::default()
        };
        let create = |cc: &eframe::CreationContext<'_>| match make.take() {
            Some(make) => Ok(make(cc)),
            None => Err("the window was made before".into()),
        };
        eframe::run_native("Voxcast", native, Box::new(create))
    };
    let (first, second) = match widgets {
        Widgets::Card => (eframe::Renderer::Wgpu, eframe::Renderer::Glow),
        Widgets::OpenGl => (eframe::Renderer::Glow, eframe::Renderer::Wgpu),
    };
    let opened = run(first).or_else(|error| {
        let unused = make.take();
        let never_opened = unused.is_some();
        make.set(unused);
        // Without a display nothing can be opened.
        if !never_opened || matches!(error, eframe::Error::WinitEventLoop(_)) {
            return Err(error);
        }
        tracing::info!(%error, "the window is drawn in another way");
        run(second)
    });
    opened.map_err(|error| anyhow::anyhow!("the window could not be opened: {error}"))
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
