//! Table, skin, fat and the muscles outside the rib cage.

use glam::{Vec2, Vec3};

use super::{Anatomy, BOTTOM_MM, FAT, Form, MUSCLE, TOP_MM, cavity, column, girdle, skin};
use crate::phantom::solid::{Part, Solid, Tissue, smooth_step};

pub(super) fn add(anatomy: &mut Anatomy) {
    add_table(anatomy);
    let label = anatomy.know(
        "skin and subcutaneous fat",
        Form::Composite { inside: Vec3::new(0.0, -110.0, -60.0) },
        FAT.hu,
    );
    let (lo, hi) = column(175.0, -125.0..125.0, BOTTOM_MM..TOP_MM);
    anatomy.scene.add(
        Solid::new(vec![Part::field(lo, hi, skin)])
            .layer(0.0, Tissue::plain(35.0), label)
            .layer(1.6, FAT, label),
    );
    let inside = Vec3::new(30.0, 97.0, -60.0);
    let label = anatomy.know("muscle of the trunk", Form::Composite { inside }, MUSCLE.hu);
    let under_skin = Part::field(lo, hi, |p| skin(p) + 5.0);
    let mut muscles = sheets();
    muscles.extend(bellies());
    anatomy.scene.add(Solid::new(muscles).blend(2.0).within(under_skin).layer(0.0, MUSCLE, label));
}

/// Upper and lower faces of the table's cradle at `x`: two arcs that meet at its rims.
fn table_faces(x: f32) -> (f32, f32) {
    (122.0 - x * x / 800.0, 154.0 - x * x / 502.0)
}

fn add_table(anatomy: &mut Anatomy) {
    let label = anatomy.know("table", Form::Composite { inside: Vec3::new(0.0, 138.0, 0.0) }, -930.0);
    let (lo, hi) = column(200.0, 60.0..156.0, BOTTOM_MM..TOP_MM);
    let cradle = Part::field(lo, hi, |p| {
        let (upper, lower) = table_faces(p.x);
        let slope = 1.0 / (1.0 + (p.x / 300.0).powi(2)).sqrt();
        ((upper - p.y) * slope).max((p.y - lower) * slope)
    });
    anatomy.scene.add(Solid::new(vec![cradle]).layer(0.0, Tissue::plain(-80.0), label).layer(
        1.5,
        Tissue::varied(-930.0, 6.0, 6.0),
        label,
    ));
}

/// Flat muscles, lens-shaped, at a distance from the rib cage.
fn sheets() -> Vec<Part> {
    let (lo, hi) = column(140.0, -110.0..110.0, BOTTOM_MM..84.0);
    // Between the ribs, and below them the wall of the belly: thin in the midline and beside its straight muscles.
    let wall = Part::field(lo, hi, |p| {
        let seam = |x: f32, width: f32| (-square((p.x.abs() - x) / width)).exp();
        let belly = smooth_step((-70.0 - p.z) / 40.0) * smooth_step((-40.0 - p.y) / 25.0);
        let thinner = if belly > 0.0 { belly * (7.0 * seam(0.0, 5.0) + 5.0 * seam(66.0, 9.0)) } else { 0.0 };
        let thickness = 9.5 + 1.5 * (0.05 * p.x + 0.03 * p.z).sin() - thinner;
        (cavity(p) - thickness).max(p.z - 82.0)
    });
    vec![
        wall,
        lens(cavity, 19.5, 8.0, column(125.0, -112.0..-15.0, -65.0..115.0), |p| {
            square((p.x.abs() - 66.0) / 56.0) + square((p.z - 25.0) / 88.0)
        }),
        lens(cavity, 17.0, 5.5, column(150.0, -50.0..66.0, -152.0..62.0), |p| {
            square((p.y - 8.0) / 56.0) + square((p.z + 45.0) / 105.0)
        }),
        lens(cavity, 26.0, 6.0, column(160.0, 2.0..90.0, -222.0..82.0), |p| {
            square((p.y - 46.0) / 42.0) + square((p.z + 70.0) / 150.0)
        }),
        lens(girdle, 31.0, 4.0, column(84.0, 60.0..118.0, -92.0..132.0), |p| {
            square((p.x.abs() - 36.0) / 46.0) + square((p.z - 20.0) / 110.0)
        }),
        lens(girdle, 15.5, 8.0, column(150.0, 12.0..96.0, -38.0..98.0), |p| {
            square((p.y - 50.0) / 36.0) + square((p.z - 30.0) / 66.0)
        }),
        lens(girdle, 33.0, 8.5, column(165.0, 6.0..104.0, -30.0..100.0), |p| {
            square((p.y - 50.0) / 40.0) + square((p.z - 35.0) / 62.0)
        }),
    ]
}

/// A muscle about the surface at `depth_mm` outside `base`, thickest where `shape` is 0 and ending where it is 1.
fn lens(
    base: fn(Vec3) -> f32,
    depth_mm: f32,
    half_mm: f32,
    (lo, hi): (Vec3, Vec3),
    shape: fn(Vec3) -> f32,
) -> Part {
    Part::field(lo, hi, move |p| {
        let thick = 1.0 - shape(p);
        if thick < -0.5 { half_mm } else { (base(p) - depth_mm).abs() - half_mm * thick }
    })
}

fn square(v: f32) -> f32 {
    v * v
}

/// Thick muscles: beside the spine, about the shoulders and in the neck.
fn bellies() -> Vec<Part> {
    let mut parts = Vec::new();
    for side in [-1.0, 1.0] {
        let at = |x: f32, y: f32, z: f32| Vec3::new(side * x, y, z);
        parts.push(Part::oval(
            at(27.0, 94.0, BOTTOM_MM),
            at(29.0, 97.0, -60.0),
            Vec3::X,
            Vec2::new(25.0, 14.0),
        ));
        parts.push(Part::oval(at(29.0, 97.0, -60.0), at(27.0, 86.0, 70.0), Vec3::X, Vec2::new(23.0, 13.0)));
        parts.push(Part::oval(at(27.0, 86.0, 70.0), at(22.0, 72.0, TOP_MM), Vec3::X, Vec2::new(21.0, 15.0)));
        parts.push(Part::ellipsoid(at(44.0, 66.0, 112.0), Vec3::new(46.0, 22.0, 44.0)));
        parts.push(Part::cone(at(74.0, 64.0, 80.0), at(132.0, 26.0, 104.0), 15.0, 12.0));
        parts.push(Part::ellipsoid(at(140.0, 14.0, 84.0), Vec3::new(33.0, 44.0, 52.0)));
        parts.push(Part::cone(at(112.0, -12.0, 60.0), at(140.0, -4.0, 96.0), 17.0, 15.0));
        parts.push(Part::cone(at(120.0, 48.0, 36.0), at(148.0, 24.0, 84.0), 15.0, 13.0));
        parts.push(Part::ellipsoid(at(88.0, 30.0, 92.0), Vec3::new(38.0, 22.0, 24.0)));
        parts.push(Part::ellipsoid(at(96.0, -30.0, 74.0), Vec3::new(34.0, 15.0, 30.0)));
        parts.push(Part::ellipsoid(at(17.0, 24.0, 124.0), Vec3::new(13.0, 14.0, 48.0)));
        parts.push(Part::cone(at(30.0, 18.0, 74.0), at(26.0, 16.0, TOP_MM), 11.0, 13.0));
        parts.push(Part::cone(at(20.0, -46.0, 68.0), at(36.0, -28.0, 130.0), 6.0, 8.0));
        parts.push(Part::cone(at(24.0, 38.0, BOTTOM_MM), at(18.0, 44.0, -176.0), 19.0, 5.0));
    }
    parts
}
