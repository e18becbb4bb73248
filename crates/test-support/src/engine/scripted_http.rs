//! A network with one back end that answers what it is told to.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sync_core::{AnswerRoom, HttpClient, HttpError};

/// Remembers what was asked, and answers from a list; behind its end nobody is there.
#[derive(Default)]
pub struct ScriptedHttp {
    asked: RefCell<Vec<http::Request<Bytes>>>,
    answers: RefCell<VecDeque<http::Response<Bytes>>>,
}

impl ScriptedHttp {
    /// Adds an answer to the list.
    pub fn answer(
        &self,
        status: u16,
        headers: &[(&str, &str)],
        body: &(impl AsRef<[u8]> + ?Sized),
    ) {
        let mut answer = http::Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let body = Bytes::copy_from_slice(body.as_ref());
        let answer = answer.body(body).expect("an answer");
        self.answers.borrow_mut().push_back(answer);
    }

    /// Forgets what was to be answered.
    pub fn forget(&self) {
        self.answers.borrow_mut().clear();
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<http::Request<Bytes>> {
        self.asked.take()
    }
}

impl HttpClient for ScriptedHttp {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
        _: &mut AnswerRoom,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        self.asked.borrow_mut().push(request);
        let answer = self.answers.borrow_mut().pop_front();
        answer.ok_or_else(|| HttpError::NoAnswer {
            host,
            reason: "nothing more is scripted".to_owned(),
        })
    }
}
