//! Searching at the back end: by the server, which asks it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sync_device::{Attributes, Line, LineReader};
use sync_proto::sync::{DeviceSearch, SessionGrant};
use sync_store::SyncLock;

use crate::conversation::{Answered, Asked, Conversation, Outcome, Stop, Topic};
use crate::database::{Database, texts};
use crate::error::Error;
use crate::model::Object;
use crate::shared::Shared;
use crate::sign_in::{refresh_request, session_of};
use crate::sync::has_access;

const SEARCH: &str = "/sync/v1/search";

/// A search: one request, behind one for new tokens where that is needed.
struct Searching {
    source: String,
    parameters: BTreeMap<String, String>,
    /// The right to get new tokens, which are good once, while they are asked for.
    lock: Option<SyncLock>,
    has_refreshed: bool,
    /// The device and the access token that it has asked by.
    asked_as: Option<(Option<String>, Option<String>)>,
    reader: LineReader,
    found: BTreeMap<String, Attributes>,
    done: Option<Result<Vec<Object>, Error>>,
}

impl Searching {
    fn take_line(&mut self, database: &Shared, line: &[u8]) -> Result<(), Error> {
        match Line::parse(line) {
            _ if self.done.is_some() => {}
            Ok(Line::Found {
                source,
                objects,
                more,
                whole,
            }) if source == self.source => {
                self.found.extend(objects);
                if !more {
                    self.done = Some(self.keep(database, whole)?);
                }
            }
            Ok(Line::Failed { error, .. }) => {
                self.done = Some(Err(Error::Refused {
                    status: 200,
                    code: error.code,
                    reason: error.message,
                }));
            }
            // What a newer server says to newer devices.
            Ok(_) => {}
            Err(error) => {
                let reason = error.to_string();
                self.done = Some(Err(Error::Offline { reason }));
            }
        }
        Ok(())
    }

    /// Keeps all that was found, or nothing: it may be another user's database by now.
    fn keep(&self, database: &Shared, whole: bool) -> Result<Result<Vec<Object>, Error>, Error> {
        let mut store = database.store();
        let client = store.session()?.client;
        let is_same = self
            .asked_as
            .as_ref()
            .is_some_and(|(asked, _)| *asked == client);
        if !is_same {
            return Ok(Err(Error::Cancelled));
        }
        Ok(Ok(store.keep_found(&self.source, &self.found, whole)?))
    }

    fn refreshed(&mut self, database: &Shared, answer: Answered) -> Result<(), Error> {
        self.has_refreshed = true;
        match answer {
            Answered::Whole(body) => match serde_json::from_slice::<SessionGrant>(&body) {
                Ok(grant) => {
                    let session = session_of(grant, database.platform.now_ms());
                    database.store().set_session(&session)?;
                }
                Err(error) => {
                    let reason = error.to_string();
                    self.done = Some(Err(Error::Offline { reason }));
                }
            },
            other => self.done = Some(Err(failure(database, other))),
        }
        Ok(())
    }
}

impl Topic for Searching {
    fn next(
        &mut self,
        database: &Shared,
        _: &dyn Fn() -> Option<Stop>,
    ) -> Result<Option<Asked>, Error> {
        self.lock = None;
        if self.done.is_some() {
            return Ok(None);
        }
        let mut store = database.store();
        let mut session = store.session()?;
        if !has_access(database, &session) {
            let Some(lock) = store.lock_sync()? else {
                // It gets new tokens, if it has not by now.
                self.done = Some(Err(Error::SyncRunning));
                return Ok(None);
            };
            let asked = match self.has_refreshed {
                false => refresh_request(&mut store, &mut session, database)?,
                true => None,
            };
            match asked {
                Some(_) => self.lock = Some(lock),
                None => {
                    let reason = "nobody is signed in".to_owned();
                    self.done = Some(Err(Error::LoginRefused { reason }));
                }
            }
            return Ok(asked);
        }
        self.asked_as = Some((session.client, session.access.clone()));
        (self.reader, self.found) = (LineReader::default(), BTreeMap::new());
        let request = DeviceSearch {
            source: self.source.clone(),
            parameters: self.parameters.clone(),
        };
        Ok(Some(Asked::post(SEARCH, session.access, &request)))
    }

    fn reads_pieces(&self) -> bool {
        self.lock.is_none()
    }

    fn take(
        &mut self,
        database: &Shared,
        bytes: &[u8],
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<bool, Error> {
        for line in self.reader.push(bytes) {
            if is_wanted() {
                self.take_line(database, &line)?;
            }
        }
        Ok(!self.reader.is_too_long())
    }

    fn answered(&mut self, database: &Shared, answer: Answered) -> Result<(), Error> {
        if self.lock.take().is_some() {
            return self.refreshed(database, answer);
        }
        match answer {
            _ if self.done.is_some() => {}
            Answered::Error { status: 401, .. } if !self.has_refreshed => {
                // The token looked good and is not: another one is asked for, unless there is one by now.
                let mut store = database.store();
                let mut session = store.session()?;
                let asked_by = self.asked_as.take().and_then(|(_, access)| access);
                if session.access == asked_by {
                    session.access = None;
                    store.set_session(&session)?;
                }
            }
            other => self.done = Some(Err(failure(database, other))),
        }
        Ok(())
    }

    fn stopped(&mut self, _: Stop) {
        self.lock = None;
    }

    fn end(&mut self) -> Outcome {
        self.lock = None;
        Outcome::Searched(self.done.take().unwrap_or(Err(Error::Cancelled)))
    }
}

/// What an answer means that has found nothing.
fn failure(database: &Shared, answer: Answered) -> Error {
    match answer {
        Answered::Whole(_) => Error::Offline {
            reason: "the answer broke off".to_owned(),
        },
        Answered::Broken(reason) => Error::Offline { reason },
        Answered::Error {
            status: 401,
            reason,
            ..
        } => Error::LoginRefused { reason },
        Answered::Error {
            status: 429 | 500..,
            reason,
            retry_after,
            ..
        } => Error::ServerBusy {
            reason,
            retry_in_ms: database.spread_ms(retry_after.unwrap_or(1)),
        },
        Answered::Error {
            status,
            code,
            reason,
            ..
        } => Error::Refused {
            status,
            code,
            reason,
        },
    }
}

impl Database {
    /// Searches a source at its back end, by parameters that it understands; returns what was found. That is kept in the file beside the
    /// source's copy, to be read like all objects ([`Object::is_found`]) and to be changed, until [`Self::forget_found`]. Of a source
    /// that passes through, which has no copy, this is the way to its objects: what was found before goes then.
    ///
    /// Parameters are texts: numbers and truth values are written as in JSON.
    ///
    /// # Errors
    /// [`Error::Refused`] with the back end's reason, [`Error::Offline`], [`Error::ServerBusy`], [`Error::LoginRefused`];
    /// [`Error::SyncRunning`] if a sync is just about to get new tokens; a source that the database was not opened with; the file's.
    pub fn search_remote(
        &self,
        source: &str,
        parameters: &Attributes,
    ) -> Result<Vec<Object>, Error> {
        let transport = self.transport()?;
        let conversation = self.begin_search_remote(source, parameters)?;
        conversation.carry(transport)?;
        self.end_search_remote(&conversation)
    }

    /// Begins to search at the back end, for hosts that carry requests themselves.
    ///
    /// # Errors
    /// A source that the database was not opened with; the file's.
    pub fn begin_search_remote(
        &self,
        source: &str,
        parameters: &Attributes,
    ) -> Result<Arc<Conversation>, Error> {
        self.shared.store().check_source(source)?;
        let topic = Box::new(Searching {
            source: source.to_owned(),
            parameters: texts(parameters),
            lock: None,
            has_refreshed: false,
            asked_as: None,
            reader: LineReader::default(),
            found: BTreeMap::new(),
            done: None,
        });
        Ok(Conversation::new(Arc::clone(&self.shared), topic, None))
    }

    /// What was found.
    ///
    /// # Errors
    /// See [`Self::search_remote`].
    pub fn end_search_remote(&self, conversation: &Conversation) -> Result<Vec<Object>, Error> {
        match conversation.end() {
            Outcome::Searched(done) => done,
            _ => Err(Error::Cancelled),
        }
    }

    /// Forgets what searches at the back end have found in a source. Changes of it go up all the same.
    ///
    /// # Errors
    /// A source that the database was not opened with; the file's.
    pub fn forget_found(&self, source: &str) -> Result<(), Error> {
        self.shared.store().forget_found(source)?;
        self.shared.tell();
        Ok(())
    }
}
