//! The roster: the component families that a standard binary links, each behind a feature of its name.
//!
//! A family that is only a dependency registers nothing: the line here is what links it.
#![deny(unused_crate_dependencies)]

#[cfg(feature = "console")]
use palladium_console as _;
#[cfg(feature = "dataset")]
use palladium_dataset as _;
#[cfg(feature = "decorators")]
use palladium_decorators as _;
#[cfg(feature = "linear")]
use palladium_linear as _;
#[cfg(feature = "metrics")]
use palladium_metrics as _;
#[cfg(feature = "observability")]
use palladium_observability as _;
#[cfg(feature = "openapi")]
use palladium_openapi as _;
#[cfg(feature = "persistence")]
use palladium_persistence as _;
#[cfg(feature = "predict")]
use palladium_predict as _;
#[cfg(feature = "templates")]
use palladium_templates as _;
#[cfg(feature = "util")]
use palladium_util as _;
