//! Writes every message it hears to the Redis list `heard:<name>`, where `name` is a variable of the component.
//!
//! Three messages are orders instead: `trap` ends the instance, `fail` returns an error, and `wait <key>` waits
//! until something is pushed to the list `<key>`, so that a test decides how long a message takes.

#[cfg(target_arch = "wasm32")]
mod entry {
    #![expect(unsafe_code, reason = "the bindings that the macro generates")]

    use bytes::Bytes;
    use spin_sdk::redis::{Connection, Error, RedisParameter};
    use spin_sdk::redis_subscriber;

    async fn variable(name: &str) -> Result<String, Error> {
        spin_sdk::variables::get(name)
            .await
            .map_err(|error| Error::Other(error.to_string()))
    }

    #[redis_subscriber]
    async fn on_message(message: Bytes) -> Result<(), Error> {
        let redis = Connection::open(variable("redis_url").await?).await?;
        let binary = |text: &[u8]| RedisParameter::Binary(text.to_vec());
        let list = format!("heard:{}", variable("name").await?);
        redis
            .execute("RPUSH", vec![binary(list.as_bytes()), binary(&message)])
            .await?;
        match &*message {
            b"trap" => std::process::abort(),
            b"fail" => Err(Error::Other("asked to fail".to_owned())),
            order => {
                if let Some(key) = order.strip_prefix(b"wait ") {
                    redis
                        .execute("BLPOP", vec![binary(key), RedisParameter::Int64(0)])
                        .await?;
                }
                redis
                    .execute("INCR", vec![binary(format!("{list}:done").as_bytes())])
                    .await?;
                Ok(())
            }
        }
    }
}
