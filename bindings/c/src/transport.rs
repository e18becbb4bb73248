//! Transports of the app's own.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use sync_client::{Conversation, Header, HttpRequest, Transport, TransportError};

use crate::listeners::Context;
use crate::values::{list, optional_text};

/// A request to the server.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_request {
    /// `POST` or `DELETE`.
    pub method: *const c_char,
    /// Where to.
    pub url: *const c_char,
    /// The header `Authorization`, or NULL. The body is always `application/json`.
    pub authorization: *const c_char,
    /// The body, often empty.
    pub body: *const u8,
    /// Bytes of the body.
    pub body_length: usize,
    /// How long the whole may take.
    pub timeout_ms: u64,
}

/// What takes the answer to a request, as long as the transport's call lasts.
pub struct rhosync_conversation(Arc<Conversation>);

/// Carries requests by what the app has. It follows no redirects, and sends no cookies.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_transport {
    /// Sends a request, and hands the answer over as it comes: first by `rhosync_answer_head`, whatever the status is, and then by
    /// `rhosync_answer_chunk` for each piece of the body, decompressed. Returns `true` when the body is complete, and `false` if no answer
    /// came, or it broke off. If one of the two answers `false`, nobody wants the rest: it returns `false` at once.
    pub send: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            request: *const rhosync_request,
            conversation: *const rhosync_conversation,
        ) -> bool,
    >,
    /// What it is called with.
    pub context: *mut c_void,
}

/// Takes the head of an answer; `retry_after` is the header of this name, or NULL. `false` says that nobody wants the rest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_answer_head(
    conversation: *const rhosync_conversation,
    status: u16,
    retry_after: *const c_char,
) -> bool {
    // SAFETY: the caller's word.
    let (Some(conversation), Ok(value)) =
        (unsafe { (conversation.as_ref(), optional_text(retry_after)) })
    else {
        return false;
    };
    let name = "Retry-After".to_owned();
    let headers = value.map(|value| Header { name, value });
    conversation
        .0
        .answer_head(status, headers.into_iter().collect())
}

/// Takes a piece of an answer's body. What it says is kept before this returns. `false` says that nobody wants the rest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_answer_chunk(
    conversation: *const rhosync_conversation,
    bytes: *const u8,
    length: usize,
) -> bool {
    // SAFETY: the caller's word.
    let (Some(conversation), Ok(bytes)) = (unsafe { (conversation.as_ref(), list(bytes, length)) })
    else {
        return false;
    };
    conversation.0.answer_chunk(bytes.to_vec())
}

/// Whether somebody has called `rhosync_cancel` since it began.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_is_cancelled(conversation: *const rhosync_conversation) -> bool {
    // SAFETY: the caller's word.
    unsafe { conversation.as_ref() }.is_none_or(|it| it.0.is_cancelled())
}

/// A transport of the app's, as the library calls it.
pub(crate) struct Carrier {
    send: unsafe extern "C" fn(
        *mut c_void,
        *const rhosync_request,
        *const rhosync_conversation,
    ) -> bool,
    context: Context,
}

impl Carrier {
    pub(crate) fn of(given: &rhosync_transport) -> Option<Self> {
        let context = Context(given.context);
        given.send.map(|send| Self { send, context })
    }
}

impl Transport for Carrier {
    fn send(
        &self,
        request: HttpRequest,
        conversation: Arc<Conversation>,
    ) -> Result<(), TransportError> {
        let HttpRequest {
            method,
            url,
            headers,
            body,
            timeout_ms,
        } = request;
        let text = |text: String| CString::new(text).unwrap_or_default();
        let authorization = headers
            .into_iter()
            .find(|header| header.name == "Authorization")
            .map(|header| text(header.value));
        let (method, url) = (text(method), text(url));
        let request = rhosync_request {
            method: method.as_ptr(),
            url: url.as_ptr(),
            authorization: authorization
                .as_ref()
                .map_or(std::ptr::null(), |value| value.as_ptr()),
            body: body.as_ptr(),
            body_length: body.len(),
            timeout_ms,
        };
        let conversation = rhosync_conversation(conversation);
        // SAFETY: the app's own function, with the app's own context; the rest lives as long as the call.
        match unsafe { (self.send)(self.context.0, &raw const request, &raw const conversation) } {
            true => Ok(()),
            false => Err(TransportError {
                reason: "the app's transport got no whole answer".to_owned(),
            }),
        }
    }
}
