//! Which server, as whom: from options, the environment and the configuration file, in this order.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use comfy_table::{Table, presets};
use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use toml_edit::{DocumentMut, Item, value};

use crate::advice::advised;
use crate::files;
use crate::term::say;

/// What the environment may say.
const CONFIG: &str = "RHOSYNC_CONFIG";
const PROFILE: &str = "RHOSYNC_PROFILE";
const SERVER: &str = "RHOSYNC_SERVER";
const TOKEN: &str = "RHOSYNC_TOKEN";
const USER: &str = "RHOSYNC_USER";
pub(crate) const PASSWORD: &str = "RHOSYNC_PASSWORD";
const DATA_DIR: &str = "RHOSYNC_DATA_DIR";

/// The profile of whoever names none.
const DEFAULT_PROFILE: &str = "default";
/// The folder of ours in the user's folders of configuration and data.
const FOLDER: &str = "rhosync";

/// Options of every command.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Flags {
    /// The server, `https://host` for instance (or RHOSYNC_SERVER).
    #[arg(global = true, long, value_name = "URL")]
    pub(crate) server: Option<String>,

    /// The API token (better in RHOSYNC_TOKEN or by `rhosync login`: others on this machine can see options).
    #[arg(global = true, long)]
    pub(crate) token: Option<String>,

    /// The profile of the configuration file to use (or RHOSYNC_PROFILE) [default: default].
    #[arg(global = true, long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The configuration file (or RHOSYNC_CONFIG; `rhosync config show` tells which).
    #[arg(global = true, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// What is done with the configuration.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows what is in effect and where it comes from; secrets are hidden.
    Show,
}

/// A text that nobody is shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// A server of the configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    /// Its address.
    server: Option<String>,
    /// The API token for it.
    token: Option<Secret>,
    /// Until when the token is good, where `login` has made it.
    token_ends: Option<String>,
    /// Who uses devices.
    user: Option<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// An option.
    Option,
    /// The environment.
    Environment,
    /// The configuration file.
    File,
}

impl Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Option => "option",
            Self::Environment => "environment",
            Self::File => "configuration file",
        })
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Setting<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it comes from.
    pub(crate) source: Source,
}

/// The first of these that is there.
fn first<T>(option: Option<T>, environment: Option<T>, file: Option<T>) -> Option<Setting<T>> {
    let from = |value: Option<T>, source| value.map(|value| Setting { value, source });
    from(option, Source::Option)
        .or(from(environment, Source::Environment))
        .or(from(file, Source::File))
}

/// What is in effect.
#[derive(Debug)]
pub(crate) struct Settings {
    file: PathBuf,
    profile: String,
    server: Option<Setting<String>>,
    token: Option<Setting<Secret>>,
    token_ends: Option<String>,
    user: Option<Setting<String>>,
    password: Option<Secret>,
    data_dir: PathBuf,
}

impl Settings {
    /// Reads the configuration file and the environment.
    pub(crate) fn load(flags: Flags, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let environment = |name| environment(name).filter(|value| !value.is_empty());
        let Flags {
            server,
            token,
            profile,
            config,
        } = flags;
        let file = match config.or_else(|| environment(CONFIG).map(PathBuf::from)) {
            Some(file) => file,
            None => folders()?.config_dir().join(FOLDER).join("config.toml"),
        };
        let data_dir = match environment(DATA_DIR) {
            Some(folder) => folder.into(),
            None => folders()?.data_dir().join(FOLDER),
        };
        let named = profile.or_else(|| environment(PROFILE));
        let is_named = named.is_some();
        let name = named.unwrap_or_else(|| DEFAULT_PROFILE.to_owned());
        let text = files::read(&file)?.unwrap_or_default();
        let mut profiles: BTreeMap<String, Profile> = toml_edit::de::from_str(&text)
            .with_context(|| format!("{} cannot be understood", file.display()))?;
        let stored = profiles.remove(&name);
        // A profile that `login` is about to make names its server; any other one is a slip.
        if is_named && stored.is_none() && server.is_none() {
            return Err(advised(
                format!("{} has no profile {name}", file.display()),
                format!("`rhosync login --profile {name} --server URL` makes it"),
            ));
        }
        let stored = stored.unwrap_or_default();

        let file_server = stored.server.as_deref().map(address).transpose();
        let file_server = file_server.with_context(|| format!("{}, {name}", file.display()))?;
        let server = first(
            server.as_deref().map(address).transpose()?,
            environment(SERVER)
                .as_deref()
                .map(address)
                .transpose()
                .context(SERVER)?,
            file_server.clone(),
        );
        // A server is told no other's token.
        let is_files = file_server.is_some()
            && server.as_ref().map(|server| &server.value) == file_server.as_ref();
        let token = first(
            token.map(Secret),
            environment(TOKEN).map(Secret),
            stored.token.filter(|_| is_files),
        );
        Ok(Self {
            token_ends: stored
                .token_ends
                .filter(|_| token.as_ref().map(|token| token.source) == Some(Source::File)),
            user: first(None, environment(USER), stored.user),
            password: environment(PASSWORD).map(Secret),
            file,
            profile: name,
            server,
            token,
            data_dir,
        })
    }

    /// The server's address, without a slash at its end.
    pub(crate) fn server(&self) -> Result<&str> {
        match &self.server {
            Some(server) => Ok(&server.value),
            None => Err(advised(
                "no server is named",
                "name one with --server URL or RHOSYNC_SERVER; `rhosync login --server URL` remembers it",
            )),
        }
    }

    /// The token for the server.
    pub(crate) fn token(&self) -> Result<&Setting<Secret>> {
        let server = self.server()?;
        self.token.as_ref().ok_or_else(|| {
            advised(
                format!("not logged in to {server}"),
                "`rhosync login` logs an administrator in; or set RHOSYNC_TOKEN to an API token",
            )
        })
    }

    /// Whether the token is one that `login` has made and remembered.
    pub(crate) fn is_login(&self) -> bool {
        self.token_ends.is_some()
    }

    /// Who uses a device, if `named` does not say.
    pub(crate) fn user<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str> {
        match (named, &self.user) {
            (Some(user), _) => Ok(user),
            (None, Some(user)) => Ok(&user.value),
            (None, None) => Err(advised(
                "no user is named",
                "name one with --user or RHOSYNC_USER, or as `user` in the configuration file",
            )),
        }
    }

    /// The password that the environment has for this user: that of the user whom it names, if it names one.
    pub(crate) fn password_of(&self, user: &str) -> Option<&Secret> {
        let is_another = self
            .user
            .as_ref()
            .is_some_and(|named| named.source == Source::Environment && named.value != user);
        self.password.as_ref().filter(|_| !is_another)
    }

    /// The folder of what is kept from call to call.
    pub(crate) fn data_dir(&self) -> &std::path::Path {
        &self.data_dir
    }

    /// Writes the server and a token for it to the configuration file, and answers its path.
    pub(crate) fn remember(&self, token: &str, token_ends: Option<&str>) -> Result<&PathBuf> {
        let server = self.server()?;
        self.edit(|profile| {
            profile["server"] = value(server);
            profile["token"] = value(token);
            profile["token_ends"] = token_ends.map_or(Item::None, value);
        })
    }

    /// Takes the token out of the configuration file, and answers its path.
    pub(crate) fn forget_token(&self) -> Result<&PathBuf> {
        self.edit(|profile| {
            profile["token"] = Item::None;
            profile["token_ends"] = Item::None;
        })
    }

    /// Changes a profile; what else is in the file, comments too, stays as it is.
    fn edit(&self, change: impl FnOnce(&mut Item)) -> Result<&PathBuf> {
        let mut document: DocumentMut = files::read(&self.file)?.unwrap_or_default().parse()?;
        let profile = document
            .entry(&self.profile)
            .or_insert_with(toml_edit::table);
        change(profile);
        files::write_private(&self.file, document.to_string().as_bytes())?;
        Ok(&self.file)
    }
}

/// Where the system's users keep things.
fn folders() -> Result<impl etcetera::BaseStrategy> {
    etcetera::choose_base_strategy().context("this user has no home folder")
}

/// A server's address as it is used.
fn address(text: &str) -> Result<String> {
    let text = text.trim().trim_end_matches('/');
    let is_http = ["http://", "https://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|host| !host.is_empty())
    });
    if !is_http || text.contains(char::is_whitespace) {
        bail!("{text:?} is no server's address; write it as https://host or http://host:port");
    }
    Ok(text.to_owned())
}

/// Shows what is in effect.
pub(crate) fn show(settings: &Settings, json: bool) -> Result<()> {
    let Settings {
        file,
        profile,
        server,
        token,
        token_ends,
        user,
        password,
        data_dir,
    } = settings;
    if json {
        let from = |value: &str, source: Source| json!({"value": value, "from": source});
        let shown = json!({
            "config": file,
            "profile": profile,
            "server": server.as_ref().map(|it| from(&it.value, it.source)),
            "token": token.as_ref().map(|it| from("***", it.source)),
            "token_ends": token_ends,
            "user": user.as_ref().map(|it| from(&it.value, it.source)),
            "password": password.as_ref().map(|_| from("***", Source::Environment)),
            "data": data_dir,
        });
        say!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut row = |name: &str, value: &str, source: String| {
        table.add_row([name, value, &source]);
    };
    let there = if file.exists() { "" } else { "not there" };
    row("config", &file.display().to_string(), there.to_owned());
    row("profile", profile, String::new());
    for (name, setting) in [("server", server), ("user", user)] {
        match setting {
            Some(Setting { value, source }) => row(name, value, source.to_string()),
            None => row(name, "-", String::new()),
        }
    }
    match (token, token_ends) {
        (Some(token), Some(ends)) => row("token", "***", format!("{}, until {ends}", token.source)),
        (Some(token), None) => row("token", "***", token.source.to_string()),
        (None, _) => row("token", "-", String::new()),
    }
    if password.is_some() {
        row("password", "***", Source::Environment.to_string());
    }
    row("data", &data_dir.display().to_string(), String::new());
    say!("{}", table.trim_fmt());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "# mine\n[default]\nserver = \"https://file/\"\ntoken = \"of the file\"\nuser = \"anna\"\n";

    /// What is in effect with a file, an environment and options.
    fn load(file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, file).unwrap();
        let flags = Flags {
            config: Some(path),
            ..flags
        };
        let environment = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::load(flags, &environment)
    }

    fn flags(server: Option<&str>, token: Option<&str>) -> Flags {
        Flags {
            server: server.map(str::to_owned),
            token: token.map(str::to_owned),
            ..Flags::default()
        }
    }

    fn shown(setting: &Option<Setting<String>>) -> Option<(&str, Source)> {
        setting.as_ref().map(|it| (&*it.value, it.source))
    }

    fn token(settings: &Settings) -> Option<(&str, Source)> {
        let token = settings.token.as_ref();
        token.map(|it| (&*it.value.0, it.source))
    }

    #[test]
    fn options_come_before_the_environment_and_the_environment_before_the_file() {
        let of_file = load(FILE, &[], Flags::default()).unwrap();
        assert_eq!(shown(&of_file.server), Some(("https://file", Source::File)));
        assert_eq!(token(&of_file), Some(("of the file", Source::File)));

        let environment = [
            (SERVER, "http://environment"),
            (TOKEN, "environment's"),
            (USER, "ben"),
        ];
        let settings = load(FILE, &environment, Flags::default()).unwrap();
        let expected = Some(("http://environment", Source::Environment));
        assert_eq!(shown(&settings.server), expected);
        assert_eq!(
            token(&settings),
            Some(("environment's", Source::Environment))
        );
        assert_eq!(settings.user(None).unwrap(), "ben");
        assert_eq!(settings.user(Some("eve")).unwrap(), "eve");

        let settings = load(
            FILE,
            &environment,
            flags(Some("http://option"), Some("option's")),
        );
        let settings = settings.unwrap();
        assert_eq!(
            shown(&settings.server),
            Some(("http://option", Source::Option))
        );
        assert_eq!(token(&settings), Some(("option's", Source::Option)));
    }

    #[test]
    fn a_server_is_never_told_the_token_of_another_one() {
        let settings = load(FILE, &[], flags(Some("https://elsewhere"), None)).unwrap();
        assert_eq!(token(&settings), None);
        let settings = load(FILE, &[], flags(Some("https://file"), None)).unwrap();
        assert_eq!(token(&settings), Some(("of the file", Source::File)));
    }

    #[test]
    fn a_password_is_the_one_of_the_user_whom_the_environment_names() {
        let named = load("", &[(USER, "anna"), (PASSWORD, "x")], Flags::default()).unwrap();
        assert!(named.password_of("anna").is_some() && named.password_of("ben").is_none());
        let unnamed = load(FILE, &[(PASSWORD, "x")], Flags::default()).unwrap();
        assert!(unnamed.password_of("ben").is_some());
    }

    #[test]
    fn an_empty_variable_is_none() {
        let settings = load(FILE, &[(TOKEN, "")], Flags::default()).unwrap();
        assert_eq!(token(&settings), Some(("of the file", Source::File)));
    }

    #[test]
    fn what_is_missing_is_said() {
        let settings = load("", &[], Flags::default()).unwrap();
        let error = settings.server().unwrap_err().to_string();
        assert_eq!(error, "no server is named");
        let settings = load("", &[], flags(Some("http://a"), None)).unwrap();
        let error = settings.token().unwrap_err().to_string();
        assert_eq!(error, "not logged in to http://a");
        let error = load("", &[(PROFILE, "test")], Flags::default()).unwrap_err();
        assert!(
            error.to_string().ends_with("has no profile test"),
            "{error}"
        );
        let error = load("", &[], flags(Some("example.com"), None)).unwrap_err();
        assert!(error.to_string().contains("https://host"), "{error}");
        let error = load("[default]\nservr = 1", &[], Flags::default()).unwrap_err();
        assert!(format!("{error:#}").contains("servr"), "{error:#}");
    }

    #[test]
    fn a_login_is_remembered_beside_what_the_user_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, FILE).unwrap();
        let load = |profile: &str, server: Option<&str>| {
            let flags = Flags {
                config: Some(path.clone()),
                profile: Some(profile.to_owned()),
                ..flags(server, None)
            };
            Settings::load(flags, &|_| None).unwrap()
        };
        let settings = load("test", Some("http://test"));
        settings
            .remember("new", Some("2030-01-01T00:00:00Z"))
            .unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().starts_with(FILE));

        let settings = load("test", None);
        assert_eq!(token(&settings), Some(("new", Source::File)));
        assert!(settings.is_login());
        settings.forget_token().unwrap();
        let settings = load("test", None);
        assert_eq!(token(&settings), None);
        assert_eq!(shown(&settings.server), Some(("http://test", Source::File)));
        assert_eq!(
            token(&load("default", None)),
            Some(("of the file", Source::File))
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let settings = load(FILE, &[(PASSWORD, "hush")], Flags::default()).unwrap();
        let debug = format!("{settings:?}");
        assert!(
            !debug.contains("of the file") && !debug.contains("hush"),
            "{debug}"
        );
    }
}
