//! Where a viewport's pictures come from: this machine, or a server.

use std::sync::Arc;

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use protocol::{MAX_VIEWS, Quality};
use render_core::progressive::ViewRequest;
use render_core::scene::layer::Layer;
use render_core::scene::{Content, ViewState};
use render_core::{FrameKind, Renderer, Volume};
use server_mode::remote::adaptive::{Handover, Source as Drawn};

use super::annotate::{Annotate, Mask, Segments};
use super::canvas::Image;
use super::connection::Slot;
use super::guest;
use super::hybrid::Hybrid;
use super::layout::ViewportId;
use super::render_worker::{Pace, Picture, RenderWorker};
use super::study::{OpenSeries, Source};
use super::text::tr;

pub enum Pictures {
    Here(RenderWorker),
    /// Of a server's series, which both can draw.
    Either(Box<Either>),
}

/// Who draws a server's series, and who did until a moment ago.
pub struct Either {
    hybrid: Arc<Hybrid>,
    /// What only this machine needs to draw.
    bench: Bench,
    /// `None` while the server draws.
    worker: Option<RenderWorker>,
    /// What the worker draws.
    volume: Option<Arc<Volume>>,
    /// `None` while this machine draws, or all of the server's slots are taken.
    slot: Option<Slot>,
    /// They are, and the server is to draw.
    lacks_slot: bool,
    handover: Handover,
    meter: Meter,
}

struct Bench {
    id: ViewportId,
    ctx: egui::Context,
    card: Option<RenderState>,
}

impl Bench {
    fn worker(&self) -> RenderWorker {
        RenderWorker::start(&format!("viewport {}", self.id.0), &self.ctx, self.card.clone())
    }
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
    /// Its voxels are not all there are.
    pub is_coarse: bool,
    /// The segments that lie over it; a server's comes without.
    pub mask: Option<Mask>,
}

/// What a picture is worth: how new its view is, then how good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worth {
    revision: u64,
    goodness: u8,
}

impl Worth {
    pub fn of(revision: u64, kind: FrameKind, quality: Option<Quality>, is_coarse: bool) -> Self {
        let goodness = match (kind, quality) {
            _ if is_coarse => 0,
            (FrameKind::Exact, None | Some(Quality::Lossless)) => 3,
            (FrameKind::Exact, _) => 2,
            _ => 1,
        };
        Self { revision, goodness }
    }
}

impl Taken {
    fn worth(&self) -> Worth {
        Worth::of(self.view.revision, self.kind, self.quality, self.is_coarse)
    }

    fn drawn_here(picture: Picture) -> Self {
        let Picture { image, view, volume, kind, refined, mask } = picture;
        Self { image, view, kind, quality: None, refined, volume: Some(volume), is_coarse: false, mask }
    }

    fn from_there(picture: &server_mode::remote::Picture) -> Self {
        let size = picture.size.map(|n| n as usize);
        // Opaque pixels are the same premultiplied or not.
        let image = egui::ColorImage::from_rgba_premultiplied(size, &picture.rgba);
        let still = picture.quality != Quality::Interactive;
        Self {
            image: Image::Memory(image),
            view: (*picture.view).clone(),
            kind: if still { FrameKind::Exact } else { FrameKind::Interactive },
            quality: Some(picture.quality),
            refined: picture.refined.map(|share| share as f32),
            volume: None,
            is_coarse: false,
            mask: None,
        }
    }
}

/// What is to be drawn: the view of a series, and what lies over it.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    pub renderer: &'a Renderer,
    pub series: &'a OpenSeries,
    pub over: Option<&'a OpenSeries>,
    pub view: &'a ViewState,
    pub annotate: &'a Annotate,
}

impl Order<'_> {
    fn segments(&self) -> Option<Segments> {
        let is_slice = self.view.content == Content::Slice;
        self.annotate.segments_over(&self.series.series_id).filter(|_| is_slice)
    }

    /// The voxels of everything in it, where those are here.
    fn here(&self, hybrid: &Hybrid) -> Option<(Arc<Volume>, Option<Arc<Volume>>)> {
        let volume = hybrid.voxels()?;
        if self.view.layers.is_empty() {
            return Some((volume, None));
        }
        Some((volume, Some(Arc::clone(self.over?.volume()?))))
    }
}

impl Pictures {
    /// `card` is the window's, if pictures are drawn on it.
    pub fn of(id: ViewportId, series: &OpenSeries, ctx: &egui::Context, card: Option<&RenderState>) -> Self {
        let bench = Bench { id, ctx: ctx.clone(), card: card.cloned() };
        match &series.source {
            Source::Here(_) => Self::Here(bench.worker()),
            Source::There(hybrid) => Self::Either(Box::new(Either {
                hybrid: Arc::clone(hybrid),
                bench,
                worker: None,
                volume: None,
                slot: None,
                lacks_slot: false,
                handover: Handover::at(hybrid.source()),
                meter: Meter::default(),
            })),
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
            (Self::Either(either), Source::There(hybrid)) => Arc::ptr_eq(&either.hybrid, hybrid),
            _ => false,
        };
        if !stays {
            *self = Self::of(id, series, ctx, card);
        }
    }

    /// Whether what was asked for last has to be asked for again, of somebody else or of finer voxels.
    pub fn is_stale(&self, order: &Order<'_>) -> bool {
        match self {
            Self::Here(_) => false,
            Self::Either(either) => either.is_stale(order),
        }
    }

    pub fn show(&mut self, order: &Order<'_>, pace: Pace) {
        match (self, order.series.volume()) {
            (Self::Here(worker), Some(volume)) => {
                let (renderer, volume) = (order.renderer.clone(), Arc::clone(volume));
                let request = ViewRequest { renderer, volume, view: order.view.clone() };
                worker.submit(request, order.segments(), pace);
            }
            (Self::Here(_), None) => {}
            (Self::Either(either), _) => either.show(order, pace),
        }
    }

    /// The view that was moving stays as it is. What draws here has its own clock for that.
    pub fn rest(&mut self, series: &OpenSeries, view: &ViewState) {
        if let Self::Either(either) = self
            && let Some(slot) = &either.slot
        {
            slot.show(&series.series_id, view, false);
        }
    }

    /// A hand has asked for a picture, in the viewport where it is.
    pub fn asked(&mut self, now_s: f64, order: &Order<'_>) {
        if let Self::Either(either) = self {
            if let Some((asked, made)) = either.meter.asked(now_s) {
                either.hybrid.moved(now_s, asked, made);
            }
            if either.handover.from() == Drawn::Remote {
                either.hybrid.try_here(now_s, order.renderer, order.view, &either.bench.ctx);
            }
        }
    }

    /// A new picture, where it is worth more than the one that is shown.
    pub fn take(&mut self, shown: Option<Worth>) -> Option<Result<Taken, String>> {
        match self {
            Self::Here(worker) => Some(worker.take()?.map(Taken::drawn_here).map_err(|e| e.to_string())),
            Self::Either(either) => either.take(shown),
        }
    }

    /// Whether a server's pictures are shown.
    pub fn are_there(&self) -> bool {
        matches!(self, Self::Either(either) if either.handover.from() == Drawn::Remote)
    }

    /// The thread that draws has died of a panic; no picture will come.
    pub fn is_dead(&self) -> bool {
        match self {
            Self::Here(worker) => worker.is_dead(),
            Self::Either(either) => either.worker.as_ref().is_some_and(RenderWorker::is_dead),
        }
    }
}

impl Either {
    fn wanted(&self, order: &Order<'_>) -> Drawn {
        match self.hybrid.source() {
            Drawn::Local if order.here(&self.hybrid).is_some() => Drawn::Local,
            _ => Drawn::Remote,
        }
    }

    fn is_stale(&self, order: &Order<'_>) -> bool {
        let wanted = self.wanted(order);
        let drawn_of = self.volume.as_ref().map(Arc::as_ptr);
        self.lacks_slot && self.hybrid.connection.has_room()
            || wanted != self.handover.to()
            || wanted == Drawn::Local
                && order.here(&self.hybrid).map(|(volume, _)| Arc::as_ptr(&volume)) != drawn_of
    }

    fn show(&mut self, order: &Order<'_>, pace: Pace) {
        self.handover.turn_to(self.wanted(order));
        let ends = [self.handover.from(), self.handover.to()];
        let hosted = guest::hosted(self.bench.id);
        if ends.contains(&Drawn::Remote) || hosted.is_some() {
            let slot = self.slot.take().or_else(|| self.hybrid.connection.slot(hosted));
            if let Some(slot) = &slot {
                slot.show(&order.series.series_id, order.view, pace == Pace::Moving);
                slot.pause(!ends.contains(&Drawn::Remote));
            }
            self.slot = slot;
        }
        self.lacks_slot = self.handover.to() == Drawn::Remote && self.slot.is_none();
        let helps = pace == Pace::Moving && self.helps_out();
        if (helps || ends.contains(&Drawn::Local))
            && let Some((volume, over)) = order.here(&self.hybrid)
        {
            let mut view = order.view.clone();
            if let Some(over) = over {
                view.layers = view
                    .layers
                    .into_iter()
                    .map(|layer| Layer { volume: Arc::clone(&over), ..layer })
                    .collect();
            }
            self.volume = Some(Arc::clone(&volume));
            let worker = self.worker.get_or_insert_with(|| self.bench.worker());
            let request = ViewRequest { renderer: order.renderer.clone(), volume, view };
            worker.submit(request, order.segments(), pace);
        }
        self.let_go();
    }

    /// Whether coarse voxels are drawn here while a hand moves, beside the server's pictures.
    fn helps_out(&self) -> bool {
        self.handover.is_done() && self.handover.to() == Drawn::Remote && self.hybrid.helps_out()
    }

    fn drawn_here(&self, picture: Picture) -> Taken {
        let is_whole = self.hybrid.whole().is_some_and(|whole| Arc::ptr_eq(whole, &picture.volume));
        Taken { is_coarse: !is_whole, ..Taken::drawn_here(picture) }
    }

    fn take(&mut self, shown: Option<Worth>) -> Option<Result<Taken, String>> {
        let helps = self.helps_out();
        let mut best: Option<Taken> = None;
        let mut error = self.lacks_slot.then(|| tr!("server-draws-at-most", most = MAX_VIEWS).into_owned());
        let here = self.worker.as_ref().and_then(RenderWorker::take).map(|p| p.map(|p| self.drawn_here(p)));
        let there =
            self.slot.as_ref().and_then(Slot::take_picture).map(|picture| Ok(Taken::from_there(&picture)));
        for (of, picture) in [(Drawn::Local, here), (Drawn::Remote, there)] {
            // Who is wanted is measured, also while the pictures of the other one are better still.
            self.meter.made += u32::from(picture.is_some() && of == self.handover.to());
            match picture {
                Some(Ok(picture)) => {
                    let no_step_back = shown.is_none_or(|shown| picture.worth() >= shown);
                    let no_step_back =
                        no_step_back && best.as_ref().is_none_or(|best| picture.worth() >= best.worth());
                    // Of two that draw at once, the newest is shown.
                    let shows = if helps { no_step_back } else { self.handover.shows(of, no_step_back) };
                    if shows {
                        best = Some(picture);
                    }
                }
                Some(Err(failed)) if self.handover.from() == of => error = Some(failed.to_string()),
                Some(Err(failed)) => tracing::warn!(error = %failed, "the next one to draw fails"),
                None => {}
            }
        }
        self.let_go();
        if let Some(picture) = best {
            return Some(Ok(picture));
        }
        error.map(Err)
    }

    /// Who is not needed any more: the server stops drawing, or the thread here ends.
    fn let_go(&mut self) {
        if !self.handover.is_done() {
            return;
        }
        match self.handover.to() {
            // A host goes on telling what it shows.
            Drawn::Local if guest::hosted(self.bench.id).is_some() => {
                self.slot.iter().for_each(|slot| slot.pause(true));
            }
            Drawn::Local => self.slot = None,
            Drawn::Remote if self.hybrid.helps_out() => {}
            Drawn::Remote => (self.worker, self.volume) = (None, None),
        }
    }
}

/// Counts, in spans of a second of movement, what was asked for and what came.
#[derive(Debug, Default)]
struct Meter {
    began_s: Option<f64>,
    last_s: f64,
    asked: u32,
    made: u32,
}

impl Meter {
    /// A hand that asks for nothing for so long rests.
    const REST_S: f64 = 1.5;
    const SPAN_S: f64 = 1.0;

    /// Returns what was asked for and what came, each a second, when a span is over.
    fn asked(&mut self, now_s: f64) -> Option<(f64, f64)> {
        let rested = now_s - self.last_s > Self::REST_S;
        self.last_s = now_s;
        let began_s = self.began_s.filter(|_| !rested);
        let Some(began_s) = began_s else {
            (self.began_s, self.asked, self.made) = (Some(now_s), 1, 0);
            return None;
        };
        let span = now_s - began_s;
        if span < Self::SPAN_S {
            self.asked += 1;
            return None;
        }
        let told = (f64::from(self.asked) / span, f64::from(self.made) / span);
        (self.began_s, self.asked, self.made) = (Some(now_s), 1, 0);
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_views_are_worth_more_than_better_pictures() {
        let coarse = Worth::of(2, FrameKind::Exact, None, true);
        let moving = Worth::of(2, FrameKind::Interactive, None, false);
        let exact = Worth::of(1, FrameKind::Exact, None, false);
        let sent = Worth::of(2, FrameKind::Exact, Some(Quality::Final), false);
        let lossless = Worth::of(2, FrameKind::Exact, Some(Quality::Lossless), false);
        assert!(exact < coarse && coarse < moving && moving < sent && sent < lossless);
        assert_eq!(lossless, Worth::of(2, FrameKind::Exact, None, false));
    }

    #[test]
    fn only_time_in_movement_is_counted() {
        let mut meter = Meter::default();
        let mut now_s = 100.0;
        let mut told = Vec::new();
        for burst in 0..3 {
            // 0.7 s of movement, then a rest.
            for n in 0..14 {
                now_s += 0.05;
                meter.made += n % 2;
                assert_eq!(meter.asked(now_s), None, "burst {burst}");
            }
            now_s += 5.0;
        }
        for n in 0..50 {
            now_s += 0.05;
            meter.made += n % 2;
            told.extend(meter.asked(now_s));
        }
        assert_eq!(told.len(), 2);
        for (asked, made) in told {
            assert!((asked - 20.0).abs() < 1.5 && (made - 10.0).abs() < 1.5, "{asked} {made}");
        }
    }
}
