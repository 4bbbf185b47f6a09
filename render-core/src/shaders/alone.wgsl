// In place of layers.wgsl where the first volume is shown alone: compilers then see that nothing else
// is asked for.

const LAYERED: bool = false;

fn layer_count() -> u32 {
    return 0u;
}

fn layer_color(i: u32, p: vec3<f32>) -> vec4<f32> {
    return vec4<f32>(0.0);
}

fn layer_normal(i: u32, p: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(0.0);
}

fn layer_along(i: u32, ray: Ray, samples: Samples, first_mm: f32, is_slice: bool) -> vec4<f32> {
    return vec4<f32>(0.0);
}
