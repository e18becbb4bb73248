//! What an entry of the audit log is about.

/// Parts of paths behind which a name stands, with what people call it.
const KINDS: [(&str, &str); 14] = [
    ("administrators", "administrator"),
    ("changes", "change"),
    ("clients", "device"),
    ("documents", "document"),
    ("jobs", "job"),
    ("objects", "object"),
    ("partitions", "copy"),
    ("push-services", "push service"),
    ("queues", "queue"),
    ("run", "component"),
    ("schedules", "schedule"),
    ("sources", "source"),
    ("tokens", "token"),
    ("users", "user"),
];

fn kind_of(part: &str) -> Option<&'static str> {
    let found = KINDS.iter().find(|(known, _)| *known == part);
    found.map(|(_, kind)| *kind)
}

/// A path in words: `/sources/Note/users/ann` is "source Note, user ann". A name that the path does not say is that of what comes last.
/// Nothing where the action says it all.
pub(crate) fn subject(path: &str, name: Option<&str>) -> String {
    let mut told: Vec<(&str, &str)> = Vec::new();
    let mut name = name;
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let Some(kind) = kind_of(part) else { continue };
        match parts.peek() {
            Some(&"run") => {}
            Some(_) => told.extend(parts.next().map(|named| (kind, named))),
            None => told.extend(name.take().map(|named| (kind, named))),
        }
    }
    match (name, told.last_mut()) {
        (Some(name), Some((_, last))) => *last = name,
        (Some(name), None) => told.push(("", name)),
        (None, _) => {}
    }
    let told = told
        .iter()
        .map(|(kind, name)| format!("{kind} {name}").trim_start().to_owned());
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_in_words() {
        for (path, name, told) in [
            ("/users/ann", None, "user ann"),
            ("/users", None, ""),
            ("/login", None, ""),
            ("/tokens/1f", Some("reports"), "token reports"),
            ("/tokens/1f", None, "token 1f"),
            (
                "/sources/Note/users/ann/objects/7",
                None,
                "source Note, user ann, object 7",
            ),
            (
                "/sources/Note/users/ann/refresh",
                None,
                "source Note, user ann",
            ),
            ("/jobs/17/run", None, "job 17"),
            ("/jobs/run/push", None, "component push"),
            ("/rc/v1/users", Some("ann"), "user ann"),
            (
                "/rc/v1/users/ann/clients",
                Some("c1"),
                "user ann, device c1",
            ),
            ("/api/user/delete_user", Some("ann"), "ann"),
        ] {
            assert_eq!(subject(path, name), told, "{path}");
        }
    }
}
