//! What connects a source to its back end.

mod answer_collector;
mod exchange;
mod maker;
mod no_app_server;
mod plugin;
mod push_only;
mod refusals;
pub(crate) mod rest;
mod secrets;
mod sql;
mod subscriber;

use std::fmt;

use async_trait::async_trait;

use crate::blob::BlobOpener;
use crate::mapping::Misfit;
use crate::memory::Memory;
use crate::model::{Attributes, ClientId, ObjectId, SourceName, UserId};
use crate::store::StoreError;
use crate::trace::TraceContext;

pub(crate) use answer_collector::AnswerCollector;
pub use maker::{AdapterMaker, NoBackEnds, RustAdapters};
use no_app_server::NoAppServerAdapter;
use plugin::PluginAdapter;
pub use plugin::{Authenticated, authenticate};
use push_only::PushOnlyAdapter;
pub(crate) use refusals::Refusals;
use rest::RestAdapter;
pub use secrets::{AdapterSecrets, Credentials, ServerToken, UserCredentials};
use sql::SqlAdapter;
pub use sql::hide_password;
pub(crate) use subscriber::Subscriber;

/// Connects a source to its back end.
///
/// Devices' changes and the server's own retries may reach an adapter twice; whoever can should pass
/// [`Call::idempotency_key`] on, or remember it.
#[async_trait(?Send)]
pub trait Adapter {
    /// Begins to speak with the back end on behalf of a user. Every other call stands between this and
    /// [`Adapter::logoff`].
    ///
    /// # Errors
    /// When the back end does not let the user in, or could not be asked; nothing else is called then.
    async fn login(&self, _: &Call<'_>) -> Result<(), AdapterError> {
        Ok(())
    }

    /// Ends what [`Adapter::login`] began.
    ///
    /// # Errors
    /// When the back end could not be told. What was done before is done; devices are told of it after a query.
    async fn logoff(&self, _: &Call<'_>) -> Result<(), AdapterError> {
        Ok(())
    }

    /// Hands over all objects of the source as the back end has them now, in one part or several, through `stash`.
    ///
    /// `etag` is the tag of the last complete answer, where one was given and still stands for what the server has.
    ///
    /// # Errors
    /// When the back end cannot be asked; nothing is deleted then.
    async fn query(
        &self,
        call: &Call<'_>,
        etag: Option<&str>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError>;

    /// Creates an object; answers its id, where the back end gives one.
    ///
    /// # Errors
    /// When the back end refused, or could not be asked.
    async fn create(&self, call: &Call<'_>, attributes: &Attributes) -> Result<Done, AdapterError>;

    /// Sets attributes of an object.
    ///
    /// # Errors
    /// When the back end refused, or could not be asked.
    async fn update(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError>;

    /// Deletes an object; `attributes` are those the device sent along.
    ///
    /// # Errors
    /// When the back end refused, or could not be asked. An object that is not there is [`AdapterError::NotFound`].
    async fn delete(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError>;

    /// Finds objects by [`Call::parameters`] and hands them over, in one part or several.
    ///
    /// # Errors
    /// When the back end refused or could not be asked, and where a source cannot be searched.
    async fn search(&self, _: &Call<'_>, _: &mut dyn Stash) -> Result<(), AdapterError> {
        Err(AdapterError::Rejected {
            message: "this source cannot be searched".to_owned(),
        })
    }

    /// Reads one object as the back end has it now. Asked after a conflict, and when the back end says that the object has changed.
    ///
    /// # Errors
    /// When the back end refused or could not be asked.
    async fn read(&self, _: &Call<'_>, _: &ObjectId) -> Result<Reading, AdapterError> {
        Ok(Reading::Unsupported)
    }

    /// Looks at a change before it is made, and decides whether it may be: what devices see of it is the error. Asked with
    /// every attempt; [`Call::before`] is what the server has of the object.
    ///
    /// # Errors
    /// [`AdapterError::Rejected`] or [`AdapterError::Conflict`] for a change that is not to be made, and those of a back end
    /// that cannot be asked.
    async fn validate(&self, _: &Call<'_>, _: Change<'_>) -> Result<(), AdapterError> {
        Ok(())
    }

    /// The name of the partition that the call's user belongs to, where the settings leave that to the adapter; none if it
    /// belongs to no partition.
    ///
    /// # Errors
    /// When the back end cannot be asked; what it said before holds then.
    async fn partition(&self, _: &Call<'_>) -> Result<Option<String>, AdapterError> {
        Ok(None)
    }

    /// What applications on devices need to know of the source beside its objects, as a text of any form. Asked with
    /// every query; devices get it when it has changed. An adapter to which the answer to the query says it hands it over
    /// there ([`Stash::describe`]), and answers none here.
    ///
    /// # Errors
    /// When the back end cannot be asked; what it said before stays then.
    async fn metadata(&self, _: &Call<'_>) -> Result<Option<String>, AdapterError> {
        Ok(None)
    }

    /// How devices store the source's objects: a JSON object with at least a `version`. Asked with every query; when
    /// the version has changed, devices throw away what they have and start over.
    ///
    /// # Errors
    /// When the back end cannot be asked; what it said before stays then.
    async fn schema(&self, _: &Call<'_>) -> Result<Option<String>, AdapterError> {
        Ok(None)
    }
}

/// Makes calls between login and logoff. What they answer counts, also where the logoff fails: then its error is beside it.
///
/// # Errors
/// When the back end does not let the user in, and those of the calls.
pub async fn logged_in<T>(
    adapter: &dyn Adapter,
    call: &Call<'_>,
    calls: impl Future<Output = Result<T, AdapterError>>,
) -> Result<(T, Option<AdapterError>), AdapterError> {
    adapter.login(call).await.map_err(|error| match error {
        AdapterError::Unavailable { .. }
        | AdapterError::Throttled { .. }
        | AdapterError::Unauthorized { .. }
        | AdapterError::CircuitOpen { .. }
        | AdapterError::Stash(_) => error,
        other => AdapterError::Login {
            message: other.to_string(),
        },
    })?;
    let answer = calls.await;
    let left = adapter.logoff(call).await.err();
    if let Some(error) = &left {
        tracing::warn!(source.name = %call.source, %error, "the back end could not be left");
    }
    Ok((answer?, left))
}

/// What the back end says of a change that it has made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Of a create: the new object's id, where the back end gives one.
    pub id: Option<ObjectId>,
    /// What the user is to be told of it. Devices get it with the verdict; the protocols of older ones have no place for it.
    pub message: Option<String>,
}

impl Done {
    /// A create, of which the back end says nothing but the new object's id.
    pub fn created(id: ObjectId) -> Self {
        Self {
            id: Some(id),
            message: None,
        }
    }
}

/// A change that a device wants to make.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// A new object.
    Create {
        /// Its attributes.
        attributes: &'a Attributes,
    },
    /// Other values.
    Update {
        /// The object.
        id: &'a ObjectId,
        /// The attributes that change.
        attributes: &'a Attributes,
    },
    /// The end of an object.
    Delete {
        /// The object.
        id: &'a ObjectId,
        /// The attributes that the device sent along.
        attributes: &'a Attributes,
    },
}

/// On whose behalf an adapter is called.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The source.
    pub source: &'a SourceName,
    /// The user. For a source that everybody shares, whoever happened to ask.
    pub user: &'a UserId,
    /// The partition whose objects are meant, where its name is computed.
    pub partition: Option<&'a str>,
    /// The device that made the change; nobody's for a query.
    pub client: Option<&'a ClientId>,
    /// The same for every attempt at the same change, different for every other; empty for a query.
    pub idempotency_key: &'a str,
    /// What the device narrows a query down by, or searches for: names and values, in the order sent.
    pub parameters: &'a [(String, String)],
    /// What the server has of the object that is changed, where it has it.
    pub before: Option<&'a Attributes>,
    /// Opens the files of a change: the attributes whose names end in `-rhoblob` have their addresses.
    pub blobs: &'a dyn BlobOpener,
    /// What the instance may hold in memory, the back end's answer with it.
    pub memory: &'a Memory,
    /// What ties the call to the request that led to it, to be passed on.
    pub trace: Option<&'a TraceContext>,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source,
            user,
            partition,
            client,
            idempotency_key,
            parameters,
            before: _,
            blobs: _,
            memory: _,
            trace,
        } = self;
        f.debug_struct("Call")
            .field("source", source)
            .field("user", user)
            .field("partition", partition)
            .field("client", client)
            .field("idempotency_key", idempotency_key)
            .field("parameters", parameters)
            .field("trace", trace)
            .finish_non_exhaustive()
    }
}

/// Takes the parts of the answer to a query or a search.
#[async_trait(?Send)]
pub trait Stash {
    /// Takes a part. A query's objects are committed part by part; what is missing is deleted after the last one.
    ///
    /// # Errors
    /// When the part could not be taken: the query must end then and pass the error on.
    async fn stash(&mut self, part: Vec<(ObjectId, Attributes)>) -> Result<(), StashError>;

    /// Takes note of an object of the answer that cannot be kept, by its id as the back end wrote it. The others are kept,
    /// and what the server has of this one stays; devices are told.
    fn refuse(&mut self, id: &str, reason: &str);

    /// Takes what applications on devices need to know of the source beside its objects: the answer's metadata, as a text of any
    /// form. Where a whole answer says nothing of it, there is none any more.
    fn describe(&mut self, _metadata: String) {}

    /// Where the last query broke off, as it said by [`Stash::reached`]: what comes before need not be handed over again.
    fn goes_on_at(&self) -> Option<&str> {
        None
    }

    /// Up to where the server has all that the back end has: the mark of the last query. Without one, everything is asked for.
    fn mark(&self) -> Option<&str> {
        None
    }

    /// Takes the ids of objects that the back end has deleted since [`Stash::mark`].
    ///
    /// # Errors
    /// As [`Stash::stash`].
    async fn remove(&mut self, _ids: Vec<ObjectId>) -> Result<(), StashError> {
        Ok(())
    }

    /// Says that everything before a position was handed over, in words of the adapter's own. If the query breaks off, the
    /// next one may go on there. Positions of adapters that have been configured otherwise meanwhile must not be understood.
    ///
    /// # Errors
    /// When the query must end for now, and pass the error on.
    async fn reached(&mut self, _position: &str) -> Result<(), StashError> {
        Ok(())
    }
}

/// A part of an answer could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StashError {
    /// Another refresh has taken over.
    #[error("another refresh of the partition has taken over")]
    Fenced,
    /// Time is up; the query goes on later.
    #[error("the query goes on later")]
    OutOfTime,
    /// The answer is larger than anything that is kept at once.
    #[error("the answer has more than {max_objects} objects or {max_bytes} bytes")]
    TooMuch {
        /// Most objects.
        max_objects: usize,
        /// Most bytes of ids, names and values.
        max_bytes: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of reading one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The adapter reads no single objects.
    Unsupported,
    /// The object is not there, or is deleted.
    Gone,
    /// Its attributes.
    Object(Attributes),
}

/// How a query ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryEnd {
    /// The back end says that nothing has changed since the tag it was shown.
    NotModified,
    /// Everything was handed over.
    Complete {
        /// The tag of this answer, if there is one.
        etag: Option<String>,
    },
    /// Everything was handed over, and from now on the back end can be asked for what has changed since.
    CompleteUpTo {
        /// Where the next query may begin, in words of the adapter's own.
        mark: String,
    },
    /// What has changed since [`Stash::mark`] was handed over, and what was deleted. Everything else stays.
    Changes {
        /// Where the next query may begin.
        mark: String,
    },
}

/// Why an adapter's call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdapterError {
    /// The back end does not let the user in.
    #[error("{message}")]
    Login {
        /// For the device's user.
        message: String,
    },
    /// The back end does not let the server in, whoever asks: its credential in the settings is wrong or has expired.
    #[error("{message}")]
    Unauthorized {
        /// For whoever has to mend it.
        message: String,
    },
    /// The back end refuses the change; trying again will not help.
    #[error("{message}")]
    Rejected {
        /// For the device's user.
        message: String,
    },
    /// The object has changed in the back end in a way that contradicts the change.
    #[error("{message}")]
    Conflict {
        /// For the device's user.
        message: String,
    },
    /// The object is not there.
    #[error("{message}")]
    NotFound {
        /// For the device's user.
        message: String,
    },
    /// The back end did not answer, or says that it cannot now. It may have acted all the same.
    #[error("{message}")]
    Unavailable {
        /// For the device's user.
        message: String,
    },
    /// The back end wants to be left alone for a while.
    #[error("{message}")]
    Throttled {
        /// For the device's user.
        message: String,
        /// How long, in milliseconds.
        retry_after_ms: u64,
    },
    /// The back end did not answer again and again, and is left alone for a while: it was not called.
    #[error("{message}")]
    CircuitOpen {
        /// For the device's user.
        message: String,
        /// For how long yet, in milliseconds.
        wait_ms: u64,
    },
    /// The answer is not what the settings say it should be.
    #[error("{message}")]
    BadAnswer {
        /// For whoever wrote the settings.
        message: String,
    },
    /// The answer contradicts one of the settings.
    #[error("{message}")]
    Misfit {
        /// The setting's key in the adapter's table, `paging.next` for instance.
        setting: &'static str,
        /// For whoever wrote the settings.
        message: String,
    },
    /// What was handed over could not be taken.
    #[error(transparent)]
    Stash(#[from] StashError),
}

impl From<Misfit> for AdapterError {
    fn from(Misfit { setting, reason }: Misfit) -> Self {
        Self::Misfit {
            setting,
            message: reason,
        }
    }
}

impl AdapterError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::Throttled { .. }
            | Self::CircuitOpen { .. }
            | Self::Stash(StashError::Fenced | StashError::OutOfTime | StashError::Store(_)) => {
                true
            }
            Self::Stash(StashError::TooMuch { .. })
            | Self::Login { .. }
            | Self::Unauthorized { .. }
            | Self::Rejected { .. }
            | Self::Conflict { .. }
            | Self::NotFound { .. }
            | Self::BadAnswer { .. }
            | Self::Misfit { .. } => false,
        }
    }
}
