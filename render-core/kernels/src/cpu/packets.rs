//! The CPU renderer: tiles over threads, vectors of rays over instructions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use glam::Vec3;
use rayon::prelude::*;

use super::lanes::{Grid, Level, Texel};
use super::light::{Lamp, Occlusion};
use super::march::{March, Matter, Table};
use super::project::{Extreme, Mean, Points, Show, Slab};
use super::reference;
use super::sample::{Field, Scene};
use super::skip::{Cache, End, Look, Maxima, SkipMap};
use super::tile::{BLOCKS, PIXELS, Patch, TILE, Tile};
use crate::frame::{Frame, ValueImage};
use crate::illumination::Illumination;
use crate::render::Combine;
use crate::render::Shading;
use crate::render::{Backend, Grey, MAX_SAMPLES, Mode, Ray, RenderError, RenderParams};
use crate::volume::Volume;
use crate::with_voxels;

/// Renders with one instruction set on threads of its own.
#[derive(Debug)]
pub struct Packets {
    level: Level,
    threads: rayon::ThreadPool,
    cache: Cache,
    /// The last picture's. While it is remembered, no other illumination has its address.
    occlusion: Mutex<Option<(Weak<Illumination>, Arc<Occlusion>)>>,
}

impl Packets {
    /// `threads` of 0 means one for each core.
    pub fn new(level: Level, threads: usize) -> Result<Self, RenderError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("render-{i}"))
            .build()
            .map_err(|error| RenderError::Threads(error.to_string()))?;
        Ok(Self { level, threads, cache: Cache::default(), occlusion: Mutex::default() })
    }

    /// Renders all tiles.
    fn draw(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
        picture: &mut [[u8; 4]],
        work: &impl Work,
    ) -> Result<(), RenderError> {
        let width = params.size[0] as usize;
        with_voxels!(volume.voxels(), voxels => {
            let grid = Grid::new(voxels, volume.geometry().dims(), volume.stored_range());
            let level = if grid.suits_gathers() { self.level } else { Level::Portable };
            let scene = Scene { field: Field::new(grid, volume.rescale()), params };
            let draw = |mut strip: Strip<'_>| {
                let mut pixels = [0; PIXELS];
                for tile in 0..strip.tiles() {
                    if cancel.load(Ordering::Relaxed) {
                        return;
                    }
                    work.draw(level, &scene, strip.patch(tile), &mut pixels);
                    strip.write(tile, &pixels);
                }
            };
            self.threads.install(|| {
                let bands = picture.par_chunks_mut(width * TILE[1]).enumerate();
                bands.with_max_len(1).for_each(|(band, rows)| {
                    let strip = Strip::new(rows.chunks_exact_mut(width), band * TILE[1]);
                    rayon::iter::split(strip, Strip::split).for_each(draw);
                });
            });
        });
        if cancel.load(Ordering::Relaxed) { Err(RenderError::Cancelled) } else { Ok(()) }
    }

    /// Lays an illumination out for vectors, if it is not the last picture's.
    fn occlusion(&self, grid: &Arc<Illumination>) -> Arc<Occlusion> {
        // A panic elsewhere leaves the last one whole: it is replaced by a single assignment.
        let mut last = self.occlusion.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref().filter(|(of, _)| std::ptr::eq(of.as_ptr(), Arc::as_ptr(grid))) {
            Some((_, known)) => Arc::clone(known),
            None => {
                let new = Arc::new(Occlusion::new(grid));
                *last = Some((Arc::downgrade(grid), Arc::clone(&new)));
                new
            }
        }
    }

    /// Changes each pixel, without vectors: what is shown by layers is the reference's own.
    fn each_pixel(
        &self,
        params: &RenderParams,
        cancel: &AtomicBool,
        pixels: &mut [u8],
        change: impl Fn(Ray, [u8; 4]) -> [u8; 4] + Sync,
    ) -> Result<(), RenderError> {
        let width = params.size[0] as usize;
        self.threads.install(|| {
            pixels.par_chunks_exact_mut(width * 4).enumerate().with_max_len(1).for_each(|(row, pixels)| {
                for (column, pixel) in pixels.as_chunks_mut().0.iter_mut().enumerate() {
                    if cancel.load(Ordering::Relaxed) {
                        return;
                    }
                    *pixel = change(params.ray(column as u32, row as u32), *pixel);
                }
            });
        });
        if cancel.load(Ordering::Relaxed) { Err(RenderError::Cancelled) } else { Ok(()) }
    }

    /// Works out what is the same for all tiles of a shaded picture; None for other modes. Runs on the
    /// caller's thread, as does `valued`: a pool's thread that waits here for another could be handed
    /// the very work that it waits for.
    fn shaded<'a>(&self, volume: &Arc<Volume>, params: &'a RenderParams) -> Option<Shaded<'a>> {
        let (look, matter, shading, step_mm) = match &params.mode {
            Mode::Volume { transfer, shading, step_mm } => {
                let table = Table::new(transfer, volume.rescale());
                let matter = match &transfer.integral {
                    Some(integral) => Matter::Segments { table, integral },
                    None => Matter::Table(table),
                };
                (Look::of_table(transfer), matter, shading, *step_mm)
            }
            Mode::Isosurface { value, color, shading, step_mm } => {
                let matter = Matter::Surface { value: *value, color: *color };
                (Look::AtLeast(*value), matter, shading, *step_mm)
            }
            Mode::Projection { .. } | Mode::Slice { .. } => return None,
        };
        Some(Shaded {
            skip: self.cache.skip_map(volume, &look),
            matter,
            occlusion: params.illumination.as_ref().map(|grid| self.occlusion(grid)),
            plain: params.is_plain_volume(),
            shading: *shading,
            step_mm,
            background: params.background,
        })
    }

    /// As `shaded`, for the values of projections and slices.
    fn valued(&self, volume: &Arc<Volume>, params: &RenderParams, show: Show) -> Option<Valued> {
        let kind = match params.mode {
            Mode::Projection { combine: Combine::Mean, step_mm, .. } => Kind::Mean { step_mm },
            Mode::Projection { combine, step_mm, .. } => {
                let end = if combine == Combine::Minimum { End::Smallest } else { End::Largest };
                let range = match show {
                    Show::Value => [f32::NEG_INFINITY, f32::INFINITY],
                    Show::Grey { grey, .. } => visible_range(grey),
                };
                Kind::Extreme { end, maxima: self.cache.maxima(volume, end), range, step_mm }
            }
            Mode::Slice { samples, first_mm, step_mm, combine, .. } => {
                Kind::Slab(Points { samples: samples.min(MAX_SAMPLES), first_mm, step_mm, combine })
            }
            Mode::Volume { .. } | Mode::Isosurface { .. } => return None,
        };
        Some(Valued { kind, show, exact: is_exact(show, volume) })
    }
}

/// For example `AVX2, 8 threads`.
impl std::fmt::Display for Packets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let threads = self.threads.current_num_threads();
        write!(f, "{}, {threads} {}", self.level, if threads == 1 { "thread" } else { "threads" })
    }
}

impl Backend for Packets {
    fn render(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Frame, RenderError> {
        let mut pixels = vec![0; pixel_count(params) * 4];
        let layered = !params.layers.is_empty();
        match params.mode {
            Mode::Slice { .. } if params.columns.is_some() => {
                self.each_pixel(params, cancel, &mut pixels, |ray, _| {
                    bytes(reference::shade_pixel(volume, params, ray))
                })?;
            }
            Mode::Projection { grey, .. } | Mode::Slice { grey, .. } => {
                let show = Show::Grey { grey, background: i32::from_ne_bytes(bytes(params.background)) };
                if let Some(work) = self.valued(volume, params, show) {
                    self.draw(volume, params, cancel, pixels.as_chunks_mut().0, &work)?;
                }
                if layered {
                    self.each_pixel(params, cancel, &mut pixels, |ray, [r, g, b, _]| {
                        let color = Vec3::from([r, g, b].map(|c| f32::from(c) / 255.0));
                        bytes(reference::overlaid(volume, params, ray, color).to_array())
                    })?;
                }
            }
            Mode::Volume { .. } | Mode::Isosurface { .. } if layered => {
                self.each_pixel(params, cancel, &mut pixels, |ray, _| {
                    bytes(reference::shade_pixel(volume, params, ray))
                })?;
            }
            Mode::Volume { .. } | Mode::Isosurface { .. } => {
                if let Some(shaded) = self.shaded(volume, params) {
                    self.draw(volume, params, cancel, pixels.as_chunks_mut().0, &shaded)?;
                }
            }
        }
        Ok(Frame {
            size: params.size,
            pixels,
            kind: params.kind,
            view_revision: params.view_revision,
            input_seq: params.input_seq,
        })
    }

    fn values(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<ValueImage, RenderError> {
        let mut values = vec![f32::NAN; pixel_count(params)];
        if params.columns.is_some() {
            let width = params.size[0] as usize;
            self.threads.install(|| {
                values.par_chunks_exact_mut(width).enumerate().with_max_len(1).for_each(|(row, values)| {
                    for (column, value) in values.iter_mut().enumerate() {
                        if cancel.load(Ordering::Relaxed) {
                            return;
                        }
                        let ray = params.ray(column as u32, row as u32);
                        *value = reference::pixel_value(volume, params, ray);
                    }
                });
            });
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
        } else if let Some(work) = self.valued(volume, params, Show::Value) {
            self.draw(volume, params, cancel, bytemuck::cast_slice_mut(&mut values), &work)?;
        }
        Ok(ValueImage { size: params.size, values })
    }

    fn threads(&self) -> Option<&rayon::ThreadPool> {
        Some(&self.threads)
    }
}

fn pixel_count(params: &RenderParams) -> usize {
    params.size[0] as usize * params.size[1] as usize
}

fn bytes(rgb: [f32; 3]) -> [u8; 4] {
    let [r, g, b] = rgb.map(|c| (c.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
    [r, g, b, 255]
}

/// The values that `grey` shows as different: outside they are all black or all white.
fn visible_range(grey: Grey) -> [f32; 2] {
    let white = grey.low + 1.0 / grey.scale;
    // Far from zero a narrow ramp may lie between two floats.
    let exact = grey.scale > 0.0 && grey.brightness(grey.low) == 0.0 && grey.brightness(white) > 0.999;
    if exact { [grey.low, white] } else { [f32::NEG_INFINITY, f32::INFINITY] }
}

/// Whether 15 bits of the volume's range are too few for the greys that are shown of it.
fn is_exact(show: Show, volume: &Volume) -> bool {
    let Show::Grey { grey, .. } = show else { return true };
    let (low, high) = volume.value_range();
    // 256 greys in a 256th of the range.
    let windows = (high - low) * grey.scale.abs();
    windows.is_nan() || windows > 256.0
}

/// What to do for each tile, with what was derived from the parameters for this picture.
trait Work: Sync {
    /// Pixels in working order; what lies outside of the picture is of no use.
    fn draw<V: Texel>(&self, level: Level, scene: &Scene<'_, V>, patch: Patch, pixels: &mut [i32; PIXELS]);
}

struct Shaded<'a> {
    skip: Arc<SkipMap>,
    matter: Matter<'a>,
    occlusion: Option<Arc<Occlusion>>,
    plain: bool,
    shading: Shading,
    step_mm: f32,
    background: [f32; 3],
}

impl Work for Shaded<'_> {
    fn draw<V: Texel>(&self, level: Level, scene: &Scene<'_, V>, patch: Patch, pixels: &mut [i32; PIXELS]) {
        let Self { skip, matter, shading, step_mm, background, .. } = self;
        let (lamp, step_mm) = (Lamp::new(scene, shading, self.occlusion.as_deref()), *step_mm);
        pixels.fill(i32::from_ne_bytes(bytes(*background)));
        let tile = &mut Tile { patch, pixels };
        if self.plain {
            level.run(March::<V, true> { scene, skip, matter, lamp, step_mm, background, tile });
        } else {
            level.run(March::<V, false> { scene, skip, matter, lamp, step_mm, background, tile });
        }
    }
}

struct Valued {
    kind: Kind,
    show: Show,
    exact: bool,
}

enum Kind {
    Extreme { end: End, maxima: Arc<Maxima>, range: [f32; 2], step_mm: f32 },
    Mean { step_mm: f32 },
    Slab(Points),
}

impl Work for Valued {
    fn draw<V: Texel>(&self, level: Level, scene: &Scene<'_, V>, patch: Patch, pixels: &mut [i32; PIXELS]) {
        let Self { show, exact, .. } = *self;
        let tile = &mut Tile { patch, pixels };
        match &self.kind {
            Kind::Extreme { end, maxima, range, step_mm } => {
                let (end, range, step_mm) = (*end, *range, *step_mm);
                level.run(Extreme { scene, end, maxima, range, step_mm, show, exact, tile });
            }
            Kind::Mean { step_mm } => level.run(Mean { scene, step_mm: *step_mm, show, exact, tile }),
            Kind::Slab(points) => level.run(Slab { scene, points: *points, show, tile }),
        }
    }
}

/// Neighbouring columns of up to a tile's height of rows.
struct Strip<'a> {
    at: [usize; 2],
    rows: [&'a mut [[u8; 4]]; TILE[1]],
}

impl<'a> Strip<'a> {
    fn new(rows: impl Iterator<Item = &'a mut [[u8; 4]]>, first_row: usize) -> Self {
        let mut strip = Self { at: [0, first_row], rows: std::array::from_fn(|_| Default::default()) };
        for (slot, row) in strip.rows.iter_mut().zip(rows) {
            *slot = row;
        }
        strip
    }

    fn columns(&self) -> usize {
        self.rows[0].len()
    }

    fn tiles(&self) -> usize {
        self.columns().div_ceil(TILE[0])
    }

    /// Cuts off and returns what lies right of the first tiles.
    fn cut(&mut self, tiles: usize) -> Self {
        let columns = tiles * TILE[0];
        let at = [self.at[0] + columns, self.at[1]];
        let rows = self.rows.each_mut().map(|row| {
            let cut = columns.min(row.len());
            row.split_off_mut(cut..).unwrap_or_default()
        });
        Self { at, rows }
    }

    /// Into two halves, for another thread to help.
    fn split(mut self) -> (Self, Option<Self>) {
        let tiles = self.tiles();
        let right = (tiles > 1).then(|| self.cut(tiles / 2));
        (self, right)
    }

    fn patch(&self, tile: usize) -> Patch {
        let height = self.rows.iter().filter(|row| !row.is_empty()).count();
        let left = tile * TILE[0];
        let at = [self.at[0] + left, self.at[1]].map(|x| x as u32);
        Patch { at, size: [(self.columns() - left).min(TILE[0]), height] }
    }

    /// Takes a tile's pixels in working order.
    fn write(&mut self, tile: usize, pixels: &[i32; PIXELS]) {
        let pixels: &[[u8; 4]; PIXELS] = bytemuck::cast_ref(pixels);
        for (row, blocks) in self.rows.iter_mut().zip(BLOCKS) {
            let row = row.get_mut(tile * TILE[0]..).unwrap_or_default();
            // With a known length the compiler copies four pixels at once.
            if let Some(row) = row.first_chunk_mut::<{ TILE[0] }>() {
                for (four, block) in row.as_chunks_mut::<4>().0.iter_mut().zip(blocks) {
                    four.copy_from_slice(&pixels[block..][..4]);
                }
            } else {
                for (four, block) in row.chunks_mut(4).zip(blocks) {
                    four.copy_from_slice(&pixels[block..][..four.len()]);
                }
            }
        }
    }
}
