//! What can go wrong between a device and its server.

use std::io;

use http::StatusCode;

use crate::rhoconnect::page::PageError;
use crate::rhoconnect::transport::TransportError;

/// Why a request or a sync came to nothing. Queued changes are never lost by one.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer came: the device is offline, or the server is.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The session is missing, over or forged, or the login was refused. Log in (again).
    #[error("not logged in: {message}")]
    Unauthorized {
        /// The server's words.
        message: String,
    },
    /// The server does not know this client (any more). Create one and start over.
    #[error("the server does not know this client")]
    UnknownClient,
    /// Any other refusal.
    #[error("the server answered {status}: {message}")]
    Refused {
        /// The answer's status.
        status: StatusCode,
        /// The server's words.
        message: String,
    },
    /// The answer cannot be understood.
    #[error(transparent)]
    Page(#[from] PageError),
    /// An answer lacks what the protocol promises.
    #[error("the server's answer to {request} has no {missing}")]
    Incomplete {
        /// Which request it was.
        request: &'static str,
        /// What is missing.
        missing: &'static str,
    },
    /// Acknowledging a page brings the same page again.
    #[error("the server does not take the acknowledgement of page {0}")]
    Stuck(crate::rhoconnect::Token),
    /// The schema changed, and changed again before the source could be read once.
    #[error("the schema of the source keeps changing")]
    SchemaKeepsChanging,
    /// The request could not be built: an address or a name that HTTP cannot carry.
    #[error("cannot make a request of this")]
    Request(#[from] http::Error),
    /// The replica could not be saved, so nothing may be acknowledged.
    #[error("cannot save the replica")]
    Save(#[source] io::Error),
}

impl ClientError {
    /// Whether it was only a question of the network: trying again later is enough.
    pub fn is_offline(&self) -> bool {
        matches!(self, Self::Transport(_))
    }
}
