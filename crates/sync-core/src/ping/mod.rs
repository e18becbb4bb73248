//! Push notifications: what wakes a device so that it syncs.
//!
//! A push carries no data of the application. Devices that hear of a source sync it; what is shown to the user is what
//! the ping said. Each service has a file of its own here; how pushes are queued, repeated and combined is the job's
//! business, not theirs.

mod apns;
mod authorization;
mod fcm;
mod web_push;

use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::model::{PingMessage, PingPriority};
use crate::ports::{AnswerRoom, Clock as _, HttpClient as _, HttpError, Ports};
use crate::settings::PingSettings;

/// How long a push service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of a push service's answer. Real ones are well below a kibibyte.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Most characters of a service's own message that are kept.
const MAX_MESSAGE_CHARS: usize = 300;

/// A push service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PushService {
    /// Apple Push Notification service.
    Apns,
    /// Firebase Cloud Messaging.
    Fcm,
    /// Web Push (RFC 8030), for browsers.
    WebPush,
}

impl PushService {
    /// The service of a device, by what it said of itself; `None` where it has none we know.
    ///
    /// The push type, where a device names one, says more than its platform.
    pub fn of_device(device_type: &str, device_push_type: &str) -> Option<Self> {
        let kind = if device_push_type.is_empty() {
            device_type
        } else {
            device_push_type
        };
        match kind.to_ascii_lowercase().as_str() {
            "apple" | "iphone" | "ipad" | "ios" | "apns" => Some(Self::Apns),
            "android" | "gcm" | "fcm" => Some(Self::Fcm),
            "web" | "webpush" | "web-push" => Some(Self::WebPush),
            _ => None,
        }
    }

    /// All there are.
    pub const ALL: [Self; 3] = [Self::Apns, Self::Fcm, Self::WebPush];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apns => "apns",
            Self::Fcm => "fcm",
            Self::WebPush => "web-push",
        }
    }

    /// The service of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| service.as_str() == name)
    }

    /// The table of the settings that it needs.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Apns => "ping.apns",
            Self::Fcm => "ping.fcm",
            Self::WebPush => "ping.web",
        }
    }

    /// The table of the settings that is missing for this service; `None` where it is set up.
    pub(crate) fn missing_table(self, settings: &PingSettings) -> Option<&'static str> {
        let is_set_up = match self {
            Self::Apns => settings.apns.is_some(),
            Self::Fcm => settings.fcm.is_some(),
            Self::WebPush => settings.web.is_some(),
        };
        (!is_set_up).then_some(self.table())
    }
}

/// Where a push goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushAddress {
    /// By which service.
    pub service: PushService,
    /// What the service calls the device: a token, or for Web Push the subscription as JSON.
    pub token: String,
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PingOutcome {
    /// The service took it.
    Delivered,
    /// The service does not know the device any more: its token is of no use.
    DeviceGone,
    /// It may be taken later.
    TryLater {
        /// Not before this, where the service says so.
        after: Option<Duration>,
        /// What happened.
        message: String,
    },
    /// The service refuses this push, and would again.
    Refused {
        /// What it says.
        message: String,
    },
    /// A setting is missing or wrong; nothing goes out until it is mended.
    Misconfigured {
        /// The setting, `ping.apns.key` for instance.
        setting: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

/// A setting is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WrongSetting {
    setting: &'static str,
    message: String,
}

impl From<WrongSetting> for PingOutcome {
    fn from(WrongSetting { setting, message }: WrongSetting) -> Self {
        Self::Misconfigured { setting, message }
    }
}

/// Sends pushes by the services the settings name.
pub struct PingSender<'a, P> {
    ports: &'a P,
    settings: &'a PingSettings,
}

impl<'a, P: Ports> PingSender<'a, P> {
    /// A sender with these services.
    pub fn new(ports: &'a P, settings: &'a PingSettings) -> Self {
        Self { ports, settings }
    }

    /// Sends one push.
    pub async fn send(&self, to: &PushAddress, message: &PingMessage) -> PingOutcome {
        let missing = |setting, what: &str| PingOutcome::Misconfigured {
            setting,
            message: format!("{what} is not set up; see docs/pings.md"),
        };
        let sent = match to.service {
            PushService::Apns => match &self.settings.apns {
                Some(settings) => apns::send(self.ports, settings, &to.token, message).await,
                None => Ok(missing("ping.apns", "Apple's push service")),
            },
            PushService::Fcm => match &self.settings.fcm {
                Some(settings) => fcm::send(self.ports, settings, &to.token, message).await,
                None => Ok(missing("ping.fcm", "Firebase Cloud Messaging")),
            },
            PushService::WebPush => match &self.settings.web {
                Some(settings) => web_push::send(self.ports, settings, &to.token, message).await,
                None => Ok(missing("ping.web", "Web Push")),
            },
        };
        sent.unwrap_or_else(|outcome| outcome)
    }
}

/// What came of checking a push service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushCheck {
    /// Whether it lets the server in.
    pub ok: bool,
    /// What it said, or what is missing.
    pub message: String,
}

impl<P: Ports> PingSender<'_, P> {
    /// Finds out whether a service lets the server in, by a push to a device that it cannot know: it looks at who sends it
    /// first. Browsers' services are many, and each knows its own devices only, so of Web Push only the key is looked at.
    pub(crate) async fn check(&self, service: PushService) -> PushCheck {
        let token = match (service, &self.settings.web) {
            (PushService::WebPush, Some(settings)) => {
                return match web_push::check_key(self.ports, settings) {
                    Ok(()) => PushCheck {
                        ok: true,
                        message: "the key can be used; whether browsers' services take it only pushes to them tell".to_owned(),
                    },
                    Err(WrongSetting { setting, message }) => PushCheck {
                        ok: false,
                        message: format!("{setting}: {message}"),
                    },
                };
            }
            // Apple's tokens are hexadecimal digits; nobody's are all zeros.
            (PushService::Apns, _) => "0".repeat(64),
            (PushService::Fcm | PushService::WebPush, _) => "rhosync-check".to_owned(),
        };
        let to = PushAddress { service, token };
        let (ok, message) = match self.send(&to, &PingMessage::default()).await {
            PingOutcome::Delivered | PingOutcome::DeviceGone => {
                (true, "it lets the server in".to_owned())
            }
            PingOutcome::TryLater { message, .. } | PingOutcome::Refused { message } => {
                (false, message)
            }
            PingOutcome::Misconfigured { setting, message } => {
                (false, format!("{setting}: {message}"))
            }
        };
        PushCheck { ok, message }
    }
}

/// Sends a request; what is not an answer is tried later.
async fn exchange<P: Ports>(
    ports: &P,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, PingOutcome> {
    let mut room = AnswerRoom::of(MAX_ANSWER_BYTES);
    let sent = ports.http().send(request, TIMEOUT, &mut room).await;
    sent.map_err(|error| match error {
        HttpError::Denied { .. } => PingOutcome::Misconfigured {
            setting: "allowed_outbound_hosts",
            message: error.to_string(),
        },
        other => PingOutcome::TryLater {
            after: None,
            message: other.to_string(),
        },
    })
}

/// What every service means by these statuses; `None` where each has its own meaning.
fn common_outcome<P: Ports>(
    ports: &P,
    answer: &http::Response<Bytes>,
    said: &str,
) -> Option<PingOutcome> {
    let status = answer.status();
    if status.is_success() {
        return Some(PingOutcome::Delivered);
    }
    let is_temporary = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    is_temporary.then(|| PingOutcome::TryLater {
        after: retry_after(ports, answer),
        message: describe(status, said),
    })
}

/// When the service wants to be asked again: seconds or a date (RFC 9110, section 10.2.3).
fn retry_after<P: Ports>(ports: &P, answer: &http::Response<Bytes>) -> Option<Duration> {
    let text = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_millis(ports.clock().now().0)))
}

fn describe(status: StatusCode, said: &str) -> String {
    let said: String = said.chars().take(MAX_MESSAGE_CHARS).collect();
    if said.is_empty() {
        status.to_string()
    } else {
        format!("{}: {said}", status.as_u16())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_device_types_have_a_service() {
        for (device_type, push_type, service) in [
            ("Apple", "", Some(PushService::Apns)),
            ("iphone", "", Some(PushService::Apns)),
            ("Android", "", Some(PushService::Fcm)),
            ("Android", "gcm", Some(PushService::Fcm)),
            ("gcm", "", Some(PushService::Fcm)),
            ("Apple", "fcm", Some(PushService::Fcm)),
            ("web", "", Some(PushService::WebPush)),
            ("blackberry", "", None),
            ("", "", None),
        ] {
            assert_eq!(
                PushService::of_device(device_type, push_type),
                service,
                "{device_type} {push_type}"
            );
        }
    }
}
