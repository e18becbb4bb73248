//! What may be done through the API.

use std::fmt;
use std::str::FromStr;

use crate::account::InvalidTokenRequest;

/// Something that may be done through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything.
    Admin,
    /// See users.
    UsersRead,
    /// Create, change and delete users.
    UsersWrite,
    /// See clients.
    ClientsRead,
    /// Reset and delete clients.
    ClientsWrite,
    /// See sources.
    SourcesRead,
    /// Change sources, let them be refreshed.
    SourcesWrite,
    /// See objects.
    DataRead,
    /// Change objects.
    DataWrite,
    /// See jobs.
    JobsRead,
    /// Have jobs tried again, cancel and discard them, pause queues, let components work.
    JobsWrite,
    /// See metrics and the state of the server.
    SystemRead,
    /// Change the server, reset it.
    SystemWrite,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 13] = [
        Self::Admin,
        Self::UsersRead,
        Self::UsersWrite,
        Self::ClientsRead,
        Self::ClientsWrite,
        Self::SourcesRead,
        Self::SourcesWrite,
        Self::DataRead,
        Self::DataWrite,
        Self::JobsRead,
        Self::JobsWrite,
        Self::SystemRead,
        Self::SystemWrite,
    ];

    /// The scope as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::ClientsRead => "clients:read",
            Self::ClientsWrite => "clients:write",
            Self::SourcesRead => "sources:read",
            Self::SourcesWrite => "sources:write",
            Self::DataRead => "data:read",
            Self::DataWrite => "data:write",
            Self::JobsRead => "jobs:read",
            Self::JobsWrite => "jobs:write",
            Self::SystemRead => "system:read",
            Self::SystemWrite => "system:write",
        }
    }

    /// Whether it lets nothing be changed.
    pub(super) const fn is_to_read(self) -> bool {
        match self {
            Self::UsersRead
            | Self::ClientsRead
            | Self::SourcesRead
            | Self::DataRead
            | Self::JobsRead
            | Self::SystemRead => true,
            Self::Admin
            | Self::UsersWrite
            | Self::ClientsWrite
            | Self::SourcesWrite
            | Self::DataWrite
            | Self::JobsWrite
            | Self::SystemWrite => false,
        }
    }

    /// Whether whoever has this scope may do what `wanted` stands for. Who may write may read.
    pub(super) fn covers(self, wanted: Self) -> bool {
        let reads = match self {
            Self::UsersWrite => Some(Self::UsersRead),
            Self::ClientsWrite => Some(Self::ClientsRead),
            Self::SourcesWrite => Some(Self::SourcesRead),
            Self::DataWrite => Some(Self::DataRead),
            Self::JobsWrite => Some(Self::JobsRead),
            Self::SystemWrite => Some(Self::SystemRead),
            _ => None,
        };
        self == Self::Admin || self == wanted || reads == Some(wanted)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidTokenRequest;

    fn from_str(text: &str) -> Result<Self, InvalidTokenRequest> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| InvalidTokenRequest::UnknownScope {
                scope: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_write_may_read_and_nothing_else() {
        assert!(Scope::Admin.covers(Scope::SystemWrite));
        assert!(Scope::UsersWrite.covers(Scope::UsersRead));
        assert!(!Scope::UsersRead.covers(Scope::UsersWrite));
        assert!(!Scope::UsersWrite.covers(Scope::DataRead));
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("users".parse::<Scope>().is_err());
    }
}
