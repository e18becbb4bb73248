//! What happens to a request on its way.

/// The fate of one request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// The request does not arrive, or not all of it.
    LosesRequest,
    /// It arrives after others that are sent later; nobody waits for the answer any more.
    Late,
    /// The answer does not arrive.
    LosesAnswer,
    /// So many thousandths of the answer arrive.
    Cuts(usize),
    /// The request arrives twice.
    Doubles,
}

/// A network by a random number. Downloads take long, and break off more often than other requests.
pub(crate) fn fate(random: &mut fastrand::Rng, is_download: bool) -> Fate {
    let cut = Fate::Cuts(random.usize(0..1_000));
    if is_download && random.bool() {
        return cut;
    }
    match random.u8(0..20) {
        0 => Fate::LosesRequest,
        1 => Fate::Late,
        2 | 3 => Fate::LosesAnswer,
        4..=6 => cut,
        7 => Fate::Doubles,
        _ => Fate::Arrives,
    }
}
