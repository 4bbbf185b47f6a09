//! Great vessels, airways and gullet, and the mediastinum around them.

use glam::{Mat3, Vec2, Vec3};

use super::heart::Heart;
use super::path::{Knot, knots, tube};
use super::skeleton::spine_core;
use super::{AIR, Anatomy, FAT, Form, SOFT, lung};
use crate::phantom::solid::{Part, Solid, Tissue};

/// Arterial phase: the left side of the heart is brightest.
pub(super) const ARTERIAL: Tissue = Tissue::varied(350.0, 5.0, 3.0);
pub(super) const PULMONARY: Tissue = Tissue::varied(250.0, 8.0, 3.0);
pub(super) const RIGHT_HEART: Tissue = Tissue::varied(170.0, 22.0, 6.0);
const SUPERIOR_CAVA: Tissue = Tissue::varied(210.0, 35.0, 8.0);
const INFERIOR_CAVA: Tissue = Tissue::varied(112.0, 14.0, 4.0);

/// Where the right and left lung arteries enter the lungs.
pub(super) const HILA: [Vec3; 2] = [Vec3::new(-46.0, 8.0, -17.0), Vec3::new(56.0, 16.0, -6.0)];
/// Ends of the main bronchi.
pub(super) const BRONCHUS_ENDS: [Vec3; 2] = [Vec3::new(-42.0, 18.0, -24.0), Vec3::new(48.0, 19.0, -24.0)];

pub(super) struct Vessels {
    aorta: Vec<Knot>,
    arch_branches: Vec<(&'static str, Vec<Knot>)>,
    pulmonary: Vec<Vec<Knot>>,
    superior_cava: Vec<Knot>,
    left_brachiocephalic: Vec<Knot>,
    jugulars: [Vec<Knot>; 2],
    inferior_cava: Vec<Knot>,
    azygos: Vec<Knot>,
    trachea: Vec<Knot>,
    bronchi: [Vec<Knot>; 2],
    gullet: Vec<Knot>,
}

impl Vessels {
    pub fn new() -> Self {
        let [right_hilum, left_hilum] = HILA;
        let [right_end, left_end] = BRONCHUS_ENDS;
        let end = |at: Vec3, radius: f32| [at.x, at.y, at.z, radius];
        Self {
            aorta: knots(&[
                [6.0, -20.0, -46.0, 12.0],
                [1.0, -22.0, -38.0, 16.0],
                [-5.0, -26.0, -22.0, 14.5],
                [-11.0, -30.0, 0.0, 15.0],
                [-11.0, -29.0, 22.0, 14.5],
                [-3.0, -23.0, 38.0, 14.0],
                [11.0, -12.0, 46.0, 13.5],
                [24.0, 8.0, 45.0, 13.0],
                [28.0, 27.0, 34.0, 12.5],
                [26.0, 38.0, 15.0, 12.0],
                [24.0, 41.0, -20.0, 11.5],
                [22.0, 41.0, -80.0, 11.0],
                [15.0, 38.0, -140.0, 10.5],
                [6.0, 31.0, -200.0, 10.0],
                [4.0, 29.0, -260.0, 9.5],
            ]),
            arch_branches: vec![
                (
                    "brachiocephalic artery",
                    knots(&[
                        [-4.0, -21.0, 46.0, 6.5],
                        [-14.0, -14.0, 70.0, 6.0],
                        [-24.0, -4.0, 95.0, 5.5],
                        [-27.0, -2.0, 170.0, 4.0],
                    ]),
                ),
                (
                    "left common carotid artery",
                    knots(&[
                        [11.0, -11.0, 52.0, 4.2],
                        [16.0, -6.0, 80.0, 3.8],
                        [24.0, -4.0, 120.0, 3.5],
                        [26.0, -2.0, 170.0, 3.5],
                    ]),
                ),
                (
                    "left subclavian artery",
                    knots(&[
                        [23.0, 8.0, 50.0, 5.0],
                        [27.0, 12.0, 78.0, 4.6],
                        [44.0, 6.0, 96.0, 4.4],
                        [80.0, -2.0, 92.0, 4.0],
                        [120.0, 0.0, 104.0, 3.5],
                    ]),
                ),
                (
                    "right subclavian artery",
                    knots(&[
                        [-23.0, -5.0, 92.0, 4.6],
                        [-46.0, 4.0, 97.0, 4.4],
                        [-80.0, -2.0, 92.0, 4.0],
                        [-120.0, 0.0, 104.0, 3.5],
                    ]),
                ),
            ],
            pulmonary: vec![
                knots(&[
                    [18.0, -50.0, -44.0, 13.0],
                    [22.0, -45.0, -24.0, 13.5],
                    [25.0, -28.0, -2.0, 13.0],
                    [34.0, -9.0, 8.0, 11.5],
                    [46.0, 6.0, 6.0, 10.0],
                    end(left_hilum, 8.5),
                    [58.0, 22.0, -24.0, 7.0],
                ]),
                knots(&[
                    [22.0, -20.0, -2.0, 10.5],
                    [4.0, -5.0, -7.0, 9.5],
                    [-22.0, -3.0, -9.0, 9.5],
                    [-38.0, 3.0, -13.0, 9.0],
                    end(right_hilum, 8.0),
                    [-50.0, 16.0, -34.0, 6.5],
                ]),
            ],
            superior_cava: knots(&[
                [-22.0, -24.0, 62.0, 8.0],
                [-33.0, -19.0, 35.0, 9.0],
                [-36.0, -17.0, 0.0, 9.5],
                [-34.0, -18.0, -40.0, 10.0],
            ]),
            left_brachiocephalic: knots(&[
                [48.0, -14.0, 84.0, 5.5],
                [30.0, -28.0, 70.0, 6.0],
                [4.0, -36.0, 62.0, 6.0],
                [-20.0, -26.0, 60.0, 6.5],
            ]),
            jugulars: [
                knots(&[
                    [-22.0, -24.0, 62.0, 7.0],
                    [-30.0, -16.0, 86.0, 6.5],
                    [-36.0, -8.0, 125.0, 6.0],
                    [-36.0, -6.0, 170.0, 6.0],
                ]),
                knots(&[
                    [44.0, -16.0, 82.0, 6.0],
                    [38.0, -12.0, 96.0, 6.0],
                    [37.0, -8.0, 125.0, 5.5],
                    [37.0, -6.0, 170.0, 5.5],
                ]),
            ],
            inferior_cava: knots(&[
                [-27.0, -12.0, -78.0, 11.0],
                [-25.0, -2.0, -100.0, 11.5],
                [-24.0, 10.0, -130.0, 12.0],
                [-20.0, 22.0, -185.0, 11.0],
                [-18.0, 26.0, -260.0, 10.5],
            ]),
            azygos: knots(&[
                [-5.0, 40.0, -180.0, 2.5],
                [-7.0, 43.0, -60.0, 3.2],
                [-9.0, 42.0, 4.0, 3.6],
                [-22.0, 26.0, 14.0, 4.0],
                [-33.0, -8.0, 14.0, 4.5],
            ]),
            trachea: knots(&[
                [0.0, -12.0, 170.0, 8.0],
                [-1.0, -4.0, 120.0, 8.5],
                [-2.0, 6.0, 70.0, 8.5],
                [-2.0, 13.0, 30.0, 8.5],
                [-1.0, 17.0, 4.0, 9.0],
            ]),
            bronchi: [
                knots(&[
                    [-1.0, 17.0, 4.0, 8.0],
                    [-14.0, 18.0, -6.0, 7.2],
                    [-28.0, 18.0, -14.0, 6.6],
                    end(right_end, 5.0),
                ]),
                knots(&[
                    [-1.0, 17.0, 4.0, 7.6],
                    [14.0, 19.0, -6.0, 6.2],
                    [32.0, 20.0, -15.0, 5.8],
                    end(left_end, 4.8),
                ]),
            ],
            gullet: knots(&[
                [3.0, 10.0, 170.0, 6.0],
                [4.0, 23.0, 70.0, 6.5],
                [6.0, 33.0, 20.0, 7.0],
                [5.0, 37.0, -40.0, 7.5],
                [10.0, 27.0, -90.0, 7.5],
                [24.0, 16.0, -118.0, 8.0],
                [44.0, 14.0, -124.0, 9.0],
            ]),
        }
    }

    /// Fat that fills what the heart and the great vessels leave between the lungs.
    pub fn add_mediastinum(&self, anatomy: &mut Anatomy, heart: &Heart) {
        let mut parts: Vec<Part> = heart.outline().iter().map(|part| part.grown(5.0)).collect();
        let cones = |path: &[Knot]| -> Vec<Part> {
            path.windows(2).map(|w| Part::cone(w[0].at, w[1].at, w[0].radius_mm, w[1].radius_mm)).collect()
        };
        let mut wrap = |path: &[Knot], by_mm: f32| {
            parts.extend(cones(path).iter().map(|part| part.grown(by_mm)));
        };
        wrap(&self.aorta, 3.0);
        for (_, branch) in &self.arch_branches {
            wrap(&branch[..branch.len().min(3)], 3.0);
        }
        for artery in &self.pulmonary {
            wrap(&artery[..artery.len() - 2], 3.0);
        }
        wrap(&self.superior_cava, 2.5);
        wrap(&self.left_brachiocephalic[1..], 2.5);
        wrap(&self.inferior_cava[..3], 2.0);
        wrap(&self.trachea, 5.0);
        wrap(&self.bronchi[0][..3], 3.0);
        wrap(&self.bronchi[1][..3], 3.0);
        wrap(&self.gullet, 2.5);
        parts.extend(spine_core().iter().map(|part| part.grown(1.0)));
        // The wedge of fat and thymus behind the breastbone.
        parts.push(Part::oval(
            Vec3::new(0.0, -48.0, 60.0),
            Vec3::new(2.0, -62.0, 10.0),
            Vec3::X,
            Vec2::new(11.0, 24.0),
        ));
        parts.push(Part::oval(
            Vec3::new(2.0, -62.0, 10.0),
            Vec3::new(8.0, -70.0, -110.0),
            Vec3::X,
            Vec2::new(8.0, 22.0),
        ));
        let pericardium = heart.outline().iter().map(|part| part.grown(4.2)).collect();
        let cage = Part::field(Vec3::splat(-130.0), Vec3::splat(130.0), |p| lung(p) - 3.5);
        anatomy.scene.add(Solid::new(parts).blend(20.0).within(cage).layer(0.0, FAT, 0));
        anatomy.scene.add(Solid::new(pericardium).blend(8.0).layer(0.0, SOFT, 0).layer(1.2, FAT, 0));
    }

    pub fn add_walls(&self, anatomy: &mut Anatomy) {
        for path in [&self.azygos, &self.inferior_cava, &self.left_brachiocephalic, &self.superior_cava] {
            anatomy.add_wall(path, 0.7);
        }
        for path in &self.pulmonary {
            anatomy.add_wall(path, 1.0);
        }
        for (_, path) in &self.arch_branches {
            anatomy.add_wall(path, 1.0);
        }
        anatomy.add_wall(&self.aorta, 1.6);
    }

    pub fn add(&self, anatomy: &mut Anatomy) {
        let gullet_label =
            anatomy.know("oesophagus", Form::Tube { path: centres(&self.gullet), radius_mm: 7.0 }, SOFT.hu);
        anatomy.scene.add(Solid::new(tube(&self.gullet)).layer(0.0, SOFT, gullet_label));
        let lumen: Vec<Knot> = self.gullet[..4].iter().map(|knot| Knot { radius_mm: 1.6, ..*knot }).collect();
        anatomy.scene.add(Solid::new(tube(&lumen)).layer(0.0, Tissue::plain(-500.0), 0));

        anatomy.add_lumen("azygos vein", &self.azygos, INFERIOR_CAVA);
        anatomy.add_lumen("inferior vena cava", &self.inferior_cava, INFERIOR_CAVA);
        anatomy.add_lumen("left brachiocephalic vein", &self.left_brachiocephalic, SUPERIOR_CAVA);
        anatomy.add_lumen("right internal jugular vein", &self.jugulars[0], INFERIOR_CAVA);
        anatomy.add_lumen("left internal jugular vein", &self.jugulars[1], INFERIOR_CAVA);
        anatomy.add_lumen("superior vena cava", &self.superior_cava, SUPERIOR_CAVA);
        let names = ["pulmonary trunk and left pulmonary artery", "right pulmonary artery"];
        for (name, path) in names.iter().zip(&self.pulmonary) {
            anatomy.add_lumen(name, path, PULMONARY);
        }
        // The root lies against the left atrium: its wall stays between them.
        anatomy.add_wall(&self.aorta[1..4], 1.6);
        for (name, path) in &self.arch_branches {
            anatomy.add_lumen(name, path, ARTERIAL);
        }
        anatomy.add_lumen("aorta", &self.aorta, ARTERIAL);

        self.add_airways(anatomy);
        for (name, x) in [("left lobe of the thyroid", 17.0), ("right lobe of the thyroid", -18.5)] {
            let (centre, semi_mm) = (Vec3::new(x, -6.0, 112.0), Vec3::new(8.0, 11.0, 21.0));
            let thyroid = Tissue::varied(150.0, 14.0, 10.0);
            let form = Form::Ellipsoid { centre, semi_mm, axes: Mat3::IDENTITY };
            let label = anatomy.know(name, form, thyroid.hu);
            anatomy.scene.add(Solid::new(vec![Part::ellipsoid(centre, semi_mm)]).layer(0.0, thyroid, label));
        }
        anatomy.landmark("aortic root", self.aorta[1].at);
        anatomy.landmark("top of the aortic arch", self.aorta[6].at);
        anatomy.landmark("bifurcation of the pulmonary trunk", self.pulmonary[0][2].at);
        anatomy.add_sphere("plaque, aortic arch", Vec3::new(37.0, 10.0, 46.0), 2.2, 900.0);
        anatomy.add_sphere("plaque, descending aorta", Vec3::new(32.0, 47.0, -100.0), 1.8, 850.0);
    }

    fn add_airways(&self, anatomy: &mut Anatomy) {
        let label = anatomy.know(
            "trachea and main bronchi",
            Form::Tube { path: centres(&self.trachea), radius_mm: 8.5 },
            AIR.hu,
        );
        let mut parts = tube(&self.trachea);
        for bronchus in &self.bronchi {
            parts.extend(tube(bronchus));
        }
        let walls = parts.iter().map(|part| part.grown(1.6)).collect();
        anatomy.scene.add(
            Solid::new(walls)
                .blend(3.0)
                .layer(0.0, Tissue::varied(60.0, 15.0, 10.0), 0)
                .layer(1.6, AIR, label),
        );
        anatomy.landmark("carina", Vec3::new(-0.5, 18.0, -3.0));
    }
}

fn centres(path: &[Knot]) -> Vec<Vec3> {
    path.iter().map(|knot| knot.at).collect()
}
