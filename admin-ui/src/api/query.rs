//! Addresses: parts of paths, and what follows the question mark.

/// A part of a path or a query, so that nothing in it separates parts.
pub(crate) fn encode(part: &str) -> String {
    String::from(js_sys::encode_uri_component(part))
}

/// A text in which such parts are, as people read it.
pub(crate) fn decode(text: &str) -> String {
    js_sys::decode_uri_component(text).map_or_else(|_| text.to_owned(), String::from)
}

/// An address with parameters; empty ones are left away.
pub(crate) struct Query(String);

impl Query {
    pub(crate) fn of(path: &str) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0.push_str(name);
            self.0.push('=');
            self.0.push_str(&encode(value));
        }
        self
    }
}

impl std::ops::Deref for Query {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
