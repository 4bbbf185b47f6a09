// Other volumes shown with the first, as cpu/layers.rs shows them.

struct Layer {
    // Rows that give the layer's voxel position from the first volume's.
    from_voxel_x: vec4<f32>,
    from_voxel_y: vec4<f32>,
    from_voxel_z: vec4<f32>,
    last_voxel: vec4<f32>,
    table_low: f32,
    table_scale: f32,
    opacity: f32,
    // Where its colours begin in `layer_colors`.
    first_color: u32,
    // Colours of labels; 0: colours are a table by value.
    label_count: u32,
}

struct Layers {
    list: array<Layer, 4>,
    count: u32,
}

@group(3) @binding(0) var<uniform> layers: Layers;
@group(3) @binding(1) var<storage, read> layer_colors: array<vec4<f32>>;
// Rescaled values.
@group(3) @binding(2) var layer0: texture_3d<f32>;
@group(3) @binding(3) var layer1: texture_3d<f32>;
@group(3) @binding(4) var layer2: texture_3d<f32>;
@group(3) @binding(5) var layer3: texture_3d<f32>;

const LAYERED: bool = true;

fn layer_count() -> u32 {
    return layers.count;
}

fn layer_texel(i: u32, at: vec3<i32>) -> f32 {
    switch i {
        case 1u: { return textureLoad(layer1, at, 0).r; }
        case 2u: { return textureLoad(layer2, at, 0).r; }
        case 3u: { return textureLoad(layer3, at, 0).r; }
        default: { return textureLoad(layer0, at, 0).r; }
    }
}

fn layer_position(i: u32, p: vec3<f32>) -> vec3<f32> {
    let x = layers.list[i].from_voxel_x;
    let y = layers.list[i].from_voxel_y;
    let z = layers.list[i].from_voxel_z;
    return vec3<f32>(dot(x.xyz, p) + x.w, dot(y.xyz, p) + y.w, dot(z.xyz, p) + z.w);
}

fn layer_covers(i: u32, q: vec3<f32>) -> bool {
    return all(q >= vec3<f32>(-0.5)) && all(q <= layers.list[i].last_voxel.xyz + 0.5);
}

fn layer_value(i: u32, q: vec3<f32>) -> f32 {
    let last = vec3<i32>(layers.list[i].last_voxel.xyz);
    let inside = clamp(q, vec3<f32>(0.0), layers.list[i].last_voxel.xyz);
    let l = min(vec3<i32>(inside), max(last - 1, vec3<i32>(0)));
    let h = min(l + 1, last);
    let f = inside - vec3<f32>(l);
    let a = mix(layer_texel(i, l), layer_texel(i, vec3<i32>(h.x, l.y, l.z)), f.x);
    let b = mix(layer_texel(i, vec3<i32>(l.x, h.y, l.z)), layer_texel(i, vec3<i32>(h.x, h.y, l.z)), f.x);
    let c = mix(layer_texel(i, vec3<i32>(l.x, l.y, h.z)), layer_texel(i, vec3<i32>(h.x, l.y, h.z)), f.x);
    let d = mix(layer_texel(i, vec3<i32>(l.x, h.y, h.z)), layer_texel(i, h), f.x);
    return mix(mix(a, b, f.y), mix(c, d, f.y), f.z);
}

// The label of the nearest voxel; -1 outside of the layer.
fn label_at(i: u32, p: vec3<f32>) -> i32 {
    let q = layer_position(i, p);
    if !layer_covers(i, q) {
        return -1;
    }
    let nearest = clamp(floor(q + 0.5), vec3<f32>(0.0), layers.list[i].last_voxel.xyz);
    return i32(max(floor(layer_texel(i, vec3<i32>(nearest)) + 0.5), 0.0));
}

fn label_color(i: u32, p: vec3<f32>) -> vec4<f32> {
    let label = label_at(i, p);
    if label < 0 || label >= i32(layers.list[i].label_count) {
        return vec4<f32>(0.0);
    }
    return layer_colors[layers.list[i].first_color + u32(label)];
}

fn layer_entry(i: u32, value: f32) -> vec4<f32> {
    let index = (value - layers.list[i].table_low) * layers.list[i].table_scale + 0.5;
    return layer_colors[layers.list[i].first_color + u32(clamp(index, 0.0, f32(TABLE_LEN - 1u)))];
}

// Straight colour and alpha at a voxel position of the first volume.
fn layer_color(i: u32, p: vec3<f32>) -> vec4<f32> {
    var color = vec4<f32>(0.0);
    if layers.list[i].label_count > 0u {
        color = label_color(i, p);
    } else {
        let q = layer_position(i, p);
        if layer_covers(i, q) {
            color = layer_entry(i, layer_value(i, q));
        }
    }
    return vec4<f32>(color.rgb, color.a * layers.list[i].opacity);
}

// A layer's values, or 1 where the label is the same as `here`.
fn layer_field(i: u32, p: vec3<f32>, here: i32) -> f32 {
    if layers.list[i].label_count > 0u {
        return select(0.0, 1.0, label_at(i, p) == here);
    }
    return layer_value(i, layer_position(i, p));
}

fn layer_normal(i: u32, p: vec3<f32>) -> vec3<f32> {
    let x = vec3<f32>(1.0, 0.0, 0.0);
    let y = vec3<f32>(0.0, 1.0, 0.0);
    let z = vec3<f32>(0.0, 0.0, 1.0);
    let here = label_at(i, p);
    let gradient = vec3<f32>(
        layer_field(i, p + x, here) - layer_field(i, p - x, here),
        layer_field(i, p + y, here) - layer_field(i, p - y, here),
        layer_field(i, p + z, here) - layer_field(i, p - z, here),
    );
    return params.patient_from_gradient * gradient;
}

// What a layer shows of the samples of a projection or a slab.
fn layer_along(i: u32, ray: Ray, samples: Samples, first_mm: f32, is_slice: bool) -> vec4<f32> {
    let opacity = vec4<f32>(1.0, 1.0, 1.0, layers.list[i].opacity);
    let by_label = layers.list[i].label_count > 0u;
    if by_label && is_slice {
        return label_color(i, ray.origin) * opacity;
    }
    var count = 0.0;
    var sum = 0.0;
    var highest = -HUGE;
    var lowest = HUGE;
    for (var k = samples.first; k <= samples.last; k++) {
        let p = at(ray, first_mm + f32(k) * params.step_mm);
        if any(p < vec3<f32>(-0.5)) || any(p > grid.last_voxel.xyz + 0.5) {
            continue;
        }
        if by_label {
            let color = label_color(i, p);
            if color.a > 0.0 {
                return color * opacity;
            }
            continue;
        }
        let q = layer_position(i, p);
        if layer_covers(i, q) {
            let value = layer_value(i, q);
            count += 1.0;
            sum += value;
            highest = max(highest, value);
            lowest = min(lowest, value);
        }
    }
    if count == 0.0 {
        return vec4<f32>(0.0);
    }
    var value = sum / count;
    if params.combine == COMBINE_MAXIMUM {
        value = highest;
    } else if params.combine == COMBINE_MINIMUM {
        value = lowest;
    }
    return layer_entry(i, value) * opacity;
}
