//! Counter-based randomness: every value is a function of a seed and an index, whatever the order or the thread.

use glam::Vec3;

/// SplitMix64's finaliser over a key and a counter.
pub(super) fn hash(key: u64, counter: u64) -> u64 {
    let mut z = key ^ counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Uniform in [0, 1).
pub(super) fn unit(key: u64, counter: u64) -> f32 {
    (hash(key, counter) >> 40) as f32 / (1_u64 << 24) as f32
}

/// Two independent standard normal deviates (Box and Muller).
fn gaussians(key: u64, counter: u64) -> [f32; 2] {
    let bits = hash(key, counter);
    let u = ((bits >> 40) as f32 + 0.5) / (1_u64 << 24) as f32;
    let v = (bits & 0xff_ffff) as f32 / (1_u64 << 24) as f32;
    let radius = (-2.0 * u.ln()).sqrt();
    let (sin, cos) = (std::f32::consts::TAU * v).sin_cos();
    [radius * cos, radius * sin]
}

/// Half of the reconstruction kernel that makes neighbouring pixels of a slice share noise, as in a scanner's image.
const KERNEL: [f32; 2] = [1.0, 0.45];

/// Gaussian noise of one slice, sigma `sigma_hu`, `columns * rows`, x fastest.
pub(super) fn slice_noise(seed: u64, slice: usize, columns: usize, rows: usize, sigma_hu: f32) -> Vec<f32> {
    if sigma_hu == 0.0 {
        return vec![0.0; columns * rows];
    }
    let [centre, side] = KERNEL;
    let key = hash(seed, slice as u64);
    let wide = columns + 2;
    let pairs = (wide * (rows + 2)).div_ceil(2) as u64;
    let white: Vec<f32> = (0..pairs).flat_map(|index| gaussians(key, index)).collect();
    let mut across = vec![0.0; columns * (rows + 2)];
    for (line, source) in across.chunks_exact_mut(columns).zip(white.chunks_exact(wide)) {
        for (x, value) in line.iter_mut().enumerate() {
            *value = centre * source[x + 1] + side * (source[x] + source[x + 2]);
        }
    }
    // The kernel's own gain is its sum of squares, once for each axis.
    let scale = sigma_hu / (centre * centre + 2.0 * side * side);
    let mut noise = vec![0.0; columns * rows];
    for (index, value) in noise.iter_mut().enumerate() {
        let above = across[index];
        let here = across[index + columns];
        let below = across[index + 2 * columns];
        *value = scale * (centre * here + side * (above + below));
    }
    noise
}

const CELLS: usize = 32;

/// Smooth variation in space at two scales, each within about -1..1, the same for every seed.
pub(super) struct Texture {
    lattice: Vec<f32>,
}

impl Texture {
    pub fn new() -> Self {
        let lattice = (0..CELLS.pow(3)).map(|index| 2.0 * unit(0x7465_7874, index as u64) - 1.0).collect();
        Self { lattice }
    }

    /// (coarse, fine) at a patient point: cells of 10 mm and 3 mm.
    pub fn at(&self, p: Vec3) -> (f32, f32) {
        (self.value(p / 10.0), self.value(p / 3.0 + 7.5))
    }

    fn value(&self, p: Vec3) -> f32 {
        let cell = p.floor();
        let f = p - cell;
        let f = f * f * (3.0 - 2.0 * f);
        let wrap = |v: f32| (v as i32).rem_euclid(CELLS as i32) as usize;
        let (x0, y0, z0) = (wrap(cell.x), wrap(cell.y), wrap(cell.z));
        let next = |v: usize| (v + 1) % CELLS;
        let (x1, y1, z1) = (next(x0), next(y0), next(z0));
        let line = |y: usize, z: usize| {
            let row = (z * CELLS + y) * CELLS;
            let (a, b) = (self.lattice[row + x0], self.lattice[row + x1]);
            a + (b - a) * f.x
        };
        let plane = |z: usize| {
            let (a, b) = (line(y0, z), line(y1, z));
            a + (b - a) * f.y
        };
        let (a, b) = (plane(z0), plane(z1));
        a + (b - a) * f.z
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slice_noise_has_the_asked_sigma_and_no_mean() {
        let noise = slice_noise(7, 3, 256, 256, 12.0);
        let n = noise.len() as f32;
        let mean = noise.iter().sum::<f32>() / n;
        let sigma = (noise.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt();
        assert!(mean.abs() < 0.3, "mean {mean}");
        assert!((sigma - 12.0).abs() < 0.3, "sigma {sigma}");
    }
}
