//! The job that makes an image. What does it is in the component that makes files.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_jobs::{NewJob, Priority, QueueName};

use crate::model::{ImageForm, UserId};

/// What jobs that make an image are called. Their payload is an [`ImagePayload`].
pub const IMAGE: &str = "image";

/// How often it is tried. The next device that begins asks for another.
const ATTEMPTS: u32 = 3;

/// Of what an image is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePayload {
    /// The document's name: source and partition.
    pub document: String,
    /// In which form.
    #[serde(default)]
    pub form: ImageForm,
}

/// The job that makes an image of a document. One stands for all devices that begin with it; `user` is the first of them.
pub(crate) fn image_job(
    queue: QueueName,
    document: &str,
    form: ImageForm,
    user: &UserId,
) -> NewJob {
    let payload = ImagePayload {
        document: document.to_owned(),
        form,
    };
    NewJob {
        name: IMAGE.to_owned(),
        queue,
        payload: json!(payload).to_string(),
        turn: Some(user.as_str().to_owned()),
        // Nobody waits for it.
        priority: Priority::Normal,
        max_attempts: ATTEMPTS,
        delay: Duration::ZERO,
        unique: Some(format!("{IMAGE} {} {document}", form.as_str())),
    }
}
