// The ray caster. It computes what cpu/reference.rs computes, sample by sample; the only liberty it
// takes is to skip bricks whose range of values cannot change the picture.
//
// The host puts voxels.wgsl, either exact.wgsl or fast.wgsl, and either layers.wgsl or alone.wgsl
// before this text.

struct Light {
    direction: vec4<f32>,
    halfway: vec4<f32>,
    color: vec4<f32>,
}

struct Params {
    origin: vec4<f32>,
    origin_dx: vec4<f32>,
    origin_dy: vec4<f32>,
    direction: vec4<f32>,
    direction_dx: vec4<f32>,
    direction_dy: vec4<f32>,
    slope: vec4<f32>,
    patient_from_gradient: mat3x3<f32>,
    background: vec4<f32>,
    surface_color: vec4<f32>,
    // Ambient, diffuse, specular.
    shading: vec4<f32>,
    cue_color: vec4<f32>,
    lights: array<Light, 4>,
    // Half spaces in voxel space: what has dot(xyz, p) + w >= 0 is shown.
    clips: array<vec4<f32>, 16>,
    light_count: u32,
    clip_count: u32,
    width: u32,
    // Pixels from one row of `picture` to the next.
    stride: u32,
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
    // 1: `tables` holds integrals.
    integrated: u32,
    // Entries of `gradient_factors` per unit of a gradient's magnitude; 0: opacity is as it is.
    gradient_scale: f32,
    cue_near_mm: f32,
    cue_scale: f32,
    cue_strength: f32,
    // 1: `illumination` holds factors.
    illuminated: u32,
    // A ray of which less is left has gathered its colour, which stands for the rest as well.
    opaque_below: f32,
}

@group(1) @binding(0) var<uniform> params: Params;
// Colour and opacity by value, then integrals over the entries before.
@group(1) @binding(1) var<storage, read> tables: array<vec4<f32>>;
@group(1) @binding(2) var<storage, read> gradient_factors: array<f32>;
@group(1) @binding(3) var<storage, read_write> picture: array<u32>;

// For shaded modes, as skip.wgsl leaves them: four bricks a word, rows padded.
@group(2) @binding(0) var<storage, read> distances: array<u32>;
// (minimum, maximum) rescaled value of each brick and of each block of bricks, column fastest.
@group(2) @binding(1) var<storage, read> bricks: array<vec2<f32>>;
@group(2) @binding(2) var<storage, read> blocks: array<vec2<f32>>;
// (ambient, first light) that reaches the middle of each node's cells.
@group(2) @binding(3) var illumination: texture_3d<f32>;

const TABLE_LEN: u32 = 4096u;
const GRADIENT_TABLE_LEN: u32 = 256u;
const NODE_CELLS: f32 = 4.0;
const NAN_BITS: u32 = 0x7fc00000u;
const SURFACE_HALVINGS: u32 = 4u;
const MAX_SAMPLES: u32 = 65536u;
const HUGE: f32 = 3.0e38;

const COMBINE_MAXIMUM: u32 = 0u;
const COMBINE_MINIMUM: u32 = 1u;

struct Ray {
    origin: vec3<f32>,
    direction: vec3<f32>,
}

// Samples k with first <= k <= last are looked at.
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
    let none = Samples(0, -1);
    var enter = 0.0;
    var leave = HUGE;
    for (var axis = 0; axis < 3; axis++) {
        let o = ray.origin[axis];
        let d = ray.direction[axis];
        let far = grid.last_voxel[axis];
        if d == 0.0 {
            if o < 0.0 || o > far {
                return none;
            }
        } else {
            let a = (0.0 - o) / d;
            let b = (far - o) / d;
            enter = max(enter, min(a, b));
            leave = min(leave, max(a, b));
        }
    }
    if leave >= HUGE {
        return none;
    }
    for (var i = 0u; i < params.clip_count; i++) {
        let clip = params.clips[i];
        let height = dot(clip.xyz, ray.origin) + clip.w;
        let rise = dot(clip.xyz, ray.direction);
        if rise > 0.0 {
            enter = max(enter, -height / rise);
        } else if rise < 0.0 {
            leave = min(leave, -height / rise);
        } else if height < 0.0 {
            return none;
        }
    }
    if leave < enter {
        return none;
    }
    // 2^30 is exact as a float; farther away no two samples differ any more.
    let first = i32(min(ceil(enter / params.step_mm), 1073741824.0));
    let last = i32(min(floor(leave / params.step_mm), 1073741824.0));
    // No ray has more samples, except one of numbers that are none. Compared as integers, because
    // compilers for cards may assume that there are no such numbers.
    if u32(last - first) > MAX_SAMPLES {
        return none;
    }
    return Samples(first, last);
}

fn at(ray: Ray, t_mm: f32) -> vec3<f32> {
    return ray.origin + ray.direction * t_mm;
}

fn position(ray: Ray, k: i32) -> vec3<f32> {
    return at(ray, f32(k) * params.step_mm);
}

// The first sample after k outside of a box of cells, `low` to `high`.
fn sample_after(ray: Ray, low: vec3<i32>, high: vec3<i32>, k: i32, last: i32) -> i32 {
    var leave = HUGE;
    for (var axis = 0; axis < 3; axis++) {
        let d = ray.direction[axis];
        if d != 0.0 {
            let side = select(low[axis], high[axis], d > 0.0);
            leave = min(leave, (f32(side) - ray.origin[axis]) / d);
        }
    }
    let next = clamp(ceil(leave / params.step_mm), 0.0, f32(last) + 1.0);
    return max(k + 1, i32(next));
}

fn brick_at(p: vec3<f32>) -> vec3<i32> {
    let edge = vec3<u32>(u32(grid.brick_dims.w));
    return clamp(vec3<i32>(p) >> edge, vec3<i32>(0), grid.brick_dims.xyz - 1);
}

// Bricks from this one to the nearest that shows something.
fn distance_at(brick: vec3<i32>) -> i32 {
    let words = (grid.brick_dims.x + 3) >> 2u;
    let word = distances[(brick.z * grid.brick_dims.y + brick.y) * words + (brick.x >> 2u)];
    return i32((word >> (u32(brick.x & 3) * 8u)) & 0xffu);
}

// The first sample after k that is not among the bricks nearer than `distance`, all of them empty.
fn sample_beyond(ray: Ray, brick: vec3<i32>, distance: i32, k: i32, last: i32) -> i32 {
    let bits = vec3<u32>(u32(grid.brick_dims.w));
    return sample_after(ray, (brick - (distance - 1)) << bits, (brick + distance) << bits, k, last);
}

// Whether a projection that has gathered `so_far` finds nothing new in this range.
fn is_beaten(range: vec2<f32>, so_far: f32) -> bool {
    return select(range.y <= so_far, range.x >= so_far, params.combine == COMBINE_MINIMUM);
}

fn table_index(value: f32) -> u32 {
    return u32(clamp((value - params.table_low) * params.table_scale + 0.5, 0.0, f32(TABLE_LEN - 1u)));
}

// What a step shows over which the value runs from `front` to `back` evenly.
fn segment(front: f32, back: f32) -> vec4<f32> {
    let i = table_index(front);
    let j = table_index(back);
    if i == j {
        return tables[i];
    }
    let sum = tables[TABLE_LEN + max(i, j)] - tables[TABLE_LEN + min(i, j)];
    if sum.a <= 0.0 {
        return vec4<f32>(0.0);
    }
    return vec4<f32>(sum.rgb / sum.a, 1.0 - exp(-sum.a / f32(max(i, j) - min(i, j))));
}

fn gradient_factor(magnitude: f32) -> f32 {
    let last = f32(GRADIENT_TABLE_LEN - 1u);
    return gradient_factors[u32(clamp(magnitude * params.gradient_scale + 0.5, 0.0, last))];
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

// The gradient in patient space, in value units over two voxels.
fn normal_at(p: vec3<f32>) -> vec3<f32> {
    let x = vec3<f32>(1.0, 0.0, 0.0);
    let y = vec3<f32>(0.0, 1.0, 0.0);
    let z = vec3<f32>(0.0, 0.0, 1.0);
    let gradient = vec3<f32>(
        value_at(p + x) - value_at(p - x),
        value_at(p + y) - value_at(p - y),
        value_at(p + z) - value_at(p - z),
    );
    return params.patient_from_gradient * gradient;
}

// How much ambient light and how much of the first light reaches a place.
fn light_reaching(p: vec3<f32>) -> vec2<f32> {
    if params.illuminated == 0u {
        return vec2<f32>(1.0);
    }
    let last = vec3<i32>(textureDimensions(illumination)) - 1;
    let node = clamp(p * (1.0 / NODE_CELLS) - 0.5, vec3<f32>(0.0), vec3<f32>(last));
    let l = min(vec3<i32>(node), max(last - 1, vec3<i32>(0)));
    let h = min(l + 1, last);
    let f = node - vec3<f32>(l);
    let row_a = mix(factors(l.x, l.y, l.z), factors(h.x, l.y, l.z), f.x);
    let row_b = mix(factors(l.x, h.y, l.z), factors(h.x, h.y, l.z), f.x);
    let row_c = mix(factors(l.x, l.y, h.z), factors(h.x, l.y, h.z), f.x);
    let row_d = mix(factors(l.x, h.y, h.z), factors(h.x, h.y, h.z), f.x);
    return mix(mix(row_a, row_b, f.y), mix(row_c, row_d, f.y), f.z);
}

fn factors(x: i32, y: i32, z: i32) -> vec2<f32> {
    return textureLoad(illumination, vec3<i32>(x, y, z), 0).rg;
}

fn lit(color: vec3<f32>, p: vec3<f32>, normal: vec3<f32>) -> vec3<f32> {
    let size = max(length(normal), 1e-6);
    let light = light_reaching(p);
    var base = vec3<f32>(params.shading.x * light.x);
    var highlights = vec3<f32>(0.0);
    for (var i = 0u; i < params.light_count; i++) {
        let reaching = params.lights[i].color.rgb * select(1.0, light.y, i == 0u);
        let facing = min(abs(dot(normal, params.lights[i].direction.xyz) / size), 1.0);
        let middle = min(abs(dot(normal, params.lights[i].halfway.xyz) / size), 1.0);
        let highlight = whole_power(max(2.0 * middle * middle - 1.0, 0.0), params.specular_power);
        base += reaching * (params.shading.y * facing * light.x);
        highlights += reaching * (params.shading.z * highlight);
    }
    return color * base + highlights;
}

fn faded(color: vec3<f32>, t_mm: f32) -> vec3<f32> {
    let part = clamp((t_mm - params.cue_near_mm) * params.cue_scale, 0.0, 1.0);
    return color + (params.cue_color.rgb - color) * (params.cue_strength * part);
}

fn pixel(id: vec3<u32>) -> u32 {
    return id.y * params.stride + id.x;
}

fn put_color(index: u32, color: vec3<f32>) {
    let c = vec3<u32>(clamp(color, vec3<f32>(0.0), vec3<f32>(1.0)) * 255.0 + 0.5);
    picture[index] = c.r | (c.g << 8u) | (c.b << 16u) | 0xff000000u;
}

fn over(below: vec3<f32>, color: vec4<f32>) -> vec3<f32> {
    return below + (color.rgb - below) * color.a;
}

// The samples, at first_mm + k * step_mm, are what layers are looked up at.
fn put_projected(
    index: u32, projected: Projected, ray: Ray, samples: Samples, first_mm: f32, is_slice: bool,
) {
    if params.output_kind == 1u {
        picture[index] = select(NAN_BITS, bitcast<u32>(projected.value), projected.found);
        return;
    }
    var color = params.background.rgb;
    if projected.found {
        color = vec3<f32>(clamp((projected.value - params.grey_low) * params.grey_scale, 0.0, 1.0));
    }
    for (var i = 0u; i < layer_count(); i++) {
        color = over(color, layer_along(i, ray, samples, first_mm, is_slice));
    }
    put_color(index, color);
}

@compute @workgroup_size(8, 8)
fn volume(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.row_count {
        return;
    }
    let ray = ray_at(id.x, id.y + params.first_row);
    let samples = samples_inside(ray);
    let integrated = params.integrated == 1u;
    // Segment k reaches to sample k + 1, which must be inside, too.
    let last = samples.last - i32(params.integrated);
    var color = vec3<f32>(0.0);
    var transparency = 1.0;
    var known_brick = vec3<i32>(-1);
    var distance = 0;
    // The value at the end of the last segment, and its sample.
    var known_value = 0.0;
    var known_k = -1;
    var k = samples.first;
    while k <= last {
        let p = position(ray, k);
        let brick = brick_at(p);
        if any(brick != known_brick) {
            known_brick = brick;
            // Layers may show something where the first volume does not.
            distance = select(distance_at(brick), 0, LAYERED);
        }
        if distance > 0 {
            let next = sample_beyond(ray, brick, distance, k, samples.last);
            if !integrated {
                k = next;
                continue;
            }
            // Empty neighbours share voxels, so what lies between two of their values is empty as
            // well. The segment that leaves them may still show something.
            if next - 1 > k {
                k = next - 1;
                continue;
            }
        }
        var entry: vec4<f32>;
        var t_mm = f32(k) * params.step_mm;
        if integrated {
            var front = known_value;
            if known_k != k {
                front = value_at(p);
            }
            known_k = k + 1;
            known_value = value_at(position(ray, known_k));
            entry = segment(front, known_value);
            t_mm = (f32(k) + 0.5) * params.step_mm;
        } else {
            entry = tables[table_index(value_at(p))];
        }
        let seen = at(ray, t_mm);
        if entry.a > 0.0 {
            let normal = normal_at(seen);
            var alpha = entry.a;
            if params.gradient_scale > 0.0 {
                // Central differences are two voxels wide.
                alpha *= gradient_factor(length(normal) * 0.5);
            }
            color += transparency * alpha * faded(lit(entry.rgb, seen, normal), t_mm);
            transparency *= 1.0 - alpha;
        }
        for (var i = 0u; i < layer_count() && transparency >= params.opaque_below; i++) {
            let layer = layer_color(i, seen);
            if layer.a > 0.0 {
                let normal = layer_normal(i, seen);
                color += transparency * layer.a * faded(lit(layer.rgb, seen, normal), t_mm);
                transparency *= 1.0 - layer.a;
            }
        }
        if transparency < params.opaque_below {
            color /= 1.0 - transparency;
            transparency = 0.0;
            break;
        }
        k++;
    }
    put_color(pixel(id), color + transparency * params.background.rgb);
}

// The t of the surface, which lies between one sample outside and one inside of it.
fn surface_between(ray: Ray, before: f32, after: f32) -> f32 {
    var outside = before;
    var inside = after;
    for (var n = 0u; n < SURFACE_HALVINGS; n++) {
        let middle = (outside + inside) * 0.5;
        if value_at(at(ray, middle)) >= params.surface_value {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    let low = value_at(at(ray, outside));
    let high = value_at(at(ray, inside));
    return outside + (inside - outside) * ((params.surface_value - low) / (high - low));
}

@compute @workgroup_size(8, 8)
fn isosurface(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.row_count {
        return;
    }
    let ray = ray_at(id.x, id.y + params.first_row);
    let samples = samples_inside(ray);
    var k = samples.first;
    while k <= samples.last {
        let p = position(ray, k);
        let brick = brick_at(p);
        let distance = distance_at(brick);
        if distance > 0 {
            k = sample_beyond(ray, brick, distance, k, samples.last);
            continue;
        }
        if value_at(p) >= params.surface_value {
            var t_mm = f32(k) * params.step_mm;
            if k > samples.first {
                t_mm = surface_between(ray, f32(k - 1) * params.step_mm, t_mm);
            }
            let hit = at(ray, t_mm);
            var color = params.surface_color.rgb;
            for (var i = 0u; i < layer_count(); i++) {
                color = over(color, layer_color(i, hit));
            }
            put_color(pixel(id), faded(lit(color, hit, normal_at(hit)), t_mm));
            return;
        }
        k++;
    }
    put_color(pixel(id), params.background.rgb);
}

@compute @workgroup_size(8, 8)
fn extreme(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.row_count {
        return;
    }
    let ray = ray_at(id.x, id.y + params.first_row);
    let samples = samples_inside(ray);
    let minimum = params.combine == COMBINE_MINIMUM;
    var so_far = select(-HUGE, HUGE, minimum);
    let bits = vec3<u32>(u32(grid.brick_dims.w));
    var k = samples.first;
    while k <= samples.last {
        let p = position(ray, k);
        let brick = brick_at(p);
        let block = brick >> vec3<u32>(2u);
        if is_beaten(blocks[(block.z * grid.block_dims.y + block.y) * grid.block_dims.x + block.x], so_far) {
            let low = block << (bits + 2u);
            k = sample_after(ray, low, low + (vec3<i32>(4) << bits), k, samples.last);
            continue;
        }
        if is_beaten(bricks[(brick.z * grid.brick_dims.y + brick.y) * grid.brick_dims.x + brick.x], so_far) {
            k = sample_after(ray, brick << bits, (brick + 1) << bits, k, samples.last);
            continue;
        }
        let value = value_at(p);
        so_far = select(max(so_far, value), min(so_far, value), minimum);
        k++;
    }
    let projected = Projected(so_far, samples.first <= samples.last);
    put_projected(pixel(id), projected, ray, samples, 0.0, false);
}

@compute @workgroup_size(8, 8)
fn mean(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.row_count {
        return;
    }
    let ray = ray_at(id.x, id.y + params.first_row);
    let samples = samples_inside(ray);
    var sum = 0.0;
    for (var k = samples.first; k <= samples.last; k++) {
        sum += value_at(position(ray, k));
    }
    let count = max(samples.last - samples.first + 1, 0);
    let projected = Projected(sum / f32(max(count, 1)), count > 0);
    put_projected(pixel(id), projected, ray, samples, 0.0, false);
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
        let p = at(ray, params.first_mm + f32(k) * params.step_mm);
        if any(p < vec3<f32>(-0.5)) || any(p > grid.last_voxel.xyz + 0.5) {
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
    let samples = Samples(0, i32(params.sample_count) - 1);
    put_projected(pixel(id), Projected(value, count > 0.0), ray, samples, params.first_mm, true);
}
