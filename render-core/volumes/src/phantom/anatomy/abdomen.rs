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

    add_glands(anatomy);
    add_guts(anatomy);
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

/// A gut: a wall about fluid, with gas above the fluid's level. The patient lies on the back, so gas is in front.
struct Gut {
    name: &'static str,
    course: Vec<Knot>,
    wall_mm: f32,
    content: Tissue,
    level_y_mm: f32,
}

impl Gut {
    fn add(self, anatomy: &mut Anatomy) {
        let Self { name, course, wall_mm, content, level_y_mm } = self;
        let path = course.iter().map(|knot| knot.at).collect();
        let radius_mm = course.iter().map(|knot| knot.radius_mm).sum::<f32>() / course.len() as f32;
        let label = anatomy.know(name, Form::Tube { path, radius_mm }, content.hu);
        let outer = tube(&course);
        let lumen = outer.iter().map(|part| part.grown(-wall_mm)).collect();
        anatomy.scene.add(
            Solid::new(outer).within(region(5.0, 7.0)).layer(0.0, SOFT, label).layer(wall_mm, content, label),
        );
        let (lo, hi) = column(130.0, -100.0..100.0, BOTTOM_MM..TOP_MM);
        let gas = Part::field(lo, hi, move |p| p.y - level_y_mm);
        anatomy.scene.add(
            Solid::new(lumen).within(region(5.0 + wall_mm, 7.0 + wall_mm)).within(gas).layer(0.0, AIR, label),
        );
    }
}

fn add_guts(anatomy: &mut Anatomy) {
    let stomach = Gut {
        name: "stomach",
        course: knots(&[
            [50.0, 18.0, -120.0, 22.0],
            [58.0, -6.0, -150.0, 30.0],
            [48.0, -32.0, -196.0, 26.0],
            [22.0, -44.0, -232.0, 20.0],
        ]),
        wall_mm: 3.5,
        content: Tissue::varied(18.0, 10.0, 8.0),
        level_y_mm: -26.0,
    };
    let colon = Gut {
        name: "colon",
        course: knots(&[
            [98.0, 20.0, -240.0, 14.0],
            [99.0, 0.0, -200.0, 15.0],
            [90.0, -34.0, -184.0, 17.0],
            [70.0, -64.0, -202.0, 15.0],
            [30.0, -74.0, -222.0, 15.0],
            [-30.0, -76.0, -232.0, 15.0],
        ]),
        wall_mm: 2.2,
        // Stool: gas within what is soft.
        content: Tissue::varied(-60.0, 90.0, 150.0),
        level_y_mm: -58.0,
    };
    stomach.add(anatomy);
    colon.add(anatomy);
}

fn add_glands(anatomy: &mut Anatomy) {
    let course = knots(&[
        [-16.0, -6.0, -232.0, 12.0],
        [10.0, -4.0, -208.0, 9.0],
        [44.0, 24.0, -190.0, 9.0],
        [72.0, 34.0, -178.0, 7.0],
    ]);
    let pancreas = Tissue::varied(108.0, 14.0, 22.0);
    let path = course.iter().map(|knot| knot.at).collect();
    let label = anatomy.know("pancreas", Form::Tube { path, radius_mm: 9.25 }, pancreas.hu);
    anatomy.scene.add(Solid::new(tube(&course)).layer(0.0, pancreas, label));

    let (centre, semi_mm) = (Vec3::new(-32.0, -50.0, -198.0), Vec3::new(15.0, 17.0, 27.0));
    let axes = Mat3::from_rotation_x(0.4);
    let bile = Tissue::varied(8.0, 3.0, 2.0);
    let label = anatomy.know("gallbladder", Form::Ellipsoid { centre, semi_mm, axes }, bile.hu);
    let bladder = Part::turned_ellipsoid(centre, semi_mm, axes);
    anatomy.scene.add(Solid::new(vec![bladder.grown(1.8)]).layer(0.0, SOFT, 0).layer(1.8, bile, label));
}
