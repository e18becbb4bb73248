//! What the calls of the plugin protocol mean.

use std::collections::BTreeMap;

use serde::Deserialize;
use subtle::ConstantTimeEq as _;

/// How many characters of an idempotency key make an id: enough that no two keys share them.
const ID_CHARACTERS: usize = 20;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say which tasks there are.
    Query,
    /// Set attributes of a new task.
    Create {
        /// Its id.
        id: String,
        /// Its attributes.
        attributes: BTreeMap<String, String>,
    },
    /// Set attributes of a task.
    Update {
        /// Its id.
        id: String,
        /// Those that change.
        attributes: BTreeMap<String, String>,
    },
    /// Remove a task.
    Delete {
        /// Its id.
        id: String,
    },
    /// Nothing: the change that was asked about may be made.
    Allow,
}

/// Why a call is not done: a status, and a message for the device's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// What the device's user is told.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    operation: Option<String>,
}

/// Whether a request proves that the server sends it. Without a secret nobody is let in.
pub fn is_let_in(authorization: Option<&str>, secret: &str) -> bool {
    let sent = authorization.and_then(|sent| sent.strip_prefix("Bearer "));
    sent.is_some_and(|sent| !secret.is_empty() && sent.as_bytes().ct_eq(secret.as_bytes()).into())
}

/// Reads a call: its path, `…/rhoconnect/create` for instance, the key that tells it from others, and its body.
///
/// # Errors
/// A call that there is not, one that is not to be done, and a body that is none.
pub fn command(path: &str, key: Option<&str>, body: &[u8]) -> Result<Command, Refusal> {
    let unknown = || Refusal::new(404, "there is no such call");
    let (_, call) = path.rsplit_once("/rhoconnect/").ok_or_else(unknown)?;
    let Body {
        mut attributes,
        operation,
    } = serde_json::from_slice(body)
        .map_err(|error| Refusal::new(400, format!("the body is no call: {error}")))?;
    let id = attributes.remove("id");
    let with_id = || {
        id.clone()
            .ok_or_else(|| Refusal::new(400, "there is no id"))
    };
    match call {
        "query" => Ok(Command::Query),
        "create" => {
            let key = key.filter(|key| key.len() >= ID_CHARACTERS);
            let key = key.ok_or_else(|| Refusal::new(400, "there is no idempotency key"))?;
            Ok(Command::Create {
                id: key.chars().take(ID_CHARACTERS).collect(),
                attributes,
            })
        }
        "update" => Ok(Command::Update {
            id: with_id()?,
            attributes,
        }),
        "delete" => Ok(Command::Delete { id: with_id()? }),
        "validate" => {
            let title = attributes.get("title").map(|title| title.trim());
            match (operation.as_deref(), title) {
                (Some("create"), None | Some("")) | (Some("update"), Some("")) => {
                    Err(Refusal::new(422, "a task needs a title"))
                }
                _ => Ok(Command::Allow),
            }
        }
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn refused(path: &str, key: Option<&str>, body: &str) -> u16 {
        command(path, key, body.as_bytes()).unwrap_err().status
    }

    #[test]
    fn a_create_that_is_repeated_is_the_same_task() {
        let body = br#"{"resource":"Task","attributes":{"title":"a"}}"#;
        let made = command("/rhoconnect/create", Some(KEY), body).unwrap();
        assert_eq!(
            made,
            Command::Create {
                id: KEY[..ID_CHARACTERS].to_owned(),
                attributes: [("title".to_owned(), "a".to_owned())].into(),
            }
        );
        assert_eq!(
            command("/tasks/rhoconnect/create", Some(KEY), body),
            Ok(made)
        );
        let body = r#"{"attributes":{}}"#;
        assert_eq!(refused("/rhoconnect/create", None, body), 400);
        assert_eq!(refused("/rhoconnect/create", Some("short"), body), 400);
    }

    #[test]
    fn a_task_without_a_title_is_refused_before_it_is_written() {
        let ask = |operation: &str, attributes: &str| {
            let body = format!(r#"{{"operation":"{operation}","attributes":{attributes}}}"#);
            command("/rhoconnect/validate", None, body.as_bytes())
        };
        assert_eq!(ask("create", r#"{"title":"a"}"#), Ok(Command::Allow));
        assert_eq!(
            ask("update", r#"{"id":"1","done":"1"}"#),
            Ok(Command::Allow)
        );
        assert_eq!(ask("delete", r#"{"id":"1"}"#), Ok(Command::Allow));
        assert_eq!(ask("create", "{}").unwrap_err().status, 422);
        assert_eq!(ask("update", r#"{"title":" "}"#).unwrap_err().status, 422);
    }

    #[test]
    fn what_is_no_call_is_refused() {
        assert_eq!(refused("/rhoconnect/authenticate", None, "{}"), 404);
        assert_eq!(refused("/", None, "{}"), 404);
        assert_eq!(refused("/rhoconnect/query", None, "x"), 400);
        assert_eq!(refused("/rhoconnect/update", None, "{}"), 400);
        assert_eq!(refused("/rhoconnect/delete", None, "{}"), 400);
    }

    #[test]
    fn only_who_knows_the_secret_is_let_in() {
        assert!(is_let_in(Some("Bearer s3cret"), "s3cret"));
        for sent in [
            None,
            Some(""),
            Some("Bearer "),
            Some("Bearer s3cre"),
            Some("s3cret"),
        ] {
            assert!(!is_let_in(sent, "s3cret"), "{sent:?}");
        }
        assert!(!is_let_in(Some("Bearer "), ""));
    }
}
