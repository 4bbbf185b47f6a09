//! Every level's operations against what the numbers of one lane should become.

use super::{Grid, Kernel, Lanes, Level, MAX_LANES, Quad, Texel};

const AWKWARD: [f32; 13] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    0.0,
    -0.0,
    1.5,
    -1.5,
    0.999_999_94,
    -3.000_000_2,
    8_388_607.5,
    -1e-40,
    1e30,
    -f32::MAX,
];

const TABLE: [f32; 7] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// Indices into a table of seven, and others.
const INDICES: [i32; 9] = [0, 6, 3, 7, -1, 1_000, i32::MAX, i32::MIN, 5];

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// A vector's worth of numbers, from the `first` of a list on and round again.
fn cycle<T: Copy>(list: &[T], first: usize) -> [T; MAX_LANES] {
    std::array::from_fn(|i| list[(first + i) % list.len()])
}

#[inline(always)]
fn numbers<L: Lanes>(l: L, x: L::F) -> [f32; MAX_LANES] {
    let mut lanes = [0.0; MAX_LANES];
    l.store(x, &mut lanes);
    lanes
}

/// Whole numbers of any size, lane by lane.
#[inline(always)]
fn ints<L: Lanes>(l: L, numbers: &[i32; MAX_LANES]) -> L::I {
    let parts = |part: fn(i32) -> i32| {
        let part = numbers.map(|n| part(n) as f32);
        l.to_int(l.load(&part))
    };
    parts(|n| n >> 16) * l.splat_i(1 << 16) + parts(|n| n & 0xffff)
}

struct Arithmetic(Level);

impl Kernel for Arithmetic {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for i in 0..AWKWARD.len() * AWKWARD.len() {
            let (a, b) = (cycle(&AWKWARD, i), cycle(&AWKWARD, i / AWKWARD.len()));
            let c = cycle(&AWKWARD[3..], 2 * i);
            let (x, y) = (l.load(&a), l.load(&b));
            let mask = (i as u32 * 40_503) >> 3;
            let found = [
                numbers(l, x + y),
                numbers(l, x - y),
                numbers(l, x * y),
                numbers(l, x / y),
                numbers(l, l.min(x, y)),
                numbers(l, l.max(x, y)),
                numbers(l, l.abs(x)),
                numbers(l, l.sqrt(x)),
                numbers(l, l.floor(x)),
                numbers(l, l.ceil(x)),
                numbers(l, l.select(l.mask(mask), x, y)),
            ];
            let (lt, le) = (l.bits(l.lt(x, y)), l.bits(l.le(x, y)));
            let sums = numbers(l, l.mul_add(x, y, l.load(&c)));
            for lane in 0..L::COUNT {
                let (a, b, c) = (a[lane], b[lane], c[lane]);
                let expected = [
                    a + b,
                    a - b,
                    a * b,
                    a / b,
                    if a < b { a } else { b },
                    if a > b { a } else { b },
                    a.abs(),
                    a.sqrt(),
                    a.floor(),
                    a.ceil(),
                    if mask >> lane & 1 == 1 { a } else { b },
                ];
                for (operation, expected) in expected.into_iter().enumerate() {
                    let found = found[operation][lane];
                    assert!(
                        same(found, expected),
                        "{}: operation {operation} of {a} and {b} gives {found}, not {expected}",
                        self.0
                    );
                }
                assert_eq!([lt >> lane & 1 == 1, le >> lane & 1 == 1], [a < b, a <= b], "{a} and {b}");
                let sum = sums[lane];
                assert!(same(sum, a * b + c) || same(sum, a.mul_add(b, c)), "{a} * {b} + {c} gives {sum}");
            }
        }
    }
}

struct WholeNumbers(Level);

impl Kernel for WholeNumbers {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let numbers_of =
            [0.0, 0.9, -0.9, 1.0, -2.7, 65_535.99, -1_000_000.1, 2_147_483_520.0, -2_147_483_648.0];
        let powers: Vec<f32> = (-126..=127).map(|power| power as f32).collect();
        for i in 0..powers.len() {
            let (x, power) = (cycle(&numbers_of, i), cycle(&powers, i));
            let truncated = numbers(l, l.to_float(l.to_int(l.load(&x))));
            let scaled = numbers(l, l.power_of_two(l.load(&power)));
            let (a, b) = (cycle(&INDICES, i), cycle(&INDICES, i / INDICES.len()));
            let least = numbers(l, l.to_float(l.min_i(ints(l, &a), ints(l, &b))));
            for lane in 0..L::COUNT {
                assert_eq!(truncated[lane], x[lane] as i32 as f32, "{}: {}", self.0, x[lane]);
                assert_eq!(scaled[lane], power[lane].exp2(), "{}: 2^{}", self.0, power[lane]);
                assert_eq!(least[lane], a[lane].min(b[lane]) as f32, "{}", self.0);
            }
        }
    }
}

struct Masks(Level);

impl Kernel for Masks {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let all = (1 << L::COUNT) - 1;
        let x: [f32; MAX_LANES] = std::array::from_fn(|i| 3.0 - (i * 5 % MAX_LANES) as f32);
        for bits in 0..=all {
            let other = (bits * 40_503) & all;
            let (a, b) = (l.mask(bits), l.mask(other | !all));
            let found = [a, b, a & b, a | b, !a].map(|mask| l.bits(mask) & all);
            assert_eq!(found, [bits, other, bits & other, bits | other, !bits & all], "{}", self.0);
            assert_eq!([l.bits(a), l.bits(!l.mask(all))], [bits, 0], "{}", self.0);
            let chosen = (0..L::COUNT).filter(|lane| bits >> lane & 1 == 1).map(|lane| x[lane]);
            assert_eq!(l.smallest(a, l.load(&x)), chosen.fold(f32::INFINITY, f32::min), "{}", self.0);
        }
    }
}

struct Tables(Level);

impl Kernel for Tables {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let columns = TABLE.map(|n| [n, n + 0.25, n + 0.5, n + 0.75]);
        for i in 0..INDICES.len() {
            let at = cycle(&INDICES, i);
            let index = ints(l, &at);
            let entries = numbers(l, l.gather(&TABLE, index));
            let found = l.gather_columns(&columns, index).map(|column| numbers(l, column));
            for lane in 0..L::COUNT {
                let expected = usize::try_from(at[lane]).ok().and_then(|at| TABLE.get(at));
                assert!(TABLE.contains(&entries[lane]), "{}: {}", self.0, entries[lane]);
                assert!(expected.is_none_or(|n| *n == entries[lane]), "{}: {}", self.0, entries[lane]);
                let found = found.map(|column| column[lane]);
                assert_eq!(found, columns[entries[lane] as usize], "{}", self.0);
            }
        }
    }
}

/// The rises of all places in a grid, whatever memory is asked for meanwhile.
struct Rises<'a, V>(Level, Grid<'a, V>);

impl<V: Texel> Kernel for Rises<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self(level, grid) = self;
        let [nx, ny, _] = grid.dims;
        let len = grid.voxels.len();
        let span = nx * ny + nx + 1;
        let offsets = [0, nx, nx * ny, nx * ny + nx];
        for soon in [None, Some(1), Some(-(1 << 40)), Some(1 << 40)] {
            for first in 0..len {
                let index = |lane: usize| (first + 7 * lane) % len;
                let axis = |stride: usize, of: usize| -> [i32; MAX_LANES] {
                    std::array::from_fn(|lane| (index(lane) / stride % of) as i32)
                };
                let voxel = [axis(1, nx), axis(nx, ny), axis(nx * ny, len)].map(|axis| ints(l, &axis));
                let found = l.rises(l.place(&grid, voxel, span), offsets, soon);
                for (offset, (low, rise)) in offsets.into_iter().zip(found) {
                    let (low, rise) = (numbers(l, low), numbers(l, rise));
                    for lane in (0..L::COUNT).filter(|&lane| index(lane) + span < len) {
                        let at = index(lane) + offset;
                        let [a, b] = [at, at + 1].map(|at| grid.voxels[at].to_f32());
                        assert_eq!((low[lane], rise[lane]), (a, b - a), "{level}: voxel {at}, {soon:?}");
                    }
                }
            }
        }
    }
}

/// What lanes share, where positions may lie before the first cell by rounding.
struct Near<'a, V>(Level, Grid<'a, V>);

impl<V: Texel> Kernel for Near<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self(level, grid) = self;
        const BEHIND: [f32; 11] = [0.0, -1e-4, 0.25, 1.0001, 2.9999, 0.875, 1.0, 1.5, 2.0, 0.99999, 2.25];
        let corner = [1, 2, 1];
        let all = l.mask(u32::MAX);
        for first in 0..BEHIND.len() {
            let position = |more: usize| -> [[f32; MAX_LANES]; 3] {
                std::array::from_fn(|axis| {
                    cycle(&BEHIND, first + (axis + 1) * (more + 1)).map(|x| corner[axis] as f32 + x)
                })
            };
            let positions = [position(0), position(1)];
            let [near, far] = positions.map(|position| position.map(|axis| l.load(&axis)));
            let found = |exact| l.near_two(&grid, corner, [near, far], [all; 2], f32::NEG_INFINITY, exact);
            let (Some(exact), Some(about)) = (found(true), found(false)) else { return };
            for ((exact, about), position) in exact.into_iter().zip(about).zip(positions) {
                let (exact, about) = (numbers(l, exact), numbers(l, about));
                for lane in 0..L::COUNT {
                    let at = std::array::from_fn(|axis| position[axis][lane].max(corner[axis] as f32));
                    let expected = interpolated(&grid, at);
                    // Voxels range over 16 bits; three fractions and four halvings of weights are rounded to 15.
                    for (found, error) in [(exact[lane], 0.1), (about[lane], 8.0)] {
                        assert!(
                            (found - expected).abs() < error,
                            "{level}: {found} for {expected} at {at:?}"
                        );
                    }
                }
            }
            let [_, y, z] = near;
            let x = l.splat(corner[0] as f32 + 3.0);
            let behind = |exact| {
                l.near_two(&grid, corner, [[x, y, z], far], [all; 2], f32::NEG_INFINITY, exact).is_some()
            };
            assert!(!behind(true) && !behind(false), "{level}: behind the last cell");
        }
    }
}

fn interpolated<V: Texel>(grid: &Grid<'_, V>, at: [f32; 3]) -> f32 {
    let cell = at.map(|x| x.floor());
    let mut sum = 0.0;
    for corner in 0..8 {
        let (mut index, mut weight) = (0, 1.0);
        for axis in 0..3 {
            let (part, more) = (at[axis] - cell[axis], corner >> axis & 1);
            index += (cell[axis] as usize + more) * grid.next[axis];
            weight *= if more == 1 { part } else { 1.0 - part };
        }
        sum += weight * grid.voxels[index].to_f32();
    }
    sum
}

#[test]
fn voxels_that_lanes_share_are_blended_as_far_as_their_last_cell() {
    const DIMS: [u32; 3] = [12, 8, 7];
    let bits = |i: u32| i.wrapping_mul(0x9e37_79b9) >> 16;
    let signed: Vec<i16> = (0..DIMS.iter().product()).map(|i| bits(i) as i16).collect();
    let unsigned: Vec<u16> = (0..DIMS.iter().product()).map(|i| bits(i) as u16).collect();
    for level in Level::available() {
        level.run(Near(level, Grid::new(&signed, DIMS, (-32_768.0, 32_767.0))));
        level.run(Near(level, Grid::new(&unsigned, DIMS, (0.0, 65_535.0))));
    }
}

/// Differences of what lies around lanes, where some look beside the grid.
struct Differences<'a, V>(Level, Grid<'a, V>);

impl<V: Texel> Kernel for Differences<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self(level, grid) = self;
        const BEHIND: [f32; 10] = [0.0, 0.25, 1.0001, 2.9999, 0.875, 1.0, 1.5, 2.0, 0.99999, 2.25];
        // In the middle, and up to the first and the last cells with neighbours on all sides.
        for corner in [[3, 2, 1], [1, 1, 1], grid.dims.map(|n| n - 5)] {
            for first in 0..BEHIND.len() {
                let mut place: [[f32; MAX_LANES]; 3] = std::array::from_fn(|axis| {
                    cycle(&BEHIND, first * (axis + 1) + axis).map(|x| corner[axis] as f32 + x)
                });
                let found = |place: &[[f32; MAX_LANES]; 3], mask: u32| {
                    let position = place.map(|axis| l.load(&axis));
                    l.near_differences(&grid, corner.map(|x| x as i32), position, l.mask(mask))
                };
                let Some(all) = found(&place, u32::MAX) else {
                    assert_ne!(level, Level::Avx2, "{corner:?}");
                    return;
                };
                // What lies elsewhere is of no account for lanes that do not look.
                let outside = first % L::COUNT;
                for (axis, beside) in [-1e9, f32::NAN, 0.5].into_iter().enumerate() {
                    place[axis][outside] = beside;
                }
                let others = found(&place, !(1 << outside)).expect("the others are inside");
                for axis in 0..3 {
                    let (all, others) = (numbers(l, all[axis]), numbers(l, others[axis]));
                    for lane in (0..L::COUNT).filter(|&lane| lane != outside) {
                        let beside = |by: f32| -> f32 {
                            let mut at: [f32; 3] = std::array::from_fn(|axis| place[axis][lane]);
                            at[axis] += by;
                            interpolated(&grid, at)
                        };
                        let expected = beside(1.0) - beside(-1.0);
                        // Voxels range over 15 bits, weights have as many.
                        let error = (all[lane] - expected).abs();
                        assert!(error < 16.0, "{level}: {} for {expected} along axis {axis}", all[lane]);
                        assert_eq!(others[lane], all[lane], "{level}");
                    }
                }
            }
        }
    }
}

#[test]
fn differences_are_blended_of_the_voxels_around_a_cell() {
    const DIMS: [u32; 3] = [12, 8, 7];
    let bits = |i: u32| i.wrapping_mul(0x9e37_79b9) >> 17;
    let signed: Vec<i16> = (0..DIMS.iter().product()).map(|i| (bits(i) as i32 - 20_000) as i16).collect();
    let unsigned: Vec<u16> = (0..DIMS.iter().product()).map(|i| (bits(i) + 30_000) as u16).collect();
    for level in Level::available() {
        level.run(Differences(level, Grid::new(&signed, DIMS, (-20_000.0, 12_767.0))));
        level.run(Differences(level, Grid::new(&unsigned, DIMS, (30_000.0, 62_767.0))));
    }
}

/// What the pixels of a slice share, in blocks of both shapes, whose rows lie side by side in slices and in columns.
struct Shares<'a, V>(Level, Grid<'a, V>);

impl<V: Texel> Kernel for Shares<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self(level, grid) = self;
        // How wide packets are, how many cells a block that holds them has, and which of the grid's axes are its own.
        let blocks = [
            ([6.0, 2.0, 3.0], [7, 3, 4], [0, 1, 2]),
            ([1.0, 3.0, 1.5], [7, 3, 4], [0, 2, 1]),
            ([2.0, 4.0, 3.0], [7, 5, 4], [0, 1, 2]),
            ([5.5, 2.5, 3.5], [7, 5, 4], [0, 2, 1]),
        ];
        for (width, cells, axes) in blocks {
            let Some((block, found)) = l.block(&grid, width) else { return };
            let last = block.last_corner();
            assert_eq!(found, axes, "{level}: {width:?}");
            assert_eq!(last.map(|x| x as usize), std::array::from_fn(|i| grid.dims[axes[i]] - cells[i] - 1));
            for corner in [[0; 3], last.map(|x| x as i32), last.map(|x| x as i32 / 2)] {
                for (round, soon) in [0, 1, -1, 1 << 40, -(1 << 40)].into_iter().enumerate() {
                    // Across all cells, each axis in an order of its own.
                    let place: [[f32; MAX_LANES]; 3] = std::array::from_fn(|axis| {
                        std::array::from_fn(|lane| {
                            let part = (lane * (2 * axis + 3) + round) % MAX_LANES;
                            part as f32 / MAX_LANES as f32 * cells[axis] as f32 + 0.03
                        })
                    });
                    let first = place.map(|axis| axis[0]);
                    let others: [[f32; MAX_LANES]; 3] =
                        std::array::from_fn(|axis| place[axis].map(|x| x - first[axis]));
                    let others = others.map(|axis| l.load(&axis));
                    let shared = l.shared(&block, corner, Quad::new(first), &others, soon);
                    let values = numbers(l, shared.expect("there are blocks"));
                    for lane in 0..L::COUNT {
                        let mut at = [0.0; 3];
                        for axis in 0..3 {
                            at[axes[axis]] = corner[axis] as f32 + place[axis][lane];
                        }
                        let (found, expected) = (values[lane], interpolated(&grid, at));
                        assert!(
                            (found - expected).abs() < 0.1,
                            "{level}: {found} for {expected} at {at:?}, {width:?}"
                        );
                    }
                }
            }
        }
        for width in [[6.1, 2.0, 2.0], [6.0, 4.1, 3.0], [6.0, 3.5, 3.5], [f32::NAN, 1.0, 1.0]] {
            assert!(l.block(&grid, width).is_none(), "{level}: {width:?}");
        }
    }
}

#[test]
fn voxels_that_pixels_of_a_slice_share_are_blended_up_to_the_faces() {
    const DIMS: [u32; 3] = [12, 8, 7];
    let bits = |i: u32| i.wrapping_mul(0x9e37_79b9) >> 16;
    let signed: Vec<i16> = (0..DIMS.iter().product()).map(|i| bits(i) as i16).collect();
    let unsigned: Vec<u16> = (0..DIMS.iter().product()).map(|i| bits(i) as u16).collect();
    for level in Level::available() {
        level.run(Shares(level, Grid::new(&signed, DIMS, (-32_768.0, 32_767.0))));
        level.run(Shares(level, Grid::new(&unsigned, DIMS, (0.0, 65_535.0))));
    }
}

struct Reads<'a, V>(Level, Grid<'a, V>);

impl<V: Texel> Kernel for Reads<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self(level, grid) = self;
        let len = grid.voxels.len();
        for span in [1, 4, grid.next.into_iter().sum(), len - 1] {
            for first in 0..len {
                let index = |lane: usize| (first + 7 * lane) % len;
                let axis = |stride: usize, of: usize| -> [i32; MAX_LANES] {
                    std::array::from_fn(|lane| (index(lane) / stride % of) as i32)
                };
                let [nx, ny, nz] = grid.dims;
                let voxel = [axis(1, nx), axis(nx, ny), axis(nx * ny, nz)].map(|axis| ints(l, &axis));
                let place = l.place(&grid, voxel, span);
                for offset in 0..span {
                    let (a, b) = l.pair(place, offset);
                    let mut read = vec![numbers(l, a), numbers(l, b)];
                    if offset + 2 < span {
                        read.extend(l.quad(place, offset).map(|x| numbers(l, x)));
                    }
                    for lane in (0..L::COUNT).filter(|&lane| index(lane) + span < len) {
                        let at = index(lane) + offset;
                        let steps = [0, 1, 0, 1, 2, 3];
                        for (found, step) in read.iter().zip(steps) {
                            let expected = grid.voxels[at + step].to_f32();
                            assert_eq!(found[lane], expected, "{level}: voxel {at} + {step}");
                        }
                    }
                }
            }
            // Far outside, something in the grid is read.
            for voxel in [[-1; 3], [i32::MAX; 3], [i32::MIN, 3, 5], [0, 1 << 20, 1 << 10]] {
                let place = l.place(&grid, voxel.map(|v| l.splat_i(v)), span);
                let (a, b) = l.pair(place, span - 1);
                for found in [numbers(l, a), numbers(l, b)].iter().flat_map(|x| &x[..L::COUNT]) {
                    assert!(grid.voxels.iter().any(|v| v.to_f32() == *found), "{level}: {found}");
                }
            }
        }
    }
}

#[test]
fn arithmetic_and_comparisons_treat_every_number_as_one_lane_does() {
    Level::available().for_each(|level| level.run(Arithmetic(level)));
}

#[test]
fn whole_numbers_are_truncated_compared_and_made_powers() {
    Level::available().for_each(|level| level.run(WholeNumbers(level)));
}

#[test]
fn masks_hold_a_bit_a_lane_and_choose_the_smallest() {
    Level::available().for_each(|level| level.run(Masks(level)));
}

#[test]
fn tables_give_their_entries_and_nothing_from_beyond() {
    Level::available().for_each(|level| level.run(Tables(level)));
}

#[test]
fn voxels_of_every_type_are_read_in_pairs_rises_and_fours() {
    const DIMS: [u32; 3] = [5, 4, 3];
    fn check<V: Texel>(number: impl Fn(u32) -> V) {
        let voxels: Vec<V> =
            (0..DIMS.iter().product()).map(|i: u32| number(i.wrapping_mul(0x9e37_79b9))).collect();
        let grid = || Grid::new(&voxels, DIMS, (f32::MIN, f32::MAX));
        for level in Level::available() {
            level.run(Reads(level, grid()));
            level.run(Rises(level, grid()));
        }
    }
    check(|bits| (bits >> 24) as u8);
    check(|bits| (bits >> 16) as i16);
    check(|bits| (bits >> 16) as u16);
    check(|bits| bits as i32 as f32);
}

struct Roots(Level);

impl Kernel for Roots {
    fn run<L: Lanes>(self, l: L) {
        for power in -39..38 {
            let x: Vec<f32> = (0..MAX_LANES).map(|lane| (1.0 + lane as f32) * 10f32.powi(power)).collect();
            let found = numbers(l, l.one_over_sqrt(l.load(&x)));
            for lane in 0..L::COUNT {
                let expected = 1.0 / f64::from(x[lane]).sqrt();
                let error = (f64::from(found[lane]) / expected - 1.0).abs();
                assert!(error < 1e-4 || x[lane] < f32::MIN_POSITIVE, "{}: {}: {error}", self.0, x[lane]);
            }
        }
    }
}

#[test]
fn reciprocal_roots_are_exact_to_four_digits() {
    for level in Level::available() {
        level.run(Roots(level));
    }
}

#[test]
fn quads_compute_three_numbers_at_once() {
    let (a, b) = (Quad::new([1.5, -2.25, 1e6]), Quad::new([0.5, 4.0, -3.0]));
    assert_eq!(a.add(b).to_indices(), [2, 1, 999_997]);
    assert_eq!(a.sub(b).to_indices(), [1, -6, 1_000_003]);
    assert_eq!(a.mul(b).to_indices(), [0, -9, -3_000_000]);
    assert_eq!(a.min(b).to_indices(), [0, -2, -3]);
    assert_eq!(a.max(b).to_indices(), [1, 4, 1_000_000]);
    assert_eq!(
        Quad::from_indices([1, -4, 1_000_000]).mul(Quad::splat(10.0)).to_indices(),
        [10, -40, 10_000_000]
    );
    assert_eq!((a.smallest(), b.smallest()), (-2.25, -3.0));
    assert_eq!((a.whole().to_array(), b.whole().to_array()), ([1.0, -2.0, 1e6], [0.0, 4.0, -3.0]));
    assert_eq!(Quad::new([f32::NAN; 3]).max(Quad::splat(0.0)).to_indices(), [0; 3]);
}
