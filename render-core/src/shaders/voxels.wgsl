// A volume in textures: how a voxel and a value are found.
//
// A volume longer than a texture may be, or larger than an allocation, lies in several pieces along
// each axis. Neighbours share a layer of voxels, so that the eight corners of a cell are always in
// one piece.
//
// The host writes before this text, for the volume's format and number of pieces:
//     const PIECES: u32
//     fn texel(piece: u32, at: vec3<i32>) -> f32, the stored value
//     fn filtered(piece: u32, at: vec3<f32>) -> f32, where the format can be filtered

struct Grid {
    // Index of the last voxel along columns, rows, slices.
    last_voxel: vec4<f32>,
    // Cells along the edges of a piece, and pieces along columns, rows, slices.
    piece_cells: vec4<i32>,
    piece_counts: vec4<i32>,
    // Bricks along columns, rows, slices; w: log2 of the cells along a brick's edge.
    brick_dims: vec4<i32>,
    // Blocks of 4x4x4 bricks.
    block_dims: vec4<i32>,
    rescale_slope: f32,
    rescale_intercept: f32,
}

@group(0) @binding(0) var<uniform> grid: Grid;

// A voxel in the piece that holds it.
struct Place {
    piece: u32,
    at: vec3<i32>,
}

// Where a cell lies, or a voxel: the last voxel of the volume belongs to the last piece.
fn place(voxel: vec3<i32>) -> Place {
    if PIECES == 1u {
        return Place(0u, voxel);
    }
    let index = min(voxel / grid.piece_cells.xyz, grid.piece_counts.xyz - 1);
    let piece = (index.z * grid.piece_counts.y + index.y) * grid.piece_counts.x + index.x;
    return Place(u32(piece), voxel - index * grid.piece_cells.xyz);
}

// The lowest corner of the cell around a position inside the grid.
fn cell_at(inside: vec3<f32>) -> vec3<i32> {
    let last = vec3<i32>(grid.last_voxel.xyz);
    return min(vec3<i32>(inside), max(last - 1, vec3<i32>(0)));
}

fn rescaled(stored: f32) -> f32 {
    return stored * grid.rescale_slope + grid.rescale_intercept;
}
