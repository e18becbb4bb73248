//! What happens to a request on its way.

/// The fate of one request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// The request does not arrive.
    LosesRequest,
    /// It arrives after others that are sent later; nobody waits for the answer any more.
    Late,
    /// The answer does not arrive.
    LosesAnswer,
    /// So many bytes of the answer arrive.
    Cuts(usize),
    /// The request arrives twice.
    Doubles,
}

/// A network by a random number.
pub(crate) fn fate(random: &mut fastrand::Rng) -> Fate {
    match random.u8(0..20) {
        0 => Fate::LosesRequest,
        1 => Fate::Late,
        2 | 3 => Fate::LosesAnswer,
        4..=6 => Fate::Cuts(random.usize(0..900)),
        7 => Fate::Doubles,
        _ => Fate::Arrives,
    }
}
