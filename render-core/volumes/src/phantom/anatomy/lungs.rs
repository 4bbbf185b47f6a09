//! Lungs, their vessels, airways, fissures and nodules.

use glam::Vec3;

use super::tree::{Sizes, Twig, grow, targets};
use super::vessels::{BRONCHUS_ENDS, HILA, PULMONARY};
use super::{AIR, Anatomy, Form, SOFT, column, lung};
use crate::phantom::solid::{Part, Solid, Tissue};

/// Aerated lung; the slope makes dependent lung about 60 HU denser than the front.
const PARENCHYMA: Tissue = Tissue { hu: -852.0, coarse_hu: 16.0, fine_hu: 20.0, slope_hu_per_mm: 0.4 };

/// Points within the lung where the published HU is probed.
const INSIDE: [Vec3; 2] = [Vec3::new(-85.0, -20.0, -30.0), Vec3::new(85.0, -20.0, 0.0)];

pub(super) fn add(anatomy: &mut Anatomy) {
    for (side, name) in [(0, "right lung"), (1, "left lung")] {
        let label = anatomy.know(name, Form::Composite { inside: INSIDE[side] }, PARENCHYMA.hu);
        let sign = if side == 0 { -1.0 } else { 1.0 };
        let (lo, hi) = half_chest(sign);
        let half = Part::field(lo, hi, move |p| lung(p).max(-p.x * sign));
        anatomy.scene.add(Solid::new(vec![half]).layer(0.0, PARENCHYMA, label));
        add_fissures(anatomy, side, sign);
        add_trees(anatomy, side, sign);
    }
}

/// The box about one lung.
fn half_chest(sign: f32) -> (Vec3, Vec3) {
    let (lo, hi) = column(128.0, -95.0..95.0, -190.0..95.0);
    if sign < 0.0 { (lo, hi.with_x(0.0)) } else { (lo.with_x(0.0), hi) }
}

/// Distance to the plane of the oblique fissure, positive behind and below it.
fn under_fissure(p: Vec3) -> f32 {
    0.72 * (p.y - 8.0) - 0.69 * (p.z + 30.0)
}

fn add_fissures(anatomy: &mut Anatomy, side: usize, sign: f32) {
    let (lo, hi) = half_chest(sign);
    // The oblique fissure falls from behind to the front, slightly bowed; the right lung has a horizontal one too.
    let oblique = move |p: Vec3| {
        let bow = 0.0012 * (p.x.abs() - 70.0).powi(2);
        (under_fissure(p) + 0.69 * bow).abs() - 0.25
    };
    let horizontal = |p: Vec3| {
        ((p.z + 26.0 + 0.05 * p.y + 0.001 * (p.x + 70.0).powi(2)).abs() - 0.25).max(under_fissure(p))
    };
    let mut sheets = vec![Part::field(lo, hi, oblique)];
    if side == 0 {
        sheets.push(Part::field(lo, hi, horizontal));
    }
    let half = Part::field(lo, hi, move |p| (lung(p) + 0.5).max(-p.x * sign));
    anatomy.scene.add(Solid::new(sheets).within(half).layer(0.0, Tissue::plain(-640.0), 0));
}

fn add_trees(anatomy: &mut Anatomy, side: usize, sign: f32) {
    let (lo, hi) = half_chest(sign);
    let inside = move |p: Vec3| lung(p) < -5.0 && p.x * sign > 14.0;
    let clip = Part::field(lo, hi, move |p| (lung(p) + 2.5).max(-p.x * sign));
    let key = 100 + side as u64;
    let paint = |anatomy: &mut Anatomy, twigs: &[Twig], tissue: Tissue| {
        let parts =
            twigs.iter().map(|twig| Part::cone(twig.a, twig.b, twig.radius_a_mm, twig.radius_b_mm)).collect();
        anatomy.scene.add(Solid::new(parts).within(clip.clone()).layer(0.0, tissue, 0));
    };

    // Two veins a side, each draining its half of the lung.
    let veins = [Vec3::new(sign * 56.0, -5.0, -20.0), Vec3::new(sign * 57.0, 26.0, -60.0)];
    for (index, root) in veins.into_iter().enumerate() {
        let lower = index == 1;
        let mut ends = targets(lo, hi, 12.0, key + 10, |p| inside(p) && (under_fissure(p) >= 0.0) == lower);
        let sizes = Sizes { root_mm: 4.8, tip_mm: 0.75, exponent: 0.31 };
        let heading = Vec3::new(sign, 0.0, 0.3 - 0.6 * index as f32);
        let twigs = grow(root, heading, &mut ends, &sizes, key + 20 + index as u64);
        paint(anatomy, &twigs, Tissue::varied(300.0, 5.0, 3.0));
    }

    let mut ends = targets(lo, hi, 11.5, key, inside);
    let sizes = Sizes { root_mm: 7.5, tip_mm: 0.75, exponent: 0.32 };
    let arteries = grow(HILA[side], Vec3::new(sign * 0.7, 0.5, -0.6), &mut ends, &sizes, key);
    // Each larger artery has its bronchus beside it.
    let beside = Vec3::new(-sign * 0.55, 0.35, -0.75).normalize();
    let mut bronchi: Vec<Twig> = arteries
        .iter()
        .filter(|twig| twig.serves >= 9)
        .map(|twig| {
            let lumen = |radius: f32| (0.72 * radius).max(0.8);
            let moved = |at: Vec3, radius: f32| at + beside * (radius + lumen(radius) + 1.2);
            Twig {
                a: moved(twig.a, twig.radius_a_mm),
                b: moved(twig.b, twig.radius_b_mm),
                radius_a_mm: lumen(twig.radius_a_mm),
                radius_b_mm: lumen(twig.radius_b_mm),
                serves: twig.serves,
            }
        })
        .collect();
    if let Some(first) = bronchi.first() {
        let stem = Twig {
            a: BRONCHUS_ENDS[side],
            b: first.a,
            radius_a_mm: 5.0,
            radius_b_mm: first.radius_a_mm,
            serves: 0,
        };
        bronchi.push(stem);
    }
    let walls: Vec<Part> = bronchi
        .iter()
        .map(|twig| {
            let wall = |radius: f32| radius + 0.5 + 0.1 * radius;
            Part::cone(twig.a, twig.b, wall(twig.radius_a_mm), wall(twig.radius_b_mm))
        })
        .collect();
    anatomy.scene.add(Solid::new(walls).within(clip.clone()).layer(0.0, SOFT, 0));
    paint(anatomy, &bronchi, AIR);
    paint(anatomy, &arteries, PULMONARY);
}

pub(super) fn add_nodules(anatomy: &mut Anatomy) {
    // Solid, part calcified and ground glass; the smallest that are measured, and one to be operated on.
    let nodules = [
        ("nodule 1, right upper lobe", Vec3::new(-62.0, -22.0, 38.0), 4.0, 40.0),
        ("nodule 2, right lower lobe", Vec3::new(-82.0, 42.0, -62.0), 6.0, 35.0),
        ("nodule 3, left upper lobe", Vec3::new(78.0, -30.0, 8.0), 8.0, 45.0),
        ("nodule 4, left lower lobe", Vec3::new(88.0, 38.0, -70.0), 3.0, 30.0),
        ("nodule 5, right middle lobe, ground glass", Vec3::new(-78.0, -42.0, -38.0), 5.0, -600.0),
        ("nodule 6, left lower lobe, calcified", Vec3::new(60.0, 52.0, -30.0), 2.5, 400.0),
    ];
    for (name, centre, radius_mm, hu) in nodules {
        // No vessel touches a nodule: its volume is that of the sphere, however it is segmented.
        let label = anatomy.scene.label(if centre.x < 0.0 { "right lung" } else { "left lung" });
        let clear = Part::sphere(centre, radius_mm + 2.0);
        anatomy.scene.add(Solid::new(vec![clear]).layer(0.0, PARENCHYMA, label));
        anatomy.add_sphere(name, centre, radius_mm, hu);
    }
}
