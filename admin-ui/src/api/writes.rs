//! Writes that nobody has answered. They may have been done: asked for again, they go out with the same key, and the server does
//! them once.

/// Most writes that are remembered; the oldest make room.
const MOST: usize = 20;

/// Writes whose outcome is not known, with their keys.
#[derive(Debug, Default)]
pub(super) struct OpenWrites(Vec<(String, String)>);

impl OpenWrites {
    /// A write's key: the one it had before, if its outcome is not known.
    pub(super) fn begin(&mut self, write: &str, new_key: impl FnOnce() -> String) -> String {
        if let Some((_, key)) = self.0.iter().find(|(known, _)| known == write) {
            return key.clone();
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        let key = new_key();
        self.0.push((write.to_owned(), key.clone()));
        key
    }

    /// The outcome of a write is known: to ask for the same again means to do it once more.
    pub(super) fn end(&mut self, write: &str) {
        self.0.retain(|(known, _)| known != write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_keeps_its_key_until_its_outcome_is_known() {
        let mut writes = OpenWrites::default();
        let mut made = 0;
        let mut key = |writes: &mut OpenWrites, write: &str| {
            writes.begin(write, || {
                made += 1;
                made.to_string()
            })
        };
        assert_eq!(key(&mut writes, "ping anna"), "1");
        assert_eq!(key(&mut writes, "ping bert"), "2");
        assert_eq!(key(&mut writes, "ping anna"), "1");
        writes.end("ping anna");
        assert_eq!(key(&mut writes, "ping anna"), "3");
        for number in 0..MOST {
            key(&mut writes, &number.to_string());
        }
        assert_eq!(writes.0.len(), MOST);
    }
}
