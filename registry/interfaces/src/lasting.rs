//! What lasts as long as an answer.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The place on a request where decorators leave what is to last until its answer has been sent, although that is made
/// only then: it is dropped afterwards.
#[derive(Clone, Default)]
pub struct Lasting(Arc<Mutex<Vec<Box<dyn Any + Send>>>>);

impl Lasting {
    /// Leaves something there.
    pub fn keep(&self, kept: impl Any + Send) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(kept));
    }
}

/// Two are the same if what is left at one is left at the other.
impl PartialEq for Lasting {
    fn eq(&self, other: &Lasting) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Lasting {}

impl fmt::Debug for Lasting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        write!(formatter, "Lasting({count})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_lasts_as_long_as_the_place() {
        let (lasting, kept) = (Lasting::default(), Arc::new(()));
        let same = lasting.clone();
        same.keep(Arc::clone(&kept));
        assert_eq!((lasting.clone(), format!("{lasting:?}").as_str()), (same.clone(), "Lasting(1)"));
        assert_ne!(lasting, Lasting::default());
        drop(same);
        assert_eq!(Arc::strong_count(&kept), 2);
        drop(lasting);
        assert_eq!(Arc::strong_count(&kept), 1);
    }
}
