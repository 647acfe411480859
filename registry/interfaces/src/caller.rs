//! Who makes a request.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use crate::{Credential, ParameterPlace};

/// Who makes a request, as an authenticating decorator found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The name of the user, the key or the client.
    pub principal: String,
    /// What the caller may do.
    pub scopes: Vec<String>,
}

impl Identity {
    /// Tells whether a text can be the name of a principal, which is written into logs.
    pub fn is_principal(text: &str) -> bool {
        const LONGEST: usize = 256;
        !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control)
    }

    /// Tells whether a text is a scope of RFC 6749: visible letters without quotes and backslashes.
    pub fn is_scope(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    }
}

/// The place on a request where a decorator leaves who makes it, for those further inside and for itself afterwards; and
/// where it is kept what decorators read that from, which nobody may write down.
#[derive(Default)]
pub struct Caller(Mutex<Known>);

#[derive(Clone, Default, PartialEq, Eq)]
struct Known {
    identity: Option<Arc<Identity>>,
    /// What the lists read credentials from that the request has come to.
    credentials: SmallVec<[Arc<[Credential]>; 2]>,
}

impl Caller {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves who makes the request, in the place of what a decorator further outside has left.
    pub fn identify(&self, identity: impl Into<Arc<Identity>>) {
        self.known().identity = Some(identity.into());
    }

    /// Returns who makes the request; nothing while nobody has found out.
    pub fn identity(&self) -> Option<Arc<Identity>> {
        self.known().identity.clone()
    }

    /// Shows who makes the request, without a copy; nothing while nobody has found out.
    pub fn show<T>(&self, show: impl FnOnce(Option<&Identity>) -> T) -> T {
        show(self.known().identity.as_deref())
    }

    /// Keeps what the decorators of a list read credentials from.
    pub(crate) fn is_known_by(&self, credentials: &Arc<[Credential]>) {
        self.known().credentials.push(Arc::clone(credentials));
    }

    /// Tells whether a header or a parameter of the request may hold a credential, as a decorator reads one from it. What
    /// does must not be written down. Decorators of a list know it of all others, whichever is further outside.
    pub fn is_credential(&self, place: ParameterPlace, name: &str) -> bool {
        self.known().credentials.iter().flat_map(|list| list.iter()).any(|credential| credential.stands_in(place, name))
    }
}

impl Clone for Caller {
    fn clone(&self) -> Caller {
        Caller(Mutex::new(self.known().clone()))
    }
}

impl PartialEq for Caller {
    fn eq(&self, other: &Caller) -> bool {
        let known = self.known().clone();
        known == *other.known()
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
        assert!(caller.show(|identity| identity == Some(&of("user"))));
        assert_eq!(before.identity().unwrap().principal, "gateway", "a clone does not follow");
        assert_ne!(before, caller);
    }

    #[test]
    fn what_credentials_are_read_from_is_known() {
        let key = |place, name: &str| Credential::Key { place, name: name.to_owned() };
        let caller = Caller::default();
        caller.is_known_by(&[key(ParameterPlace::Header, "x-zed"), key(ParameterPlace::Query, "key")].into());
        caller.is_known_by(&[Credential::Basic].into());
        for (place, name, expected) in [
            (ParameterPlace::Header, "X-Zed", true),
            (ParameterPlace::Header, "authorization", true),
            (ParameterPlace::Header, "key", false),
            (ParameterPlace::Query, "key", true),
            (ParameterPlace::Query, "Key", false),
            (ParameterPlace::Query, "x-zed", false),
        ] {
            assert_eq!(caller.is_credential(place, name), expected, "{name}");
            assert_eq!(caller.clone().is_credential(place, name), expected, "{name} of a clone");
        }
    }

    #[test]
    fn names_and_scopes_fit_where_they_are_written() {
        for (name, fits) in [("ada", true), ("", false), ("a\nb", false), (&*"x".repeat(257), false), ("größe", true)]
        {
            assert_eq!(Identity::is_principal(name), fits, "{name:?}");
        }
        for (scope, fits) in
            [("a:b/c", true), ("", false), ("a b", false), ("a\"", false), ("a\\", false), ("ä", false)]
        {
            assert_eq!(Identity::is_scope(scope), fits, "{scope:?}");
        }
    }
}
