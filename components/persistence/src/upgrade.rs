//! Which steps bring a store from one layout to another.
//!
//! The property `db-version` of a store is the number of its layout, not the version of the program: it changes only
//! where the way changes in which stores are laid out. Stores of the first builds say `0.1.0` there and have the layout
//! `1.0` but for the log of activations, which is added when it is first written.

use std::fmt;

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
        /// Those that there are, in order.
        known: Layouts,
    },
    /// There is no such layout that the store could have.
    #[error("`--from` says that the store has the layout {from}, and this binary knows no such layout")]
    UnknownFrom {
        /// What the store is said to have.
        from: Release,
        /// Those that there are, in order.
        known: Layouts,
    },
    /// The store is further.
    #[error("the store has the layout {stored}, and none is taken back to {to}")]
    Downgrade {
        /// What the store has.
        stored: Release,
        /// What was asked for.
        to: Release,
    },
    /// The store is said to be further.
    #[error("`--from` says that the store has the layout {from}, and none is taken back to {to}")]
    DowngradeFrom {
        /// What the store is said to have.
        from: Release,
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

/// The layouts that a binary knows, in order; the last one is the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layouts(Vec<Release>);

/// `0.0, 1.0 and 1.1`.
impl fmt::Display for Layouts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, layout) in self.0.iter().enumerate() {
            let before = match index {
                0 => "",
                _ if index + 1 == self.0.len() => " and ",
                _ => ", ",
            };
            write!(formatter, "{before}{layout}")?;
        }
        Ok(())
    }
}

impl Explain for UpgradeError {
    fn help(&self) -> Option<String> {
        match self {
            UpgradeError::Unknown { known, .. } => {
                Some(format!("known are {known}: leave out `--to` for the newest, or use a newer palladium"))
            }
            UpgradeError::UnknownFrom { known, .. } => {
                Some(format!("known are {known}: leave out `--from` to begin at what the store says of itself"))
            }
            UpgradeError::Downgrade { .. } => {
                Some("use a palladium that knows the layout, or restore the store from a backup".into())
            }
            UpgradeError::DowngradeFrom { .. } => {
                Some("leave out `--from` to begin at what the store says of itself, or `--to` for the newest".into())
            }
            UpgradeError::Stored(_) => Some("say with `--from` which layout the store has".into()),
            UpgradeError::Own(_) => None,
        }
    }
}

/// Returns the steps behind `given` up to `to`. Without `given` they begin at what the store says, and at the first
/// layout where it says nothing.
///
/// # Errors
/// A layout `to` that no step leads to, and one older than the store's; a layout `given` that is newer than all.
pub fn due<'a, Work>(
    steps: &'a [Step<Work>],
    stored: Option<&str>,
    given: Option<&Release>,
    to: Option<&Release>,
) -> Result<Due<'a, Work>, UpgradeError> {
    let stored = stored.map(str::parse::<Release>).transpose();
    let from = match (given, &stored) {
        (Some(given), _) => given.clone(),
        (None, Ok(stored)) => stored.clone().map_or_else(|| FIRST_LAYOUT.parse(), Ok)?,
        (None, Err(error)) => return Err(UpgradeError::Stored(error.clone())),
    };
    let mut known = Vec::new();
    for step in steps {
        known.push((step.layout.parse::<Release>()?, &step.work));
    }
    known.sort_by(|(left, _), (right, _)| left.cmp(right));
    let mut layouts = vec![FIRST_LAYOUT.parse::<Release>()?];
    layouts.extend(known.iter().map(|(layout, _)| layout.clone()));
    let newest = &layouts[layouts.len() - 1];
    if given.is_some() && from > *newest {
        return Err(UpgradeError::UnknownFrom { from, known: Layouts(layouts) });
    }
    let to = to.unwrap_or(newest).clone();
    if let Some(stored) = stored.ok().flatten().filter(|stored| *stored > to) {
        return Err(UpgradeError::Downgrade { stored, to });
    }
    if from > to {
        return Err(UpgradeError::DowngradeFrom { from, to });
    }
    if !known.iter().any(|(layout, _)| *layout == to) {
        return Err(UpgradeError::Unknown { to, known: Layouts(layouts) });
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
            (
                None,
                Some("2.0"),
                Some("1.0"),
                "`--from` says that the store has the layout 2.0, and this binary knows no such layout",
            ),
            (
                Some("1.0"),
                Some("1.9"),
                Some("1.0"),
                "`--from` says that the store has the layout 1.9, and none is taken back to 1.0",
            ),
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

    #[test]
    fn an_unknown_layout_is_answered_with_those_that_are_known() {
        let steps = [Step { layout: "1.10", work: () }, Step { layout: "1.9", work: () }];
        let release = |text: &str| text.parse::<Release>().unwrap();
        for (from, to, option) in [(Some("9"), None, "`--from`"), (None, Some("9"), "`--to`")] {
            let found = due(&steps, None, from.map(release).as_ref(), to.map(release).as_ref());
            let help = found.err().and_then(|error| error.help()).unwrap();
            assert!(help.starts_with("known are 0.0, 1.9 and 1.10: leave out ") && help.contains(option), "{help}");
        }
    }
}
