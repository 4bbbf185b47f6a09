//! Heart: four chambers, myocardium, valves' roots, coronary arteries with plaques.

use glam::{Mat3, Vec3};

use super::path::{Knot, knots, smooth, tube};
use super::vessels::{ARTERIAL, RIGHT_HEART};
use super::{Anatomy, Form, MUSCLE, column};
use crate::phantom::solid::{Part, Solid, Tissue, smooth_min};

const MYOCARDIUM: Tissue = Tissue::varied(112.0, 5.0, 4.0);

/// Name, knots near the heart's surface, and plaques: (place along the course, radius mm, HU).
type Course = (&'static str, Vec<Knot>, &'static [(f32, f32, f32)]);

struct Chamber {
    name: &'static str,
    centre: Vec3,
    /// Blood pool, without the wall.
    semi_mm: Vec3,
    axes: Mat3,
    wall_mm: f32,
    blood: Tissue,
}

impl Chamber {
    fn part(&self) -> Part {
        Part::turned_ellipsoid(self.centre, self.semi_mm, self.axes)
    }
}

pub(super) struct Heart {
    right_ventricle: Chamber,
    right_atrium: Chamber,
    left_atrium: Chamber,
    left_ventricle: Chamber,
    /// Outer surface of the left ventricle's muscle.
    myocardium: Part,
}

/// From the base to the apex: to the left, to the front and down.
const LONG_AXIS: Vec3 = Vec3::new(0.70, -0.44, -0.56);
const MYOCARDIUM_CENTRE: Vec3 = Vec3::new(38.0, -20.0, -71.0);
const MYOCARDIUM_SEMI_MM: Vec3 = Vec3::new(49.0, 31.0, 30.0);

/// Rotation whose first column is `along`.
fn axes_along(along: Vec3) -> Mat3 {
    let x = along.normalize();
    let y = x.any_orthonormal_vector();
    Mat3::from_cols(x, y, x.cross(y))
}

impl Heart {
    pub fn new() -> Self {
        let axes = axes_along(LONG_AXIS);
        Self {
            right_ventricle: Chamber {
                name: "right ventricle",
                centre: Vec3::new(15.0, -42.0, -71.0),
                semi_mm: Vec3::new(46.0, 24.0, 34.0),
                axes: Mat3::from_rotation_z(-0.38) * Mat3::from_rotation_y(0.45),
                wall_mm: 3.2,
                blood: RIGHT_HEART,
            },
            right_atrium: Chamber {
                name: "right atrium",
                centre: Vec3::new(-29.0, -19.0, -62.0),
                semi_mm: Vec3::new(22.0, 25.0, 32.0),
                axes: Mat3::from_rotation_z(0.3),
                wall_mm: 2.2,
                blood: RIGHT_HEART,
            },
            left_atrium: Chamber {
                name: "left atrium",
                centre: Vec3::new(7.0, 13.0, -43.0),
                semi_mm: Vec3::new(34.0, 18.0, 22.0),
                axes: Mat3::from_rotation_y(0.12),
                wall_mm: 1.8,
                blood: ARTERIAL,
            },
            left_ventricle: Chamber {
                name: "left ventricle",
                centre: MYOCARDIUM_CENTRE - LONG_AXIS * 2.0,
                semi_mm: Vec3::new(39.0, 20.5, 19.5),
                axes,
                wall_mm: 10.0,
                blood: ARTERIAL,
            },
            myocardium: Part::turned_ellipsoid(MYOCARDIUM_CENTRE, MYOCARDIUM_SEMI_MM, axes),
        }
    }

    /// Outer surfaces of the chambers.
    pub fn outline(&self) -> Vec<Part> {
        let grown = |chamber: &Chamber| chamber.part().grown(chamber.wall_mm);
        vec![
            grown(&self.right_ventricle),
            grown(&self.right_atrium),
            grown(&self.left_atrium),
            self.myocardium.clone(),
        ]
    }

    pub fn add(&self, anatomy: &mut Anatomy) {
        for chamber in [&self.right_ventricle, &self.right_atrium, &self.left_atrium] {
            let label = self.know(anatomy, chamber);
            anatomy.scene.add(
                Solid::new(vec![chamber.part().grown(chamber.wall_mm)]).layer(0.0, MYOCARDIUM, 0).layer(
                    chamber.wall_mm,
                    chamber.blood,
                    label,
                ),
            );
        }
        // The tricuspid orifice.
        let label = anatomy.scene.label("right atrium");
        let orifice = Part::cone(Vec3::new(-20.0, -26.0, -72.0), Vec3::new(2.0, -38.0, -76.0), 13.0, 12.0);
        anatomy.scene.add(Solid::new(vec![orifice]).layer(0.0, RIGHT_HEART, label));

        let name = "left ventricular myocardium";
        let inside = MYOCARDIUM_CENTRE + LONG_AXIS * 43.0;
        let label = anatomy.know(name, Form::Composite { inside }, MYOCARDIUM.hu);
        let base = |along_mm: f32| {
            let (lo, hi) = column(200.0, -200.0..200.0, -300.0..300.0);
            Part::field(lo, hi, move |p| -((p - MYOCARDIUM_CENTRE).dot(LONG_AXIS) + along_mm))
        };
        anatomy
            .scene
            .add(Solid::new(vec![self.myocardium.clone()]).within(base(30.0)).layer(0.0, MYOCARDIUM, label));
        let label = self.know(anatomy, &self.left_ventricle);
        anatomy
            .scene
            .add(Solid::new(vec![self.left_ventricle.part()]).within(base(34.0)).layer(0.0, ARTERIAL, label));
        // Mitral orifice, then its leaflets.
        let mitral = MYOCARDIUM_CENTRE - LONG_AXIS * 30.0;
        let orifice = Part::cone(mitral, self.left_atrium.centre + Vec3::new(8.0, -4.0, 0.0), 13.0, 14.0);
        anatomy.scene.add(Solid::new(vec![orifice]).layer(0.0, ARTERIAL, label));
        let across = self.left_ventricle.axes;
        let leaflets = [0.45, -0.45].map(|turn| {
            let hinge = mitral + across * Vec3::new(0.0, 13.0 * turn / 0.45, 0.0);
            Part::cone(hinge, mitral + across * Vec3::new(13.0, 5.0 * turn / 0.45, 0.0), 0.7, 0.4)
        });
        anatomy.scene.add(Solid::new(leaflets.to_vec()).layer(0.0, MYOCARDIUM, 0));
        for offset in [Vec3::new(8.0, 13.0, -6.0), Vec3::new(6.0, -9.0, -13.0)] {
            let centre = self.left_ventricle.centre + across * offset;
            let papillary = Part::turned_ellipsoid(centre, Vec3::new(13.0, 4.2, 4.0), across);
            anatomy.scene.add(Solid::new(vec![papillary]).layer(0.0, MYOCARDIUM, 0));
        }
        // The outflow tract to the aortic root.
        let outflow = Part::cone(Vec3::new(22.0, -20.0, -58.0), Vec3::new(6.0, -20.0, -44.0), 11.0, 11.0);
        anatomy.scene.add(Solid::new(vec![outflow]).layer(0.0, ARTERIAL, label));

        let inflows = [
            (
                "right superior pulmonary vein",
                [[-14.0, 10.0, -36.0, 7.0], [-34.0, 2.0, -30.0, 6.5], [-52.0, -4.0, -24.0, 5.0]],
            ),
            (
                "right inferior pulmonary vein",
                [[-14.0, 17.0, -50.0, 7.0], [-34.0, 22.0, -55.0, 6.5], [-52.0, 26.0, -60.0, 5.0]],
            ),
            (
                "left superior pulmonary vein",
                [[28.0, 10.0, -32.0, 7.0], [46.0, 2.0, -22.0, 6.5], [60.0, -6.0, -14.0, 5.0]],
            ),
            (
                "left inferior pulmonary vein",
                [[28.0, 17.0, -50.0, 7.0], [46.0, 20.0, -54.0, 6.5], [62.0, 26.0, -60.0, 5.0]],
            ),
        ];
        for (name, rows) in inflows {
            anatomy.add_lumen(name, &knots(&rows), ARTERIAL);
        }
        anatomy.landmark("apex of the heart", MYOCARDIUM_CENTRE + LONG_AXIS * MYOCARDIUM_SEMI_MM.x);
        anatomy.landmark("mitral valve", mitral);
    }

    fn know(&self, anatomy: &mut Anatomy, chamber: &Chamber) -> u16 {
        let form = Form::Ellipsoid { centre: chamber.centre, semi_mm: chamber.semi_mm, axes: chamber.axes };
        anatomy.know(chamber.name, form, chamber.blood.hu)
    }

    /// Arteries that lie on the heart's surface in its fat, and the lime in them.
    pub fn add_coronaries(&self, anatomy: &mut Anatomy) {
        let root = Vec3::new(1.0, -22.0, -36.0);
        let courses: [Course; 4] = [
            (
                "left anterior descending artery",
                knots(&[
                    [16.0, -18.0, -35.0, 2.2],
                    [28.0, -22.0, -36.0, 2.1],
                    [40.0, -42.0, -48.0, 1.8],
                    [52.0, -56.0, -64.0, 1.5],
                    [64.0, -60.0, -82.0, 1.2],
                    [74.0, -50.0, -99.0, 0.9],
                ]),
                &[(0.24, 1.8, 1000.0), (0.33, 1.4, 850.0), (0.52, 1.2, 750.0)],
            ),
            (
                "left circumflex artery",
                knots(&[
                    [28.0, -20.0, -36.0, 1.9],
                    [44.0, -10.0, -42.0, 1.7],
                    [52.0, 6.0, -52.0, 1.5],
                    [50.0, 14.0, -70.0, 1.3],
                    [42.0, 10.0, -88.0, 1.0],
                ]),
                &[(0.40, 1.3, 800.0)],
            ),
            (
                "first diagonal artery",
                knots(&[[40.0, -42.0, -48.0, 1.3], [58.0, -40.0, -58.0, 1.1], [70.0, -32.0, -72.0, 0.9]]),
                &[],
            ),
            (
                "right coronary artery",
                knots(&[
                    [-9.0, -34.0, -37.0, 2.1],
                    [-12.0, -46.0, -42.0, 2.0],
                    [-16.0, -52.0, -58.0, 1.9],
                    [-14.0, -48.0, -80.0, 1.7],
                    [-8.0, -34.0, -100.0, 1.5],
                    [10.0, -14.0, -104.0, 1.3],
                ]),
                &[(0.30, 1.6, 950.0), (0.55, 1.3, 800.0)],
            ),
        ];
        let mut count = 0;
        for (name, course, plaques) in courses {
            let from_aorta = course[0].at.distance(root) < 22.0;
            let mut path: Vec<Knot> = smooth(&course);
            for knot in &mut path {
                knot.at = self.onto_surface(knot.at, 1.2 + knot.radius_mm);
            }
            if from_aorta {
                path.insert(0, Knot { at: root.lerp(course[0].at, 0.75), radius_mm: course[0].radius_mm });
            }
            let centres = path.iter().map(|knot| knot.at).collect();
            let radius_mm = path.iter().map(|knot| knot.radius_mm).sum::<f32>() / path.len() as f32;
            let label = anatomy.know(name, Form::Tube { path: centres, radius_mm }, ARTERIAL.hu);
            let parts: Vec<Part> = tube(&path).iter().map(|part| part.grown(0.5)).collect();
            anatomy.scene.add(Solid::new(parts).layer(0.0, MUSCLE, 0).layer(0.5, ARTERIAL, label));
            for &(along, radius_mm, hu) in plaques {
                count += 1;
                let knot = path[(along * (path.len() - 1) as f32) as usize];
                // Lime sits in the wall, on the side of the heart muscle.
                let centre = self.onto_surface(knot.at, 1.2 + 0.6 * knot.radius_mm);
                anatomy.add_sphere(format!("plaque {count}, {name}"), centre, radius_mm, hu);
            }
        }
    }

    fn surface(&self, p: Vec3) -> f32 {
        self.outline().iter().map(|part| part.distance_mm(p)).fold(1.0e4, |a, b| smooth_min(a, b, 6.0))
    }

    /// The nearest point at `height_mm` over the heart's surface, by steps along the gradient.
    fn onto_surface(&self, start: Vec3, height_mm: f32) -> Vec3 {
        let mut p = start;
        for _ in 0..12 {
            let slope = |axis: Vec3| self.surface(p + axis * 0.5) - self.surface(p - axis * 0.5);
            let outwards = Vec3::new(slope(Vec3::X), slope(Vec3::Y), slope(Vec3::Z)).normalize_or_zero();
            p -= outwards * (self.surface(p) - height_mm);
        }
        p
    }
}
