//! Commands that take turns, so that what happens at the same time happens in the same order every time.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use sync_redis::{RedisError, RedisValue};

type Command = Vec<Vec<u8>>;

type Answer = Result<Vec<RedisValue>, RedisError>;

/// Who waits for a turn.
#[derive(Default)]
pub(crate) struct Turns {
    are_taken: Cell<bool>,
    waiting: RefCell<Vec<(Command, Rc<Place>)>>,
}

/// Where a command's answer is put.
#[derive(Default)]
struct Place {
    answer: Cell<Option<Answer>>,
    waker: RefCell<Option<Waker>>,
}

impl Turns {
    /// Whether commands have to wait for their turn.
    pub(crate) fn are_taken(&self) -> bool {
        self.are_taken.get()
    }

    /// Waits until the command had its turn.
    pub(crate) async fn wait(&self, command: Command) -> Answer {
        let place = Rc::new(Place::default());
        self.waiting.borrow_mut().push((command, Rc::clone(&place)));
        poll_fn(|context| match place.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                *place.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// Does work, and lets its commands take turns.
    pub(crate) async fn take<F: Future>(
        &self,
        schedule: &[u8],
        work: F,
        carry_out: impl AsyncFn(Command) -> Answer,
    ) -> F::Output {
        let mut work = pin!(work);
        let mut schedule = schedule.iter();
        self.are_taken.set(true);
        loop {
            // It goes on as far as it can: then all of its parts wait for a turn.
            let done = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
            if let Poll::Ready(done) = done {
                self.are_taken.set(false);
                return done;
            }
            let next = self.next(schedule.next().copied());
            let Some((command, place)) = next else {
                tokio::task::yield_now().await;
                continue;
            };
            place.answer.set(Some(carry_out(command).await));
            if let Some(waker) = place.waker.take() {
                waker.wake();
            }
        }
    }

    /// Does work, and counts the round trips that it waits for: whatever is sent before it waits for an answer goes in one.
    pub(crate) async fn count<F: Future>(
        &self,
        work: F,
        carry_out: impl AsyncFn(Command) -> Answer,
    ) -> (F::Output, usize) {
        let mut work = pin!(work);
        let mut rounds = 0;
        self.are_taken.set(true);
        loop {
            let done = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
            if let Poll::Ready(done) = done {
                self.are_taken.set(false);
                return (done, rounds);
            }
            let sent = self.waiting.take();
            if sent.is_empty() {
                tokio::task::yield_now().await;
                continue;
            }
            rounds += 1;
            for (command, place) in sent {
                place.answer.set(Some(carry_out(command).await));
                if let Some(waker) = place.waker.take() {
                    waker.wake();
                }
            }
        }
    }

    fn next(&self, pick: Option<u8>) -> Option<(Command, Rc<Place>)> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            return None;
        }
        let at = usize::from(pick.unwrap_or(0)) % waiting.len();
        Some(waiting.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::native::local;

    #[test]
    fn what_is_sent_together_is_one_round_trip() {
        local(async {
            let turns = Turns::default();
            let one = || async { turns.wait(Vec::new()).await.expect("an answer") };
            let work = async {
                join_all([one(), one()]).await;
                one().await;
            };
            let ((), rounds) = turns.count(work, async |_| Ok(Vec::new())).await;
            assert_eq!(rounds, 2);
        });
    }

    /// Three who send two commands each; the order in which they are carried out.
    fn play(schedule: &[u8]) -> String {
        local(async {
            let turns = Turns::default();
            let order = RefCell::new(String::new());
            let parts = ["a", "b", "c"].map(|name| async {
                for _ in 0..2 {
                    let command = vec![name.as_bytes().to_vec()];
                    turns.wait(command).await.expect("an answer");
                }
            });
            let carry_out = async |command: Command| {
                tokio::task::yield_now().await;
                let name = String::from_utf8_lossy(&command[0]).into_owned();
                order.borrow_mut().push_str(&name);
                Ok(Vec::new())
            };
            turns.take(schedule, join_all(parts), carry_out).await;
            assert!(!turns.are_taken());
            order.into_inner()
        })
    }

    #[test]
    fn a_schedule_says_whose_turn_it_is() {
        assert_eq!(play(&[]), "abcabc");
        assert_eq!(play(&[2, 2, 1, 1, 0]), "ccbbaa");
        assert_eq!(play(&[2, 2, 1, 1, 0]), play(&[5, 5, 3, 3, 0]));
    }
}
