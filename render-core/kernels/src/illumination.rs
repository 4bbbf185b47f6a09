//! Ambient occlusion and soft shadows: how much light reaches each place of a volume, worked out
//! once on a coarse grid that all back ends look up in the same way.
//!
//! Light is swept through the grid layer by layer along a direction. Between layers it is
//! interpolated, which widens it a little each time: shadows are soft, and softer farther away. One
//! sweep costs as much as the grid has nodes, whatever the direction.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use glam::{DMat3, DVec3, Mat3, Vec3};
use rayon::prelude::*;

use crate::bricks::BRICK;
use crate::render::{Effects, GradientOpacity, Mode, RenderError, RenderParams};
use crate::volume::{Volume, Voxel};
use crate::with_voxels;

/// Matter lets through at least exp(-4) in a mm: more extinction casts no darker shadow.
const MAX_EXTINCTION_PER_MM: f32 = 4.0;

/// Matter farther away than about this does not darken its surroundings.
const OCCLUSION_RANGE_MM: f64 = 30.0;

/// Of the 14 directions to faces and corners of a cube, those that do not point into a plane wall:
/// what lies on it is fully lit.
const OPEN_DIRECTIONS: f32 = 9.0;

/// Grids kept for the next picture: as many different looks are shown at once without working
/// them out for each frame.
const KEPT: usize = 4;

/// How much light reaches each node of a grid, 255 for all of it: of ambient light, and of the first
/// light.
///
/// Node i of an axis lies at voxel position `BRICK` * i + `BRICK` / 2, so there is one for each
/// brick. Between nodes factors are interpolated; beyond the outermost nodes theirs hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Illumination {
    dims: [usize; 3],
    factors: Vec<[u8; 2]>,
}

impl Illumination {
    /// Number of nodes along columns, rows, slices.
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// (ambient, first light) of each node, column fastest.
    pub fn factors(&self) -> &[[u8; 2]] {
        &self.factors
    }

    /// The factors at a voxel position, 0 to 1.
    pub fn at(&self, p: Vec3) -> [f32; 2] {
        let mut low = [0usize; 3];
        let mut high = [0usize; 3];
        let mut part = [0.0f32; 3];
        for axis in 0..3 {
            let last = self.dims[axis] - 1;
            let x = (p[axis] * (1.0 / BRICK as f32) - 0.5).clamp(0.0, last as f32);
            low[axis] = (x as usize).min(last.saturating_sub(1));
            high[axis] = (low[axis] + 1).min(last);
            part[axis] = x - low[axis] as f32;
        }
        std::array::from_fn(|channel| {
            let node = |x: usize, y: usize, z: usize| {
                f32::from(self.factors[(z * self.dims[1] + y) * self.dims[0] + x][channel])
            };
            let mix = |a: f32, b: f32, f: f32| a + (b - a) * f;
            let row = |y: usize, z: usize| mix(node(low[0], y, z), node(high[0], y, z), part[0]);
            let layer = |z: usize| mix(row(low[1], z), row(high[1], z), part[1]);
            mix(layer(low[2]), layer(high[2]), part[2]) * (1.0 / 255.0)
        })
    }

    /// Works out the effects that `params` asks for; the other factors are 1.
    pub fn new(volume: &Volume, params: &RenderParams, cancel: &AtomicBool) -> Result<Self, RenderError> {
        match Opacity::of(params) {
            Some(opacity) => Matter::new(volume, &opacity, cancel)?.illuminate(volume, params, cancel),
            None => Ok(Self { dims: [1; 3], factors: vec![[255; 2]] }),
        }
    }
}

/// Works out the effects of pictures and remembers them.
#[derive(Debug, Default)]
pub struct Illuminator {
    known: Mutex<Vec<Known>>,
}

#[derive(Debug)]
struct Known {
    volume: Weak<Volume>,
    opacity: Opacity,
    matter: Arc<Matter>,
    last: Option<(Wanted, Arc<Illumination>)>,
}

/// What an illumination depends on besides matter.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    effects: Effects,
    clip: Vec<[f32; 4]>,
    light: Option<[f32; 3]>,
}

impl Illuminator {
    /// The parameters with their effects worked out.
    pub fn fill<'a>(
        &self,
        volume: &Arc<Volume>,
        params: &'a RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Cow<'a, RenderParams>, RenderError> {
        let opacity = Opacity::of(params);
        let (Some(opacity), true, None) =
            (opacity, params.effects != Effects::default(), &params.illumination)
        else {
            return Ok(Cow::Borrowed(params));
        };
        let light = params.lights.first().filter(|_| params.effects.shadows).map(|light| light.direction);
        let wanted = Wanted { effects: params.effects, clip: params.clip.clone(), light };
        let mut matter = None;
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|known| known.volume.strong_count() > 0);
            let same = |known: &Known| {
                known.volume.as_ptr() == Arc::as_ptr(volume) && known.opacity.looks_like(&opacity)
            };
            if let Some(index) = known.iter().position(same) {
                let found = known.remove(index);
                matter = Some(Arc::clone(&found.matter));
                let last = found.last.clone();
                known.push(found);
                if let Some((_, illumination)) = last.filter(|(of, _)| *of == wanted) {
                    return Ok(Cow::Owned(RenderParams {
                        illumination: Some(illumination),
                        ..params.clone()
                    }));
                }
            }
        }
        let matter = match matter {
            Some(matter) => matter,
            None => Arc::new(Matter::new(volume, &opacity, cancel)?),
        };
        let illumination = Arc::new(matter.illuminate(volume, params, cancel)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| {
            known.volume.as_ptr() != Arc::as_ptr(volume) || !known.opacity.looks_like(&opacity)
        });
        let last = Some((wanted, Arc::clone(&illumination)));
        known.push(Known { volume: Arc::downgrade(volume), opacity, matter, last });
        if known.len() > KEPT {
            known.remove(0);
        }
        Ok(Cow::Owned(RenderParams { illumination: Some(illumination), ..params.clone() }))
    }
}

/// Extinction by value, and what part of it there is by the length of the gradient.
#[derive(Clone, Debug)]
struct Opacity {
    low: f32,
    scale: f32,
    /// Per mm.
    extinction: Vec<f32>,
    by_gradient: Option<ByGradient>,
}

#[derive(Clone, Debug, PartialEq)]
struct ByGradient {
    factors: Arc<GradientOpacity>,
    patient_from_gradient: Mat3,
}

impl Opacity {
    fn of(params: &RenderParams) -> Option<Self> {
        match &params.mode {
            Mode::Volume { transfer, step_mm, .. } => {
                let extinction = transfer.rgba.iter().map(|&[.., alpha]| {
                    // An alpha of 1 still means some finite extinction.
                    let per_mm = -(1.0 - alpha).max(1e-7).ln() / step_mm;
                    if per_mm > 0.0 { per_mm.min(MAX_EXTINCTION_PER_MM) } else { 0.0 }
                });
                let by_gradient = params.gradient_opacity.as_ref().map(|factors| ByGradient {
                    factors: Arc::clone(factors),
                    patient_from_gradient: Mat3::from_cols_array_2d(&params.patient_from_gradient),
                });
                let (low, scale) = (transfer.low, transfer.scale);
                Some(Self { low, scale, extinction: extinction.collect(), by_gradient })
            }
            Mode::Isosurface { value, .. } => {
                // Entry 1 starts at the surface's value.
                let extinction = vec![0.0, MAX_EXTINCTION_PER_MM];
                Some(Self { low: *value - 0.5, scale: 1.0, extinction, by_gradient: None })
            }
            Mode::Projection { .. } | Mode::Slice { .. } => None,
        }
    }

    fn at(&self, value: f32) -> f32 {
        let last = self.extinction.len().saturating_sub(1) as f32;
        let index = ((value - self.low) * self.scale + 0.5).clamp(0.0, last);
        self.extinction.get(index as usize).copied().unwrap_or(0.0)
    }

    /// Whether a difference is no more than what another step along rays rounds off.
    fn looks_like(&self, other: &Self) -> bool {
        self.low == other.low
            && self.scale == other.scale
            && self.by_gradient == other.by_gradient
            && self.extinction.len() == other.extinction.len()
            && self.extinction.iter().zip(&other.extinction).all(|(a, b)| (a - b).abs() <= 0.01 * a.max(*b))
    }
}

impl ByGradient {
    /// At a voxel of a grid of `n`, by central differences of values one voxel apart.
    fn factor(&self, at: [usize; 3], n: [usize; 3], value: impl Fn([usize; 3]) -> f32) -> f32 {
        let gradient = Vec3::from_array(std::array::from_fn(|axis| {
            let (mut before, mut after) = (at, at);
            before[axis] = at[axis].saturating_sub(1);
            after[axis] = (at[axis] + 1).min(n[axis] - 1);
            value(after) - value(before)
        }));
        // Central differences are two voxels wide.
        self.factors.factor((self.patient_from_gradient * gradient).length() * 0.5)
    }
}

/// Mean extinction per mm around each node.
#[derive(Debug)]
struct Matter {
    dims: [usize; 3],
    extinction: Vec<f32>,
}

impl Matter {
    fn new(volume: &Volume, opacity: &Opacity, cancel: &AtomicBool) -> Result<Self, RenderError> {
        let n = volume.geometry().dims().map(|n| n as usize);
        let dims = n.map(|n| n.saturating_sub(1).div_ceil(BRICK).max(1));
        let mut extinction = vec![0.0; dims[0] * dims[1] * dims[2]];
        with_voxels!(volume.voxels(), voxels => {
            extinction.par_chunks_mut(dims[0] * dims[1]).enumerate().for_each(|(z, layer)| {
                if !cancel.load(Ordering::Relaxed) {
                    let value = |[x, y, z]: [usize; 3]| {
                        volume.rescale().apply(voxels[(z * n[1] + y) * n[0] + x].to_f32())
                    };
                    mean_of_layer(voxels, n, z, dims[0], layer, |stored, at| {
                        let extinction = opacity.at(volume.rescale().apply(stored));
                        match &opacity.by_gradient {
                            Some(by_gradient) if extinction > 0.0 => {
                                extinction * by_gradient.factor(at, n, value)
                            }
                            _ => extinction,
                        }
                    });
                }
            });
        });
        if cancel.load(Ordering::Relaxed) {
            return Err(RenderError::Cancelled);
        }
        Ok(Self { dims, extinction })
    }

    fn illuminate(
        &self,
        volume: &Volume,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Illumination, RenderError> {
        let clipped;
        let extinction = match params.clip.is_empty() {
            true => &self.extinction,
            false => {
                clipped = self.clipped(&params.clip);
                &clipped
            }
        };
        let sweep = Sweep {
            dims: self.dims,
            extinction,
            patient_from_node: volume.geometry().patient_from_voxel().matrix3 * BRICK as f64,
            cancel,
        };
        let nodes = self.extinction.len();
        let mut ambient = vec![1.0; nodes];
        if params.effects.ambient_occlusion {
            ambient.fill(0.0);
            for direction in cube_directions() {
                sweep.add(direction, OCCLUSION_RANGE_MM, &mut ambient)?;
            }
            ambient.iter_mut().for_each(|open| *open = (*open / OPEN_DIRECTIONS).min(1.0));
            sweep.spread_from_open_space(&mut ambient);
        }
        let mut light = vec![1.0; nodes];
        let direction = params.lights.first().map(|l| Vec3::from(l.direction).as_dvec3());
        if let Some(direction) = direction.filter(|_| params.effects.shadows) {
            light.fill(0.0);
            sweep.add(direction, f64::INFINITY, &mut light)?;
            sweep.spread_from_open_space(&mut light);
        }
        if cancel.load(Ordering::Relaxed) {
            return Err(RenderError::Cancelled);
        }
        let byte = |factor: f32| (factor.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        let factors = ambient.iter().zip(&light).map(|(&a, &l)| [byte(a), byte(l)]).collect();
        Ok(Illumination { dims: self.dims, factors })
    }

    /// What is clipped away casts no shadow.
    fn clipped(&self, clip: &[[f32; 4]]) -> Vec<f32> {
        let mut extinction = self.extinction.clone();
        extinction.par_chunks_mut(self.dims[0]).enumerate().for_each(|(row, nodes)| {
            let center = |i: usize| (i * BRICK) as f32 + BRICK as f32 / 2.0;
            let (y, z) = (center(row % self.dims[1]), center(row / self.dims[1]));
            for (x, node) in nodes.iter_mut().enumerate() {
                if clip.iter().any(|[a, b, c, d]| center(x) * a + y * b + z * c + d < 0.0) {
                    *node = 0.0;
                }
            }
        });
        extinction
    }
}

/// Mean over the voxels of each brick of layer `z`.
fn mean_of_layer<T: Voxel>(
    voxels: &[T],
    n: [usize; 3],
    z: usize,
    columns: usize,
    layer: &mut [f32],
    extinction: impl Fn(f32, [usize; 3]) -> f32,
) {
    let range = |brick: usize, n: usize| brick * BRICK..(brick * BRICK + BRICK).min(n);
    for (index, node) in layer.iter_mut().enumerate() {
        let (columns_of, rows) = (range(index % columns, n[0]), range(index / columns, n[1]));
        let (mut sum, mut count) = (0.0, 0u32);
        for z in range(z, n[2]) {
            for y in rows.clone() {
                let row = &voxels[(z * n[1] + y) * n[0]..][columns_of.clone()];
                let seen = row.iter().zip(columns_of.clone());
                sum += seen.map(|(v, x)| extinction(v.to_f32(), [x, y, z])).sum::<f32>();
                count += row.len() as u32;
            }
        }
        *node = sum / count.max(1) as f32;
    }
}

/// Unit vectors to the faces and corners of a cube.
fn cube_directions() -> impl Iterator<Item = DVec3> {
    (0..27).filter_map(|i| {
        let v = DVec3::new(f64::from(i % 3 - 1), f64::from(i / 3 % 3 - 1), f64::from(i / 9 - 1));
        matches!(v.length_squared() as u32, 1 | 3).then(|| v.normalize())
    })
}

struct Sweep<'a> {
    dims: [usize; 3],
    extinction: &'a [f32],
    /// Columns: the way from one node to the next, in mm.
    patient_from_node: DMat3,
    cancel: &'a AtomicBool,
}

impl Sweep<'_> {
    /// Adds the share of light along `direction` that reaches each node. After `range_mm` only
    /// exp(-1) of a shadow is left.
    fn add(&self, direction: DVec3, range_mm: f64, sum: &mut [f32]) -> Result<(), RenderError> {
        let along = self.patient_from_node.inverse() * direction;
        let size = along.abs();
        let a = (0..3).fold(0, |best, axis| if size[axis] > size[best] { axis } else { best });
        if !along.is_finite() || size[a] < 1e-9 {
            sum.iter_mut().for_each(|s| *s += 1.0);
            return Ok(());
        }
        let (b, c) = ((a + 1) % 3, (a + 2) % 3);
        let strides = [1, self.dims[0], self.dims[0] * self.dims[1]];
        let step_mm = (1.0 / size[a]) as f32;
        let kept = (-f64::from(step_mm) / range_mm).exp() as f32;
        // Where the light of a node comes from in the layer before.
        let from = [(-along[b] / size[a]) as f32, (-along[c] / size[a]) as f32];
        let (nb, nc) = (self.dims[b], self.dims[c]);
        let mut leaving = vec![1.0f32; nb * nc];
        let mut arriving = vec![1.0f32; nb * nc];
        for layer in 0..self.dims[a] {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
            let layer = if along[a] > 0.0 { layer } else { self.dims[a] - 1 - layer };
            let first = layer * strides[a];
            arriving.par_chunks_mut(nb).enumerate().with_min_len(16).for_each(|(j, row)| {
                for (i, light) in row.iter_mut().enumerate() {
                    *light = 1.0 - (1.0 - bilinear(&leaving, nb, nc, i, j, from)) * kept;
                }
            });
            leaving.par_chunks_mut(nb).zip(arriving.par_chunks(nb)).enumerate().with_min_len(16).for_each(
                |(j, (leaving, arriving))| {
                    for (i, (leaving, arriving)) in leaving.iter_mut().zip(arriving).enumerate() {
                        let extinction = self.extinction[first + i * strides[b] + j * strides[c]];
                        *leaving = arriving * (-extinction * step_mm).exp();
                    }
                },
            );
            for (index, light) in arriving.iter().enumerate() {
                sum[first + index % nb * strides[b] + index / nb * strides[c]] += light;
            }
        }
        Ok(())
    }

    /// Inside of matter it is dark, and a surface, lying between nodes inside and nodes outside,
    /// would be half dark. So nodes take on what transparent neighbours have.
    fn spread_from_open_space(&self, light: &mut [f32]) {
        let node_mm = self.patient_from_node.determinant().abs().cbrt() as f32;
        let mut weight: Vec<f32> =
            self.extinction.iter().map(|extinction| (-extinction * node_mm).exp() + 1e-4).collect();
        light.iter_mut().zip(&weight).for_each(|(light, weight)| *light *= weight);
        for axis in 0..3 {
            blur(&mut weight, self.dims, axis);
            blur(light, self.dims, axis);
        }
        light.iter_mut().zip(&weight).for_each(|(light, weight)| *light /= weight);
    }
}

/// Light that leaves a layer at (i, j) + `offset`, each no farther than a node away; 1 outside.
fn bilinear(layer: &[f32], nb: usize, nc: usize, i: usize, j: usize, offset: [f32; 2]) -> f32 {
    let at = |i: isize, j: isize| {
        let inside = (0..nb as isize).contains(&i) && (0..nc as isize).contains(&j);
        if inside { layer[j as usize * nb + i as usize] } else { 1.0 }
    };
    let (low_i, low_j) = (offset[0].floor(), offset[1].floor());
    let (part_i, part_j) = (offset[0] - low_i, offset[1] - low_j);
    let (i, j) = (i as isize + low_i as isize, j as isize + low_j as isize);
    let row = |j: isize| at(i, j) + (at(i + 1, j) - at(i, j)) * part_i;
    row(j) + (row(j + 1) - row(j)) * part_j
}

/// Weights 1, 2, 1 along an axis; the ends repeat.
fn blur(values: &mut [f32], dims: [usize; 3], axis: usize) {
    let strides = [1, dims[0], dims[0] * dims[1]];
    let (stride, count) = (strides[axis], dims[axis]);
    // One block holds whole lines along the axis.
    values.par_chunks_mut(stride * count).for_each(|block| {
        for start in 0..stride {
            let mut before = block[start];
            for i in 0..count {
                let here = block[start + i * stride];
                let after = block[start + (i + 1).min(count - 1) * stride];
                block[start + i * stride] = (before + 2.0 * here + after) / 4.0;
                before = here;
            }
        }
    });
}
