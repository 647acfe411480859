//! A store of models in the tables of a database.
#![expect(clippy::redundant_closure_for_method_calls, reason = "a method of rows is one for a single lifetime")]

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use palladium_component::prelude::*;
use palladium_component::value::{folder_of, is_sqlite, near_file};
use rustix::fs::{Access, access};

use super::chunks::{ChunkReader, ChunkWriter};
use super::connection::Intent;
use super::orphans::OrphanRows;
use super::rows::{ModelRow, Rows};
use super::session::{Session, Settings, check_folder};
use super::{DatabaseError, LAYOUT};
use crate::artifact::{self, ArtifactError, Limits, Opened, Prepared};
use crate::attachments::{self, AttachmentError, Taken};
use crate::properties::{ACTIVE_MODEL, DB_VERSION};
use crate::upgrade::{self, Due, Step};

const NONE_ACTIVE: &str = "No model available";
const ACTIVE_DELETED: &str = "Activated model not available. Maybe it was deleted.";

/// A store, for one call.
pub struct Store<'a> {
    pub settings: Settings,
    pub session: &'a Session,
    /// The models that can be decoded, which are known once the component was initialized.
    pub formats: Option<&'a Arc<ModelFormats>>,
    pub chunk_size: usize,
}

/// Changes the layout of a store and says what it did.
type Work = fn(&mut Rows<'_>, &Origin) -> Result<String, DatabaseError>;

/// What leads from one layout to the next; all steps of an upgrade are one transaction.
const STEPS: &[Step<Work>] =
    &[Step { layout: "1.0", work: activate_newest }, Step { layout: "1.1", work: make_room_for_attachments }];

/// Activates the newest version where none is active: before layout 1.0 there was no such property.
fn activate_newest(rows: &mut Rows<'_>, origin: &Origin) -> Result<String, DatabaseError> {
    if let Some(active) = rows.property(ACTIVE_MODEL)? {
        return Ok(format!("version {active} stays the active one"));
    }
    let Some(newest) = rows.newest()? else { return Ok("there are no models".to_owned()) };
    rows.set_active(Some(newest), origin)?;
    Ok(format!("version {newest} is the active one now"))
}

/// Adds the table of attachments.
fn make_room_for_attachments(rows: &mut Rows<'_>, _: &Origin) -> Result<String, DatabaseError> {
    if rows.present.attachments {
        return Ok("the table of attachments is there already".to_owned());
    }
    rows.tables.create_attachments(rows.connection)?;
    rows.present.attachments = true;
    Ok(format!("attachments lie in the table `{}` now", rows.tables.attachments))
}

impl Store<'_> {
    /// Returns in words what there is, without changing it.
    pub fn probe(&self) -> Result<String, DatabaseError> {
        let place = &self.settings.location;
        check_folder(place)?;
        let found = self.existing(Intent::Read, |rows| rows.properties())?;
        let writable = self.check_writable();
        Ok(match found {
            Some(_) if writable.is_err() => format!("the store in `{place}`, which this user may only read"),
            Some(_) => format!("the store in `{place}`"),
            None => writable.map(|()| format!("no store in `{place}` yet: the first fit makes it"))?,
        })
    }

    /// Finds out whether this user may write the file of the database and make others beside it; what a server allows is
    /// found out by writing.
    pub fn check_writable(&self) -> Result<(), DatabaseError> {
        let place = &self.settings.location;
        let Some(file) = place.file() else { return Ok(()) };
        let folder = folder_of(file);
        let writable = access(folder, Access::WRITE_OK | Access::EXEC_OK).and_then(|()| match file.exists() {
            true => access(file, Access::WRITE_OK),
            false => Ok(()),
        });
        writable.map_err(|error| DatabaseError::NotWritable { place: place.to_string(), source: error.into() })
    }

    /// Reads a version, or the active one, with its attachments.
    pub fn read(&self, asked: Option<Version>) -> Result<TrainedModel, DatabaseError> {
        let formats = self.formats.ok_or(DatabaseError::NotInitialized)?;
        let missing = || asked.map_or_else(|| DatabaseError::Lookup(NONE_ACTIVE.into()), no_such);
        let found = self.existing(Intent::Read, |rows| {
            let version = match asked {
                Some(version) => version,
                None => rows.active()?.ok_or_else(missing)?,
            };
            let row = rows.model(version)?.ok_or_else(|| match asked {
                Some(version) => no_such(version),
                None => DatabaseError::Lookup(ACTIVE_DELETED.into()),
            })?;
            let opened = open(rows, version, &row).map_err(|error| self.unreadable(version, error))?;
            let mut attached = Vec::new();
            for Attachment { name, .. } in rows.attachments(version)? {
                let mut content = Vec::new();
                rows.read_attachment(version, &name, &mut content)?;
                attached.push(Taken { name, content });
            }
            Ok((version, opened, attached))
        })?;
        // Decoding takes longest: by now the store is free for others.
        let (version, opened, attached) = found.ok_or_else(missing)?;
        let mut model = opened.decode(formats).map_err(|error| self.unreadable(version, error))?;
        let names: Vec<String> = attached.iter().map(|attachment| attachment.name.clone()).collect();
        model.metadata = attachments::listing(&model.metadata, &names);
        attached.iter().for_each(|attachment| attachments::put_back(&mut model.metadata, attachment));
        Ok(model)
    }

    /// Stores a model with its attachments under the next version.
    pub fn write(&self, model: &TrainedModel) -> Result<Version, DatabaseError> {
        let unwritable = |source| DatabaseError::Unwritable { place: self.settings.location.to_string(), source };
        let (metadata, attached) = attachments::take_out(&model.metadata)?;
        // Encoding takes longest: the store is not locked yet.
        let prepared = Prepared::new(model).map_err(unwritable)?.with_metadata(metadata);
        // On a server the rows of a new model are in nobody's way: only its number has to be the writer's own.
        let reserved = match self.settings.location.is_server() {
            true => Some(self.creating(|rows| rows.allocate())?),
            false => None,
        };
        let write = |rows: &mut Rows<'_>| {
            let version = reserved.map_or_else(|| rows.allocate(), Ok)?;
            let sealed = prepared.seal(version).map_err(unwritable)?;
            let artifact_size = i64::try_from(sealed.size()).unwrap_or(i64::MAX);
            let row = ModelRow { artifact_size, sha256: hex::encode(sealed.sha256()) };
            rows.insert_model(version, sealed.metadata(), &row)?;
            let chunk_size = rows.longest_chunk(self.chunk_size)?;
            let mut chunks = ChunkWriter::new(rows, version, chunk_size);
            let written = sealed.write_to(&mut chunks).and_then(|()| chunks.flush());
            written.map_err(|error| error.downcast().unwrap_or_else(|error| unwritable(error.into())))?;
            for attachment in &attached {
                rows.insert_attachment(version, &attachment.name, &attachment.content.as_slice(), chunk_size)?;
            }
            // Whoever reads the version asks for them too: a damaged database must not take what it cannot give back.
            rows.attachments(version)?;
            Ok(version)
        };
        match reserved {
            None => self.creating(write),
            Some(_) => self.existing(Intent::Add, write)?.ok_or_else(|| self.vanished()),
        }
    }

    /// Makes a version the active one.
    pub fn activate(&self, version: Version, origin: &Origin) -> Result<(), DatabaseError> {
        let before = self.of_model(Intent::Write, version, |rows| rows.set_active(Some(version), origin))?;
        tracing::info!(from = %before.as_deref().unwrap_or("none"), to = %version, "model activated");
        Ok(())
    }

    /// Deletes a version, which may be the active one.
    pub fn delete(&self, version: Version) -> Result<(), DatabaseError> {
        let active = self.of_model(Intent::Write, version, |rows| {
            rows.delete_model(version)?;
            rows.property(ACTIVE_MODEL)
        })?;
        if active == Some(version.to_string()) {
            tracing::warn!(%version, "the active model was deleted: activate another one");
        }
        Ok(())
    }

    /// Deletes a version. With `force` it may be the active one, after which none is active.
    pub fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), DatabaseError> {
        let was_active = self.of_model(Intent::Write, version, |rows| {
            let is_active = rows.property(ACTIVE_MODEL)? == Some(version.to_string());
            match (is_active, force) {
                (false, _) => {}
                (true, false) => return Err(DatabaseError::Active(version)),
                (true, true) => drop(rows.set_active(None, origin)?),
            }
            rows.delete_model(version)?;
            Ok(is_active)
        })?;
        if was_active {
            tracing::warn!(%version, "the active model was deleted: activate another one");
        }
        Ok(())
    }

    /// Returns the metadata of all models.
    pub fn list_models(&self) -> Result<Vec<Metadata>, DatabaseError> {
        let models = self.existing(Intent::Read, |rows| {
            let mut names = rows.attachment_names()?;
            let place = rows.place().to_owned();
            let listed = rows.models()?.into_iter().map(|(version, metadata)| {
                let metadata = listed_metadata(&place, version, &metadata)?;
                let attached = metadata.version().and_then(|version| names.remove(&version)).unwrap_or_default();
                Ok(attachments::listing(&metadata, &attached))
            });
            listed.collect()
        })?;
        Ok(models.unwrap_or_default())
    }

    /// Returns the versions that are stored.
    pub fn versions(&self) -> Result<Vec<Version>, DatabaseError> {
        Ok(self.existing(Intent::Read, |rows| rows.versions())?.unwrap_or_default())
    }

    /// Reads a version to its end, and checks that all that is stored of it is what was stored.
    pub fn verify(&self, version: Version) -> Result<(), DatabaseError> {
        let model = self.read(Some(version))?;
        let listed = self.of_model(Intent::Read, version, |rows| rows.metadata(version))?;
        let listed = listed_metadata(&self.settings.location.to_string(), version.number().cast_signed(), &listed)?;
        match attachments::listing(&listed, &[]) == attachments::listing(&model.metadata.without_files(), &[]) {
            true => Ok(()),
            false => Err(DatabaseError::Inconsistent {
                place: self.settings.location.to_string(),
                what: format!("the list of models says something else about version {version} than the stored model"),
            }),
        }
    }

    /// Returns the properties: one small query where it is known that there is a store.
    pub fn list_properties(&self) -> Result<BTreeMap<String, String>, DatabaseError> {
        if let Some(properties) = self.session.ask(&self.settings, |rows| rows.properties()) {
            return Ok(properties);
        }
        // A store of a newer layout still says so.
        let properties = self.session.existing(&self.settings, Intent::Read, |rows| rows.properties())?;
        Ok(properties.unwrap_or_else(|| BTreeMap::from([(DB_VERSION.to_owned(), LAYOUT.to_owned())])))
    }

    /// Tells whether there are the tables of a store.
    pub fn exists(&self) -> Result<bool, DatabaseError> {
        Ok(self.session.existing(&self.settings, Intent::Read, |_| Ok(()))?.is_some())
    }

    /// Returns where it is looked for, and a database of a similar name in the same folder.
    pub fn store_place(&self) -> StorePlace {
        let location = &self.settings.location;
        let near = location.file().filter(|file| !file.exists()).and_then(near_file).filter(|near| is_sqlite(near));
        StorePlace { shown: location.to_string(), near: near.map(|near| near.display().to_string()) }
    }

    /// Returns how many bytes each model takes.
    pub fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, DatabaseError> {
        Ok(self.existing(Intent::Read, |rows| rows.sizes())?.unwrap_or_default())
    }

    /// Returns the checksum of a version as it is stored.
    pub fn digest(&self, version: Version) -> Result<Option<String>, DatabaseError> {
        let row = self.existing(Intent::Read, |rows| rows.model(version))?.flatten();
        Ok(Some(row.ok_or_else(|| no_such(version))?.sha256))
    }

    /// Returns the rows that belong to no model.
    pub fn orphans(&self) -> Result<Vec<Orphan>, DatabaseError> {
        let found = self.existing(Intent::Read, |rows| rows.orphans())?.unwrap_or_default();
        Ok(found.into_iter().map(OrphanRows::told).collect())
    }

    /// Removes the rows that belong to no model, and returns which those were.
    pub fn remove_orphans(&self) -> Result<Vec<Orphan>, DatabaseError> {
        if self.orphans()?.is_empty() {
            return Ok(Vec::new());
        }
        let removed = self.existing(Intent::Write, |rows| {
            let orphans = rows.orphans()?;
            orphans.iter().try_for_each(|orphan| rows.delete_rows(orphan))?;
            Ok(orphans)
        })?;
        Ok(removed.unwrap_or_default().into_iter().map(OrphanRows::told).collect())
    }

    /// Returns nothing: the rows of the models are the list of them.
    pub fn unlisted(&self) -> Result<Vec<Orphan>, DatabaseError> {
        Ok(Vec::new())
    }

    /// Returns the attachments of a version.
    pub fn attachments(&self, version: Version) -> Result<Vec<Attachment>, DatabaseError> {
        self.of_model(Intent::Read, version, |rows| rows.attachments(version))
    }

    /// Writes the content of an attachment.
    pub fn read_attachment(&self, version: Version, name: &str, writer: &mut dyn Write) -> Result<(), DatabaseError> {
        let missing = || no_such_attachment(version, name);
        let mut counting = Counting { writer, is_touched: false };
        let is_name = attachments::check_name(name).is_ok();
        self.of_model(Intent::Read, version, |rows| match rows.read_attachment(version, name, &mut counting) {
            _ if !is_name => Err(missing()),
            Ok(true) => Ok(()),
            Ok(false) => Err(missing()),
            // What was passed on once cannot be passed on again.
            Err(error) if error.is_transient() && counting.is_touched => {
                let source = std::io::Error::other(error);
                Err(DatabaseError::AttachmentContent { name: name.to_owned(), source })
            }
            Err(error) => Err(error),
        })
    }

    /// Adds an attachment to a version.
    pub fn attach(&self, version: Version, name: &str, content: &dyn Content) -> Result<(), DatabaseError> {
        attachments::check_name(name)?;
        self.of_model(Intent::Write, version, |rows| {
            if rows.attachments(version)?.iter().any(|attachment| attachment.name == name) {
                return Err(AttachmentError::Present { name: name.to_owned(), version }.into());
            }
            let chunk_size = rows.longest_chunk(self.chunk_size)?;
            rows.insert_attachment(version, name, content, chunk_size)
        })
    }

    /// Takes an attachment from a version.
    pub fn detach(&self, version: Version, name: &str) -> Result<(), DatabaseError> {
        // What cannot be a name is none, however the database compares.
        let is_name = attachments::check_name(name).is_ok();
        self.of_model(Intent::Write, version, |rows| match is_name && rows.delete_attachment(version, name)? {
            true => Ok(()),
            false => Err(no_such_attachment(version, name)),
        })
    }

    /// Returns the log of activations.
    pub fn history(&self) -> Result<Vec<Activation>, DatabaseError> {
        Ok(self.existing(Intent::Read, |rows| rows.activations())?.unwrap_or_default())
    }

    /// Brings the store to a layout.
    pub fn upgrade(
        &self,
        from: Option<&Release>,
        to: Option<&Release>,
        origin: &Origin,
    ) -> Result<Upgraded, DatabaseError> {
        self.creating(|rows| {
            let stored = rows.property(DB_VERSION)?;
            let Due { from, to, steps } = upgrade::due(STEPS, stored.as_deref(), from, to)?;
            let mut done = Vec::new();
            for (layout, step) in steps {
                done.push((layout, step(rows, origin)?));
            }
            rows.set_property(DB_VERSION, &to.to_string())?;
            Ok(Upgraded { from, to, steps: done })
        })
    }

    /// Works on the store in one transaction if there is a store.
    fn existing<T>(
        &self,
        intent: Intent,
        mut work: impl FnMut(&mut Rows<'_>) -> Result<T, DatabaseError>,
    ) -> Result<Option<T>, DatabaseError> {
        self.session.existing(&self.settings, intent, |rows| {
            rows.check_layout()?;
            work(rows)
        })
    }

    /// Works on the store in one transaction and makes the store if there is none.
    fn creating<T>(&self, mut work: impl FnMut(&mut Rows<'_>) -> Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        self.session.creating(&self.settings, |rows| {
            rows.check_layout()?;
            work(rows)
        })
    }

    /// Works on a version that has to be there, in one transaction.
    fn of_model<T>(
        &self,
        intent: Intent,
        version: Version,
        mut work: impl FnMut(&mut Rows<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let done = self.existing(intent, |rows| {
            rows.model(version)?.ok_or_else(|| no_such(version))?;
            work(rows)
        })?;
        done.ok_or_else(|| no_such(version))
    }

    /// Returns that there is no store any more a moment after there was one.
    fn vanished(&self) -> DatabaseError {
        DatabaseError::Inconsistent {
            place: self.settings.location.to_string(),
            what: "its tables were removed while a model was stored".to_owned(),
        }
    }

    /// Returns why a version cannot be read: what the database said, if it was the database that failed.
    fn unreadable(&self, version: Version, error: ArtifactError) -> DatabaseError {
        let source = match error {
            ArtifactError::Io(error) => match error.downcast::<DatabaseError>() {
                Ok(error) => return error,
                Err(error) => ArtifactError::Io(error),
            },
            error => error,
        };
        DatabaseError::Unreadable { place: self.settings.location.to_string(), version, source }
    }
}

/// Collects the bytes of a model and checks that they are those that were stored.
fn open(rows: &mut Rows<'_>, version: Version, row: &ModelRow) -> Result<Opened, ArtifactError> {
    let opened = artifact::open(&mut ChunkReader::new(rows, version), Limits::default())?;
    if i64::try_from(opened.size()) != Ok(row.artifact_size) || hex::encode(opened.sha256()) != row.sha256 {
        return Err(ArtifactError::Checksum);
    }
    match opened.version() {
        Some(found) if found == version => Ok(opened),
        found => Err(ArtifactError::OtherVersion { found, expected: version }),
    }
}

fn no_such(version: Version) -> DatabaseError {
    DatabaseError::Lookup(format!("No such version: {version}"))
}

fn no_such_attachment(version: Version, name: &str) -> DatabaseError {
    DatabaseError::Lookup(attachments::no_such(version, name))
}

/// Returns the metadata of a row.
fn listed_metadata(place: &str, version: i64, metadata: &str) -> Result<Metadata, DatabaseError> {
    let mut metadata: Metadata = serde_json::from_str(metadata).map_err(|error| DatabaseError::Inconsistent {
        place: place.to_owned(),
        what: format!("the metadata of version {version} are not what was stored: {error}"),
    })?;
    metadata.annotate("version", version);
    Ok(metadata)
}

/// Notes whether anything was written.
struct Counting<'w> {
    writer: &'w mut dyn Write,
    is_touched: bool,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.is_touched = true;
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}
