//! The kinds of components. A new kind is one line here and one file beside it.

use std::fmt;
use std::sync::Arc;

use crate::{
    ArtifactStore, Command, DatasetLoader, Decorator, Estimator, Function, Lifecycle, Object, Persister,
    PredictService, Scorer, View,
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $text:literal,)*) => {
        /// What a component is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind, in the order of catalogues.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];

            /// Returns the kind in words.
            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => $text,)* }
            }

            /// Returns the kind in words with its article.
            pub fn with_article(self) -> String {
                let article = if self.as_str().starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
                format!("{article} {self}")
            }
        }

        /// A constructed component.
        #[derive(Clone)]
        pub enum Component { $($(#[$doc])* $kind(Arc<dyn $kind>),)* }

        impl Component {
            /// Returns its kind.
            pub fn kind(&self) -> Kind {
                match self { $(Component::$kind(_) => Kind::$kind,)* }
            }

            /// Returns its life cycle.
            pub fn lifecycle(&self) -> &dyn Lifecycle {
                match self { $(Component::$kind(component) => component.as_ref(),)* }
            }
        }

        $(
            impl Interface for dyn $kind {
                const KIND: Kind = Kind::$kind;

                fn of(component: &Component) -> Option<Arc<Self>> {
                    match component {
                        Component::$kind(component) => Some(Arc::clone(component)),
                        #[allow(unreachable_patterns, reason = "there may be but one kind")]
                        _ => None,
                    }
                }
            }
        )*
    };
}

kinds! {
    /// Loads a data set.
    DatasetLoader = "dataset loader",
    /// Learns a model from a data set.
    Estimator = "estimator",
    /// Says how good a model is on a data set.
    Scorer = "scorer",
    /// Stores trained models.
    Persister = "model persister",
    /// Keeps the objects that a persister makes of models.
    ArtifactStore = "artifact store",
    /// Answers prediction requests.
    PredictService = "predict service",
    /// Adds a route to the service.
    View = "view",
    /// Wraps a call of the engine.
    Decorator = "decorator",
    /// Computes a value that takes its place in the configuration.
    Function = "function",
    /// Anything else that a configuration may hold.
    Object = "object",
    /// A subcommand of the binary.
    Command = "command",
}

/// A trait that components of one kind implement.
pub trait Interface: Send + Sync + 'static {
    /// The kind.
    const KIND: Kind;

    /// Returns the component if it is of this kind.
    fn of(component: &Component) -> Option<Arc<Self>>;
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Component({})", self.kind())
    }
}
