//! Artifacts with right lengths and the right checksum, so that whatever header and payload say reaches the decoders.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use sha2::{Digest, Sha256};

/// The input is a byte of flags, the length of the header, the header and the payload.
fn artifact(input: &[u8]) -> Option<Vec<u8>> {
    let (&[flags, length], rest) = input.split_first_chunk()?;
    let (text, payload) = rest.split_at_checked(usize::from(length))?;
    let is_compressed = flags & 1 != 0;
    let stored = if is_compressed { payload.to_vec() } else { zstd::encode_all(payload, 1).ok()? };
    let header = if flags & 2 != 0 {
        text.to_vec()
    } else {
        // How long a compressed payload says it is, is known to its reader alone.
        let claimed = if is_compressed { u64::from(flags) << 4 } else { payload.len() as u64 };
        let metadata = serde_json::from_slice(text).unwrap_or_else(|_| json!({}));
        let header = json!({
            "component": "fuzz.Tree", "schema": 1, "payload_size": claimed, "columns": [], "metadata": metadata,
        });
        serde_json::to_vec(&header).ok()?
    };
    let mut bytes = b"\x89PLDM\r\n\x1a\x01\0\0\0".to_vec();
    bytes.extend(u32::try_from(header.len()).ok()?.to_le_bytes());
    bytes.extend((stored.len() as u64).to_le_bytes());
    bytes.extend(header);
    bytes.extend(stored);
    let sha256 = Sha256::digest(&bytes);
    bytes.extend(sha256);
    Some(bytes)
}

fuzz_target!(|input: &[u8]| {
    if let Some(bytes) = artifact(input) {
        palladium_persistence_fuzz::check(&bytes);
    }
});
