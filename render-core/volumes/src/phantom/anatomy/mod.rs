//! The body as a list of solids in painting order, and what is known of each.
//!
//! Patient millimetres, LPS: +x is the patient's left, +y the back, +z the head. The carina is at z = 0.

mod abdomen;
mod heart;
mod lungs;
mod path;
mod skeleton;
mod tree;
mod vessels;
mod wall;

use glam::{Mat3, Vec3};

use super::solid::{Label, Part, Scene, Solid, Tissue, smooth_min, smooth_step};

pub(super) const AIR_HU: f32 = -1000.0;

/// Below and above the part of the body that is modelled.
const BOTTOM_MM: f32 = -260.0;
const TOP_MM: f32 = 170.0;

const FAT: Tissue = Tissue::varied(-105.0, 9.0, 6.0);
const MUSCLE: Tissue = Tissue::varied(54.0, 8.0, 9.0);
const SOFT: Tissue = Tissue::varied(40.0, 5.0, 4.0);
const CORTEX: Tissue = Tissue::varied(950.0, 30.0, 25.0);
const CARTILAGE: Tissue = Tissue::varied(95.0, 14.0, 16.0);
const AIR: Tissue = Tissue::plain(AIR_HU);

/// A structure whose truth is published.
pub(super) struct Known {
    pub name: String,
    pub form: Form,
    pub hu: f32,
    pub label: Label,
}

pub(super) enum Form {
    Sphere {
        centre: Vec3,
        radius_mm: f32,
    },
    /// `semi_mm` along the columns of `axes`.
    Ellipsoid {
        centre: Vec3,
        semi_mm: Vec3,
        axes: Mat3,
    },
    Tube {
        path: Vec<Vec3>,
        radius_mm: f32,
    },
    /// Bounded by no single formula; `inside` is a point in it.
    Composite {
        inside: Vec3,
    },
}

pub(super) struct Landmark {
    pub name: String,
    pub position: Vec3,
}

/// The scene with its published facts.
pub(super) struct Anatomy {
    pub scene: Scene,
    pub known: Vec<Known>,
    pub landmarks: Vec<Landmark>,
}

/// Builds the whole patient; surfaces are `edge_mm` wide.
pub(super) fn build(edge_mm: f32) -> Anatomy {
    let mut anatomy =
        Anatomy { scene: Scene::new(edge_mm, AIR_HU), known: Vec::new(), landmarks: Vec::new() };
    let heart = heart::Heart::new();
    let vessels = vessels::Vessels::new();
    wall::add(&mut anatomy);
    abdomen::add(&mut anatomy);
    lungs::add(&mut anatomy);
    vessels.add_mediastinum(&mut anatomy, &heart);
    vessels.add_walls(&mut anatomy);
    heart.add(&mut anatomy);
    vessels.add(&mut anatomy);
    heart.add_coronaries(&mut anatomy);
    skeleton::add(&mut anatomy);
    lungs::add_nodules(&mut anatomy);
    anatomy
}

impl Anatomy {
    fn landmark(&mut self, name: impl Into<String>, position: Vec3) {
        self.landmarks.push(Landmark { name: name.into(), position });
    }

    /// Publishes a structure and returns the label that counts its voxels.
    fn know(&mut self, name: impl Into<String>, form: Form, hu: f32) -> Label {
        let name = name.into();
        let label = self.scene.label(&name);
        self.known.push(Known { name, form, hu, label });
        label
    }

    fn add_sphere(&mut self, name: impl Into<String>, centre: Vec3, radius_mm: f32, hu: f32) {
        let label = self.know(name, Form::Sphere { centre, radius_mm }, hu);
        self.scene.add(Solid::new(vec![Part::sphere(centre, radius_mm)]).layer(
            0.0,
            Tissue::plain(hu),
            label,
        ));
    }

    /// Walls of vessels that [`Anatomy::add_lumen`] fills later, so that no wall closes a mouth.
    fn add_wall(&mut self, path: &[path::Knot], wall_mm: f32) {
        let parts = path::tube(path).iter().map(|part| part.grown(wall_mm)).collect();
        self.scene.add(Solid::new(parts).layer(0.0, SOFT, 0));
    }

    /// What fills a vessel along a path.
    fn add_lumen(&mut self, name: &str, path: &[path::Knot], tissue: Tissue) {
        let centres: Vec<Vec3> = path.iter().map(|knot| knot.at).collect();
        let radius_mm = path.iter().map(|knot| knot.radius_mm).sum::<f32>() / path.len() as f32;
        let label = self.know(name, Form::Tube { path: centres, radius_mm }, tissue.hu);
        self.scene.add(Solid::new(path::tube(path)).layer(0.0, tissue, label));
    }
}

/// A box that spans the modelled height.
fn column(half_x_mm: f32, y_mm: std::ops::Range<f32>, z_mm: std::ops::Range<f32>) -> (Vec3, Vec3) {
    (Vec3::new(-half_x_mm, y_mm.start, z_mm.start), Vec3::new(half_x_mm, y_mm.end, z_mm.end))
}

/// Distance to |x/a|^2.5 + |y/b|^2.5 + extra = 1, to first order; 2.5 is between an ellipse and a box, like a torso.
fn superellipse(x: f32, y: f32, a: f32, b: f32, extra: f32, extra_slope: f32) -> f32 {
    let (u, v) = (x.abs() / a, y.abs() / b);
    let (u15, v15) = (u * u.sqrt(), v * v.sqrt());
    let slope = Vec3::new(2.5 * u15 / a, 2.5 * v15 / b, extra_slope).length();
    (u15 * u + v15 * v + extra - 1.0) / slope.max(2.0e-3)
}

const CAVITY_HALF_X_MM: f32 = 120.0;
const CAVITY_HALF_Y_MM: f32 = 84.0;
/// Below this height the cage no longer widens; its top lies 190 mm higher.
const CAVITY_WIDEST_MM: f32 = -100.0;
const CAVITY_HEIGHT_MM: f32 = 190.0;

/// How far up the dome of the cage `z` is: 0 at its widest, 1 at its top.
fn cavity_rise(z: f32) -> f32 {
    ((z - CAVITY_WIDEST_MM) / CAVITY_HEIGHT_MM).max(0.0)
}

fn cavity_centre_y(z: f32) -> f32 {
    let rise = cavity_rise(z);
    -5.0 + 16.0 * rise * rise
}

/// Inner surface of the rib cage and of the abdominal wall below it.
fn cavity(p: Vec3) -> f32 {
    let rise = cavity_rise(p.z);
    let y = p.y - cavity_centre_y(p.z);
    superellipse(p.x, y, CAVITY_HALF_X_MM, CAVITY_HALF_Y_MM, rise * rise, 2.0 * rise / CAVITY_HEIGHT_MM)
}

/// The cage as the shoulder blades see it: they stand upright where the cage's dome curves away.
fn girdle(p: Vec3) -> f32 {
    cavity(p.with_z(p.z.min(0.0)))
}

/// Skin. The back is flatter than the chest and rests on the table; the chest slopes back towards the neck.
fn skin(p: Vec3) -> f32 {
    let above = (p.z - 10.0).max(0.0);
    let below = (-60.0 - p.z).max(0.0);
    let half_x = 163.0 - 0.0012 * above * above + 0.02 * above - 0.03 * below;
    let front = -113.0 + 0.0048 * above * above - 0.02 * below;
    let back = 119.0 - 0.0012 * above * above - 0.03 * below;
    let centre = 0.5 * (front + back);
    // The furrow over the spine.
    let dent =
        if p.y > 70.0 { 5.0 * (-(p.x / 14.0).powi(2)).exp() * smooth_step((p.y - 70.0) / 30.0) } else { 0.0 };
    superellipse(p.x, p.y - centre, half_x, 0.5 * (back - front), 0.0, 0.0) + dent
}

/// Distance to the upper surface of the diaphragm, negative under it.
fn under_diaphragm(p: Vec3) -> f32 {
    // Each cupola falls off as a paraboloid, steeper to the back than to the front.
    let cupola = |top: f32, x: f32, y: f32, x_fall: f32, back_fall: f32, front_fall: f32| {
        let (dx, dy) = (p.x - x, p.y - y);
        let y_fall = if dy > 0.0 { back_fall } else { front_fall };
        (top - x_fall * dx * dx - y_fall * dy * dy, 2.0 * x_fall * dx, 2.0 * y_fall * dy)
    };
    let right = cupola(-68.0, -58.0, -8.0, 0.018, 0.011, 0.007);
    let left = cupola(-84.0, 62.0, -4.0, 0.018, 0.011, 0.007);
    let centre = cupola(-105.0, 18.0, -25.0, 0.012, 0.012, 0.006);
    let top = -smooth_min(smooth_min(-right.0, -left.0, 16.0), -centre.0, 16.0);
    let steepest = if right.0 > left.0 { right } else { left };
    (p.z - top) / (1.0 + steepest.1.powi(2) + steepest.2.powi(2)).sqrt()
}

/// Both lungs, before the mediastinum is painted over them.
fn lung(p: Vec3) -> f32 {
    (cavity(p) + 2.0).max(-under_diaphragm(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_order_distances_are_metric_near_the_surface() {
        let surfaces: [fn(Vec3) -> f32; 2] = [cavity, skin];
        for surface in surfaces {
            for direction in [Vec3::X, Vec3::Y, Vec3::new(0.7, -0.7, 0.0)] {
                let start = Vec3::new(0.0, 0.0, -80.0);
                let (mut near, mut far) = (0.0_f32, 250.0_f32);
                while far - near > 1.0e-3 {
                    let middle = 0.5 * (near + far);
                    if surface(start + direction * middle) < 0.0 { near = middle } else { far = middle }
                }
                let step = 2.0;
                let grown = surface(start + direction * (near + step));
                assert!(grown > 0.6 * step && grown < 1.2 * step, "{direction}: {grown}");
            }
        }
    }
}
