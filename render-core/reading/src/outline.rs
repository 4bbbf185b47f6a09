//! What an outline drawn by hand encloses.

use glam::{DVec2, dvec2};

/// The area inside a closed outline by the even-odd rule, in square units of the points: loops of one that crosses
/// itself count each, whichever way they turn, and what is enclosed twice does not.
pub fn area(points: &[DVec2]) -> f64 {
    let next = points.iter().cycle().skip(1);
    let edges: Vec<[DVec2; 2]> = points
        .iter()
        .zip(next)
        .map(|(&a, &b)| if a.y <= b.y { [a, b] } else { [b, a] })
        .filter(|[a, b]| a.y < b.y)
        .collect();
    let crossings = crossings(&edges);
    if crossings.is_empty() {
        let first = points.first().copied().unwrap_or_default();
        let twice: f64 = points.windows(2).map(|pair| (pair[0] - first).perp_dot(pair[1] - first)).sum();
        return twice.abs() / 2.0;
    }
    // Between neighbouring corners and crossings edges keep their order from left to right.
    let mut levels: Vec<f64> = points.iter().map(|p| p.y).chain(crossings).collect();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    let slabs = levels.windows(2).map(|slab| {
        let middle = (slab[0] + slab[1]) / 2.0;
        let mut places: Vec<f64> = edges
            .iter()
            .filter(|[a, b]| a.y <= middle && middle < b.y)
            .map(|edge| at(edge, middle))
            .collect();
        places.sort_unstable_by(f64::total_cmp);
        let width: f64 = places.chunks_exact(2).map(|inside| inside[1] - inside[0]).sum();
        width * (slab[1] - slab[0])
    });
    slabs.sum()
}

/// Where edges cross inside both, as heights.
fn crossings(edges: &[[DVec2; 2]]) -> Vec<f64> {
    let mut by_start: Vec<&[DVec2; 2]> = edges.iter().collect();
    by_start.sort_unstable_by(|a, b| a[0].y.total_cmp(&b[0].y));
    let mut found = Vec::new();
    for (i, [a, b]) in by_start.iter().enumerate() {
        for [c, d] in by_start[i + 1..].iter().take_while(|edge| edge[0].y < b.y) {
            let (along, other) = (*b - *a, *d - *c);
            let turn = along.perp_dot(other);
            let [s, t] = [other, along].map(|by| (*c - *a).perp_dot(by) / turn);
            let inside = |share: f64| (0.0..=1.0).contains(&share);
            // Corners that two edges share are no crossing.
            let ends = [a, b].iter().any(|end| **end == *c || **end == *d);
            if inside(s) && inside(t) && !ends {
                found.push(a.y + s * along.y);
            }
        }
    }
    found
}

/// Where an edge is at a height.
fn at([a, b]: &[DVec2; 2], y: f64) -> f64 {
    let share = (y - a.y) / (b.y - a.y);
    dvec2(a.x, b.x).dot(dvec2(1.0 - share, share))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(points: &[[f64; 2]], expected: f64) {
        let points: Vec<DVec2> = points.iter().map(|p| DVec2::from(*p)).collect();
        // However it lies and wherever it begins.
        for turn in 0..7 {
            let turned = DVec2::from_angle(f64::from(turn));
            let mut moved: Vec<DVec2> =
                points.iter().map(|p| turned.rotate(*p) + dvec2(1e3, -250.0)).collect();
            moved.rotate_left(turn as usize % points.len());
            let found = area(&moved);
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    #[test]
    fn an_outline_that_does_not_cross_itself_has_its_area() {
        near(&[[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]], 12.0);
        near(&[[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [2.0, 1.0], [0.0, 3.0]], 8.0);
    }

    #[test]
    fn both_loops_of_an_eight_count() {
        near(&[[0.0, 0.0], [2.0, 2.0], [2.0, 0.0], [0.0, 2.0]], 2.0);
        // One of 2 and one of 0.5.
        near(&[[0.0, 0.0], [3.0, 1.5], [3.0, 0.5], [0.0, 2.0]], 2.0 + 0.5);
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
        near(&star, point);
    }

    #[test]
    fn nothing_encloses_nothing() {
        assert_eq!(area(&[]), 0.0);
        assert_eq!(area(&[DVec2::ONE; 5]), 0.0);
        assert_eq!(area(&[DVec2::ZERO, DVec2::ONE, DVec2::ONE * 2.0]), 0.0);
    }
}
