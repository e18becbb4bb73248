//! The id of the request that is being answered, for the lines of the log that it leads to.
//!
//! A span of `tracing` says the same, and costs each request more than its signature does: there are requests by the
//! thousand, and lines for few of them.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

thread_local! {
    static CURRENT: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
}

/// Does something for a request: while it is at work, that is the current one. Several may be at work at once.
pub async fn in_request<T>(id: Option<&str>, work: impl Future<Output = T>) -> T {
    InRequest {
        id: id.map(Rc::from),
        work: Box::pin(work),
    }
    .await
}

/// The id of the request that is being answered, if one is.
pub fn current_request() -> Option<Rc<str>> {
    CURRENT.with_borrow(Clone::clone)
}

struct InRequest<F> {
    id: Option<Rc<str>>,
    work: Pin<Box<F>>,
}

impl<F: Future> Future for InRequest<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = CURRENT.replace(self.id.clone());
        let polled = self.work.as_mut().poll(context);
        CURRENT.set(before);
        polled
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, join};

    use super::*;

    #[test]
    fn each_of_several_requests_knows_its_own_id() {
        let ask = async |id: &'static str| {
            in_request(Some(id), async {
                let before = current_request();
                // Others get their turn.
                let mut first = true;
                std::future::poll_fn(|context| {
                    context.waker().wake_by_ref();
                    let waits = std::mem::take(&mut first);
                    if waits {
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                })
                .await;
                assert_eq!(before, current_request());
                before.unwrap().to_string()
            })
            .await
        };
        let mut both = Box::pin(async { join!(ask("a"), ask("b")) });
        let answers = loop {
            if let Some(answers) = both.as_mut().now_or_never() {
                break answers;
            }
        };
        assert_eq!(answers, ("a".to_owned(), "b".to_owned()));
        assert_eq!(current_request(), None);
    }
}
