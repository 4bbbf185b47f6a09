//! One series and its views, drawn on the page's card.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use protocol::message::SeriesOpened;
use protocol::voxels::Header;
use protocol::{ClientMessage, ServerMessage};
use render_core::gpu::{BrowserRenderer, picture_texture};
use render_core::render::resolve;
use render_core::scene::ViewState;
use render_core::{Outline, Outlined, Volume};
use wasm_bindgen::prelude::*;

use crate::arrival::Arrival;
use crate::view::View;

/// The card's pictures, as bytes that a canvas takes.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// Pictures that a measurement draws, each turned by some degrees as a hand would.
const MEASURED: u32 = 5;
const TURN_DEGREES: f64 = 4.0;

#[wasm_bindgen]
#[expect(missing_debug_implementations, reason = "a page shows it nowhere")]
pub struct Drawer {
    renderer: BrowserRenderer,
    canvas: web_sys::OffscreenCanvas,
    surface: wgpu::Surface<'static>,
    /// One picture is drawn at a time.
    busy: Cell<bool>,
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    series: Option<Series>,
    arrival: Option<Arrival>,
    views: BTreeMap<u8, View>,
    picture: Option<wgpu::Texture>,
}

struct Series {
    opened: SeriesOpened,
    outline: Outline,
    /// The finest that is there, and how often it was halved.
    volume: Option<(u8, Arc<Volume>)>,
}

impl Inner {
    fn series(&self) -> Result<&Series, JsError> {
        self.series.as_ref().ok_or_else(|| JsError::new("no series is open"))
    }

    fn view(&self, number: u8) -> Result<&View, JsError> {
        self.views.get(&number).ok_or_else(|| JsError::new("the view is not drawn here"))
    }
}

fn said(error: impl std::fmt::Display) -> JsError {
    JsError::new(&error.to_string())
}

#[wasm_bindgen]
impl Drawer {
    /// Opens the browser's adapter, and sees that it draws a test scene right.
    pub async fn open() -> Result<Drawer, JsError> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::BROWSER_WEBGPU;
        let instance = wgpu::Instance::new(descriptor);
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance.request_adapter(&options).await.map_err(said)?;
        let renderer = BrowserRenderer::open(&adapter).await.map_err(said)?;
        let canvas =
            web_sys::OffscreenCanvas::new(1, 1).map_err(|_| JsError::new("the page has no canvas"))?;
        let target = wgpu::SurfaceTarget::OffscreenCanvas(canvas.clone());
        let surface = instance.create_surface(target).map_err(said)?;
        Ok(Self { renderer, canvas, surface, busy: Cell::new(false), inner: RefCell::default() })
    }

    /// The series that is to be drawn: `seriesOpened` as it came. What was there before is let go.
    pub fn begin(&self, opened: &str) -> Result<(), JsError> {
        let Ok(ServerMessage::SeriesOpened(opened)) = serde_json::from_str(opened) else {
            return Err(JsError::new("the series is not told as it should be"));
        };
        let outline = views::read_outline(&opened).map_err(said)?;
        let series = Some(Series { opened: *opened, outline, volume: None });
        *self.inner.borrow_mut() = Inner { series, ..Inner::default() };
        Ok(())
    }

    /// Bytes of an answer with voxels, in order. Returns how much of it is there, 0 to 1. Fails as soon as it is
    /// known that the volume does not fit, in words.
    pub fn push(&self, bytes: &[u8], most_bytes: f64) -> Result<f64, JsError> {
        let mut inner = self.inner.borrow_mut();
        let whole = inner.series()?.outline.geometry().dims();
        let arrival = inner.arrival.get_or_insert_default();
        let begun = arrival.push(bytes, most_bytes as u64).map_err(|e| JsError::new(&e))?;
        if let Some(Header { kind, .. }) = begun {
            // Also of a coarse one it is asked whether the whole one will fit.
            let bytes = self.renderer.bytes_of(whole, &Arrival::sample(kind)).map_err(said)?;
            if bytes > most_bytes as u64 {
                return Err(JsError::new(&format!(
                    "the volume takes {} MiB, more than a page may use",
                    bytes >> 20
                )));
            }
        }
        Ok(arrival.share())
    }

    /// The answer has ended: from now on these voxels are drawn.
    pub fn arrived(&self) -> Result<(), JsError> {
        let mut inner = self.inner.borrow_mut();
        let arrival = inner.arrival.take().ok_or_else(|| JsError::new("no voxels came"))?;
        let Some(series) = &mut inner.series else { return Err(JsError::new("no series is open")) };
        let (level, volume) = arrival.finish(&series.outline).map_err(|e| JsError::new(&e))?;
        series.volume = Some((level, Arc::new(volume)));
        Ok(())
    }

    /// Forgets voxels that came in part.
    pub fn abandon(&self) {
        self.inner.borrow_mut().arrival = None;
    }

    /// Draws a view here, or takes over what has become of it: `viewState` as it came. `keep_place` where a hand
    /// has moved it since it was asked for. Fails in words where only the server can draw it.
    pub fn show(&self, told: &str, keep_place: bool) -> Result<(), JsError> {
        let Ok(ServerMessage::ViewState(told)) = serde_json::from_str(told) else {
            return Err(JsError::new("the view is not told as it should be"));
        };
        let mut inner = self.inner.borrow_mut();
        let view = View::new(&told, &inner.series()?.outline).map_err(|e| JsError::new(&e))?;
        match inner.views.get_mut(&told.view) {
            Some(known) => known.update(view, keep_place),
            None => drop(inner.views.insert(told.view, view)),
        }
        Ok(())
    }

    pub fn hide(&self, view: u8) {
        self.inner.borrow_mut().views.remove(&view);
    }

    /// Does what a client's message asks of a view. Returns the views whose pictures change.
    pub fn obey(&self, view: u8, message: &str) -> Result<Vec<u8>, JsError> {
        let (_, message) = ClientMessage::parse(message).map_err(said)?;
        let mut inner = self.inner.borrow_mut();
        let Inner { series, views, .. } = &mut *inner;
        let (Some(series), Some(own)) = (series, views.get_mut(&view)) else { return Ok(Vec::new()) };
        let mut changed = Vec::new();
        if own.obey(&message, &series.outline) {
            changed.push(view);
        }
        if own.is_slice() {
            let window = own.state.window;
            let others = views.iter_mut().filter_map(|(n, view)| view.follow_window(window).then_some(*n));
            changed.extend(others);
        }
        Ok(changed)
    }

    /// The `set` that brings the server's view to where this one is.
    pub fn set(&self, view: u8, moving: bool) -> Result<String, JsError> {
        let inner = self.inner.borrow();
        let message = inner.view(view)?.set(view, &inner.series()?.opened, moving);
        serde_json::to_string(&message).map_err(said)
    }

    /// What the server would tell of a view: the message `view`.
    pub fn info(&self, view: u8) -> Result<String, JsError> {
        let inner = self.inner.borrow();
        let series = inner.series()?;
        let info = inner.view(view)?.info(view, &series.opened, &series.outline);
        serde_json::to_string(&ServerMessage::View(info)).map_err(said)
    }

    /// Draws a view with as many pixels along each axis as `scale` leaves of it.
    pub async fn draw(&self, view: u8, scale: f64) -> Result<web_sys::ImageBitmap, JsError> {
        let (state, volume) = self.subject(view, scale)?;
        let picture = self.render(&state, &volume).await?;
        self.canvas.set_width(state.size[0]);
        self.canvas.set_height(state.size[1]);
        self.surface.configure(
            self.renderer.device(),
            &wgpu::SurfaceConfiguration {
                usage: wgpu::TextureUsages::COPY_DST | wgpu::TextureUsages::RENDER_ATTACHMENT,
                format: FORMAT,
                color_space: wgpu::SurfaceColorSpace::Srgb,
                width: state.size[0],
                height: state.size[1],
                present_mode: wgpu::PresentMode::Fifo,
                desired_maximum_frame_latency: 2,
                alpha_mode: wgpu::CompositeAlphaMode::Opaque,
                view_formats: Vec::new(),
            },
        );
        let wgpu::CurrentSurfaceTexture::Success(frame) = self.surface.get_current_texture() else {
            return Err(JsError::new("the page's canvas takes no picture"));
        };
        let mut encoder = self.renderer.device().create_command_encoder(&Default::default());
        let size = picture.size();
        encoder.copy_texture_to_texture(picture.as_image_copy(), frame.texture.as_image_copy(), size);
        self.renderer.queue().submit([encoder.finish()]);
        self.renderer.queue().present(frame);
        self.canvas.transfer_to_image_bitmap().map_err(|_| JsError::new("the page's canvas gives no picture"))
    }

    /// Milliseconds that a picture of a view takes, while it is turned or paged.
    pub async fn measure(&self, view: u8, scale: f64) -> Result<f64, JsError> {
        let (mut state, volume) = self.subject(view, scale)?;
        // Programs are compiled and voxels uploaded for the first.
        self.render(&state, &volume).await?;
        let begun = now_ms();
        for _ in 0..MEASURED {
            state.camera.azimuth(TURN_DEGREES);
            state.plane.scroll(1, &volume);
            self.render(&state, &volume).await?;
        }
        Ok((now_ms() - begun) / f64::from(MEASURED))
    }

    /// Breaks the device, as a driver that crashes does.
    pub fn lose(&self) {
        self.renderer.device().destroy();
    }
}

impl Drawer {
    fn subject(&self, view: u8, scale: f64) -> Result<(ViewState, Arc<Volume>), JsError> {
        let inner = self.inner.borrow();
        let (_, volume) =
            inner.series()?.volume.as_ref().ok_or_else(|| JsError::new("no voxels are there yet"))?;
        let mut state = inner.view(view)?.state.clone();
        let scaled = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
        state.size = state.size.map(scaled);
        Ok((state, Arc::clone(volume)))
    }

    async fn render(&self, state: &ViewState, volume: &Arc<Volume>) -> Result<wgpu::Texture, JsError> {
        if self.busy.replace(true) {
            return Err(JsError::new("another picture is in the making"));
        }
        let picture = self.texture(state.size);
        let params = resolve(state, volume);
        let drawn = self.renderer.render_to(&picture, volume, &params, &AtomicBool::new(false)).await;
        self.busy.set(false);
        drawn.map_err(said)?;
        Ok(picture)
    }

    /// One texture serves as long as the size stays.
    fn texture(&self, size: [u32; 2]) -> wgpu::Texture {
        let mut inner = self.inner.borrow_mut();
        if let Some(picture) = inner.picture.as_ref().filter(|p| [p.width(), p.height()] == size) {
            return picture.clone();
        }
        let picture = picture_texture(self.renderer.device(), size);
        inner.picture = Some(picture.clone());
        picture
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn now_ms() -> f64;
}
