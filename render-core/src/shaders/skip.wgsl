// For each brick the Chebyshev distance, in bricks, to the nearest one that shows something. Being
// separable, it takes one pass along each axis. Four bricks along a row share a word.

struct Look {
    // Bricks along columns, rows, slices; w: words per row.
    dims: vec4<i32>,
    // 0: by transfer table, 1: by value.
    kind: u32,
    table_low: f32,
    table_scale: f32,
    surface_value: f32,
}

@group(0) @binding(0) var<uniform> look: Look;
@group(0) @binding(1) var<storage, read> bricks: array<vec2<f32>>;
// Entry i counts the entries of the transfer table before i that are not fully transparent.
@group(0) @binding(2) var<storage, read> visible_before: array<u32>;
@group(0) @binding(3) var<storage, read> before: array<u32>;
@group(0) @binding(4) var<storage, read_write> after: array<u32>;

// Longest distance told apart.
const FARTHEST: u32 = 31u;

fn table_index(value: f32, more: f32) -> u32 {
    let last = f32(arrayLength(&visible_before) - 2u);
    return u32(clamp((value - look.table_low) * look.table_scale + 0.5 + more, 0.0, last));
}

fn shows_something(range: vec2<f32>) -> bool {
    if look.kind == 1u {
        return range.y >= look.surface_value;
    }
    // One entry more on either side outweighs rounding in the interpolation.
    return visible_before[table_index(range.y, 1.0) + 1u] != visible_before[table_index(range.x, -1.0)];
}

fn word_at(x: i32, y: i32, z: i32) -> u32 {
    return u32((z * look.dims.y + y) * look.dims.w + (x >> 2u));
}

@compute @workgroup_size(4, 4, 4)
fn classify(@builtin(global_invocation_id) id: vec3<u32>) {
    let at = vec3<i32>(i32(id.x) * 4, i32(id.y), i32(id.z));
    if any(at >= look.dims.xyz) {
        return;
    }
    var word = 0u;
    for (var lane = 0; lane < 4; lane++) {
        var distance = FARTHEST;
        if at.x + lane < look.dims.x {
            let brick = (at.z * look.dims.y + at.y) * look.dims.x + at.x + lane;
            distance = select(FARTHEST, 0u, shows_something(bricks[brick]));
        }
        word |= distance << (u32(lane) * 8u);
    }
    after[word_at(at.x, at.y, at.z)] = word;
}

fn distance_at(at: vec3<i32>) -> u32 {
    return (before[word_at(at.x, at.y, at.z)] >> (u32(at.x & 3) * 8u)) & 0xffu;
}

fn spread(first: vec3<i32>, axis: vec3<i32>) {
    if any(first >= look.dims.xyz) {
        return;
    }
    var word = 0u;
    for (var lane = 0; lane < 4; lane++) {
        let at = first + vec3<i32>(lane, 0, 0);
        var nearest = FARTHEST;
        if at.x < look.dims.x {
            nearest = distance_at(at);
            // What lies n bricks away is no nearer than n.
            for (var n = 1; n < i32(nearest); n++) {
                let left = at - axis * n;
                let right = at + axis * n;
                if all(left >= vec3<i32>(0)) {
                    nearest = min(nearest, max(u32(n), distance_at(left)));
                }
                if all(right < look.dims.xyz) {
                    nearest = min(nearest, max(u32(n), distance_at(right)));
                }
            }
        }
        word |= nearest << (u32(lane) * 8u);
    }
    after[word_at(first.x, first.y, first.z)] = word;
}

@compute @workgroup_size(4, 4, 4)
fn spread_columns(@builtin(global_invocation_id) id: vec3<u32>) {
    spread(vec3<i32>(i32(id.x) * 4, i32(id.y), i32(id.z)), vec3<i32>(1, 0, 0));
}

@compute @workgroup_size(4, 4, 4)
fn spread_rows(@builtin(global_invocation_id) id: vec3<u32>) {
    spread(vec3<i32>(i32(id.x) * 4, i32(id.y), i32(id.z)), vec3<i32>(0, 1, 0));
}

@compute @workgroup_size(4, 4, 4)
fn spread_slices(@builtin(global_invocation_id) id: vec3<u32>) {
    spread(vec3<i32>(i32(id.x) * 4, i32(id.y), i32(id.z)), vec3<i32>(0, 0, 1));
}
