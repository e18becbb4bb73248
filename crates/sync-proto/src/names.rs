//! Names that both sides of the wire spell the same way.

/// Carries the client id on every device route.
pub const CLIENT_ID_HEADER: &str = "x-rhoconnect-client-id";

/// Carries the API token on every administrative route.
pub const API_TOKEN_HEADER: &str = "x-rhoconnect-api-token";

/// Repeats a page's token; empty when there is nothing to acknowledge.
pub const PAGE_TOKEN_HEADER: &str = "x-rhoconnect-page-token";

/// Repeats a page's object count.
pub const PAGE_OBJECT_COUNT_HEADER: &str = "x-rhoconnect-page-object-count";

/// Numbers a client's pushes to a source, in growing order, so that one that comes late or twice changes nothing.
///
/// Optional: devices in the field do not send it.
pub const PUSH_SEQUENCE_HEADER: &str = "x-rhosync-push-sequence";

/// The stable code of an error answer, one of [`ErrorCode`](crate::ErrorCode).
///
/// The legacy routes answer errors in plain text, as devices have always seen them, so the code travels in a
/// header of our own.
pub const ERROR_CODE_HEADER: &str = "x-rhosync-error-code";

/// Names a request, in its answer and in the log. A caller may choose it.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// The cookie that carries a device's session.
pub const SESSION_COOKIE: &str = "rhoconnect_session";

/// What RhoSync called that cookie, and what its client in browsers looks for.
pub const OLD_SESSION_COOKIE: &str = "rhosync_session";

/// The version every page states. Devices refuse any other.
pub const PAGE_VERSION: u8 = 3;

/// The cookie that carries the token of an administrator who works with the console. Not the name of a device's session, old or new:
/// a browser may have both.
pub const CONSOLE_COOKIE: &str = "rhosync_console";

/// Without this header that cookie is passed over. Pages of other sites cannot send it.
pub const CONSOLE_HEADER: &str = "x-rhosync-console";
