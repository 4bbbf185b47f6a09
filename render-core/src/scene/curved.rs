//! Curved planar reformation: a slice along a path that was drawn, rolled out flat.

use std::sync::Arc;

use glam::DVec3;

use crate::Outlined;

/// Most points of a drawn path.
pub const MAX_POINTS: usize = 1024;

/// Points between two drawn ones that the curve is followed by.
const STEPS: usize = 32;

/// Points closer than this are one.
const CLOSE_MM: f64 = 1e-3;

/// A smooth curve through drawn points (centripetal Catmull-Rom), measured along its length.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    drawn_mm: Vec<DVec3>,
    /// The curve as short straight lines, and how far along it each point is.
    points_mm: Vec<DVec3>,
    along_mm: Vec<f64>,
    down: DVec3,
}

impl Path {
    /// A path through at least two points in patient space, drawn on a plane; `down` is the unit vector
    /// that the rolled out picture has downwards, which a plane's normal is. `None` if fewer than two points
    /// are apart, or more than `MAX_POINTS`, or any is not finite.
    pub fn new(drawn_mm: &[DVec3], down: DVec3) -> Option<Self> {
        let down = down.try_normalize()?;
        if drawn_mm.len() > MAX_POINTS || drawn_mm.iter().any(|point| !point.is_finite()) {
            return None;
        }
        let mut drawn: Vec<DVec3> = Vec::with_capacity(drawn_mm.len());
        for &point in drawn_mm {
            if drawn.last().is_none_or(|last| last.distance(point) > CLOSE_MM) {
                drawn.push(point);
            }
        }
        if drawn.len() < 2 {
            return None;
        }
        let mut points_mm = vec![drawn[0]];
        for i in 0..drawn.len() - 1 {
            let (b, c) = (drawn[i], drawn[i + 1]);
            // Beyond the ends the curve goes straight on.
            let a = if i > 0 { drawn[i - 1] } else { b * 2.0 - c };
            let d = drawn.get(i + 2).copied().unwrap_or(c * 2.0 - b);
            points_mm.extend((1..=STEPS).map(|k| catmull_rom([a, b, c, d], k as f64 / STEPS as f64)));
        }
        let mut along_mm = vec![0.0];
        for pair in points_mm.windows(2) {
            along_mm.push(along_mm[along_mm.len() - 1] + pair[0].distance(pair[1]));
        }
        Some(Self { drawn_mm: drawn, points_mm, along_mm, down })
    }

    /// What it was drawn through.
    pub fn drawn_mm(&self) -> &[DVec3] {
        &self.drawn_mm
    }

    /// The curve as short straight lines, in patient space.
    pub fn points_mm(&self) -> &[DVec3] {
        &self.points_mm
    }

    /// Downwards in the rolled out picture.
    pub fn down(&self) -> DVec3 {
        self.down
    }

    pub fn length_mm(&self) -> f64 {
        self.along_mm[self.along_mm.len() - 1]
    }

    /// Position and unit tangent at a distance from the beginning; `None` beyond the ends.
    pub fn at(&self, along_mm: f64) -> Option<(DVec3, DVec3)> {
        if !(0.0..=self.length_mm()).contains(&along_mm) {
            return None;
        }
        let next = self.along_mm.partition_point(|&s| s < along_mm).clamp(1, self.points_mm.len() - 1);
        let (a, b) = (self.points_mm[next - 1], self.points_mm[next]);
        let part = (along_mm - self.along_mm[next - 1]) / (self.along_mm[next] - self.along_mm[next - 1]);
        Some((a.lerp(b, part), (b - a).try_normalize()?))
    }
}

/// Barry and Goldman's recursion, knots apart by the root of the distance (Yuksel et al. 2011).
fn catmull_rom([a, b, c, d]: [DVec3; 4], part: f64) -> DVec3 {
    let knot = |t: f64, from: DVec3, to: DVec3| t + from.distance(to).sqrt();
    let t0 = 0.0;
    let t1 = knot(t0, a, b);
    let t2 = knot(t1, b, c);
    let t3 = knot(t2, c, d);
    let t = t1 + (t2 - t1) * part;
    let between = |p: DVec3, q: DVec3, from: f64, to: f64| p.lerp(q, (t - from) / (to - from));
    let (ab, bc, cd) = (between(a, b, t0, t1), between(b, c, t1, t2), between(c, d, t2, t3));
    between(between(ab, bc, t0, t2), between(bc, cd, t1, t3), t1, t2)
}

/// How a path is looked at: distance along it to the right, along its `down` downwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Curved {
    pub path: Arc<Path>,
    /// What lies in the middle of the view: mm along the path, and mm from it along `down`.
    pub center_mm: [f64; 2],
    /// Length and height that fit into the view at zoom 1.
    pub fit_mm: [f64; 2],
    pub zoom: f64,
}

impl Curved {
    /// All of a path, as far as the volume reaches above and below it.
    pub fn new(path: Arc<Path>, volume: &dyn Outlined) -> Self {
        let geometry = volume.geometry();
        let middle = path.points_mm[path.points_mm.len() / 2];
        let off_mm = (geometry.center_mm() - middle).dot(path.down);
        let fit_mm = [path.length_mm(), geometry.extent_mm(path.down)];
        Self { center_mm: [path.length_mm() / 2.0, off_mm], fit_mm, zoom: 1.0, path }
    }

    /// Millimetres per pixel when the view has this size.
    pub fn mm_per_pixel(&self, size: [u32; 2]) -> f64 {
        let fit = (0..2).map(|i| self.fit_mm[i] / f64::from(size[i].max(1))).fold(1e-6, f64::max);
        fit / self.zoom
    }

    /// Patient position of a point of the view, in pixels from the top left corner, and the unit vector
    /// through the slab there; `None` beyond the path's ends.
    pub fn patient_from_pixel(&self, at: [f64; 2], size: [u32; 2]) -> Option<(DVec3, DVec3)> {
        let mm = self.mm_per_pixel(size);
        let [along, off] = [0, 1].map(|i| self.center_mm[i] + (at[i] - f64::from(size[i]) / 2.0) * mm);
        let (on_path, tangent) = self.path.at(along)?;
        Some((on_path + self.path.down * off, tangent.cross(self.path.down).normalize_or_zero()))
    }

    pub fn zoom_by(&mut self, factor: f64) {
        if factor.is_finite() && factor > 0.0 {
            self.zoom = (self.zoom * factor).clamp(0.05, 100.0);
        }
    }

    /// Shifts the picture by pixels (right, down).
    pub fn pan(&mut self, dx: f64, dy: f64, size: [u32; 2]) {
        let mm = self.mm_per_pixel(size);
        self.center_mm = [self.center_mm[0] - dx * mm, self.center_mm[1] - dy * mm];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_circle_is_as_long_as_it_should_be() {
        let radius_mm = 50.0;
        let drawn: Vec<DVec3> = (0..=6)
            .map(|i| std::f64::consts::FRAC_PI_2 * f64::from(i) / 6.0)
            .map(|angle| DVec3::new(radius_mm * angle.cos(), radius_mm * angle.sin(), 7.0))
            .collect();
        let path = Path::new(&drawn, DVec3::NEG_Z).expect("seven points apart");
        let exact = radius_mm * std::f64::consts::FRAC_PI_2;
        assert!((path.length_mm() - exact).abs() < 0.05, "{} mm, not {exact}", path.length_mm());
        let (middle, tangent) = path.at(path.length_mm() / 2.0).expect("on the path");
        assert!((middle.truncate().length() - radius_mm).abs() < 0.05, "{middle}");
        assert!(tangent.dot(middle.with_z(0.0).normalize()).abs() < 0.01, "{tangent} is no tangent");
        assert_eq!(path.at(-0.1), None);
        assert_eq!(path.at(path.length_mm() + 0.1), None);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let p = DVec3::new(1.0, 2.0, 3.0);
        for points in [vec![], vec![p], vec![p, p], vec![p, DVec3::NAN], vec![p; MAX_POINTS + 1]] {
            assert_eq!(Path::new(&points, DVec3::Z), None);
        }
        assert_eq!(Path::new(&[p, DVec3::ZERO], DVec3::ZERO), None);
    }
}
