//! What comes down as bytes, the image that a source begins with or a file: it comes in pieces, is kept in parts, and goes on where it was
//! cut off.

use sync_device::Answer;
use sync_store::{FileStatus, ImageReading, ImageStep, Kept, PendingImage, Store};

use crate::conversation::{Answered, Asked, Head, Stop};
use crate::error::Error;
use crate::shared::Shared;

/// Bytes of a part, each of which is a write: what is lost of the download if the app is killed.
const PART: usize = 256 * 1024;

/// Answers in a row that begin well and bring nothing new, after which it is given up.
const MOST_HOLLOW: u32 = 2;

/// Where what comes is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The image of a source.
    Image(String),
    /// A file, by its digest.
    File(String),
}

impl Target {
    /// Keeps a part. `false` if there is no room.
    fn keep(&self, database: &Shared, at: u64, part: &[u8]) -> Result<bool, Error> {
        let mut store = database.store();
        match self {
            Self::Image(source) => store.keep_image_part(source, at, part)?,
            Self::File(file) => {
                return Ok(store.keep_file_part(file, at, part, database.file_quota)?);
            }
        }
        Ok(true)
    }

    /// It cannot be had.
    fn give_up(&self, store: &mut Store) -> Result<Answer, Error> {
        match self {
            Self::Image(source) => store.drop_image(source)?,
            Self::File(file) => store.miss_file(file)?,
        }
        Ok(Answer::Useless)
    }
}

/// A download.
pub(crate) struct Download {
    pub(crate) target: Target,
    url: String,
    sha256: String,
    /// How many bytes there are, where that is known.
    bytes: Option<u64>,
    /// Where the next part begins.
    at: u64,
    part: Vec<u8>,
    /// Whether the answer is of the server, and goes on where the last one ended.
    is_good: bool,
    /// Whether the answer is a success of somebody else, or of another image.
    is_foreign: bool,
    /// Whether the server has something else.
    is_wrong: bool,
    has_room: bool,
    tries: Tries,
}

/// How the answers so far have ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tries {
    /// Most bytes that there were after one.
    best: u64,
    /// How many in a row have brought nothing new.
    hollow: u32,
}

impl Download {
    /// That of an image, after `before`.
    pub(crate) fn of_image(source: &str, image: PendingImage, before: Option<Self>) -> Self {
        let PendingImage {
            url,
            bytes,
            sha256,
            got,
        } = image;
        let target = Target::Image(source.to_owned());
        Self::new(target, url, sha256, Some(bytes), got, before)
    }

    /// That of a file, after `before`.
    pub(crate) fn of_file(sha256: &str, file: &FileStatus, before: Option<Self>) -> Self {
        let target = Target::File(sha256.to_owned());
        let url = format!("/sync/v1/blobs/{sha256}");
        Self::new(target, url, sha256.to_owned(), None, file.bytes, before)
    }

    fn new(
        target: Target,
        url: String,
        sha256: String,
        bytes: Option<u64>,
        got: u64,
        before: Option<Self>,
    ) -> Self {
        let before = before.filter(|before| before.target == target);
        let tries = before.map(|before| before.tries).unwrap_or_default();
        Self {
            target,
            url,
            sha256,
            bytes,
            at: got,
            part: Vec::new(),
            is_good: false,
            is_foreign: false,
            is_wrong: false,
            has_room: true,
            tries: Tries {
                best: tries.best.max(got),
                ..tries
            },
        }
    }

    /// The request for what is still to come.
    pub(crate) fn asked(&self, access: Option<String>) -> Asked {
        let mut headers = Vec::new();
        if self.at > 0 {
            headers.push(("Range", format!("bytes={}-", self.at)));
            headers.push(("If-Range", format!("\"{}\"", self.sha256)));
        }
        Asked {
            method: "GET",
            path: self.url.clone().into(),
            access,
            headers,
            body: Vec::new(),
        }
    }

    /// Takes the head of the answer. `false` if its body is of no use.
    pub(crate) fn began(&mut self, head: &Head) -> bool {
        // Hosts need not tell what headers say. What comes then may be anybody's, which is found out at the end: what there is
        // already is not given up for it.
        let is_named = head.etag.as_deref() == Some(self.sha256.as_str());
        self.is_foreign = !is_named && head.etag.is_some() && head.status / 100 == 2;
        self.is_good = !self.is_foreign
            && match head.status {
                200 => is_named || self.at == 0,
                206 => head.range_start.is_none_or(|start| start == self.at),
                _ => false,
            };
        if self.is_good && head.status == 200 {
            self.at = 0;
        }
        // It has fewer bytes than it had.
        self.is_wrong = head.status == 416;
        // The body of an error says what it is.
        self.is_good || head.status / 100 != 2
    }

    /// Takes a piece of the body. What makes a part is kept when this returns. `false` if the rest is of no use.
    pub(crate) fn take(&mut self, database: &Shared, bytes: &[u8]) -> Result<bool, Error> {
        if !self.is_good {
            return Ok(false);
        }
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART {
            self.flush(database)?;
        }
        Ok(self.has_room && !self.is_wrong)
    }

    fn flush(&mut self, database: &Shared) -> Result<(), Error> {
        let part = std::mem::take(&mut self.part);
        let end = self.at + part.len() as u64;
        self.is_wrong |= self.bytes.is_some_and(|bytes| end > bytes);
        if part.is_empty() || self.is_wrong || !self.has_room {
            return Ok(());
        }
        self.has_room = self.target.keep(database, self.at, &part)?;
        self.at = end;
        Ok(())
    }

    /// Takes the end of the answer.
    pub(crate) fn ended(&mut self, database: &Shared, answered: Answered) -> Result<Answer, Error> {
        self.flush(database)?;
        if !self.has_room {
            return Ok(Answer::Useless);
        }
        let useless = || self.target.give_up(&mut database.store());
        match (answered, &self.target) {
            (Answered::Whole(_), Target::File(file)) if self.is_good => {
                let now_ms = database.platform.now_ms();
                if database.store().end_file(file, now_ms)? {
                    return Ok(Answer::Whole(None));
                }
                // Somebody else has answered: a login page of a network, for instance.
                self.target.keep(database, 0, &[])?;
                Ok(Answer::Broken)
            }
            (_, Target::File(_)) if self.is_wrong => {
                // What is here has at least as many bytes as the file, and is not it.
                self.target.keep(database, 0, &[])?;
                Ok(Answer::Broken)
            }
            _ if self.is_wrong => useless(),
            (
                Answered::Error {
                    status: 400 | 403 | 404 | 410,
                    code,
                    ..
                },
                _,
            ) if code != "unknown_client" => useless(),
            (
                Answered::Error {
                    status,
                    code,
                    reason,
                    retry_after,
                },
                _,
            ) => Ok(Answer::Error {
                status,
                code,
                reason,
                retry_after,
            }),
            (Answered::Whole(_) | Answered::Broken(_), _) if self.is_good || self.is_foreign => {
                let Tries { best, hollow } = self.tries;
                self.tries = Tries {
                    best: best.max(self.at),
                    hollow: if self.at > best { 0 } else { hollow + 1 },
                };
                match (self.tries.hollow >= MOST_HOLLOW, &self.target) {
                    (false, _) => Ok(Answer::Part),
                    (true, Target::Image(_)) => useless(),
                    // There is no other way to a file.
                    (true, Target::File(_)) => Ok(Answer::Broken),
                }
            }
            (Answered::Whole(_) | Answered::Broken(_), _) => Ok(Answer::Broken),
        }
    }
}

/// How taking an image in ended.
pub(crate) enum TakenIn {
    Done,
    Useless,
    Stopped(Stop),
}

/// Takes an image in that has come whole, part by part: the app gets at its database in between.
pub(crate) fn take_in(
    database: &Shared,
    source: &str,
    stop: &dyn Fn() -> Option<Stop>,
    mut note: impl FnMut(Kept),
) -> Result<TakenIn, Error> {
    if !database.store().begin_image(source)? {
        database.store().drop_image(source)?;
        return Ok(TakenIn::Useless);
    }
    let mut reading = ImageReading::of(source);
    loop {
        if let Some(stop) = stop() {
            return Ok(TakenIn::Stopped(stop));
        }
        let step = database.store().take_image_part(&mut reading)?;
        match step {
            ImageStep::More(kept) => note(kept),
            ImageStep::Done(kept) => {
                note(kept);
                return Ok(TakenIn::Done);
            }
            ImageStep::Useless => return Ok(TakenIn::Useless),
        }
    }
}
