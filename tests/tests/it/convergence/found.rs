//! Histories that random runs have found, and after which devices once stayed wrong for ever.

use test_support::Fault;

use super::steps::{Loss, Step};

/// Them, with what is special about each.
pub(super) fn found() -> Vec<(&'static str, Vec<Step>)> {
    use Fault::{LostAnswer, None as Well, Rejected, Unauthorized, Unreachable};
    use Step::{
        BackEndDrop, BackEndFails, BackEndPut, BackEndRemove, Backup, Create, Delete, Late,
        Metadata, Restore, Schema, Sync, SyncBesideWork, SyncNarrowed, SyncTogether,
        SyncWhileItHangs, Update,
    };
    let sync = |device, losses: &[Loss]| Sync {
        device,
        page_size: 1,
        losses: losses.to_vec(),
    };
    let together = |devices| SyncTogether {
        devices,
        page_size: 1,
        turns: Vec::new(),
    };
    let beside_work = |device| SyncBesideWork {
        device,
        page_size: 1,
        turns: Vec::new(),
    };
    vec![
        (
            "a verdict that comes while its device is between two copies",
            vec![
                Create { device: 0 },
                Create { device: 0 },
                Create { device: 0 },
                sync(0, &[]),
                Step::Work,
                sync(0, &[]),
                Create { device: 2 },
                Create { device: 1 },
                sync(1, &[Loss::None, Loss::Request]),
                Delete {
                    device: 1,
                    object: 0,
                },
                BackEndFails(vec![Unauthorized]),
                sync(2, &[]),
                BackEndFails(vec![Unauthorized, Well, Unauthorized]),
                Create { device: 1 },
                sync(1, &[]),
                Create { device: 2 },
                SyncTogether {
                    devices: [1, 2],
                    page_size: 1,
                    turns: vec![0; 8],
                },
                BackEndPut {
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                SyncNarrowed {
                    device: 2,
                    value: 0,
                    page_size: 1,
                },
                Create { device: 2 },
                BackEndFails(vec![Unreachable, Unreachable, Unreachable]),
                SyncBesideWork {
                    device: 2,
                    page_size: 1,
                    turns: vec![
                        9, 188, 0, 31, 72, 104, 126, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 131,
                        0, 0, 0, 0,
                    ],
                },
            ],
        ),
        (
            "a create sent before the device was told to start over",
            vec![
                Create { device: 3 },
                BackEndFails(vec![Well]),
                BackEndFails(vec![Well, Well, Unreachable]),
                Schema,
                BackEndFails(vec![Unreachable, Unreachable]),
                Create { device: 3 },
                sync(3, &[Loss::None, Loss::None, Loss::Answer]),
                Create { device: 3 },
                sync(3, &[Loss::None]),
            ],
        ),
        (
            "a device deletes, by the id that it has seen, what its own create had made",
            vec![
                sync(1, &[Loss::Answer]),
                sync(2, &[Loss::Answer]),
                BackEndFails(vec![Well, Well, Unreachable]),
                BackEndFails(vec![Unreachable, LostAnswer]),
                sync(0, &[Loss::None]),
                Create { device: 2 },
                sync(0, &[Loss::None]),
                sync(2, &[]),
                Delete {
                    device: 2,
                    object: 0,
                },
                BackEndRemove { object: 0 },
            ],
        ),
        (
            "the same, while other devices sync",
            vec![
                BackEndDrop {
                    object: 0,
                    attribute: 0,
                },
                BackEndFails(vec![Well, Well]),
                BackEndFails(vec![Well, Well]),
                sync(0, &[]),
                BackEndFails(vec![Well, Well, Well, Unreachable]),
                sync(0, &[]),
                sync(0, &[]),
                Create { device: 3 },
                sync(3, &[Loss::Answer]),
                Create { device: 3 },
                sync(0, &[]),
                sync(0, &[Loss::Answer]),
                Update {
                    device: 0,
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                sync(0, &[Loss::None, Loss::Request]),
                BackEndFails(vec![LostAnswer, Unreachable]),
                together([2, 3]),
                together([3, 0]),
                Delete {
                    device: 3,
                    object: 10,
                },
                Delete {
                    device: 0,
                    object: 5,
                },
            ],
        ),
        (
            "a delete is refused while its device leaves the copy for a part",
            vec![
                BackEndFails(vec![Well, Well, Rejected]),
                BackEndPut {
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                sync(0, &[]),
                sync(0, &[]),
                BackEndRemove { object: 0 },
                Delete {
                    device: 0,
                    object: 0,
                },
                SyncNarrowed {
                    device: 0,
                    value: 0,
                    page_size: 1,
                },
                sync(1, &[]),
            ],
        ),
        (
            "a store is set back in which a device follows a part",
            vec![
                SyncNarrowed {
                    device: 0,
                    value: 0,
                    page_size: 1,
                },
                Create { device: 0 },
                Backup,
                Restore,
            ],
        ),
        (
            "a store is set back in which a device has not synced yet",
            vec![
                Backup,
                Create { device: 0 },
                sync(0, &[]),
                Create { device: 0 },
                Restore,
                BackEndRemove { object: 0 },
            ],
        ),
        (
            "a device follows a part when its create, which had to wait, is done",
            vec![
                Create { device: 3 },
                BackEndFails(vec![Unauthorized]),
                SyncNarrowed {
                    device: 3,
                    value: 0,
                    page_size: 1,
                },
            ],
        ),
        (
            "another's value comes while the device's newer one waits",
            vec![
                BackEndPut {
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                sync(1, &[Loss::None]),
                together([2, 3]),
                Update {
                    device: 3,
                    object: 0,
                    attribute: 0,
                    value: 1,
                },
                Update {
                    device: 1,
                    object: 0,
                    attribute: 0,
                    value: 2,
                },
                sync(3, &[]),
                BackEndFails(vec![Well, Unreachable, Unreachable, Unreachable]),
                together([2, 1]),
            ],
        ),
        (
            "an object comes back while a device changes what it still has of it",
            vec![
                beside_work(2),
                BackEndPut {
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                beside_work(0),
                BackEndRemove { object: 0 },
                Create { device: 2 },
                SyncWhileItHangs {
                    device: 0,
                    page_size: 1,
                    seconds: 2,
                },
                beside_work(1),
                BackEndPut {
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                Update {
                    device: 1,
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                SyncTogether {
                    devices: [2, 1],
                    page_size: 1,
                    turns: vec![
                        0, 0, 0, 1, 50, 126, 6, 162, 157, 0, 253, 92, 14, 20, 91, 13, 32, 162, 86,
                        187, 56, 56, 44, 127, 71, 0,
                    ],
                },
            ],
        ),
        (
            "a create arrives again when its device follows another part of the source",
            vec![
                SyncNarrowed {
                    device: 1,
                    value: 0,
                    page_size: 1,
                },
                Create { device: 1 },
                sync(1, &[Loss::Request]),
                beside_work(1),
                Create { device: 0 },
                Create { device: 0 },
                Late(13_886_915_033_512_803_717),
            ],
        ),
        (
            "a create is refused whose device has left the copy and come back",
            vec![
                Create { device: 0 },
                Create { device: 0 },
                BackEndFails(vec![Unreachable, Unreachable, Unreachable]),
                SyncNarrowed {
                    device: 0,
                    value: 0,
                    page_size: 1,
                },
                SyncBesideWork {
                    device: 0,
                    page_size: 1,
                    turns: vec![0],
                },
                BackEndFails(vec![Well, Rejected]),
                SyncBesideWork {
                    device: 0,
                    page_size: 1,
                    turns: vec![0, 0, 0, 0],
                },
            ],
        ),
        (
            "a store is set back in which a device leaves a part",
            vec![
                Metadata(0),
                SyncNarrowed {
                    device: 3,
                    value: 0,
                    page_size: 1,
                },
                sync(3, &[Loss::Answer]),
                Backup,
                Create { device: 0 },
                sync(0, &[]),
                sync(3, &[Loss::None, Loss::None]),
                BackEndRemove { object: 0 },
                Restore,
            ],
        ),
        (
            "an update waits whose device goes over to a part, and its object goes",
            vec![
                BackEndFails(vec![Well, Well, LostAnswer, LostAnswer]),
                Create { device: 0 },
                SyncNarrowed {
                    device: 0,
                    value: 0,
                    page_size: 1,
                },
                SyncWhileItHangs {
                    device: 2,
                    page_size: 1,
                    seconds: 2,
                },
                BackEndFails(vec![Unauthorized]),
                Update {
                    device: 2,
                    object: 0,
                    attribute: 1,
                    value: 0,
                },
                BackEndFails(vec![Well]),
                sync(3, &[Loss::None]),
                SyncNarrowed {
                    device: 2,
                    value: 0,
                    page_size: 1,
                },
                Delete {
                    device: 3,
                    object: 0,
                },
                BackEndRemove { object: 0 },
            ],
        ),
        (
            "a create that was refused and arrives once more, late, when its device has been in another copy meanwhile",
            vec![
                Create { device: 1 },
                BackEndFails(vec![Rejected]),
                sync(1, &[Loss::Request]),
                SyncNarrowed {
                    device: 1,
                    value: 0,
                    page_size: 1,
                },
                together([1, 2]),
                Late(11_505_595_782_117_836_013),
            ],
        ),
        (
            "an update that was sent twice, of which the first was refused, and the second done after the device had heard of that",
            vec![
                Create { device: 1 },
                SyncNarrowed {
                    device: 1,
                    value: 0,
                    page_size: 1,
                },
                BackEndFails(vec![Well, Well, Rejected, Well, Unauthorized]),
                beside_work(2),
                Update {
                    device: 2,
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                SyncNarrowed {
                    device: 0,
                    value: 0,
                    page_size: 1,
                },
                sync(2, &[Loss::Answer]),
                Create { device: 1 },
                BackEndPut {
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                Create { device: 1 },
                sync(0, &[]),
                Create { device: 0 },
                beside_work(2),
            ],
        ),
        (
            "a create that waits in a part of the source that has ended since, and one that was sent when that part had come to be again",
            vec![
                SyncNarrowed {
                    device: 0,
                    value: 2,
                    page_size: 1,
                },
                Create { device: 0 },
                BackEndFails(vec![Unauthorized]),
                sync(0, &[]),
                SyncNarrowed {
                    device: 0,
                    value: 2,
                    page_size: 1,
                },
                Create { device: 0 },
                sync(0, &[]),
            ],
        ),
        (
            "an object that goes from a part of the source while a device leaves that part",
            vec![
                SyncNarrowed {
                    device: 1,
                    value: 0,
                    page_size: 1,
                },
                Create { device: 1 },
                Create { device: 1 },
                sync(1, &[Loss::None, Loss::Answer]),
                together([3, 2]),
                Delete {
                    device: 3,
                    object: 1,
                },
                SyncNarrowed {
                    device: 3,
                    value: 0,
                    page_size: 1,
                },
                SyncWhileItHangs {
                    device: 1,
                    page_size: 1,
                    seconds: 1,
                },
            ],
        ),
        (
            "an acknowledgement from the time that a restored store does not know, which arrives when the device is to start over",
            vec![
                sync(0, &[Loss::None]),
                Backup,
                BackEndPut {
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                sync(1, &[Loss::None, Loss::Request]),
                BackEndRemove { object: 0 },
                Restore,
                Late(17_803_805_434_061_460_877),
            ],
        ),
        (
            "a change of what its device had made itself, of which it was given the former value again while the change waited",
            vec![
                Schema,
                sync(2, &[]),
                Create { device: 2 },
                sync(0, &[]),
                Schema,
                sync(2, &[Loss::None, Loss::None, Loss::None, Loss::Request]),
                Create { device: 0 },
                BackEndFails(vec![Unauthorized]),
                Update {
                    device: 2,
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                Update {
                    device: 0,
                    object: 0,
                    attribute: 0,
                    value: 0,
                },
                beside_work(2),
            ],
        ),
    ]
}
