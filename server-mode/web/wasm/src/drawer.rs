//! One series and its views, drawn on the page's card.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use protocol::message::SeriesOpened;
use protocol::voxels::Header;
use protocol::{ClientMessage, ServerMessage};
use render_core::gpu::BrowserRenderer;
use render_core::progressive::Rung;
use render_core::render::resolve;
use render_core::scene::view::Orientation;
use render_core::scene::{Content, PresetLibrary, ViewState};
use render_core::{Outline, Outlined, Volume};
use views::Arrival;
use wasm_bindgen::prelude::*;

use crate::view::View;

/// Pictures that a measurement draws, each turned by some degrees as a hand would.
const MEASURED: u32 = 5;
const TURN_DEGREES: f64 = 4.0;

#[wasm_bindgen]
#[expect(missing_debug_implementations, reason = "a page shows it nowhere")]
pub struct Drawer {
    renderer: BrowserRenderer,
    /// One picture is drawn at a time.
    busy: Cell<bool>,
    inner: RefCell<Inner>,
}

/// A picture's colours, 4 bytes a pixel, rows from the top.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pixels: Vec<u8>,
}

#[wasm_bindgen]
impl Picture {
    /// Its bytes, once.
    pub fn pixels(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pixels)
    }
}

#[derive(Default)]
struct Inner {
    series: Option<Series>,
    arrival: Option<Arrival>,
    views: BTreeMap<u8, View>,
}

struct Series {
    opened: SeriesOpened,
    outline: Outline,
    /// The voxels that came last: coarse ones, then all.
    volume: Option<Arc<Volume>>,
}

impl Series {
    fn volume(&self) -> Result<Arc<Volume>, JsError> {
        self.volume.clone().ok_or_else(|| JsError::new("no voxels are there yet"))
    }
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
        Ok(Self { renderer, busy: Cell::new(false), inner: RefCell::default() })
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
        let Inner { series, arrival, .. } = &mut *inner;
        let Some(series) = series else { return Err(JsError::new("no series is open")) };
        let whole = series.outline.geometry().dims();
        let arrival = arrival.get_or_insert_with(|| Arrival::new(&series.outline));
        let begun = arrival.push(bytes, most_bytes as u64).map_err(said)?;
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
        let volume = arrival.finish().map_err(said)?;
        series.volume = Some(Arc::new(volume));
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
        if own.obey(&message, &series.opened, &series.outline) {
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

    /// Draws a view, one that is `moving` with as many pixels along each axis as `scale` leaves of it.
    pub async fn draw(&self, view: u8, scale: f64, moving: bool) -> Result<Picture, JsError> {
        let (mut state, mut volume) = self.subject(view)?;
        if moving {
            volume = Rung { scale, ..Rung::MOVING }.coarsen(&mut state, &volume);
        }
        let pixels = self.render(&state, &volume).await?;
        let [width, height] = state.size;
        Ok(Picture { width, height, pixels })
    }

    /// Milliseconds that a picture of the volume takes while it is turned, as it first looks.
    pub async fn measure(&self, width: u32, height: u32) -> Result<f64, JsError> {
        let (mut state, volume) = self.first_look([width, height])?;
        let volume = Rung::MOVING.coarsen(&mut state, &volume);
        // Programs are compiled and voxels uploaded for the first.
        self.render(&state, &volume).await?;
        let begun = now_ms();
        for _ in 0..MEASURED {
            state.camera.azimuth(TURN_DEGREES);
            self.render(&state, &volume).await?;
        }
        Ok((now_ms() - begun) / f64::from(MEASURED))
    }
}

impl Drawer {
    fn first_look(&self, size: [u32; 2]) -> Result<(ViewState, Arc<Volume>), JsError> {
        let inner = self.inner.borrow();
        let series = inner.series()?;
        let mut state = ViewState::new(&series.outline, Content::Volume, Orientation::Axial, size);
        if let Some(preset) = PresetLibrary::default().menu(&series.outline).next() {
            state.apply_preset(preset, &series.outline);
        }
        Ok((state, series.volume()?))
    }

    fn subject(&self, view: u8) -> Result<(ViewState, Arc<Volume>), JsError> {
        let inner = self.inner.borrow();
        let volume = inner.series()?.volume()?;
        Ok((inner.view(view)?.state.clone(), volume))
    }

    async fn render(&self, state: &ViewState, volume: &Arc<Volume>) -> Result<Vec<u8>, JsError> {
        if self.busy.replace(true) {
            return Err(JsError::new("another picture is in the making"));
        }
        let params = resolve(state, volume);
        let drawn = self.renderer.render(volume, &params, &AtomicBool::new(false)).await;
        self.busy.set(false);
        drawn.map_err(said)
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn now_ms() -> f64;
}
