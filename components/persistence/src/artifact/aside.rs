//! Laying a large payload aside in threads of its own: while a piece is read from the store, the one before it is hashed
//! and the one before that is written to the spool. Each piece goes round: reader, hash, spool, reader.

use std::io::{self, Read, Write};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use sha2::{Digest, Sha256};

use super::spool::Spool;

/// How much is handed on at once.
const PIECE: usize = 1 << 18;

/// How many pieces there are: as many bytes as a chunk of a database has by default, so that all of one is worked on
/// while the next one is fetched.
const N_PIECES: usize = 16;

/// What became of a payload.
pub(super) enum LaidAside {
    /// So many bytes were found: fewer than were wanted only where the source ended.
    Found(u64),
    /// The spool did not take them.
    NotTaken(io::Error),
}

/// Reads up to so many bytes, hashes them and lays them aside.
///
/// # Errors
/// The source's; a thread that cannot be started.
pub(super) fn lay_aside(
    source: &mut dyn Read,
    length: u64,
    sha256: &mut Sha256,
    spool: &mut Spool,
) -> io::Result<LaidAside> {
    let (to_hash, read) = sync_channel(N_PIECES);
    let (to_spool, hashed) = sync_channel(N_PIECES);
    let (to_reader, spooled) = sync_channel(N_PIECES);
    thread::scope(|scope| {
        let thread = |name: &str| thread::Builder::new().name(name.into());
        thread("hash").spawn_scoped(scope, move || hash(sha256, &read, &to_spool))?;
        let spooling = thread("spool").spawn_scoped(scope, move || write(spool, &hashed, &to_reader))?;
        let found = read_pieces(source, length, &spooled, &to_hash);
        drop(to_hash);
        match spooling.join() {
            Ok(Ok(())) => found.map(LaidAside::Found),
            Ok(Err(error)) => Ok(LaidAside::NotTaken(error)),
            Err(panic) => resume_unwind(panic),
        }
    })
}

/// Hands on what a source has, until that is all of it or nobody takes more, and returns how much there was.
fn read_pieces(
    source: &mut dyn Read,
    length: u64,
    spooled: &Receiver<Vec<u8>>,
    to_hash: &SyncSender<Vec<u8>>,
) -> io::Result<u64> {
    let (mut found, mut n_made) = (0, 0);
    while found < length {
        let mut piece = if n_made < N_PIECES {
            n_made += 1;
            Vec::with_capacity(PIECE)
        } else {
            let Ok(piece) = spooled.recv() else { break };
            piece
        };
        piece.clear();
        let wanted = (length - found).min(PIECE as u64);
        let read = (&mut *source).take(wanted).read_to_end(&mut piece)? as u64;
        found += read;
        if to_hash.send(piece).is_err() || read < wanted {
            break;
        }
    }
    Ok(found)
}

fn hash(sha256: &mut Sha256, read: &Receiver<Vec<u8>>, to_spool: &SyncSender<Vec<u8>>) {
    for piece in read {
        sha256.update(&piece);
        if to_spool.send(piece).is_err() {
            return;
        }
    }
}

fn write(spool: &mut Spool, hashed: &Receiver<Vec<u8>>, to_reader: &SyncSender<Vec<u8>>) -> io::Result<()> {
    for piece in hashed {
        spool.write_all(&piece)?;
        // At the end the reader waits for no more pieces.
        to_reader.send(piece).ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    fn laid(source: &mut dyn Read, length: u64) -> io::Result<(u64, [u8; 32], Vec<u8>)> {
        let (mut sha256, mut spool) = (Sha256::new(), Spool::new());
        let found = match lay_aside(source, length, &mut sha256, &mut spool)? {
            LaidAside::Found(found) => found,
            LaidAside::NotTaken(error) => return Err(error),
        };
        let mut spooled = Vec::new();
        spool.finish().open().read_to_end(&mut spooled)?;
        Ok((found, sha256.finalize().into(), spooled))
    }

    #[test]
    fn everything_is_hashed_and_laid_aside_in_order() {
        for length in [0, 1, PIECE - 1, PIECE, 3 * PIECE + 7, (2 * N_PIECES + 3) * PIECE + 5] {
            let bytes = bytes(length);
            let (found, sha256, spooled) = laid(&mut bytes.as_slice(), length as u64).unwrap();
            assert_eq!(found, length as u64);
            assert!(spooled == bytes && sha256 == <[u8; 32]>::from(Sha256::digest(&bytes)), "{length}");
        }
    }

    #[test]
    fn no_more_is_read_than_is_wanted_and_an_early_end_is_told() {
        let bytes = bytes(PIECE + 9);
        let mut source = bytes.as_slice();
        let (found, _, spooled) = laid(&mut source, PIECE as u64 + 2).unwrap();
        assert_eq!((found, source), (PIECE as u64 + 2, &bytes[PIECE + 2..]));
        assert!(spooled == bytes[..PIECE + 2]);
        let (found, ..) = laid(&mut bytes.as_slice(), u64::MAX).unwrap();
        assert_eq!(found, bytes.len() as u64);
    }

    #[test]
    fn a_source_that_fails_ends_all_of_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let error = laid(&mut io::repeat(7).take(40 * PIECE as u64).chain(Broken), u64::MAX).unwrap_err();
        assert_eq!(error.to_string(), "broken");
    }
}
