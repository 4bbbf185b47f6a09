//! What an outline drawn by hand encloses.

use glam::DVec2;

/// Lines on which an outline that crosses itself is measured, and crossings of lines and edges at most: some
/// thousandths of the area, within a tenth of a second.
const LINES: usize = 2048;
const MAX_CROSSINGS: usize = 2_000_000;
/// An outline whose area by these lines differs by a larger share crosses itself.
const SAME: f64 = 2e-3;

/// The area inside a closed outline by the even-odd rule, in square units of the points: loops of one that crosses
/// itself count each, whichever way they turn, and what is enclosed twice does not. Exact where none crosses.
pub fn area(points: &[DVec2]) -> f64 {
    let first = points.first().copied().unwrap_or_default();
    let twice: f64 = points.windows(2).map(|pair| (pair[0] - first).perp_dot(pair[1] - first)).sum();
    let (simple, by_lines) = (twice.abs() / 2.0, by_lines(points));
    if (by_lines - simple).abs() <= SAME * simple.max(by_lines) { simple } else { by_lines }
}

/// What lies inside on lines of equal distance.
fn by_lines(points: &[DVec2]) -> f64 {
    let heights = points.iter().map(|p| p.y);
    let (low, high) = heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), y| (l.min(y), h.max(y)));
    if high <= low {
        return 0.0;
    }
    let lines = (MAX_CROSSINGS / points.len()).clamp(16, LINES);
    let step = (high - low) / lines as f64;
    let mut places: Vec<Vec<f64>> = vec![Vec::new(); lines];
    let next = points.iter().cycle().skip(1);
    for (&a, &b) in points.iter().zip(next) {
        let (a, b) = if a.y <= b.y { (a, b) } else { (b, a) };
        // Of two edges that meet on a line one counts.
        let line_above = |y: f64| (((y - low) / step - 0.5).ceil().max(0.0) as usize).min(lines);
        for (line, places) in places.iter_mut().enumerate().take(line_above(b.y)).skip(line_above(a.y)) {
            let y = low + (line as f64 + 0.5) * step;
            places.push(a.x + (b.x - a.x) * ((y - a.y) / (b.y - a.y)).clamp(0.0, 1.0));
        }
    }
    let width = |places: &mut Vec<f64>| {
        places.sort_unstable_by(f64::total_cmp);
        places.chunks_exact(2).map(|inside| inside[1] - inside[0]).sum::<f64>()
    };
    places.iter_mut().map(width).sum::<f64>() * step
}

#[cfg(test)]
mod tests {
    use glam::dvec2;

    use super::*;

    const CROSSED: f64 = 2e-3;

    fn near(points: &[[f64; 2]], expected: f64, tolerance: f64) {
        let points: Vec<DVec2> = points.iter().map(|p| DVec2::from(*p)).collect();
        // However it lies and wherever it begins.
        for turn in 0..7 {
            let turned = DVec2::from_angle(f64::from(turn));
            let mut moved: Vec<DVec2> =
                points.iter().map(|p| turned.rotate(*p) + dvec2(1e3, -250.0)).collect();
            moved.rotate_left(turn as usize % points.len());
            let found = area(&moved);
            assert!((found - expected).abs() <= tolerance * expected, "{found} is not {expected}");
        }
    }

    #[test]
    fn an_outline_that_does_not_cross_itself_has_its_area() {
        near(&[[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]], 12.0, 1e-9);
        near(&[[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [2.0, 1.0], [0.0, 3.0]], 8.0, 1e-9);
    }

    #[test]
    fn both_loops_of_an_eight_count() {
        near(&[[0.0, 0.0], [2.0, 2.0], [2.0, 0.0], [0.0, 2.0]], 2.0, CROSSED);
        // One of 2 and one of 0.5.
        near(&[[0.0, 0.0], [3.0, 1.5], [3.0, 0.5], [0.0, 2.0]], 2.0 + 0.5, CROSSED);
        // Through an edge along the lines, and in a corner that both loops have.
        near(&[[0.0, 1.0], [2.0, 1.0], [1.0, 2.0], [1.0, 0.0]], 1.0, CROSSED);
        near(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [2.0, 0.0], [1.0, 1.0], [0.0, 2.0]], 2.0, CROSSED);
    }

    #[test]
    fn what_is_enclosed_twice_does_not_count() {
        // A star of five points: its middle is enclosed twice.
        let corner = |i: u32| DVec2::from_angle(f64::from(i) * std::f64::consts::TAU * 0.4).to_array();
        let star: Vec<[f64; 2]> = (0..5).map(corner).collect();
        let (sin, cos) = (std::f64::consts::TAU / 10.0).sin_cos();
        // Of a pentagram with corners at 1: the pentagon inside has corners at this radius.
        let inner = (2.0 * std::f64::consts::TAU / 10.0).cos() / cos;
        let point = 5.0 * sin * inner - 5.0 / 2.0 * (std::f64::consts::TAU / 5.0).sin() * inner * inner;
        near(&star, point, CROSSED);
    }

    #[test]
    fn nothing_encloses_nothing() {
        assert_eq!(area(&[]), 0.0);
        assert_eq!(area(&[DVec2::ONE; 5]), 0.0);
        assert_eq!(area(&[DVec2::ZERO, DVec2::ONE, DVec2::ONE * 2.0]), 0.0);
    }
}
