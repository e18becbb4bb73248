//! `rhosync source new`: settings to begin with, and a test of them.

mod columns;
mod openapi;
mod openapi_paging;
mod proposal;
mod wsdl;
mod wsdl_schema;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use comfy_table::{Table, presets};
use http::Request;
use sync_client::rhoconnect::{Transport as _, UreqTransport};

use self::proposal::{Proposal, RestProposal, Rows};
use super::application::{Place, Variables};
use super::check::{ANYBODY, tried};
use super::fixtures::{self, Recording};
use super::network::Network;
use super::secrets::Secrets;
use super::trial::Question;
use crate::advice::misused;
use crate::files;
use crate::term::{GOOD, say};

/// How long a document of the web may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Writes the settings of a new source, with a test that needs no network.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rhosync source new Order --url https://crm.example.com/orders
  rhosync source new Product --maker sql --table products
  rhosync source new Customer --maker soap --url https://erp.example.com/customers
  rhosync source new --from-openapi openapi.yaml           # what there is
  rhosync source new Order --from-openapi https://crm.example.com/openapi.json
  rhosync source new Customer --from-wsdl service.wsdl
  rhosync source replay Order                              # the test")]
pub(in crate::source) struct New {
    /// The source; with --from-openapi, nothing lists what could be one.
    name: Option<String>,

    /// The settings file; it is made if it is not there.
    #[arg(long, value_name = "FILE", default_value = "rhosync.toml")]
    settings: PathBuf,

    /// What connects the source to its back end.
    #[arg(long, value_enum, default_value_t = Maker::Rest)]
    maker: Maker,

    /// The back end's address.
    #[arg(long)]
    url: Option<String>,

    /// The table of a database.
    #[arg(long, conflicts_with = "query")]
    table: Option<String>,

    /// In place of a table: the query that gives the rows.
    #[arg(long)]
    query: Option<String>,

    /// Propose settings from an OpenAPI document, JSON or YAML.
    #[arg(long, value_name = "FILE|URL", conflicts_with_all = ["maker", "from_wsdl"])]
    from_openapi: Option<String>,

    /// The path of the collection in the OpenAPI document, where the source's name does not tell.
    #[arg(long, requires = "from_openapi")]
    path: Option<String>,

    /// Propose settings from a WSDL document.
    #[arg(long, value_name = "FILE|URL", conflicts_with = "maker")]
    from_wsdl: Option<String>,
}

/// What connects a source to its back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Maker {
    /// A declared HTTP interface.
    Rest,
    /// A declared SOAP interface.
    Soap,
    /// A database: PostgreSQL, MySQL or MariaDB.
    Sql,
    /// The plugin protocol.
    Http,
    /// Nothing: the back end sends its objects.
    PushOnly,
}

impl New {
    pub(in crate::source) fn run(&self) -> Result<ExitCode> {
        let Some(name) = &self.name else {
            let Some(document) = &self.from_openapi else {
                return Err(misused("no source is named", "`rhosync source new NAME`"));
            };
            list(&self.collections(document)?);
            return Ok(ExitCode::SUCCESS);
        };
        let place = Place {
            name: name.clone(),
            settings: self.settings.clone(),
        };
        let known = files::read(&self.settings)?.unwrap_or_default();
        let known: toml_edit::DocumentMut = known
            .parse()
            .with_context(|| format!("{} cannot be understood", place.file()))?;
        let sources = known
            .get("sources")
            .and_then(toml_edit::Item::as_table_like);
        if sources.is_some_and(|sources| sources.contains_key(name)) {
            let problem = format!("{} has a source {name} already", place.file());
            return Err(misused(problem, "choose another name"));
        }
        let proposal = self.proposal(name)?;
        let is_first = known.is_empty();
        append(&self.settings, &proposal.settings, is_first)?;
        say!("{GOOD}{}{GOOD:#} has a source {name}.", place.file());
        if let Some(example) = &proposal.example {
            self.write_test(&place, &proposal, example)?;
        }
        for step in &proposal.next {
            say!("- {step}");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn proposal(&self, name: &str) -> Result<Proposal> {
        if let Some(document) = &self.from_openapi {
            let collections = self.collections(document)?;
            let chosen = collections.iter().find(|it| match &self.path {
                Some(path) => it.path == *path,
                None => it.name.eq_ignore_ascii_case(name),
            });
            let known = || {
                let paths = collections.iter().map(|it| it.path.as_str());
                let paths = paths.collect::<Vec<_>>().join(", ");
                misused(
                    format!("{document} has no collection that is called {name}"),
                    format!("name its path with --path; there are {paths}"),
                )
            };
            return Ok(chosen.ok_or_else(known)?.rest.proposal(name));
        }
        if let Some(document) = &self.from_wsdl {
            let texts = wsdl_schema::with_imports(document, read)?;
            return wsdl::proposal(name, &texts, self.url.as_deref());
        }
        let is_sql = self.maker == Maker::Sql;
        if !is_sql && (self.table.is_some() || self.query.is_some()) {
            let problem = "--table and --query are of databases";
            return Err(misused(problem, "add `--maker sql`"));
        }
        if is_sql && self.url.is_some() {
            return Err(misused(
                "the address of a database has a password in it, which no settings file should have",
                "leave --url out: the settings name a variable",
            ));
        }
        let url = self.url.as_deref();
        Ok(match self.maker {
            Maker::Rest => RestProposal::skeleton(name, url).proposal(name),
            Maker::Soap => proposal::soap_skeleton(name, url),
            Maker::Sql => self.of_database(name)?,
            Maker::Http => proposal::plugin(name, url),
            Maker::PushOnly => proposal::push_only(name),
        })
    }

    /// The collections of an OpenAPI document.
    fn collections(&self, document: &str) -> Result<Vec<openapi::Collection>> {
        let text = read(document)?;
        let origin = origin_of(document);
        openapi::collections(&text, self.url.as_deref(), origin.as_deref())
            .with_context(|| format!("{document} cannot be used"))
    }

    /// A table whose database can be asked is described by what that says.
    fn of_database(&self, name: &str) -> Result<Proposal> {
        if let Some(query) = &self.query {
            return Ok(proposal::sql(name, Rows::Query(query)));
        }
        let table = self.table.clone().unwrap_or_else(|| name.to_lowercase());
        let place = Place {
            name: name.to_owned(),
            settings: self.settings.clone(),
        };
        let columns = match place.variable(&proposal::database_variable(name))? {
            None => Vec::new(),
            Some(address) => columns::columns(&address, &table)
                .with_context(|| format!("the columns of {table} cannot be read"))?,
        };
        Ok(proposal::sql(name, Rows::Table(&table, &columns)))
    }

    /// Has the new settings read an example, and keeps it as fixtures.
    fn write_test(&self, place: &Place, proposal: &Proposal, example: &str) -> Result<()> {
        let hidden = |name: &String| (name.clone(), "***".to_owned());
        let variables: Variables = proposal.variables.iter().map(hidden).collect();
        let application = place.open(&variables)?;
        let application =
            application.map_err(|problem| anyhow!("{}: {}", problem.key, problem.message))?;
        let network = Network::of_example(
            Bytes::copy_from_slice(example.as_bytes()),
            Secrets::default(),
        );
        let question = Question {
            user: ANYBODY.to_owned(),
            ..Question::default()
        };
        let tried = tried(application, &question, network, "")?;
        let tried = tried.map_err(|problem| anyhow!("{}: {}", problem.key, problem.message))?;
        let recording = Recording {
            question,
            variables,
        };
        let folder = place.folder().join("fixtures").join(&place.name);
        ensure!(!folder.exists(), "{} is there already", folder.display());
        fixtures::write(&folder, &recording, &tried.network, &tried.findings.objects)?;
        say!(
            "{GOOD}{}{GOOD:#} has a test with made-up records: `rhosync source replay {}`.",
            folder.display(),
            place.name
        );
        Ok(())
    }
}

/// The server that a document comes from; nothing for a file.
fn origin_of(document: &str) -> Option<String> {
    let is_of_web = document.starts_with("http://") || document.starts_with("https://");
    is_of_web.then(|| document.split('/').take(3).collect::<Vec<_>>().join("/"))
}

/// Adds settings at the end of a file.
fn append(path: &PathBuf, settings: &str, is_first: bool) -> Result<()> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        let gap = if is_first { "" } else { "\n" };
        file.write_all(format!("{gap}{settings}").as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// A document, of a file or of the web.
fn read(document: &str) -> Result<String> {
    if !document.starts_with("http://") && !document.starts_with("https://") {
        return fs::read_to_string(document).with_context(|| format!("cannot read {document}"));
    }
    let answer = UreqTransport::new(TIMEOUT).send(Request::get(document).body(Bytes::new())?);
    let answer = answer.with_context(|| format!("cannot read {document}"))?;
    ensure!(
        answer.status().is_success(),
        "{document}: {}",
        answer.status()
    );
    Ok(String::from_utf8(answer.into_body().into())?)
}

fn list(collections: &[openapi::Collection]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["source", "path", "devices can"]);
    for collection in collections {
        let can = collection.can.join(", ");
        table.add_row([&collection.name, &collection.path, &can]);
    }
    say!("{table}");
    say!("`rhosync source new NAME --from-openapi …` writes one of them.");
}
