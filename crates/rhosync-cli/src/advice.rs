//! Errors that say what to do.

use std::fmt::Display;

use anyhow::Error;

/// A problem, and what the user can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct Advised {
    problem: String,
    /// What to do.
    pub(crate) advice: String,
    /// Whether the program was used wrongly.
    pub(crate) is_misuse: bool,
}

/// A problem with advice.
pub(crate) fn advised(problem: impl Display, advice: impl Display) -> Error {
    Error::new(Advised {
        problem: format!("{problem:#}"),
        advice: advice.to_string(),
        is_misuse: false,
    })
}

/// A wrong use, and the right one.
pub(crate) fn misused(problem: impl Display, advice: impl Display) -> Error {
    Error::new(Advised {
        problem: format!("{problem:#}"),
        advice: advice.to_string(),
        is_misuse: true,
    })
}
