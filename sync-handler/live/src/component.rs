//! The streams of an instance, kept from request to request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use http::{HeaderMap, StatusCode};
use spin_sdk::http::{FullBody, IntoResponse, Request};
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Response};
use spin_sdk::wasip3::http_compat::BodyWriter;
use spin_sdk::wasip3::spawn;
use sync_spin::{LiveServer, LoadError};

use crate::answer::{Answer, answer, without_settings, without_store};
use crate::writers;

thread_local! {
    /// Built by the first request of this instance.
    static SERVER: RefCell<Option<Rc<LiveServer>>> = const { RefCell::new(None) };

    /// Whether a task of this instance waits for news.
    static IS_WAITED: Cell<bool> = const { Cell::new(false) };
}

/// Answers a request.
pub(crate) async fn handle(request: Request) -> Result<Response, ErrorCode> {
    let server = match server().await {
        Ok(server) => server,
        Err(LoadError::Settings(error)) => return whole(without_settings(&error)),
        Err(LoadError::Store(error)) => return whole(without_store(&error)),
    };
    let (request, _) = request.into_parts();
    let origins = &server.settings.cors.origins;
    match answer(&server.live, origins, &request).await {
        Answer::Whole(answer) => whole(answer),
        Answer::Stream { head, stream, text } => {
            let (writer, body, end) = BodyWriter::new();
            let answer = to_response(head.status(), head.headers(), body, end)?;
            // The head is out before the first text.
            spawn(async move {
                writers::begin(&server.live, stream, writer, &text).await;
                if !IS_WAITED.replace(true) {
                    wait(&server).await;
                    IS_WAITED.set(false);
                }
            });
            Ok(answer)
        }
    }
}

/// Waits for news, and writes to all streams, as long as there are any.
async fn wait(server: &LiveServer) {
    while !server.live.is_over() {
        let told = server.live.round(&server.waiting).await;
        writers::write(&server.live, told).await;
    }
}

async fn server() -> Result<Rc<LiveServer>, LoadError> {
    if let Some(server) = SERVER.with_borrow(Clone::clone) {
        return Ok(server);
    }
    sync_spin::start_log(tracing::Level::INFO);
    let loaded = Rc::new(sync_spin::load_live().await?);
    // Requests that came at once have all loaded one: they share the first.
    Ok(SERVER.with_borrow_mut(|kept| Rc::clone(kept.get_or_insert(loaded))))
}

fn whole(answer: http::Response<bytes::Bytes>) -> Result<Response, ErrorCode> {
    answer.map(FullBody::new).into_response()
}

fn to_response(
    status: StatusCode,
    headers: &HeaderMap,
    body: spin_sdk::wit_bindgen::StreamReader<u8>,
    end: spin_sdk::wit_bindgen::FutureReader<spin_sdk::wasip3::http_compat::BodyResult>,
) -> Result<Response, ErrorCode> {
    let headers = Fields::try_from(headers.clone());
    let headers = headers.map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    let (answer, _sent) = Response::new(headers, Some(body), end);
    // It is a status.
    let _ = answer.set_status_code(status.as_u16());
    Ok(answer)
}
