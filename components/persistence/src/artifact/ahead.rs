//! Reading ahead in a thread of its own: a large payload is decompressed while what comes before it is decoded.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// How much is handed over at once.
const PIECE: u64 = 1 << 18;

/// How many pieces may wait.
const N_PIECES: usize = 4;

/// Does some work with a reader of a source that is read by another thread. What the work leaves is not read.
pub(super) fn read_ahead<T>(source: impl Read + Send, work: impl FnOnce(&mut dyn Read) -> T) -> io::Result<T> {
    let (sender, pieces) = sync_channel(N_PIECES);
    thread::scope(|scope| {
        thread::Builder::new().name("decompress".into()).spawn_scoped(scope, move || hand_over(source, &sender))?;
        let mut reader = Pieces { pieces, piece: Vec::new(), position: 0 };
        Ok(work(&mut reader))
    })
}

/// Reads until the source ends or fails, or nobody wants more.
fn hand_over(mut source: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE as usize);
        let read = (&mut source).take(PIECE).read_to_end(&mut piece);
        let is_last = !matches!(read, Ok(length) if length > 0);
        if sender.send(read.map(|_| piece)).is_err() || is_last {
            return;
        }
    }
}

/// The other end.
struct Pieces {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    position: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.piece.len() {
            // The sender is gone after an empty piece or a failure.
            let Ok(piece) = self.pieces.recv() else { return Ok(0) };
            (self.piece, self.position) = (piece?, 0);
        }
        let length = buffer.len().min(self.piece.len() - self.position);
        buffer[..length].copy_from_slice(&self.piece[self.position..self.position + length]);
        self.position += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_arrives_in_order() {
        for length in [0, 1, PIECE as usize, 7 * PIECE as usize + 5] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let mut read = Vec::new();
            read_ahead(bytes.as_slice(), |reader| reader.read_to_end(&mut read)).unwrap().unwrap();
            assert!(read == bytes, "{length}");
        }
    }

    #[test]
    fn what_nobody_wants_is_not_read() {
        let mut first = [0; 3];
        read_ahead(io::repeat(7), |reader| reader.read_exact(&mut first)).unwrap().unwrap();
        assert_eq!(first, [7; 3]);
    }

    #[test]
    fn a_failure_arrives_after_what_came_before_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let source = io::repeat(7).take(PIECE).chain(Broken);
        let (read, error) = read_ahead(source, |reader| {
            let mut bytes = Vec::new();
            let error = reader.read_to_end(&mut bytes).unwrap_err();
            (bytes.len() as u64, error)
        })
        .unwrap();
        assert_eq!((read, error.to_string().as_str()), (PIECE, "broken"));
    }
}
