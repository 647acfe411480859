//! How the binary allocates.

use std::alloc::{GlobalAlloc, Layout, System};

use libmimalloc_sys::{mi_malloc, mi_realloc, mi_zalloc};
use mimalloc::MiMalloc;

/// Leaves small allocations to mimalloc and large ones to the system.
///
/// Requests are made of many small allocations on several threads at once, for which mimalloc is the faster one. The
/// columns of a table grow by moving pages where the system allocates them, and what is freed goes back to it.
pub struct Allocator;

/// From so many bytes on an allocation is large.
const LARGE: usize = 64 << 10;

fn is_large(size: usize) -> bool {
    size >= LARGE
}

/// Tells whether mimalloc need not be told the alignment, which makes it search.
fn is_word_aligned(layout: Layout) -> bool {
    layout.align() <= align_of::<usize>()
}

// SAFETY: both allocators keep the contract of the trait. Every method decides by the size of the layout alone, and an
// allocation has the size of its layout for as long as it lives: `dealloc` and `realloc` are given that layout, so they
// ask the allocator that the memory is from. Where `realloc` passes from one allocator to the other, it allocates by the
// one, copies as many bytes as both sizes have, which do not overlap as both allocations live, and frees by the other.
// mimalloc frees what any of its functions returned; those that are not told an alignment return at least that of a
// word (`MI_MAX_ALIGN_SIZE` and the sizes of its blocks, which are whole words), and layouts that need more do not reach
// them.
#[expect(unsafe_code, reason = "the trait is unsafe; the proof stands above")]
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match is_large(layout.size()) {
            true => unsafe { System.alloc(layout) },
            false if is_word_aligned(layout) => unsafe { mi_malloc(layout.size()).cast() },
            false => unsafe { MiMalloc.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match is_large(layout.size()) {
            true => unsafe { System.alloc_zeroed(layout) },
            false if is_word_aligned(layout) => unsafe { mi_zalloc(layout.size()).cast() },
            false => unsafe { MiMalloc.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match is_large(layout.size()) {
            true => unsafe { System.dealloc(pointer, layout) },
            false => unsafe { MiMalloc.dealloc(pointer, layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        match (is_large(layout.size()), is_large(new_size)) {
            (true, true) => unsafe { System.realloc(pointer, layout, new_size) },
            (false, false) if is_word_aligned(layout) => unsafe { mi_realloc(pointer.cast(), new_size).cast() },
            (false, false) => unsafe { MiMalloc.realloc(pointer, layout, new_size) },
            _ => unsafe {
                // The caller keeps to the limits of a layout.
                let new_layout = Layout::from_size_align_unchecked(new_size, layout.align());
                let new = self.alloc(new_layout);
                if !new.is_null() {
                    std::ptr::copy_nonoverlapping(pointer, new, layout.size().min(new_size));
                    self.dealloc(pointer, layout);
                }
                new
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LARGE;

    /// The tests of the binary allocate as it does.
    #[test]
    fn contents_stay_where_an_allocation_changes_hands() {
        let number = |place: usize| (place % 251) as u8;
        let mut bytes: Vec<u8> = Vec::new();
        for length in [1, LARGE - 1, LARGE, LARGE + 1, 20 * LARGE, LARGE, LARGE - 1, 7] {
            let before = bytes.len();
            bytes.truncate(length);
            bytes.shrink_to_fit();
            bytes.reserve_exact(length - bytes.len());
            bytes.extend((bytes.len()..length).map(number));
            assert!(bytes.iter().enumerate().all(|(place, byte)| *byte == number(place)), "{before} to {length}");
        }
    }

    #[test]
    fn small_allocations_are_aligned() {
        #[repr(align(16))]
        struct Aligned([u8; 16]);
        let mut kept = Vec::new();
        for length in 1..200 {
            let (words, wide): (Vec<u64>, Vec<Aligned>) =
                ((0..length).collect(), (0..length).map(|number| Aligned([number as u8; 16])).collect());
            let mut texts = vec!["x".repeat(length as usize)];
            texts.resize(length as usize, String::new());
            assert!(words.as_ptr().is_aligned() && wide.as_ptr().is_aligned() && texts.as_ptr().is_aligned());
            assert!(vec![0_u64; length as usize].iter().all(|word| *word == 0));
            kept.push((words, wide, texts));
        }
        for (words, wide, texts) in kept {
            assert!(words.iter().zip(&wide).all(|(word, wide)| wide.0 == [*word as u8; 16]));
            assert_eq!(texts[0].len(), words.len());
        }
    }

    #[test]
    fn large_and_aligned_allocations_are_as_asked() {
        #[repr(align(4096))]
        struct Page([u8; 4096]);
        for length in [LARGE / 2, LARGE, 4 * LARGE] {
            drop(vec![1_u8; length]);
            assert!(vec![0_u8; length].iter().all(|byte| *byte == 0));
            let pages: Vec<Page> = (0..length.div_ceil(4096)).map(|_| Page([1; 4096])).collect();
            assert!(pages.as_ptr().is_aligned() && pages.iter().all(|page| page.0 == [1; 4096]));
        }
    }
}
