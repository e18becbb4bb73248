//! Every key of the queue, built here and in its scripts (`scripts/library.lua`), and nowhere else.
//!
//! A key is `rhosync:1:{jobs}:` and a part of the queue: the hash tag keeps all of them in one slot of a Redis Cluster.
//! Names of queues have no characters that would need to be encoded.
//!
//! | key | type | content | lifetime | written by | read by |
//! | --- | --- | --- | --- | --- | --- |
//! | `job:<id>` | hash | `state` (`ready`, `delayed`, `leased`, `dead` or `done`), `name`, `queue`, `payload`, `turn` in which it runs, `lane` of its priority, `attempts`, `max` attempts, `created`, `started` and `ended` in ms, `unique` key, `lease` and `worker` while it runs, `crashes`, `cancel` if it is to end, `again` when it is to run once more, `errors` (JSON by line), `progress`, `result`, `reason` it is dead | until forgotten: when it is withdrawn, or leaves `done` or `dead` | jobs | jobs |
//! | `ready:<queue>` | sorted set | ids of jobs by turn: lane × 2^48 + tag | the queue's | jobs | jobs |
//! | `fair:<queue>` | sorted set | `<lane>:<turn>`, scored by lane × 2^48 + tag of the turn's next job | until its turn has come | jobs | jobs |
//! | `delayed:<queue>` | sorted set | ids of jobs by when to run them, in ms | the queue's | jobs | jobs |
//! | `leased:<queue>` | sorted set | ids of jobs by the end of their lease, in ms | the queue's | jobs | jobs |
//! | `dead:<queue>` | sorted set | ids of jobs by when they ended, in ms | until retried, discarded, or too old | jobs | jobs |
//! | `dead-of:<queue>:<name>` | sorted set | those of `dead:<queue>` that have this name; the oldest make room | as in `dead:<queue>` | jobs | jobs |
//! | `done:<queue>` | sorted set | ids of jobs by when they ended, in ms | the retention | jobs | jobs |
//! | `queue:<queue>` | hash | `paused` if it is, `tag<lane>` of the job claimed last, `allowed` when nothing of its rate will be used up, in ms, `forgotten` how many dead jobs made room | forever: queues are those that settings and components name | jobs | jobs |
//! | `queues` | set | all queues | forever, as `queue:<queue>` | jobs | jobs |
//! | `last` | string | the last job's number | forever | jobs | jobs |
//! | `unique` | hash | unique key → id of the job that waits or runs | until the job ends | jobs | jobs |
//! | `ticks` | hash | `<schedule> <its rule>` → when it is due next, in ms | a day after the last one that came | jobs | jobs |
//! | `ticked` | hash | `<schedule> <its rule>` → id of its last job | as in `ticks` | jobs | jobs |
//! | `minute:<queue>:<minute>` | hash | what happened (see `QueueCounts::lately`) → how often | two hours | jobs | jobs |
//! | `alarm` | string | its expiry is heard of: somebody sweeps then | until something is due | jobs | who hears of expired keys |
//! | `swept` | string | there was a sweep lately | one second | jobs | jobs |

use sync_redis::KEY_PREFIX;

use crate::{JobId, JobState, QueueName};

/// What all keys of the queue begin with. Its scripts make the others from it, as the table says.
pub(crate) fn all() -> String {
    format!("{KEY_PREFIX}:{{jobs}}:")
}

/// A job.
pub(crate) fn job(id: &JobId) -> String {
    format!("{KEY_PREFIX}:{{jobs}}:job:{id}")
}

/// The jobs of a queue that are in a state.
pub(crate) fn in_state(state: JobState, queue: &QueueName) -> String {
    format!("{KEY_PREFIX}:{{jobs}}:{state}:{queue}")
}

/// The dead jobs of a name in a queue.
pub(crate) fn dead_of(queue: &QueueName, name: &str) -> String {
    format!("{KEY_PREFIX}:{{jobs}}:dead-of:{queue}:{name}")
}

/// What is known of a queue.
pub(crate) fn queue(queue: &QueueName) -> String {
    format!("{KEY_PREFIX}:{{jobs}}:queue:{queue}")
}

/// All queues.
pub(crate) fn queues() -> String {
    format!("{KEY_PREFIX}:{{jobs}}:queues")
}

/// When schedules are due.
pub(crate) fn ticks() -> String {
    format!("{KEY_PREFIX}:{{jobs}}:ticks")
}

/// The last jobs of schedules.
pub(crate) fn ticked() -> String {
    format!("{KEY_PREFIX}:{{jobs}}:ticked")
}

/// What happened in a queue in a minute since 1970.
pub(crate) fn minute(queue: &QueueName, minute: u64) -> String {
    format!("{KEY_PREFIX}:{{jobs}}:minute:{queue}:{minute}")
}

/// Expires when something is due.
pub(crate) fn alarm() -> String {
    format!("{KEY_PREFIX}:{{jobs}}:alarm")
}

/// There was a sweep lately.
pub(crate) fn swept() -> String {
    format!("{KEY_PREFIX}:{{jobs}}:swept")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_key_space() {
        let slow = QueueName::constant("adapter.slow");
        let keys = [
            all(),
            job(&JobId::parse("0000000000000007").unwrap()),
            in_state(JobState::Ready, &slow),
            dead_of(&slow, "deliver"),
            queue(&slow),
            queues(),
            ticks(),
            ticked(),
            minute(&slow, 7),
            alarm(),
            swept(),
        ];
        insta::assert_snapshot!(keys.join("\n"), @r"
        rhosync:1:{jobs}:
        rhosync:1:{jobs}:job:0000000000000007
        rhosync:1:{jobs}:ready:adapter.slow
        rhosync:1:{jobs}:dead-of:adapter.slow:deliver
        rhosync:1:{jobs}:queue:adapter.slow
        rhosync:1:{jobs}:queues
        rhosync:1:{jobs}:ticks
        rhosync:1:{jobs}:ticked
        rhosync:1:{jobs}:minute:adapter.slow:7
        rhosync:1:{jobs}:alarm
        rhosync:1:{jobs}:swept
        ");
    }
}
