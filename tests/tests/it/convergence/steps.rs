//! What may happen in a history.

use proptest::collection::vec;
use proptest::prelude::*;
use test_support::Fault;

use super::DEVICES;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Create {
        device: usize,
    },
    Update {
        device: usize,
        object: usize,
        attribute: u8,
        value: u8,
    },
    Delete {
        device: usize,
        object: usize,
    },
    BackEndPut {
        object: u8,
        attribute: u8,
        value: u8,
    },
    BackEndDrop {
        object: u8,
        attribute: u8,
    },
    BackEndRemove {
        object: usize,
    },
    BackEndFails(Vec<Fault>),
    Sync {
        device: usize,
        page_size: usize,
        losses: Vec<Loss>,
    },
    SyncTogether {
        devices: [usize; 2],
        page_size: usize,
        /// Whose command is carried out, each time that both wait for the store.
        turns: Vec<u8>,
    },
    /// Jobs are done.
    Work,
    /// The same while a device syncs.
    SyncBesideWork {
        device: usize,
        page_size: usize,
        turns: Vec<u8>,
    },
    /// A request that seemed lost arrives after all.
    Late(usize),
    Wait(u64),
    Reset {
        device: usize,
    },
    Collect,
    Metadata(u8),
    /// The source has another schema now: devices are told to start over.
    Schema,
    /// A device asks for the objects with a value only.
    SyncNarrowed {
        device: usize,
        value: u8,
        page_size: usize,
    },
    /// A device syncs while the back end gives no answer for a while.
    SyncWhileItHangs {
        device: usize,
        page_size: usize,
        seconds: u64,
    },
    /// A device goes over to the other user, with nothing on it.
    HandOver {
        device: usize,
    },
    /// From now on another host answers, whose clock is ahead of the first one's.
    ChangeHosts,
    /// What the store has now is put by.
    Backup,
    /// The store is set back to what was put by last, and all devices are told to start over, as administrators are advised to.
    Restore,
}

/// What happens to one exchange of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    None,
    /// The request does not arrive now; it may later.
    Request,
    /// The answer is lost.
    Answer,
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![4 => Just(Loss::None), 1 => Just(Loss::Request), 2 => Just(Loss::Answer)]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::None),
        1 => Just(Fault::Unreachable),
        2 => Just(Fault::LostAnswer),
        1 => Just(Fault::Rejected),
        1 => Just(Fault::Unauthorized),
    ]
}

/// A value of an attribute: often one of those that devices ask for.
fn value() -> impl Strategy<Value = u8> {
    prop_oneof![1 => 0..3_u8, 2 => any::<u8>()]
}

/// A step of a run that looks for what nobody has seen yet has more to choose from.
pub(super) fn step(is_search: bool) -> BoxedStrategy<Step> {
    if is_search {
        prop_oneof![6 => usual(), 1 => unusual()].boxed()
    } else {
        usual().boxed()
    }
}

fn unusual() -> impl Strategy<Value = Step> {
    let device = || 0..DEVICES;
    prop_oneof![
        2 => (device(), 0..3_u8, 1..5_usize)
            .prop_map(|(device, value, page_size)| Step::SyncNarrowed { device, value, page_size }),
        1 => (device(), 1..5_usize, 1..30_u64)
            .prop_map(|(device, page_size, seconds)| Step::SyncWhileItHangs { device, page_size, seconds }),
        1 => device().prop_map(|device| Step::HandOver { device }),
        1 => Just(Step::ChangeHosts),
        1 => Just(Step::Backup),
        1 => Just(Step::Restore),
    ]
}

fn usual() -> impl Strategy<Value = Step> {
    let device = || 0..DEVICES;
    prop_oneof![
        4 => device().prop_map(|device| Step::Create { device }),
        6 => (device(), 0..20_usize, 0..3_u8, value())
            .prop_map(|(device, object, attribute, value)| Step::Update { device, object, attribute, value }),
        3 => (device(), 0..20_usize).prop_map(|(device, object)| Step::Delete { device, object }),
        3 => (0..6_u8, 0..3_u8, value())
            .prop_map(|(object, attribute, value)| Step::BackEndPut { object, attribute, value }),
        1 => (0..6_u8, 0..3_u8).prop_map(|(object, attribute)| Step::BackEndDrop { object, attribute }),
        2 => (0..20_usize).prop_map(|object| Step::BackEndRemove { object }),
        3 => vec(fault(), 1..6).prop_map(Step::BackEndFails),
        9 => (device(), 1..5_usize, vec(loss(), 0..6))
            .prop_map(|(device, page_size, losses)| Step::Sync { device, page_size, losses }),
        3 => (device(), 1..DEVICES, 1..5_usize, vec(any::<u8>(), 0..80))
            .prop_map(|(one, further, page_size, turns)| Step::SyncTogether {
                devices: [one, (one + further) % DEVICES],
                page_size,
                turns,
            }),
        2 => Just(Step::Work),
        2 => (device(), 1..5_usize, vec(any::<u8>(), 0..80))
            .prop_map(|(device, page_size, turns)| Step::SyncBesideWork { device, page_size, turns }),
        3 => any::<usize>().prop_map(Step::Late),
        2 => (1..400_u64).prop_map(Step::Wait),
        1 => device().prop_map(|device| Step::Reset { device }),
        1 => Just(Step::Collect),
        1 => (0..3_u8).prop_map(Step::Metadata),
        1 => Just(Step::Schema),
    ]
}
