//! A label for each voxel, in blocks of rows that copies share: a change copies the blocks that it touches, and what
//! lets go of a whole volume lets go of what was changed in it.

use std::sync::Arc;

use rayon::prelude::*;

use crate::segmentation::Run;

/// Most labels of a block, where a row is not longer.
const BLOCK: usize = 1 << 16;
/// So many blocks are freed at once.
const QUICK: usize = 16;

/// Labels in the order of the volume: column fastest, then row, then slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    columns: usize,
    /// Of all slices.
    rows: usize,
    /// Rows of a block, as the power of two that they are.
    block_rows: u32,
    /// All of one size; the last one's rows beyond the volume are unused.
    blocks: Vec<Arc<[u8]>>,
    /// A block without labels, which stands in all places that hold none yet.
    empty: Arc<[u8]>,
}

impl Labels {
    /// Rows of all slices, without labels.
    pub(crate) fn new(columns: usize, rows: usize) -> Self {
        let block_rows = (BLOCK / columns.max(1)).max(1).ilog2();
        let empty: Arc<[u8]> = vec![0; columns << block_rows].into();
        let blocks = vec![Arc::clone(&empty); rows.div_ceil(1 << block_rows)];
        Self { columns, rows, block_rows, blocks, empty }
    }

    /// Voxels.
    #[expect(clippy::len_without_is_empty, reason = "a grid has voxels")]
    pub fn len(&self) -> usize {
        self.columns * self.rows
    }

    /// A row, counted through all slices.
    #[inline]
    pub fn row(&self, n: usize) -> &[u8] {
        let first = (n & ((1 << self.block_rows) - 1)) * self.columns;
        &self.blocks[n >> self.block_rows][first..first + self.columns]
    }

    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.rows).map(|n| self.row(n))
    }

    pub fn iter(&self) -> impl Iterator<Item = &u8> {
        self.rows().flatten()
    }

    /// Whether any voxel has a label.
    pub fn any(&self) -> bool {
        self.parts().any(|(_, part)| part.iter().any(|&label| label != 0))
    }

    /// Where labels may be, by the first voxel: nothing outside these has one.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let used = self.blocks.iter().enumerate().filter(|(_, block)| !Arc::ptr_eq(block, &self.empty));
        used.map(|(n, block)| {
            let first = n * self.empty.len();
            (first, &block[..block.len().min(self.len() - first)])
        })
    }

    /// Bytes that are held by these labels and not by others.
    pub(crate) fn bytes_beside(&self, others: Option<&Self>) -> usize {
        let others = others.filter(|others| (others.columns, others.rows) == (self.columns, self.rows));
        let shared = |n: usize, block: &Arc<[u8]>| {
            Arc::ptr_eq(block, &self.empty)
                || others
                    .and_then(|others| others.blocks.get(n))
                    .is_some_and(|other| Arc::ptr_eq(block, other))
        };
        let own = self.blocks.iter().enumerate().filter(|(n, block)| !shared(*n, block));
        own.count() * self.empty.len()
    }

    /// Gives voxels a label, and adds what they had to `before`. Runs that leave the volume change nothing.
    pub(crate) fn fill(&mut self, run: Run, label: u8, before: &mut Vec<(Run, u8)>) {
        let (mut first, end) = (run.start as usize, run.start as usize + run.length as usize);
        if end > self.len() {
            return;
        }
        let size = self.empty.len();
        while first < end {
            let (n, from) = (first / size, first % size);
            let to = size.min(from + end - first);
            let block = &mut self.blocks[n];
            if block[from..to].iter().any(|&own| own != label) {
                replace(&mut Arc::make_mut(block)[from..to], first as u32, label, before);
            }
            first += to - from;
        }
    }

    /// Takes a label from all voxels, on all cores. Returns whether there was any.
    pub(crate) fn clear(&mut self, label: u8) -> bool {
        let (empty, rest) = (&self.empty, |own: u8| if own == label { 0 } else { own });
        let clear = |block: &mut Arc<[u8]>| {
            let has = block.contains(&label);
            if has {
                let cleared: Arc<[u8]> = block.iter().map(|&own| rest(own)).collect();
                let is_empty = cleared.iter().all(|&own| own == 0);
                *block = if is_empty { Arc::clone(empty) } else { cleared };
            }
            has
        };
        label != 0 && self.blocks.par_iter_mut().map(clear).reduce(|| false, |a, b| a | b)
    }

    /// All voxels with a label.
    pub(crate) fn runs_of(&self, label: u8) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (first, mut part) in self.parts() {
            let mut start = first as u32;
            while let [own, ..] = *part {
                let length = alike(part);
                if own == label {
                    match runs.last_mut() {
                        Some(last) if last.start + last.length == start => last.length += length as u32,
                        _ => runs.push(Run { start, length: length as u32 }),
                    }
                }
                part = &part[length..];
                start += length as u32;
            }
        }
        runs
    }

    /// Places as one number, of which [`Self::at`] finds the voxel without a division: what a step along each axis
    /// adds to it, for so many rows a slice.
    pub(crate) fn steps(&self, rows: usize) -> [usize; 3] {
        let row = self.columns.next_power_of_two();
        [1, row, row * rows]
    }

    #[inline]
    pub(crate) fn at(&self, place: usize) -> u8 {
        let row = self.columns.next_power_of_two();
        self.row(place >> row.ilog2())[place & (row - 1)]
    }
}

/// Labels of a whole volume take a window too long to free.
impl Drop for Labels {
    fn drop(&mut self) {
        let own = self.blocks.iter().filter(|block| Arc::strong_count(block) == 1).count();
        if own > QUICK {
            discard(std::mem::take(&mut self.blocks));
        }
    }
}

/// Frees what is large on another thread.
pub fn discard(large: impl Send + 'static) {
    rayon::spawn(move || drop(large));
}

impl std::ops::Index<usize> for Labels {
    type Output = u8;

    fn index(&self, voxel: usize) -> &u8 {
        &self.row(voxel / self.columns)[voxel % self.columns]
    }
}

/// Writes a label on voxels that begin with number `start`, and adds what they had to `before`.
fn replace(mut voxels: &mut [u8], mut start: u32, label: u8, before: &mut Vec<(Run, u8)>) {
    while let [old, ..] = *voxels {
        let count = alike(voxels);
        let (same, rest) = std::mem::take(&mut voxels).split_at_mut(count);
        voxels = rest;
        let length = same.len() as u32;
        if old != label {
            same.fill(label);
            match before.last_mut() {
                Some((last, other)) if *other == old && last.start + last.length == start => {
                    last.length += length;
                }
                _ => before.push((Run { start, length }, old)),
            }
        }
        start += length;
    }
}

/// How many labels from the first on are the same as it. Many at a time are compared: most runs hold one only.
fn alike(labels: &[u8]) -> usize {
    const PART: usize = 64;
    let Some(&first) = labels.first() else { return 0 };
    let parts = labels.chunks_exact(PART);
    let whole = parts.take_while(|part| part.iter().fold(0, |differs, label| differs | (label ^ first)) == 0);
    let whole = whole.count() * PART;
    whole + labels[whole..].iter().take_while(|label| **label == first).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_are_alike_are_counted_across_parts() {
        for length in [0, 1, 63, 64, 65, 200] {
            let mut labels = vec![3u8; length];
            assert_eq!(alike(&labels), length);
            labels.push(4);
            labels.push(3);
            assert_eq!(alike(&labels), length.max(usize::from(length == 0)));
        }
    }

    #[test]
    fn copies_share_what_neither_has_changed() {
        // Eleven blocks of 128 rows, the last one not full.
        let empty = Labels::new(512, 1300);
        assert_eq!((empty.len(), empty.blocks.len(), empty.parts().count()), (512 * 1300, 11, 0));
        let mut labels = empty.clone();
        let mut before = Vec::new();
        // Across the border of two blocks.
        labels.fill(Run { start: BLOCK as u32 - 5, length: 10 }, 3, &mut before);
        assert_eq!(before, [(Run { start: BLOCK as u32 - 5, length: 10 }, 0)]);
        assert_eq!(labels.runs_of(3), [Run { start: BLOCK as u32 - 5, length: 10 }]);
        assert_eq!((labels.bytes_beside(Some(&empty)), empty.bytes_beside(Some(&labels))), (2 * BLOCK, 0));
        let copy = labels.clone();
        labels.fill(Run { start: 512 * 1300 - 1, length: 1 }, 4, &mut before);
        assert_eq!((labels.bytes_beside(Some(&copy)), labels.parts().count()), (BLOCK, 3));
        assert_eq!((labels[512 * 1300 - 1], copy[512 * 1300 - 1]), (4, 0));
        labels.fill(Run { start: 512 * 1300 - 1, length: 2 }, 5, &mut before);
        labels.fill(Run { start: u32::MAX, length: u32::MAX }, 5, &mut before);
        assert!(!labels.iter().any(|label| *label == 5), "runs that leave the volume change nothing");
        let steps = labels.steps(1300);
        assert_eq!(labels.at(511 * steps[0] + 1299 * steps[1]), 4);
        assert!(labels.clear(3) && !labels.clear(3) && labels.any());
        assert_eq!((labels.parts().count(), labels.iter().filter(|label| **label != 0).count()), (1, 1));
        assert!(labels.clear(4) && !labels.any());
        assert_eq!(labels, empty);
    }
}
