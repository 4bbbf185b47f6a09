// The range of rescaled values in each brick, and in each block of 4x4x4 bricks.

struct Part {
    // Layers of bricks before this part.
    first_layer: u32,
}

@group(1) @binding(0) var<uniform> part: Part;
// (minimum, maximum) of each brick and of each block, column fastest.
@group(1) @binding(1) var<storage, read_write> bricks: array<vec2<f32>>;
@group(1) @binding(2) var<storage, read_write> blocks: array<vec2<f32>>;

const NOTHING: vec2<f32> = vec2<f32>(3.0e38, -3.0e38);

fn both(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(min(a.x, b.x), max(a.y, b.y));
}

@compute @workgroup_size(4, 4, 4)
fn brick_ranges(@builtin(global_invocation_id) id: vec3<u32>) {
    let brick = vec3<i32>(id) + vec3<i32>(0, 0, i32(part.first_layer));
    if any(brick >= grid.brick_dims.xyz) {
        return;
    }
    let edge = 1 << u32(grid.brick_dims.w);
    let first = brick * edge;
    // Interpolation inside a brick reaches the first voxels of the next.
    let last = min(first + edge, vec3<i32>(grid.last_voxel.xyz));
    var range = NOTHING;
    for (var z = first.z; z <= last.z; z++) {
        for (var y = first.y; y <= last.y; y++) {
            for (var x = first.x; x <= last.x; x++) {
                let found = place(vec3<i32>(x, y, z));
                let value = rescaled(texel(found.piece, found.at));
                range = both(range, vec2<f32>(value));
            }
        }
    }
    bricks[(brick.z * grid.brick_dims.y + brick.y) * grid.brick_dims.x + brick.x] = range;
}

@compute @workgroup_size(4, 4, 4)
fn block_ranges(@builtin(global_invocation_id) id: vec3<u32>) {
    let block = vec3<i32>(id);
    if any(block >= grid.block_dims.xyz) {
        return;
    }
    let first = block * 4;
    let end = min(first + 4, grid.brick_dims.xyz);
    var range = NOTHING;
    for (var z = first.z; z < end.z; z++) {
        for (var y = first.y; y < end.y; y++) {
            for (var x = first.x; x < end.x; x++) {
                range = both(range, bricks[(z * grid.brick_dims.y + y) * grid.brick_dims.x + x]);
            }
        }
    }
    blocks[(block.z * grid.block_dims.y + block.y) * grid.block_dims.x + block.x] = range;
}
