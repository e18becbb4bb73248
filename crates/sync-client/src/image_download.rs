//! The image that a source begins with: it comes in pieces, is kept in parts, and goes on where it was cut off.

use sync_device::Answer;
use sync_store::{ImageReading, ImageStep, Kept, PendingImage};

use crate::conversation::{Answered, Asked, Head, Stop};
use crate::error::Error;
use crate::shared::Shared;

/// Bytes of a part, each of which is a write: what is lost of the download if the app is killed.
const PART: usize = 256 * 1024;

/// Answers in a row that begin well and bring nothing new, after which the image is given up.
const MOST_HOLLOW: u32 = 2;

/// The download of one source's image.
pub(crate) struct ImageDownload {
    pub(crate) source: String,
    image: PendingImage,
    /// Where the next part begins.
    at: u64,
    part: Vec<u8>,
    /// Whether the answer is of the server, and goes on where the last one ended.
    is_good: bool,
    /// Whether the answer is a success of somebody else, or of another image.
    is_foreign: bool,
    /// Whether the server has something else.
    is_wrong: bool,
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

impl ImageDownload {
    pub(crate) fn new(source: &str, image: PendingImage, tries: Tries) -> Self {
        Self {
            source: source.to_owned(),
            at: image.got,
            part: Vec::new(),
            is_good: false,
            is_foreign: false,
            is_wrong: false,
            tries: Tries {
                best: tries.best.max(image.got),
                ..tries
            },
            image,
        }
    }

    /// How the answers so far have ended.
    pub(crate) fn tries(&self) -> Tries {
        self.tries
    }

    /// The request for what is still to come.
    pub(crate) fn asked(&self, access: Option<String>) -> Asked {
        let mut headers = Vec::new();
        if self.at > 0 {
            headers.push(("Range", format!("bytes={}-", self.at)));
            headers.push(("If-Range", format!("\"{}\"", self.image.sha256)));
        }
        Asked {
            method: "GET",
            path: self.image.url.clone().into(),
            access,
            headers,
            body: Vec::new(),
        }
    }

    /// Takes the head of the answer. `false` if its body is of no use.
    pub(crate) fn began(&mut self, head: &Head) -> bool {
        // Hosts need not tell what headers say. What comes then may be anybody's, which is found out at the end: what there is
        // already is not given up for it.
        let is_named = head.etag.as_deref() == Some(self.image.sha256.as_str());
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

    /// Takes a piece of the body. What makes a part is kept when this returns.
    pub(crate) fn take(&mut self, database: &Shared, bytes: &[u8]) -> Result<(), Error> {
        if !self.is_good {
            return Ok(());
        }
        self.part.extend_from_slice(bytes);
        match self.part.len() >= PART {
            true => self.flush(database),
            false => Ok(()),
        }
    }

    fn flush(&mut self, database: &Shared) -> Result<(), Error> {
        let part = std::mem::take(&mut self.part);
        self.is_wrong |= self.at + part.len() as u64 > self.image.bytes;
        if part.is_empty() || self.is_wrong {
            return Ok(());
        }
        let mut store = database.store();
        store.keep_image_part(&self.source, self.at, &part)?;
        self.at += part.len() as u64;
        Ok(())
    }

    /// Takes the end of the answer.
    pub(crate) fn ended(&mut self, database: &Shared, answered: Answered) -> Result<Answer, Error> {
        self.flush(database)?;
        let useless = || {
            database.store().drop_image(&self.source)?;
            Ok(Answer::Useless)
        };
        match answered {
            _ if self.is_wrong => useless(),
            Answered::Error {
                status: 400 | 403 | 404 | 410,
                ..
            } => useless(),
            Answered::Error {
                status,
                code,
                reason,
                retry_after,
            } => Ok(Answer::Error {
                status,
                code,
                reason,
                retry_after,
            }),
            Answered::Whole(_) | Answered::Broken(_) if self.is_good || self.is_foreign => {
                let Tries { best, hollow } = self.tries;
                self.tries = Tries {
                    best: best.max(self.at),
                    hollow: if self.at > best { 0 } else { hollow + 1 },
                };
                match self.tries.hollow >= MOST_HOLLOW {
                    true => useless(),
                    false => Ok(Answer::Part),
                }
            }
            Answered::Whole(_) | Answered::Broken(_) => Ok(Answer::Broken),
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
