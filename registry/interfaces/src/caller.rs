//! Who makes a request.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Who makes a request, as an authenticating decorator found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The name of the user, the key or the client.
    pub principal: String,
    /// What the caller may do.
    pub scopes: Vec<String>,
}

/// The place on a request where a decorator leaves who makes it, for those further inside and for itself afterwards.
#[derive(Default)]
pub struct Caller(Mutex<Option<Arc<Identity>>>);

impl Caller {
    /// Leaves who makes the request, in the place of what a decorator further outside has left.
    pub fn identify(&self, identity: impl Into<Arc<Identity>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity.into());
    }

    /// Returns who makes the request; nothing while nobody has found out.
    pub fn identity(&self) -> Option<Arc<Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Clone for Caller {
    fn clone(&self) -> Caller {
        Caller(Mutex::new(self.identity()))
    }
}

impl PartialEq for Caller {
    fn eq(&self, other: &Caller) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Caller {}

impl fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_who_identifies_counts() {
        let caller = Caller::default();
        assert_eq!(caller.identity(), None);
        let of = |name: &str| Identity { principal: name.to_owned(), scopes: vec!["read".to_owned()] };
        caller.identify(of("gateway"));
        let before = caller.clone();
        caller.identify(of("user"));
        assert_eq!(caller.identity().unwrap().principal, "user");
        assert_eq!(before.identity().unwrap().principal, "gateway", "a clone does not follow");
        assert_ne!(before, caller);
    }
}
