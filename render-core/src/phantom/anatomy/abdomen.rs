//! What lies under the diaphragm.

use glam::{Mat3, Vec3};

use super::path::{Knot, knots, tube};
use super::tree::{Sizes, grow, targets};
use super::{AIR, Anatomy, BOTTOM_MM, FAT, Form, MUSCLE, SOFT, TOP_MM, cavity, column, under_diaphragm};
use crate::phantom::solid::{Part, Solid, Tissue};

const LIVER: Tissue = Tissue::varied(78.0, 5.0, 4.0);
const SPLEEN: Tissue = Tissue::varied(124.0, 16.0, 5.0);

fn region(depth_under_dome_mm: f32, depth_in_wall_mm: f32) -> Part {
    let (lo, hi) = column(130.0, -100.0..100.0, BOTTOM_MM..-40.0);
    Part::field(lo, hi, move |p| (under_diaphragm(p) + depth_under_dome_mm).max(cavity(p) + depth_in_wall_mm))
}

pub(super) fn add(anatomy: &mut Anatomy) {
    anatomy.scene.add(Solid::new(vec![region(0.0, 2.0)]).layer(0.0, MUSCLE, 0).layer(3.0, FAT, 0));
    add_liver(anatomy);

    let centre = Vec3::new(84.0, 38.0, -150.0);
    let axes = Mat3::from_rotation_x(0.35);
    let semi_mm = Vec3::new(25.0, 38.0, 52.0);
    let label = anatomy.know("spleen", Form::Ellipsoid { centre, semi_mm, axes }, SPLEEN.hu);
    let spleen = Part::turned_ellipsoid(centre, semi_mm, axes);
    anatomy.scene.add(Solid::new(vec![spleen]).within(region(4.0, 6.0)).layer(0.0, SPLEEN, label));

    add_stomach(anatomy);
    for (name, centre, tilt) in [
        ("left kidney", Vec3::new(58.0, 48.0, -205.0), 0.16),
        ("right kidney", Vec3::new(-58.0, 50.0, -222.0), -0.16),
    ] {
        let semi_mm = Vec3::new(27.0, 24.0, 52.0);
        let axes = Mat3::from_rotation_y(tilt);
        let cortex = Tissue::varied(185.0, 8.0, 8.0);
        let label = anatomy.know(name, Form::Ellipsoid { centre, semi_mm, axes }, cortex.hu);
        let kidney = Part::turned_ellipsoid(centre, semi_mm, axes);
        anatomy.scene.add(Solid::new(vec![kidney]).layer(0.0, cortex, label).layer(
            7.0,
            Tissue::varied(105.0, 30.0, 6.0),
            label,
        ));
        let sinus = centre - Vec3::new(centre.x.signum() * 11.0, 2.0, 0.0);
        let sinus = Part::turned_ellipsoid(sinus, Vec3::new(15.0, 6.0, 22.0), axes);
        anatomy.scene.add(Solid::new(vec![sinus]).layer(0.0, FAT, 0));
    }
    // The crura of the diaphragm beside the aorta.
    let right = knots(&[[-4.0, 22.0, -128.0, 4.0], [-6.0, 30.0, -165.0, 6.0], [-12.0, 40.0, -240.0, 6.0]]);
    let left = knots(&[[26.0, 22.0, -128.0, 4.0], [28.0, 32.0, -165.0, 5.0], [22.0, 42.0, -240.0, 5.0]]);
    let crura = [tube(&right), tube(&left)].concat();
    anatomy.scene.add(Solid::new(crura).layer(0.0, MUSCLE, 0));
}

fn add_liver(anatomy: &mut Anatomy) {
    let inside = Vec3::new(-70.0, -10.0, -140.0);
    let label = anatomy.know("liver", Form::Composite { inside }, LIVER.hu);
    let (lo, hi) = column(130.0, -100.0..100.0, BOTTOM_MM..TOP_MM);
    let lobes = || {
        vec![
            Part::ellipsoid(Vec3::new(-66.0, 2.0, -146.0), Vec3::new(62.0, 82.0, 112.0)),
            Part::ellipsoid(Vec3::new(-8.0, -42.0, -140.0), Vec3::new(70.0, 42.0, 50.0)),
        ]
    };
    anatomy.scene.add(Solid::new(lobes()).blend(20.0).within(region(4.0, 5.0)).layer(0.0, LIVER, label));
    let body = lobes();
    let inside = move |p: Vec3| {
        body.iter().any(|lobe| lobe.distance_mm(p) < -5.0) && under_diaphragm(p) < -12.0 && cavity(p) < -12.0
    };
    // Hepatic veins hang from the inferior vena cava; portal branches enter from below.
    let systems = [
        (Vec3::new(-22.0, 4.0, -108.0), Vec3::new(-0.7, -0.3, -0.6), 5.0, 21_u64, 96.0),
        (Vec3::new(-26.0, -12.0, -185.0), Vec3::new(-0.7, -0.1, 0.7), 6.5, 22, 118.0),
    ];
    for (root, heading, root_mm, key, hu) in systems {
        let mut ends = targets(lo, hi, 21.0, key, &inside);
        let sizes = Sizes { root_mm, tip_mm: 0.8, exponent: 0.36 };
        let parts = grow(root, heading, &mut ends, &sizes, key)
            .iter()
            .map(|twig| Part::cone(twig.a, twig.b, twig.radius_a_mm, twig.radius_b_mm))
            .collect();
        let mut clipped = Solid::new(parts).within(region(8.0, 8.0));
        let whole = lobes();
        clipped = clipped.within(Part::field(lo, hi, move |p| {
            whole.iter().map(|lobe| lobe.distance_mm(p)).fold(f32::MAX, f32::min) + 2.0
        }));
        anatomy.scene.add(clipped.layer(0.0, Tissue::varied(hu, 3.0, 2.0), label));
    }
}

fn add_stomach(anatomy: &mut Anatomy) {
    let inside = Vec3::new(52.0, 0.0, -150.0);
    let label = anatomy.know("stomach", Form::Composite { inside }, 18.0);
    let course = [
        [50.0, 18.0, -120.0, 22.0],
        [58.0, -6.0, -150.0, 30.0],
        [48.0, -32.0, -196.0, 26.0],
        [22.0, -44.0, -232.0, 20.0],
    ];
    let body: Vec<Knot> = knots(&course);
    let stomach = || Solid::new(tube(&body)).within(region(5.0, 7.0));
    anatomy.scene.add(stomach().layer(0.0, SOFT, label).layer(3.5, Tissue::varied(18.0, 10.0, 8.0), label));
    // The patient lies on the back: swallowed air floats to the front and makes a level.
    let (lo, hi) = column(130.0, -100.0..100.0, BOTTOM_MM..TOP_MM);
    let air = Part::field(lo, hi, |p| p.y + 26.0);
    anatomy.scene.add(
        Solid::new(tube(&body).iter().map(|part| part.grown(-3.5)).collect())
            .within(region(8.5, 10.5))
            .within(air)
            .layer(0.0, AIR, label),
    );
}
