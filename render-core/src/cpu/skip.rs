//! Which bricks can be seen, and how far it is to the next one.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::bricks::{BRICK, Bricks};
use crate::render::TransferTable;
use crate::volume::{Rescale, Volume};

/// Lanes turn cells into bricks by shifting right by so many bits.
pub(super) const BRICK_BITS: i32 = BRICK.trailing_zeros() as i32;
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

/// For each brick the Chebyshev distance, in bricks, to the nearest visible one; 0 is visible.
#[derive(Debug)]
pub(super) struct SkipMap {
    pub dims: [usize; 3],
    /// Column fastest; three more bytes than bricks, because gathers read four at a time.
    pub distance: Vec<u8>,
}

impl SkipMap {
    pub fn new(bricks: &Bricks, rescale: Rescale, look: &Look) -> Self {
        let dims = bricks.dims();
        let mut grown = BitGrid::new(dims);
        for (row, ranges) in bricks.ranges().chunks_exact(dims[0]).enumerate() {
            for (x, &(low, high)) in ranges.iter().enumerate() {
                let (a, b) = (rescale.apply(low), rescale.apply(high));
                if look.shows((a.min(b), a.max(b))) {
                    grown.set(x, row);
                }
            }
        }
        let mut distance = vec![FARTHEST; bricks.ranges().len() + 3];
        grown.for_each_new(None, |brick| distance[brick] = 0);
        for step in 1..FARTHEST {
            let before = grown.clone();
            grown.grow();
            let mut any = false;
            grown.for_each_new(Some(&before), |brick| {
                distance[brick] = step;
                any = true;
            });
            if !any {
                break;
            }
        }
        Self { dims, distance }
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

/// The largest rescaled value of each block of 2x2x2 bricks. A projection finds its maximum soon,
/// and then wants to leap over as much as it can.
#[derive(Debug)]
pub(super) struct Maxima {
    pub dims: [usize; 3],
    pub blocks: Vec<f32>,
}

impl Maxima {
    /// Cells per block edge, and the bits to shift a cell right by.
    pub const EDGE: usize = BRICK * 2;
    pub const BITS: i32 = BRICK_BITS + 1;

    fn new(bricks: &Bricks, rescale: Rescale) -> Self {
        let [columns, rows, _] = bricks.dims();
        let dims = bricks.dims().map(|n| n.div_ceil(2));
        let mut blocks = vec![f32::NEG_INFINITY; dims[0] * dims[1] * dims[2]];
        for (row, ranges) in bricks.ranges().chunks_exact(columns).enumerate() {
            let (y, z) = (row % rows / 2, row / rows / 2);
            for (x, &(low, high)) in ranges.iter().enumerate() {
                let block = &mut blocks[(z * dims[1] + y) * dims[0] + x / 2];
                *block = block.max(rescale.apply(low)).max(rescale.apply(high));
            }
        }
        Self { dims, blocks }
    }
}

/// What was worked out for volumes that still live, newest use first.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    volume: Weak<Volume>,
    maxima: Later<Maxima>,
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

    pub fn maxima(&self, volume: &Arc<Volume>) -> Arc<Maxima> {
        let maxima = self.with_entry(volume, |entry| Arc::clone(&entry.maxima));
        let new = || Arc::new(Maxima::new(volume.bricks(), volume.rescale()));
        Arc::clone(maxima.get_or_init(new))
    }

    fn with_entry<R>(&self, volume: &Arc<Volume>, use_it: impl FnOnce(&mut Entry) -> R) -> R {
        // A panic elsewhere leaves the list whole: every change is a single call.
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|e| e.volume.strong_count() > 0);
        let at = entries.iter().position(|e| std::ptr::eq(e.volume.as_ptr(), Arc::as_ptr(volume)));
        let entry = at.map(|at| entries.remove(at)).unwrap_or_else(|| Entry {
            volume: Arc::downgrade(volume),
            maxima: Later::default(),
            looks: Vec::new(),
        });
        entries.truncate(CACHED_VOLUMES - 1);
        entries.insert(0, entry);
        use_it(&mut entries[0])
    }
}
