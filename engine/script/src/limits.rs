//! What a script or shell session may cost. Its author sits before it, so there is no bound on time and operations:
//! Ctrl-C stops it. What is bounded is what would end the process, memory and stack.

/// Function calls inside each other.
pub(crate) const CALL_LEVELS: usize = 64;

/// Expressions inside each other, outside functions and in them.
pub(crate) const EXPRESSION_DEPTH: (usize, usize) = (64, 32);

/// Bytes of a text, with all texts inside a list or map.
pub(crate) const TEXT_BYTES: usize = 256 * 1024 * 1024;

/// Items of a list, with all lists inside: also the most rows of a table that scripts can take as a list.
pub(crate) const LIST_ITEMS: usize = 5_000_000;

/// Entries of a map, with all maps inside.
pub(crate) const MAP_ENTRIES: usize = 5_000_000;

/// Variables at the same time.
pub(crate) const VARIABLES: usize = 4_096;

/// Functions.
pub(crate) const FUNCTIONS: usize = 4_096;

/// Modules that a script may import.
pub(crate) const MODULES: usize = 256;

/// Stack of the thread that evaluates: dropping and measuring nested lists recurses.
pub(crate) const STACK_BYTES: usize = 256 * 1024 * 1024;
