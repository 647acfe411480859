//! Names with values, such as a request's headers.

use std::{fmt, slice};

/// Names with their values, in order. A name may stand several times. All of them share one text, since every request
/// has many.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    text: String,
    /// Where each name and each value ends; the next one begins there.
    ends: Vec<(usize, usize)>,
}

impl Pairs {
    /// Returns no pairs yet, with room for so many bytes of text and so many pairs.
    pub fn with_capacity(n_bytes: usize, n_pairs: usize) -> Pairs {
        Pairs { text: String::with_capacity(n_bytes), ends: Vec::with_capacity(n_pairs) }
    }

    /// Returns the pairs whose names and values stand one behind the other in a text and end where `ends` says. It is
    /// nothing if these are no places between its characters, in order and up to its end.
    pub fn of(text: String, ends: Vec<(usize, usize)>) -> Option<Pairs> {
        // Nearly all texts have no other characters.
        let (is_ascii, mut begin) = (text.is_ascii(), 0);
        for (name, value) in &ends {
            let is_ordered = begin <= *name && name <= value;
            let are_places = is_ascii || text.is_char_boundary(*name) && text.is_char_boundary(*value);
            if !is_ordered || !are_places {
                return None;
            }
            begin = *value;
        }
        (begin == text.len()).then_some(Pairs { text, ends })
    }

    /// Adds a pair behind the others.
    pub fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        let end_of_name = self.text.len();
        self.text.push_str(value);
        self.ends.push((end_of_name, self.text.len()));
    }

    /// Returns the pairs in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { text: &self.text, begin: 0, ends: self.ends.iter() }
    }

    /// Returns the first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns the values of a name in order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(|key| key == name.as_bytes())
    }

    /// Returns the values of a name in order; the case of its ASCII letters does not count.
    pub fn get_all_ignoring_case(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(|key| key.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Returns the values whose names, as bytes, are wanted. Texts are taken out of the whole for these alone, since
    /// that costs more than comparing.
    fn values(&self, is_wanted: impl Fn(&[u8]) -> bool) -> impl Iterator<Item = &str> {
        let mut begin = 0;
        self.ends.iter().filter_map(move |(name, value)| {
            let key = &self.text.as_bytes()[begin..*name];
            begin = *value;
            is_wanted(key).then(|| &self.text[*name..*value])
        })
    }

    /// Returns the number of pairs.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Shows the pairs as a map.
impl fmt::Debug for Pairs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self).finish()
    }
}

/// The pairs in order.
#[derive(Clone)]
pub struct Iter<'a> {
    text: &'a str,
    begin: usize,
    ends: slice::Iter<'a, (usize, usize)>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = *self.ends.next()?;
        let pair = (&self.text[self.begin..name], &self.text[name..value]);
        self.begin = value;
        Some(pair)
    }
}

impl<'a> IntoIterator for &'a Pairs {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Pairs {
        let mut all = Pairs::default();
        all.extend(pairs);
        all
    }
}

impl<N: AsRef<str>, V: AsRef<str>> Extend<(N, V)> for Pairs {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        for (name, value) in pairs {
            self.push(name.as_ref(), value.as_ref());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_pairs_in_order() {
        let given = [("a", "1"), ("größe", ""), ("", "€"), ("a", "2"), ("", "")];
        let mut pairs: Pairs = given.into_iter().collect();
        assert_eq!(pairs.iter().collect::<Vec<_>>(), given);
        assert_eq!((pairs.get("a"), pairs.get(""), pairs.get("größe")), (Some("1"), Some("€"), Some("")));
        assert_eq!((pairs.get("A"), pairs.len(), pairs.is_empty()), (None, 5, false));
        assert!(
            pairs.get_all("a").eq(["1", "2"])
                && pairs.get_all_ignoring_case("A").eq(["1", "2"])
                && pairs.get_all_ignoring_case("b").next().is_none()
        );
        pairs.push("b", "3");
        assert_eq!(pairs.iter().last(), Some(("b", "3")));
        assert_eq!(format!("{:?}", Pairs::from_iter([("a", "1")])), r#"{"a": "1"}"#);
        assert!(Pairs::default().is_empty() && Pairs::default().get("").is_none());
    }

    #[test]
    fn pairs_of_a_text_end_between_its_characters() {
        let of = |ends: &[(usize, usize)]| Pairs::of("aöb".to_owned(), ends.to_vec());
        assert_eq!(of(&[(1, 3), (4, 4)]), Some([("a", "ö"), ("b", "")].into_iter().collect()));
        for wrong in [&[][..], &[(0, 0)], &[(1, 3)], &[(2, 4)], &[(4, 1)], &[(0, 5)], &[(5, 5)], &[(1, 3), (1, 4)]] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }
}
