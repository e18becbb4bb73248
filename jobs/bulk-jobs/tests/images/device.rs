//! A device that begins with an image, and those who make it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use bulk_jobs::MakeImage;
use flate2::read::GzDecoder;
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sync_core::{
    DeviceProof, DeviceSession, Engine, IMAGE, ImageForm, NewsRequest, Origin, SyncError,
    TakenChanges,
};
use sync_jobs::{Budget, JobHandlers, JobState, Jobs, QueueName};
use test_support::{TestPorts, World};

const SETTINGS: &str = r#"
    retention_days = 30
    image_objects = 3
    [sources.Shared]
    adapter = "push-only"
    partition = "app"
    [sources.Own]
    adapter = "push-only"
    partition = "user"
    [sources.Typed]
    adapter = "push-only"
    partition = "app"
    metadata = "{\"a\":1}"
    schema = { version = "1", property = { price = "float", sold = "boolean" } }
"#;

pub(crate) async fn start() -> World {
    of_settings(World::start().await, SETTINGS).await
}

/// A world whose server has other settings from now on.
pub(crate) async fn of_settings(world: World, settings: &str) -> World {
    let engine = world.another(Some(settings), 2).await;
    world.with_engine(engine)
}

/// The settings of these tests, with something else in them.
pub(crate) fn settings_with(from: &str, to: &str) -> String {
    let settings = SETTINGS.replace(from, to);
    assert_ne!(settings, SETTINGS);
    settings
}

pub(crate) type Objects = BTreeMap<String, BTreeMap<String, Value>>;

/// A device and its copy of one source.
pub(crate) struct Device {
    pub(crate) session: DeviceSession,
    source: &'static str,
    pub(crate) cursor: Option<String>,
    pub(crate) objects: Objects,
}

impl Device {
    pub(crate) async fn new(world: &World, user: &str, source: &'static str) -> Self {
        world.sign_in(user).await;
        let proof = DeviceProof::Password {
            login: user,
            password: "password",
            origin: Origin("test"),
        };
        let description = Default::default();
        let granted = world.engine.sign_in_device(proof, None, &description);
        Self {
            session: granted.await.unwrap().session,
            source,
            cursor: None,
            objects: Objects::new(),
        }
    }

    /// Asks once.
    pub(crate) async fn ask(&self, world: &World, images: &[ImageForm]) -> Vec<Value> {
        a_moment(world);
        let have = BTreeMap::from([(self.source.to_owned(), self.cursor.clone())]);
        let request = NewsRequest {
            have: &have,
            parameters: &BTreeMap::new(),
            max_bytes: None,
            images,
            trace: None,
        };
        let nothing = TakenChanges::default();
        let engine = &world.engine;
        let lines = engine.answer_device(&self.session, nothing, &[], request);
        let lines = lines.await.unwrap();
        let lines = lines.iter().map(|line| serde_json::to_value(line).unwrap());
        lines.collect()
    }

    /// The image of lines that it is told of now.
    pub(crate) async fn image(&self, world: &World) -> Option<Value> {
        self.image_of(world, &[ImageForm::Ndjson]).await
    }

    /// The image that it is told of now, if it reads these forms.
    pub(crate) async fn image_of(&self, world: &World, forms: &[ImageForm]) -> Option<Value> {
        let lines = self.ask(world, forms).await;
        let image = lines.iter().find_map(|line| line.get("image"));
        image.cloned()
    }

    /// Does what a line says.
    pub(crate) fn apply(&mut self, line: &Value) {
        if line.get("reset").is_some() {
            (self.cursor, self.objects) = (None, Objects::new());
            return;
        }
        for (id, set) in line["objects"].as_object().into_iter().flatten() {
            let set = set.as_object().unwrap().clone();
            self.objects.entry(id.clone()).or_default().extend(set);
        }
        for (id, names) in line["unset"].as_object().into_iter().flatten() {
            let object = self.objects.get_mut(id).unwrap();
            object.retain(|name, _| !names.as_array().unwrap().contains(&json!(name)));
        }
        for id in line["deleted"].as_array().into_iter().flatten() {
            self.objects.remove(id.as_str().unwrap());
        }
        if let Some(cursor) = line["cursor"].as_str() {
            self.cursor = Some(cursor.to_owned());
        }
        if let Some(check) = line.get("check") {
            assert_eq!(check["count"], self.objects.len(), "{line}");
            assert_eq!(check["sum"], self.sum(), "{line}");
        }
    }

    /// Takes in an image that it was told of.
    pub(crate) fn begin_with(&mut self, lines: &[Value], image: &Value) {
        for line in lines {
            assert_eq!(line["source"], self.source);
            assert_eq!(line.get("cursor"), None);
            self.apply(line);
        }
        self.cursor = Some(image["cursor"].as_str().unwrap().to_owned());
    }

    /// Takes in an image that is a database.
    pub(crate) fn begin_with_database(&mut self, file: &Path, image: &Value) {
        let connection = rusqlite::Connection::open(file).unwrap();
        let name: String = connection
            .query_row("SELECT name FROM source", [], |row| row.get(0))
            .unwrap();
        assert_eq!(name, self.source);
        let mut objects = connection
            .prepare("SELECT id, attributes FROM object")
            .unwrap();
        let objects = objects.query_map([], |row| {
            let attributes: String = row.get(1)?;
            Ok((row.get(0)?, serde_json::from_str(&attributes).unwrap()))
        });
        self.objects = objects.unwrap().map(Result::unwrap).collect();
        self.cursor = Some(image["cursor"].as_str().unwrap().to_owned());
    }

    /// Syncs by pages to the end; answers all lines.
    pub(crate) async fn sync(&mut self, world: &World) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let lines = self.ask(world, &[]).await;
            lines.iter().for_each(|line| self.apply(line));
            let why = lines.last().unwrap()["end"]["why"].clone();
            all.extend(lines);
            if why != "more" {
                return all;
            }
        }
    }

    fn sum(&self) -> String {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let hash = |(id, attributes): (&String, &BTreeMap<String, Value>)| {
            let pairs = attributes.iter();
            let texts = pairs.flat_map(|(name, value)| [name.clone(), text(value)]);
            let mut digest = Sha256::new();
            for text in std::iter::once(id.clone()).chain(texts) {
                digest.update((text.len() as u64).to_le_bytes());
                digest.update(text);
            }
            u64::from_be_bytes(*digest.finalize().first_chunk().unwrap())
        };
        let sum = self.objects.iter().map(hash).fold(0, u64::wrapping_add);
        format!("{sum:016x}")
    }
}

/// Downloads what a device was told of.
pub(crate) async fn download(
    world: &World,
    session: &DeviceSession,
    image: &Value,
) -> Result<Vec<u8>, SyncError> {
    let id = image["url"].as_str().unwrap();
    let id = id.strip_prefix("/sync/v1/images/").unwrap();
    let content = world.engine.open_image(session, id).await?;
    assert_eq!(image["bytes"], content.size);
    let pieces: Vec<_> = content.read(0..content.size).try_collect().await.unwrap();
    Ok(pieces.concat())
}

/// The file of an image that is a database, if it is what was told.
pub(crate) fn file_of(content: &[u8], image: &Value) -> tempfile::NamedTempFile {
    let digest = base16ct::lower::encode_string(&Sha256::digest(content));
    assert_eq!(image["sha256"], digest);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::copy(&mut GzDecoder::new(content), &mut file).unwrap();
    file
}

/// The lines of an image, if it is what was told.
pub(crate) fn lines_of(content: &[u8], image: &Value) -> Vec<Value> {
    let digest = base16ct::lower::encode_string(&Sha256::digest(content));
    assert_eq!(image["sha256"], digest);
    let mut text = String::new();
    GzDecoder::new(content).read_to_string(&mut text).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Lets those work who make images.
pub(crate) async fn work(world: &World) {
    work_of(&world.engine).await;
}

pub(crate) async fn work_of(engine: &Engine<TestPorts>) {
    engine.sweeper().sweep().await.unwrap();
    let handlers = JobHandlers::new().with(IMAGE, MakeImage);
    let budget = Budget {
        at_once: 1,
        ..Budget::RING
    };
    engine.worker(&handlers, "bulk").run(budget).await.unwrap();
}

/// How many jobs of images are in a state.
pub(crate) async fn jobs(world: &World, state: JobState) -> usize {
    let queue = QueueName::parse("bulk").unwrap();
    let jobs = Jobs::new(&world.engine.ports().redis);
    jobs.list(&queue, state, 0, 100).await.unwrap().len()
}

/// A moment passes, in which instances forget what they have read.
pub(crate) fn a_moment(world: &World) {
    pass(world, Duration::from_millis(250));
}

pub(crate) fn pass(world: &World, time: Duration) {
    world.engine.ports().clock.advance(time);
}

pub(crate) async fn feed(world: &World, source: &str, user: &str, objects: Value) {
    let objects = serde_json::from_value(objects).unwrap();
    let fed = world.engine.feed_objects(source, user, objects);
    fed.await.unwrap();
}

/// Objects `o<number>` of these numbers.
pub(crate) async fn fill(world: &World, source: &str, user: &str, numbers: std::ops::Range<usize>) {
    let objects: serde_json::Map<_, _> = numbers
        .map(|number| (format!("o{number}"), json!({"price": number, "name": "x"})))
        .collect();
    feed(world, source, user, Value::Object(objects)).await;
}

pub(crate) async fn delete(world: &World, source: &str, user: &str, id: &str) {
    let ids = vec![id.to_owned()];
    world.engine.feed_deletes(source, user, ids).await.unwrap();
}
