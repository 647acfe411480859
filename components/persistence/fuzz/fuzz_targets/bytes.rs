//! Any bytes are a model or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| palladium_persistence_fuzz::check(bytes));
