//! The stable codes of error answers: one table from which the enum, its documentation and `docs/errors.md` are made.

use std::fmt;

/// Declares the codes, in the sections of the manual. The manual itself is compiled for its test only, so that it
/// takes no room in the components.
macro_rules! error_codes {
    ($($section:literal {
        $($code:ident = $text:literal, $status:literal, $cause:literal, $cure:literal $(, $see:literal)?;)+
    })+) => {
        /// Why a request was refused: programs act on the code, people read the message beside it.
        ///
        /// The first paragraph of each code says what happened, the second what to do. `docs/errors.md` has the same for
        /// people who operate a server or write against one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(
                #[doc = $cause]
                #[doc = ""]
                #[doc = $cure]
                $code,
            )+)+
        }

        impl ErrorCode {
            /// The code as it stands on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$code => $text,)+)+
                }
            }
        }

        #[cfg(test)]
        const MANUAL: &[tests::Section] = &[
            $(tests::Section {
                title: $section,
                entries: &[
                    $(tests::Entry {
                        code: $text,
                        status: $status,
                        cause: $cause,
                        cure: $cure,
                        see: &[$($see)?],
                    },)+
                ],
            },)+
        ];
    };
}

error_codes! {
    "Signing in and permissions" {
        NotAuthenticated = "not_authenticated", "401",
            "The request has no session, or its session was forged, has expired or was revoked.",
            "Log in and send the request again.";
        LoginFailed = "login_failed", "401",
            "The user name or the password is wrong, or the back end that knows the users refuses this one.",
            "Ask for the password again. Where a back end decides, the message has its reason.";
        TooManyAttempts = "too_many_attempts", "429",
            "Too many logins have failed lately: at this account from this address, or from this address (`authentication.limits` in the settings). Or a device has its copies compared too often.",
            "Wait as long as `Retry-After` says. Operators: name your load balancer in `authentication.trusted_proxies`, or its callers count as one address.";
        InvalidApiToken = "invalid_api_token", "422; 401 below `/api/v1`",
            "The API token is missing, wrong or has ended.",
            "Log in as the administrator, or make a new token, and send it with the request.";
        NotAdministrator = "not_administrator", "422",
            "The password is right, but only the first administrator may log in here.",
            "Log in as `rhoadmin`.";
        Forbidden = "forbidden", "403",
            "The API token, or the role of whoever has logged in for it, does not have the scope that the call needs.",
            "Use a token with the scope that the message names, or log in as an administrator whose role has it.";
    }
    "The request" {
        MalformedBody = "malformed_body", "400",
            "The body is not what its content type says, or has the wrong shape.",
            "Correct the body; the message says what is wrong with it.";
        InvalidValue = "invalid_value", "400",
            "An id, a field, a parameter or a header has a value that is not allowed, or one that is needed is missing.",
            "Correct the value that the message names. Nothing of the request was taken in.";
        DigestMismatch = "digest_mismatch", "400",
            "A file that came in parts has another SHA-256 than its address says.",
            "Look whether the file has changed since. If not, send it again from its first byte: nothing of it was kept.";
        InvalidPageSize = "invalid_page_size", "400",
            "`p_size` is 0, not a number, or larger than any page may be.",
            "Ask for a page of a size within the limits that the message names, or leave `p_size` out.";
        UnsupportedMediaType = "unsupported_media_type", "415",
            "The body's content type is not one this call takes.",
            "Send JSON with `Content-Type: application/json`.";
        TooLarge = "too_large", "413",
            "The body, one of its values, a file, or the number of its parts is over a limit.",
            "Send less at a time; the message names the limit.",
            "[the settings](settings.md#top-level) for the size of files (`blobs.max_bytes`), and [the limits](protocol.md#limits) of the rest";
        OldProtocol = "old_protocol", "404",
            "The device asks for a version of the protocol below 3.",
            "Update the device's application: this server speaks version 3 of the page format only.";
        NotFound = "not_found", "404",
            "There is nothing at this path, or nothing that this user may see.",
            "Check the path. A file is found only by users who see an object that refers to it.",
            "[the device protocol](protocol.md), [the API](api.md) and [the older REST API](rest-api.md)";
        MethodNotAllowed = "method_not_allowed", "405",
            "The path exists, but not with this method.",
            "Use one of the methods that the header `Allow` names.";
        NotServed = "not_served", "500",
            "The call is known, but switched off on this server.",
            "For the old stats, set `stats = true` in `rhosync.toml`; for new monitoring, scrape `/metrics` instead.",
            "[Metrics](operations.md#metrics)";
    }
    "What does not exist" {
        UnknownClient = "unknown_client", "500; 404 below `/api/v1`",
            "The client id is missing, or no such client is registered.",
            "Create a client and sync with it from the start.";
        UnknownSource = "unknown_source", "404; 500 where an older address names no source",
            "No such source exists.",
            "Check the name against `rhosync.toml`. A back end makes a new source by feeding objects to it.";
        UnknownUser = "unknown_user", "404",
            "No such user, or no such administrator, exists.",
            "Check the name, or create the user.";
        UnknownObject = "unknown_object", "404",
            "The source has no object with this id, in this user's copy.",
            "Check id and user; the object may have been deleted.";
        UnknownApiToken = "unknown_api_token", "404",
            "No API token with this id exists.",
            "List the tokens; it may have been deleted, or have ended.";
        UnknownJob = "unknown_job", "404",
            "No job with this id exists.",
            "List the queue's jobs; the history of a finished job ends after a day.";
        UnknownQueue = "unknown_queue", "404",
            "No job was ever put into a queue of this name.",
            "Check the name against the list of queues.";
    }
    "Conflicts" {
        UserExists = "user_exists", "500; 409 below `/api/v1`",
            "A user, or an administrator, of this name exists already.",
            "Choose another name, or change the existing user.";
        WrongState = "wrong_state", "409",
            "What is asked for is not possible in the state something is in, for example retrying a job that is not dead.",
            "Read the state again; the message names it.";
        PreconditionFailed = "precondition_failed", "412",
            "Something is no longer in the state that `If-Match` names: somebody has changed it since it was read.",
            "Read it again, look at what has changed, and send the change with the new `ETag`.";
        TooManySources = "too_many_sources", "409",
            "There are already as many sources outside the settings file as there may be (1 000).",
            "Put sources that last into `rhosync.toml`.";
        IdempotencyKeyReused = "idempotency_key_reused", "422",
            "The `Idempotency-Key` was used for another request.",
            "Use a new key for every new request, and the old key only to repeat the same one.";
        RequestInProgress = "request_in_progress", "409",
            "A request with the same `Idempotency-Key` is being worked on.",
            "Wait a moment and send the request again: it gets the first one's answer.";
    }
    "Limits" {
        QueueFull = "queue_full", "429",
            "As many changes of this client wait for the back end as are kept for it, or too many files of this user are on their way.",
            "Keep the changes and send them later, when `Retry-After` says. Operators: see whether the back end answers.";
        QuotaExceeded = "quota_exceeded", "413",
            "The files do not fit into what the user may have.",
            "Delete objects that have files. Operators: raise `blobs.quota_bytes`.",
            "[Quota](blobs.md#quota)";
    }
    "The server" {
        Busy = "busy", "503; 408 for an upload that took too long",
            "Too many others were changing the same objects, the requests in this instance of the server hold too much memory already, or an upload took so long that its first part may be gone.",
            "Send the request again. Nothing that was acknowledged is lost.";
        BackEndUnavailable = "back_end_unavailable", "503; 500 for a login that a back end decides",
            "The back end that has to be asked does not answer, or says that it cannot now.",
            "Try again later. Operators: check that the back end runs, that its address is right, and that `allowed_outbound_hosts` has it.",
            "[A source](settings.md#a-source)";
        Unavailable = "unavailable", "503",
            "The store cannot be reached, or the settings file cannot be used.",
            "Try again later. Operators: `/ready` says which of the two it is, the log says why.",
            "[Health checks](operations.md#health-checks)";
        Internal = "internal", "500",
            "The server is at fault.",
            "Operators: look for the answer's `X-Request-Id` in the log.";
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::MANUAL;

    /// A variable that makes the test write the page instead of comparing it.
    const UPDATE: &str = "UPDATE_ERRORS";

    /// A section of the manual.
    pub(super) struct Section {
        pub(super) title: &'static str,
        pub(super) entries: &'static [Entry],
    }

    /// One code in the manual.
    pub(super) struct Entry {
        pub(super) code: &'static str,
        pub(super) status: &'static str,
        pub(super) cause: &'static str,
        pub(super) cure: &'static str,
        /// Where to read on, if anywhere.
        pub(super) see: &'static [&'static str],
    }

    const HEAD: &str = "\
# Error codes

Every error answer has a message for people and a code for programs. The code is in the header `X-RhoSync-Error-Code`,
and below `/api/v1` in the body: `{\"error\":{\"code\":\"unknown_user\",\"message\":\"there is no user \\\"carl\\\"\"}}`. Codes are
stable; messages may change. Where an answer has `Retry-After`, wait for so many seconds before you try again.

Some addresses of RhoConnect and RhoSync keep statuses that devices and scripts know
([decision 3](decisions/0003-honest-statuses-for-stray-devices.md)), so look at the code rather than at the status.

What goes wrong with a single change or with a back end's answer is no error of the request: it is told in the
[page](protocol.md#pull).
";

    /// The page, as it should be.
    fn page() -> String {
        let mut page = HEAD.to_owned();
        for section in MANUAL {
            page += &format!("\n## {}\n", section.title);
            for entry in section.entries {
                let Entry {
                    code,
                    status,
                    cause,
                    cure,
                    see,
                } = entry;
                page += &format!("\n### `{code}`\n\nStatus {status}. {cause}\n\n{cure}");
                for see in *see {
                    page += &format!(" See {see}.");
                }
                page.push('\n');
            }
        }
        page + "\n<!-- Written by the tests of sync-proto from the table in crates/sync-proto/src/error_code.rs. -->\n"
    }

    #[test]
    fn the_page_of_error_codes_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap();
        assert!(
            kept == page(),
            "docs/errors.md is not what the code says: run `{UPDATE}=1 cargo test -p sync-proto error_code` and look at the difference"
        );
    }

    #[test]
    fn no_code_is_used_twice() {
        let mut codes: Vec<_> = MANUAL
            .iter()
            .flat_map(|it| it.entries)
            .map(|it| it.code)
            .collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
