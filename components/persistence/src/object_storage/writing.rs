//! Storing objects whole: small ones in one request, large ones in parts of which one is in memory at a time.

use std::io::Read;

use object_store::{
    Attribute, Attributes, GetOptions, MultipartUpload, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, UpdateVersion,
};
use palladium_component::prelude::*;

use super::{Object, ObjectStorageError, Service};

/// How many bytes a part has, and how many an object that is not divided.
const PART: u64 = 8 * 1024 * 1024;

/// What an object says about the request that stored it. Azure takes letters only.
const WRITER: &str = "palladiumwriter";

impl<S: Service> Object<'_, S> {
    /// Stores the object whole.
    pub fn put(&self, content: &dyn Content, expected: &Expected) -> Result<(), StoreError> {
        let is_guarded = *expected == Expected::Anything || self.probe()?;
        if !is_guarded && *expected == Expected::Nothing && self.size()?.is_some() {
            return Err(StoreError::Conflict { object: self.shown() });
        }
        // Some services refuse whatever is sent with a condition.
        let sent = if is_guarded { expected } else { &Expected::Anything };
        let writer = format!("{:032x}", fastrand::u128(..));
        let stored = if content.size() > PART && !matches!(sent, Expected::Revision(_)) {
            self.put_parts(content, sent, &writer)
        } else {
            self.put_whole(content, sent, &writer)
        };
        match stored {
            // A request whose answer was lost is repeated by the library, and meets its own result.
            Err(StoreError::Conflict { .. }) if self.is_written_by(&writer)? => Ok(()),
            Err(error) if *expected != Expected::Anything && self.is_written_by(&writer).unwrap_or(false) => {
                tracing::debug!("the object is stored although the service said: {error}");
                Ok(())
            }
            stored => stored,
        }
    }

    fn put_whole(&self, content: &dyn Content, expected: &Expected, writer: &str) -> Result<(), StoreError> {
        let mode = match expected {
            Expected::Anything => PutMode::Overwrite,
            Expected::Nothing => PutMode::Create,
            Expected::Revision(Revision(state)) => {
                PutMode::Update(UpdateVersion { e_tag: Some(state.clone()), version: Some(state.clone()) })
            }
        };
        let bytes = self.read_part(&mut *self.begin(content)?, content.size())?;
        let options = PutOptions { mode, attributes: attributes(writer), ..PutOptions::default() };
        let stored = self.handle.block_on(self.store.put_opts(&self.name.key, bytes.into(), options));
        stored.map(drop).map_err(|error| self.refused(error))
    }

    /// Stores a large object. Services do not check conditions on these, so it is looked before what is there.
    fn put_parts(&self, content: &dyn Content, expected: &Expected, writer: &str) -> Result<(), StoreError> {
        if *expected == Expected::Nothing && self.size()?.is_some() {
            return Err(StoreError::Conflict { object: self.shown() });
        }
        let mut reader = self.begin(content)?;
        let options = PutMultipartOptions { attributes: attributes(writer), ..PutMultipartOptions::default() };
        let begun = self.handle.block_on(self.store.put_multipart_opts(&self.name.key, options));
        let mut upload = begun.map_err(|error| self.failed(error))?;
        let stored = self.send_parts(upload.as_mut(), &mut *reader, content.size());
        if stored.is_err() {
            // What was sent would cost money for as long as it lies there.
            if let Err(error) = self.handle.block_on(upload.abort()) {
                tracing::warn!(object = self.shown(), "parts of an object that is not stored stay: {error}");
            }
        }
        Ok(stored?)
    }

    fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        reader: &mut dyn Read,
        size: u64,
    ) -> Result<(), ObjectStorageError> {
        let mut left = size;
        while left > 0 {
            let part = self.read_part(reader, left.min(PART))?;
            left -= part.len() as u64;
            let sent = self.handle.block_on(upload.put_part(PutPayload::from(part)));
            sent.map_err(|error| self.failed(error))?;
        }
        self.handle.block_on(upload.complete()).map(drop).map_err(|error| self.failed(error))
    }

    fn begin<'c>(&self, content: &'c dyn Content) -> Result<Box<dyn Read + Send + 'c>, ObjectStorageError> {
        content.open().map_err(|source| ObjectStorageError::Content { object: self.shown(), source })
    }

    fn read_part(&self, reader: &mut dyn Read, size: u64) -> Result<Vec<u8>, ObjectStorageError> {
        let mut part = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        let read = reader.read_exact(&mut part);
        read.map_err(|source| ObjectStorageError::Content { object: self.shown(), source })?;
        Ok(part)
    }

    /// Tells whether what lies there was stored by this request.
    fn is_written_by(&self, writer: &str) -> Result<bool, ObjectStorageError> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.handle.block_on(self.store.get_opts(&self.name.key, options)) {
            Ok(found) => {
                Ok(found.attributes.get(&Attribute::Metadata(WRITER.into())).is_some_and(|by| **by == *writer))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn refused(&self, error: object_store::Error) -> StoreError {
        match error {
            object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. } => {
                StoreError::Conflict { object: self.shown() }
            }
            error => self.failed(error).into(),
        }
    }
}

fn attributes(writer: &str) -> Attributes {
    Attributes::from_iter([(Attribute::Metadata(WRITER.into()), writer.to_owned())])
}
