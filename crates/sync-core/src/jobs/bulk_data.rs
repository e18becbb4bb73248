//! The job that makes a bulk data file. What does it is in the component that can make SQLite files.

use std::time::Duration;

use serde_json::json;
use sync_jobs::{NewJob, Priority, QueueName};

use crate::model::BulkSelection;

/// What jobs that make a bulk data file are called. Their payload is a [`BulkSelection`].
pub const BULK_DATA: &str = "bulk-data";

/// How often it is tried. A device that still waits then begins anew.
const ATTEMPTS: u32 = 3;

/// The job that makes a selection's file. One stands for all devices that wait for it.
pub(crate) fn bulk_data_job(queue: QueueName, selection: &BulkSelection) -> NewJob {
    NewJob {
        name: BULK_DATA.to_owned(),
        queue,
        payload: json!(selection).to_string(),
        turn: Some(selection.user.as_str().to_owned()),
        // Somebody looks at the device.
        priority: Priority::High,
        max_attempts: ATTEMPTS,
        delay: Duration::ZERO,
        unique: Some(format!("{BULK_DATA} {}", selection.id())),
    }
}
