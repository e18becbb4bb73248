//! What states and kinds are called, and how they look.

use sync_proto::api::{
    ChangeKind, ChangeState, ClientHealth, Role, SettingOrigin, SourceErrorKind, SourceState,
    SyncEvent,
};

/// How something that is said looks: by colour too, never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Warning,
    Bad,
    Quiet,
}

impl Tone {
    /// The style sheet's name of it.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }
}

/// How a device is.
pub(crate) const fn client_health(health: ClientHealth) -> (Tone, &'static str) {
    match health {
        ClientHealth::Ok => (Tone::Good, "fine"),
        ClientHealth::Waiting => (Tone::Warning, "waiting"),
        ClientHealth::Stuck => (Tone::Bad, "stuck"),
        ClientHealth::Failing => (Tone::Bad, "failing"),
        ClientHealth::Silent => (Tone::Quiet, "silent"),
    }
}

/// How a source is.
pub(crate) const fn source_state(state: SourceState) -> (Tone, &'static str) {
    match state {
        SourceState::Fresh => (Tone::Good, "fresh"),
        SourceState::Old => (Tone::Warning, "old"),
        SourceState::Failing => (Tone::Bad, "failing"),
        SourceState::Fed => (Tone::Quiet, "fed"),
        SourceState::PassThrough => (Tone::Quiet, "pass-through"),
        SourceState::Paused => (Tone::Warning, "paused"),
        SourceState::Unused => (Tone::Quiet, "unused"),
    }
}

/// What became of a change.
pub(crate) const fn change_state(state: ChangeState) -> (Tone, &'static str) {
    match state {
        ChangeState::Waiting => (Tone::Warning, "waiting"),
        ChangeState::Dead => (Tone::Bad, "given up"),
        ChangeState::Refused => (Tone::Bad, "refused"),
    }
}

/// What a change does.
pub(crate) const fn change_kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Create => "create",
        ChangeKind::Update => "update",
        ChangeKind::Delete => "delete",
    }
}

/// The state of a job, which a newer server may have more of.
pub(crate) fn job_state(state: &str) -> (Tone, &str) {
    match state {
        "ready" => (Tone::Quiet, "ready"),
        "delayed" => (Tone::Warning, "delayed"),
        "leased" => (Tone::Good, "running"),
        "dead" => (Tone::Bad, "dead"),
        "done" => (Tone::Good, "done"),
        other => (Tone::Quiet, other),
    }
}

/// What an administrator may do.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Administrator => "administrator",
    }
}

/// Where a setting comes from.
pub(crate) fn setting_origin(origin: SettingOrigin, variable: Option<&str>) -> String {
    match (origin, variable) {
        (SettingOrigin::Default, _) => "default".to_owned(),
        (SettingOrigin::File, _) => "settings file".to_owned(),
        (SettingOrigin::Variable, Some(name)) => format!("variable {name}"),
        (SettingOrigin::Variable, None) => "variable".to_owned(),
        (SettingOrigin::Console, _) => "set at run time".to_owned(),
    }
}

/// What somebody has done, as the API calls it, in words: `CreateUser` is "Create user".
pub(crate) fn action(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
            words.push(letter.to_ascii_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

/// What went wrong with a query of a source, before the words of whoever says why.
pub(crate) const fn source_error(kind: Option<SourceErrorKind>) -> &'static str {
    match kind {
        Some(SourceErrorKind::LoginError) => "The back end does not let the server in: ",
        Some(SourceErrorKind::LogoffError) => "The query was answered, but not ended well: ",
        Some(SourceErrorKind::QueryError) | None => "The last query failed: ",
    }
}

/// What kind of adapter a source has.
pub(crate) fn adapter(kind: &str) -> &str {
    match kind {
        "rest" => "REST API",
        "soap" => "SOAP service",
        "sql" => "database",
        "http" | "plugin" => "plugin",
        "push-only" => "fed by its back end",
        other => other,
    }
}

/// For whom a source has copies, by the rule that says it.
pub(crate) fn audience(rule: &str) -> &'static str {
    match rule {
        "app" => "everybody",
        "user" => "each user",
        _ => "each partition",
    }
}

/// Whether a text is what lists of copies call one: it says whose it is.
pub(crate) fn is_copy(id: &str) -> bool {
    id == "app"
        || id
            .split_once(':')
            .is_some_and(|(kind, _)| ["user", "named", "narrowed", "combined"].contains(&kind))
}

/// Whose a copy is.
pub(crate) fn partition(stored: &str) -> String {
    match stored.split_once('/') {
        None if stored == "app" => "everybody".to_owned(),
        Some(("user" | "named", name)) => name.to_owned(),
        Some(("narrowed", rest)) => match rest.rsplit_once('/') {
            Some((user, part)) => format!("{user}, part {}", part.get(..8).unwrap_or(part)),
            None => rest.to_owned(),
        },
        Some(("combined", members)) => {
            let members: Vec<_> = members.split(" + ").map(partition).collect();
            members.join(" + ")
        }
        _ => stored.to_owned(),
    }
}

/// What a scope lets one do: `users:write` becomes `users, change`.
pub(crate) fn scope(scope: &str) -> String {
    match scope.split_once(':') {
        Some((what, "read")) => format!("see {what}"),
        Some((what, "write")) => format!("change {what}"),
        _ if scope == "admin" => "everything".to_owned(),
        _ => scope.to_owned(),
    }
}

/// What a device did, in a few words.
pub(crate) fn event(event: &SyncEvent) -> String {
    let of = event
        .source
        .as_deref()
        .map_or_else(String::new, |source| format!(" of {source}"));
    match event.kind.as_str() {
        "pull" if event.received == 0 => format!("Got nothing new{of}"),
        "pull" => format!(
            "Got {}{of}",
            super::counted(event.received, "object", "objects")
        ),
        "push" => format!(
            "Sent {}{of}",
            super::counted(event.sent, "change", "changes")
        ),
        "search" => format!(
            "Searched{} and found {}",
            event
                .source
                .as_deref()
                .map_or_else(String::new, |source| format!(" {source}")),
            super::counted(event.received, "object", "objects")
        ),
        "bulk-data" => format!("Was offered a whole copy{of}"),
        "login" => "Logged in".to_owned(),
        "register" => "Was registered".to_owned(),
        "reset" => format!("Was told to start over{of}"),
        "ping" => "Was pinged".to_owned(),
        other => super::sentence_case(other),
    }
}

/// How that ended. A server that answers well may still have to say that the back end does not.
pub(crate) fn outcome(event: &SyncEvent) -> (Tone, String) {
    match (event.status, &event.error) {
        (400.., _) => (Tone::Bad, format!("failed, {}", event.status)),
        (_, Some(_)) => (Tone::Warning, "with an error".to_owned()),
        (_, None) => (Tone::Good, "ok".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happened(kind: &str, source: Option<&str>, sent: u64, received: u64) -> SyncEvent {
        SyncEvent {
            at: 0,
            kind: kind.to_owned(),
            source: source.map(str::to_owned),
            status: 200,
            sent,
            received,
            took_ms: 3,
            error: None,
        }
    }

    #[test]
    fn actions_are_words() {
        assert_eq!(action("CreateUser"), "Create user");
        assert_eq!(action("LogIn"), "Log in");
    }

    #[test]
    fn events_are_sentences() {
        for (event_told, text) in [
            (
                happened("pull", Some("Product"), 0, 1),
                "Got 1 object of Product",
            ),
            (
                happened("pull", Some("Product"), 0, 0),
                "Got nothing new of Product",
            ),
            (
                happened("push", Some("Order"), 3, 0),
                "Sent 3 changes of Order",
            ),
            (
                happened("search", Some("Order"), 0, 0),
                "Searched Order and found 0 objects",
            ),
            (happened("reset", None, 0, 0), "Was told to start over"),
            (happened("of tomorrow", None, 0, 0), "Of tomorrow"),
        ] {
            assert_eq!(event(&event_told), text);
        }
    }

    #[test]
    fn an_answer_with_an_error_is_not_quite_well() {
        let mut event = happened("pull", Some("Product"), 0, 0);
        assert_eq!(outcome(&event).0, Tone::Good);
        event.error = Some("no answer".to_owned());
        assert_eq!(outcome(&event).0, Tone::Warning);
        event.status = 503;
        assert_eq!(outcome(&event), (Tone::Bad, "failed, 503".to_owned()));
    }

    #[test]
    fn copies_and_scopes_are_told_in_words() {
        assert!(is_copy("app") && is_copy("user:ann") && is_copy("named:region/north"));
        assert!(!is_copy("ann") && !is_copy("*") && !is_copy("user/ann"));
        assert_eq!(partition("app"), "everybody");
        assert_eq!(partition("user/a/b"), "a/b");
        assert_eq!(partition("narrowed/a/b/1f"), "a/b, part 1f");
        let combined = "combined/named/region/north + user/ann + app";
        assert_eq!(partition(combined), "region/north + ann + everybody");
        assert_eq!(audience("computed"), "each partition");
        assert_eq!(scope("jobs:write"), "change jobs");
        assert_eq!(scope("admin"), "everything");
    }
}
