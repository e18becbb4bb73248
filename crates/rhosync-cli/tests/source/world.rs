//! A back end, an application, and the program.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

/// A request as the back end has seen it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A back end that answers by method and address, until the test is over.
pub(crate) struct BackEnd {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub(crate) type Answer = (u16, String);

impl BackEnd {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_raw(move |asked| {
            let (status, body) = answer(asked);
            message(status, "set-cookie: s=secret-cookie\r\n", body.as_bytes())
        })
    }

    /// One whose answers are whole messages.
    pub(crate) fn start_raw(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
                thread::spawn(move || serve(&stream, &noted, &*answer));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

/// An answer with these headers, each with its line's end.
pub(crate) fn message(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn serve(stream: &TcpStream, noted: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> Vec<u8>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.to_ascii_lowercase();
        let length = length
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let line = head.lines().next().unwrap();
        let asked = Asked {
            line: line.trim_end_matches(" HTTP/1.1").to_owned(),
            body: String::from_utf8(body).unwrap(),
            head,
        };
        noted.lock().unwrap().push(asked.clone());
        if (&*stream).write_all(&answer(&asked)).is_err() {
            return;
        }
    }
}

/// An application's folder with these settings, and `spin.toml` with these variables.
pub(crate) fn application(settings: &str, variables: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rhosync.toml"), settings).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| format!("{name} = {{ default = {value:?} }}\n"));
    let manifest = format!("[variables]\n{}", variables.collect::<String>());
    fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    folder
}

pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.error))
    }
}

/// Runs `rhosync source` in an application's folder, with nothing of this machine's environment.
pub(crate) fn source(folder: &Path, arguments: &[&str]) -> Said {
    with_environment(folder, arguments, &[])
}

pub(crate) fn with_environment(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhosync"));
    command
        .arg("source")
        .args(arguments)
        .current_dir(folder)
        .env_clear();
    command
        .env("HOME", folder)
        .envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code(),
        out: text(output.stdout),
        error: text(output.stderr),
    }
}
