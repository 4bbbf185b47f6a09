// The exact ray caster. It computes what cpu/reference.rs computes, sample by sample; the only
// liberty it takes is to skip bricks whose range of values cannot change the picture.
//
// The host puts one line before this text: `alias Stored = i32;` (or u32, f32), the type that the
// volume's texture format loads as.

struct Params {
    origin: vec4<f32>,
    origin_dx: vec4<f32>,
    origin_dy: vec4<f32>,
    direction: vec4<f32>,
    direction_dx: vec4<f32>,
    direction_dy: vec4<f32>,
    slope: vec4<f32>,
    patient_from_gradient: mat3x3<f32>,
    line_of_sight: vec4<f32>,
    background: vec4<f32>,
    surface_color: vec4<f32>,
    // Ambient, diffuse, specular.
    shading: vec4<f32>,
    // Index of the last voxel along columns, rows, slices.
    last_voxel: vec4<f32>,
    brick_dims: vec4<u32>,
    width: u32,
    first_row: u32,
    row_count: u32,
    // 0: packed colours, 1: bit patterns of values.
    output_kind: u32,
    specular_power: u32,
    sample_count: u32,
    combine: u32,
    step_mm: f32,
    first_mm: f32,
    grey_low: f32,
    grey_scale: f32,
    surface_value: f32,
    table_low: f32,
    table_scale: f32,
    rescale_slope: f32,
    rescale_intercept: f32,
}

@group(0) @binding(0) var voxels: texture_3d<Stored>;
// (minimum, maximum) rescaled value of each brick, column fastest.
@group(0) @binding(1) var<storage, read> bricks: array<vec2<f32>>;
@group(1) @binding(0) var<uniform> params: Params;
@group(1) @binding(1) var<storage, read> transfer: array<vec4<f32>>;
// Entry i counts the entries of `transfer` before i that are not fully transparent.
@group(1) @binding(2) var<storage, read> visible_before: array<u32>;
@group(1) @binding(3) var<storage, read_write> picture: array<u32>;

const TABLE_LEN: u32 = 4096u;
const OPAQUE_BELOW: f32 = 1.0 / 128.0;
const BRICK: i32 = 4;
const NAN_BITS: u32 = 0x7fc00000u;
const SURFACE_HALVINGS: u32 = 4u;
const HUGE: f32 = 3.0e38;

const COMBINE_MAXIMUM: u32 = 0u;
const COMBINE_MINIMUM: u32 = 1u;

struct Ray {
    origin: vec3<f32>,
    direction: vec3<f32>,
}

// Samples k with first <= k <= last lie inside the grid of voxel centres.
struct Samples {
    first: i32,
    last: i32,
}

// The value of a projection or a slab, where the ray has one.
struct Projected {
    value: f32,
    found: bool,
}

fn ray_at(column: u32, row: u32) -> Ray {
    let x = f32(column);
    let y = f32(row);
    let slope = params.slope.xy + params.slope.zw * vec2<f32>(x, y);
    let along = params.direction.xyz + params.direction_dx.xyz * x + params.direction_dy.xyz * y;
    return Ray(
        params.origin.xyz + params.origin_dx.xyz * x + params.origin_dy.xyz * y,
        along / sqrt(1.0 + slope.x * slope.x + slope.y * slope.y),
    );
}

fn samples_inside(ray: Ray) -> Samples {
    var enter = 0.0;
    var leave = HUGE;
    for (var axis = 0; axis < 3; axis++) {
        let o = ray.origin[axis];
        let d = ray.direction[axis];
        let far = params.last_voxel[axis];
        if d == 0.0 {
            if o < 0.0 || o > far {
                return Samples(0, -1);
            }
        } else {
            let a = (0.0 - o) / d;
            let b = (far - o) / d;
            enter = max(enter, min(a, b));
            leave = min(leave, max(a, b));
        }
    }
    if leave < enter || leave >= HUGE {
        return Samples(0, -1);
    }
    let first = ceil(enter / params.step_mm);
    let last = floor(leave / params.step_mm);
    // 2^30 is exact as a float; farther away no two samples differ any more.
    return Samples(i32(min(first, 1073741824.0)), i32(min(last, 1073741824.0)));
}

fn position(ray: Ray, k: i32) -> vec3<f32> {
    return ray.origin + ray.direction * (f32(k) * params.step_mm);
}

fn stored(x: i32, y: i32, z: i32) -> f32 {
    return f32(textureLoad(voxels, vec3<i32>(x, y, z), 0).r);
}

fn value_at(p: vec3<f32>) -> f32 {
    let last = vec3<i32>(params.last_voxel.xyz);
    let inside = clamp(p, vec3<f32>(0.0), params.last_voxel.xyz);
    let low = min(vec3<i32>(inside), max(last - 1, vec3<i32>(0)));
    let high = min(low + 1, last);
    let f = inside - vec3<f32>(low);
    let a = stored(low.x, low.y, low.z);
    let b = stored(low.x, high.y, low.z);
    let c = stored(low.x, low.y, high.z);
    let d = stored(low.x, high.y, high.z);
    let row_a = a + (stored(high.x, low.y, low.z) - a) * f.x;
    let row_b = b + (stored(high.x, high.y, low.z) - b) * f.x;
    let row_c = c + (stored(high.x, low.y, high.z) - c) * f.x;
    let row_d = d + (stored(high.x, high.y, high.z) - d) * f.x;
    let layer_a = row_a + (row_b - row_a) * f.y;
    let layer_b = row_c + (row_d - row_c) * f.y;
    return (layer_a + (layer_b - layer_a) * f.z) * params.rescale_slope + params.rescale_intercept;
}

fn brick_at(p: vec3<f32>) -> vec3<i32> {
    return clamp(vec3<i32>(p) / BRICK, vec3<i32>(0), vec3<i32>(params.brick_dims.xyz) - 1);
}

fn brick_range(brick: vec3<i32>) -> vec2<f32> {
    let dims = vec3<i32>(params.brick_dims.xyz);
    return bricks[(brick.z * dims.y + brick.y) * dims.x + brick.x];
}

// The first sample after k that does not lie in this brick.
fn sample_after(ray: Ray, brick: vec3<i32>, k: i32, last: i32) -> i32 {
    var leave = HUGE;
    for (var axis = 0; axis < 3; axis++) {
        let d = ray.direction[axis];
        if d != 0.0 {
            let side = select(brick[axis], brick[axis] + 1, d > 0.0) * BRICK;
            leave = min(leave, (f32(side) - ray.origin[axis]) / d);
        }
    }
    let next = clamp(ceil(leave / params.step_mm), 0.0, f32(last) + 1.0);
    return max(k + 1, i32(next));
}

fn table_index(value: f32) -> u32 {
    return u32(clamp((value - params.table_low) * params.table_scale + 0.5, 0.0, f32(TABLE_LEN - 1u)));
}

fn shows_something(range: vec2<f32>) -> bool {
    // One entry more on either side outweighs rounding in the interpolation.
    let low = max(table_index(range.x), 1u) - 1u;
    let high = min(table_index(range.y) + 1u, TABLE_LEN - 1u);
    return visible_before[high + 1u] != visible_before[low];
}

fn whole_power(base: f32, exponent: u32) -> f32 {
    var result = 1.0;
    var factor = base;
    for (var n = exponent; n > 0u; n = n >> 1u) {
        if (n & 1u) == 1u {
            result *= factor;
        }
        factor *= factor;
    }
    return result;
}

fn lit(color: vec3<f32>, p: vec3<f32>) -> vec3<f32> {
    let x = vec3<f32>(1.0, 0.0, 0.0);
    let y = vec3<f32>(0.0, 1.0, 0.0);
    let z = vec3<f32>(0.0, 0.0, 1.0);
    let gradient = vec3<f32>(
        value_at(p + x) - value_at(p - x),
        value_at(p + y) - value_at(p - y),
        value_at(p + z) - value_at(p - z),
    );
    let normal = params.patient_from_gradient * gradient;
    let along = dot(normal, params.line_of_sight.xyz);
    let facing = min(abs(along / max(length(normal), 1e-6)), 1.0);
    let highlight = whole_power(max(2.0 * facing * facing - 1.0, 0.0), params.specular_power);
    return color * (params.shading.x + params.shading.y * facing) + vec3<f32>(params.shading.z * highlight);
}

fn put_color(index: u32, color: vec3<f32>) {
    let c = vec3<u32>(clamp(color, vec3<f32>(0.0), vec3<f32>(1.0)) * 255.0 + 0.5);
    picture[index] = c.r | (c.g << 8u) | (c.b << 16u) | 0xff000000u;
}

fn put_projected(index: u32, projected: Projected) {
    if params.output_kind == 1u {
        picture[index] = select(NAN_BITS, bitcast<u32>(projected.value), projected.found);
    } else if projected.found {
        put_color(index, vec3<f32>((projected.value - params.grey_low) * params.grey_scale));
    } else {
        put_color(index, params.background.rgb);
    }
}

@compute @workgroup_size(8, 8)
fn volume(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.row_count {
        return;
    }
    let ray = ray_at(id.x, id.y + params.first_row);
    let samples = samples_inside(ray);
    var color = vec3<f32>(0.0);
    var transparency = 1.0;
    var known_brick = vec3<i32>(-1);
    var known_visible = true;
    var k = samples.first;
    while k <= samples.last {
        let p = position(ray, k);
        let brick = brick_at(p);
        if any(brick != known_brick) {
            known_brick = brick;
            known_visible = shows_something(brick_range(brick));
        }
        if !known_visible {
            k = sample_after(ray, brick, k, samples.last);
            continue;
        }
        let entry = transfer[table_index(value_at(p))];
        if entry.a > 0.0 {
            color += transparency * entry.a * lit(entry.rgb, p);
            transparency *= 1.0 - entry.a;
            if transparency < OPAQUE_BELOW {
                color /= 1.0 - transparency;
                transparency = 0.0;
                break;
            }
        }
        k++;
    }
    put_color(id.y * params.width + id.x, color + transparency * params.background.rgb);
}

// The t of the surface, which lies between one sample outside and one inside of it.
fn surface_between(ray: Ray, before: f32, after: f32) -> f32 {
    var outside = before;
    var inside = after;
    for (var n = 0u; n < SURFACE_HALVINGS; n++) {
        let middle = (outside + inside) * 0.5;
        if value_at(ray.origin + ray.direction * middle) >= params.surface_value {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    let low = value_at(ray.origin + ray.direction * outside);
    let high = value_at(ray.origin + ray.direction * inside);
    return outside + (inside - outside) * ((params.surface_value - low) / (high - low));
}

@compute @workgroup_size(8, 8)
fn isosurface(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.row_count {
        return;
    }
    let index = id.y * params.width + id.x;
    let ray = ray_at(id.x, id.y + params.first_row);
    let samples = samples_inside(ray);
    var k = samples.first;
    while k <= samples.last {
        let p = position(ray, k);
        let brick = brick_at(p);
        if brick_range(brick).y < params.surface_value {
            k = sample_after(ray, brick, k, samples.last);
            continue;
        }
        let here = value_at(p);
        if here >= params.surface_value {
            var t = f32(k) * params.step_mm;
            if k > samples.first {
                t = surface_between(ray, f32(k - 1) * params.step_mm, t);
            }
            put_color(index, lit(params.surface_color.rgb, ray.origin + ray.direction * t));
            return;
        }
        k++;
    }
    put_color(index, params.background.rgb);
}

@compute @workgroup_size(8, 8)
fn mip(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.row_count {
        return;
    }
    let ray = ray_at(id.x, id.y + params.first_row);
    let samples = samples_inside(ray);
    var highest = -HUGE;
    var k = samples.first;
    while k <= samples.last {
        let p = position(ray, k);
        let brick = brick_at(p);
        if brick_range(brick).y <= highest {
            k = sample_after(ray, brick, k, samples.last);
            continue;
        }
        highest = max(highest, value_at(p));
        k++;
    }
    put_projected(id.y * params.width + id.x, Projected(highest, samples.first <= samples.last));
}

@compute @workgroup_size(8, 8)
fn slice(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.row_count {
        return;
    }
    let ray = ray_at(id.x, id.y + params.first_row);
    var count = 0.0;
    var sum = 0.0;
    var highest = -HUGE;
    var lowest = HUGE;
    for (var k = 0u; k < params.sample_count; k++) {
        let p = ray.origin + ray.direction * (params.first_mm + f32(k) * params.step_mm);
        if any(p < vec3<f32>(-0.5)) || any(p > params.last_voxel.xyz + 0.5) {
            continue;
        }
        let value = value_at(p);
        count += 1.0;
        sum += value;
        highest = max(highest, value);
        lowest = min(lowest, value);
    }
    var value = sum / max(count, 1.0);
    if params.combine == COMBINE_MAXIMUM {
        value = highest;
    } else if params.combine == COMBINE_MINIMUM {
        value = lowest;
    }
    put_projected(id.y * params.width + id.x, Projected(value, count > 0.0));
}
