//! Random numbers that depend on the pixel and the number of the sample alone, so that a picture
//! does not depend on threads, and a GPU draws the same numbers.

/// Numbers of each path that come from a lattice over the samples of a pixel, which converges faster
/// than chance: pixel, lens, first distance, first scattering. All later ones are pseudorandom.
pub(super) const LATTICE: [u32; 8] = [
    // 2^32 / phi^i for the real root phi of phi^9 = phi + 1 (Roberts 2018, "The unreasonable
    // effectiveness of quasirandom sequences").
    0xEBED_EED9,
    0xD96E_B1A8,
    0xC862_B36D,
    0xB8AC_D90C,
    0xAA32_4F90,
    0x9CDA_5E69,
    0x908E_3D2C,
    0x8538_ECB5,
];

/// One path's numbers, in order.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    sample: u32,
    drawn: usize,
    /// Shifts the lattice: the same for all samples of a pixel.
    rotation: u32,
    state: u32,
}

impl Sampler {
    pub fn new(seed: u32, pixel: u32, sample: u32) -> Self {
        let rotation = mix(pixel ^ mix(seed));
        Self { sample, drawn: 0, rotation, state: mix(rotation ^ mix(sample)) }
    }

    /// A number in 0..1, a multiple of 2^-24.
    #[inline]
    pub fn next(&mut self) -> f32 {
        let bits = if let Some(step) = LATTICE.get(self.drawn) {
            self.drawn += 1;
            self.rotation = advance(self.rotation);
            output(self.rotation).wrapping_add(self.sample.wrapping_mul(*step))
        } else {
            self.state = advance(self.state);
            output(self.state)
        };
        (bits >> 8) as f32 * (1.0 / 16_777_216.0)
    }
}

#[inline]
fn mix(x: u32) -> u32 {
    output(advance(x))
}

/// The generator PCG-RXS-M-XS of 32 bits (O'Neill 2014, HMC-CS-2014-0905).
#[inline]
fn advance(state: u32) -> u32 {
    state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453)
}

#[inline]
fn output(state: u32) -> u32 {
    let word = ((state >> ((state >> 28) + 4)) ^ state).wrapping_mul(277_803_737);
    (word >> 22) ^ word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fill_the_unit_interval_evenly_in_every_dimension() {
        let samples = 4096;
        for dimension in 0..12 {
            let mut bins = [0u32; 16];
            for sample in 0..samples {
                let mut sampler = Sampler::new(7, 123, sample);
                let drawn = (0..=dimension).map(|_| sampler.next()).last().unwrap_or_default();
                assert!((0.0..1.0).contains(&drawn));
                bins[(drawn * 16.0) as usize] += 1;
            }
            // 256 expected; chance strays by 16, a lattice by next to nothing.
            let most = if dimension < LATTICE.len() { 8 } else { 80 };
            assert!(bins.iter().all(|n| n.abs_diff(256) <= most), "{dimension}: {bins:?}");
        }
    }

    #[test]
    fn paths_of_neighbouring_pixels_are_unrelated() {
        let first = |pixel| Sampler::new(1, pixel, 0).next();
        let mean = (0..10_000).map(|p| (first(p) - 0.5) * (first(p + 1) - 0.5)).sum::<f32>() / 1e4;
        assert!(mean.abs() < 0.003, "{mean}");
    }
}
