//! Solids by signed distance, and their painting into slices.
//!
//! Distances are mm, negative inside, exact to first order near a surface: all that a partial-volume edge needs.

use std::sync::Arc;

use glam::{Mat3, Vec2, Vec3};

use super::noise::Texture;

/// "Nothing near": larger than any distance inside the scene, small enough to stay exact in arithmetic.
const FAR_MM: f32 = 1.0e4;

type Field = Arc<dyn Fn(Vec3) -> f32 + Send + Sync>;

#[derive(Clone)]
enum Shape {
    Ellipsoid {
        centre: Vec3,
        semi_mm: Vec3,
        local_from_patient: Mat3,
    },
    /// A capsule whose radius changes linearly from `a` to `b`.
    Cone {
        a: Vec3,
        b: Vec3,
        radius_a_mm: f32,
        radius_b_mm: f32,
    },
    /// A capsule with an elliptic cross-section: half axes along `normal`, and across it.
    Oval {
        a: Vec3,
        b: Vec3,
        normal: Vec3,
        half_mm: Vec2,
    },
    Field(Field),
}

/// A shape with its bounding box; points outside the box (plus the solid's margin) are outside the shape.
#[derive(Clone)]
pub(super) struct Part {
    shape: Shape,
    grown_mm: f32,
    lo: Vec3,
    hi: Vec3,
}

impl Part {
    pub fn sphere(centre: Vec3, radius_mm: f32) -> Self {
        Self::ellipsoid(centre, Vec3::splat(radius_mm))
    }

    pub fn ellipsoid(centre: Vec3, semi_mm: Vec3) -> Self {
        Self::turned_ellipsoid(centre, semi_mm, Mat3::IDENTITY)
    }

    /// `patient_from_local` is a rotation; `semi_mm` are along its columns.
    pub fn turned_ellipsoid(centre: Vec3, semi_mm: Vec3, patient_from_local: Mat3) -> Self {
        let local_from_patient = patient_from_local.transpose();
        let reach = Vec3::new(
            (local_from_patient.x_axis * semi_mm).length(),
            (local_from_patient.y_axis * semi_mm).length(),
            (local_from_patient.z_axis * semi_mm).length(),
        );
        Self {
            shape: Shape::Ellipsoid { centre, semi_mm, local_from_patient },
            grown_mm: 0.0,
            lo: centre - reach,
            hi: centre + reach,
        }
    }

    pub fn cone(a: Vec3, b: Vec3, radius_a_mm: f32, radius_b_mm: f32) -> Self {
        let reach = Vec3::splat(radius_a_mm.max(radius_b_mm));
        Self {
            shape: Shape::Cone { a, b, radius_a_mm, radius_b_mm },
            grown_mm: 0.0,
            lo: a.min(b) - reach,
            hi: a.max(b) + reach,
        }
    }

    /// `half_mm` is (along `normal`, across it).
    pub fn oval(a: Vec3, b: Vec3, normal: Vec3, half_mm: Vec2) -> Self {
        let along = (b - a).normalize_or_zero();
        let normal = (normal - along * normal.dot(along)).normalize_or(Vec3::Y);
        let reach = Vec3::splat(half_mm.max_element());
        Self {
            shape: Shape::Oval { a, b, normal, half_mm },
            grown_mm: 0.0,
            lo: a.min(b) - reach,
            hi: a.max(b) + reach,
        }
    }

    pub fn field(lo: Vec3, hi: Vec3, distance: impl Fn(Vec3) -> f32 + Send + Sync + 'static) -> Self {
        Self { shape: Shape::Field(Arc::new(distance)), grown_mm: 0.0, lo, hi }
    }

    /// The same shape with its surface moved outwards.
    pub fn grown(&self, by_mm: f32) -> Self {
        let mut part = self.clone();
        part.grown_mm += by_mm;
        part.lo -= Vec3::splat(by_mm);
        part.hi += Vec3::splat(by_mm);
        part
    }

    pub fn distance_mm(&self, p: Vec3) -> f32 {
        let distance = match &self.shape {
            Shape::Ellipsoid { centre, semi_mm, local_from_patient } => {
                ellipsoid_distance(*local_from_patient * (p - *centre), *semi_mm)
            }
            Shape::Cone { a, b, radius_a_mm, radius_b_mm } => {
                let (t, offset) = nearest_on_segment(p, *a, *b);
                offset.length() - (radius_a_mm + (radius_b_mm - radius_a_mm) * t)
            }
            Shape::Oval { a, b, normal, half_mm } => {
                let (_, offset) = nearest_on_segment(p, *a, *b);
                let along = (*b - *a).normalize_or_zero();
                let across = along.cross(*normal);
                let local = Vec3::new(offset.dot(*normal), offset.dot(across), offset.dot(along));
                ellipsoid_distance(local, Vec3::new(half_mm.x, half_mm.y, half_mm.min_element()))
            }
            Shape::Field(distance) => distance(p),
        };
        distance - self.grown_mm
    }

    fn holds(&self, p: Vec3, margin_mm: f32) -> bool {
        p.cmpge(self.lo - margin_mm).all() && p.cmple(self.hi + margin_mm).all()
    }
}

fn ellipsoid_distance(local: Vec3, semi_mm: Vec3) -> f32 {
    let scaled = local / semi_mm;
    let k0 = scaled.length();
    let k1 = (scaled / semi_mm).length();
    if k1 < 1.0e-6 { -semi_mm.min_element() } else { k0 * (k0 - 1.0) / k1 }
}

fn nearest_on_segment(p: Vec3, a: Vec3, b: Vec3) -> (f32, Vec3) {
    let ab = b - a;
    let t = ((p - a).dot(ab) / ab.length_squared().max(1.0e-6)).clamp(0.0, 1.0);
    (t, p - (a + ab * t))
}

/// Polynomial smooth minimum: rounds the seam of two surfaces within `blend_mm`.
pub(super) fn smooth_min(a: f32, b: f32, blend_mm: f32) -> f32 {
    if blend_mm <= 0.0 {
        return a.min(b);
    }
    let h = (blend_mm - (a - b).abs()).max(0.0) / blend_mm;
    a.min(b) - h * h * blend_mm * 0.25
}

/// 0 below 0, 1 above 1, without a kink between.
pub(super) fn smooth_step(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// What a layer is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tissue {
    pub hu: f32,
    /// Amplitude of the slow (about 1 cm) and of the fine (about 3 mm) variation, HU.
    pub coarse_hu: f32,
    pub fine_hu: f32,
    /// Dependent parts of the lung are denser: HU per mm towards the back.
    pub slope_hu_per_mm: f32,
}

impl Tissue {
    pub const fn plain(hu: f32) -> Self {
        Self { hu, coarse_hu: 0.0, fine_hu: 0.0, slope_hu_per_mm: 0.0 }
    }

    pub const fn varied(hu: f32, coarse_hu: f32, fine_hu: f32) -> Self {
        Self { hu, coarse_hu, fine_hu, slope_hu_per_mm: 0.0 }
    }
}

/// Index of a name in [`Scene::labels`]; 0 is "not counted".
pub(super) type Label = u16;

#[derive(Clone, Copy)]
struct Layer {
    depth_mm: f32,
    tissue: Tissue,
    label: Label,
}

/// A union of parts, cut by clips, filled from the surface inwards by layers.
pub(super) struct Solid {
    parts: Vec<Part>,
    blend_mm: f32,
    clips: Vec<Part>,
    layers: Vec<Layer>,
}

impl Solid {
    pub fn new(parts: Vec<Part>) -> Self {
        Self { parts, blend_mm: 0.0, clips: Vec::new(), layers: Vec::new() }
    }

    pub fn blend(mut self, blend_mm: f32) -> Self {
        self.blend_mm = blend_mm;
        self
    }

    /// Keeps only what is inside `part` too.
    pub fn within(mut self, part: Part) -> Self {
        self.clips.push(part);
        self
    }

    /// Fills all that lies deeper than `depth_mm` under the surface; later layers lie deeper.
    pub fn layer(mut self, depth_mm: f32, tissue: Tissue, label: Label) -> Self {
        self.layers.push(Layer { depth_mm, tissue, label });
        self
    }

    fn clip(&self, distance: f32, p: Vec3) -> f32 {
        self.clips.iter().fold(distance, |d, clip| d.max(clip.distance_mm(p)))
    }
}

/// Axes of the sampled grid: voxel (i, j, k) is at `origin_mm + (i, j, k) * spacing_mm`, LPS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub dims: [usize; 3],
    pub spacing_mm: Vec3,
    pub origin_mm: Vec3,
}

impl Grid {
    /// Whether a patient point lies within the sampled box.
    pub fn holds(&self, point_mm: [f64; 3]) -> bool {
        (0..3).all(|axis| {
            let index = (point_mm[axis] as f32 - self.origin_mm[axis]) / self.spacing_mm[axis];
            (-0.5..=self.dims[axis] as f32 - 0.5).contains(&index)
        })
    }

    /// Indices along one axis whose coordinates lie in `lo..=hi`.
    fn range(&self, axis: usize, lo: f32, hi: f32) -> std::ops::Range<usize> {
        let index = |mm: f32| (mm - self.origin_mm[axis]) / self.spacing_mm[axis];
        let first = index(lo).ceil().max(0.0) as usize;
        let end = (index(hi).floor() + 1.0).max(0.0) as usize;
        first..end.min(self.dims[axis]).max(first)
    }
}

/// Solids in painting order: a later solid replaces what lies under it.
pub(super) struct Scene {
    solids: Vec<Solid>,
    pub labels: Vec<String>,
    edge_mm: f32,
    texture: Texture,
    background_hu: f32,
}

impl Scene {
    /// `edge_mm` is the width over which a surface passes from one tissue to the next.
    pub fn new(edge_mm: f32, background_hu: f32) -> Self {
        Self {
            solids: Vec::new(),
            labels: vec![String::new()],
            edge_mm,
            texture: Texture::new(),
            background_hu,
        }
    }

    /// The label that counts voxels under `name`.
    pub fn label(&mut self, name: &str) -> Label {
        let at = self.labels.iter().position(|known| known == name).unwrap_or_else(|| {
            self.labels.push(name.to_owned());
            self.labels.len() - 1
        });
        Label::try_from(at).expect("the anatomy names fewer than 65536 structures")
    }

    pub fn edge_mm(&self) -> f32 {
        self.edge_mm
    }

    pub fn add(&mut self, solid: Solid) {
        self.solids.push(solid);
    }

    /// Noise-free HU and label at a patient point.
    pub fn sample(&self, p: Vec3) -> (f32, Label) {
        let (coarse, fine) = self.texture.at(p);
        let mut hu = self.background_hu;
        let mut label = 0;
        for solid in &self.solids {
            let margin = self.margin_mm(solid);
            let mut distance = FAR_MM;
            for part in solid.parts.iter().filter(|part| part.holds(p, margin)) {
                distance = smooth_min(distance, part.distance_mm(p), solid.blend_mm);
            }
            if distance < 0.5 * self.edge_mm {
                self.paint(solid, solid.clip(distance, p), p.y, coarse, fine, &mut hu, &mut label);
            }
        }
        (hu, label)
    }

    /// Paints slice `k` into `hu` and `labels`, both `dims[0] * dims[1]`, x fastest.
    pub fn paint_slice(&self, grid: &Grid, k: usize, hu: &mut [f32], labels: &mut [Label]) {
        let columns = grid.dims[0];
        let point =
            |i: usize, j: usize| grid.origin_mm + grid.spacing_mm * Vec3::new(i as f32, j as f32, k as f32);
        let z = point(0, 0).z;
        hu.fill(self.background_hu);
        labels.fill(0);
        // Most voxels are air and need no texture: it is made where a solid first touches.
        let mut texture = vec![None; hu.len()];
        let mut distances = vec![FAR_MM; hu.len()];
        for solid in &self.solids {
            let margin = self.margin_mm(solid);
            let mut touched: Option<[std::ops::Range<usize>; 2]> = None;
            for part in &solid.parts {
                if z < part.lo.z - margin || z > part.hi.z + margin {
                    continue;
                }
                let xs = grid.range(0, part.lo.x - margin, part.hi.x + margin);
                let ys = grid.range(1, part.lo.y - margin, part.hi.y + margin);
                for j in ys.clone() {
                    for i in xs.clone() {
                        let distance = &mut distances[j * columns + i];
                        *distance = smooth_min(*distance, part.distance_mm(point(i, j)), solid.blend_mm);
                    }
                }
                touched = Some(match touched {
                    None => [xs, ys],
                    Some([x, y]) => {
                        [x.start.min(xs.start)..x.end.max(xs.end), y.start.min(ys.start)..y.end.max(ys.end)]
                    }
                });
            }
            let Some([xs, ys]) = touched else { continue };
            for j in ys {
                for i in xs.clone() {
                    let index = j * columns + i;
                    let distance = std::mem::replace(&mut distances[index], FAR_MM);
                    if distance < 0.5 * self.edge_mm {
                        let p = point(i, j);
                        let (coarse, fine) = *texture[index].get_or_insert_with(|| self.texture.at(p));
                        let distance = solid.clip(distance, p);
                        self.paint(solid, distance, p.y, coarse, fine, &mut hu[index], &mut labels[index]);
                    }
                }
            }
        }
    }

    fn margin_mm(&self, solid: &Solid) -> f32 {
        self.edge_mm + solid.blend_mm
    }

    #[expect(clippy::too_many_arguments, reason = "one call inlined into the two loops above")]
    #[inline]
    fn paint(
        &self,
        solid: &Solid,
        distance: f32,
        y_mm: f32,
        coarse: f32,
        fine: f32,
        hu: &mut f32,
        label: &mut Label,
    ) {
        for layer in &solid.layers {
            let coverage = smooth_step(0.5 - (distance + layer.depth_mm) / self.edge_mm);
            if coverage <= 0.0 {
                break;
            }
            let tissue = layer.tissue;
            let value =
                tissue.hu + tissue.coarse_hu * coarse + tissue.fine_hu * fine + tissue.slope_hu_per_mm * y_mm;
            *hu += (value - *hu) * coverage;
            if coverage >= 0.5 {
                *label = layer.label;
            }
        }
    }
}
