//! Which bricks can be seen, and how far it is to the next one.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rayon::prelude::*;

use super::lanes::Quad;
use super::sample::Tube;
use crate::bricks::{BRICK, Bricks};
use crate::render::TransferTable;
use crate::volume::{Rescale, Volume};

const _: () = assert!(BRICK.is_power_of_two());

/// Longest distance told apart, in bricks: a leap of 64 bricks crosses half of most volumes.
const FARTHEST: u8 = 64;

/// Volumes and, for each, looks that stay cached. One look of 512x512x361 voxels takes 1.5 MB.
const CACHED_VOLUMES: usize = 8;
const CACHED_LOOKS: usize = 4;

/// What is visible of a volume.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Look {
    /// Values whose table entry is not transparent. `opaque_before[i]` counts the visible entries
    /// before entry i.
    Table { low: f32, scale: f32, visible_before: Vec<u16> },
    /// Values not below this one.
    AtLeast(f32),
}

impl Look {
    pub fn of_table(table: &TransferTable) -> Self {
        let mut count = 0;
        let mut visible_before = vec![0];
        for [.., alpha] in &table.rgba {
            count += u16::from(*alpha > 0.0);
            visible_before.push(count);
        }
        Self::Table { low: table.low, scale: table.scale, visible_before }
    }

    /// Whether any value of a brick may be visible.
    fn shows(&self, (low, high): (f32, f32)) -> bool {
        match self {
            Self::Table { low: table_low, scale, visible_before } => {
                let Some(last) = visible_before.len().checked_sub(2) else { return false };
                // One entry more at each end: interpolation rounds.
                let index = |value: f32, more: f32| {
                    ((value - table_low) * scale + 0.5 + more).clamp(0.0, last as f32) as usize
                };
                visible_before[index(high, 1.0) + 1] > visible_before[index(low, -1.0)]
            }
            Self::AtLeast(value) => high >= *value,
        }
    }
}

/// What is visible, for packets of rays as wide as they come. Level n has bricks of `BRICK` << n cells.
#[derive(Debug)]
pub(super) struct SkipMap(Vec<Distances>);

/// For each brick the Chebyshev distance, in bricks, to the nearest one that shows something. A brick
/// shows what it and its seven neighbours towards higher numbers do: whoever looks from its first
/// cell may be as wide as a brick.
#[derive(Debug)]
pub(super) struct Distances {
    grid: Grid,
    bricks: Vec<u8>,
}

impl SkipMap {
    pub fn new(bricks: &Bricks, rescale: Rescale, look: &Look) -> Self {
        let dims = bricks.dims();
        let mut visible = BitGrid::new(dims);
        let rows = visible.words.par_chunks_exact_mut(visible.width);
        rows.zip(bricks.ranges().par_chunks_exact(dims[0])).with_min_len(256).for_each(|(words, ranges)| {
            for (x, &(low, high)) in ranges.iter().enumerate() {
                let (a, b) = (rescale.apply(low), rescale.apply(high));
                words[x / 64] |= u64::from(look.shows((a.min(b), a.max(b)))) << (x % 64);
            }
        });
        let mut levels = vec![Distances::new(visible.clone(), BRICK.trailing_zeros())];
        while visible.dims != [1; 3] {
            visible = visible.halved();
            levels.push(Distances::new(visible.clone(), BRICK.trailing_zeros() + levels.len() as u32));
        }
        Self(levels)
    }

    /// Cells along the edge of `level`'s bricks.
    pub fn edge(&self, width: f32) -> f32 {
        self.level(width).map_or(f32::INFINITY, |level| level.grid.edge)
    }

    /// For packets that are `width` cells wide. None if they are wider than anything.
    pub fn level(&self, width: f32) -> Option<&Distances> {
        self.0.iter().find(|level| width <= level.grid.edge)
    }
}

impl Distances {
    fn new(mut grown: BitGrid, shift: u32) -> Self {
        grown.spread_down();
        let dims = grown.dims;
        let mut bricks = vec![FARTHEST; dims[0] * dims[1] * dims[2]];
        grown.for_each_new(None, |brick| bricks[brick] = 0);
        for step in 1..FARTHEST {
            let before = grown.clone();
            grown.grow();
            let mut any = false;
            grown.for_each_new(Some(&before), |brick| {
                bricks[brick] = step;
                any = true;
            });
            if !any {
                break;
            }
        }
        Self { grid: Grid::new(dims, shift), bricks }
    }

    /// Whether a packet may see something at a sample, and if not, the first sample where that may differ.
    #[inline(always)]
    pub fn look(&self, tube: &Tube, sample: f32) -> (bool, f32) {
        let (brick, index) = self.grid.at(tube, sample);
        let distance = self.bricks[index];
        let until = tube.exit(sample, brick, distance, self.grid.edge);
        (distance == 0, until)
    }
}

/// Bricks and how to find the one that a packet is in.
#[derive(Debug)]
struct Grid {
    dims: [usize; 3],
    /// Bricks in a layer of them.
    layer: usize,
    /// Cells along a brick's edge: a power of two.
    edge: f32,
    per_cell: f32,
    last: Quad,
}

impl Grid {
    fn new(dims: [usize; 3], shift: u32) -> Self {
        let edge = (1u32 << shift) as f32;
        let last = Quad::new(dims.map(|n| (n - 1) as f32));
        Self { dims, layer: dims[0] * dims[1], edge, per_cell: 1.0 / edge, last }
    }

    #[inline(always)]
    fn at(&self, tube: &Tube, sample: f32) -> ([i32; 3], usize) {
        let brick @ [x, y, z] = tube.brick(sample, self.per_cell, self.last);
        (brick, z as usize * self.layer + (y as usize * self.dims[0] + x as usize))
    }
}

/// One bit per brick, rows padded to whole words.
#[derive(Clone)]
struct BitGrid {
    dims: [usize; 3],
    /// Words per row.
    width: usize,
    words: Vec<u64>,
}

impl BitGrid {
    fn new(dims: [usize; 3]) -> Self {
        let width = dims[0].div_ceil(64);
        Self { dims, width, words: vec![0; width * dims[1] * dims[2]] }
    }

    fn set(&mut self, x: usize, row: usize) {
        self.words[row * self.width + x / 64] |= 1 << (x % 64);
    }

    /// Calls with the linear index of each brick that is set here and not in `before`.
    fn for_each_new(&self, before: Option<&Self>, mut call: impl FnMut(usize)) {
        for (i, &word) in self.words.iter().enumerate() {
            let mut new = before.map_or(word, |b| word & !b.words[i]);
            let first = i / self.width * self.dims[0] + i % self.width * 64;
            while new != 0 {
                call(first + new.trailing_zeros() as usize);
                new &= new - 1;
            }
        }
    }

    /// One bit for two along each axis.
    fn halved(&self) -> Self {
        let mut half = Self::new(self.dims.map(|n| n.div_ceil(2)));
        for (row, words) in self.words.chunks_exact(self.width).enumerate() {
            let (y, z) = (row % self.dims[1] / 2, row / self.dims[1] / 2);
            for (i, &word) in words.iter().enumerate() {
                let mut left = word;
                while left != 0 {
                    half.set((i * 64 + left.trailing_zeros() as usize) / 2, z * half.dims[1] + y);
                    left &= left - 1;
                }
            }
        }
        half
    }

    /// Sets the seven neighbours towards lower numbers of everything set.
    fn spread_down(&mut self) {
        for row in self.words.chunks_exact_mut(self.width) {
            for i in 0..row.len() {
                let next = row.get(i + 1).map_or(0, |w| w << 63);
                row[i] |= row[i] >> 1 | next;
            }
        }
        let plane = self.width * self.dims[1];
        for rows in self.words.chunks_exact_mut(plane) {
            for i in self.width..rows.len() {
                rows[i - self.width] |= rows[i];
            }
        }
        for i in plane..self.words.len() {
            self.words[i - plane] |= self.words[i];
        }
    }

    /// Sets the 26 neighbours of everything set: along each axis in turn.
    fn grow(&mut self) {
        let last_word = u64::MAX >> (self.width * 64 - self.dims[0]);
        for row in self.words.chunks_exact_mut(self.width) {
            let mut carry = 0;
            for i in 0..row.len() {
                let word = row[i];
                let next = row.get(i + 1).map_or(0, |w| w << 63);
                row[i] = word | word << 1 | carry | word >> 1 | next;
                carry = word >> 63;
            }
            row[self.width - 1] &= last_word;
        }
        let plane = self.width * self.dims[1];
        for rows in self.words.chunks_exact_mut(plane) {
            smear(rows, self.width);
        }
        smear(&mut self.words, plane);
    }
}

/// Unites each run of `stride` words with the runs before and after it.
fn smear(words: &mut [u64], stride: usize) {
    let mut before = vec![0; stride];
    for start in (0..words.len()).step_by(stride) {
        for i in 0..stride {
            let word = words[start + i];
            let after = words.get(start + stride + i).copied().unwrap_or(0);
            words[start + i] = word | before[i] | after;
            before[i] = word;
        }
    }
}

/// Which end of the values a projection looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Largest,
    Smallest,
}

/// The largest rescaled values, or the smallest with their signs turned, for packets of rays as wide as they come: finest level first, with
/// bricks of `BRICK` << n cells.
#[derive(Debug)]
pub(super) struct Maxima(Vec<Largest>);

/// For each brick the largest value in it and its seven neighbours towards higher numbers, as in
/// `Distances`.
#[derive(Debug)]
pub(super) struct Largest {
    grid: Grid,
    bricks: Vec<f32>,
}

impl Maxima {
    fn new(bricks: &Bricks, rescale: Rescale, end: End) -> Self {
        let values = bricks.ranges().iter().map(|&(low, high)| {
            let (a, b) = (rescale.apply(low), rescale.apply(high));
            match end {
                End::Largest => a.max(b),
                End::Smallest => -a.min(b),
            }
        });
        let mut shift = BRICK.trailing_zeros();
        let mut own = Largest { grid: Grid::new(bricks.dims(), shift), bricks: values.collect() };
        let mut levels = Vec::new();
        while own.grid.dims != [1; 3] {
            shift += 1;
            let halved = own.halved(shift);
            own.spread_down();
            levels.push(own);
            own = halved;
        }
        levels.push(own);
        Self(levels)
    }

    /// For packets that are `width` cells wide, from the finest; none if they are wider than anything.
    pub fn levels(&self, width: f32) -> &[Largest] {
        let first = self.0.iter().position(|level| width <= level.grid.edge);
        first.map_or(&[], |first| &self.0[first..])
    }
}

impl Largest {
    fn halved(&self, shift: u32) -> Self {
        let whole = self.grid.dims;
        let dims = whole.map(|n| n.div_ceil(2));
        let mut bricks = vec![f32::NEG_INFINITY; dims[0] * dims[1] * dims[2]];
        for (row, values) in self.bricks.chunks_exact(whole[0]).enumerate() {
            let (y, z) = (row % whole[1] / 2, row / whole[1] / 2);
            for (x, &value) in values.iter().enumerate() {
                let brick = &mut bricks[(z * dims[1] + y) * dims[0] + x / 2];
                *brick = brick.max(value);
            }
        }
        Self { grid: Grid::new(dims, shift), bricks }
    }

    fn spread_down(&mut self) {
        let [columns, rows, _] = self.grid.dims;
        for row in self.bricks.chunks_exact_mut(columns) {
            for i in 1..columns {
                row[i - 1] = row[i - 1].max(row[i]);
            }
        }
        for layer in self.bricks.chunks_exact_mut(columns * rows) {
            for i in columns..layer.len() {
                layer[i - columns] = layer[i - columns].max(layer[i]);
            }
        }
        for i in columns * rows..self.bricks.len() {
            self.bricks[i - columns * rows] = self.bricks[i - columns * rows].max(self.bricks[i]);
        }
    }

    /// The largest value a packet may see at a sample, and the first sample where that may differ.
    #[inline(always)]
    pub fn look(&self, tube: &Tube, sample: f32) -> (f32, f32) {
        let (brick, index) = self.grid.at(tube, sample);
        (self.bricks[index], tube.exit(sample, brick, 1, self.grid.edge))
    }
}

/// What was worked out for volumes that still live, newest use first.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    volume: Weak<Volume>,
    largest: Later<Maxima>,
    smallest: Later<Maxima>,
    looks: Vec<(Look, Later<SkipMap>)>,
}

/// Worked out by the first who needs it, while others wait for it.
type Later<T> = Arc<OnceLock<Arc<T>>>;

impl Cache {
    pub fn skip_map(&self, volume: &Arc<Volume>, look: &Look) -> Arc<SkipMap> {
        let map = self.with_entry(volume, |entry| {
            let at = entry.looks.iter().position(|(l, _)| l == look);
            let found = at.map_or_else(|| (look.clone(), Later::default()), |at| entry.looks.remove(at));
            entry.looks.truncate(CACHED_LOOKS - 1);
            entry.looks.insert(0, found);
            Arc::clone(&entry.looks[0].1)
        });
        let new = || Arc::new(SkipMap::new(volume.bricks(), volume.rescale(), look));
        Arc::clone(map.get_or_init(new))
    }

    pub fn maxima(&self, volume: &Arc<Volume>, end: End) -> Arc<Maxima> {
        let maxima = self.with_entry(volume, |entry| match end {
            End::Largest => Arc::clone(&entry.largest),
            End::Smallest => Arc::clone(&entry.smallest),
        });
        let new = || Arc::new(Maxima::new(volume.bricks(), volume.rescale(), end));
        Arc::clone(maxima.get_or_init(new))
    }

    fn with_entry<R>(&self, volume: &Arc<Volume>, use_it: impl FnOnce(&mut Entry) -> R) -> R {
        // A panic elsewhere leaves the list whole: every change is a single call.
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|e| e.volume.strong_count() > 0);
        let at = entries.iter().position(|e| std::ptr::eq(e.volume.as_ptr(), Arc::as_ptr(volume)));
        let entry = at.map(|at| entries.remove(at)).unwrap_or_else(|| Entry {
            volume: Arc::downgrade(volume),
            largest: Later::default(),
            smallest: Later::default(),
            looks: Vec::new(),
        });
        entries.truncate(CACHED_VOLUMES - 1);
        entries.insert(0, entry);
        use_it(&mut entries[0])
    }
}
