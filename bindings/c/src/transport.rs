//! Transports of the app's own.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use sync_client::{Conversation, Header, HttpRequest, Transport, TransportError};

use crate::error::Failure;
use crate::listeners::Context;
use crate::values::{list, text};

/// A header of a request or an answer.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_header {
    /// Its name.
    pub name: *const c_char,
    /// Its value.
    pub value: *const c_char,
}

/// A request to the server.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_request {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: *const c_char,
    /// Where to.
    pub url: *const c_char,
    /// Its headers, the token among them. Each goes as it is.
    pub headers: *const rhosync_header,
    /// How many these are.
    pub header_count: usize,
    /// The body, often empty. That of a file is no text.
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

/// Takes the head of an answer. Of its headers `Retry-After`, `ETag` and `Content-Range` are read: others need not be handed over. `false` says that nobody wants the rest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rhosync_answer_head(
    conversation: *const rhosync_conversation,
    status: u16,
    headers: *const rhosync_header,
    header_count: usize,
) -> bool {
    // SAFETY: the caller's word.
    let (Some(conversation), Ok(headers)) =
        (unsafe { (conversation.as_ref(), read_headers(headers, header_count)) })
    else {
        return false;
    };
    conversation.0.answer_head(status, headers)
}

unsafe fn read_headers(first: *const rhosync_header, count: usize) -> Result<Vec<Header>, Failure> {
    // SAFETY: the caller's word.
    let given = unsafe { list(first, count) }?;
    let read = given.iter().map(|header| {
        // SAFETY: the same.
        let (name, value) = unsafe { (text(header.name)?, text(header.value)?) };
        Ok(Header {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    });
    read.collect()
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
        let headers: Vec<_> = headers
            .into_iter()
            .map(|Header { name, value }| (text(name), text(value)))
            .collect();
        let shown: Vec<_> = headers
            .iter()
            .map(|(name, value)| rhosync_header {
                name: name.as_ptr(),
                value: value.as_ptr(),
            })
            .collect();
        let (method, url) = (text(method), text(url));
        let request = rhosync_request {
            method: method.as_ptr(),
            url: url.as_ptr(),
            headers: shown.as_ptr(),
            header_count: shown.len(),
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
