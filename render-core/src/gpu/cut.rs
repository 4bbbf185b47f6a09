//! How a volume is cut into textures where one would be too large.

/// What a card allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Voxels along an edge of a texture.
    pub(super) edge: u32,
    /// Bytes of a texture.
    pub(super) bytes: u64,
    /// Textures of a volume.
    pub(super) pieces: u32,
}

/// A volume in pieces of equal numbers of cells; the last along an axis may have fewer. A cell is the
/// space between eight neighbouring voxels, so neighbouring pieces share a layer of voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Voxels of the volume along columns, rows, slices.
    pub(super) dims: [u32; 3],
    /// Cells along the edges of a piece.
    pub(super) cells: [u32; 3],
    /// Pieces along columns, rows, slices.
    pub(super) counts: [u32; 3],
}

/// A box of voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) first: [u32; 3],
    pub(super) size: [u32; 3],
}

impl Cut {
    /// The fewest pieces that the bounds allow. The error is the number of pieces that it would take.
    pub(super) fn plan(dims: [u32; 3], bytes_per_voxel: u64, bounds: Bounds) -> Result<Self, u32> {
        let cells_of_axis = dims.map(|n| n.saturating_sub(1).max(1));
        let most_cells = bounds.edge.saturating_sub(1).max(1);
        let mut wanted = cells_of_axis.map(|n| n.div_ceil(most_cells));
        loop {
            let cells: [u32; 3] = std::array::from_fn(|axis| cells_of_axis[axis].div_ceil(wanted[axis]));
            let counts: [u32; 3] = std::array::from_fn(|axis| cells_of_axis[axis].div_ceil(cells[axis]));
            let cut = Self { dims, cells, counts };
            let pieces = counts.iter().fold(1u32, |product, &n| product.saturating_mul(n));
            let largest: u64 = cut.piece(0).size.iter().map(|&n| u64::from(n)).product();
            let is_small = largest.saturating_mul(bytes_per_voxel) <= bounds.bytes;
            if pieces > bounds.pieces {
                return Err(pieces);
            }
            if is_small {
                return Ok(cut);
            }
            // The last of equals: pieces of whole slices are sent without being copied together.
            let longest = (0..3).max_by_key(|&axis| cells[axis]).unwrap_or(2);
            if cells[longest] == 1 {
                return Err(u32::MAX);
            }
            wanted[longest] = counts[longest] + 1;
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.counts.iter().product()
    }

    /// Pieces are counted like voxels, column fastest.
    pub(super) fn piece(&self, index: u32) -> Piece {
        let [nx, ny, _] = self.counts;
        let at = [index % nx, index / nx % ny, index / nx / ny];
        let first = std::array::from_fn(|axis| at[axis] * self.cells[axis]);
        let size = std::array::from_fn(|axis| (self.cells[axis] + 1).min(self.dims[axis] - first[axis]));
        Piece { first, size }
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> {
        (0..self.len()).map(|index| self.piece(index))
    }

    /// Voxels of all pieces together, shared ones counted as often as they are stored.
    pub(super) fn voxel_count(&self) -> u64 {
        self.pieces().map(|piece| piece.size.iter().map(|&n| u64::from(n)).product::<u64>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Bounds = Bounds { edge: 2048, bytes: 1 << 40, pieces: 12 };

    #[test]
    fn a_volume_that_fits_is_one_piece() {
        let cut = Cut::plan([512, 512, 361], 2, WIDE).unwrap();
        assert_eq!((cut.len(), cut.piece(0)), (1, Piece { first: [0; 3], size: [512, 512, 361] }));
        let cut = Cut::plan([1, 1, 1], 4, WIDE).unwrap();
        assert_eq!((cut.len(), cut.piece(0).size), (1, [1, 1, 1]));
    }

    #[test]
    fn pieces_stay_within_bounds_and_share_one_layer_of_voxels() {
        for (dims, bounds) in [
            ([512, 512, 5000], WIDE),
            ([2049, 2048, 7], WIDE),
            ([512, 512, 361], Bounds { bytes: 40 << 20, ..WIDE }),
            ([21, 18, 15], Bounds { edge: 12, bytes: 1 << 10, pieces: 64 }),
        ] {
            let cut = Cut::plan(dims, 2, bounds).unwrap();
            assert!(cut.len() > 1 && cut.len() <= bounds.pieces, "{cut:?}");
            for piece in cut.pieces() {
                assert!(piece.size.iter().all(|&n| (2..=bounds.edge).contains(&n)), "{piece:?}");
                assert!(piece.size.iter().map(|&n| u64::from(n)).product::<u64>() * 2 <= bounds.bytes);
            }
            let last = cut.piece(cut.len() - 1);
            assert_eq!([0, 1, 2].map(|axis| last.first[axis] + last.size[axis]), dims);
            let next = cut.piece(1).first;
            let shared = (0..3).find(|&axis| next[axis] > 0).unwrap();
            assert_eq!(next[shared] + 1, cut.piece(0).size[shared]);
        }
    }

    #[test]
    fn a_volume_of_too_many_pieces_is_refused_with_their_number() {
        let bounds = Bounds { edge: 64, ..WIDE };
        assert_eq!(Cut::plan([512, 64, 64], 2, Bounds { pieces: 4, ..bounds }), Err(9));
        assert!(Cut::plan([512, 512, 512], 2, Bounds { bytes: 3, ..WIDE }).is_err());
    }
}
