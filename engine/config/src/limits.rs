//! Every limit on what a configuration may cost, in one place.
//!
//! Configuration files are written by people, so none of these should ever be met by an honest one; they
//! keep a mistake or a hostile file from taking all memory, time or stack.

use std::time::Duration;

/// Bytes of one file.
pub(crate) const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Maps and lists inside each other in one RON file.
pub(crate) const FILE_DEPTH: usize = 64;

/// Values in one RON file: its syntax tree takes more than a thousand bytes for each while it is read.
pub(crate) const FILE_VALUES: usize = 250_000;

/// Values in the tree that one file becomes with everything it copies.
pub(crate) const NODES: usize = 1_000_000;

/// Maps and lists inside each other in the tree, after copying and scripts.
pub(crate) const TREE_DEPTH: usize = 128;

/// Steps through other `__copy__` directives while the paths of one file are followed.
pub(crate) const COPY_STEPS: usize = 10_000_000;

/// `__copy__` directives that stand in the way of a path which stands in the way of a path, and so on.
pub(crate) const COPY_DETOURS: usize = 32;

/// Findings that are handed out: drawing each with its line takes time.
pub(crate) const FINDINGS: usize = 1_000;

/// Findings after which no nearest path is searched for a missing one.
pub(crate) const SUGGESTIONS: usize = 100;

/// Paths that are compared with a missing one to find the nearest.
pub(crate) const SUGGESTED_PATHS: usize = 5_000;

/// Operations of one Rhai file or script.
pub(crate) const RHAI_OPERATIONS: u64 = 5_000_000;

/// Wall clock of one Rhai file, and of all scripts of a configuration together.
pub(crate) const RHAI_TIME: Duration = Duration::from_secs(15);

/// Function calls inside each other.
pub(crate) const RHAI_CALL_LEVELS: usize = 64;

/// Expressions inside each other, outside functions.
pub(crate) const RHAI_EXPRESSION_DEPTH: usize = 64;

/// Expressions inside each other, in functions.
pub(crate) const RHAI_FUNCTION_EXPRESSION_DEPTH: usize = 32;

/// Bytes of a text, with all texts inside a list or map.
pub(crate) const RHAI_TEXT_BYTES: usize = 16 * 1024 * 1024;

/// Items of a list, with all lists inside.
pub(crate) const RHAI_LIST_ITEMS: usize = 200_000;

/// Entries of a map, with all maps inside.
pub(crate) const RHAI_MAP_ENTRIES: usize = 200_000;

/// Entries of one map literal: Rhai compares each key with all before it.
pub(crate) const RHAI_LITERAL_ENTRIES: usize = 20_000;

/// Variables at the same time.
pub(crate) const RHAI_VARIABLES: usize = 256;

/// Functions of one file.
pub(crate) const RHAI_FUNCTIONS: usize = 512;

/// Modules that one file may import.
pub(crate) const RHAI_MODULES: usize = 64;

/// Stack of the thread that evaluates Rhai: dropping and measuring nested lists recurses.
pub(crate) const RHAI_STACK_BYTES: usize = 256 * 1024 * 1024;

/// Lines of `print` that are kept.
pub(crate) const PRINTED_LINES: usize = 1_000;

/// Bytes of `print` that are kept.
pub(crate) const PRINTED_BYTES: usize = 1024 * 1024;

/// Bytes by which the process may grow while a Rhai file or script is evaluated, where the system tells them. The
/// other limits hold for each value; this one for all together.
pub(crate) const RHAI_MEMORY_BYTES: u64 = 1024 * 1024 * 1024;
