//! Readiness: whether the server can do its work.

use crate::engine::Engine;
use crate::ports::{Ports, RedisConn as _};
use crate::store::StoreError;

impl<P: Ports> Engine<P> {
    /// Checks that the store answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check_store(&self) -> Result<(), StoreError> {
        self.ports.redis().run(vec![b"PING".to_vec()]).await?;
        Ok(())
    }
}
