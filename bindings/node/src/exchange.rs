//! What is said to the server until a sync is done, or signing in: the script carries it by `fetch`.

use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi_derive::napi;
use sync_client::Conversation;
use sync_client::json::{answer_headers, request, thrown};

use crate::work::{Work, work};

/// A request, as the script carries it.
#[napi(object)]
pub struct Request {
    /// `method`, `url`, `headers` and `timeoutMs`, as JSON.
    pub head: String,
    /// Its body, often empty.
    pub body: Uint8Array,
}

/// What is said to the server.
#[napi]
pub struct Exchange {
    pub(crate) conversation: Arc<Conversation>,
}

#[napi]
impl Exchange {
    /// The next request. None when everything is said.
    #[napi]
    pub fn next_request(&self) -> AsyncTask<Work<Option<Request>>> {
        let conversation = Arc::clone(&self.conversation);
        work(move || {
            let next = conversation.next_request();
            let next = next.map_err(|error| thrown(&error))?;
            Ok(next.map(|next| Request {
                head: request(&next),
                body: next.body.into(),
            }))
        })
    }

    /// Takes the head of an answer: its status, and the headers that the library reads. `false` says that nobody wants the rest.
    #[napi]
    pub fn answer_head(
        &self,
        status: u16,
        retry_after: Option<String>,
        etag: Option<String>,
        content_range: Option<String>,
    ) -> bool {
        let headers = answer_headers(retry_after, etag, content_range);
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
