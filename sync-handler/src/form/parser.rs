//! Multipart forms (RFC 7578), read piece by piece.
//!
//! The parser does no input of its own: bytes in, events out. Whatever comes, it holds no more than the bytes it was
//! given last and [`MAX_HEADER_BYTES`]; the libraries there are read ahead as far as the other end sends.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use memchr::memmem;

/// Most bytes of a part's headers, and of what may stand before the first part.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Longest boundary (RFC 2046).
const MAX_BOUNDARY_BYTES: usize = 70;

/// What a form brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A part begins.
    Part(Part),
    /// More of the part's content.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// The form is complete.
    End,
}

/// What a part says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
}

/// Why a body is not a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormError {
    #[error("there is something before the first part")]
    NoBeginning,
    #[error("a boundary is followed by something else than a part")]
    StrayBoundary,
    #[error("a part's headers have more than {MAX_HEADER_BYTES} bytes")]
    LongHeaders,
    #[error("a part's headers cannot be read")]
    BadHeaders,
    #[error("a part has no name")]
    NoName,
    #[error("it ends in the middle")]
    Incomplete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Beginning,
    AfterBoundary,
    Headers,
    Data,
    End,
}

/// Reads one form.
#[derive(Debug)]
pub(super) struct Parser {
    /// Line break, two dashes, boundary.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    state: State,
}

/// The boundary of a form, if the headers say that the body is one.
pub(super) fn boundary(headers: &HeaderMap) -> Option<String> {
    let content_type = headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    let (media_type, parameters) = content_type.split_once(';')?;
    if !media_type
        .trim()
        .eq_ignore_ascii_case("multipart/form-data")
    {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    (1..=MAX_BOUNDARY_BYTES)
        .contains(&boundary.len())
        .then_some(boundary)
}

impl Parser {
    pub(super) fn new(boundary: &str) -> Self {
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // The first boundary needs no line break before it, so it gets one here.
            buffer: BytesMut::from(&b"\r\n"[..]),
            state: State::Beginning,
        }
    }

    /// Takes more of the body. Everything before has to be read out first.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// There is no more: an error, unless the form was complete.
    pub(super) fn finish(&self) -> Result<(), FormError> {
        if self.state == State::End {
            Ok(())
        } else {
            Err(FormError::Incomplete)
        }
    }

    /// The next event; `None` where more of the body is needed.
    pub(super) fn next(&mut self) -> Result<Option<Event>, FormError> {
        loop {
            match self.state {
                State::Beginning => match memmem::find(&self.buffer, &self.delimiter) {
                    Some(at) => self.pass(at + self.delimiter.len(), State::AfterBoundary),
                    None if self.buffer.len() > MAX_HEADER_BYTES => {
                        return Err(FormError::NoBeginning);
                    }
                    None => return Ok(None),
                },
                State::AfterBoundary => {
                    // Spaces may follow a boundary.
                    let spaces = |byte: &&u8| matches!(byte, b' ' | b'\t');
                    let padding = self.buffer.iter().take_while(spaces).count();
                    match self.buffer.get(padding..padding + 2) {
                        Some(b"\r\n") => self.pass(padding + 2, State::Headers),
                        Some(b"--") if padding == 0 => {
                            self.buffer.clear();
                            self.state = State::End;
                            return Ok(Some(Event::End));
                        }
                        Some(_) => return Err(FormError::StrayBoundary),
                        None if padding > MAX_HEADER_BYTES => return Err(FormError::StrayBoundary),
                        None => return Ok(None),
                    }
                }
                State::Headers => {
                    let is_empty = self.buffer.starts_with(b"\r\n");
                    let end = memmem::find(&self.buffer, b"\r\n\r\n").filter(|_| !is_empty);
                    return match end {
                        _ if is_empty => Err(FormError::NoName),
                        Some(at) if at <= MAX_HEADER_BYTES => {
                            let headers = self.buffer.split_to(at + 4);
                            self.state = State::Data;
                            read_headers(&headers).map(|part| Some(Event::Part(part)))
                        }
                        None if self.buffer.len() <= MAX_HEADER_BYTES => Ok(None),
                        _ => Err(FormError::LongHeaders),
                    };
                }
                State::Data => {
                    let found = memmem::find(&self.buffer, &self.delimiter);
                    if found == Some(0) {
                        self.pass(self.delimiter.len(), State::AfterBoundary);
                        return Ok(Some(Event::PartEnd));
                    }
                    // What could be the begin of a boundary waits for what follows it.
                    let held = self.delimiter.len() - 1;
                    let ready = found.unwrap_or(self.buffer.len().saturating_sub(held));
                    if ready == 0 {
                        return Ok(None);
                    }
                    return Ok(Some(Event::Data(self.buffer.split_to(ready).freeze())));
                }
                State::End => return Ok(None),
            }
        }
    }

    fn pass(&mut self, bytes: usize, state: State) {
        let _ = self.buffer.split_to(bytes);
        self.state = state;
    }
}

fn read_headers(block: &[u8]) -> Result<Part, FormError> {
    let text = std::str::from_utf8(block).map_err(|_| FormError::BadHeaders)?;
    let mut part = Part::default();
    let mut is_form_data = false;
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(FormError::BadHeaders)?;
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
            is_form_data = kind.trim().eq_ignore_ascii_case("form-data");
            part.name = parameter(parameters, "name").unwrap_or_default();
            part.file_name = parameter(parameters, "filename");
        } else if name.trim().eq_ignore_ascii_case("content-type") {
            part.content_type = Some(value.trim().to_owned());
        }
    }
    if is_form_data && !part.name.is_empty() {
        Ok(part)
    } else {
        Err(FormError::NoName)
    }
}

/// A parameter of a header's value: `; name="value"`, with or without quotes.
fn parameter(mut rest: &str, wanted: &str) -> Option<String> {
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let value;
        (value, rest) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (value, rest) = after.split_at(end);
                (value.trim_end().to_owned(), rest)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
    }
}

/// Reads up to the closing quote. A backslash escapes a quote only: some devices send whole Windows paths.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..).unwrap_or_default())),
            '\\' if matches!(characters.peek(), Some((_, '"'))) => {
                characters.next();
                value.push('"');
            }
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The form of the protocol's documentation.
    const FORM: &str = "--xYz\r\nContent-Disposition: form-data; name=\"img_file-b1\"; filename=\"photo.png\"\r\n\
        Content-Type: application/octet-stream\r\n\r\nPNG\r\n--xY data\r\n--xYz \r\n\
        content-disposition:form-data;name=cud\r\n\r\n{}\r\n--xYz--\r\n";

    /// Feeds a form in pieces of a size; joins what comes out.
    fn read(boundary: &str, form: &[u8], size: usize) -> Result<Vec<(Part, Vec<u8>)>, FormError> {
        let mut parser = Parser::new(boundary);
        let mut parts: Vec<(Part, Vec<u8>)> = Vec::new();
        let mut is_complete = true;
        for piece in form.chunks(size.max(1)) {
            parser.feed(piece);
            while let Some(event) = parser.next()? {
                match event {
                    Event::Part(part) => {
                        assert!(is_complete);
                        is_complete = false;
                        parts.push((part, Vec::new()));
                    }
                    Event::Data(data) => {
                        assert!(!data.is_empty() && !is_complete);
                        parts.last_mut().unwrap().1.extend_from_slice(&data);
                    }
                    Event::PartEnd => is_complete = true,
                    Event::End => assert!(is_complete),
                }
            }
            assert!(parser.buffer.len() <= size + MAX_HEADER_BYTES + 80);
        }
        parser.finish().map(|()| parts)
    }

    #[test]
    fn a_form_is_read_whatever_pieces_it_comes_in() {
        for size in 1..=FORM.len() {
            let parts = read("xYz", FORM.as_bytes(), size).unwrap();
            let [(photo, content), (changes, json)] = &parts[..] else {
                panic!("{parts:?}")
            };
            assert_eq!(photo.name, "img_file-b1");
            assert_eq!(photo.file_name.as_deref(), Some("photo.png"));
            assert_eq!(
                photo.content_type.as_deref(),
                Some("application/octet-stream")
            );
            assert_eq!(content, b"PNG\r\n--xY data");
            assert_eq!(
                (changes.name.as_str(), json.as_slice()),
                ("cud", &b"{}"[..])
            );
            assert_eq!(changes.file_name, None);
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let long = format!("--b\r\nx: {}", "y".repeat(MAX_HEADER_BYTES));
        let before = "z".repeat(MAX_HEADER_BYTES + 1);
        for (form, error) in [
            ("", FormError::Incomplete),
            ("--b\r\n", FormError::Incomplete),
            (
                "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b",
                FormError::Incomplete,
            ),
            ("--bb\r\n", FormError::StrayBoundary),
            ("--b\r\n\r\nx\r\n--b--", FormError::NoName),
            (
                "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--",
                FormError::NoName,
            ),
            (
                "--b\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--b--",
                FormError::NoName,
            ),
            (
                "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n\r\n--b--",
                FormError::NoName,
            ),
            ("--b\r\nwhat\r\n\r\nx\r\n--b--", FormError::BadHeaders),
            (&long, FormError::LongHeaders),
            (&before, FormError::NoBeginning),
        ] {
            assert_eq!(
                read("b", form.as_bytes(), 100).unwrap_err(),
                error,
                "{form:.80}"
            );
        }
    }

    #[test]
    fn names_are_read_with_their_quotes_and_backslashes() {
        let part = |value: &str| {
            let block = format!("Content-Disposition: form-data; {value}\r\n\r\n");
            read_headers(block.as_bytes()).unwrap()
        };
        let windows = part(r#"filename="C:\dir\a;b.png"; name="x""#);
        assert_eq!(windows.file_name.as_deref(), Some(r"C:\dir\a;b.png"));
        assert_eq!(part(r#"name="a\"b""#).name, r#"a"b"#);
        assert_eq!(part(r#"NAME = "ż=;""#).name, "ż=;");
    }

    #[test]
    fn boundaries_come_from_the_content_type() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", value.parse().unwrap());
            boundary(&headers)
        };
        assert_eq!(
            of("multipart/form-data; boundary=--A1").as_deref(),
            Some("--A1")
        );
        assert_eq!(
            of("Multipart/Form-Data; charset=x; boundary=\"a b\"").as_deref(),
            Some("a b")
        );
        for none in [
            "application/json",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=a",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(
            of(&format!("multipart/form-data; boundary={}", "x".repeat(71))),
            None
        );
    }

    proptest! {
        #[test]
        fn every_content_survives(
            contents in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b'), any::<u8>()], 0..200), 0..5),
            size in 1_usize..100,
        ) {
            // A content that had the boundary in it would have made the sender choose another.
            let boundary = "bbb-end-of-part";
            let mut form = Vec::new();
            for content in &contents {
                form.extend_from_slice(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n").as_bytes());
                form.extend_from_slice(content);
                form.extend_from_slice(b"\r\n");
            }
            form.extend_from_slice(format!("--{boundary}--").as_bytes());
            let read: Vec<_> = read(boundary, &form, size).unwrap().into_iter().map(|(_, content)| content).collect();
            prop_assert_eq!(read, contents);
        }

        #[test]
        fn no_bytes_do_harm(
            pieces in prop::collection::vec(prop_oneof![
                Just(b"--b".to_vec()), Just(b"\r\n".to_vec()), Just(b"--".to_vec()),
                Just(b"Content-Disposition: form-data; name=".to_vec()), Just(b"\"".to_vec()),
                prop::collection::vec(any::<u8>(), 0..50),
            ], 0..40),
            size in 1_usize..64,
        ) {
            let _ = read("b", &pieces.concat(), size);
        }
    }
}
