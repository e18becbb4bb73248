//! The lines of an answer are kept, each with its cursor in one transaction.

use rusqlite::{Connection, params};
use sync_device::{Line, News, ResetReason, Sum, with_news};

use crate::error::StoreError;
use crate::file::{Store, Write};
use crate::found;
use crate::images::forget;
use crate::objects::{app_id, know_as, put, server_copy};
use crate::settle::Told;
use crate::sources::{self, Source, columns_of_schema};

/// What keeping a line did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// What the app is told of a verdict.
    pub told: Option<Told>,
    /// A source that began anew, and why.
    pub reset: Option<(String, ResetReason)>,
    /// Objects that came, or changed.
    pub received: u64,
    /// Objects that went.
    pub deleted: u64,
    /// Whether anything is other than before.
    pub is_news: bool,
    /// The source whose copy is not what the server says that it should be.
    pub differs: Option<String>,
    /// The source that begins with an image, which is to be downloaded.
    pub image: Option<String>,
}

impl Store {
    /// Keeps a line. It is on disk when this returns.
    ///
    /// # Errors
    /// SQLite's.
    pub fn keep(&mut self, line: &Line) -> Result<Kept, StoreError> {
        match line {
            Line::Verdict(verdict) => {
                let told = self.write(|write| write.settle(verdict))?;
                Ok(Kept {
                    told,
                    is_news: true,
                    ..Kept::default()
                })
            }
            Line::News(news) => self.keep_news(news),
            Line::Reset { source, reason } => {
                self.write(|write| write.begin_anew(source, *reason))?;
                Ok(Kept {
                    reset: Some((source.clone(), *reason)),
                    is_news: true,
                    ..Kept::default()
                })
            }
            Line::Image { source, image } => {
                let begins = self.write(|write| write.begin_with(source, image))?;
                Ok(Kept {
                    image: begins.then(|| source.clone()),
                    is_news: true,
                    ..Kept::default()
                })
            }
            Line::Failed { source, error } => {
                if error.code == "unknown_source" {
                    // Nobody may see any of it any more.
                    self.write(|write| match sources::find(&write.tx, source)? {
                        Some(mut source) => found::forget(&write.tx, &mut source),
                        None => Ok(()),
                    })?;
                }
                let error = failure(&error.code, &error.message);
                self.note_error(source, Some(error))?;
                Ok(Kept::default())
            }
            Line::Found { .. } | Line::Bucket { .. } | Line::End(_) | Line::Unknown => {
                Ok(Kept::default())
            }
        }
    }

    fn keep_news(&mut self, news: &News) -> Result<Kept, StoreError> {
        let is_news = news.cursor.is_some()
            || news.schema.is_some()
            || news.metadata.is_some()
            || !(news.objects.is_empty() && news.unset.is_empty() && news.deleted.is_empty());
        if is_news {
            return self.write(|write| write.take_in(news, NewsOf::Page));
        }
        let Some(source) = sources::find(&self.connection, &news.source)? else {
            return Ok(Kept::default());
        };
        if !news.more {
            let error = news.error.as_ref();
            let error = error.map(|error| failure(&error.code, &error.message));
            if error != source.error {
                self.note_error(&news.source, error)?;
            }
        }
        Ok(Kept {
            differs: differs(&source, news),
            ..Kept::default()
        })
    }

    fn note_error(&mut self, source: &str, error: Option<String>) -> Result<(), StoreError> {
        self.write(|write| {
            write.tx.execute(
                "UPDATE _source SET error = ?2 WHERE name = ?1",
                params![source, error],
            )?;
            write.touched.insert(source.to_owned());
            Ok(())
        })
    }
}

fn failure(code: &str, message: &str) -> String {
    serde_json::to_string(&(code, message)).unwrap_or_default()
}

/// Where news stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewsOf {
    Page,
    /// An object that has changed while the image was made is in it twice, and deleted between.
    Image,
}

impl Write<'_> {
    pub(crate) fn take_in(&mut self, news: &News, of: NewsOf) -> Result<Kept, StoreError> {
        let Some(mut source) = sources::find(&self.tx, &news.source)? else {
            return Ok(Kept::default());
        };
        if let Some(schema) = &news.schema {
            source.learn(&self.tx, &columns_of_schema(schema))?;
            source.schema = Some(schema.clone());
        }
        if news.metadata.is_some() {
            source.metadata.clone_from(&news.metadata);
        }
        let changed = news.objects.keys().chain(
            news.unset
                .keys()
                .filter(|id| !news.objects.contains_key(*id)),
        );
        let mut received = 0;
        for wire in changed {
            let id = app_id(&self.tx, &source, wire)?;
            let server = server_copy(&self.tx, &source, &id)?;
            let unset = news.unset.get(wire).map(Vec::as_slice).unwrap_or_default();
            let object = with_news(server, news.objects.get(wire).cloned(), unset);
            put(&self.tx, &mut source, &id, object)?;
            received += 1;
        }
        for wire in &news.deleted {
            let id = app_id(&self.tx, &source, wire)?;
            found::drop_one(&self.tx, &source, &id)?;
            put(&self.tx, &mut source, &id, None)?;
            if of == NewsOf::Image && id != *wire {
                know_as(&self.tx, &source, &id, wire)?;
            }
        }
        if news.cursor.is_some() {
            source.cursor.clone_from(&news.cursor);
        }
        if !news.more {
            let error = news.error.as_ref();
            source.error = error.map(|error| failure(&error.code, &error.message));
        }
        source.save(&self.tx)?;
        self.touched.insert(source.name.clone());
        Ok(Kept {
            received,
            deleted: news.deleted.len() as u64,
            is_news: true,
            differs: differs(&source, news),
            ..Kept::default()
        })
    }

    /// Throws away what the server has of a source, but not what was done on the device. What was found beside it stays where only the
    /// server does not know any more what the device has.
    fn begin_anew(&mut self, name: &str, reason: ResetReason) -> Result<(), StoreError> {
        let Some(mut source) = sources::find(&self.tx, name)? else {
            return Ok(());
        };
        match reason {
            ResetReason::Restored | ResetReason::TooOld => {}
            ResetReason::Moved
            | ResetReason::Revoked
            | ResetReason::Schema
            | ResetReason::Requested => found::forget(&self.tx, &mut source)?,
        }
        source.cursor = None;
        empty(&self.tx, &mut source)?;
        source.save(&self.tx)?;
        self.touched.insert(source.name);
        Ok(())
    }
}

/// Removes the server's copy of a source, and the image that it was to begin with.
pub(crate) fn empty(tx: &Connection, source: &mut Source) -> Result<(), StoreError> {
    forget(tx, source)?;
    clear(tx, source)
}

/// Removes the server's copy of a source.
pub(crate) fn clear(tx: &Connection, source: &mut Source) -> Result<(), StoreError> {
    let changed: Vec<String> = tx
        .prepare("SELECT DISTINCT object FROM _change WHERE source = ?1 AND state <= 2")?
        .query_map([source.n], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    tx.execute_batch(&format!("DELETE FROM {}", source.table()))?;
    (source.count, source.sum) = (0, Sum::default());
    for id in changed.into_iter().chain(found::ids(tx, source)?) {
        put(tx, source, &id, None)?;
    }
    Ok(())
}

/// The source, if its copy is not what the server says that it should be.
fn differs(source: &Source, news: &News) -> Option<String> {
    let check = news.check.as_ref().filter(|_| !news.more)?;
    let is_same = check.count == source.count
        && check
            .sum
            .as_ref()
            .is_none_or(|sum| *sum == source.sum.to_string());
    (!is_same).then(|| source.name.clone())
}
