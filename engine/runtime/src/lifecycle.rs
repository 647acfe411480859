//! Decisions about stored versions: which one is active or may be, and which ones nobody needs.

use palladium_component::interfaces::{ActivationError, Failure, Metadata, Origin, PersistError, Persister, Version};
use palladium_component::value::nearest;

/// Which models a store keeps beside the active one.
#[derive(Clone, Debug, PartialEq)]
pub struct Retention {
    /// The newest ones, this many.
    pub newest: usize,
    /// Those that score well.
    pub better: Option<Better>,
}

/// Which scores are good.
#[derive(Clone, Debug, PartialEq)]
pub struct Better {
    /// The entry of the metadata, such as `score_test`.
    pub score: String,
    /// What it has to reach; without it, to be greater than that of the active version.
    pub threshold: Option<f64>,
}

/// There is nothing to compare scores with.
#[derive(Debug, thiserror::Error)]
#[error("the active version has no number under `{0}` to compare others with")]
struct NoScore(String);

impl palladium_component::interfaces::Explain for NoScore {
    fn help(&self) -> Option<String> {
        Some(format!("say how good a model has to be: `--keep-better {}=0.9`", self.0))
    }
}

/// No version has the score.
#[derive(Debug, thiserror::Error)]
#[error("no version has a number under `{name}`")]
struct UnknownScore {
    name: String,
    near: Option<String>,
    scores: Vec<String>,
}

impl UnknownScore {
    fn of(name: &str, models: &[Metadata]) -> UnknownScore {
        let mut scores: Vec<String> = Vec::new();
        for (entry, _) in models.iter().flat_map(Metadata::entries).filter(|(_, value)| value.is_f64()) {
            if !scores.iter().any(|known| known == entry) {
                scores.push(entry.to_owned());
            }
        }
        let near = nearest(name, scores.iter().map(String::as_str)).map(str::to_owned);
        UnknownScore { name: name.to_owned(), near, scores }
    }
}

impl palladium_component::interfaces::Explain for UnknownScore {
    fn help(&self) -> Option<String> {
        if let Some(near) = &self.near {
            return Some(format!("did you mean `{near}`?"));
        }
        Some(match self.scores.is_empty() {
            true => "`palladium fit --evaluate` stores scores with a model".to_owned(),
            false => format!("there are `{}`", self.scores.join("`, `")),
        })
    }
}

/// Returns the version that is active according to the properties of a store.
///
/// # Errors
/// The store's; a property that is no version.
pub fn active(persister: &dyn Persister) -> Result<Option<Version>, PersistError> {
    let properties = persister.list_properties()?;
    properties.get("active-model").map(|text| text.parse()).transpose().map_err(|error| {
        PersistError::Failed(Failure::message(format!("the property `active-model` of the store is wrong: {error}")))
    })
}

/// Makes a version the only active one if it can be read: otherwise nothing is changed.
///
/// # Errors
/// Those of [`Persister::read`] and [`Persister::activate_as`].
pub fn activate(persister: &dyn Persister, version: Version, origin: &Origin) -> Result<(), PersistError> {
    // One that keeps its model in memory reads it itself, to keep it.
    if persister.refreshes().is_none() {
        persister.read(Some(version)).map_err(|error| ActivationError::unreadable(version, error))?;
    }
    persister.activate_as(version, origin)
}

/// Returns the versions that are not kept, in order. The active one is always kept.
///
/// # Errors
/// No version has the score, or the active one has none to compare with.
pub fn surplus(models: &[Metadata], active: Option<Version>, retention: &Retention) -> Result<Vec<Version>, Failure> {
    let score = |metadata: &Metadata, name: &str| metadata.get(name).and_then(serde_json::Value::as_f64);
    let old = &models[..models.len().saturating_sub(retention.newest)];
    let old: Vec<&Metadata> = old.iter().filter(|metadata| metadata.version() != active).collect();
    if let Some(Better { score: name, .. }) = &retention.better
        && !models.is_empty()
        && models.iter().all(|metadata| score(metadata, name).is_none())
    {
        return Err(UnknownScore::of(name, models).into());
    }
    // Where nothing could be left out there is nothing to compare.
    if old.is_empty() {
        return Ok(Vec::new());
    }
    let is_better: Box<dyn Fn(&Metadata) -> bool> = match &retention.better {
        None => Box::new(|_| false),
        Some(Better { score: name, threshold: Some(threshold) }) => {
            Box::new(move |metadata| score(metadata, name).is_some_and(|score| score >= *threshold))
        }
        Some(Better { score: name, threshold: None }) => {
            let is_active = |metadata: &&Metadata| active.is_some() && metadata.version() == active;
            let of_active = models.iter().find(is_active).and_then(|metadata| score(metadata, name));
            let of_active = of_active.ok_or_else(|| NoScore(name.clone()))?;
            Box::new(move |metadata| score(metadata, name).is_some_and(|score| score > of_active))
        }
    };
    let left_out = old.into_iter().filter(|metadata| !is_better(metadata));
    Ok(left_out.filter_map(Metadata::version).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64) -> Version {
        Version::new(number).unwrap()
    }

    /// Returns models with these scores under `score_test`; NaN stands for none.
    fn models(scores: &[f64]) -> Vec<Metadata> {
        let model = |(index, score): (usize, &f64)| {
            let mut metadata = Metadata::default();
            metadata.annotate("version", index as u64 + 1);
            if !score.is_nan() {
                metadata.annotate("score_test", *score);
            }
            metadata
        };
        scores.iter().enumerate().map(model).collect()
    }

    #[test]
    fn what_is_neither_new_nor_good_nor_active_is_surplus() {
        let better = |threshold| Some(Better { score: "score_test".into(), threshold });
        let scores = [0.9, 0.5, f64::NAN, 0.7, 0.8];
        let cases: [(usize, Option<Better>, u64, &[u64]); 8] = [
            (2, None, 5, &[1, 2, 3]),
            (2, None, 2, &[1, 3]),
            (0, None, 0, &[1, 2, 3, 4, 5]),
            (9, None, 5, &[]),
            (1, better(None), 5, &[2, 3, 4]),
            (1, better(None), 2, &[3]),
            (0, better(Some(0.7)), 0, &[2, 3]),
            (0, better(Some(0.7)), 3, &[2]),
        ];
        for (newest, better, active, expected) in cases {
            let retention = Retention { newest, better };
            let found = surplus(&models(&scores), Version::new(active).ok(), &retention).unwrap();
            let found: Vec<u64> = found.into_iter().map(Version::number).collect();
            assert_eq!(found, expected, "{retention:?} {active}");
        }
        let retention = Retention { newest: 1, better: better(None) };
        for active in [None, Some(version(3)), Some(version(77))] {
            let error = surplus(&models(&scores), active, &retention).unwrap_err();
            assert_eq!(error.to_string(), "the active version has no number under `score_test` to compare others with");
        }
        for (newest, threshold) in [(0, Some(0.5)), (0, None), (9, Some(0.5))] {
            let retention = Retention { newest, better: Some(Better { score: "score_tst".into(), threshold }) };
            let error = surplus(&models(&scores), Some(version(1)), &retention).unwrap_err();
            assert_eq!(error.to_string(), "no version has a number under `score_tst`");
            assert_eq!(error.help().unwrap(), "did you mean `score_test`?");
        }
        // Where only the active version is old, or none is, nobody's score is needed.
        let retention = Retention { newest: 5, better: better(None) };
        assert_eq!(surplus(&models(&scores), Some(version(3)), &retention).unwrap(), []);
        let retention = Retention { newest: 1, better: better(None) };
        assert_eq!(surplus(&models(&[f64::NAN, 0.5]), Some(version(1)), &retention).unwrap(), []);
    }
}
