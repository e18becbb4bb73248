//! The queue's scripts: where a job goes from where is decided at once. What they share stands before each of them.

use sync_redis::{Script, script};

pub(crate) static CANCEL: Script = script!("cancel" after "library");
pub(crate) static CLAIM: Script = script!("claim" after "library");
pub(crate) static COMPLETE: Script = script!("complete" after "library");
pub(crate) static DISCARD: Script = script!("discard" after "library");
pub(crate) static ENQUEUE: Script = script!("enqueue" after "library");
pub(crate) static FAIL: Script = script!("fail" after "library");
pub(crate) static HASTEN: Script = script!("hasten" after "library");
pub(crate) static HEARTBEAT: Script = script!("heartbeat" after "library");
pub(crate) static RETRY: Script = script!("retry" after "library");
pub(crate) static SWEEP: Script = script!("sweep" after "library");
pub(crate) static WITHDRAW: Script = script!("withdraw" after "library");
