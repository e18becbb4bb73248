//! A device that begins with bulk data, and those who work on the jobs it leads to.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use bulk_jobs::MakeBulkData;
use futures_util::TryStreamExt as _;
use rusqlite::Connection;
use serde_json::Value;
use sync_core::{
    BULK_DATA, BlobReader, BulkDataAnswer, BulkDataRequest, ClientId, Engine, PartitionRule, Query,
    SendChanges, Session, SyncError,
};
use sync_jobs::{Budget, JobDetails, JobHandlers, JobState, Jobs, QueueName};
use tempfile::NamedTempFile;
use test_support::{TestPorts, World};

/// Objects as a device has them.
pub(crate) type Objects = BTreeMap<String, BTreeMap<String, String>>;

/// Asks for a partition's bulk data.
pub(crate) async fn ask(
    world: &World,
    (session, client): (&Session, &ClientId),
    partition: PartitionRule,
    sources: Option<&[&str]>,
) -> BulkDataAnswer {
    let sources: Option<Vec<String>> =
        sources.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    let request = BulkDataRequest {
        client: client.as_str(),
        partition,
        sources: sources.as_deref(),
    };
    let asked = world.engine.ask_for_bulk_data(session, request);
    asked.await.unwrap()
}

/// Lets everybody who works on jobs work once.
pub(crate) async fn work(engine: &Engine<TestPorts>) {
    let handlers = JobHandlers::new()
        .with(Query::NAME, Query)
        .with(SendChanges::NAME, SendChanges)
        .with(BULK_DATA, MakeBulkData);
    for component in ["bulk", "adapter", "bulk"] {
        let budget = Budget {
            at_once: 1,
            ..Budget::RING
        };
        let worker = engine.worker(&handlers, component);
        worker.run(budget).await.unwrap();
        engine.ports().clock.advance(Duration::from_secs(2));
        engine.sweeper().sweep().await.unwrap();
    }
}

/// The bulk data jobs in a state.
pub(crate) async fn jobs(engine: &Engine<TestPorts>, state: JobState) -> Vec<JobDetails> {
    let queue = QueueName::parse("bulk").unwrap();
    let jobs = Jobs::new(&engine.ports().redis);
    jobs.list(&queue, state, 0, 100).await.unwrap()
}

/// Asks, as devices do: until the file is there. Answers its path.
pub(crate) async fn ask_until_ready(
    world: &World,
    device: (&Session, &ClientId),
    partition: PartitionRule,
    sources: Option<&[&str]>,
) -> String {
    for _ in 0..5 {
        match ask(world, device, partition, sources).await {
            BulkDataAnswer::Wait => work(&world.engine).await,
            BulkDataAnswer::Ready { path } => return path,
            other => panic!("no file: {other:?}"),
        }
    }
    panic!(
        "no file after all: {:?}",
        jobs(&world.engine, JobState::Dead).await
    );
}

/// Downloads a range of what is at a path, or all of it.
pub(crate) async fn download(
    world: &World,
    session: &Session,
    path: &str,
    range: Option<std::ops::Range<u64>>,
) -> Result<Vec<u8>, SyncError> {
    let mut parts = path.strip_prefix("/data/").unwrap().split('/');
    let (selection, name) = (parts.next().unwrap(), parts.next().unwrap());
    let reader = BlobReader::User(session);
    let file = world.engine.open_bulk_data(reader, selection, name).await?;
    let pieces = file.read(range.unwrap_or(0..file.size()));
    let pieces: Vec<_> = pieces.try_collect().await.unwrap();
    Ok(pieces.concat())
}

/// A database that was downloaded.
pub(crate) struct Downloaded {
    pub(crate) database: Connection,
    _file: NamedTempFile,
}

impl Downloaded {
    pub(crate) fn open(content: &[u8]) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let database = Connection::open(file.path()).unwrap();
        let check: String = database
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
        Self {
            database,
            _file: file,
        }
    }

    /// The rows of a query, with `|` between columns.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let mut query = self.database.prepare(query).unwrap();
        let columns = query.column_count();
        let rows = query.query_map([], |row| {
            let texts = (0..columns).map(|column| {
                let value: rusqlite::types::Value = row.get(column)?;
                Ok(match value {
                    rusqlite::types::Value::Null => String::new(),
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => format!("{other:?}"),
                })
            });
            Ok(texts.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The objects of a source that are stored as attributes.
    pub(crate) fn objects(&self, source: &str) -> Objects {
        let mut query = self
            .database
            .prepare(
                "SELECT object, attrib, value FROM object_values JOIN sources USING (source_id) WHERE name = ?",
            )
            .unwrap();
        let mut objects = Objects::new();
        let rows = query.query_map([source], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        for row in rows.unwrap() {
            let (object, attribute, value): (String, String, String) = row.unwrap();
            let object = objects.entry(object).or_default();
            assert_eq!(object.insert(attribute, value), None);
        }
        objects
    }
}

/// Does what a page says, as devices do.
pub(crate) fn apply(objects: &mut Objects, commands: &Value) {
    let each = |name: &str| {
        let map = commands.get(name).and_then(Value::as_object);
        map.cloned().unwrap_or_default()
    };
    for (id, attributes) in each("delete") {
        if let Some(object) = objects.get_mut(&id) {
            object.retain(|name, _| !attributes.as_object().unwrap().contains_key(name));
            if object.is_empty() {
                objects.remove(&id);
            }
        }
    }
    for (id, attributes) in each("insert") {
        let object = objects.entry(id).or_default();
        for (name, value) in attributes.as_object().unwrap() {
            object.insert(name.clone(), value.as_str().unwrap().to_owned());
        }
    }
}

/// What a source's back end has, as devices see it.
pub(crate) fn in_back_end(world: &World) -> Objects {
    let objects = world.back_end.objects().into_iter();
    objects
        .map(|(id, attributes)| (id.into_string(), attributes))
        .collect()
}
