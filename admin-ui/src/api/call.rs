//! Operations of the API before they are asked for. They are values: who asks, and waits, is the same for all of them.

use gloo_net::http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Query, Tag, parse, send};
use crate::error::ApiError;

/// How often a search that has found nothing so far goes on by itself.
const SEARCH_CALLS: u32 = 50;

/// An operation, and how its answer is read.
pub(crate) struct Call<T> {
    pub(crate) request: Request,
    pub(crate) read: fn(&str) -> Result<T, ApiError>,
}

/// What is sent.
#[derive(Clone)]
pub(crate) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<String>,
    /// The state in which something has to be.
    pub(super) tag: Option<Tag>,
    /// Where a search begins that goes on until it finds something.
    search: Option<String>,
}

/// Part of a list, as far as a search needs it.
#[derive(Deserialize)]
struct Part {
    items: Vec<IgnoredAny>,
    next: Option<String>,
}

impl<T> Call<T> {
    pub(super) fn new(
        method: Method,
        path: &str,
        body: Option<String>,
        read: fn(&str) -> Result<T, ApiError>,
    ) -> Self {
        let request = Request {
            method,
            path: path.to_owned(),
            body,
            tag: None,
            search: None,
        };
        Self { request, read }
    }

    /// The same as a search: parts in which nothing is found are passed over.
    pub(super) fn search_from(mut self, cursor: &str) -> Self {
        self.request.search = Some(cursor.to_owned());
        self
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn answer(self) -> Result<T, ApiError> {
        (self.read)(&self.request.answer().await?)
    }
}

impl Request {
    /// Asks, and waits for the text of the answer.
    pub(crate) async fn answer(self) -> Result<String, ApiError> {
        let Some(mut cursor) = self.search.clone() else {
            return send(self).await;
        };
        for _ in 1..SEARCH_CALLS {
            let text = send(self.part(&cursor)).await?;
            let part: Part = parse(&text)?;
            match part.next {
                Some(next) if part.items.is_empty() => cursor = next,
                _ => return Ok(text),
            }
        }
        send(self.part(&cursor)).await
    }

    /// The request for the part of the list that begins there.
    fn part(&self, cursor: &str) -> Self {
        let path = Query::of(&self.path).with("cursor", cursor);
        Self {
            path: path.to_owned(),
            ..self.clone()
        }
    }
}
