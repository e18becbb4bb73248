//! The administrator's end of the REST API.

use http::Method;
use serde_json::{Value, json};
use sync_proto::API_TOKEN_HEADER;

use crate::rest::{Rest, json_of};

/// An administrator, logged in.
pub struct Admin {
    rest: Rest,
}

impl Admin {
    /// A new token of `/api/v1` that is good for everything.
    ///
    /// # Panics
    ///
    /// When the administrator cannot log in.
    pub fn new_token(server: &str, password: &str) -> String {
        let login = json!({"login": sync_core::ADMINISTRATOR, "password": password});
        let made = Rest::json(server).expect(201, Method::POST, "/api/v1/login", &login);
        let made = json_of(&made);
        made["token"].as_str().expect("a token").to_owned()
    }

    /// Logs in.
    ///
    /// # Panics
    ///
    /// When the administrator cannot.
    pub fn log_in(server: &str, password: &str) -> Self {
        let rest = Rest::json(server);
        let login = json!({"login": sync_core::ADMINISTRATOR, "password": password});
        let token = rest.call(Method::POST, "/rc/v1/system/login", Some(&login));
        let token = str::from_utf8(&token).expect("a token");
        Self {
            rest: rest.with_header(API_TOKEN_HEADER, token),
        }
    }

    /// The API with the administrator's token.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Creates a user.
    pub fn create_user(&self, login: &str, password: &str) {
        let user = json!({"attributes": {"login": login, "password": password}});
        self.rest.call(Method::POST, "/rc/v1/users", Some(&user));
    }

    /// Puts objects into a user's partition of a source, as a back end does.
    pub fn push_objects(&self, source: &str, user: &str, objects: &Value) {
        let body = json!({"user_id": user, "objects": objects});
        let path = format!("/app/v1/{source}/push_objects");
        self.rest.call(Method::POST, &path, Some(&body));
    }

    /// Takes objects out of a user's partition of a source.
    pub fn push_deletes(&self, source: &str, user: &str, ids: &[&str]) {
        let body = json!({"user_id": user, "objects": ids});
        let path = format!("/app/v1/{source}/push_deletes");
        self.rest.call(Method::POST, &path, Some(&body));
    }
}
