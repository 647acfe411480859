use std::io::{Read, Write};

use serde_json::json;

use super::*;
use crate::testing::{Constant, answer, constant};

const SMALL: Limits = Limits { payload: 1 << 20 };

fn formats() -> std::sync::Arc<ModelFormats> {
    std::sync::Arc::clone(Registry::linked().unwrap().formats())
}

fn stored() -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&constant(2.5, 3), Version::FIRST, &mut bytes).unwrap();
    bytes
}

fn read_all(bytes: &[u8]) -> Result<TrainedModel, ArtifactError> {
    read(&mut &bytes[..], &formats(), SMALL)
}

/// Returns a stored model with the right checksum, whatever header and payload say.
fn crafted(header: &serde_json::Value, payload: &[u8]) -> Vec<u8> {
    let header = serde_json::to_vec(header).unwrap();
    let payload = spooled(&zstd::encode_all(payload, 3).unwrap());
    let sealed = Sealed::new(&header, &payload, String::new()).unwrap();
    let mut bytes = Vec::new();
    sealed.write_to(&mut bytes).unwrap();
    bytes
}

fn spooled(bytes: &[u8]) -> spool::Spooled {
    let mut spool = spool::Spool::new();
    spool.write_all(bytes).unwrap();
    spool.finish()
}

fn header(payload_size: usize) -> serde_json::Value {
    json!({
        "component": "test.Constant", "schema": 1, "payload_size": payload_size, "columns": [], "metadata": {},
    })
}

fn encoded(model: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    model.encode(&mut bytes).unwrap();
    bytes
}

/// Checks that bytes are refused with a message that begins so.
fn refuses(what: &str, bytes: &[u8], expected: &str) {
    let error = read_all(bytes).err().unwrap_or_else(|| panic!("{what} is read"));
    assert!(error.to_string().starts_with(expected), "{what}: {error}");
}

#[test]
fn what_is_written_is_read() {
    for n_ballast in [0, 3, 50_000] {
        let mut bytes = Vec::new();
        write(&constant(-0.1, n_ballast), "7".parse().unwrap(), &mut bytes).unwrap();
        let model = read_all(&bytes).unwrap();
        assert_eq!(answer(&model), -0.1);
        assert_eq!(model.columns, constant(0.0, 0).columns);
        assert_eq!(model.metadata.version(), "7".parse().ok());
        assert_eq!(model.metadata.get("train_timestamp"), constant(0.0, 0).metadata.get("train_timestamp"));
    }
}

/// Each file was written by the version of palladium that introduced its format: version 7 of `constant(2.5, 3)`.
const GOLDEN: &[&[u8]] = &[include_bytes!("../../tests/golden/format-1.model")];

#[test]
fn golden_files_of_all_formats_are_read() {
    assert_eq!(GOLDEN.len(), FORMAT_VERSION as usize);
    for bytes in GOLDEN {
        let model = read_all(bytes).unwrap();
        assert_eq!(encoded_model(&model), encoded_model(&constant(2.5, 3)));
        assert_eq!(model.columns, constant(2.5, 3).columns);
        let metadata = json!({"train_timestamp": "2026-11-23T12:00:00+00:00", "version": 7});
        assert_eq!(serde_json::to_value(&model.metadata).unwrap(), metadata);
    }
}

/// Written by the first version that could: version 3 of the model of [`several_blocks`].
const GOLDEN_BLOCKS: &[u8] = include_bytes!("../../tests/golden/format-1-blocks.model");

/// Returns a model whose payload takes several blocks of zstd, with columns of all types and all sorts of metadata.
fn several_blocks() -> TrainedModel {
    let ballast = (0..60_000).map(|number| (1 << 40) + number % 251).collect();
    let columns = [
        ("sepal length", ColumnType::Float),
        ("n \"petals\"", ColumnType::Int),
        ("geprüft", ColumnType::Bool),
        ("art", ColumnType::Text),
    ];
    let columns = columns.map(|(name, kind)| ColumnSpec { name: name.into(), kind }).into();
    let mut metadata = Metadata::default();
    metadata.annotate("train_timestamp", "2026-11-26T15:30:00+00:00");
    metadata.annotate("score_test", 0.1 + 0.2);
    metadata.annotate("note", "größer\nals \u{1F338}");
    metadata.annotate("lineage", json!({"seed": u64::MAX, "data": {"rows": 150, "digest": null}, "tags": [1, -1, []]}));
    TrainedModel { model: Box::new(Constant { answer: -0.0, ballast }), columns, metadata }
}

#[test]
fn a_golden_file_of_several_blocks_is_read() {
    let (found, mut expected) = (read_all(GOLDEN_BLOCKS).unwrap(), several_blocks());
    assert_eq!(encoded_model(&found), encoded_model(&expected));
    assert_eq!(found.columns, expected.columns);
    expected.metadata.annotate("version", 3);
    assert_eq!(found.metadata, expected.metadata);
}

/// Takes artifacts apart by the table of `FORMAT.md`, without anything that readers and writers share.
#[test]
fn golden_files_are_laid_out_as_specified() {
    for (bytes, version) in [(GOLDEN[0], 7), (GOLDEN_BLOCKS, 3)] {
        assert_eq!(bytes[..8], [0x89, 0x50, 0x4C, 0x44, 0x4D, 0x0D, 0x0A, 0x1A]);
        assert_eq!(bytes[8..12], [1, 0, 0, 0]);
        let number =
            |from: usize, to: usize| bytes[from..to].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let (header_size, payload_size) = (number(12, 16), number(16, 24));
        let payload_at = 24 + header_size;
        let checksum_at = payload_at + payload_size;
        assert_eq!(bytes.len(), checksum_at + 32);
        assert_eq!(bytes[checksum_at..], *<sha2::Sha256 as sha2::Digest>::digest(&bytes[..checksum_at]));

        let header: serde_json::Value = serde_json::from_slice(&bytes[24..payload_at]).unwrap();
        assert_eq!(header["component"], "test.Constant");
        assert_eq!(header["schema"], 1);
        assert_eq!(header["columns"][0]["type"], "float");
        assert_eq!(header["metadata"]["version"], version);
        let payload = zstd::decode_all(&bytes[payload_at..checksum_at]).unwrap();
        assert_eq!(header["payload_size"], payload.len());
        // A map of two entries, the first of which is called `answer` and is a number of 64 bits.
        assert_eq!(payload[..9], *b"\x82\xa6answer\xcb");
        assert_eq!(payload[17..25], *b"\xa7ballast");
    }
}

fn encoded_model(model: &TrainedModel) -> Vec<u8> {
    let mut bytes = Vec::new();
    model.model.encode(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = stored();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(read_all(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn every_missing_and_added_byte_is_noticed() {
    let bytes = stored();
    for length in 0..bytes.len() {
        let error = read_all(&bytes[..length]).err().unwrap();
        assert!(matches!(error, ArtifactError::Truncated { .. }), "{length}: {error}");
    }
    refuses("a byte more", &[bytes, vec![0]].concat(), "the stored model is followed by bytes");
}

#[test]
fn lying_lengths_are_noticed() {
    let bytes = stored();
    let with = |offset: usize, lie: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[offset..offset + lie.len()].copy_from_slice(lie);
        bytes
    };
    let (header, payload) = (u32::from_le_bytes(bytes[12..16].try_into().unwrap()), 16);
    let cases = [
        (with(12, &(header + 1).to_le_bytes()), "the stored model is incomplete"),
        (with(12, &(header - 1).to_le_bytes()), "the stored model is followed by"),
        (with(12, &(64u32 << 20).to_le_bytes()), "the stored model is incomplete: of the 67108864 bytes of its header"),
        (with(12, &u32::MAX.to_le_bytes()), "the header of the stored model has 4294967295 bytes"),
        (with(payload, &0u64.to_le_bytes()), "the stored model is followed by"),
        (with(payload, &(1u64 << 20).to_le_bytes()), "the stored model is incomplete"),
        (with(payload, &u64::MAX.to_le_bytes()), "the payload of the stored model has 18446744073709551615 bytes"),
    ];
    for (index, (bytes, expected)) in cases.iter().enumerate() {
        refuses(&format!("case {index}"), bytes, expected);
    }
}

#[test]
fn what_is_no_model_is_refused() {
    let good = encoded(&Constant { answer: 1.0, ballast: Vec::new() });
    assert!(read_all(&crafted(&header(good.len()), &good)).is_ok());

    let with = |key: &str, value: serde_json::Value| {
        let mut header = header(good.len());
        header[key] = value;
        crafted(&header, &good)
    };
    let newer = {
        let mut bytes = stored();
        bytes[8] = 2;
        bytes
    };
    let infinite = encoded(&Constant { answer: f64::INFINITY, ballast: Vec::new() });
    // A map with an unknown entry that holds lists in lists.
    let deep = [b"\x81\xa1x".as_slice(), &[0x91; 100_000], b"\xc0"].concat();
    let cases = [
        ("text", b"version,metadata\n1,{}\n".to_vec(), "this is no model that palladium stored"),
        ("newer", newer, "the stored model has format version 2, this binary reads up to 1"),
        (
            "unknown",
            with("component", json!("other.Model")),
            "no component of this binary reads models of `other.Model`",
        ),
        (
            "schema",
            with("schema", json!(2)),
            "the model of `test.Constant` has schema version 2, this binary reads up to 1",
        ),
        ("header", with("columns", json!("none")), "the header of the stored model cannot be read"),
        ("infinite", crafted(&header(infinite.len()), &infinite), "the model of `test.Constant` contradicts itself"),
        ("deep", crafted(&header(deep.len()), &deep), "the model of `test.Constant` cannot be decoded"),
        ("payload", crafted(&header(1), b"\xc1"), "the model of `test.Constant` cannot be decoded"),
    ];
    for (what, bytes, expected) in cases {
        refuses(what, &bytes, expected);
    }
}

#[test]
fn decompression_is_bounded() {
    let good = encoded(&Constant { answer: 1.0, ballast: Vec::new() });
    let bomb = [good.clone(), vec![0; 64 << 20]].concat();
    let mut numbers = b"\x81\xa7ballast\xdd\x04\x00\x00\x00".to_vec();
    numbers.resize(numbers.len() + (64 << 20), 0);
    let cases = [
        ("honest", bomb.len(), &bomb, "the decompressed payload of the stored model has 6710"),
        ("lying", good.len(), &bomb, "the payload of the stored model has another length than the 26"),
        ("too short", good.len() + 1, &good, "the payload of the stored model has another length than the 27"),
        ("numbers", 1 << 20, &numbers, "the model of `test.Constant` cannot be decoded"),
    ];
    for (what, size, payload, expected) in cases {
        let bytes = crafted(&header(size), payload);
        assert!(bytes.len() < 100_000);
        refuses(what, &bytes, expected);
    }
}

/// Returns bytes that look random.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

#[test]
fn contents_are_read_by_several_readers_at_once() {
    for length in [0, 1, 8 << 20, (8 << 20) + 1, 10 << 20] {
        let payload = spooled(&noise(length));
        let sealed = Sealed::new(b"{}", &payload, String::new()).unwrap();
        let mut whole = Vec::new();
        sealed.write_to(&mut whole).unwrap();
        assert_eq!(whole.len() as u64, sealed.size());
        assert_eq!(&whole[26..26 + length], noise(length));

        // One that stays behind disturbs nobody.
        let mut slow = sealed.open().unwrap();
        slow.read_exact(&mut [0; 20]).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut bytes = Vec::new();
                    sealed.open().unwrap().read_to_end(&mut bytes).unwrap();
                    assert!(bytes == whole, "{length}");
                });
            }
        });
        let mut rest = Vec::new();
        slow.read_to_end(&mut rest).unwrap();
        assert!(rest == whole[20..], "{length}");
    }
}

#[test]
fn large_payloads_are_checked_like_small_ones() {
    let bytes = crafted(&header(9 << 20), &noise(9 << 20));
    for length in [bytes.len() - 1, bytes.len() - 40, 9 << 20, 1 << 20] {
        let error = open(&mut &bytes[..length], Limits::default()).err().unwrap();
        assert!(matches!(error, ArtifactError::Truncated { .. }), "{length}: {error}");
    }
    let mut changed = bytes.clone();
    changed[5 << 20] ^= 1;
    let error = open(&mut &changed[..], Limits::default()).err().unwrap();
    assert!(matches!(error, ArtifactError::Checksum), "{error}");
    assert_eq!(open(&mut &bytes[..], Limits::default()).unwrap().size(), bytes.len() as u64);
}

#[test]
fn payloads_end_where_they_are_said_to() {
    // Small ones are decoded by the thread that decompresses them, large ones by another.
    for n_ballast in [3, 600_000] {
        let good = encoded(&Constant { answer: 1.0, ballast: vec![u64::MAX; n_ballast] });
        let read = |size: usize, payload: &[u8]| {
            read(&mut crafted(&header(size), payload).as_slice(), &formats(), Limits::default())
        };
        assert!(encoded_model(&read(good.len(), &good).unwrap()) == good);
        let is_other_size = |error| matches!(error, ArtifactError::PayloadSize { .. });
        assert!(is_other_size(read(good.len() + 1, &good).err().unwrap()), "{n_ballast}");
        assert!(is_other_size(read(good.len(), &[good.as_slice(), &[0]].concat()).err().unwrap()), "{n_ballast}");
        let long = [good.as_slice(), &vec![0; 9 << 20]].concat();
        assert!(is_other_size(read(good.len(), &long).err().unwrap()), "{n_ballast}");
        assert!(is_other_size(read(long.len(), &long).err().unwrap()), "{n_ballast}");
        let error = read(good.len() - 1, &good).err().unwrap();
        assert!(matches!(error, ArtifactError::Decode(DecodeError::Malformed { .. })), "{n_ballast}: {error}");
    }
}

#[test]
fn what_could_not_be_read_is_not_written() {
    let mut nested = json!(1);
    for _ in 0..200 {
        nested = json!([nested]);
    }
    let mut model = constant(1.0, 0);
    model.metadata.annotate("nested", nested);
    let error = write(&model, Version::FIRST, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, ArtifactError::Metadata(_)), "{error}");

    model.metadata.annotate("nested", "x".repeat(65 << 20));
    let error = write(&model, Version::FIRST, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, ArtifactError::TooLarge { part: "header", .. }), "{error}");
}
