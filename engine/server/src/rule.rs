//! Rules with parts: paths some of whose segments stand for any text.

use palladium_component::interfaces::Pairs;

use crate::query::percent_decode;

/// A rule with at least one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    Part(String),
}

impl Rule {
    /// Reads a rule; there is none without a part in it.
    pub fn parse(text: &str) -> Option<Rule> {
        let segment = |segment: &str| match segment.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            Some(name) => Segment::Part(name.to_owned()),
            None => Segment::Text(segment.to_owned()),
        };
        let segments: Vec<Segment> = text.split('/').map(segment).collect();
        segments.iter().any(|segment| matches!(segment, Segment::Part(_))).then_some(Rule(segments))
    }

    /// Returns the names of its parts, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Part(name) => Some(name.as_str()),
            Segment::Text(_) => None,
        })
    }

    /// Returns the decoded parts of a path if the rule fits it; no part is empty.
    pub fn parts(&self, path: &str) -> Option<Pairs> {
        let mut parts = Pairs::default();
        let mut segments = path.split('/');
        for expected in &self.0 {
            let found = percent_decode(segments.next()?).ok()?;
            match expected {
                Segment::Text(text) if *text == found => {}
                Segment::Part(name) if !found.is_empty() => parts.push(name, &found),
                Segment::Text(_) | Segment::Part(_) => return None,
            }
        }
        segments.next().is_none().then_some(parts)
    }

    /// Tells whether some path fits both rules.
    pub fn overlaps(&self, other: &Rule) -> bool {
        let fits = |pair: (&Segment, &Segment)| match pair {
            (Segment::Text(one), Segment::Text(other)) => one == other,
            (Segment::Text(text), Segment::Part(_)) | (Segment::Part(_), Segment::Text(text)) => !text.is_empty(),
            (Segment::Part(_), Segment::Part(_)) => true,
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_taken_from_paths() {
        let rule = Rule::parse("/a/<x>/b/<y>").unwrap();
        let parts = |x, y| Some(Pairs::from_iter([("x", x), ("y", y)]));
        assert_eq!(rule.parts("/a/1/b/2"), parts("1", "2"));
        assert_eq!(rule.parts("/%61/%2F%20/b/2"), parts("/ ", "2"));
        for path in ["/a/1/b", "/a/1/b/2/", "/a//b/2", "/b/1/b/2", "/a/%zz/b/2", "/a/%ff/b/2", "a/1/b/2"] {
            assert_eq!(rule.parts(path), None, "{path}");
        }
        assert_eq!(Rule::parse("/a/b"), None);
    }

    #[test]
    fn rules_overlap_where_one_path_fits_both() {
        let cases = [
            ("/jobs/<id>", "/jobs/<job>", true),
            ("/jobs/<id>", "/<x>/all", true),
            ("/jobs/<id>", "/jobs/<id>/log", false),
            ("/a/<id>", "/b/<id>", false),
            ("/a/<id>/", "/a/b/<id>", false),
        ];
        for (one, other, expected) in cases {
            let (first, second) = (Rule::parse(one).unwrap(), Rule::parse(other).unwrap());
            assert_eq!((first.overlaps(&second), second.overlaps(&first)), (expected, expected), "{one} {other}");
        }
    }
}
