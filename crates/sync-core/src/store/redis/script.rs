//! Lua scripts: what has to happen at once.

use std::sync::OnceLock;

use sha1::{Digest as _, Sha1};

use crate::ports::{RedisConn, RedisError, RedisValue, hex};
use crate::store::StoreError;

/// A script, called by its digest so that its text travels once per server.
pub(crate) struct Script {
    name: &'static str,
    source: &'static str,
    sha: OnceLock<String>,
}

macro_rules! script {
    ($name:literal) => {
        Script {
            name: $name,
            source: include_str!(concat!("scripts/", $name, ".lua")),
            sha: OnceLock::new(),
        }
    };
}

/// A script of the job queue, with the library before it.
macro_rules! job_script {
    ($name:literal) => {
        Script {
            name: concat!("jobs/", $name),
            source: concat!(
                include_str!("scripts/jobs/library.lua"),
                include_str!(concat!("scripts/jobs/", $name, ".lua"))
            ),
            sha: OnceLock::new(),
        }
    };
}

pub(crate) static ACCEPT: Script = script!("accept");
pub(crate) static ADD_SOURCE: Script = script!("add_source");
pub(crate) static ADD_STATS: Script = script!("add_stats");
pub(crate) static BEGIN_REFRESH: Script = script!("begin_refresh");
pub(crate) static BIND: Script = script!("bind");
pub(crate) static CHANGE_USER: Script = script!("change_user");
pub(crate) static COLLECT: Script = script!("collect");
pub(crate) static COLLECT_BLOB: Script = script!("collect_blob");
pub(crate) static COMMIT: Script = script!("commit");
pub(crate) static COUNT: Script = script!("count");
pub(crate) static CREATE_USER: Script = script!("create_user");
pub(crate) static DELETE_FIELD_IF: Script = script!("delete_field_if");
pub(crate) static DESCRIBE: Script = script!("describe");
pub(crate) static END_REFRESH: Script = script!("end_refresh");
pub(crate) static EXTEND_LEASE: Script = script!("extend_lease");
pub(crate) static KEEP_FOUND: Script = script!("keep_found");
pub(crate) static MOVE_CURSOR: Script = script!("move_cursor");
pub(crate) static PAGE_FOUND: Script = script!("page_found");
pub(crate) static PULL: Script = script!("pull");
pub(crate) static PUT_DOCUMENT: Script = script!("put_document");
pub(crate) static PUT_OFF: Script = script!("put_off");
pub(crate) static REFER: Script = script!("refer");
pub(crate) static RELEASE: Script = script!("release");
pub(crate) static RESERVE: Script = script!("reserve");
pub(crate) static RESTART: Script = script!("restart");
pub(crate) static SETTLE: Script = script!("settle");
pub(crate) static SET_FIELD_IF: Script = script!("set_field_if");
pub(crate) static START_FROM: Script = script!("start_from");
pub(crate) static UNBIND: Script = script!("unbind");

pub(crate) static CANCEL_JOB: Script = job_script!("cancel");
pub(crate) static CLAIM_JOBS: Script = job_script!("claim");
pub(crate) static COMPLETE_JOB: Script = job_script!("complete");
pub(crate) static DISCARD_JOB: Script = job_script!("discard");
pub(crate) static ENQUEUE_JOB: Script = job_script!("enqueue");
pub(crate) static FAIL_JOB: Script = job_script!("fail");
pub(crate) static HEARTBEAT: Script = job_script!("heartbeat");
pub(crate) static RETRY_JOBS: Script = job_script!("retry");
pub(crate) static SWEEP_JOBS: Script = job_script!("sweep");

impl Script {
    /// Runs the script and gives its answer's first value, which names the outcome, and the rest.
    pub(crate) async fn run<R: RedisConn>(
        &self,
        redis: &R,
        keys: &[String],
        args: Vec<Vec<u8>>,
    ) -> Result<Reply, StoreError> {
        let sha = self.sha.get_or_init(|| hex(&Sha1::digest(self.source)));
        let command = |verb: &str, script: &str, args: Vec<Vec<u8>>| {
            let mut command = Vec::with_capacity(3 + keys.len() + args.len());
            command.push(verb.as_bytes().to_vec());
            command.push(script.as_bytes().to_vec());
            command.push(keys.len().to_string().into_bytes());
            command.extend(keys.iter().map(|key| key.as_bytes().to_vec()));
            command.extend(args);
            command
        };
        let values = match redis.run(command("EVALSHA", sha, args.clone())).await {
            // Redis says `NOSCRIPT`, client libraries `NoScript`.
            Err(RedisError::Refused(reason))
                if reason.to_ascii_uppercase().contains("NOSCRIPT") =>
            {
                redis.run(command("EVAL", self.source, args)).await?
            }
            other => other?,
        };
        Ok(Reply {
            what: self.name,
            values: values.into_iter(),
        })
    }
}

/// The values of a reply, taken one after the other.
#[derive(Debug)]
pub(crate) struct Reply {
    what: &'static str,
    values: std::vec::IntoIter<RedisValue>,
}

impl Reply {
    pub(crate) fn new(what: &'static str, values: Vec<RedisValue>) -> Self {
        Self {
            what,
            values: values.into_iter(),
        }
    }

    /// How many values are left.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    fn unexpected(&self, found: impl std::fmt::Debug) -> StoreError {
        StoreError::UnexpectedReply {
            command: self.what,
            found: format!("{found:?}"),
        }
    }

    /// The next value; nil is `None`.
    pub(crate) fn bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.values.next() {
            Some(RedisValue::Bytes(bytes)) => Ok(Some(bytes)),
            Some(RedisValue::Status(text)) => Ok(Some(text.into_bytes())),
            Some(RedisValue::Int(number)) => Ok(Some(number.to_string().into_bytes())),
            Some(RedisValue::Nil) => Ok(None),
            None => Err(self.unexpected("the end of the reply")),
        }
    }

    /// The next value as text; nil is `None`.
    pub(crate) fn text(&mut self) -> Result<Option<String>, StoreError> {
        self.bytes()?
            .map(|bytes| String::from_utf8(bytes).map_err(|error| self.unexpected(error)))
            .transpose()
    }

    /// The next value as text.
    pub(crate) fn required_text(&mut self) -> Result<String, StoreError> {
        self.text()?.ok_or_else(|| self.unexpected("nil"))
    }

    /// The next value as a number.
    pub(crate) fn number(&mut self) -> Result<u64, StoreError> {
        match self.values.next() {
            Some(RedisValue::Int(number)) => {
                u64::try_from(number).map_err(|error| self.unexpected(error))
            }
            Some(RedisValue::Bytes(bytes)) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| self.unexpected(String::from_utf8_lossy(&bytes))),
            other => Err(self.unexpected(other)),
        }
    }

    /// Refuses an outcome that no version of the script has.
    pub(crate) fn unknown_outcome(&self, outcome: &str) -> StoreError {
        self.unexpected(outcome)
    }
}

/// Builds a command or a script's arguments from texts, numbers and bytes.
macro_rules! args {
    ($($arg:expr),* $(,)?) => {
        vec![$($crate::store::redis::script::arg($arg)),*]
    };
}
pub(crate) use args;

pub(crate) fn arg(value: impl Arg) -> Vec<u8> {
    value.into_bytes()
}

/// What can be an argument.
pub(crate) trait Arg {
    fn into_bytes(self) -> Vec<u8>;
}

impl Arg for &str {
    fn into_bytes(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Arg for &String {
    fn into_bytes(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Arg for String {
    fn into_bytes(self) -> Vec<u8> {
        Self::into_bytes(self)
    }
}

impl Arg for Vec<u8> {
    fn into_bytes(self) -> Vec<u8> {
        self
    }
}

impl Arg for u64 {
    fn into_bytes(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl Arg for usize {
    fn into_bytes(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}
