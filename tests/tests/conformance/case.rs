//! The notation of cases. See `tests/conformance/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A file of the suite: exchanges in their order.
#[derive(Debug)]
pub(crate) struct Case {
    /// `device/pull`.
    pub(crate) name: String,
    pub(crate) runs_alone: bool,
    pub(crate) fixtures: Vec<Fixture>,
    pub(crate) exchanges: Vec<Exchange>,
}

/// What a case needs before it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fixture {
    /// A user of the case's own.
    User { user: String },
    /// A session of a user.
    Session { session: String, user: String },
    /// A session of a user with a client.
    Device { device: String, user: String },
    /// A header that goes with every request of the case.
    Header { name: String, value: String },
}

/// Name and value of a header.
pub(crate) type Header = (String, String);

/// A request and the answer it must get.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Place in the file, from 1.
    pub(crate) line: usize,
    pub(crate) title: String,
    /// Whether it is repeated until the answer is the expected one.
    pub(crate) is_repeated: bool,
    pub(crate) method: String,
    /// A path, or an address with `http://`; with placeholders.
    pub(crate) target: String,
    pub(crate) headers: Vec<Header>,
    pub(crate) body: String,
    pub(crate) status: u16,
    pub(crate) expected_headers: Vec<Header>,
    pub(crate) expected_body: String,
}

/// The folder of the cases.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

/// Every case there is, by name.
pub(crate) fn read_all() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for area in entries(&folder())? {
        if !area.is_dir() {
            continue;
        }
        for file in entries(&area)? {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let name = name_of(&area, &file);
            cases.push(parse(&name, &text).with_context(|| format!("{name}.http"))?);
        }
    }
    if cases.is_empty() {
        bail!("there are no cases in {}", folder().display());
    }
    Ok(cases)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries: std::io::Result<Vec<PathBuf>> =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut entries = entries.with_context(|| format!("cannot list {}", folder.display()))?;
    entries.sort();
    Ok(entries)
}

fn name_of(area: &Path, file: &Path) -> String {
    let part = |path: &Path| {
        let name = path.file_stem().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    format!("{}/{}", part(area), part(file))
}

fn parse(name: &str, text: &str) -> Result<Case> {
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at].starts_with("###"))
        .collect();
    let first = starts
        .first()
        .copied()
        .context("there is no exchange: they begin with ###")?;
    let mut case = Case {
        name: name.to_owned(),
        runs_alone: false,
        fixtures: Vec::new(),
        exchanges: Vec::new(),
    };
    for (at, line) in lines[..first].iter().enumerate() {
        preamble(&mut case, line).with_context(|| format!("line {}", at + 1))?;
    }
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(lines.len());
        let exchange = exchange(*start + 1, &lines[*start..end])
            .with_context(|| format!("line {}", start + 1))?;
        case.exchanges.push(exchange);
    }
    Ok(case)
}

fn preamble(case: &mut Case, line: &str) -> Result<()> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let fixture = match words.as_slice() {
        [] => return Ok(()),
        [first, ..] if first.starts_with('#') => return Ok(()),
        ["@alone"] => {
            case.runs_alone = true;
            return Ok(());
        }
        ["@user", user] => Fixture::User {
            user: (*user).to_owned(),
        },
        ["@session", session, user] => Fixture::Session {
            session: (*session).to_owned(),
            user: (*user).to_owned(),
        },
        ["@device", device, user] => Fixture::Device {
            device: (*device).to_owned(),
            user: (*user).to_owned(),
        },
        ["@header", rest @ ..] => {
            let (name, value) = header(&rest.join(" "))?;
            Fixture::Header { name, value }
        }
        _ => bail!("{line:?} is neither a comment nor @user, @session, @device, @header or @alone"),
    };
    case.fixtures.push(fixture);
    Ok(())
}

fn exchange(line: usize, lines: &[&str]) -> Result<Exchange> {
    let title = lines[0].trim_start_matches('#').trim().to_owned();
    let (is_repeated, rest) = match &lines[1..] {
        ["@eventually", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let cut = rest
        .iter()
        .position(|line| *line == "--")
        .context("there is no -- between request and answer")?;
    let (request, answer) = (&rest[..cut], &rest[cut + 1..]);
    let (first, headers, body) = message(request)?;
    let (method, target) = first
        .split_once(' ')
        .context("the first line is no METHOD and address")?;
    let (status, expected_headers, expected_body) = message(answer)?;
    Ok(Exchange {
        line,
        title,
        is_repeated,
        method: method.to_owned(),
        target: target.trim().to_owned(),
        headers,
        body,
        status: status
            .parse()
            .context("the answer does not begin with a status")?,
        expected_headers,
        expected_body,
    })
}

/// First line, headers, and after an empty line the body, without empty lines at its end.
fn message(lines: &[&str]) -> Result<(String, Vec<Header>, String)> {
    let begin = lines
        .iter()
        .position(|line| !line.is_empty())
        .context("a request or an answer is missing")?;
    let lines = &lines[begin..];
    let end = lines
        .iter()
        .position(|line| line.is_empty())
        .unwrap_or(lines.len());
    let headers = lines[1..end]
        .iter()
        .map(|line| header(line))
        .collect::<Result<_>>()?;
    let body = lines[end..].join("\n");
    Ok((
        lines[0].to_owned(),
        headers,
        body.trim_matches('\n').to_owned(),
    ))
}

fn header(line: &str) -> Result<Header> {
    let (name, value) = line
        .split_once(':')
        .with_context(|| format!("{line:?} is no header"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
