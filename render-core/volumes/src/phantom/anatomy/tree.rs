//! Branching vessels that reach every part of a volume.

use glam::Vec3;

use crate::phantom::noise::unit;

/// One straight piece of a branch.
pub(super) struct Twig {
    pub a: Vec3,
    pub b: Vec3,
    pub radius_a_mm: f32,
    pub radius_b_mm: f32,
    /// How many end points the branch serves.
    pub serves: usize,
}

pub(super) struct Sizes {
    pub root_mm: f32,
    pub tip_mm: f32,
    /// Radius goes with the number of end points served to this power (1/3 is Murray's law).
    pub exponent: f32,
}

/// Points on a jittered lattice of pitch `pitch_mm` between `lo` and `hi` where `inside`.
pub(super) fn targets(
    lo: Vec3,
    hi: Vec3,
    pitch_mm: f32,
    key: u64,
    inside: impl Fn(Vec3) -> bool,
) -> Vec<Vec3> {
    let counts = ((hi - lo) / pitch_mm).ceil().as_uvec3();
    let mut points = Vec::new();
    for index in 0..u64::from(counts.x) * u64::from(counts.y) * u64::from(counts.z) {
        let x = index % u64::from(counts.x);
        let y = index / u64::from(counts.x) % u64::from(counts.y);
        let z = index / (u64::from(counts.x) * u64::from(counts.y));
        let jitter = Vec3::new(unit(key, 3 * index), unit(key, 3 * index + 1), unit(key, 3 * index + 2));
        let p = lo + (Vec3::new(x as f32, y as f32, z as f32) + jitter) * pitch_mm;
        if inside(p) {
            points.push(p);
        }
    }
    points
}

/// Grows a tree from `root` to all `targets`: each branch heads for the centre of what it serves, then shares it out.
pub(super) fn grow(root: Vec3, heading: Vec3, targets: &mut [Vec3], sizes: &Sizes, key: u64) -> Vec<Twig> {
    let mut tree = Tree { sizes, total: targets.len() as f32, key, branches: 0, twigs: Vec::new() };
    if !targets.is_empty() {
        tree.branch(root, heading.normalize_or_zero(), sizes.root_mm, targets);
    }
    tree.twigs
}

struct Tree<'a> {
    sizes: &'a Sizes,
    total: f32,
    key: u64,
    branches: u64,
    twigs: Vec<Twig>,
}

impl Tree<'_> {
    fn branch(&mut self, from: Vec3, heading: Vec3, radius_mm: f32, targets: &mut [Vec3]) {
        self.branches += 1;
        let serves = targets.len();
        let centre = targets.iter().sum::<Vec3>() / serves as f32;
        let share = (serves as f32 / self.total).powf(self.sizes.exponent);
        let end_radius_mm = (self.sizes.root_mm * share).max(self.sizes.tip_mm).min(radius_mm);
        let to = if serves == 1 { centre } else { from.lerp(centre, 0.45) };
        // A quadratic curve that leaves in the parent's direction.
        let bend = from + heading * from.distance(to) * 0.45;
        let pieces = if serves > 3 { 3 } else { 2 };
        let curve = |t: f32| from.lerp(bend, t).lerp(bend.lerp(to, t), t);
        for piece in 0..pieces {
            let (t0, t1) = (piece as f32 / pieces as f32, (piece + 1) as f32 / pieces as f32);
            self.twigs.push(Twig {
                a: curve(t0),
                b: curve(t1),
                radius_a_mm: radius_mm + (end_radius_mm - radius_mm) * t0,
                radius_b_mm: radius_mm + (end_radius_mm - radius_mm) * t1,
                serves,
            });
        }
        if serves == 1 {
            return;
        }
        let onward = (to - bend).normalize_or(heading);
        // Share along the widest direction across the branch, not quite in halves.
        let spread = targets.iter().fold(Vec3::ZERO, |sum, target| {
            let offset = *target - centre;
            let across = offset - onward * offset.dot(onward) * 0.6;
            sum + across * across
        });
        let axis = (0..3).max_by(|a, b| spread[*a].total_cmp(&spread[*b])).unwrap_or(0);
        targets.sort_unstable_by(|a, b| a[axis].total_cmp(&b[axis]));
        let cut = 0.35 + 0.3 * unit(self.key, self.branches);
        let cut = ((serves as f32 * cut).round() as usize).clamp(1, serves - 1);
        let (low, high) = targets.split_at_mut(cut);
        self.branch(to, onward, end_radius_mm, low);
        self.branch(to, onward, end_radius_mm, high);
    }
}
