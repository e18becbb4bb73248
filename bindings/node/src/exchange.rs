//! What is said to the server until a sync is done, or signing in: the script carries it by `fetch`.

use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi_derive::napi;
use sync_client::json::{request, thrown};
use sync_client::{Conversation, Header};

use crate::work::{Work, work};

/// What is said to the server.
#[napi]
pub struct Exchange {
    pub(crate) conversation: Arc<Conversation>,
}

#[napi]
impl Exchange {
    /// The next request, as JSON: `method`, `url`, `headers`, `body` (a text), `timeoutMs`. None when everything is said.
    #[napi]
    pub fn next_request(&self) -> AsyncTask<Work<Option<String>>> {
        let conversation = Arc::clone(&self.conversation);
        work(move || {
            let next = conversation.next_request();
            let next = next.map_err(|error| thrown(&error))?;
            Ok(next.map(|next| request(&next)))
        })
    }

    /// Takes the head of an answer. `false` says that nobody wants the rest.
    #[napi]
    pub fn answer_head(&self, status: u16, retry_after: Option<String>) -> bool {
        let name = "Retry-After".to_owned();
        let headers = retry_after.map(|value| Header { name, value });
        let headers = headers.into_iter().collect();
        self.conversation.answer_head(status, headers)
    }

    /// Takes a piece of an answer's body. What it says is kept before this is over. `false` says that nobody wants the rest.
    #[napi]
    pub fn answer_chunk(&self, bytes: Uint8Array) -> AsyncTask<Work<bool>> {
        let conversation = Arc::clone(&self.conversation);
        let bytes = bytes.to_vec();
        work(move || Ok(conversation.answer_chunk(bytes)))
    }

    /// Takes the end of an answer: nothing if it is complete, or else why there is none or not all.
    #[napi]
    pub fn answer_end(&self, failure: Option<String>) -> AsyncTask<Work<()>> {
        let conversation = Arc::clone(&self.conversation);
        work(move || {
            conversation.answer_end(failure);
            Ok(())
        })
    }
}
