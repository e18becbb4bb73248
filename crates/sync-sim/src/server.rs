//! The engine, as the server's routes ask it.

use serde_json::json;
use sync_client::{Header, HttpRequest};
use sync_core::{BlobError, DeviceGrant, ImageForm, NewsRequest, SentChanges, SyncError};
use sync_proto::sync::{
    DeviceSearch, Line, SessionGrant, SessionRequest, SyncRequest, VerifyRequest,
};
use test_support::World;

use crate::files;

/// What a device gets for a request.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<Header>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    fn refused(status: u16, code: &str) -> Self {
        let body = json!({"error": {"code": code, "message": code}});
        Self::new(status, body.to_string().into_bytes())
    }
}

impl From<SyncError> for Answer {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Account(_) => Self::refused(401, "not_authenticated"),
            SyncError::UnknownClient => Self::refused(404, "unknown_client"),
            SyncError::Blob(BlobError::Unknown) => Self::refused(404, "not_found"),
            SyncError::Busy | SyncError::Blob(BlobError::Busy) => Self::refused(503, "busy"),
            SyncError::QueueFull => Self::refused(429, "queue_full"),
            error => panic!("the engine does not answer: {error}"),
        }
    }
}

/// Answers a request.
pub(crate) async fn serve(world: &World, request: &HttpRequest) -> Answer {
    let path = request.url.trim_start_matches("http://sim");
    let answered = match path {
        "/sync/v1/session" => Ok(session(world, request).await),
        "/sync/v1/sync" => sync(world, request).await.map(written),
        "/sync/v1/search" => search(world, request).await.map(written),
        "/sync/v1/verify" => verify(world, request).await.map(written),
        other => match other.strip_prefix("/sync/v1/blobs/") {
            Some(blob) => files::serve(world, request, blob).await,
            None => panic!("devices do not call {other}"),
        },
    };
    answered.unwrap_or_else(Answer::from)
}

fn written(lines: Vec<Line>) -> Answer {
    let mut body = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut body, &line).expect("a line");
        body.push(b'\n');
    }
    Answer::new(200, body)
}

async fn session(world: &World, request: &HttpRequest) -> Answer {
    let asked: SessionRequest = serde_json::from_slice(&request.body).expect("a request");
    let granted = match (&asked.refresh, &asked.login, &asked.password) {
        (Some(refresh), _, _) => {
            let attempt = asked.attempt.unwrap_or_default();
            let accounts = world.engine.accounts();
            match accounts.refresh_device(refresh, &attempt).await {
                Ok(granted) => granted,
                Err(_) => return Answer::refused(401, "not_authenticated"),
            }
        }
        (None, Some(login), Some(_)) => {
            let client = asked.client.as_deref();
            world.device_session(login, client, &asked.device).await
        }
        _ => panic!("devices sign in by password"),
    };
    let DeviceGrant {
        session,
        access,
        expires_in,
        refresh,
    } = granted;
    let grant = SessionGrant {
        access,
        expires_in,
        refresh,
        client: session.client().to_string(),
        user: session.user().to_string(),
    };
    Answer::new(200, serde_json::to_vec(&grant).expect("a grant"))
}

pub(crate) fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut headers = request.headers.iter();
    let found = headers.find(|header| header.name == name);
    found.map(|header| header.value.as_str())
}

pub(crate) fn bearer(request: &HttpRequest) -> &str {
    let header = header(request, "Authorization").unwrap_or_default();
    header.strip_prefix("Bearer ").unwrap_or_default()
}

async fn sync(world: &World, request: &HttpRequest) -> Result<Vec<Line>, SyncError> {
    let engine = &world.engine;
    let session = engine.accounts().device_session(bearer(request))?;
    let SyncRequest {
        have,
        parameters,
        changes,
        pending,
        settled,
        // Nobody waits here: time does not pass by itself.
        wait: _,
        max_bytes,
        images,
    } = serde_json::from_slice(&request.body).expect("a request");
    let sent = SentChanges {
        base_url: "https://sync.example",
        changes,
        pending,
        settled,
        have: &have,
        parameters: &parameters,
        trace: None,
    };
    let mut taken = engine.take_device_changes(&session, sent).await?;
    let mut done = Vec::new();
    for accepted in std::mem::take(&mut taken.accepted) {
        // What cannot be done now is a job's.
        done.extend(engine.carry_to_end(accepted).await.ok().flatten());
    }
    let images = ImageForm::known(&images);
    let news = NewsRequest {
        have: &have,
        parameters: &parameters,
        max_bytes,
        images: &images,
        trace: None,
    };
    engine.answer_device(&session, taken, &done, news).await
}

async fn search(world: &World, request: &HttpRequest) -> Result<Vec<Line>, SyncError> {
    let engine = &world.engine;
    let session = engine.accounts().device_session(bearer(request))?;
    let asked: DeviceSearch = serde_json::from_slice(&request.body).expect("a request");
    let search = sync_core::DeviceSearchRequest {
        source: &asked.source,
        parameters: &asked.parameters,
        trace: None,
    };
    engine.search_for_device(&session, search).await
}

async fn verify(world: &World, request: &HttpRequest) -> Result<Vec<Line>, SyncError> {
    let engine = &world.engine;
    let session = engine.accounts().device_session(bearer(request))?;
    let asked: VerifyRequest = serde_json::from_slice(&request.body).expect("a request");
    let compared = sync_core::VerifyRequest {
        source: &asked.source,
        parameters: &asked.parameters,
        cursor: &asked.cursor,
        buckets: &asked.buckets,
    };
    let lines = engine.verify_copy(&session, compared).await?;
    lines.ok_or(SyncError::Busy)
}
