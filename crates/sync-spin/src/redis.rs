//! The connection to Redis, kept for as long as the instance lives.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};
use sync_redis::{RedisConn, RedisError, RedisValue};

thread_local! {
    /// Opened by the first request of this instance and shared by all of them, also by those that run at once: a new
    /// connection per request would cost two thirds of the throughput.
    static KEPT: RefCell<Option<Rc<Connection>>> = const { RefCell::new(None) };

    /// When Redis answered last.
    static ANSWERED: Cell<Option<Instant>> = const { Cell::new(None) };

    /// The commands of this instance that have no answer yet, by numbers that grow.
    static UNANSWERED: RefCell<BTreeSet<u64>> = const { RefCell::new(BTreeSet::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// How often is looked whether the store answers: a command that is met twice has had no answer for that long at least.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A command that has no answer yet, or a connection that is being opened.
struct Unanswered(u64);

impl Unanswered {
    fn new() -> Self {
        let number = NEXT.get();
        NEXT.set(number + 1);
        UNANSWERED.with_borrow_mut(|all| all.insert(number));
        Self(number)
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        UNANSWERED.with_borrow_mut(|all| all.remove(&self.0));
    }
}

/// Does something, unless the store stops to answer: then it is given up after one or two seconds, wherever it was, as
/// if the instance had died there. Spin itself waits without end.
///
/// It is for work that takes a while: the timer costs as much as a tenth of a small request.
///
/// # Errors
/// The store has not answered. Its connection is not used any more.
pub async fn unless_store_is_silent<T>(work: impl Future<Output = T>) -> Result<T, RedisError> {
    let silence = async {
        let mut before = BTreeSet::new();
        loop {
            spin_sdk::time::sleep(LOOK_EVERY).await;
            let now = UNANSWERED.with_borrow(Clone::clone);
            if !before.is_disjoint(&now) {
                return;
            }
            before = now;
        }
    };
    match select(pin!(work), pin!(silence)).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(((), _)) => {
            KEPT.set(None);
            Err(RedisError::Unreachable("it does not answer".to_owned()))
        }
    }
}

/// The store at one address.
pub struct SpinRedis {
    pub(crate) address: String,
    pub(crate) limit: Duration,
}

impl SpinRedis {
    /// The store at `address`, which is connected to when the first command is run. An answer is waited for as long as the
    /// limit says.
    pub fn new(address: String, limit: Duration) -> Self {
        Self { address, limit }
    }

    /// Ends when Redis has said nothing to this instance for as long as the limit says. A large answer, or one that waits behind
    /// large ones, may take longer.
    async fn silence(&self, began: Instant) {
        loop {
            let heard = ANSWERED.get().map_or(began, |at| at.max(began));
            let left = self.limit.saturating_sub(heard.elapsed());
            if left.is_zero() {
                break;
            }
            spin_sdk::time::sleep(left).await;
        }
        // What has arrived while this instance computed comes first.
        spin_sdk::time::sleep(self.limit / 8).await;
    }

    /// Lets a command run, or opens a connection, unless Redis is silent. Its connection is not used any more then.
    async fn unless_silent<T>(
        &self,
        work: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, RedisError> {
        let kept = KEPT.with_borrow(Clone::clone);
        match select(pin!(work), pin!(self.silence(Instant::now()))).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => {
                if let Some(silent) = kept {
                    forget(&silent);
                }
                let reason = format!("no answer within {} ms", self.limit.as_millis());
                Err(RedisError::Unreachable(reason))
            }
        }
    }

    async fn execute(&self, command: Vec<Vec<u8>>) -> Result<Vec<RedisValue>, RedisError> {
        let connection = self.connection().await?;
        let answer = execute(&connection, command).await;
        if matches!(answer, Err(RedisError::Unreachable(_))) {
            // Nothing reconnects it: the next command opens another.
            forget(&connection);
        }
        answer
    }

    async fn connection(&self) -> Result<Rc<Connection>, RedisError> {
        if let Some(kept) = KEPT.with_borrow(Clone::clone) {
            return Ok(kept);
        }
        let opened = Rc::new(open(&self.address).await?);
        KEPT.set(Some(Rc::clone(&opened)));
        Ok(opened)
    }
}

impl RedisConn for SpinRedis {
    async fn run(&self, command: Vec<Vec<u8>>) -> Result<Vec<RedisValue>, RedisError> {
        let _unanswered = Unanswered::new();
        let answer = self.unless_silent(self.execute(command)).await;
        if !matches!(answer, Err(RedisError::Unreachable(_))) {
            ANSWERED.set(Some(Instant::now()));
        }
        answer
    }
}

/// Opens a connection.
pub(crate) async fn open(address: &str) -> Result<Connection, RedisError> {
    Connection::open(address)
        .await
        .map_err(|error| match error {
            Error::InvalidAddress => RedisError::Unreachable(
                "its address is wrong, or not among the component's `allowed_outbound_hosts`"
                    .to_owned(),
            ),
            other => RedisError::Unreachable(other.to_string()),
        })
}

/// Lets a command run.
pub(crate) async fn execute(
    connection: &Connection,
    command: Vec<Vec<u8>>,
) -> Result<Vec<RedisValue>, RedisError> {
    let mut parts = command.into_iter();
    let name = parts.next().unwrap_or_default();
    let name = String::from_utf8_lossy(&name).into_owned();
    let answer = connection.execute(name, parts.map(RedisParameter::Binary));
    let values = answer.await.map_err(to_error)?;
    Ok(values.into_iter().map(to_value).collect())
}

/// Uses a connection no more. Others of this instance may have opened another already; then theirs stays.
fn forget(connection: &Rc<Connection>) {
    KEPT.with_borrow_mut(|kept| {
        if kept
            .as_ref()
            .is_some_and(|kept| Rc::ptr_eq(kept, connection))
        {
            *kept = None;
        }
    });
}

fn to_value(value: RedisResult) -> RedisValue {
    match value {
        RedisResult::Nil => RedisValue::Nil,
        RedisResult::Status(text) => RedisValue::Status(text),
        RedisResult::Int64(number) => RedisValue::Int(number),
        RedisResult::Binary(bytes) => RedisValue::Bytes(bytes),
    }
}

/// The host passes on a text only. What the server itself said is told from a broken connection by the words the
/// `redis` crate puts around it, on Spin as on our own host; in doubt the connection counts as broken, which costs a
/// new one.
fn to_error(error: Error) -> RedisError {
    let text = error.to_string();
    let upper = text.to_ascii_uppercase();
    let said_by_server = [
        "NOSCRIPT",
        "SIGNALLED BY THE SERVER",
        "WRONGTYPE",
        "RESPONSEERROR",
        "\"OOM\"",
        "OOM COMMAND",
        "MISCONF",
    ];
    if said_by_server.iter().any(|words| upper.contains(words)) {
        RedisError::Refused(text)
    } else {
        RedisError::Unreachable(text)
    }
}
