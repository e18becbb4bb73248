//! What became of the changes that a device sent.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use sync_proto::sync::{Line, Verdict, VerdictStatus};

use crate::account::DeviceSession;
use crate::engine::by_jobs::changes_queue;
use crate::engine::device_sync::changes::TakenChanges;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{
    AttributeTypes, ChangeName, DocumentId, KeptVerdict, ObjectId, Partition, fields,
};
use crate::ports::Ports;
use crate::store::{Aspect, Document, Said, parse_record};

impl<P: Ports> Engine<P> {
    /// What became of changes that were taken in, and carried out as far as the device waited for it.
    pub(super) async fn device_verdicts(
        &self,
        session: &DeviceSession,
        taken: TakenChanges,
    ) -> Result<Vec<Line>, SyncError> {
        let TakenChanges {
            accepted: _,
            mut lines,
            waiting,
        } = taken;
        let of_sources = waiting
            .into_iter()
            .map(|(id, names)| self.verdicts_of(session, id, names));
        let of_sources = try_join_all(of_sources).await?;
        lines.extend(of_sources.into_iter().flatten());
        Ok(lines)
    }

    /// What became of changes in a document. Those that wait are worked on soon.
    async fn said_of(
        &self,
        session: &DeviceSession,
        source: Source<'_>,
        id: &DocumentId,
        names: &[ChangeName],
    ) -> Result<Vec<Said>, SyncError> {
        let (user, client) = (session.user(), session.client());
        let said = self.document(id).said_of(client, names).await?;
        // Its device waits for it: so it does not wait for the job that would see to it some time.
        if said.iter().any(|said| matches!(said, Said::Waits)) {
            self.work_soon(changes_queue(source), id, user, client)
                .await?;
        }
        Ok(said)
    }

    /// Finds out what became of changes that were sent while the device followed another copy of the source.
    async fn look_elsewhere(
        &self,
        session: &DeviceSession,
        source: Source<'_>,
        document: &Document<'_, P::Redis>,
        (names, said): (&[ChangeName], &mut [Said]),
    ) -> Result<(), SyncError> {
        let mut elsewhere: BTreeMap<Partition, (Vec<ChangeName>, Vec<&mut Said>)> = BTreeMap::new();
        for (name, said) in names.iter().zip(said) {
            if let Said::Elsewhere(partition) = said {
                let (names, said_here) = elsewhere.entry(partition.clone()).or_default();
                names.push(name.clone());
                said_here.push(said);
            }
        }
        let mut forgotten = Vec::new();
        for (partition, (names, said_here)) in elsewhere {
            let id = DocumentId {
                source: source.name.clone(),
                partition,
            };
            let there = self.said_of(session, source, &id, &names).await?;
            for ((name, here), there) in names.into_iter().zip(said_here).zip(there) {
                *here = match there {
                    Said::Waits | Said::Decided(_) => there,
                    _ => {
                        forgotten.push(name);
                        Said::Unknown
                    }
                };
            }
        }
        if !forgotten.is_empty() {
            let client = session.client();
            document.forget_named(client, &forgotten).await?;
        }
        Ok(())
    }

    async fn verdicts_of(
        &self,
        session: &DeviceSession,
        id: DocumentId,
        names: Vec<ChangeName>,
    ) -> Result<Vec<Line>, SyncError> {
        let found = self.source(id.source.as_str()).await?;
        let schema = found.as_source().settings.schema.as_ref();
        let document = self.document(&id);
        let source = found.as_source();
        let mut said = self.said_of(session, source, &id, &names).await?;
        self.look_elsewhere(session, source, &document, (&names, &mut said))
            .await?;
        let objects: Vec<ObjectId> = said
            .iter()
            .filter_map(|said| shown(said).cloned())
            .collect();
        let mut current = BTreeMap::new();
        let mut types = AttributeTypes::default();
        if !objects.is_empty() {
            let schema = match schema {
                Some(schema) => Some(schema.text().to_owned()),
                None => document.description(Aspect::Schema).await?,
            };
            types = schema
                .as_deref()
                .map(AttributeTypes::of_schema)
                .unwrap_or_default();
            current = read(&document, objects).await?;
        }
        let lines = names.into_iter().zip(said).map(|(name, said)| {
            let mut verdict = to_verdict(&name, &said);
            if let Some(object) = shown(&said) {
                let attributes = current.get(object).cloned().flatten();
                verdict.current = Some(attributes.map(|it| fields(&types, it)));
            }
            Line::Verdict { verdict }
        });
        Ok(lines.collect())
    }
}

/// The objects as they are now.
async fn read<R: crate::ports::RedisConn>(
    document: &Document<'_, R>,
    objects: Vec<ObjectId>,
) -> Result<BTreeMap<ObjectId, Option<crate::model::Attributes>>, SyncError> {
    let records = document.raw_records(objects.iter()).await?;
    let mut current = BTreeMap::new();
    for (id, record) in objects.into_iter().zip(records) {
        let record = record.map(|record| parse_record(&record)).transpose()?;
        let attributes = record.filter(crate::model::Record::is_alive);
        current.insert(id, attributes.map(|record| record.attributes));
    }
    Ok(current)
}

/// The object that goes with a verdict, as it is.
fn shown(said: &Said) -> Option<&ObjectId> {
    match said {
        Said::Decided(
            KeptVerdict::Refused { object, .. } | KeptVerdict::Conflict { object, .. },
        ) => Some(object),
        _ => None,
    }
}

fn to_verdict(name: &ChangeName, said: &Said) -> Verdict {
    let verdict = Verdict {
        id: name.as_str().to_owned(),
        ..Verdict::default()
    };
    let refused = |code: &str, message: Option<String>| Verdict {
        status: VerdictStatus::Refused,
        code: Some(code.to_owned()),
        message,
        ..verdict.clone()
    };
    match said {
        Said::Decided(KeptVerdict::Applied { object, message }) => Verdict {
            status: VerdictStatus::Applied,
            object: object.as_ref().map(ObjectId::to_string),
            message: message.clone(),
            ..verdict
        },
        Said::Decided(KeptVerdict::Refused { object, message }) => Verdict {
            object: Some(object.to_string()),
            ..refused("refused", Some(message.clone()))
        },
        Said::Decided(KeptVerdict::Conflict {
            object,
            message,
            kept,
        }) => Verdict {
            status: VerdictStatus::Conflict,
            object: Some(object.to_string()),
            code: kept.is_empty().then(|| "conflict".to_owned()),
            message: message.clone(),
            kept: kept.clone(),
            ..verdict
        },
        Said::Unknown => refused(
            "unknown_change",
            Some("the server does not know this change: send it again".to_owned()),
        ),
        Said::TakenIn(_)
        | Said::Waits
        | Said::Elsewhere(_)
        | Said::NameReused
        | Said::ObjectTaken
        | Said::Full => verdict,
    }
}
