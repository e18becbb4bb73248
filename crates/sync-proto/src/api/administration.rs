//! Administrators, what they may do and what they did; settings; schedules.

use serde::{Deserialize, Serialize};

/// Who makes this request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SessionInfo {
    /// Name of the administrator, or of the API token.
    pub name: String,
    /// The administrator's role; missing for API tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What the request may do, for example `users:read`; `admin` is everything.
    pub scopes: Vec<String>,
    /// When the session or token ends; missing if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Whether the password is still the one that the first start made.
    pub initial_password: bool,
}

/// An administrator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AdministratorInfo {
    /// Name.
    pub login: String,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub created_at: u64,
    /// When they last logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<u64>,
}

/// An administrator to add.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewAdministrator {
    /// Name.
    pub login: String,
    /// Password.
    pub password: String,
    /// What they may do.
    pub role: Role,
}

/// Changes to an administrator; what is missing stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AdministratorPatch {
    /// New password. It ends their sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What they may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// A new password for whoever asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// Present password.
    pub current: String,
    /// New password.
    pub new: String,
}

/// Something an administrator, or a script with a token, did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// Id, growing with time.
    pub id: String,
    /// When.
    pub at: u64,
    /// Name of the administrator, or of the API token; `unknown` for a failed login by a name that is no administrator's.
    pub who: String,
    /// Id of the API token; missing for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What: the operation's id, as in the OpenAPI document.
    pub action: String,
    /// To what: the path below `/api/v1`, or the whole path of the older REST API. Of what was made, its own path.
    pub subject: String,
    /// What that is called, where the path does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Status of the answer.
    pub status: u16,
    /// Address the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A setting as it is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SettingInfo {
    /// Name, with dots between tables: `limits.window_seconds`, `sources.Product.poll_interval`.
    pub key: String,
    /// Value as the settings file would write it; `"***"` for what is secret.
    pub value: String,
    /// Where it comes from.
    pub origin: SettingOrigin,
    /// Name of the variable it comes from, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

/// A job that comes again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ScheduleInfo {
    /// Name of the schedule.
    pub name: String,
    /// Name of its job.
    pub job: String,
    /// The job's queue.
    pub queue: String,
    /// The source that it works on, where there is one for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How often it comes, where that is always as often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u64>,
    /// When it comes, as a cron expression in UTC, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// When it comes next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<u64>,
    /// When its last job began; missing if it has not begun, or is not kept any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<u64>,
    /// Id of its last job, if that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_job: Option<String>,
    /// What went wrong with it, unless it was done in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// A ping that was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PingRecord {
    /// Id.
    pub id: String,
    /// When.
    pub at: u64,
    /// Who sent it: an administrator, or a token.
    pub by: String,
    /// Its message; silent without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Number of users.
    pub users: u64,
    /// Number of clients that it was sent to by themselves.
    pub clients: u64,
    /// Devices whose push service has taken it.
    pub delivered: u64,
    /// Devices whose push service has refused it.
    pub failed: u64,
    /// Clients that have no push token, and devices whose push service is not set up.
    pub unreachable: u64,
    /// What a push service said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What came of checking a push service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PushCheck {
    /// Whether it lets the server in.
    pub ok: bool,
    /// What it said, or what is missing.
    pub message: String,
}

/// What an administrator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// See everything but secrets.
    Viewer,
    /// Also change devices, users, sources, objects and jobs.
    Operator,
    /// Everything.
    Administrator,
}

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SettingOrigin {
    /// Nobody has set it.
    Default,
    /// The settings file.
    File,
    /// A variable.
    Variable,
    /// An administrator, at run time.
    Console,
}
