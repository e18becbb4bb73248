//! Requests to back ends.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header;
use http_body_util::BodyExt as _;
use spin_sdk::http::FullBody;
use spin_sdk::wasip3::http::types::ErrorCode;
use sync_core::{AnswerRoom, HttpClient, HttpError};

/// Outbound HTTP, within the component's `allowed_outbound_hosts`.
pub struct SpinHttp;

impl HttpClient for SpinHttp {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
        room: &mut AnswerRoom,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let host = request
            .uri()
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default();
        let exchange = pin!(exchange(request, &host, room));
        let deadline = pin!(spin_sdk::time::sleep(timeout));
        match select(exchange, deadline).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(HttpError::TimedOut {
                host: host.clone(),
                millis: timeout.as_millis(),
            }),
        }
    }
}

async fn exchange(
    request: http::Request<Bytes>,
    host: &str,
    room: &mut AnswerRoom,
) -> Result<http::Response<Bytes>, HttpError> {
    let (mut head, body) = request.into_parts();
    head.headers
        .insert(header::CONTENT_LENGTH, body.len().into());
    let request = http::Request::from_parts(head, FullBody::new(body));
    let answer = spin_sdk::http::send(request)
        .await
        .map_err(|error| to_error(host, &error))?;
    let (head, body) = answer.into_parts();
    let mut body = pin!(body);
    let length = head.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(length) = length {
        room.expect(host, length)?;
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| to_error(host, &error))?;
        if let Ok(piece) = frame.into_data() {
            room.take(host, &piece)?;
        }
    }
    let mut answer = http::Response::new(room.arrived());
    *answer.status_mut() = head.status;
    *answer.headers_mut() = head.headers;
    Ok(answer)
}

fn to_error(host: &str, error: &ErrorCode) -> HttpError {
    let host = host.to_owned();
    match error {
        ErrorCode::HttpRequestDenied => HttpError::Denied { host },
        other => HttpError::NoAnswer {
            host,
            reason: other.to_string(),
        },
    }
}
