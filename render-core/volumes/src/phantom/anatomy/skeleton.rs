//! Spine, ribs with their cartilage, breastbone, shoulder girdle.

use glam::{Vec2, Vec3};

use super::path::{Knot, knots, mirrored, smooth, tube};
use super::{
    Anatomy, CARTILAGE, CAVITY_HALF_X_MM, CAVITY_HALF_Y_MM, CORTEX, Form, TOP_MM, cavity, cavity_centre_y,
    cavity_rise, column, girdle,
};
use crate::phantom::solid::{Part, Solid, Tissue, smooth_min, smooth_step};

/// The shell of a vertebral body is thinner than that of a long bone, and reads lower.
const ENDPLATE: Tissue = Tissue::varied(520.0, 30.0, 30.0);
const MARROW: Tissue = Tissue::varied(175.0, 40.0, 75.0);
const RIB_MARROW: Tissue = Tissue::varied(250.0, 40.0, 60.0);
const DISC: Tissue = Tissue::varied(88.0, 8.0, 5.0);

struct Vertebra {
    name: &'static str,
    z: f32,
    /// Height of the body with its disc.
    pitch: f32,
    /// Where the lordosis or kyphosis of the spine puts it.
    y: f32,
    tilt: f32,
    half_x: f32,
    half_y: f32,
    /// 0 at T1, 11 at T12.
    thoracic: Option<usize>,
}

fn spine_y(z: f32) -> f32 {
    62.0 - 0.00055 * (z + 45.0).powi(2)
}

fn vertebrae() -> Vec<Vertebra> {
    const NAMES: [&str; 18] = [
        "C5", "C6", "C7", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1",
        "L2", "L3",
    ];
    // T5 stands at the carina.
    let mut z = 133.0;
    NAMES
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let rank = index as f32 - 3.0;
            let pitch = if rank < 0.0 { 16.5 } else { 19.5 + 0.55 * rank };
            let vertebra = Vertebra {
                name,
                z,
                pitch,
                y: spine_y(z),
                tilt: 0.0011 * (z + 45.0),
                half_x: (15.5 + 0.42 * rank).max(13.0),
                half_y: (12.5 + 0.30 * rank).max(10.0),
                thoracic: (3..15).contains(&index).then(|| index - 3),
            };
            z -= pitch;
            vertebra
        })
        .collect()
}

/// The column of vertebral bodies as one shape, for what drapes over it.
pub(super) fn spine_core() -> Vec<Part> {
    vertebrae()
        .windows(2)
        .map(|pair| {
            let at = |v: &Vertebra| Vec3::new(0.0, v.y, v.z);
            Part::oval(at(&pair[0]), at(&pair[1]), Vec3::X, Vec2::new(pair[1].half_x, pair[1].half_y))
        })
        .collect()
}

pub(super) fn add(anatomy: &mut Anatomy) {
    let vertebrae = vertebrae();
    add_ribs(anatomy, &vertebrae);
    add_breastbone(anatomy);
    add_shoulders(anatomy);
    add_spine(anatomy, &vertebrae);
}

fn add_spine(anatomy: &mut Anatomy, vertebrae: &[Vertebra]) {
    let discs = spine_core().iter().map(|part| part.grown(-1.2)).collect();
    anatomy.scene.add(Solid::new(discs).layer(0.0, DISC, 0));
    for vertebra in vertebrae {
        let centre = Vec3::new(0.0, vertebra.y, vertebra.z);
        let inside = centre;
        let label =
            anatomy.know(format!("vertebra {}", vertebra.name), Form::Composite { inside }, MARROW.hu);
        anatomy.scene.add(
            Solid::new(arch(vertebra)).blend(3.0).layer(0.0, CORTEX, label).layer(1.4, RIB_MARROW, label),
        );
        anatomy
            .scene
            .add(Solid::new(vec![body(vertebra)]).layer(0.0, ENDPLATE, label).layer(1.2, MARROW, label));
        anatomy.landmark(format!("vertebra {}", vertebra.name), centre);
    }
    let canal: Vec<Knot> = vertebrae
        .iter()
        .map(|v| Knot { at: Vec3::new(0.0, v.y + v.half_y + 8.0, v.z), radius_mm: 8.0 })
        .collect();
    let cord: Vec<Knot> = canal.iter().map(|knot| Knot { radius_mm: 4.3, ..*knot }).collect();
    let path = canal.iter().map(|knot| knot.at).collect();
    let label = anatomy.know("spinal canal", Form::Tube { path, radius_mm: 8.0 }, 12.0);
    anatomy.scene.add(Solid::new(tube(&canal)).layer(0.0, Tissue::varied(12.0, 6.0, 4.0), label));
    anatomy.scene.add(Solid::new(tube(&cord)).layer(0.0, Tissue::varied(40.0, 3.0, 3.0), label));
}

/// A waisted elliptic drum, tilted with the spine.
fn body(vertebra: &Vertebra) -> Part {
    let centre = Vec3::new(0.0, vertebra.y, vertebra.z);
    let (sin, cos) = vertebra.tilt.sin_cos();
    let half = Vec3::new(vertebra.half_x, vertebra.half_y, 0.5 * (vertebra.pitch - 4.6));
    let reach = half + Vec3::new(1.0, 5.0, 5.0);
    Part::field(centre - reach, centre + reach, move |p| {
        let q = p - centre;
        let (y, z) = (q.y * cos + q.z * sin, q.z * cos - q.y * sin);
        let waist = 1.0 - 0.10 * (1.0 - (z / half.z).powi(2)).max(0.0);
        let (u, v) = (q.x / (half.x * waist), y / (half.y * waist));
        let k0 = Vec2::new(u, v).length();
        let k1 = Vec2::new(u / (half.x * waist), v / (half.y * waist)).length().max(1.0e-4);
        let round = 1.5;
        let side = k0 * (k0 - 1.0) / k1 + round;
        let end = z.abs() - half.z + round;
        side.max(end).min(0.0) + Vec2::new(side.max(0.0), end.max(0.0)).length() - round
    })
}

/// Pedicles, laminae, transverse and spinous processes, joints.
fn arch(vertebra: &Vertebra) -> Vec<Part> {
    let Vertebra { y, z, half_x, half_y, pitch, .. } = *vertebra;
    let back = y + half_y;
    let thoracic = vertebra.thoracic.is_some();
    let low = if thoracic { 0.85 * pitch } else { 0.15 * pitch };
    let tip_y = back + if thoracic { 31.0 } else { 36.0 };
    let root = Vec3::new(0.0, back + 18.0, z - 3.0);
    let tip = Vec3::new(0.0, tip_y, z - low);
    let mut parts = vec![Part::oval(root, tip, Vec3::X, Vec2::new(3.2, 6.5))];
    for side in [-1.0, 1.0] {
        let at = |x: f32, y: f32, z: f32| Vec3::new(side * x, y, z);
        let pillar = at(12.0, back + 8.5, z + 2.0);
        parts.push(Part::oval(at(0.62 * half_x, back - 3.0, z + 3.0), pillar, Vec3::X, Vec2::new(3.8, 5.5)));
        parts.push(Part::oval(pillar, root, Vec3::Z, Vec2::new(7.5, 3.4)));
        // The facets overlap those of the neighbours.
        parts.push(Part::oval(pillar + Vec3::Z * 8.0, pillar - Vec3::Z * 9.0, Vec3::Y, Vec2::new(3.6, 5.0)));
        let reach = match vertebra.thoracic {
            Some(rank) => 33.0 - 1.2 * rank as f32,
            None if z > 0.0 => 24.0,
            None => 38.0,
        };
        let drop = if thoracic { 9.0 } else { 2.0 };
        parts.push(Part::oval(pillar, at(reach, back + drop + 3.0, z + 4.0), Vec3::Z, Vec2::new(5.0, 3.8)));
    }
    parts
}

/// A rib from its vertebra round the cage: drop to its front end, angle of that end from behind, where its cartilage
/// ends on the breastbone (for 8 to 10: on the cartilage above).
const RIBS: [(f32, f32, Option<f32>); 12] = [
    (30.0, 146.0, Some(46.0)),
    (50.0, 150.0, Some(12.0)),
    (60.0, 150.0, Some(-10.0)),
    (66.0, 148.0, Some(-30.0)),
    (70.0, 145.0, Some(-47.0)),
    (74.0, 140.0, Some(-60.0)),
    (77.0, 134.0, Some(-72.0)),
    (78.0, 126.0, None),
    (74.0, 116.0, None),
    (64.0, 104.0, None),
    (48.0, 84.0, None),
    (30.0, 58.0, None),
];

/// Point at `depth_mm` outside the cage, at `angle` (degrees from behind towards the patient's left) and height `z`.
fn on_cage(angle: f32, z: f32, depth_mm: f32) -> Vec3 {
    let rise = cavity_rise(z).min(0.985);
    let shrink = (1.0 - rise * rise).powf(0.4);
    let (sin, cos) = angle.to_radians().sin_cos();
    let flatten = |v: f32| v.signum() * v.abs().powf(0.8);
    let x = (CAVITY_HALF_X_MM * shrink + depth_mm) * flatten(sin);
    let y = (CAVITY_HALF_Y_MM * shrink + depth_mm) * flatten(cos);
    Vec3::new(x, cavity_centre_y(z) + y, z)
}

fn add_ribs(anatomy: &mut Anatomy, vertebrae: &[Vertebra]) {
    let mut margin_above: [Option<Vec3>; 2] = [None, None];
    for vertebra in vertebrae {
        let Some(rank) = vertebra.thoracic else { continue };
        let (drop, end_angle, insertion) = RIBS[rank];
        for (index, (side, word)) in [(1.0, "left"), (-1.0, "right")].into_iter().enumerate() {
            // No patient is quite symmetric.
            let drop = drop + side * 1.5;
            let start = Vec3::new(
                side * (vertebra.half_x - 1.0),
                vertebra.y + 0.75 * vertebra.half_y,
                vertebra.z + 0.35 * vertebra.pitch,
            );
            let neck =
                Vec3::new(side * 29.0, vertebra.y + vertebra.half_y + 7.0, vertebra.z + 0.2 * vertebra.pitch);
            let mut path = vec![Knot { at: start, radius_mm: 5.0 }, Knot { at: neck, radius_mm: 5.0 }];
            let first = 30.0 + 1.2 * (11 - rank) as f32 * if rank < 2 { 1.8 } else { 0.4 };
            let steps = ((end_angle - first) / 9.0).max(2.0) as usize;
            for step in 0..=steps {
                let t = step as f32 / steps as f32;
                let angle = first + (end_angle - first) * t;
                let travelled =
                    (1.0 - (angle.to_radians() * 0.92).cos()) / (1.0 - (end_angle.to_radians() * 0.92).cos());
                let z = vertebra.z + 0.15 * vertebra.pitch - drop * travelled;
                path.push(Knot { at: on_cage(side * angle, z, 6.0), radius_mm: 5.0 });
            }
            let curve = smooth(&path);
            let height = if rank == 0 { 4.6 } else { 6.2 };
            let thin = if rank == 0 { 5.0 } else { 3.6 };
            let parts = curve
                .windows(2)
                .map(|w| {
                    let middle = 0.5 * (w[0].at + w[1].at);
                    let slope = |axis: Vec3| cavity(middle + axis) - cavity(middle - axis);
                    let outwards =
                        Vec3::new(slope(Vec3::X), slope(Vec3::Y), slope(Vec3::Z)).normalize_or(Vec3::X);
                    Part::oval(w[0].at, w[1].at, outwards, Vec2::new(thin, height))
                })
                .collect();
            let path: Vec<Vec3> = path.iter().map(|knot| knot.at).collect();
            let end = path[path.len() - 1];
            let name = format!("{word} rib {}", rank + 1);
            let label =
                anatomy.know(name, Form::Tube { path, radius_mm: (thin * height).sqrt() }, RIB_MARROW.hu);

            let target = match (insertion, margin_above[index]) {
                (Some(z), _) => Some(Vec3::new(side * 15.0, breastbone_y(z), z)),
                (None, Some(above)) if rank < 10 => Some(above),
                _ => None,
            };
            if let Some(target) = target {
                let middle = end.lerp(target, 0.5);
                let out = on_cage(side * (180.0 - (middle.x.abs() / 1.1)), middle.z, 6.0);
                let low = if rank > 4 { 10.0 } else { 3.0 };
                let bend =
                    Vec3::new(middle.x, 0.5 * (middle.y + out.y.min(middle.y + 4.0)) - 2.0, middle.z - low);
                margin_above[index] = Some(end.lerp(bend, 0.7));
                let cartilage = [end, bend, target].map(|at| Knot { at, radius_mm: 5.2 });
                let calcified = CARTILAGE;
                anatomy.scene.add(Solid::new(tube(&cartilage)).layer(0.0, calcified, 0));
            }
            anatomy.scene.add(Solid::new(parts).layer(0.0, CORTEX, label).layer(1.5, RIB_MARROW, label));
        }
    }
}

/// Mid-plane of the breastbone.
fn breastbone_y(z: f32) -> f32 {
    let rise = cavity_rise(z).min(0.9);
    cavity_centre_y(z) - CAVITY_HALF_Y_MM * (1.0 - rise * rise).powf(0.4) - 5.0
}

fn add_breastbone(anatomy: &mut Anatomy) {
    let inside = Vec3::new(0.0, breastbone_y(-30.0), -30.0);
    let label = anatomy.know("sternum", Form::Composite { inside }, RIB_MARROW.hu);
    // Handle, body and tip: (lowest, highest, half width, half thickness); the gaps are the joints between them.
    type Piece = (f32, f32, fn(f32) -> f32, f32);
    let pieces: [Piece; 3] = [
        (17.0, 54.0, |z| 17.0 + 12.0 * smooth_step((z - 20.0) / 26.0), 6.5),
        (-70.0, 12.0, |z| 15.5 + 3.5 * smooth_step((-10.0 - z) / 45.0), 5.6),
        (-96.0, -76.0, |z| 4.0 + 4.0 * smooth_step((z + 96.0) / 20.0), 3.5),
    ];
    let cartilage = Part::oval(
        Vec3::new(0.0, breastbone_y(20.0), 20.0),
        Vec3::new(0.0, breastbone_y(-86.0), -86.0),
        Vec3::Y,
        Vec2::new(3.5, 7.0),
    );
    anatomy.scene.add(Solid::new(vec![cartilage]).layer(0.0, CARTILAGE, 0));
    for (low, high, half_x, half_y) in pieces {
        let lo = Vec3::new(-32.0, -100.0, low);
        let hi = Vec3::new(32.0, -40.0, high);
        let bone = Part::field(lo, hi, move |p| {
            // The notch between the collar bones dents the top of the handle.
            let notch = if high > 50.0 { 7.0 * (-(p.x / 13.0).powi(2)).exp() } else { 0.0 };
            let half = Vec2::new(half_x(p.z), half_y);
            let q = Vec2::new(p.x, p.y - breastbone_y(p.z)) / half;
            let (k0, k1) = (q.length(), (q / half).length().max(1.0e-4));
            let end = (low - p.z).max(p.z - high + notch);
            -smooth_min(-k0 * (k0 - 1.0) / k1, -end, 6.0)
        });
        anatomy.scene.add(Solid::new(vec![bone]).layer(0.0, CORTEX, label).layer(1.8, RIB_MARROW, label));
    }
}

fn add_shoulders(anatomy: &mut Anatomy) {
    for (side, word) in [(1.0, "left"), (-1.0, "right")] {
        let at = |x: f32, y: f32, z: f32| Vec3::new(side * x, y, z);
        let inside = at(118.0, 10.0, 76.0);
        let label = anatomy.know(format!("{word} scapula"), Form::Composite { inside }, RIB_MARROW.hu);
        let (lo, hi) = column(160.0, -20.0..112.0, -45.0..110.0);
        let blade = Part::field(lo, hi, move |p| {
            let x = p.x * side;
            // A rounded triangle: the border near the spine, the border at the armpit, the upper border.
            let smooth_max = |a: f32, b: f32| -smooth_min(-a, -b, 16.0);
            let medial = 70.0 + 0.0016 * (p.z - 20.0).powi(2) - x;
            let lateral = 0.93 * (x - 101.0) - 0.36 * (p.z + 26.0);
            let upper = 0.95 * (p.z - 84.0) + 0.3 * (x - 72.0);
            let border = smooth_max(smooth_max(medial, lateral), upper).max(-34.0 - p.z);
            let rim = 1.6 * (1.0 - (lateral + 5.0).abs() / 7.0).clamp(0.0, 1.0);
            let thickness = (1.6 + rim) * (-border / 2.5).clamp(-1.0, 1.0);
            (girdle(p) - 24.0).abs() - thickness
        });
        let spine = knots(&[
            [73.0, 88.0, 46.0, 2.5],
            [92.0, 82.0, 58.0, 4.0],
            [116.0, 66.0, 80.0, 5.0],
            [138.0, 32.0, 106.0, 7.0],
        ]);
        let spine = if side > 0.0 { spine } else { mirrored(&spine) };
        let mut parts = tube(&spine);
        parts.push(blade);
        parts.push(Part::ellipsoid(at(118.0, 10.0, 76.0), Vec3::new(8.0, 12.0, 16.0)));
        parts.push(Part::cone(at(114.0, 46.0, 66.0), at(117.0, 14.0, 76.0), 4.5, 8.0));
        parts.push(Part::cone(at(114.0, 6.0, 88.0), at(112.0, -22.0, 94.0), 6.0, 5.0));
        anatomy
            .scene
            .add(Solid::new(parts).blend(4.0).layer(0.0, CORTEX, label).layer(1.5, RIB_MARROW, label));

        let head = at(143.0, 4.0, 80.0);
        let label = anatomy.know(format!("{word} humerus"), Form::Composite { inside: head }, RIB_MARROW.hu);
        let humerus = vec![
            Part::sphere(head, 21.0),
            Part::cone(at(150.0, 2.0, 96.0), at(158.0, -4.0, 128.0), 17.0, 12.0),
            Part::cone(at(158.0, -4.0, 128.0), at(164.0, -8.0, TOP_MM), 12.0, 11.0),
        ];
        anatomy
            .scene
            .add(Solid::new(humerus).blend(4.0).layer(0.0, CORTEX, label).layer(1.8, RIB_MARROW, label));
        anatomy.landmark(format!("{word} humeral head"), head);

        let clavicle = knots(&[
            [22.0, -66.0, 56.0, 8.0],
            [42.0, -74.0, 66.0, 6.0],
            [72.0, -66.0, 80.0, 5.5],
            [104.0, -34.0, 98.0, 5.8],
            [130.0, -2.0, 112.0, 6.5],
        ]);
        let clavicle = if side > 0.0 { clavicle } else { mirrored(&clavicle) };
        let form = Form::Tube { path: clavicle.iter().map(|knot| knot.at).collect(), radius_mm: 6.2 };
        let label = anatomy.know(format!("{word} clavicle"), form, RIB_MARROW.hu);
        anatomy
            .scene
            .add(Solid::new(tube(&clavicle)).layer(0.0, CORTEX, label).layer(1.7, RIB_MARROW, label));
    }
}
