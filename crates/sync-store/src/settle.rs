//! Verdicts: what becomes of changes.

use rusqlite::{Connection, OptionalExtension as _, params};
use sync_device::{Attributes, Change, Op, Settled, Verdict, files_of, settle, take_over};
use sync_proto::sync;

use crate::changes::{ChangeState, KeptChange};
use crate::error::StoreError;
use crate::file::Write;
use crate::found::{drop_one, found_copy, keep};
use crate::objects::{app_id, change_of, json, know_as, put, remove, server_copy, show, wire_id};
use crate::sources::{self, Source};
use crate::write::list;

/// What the app is told of a verdict.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// The back end has it.
    Applied {
        /// The change.
        change: String,
        /// Its source.
        source: String,
        /// Its object, as the app knows it.
        object: String,
        /// What the back end says of it to the user.
        message: Option<String>,
    },
    /// Nothing of it was done, or not all: it waits to be retried or discarded.
    Failed(KeptChange),
}

impl Write<'_> {
    /// Keeps a verdict. A second one of the same change says nothing new.
    pub(crate) fn settle(&mut self, verdict: &Verdict) -> Result<Option<Told>, StoreError> {
        let Some(open) = open_change(&self.tx, &verdict.id)? else {
            return Ok(None);
        };
        let mut source = sources::by_number(&self.tx, open.source)?;
        if verdict.code.as_deref() == Some("unknown_blob")
            && self.send_files_again(open.seq, &files_of(&open.change.set))?
        {
            return Ok(None);
        }
        match settle(&open.change, verdict) {
            Settled::Accepted => {
                self.tx
                    .prepare_cached("UPDATE _change SET state = 2 WHERE seq = ?1")?
                    .execute([open.seq])?;
                return Ok(None);
            }
            Settled::Unknown => {
                self.tx
                    .execute("UPDATE _change SET state = 1 WHERE seq = ?1", [open.seq])?;
                return Ok(None);
            }
            Settled::Applied => {
                self.tx
                    .prepare_cached("DELETE FROM _change WHERE seq = ?1")?
                    .execute([open.seq])?;
                self.applied(&mut source, &open, &open.sent, verdict)?;
            }
            Settled::Refused => {
                self.fail(&open, &open.change, verdict, ChangeState::Refused)?;
                if open.change.op == Op::Create {
                    self.fail_those_after(&source, &open.object)?;
                }
                let server = server_copy(&self.tx, &source, &open.object)?;
                show(&self.tx, &mut source, &open.object, server)?;
            }
            Settled::Partly { left, .. } => {
                self.fail(&open, &left, verdict, ChangeState::Partly)?;
                let mut done = open.sent.clone();
                let is_done = |name: &String| !verdict.kept.contains(name);
                done.set.retain(|name, _| is_done(name));
                done.unset.retain(is_done);
                self.applied(&mut source, &open, &done, verdict)?;
            }
        }
        source.save(&self.tx)?;
        self.touched.insert(source.name.clone());
        Ok(Some(match crate::changes::failed(&self.tx, &verdict.id)? {
            Some(failed) => Told::Failed(failed),
            None => Told::Applied {
                change: verdict.id.clone(),
                source: source.name,
                object: open.object,
                message: verdict.message.clone(),
            },
        }))
    }

    /// Takes what was done over into the copy, if that is as it was when the change was sent: then the news that follow confirm it.
    /// If news have come meanwhile, they may have it already, and what others have done since. A first copy brings it whole, and
    /// would not say that it was deleted since.
    fn applied(
        &mut self,
        source: &mut Source,
        open: &OpenChange,
        done: &Change,
        verdict: &Verdict,
    ) -> Result<(), StoreError> {
        let id = &open.object;
        // The verdict of an earlier change of the object may follow. What that made of it is not to be taken over any more.
        self.tx
            .prepare_cached(
                "UPDATE _change SET sent_at = 'overtaken' WHERE source = ?1 AND object = ?2 AND seq < ?3 AND state <= 2",
            )?
            .execute(params![source.n, id, open.seq])?;
        if done.op != Op::Create
            && let Some(found) = found_copy(&self.tx, source, id)?
        {
            return self.applied_to_found(source, id, found, done);
        }
        let server = server_copy(&self.tx, source, id)?;
        let is_as_sent = source.cursor.is_some() && open.sent_at == source.cursor;
        let server = match (done.op, &verdict.object) {
            // It is known already, by another verdict.
            (Op::Create, _) if wire_id(&self.tx, source, id)?.1 => server,
            (Op::Create, Some(wire)) => {
                let came = self.link(source, id, wire)?;
                let made = || {
                    let mut made = Attributes::new();
                    take_over(done, &mut made);
                    made
                };
                let taken_over = came.or_else(|| is_as_sent.then(made));
                let is_nowhere =
                    taken_over.is_none() && found_copy(&self.tx, source, id)?.is_none();
                if is_nowhere && source.is_passed_through() {
                    // No news ever bring it.
                    keep(&self.tx, source, id, &made())?;
                    source.has_found = true;
                } else if is_nowhere {
                    // It comes, unless somebody has deleted it since. Its ids stay together, which `put` would not know.
                    return remove(&self.tx, source, id);
                }
                taken_over
            }
            (Op::Create, None) => {
                // The back end gave it no id: it comes as news, if at all.
                self.tx.execute(
                    "DELETE FROM _alias WHERE source = ?1 AND id = ?2",
                    params![source.n, id],
                )?;
                self.fail_those_after(source, id)?;
                None
            }
            (Op::Update, _) if is_as_sent => server.map(|mut server| {
                take_over(done, &mut server);
                server
            }),
            (Op::Delete, _) if is_as_sent => None,
            // It was made here and has not come yet.
            (Op::Update | Op::Delete, _) if server.is_none() => {
                return remove(&self.tx, source, id);
            }
            (Op::Update | Op::Delete, _) => server,
        };
        put(&self.tx, source, id, server)
    }

    /// Takes what was done over into what was found: no news follow.
    fn applied_to_found(
        &self,
        source: &mut Source,
        id: &str,
        mut found: Attributes,
        done: &Change,
    ) -> Result<(), StoreError> {
        if done.op == Op::Delete {
            drop_one(&self.tx, source, id)?;
        } else {
            take_over(done, &mut found);
            keep(&self.tx, source, id, &found)?;
        }
        show(&self.tx, source, id, None)
    }

    /// The object that was made here is the back end's `wire` from now on. If that has come as news before, the two are one: what
    /// the server has of it is answered.
    fn link(
        &mut self,
        source: &mut Source,
        id: &str,
        wire: &str,
    ) -> Result<Option<Attributes>, StoreError> {
        let twin = app_id(&self.tx, source, wire)?;
        let came = match twin == id {
            true => None,
            false => server_copy(&self.tx, source, &twin)?,
        };
        if twin != id {
            if let Some(found) = found_copy(&self.tx, source, &twin)? {
                drop_one(&self.tx, source, &twin)?;
                keep(&self.tx, source, id, &found)?;
            }
            self.tx.execute(
                "UPDATE _change SET object = ?3 WHERE source = ?1 AND object = ?2",
                params![source.n, twin, id],
            )?;
            put(&self.tx, source, &twin, None)?;
        }
        know_as(&self.tx, source, id, wire)?;
        source.has_aliases = true;
        Ok(came)
    }

    fn fail(
        &self,
        open: &OpenChange,
        left: &Change,
        verdict: &Verdict,
        state: ChangeState,
    ) -> Result<(), StoreError> {
        self.tx
            .prepare_cached(
                r#"UPDATE _change SET state = ?2, "set" = ?3, unset = ?4, code = ?5, reason = ?6, current = ?7 WHERE seq = ?1"#,
            )?
            .execute(params![
                open.seq,
                state as i64,
                json(&left.set),
                list(&left.unset),
                verdict.code.as_deref().unwrap_or("conflict"),
                verdict.message,
                verdict.current.as_ref().map(json),
            ])?;
        Ok(())
    }

    /// What was done to an object that never came to be, and was not sent: the server would only say that there is none.
    fn fail_those_after(&self, source: &Source, object: &str) -> Result<(), StoreError> {
        self.tx.execute(
            "UPDATE _change SET state = 3, code = 'not_created', reason = 'its object was not created' WHERE source = ?1 AND object = ?2 AND state = 0",
            params![source.n, object],
        )?;
        Ok(())
    }
}

struct OpenChange {
    seq: i64,
    source: i64,
    object: String,
    /// As the app has made it.
    change: Change,
    /// As it was sent: with the back end's ids in its values.
    sent: Change,
    /// The cursor of its source when it was sent first.
    sent_at: Option<String>,
}

fn open_change(tx: &Connection, id: &str) -> Result<Option<OpenChange>, StoreError> {
    type Row = (i64, i64, String, [String; 3], [Option<String>; 2]);
    let found: Option<Row> = tx
        .prepare_cached(
            r#"SELECT seq, source, object, op, "set", unset, wire, sent_at FROM _change WHERE id = ?1 AND state IN (1, 2)"#,
        )?
        .query_row([id], |row| {
            let change = [row.get(3)?, row.get(4)?, row.get(5)?];
            let sent = [row.get(6)?, row.get(7)?];
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, change, sent))
        })
        .optional()?;
    let Some((seq, source, object, [op, set, unset], [wire, sent_at])) = found else {
        return Ok(None);
    };
    let Some(change) = change_of(&op, &set, &unset) else {
        return Ok(None);
    };
    let wire: Option<sync::Change> = wire.and_then(|wire| serde_json::from_str(&wire).ok());
    let sent = match wire {
        None => change.clone(),
        Some(wire) => Change {
            op: change.op,
            set: wire
                .set
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect(),
            unset: wire.unset,
        },
    };
    Ok(Some(OpenChange {
        seq,
        source,
        object,
        change,
        sent,
        sent_at,
    }))
}
