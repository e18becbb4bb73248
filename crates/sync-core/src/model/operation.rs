//! What devices do to objects.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::{Attributes, BLOB_SUFFIX, Millis, ObjectId, UserId, Version, readdressed};
use crate::ports::hex;

/// What a device did to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OperationKind {
    Create,
    Update,
    Delete,
}

impl OperationKind {
    /// What it is called where it is counted.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What a device calls a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ChangeName(String);

impl ChangeName {
    /// Longest name, in bytes. Devices of ours send UUIDs.
    const MAX_BYTES: usize = 64;

    /// Reads a name: letters, digits and hyphens.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_name = (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(is_good);
        is_name.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What became of a change that has a name, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "kebab-case")]
pub(crate) enum KeptVerdict {
    /// The back end has it; the object has this id, unless a create got none. The message is the back end's.
    Applied {
        object: Option<ObjectId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// It was refused.
    Refused { object: ObjectId, message: String },
    /// Others had changed the object: all was applied but what is kept as they have set it, or none of it where nothing is. The
    /// message says why none was, or is the back end's about what was.
    Conflict {
        object: ObjectId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        #[serde(default)]
        kept: Vec<String>,
    },
}

impl Operation {
    /// A digest of all that the device sent: the same name with another is another change. By which name of the server it refers to
    /// blobs is none of that.
    pub(crate) fn digest(&self) -> String {
        let mut attributes = Cow::Borrowed(&self.attributes);
        for (name, value) in &self.attributes {
            if name.ends_with(BLOB_SUFFIX)
                && let Some(address) = readdressed("", value)
            {
                attributes.to_mut().insert(name.clone(), address);
            }
        }
        let texts = [self.kind.as_str(), self.id.as_str()];
        digest_of(texts.into_iter().chain(texts_of(&attributes)))
    }

    /// A digest of what it brings, short since it is remembered of every create.
    pub(crate) fn content(&self) -> String {
        let mut digest = digest_of(texts_of(&self.attributes));
        digest.truncate(16);
        digest
    }
}

/// The names and values of attributes.
pub(crate) fn texts_of(attributes: &Attributes) -> impl Iterator<Item = &str> {
    let pairs = attributes.iter();
    pairs.flat_map(|(name, value)| [name.as_str(), value.as_str()])
}

/// A digest of texts, of 32 digits: no two lists of texts have the same.
pub(crate) fn digest_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    let mut digest = hex(&digest.finalize());
    digest.truncate(32);
    digest
}

/// One change of a device, kept until it has its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) kind: OperationKind,
    pub(crate) id: ObjectId,
    pub(crate) attributes: Attributes,
    /// Random: tells it from every other one to the back end. A create has its temporary id for that.
    #[serde(default)]
    pub(crate) nonce: String,
    /// What the device calls the change, where it does: its verdict is kept by that name, and the back end knows it by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent_as: Option<ChangeName>,
    /// Whose change it is, also after the device has gone over to somebody else.
    pub(crate) user: UserId,
    /// The client's offset when it was taken in. Stands before the rest in the store, since only the script knows it.
    #[serde(skip)]
    pub(crate) offset: u64,
    /// What the client had acknowledged then. Stands there too.
    #[serde(skip)]
    pub(crate) cursor: Version,
    /// Whether creates of the device waited for their links then. Stands there too.
    #[serde(skip)]
    pub(crate) lacks_link: bool,
    /// Whether the device had yet to be told of a refusal then, or may have to be of one of a change that waited: that sets the object
    /// back to what the server has. Stands there too.
    #[serde(skip)]
    pub(crate) may_be_set_back: bool,
    /// The version up to which the client had every attribute then, and where it had started: see [`Reader`](crate::model::Reader). Both
    /// stand there too.
    #[serde(skip)]
    pub(crate) base: Version,
    #[serde(skip)]
    pub(crate) since: Version,
    /// When it was taken in.
    #[serde(default)]
    pub(crate) sent_at: Millis,
    /// What the back end said to the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Attempts that failed for reasons that may pass.
    #[serde(default)]
    pub(crate) attempts: u32,
    /// Not to be tried again before, by the store's clock.
    #[serde(default)]
    pub(crate) not_before: Millis,
}
