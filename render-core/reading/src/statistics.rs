//! Mean, deviation, extremes and histogram of values that come row by row.

use rayon::prelude::*;
use render_core::Progress;
use serde::{Deserialize, Serialize};

/// Bars of a histogram.
const BINS: usize = 64;
/// Rows that one core takes at a time.
const ROWS: usize = 64;

/// Of the values of voxels or samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    pub count: u64,
    pub mean: f64,
    /// Of the values themselves, not an estimate for more of them: divided by their number.
    pub standard_deviation: f64,
    pub minimum: f64,
    pub maximum: f64,
    /// From the smallest to the largest value, in bars of equal width.
    pub histogram: Vec<u64>,
}

/// The work was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

#[derive(Clone, Copy)]
struct Part {
    count: u64,
    sum: f64,
    low: f64,
    high: f64,
}

impl Statistics {
    /// `row` appends the values of one row to an empty list; it is asked twice for each, on many cores. `None`
    /// where there are no values. Sums are added in the order of rows, so that they are the same every time.
    pub(crate) fn of_rows(
        rows: usize,
        row: impl Fn(usize, &mut Vec<f32>) + Sync,
        progress: &Progress,
    ) -> Result<Option<Self>, Cancelled> {
        progress.add_total(2 * rows as u64);
        let begun: Vec<usize> = (0..rows).step_by(ROWS).collect();
        let visit = |first: usize, each: &mut dyn FnMut(f64)| {
            let mut values = Vec::new();
            let end = (first + ROWS).min(rows);
            for i in first..end {
                if progress.is_cancelled() {
                    return Err(Cancelled);
                }
                values.clear();
                row(i, &mut values);
                values.iter().for_each(|&v| each(f64::from(v)));
            }
            progress.add_done((end - first) as u64);
            Ok(())
        };
        let parts: Vec<Part> = begun
            .par_iter()
            .map(|&first| {
                let mut part = Part { count: 0, sum: 0.0, low: f64::INFINITY, high: f64::NEG_INFINITY };
                visit(first, &mut |v| {
                    part.count += 1;
                    part.sum += v;
                    part.low = part.low.min(v);
                    part.high = part.high.max(v);
                })?;
                Ok(part)
            })
            .collect::<Result<_, Cancelled>>()?;
        let count: u64 = parts.iter().map(|part| part.count).sum();
        if count == 0 {
            return Ok(None);
        }
        let mean = parts.iter().map(|part| part.sum).sum::<f64>() / count as f64;
        let minimum = parts.iter().map(|part| part.low).fold(f64::INFINITY, f64::min);
        let maximum = parts.iter().map(|part| part.high).fold(f64::NEG_INFINITY, f64::max);
        let per_value = BINS as f64 / (maximum - minimum).max(f64::MIN_POSITIVE);
        let spread: Vec<(f64, Vec<u64>)> = begun
            .par_iter()
            .map(|&first| {
                let (mut squares, mut bins) = (0.0, vec![0u64; BINS]);
                visit(first, &mut |v| {
                    squares += (v - mean).powi(2);
                    bins[(((v - minimum) * per_value) as usize).min(BINS - 1)] += 1;
                })?;
                Ok((squares, bins))
            })
            .collect::<Result<_, Cancelled>>()?;
        let mut histogram = vec![0u64; BINS];
        let mut squares = 0.0;
        for (part, bins) in spread {
            squares += part;
            histogram.iter_mut().zip(bins).for_each(|(all, bin)| *all += bin);
        }
        let standard_deviation = (squares / count as f64).sqrt();
        Ok(Some(Self { count, mean, standard_deviation, minimum, maximum, histogram }))
    }

    /// With every value multiplied by a factor above 0.
    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        for value in [&mut self.mean, &mut self.standard_deviation, &mut self.minimum, &mut self.maximum] {
            *value *= factor;
        }
        self
    }
}
