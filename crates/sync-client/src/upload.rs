//! A file goes up, part by part, from where the server is.

use sync_device::Answer;
use sync_proto::sync::BlobProgress;
use sync_store::{FileState, FileStatus, Store, Told};

use crate::conversation::{Answered, Asked};
use crate::error::Error;

/// Bytes of a part: as many as the server keeps as one. They go up within a request's time on a slow network.
const PART: usize = 512 * 1024;

/// Answers that bring a file no further, after which the run ends.
const MOST_HOLLOW: u32 = 3;

/// The file that goes up.
pub(crate) struct Upload {
    pub(crate) sha256: String,
    file: FileStatus,
    hollow: u32,
}

/// What became of a part.
pub(crate) enum Uploaded {
    /// This.
    So(Answer),
    /// The server says something that it does not say.
    Broken(String),
    /// The server does not take the file: these changes cannot be made.
    Refused(Vec<Told>),
}

impl Upload {
    /// The next part of a file, after `before`; `None` if nothing of it has to go up any more.
    pub(crate) fn next(
        store: &Store,
        sha256: &str,
        before: Option<Self>,
    ) -> Result<Option<Self>, Error> {
        let file = store.file(sha256)?;
        let before = before.filter(|before| before.sha256 == sha256);
        let file = file.filter(|file| file.state == FileState::Queued);
        Ok(file.map(|file| Self {
            sha256: sha256.to_owned(),
            file,
            hollow: before.map_or(0, |before| before.hollow),
        }))
    }

    /// The request.
    pub(crate) fn asked(&self, store: &Store, access: Option<String>) -> Result<Asked, Error> {
        let FileStatus {
            content_type,
            bytes,
            sent,
            ..
        } = &self.file;
        let body = store.read_file_from(&self.sha256, *sent, PART)?;
        let mut headers = vec![("Content-Type", content_type.clone())];
        let end = sent + body.len() as u64;
        if let Some(last) = end.checked_sub(1).filter(|_| end > *sent) {
            headers.push(("Content-Range", format!("bytes {sent}-{last}/{bytes}")));
        }
        Ok(Asked {
            method: "PUT",
            path: format!("/sync/v1/blobs/{}", self.sha256).into(),
            access,
            headers,
            body,
        })
    }

    /// Takes the end of the answer.
    pub(crate) fn ended(
        &mut self,
        store: &mut Store,
        answered: Answered,
    ) -> Result<Uploaded, Error> {
        let answer = match answered {
            Answered::Whole(body) => match serde_json::from_slice::<BlobProgress>(&body) {
                Ok(progress) if progress.bytes == self.file.bytes => progress,
                _ => return Ok(Uploaded::Broken("the answer says nothing".to_owned())),
            },
            Answered::Broken(reason) => return Ok(Uploaded::Broken(reason)),
            Answered::Error {
                status: 400 | 403 | 404 | 405 | 413 | 415,
                code,
                reason,
                ..
            } if code != "unknown_client" => {
                let failed = store.refuse_file(&self.sha256, &code, &reason)?;
                return Ok(Uploaded::Refused(failed));
            }
            Answered::Error {
                status,
                code,
                reason,
                retry_after,
            } => {
                return Ok(Uploaded::So(Answer::Error {
                    status,
                    code,
                    reason,
                    retry_after,
                }));
            }
        };
        let BlobProgress { received, bytes } = answer;
        store.note_sent(&self.sha256, received.min(bytes))?;
        if received >= bytes {
            return Ok(Uploaded::So(Answer::Whole(None)));
        }
        if received <= self.file.sent {
            self.hollow += 1;
        }
        Ok(match self.hollow < MOST_HOLLOW {
            true => Uploaded::So(Answer::Part),
            false => Uploaded::Broken("the server does not take the file in".to_owned()),
        })
    }
}
