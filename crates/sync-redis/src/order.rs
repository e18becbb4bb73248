//! In which order a sorted set or a stream is read.

/// In which order a list is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The smallest first: names from A, times from the oldest.
    Ascending,
    /// The greatest first.
    Descending,
}

impl Order {
    /// The command for this order, of two that read a range in one each.
    pub fn pick<T>(self, ascending: T, descending: T) -> T {
        match self {
            Self::Ascending => ascending,
            Self::Descending => descending,
        }
    }
}
