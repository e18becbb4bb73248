//! What needs attention, as a sentence and a way to the place where it is cured.

use sync_proto::api::{Attention, AttentionKind, Urgency};

use super::{Tone, count};

/// An entry of the list of what needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) tone: Tone,
    /// What happened, to what.
    pub(crate) title: String,
    /// What it means, before the words of whoever complained.
    pub(crate) text: String,
    /// The words of a back end or a push service.
    pub(crate) quote: Option<String>,
    /// Since when, in milliseconds since 1970.
    pub(crate) since: Option<u64>,
    /// The page where it is cured, below the console's address.
    pub(crate) path: String,
    /// What the way there is called.
    pub(crate) action: &'static str,
    /// The scope without which one can only look there; nothing where that is all there is to do.
    pub(crate) needs: Option<&'static str>,
}

/// Puts into words what the server says.
pub(crate) fn notice(attention: &Attention, encode: impl Fn(&str) -> String) -> Notice {
    let Attention {
        urgency,
        kind,
        subject,
        count: number,
        client,
        since,
        message,
    } = attention;
    let several = |one: &str, many: &str, does: &str, do_: &str| match number {
        1 => format!("1 {one} {does}"),
        _ => format!("{} {many} {do_}", count(*number)),
    };
    let source = format!("/sources/{}", encode(subject));
    let queue = |state: &str| format!("/jobs?queue={}&state={state}", encode(subject));
    let (title, text, path, action) = match kind {
        AttentionKind::StuckClients => (
            several("device", "devices", "is stuck", "are stuck"),
            format!("Changes to {subject} have waited for a long time, or were given up."),
            match client {
                Some(client) if *number == 1 => format!("/devices/{}", encode(client)),
                _ => "/devices?state=stuck".to_owned(),
            },
            "Look",
        ),
        AttentionKind::DeadChanges => (
            several("change", "changes", "was given up", "were given up"),
            match number {
                1 => "The back end gets it only if somebody retries it.",
                _ => "Back ends get them only if somebody retries them.",
            }
            .to_owned(),
            "/changes?state=dead".to_owned(),
            "Retry…",
        ),
        AttentionKind::DeadJobs => (
            several("job", "jobs", "was given up", "were given up"),
            match number {
                1 => format!("It is in the queue {subject}."),
                _ => format!("They are in the queue {subject}."),
            },
            queue("dead"),
            "Retry…",
        ),
        AttentionKind::SourceFailing => (
            format!("{subject} cannot be refreshed"),
            "Devices get what was known before.".to_owned(),
            source,
            "Look",
        ),
        AttentionKind::SourceOld => (
            format!("{subject} is old"),
            "Nobody has refreshed it for far longer than it should take.".to_owned(),
            source,
            "Look",
        ),
        AttentionKind::CircuitOpen => (
            format!("The back end of {subject} does not answer"),
            "It is left alone for a while; changes to it wait.".to_owned(),
            source,
            "Look",
        ),
        AttentionKind::CredentialRefused => (
            format!("The back end of {subject} does not let the server in"),
            "The credential in the settings may have run out. Changes wait.".to_owned(),
            source,
            "Look",
        ),
        AttentionKind::QueuePaused => (
            format!("The queue {subject} is paused"),
            several("job", "jobs", "waits.", "wait."),
            queue("ready"),
            "Resume…",
        ),
        AttentionKind::SourcePaused => (
            format!("{subject} is paused"),
            "It is neither refreshed nor changed until somebody resumes it.".to_owned(),
            source,
            "Resume…",
        ),
        AttentionKind::JobsWaiting => (
            several(
                "job",
                "jobs",
                "waits, and nobody does it",
                "wait, and nobody does them",
            ),
            format!("No component takes jobs of {subject}."),
            queue("ready"),
            "Look",
        ),
        AttentionKind::PushFailing => (
            format!("{} refuses pings", push_service(subject)),
            several("device was", "devices were", "not woken.", "not woken."),
            "/pings".to_owned(),
            "Check…",
        ),
        AttentionKind::StoreFull => (
            "The store is nearly full".to_owned(),
            "When it is full, nothing can be changed any more.".to_owned(),
            "/settings".to_owned(),
            "Look",
        ),
    };
    Notice {
        tone: match urgency {
            Urgency::Bad => Tone::Bad,
            Urgency::Warning => Tone::Warning,
        },
        title,
        text,
        quote: message.clone(),
        since: *since,
        path,
        action,
        needs: match kind {
            AttentionKind::DeadChanges | AttentionKind::DeadJobs | AttentionKind::QueuePaused => {
                Some("jobs:write")
            }
            AttentionKind::SourcePaused => Some("sources:write"),
            AttentionKind::PushFailing => Some("clients:write"),
            _ => None,
        },
    }
}

/// A push service as its makers call it.
pub(crate) fn push_service(name: &str) -> &str {
    match name {
        "apns" => "APNs (Apple)",
        "fcm" => "FCM (Google)",
        "web-push" => "Web Push",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attention(kind: AttentionKind, number: u64) -> Attention {
        Attention {
            urgency: Urgency::Bad,
            kind,
            subject: "Order".to_owned(),
            count: number,
            client: Some("c/1".to_owned()),
            since: None,
            message: None,
        }
    }

    fn encode(text: &str) -> String {
        text.replace('/', "%2F")
    }

    #[test]
    fn one_stuck_device_leads_to_it_and_several_to_the_list() {
        let one = notice(&attention(AttentionKind::StuckClients, 1), encode);
        assert_eq!(
            (&*one.title, &*one.path),
            ("1 device is stuck", "/devices/c%2F1")
        );
        let two = notice(&attention(AttentionKind::StuckClients, 2), encode);
        assert_eq!(
            (&*two.title, &*two.path),
            ("2 devices are stuck", "/devices?state=stuck")
        );
    }

    #[test]
    fn every_kind_is_a_sentence_that_names_its_subject() {
        for kind in [
            AttentionKind::StuckClients,
            AttentionKind::DeadJobs,
            AttentionKind::SourceFailing,
            AttentionKind::SourceOld,
            AttentionKind::CircuitOpen,
            AttentionKind::CredentialRefused,
            AttentionKind::QueuePaused,
            AttentionKind::SourcePaused,
            AttentionKind::JobsWaiting,
            AttentionKind::PushFailing,
        ] {
            let Notice {
                title, text, path, ..
            } = notice(&attention(kind, 2), encode);
            assert!(
                format!("{title} {text}").contains("Order"),
                "{kind:?}: {title} {text}"
            );
            assert!(path.starts_with('/') && text.ends_with('.'), "{kind:?}");
        }
    }
}
