//! Tables that a transfer function becomes: what a back end looks up for each sample.

/// Entries of a transfer table: more than one per HU over any window a doctor uses.
pub const TABLE_LEN: usize = 4096;

/// Entries of a gradient opacity table.
pub const GRADIENT_TABLE_LEN: usize = 256;

/// No entry lets less than this through where extinctions are summed up: of full opacity there is
/// no finite extinction.
const LEAST_TRANSPARENCY: f64 = 1e-3;

/// Colour and opacity by value, ready to look up. Entry i stands for value `low + i / scale`;
/// alpha is already corrected for the step.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferTable {
    pub low: f32,
    pub scale: f32,
    /// `TABLE_LEN` entries of straight (not premultiplied) r, g, b, alpha.
    pub rgba: Vec<[f32; 4]>,
    /// For pre-integrated transfer functions (Engel, Kraus and Ertl 2001): `TABLE_LEN` running
    /// integrals over the entries before, by the trapezoid rule and in units of entries, of
    /// extinction per step times r, g, b, and of extinction per step.
    pub integral: Option<Vec<[f32; 4]>>,
}

impl TransferTable {
    /// Covers the values from `low` to `high`; outside them the end entries hold. `look` tells r, g, b and
    /// the opacity of 1 mm of a value.
    pub fn new((low, high): (f32, f32), look: impl Fn(f32) -> [f32; 4], step_mm: f32) -> Self {
        let scale = (TABLE_LEN - 1) as f32 / (high - low).max(1e-3);
        let rgba = (0..TABLE_LEN)
            .map(|i| {
                let value = low + i as f32 / scale;
                let [r, g, b, opacity] = look(value);
                [r, g, b, 1.0 - (1.0 - opacity).powf(step_mm)]
            })
            .collect();
        Self { low, scale, rgba, integral: None }
    }

    /// The same with running integrals.
    pub fn integrated(mut self) -> Self {
        let density = |&[r, g, b, alpha]: &[f32; 4]| {
            let extinction = -(1.0 - f64::from(alpha)).max(LEAST_TRANSPARENCY).ln();
            [r, g, b, 1.0].map(|c| f64::from(c) * extinction)
        };
        let mut sum = [0.0f64; 4];
        let mut integral = vec![[0.0f32; 4]];
        for pair in self.rgba.windows(2) {
            let (a, b) = (density(&pair[0]), density(&pair[1]));
            sum = std::array::from_fn(|c| sum[c] + (a[c] + b[c]) / 2.0);
            integral.push(sum.map(|x| x as f32));
        }
        self.integral = Some(integral);
        self
    }

    /// The entry that stands for a value.
    #[inline]
    pub fn index(&self, value: f32) -> usize {
        ((value - self.low) * self.scale + 0.5).clamp(0.0, (TABLE_LEN - 1) as f32) as usize
    }

    #[inline]
    pub fn lookup(&self, value: f32) -> [f32; 4] {
        self.rgba[self.index(value)]
    }

    /// What a step shows over which the value runs from `front` to `back` evenly: the mean
    /// extinction and the mean colour by extinction of all entries between. Where both ends share
    /// an entry, or without integrals, it is that entry.
    #[inline]
    pub fn lookup_segment(&self, front: f32, back: f32) -> [f32; 4] {
        let (i, j) = (self.index(front), self.index(back));
        let Some(integral) = self.integral.as_ref().filter(|_| i != j) else { return self.rgba[i] };
        let (low, high) = (integral[i.min(j)], integral[i.max(j)]);
        let extinction = high[3] - low[3];
        if extinction <= 0.0 {
            return [0.0; 4];
        }
        let [r, g, b] = std::array::from_fn(|c| (high[c] - low[c]) / extinction);
        [r, g, b, 1.0 - (-extinction / i.abs_diff(j) as f32).exp()]
    }
}

/// How much of a sample's opacity is left by the magnitude of its gradient. Entry i stands for a
/// magnitude of `i / scale` value units per mm; the nearest entry counts.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientOpacity {
    pub scale: f32,
    /// `GRADIENT_TABLE_LEN` factors from 0 to 1.
    pub factors: Vec<f32>,
}

impl GradientOpacity {
    /// Covers magnitudes up to `last`, beyond which the last factor holds.
    pub fn new(last: f32, factor: impl Fn(f32) -> f32) -> Self {
        let scale = (GRADIENT_TABLE_LEN - 1) as f32 / last.max(1e-3);
        let factors = (0..GRADIENT_TABLE_LEN).map(|i| factor(i as f32 / scale)).collect();
        Self { scale, factors }
    }

    #[inline]
    pub fn factor(&self, magnitude: f32) -> f32 {
        let index = (magnitude * self.scale + 0.5).clamp(0.0, (GRADIENT_TABLE_LEN - 1) as f32);
        self.factors[index as usize]
    }
}
