//! Who may do what: users, passwords, sessions, the administrator.

mod api_token;
mod login;
mod password;
mod session;

pub use api_token::{ApiToken, Scope};
pub use login::{ADMINISTRATOR, Origin};
pub use session::{Session, SessionKey};

pub(crate) use password::{hash_password, verify_password};
