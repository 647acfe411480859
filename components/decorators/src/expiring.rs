//! Values that are remembered for a while.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A bounded number of values, each until its time; when there are too many, the one that came first goes.
pub struct Expiring<K, V> {
    entries: Mutex<Entries<K, V>>,
}

struct Entries<K, V> {
    by_key: HashMap<K, (V, Instant)>,
    /// The keys of the map in the order in which they came.
    order: VecDeque<K>,
}

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Expiring<K, V> {
        Expiring { entries: Mutex::new(Entries { by_key: HashMap::new(), order: VecDeque::new() }) }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Expiring<K, V> {
    /// Returns the value of a key whose time has not come.
    pub fn get(&self, key: &K, now: Instant) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.by_key.get(key).filter(|(_, until)| now < *until).map(|(value, _)| value.clone())
    }

    /// Remembers a value until a time, among at most so many.
    pub fn insert(&self, key: K, value: V, until: Instant, most: usize) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.by_key.get_mut(&key) {
            *entry = (value, until);
            return;
        }
        while entries.by_key.len() >= most {
            let Some(oldest) = entries.order.pop_front() else { return };
            entries.by_key.remove(&oldest);
        }
        entries.order.push_back(key.clone());
        entries.by_key.insert(key, (value, until));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn forgets_after_a_while_and_what_is_too_much() {
        let (cache, now) = (Expiring::default(), Instant::now());
        let until = now + Duration::from_secs(10);
        for key in 0..3 {
            cache.insert(key, key * 10, until, 2);
        }
        assert_eq!([0, 1, 2].map(|key| cache.get(&key, now)), [None, Some(10), Some(20)]);
        assert_eq!(cache.get(&1, until), None, "its time has come");
        cache.insert(1, 11, until + Duration::from_secs(1), 2);
        assert_eq!([1, 2].map(|key| cache.get(&key, now)), [Some(11), Some(20)], "a known key takes no place");
        cache.insert(3, 30, until, 0);
        assert_eq!(cache.get(&3, now), None, "none is kept where none may be");
    }
}
