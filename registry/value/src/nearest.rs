//! The name that a misspelt one probably meant.

/// Returns the candidate nearest to `name`, if one is near enough to be worth suggesting.
///
/// Case, `-` and `_` do not count. The distance is Damerau and Levenshtein's; up to a third of the name
/// may differ. Of a dotted name the last segment alone may be meant (`CSV` for `palladium.dataset.CSV`).
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.to_lowercase().replace('-', "_");
    let wanted = fold(name);
    let allowed = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let folded = fold(candidate);
            let whole = strsim::damerau_levenshtein(&wanted, &folded);
            let last_segments = match (wanted.rsplit_once('.'), folded.rsplit_once('.')) {
                (None, Some((_, last))) => strsim::damerau_levenshtein(&wanted, last),
                (Some((_, wanted)), Some((_, last))) if wanted == last => 1,
                _ => usize::MAX,
            };
            let distance = whole.min(last_segments);
            (distance <= allowed && distance < wanted.chars().count().max(1)).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Tells whether a name is another one with a slip or two, or in other case, and not that name with something behind it,
/// as in `model_a`; its last letter twice is a slip.
pub fn is_slip(name: &str, meant: &str) -> bool {
    let most = 2.min(meant.chars().count() / 3);
    let (folded, wanted) = (name.to_lowercase(), meant.to_lowercase());
    let is_longer = match folded.strip_prefix(&wanted) {
        None | Some("") => false,
        Some(rest) => !(rest.chars().count() == 1 && wanted.ends_with(rest)),
    };
    name != meant && !is_longer && strsim::damerau_levenshtein(&folded, &wanted) <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_name_is_no_slip() {
        for (name, meant, expected) in [
            ("modle", "model", true),
            ("predict_decoraters", "predict_decorators", true),
            ("alive_decorator", "alive_decorators", true),
            ("servr", "server", true),
            ("predict_decoratorss", "predict_decorators", true),
            ("PREDICT_DECORATORS", "predict_decorators", true),
            ("Predict_Decorater", "predict_decorators", true),
            ("model", "model", false),
            ("models", "model", false),
            ("Model_a", "model", false),
            ("model_a", "model", false),
            ("my_decorators", "fit_decorators", false),
            ("a", "b", false),
        ] {
            assert_eq!(is_slip(name, meant), expected, "{name}");
        }
    }

    #[test]
    fn suggests_only_near_names() {
        let names = ["target_column", "path", "palladium.dataset.CSV", "C"];
        let cases = [
            ("target_colum", Some("target_column")),
            ("Target-Column", Some("target_column")),
            ("paht", Some("path")),
            ("palladium.datasets.CSV", Some("palladium.dataset.CSV")),
            ("CSV", Some("palladium.dataset.CSV")),
            ("other.place.CSV", Some("palladium.dataset.CSV")),
            ("c", Some("C")),
            ("something", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, names), expected, "{name}");
        }
    }
}
