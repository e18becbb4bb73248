//! What a back end was asked and has answered, as files to read and to mend by hand.
//!
//! Each exchange is two files with HTTP messages, `01-request.http` and `01-answer.http`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sync_client::rhoconnect::Attributes;

use super::application::Variables;
use super::network::Exchange;
use super::trial::Question;
use crate::advice::misused;
use crate::files;

const RECORDING: &str = "recording.toml";
const OBJECTS: &str = "objects.json";

/// Most headers of a message.
const MAX_HEADERS: usize = 100;

/// What was recorded.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recording {
    #[serde(flatten)]
    pub(super) question: Question,
    /// The variables of the settings; secrets are not among them.
    #[serde(default)]
    pub(super) variables: Variables,
}

/// The objects that the answers were mapped to, by their ids.
pub(super) type Objects = BTreeMap<String, Attributes>;

/// Writes a recording in place of what is there.
pub(super) fn write(
    folder: &Path,
    recording: &Recording,
    exchanges: &[Exchange],
    objects: &Objects,
) -> Result<()> {
    let in_folder = |name: &str| folder.join(name);
    let failed = || format!("cannot write {}", folder.display());
    fs::create_dir_all(folder).with_context(failed)?;
    for old in messages(folder)? {
        fs::remove_file(in_folder(&old)).with_context(failed)?;
    }
    for (number, Exchange { request, answer }) in (1..).zip(exchanges) {
        let line = format!("{} {} HTTP/1.1", request.method(), request.uri());
        let message = message(&line, request.headers(), request.body());
        fs::write(in_folder(&format!("{number:02}-request.http")), message).with_context(failed)?;
        if let Some(answer) = answer {
            let line = format!("HTTP/1.1 {}", answer.status());
            let message = self::message(&line, answer.headers(), answer.body());
            fs::write(in_folder(&format!("{number:02}-answer.http")), message)
                .with_context(failed)?;
        }
    }
    let recording = toml_edit::ser::to_string_pretty(recording)?;
    fs::write(in_folder(RECORDING), recording).with_context(failed)?;
    let objects = serde_json::to_string_pretty(objects)?;
    fs::write(in_folder(OBJECTS), format!("{objects}\n")).with_context(failed)
}

/// Reads a recording; of its objects only, whether there are any to compare with.
pub(super) fn read(folder: &Path) -> Result<(Recording, Vec<Exchange>, Option<Objects>)> {
    let Some(recording) = files::read(&folder.join(RECORDING))? else {
        return Err(misused(
            format!("{} has no fixtures", folder.display()),
            "`rhosync source record` makes them",
        ));
    };
    let recording = toml_edit::de::from_str(&recording);
    let recording = recording.with_context(|| format!("{RECORDING} cannot be understood"))?;
    let mut exchanges = Vec::new();
    for name in messages(folder)? {
        let Some(number) = name.strip_suffix("-request.http") else {
            continue;
        };
        let read = |name: &str| fs::read(folder.join(name)).with_context(|| name.to_owned());
        let request = request(&read(&name)?).with_context(|| name.clone())?;
        let answer = format!("{number}-answer.http");
        let answer = match folder.join(&answer).exists() {
            false => None,
            true => Some(self::answer(&read(&answer)?).with_context(|| answer)?),
        };
        exchanges.push(Exchange { request, answer });
    }
    let objects = files::read(&folder.join(OBJECTS))?;
    let objects = objects.map(|text| serde_json::from_str(&text)).transpose();
    Ok((recording, exchanges, objects.context(OBJECTS)?))
}

/// The names of the messages in a folder, in their order.
fn messages(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with("-request.http") || name.ends_with("-answer.http") {
            names.push(name);
        }
    }
    let number = |name: &String| name.split('-').next().and_then(|it| it.parse::<u32>().ok());
    names.sort_by_key(number);
    Ok(names)
}

fn message(first: &str, headers: &http::HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut head = format!("{first}\n");
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let _ = writeln!(head, "{name}: {value}");
    }
    head.push('\n');
    [head.as_bytes(), body].concat()
}

fn request(text: &[u8]) -> Result<http::Request<Bytes>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(text)? else {
        bail!("the message has no empty line behind its headers");
    };
    let mut request = http::Request::builder()
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default());
    for header in parsed.headers.iter() {
        request = request.header(header.name, header.value);
    }
    Ok(request.body(body(text, length))?)
}

fn answer(text: &[u8]) -> Result<http::Response<Bytes>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(text)? else {
        bail!("the message has no empty line behind its headers");
    };
    let mut answer = http::Response::builder().status(parsed.code.unwrap_or_default());
    for header in parsed.headers.iter() {
        answer = answer.header(header.name, header.value);
    }
    Ok(answer.body(body(text, length))?)
}

fn body(text: &[u8], begin: usize) -> Bytes {
    Bytes::copy_from_slice(text.get(begin..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let exchange = |number: usize| Exchange {
            request: http::Request::post(format!("http://a:1/x?page={number}"))
                .header("accept", "text/xml")
                .body(Bytes::from_static(b"<a/>\n\n<b/>"))
                .unwrap(),
            answer: (number != 3).then(|| {
                let answer = http::Response::builder()
                    .status(404)
                    .header("etag", "\"7\"");
                answer.body(Bytes::from_static(b"\xff\0")).unwrap()
            }),
        };
        let recording = Recording {
            question: Question {
                user: "anna".to_owned(),
                partitions: Vec::new(),
                parameters: vec![("city".to_owned(), "Bern".to_owned())],
                ..Question::default()
            },
            variables: [("url".to_owned(), "http://a:1".to_owned())].into(),
        };
        let objects = Objects::from([("1".to_owned(), Attributes::new())]);
        let many: Vec<_> = (1..12).map(exchange).collect();
        write(folder.path(), &recording, &many, &objects).unwrap();
        let few = many.get(..4).unwrap();
        write(folder.path(), &recording, few, &objects).unwrap();
        let (back, exchanges, same) = read(folder.path()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{recording:?}"));
        assert_eq!(format!("{exchanges:?}"), format!("{few:?}"));
        assert_eq!(same, Some(objects));
    }
}
