// Trilinear interpolation in full precision, as cpu/reference.rs does it.

fn value_at(p: vec3<f32>) -> f32 {
    let inside = clamp(p, vec3<f32>(0.0), grid.last_voxel.xyz);
    let cell = cell_at(inside);
    let f = inside - vec3<f32>(cell);
    let low = place(cell);
    let i = low.piece;
    let l = low.at;
    // Along an axis of one voxel there is no next one.
    let h = l + min(vec3<i32>(1), vec3<i32>(grid.last_voxel.xyz));
    let a = texel(i, l);
    let b = texel(i, vec3<i32>(l.x, h.y, l.z));
    let c = texel(i, vec3<i32>(l.x, l.y, h.z));
    let d = texel(i, vec3<i32>(l.x, h.y, h.z));
    let row_a = a + (texel(i, vec3<i32>(h.x, l.y, l.z)) - a) * f.x;
    let row_b = b + (texel(i, vec3<i32>(h.x, h.y, l.z)) - b) * f.x;
    let row_c = c + (texel(i, vec3<i32>(h.x, l.y, h.z)) - c) * f.x;
    let row_d = d + (texel(i, h) - d) * f.x;
    let layer_a = row_a + (row_b - row_a) * f.y;
    let layer_b = row_c + (row_d - row_c) * f.y;
    return rescaled(layer_a + (layer_b - layer_a) * f.z);
}
