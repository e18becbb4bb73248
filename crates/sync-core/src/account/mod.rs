//! Who may do what: users, passwords, sessions, the administrator.

mod api_token;
mod back_end;
mod bearer;
mod login;
mod password;
mod server_token;
mod session;

pub use api_token::{ApiToken, Scope};
pub use login::Origin;
pub use session::{Session, SessionKey};

pub(crate) use bearer::BearerTokens;
pub(crate) use password::{hash_password, verify_password};
pub(crate) use server_token::ServerToken;
