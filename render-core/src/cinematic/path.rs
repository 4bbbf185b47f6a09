//! One path of light, followed from the lens back to the lamps.

use glam::{Mat3, Vec2, Vec3, Vec3A};

use super::environment::LightTable;
use super::sampler::Sampler;
use super::scatter::{Lobe, Scatter};
use super::track::{Flight, Medium};
use crate::render::Rays;
use crate::volume::Voxel;

/// Scatterings after which a path lives on by chance, the dimmer the less.
const SURE_BOUNCES: u32 = 2;

/// Brightest light of one path, in units of a white wall's: rarer, brighter ones would show as
/// sparks for as long as anyone watches.
const MAX_RADIANCE: f32 = 24.0;

/// What paths need besides the matter. Directions are unit vectors in camera space.
#[derive(Clone, Debug)]
pub(super) struct Optics {
    pub rays: Rays,
    /// Voxels per mm to the right and upwards, times the radius of the lens.
    pub lens: [Vec3A; 2],
    /// Distance from the lens to what is sharp, along the line of sight.
    pub focus_mm: f32,
    pub voxel_from_camera: Mat3,
    pub camera_from_voxel: Mat3,
    /// Turns a gradient in voxel space into one per mm in camera space.
    pub camera_from_gradient: Mat3,
    /// What is kept, as in `RenderParams::clip`.
    pub clip: Vec<[f32; 4]>,
    pub roughness: f32,
    /// Share that surfaces mirror at normal incidence.
    pub mirror: f32,
    pub max_bounces: u32,
    pub seed: u32,
}

/// What a path found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub radiance: Vec3,
    pub albedo: Vec3,
    /// Zero where values hardly change.
    pub normal: Vec3,
    /// From where t = 0 on the ray.
    pub depth_mm: f32,
}

impl Optics {
    /// The flight through a place of the picture, in pixels from the centre of the first one, and a
    /// place of the unit lens; with the distance to its start. `None` when it misses the volume.
    pub fn flight(&self, at: Vec2, lens: Vec2, last: Vec3A) -> Option<(Flight, f32)> {
        let linear = |base: &[f32; 4], dx: &[f32; 4], dy: &[f32; 4]| {
            Vec3A::from_slice(base) + Vec3A::from_slice(dx) * at.x + Vec3A::from_slice(dy) * at.y
        };
        let r = &self.rays;
        let pinhole = linear(&r.origin, &r.origin_dx, &r.origin_dy);
        // One mm along the line of sight, so that what is sharp lies in a plane.
        let along = linear(&r.direction, &r.direction_dx, &r.direction_dy);
        let offset = self.lens[0] * lens.x + self.lens[1] * lens.y;
        let from = pinhole + offset;
        let along = along - offset / self.focus_mm;
        let along = along / (self.camera_from_voxel * Vec3::from(along)).length();
        let whole = Flight { from, along, end_mm: f32::INFINITY };
        let (enter, leave) = self.inside(whole, last)?;
        let flight = Flight { from: whole.at(enter), along, end_mm: leave - enter };
        Some((flight, enter))
    }

    /// The flight from a point inside, until it leaves the volume or what is kept of it.
    fn onward(&self, from: Vec3A, towards: Vec3, last: Vec3A) -> Flight {
        let along = Vec3A::from(self.voxel_from_camera * towards);
        let whole = Flight { from, along, end_mm: f32::INFINITY };
        let end_mm = self.inside(whole, last).map_or(0.0, |(_, leave)| leave);
        Flight { end_mm, ..whole }
    }

    /// The part of a flight that lies in what is kept of the volume.
    fn inside(&self, flight: Flight, last: Vec3A) -> Option<(f32, f32)> {
        let (mut enter, mut leave) = (0.0f32, flight.end_mm);
        for axis in 0..3 {
            let (o, d) = (flight.from[axis], flight.along[axis]);
            if d.abs() < 1e-9 {
                if o < 0.0 || o > last[axis] {
                    return None;
                }
                continue;
            }
            let (a, b) = ((0.0 - o) / d, (last[axis] - o) / d);
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        for &[a, b, c, d] in &self.clip {
            let normal = Vec3A::new(a, b, c);
            let (height, fall) = (normal.dot(flight.from) + d, normal.dot(flight.along));
            if fall > 0.0 {
                enter = enter.max(-height / fall);
            } else if fall < 0.0 {
                leave = leave.min(-height / fall);
            } else if height < 0.0 {
                return None;
            }
        }
        (leave > enter && leave.is_finite()).then_some((enter, leave))
    }

    /// Follows one path. `None` when nothing is in its way.
    pub fn trace<T: Voxel>(
        &self,
        medium: &Medium<'_, T>,
        light: &LightTable,
        at: [u32; 2],
        numbers: &mut Sampler,
    ) -> Option<Found> {
        let pixel = Vec2::new(at[0] as f32 + numbers.next() - 0.5, at[1] as f32 + numbers.next() - 0.5);
        let lens = on_disc(numbers.next(), numbers.next());
        let last = medium.last();
        let (mut flight, start_mm) = self.flight(pixel, lens, last)?;
        let (t, mut index) = medium.collide(flight, numbers)?;
        let mut t = t;
        let mut towards = (self.camera_from_voxel * Vec3::from(flight.along)).normalize_or(Vec3::NEG_Z);
        let mut found =
            Found { radiance: Vec3::ZERO, albedo: Vec3::ZERO, normal: Vec3::ZERO, depth_mm: start_mm + t };
        let mut weight = Vec3::ONE;
        for bounce in 0.. {
            let p = flight.at(t);
            let (scatter, normal) = self.scatter(medium, p, index, -towards, numbers);
            if bounce == 0 {
                (found.albedo, found.normal) = (scatter.albedo, normal);
            }
            found.radiance += weight * self.direct(medium, light, &scatter, p, last, numbers);
            if bounce == self.max_bounces {
                break;
            }
            if bounce >= SURE_BOUNCES {
                let survival = weight.max_element().min(1.0);
                if numbers.next() >= survival {
                    break;
                }
                weight /= survival;
            }
            let Some(turn) = scatter.sample(numbers) else { break };
            towards = turn.towards;
            weight *= turn.weight;
            flight = self.onward(p, towards, last);
            match medium.collide(flight, numbers) {
                Some(collision) => (t, index) = collision,
                None => {
                    // Both ways of finding a lamp count, each by how likely it was.
                    let seen = light.seen_towards(towards);
                    found.radiance += weight * seen.radiance * (turn.density / (turn.density + seen.density));
                    break;
                }
            }
        }
        let brightest = found.radiance.max_element();
        if brightest > MAX_RADIANCE {
            found.radiance *= MAX_RADIANCE / brightest;
        }
        found.radiance.is_finite().then_some(found)
    }

    /// What happens at a collision, and the surface's normal there if it has one.
    fn scatter<T: Voxel>(
        &self,
        medium: &Medium<'_, T>,
        p: Vec3A,
        index: usize,
        out: Vec3,
        numbers: &mut Sampler,
    ) -> (Scatter, Vec3) {
        let gradient = self.camera_from_gradient * medium.gradient_at(p);
        let change2 = gradient.length_squared();
        let is_surface = numbers.next() * (change2 + medium.matter.surface_change2) < change2;
        let cloud =
            |normal| (Scatter { albedo: medium.matter.cloud_albedo(index), out, lobe: Lobe::Phase }, normal);
        let Some(normal) = gradient.try_normalize() else { return cloud(Vec3::ZERO) };
        let normal = if normal.dot(out) < 0.0 { -normal } else { normal };
        if !is_surface {
            return cloud(normal);
        }
        let lobe = Lobe::Surface { normal, roughness: self.roughness, mirror: self.mirror };
        (Scatter { albedo: medium.matter.surface_albedo(index), out, lobe }, normal)
    }

    /// Light that comes straight from a lamp.
    fn direct<T: Voxel>(
        &self,
        medium: &Medium<'_, T>,
        light: &LightTable,
        scatter: &Scatter,
        p: Vec3A,
        last: Vec3A,
        numbers: &mut Sampler,
    ) -> Vec3 {
        let lamp = light.sample(numbers.next(), numbers.next(), numbers.next());
        let (share, density) = scatter.evaluate(lamp.towards);
        if share == Vec3::ZERO {
            return Vec3::ZERO;
        }
        let passed = medium.transmittance(self.onward(p, lamp.towards, last), numbers);
        share * lamp.radiance * (passed / (lamp.density + density))
    }
}

fn on_disc(x: f32, y: f32) -> Vec2 {
    let (sin, cos) = (std::f32::consts::TAU * y).sin_cos();
    Vec2::new(cos, sin) * x.sqrt()
}
