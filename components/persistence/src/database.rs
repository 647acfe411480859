//! Models in a database.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, OnceLock};

use palladium_component::prelude::*;

use crate::DatabaseError;
use crate::artifact::{self, ArtifactError, Limits, Opened, Prepared};
use crate::chunks::{ChunkReader, ChunkWriter};
use crate::connection::{Connection, Intent};
use crate::location::{Location, LocationError};
use crate::schema::Tables;
use crate::session::{Session, check_folder};
use crate::statements::{ACTIVE_MODEL, DB_VERSION, ModelRow, Statements};
use crate::upgrade::{self, Due, LAYOUT, Step};

const NONE_ACTIVE: &str = "No model available";
const ACTIVE_DELETED: &str = "Activated model not available. Maybe it was deleted.";

/// Stores models in a database: one file of SQLite.
///
/// Models, their metadata and which one is active lie in four tables of one file. The tables, and the file, are
/// made when the first model is stored; until then the store is empty. Each write is one transaction: a process that
/// is killed in the middle of it leaves the store as it was. Several processes may use one file at once; a write
/// waits up to ten seconds for another.
///
/// ```ron
/// {
///     "model_persister": {
///         "!": "palladium.persistence.Database",
///         "url": "sqlite:///${here}/models.db",
///     },
/// }
/// ```
///
/// Version numbers count from 1 and are never given twice, also after the newest model was deleted. Models that
/// Palladium for Python stored cannot be read: they are pickles, which can run any code.
///
/// Each activation is written to a table of its own, which `palladium admin history` shows. The property `db-version`
/// is the number of the layout of the tables, not that of the program; `palladium upgrade` brings an older store to
/// the current layout.
#[component(Persister, name = "palladium.persistence.Database", check, lifecycle)]
pub struct Database {
    /// Where the database is, in the spelling of SQLAlchemy: `sqlite:///models.db` is a file in the working
    /// directory, `sqlite:////folder/models.db` a file elsewhere, and `sqlite://` lasts as long as the process.
    url: String,
    /// The bytes of a model lie in rows of this many bytes.
    #[param(default = 4_194_304, min = 1, max = 536_870_912)]
    chunk_size: usize,
    /// Letters, digits and underscores that all table names end in, so that several stores fit into one file.
    #[param(default = "")]
    table_postfix: String,
    #[state]
    formats: OnceLock<Arc<ModelFormats>>,
    #[state]
    session: Session,
}

impl Lifecycle for Database {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        // The formats are those of the binary: a second start has no others.
        self.formats.get_or_init(|| Arc::clone(context.formats));
        Ok(())
    }

    fn probe(&self) -> Result<Probe, Failure> {
        let location = self.location()?;
        check_folder(&location)?;
        let found = self.existing(Intent::Read, |connection, statements| statements.properties(connection))?;
        Ok(Probe::Found(match found {
            Some(_) => format!("the store in `{location}`"),
            None => format!("no store in `{location}` yet: the first fit makes it"),
        }))
    }
}

impl Persister for Database {
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        Ok(Arc::new(self.read_model(version)?))
    }

    fn write(&self, model: &TrainedModel) -> Result<Version, PersistError> {
        Ok(self.write_model(model)?)
    }

    fn activate(&self, version: Version) -> Result<(), PersistError> {
        self.activate_as(version, &Origin::default())
    }

    fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
        let before = self.existing(Intent::Write, |connection, statements| {
            statements.model(connection, version)?.ok_or_else(|| no_such(version))?;
            statements.set_active(connection, Some(version), origin)
        })?;
        let before = before.ok_or_else(|| no_such(version))?;
        tracing::info!(from = before.as_deref().unwrap_or("none"), to = %version, "model activated");
        Ok(())
    }

    fn delete(&self, version: Version) -> Result<(), PersistError> {
        let active = self.existing(Intent::Write, |connection, statements| {
            let was_there = statements.delete_model(connection, version)?;
            let active = statements.property(connection, ACTIVE_MODEL)?;
            if was_there { Ok(active) } else { Err(no_such(version)) }
        })?;
        let active = active.ok_or_else(|| no_such(version))?;
        if active == Some(version.to_string()) {
            tracing::warn!(%version, "the active model was deleted: activate another one");
        }
        Ok(())
    }

    fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), PersistError> {
        let deleted = self.existing(Intent::Write, |connection, statements| {
            if !statements.delete_model(connection, version)? {
                return Err(no_such(version));
            }
            let is_active = statements.property(connection, ACTIVE_MODEL)? == Some(version.to_string());
            match (is_active, force) {
                (false, _) => Ok(()),
                (true, false) => Err(DatabaseError::Active(version)),
                (true, true) => statements.set_active(connection, None, origin).map(drop),
            }
        })?;
        Ok(deleted.ok_or_else(|| no_such(version))?)
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        let models = self.existing(Intent::Read, |connection, statements| {
            let rows = statements.models(connection)?;
            rows.iter().map(|(version, metadata)| listed(connection.file(), *version, metadata)).collect()
        })?;
        Ok(models.unwrap_or_default())
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        let properties = self.existing(Intent::Read, |connection, statements| statements.properties(connection))?;
        Ok(properties.unwrap_or_else(|| BTreeMap::from([(DB_VERSION.to_owned(), LAYOUT.to_owned())])))
    }

    fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, PersistError> {
        let sizes = self.existing(Intent::Read, |connection, statements| statements.sizes(connection))?;
        Ok(sizes.unwrap_or_default())
    }

    fn history(&self) -> Result<Vec<Activation>, PersistError> {
        let history = self.existing(Intent::Read, |connection, statements| statements.activations(connection))?;
        Ok(history.unwrap_or_default())
    }

    fn upgrade(&self, from: Option<&Release>, to: Option<&Release>, origin: &Origin) -> Result<Upgraded, PersistError> {
        let statements = self.statements()?;
        let upgraded = self.session.creating(&self.location()?, &statements, LAYOUT, |connection| {
            let stored = statements.property(connection, DB_VERSION)?;
            let Due { from, to, steps } = upgrade::due(STEPS, stored.as_deref(), from, to)?;
            let mut done = Vec::new();
            for (layout, step) in steps {
                done.push((layout, step(connection, &statements, origin)?));
            }
            statements.set_property(connection, DB_VERSION, &to.to_string())?;
            Ok(Upgraded { from, to, steps: done })
        })?;
        Ok(upgraded)
    }
}

/// Changes the layout of a store and says what it did.
type Work = fn(&mut Connection, &Statements, &Origin) -> Result<String, DatabaseError>;

/// What leads from one layout to the next; all steps of an upgrade are one transaction.
const STEPS: &[Step<Work>] = &[Step { layout: "1.0", work: activate_newest }];

/// Activates the newest version where none is active: before layout 1.0 there was no such property.
fn activate_newest(
    connection: &mut Connection,
    statements: &Statements,
    origin: &Origin,
) -> Result<String, DatabaseError> {
    statements.tables().create_activations(connection)?;
    if let Some(active) = statements.property(connection, ACTIVE_MODEL)? {
        return Ok(format!("version {active} stays the active one"));
    }
    let Some(newest) = statements.newest(connection)? else { return Ok("there are no models".to_owned()) };
    statements.set_active(connection, Some(newest), origin)?;
    Ok(format!("version {newest} is the active one now"))
}

impl Database {
    fn check(&self) -> Result<(), ArgumentError> {
        Location::parse(&self.url)
            .map_err(|error| ArgumentError::new("url", error.to_string()).help(LocationError::HELP))?;
        Tables::new(&self.table_postfix).map_err(|error| ArgumentError::new("table_postfix", error.to_string()))?;
        Ok(())
    }

    fn location(&self) -> Result<Location, DatabaseError> {
        Ok(Location::parse(&self.url)?)
    }

    fn statements(&self) -> Result<Statements, DatabaseError> {
        Ok(Statements::new(Tables::new(&self.table_postfix)?))
    }

    /// Works on the store in one transaction if there is a store.
    fn existing<T>(
        &self,
        intent: Intent,
        work: impl FnOnce(&mut Connection, &Statements) -> Result<T, DatabaseError>,
    ) -> Result<Option<T>, DatabaseError> {
        let statements = self.statements()?;
        self.session.existing(&self.location()?, &statements, intent, |connection| work(connection, &statements))
    }

    fn read_model(&self, asked: Option<Version>) -> Result<TrainedModel, DatabaseError> {
        let formats = self.formats.get().ok_or(DatabaseError::NotInitialized)?;
        let missing = || asked.map_or_else(|| DatabaseError::Lookup(NONE_ACTIVE.into()), no_such);
        let opened = self.existing(Intent::Read, |connection, statements| {
            let version = match asked {
                Some(version) => version,
                None => statements.active(connection)?.ok_or_else(missing)?,
            };
            let row = statements.model(connection, version)?.ok_or_else(|| match asked {
                Some(version) => no_such(version),
                None => DatabaseError::Lookup(ACTIVE_DELETED.into()),
            })?;
            let opened = open(connection, statements, version, &row)
                .map_err(|error| unreadable(connection.file().to_owned(), version, error))?;
            Ok((version, opened))
        })?;
        // Decoding takes longest: by now the store is free for others.
        let (version, opened) = opened.ok_or_else(missing)?;
        let file = self.location()?.to_string();
        opened.decode(formats).map_err(|error| unreadable(file, version, error))
    }

    fn write_model(&self, model: &TrainedModel) -> Result<Version, DatabaseError> {
        let (location, statements) = (self.location()?, self.statements()?);
        let unwritable = |source| DatabaseError::Unwritable { file: location.to_string(), source };
        // Encoding takes longest: the store is not locked yet.
        let prepared = Prepared::new(model).map_err(unwritable)?;
        self.session.creating(&location, &statements, LAYOUT, |connection| {
            let version = statements.allocate(connection)?;
            let sealed = prepared.seal(version).map_err(unwritable)?;
            let artifact_size = i64::try_from(sealed.size()).unwrap_or(i64::MAX);
            let row = ModelRow { artifact_size, sha256: hex::encode(sealed.sha256()) };
            statements.insert_model(connection, version, sealed.metadata(), &row)?;
            let mut chunks = ChunkWriter::new(connection, &statements, version, self.chunk_size);
            let written = sealed.write_to(&mut chunks).and_then(|()| chunks.flush());
            written.map_err(|error| error.downcast().unwrap_or_else(|error| unwritable(error.into())))?;
            Ok(version)
        })
    }
}

/// Collects the bytes of a model and checks that they are those that were stored.
fn open(
    connection: &mut Connection,
    statements: &Statements,
    version: Version,
    row: &ModelRow,
) -> Result<Opened, ArtifactError> {
    let opened = artifact::open(&mut ChunkReader::new(connection, statements, version), Limits::default())?;
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

/// Returns why a version cannot be read: what the database said, if it was the database that failed.
fn unreadable(file: String, version: Version, error: ArtifactError) -> DatabaseError {
    let error = match error {
        ArtifactError::Io(error) => match error.downcast::<DatabaseError>() {
            Ok(error) => return error,
            Err(error) => ArtifactError::Io(error),
        },
        error => error,
    };
    DatabaseError::Unreadable { file, version, source: error }
}

/// Returns the metadata of a row.
fn listed(file: &str, version: i64, metadata: &str) -> Result<Metadata, DatabaseError> {
    let mut metadata: Metadata = serde_json::from_str(metadata).map_err(|error| DatabaseError::Inconsistent {
        file: file.to_owned(),
        what: format!("the metadata of version {version} are not what was stored: {error}"),
    })?;
    metadata.annotate("version", version);
    Ok(metadata)
}

#[cfg(test)]
mod tests;
