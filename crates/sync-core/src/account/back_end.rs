//! Users that a back end knows.

use crate::adapter::{AdapterError, authenticate};
use crate::engine::Engine;
use crate::ports::Ports;

impl<P: Ports> Engine<P> {
    /// Asks the back end at `url` whether a user may log in, by the plugin protocol; answers the user's name, where it
    /// gives one.
    ///
    /// # Errors
    /// [`AdapterError::Login`] with the back end's own words when it refuses; [`AdapterError::Unavailable`] when it
    /// answers anything else, or not at all.
    pub async fn authenticate_at(
        &self,
        url: &str,
        login: &str,
        password: &str,
    ) -> Result<Option<String>, AdapterError> {
        authenticate(&*self.ports, &self.server_token, url, login, password).await
    }
}
