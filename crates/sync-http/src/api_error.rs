//! Errors in the API's form.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use sync_proto::ErrorCode;
use sync_proto::api::{ApiError, ApiErrorDetails};

/// What whoever has no token is asked for. The scheme has at least one parameter (RFC 6750, section 3): Foundation on Linux ends the
/// program over one without.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"RhoSync\"");

/// An error as the API and the devices of our own library know it. A 401 says what to sign in with.
pub fn api_error(status: StatusCode, code: ErrorCode, message: &str) -> Response<Bytes> {
    let error = ApiError {
        error: ApiErrorDetails {
            code: code.as_str().to_owned(),
            message: message.to_owned(),
        },
    };
    // Two texts can be written.
    let body = serde_json::to_vec(&error).unwrap_or_default();
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    if status == StatusCode::UNAUTHORIZED {
        answer
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_code_and_a_message() {
        let answer = api_error(StatusCode::NOT_FOUND, ErrorCode::NotFound, "no \"x\"");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(answer.headers()["content-type"], "application/json");
        let body = r#"{"error":{"code":"not_found","message":"no \"x\""}}"#;
        assert_eq!(answer.body(), body);
        assert!(!answer.headers().contains_key("www-authenticate"));
    }

    #[test]
    fn who_has_no_token_is_asked_for_one() {
        let status = StatusCode::UNAUTHORIZED;
        let answer = api_error(status, ErrorCode::NotAuthenticated, "who are you?");
        let challenge = &answer.headers()["www-authenticate"];
        assert_eq!(challenge, r#"Bearer realm="RhoSync""#);
    }
}
