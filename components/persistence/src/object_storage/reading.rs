//! Reading objects piece by piece.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::{GetOptions, GetResult, ObjectStore};
use palladium_component::prelude::*;
use tokio::runtime::Handle;

use super::{Object, ObjectStorageError, Service};

/// Reads the content of an object.
struct ObjectReader {
    handle: Handle,
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    piece: Bytes,
    object: String,
    read: u64,
    size: u64,
}

impl<'a, S: Service> Object<'a, S> {
    /// Opens the object for reading; nothing means that there is none.
    pub fn open(&self) -> Result<Option<StoredObject<'a>>, ObjectStorageError> {
        let Some(found) = self.get()? else { return Ok(None) };
        let revision = S::revision(&found.meta);
        let reader = ObjectReader {
            handle: self.handle.clone(),
            object: self.shown(),
            size: found.meta.size,
            pieces: found.into_stream(),
            piece: Bytes::new(),
            read: 0,
        };
        Ok(Some(StoredObject { reader: Box::new(reader), revision }))
    }

    /// Asks for the object, of which nothing is read yet.
    pub(super) fn get(&self) -> Result<Option<GetResult>, ObjectStorageError> {
        match self.handle.block_on(self.store.get_opts(&self.name.key, GetOptions::default())) {
            Ok(found) => Ok(Some(found)),
            Err(error) => match self.failed(error) {
                ObjectStorageError::Failed { source, .. }
                    if matches!(source.error(), object_store::Error::NotFound { .. }) =>
                {
                    Ok(None)
                }
                error => Err(error),
            },
        }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.handle.block_on(self.pieces.next()) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => {
                    return Err(io::Error::other(ObjectStorageError::of(self.object.clone(), error)));
                }
                None if self.read < self.size => {
                    let (object, read, size) = (self.object.clone(), self.read, self.size);
                    return Err(io::Error::other(ObjectStorageError::Cut { object, read, size }));
                }
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        self.read += length as u64;
        Ok(length)
    }
}
