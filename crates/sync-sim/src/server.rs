//! The engine, as the server's routes ask it.

use serde_json::json;
use sync_client::HttpRequest;
use sync_core::{DeviceGrant, DeviceProof, NewsRequest, Origin, SentChanges, SyncError};
use sync_proto::sync::{Line, NDJSON, SessionGrant, SessionRequest, SyncRequest, VerifyRequest};
use test_support::World;

/// Answers a request: status and body.
pub(crate) async fn serve(world: &World, request: &HttpRequest) -> (u16, Vec<u8>) {
    let path = request.url.trim_start_matches("http://sim");
    match path {
        "/sync/v1/session" => session(world, request).await,
        "/sync/v1/sync" => answer(sync(world, request).await),
        "/sync/v1/verify" => answer(verify(world, request).await),
        other => panic!("devices do not call {other}"),
    }
}

fn refused(status: u16, code: &str) -> (u16, Vec<u8>) {
    let body = json!({"error": {"code": code, "message": code}});
    (status, body.to_string().into_bytes())
}

fn answer(lines: Result<Vec<Line>, SyncError>) -> (u16, Vec<u8>) {
    match lines {
        Ok(lines) => {
            let mut body = Vec::new();
            for line in lines {
                serde_json::to_writer(&mut body, &line).expect("a line");
                body.push(b'\n');
            }
            (200, body)
        }
        Err(SyncError::Account(_)) => refused(401, "not_authenticated"),
        Err(SyncError::UnknownClient) => refused(404, "unknown_client"),
        Err(SyncError::Busy) => refused(503, "busy"),
        Err(SyncError::QueueFull) => refused(429, "queue_full"),
        Err(error) => panic!("the engine does not answer: {error}"),
    }
}

async fn session(world: &World, request: &HttpRequest) -> (u16, Vec<u8>) {
    let asked: SessionRequest = serde_json::from_slice(&request.body).expect("a request");
    let granted = match (&asked.refresh, &asked.login, &asked.password) {
        (Some(refresh), _, _) => {
            let attempt = asked.attempt.unwrap_or_default();
            let accounts = world.engine.accounts();
            match accounts.refresh_device(refresh, &attempt).await {
                Ok(granted) => granted,
                Err(_) => return refused(401, "not_authenticated"),
            }
        }
        (None, Some(login), Some(password)) => {
            let proof = DeviceProof::Password {
                login,
                password,
                origin: Origin("sim"),
            };
            let client = asked.client.as_deref();
            let granted = world.engine.sign_in_device(proof, client, &asked.device);
            granted.await.expect("to sign in")
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
    (200, serde_json::to_vec(&grant).expect("a grant"))
}

fn bearer(request: &HttpRequest) -> &str {
    let header = request.headers.iter();
    header
        .filter(|header| header.name == "Authorization")
        .find_map(|header| header.value.strip_prefix("Bearer "))
        .unwrap_or_default()
}

async fn sync(world: &World, request: &HttpRequest) -> Result<Vec<Line>, SyncError> {
    let engine = &world.engine;
    let session = engine.accounts().device_session(bearer(request))?;
    let SyncRequest {
        have,
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
        trace: None,
    };
    let mut taken = engine.take_device_changes(&session, sent).await?;
    let mut done = Vec::new();
    for accepted in std::mem::take(&mut taken.accepted) {
        // What cannot be done now is a job's.
        done.extend(engine.carry_to_end(accepted).await.ok().flatten());
    }
    let news = NewsRequest {
        have: &have,
        max_bytes,
        takes_images: images.iter().any(|form| form == NDJSON),
        trace: None,
    };
    engine.answer_device(&session, taken, &done, news).await
}

async fn verify(world: &World, request: &HttpRequest) -> Result<Vec<Line>, SyncError> {
    let engine = &world.engine;
    let session = engine.accounts().device_session(bearer(request))?;
    let asked: VerifyRequest = serde_json::from_slice(&request.body).expect("a request");
    let compared = sync_core::VerifyRequest {
        source: &asked.source,
        cursor: &asked.cursor,
        buckets: &asked.buckets,
    };
    let lines = engine.verify_copy(&session, compared).await?;
    lines.ok_or(SyncError::Busy)
}
