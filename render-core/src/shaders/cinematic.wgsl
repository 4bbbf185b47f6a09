// Paths of light through a volume: the same as cinematic/path.rs and what it uses, number by number.
// Only rounding differs, so pictures agree statistically and most paths one by one.
//
// The host puts voxels.wgsl and exact.wgsl before this text.

struct Params {
    origin: vec4<f32>,
    origin_dx: vec4<f32>,
    origin_dy: vec4<f32>,
    direction: vec4<f32>,
    direction_dx: vec4<f32>,
    direction_dy: vec4<f32>,
    lens_right: vec4<f32>,
    lens_up: vec4<f32>,
    voxel_from_camera: mat3x3<f32>,
    camera_from_voxel: mat3x3<f32>,
    // For gradients of values.
    camera_from_gradient: mat3x3<f32>,
    clip: array<vec4<f32>, 16>,
    brick_dims: vec4<u32>,
    clip_count: u32,
    width: u32,
    first_row: u32,
    row_count: u32,
    first_sample: u32,
    sample_count: u32,
    seed: u32,
    max_bounces: u32,
    focus_mm: f32,
    // A value v has the entry v * index_scale + index_bias of the tables, rounded down.
    index_scale: f32,
    index_bias: f32,
    surface_change2: f32,
    roughness: f32,
    mirror: f32,
    // 0: gradients do not matter to opacity.
    gradient_scale: f32,
}

@group(1) @binding(0) var<uniform> params: Params;
@group(1) @binding(1) var<storage, read> extinctions: array<f32>;
// Those of clouds, then those of surfaces.
@group(1) @binding(2) var<storage, read> albedos: array<vec4<f32>>;
// Largest extinction of each brick; negative: how many bricks around are empty.
@group(1) @binding(3) var<storage, read> bounds: array<f32>;
// Radiance and density.
@group(1) @binding(4) var<storage, read> lights: array<vec4<f32>>;
@group(1) @binding(5) var<storage, read> aliases: array<vec2<u32>>;
@group(1) @binding(6) var<storage, read> gradient_factors: array<f32>;
// For each pixel: light and the square of luminance; albedo and depth; normal and hits.
@group(1) @binding(7) var<storage, read_write> sums: array<vec4<f32>>;

const PI: f32 = 3.1415927;
const TABLE_LAST: f32 = 4095.0;
const TABLE_LEN: u32 = 4096u;
const GRADIENT_LAST: f32 = 255.0;
const EDGE: u32 = 64u;
const BRICK_EDGE: f32 = 4.0;
const MAX_STEPS: u32 = 16384u;
const DIM: f32 = 0.1;
const SURE_BOUNCES: u32 = 2u;
const MAX_RADIANCE: f32 = 24.0;
const HUGE: f32 = 3.0e38;
const LUMINANCE: vec3<f32> = vec3<f32>(0.2126, 0.7152, 0.0722);

// Numbers: sampler.rs.

const LATTICE_LEN: u32 = 8u;
const LATTICE: array<u32, 8> = array<u32, 8>(LATTICE_STEPS);

var<private> sample_index: u32;
var<private> drawn: u32;
var<private> rotation: u32;
var<private> state: u32;

fn advance(x: u32) -> u32 {
    return x * 747796405u + 2891336453u;
}

fn output(x: u32) -> u32 {
    let word = ((x >> ((x >> 28u) + 4u)) ^ x) * 277803737u;
    return (word >> 22u) ^ word;
}

fn mix_bits(x: u32) -> u32 {
    return output(advance(x));
}

fn start(pixel: u32, index: u32) {
    sample_index = index;
    drawn = 0u;
    rotation = mix_bits(pixel ^ mix_bits(params.seed));
    state = mix_bits(rotation ^ mix_bits(index));
}

fn number() -> f32 {
    var bits: u32;
    if drawn < LATTICE_LEN {
        var steps = LATTICE;
        rotation = advance(rotation);
        bits = output(rotation) + sample_index * steps[drawn];
        drawn += 1u;
    } else {
        state = advance(state);
        bits = output(state);
    }
    return f32(bits >> 8u) * (1.0 / 16777216.0);
}

// Flights: track.rs.

struct Flight {
    origin: vec3<f32>,
    along: vec3<f32>,
    end_mm: f32,
}

struct Span {
    enter: f32,
    leave: f32,
    found: bool,
}

struct Matter {
    index: u32,
    extinction: f32,
}

struct Collision {
    t: f32,
    index: u32,
    found: bool,
}

fn inside(origin: vec3<f32>, along: vec3<f32>) -> Span {
    var enter = 0.0;
    var leave = HUGE;
    for (var axis = 0; axis < 3; axis++) {
        let o = origin[axis];
        let d = along[axis];
        let far = grid.last_voxel[axis];
        if abs(d) < 1e-9 {
            if o < 0.0 || o > far {
                return Span(0.0, 0.0, false);
            }
        } else {
            let a = -o / d;
            let b = (far - o) / d;
            enter = max(enter, min(a, b));
            leave = min(leave, max(a, b));
        }
    }
    for (var i = 0u; i < params.clip_count; i++) {
        let plane = params.clip[i];
        let height = dot(plane.xyz, origin) + plane.w;
        let fall = dot(plane.xyz, along);
        if fall > 0.0 {
            enter = max(enter, -height / fall);
        } else if fall < 0.0 {
            leave = min(leave, -height / fall);
        } else if height < 0.0 {
            return Span(0.0, 0.0, false);
        }
    }
    return Span(enter, leave, leave > enter && leave < HUGE);
}

fn onward(p: vec3<f32>, towards: vec3<f32>) -> Flight {
    let along = params.voxel_from_camera * towards;
    let span = inside(p, along);
    return Flight(p, along, select(0.0, span.leave, span.found));
}

fn gradient_at(p: vec3<f32>) -> vec3<f32> {
    let x = vec3<f32>(1.0, 0.0, 0.0);
    let y = vec3<f32>(0.0, 1.0, 0.0);
    let z = vec3<f32>(0.0, 0.0, 1.0);
    return params.camera_from_gradient * (0.5 * vec3<f32>(
        value_at(p + x) - value_at(p - x),
        value_at(p + y) - value_at(p - y),
        value_at(p + z) - value_at(p - z),
    ));
}

fn matter_at(p: vec3<f32>) -> Matter {
    let index = u32(clamp(value_at(p) * params.index_scale + params.index_bias, 0.0, TABLE_LAST));
    var extinction = extinctions[index];
    if params.gradient_scale > 0.0 && extinction > 0.0 {
        let change = length(gradient_at(p));
        extinction *= gradient_factors[u32(clamp(change * params.gradient_scale + 0.5, 0.0, GRADIENT_LAST))];
    }
    return Matter(index, extinction);
}

fn drawn_depth() -> f32 {
    return -log(1.0 - number());
}

struct Stretch {
    to_mm: f32,
    bound: f32,
}

// The brick at t, and where its alikes end.
fn stretch_at(flight: Flight, inverse: vec3<f32>, nudge: f32, t: f32) -> Stretch {
    let p = (flight.origin + flight.along * t) * (1.0 / BRICK_EDGE);
    let brick = min(vec3<u32>(max(p, vec3<f32>(0.0))), params.brick_dims.xyz - 1u);
    let bound = bounds[(brick.z * params.brick_dims.y + brick.y) * params.brick_dims.x + brick.x];
    let reach = max(-bound, 1.0);
    let forward = select(vec3<f32>(0.0), vec3<f32>(1.0), inverse > vec3<f32>(0.0));
    let side = vec3<f32>(brick) + forward * (2.0 * reach - 1.0) - (reach - 1.0);
    let leave = (side * BRICK_EDGE - flight.origin) * inverse;
    let to_mm = min(max(min(min(leave.x, leave.y), leave.z), t + nudge), flight.end_mm);
    return Stretch(to_mm, bound);
}

fn inverse_of(along: vec3<f32>) -> vec3<f32> {
    return 1.0 / select(along, vec3<f32>(1e-9), abs(along) < vec3<f32>(1e-9));
}

fn collide(flight: Flight) -> Collision {
    let inverse = inverse_of(flight.along);
    let nudge = 1e-3 * min(min(abs(inverse.x), abs(inverse.y)), abs(inverse.z));
    var depth = drawn_depth();
    var t = 0.0;
    var left = MAX_STEPS;
    while t < flight.end_mm && left > 0u {
        left -= 1u;
        let stretch = stretch_at(flight, inverse, nudge, t);
        if stretch.bound <= 0.0 {
            t = stretch.to_mm;
            continue;
        }
        while left > 0u {
            let ahead = (stretch.to_mm - t) * stretch.bound;
            if depth >= ahead {
                depth -= ahead;
                break;
            }
            t += depth / stretch.bound;
            let matter = matter_at(flight.origin + flight.along * t);
            if number() * stretch.bound < matter.extinction {
                return Collision(t, matter.index, true);
            }
            depth = drawn_depth();
            left -= 1u;
        }
        t = stretch.to_mm;
    }
    return Collision(0.0, 0u, false);
}

fn transmittance(flight: Flight) -> f32 {
    let inverse = inverse_of(flight.along);
    let nudge = 1e-3 * min(min(abs(inverse.x), abs(inverse.y)), abs(inverse.z));
    var depth = drawn_depth();
    var light = 1.0;
    var t = 0.0;
    var left = MAX_STEPS;
    while t < flight.end_mm && left > 0u {
        left -= 1u;
        let stretch = stretch_at(flight, inverse, nudge, t);
        if stretch.bound <= 0.0 {
            t = stretch.to_mm;
            continue;
        }
        while left > 0u {
            let ahead = (stretch.to_mm - t) * stretch.bound;
            if depth >= ahead {
                depth -= ahead;
                break;
            }
            t += depth / stretch.bound;
            let matter = matter_at(flight.origin + flight.along * t);
            light *= max(1.0 - matter.extinction / stretch.bound, 0.0);
            if light < DIM {
                if number() * DIM >= light {
                    return 0.0;
                }
                light = DIM;
            }
            depth = drawn_depth();
            left -= 1u;
        }
        t = stretch.to_mm;
    }
    return select(light, 0.0, left == 0u);
}

// Lamps: environment.rs.

struct Light {
    towards: vec3<f32>,
    radiance: vec3<f32>,
    density: f32,
}

fn signed(magnitude: f32, sign_of: f32) -> f32 {
    return select(magnitude, -magnitude, sign_of < 0.0);
}

fn direction_from_square(x: f32, y: f32) -> vec3<f32> {
    let u = 2.0 * x - 1.0;
    let v = 2.0 * y - 1.0;
    let height = 1.0 - (abs(u) + abs(v));
    let r = 1.0 - abs(height);
    let turn = select((abs(v) - abs(u)) / max(r, 1e-20) + 1.0, 1.0, r == 0.0) * (PI / 4.0);
    let flat = r * sqrt(max(2.0 - r * r, 0.0));
    return vec3<f32>(signed(cos(turn), u) * flat, signed(sin(turn), v) * flat, signed(1.0 - r * r, height));
}

fn light_at(texel: u32, towards: vec3<f32>) -> Light {
    let light = lights[texel];
    return Light(towards, light.rgb, light.a);
}

fn seen_towards(d: vec3<f32>) -> Light {
    let r = sqrt(max(1.0 - abs(d.z), 0.0));
    // atan2(0, 0) need not be a number.
    let part = select(atan2(abs(d.y), abs(d.x)) * (2.0 / PI), 0.0, d.x == 0.0 && d.y == 0.0);
    var v = part * r;
    var u = r - part * r;
    if d.z < 0.0 {
        let swapped = 1.0 - v;
        v = 1.0 - u;
        u = swapped;
    }
    let at = 0.5 + 0.5 * vec2<f32>(signed(u, d.x), signed(v, d.y));
    let cell = min(vec2<u32>(max(at, vec2<f32>(0.0)) * f32(EDGE)), vec2<u32>(EDGE - 1u));
    return light_at(cell.y * EDGE + cell.x, d);
}

fn drawn_light() -> Light {
    let choice = number();
    let x = number();
    let y = number();
    let scaled = choice * f32(EDGE * EDGE);
    let cell = min(u32(scaled), EDGE * EDGE - 1u);
    let entry = aliases[cell];
    let texel = select(cell, entry.y, scaled - f32(cell) > bitcast<f32>(entry.x));
    let column = f32(texel % EDGE);
    let row = f32(texel / EDGE);
    return light_at(texel, direction_from_square((column + x) / f32(EDGE), (row + y) / f32(EDGE)));
}

// Scattering: scatter.rs.

struct Scatter {
    albedo: vec3<f32>,
    out: vec3<f32>,
    normal: vec3<f32>,
    is_surface: bool,
}

struct Share {
    value: vec3<f32>,
    density: f32,
}

struct Turn {
    towards: vec3<f32>,
    weight: vec3<f32>,
    density: f32,
    found: bool,
}

fn unit_or(v: vec3<f32>, other: vec3<f32>) -> vec3<f32> {
    let square = dot(v, v);
    return select(other, v * inverseSqrt(max(square, 1e-37)), square > 1e-37 && square < HUGE);
}

fn fresnel(cosine: f32) -> f32 {
    let m = clamp(1.0 - cosine, 0.0, 1.0);
    let m2 = m * m;
    return params.mirror + (min(50.0 * params.mirror, 1.0) - params.mirror) * m2 * m2 * m;
}

fn mirrored_in_all(facing: f32) -> f32 {
    let x = 1.0 - params.roughness;
    let a = min(x * x, exp2(-9.28 * facing)) * x + 0.0425 - 0.0275 * params.roughness;
    let scale = 1.04 - 0.572 * params.roughness - 1.04 * a;
    let offset = 0.022 * params.roughness - 0.04 + 1.04 * a;
    return params.mirror * scale + min(50.0 * params.mirror, 1.0) * offset;
}

fn ggx(cosine: f32, alpha: f32) -> f32 {
    let a2 = alpha * alpha;
    let d = cosine * cosine * (a2 - 1.0) + 1.0;
    return a2 / (PI * d * d);
}

fn smith(cosine: f32, alpha: f32) -> f32 {
    let a2 = alpha * alpha;
    return 2.0 * cosine / (cosine + sqrt(a2 + (1.0 - a2) * cosine * cosine));
}

fn gloss_chance(scatter: Scatter, facing: f32) -> f32 {
    let gloss = fresnel(facing);
    let matte = max(max(scatter.albedo.r, scatter.albedo.g), scatter.albedo.b) * (1.0 - gloss);
    return clamp(gloss / max(gloss + matte, 1e-6), 0.1, 0.9);
}

fn evaluate(scatter: Scatter, towards: vec3<f32>) -> Share {
    if !scatter.is_surface {
        return Share(scatter.albedo * (0.25 / PI), 0.25 / PI);
    }
    let facing = dot(scatter.normal, scatter.out);
    let lit = dot(scatter.normal, towards);
    if facing <= 0.0 || lit <= 0.0 {
        return Share(vec3<f32>(0.0), 0.0);
    }
    let half_way = unit_or(scatter.out + towards, scatter.normal);
    let alpha = params.roughness * params.roughness;
    let shadowed = smith(facing, alpha);
    let distribution = ggx(dot(scatter.normal, half_way), alpha);
    let mirrored = fresnel(dot(scatter.out, half_way));
    let gloss = distribution * shadowed * smith(lit, alpha) * mirrored / (4.0 * facing);
    let below = max(1.0 - mirrored_in_all(facing), 0.0);
    let matte = scatter.albedo * (below * lit / PI);
    let chance = gloss_chance(scatter, facing);
    let density = chance * distribution * shadowed / (4.0 * facing) + (1.0 - chance) * lit / PI;
    return Share(matte + gloss, density);
}

fn on_sphere(x: f32, y: f32) -> vec3<f32> {
    let z = 1.0 - 2.0 * x;
    let flat = sqrt(max(1.0 - z * z, 0.0));
    return vec3<f32>(flat * cos(2.0 * PI * y), flat * sin(2.0 * PI * y), z);
}

fn visible_normal(out: vec3<f32>, alpha: f32, x: f32, y: f32) -> vec3<f32> {
    let up = vec3<f32>(0.0, 0.0, 1.0);
    let stretched = unit_or(vec3<f32>(out.xy * alpha, out.z), up);
    let z = (1.0 - x) * (1.0 + stretched.z) - stretched.z;
    let flat = sqrt(max(1.0 - z * z, 0.0));
    let half_way = vec3<f32>(flat * cos(2.0 * PI * y), flat * sin(2.0 * PI * y), z) + stretched;
    return unit_or(vec3<f32>(half_way.xy * alpha, max(half_way.z, 0.0)), up);
}

fn sample(scatter: Scatter) -> Turn {
    let choice = number();
    let x = number();
    let y = number();
    if !scatter.is_surface {
        return Turn(on_sphere(x, y), scatter.albedo, 0.25 / PI, true);
    }
    let n = scatter.normal;
    var towards: vec3<f32>;
    if choice < gloss_chance(scatter, dot(n, scatter.out)) {
        let s = select(1.0, -1.0, n.z < 0.0);
        let a = -1.0 / (s + n.z);
        let b = n.x * n.y * a;
        let axes = mat3x3<f32>(
            vec3<f32>(1.0 + s * n.x * n.x * a, s * b, -s * n.x),
            vec3<f32>(b, s + n.y * n.y * a, -n.y),
            n,
        );
        let facet = axes * visible_normal(scatter.out * axes, params.roughness * params.roughness, x, y);
        towards = 2.0 * dot(scatter.out, facet) * facet - scatter.out;
    } else {
        towards = unit_or(n + on_sphere(x, y), n);
    }
    let share = evaluate(scatter, towards);
    return Turn(towards, share.value / max(share.density, 1e-6), share.density, share.density > 1e-6);
}

fn scatter_at(p: vec3<f32>, index: u32, out: vec3<f32>) -> Scatter {
    let gradient = gradient_at(p);
    let change2 = dot(gradient, gradient);
    let is_surface = number() * (change2 + params.surface_change2) < change2;
    let cloud = albedos[index].rgb;
    let direction = unit_or(gradient, vec3<f32>(0.0));
    if all(direction == vec3<f32>(0.0)) {
        return Scatter(cloud, out, direction, false);
    }
    let normal = select(direction, -direction, dot(direction, out) < 0.0);
    return Scatter(select(cloud, albedos[TABLE_LEN + index].rgb, is_surface), out, normal, is_surface);
}

// Paths: path.rs.

struct Found {
    radiance: vec3<f32>,
    albedo: vec3<f32>,
    normal: vec3<f32>,
    depth_mm: f32,
    found: bool,
}

fn trace(column: u32, row: u32) -> Found {
    var result = Found(vec3<f32>(0.0), vec3<f32>(0.0), vec3<f32>(0.0), 0.0, false);
    let x = f32(column) + number() - 0.5;
    let y = f32(row) + number() - 0.5;
    let radius = sqrt(number());
    let angle = 2.0 * PI * number();
    let offset = (params.lens_right.xyz * cos(angle) + params.lens_up.xyz * sin(angle)) * radius;
    let origin = params.origin.xyz + params.origin_dx.xyz * x + params.origin_dy.xyz * y + offset;
    var along = params.direction.xyz + params.direction_dx.xyz * x + params.direction_dy.xyz * y
        - offset / params.focus_mm;
    along /= length(params.camera_from_voxel * along);
    let span = inside(origin, along);
    if !span.found {
        return result;
    }
    var flight = Flight(origin + along * span.enter, along, span.leave - span.enter);
    var hit = collide(flight);
    if !hit.found {
        return result;
    }
    var towards = unit_or(params.camera_from_voxel * along, vec3<f32>(0.0, 0.0, -1.0));
    result.depth_mm = span.enter + hit.t;
    var weight = vec3<f32>(1.0);
    for (var bounce = 0u; bounce <= params.max_bounces; bounce++) {
        let p = flight.origin + flight.along * hit.t;
        let scatter = scatter_at(p, hit.index, -towards);
        if bounce == 0u {
            result.albedo = scatter.albedo;
            result.normal = scatter.normal;
        }
        let lamp = drawn_light();
        let share = evaluate(scatter, lamp.towards);
        if any(share.value != vec3<f32>(0.0)) {
            let passed = transmittance(onward(p, lamp.towards));
            result.radiance += weight * share.value * lamp.radiance * (passed / (lamp.density + share.density));
        }
        if bounce == params.max_bounces {
            break;
        }
        if bounce >= SURE_BOUNCES {
            let survival = min(max(max(weight.r, weight.g), weight.b), 1.0);
            if number() >= survival {
                break;
            }
            weight /= survival;
        }
        let turn = sample(scatter);
        if !turn.found {
            break;
        }
        towards = turn.towards;
        weight *= turn.weight;
        flight = onward(p, towards);
        hit = collide(flight);
        if !hit.found {
            let seen = seen_towards(towards);
            result.radiance += weight * seen.radiance * (turn.density / (turn.density + seen.density));
            break;
        }
    }
    let brightest = max(max(result.radiance.r, result.radiance.g), result.radiance.b);
    if brightest > MAX_RADIANCE {
        result.radiance *= MAX_RADIANCE / brightest;
    }
    // False for what is no number.
    result.found = all(result.radiance >= vec3<f32>(0.0)) && brightest < HUGE;
    return result;
}

@compute @workgroup_size(8, 8)
fn cinematic(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.row_count {
        return;
    }
    let row = id.y + params.first_row;
    var light = vec4<f32>(0.0);
    var albedo = vec4<f32>(0.0);
    var normal = vec4<f32>(0.0);
    for (var i = 0u; i < params.sample_count; i++) {
        start(row * params.width + id.x, params.first_sample + i);
        let path = trace(id.x, row);
        if path.found {
            let luminance = dot(path.radiance, LUMINANCE);
            light += vec4<f32>(path.radiance, luminance * luminance);
            albedo += vec4<f32>(path.albedo, path.depth_mm);
            normal += vec4<f32>(path.normal, 1.0);
        }
    }
    let at = 3u * (id.y * params.width + id.x);
    sums[at] = light;
    sums[at + 1u] = albedo;
    sums[at + 2u] = normal;
}
