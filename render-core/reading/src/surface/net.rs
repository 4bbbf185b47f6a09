//! Surface nets (Gibson 1998): a point in each cell that the surface passes, drawn towards its neighbours without
//! leaving its cell.

use glam::Vec3;

/// What belongs to the segment has at least this share of it. A little less than half keeps what is thin.
const SHARE: f32 = 0.4;
/// How often points are drawn towards their neighbours.
const ROUNDS: usize = 4;

/// Values at the nodes of a grid, column fastest; those along its faces are 0.
pub struct Field {
    pub dims: [usize; 3],
    pub values: Vec<f32>,
}

/// The corners of a cell, by bits: columns, rows, slices.
const EDGES: [[usize; 2]; 12] =
    [[0, 1], [2, 3], [4, 5], [6, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 4], [1, 5], [2, 6], [3, 7]];

/// Points in nodes of the field, and triangles of them; the surface has no holes.
pub fn surface(field: &Field) -> (Vec<Vec3>, Vec<[u32; 3]>) {
    let [nx, ny, nz] = field.dims;
    let steps = [1, nx, nx * ny];
    let offset = |corner: usize| (0..3).map(|axis| (corner >> axis & 1) * steps[axis]).sum::<usize>();
    let offsets: [usize; 8] = std::array::from_fn(offset);
    let corner = |corner: usize| Vec3::from_array(std::array::from_fn(|axis| (corner >> axis & 1) as f32));
    let is_inside = |at: usize| field.values[at] >= SHARE;
    // The point of each cell, by the number of its first node.
    let mut point_of = vec![u32::MAX; field.values.len()];
    let (mut points, mut cells) = (Vec::new(), Vec::new());
    for z in 0..nz - 1 {
        for y in 0..ny - 1 {
            for x in 0..nx - 1 {
                let first = (z * ny + y) * nx + x;
                let inside = offsets.map(|offset| is_inside(first + offset));
                if inside == [inside[0]; 8] {
                    continue;
                }
                let mut sum = Vec3::ZERO;
                let mut count = 0.0;
                for [a, b] in EDGES.into_iter().filter(|&[a, b]| inside[a] != inside[b]) {
                    let [from, to] = [a, b].map(|corner| field.values[first + offsets[corner]]);
                    sum += corner(a).lerp(corner(b), (SHARE - from) / (to - from));
                    count += 1.0;
                }
                let cell = Vec3::new(x as f32, y as f32, z as f32);
                point_of[first] = points.len() as u32;
                points.push(cell + sum / count);
                cells.push(cell);
            }
        }
    }
    let mut quads: Vec<[u32; 4]> = Vec::new();
    // Where an edge of the grid passes the surface, the four cells around it are joined.
    let [x, y, z] = steps;
    for [along, u, v] in [[x, y, z], [y, z, x], [z, x, y]] {
        for at in 0..field.values.len() - along {
            if is_inside(at) != is_inside(at + along) {
                quads.push([at, at - u, at - u - v, at - v].map(|cell| point_of[cell]));
            }
        }
    }
    for _ in 0..ROUNDS {
        let mut sums = vec![(Vec3::ZERO, 0.0f32); points.len()];
        for quad in &quads {
            let [a, b, c, d] = quad.map(|point| point as usize);
            for [a, b] in [[a, b], [b, c], [c, d], [d, a]] {
                for (of, by) in [(a, b), (b, a)] {
                    sums[of].0 += points[by];
                    sums[of].1 += 1.0;
                }
            }
        }
        for ((point, cell), (sum, count)) in points.iter_mut().zip(&cells).zip(sums) {
            *point = (sum / count.max(1.0)).clamp(*cell, *cell + 1.0);
        }
    }
    let triangles = quads.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]).collect();
    (points, triangles)
}
