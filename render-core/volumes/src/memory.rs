//! Memory for the voxels of a volume.

#![expect(unsafe_code, reason = "zeroed slices in an Arc and huge pages have no safe interface")]

use std::sync::Arc;

use crate::volume::Voxel;

/// Zeroes that were not written: the system hands out such pages, and each is touched first by the
/// core that fills it.
pub fn zeroed<T: Voxel>(count: usize) -> Arc<[T]> {
    let memory = Arc::<[T]>::new_zeroed_slice(count);
    // SAFETY: `Voxel` is sealed; it is implemented for integers and floats only, of which all bits
    // zero is a value.
    let memory = unsafe { memory.assume_init() };
    #[cfg(target_os = "linux")]
    in_huge_pages(&memory);
    memory
}

/// Asks for pages of 2 MiB: first touching so many of 4 KiB takes longer than reading the files.
#[cfg(target_os = "linux")]
fn in_huge_pages<T>(memory: &[T]) {
    const HUGE: usize = 2 << 20;
    let bounds = memory.as_ptr_range();
    let (start, end) = (bounds.start.addr().next_multiple_of(HUGE), bounds.end.addr() / HUGE * HUGE);
    if end > start {
        // SAFETY: the whole pages from `start` to `end` lie inside `memory`, and the advice changes
        // neither their contents nor who owns them. Where it is not taken nothing changes.
        unsafe {
            libc::madvise(bounds.start.with_addr(start).cast_mut().cast(), end - start, libc::MADV_HUGEPAGE)
        };
    }
}
