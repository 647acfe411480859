//! Whether a service honours conditions, found out with an object of no meaning beside the real ones.

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutResult};

use super::{Object, ObjectStorageError, Service, lock};

impl<S: Service> Object<'_, S> {
    /// Finds out once whether the service tells which of two writers was first. Nothing is left behind.
    ///
    /// # Errors
    /// It does not, and that is not put up with.
    pub(super) fn probe(&self) -> Result<bool, ObjectStorageError> {
        if !self.service.is_doubtful() {
            return Ok(true);
        }
        let mut probed = lock(&self.service.kept().probed);
        if let Some(honours) = probed.get(&self.name.folder()) {
            return Ok(*honours);
        }
        let scratch = Path::parse(format!("{}.probe-{:032x}", self.name.key, fastrand::u128(..)));
        let scratch = scratch.map_err(|error| self.failed(error.into()))?;
        let honours = self.handle.block_on(self.honours_conditions(&scratch));
        let removed = self.handle.block_on(self.store.delete(&scratch));
        let honours = honours.map_err(|error| self.failed(error))?;
        if !honours {
            if !self.service.is_unguarded() {
                return Err(ObjectStorageError::Unconditional { object: self.shown() });
            }
            tracing::warn!(
                object = self.shown(),
                "the service ignores conditions: two writers at once may lose a model"
            );
        }
        match removed {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(self.failed(error)),
        }
        probed.insert(self.name.folder(), honours);
        Ok(honours)
    }

    /// Tells whether an object is made only once, and replaced only if it is in the expected state.
    async fn honours_conditions(&self, scratch: &Path) -> object_store::Result<bool> {
        let put = |content: &'static str, mode: PutMode| self.store.put_opts(scratch, content.into(), mode.into());
        let first = match put("1", PutMode::Create).await {
            Ok(first) => first,
            // A request that is wrong in another way gets the same answer.
            Err(error) if says(&error, "status code: 400") && put("1", PutMode::Overwrite).await.is_ok() => {
                return Ok(false);
            }
            Err(error) => return is_ignored(error).map(|()| false),
        };
        if !is_refused(put("2", PutMode::Create).await)? {
            return Ok(false);
        }
        let second = put("3", PutMode::Overwrite).await?;
        let outdated = put("4", PutMode::Update(first.into())).await;
        if outdated.as_ref().is_err_and(|error| says(error, "status code: 400")) || !is_refused(outdated)? {
            return Ok(false);
        }
        put("5", PutMode::Update(second.into())).await.map(|_| true)
    }
}

/// Tells whether a condition did not hold.
fn is_refused(put: object_store::Result<PutResult>) -> object_store::Result<bool> {
    match put {
        Ok(_) => Ok(false),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(true),
        Err(error) => is_ignored(error).map(|()| false),
    }
}

/// Passes an error on unless it says that the service knows no conditions.
fn is_ignored(error: Error) -> object_store::Result<()> {
    let is_unknown = matches!(error, Error::NotImplemented { .. } | Error::NotSupported { .. })
        || says(&error, "status code: 501")
        || says(&error, "NotImplemented");
    if is_unknown { Ok(()) } else { Err(error) }
}

fn says(error: &Error, words: &str) -> bool {
    error.to_string().contains(words)
}
