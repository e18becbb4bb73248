//! One sync of a source: sends everything, then pulls everything.

use std::io;

use crate::rhoconnect::client::DeviceClient;
use crate::rhoconnect::error::ClientError;
use crate::rhoconnect::replica::{Applied, PushCounts, Replica};
use crate::rhoconnect::transport::Transport;

/// How a run asks.
#[derive(Clone, Copy, Debug)]
pub struct SyncOptions {
    /// Most objects of a page.
    pub page_size: u32,
    /// What the first request says about the page that was applied last.
    pub start: Start,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            page_size: 2_000,
            start: Start::Silent,
        }
    }
}

/// How a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Without a token, as the devices in the field do it: a page applied in a run that was cut off before
    /// acknowledging it is sent again, and applied again.
    Silent,
    /// With the token kept in the replica, if there is one.
    Acknowledge,
}

/// Follows a run; `()` does nothing.
pub trait SyncObserver {
    /// Makes the replica durable. Called whenever something is about to be promised to the server: before a
    /// push, and before a page is acknowledged.
    ///
    /// # Errors
    ///
    /// An error ends the run before the promise is made.
    fn save(&mut self, _replica: &Replica) -> io::Result<()> {
        Ok(())
    }

    /// Hears how far the run is, after every page.
    fn progress(&mut self, _progress: Progress) {}
}

impl SyncObserver for () {}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Objects received in this run.
    pub received: u64,
    /// Objects the device had before this page, by the server's count.
    pub present: u64,
    /// Objects of the whole source.
    pub total: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Operations that went up.
    pub pushed: PushCounts,
    /// Pages that came down, the empty last one included.
    pub pages: usize,
    /// What they changed.
    pub applied: Applied,
}

impl<T: Transport> DeviceClient<T> {
    /// Sends a replica's queued changes up and brings everything new down, until the server has nothing more.
    ///
    /// A page is acknowledged by the request after it, once it is applied and saved; whatever is lost on the
    /// way is sent again. When the server declares a new schema, the replica is dropped, queued changes
    /// included, and read anew.
    ///
    /// # Errors
    ///
    /// [`ClientError`] of any kind; what has been done until then is in the replica, and the next run
    /// continues from there.
    pub fn sync(
        &mut self,
        replica: &mut Replica,
        options: SyncOptions,
        observer: &mut dyn SyncObserver,
    ) -> Result<SyncReport, ClientError> {
        let mut report = SyncReport {
            pushed: self.push_queue(replica, observer)?,
            ..SyncReport::default()
        };
        let mut received = 0;
        let mut token = match options.start {
            Start::Silent => None,
            Start::Acknowledge => replica.token(),
        };
        loop {
            let page = self.pull(replica.source(), token, options.page_size)?;
            if let Some(sent) = token
                && page.token == Some(sent)
            {
                return Err(ClientError::Stuck(sent));
            }
            report.pages += 1;
            received += page.count;
            let progress = Progress {
                received,
                present: page.progress_count,
                total: page.total_count,
            };
            let applied = replica.apply(page);
            observer.save(replica).map_err(ClientError::Save)?;
            observer.progress(progress);
            token = replica.token();
            if applied.schema_changed {
                if report.applied.schema_changed {
                    return Err(ClientError::SchemaKeepsChanging);
                }
                if token.is_some() {
                    // The answer to the acknowledgement belongs to the life before the reset.
                    self.pull(replica.source(), token.take(), options.page_size)?;
                }
                self.reset(&[replica.source()])?;
                report.applied.extend(applied);
                continue;
            }
            report.applied.extend(applied);
            if token.is_none() {
                return Ok(report);
            }
        }
    }

    fn push_queue(
        &mut self,
        replica: &mut Replica,
        observer: &mut dyn SyncObserver,
    ) -> Result<PushCounts, ClientError> {
        let push = replica.take_push();
        if push.is_empty() {
            return Ok(PushCounts::default());
        }
        observer.save(replica).map_err(ClientError::Save)?;
        self.push(replica.source(), &push)?;
        replica.accepted(&push);
        Ok(push.counts())
    }
}

#[cfg(test)]
mod tests;
