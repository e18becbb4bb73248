//! What else is known of users: attributes by which sources tell whose objects are whose.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use crate::account::{AccountError, Accounts};
use crate::model::UserId;
use crate::ports::{Clock as _, Ports};
use crate::store::AccountStore;

/// Most attributes of a user.
const MAX_ATTRIBUTES: usize = 32;

/// Longest name and longest value, in bytes: what a partition's name may have.
const MAX_BYTES: usize = 255;

/// How long an instance relies on what it has read of a user: a request for several sources reads it once.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Most users whose attributes an instance keeps.
const MAX_KNOWN: usize = 1_000;

/// A user's attributes by name.
pub(crate) type UserAttributes = BTreeMap<String, String>;

/// What an instance has read lately, and when.
#[derive(Default)]
pub(super) struct KnownAttributes(RefCell<HashMap<UserId, (Duration, Rc<UserAttributes>)>>);

impl KnownAttributes {
    fn get(&self, user: &UserId, now: Duration) -> Option<Rc<UserAttributes>> {
        let known = self.0.borrow();
        let (read_at, attributes) = known.get(user)?;
        (now.saturating_sub(*read_at) < MAX_AGE).then(|| Rc::clone(attributes))
    }

    fn keep(&self, user: &UserId, now: Duration, attributes: &Rc<UserAttributes>) {
        let mut known = self.0.borrow_mut();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(user.clone(), (now, Rc::clone(attributes)));
    }

    pub(super) fn forget(&self, user: &UserId) {
        self.0.borrow_mut().remove(user);
    }
}

impl<P: Ports> Accounts<P> {
    /// A user's attributes: those that administrators have set, and above them those that the identity provider says. None of
    /// a user that does not exist.
    pub(crate) async fn attributes(
        &self,
        user: &UserId,
    ) -> Result<Rc<UserAttributes>, AccountError> {
        let now = self.ports.clock().monotonic();
        if let Some(known) = self.known_attributes.get(user, now) {
            return Ok(known);
        }
        let accounts = AccountStore::new(self.ports.redis());
        let (mut attributes, claims) = accounts.attributes(user).await?;
        attributes.extend(claims);
        let attributes = Rc::new(attributes);
        self.known_attributes.keep(user, now, &attributes);
        Ok(attributes)
    }
}

/// Checks attributes: templates name them, and their values become names of partitions.
pub(super) fn check_attributes(attributes: &UserAttributes) -> Result<(), AccountError> {
    let is_name = |name: &str| {
        let mut characters = name.chars();
        characters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name != "name"
    };
    let is_good = |(name, value): (&String, &String)| {
        let fits = name.len() <= MAX_BYTES && value.len() <= MAX_BYTES;
        fits && is_name(name) && !value.chars().any(char::is_control)
    };
    if attributes.len() > MAX_ATTRIBUTES || !attributes.iter().all(is_good) {
        return Err(AccountError::InvalidUserAttributes {
            max_attributes: MAX_ATTRIBUTES,
            max_bytes: MAX_BYTES,
        });
    }
    Ok(())
}
