//! Which steps bring a store from one layout to another.
//!
//! The property `db-version` of a store is the number of its layout, not the version of the program: it changes only
//! where the way changes in which stores are laid out. Stores of the first builds say `0.1.0` there and have the layout
//! `1.0` but for the log of activations, which is added when it is first written.

use palladium_component::prelude::*;

/// The layout of new stores.
pub const LAYOUT: &str = "1.0";
/// The layout of stores from before layouts were counted.
pub const FIRST_LAYOUT: &str = "0.0";

/// A step to a layout.
pub struct Step<Work> {
    /// The layout that the store has afterwards.
    pub layout: &'static str,
    /// What is done.
    pub work: Work,
}

/// The steps that are due.
pub struct Due<'a, Work> {
    /// The layout that the upgrade begins at.
    pub from: Release,
    /// The layout of the store afterwards.
    pub to: Release,
    /// What is done, in the order of the layouts.
    pub steps: Vec<(Release, &'a Work)>,
}

/// A store cannot be brought to a layout.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// There is no such layout.
    #[error("there is no layout {to} of a store that this binary knows")]
    Unknown {
        /// What was asked for.
        to: Release,
        /// The newest that there is.
        newest: Release,
    },
    /// The store is further.
    #[error("the store has the layout {stored}, and none is taken back to {to}")]
    Downgrade {
        /// What the store has, or what `from` says it has.
        stored: Release,
        /// What was asked for.
        to: Release,
    },
    /// What the store says about its layout is no layout.
    #[error("what the store says about its own layout cannot be read")]
    Stored(#[source] ReleaseError),
    /// A layout of this program's own.
    #[error(transparent)]
    Own(#[from] ReleaseError),
}

impl Explain for UpgradeError {
    fn help(&self) -> Option<String> {
        match self {
            UpgradeError::Unknown { newest, .. } => {
                Some(format!("leave out `--to` for {newest}, or use a newer palladium"))
            }
            UpgradeError::Downgrade { .. } => {
                Some("use a palladium that knows the layout, or restore the store from a backup".into())
            }
            UpgradeError::Stored(_) => Some("say with `--from` which layout the store has".into()),
            UpgradeError::Own(_) => None,
        }
    }
}

/// Returns the steps behind `from` up to `to`. Without `from` they begin at what the store says, and at the first
/// layout where it says nothing.
///
/// # Errors
/// A layout `to` that no step leads to, and one older than the store's.
pub fn due<'a, Work>(
    steps: &'a [Step<Work>],
    stored: Option<&str>,
    from: Option<&Release>,
    to: Option<&Release>,
) -> Result<Due<'a, Work>, UpgradeError> {
    let stored = stored.map(str::parse::<Release>).transpose();
    let from = match (from, &stored) {
        (Some(from), _) => from.clone(),
        (None, Ok(stored)) => stored.clone().map_or_else(|| FIRST_LAYOUT.parse(), Ok)?,
        (None, Err(error)) => return Err(UpgradeError::Stored(error.clone())),
    };
    let mut known = Vec::new();
    for step in steps {
        known.push((step.layout.parse::<Release>()?, &step.work));
    }
    known.sort_by(|(left, _), (right, _)| left.cmp(right));
    let newest = known.last().map_or_else(|| FIRST_LAYOUT.parse(), |(layout, _)| Ok(layout.clone()))?;
    let to = to.cloned().unwrap_or_else(|| newest.clone());
    for stored in stored.ok().flatten().iter().chain([&from]) {
        if *stored > to {
            return Err(UpgradeError::Downgrade { stored: stored.clone(), to });
        }
    }
    if !known.iter().any(|(layout, _)| *layout == to) {
        return Err(UpgradeError::Unknown { to, newest });
    }
    known.retain(|(layout, _)| *layout > from && *layout <= to);
    Ok(Due { from, to, steps: known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_due_in_the_order_of_their_layouts() {
        let step = |layout| Step { layout, work: () };
        let steps = [step("1.10"), step("1.0"), step("1.9")];
        let release = |text: &str| text.parse::<Release>().unwrap();
        let cases = [
            (None, None, Some("1.0"), "0.0 to 1.0: 1.0"),
            (Some("0.33"), None, Some("1.10"), "0.33 to 1.10: 1.0 1.9 1.10"),
            (Some("1"), None, Some("1.10"), "1 to 1.10: 1.9 1.10"),
            (Some("1.0"), Some("0.9.1"), Some("1.9"), "0.9.1 to 1.9: 1.0 1.9"),
            (Some("1.9"), None, Some("1.9"), "1.9 to 1.9:"),
            (Some("0.33"), None, None, "0.33 to 1.10: 1.0 1.9 1.10"),
            (Some("x"), Some("0.0"), None, "0.0 to 1.10: 1.0 1.9 1.10"),
            (Some("x"), None, None, "what the store says about its own layout cannot be read"),
            (None, None, Some("1.5"), "there is no layout 1.5 of a store that this binary knows"),
            (None, None, Some("9.0"), "there is no layout 9.0 of a store that this binary knows"),
            (Some("1.9"), None, Some("1.0"), "the store has the layout 1.9, and none is taken back to 1.0"),
            (Some("1.9"), Some("0.0"), Some("1.0"), "the store has the layout 1.9, and none is taken back to 1.0"),
            (None, Some("2.0"), Some("1.0"), "the store has the layout 2.0, and none is taken back to 1.0"),
        ];
        for (stored, from, to, expected) in cases {
            let found = due(&steps, stored, from.map(release).as_ref(), to.map(release).as_ref());
            let found = found.map_or_else(
                |error| error.to_string(),
                |due| {
                    let steps: Vec<String> = due.steps.iter().map(|(layout, ())| format!(" {layout}")).collect();
                    format!("{} to {}:{}", due.from, due.to, steps.concat())
                },
            );
            assert_eq!(found, expected, "{stored:?} {from:?} {to:?}");
        }
    }
}
