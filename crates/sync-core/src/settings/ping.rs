//! The settings of push services.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::settings::{Secret, Text, text};

const APNS_PRODUCTION: &str = "https://api.push.apple.com";

const APNS_SANDBOX: &str = "https://api.sandbox.push.apple.com";

const FCM: &str = "https://fcm.googleapis.com";

/// How long a ping waits for others like it where the file does not say, in seconds.
const DEFAULT_WINDOW_SECONDS: u64 = 1;

/// The longest, in seconds.
const MAX_WINDOW_SECONDS: u64 = 3_600;

/// The push services that are set up.
#[derive(Debug, Clone, Default)]
pub struct PingSettings {
    /// How long a ping waits for others that say the same to the same user, in seconds: they count as one.
    pub window_seconds: u64,
    /// Apple's.
    pub apns: Option<ApnsSettings>,
    /// Google's.
    pub fcm: Option<FcmSettings>,
    /// Browsers'.
    pub web: Option<WebPushSettings>,
}

impl PingSettings {
    /// How long a ping waits for others that say the same.
    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs(self.window_seconds)
    }
}

/// Apple Push Notification service.
#[derive(Debug, Clone)]
pub struct ApnsSettings {
    /// Apple's id of the team.
    pub team_id: String,
    /// Id of the key.
    pub key_id: String,
    /// Text of the key's `.p8` file.
    pub key: Secret,
    /// The application's bundle id.
    pub topic: String,
    /// Where pushes go.
    pub url: String,
}

/// Firebase Cloud Messaging.
#[derive(Debug, Clone)]
pub struct FcmSettings {
    /// Text of the service account's JSON file.
    pub service_account: Secret,
    /// Whether the system shows messages by itself, beside handing them to the application.
    pub notification: bool,
    /// Where pushes go.
    pub url: String,
}

/// Web Push.
#[derive(Debug, Clone)]
pub struct WebPushSettings {
    /// Whom a push service can write to: `mailto:` or `https:`.
    pub subject: String,
    /// The VAPID private key: 32 bytes in URL-safe base 64.
    pub private_key: Secret,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PingEntry {
    window_seconds: Option<u64>,
    apns: Option<ApnsEntry>,
    fcm: Option<FcmEntry>,
    web: Option<WebPushEntry>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ApnsEntry {
    #[serde(serialize_with = "text::shown")]
    team_id: Text,
    #[serde(serialize_with = "text::shown")]
    key_id: Text,
    key: Text,
    #[serde(serialize_with = "text::shown")]
    topic: Text,
    #[serde(default)]
    environment: ApnsEnvironment,
    #[serde(default, serialize_with = "text::shown_if_any")]
    url: Option<Text>,
}

/// Development builds of an application have tokens of the sandbox.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum ApnsEnvironment {
    #[default]
    Production,
    Sandbox,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FcmEntry {
    service_account: Text,
    #[serde(default)]
    notification: bool,
    #[serde(default, serialize_with = "text::shown_if_any")]
    url: Option<Text>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WebPushEntry {
    #[serde(serialize_with = "text::shown")]
    subject: Text,
    private_key: Text,
}

impl PingEntry {
    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        self.window_seconds.get_or_insert(DEFAULT_WINDOW_SECONDS);
    }

    /// Leaves out the push services.
    pub(super) fn leave_out_services(&mut self) {
        (self.apns, self.fcm, self.web) = (None, None, None);
    }

    /// The variables the entry refers to.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let apns = self.apns.iter().flat_map(|apns| {
            [&apns.team_id, &apns.key_id, &apns.key, &apns.topic]
                .into_iter()
                .chain(&apns.url)
        });
        let fcm = self
            .fcm
            .iter()
            .flat_map(|fcm| std::iter::once(&fcm.service_account).chain(&fcm.url));
        let web = self
            .web
            .iter()
            .flat_map(|web| [&web.subject, &web.private_key]);
        apns.chain(fcm).chain(web).filter_map(Text::variable)
    }

    /// Puts the variables' values in. Whether keys are good is found out when they are used: a wrong one must not keep
    /// devices from syncing.
    pub(super) fn resolve(
        self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<PingSettings, (String, String)> {
        let text = |key: &str, text: &Text| {
            text.resolve(variable)
                .map_err(|reason| (key.to_owned(), reason))
        };
        let url = |key: &str, url: &Option<Text>, default: &str| {
            let url = url.as_ref().map(|url| text(key, url)).transpose()?;
            let url = url.unwrap_or_else(|| default.to_owned());
            Ok::<_, (String, String)>(url.trim_end_matches('/').to_owned())
        };
        let Self {
            window_seconds,
            apns,
            fcm,
            web,
        } = self;
        let window_seconds = window_seconds.unwrap_or(DEFAULT_WINDOW_SECONDS);
        if window_seconds > MAX_WINDOW_SECONDS {
            let reason = format!("must be at most {MAX_WINDOW_SECONDS}");
            return Err(("ping.window_seconds".to_owned(), reason));
        }
        let apns = apns
            .map(|apns| {
                let default = match apns.environment {
                    ApnsEnvironment::Production => APNS_PRODUCTION,
                    ApnsEnvironment::Sandbox => APNS_SANDBOX,
                };
                Ok::<_, (String, String)>(ApnsSettings {
                    team_id: text("ping.apns.team_id", &apns.team_id)?,
                    key_id: text("ping.apns.key_id", &apns.key_id)?,
                    key: Secret::new(text("ping.apns.key", &apns.key)?),
                    topic: text("ping.apns.topic", &apns.topic)?,
                    url: url("ping.apns.url", &apns.url, default)?,
                })
            })
            .transpose()?;
        let fcm = fcm
            .map(|fcm| {
                let service_account = text("ping.fcm.service_account", &fcm.service_account)?;
                Ok::<_, (String, String)>(FcmSettings {
                    service_account: Secret::new(service_account),
                    notification: fcm.notification,
                    url: url("ping.fcm.url", &fcm.url, FCM)?,
                })
            })
            .transpose()?;
        let web = web
            .map(|web| {
                let private_key = text("ping.web.private_key", &web.private_key)?;
                Ok::<_, (String, String)>(WebPushSettings {
                    subject: text("ping.web.subject", &web.subject)?,
                    private_key: Secret::new(private_key),
                })
            })
            .transpose()?;
        Ok(PingSettings {
            window_seconds,
            apns,
            fcm,
            web,
        })
    }
}
