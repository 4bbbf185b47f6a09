//! Free flight of light through matter: where it is scattered, and how much passes unhindered.
//!
//! Both are estimates without bias (Woodcock 1965; Novák et al. 2014, "Residual ratio tracking"): a
//! brick's largest extinction makes collisions too frequent, and each is real with the
//! probability of the extinction at its place over that bound.

use glam::{Vec3, Vec3A};

use super::matter::{BRICK_EDGE, Bounds, Matter};
use super::sampler::Sampler;
use crate::volume::{Volume, Voxel};

/// Most steps of one flight. Only a volume of absurd size or density comes near; the light is then
/// taken for absorbed.
const MAX_STEPS: u32 = 1 << 14;

/// Light that is dimmer than this share lives on by chance only.
const DIM: f32 = 0.1;

/// Where a flight goes: `from` + t * `along` in voxel space, t from 0 to `end_mm`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub from: Vec3A,
    /// Voxels per mm.
    pub along: Vec3A,
    pub end_mm: f32,
}

impl Flight {
    pub fn at(&self, t: f32) -> Vec3A {
        self.from + self.along * t
    }
}

/// A voxel volume filled with matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Medium<'a, T> {
    voxels: &'a [T],
    pub matter: &'a Matter,
    /// Index of the last voxel along each axis, and of the last one that has a neighbour.
    last: Vec3A,
    last_low: [u32; 3],
    /// Distance in `voxels` to the next along each axis; 0 where there is only one.
    next: [usize; 3],
    row: usize,
    layer: usize,
}

impl<'a, T: Voxel> Medium<'a, T> {
    pub fn new(volume: &Volume, voxels: &'a [T], matter: &'a Matter) -> Self {
        let dims = volume.geometry().dims();
        let [nx, ny, _] = dims.map(|n| n as usize);
        let step = |axis: usize, step: usize| if dims[axis] > 1 { step } else { 0 };
        Self {
            voxels,
            matter,
            last: Vec3A::from(dims.map(|n| (n - 1) as f32)),
            last_low: dims.map(|n| n.saturating_sub(2)),
            next: [step(0, 1), step(1, nx), step(2, nx * ny)],
            row: nx,
            layer: nx * ny,
        }
    }

    /// Index of the last voxel along each axis.
    pub fn last(&self) -> Vec3A {
        self.last
    }

    /// The stored value by trilinear interpolation; beyond the outermost voxels the edge value holds.
    #[inline(always)]
    pub fn stored_at(&self, p: Vec3A) -> f32 {
        let p = p.clamp(Vec3A::ZERO, self.last);
        let [x, y, z] = p.to_array();
        let [lx, ly, lz] = self.last_low;
        let (x0, y0, z0) = ((x as u32).min(lx), (y as u32).min(ly), (z as u32).min(lz));
        let f = p - Vec3A::new(x0 as f32, y0 as f32, z0 as f32);
        let base = z0 as usize * self.layer + y0 as usize * self.row + x0 as usize;
        let [dx, dy, dz] = self.next;
        let corner = |offset: usize| {
            let at = base + offset;
            (self.voxels[at].to_f32(), self.voxels[at + dx].to_f32())
        };
        let lerp = |a: f32, b: f32, f: f32| a + (b - a) * f;
        let row = |offset: usize| {
            let (a, b) = corner(offset);
            lerp(a, b, f.x)
        };
        lerp(lerp(row(0), row(dy), f.y), lerp(row(dz), row(dz + dy), f.y), f.z)
    }

    /// Change of the stored value per voxel, by central differences one voxel apart.
    pub fn gradient_at(&self, p: Vec3A) -> Vec3 {
        let change = |axis: Vec3A| 0.5 * (self.stored_at(p + axis) - self.stored_at(p - axis));
        Vec3::new(change(Vec3A::X), change(Vec3A::Y), change(Vec3A::Z))
    }

    /// The matter's index and its extinction in 1/mm.
    #[inline(always)]
    fn extinction_at(&self, p: Vec3A) -> (usize, f32) {
        let index = self.matter.index(self.stored_at(p));
        let extinction = self.matter.extinction[index];
        match &self.matter.gradient_opacity {
            Some(table) if extinction > 0.0 => {
                let change = (self.matter.patient_from_gradient * self.gradient_at(p)).length();
                (index, extinction * table.factor(change))
            }
            _ => (index, extinction),
        }
    }

    /// Distance to the next collision and the matter's index there; `None` when the flight ends
    /// without one.
    #[inline(always)]
    pub fn collide(&self, flight: Flight, numbers: &mut Sampler) -> Option<(f32, usize)> {
        let mut steps = Steps::new(&self.matter.bounds, flight);
        let mut depth = depth(numbers);
        while let Some(stretch) = steps.next() {
            let mut t = stretch.from_mm;
            loop {
                let ahead = (stretch.to_mm - t) * stretch.bound;
                if depth >= ahead {
                    depth -= ahead;
                    break;
                }
                t += depth / stretch.bound;
                let (index, extinction) = self.extinction_at(flight.at(t));
                if numbers.next() * stretch.bound < extinction {
                    return Some((t, index));
                }
                depth = self::depth(numbers);
                if steps.spend() {
                    return None;
                }
            }
        }
        None
    }

    /// Share of light that passes the whole flight, right on average.
    #[inline(always)]
    pub fn transmittance(&self, flight: Flight, numbers: &mut Sampler) -> f32 {
        let mut steps = Steps::new(&self.matter.bounds, flight);
        let mut depth = depth(numbers);
        let mut light = 1.0;
        while let Some(stretch) = steps.next() {
            let mut t = stretch.from_mm;
            loop {
                let ahead = (stretch.to_mm - t) * stretch.bound;
                if depth >= ahead {
                    depth -= ahead;
                    break;
                }
                t += depth / stretch.bound;
                let (_, extinction) = self.extinction_at(flight.at(t));
                light *= (1.0 - extinction / stretch.bound).max(0.0);
                if light < DIM {
                    if numbers.next() * DIM >= light {
                        return 0.0;
                    }
                    light = DIM;
                }
                depth = self::depth(numbers);
                if steps.spend() {
                    return 0.0;
                }
            }
        }
        if steps.spent() { 0.0 } else { light }
    }
}

/// An optical depth, drawn so that light reaches it with the probability of Beer and Lambert.
#[inline]
fn depth(numbers: &mut Sampler) -> f32 {
    -(1.0 - numbers.next()).ln()
}

/// A part of a flight inside one brick.
struct Stretch {
    from_mm: f32,
    to_mm: f32,
    /// Largest extinction there, in 1/mm; positive.
    bound: f32,
}

/// Goes through the bricks of a flight that are not empty, in order.
struct Steps<'a> {
    bounds: &'a Bounds,
    last_brick: [u32; 3],
    flight: Flight,
    /// mm per voxel along each axis.
    inverse: Vec3A,
    forward: Vec3A,
    /// A step so small that no brick is missed.
    nudge: f32,
    t: f32,
    left: u32,
}

impl<'a> Steps<'a> {
    #[inline(always)]
    fn new(bounds: &'a Bounds, flight: Flight) -> Self {
        // A direction along an axis would divide by zero.
        let along =
            Vec3A::select(flight.along.abs().cmplt(Vec3A::splat(1e-9)), Vec3A::splat(1e-9), flight.along);
        let inverse = along.recip();
        Self {
            bounds,
            last_brick: bounds.dims.map(|n| (n - 1) as u32),
            flight,
            inverse,
            forward: Vec3A::select(along.cmpgt(Vec3A::ZERO), Vec3A::ONE, Vec3A::ZERO),
            nudge: 1e-3 * inverse.abs().min_element(),
            t: 0.0,
            left: MAX_STEPS,
        }
    }

    /// Counts work inside a brick; true when there has been too much.
    #[inline(always)]
    fn spend(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    fn spent(&self) -> bool {
        self.left == 0
    }

    #[inline(always)]
    fn next(&mut self) -> Option<Stretch> {
        // Also false for a time that is no number.
        while self.t < self.flight.end_mm && !self.spend() {
            let p = self.flight.at(self.t) * (1.0 / BRICK_EDGE);
            let [x, y, z] = p.to_array();
            let [lx, ly, lz] = self.last_brick;
            let (x, y, z) = ((x as u32).min(lx), (y as u32).min(ly), (z as u32).min(lz));
            let [nx, ny, _] = self.bounds.dims;
            let bound = self.bounds.cells[(z as usize * ny + y as usize) * nx + x as usize];
            let brick = Vec3A::new(x as f32, y as f32, z as f32);
            // The near and far side, in bricks from this one, of what is known to be alike.
            let reach = (-bound).max(1.0);
            let side = brick + self.forward * (2.0 * reach - 1.0) - (reach - 1.0);
            let leave = (side * BRICK_EDGE - self.flight.from) * self.inverse;
            let from_mm = self.t;
            self.t = leave.min_element().max(from_mm + self.nudge).min(self.flight.end_mm);
            if bound > 0.0 {
                return Some(Stretch { from_mm, to_mm: self.t, bound });
            }
        }
        None
    }
}
