//! The example shop: what it has, what it was asked, and what it shall do wrong.

use http::Method;
use serde_json::{Value, json};
use sync_client::rhoconnect::{Attributes, Objects};

use crate::rest::Rest;

/// The example shop of a deployment, from the outside.
#[derive(Clone, Debug)]
pub struct ShopBackEnd {
    rest: Rest,
}

impl ShopBackEnd {
    pub(crate) fn new(url: String) -> Self {
        Self {
            rest: Rest::new(url),
        }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        self.rest.server()
    }

    /// All it has under a path (`products`), in the words of devices: every value a text.
    pub fn objects(&self, path: &str) -> Objects {
        let Value::Array(records) = self.rest.get(&format!("/{path}")) else {
            panic!("the back end answers with a list");
        };
        records.into_iter().map(to_object).collect()
    }

    /// Makes a record, past RhoSync. Returns its id.
    pub fn create(&self, path: &str, record: &Value) -> String {
        let body = self
            .rest
            .call(Method::POST, &format!("/{path}"), Some(record));
        to_object(serde_json::from_slice(&body).expect("a record")).0
    }

    /// Changes a record, past RhoSync.
    pub fn update(&self, path: &str, id: &str, values: &Value) {
        let path = format!("/{path}/{id}");
        self.rest.call(Method::PATCH, &path, Some(values));
    }

    /// Removes a record, past RhoSync.
    pub fn delete(&self, path: &str, id: &str) {
        self.rest
            .call(Method::DELETE, &format!("/{path}/{id}"), None);
    }

    /// Makes it do something wrong; see the shop's README for what it can.
    pub fn fault(&self, fault: &Value) {
        self.rest
            .call(Method::POST, "/_control/faults", Some(fault));
    }

    /// Every write takes this long before it is done, and again before it is answered.
    pub fn slow_down_writes(&self, milliseconds: u64) {
        for method in ["POST", "PATCH", "DELETE"] {
            for stage in ["before", "after"] {
                let effect = json!({"delay": {"ms": milliseconds}});
                self.fault(&json!({"effect": effect, "method": method, "stage": stage}));
            }
        }
    }

    /// No token that it has given is good any more.
    pub fn revoke_tokens(&self) {
        self.rest.call(Method::DELETE, "/_control/tokens", None);
    }

    /// How many tokens it has given.
    pub fn tokens_given(&self) -> u64 {
        let given = &self.rest.get("/_control")["tokens_given"];
        given.as_u64().expect("a number of tokens")
    }

    /// How often it has given a refresh token in place of another.
    pub fn rotations(&self) -> u64 {
        let rotations = &self.rest.get("/_control")["rotations"];
        rotations.as_u64().expect("a number of rotations")
    }

    /// Whom it would tell of changes, by number.
    pub fn webhooks(&self) -> Value {
        self.rest.get("/_control")["webhooks"].take()
    }

    /// It does nothing wrong from now on.
    pub fn heal(&self) {
        self.rest.call(Method::DELETE, "/_control/faults", None);
    }

    /// Says whether it recognises requests it has seen before, as not every back end does.
    pub fn recognise_repetitions(&self, enabled: bool) {
        let body = json!({"enabled": enabled});
        self.rest
            .call(Method::POST, "/_control/idempotency", Some(&body));
    }

    /// Calls that would change something, however they ended.
    pub fn write_calls(&self) -> u64 {
        let counters = self.counters();
        let calls = counters["calls"].as_object().expect("counted calls");
        calls
            .iter()
            .filter(|(call, _)| !call.starts_with("GET "))
            .filter_map(|(_, count)| count.as_u64())
            .sum()
    }

    /// Writes that were done.
    pub fn writes_done(&self) -> u64 {
        self.count("/writes/applied")
    }

    /// Writes that were answered from memory, because they had been done before.
    pub fn writes_repeated(&self) -> u64 {
        self.count("/writes/replayed")
    }

    /// Checks that nothing was done twice.
    ///
    /// # Panics
    ///
    /// When something was.
    pub fn assert_no_duplicates(&self) {
        for kind in ["by_key", "creates_by_body"] {
            let twice = self.count(&format!("/writes/{kind}/duplicate"));
            assert_eq!(twice, 0, "writes were done twice ({kind})");
        }
    }

    fn count(&self, pointer: &str) -> u64 {
        let counters = self.counters();
        counters
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("the shop counts no {pointer}"))
    }

    fn counters(&self) -> Value {
        self.rest.get("/_control")["counters"].take()
    }
}

fn to_object(record: Value) -> (String, Attributes) {
    let Value::Object(record) = record else {
        panic!("a record is an object");
    };
    let mut attributes: Attributes = record
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name, text),
            other => (name, other.to_string()),
        })
        .collect();
    let id = attributes.remove("id").expect("a record's id");
    (id, attributes)
}
