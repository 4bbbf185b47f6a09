//! What follows in time or along a path: cine, the times of 4D series, curved views.

use std::sync::Arc;

use glam::DVec3;
use render_core::scene::{Content, Curved};

use super::{Desk, Want};
use crate::desktop::curve::Drawn;
use crate::desktop::layout::ViewportId;
use crate::desktop::study::OpenSeries;

/// Slices, or times, that follow each other by themselves.
#[derive(Clone, Copy, Debug)]
pub struct Cine {
    pub per_second: f64,
    /// When the last step was due.
    last_s: f64,
}

/// Slices, or times, a second.
pub const CINE_RATES: std::ops::RangeInclusive<f64> = 1.0..=60.0;
pub const USUAL_RATE: f64 = 15.0;

/// Volumes of a 4D series are kept while they are together no larger than this.
const KEPT_BYTES: usize = 2 << 30;

impl Desk {
    /// Keeps a time of a 4D series, so that the next round needs no reading; others are forgotten. A server keeps its
    /// own.
    pub(super) fn keep(&mut self, series: &Arc<OpenSeries>) {
        let times = &series.times;
        if times.len() < 2 || series.hybrid().is_some() {
            return;
        }
        self.kept.retain(|kept| times.contains(&kept.series_id) && kept.series_id != series.series_id);
        self.kept.push(Arc::clone(series));
        let bytes = |kept: &Arc<OpenSeries>| kept.volume().map_or(0, |volume| volume.voxels().byte_len());
        while self.kept.iter().map(bytes).sum::<usize>() > KEPT_BYTES && self.kept.len() > 1 {
            self.kept.remove(0);
        }
    }

    /// Another time of the active series, wherever it is shown; the last is followed by the first.
    pub(super) fn step_time(&mut self, by: i64) {
        let Some(active) = self.active() else { return };
        let (Some(time), count @ 2..) = (active.series.time, active.series.times.len()) else { return };
        let here = active.series.series_id.clone();
        let next = (i64::from(time) + by).rem_euclid(count as i64) as usize;
        let next = active.series.times[next].clone();
        let ids: Vec<ViewportId> =
            self.viewports.values().filter(|v| v.series.series_id == here).map(|v| v.id).collect();
        for id in ids {
            self.want_one(id, Want::Time(next.clone()));
        }
        self.fill_from_memory();
    }

    /// Lets slices or times follow each other, or stops it.
    pub(super) fn toggle_cine(&mut self) {
        self.cine = match self.cine {
            Some(_) => None,
            None => {
                Some(Cine { per_second: self.cine_per_second, last_s: self.ctx.input(|input| input.time) })
            }
        };
    }

    /// Goes on with what plays. A machine that is too slow leaves out nothing, and plays slower.
    pub fn play(&mut self) {
        let Some(cine) = &mut self.cine else { return };
        let now = self.ctx.input(|input| input.time);
        let step_s = 1.0 / cine.per_second.clamp(0.5, 120.0);
        let due = now - cine.last_s >= step_s;
        let wait_s = if due { step_s } else { step_s - (now - cine.last_s) };
        self.ctx.request_repaint_after_secs(wait_s as f32);
        if !due {
            return;
        }
        cine.last_s = (cine.last_s + step_s).max(now - step_s);
        let waiting = self.wanted.iter().any(|(_, want)| matches!(want, Want::Time(_)));
        let Some(active) = self.viewports.get_mut(&self.active) else { return };
        if active.series.times.len() > 1 {
            if !waiting {
                self.step_time(1);
            }
        } else if active.is_slice() {
            let (number, count) = active.view.plane.slice_number(active.series.outline());
            let by = if number >= count { 1 - count } else { 1 };
            let shift = active.page(by);
            self.page_others(self.active, shift);
        } else {
            active.view.camera.azimuth(2.0);
            active.view.touch();
        }
    }

    /// A point more of the path; from the second one on, another viewport rolls it out.
    pub(super) fn draw_path(&mut self, id: ViewportId, point_mm: DVec3) {
        let Some(source) = self.viewports.get(&id) else { return };
        let frame = source.frame().to_owned();
        let mut drawn = match self.path.take() {
            Some(drawn) if drawn.on == id && drawn.frame == frame => drawn,
            _ => Drawn::new(frame, id, &source.view),
        };
        let series = source.series.series_id.clone();
        drawn.push(point_mm);
        if let Some(path) = drawn.path() {
            let others = || self.viewports.values().filter(|v| v.id != id && v.series.series_id == series);
            let known = drawn.shown_in.filter(|shown| self.viewports.contains_key(shown));
            let target = known
                .or_else(|| others().find(|v| !v.is_slice()).map(|v| v.id))
                .or_else(|| others().next().map(|v| v.id));
            if let Some(viewport) = target.and_then(|target| self.viewports.get_mut(&target)) {
                let volume = viewport.series.outline();
                viewport.view.set_content(Content::Curved, volume);
                viewport.view.curved = Some(Curved::new(path, volume));
                viewport.view.touch();
            }
            drawn.shown_in = target;
        }
        self.path = Some(drawn);
    }

    /// Forgets the path that is being drawn; returns whether there was one.
    pub fn drop_path(&mut self) -> bool {
        let Some(drawn) = self.path.take() else { return false };
        if let Some(viewport) = drawn.shown_in.and_then(|id| self.viewports.get_mut(&id)) {
            let (series, kind) = (Arc::clone(&viewport.series), viewport.kind);
            viewport.show_series(series, kind, &self.ctx);
        }
        true
    }
}
