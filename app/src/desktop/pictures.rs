//! Where a viewport's pictures come from: this machine, or a server.

use std::sync::Arc;

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use protocol::Quality;
use render_core::progressive::ViewRequest;
use render_core::scene::ViewState;
use render_core::{FrameKind, Renderer, Volume};

use super::canvas::Image;
use super::connection::Slot;
use super::guest;
use super::layout::ViewportId;
use super::render_worker::{Pace, Picture, RenderWorker};
use super::study::{OpenSeries, Source};

pub enum Pictures {
    Here(RenderWorker),
    /// `None` while all of the server's slots are taken.
    There(Option<Slot>),
}

/// A picture and what it shows.
pub struct Taken {
    pub image: Image,
    pub view: ViewState,
    pub kind: FrameKind,
    /// How a server sent it.
    pub quality: Option<Quality>,
    pub refined: Option<f32>,
    /// What it was drawn of, where that is here.
    pub volume: Option<Arc<Volume>>,
}

impl Pictures {
    /// `card` is the window's, if pictures are drawn on it.
    pub fn of(id: ViewportId, series: &OpenSeries, ctx: &egui::Context, card: Option<&RenderState>) -> Self {
        match &series.source {
            Source::Here(_) => {
                Self::Here(RenderWorker::start(&format!("viewport {}", id.0), ctx, card.cloned()))
            }
            Source::There(_, connection) => Self::There(connection.slot(guest::hosted(id))),
        }
    }

    /// Goes on with another series, which may be elsewhere.
    pub fn follow(
        &mut self,
        id: ViewportId,
        series: &OpenSeries,
        ctx: &egui::Context,
        card: Option<&RenderState>,
    ) {
        let stays = match (&*self, &series.source) {
            (Self::Here(_), Source::Here(_)) => true,
            (Self::There(Some(slot)), Source::There(_, connection)) => slot.is_of(connection),
            _ => false,
        };
        if !stays {
            *self = Self::of(id, series, ctx, card);
        }
    }

    pub fn show(&mut self, renderer: &Renderer, series: &OpenSeries, view: &ViewState, pace: Pace) {
        match (self, series.volume()) {
            (Self::Here(worker), Some(volume)) => {
                let (renderer, volume) = (renderer.clone(), Arc::clone(volume));
                worker.submit(ViewRequest { renderer, volume, view: view.clone() }, pace);
            }
            (Self::There(Some(slot)), _) => slot.show(&series.series_id, view, pace == Pace::Moving),
            _ => {}
        }
    }

    /// The view that was moving stays as it is. What draws here has its own clock for that.
    pub fn rest(&mut self, series: &OpenSeries, view: &ViewState) {
        if let Self::There(Some(slot)) = self {
            slot.show(&series.series_id, view, false);
        }
    }

    pub fn take(&self) -> Option<Result<Taken, String>> {
        match self {
            Self::Here(worker) => Some(match worker.take()? {
                Ok(Picture { image, view, volume, kind, refined }) => {
                    Ok(Taken { image, view, kind, quality: None, refined, volume: Some(volume) })
                }
                Err(error) => Err(error.to_string()),
            }),
            Self::There(Some(slot)) => {
                let picture = slot.take_picture()?;
                let size = picture.size.map(|n| n as usize);
                // Opaque pixels are the same premultiplied or not.
                let image = egui::ColorImage::from_rgba_premultiplied(size, &picture.rgba);
                let still = picture.quality != Quality::Interactive;
                Some(Ok(Taken {
                    image: Image::Memory(image),
                    view: (*picture.view).clone(),
                    kind: if still { FrameKind::Exact } else { FrameKind::Interactive },
                    quality: Some(picture.quality),
                    refined: picture.refined.map(|share| share as f32),
                    volume: None,
                }))
            }
            Self::There(None) => None,
        }
    }

    /// The thread that draws has died of a panic; no picture will come.
    pub fn is_dead(&self) -> bool {
        matches!(self, Self::Here(worker) if worker.is_dead())
    }
}
