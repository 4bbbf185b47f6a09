//! The reversible wavelet 5/3 (ITU-T T.800 annex F), which gives back what was transformed.

/// Which of a pair of neighbours stands at the edge: where a signal begins at an odd place, with a
/// difference.
struct Pairs {
    low: usize,
    high: usize,
    odd: usize,
}

impl Pairs {
    fn new(start: u32, length: usize) -> Self {
        let odd = (start & 1) as usize;
        let low = (length + 1 - odd) / 2;
        Self { low, high: length - low, odd }
    }

    /// The differences on both sides of a mean.
    fn beside_low(&self, n: usize) -> [usize; 2] {
        let last = self.high - 1;
        [(n + self.odd).saturating_sub(1).min(last), (n + self.odd).min(last)]
    }

    /// The means on both sides of a difference.
    fn beside_high(&self, n: usize) -> [usize; 2] {
        let last = self.low - 1;
        [n.saturating_sub(self.odd).min(last), (n + 1 - self.odd).min(last)]
    }
}

#[inline(always)]
fn mean(low: i32, before: i32, after: i32) -> i32 {
    low.wrapping_sub(before.wrapping_add(after).wrapping_add(2) >> 2)
}

#[inline(always)]
fn difference(high: i32, before: i32, after: i32) -> i32 {
    high.wrapping_add(before.wrapping_add(after) >> 1)
}

/// Joins the four bands of a resolution, which lie in quarters of the upper left `width` x `height` of
/// `samples`, rows of `stride`. It begins at `start`. `room` is as large as the resolution.
pub fn join(
    samples: &mut [i32],
    stride: usize,
    [width, height]: [usize; 2],
    start: [u32; 2],
    room: &mut Vec<i32>,
) {
    if width == 0 || height == 0 {
        return;
    }
    room.clear();
    room.resize(width * height, 0);
    let pairs = Pairs::new(start[0], width);
    let mut means = vec![0; pairs.low];
    for (row, out) in samples.chunks(stride).zip(room.chunks_exact_mut(width)) {
        join_row(&row[..width], out, &pairs, &mut means);
    }
    let pairs = Pairs::new(start[1], height);
    if pairs.low == 0 || pairs.high == 0 {
        let halve = pairs.odd as u32;
        samples[..width].iter_mut().zip(&room[..width]).for_each(|(out, &s)| *out = s >> halve);
        return;
    }
    let (low, high) = room.split_at(pairs.low * width);
    let low = |n: usize| &low[n * width..][..width];
    let high = |n: usize| &high[n * width..][..width];
    let place = |k: usize| k * stride..k * stride + width;
    // Means first, two rows ahead of the differences between them.
    let write_mean = |samples: &mut [i32], n: usize| {
        let [before, after] = pairs.beside_low(n).map(high);
        let out = &mut samples[place(2 * n + pairs.odd)];
        for (((out, &low), &before), &after) in out.iter_mut().zip(low(n)).zip(before).zip(after) {
            *out = mean(low, before, after);
        }
    };
    let write_difference = |samples: &mut [i32], n: usize| {
        let at = 2 * n + 1 - pairs.odd;
        let [before, after] = pairs.beside_high(n).map(|n| 2 * n + pairs.odd);
        let (first, rest) = samples.split_at_mut(at * stride);
        let (out, rest) = rest.split_at_mut(width);
        let row =
            |k: usize| if k < at { &first[place(k)] } else { &rest[(k - at) * stride - width..][..width] };
        for (((out, &high), &before), &after) in out.iter_mut().zip(high(n)).zip(row(before)).zip(row(after))
        {
            *out = difference(high, before, after);
        }
    };
    for n in 0..pairs.low {
        write_mean(samples, n);
        // The difference whose two means are there.
        if let Some(ready) = (n + pairs.odd).checked_sub(1).filter(|&ready| ready < pairs.high) {
            write_difference(samples, ready);
        }
    }
    (pairs.low + pairs.odd - 1..pairs.high).for_each(|n| write_difference(samples, n));
}

fn join_row(row: &[i32], out: &mut [i32], pairs: &Pairs, means: &mut [i32]) {
    if pairs.low == 0 || pairs.high == 0 {
        out[0] = row[0] >> pairs.odd;
        return;
    }
    let (low, high) = row.split_at(pairs.low);
    let edge = |n: usize| {
        let [before, after] = pairs.beside_low(n);
        mean(low[n], high[before], high[after])
    };
    // All but the edges have both neighbours.
    let inner = pairs.high - 1;
    let first = 1 - pairs.odd;
    means[0] = edge(0);
    let middle = means[first..].iter_mut().zip(&low[first..]).zip(high.windows(2)).take(inner);
    middle.for_each(|((mean_out, &low), high)| *mean_out = mean(low, high[0], high[1]));
    let last = pairs.low - 1;
    means[last] = edge(last);

    let between = |n: usize| {
        let [before, after] = pairs.beside_high(n);
        difference(high[n], means[before], means[after])
    };
    if pairs.odd == 0 {
        let inner = out.as_chunks_mut::<2>().0.iter_mut().zip(means.windows(2)).zip(high);
        inner.for_each(|((pair, means), &high)| *pair = [means[0], difference(high, means[0], means[1])]);
        out[2 * last] = means[last];
        if pairs.high == pairs.low {
            out[2 * last + 1] = between(last);
        }
    } else {
        out[0] = between(0);
        let inner = out[1..].as_chunks_mut::<2>().0.iter_mut().zip(means.windows(2)).zip(&high[1..]);
        inner.for_each(|((pair, means), &high)| *pair = [means[0], difference(high, means[0], means[1])]);
        out[2 * last + 1] = means[last];
        if pairs.high > pairs.low {
            out[2 * last + 2] = between(last + 1);
        }
    }
}
