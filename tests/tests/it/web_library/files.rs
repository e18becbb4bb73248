//! Serves an app's files to a browser.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

/// A page without anything.
const PAGE: &str =
    "<!doctype html><html lang=\"en\"><title>An app</title><link rel=\"icon\" href=\"data:,\">";

/// The files, as long as this lives.
pub(super) struct Files {
    address: SocketAddr,
}

impl Files {
    /// Serves the package that `cargo xtask test` has made, and an empty page.
    pub(super) fn serve() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/web/dist");
        assert!(
            folder.join("index.js").is_file(),
            "there is no {}: `cargo xtask build web-library` makes it",
            folder.display()
        );
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        // It ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let folder = folder.clone();
                thread::spawn(move || answer(&stream, &folder));
            }
        });
        Self { address }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

/// Answers one request. A browser that goes away meanwhile is none of the test's business.
fn answer(stream: &TcpStream, folder: &Path) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default();
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    let (status, kind, content) = match path {
        "/" => ("200 OK", "text/html", PAGE.as_bytes().to_vec()),
        path => match fs::read(file(folder, path)) {
            Ok(content) => ("200 OK", kind(path), content),
            Err(_) => ("404 Not Found", "text/plain", Vec::new()),
        },
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    let mut stream = stream;
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&content));
}

fn file(folder: &Path, path: &str) -> PathBuf {
    folder.join(path.rsplit('/').next().unwrap_or_default())
}

fn kind(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|it| it.to_str()) {
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
