//! Every identifier of the system, each with its own rules of what it may look like.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
pub use sync_redis::Millis;

use crate::ports::hex;

/// Longest user name, object id or temporary id, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// The administrator's user name.
pub const ADMINISTRATOR: &str = "rhoadmin";

/// Stands for everybody in the place of a user's name, where all share a copy. It is no user's name.
pub const EVERYBODY: &str = "__shared__";

/// Why a text is not an identifier of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// It is empty.
    #[error("{kind} is empty")]
    Empty {
        /// Which identifier.
        kind: &'static str,
    },
    /// It has more bytes than any identifier may have.
    #[error("{kind} is longer than {MAX_NAME_BYTES} bytes")]
    TooLong {
        /// Which identifier.
        kind: &'static str,
    },
    /// It begins or ends with a blank.
    #[error("{kind} begins or ends with a blank")]
    Blank {
        /// Which identifier.
        kind: &'static str,
    },
    /// It has a character that identifiers of its kind do not have.
    #[error("{kind} contains {character:?}, which is not allowed there")]
    Character {
        /// Which identifier.
        kind: &'static str,
        /// The first character that is not allowed.
        character: char,
    },
}

/// Checks length and characters, so that an identifier can be printed in one line and kept in a key.
fn check(kind: &'static str, text: &str, allowed: impl Fn(char) -> bool) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { kind });
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(InvalidId::TooLong { kind });
    }
    match text.chars().find(|character| !allowed(*character)) {
        Some(character) => Err(InvalidId::Character { kind, character }),
        None => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses the identifier.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check($kind, &text, $allowed)?;
                Ok(Self(text))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The identifier as owned text.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// A user's login name.
    UserId, "the user name", |c: char| !c.is_control()
);
text_id!(
    /// A source's name: letters, digits, `_`, `-` and `.`, since it stands in paths and becomes a table name on devices.
    SourceName, "the source name", |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
);
text_id!(
    /// A registered device. Ours are 32 hexadecimal digits; devices may register with an id of their own.
    ClientId, "the client id", |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
);
text_id!(
    /// An object's id within its source: the back end's, or a device's temporary one.
    ///
    /// Back ends use all sorts of ids, URNs among them, so only control characters are refused.
    ObjectId, "the object id", |c: char| !c.is_control()
);
text_id!(
    /// The name of a partition that is computed for a user: `north`.
    PartitionName, "the partition's name", |c: char| !c.is_control()
);
text_id!(
    /// An attribute's name.
    AttributeName, "the attribute name", |c: char| !c.is_control()
);

impl UserId {
    /// Parses the name of somebody new. Nobody gets one that is blank, or that looks like another; who has such a name still signs in
    /// by it.
    ///
    /// # Errors
    /// As [`UserId::parse`], for blanks around the name, and for characters that nobody sees.
    pub fn parse_new(text: &str) -> Result<Self, InvalidId> {
        let kind = "the user name";
        let user = Self::parse(text)?;
        if text.trim().is_empty() {
            return Err(InvalidId::Empty { kind });
        }
        if text.trim() != text {
            return Err(InvalidId::Blank { kind });
        }
        match text.chars().find(|character| is_unseen(*character)) {
            Some(character) => Err(InvalidId::Character { kind, character }),
            None => Ok(user),
        }
    }

    /// Whether a name is kept from whoever registers or logs in: the administrator's, and the one that stands for
    /// everybody.
    pub fn is_reserved(&self) -> bool {
        [ADMINISTRATOR, EVERYBODY].contains(&self.as_str())
    }
}

/// Characters that take no room, or turn the direction of what follows. Scripts and emoji need joiners, so these are none of them.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// A blob: the SHA-256 of its content, as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobId(String);

impl BlobId {
    /// The blob of a content with this digest.
    pub fn of(digest: &[u8; 32]) -> Self {
        Self(hex(digest))
    }

    /// Reads an id.
    ///
    /// # Errors
    /// Anything but 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidBlobId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidBlobId)
        }
    }

    /// The id as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BlobId {
    type Error = InvalidBlobId;

    fn try_from(text: String) -> Result<Self, InvalidBlobId> {
        Self::parse(&text)
    }
}

impl From<BlobId> for String {
    fn from(id: BlobId) -> Self {
        id.0
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no blob's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a blob's id has 64 hexadecimal digits")]
pub struct InvalidBlobId;

/// The place of a change in a partition's change log. Grows by one with every change; the first is 2.
///
/// Versions go to devices as tokens. They read 0 and 1 as "nothing to acknowledge", and some keep numbers in 64-bit
/// floats: a version is at least [`Version::FIRST`] and below 2^53.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// Before every change.
    pub const ZERO: Self = Self(0);
    /// The first change of a partition.
    pub const FIRST: Self = Self(2);
    /// Above every version a token can carry.
    pub const LIMIT: Self = Self(1 << 53);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many tokens an epoch has. The offset of a client's versions tells in its upper bits of which document's life its tokens
/// are: the scripts bind and pull know how.
pub(crate) const EPOCH: u64 = 1 << 41;

/// What a device sends back to acknowledge a page.
///
/// It is the version at the page's end, plus an offset that grows each time the device starts over (a reset, another
/// partition, another user), so that a token from before can never acknowledge anything that came after. It grows by more numbers
/// than a store that is put back into an earlier state can have lost, of which nobody can foresee how many. The offset has in its
/// upper bits which document's life it belongs to, so that no other number passes for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(u64);

impl Token {
    /// Reads the token of a request. Nothing, `0` and `1` mean that there is nothing to acknowledge.
    ///
    /// # Errors
    /// Anything but a decimal number below 2^53.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidToken> {
        if text.is_empty() {
            return Ok(None);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidToken);
        }
        match text.parse() {
            Ok(0 | 1) => Ok(None),
            Ok(number) if number < Version::LIMIT.0 => Ok(Some(Self(number))),
            _ => Err(InvalidToken),
        }
    }

    /// The token of a page that ends at `number`, counted with the client's offset.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number as it goes to the device.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The token of a request is not a decimal number below 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not a decimal number below 2^53")]
pub struct InvalidToken;

/// The audience that shares one copy of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    /// Everybody.
    App,
    /// One user.
    User(UserId),
    /// All users for whom this name is computed.
    Named(PartitionName),
    /// A user's devices that narrow the source down by the same parameters.
    Narrowed(UserId, Narrowing),
    /// All users who are in the same partitions of a source that has several.
    Combined(Members),
}

impl Partition {
    /// The partition as it is kept in a client's record.
    pub fn to_stored(&self) -> String {
        match self {
            Self::App => "app".to_owned(),
            Self::User(user) => format!("user:{user}"),
            Self::Named(name) => format!("named:{name}"),
            Self::Narrowed(user, narrowing) => format!("narrowed:{narrowing}:{user}"),
            Self::Combined(Members(members)) => {
                let members = members.iter().map(Self::to_stored);
                format!("combined:{}", members.collect::<serde_json::Value>())
            }
        }
    }

    /// Reads what [`Partition::to_stored`] wrote.
    pub fn from_stored(text: &str) -> Option<Self> {
        if text == "app" {
            return Some(Self::App);
        }
        match text.split_once(':')? {
            ("user", user) => UserId::parse(user).ok().map(Self::User),
            ("named", name) => PartitionName::parse(name).ok().map(Self::Named),
            ("narrowed", rest) => {
                let (narrowing, user) = rest.split_once(':')?;
                let narrowing = Narrowing::parse(narrowing)?;
                Some(Self::Narrowed(UserId::parse(user).ok()?, narrowing))
            }
            ("combined", members) => {
                let members: Vec<String> = serde_json::from_str(members).ok()?;
                let members = members.iter().map(|member| Self::from_stored(member));
                let members = Members::new(members.collect::<Option<_>>()?)?;
                Some(Self::Combined(members))
            }
            _ => None,
        }
    }

    /// Whether it is the part of a source that some devices have asked for.
    pub fn is_narrowed(&self) -> bool {
        matches!(self, Self::Narrowed(..))
    }

    /// Whether its copy is only there for devices that follow it, and ends with the last of them.
    pub fn ends_with_its_clients(&self) -> bool {
        matches!(self, Self::Narrowed(..) | Self::Combined(_))
    }

    /// Whose it is, if it is one user's alone.
    pub fn owner(&self) -> Option<&UserId> {
        match self {
            Self::App | Self::Named(_) => None,
            Self::User(user) | Self::Narrowed(user, _) => Some(user),
            Self::Combined(members) => members.iter().find_map(Self::owner),
        }
    }
}

/// The partitions that a combined copy is made of, each of which has a copy of its own: at least two, the one that counts most first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Members(Vec<Partition>);

impl Members {
    /// Nothing where there are fewer than two, or where one of them is there only for its devices.
    pub fn new(members: Vec<Partition>) -> Option<Self> {
        let are_kept = !members.iter().any(Partition::ends_with_its_clients);
        (members.len() > 1 && are_kept).then_some(Self(members))
    }

    /// The partitions.
    pub fn iter(&self) -> std::slice::Iter<'_, Partition> {
        self.0.iter()
    }
}

/// What devices narrow a source down to: a digest of the parameters, 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Narrowing(String);

impl Narrowing {
    const DIGITS: usize = 32;

    /// The narrowing of a partition, where it has a name, by these parameters; nothing where there are none. The order of
    /// different names does not matter.
    pub fn by(partition: Option<&PartitionName>, parameters: &[(String, String)]) -> Option<Self> {
        if parameters.is_empty() {
            return None;
        }
        let mut sorted: Vec<_> = parameters.iter().collect();
        sorted.sort_by_key(|(name, _)| name);
        let mut digest = Sha256::new();
        if let Some(partition) = partition {
            // No length of a name is that: what parameters say is never taken for it.
            digest.update(u64::MAX.to_le_bytes());
            digest.update((partition.as_str().len() as u64).to_le_bytes());
            digest.update(partition.as_str());
        }
        for text in sorted.into_iter().flat_map(|(name, value)| [name, value]) {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        let mut digits = hex(&digest.finalize());
        digits.truncate(Self::DIGITS);
        Some(Self(digits))
    }

    fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == Self::DIGITS && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Narrowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One copy of one source's data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId {
    /// The source.
    pub source: SourceName,
    /// Who shares the copy.
    pub partition: Partition,
}

impl DocumentId {
    /// The copies that this one is made of; none of one that is the back end's own.
    pub fn members(&self) -> Vec<Self> {
        let Partition::Combined(members) = &self.partition else {
            return Vec::new();
        };
        let of_source = |partition: &Partition| Self {
            source: self.source.clone(),
            partition: partition.clone(),
        };
        members.iter().map(of_source).collect()
    }

    /// The copies that the back end is asked for: its members, or itself.
    pub fn of_back_end(&self) -> Vec<Self> {
        match self.members() {
            members if members.is_empty() => vec![self.clone()],
            members => members,
        }
    }
}

#[cfg(test)]
mod tests;
