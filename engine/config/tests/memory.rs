//! The memory that loading takes grows with the size of a configuration, not faster.
//!
//! A binary of its own, because it counts what is allocated.
#![expect(unsafe_code, reason = "an allocator that counts")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use palladium_config::{Request, load};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work; counting touches nothing of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the most bytes that were allocated at one time while a configuration of this size was loaded.
fn peak(n_keys: usize, extension: &str) -> usize {
    let open = if extension == "ron" { "{" } else { "#{" };
    let mut text = format!("{open}\n");
    for key in 0..n_keys {
        writeln!(text, "\"key_{key}\": {open} \"a\": {key}, \"b\": [1.5, \"text\"] }},").unwrap();
        if key % 10 == 0 {
            writeln!(text, "\"copy_{key}\": {open} \"__copy__\": \"key_{key}\", \"c\": {key} }},").unwrap();
        }
    }
    text.push('}');
    let folder = tempfile::tempdir().unwrap();
    let name = format!("a.{extension}");
    std::fs::write(folder.path().join(&name), text).unwrap();
    let request = Request { files: Some(name), directory: folder.path().to_owned(), ..Request::default() };
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let config = load(&request).unwrap();
    assert!(config.root().as_map().unwrap().len() > n_keys);
    PEAK.load(Ordering::Relaxed) - before
}

#[test]
fn memory_is_linear_in_the_size() {
    for extension in ["ron", "rhai"] {
        let (small, large) = (peak(1_500, extension), peak(12_000, extension));
        assert!(large < 10 * small, "{extension}: {small} bytes for 1,500 keys, {large} for 12,000");
    }
}
