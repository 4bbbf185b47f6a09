// Interpolation by the card's texture unit, whose weights are coarse: most have 8 bits.

fn value_at(p: vec3<f32>) -> f32 {
    let inside = clamp(p, vec3<f32>(0.0), grid.last_voxel.xyz);
    if PIECES == 1u {
        return rescaled(filtered(0u, inside));
    }
    let cell = cell_at(inside);
    let low = place(cell);
    return rescaled(filtered(low.piece, vec3<f32>(low.at) + (inside - vec3<f32>(cell))));
}
