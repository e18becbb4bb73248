//! Files in a bucket: what the store of it is asked, and what stays where when it fails.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sync_core::{
    AnswerRoom, BlobId, BlobReader, ChangesRequest, Engine, Files, HttpClient, HttpError, Origin,
    Ports as _, RedisConn as _, Session, StorePorts as _, SyncError,
};
use test_support::{TestPorts, TestRedis, engine, local};

const MIB: usize = 1024 * 1024;

const SETTINGS: &str = r#"
    [sources.Note]
    adapter = "push-only"
    partition = "app"
"#;

const BUCKET: &str = r#"
    [blobs.s3]
    endpoint = "http://s3.example:9000"
    bucket = "files"
    region = "eu-central-1"
    access_key = "the-key"
    secret_key = "the-secret"
"#;

/// A store in the test's own memory, which lets nobody in without a signature of its own reckoning.
#[derive(Default)]
struct FakeS3 {
    objects: RefCell<BTreeMap<String, Vec<u8>>>,
    uploads: RefCell<BTreeMap<String, BTreeMap<u32, Vec<u8>>>>,
    asked: RefCell<Vec<String>>,
    /// How many requests are answered before all fail, and whether those are carried out all the same.
    failing: Cell<Option<(usize, bool)>>,
}

impl HttpClient for FakeS3 {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
        room: &mut AnswerRoom,
    ) -> Result<Response<Bytes>, HttpError> {
        check_signature(&request);
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or(""));
        let key = path.strip_prefix("/files/").unwrap().to_owned();
        let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        self.asked.borrow_mut().push(format!(
            "{} {} {}",
            request.method(),
            query.keys().cloned().collect::<Vec<_>>().join("&"),
            request.body().len()
        ));
        let mut is_lost = false;
        if let Some((answered, is_done)) = self.failing.get() {
            if answered == 0 {
                is_lost = true;
            } else {
                self.failing.set(Some((answered - 1, is_done)));
            }
            if is_lost && !is_done {
                return Ok(answer(503, "<Error><Code>SlowDown</Code></Error>"));
            }
        }
        let answer = self.carry_out(&request, key, &query);
        if is_lost {
            return Err(HttpError::NoAnswer {
                host: "s3.example".to_owned(),
                reason: "lost".to_owned(),
            });
        }
        room.take("s3.example", answer.body())?;
        Ok(answer)
    }
}

impl FakeS3 {
    fn carry_out(
        &self,
        request: &Request<Bytes>,
        key: String,
        query: &BTreeMap<String, String>,
    ) -> Response<Bytes> {
        let upload = query.get("uploadId").cloned();
        let body = request.body().to_vec();
        match (request.method(), upload) {
            (&Method::PUT, None) => {
                self.objects.borrow_mut().insert(key, body);
                answer(200, "")
            }
            (&Method::POST, None) => {
                assert!(query.contains_key("uploads"));
                let id = format!("id/of+{key}");
                self.uploads
                    .borrow_mut()
                    .insert(id.clone(), BTreeMap::new());
                answer(200, &format!("<R><UploadId>{id}</UploadId></R>"))
            }
            (&Method::PUT, Some(upload)) => {
                let number = query["partNumber"].parse().unwrap();
                let mut uploads = self.uploads.borrow_mut();
                uploads.get_mut(&upload).unwrap().insert(number, body);
                let mut answer = answer(200, "");
                let etag = format!("\"part-{number}\"").parse().unwrap();
                answer.headers_mut().insert("etag", etag);
                answer
            }
            (&Method::POST, Some(upload)) => {
                let parts = self.uploads.borrow_mut().remove(&upload).unwrap();
                let list = String::from_utf8(body).unwrap();
                let expected: String = parts
                    .keys()
                    .map(|part| format!("<Part><PartNumber>{part}</PartNumber><ETag>\"part-{part}\"</ETag></Part>"))
                    .collect();
                assert_eq!(
                    list,
                    format!("<CompleteMultipartUpload>{expected}</CompleteMultipartUpload>")
                );
                let least = parts.values().rev().skip(1).map(Vec::len).min();
                if least.is_some_and(|bytes| bytes < 5 * MIB) {
                    return answer(200, "<Error><Code>EntityTooSmall</Code></Error>");
                }
                let content = parts.into_values().flatten().collect();
                self.objects.borrow_mut().insert(key, content);
                answer(200, "<CompleteMultipartUploadResult/>")
            }
            (&Method::GET, None) => match self.objects.borrow().get(&key) {
                None => answer(404, "<Error><Code>NoSuchKey</Code></Error>"),
                Some(content) => {
                    let range = request.headers()["range"].to_str().unwrap();
                    let (first, last) = range
                        .strip_prefix("bytes=")
                        .unwrap()
                        .split_once('-')
                        .unwrap();
                    let (first, last): (usize, usize) =
                        (first.parse().unwrap(), last.parse().unwrap());
                    let mut answer = Response::new(Bytes::copy_from_slice(&content[first..=last]));
                    *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
                    answer
                }
            },
            (&Method::DELETE, Some(upload)) => {
                self.uploads.borrow_mut().remove(&upload);
                answer(204, "")
            }
            (&Method::DELETE, None) => {
                self.objects.borrow_mut().remove(&key);
                answer(204, "")
            }
            other => panic!("{other:?}"),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.take()
    }
}

fn answer(status: u16, body: &str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

/// Reckons the signature from the request as a store gets it, and compares.
fn check_signature(request: &Request<Bytes>) {
    let header = |name: &str| match name {
        "host" => request.uri().authority().unwrap().to_string(),
        name => request.headers()[name].to_str().unwrap().to_owned(),
    };
    let content = header("x-amz-content-sha256");
    assert_eq!(
        content,
        base16ct::lower::encode_string(&Sha256::digest(request.body()))
    );
    let date = header("x-amz-date");
    assert!(date.starts_with("202609"), "the test's time: {date}");

    let authorization = header("authorization");
    let parts: BTreeMap<_, _> = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .unwrap()
        .split(',')
        .map(|part| part.split_once('=').unwrap())
        .collect();
    assert_eq!(
        parts["Credential"],
        format!("the-key/{}/eu-central-1/s3/aws4_request", &date[..8])
    );
    let names: Vec<_> = parts["SignedHeaders"].split(';').collect();
    for needed in ["host", "x-amz-date", "x-amz-content-sha256"] {
        assert!(names.contains(&needed), "{needed} is not signed");
    }
    let lines: String = names
        .iter()
        .map(|name| format!("{name}:{}\n", header(name)))
        .collect();
    let mut query: Vec<_> = request.uri().query().unwrap_or("").split('&').collect();
    query.sort_unstable();
    let canonical = [
        request.method().as_str(),
        request.uri().path(),
        &query.join("&"),
        &lines,
        parts["SignedHeaders"],
        &content,
    ]
    .join("\n");
    let scope = format!("{}/eu-central-1/s3/aws4_request", &date[..8]);
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        base16ct::lower::encode_string(&Sha256::digest(canonical))
    );
    let mac = |key: &[u8], text: &str| {
        let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.chain_update(text).finalize().into_bytes().to_vec()
    };
    let mut key = b"AWS4the-secret".to_vec();
    for part in scope.split('/') {
        key = mac(&key, part);
    }
    assert_eq!(
        parts["Signature"],
        base16ct::lower::encode_string(&mac(&key, &text))
    );
}

struct World {
    engine: Engine<TestPorts<FakeS3>>,
    session: Session,
    client: String,
    redis: TestRedis,
}

impl World {
    async fn start(settings: &str) -> Self {
        let redis = TestRedis::start();
        let engine = engine(&redis, settings, 1).await;
        engine
            .accounts()
            .create_user("u1", "password")
            .await
            .unwrap();
        let session = engine
            .accounts()
            .log_in("u1", "password", Origin("test"))
            .await
            .unwrap();
        let now = sync_core::Clock::now(engine.ports().clock());
        let session = engine.accounts().sessions().verify(&session, now).unwrap();
        let client = engine
            .create_client(&session, &Default::default())
            .await
            .unwrap();
        Self {
            engine,
            session,
            client: client.to_string(),
            redis,
        }
    }

    fn s3(&self) -> &FakeS3 {
        self.engine.ports().http()
    }

    /// Creates an object with a file; answers the file's digest.
    async fn create(&self, id: &str, content: &[u8]) -> Result<BlobId, SyncError> {
        let mut uploader = self.engine.blobs().uploader(self.session.user());
        uploader
            .begin(
                format!("photo-{id}"),
                "p.png".to_owned(),
                "image/png".to_owned(),
            )
            .await?;
        uploader.write(content).await?;
        uploader.end().await?;
        let uploads = uploader.finish();
        let request = ChangesRequest {
            client: &self.client,
            source: "Note",
            sequence: None,
            files: Files {
                uploads: &uploads,
                base_url: "",
            },
            changes: serde_json::from_value(json!({"create": {id: {"photo": "p.png"}}})).unwrap(),
            trace: None,
        };
        let pushed = self.engine.accept_changes(&self.session, request).await;
        self.engine
            .blobs()
            .end_uploads(self.session.user(), &uploads)
            .await;
        pushed.map(|()| uploads[0].blob.clone())
    }

    async fn download(&self, blob: &BlobId) -> Vec<u8> {
        let blob = self
            .engine
            .open_blob(BlobReader::User(&self.session), blob)
            .await
            .unwrap();
        let mut content = Vec::new();
        let mut pieces = blob.read(0..blob.size);
        while let Some(piece) = pieces.next().await {
            content.extend_from_slice(&piece.unwrap());
        }
        content
    }

    async fn keys(&self, pattern: &str) -> usize {
        let command = ["KEYS", pattern].map(|part| part.as_bytes().to_vec());
        self.engine
            .ports()
            .redis()
            .run(command.into())
            .await
            .unwrap()
            .len()
    }
}

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 249) as u8).collect()
}

#[test]
fn a_file_goes_to_the_bucket_at_once_and_comes_back_in_ranges() {
    local(async {
        let world = World::start(&format!("{SETTINGS}{BUCKET}")).await;
        let sent = content(5 * MIB);
        let blob = world.create("t-1", &sent).await.unwrap();
        assert_eq!(world.s3().asked(), [format!("PUT  {}", 5 * MIB)]);
        assert_eq!(world.keys("*blob-content*").await, 0, "the spool is empty");
        assert_eq!(world.download(&blob).await, sent);
        assert_eq!(world.s3().asked(), ["GET  0"; 5]);

        // The same content again: the store is not asked at all.
        world.create("t-2", &sent).await.unwrap();
        assert_eq!(world.s3().asked(), [""; 0]);
        assert_eq!(world.s3().objects.borrow().len(), 1);
    });
}

#[test]
fn a_large_file_goes_in_parts() {
    local(async {
        let world = World::start(&format!("{SETTINGS}{BUCKET}")).await;
        let sent = content(11 * MIB + 7);
        let blob = world.create("t-1", &sent).await.unwrap();
        let part = format!("PUT partNumber&uploadId {}", 5 * MIB);
        let asked = world.s3().asked();
        assert_eq!(
            asked[..4],
            [
                "POST uploads 0",
                &part,
                &part,
                &format!("PUT partNumber&uploadId {}", MIB + 7)
            ]
        );
        assert!(asked[4].starts_with("POST uploadId "));
        assert!(world.download(&blob).await == sent);
    });
}

#[test]
fn a_store_that_fails_refuses_the_request_and_keeps_nothing() {
    local(async {
        let world = World::start(&format!("{SETTINGS}{BUCKET}")).await;
        let sent = content(6 * MIB);
        for answered in 0..4 {
            world.s3().failing.set(Some((answered, false)));
            let refused = world.create("t-1", &sent).await.unwrap_err();
            assert!(
                refused
                    .to_string()
                    .contains("503 Service Unavailable SlowDown"),
                "{refused}"
            );
            assert_eq!(world.keys("*blob-content*").await, 0);
            assert_eq!(world.keys("*cud:*").await, 0, "nothing was taken in");
            assert_eq!(world.engine.blobs().bytes_of("u1").await.unwrap(), 0);
        }
        world.s3().failing.set(None);
        world.create("t-1", &sent).await.unwrap();
    });
}

#[test]
fn what_got_into_the_bucket_and_became_no_blob_is_removed() {
    local(async {
        let world = World::start(&format!("{SETTINGS}{BUCKET}")).await;
        world.s3().failing.set(Some((0, true)));
        world.create("t-1", b"content").await.unwrap_err();
        world.s3().failing.set(None);
        assert_eq!(world.s3().objects.borrow().len(), 1);
        assert_eq!(
            world.engine.blobs().collect().await.unwrap().contents,
            0,
            "too early"
        );
        let clock = world.engine.ports().clock();
        clock.advance(Duration::from_secs(3_700));
        assert_eq!(world.engine.blobs().collect().await.unwrap().contents, 1);
        assert!(world.s3().objects.borrow().is_empty());
    });
}

#[test]
fn a_blob_that_is_collected_leaves_the_bucket_also_when_the_store_was_away() {
    local(async {
        let world = World::start(&format!("{SETTINGS}{BUCKET}")).await;
        world.create("t-1", b"content").await.unwrap();
        world
            .engine
            .feed_deletes("Note", "u1", objects(&world).await)
            .await
            .unwrap();
        let clock = world.engine.ports().clock();
        clock.advance(Duration::from_secs(86_400));
        world.engine.blobs().collect().await.unwrap();
        clock.advance(Duration::from_secs(86_400));
        world.s3().failing.set(Some((0, false)));
        let collected = world.engine.blobs().collect().await.unwrap();
        assert_eq!((collected.blobs, collected.contents), (1, 0));
        assert_eq!(world.s3().objects.borrow().len(), 1);
        world.s3().failing.set(None);
        clock.advance(Duration::from_secs(3_700));
        assert_eq!(world.engine.blobs().collect().await.unwrap().contents, 1);
        assert!(world.s3().objects.borrow().is_empty());
        assert_eq!(world.engine.blobs().bytes_of("u1").await.unwrap(), 0);
    });
}

#[test]
fn a_reset_empties_the_bucket() {
    local(async {
        let world = World::start(&format!("{SETTINGS}{BUCKET}")).await;
        world.create("t-1", b"one").await.unwrap();
        world.create("t-2", b"two").await.unwrap();
        world.engine.reset().await.unwrap();
        let clock = world.engine.ports().clock();
        clock.advance(Duration::from_secs(120));
        let collected = world.engine.blobs().collect().await.unwrap();
        assert_eq!((collected.blobs, collected.contents), (0, 2));
        assert!(world.s3().objects.borrow().is_empty());
        assert_eq!(world.keys("*blob*").await, 0);
    });
}

#[test]
fn what_was_kept_in_redis_stays_readable_once_there_is_a_bucket() {
    local(async {
        let world = World::start(SETTINGS).await;
        let blob = world.create("t-1", b"old").await.unwrap();
        let engine = engine(&world.redis, &format!("{SETTINGS}{BUCKET}"), 2).await;
        let world = World { engine, ..world };
        assert_eq!(world.download(&blob).await, b"old");
        assert_eq!(world.s3().asked(), [""; 0]);
    });
}

/// The ids of all notes.
async fn objects(world: &World) -> Vec<String> {
    let client = world
        .engine
        .create_client(&world.session, &Default::default())
        .await
        .unwrap();
    let request = sync_core::PullRequest {
        client: client.as_str(),
        source: "Note",
        token: None,
        page_size: 10,
        parameters: &[],
        trace: None,
    };
    let page = world.engine.pull(&world.session, request).await.unwrap();
    let page = serde_json::to_value(&page).unwrap();
    page[5]["insert"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn what_is_sent_to_the_bucket_counts_as_held() {
    local(async {
        let world = World::start(&format!("{SETTINGS}{BUCKET}")).await;
        let memory = world.engine.memory();
        let content = vec![b'x'; 6 * MIB];
        let others = memory.reserve(memory.total() - 6 * MIB).unwrap();
        let refused = world.create("t1", &content).await.unwrap_err();
        assert!(refused.is_retryable(), "{refused}");
        assert!(world.s3().objects.borrow().is_empty());
        drop(others);
        world.create("t2", &content).await.unwrap();
        assert_eq!(
            memory.reserve(memory.total()).map(drop),
            Ok(()),
            "all came back"
        );
    });
}
