//! What is wrong with a field of a form.

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
    } else if names(&["message:"]) {
        "message"
    } else {
        "login"
    }
}

/// Most unknown names that are told one by one.
const MOST_TOLD: usize = 5;

/// Most characters that are told of a name: nobody reads more, and what was typed stands above.
const MOST_CHARS: usize = 80;

fn clipped(name: &str) -> String {
    let beginning: String = name.chars().take(MOST_CHARS).collect();
    if beginning.len() < name.len() {
        format!("{beginning}…")
    } else {
        beginning
    }
}

/// Says which names of a `kind` of thing stand for nothing; nothing where there are none.
pub(crate) fn unknown_names(kind: &str, names: &[String]) -> Option<String> {
    let (told, rest) = names.split_at(names.len().min(MOST_TOLD));
    let told: Vec<String> = told.iter().map(|name| clipped(name)).collect();
    let listed = told.join(", ");
    match (told.as_slice(), rest) {
        ([], _) => None,
        ([name], _) => Some(format!("There is no {kind} {name}.")),
        (_, []) => Some(format!("There are no {kind}s {listed}.")),
        (_, rest) => Some(format!(
            "There are no {kind}s {listed}, and {} more of those you have named do not exist.",
            rest.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nobody_are_told_as_far_as_they_are_few() {
        let say = |count: usize| {
            let names: Vec<String> = (1..=count).map(|number| format!("u{number}")).collect();
            unknown_names("user", &names)
        };
        assert_eq!(say(0), None);
        assert_eq!(say(1).as_deref(), Some("There is no user u1."));
        assert_eq!(say(2).as_deref(), Some("There are no users u1, u2."));
        assert_eq!(
            say(7).as_deref(),
            Some(
                "There are no users u1, u2, u3, u4, u5, and 2 more of those you have named do not exist."
            )
        );
    }

    #[test]
    fn of_a_name_that_is_far_too_long_only_its_beginning_is_told() {
        let told = unknown_names("user", &["ü".repeat(100_000)]);
        let beginning = "ü".repeat(MOST_CHARS);
        assert_eq!(told, Some(format!("There is no user {beginning}….")));
    }

    #[test]
    fn a_message_leads_to_its_field() {
        for (message, field) in [
            ("The current password is wrong.", "current"),
            ("A password has between 1 and 1024 bytes.", "password"),
            (
                "An address has at most 254 bytes and no control characters.",
                "email",
            ),
            ("Message: a ping is too long.", "message"),
            ("Record already exists for 'ann'.", "login"),
        ] {
            assert_eq!(field_of(message), field);
        }
    }
}
