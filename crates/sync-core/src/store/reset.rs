//! Reset: removes everything.

use crate::model::{ADMINISTRATOR, UserId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// Keys that are looked at and removed at once.
const KEYS_CHUNK: usize = 1_000;

/// Removes all keys of ours but administrators, API tokens, what was done, the key that signs sessions, and the list of contents
/// that are to be removed.
pub(crate) async fn remove_all<R: RedisConn>(
    redis: &R,
    administrator: &UserId,
) -> Result<(), StoreError> {
    let administrator = keys::user(administrator);
    let stays = |key: &str| {
        key == administrator
            || key.starts_with(&keys::all_administrators())
            || key.starts_with(&keys::audit(""))
            || key == keys::session_secret()
            || key == keys::api_tokens()
            || key == keys::blobs_gone()
            || key.starts_with(&keys::api_token(""))
    };
    let mut position = "0".to_owned();
    loop {
        let pattern = keys::pattern_of_all();
        let command = args!["SCAN", &position, "MATCH", pattern, "COUNT", KEYS_CHUNK];
        let mut reply = Reply::new("SCAN", redis.run(command).await?);
        position = reply.required_text()?;
        let mut unlink = args!["UNLINK"];
        while !reply.is_empty() {
            let key = reply.required_text()?;
            if !stays(&key) {
                unlink.push(key.into_bytes());
            }
        }
        if unlink.len() > 1 {
            redis.run(unlink).await?;
        }
        if position == "0" {
            break;
        }
    }
    // Names are listed apart from the users.
    redis
        .run(args!["ZADD", keys::users(), "0", ADMINISTRATOR])
        .await?;
    Ok(())
}
