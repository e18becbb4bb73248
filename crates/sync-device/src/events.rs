//! Server-sent events, as far as the protocol has them.

/// Most bytes of a line: the server's are much shorter.
const LONGEST: usize = 64 * 1024;

/// What an event stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveEvent {
    /// Something has changed. What, is asked for by a sync, of all sources: it costs the server no more than one of some.
    Changed,
    /// When to come back after the stream has ended, in milliseconds.
    Retry(u64),
}

/// Makes events of a stream's bytes, which come in pieces of any size. See
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.
#[derive(Debug, Default)]
pub struct EventReader {
    line: Vec<u8>,
    /// The last line ended by a carriage return: a line feed that follows belongs to it.
    has_returned: bool,
    is_begun: bool,
    has_data: bool,
}

impl EventReader {
    /// Takes a piece, and gives the events that are complete by it.
    pub fn push(&mut self, piece: &[u8]) -> Vec<LiveEvent> {
        let mut events = Vec::new();
        for byte in piece {
            match (std::mem::take(&mut self.has_returned), byte) {
                (true, b'\n') => {}
                (_, b'\n' | b'\r') => {
                    self.has_returned = *byte == b'\r';
                    events.extend(self.end_line());
                }
                _ if self.line.len() < LONGEST => self.line.push(*byte),
                _ => {}
            }
        }
        events
    }

    fn end_line(&mut self) -> Option<LiveEvent> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.is_begun, true) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            return std::mem::take(&mut self.has_data).then_some(LiveEvent::Changed);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        match field {
            b"data" => self.has_data = true,
            b"retry" => {
                let value = std::str::from_utf8(value.get(1..)?).ok()?;
                let value = value.strip_prefix(' ').unwrap_or(value);
                return value.parse().ok().map(LiveEvent::Retry);
            }
            // Signs of life, and what newer servers say.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGED: LiveEvent = LiveEvent::Changed;

    fn read(text: &str) -> Vec<LiveEvent> {
        EventReader::default().push(text.as_bytes())
    }

    #[test]
    fn a_stream_says_when_to_come_back_and_that_something_changed() {
        let text = "retry: 4711\n\ndata: {\"sources\":[\"Product\"]}\n\n:\n\n:\n\ndata: {}\n\n";
        assert_eq!(read(text), [LiveEvent::Retry(4_711), CHANGED, CHANGED]);
        // An event of several lines is one; what is not ended by an empty line is none.
        assert_eq!(read("data: a\ndata: b\n\ndata: c\n"), [CHANGED]);
        assert_eq!(read("\u{feff}data\n\n"), [CHANGED]);
        assert_eq!(read("event: new\nid: 7\nother\nretry: soon\nretry\n\n"), []);
        let long = format!("data: {}\n\n", "x".repeat(3 * LONGEST));
        assert_eq!(read(&long), [CHANGED]);
    }

    #[test]
    fn events_do_not_depend_on_how_the_stream_is_cut() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "retry: 5|data: x|data: y||:||data||".replace('|', end);
            let whole = read(&text);
            assert_eq!(whole, [LiveEvent::Retry(5), CHANGED, CHANGED], "{end:?}");
            for first in 0..text.len() {
                for second in first..text.len() {
                    let mut reader = EventReader::default();
                    let mut events = reader.push(&text.as_bytes()[..first]);
                    events.extend(reader.push(&text.as_bytes()[first..second]));
                    events.extend(reader.push(&text.as_bytes()[second..]));
                    assert_eq!(events, whole, "{first} {second} {end:?}");
                }
            }
        }
    }
}
