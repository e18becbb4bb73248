//! Which field of a form a refusal is about.

/// The field that the server's message names: it has no other way to say so. What names none is about the name.
pub(crate) fn field_of(message: &str) -> &'static str {
    let message = message.to_ascii_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if names(&["current password"]) {
        "current"
    } else if names(&["password"]) {
        "password"
    } else if names(&["an address"]) {
        "email"
    } else {
        "login"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_leads_to_its_field() {
        for (message, field) in [
            ("The current password is wrong.", "current"),
            ("A password has between 1 and 1024 bytes.", "password"),
            (
                "An address has at most 254 bytes and no control characters.",
                "email",
            ),
            ("Record already exists for 'ann'.", "login"),
        ] {
            assert_eq!(field_of(message), field);
        }
    }
}
