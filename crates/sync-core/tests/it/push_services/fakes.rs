//! Push services as they behave: they check who we are, and say what is wrong.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use http::{Request, Response};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use serde_json::{Value, json};
use sync_core::{AnswerRoom, HttpClient, HttpError};
use test_support::{TokenKey, open_elliptic};

pub(crate) const APNS_KEY: &str = include_str!("apns.pem");

const ACCOUNT_KEY: &str = include_str!("service_account.pem");

/// The VAPID key of RFC 8292's example.
pub(crate) const VAPID_KEY: &str = "TOPzfzvf7u8mvo7sqaT8mAQ3iLRTXIYsTFIlLM9bjQE";

const ACCESS_TOKEN: &str = "an-access-token";

pub(crate) fn service_account() -> String {
    json!({
        "project_id": "demo",
        "client_email": "push@demo.example",
        "private_key_id": "k1",
        "private_key": ACCOUNT_KEY,
        "token_uri": "https://oauth.example/token",
    })
    .to_string()
}

/// A push that a service took.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) path: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) payload: Value,
}

impl Taken {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// All services at once, told apart by host.
pub(crate) struct Services {
    pub(crate) now: Cell<u64>,
    pub(crate) taken: RefCell<Vec<Taken>>,
    pub(crate) logins: Cell<u32>,
    pub(crate) provider_tokens: RefCell<Vec<String>>,
    /// Answered instead of taking the next pushes: status, `Retry-After`, body.
    pub(crate) refusals: RefCell<VecDeque<(u16, &'static str, String)>>,
    browser: p256::SecretKey,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            now: Cell::new(0),
            taken: RefCell::default(),
            logins: Cell::new(0),
            provider_tokens: RefCell::default(),
            refusals: RefCell::default(),
            browser: p256::SecretKey::from_slice(&[7; 32]).unwrap(),
        }
    }
}

impl HttpClient for Services {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
        _: &mut AnswerRoom,
    ) -> Result<Response<Bytes>, HttpError> {
        let host = request.uri().host().unwrap().to_owned();
        let next = || self.refusals.borrow_mut().pop_front();
        let refused = if host == "oauth.example" {
            None
        } else {
            next()
        };
        if let Some((status, retry_after, body)) = refused {
            if status == 0 {
                return Err(HttpError::NoAnswer { host, reason: body });
            }
            let mut answer = Response::builder().status(status);
            if !retry_after.is_empty() {
                answer = answer.header("retry-after", retry_after);
            }
            return Ok(answer.body(Bytes::from(body)).unwrap());
        }
        let body = match host.as_str() {
            "apple.example" => self.apns(&request),
            "google.example" => self.fcm(&request),
            "oauth.example" => self.log_in(&request),
            "browser.example" => return Ok(self.web_push(&request)),
            other => {
                return Err(HttpError::Denied {
                    host: other.to_owned(),
                });
            }
        };
        Ok(Response::new(Bytes::from(body.to_string())))
    }
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

impl Services {
    fn take(&self, request: &Request<Bytes>, payload: Value) {
        self.taken.borrow_mut().push(Taken {
            path: request.uri().path().to_owned(),
            headers: request.headers().clone(),
            payload,
        });
    }

    fn apns(&self, request: &Request<Bytes>) -> Value {
        let token = header(request, "authorization")
            .strip_prefix("bearer ")
            .unwrap();
        let claims = TokenKey::elliptic_of("KEY1", APNS_KEY).open(token);
        assert_eq!(claims["iss"], "TEAM1");
        let age = self.now.get() - claims["iat"].as_u64().unwrap();
        assert!(age < 3_600, "Apple takes a token for an hour");
        self.provider_tokens.borrow_mut().push(token.to_owned());
        let payload = serde_json::from_slice(request.body()).unwrap();
        self.take(request, payload);
        json!({})
    }

    fn log_in(&self, request: &Request<Bytes>) -> Value {
        let form: std::collections::BTreeMap<String, String> =
            form_urlencoded::parse(request.body())
                .into_owned()
                .collect();
        assert_eq!(
            form["grant_type"],
            "urn:ietf:params:oauth:grant-type:jwt-bearer"
        );
        let claims = TokenKey::rsa_of("k1", ACCOUNT_KEY).open(&form["assertion"]);
        assert_eq!(claims["iss"], "push@demo.example");
        assert_eq!(claims["aud"], "https://oauth.example/token");
        assert!(claims["exp"].as_u64().unwrap() > self.now.get());
        self.logins.set(self.logins.get() + 1);
        json!({"access_token": ACCESS_TOKEN, "expires_in": 3600, "token_type": "Bearer"})
    }

    fn fcm(&self, request: &Request<Bytes>) -> Value {
        assert_eq!(
            header(request, "authorization"),
            format!("Bearer {ACCESS_TOKEN}")
        );
        let payload = serde_json::from_slice(request.body()).unwrap();
        self.take(request, payload);
        json!({"name": "projects/demo/messages/1"})
    }

    /// The subscription a browser would send.
    pub(crate) fn subscription(&self) -> String {
        let public = self.browser.public_key().to_encoded_point(false);
        json!({
            "endpoint": "https://browser.example/send/abc",
            "expirationTime": null,
            "keys": {"p256dh": BASE64.encode(public.as_bytes()), "auth": BASE64.encode([3; 16])},
        })
        .to_string()
    }

    fn web_push(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let vapid = header(request, "authorization")
            .strip_prefix("vapid t=")
            .unwrap();
        let (token, public) = vapid.split_once(", k=").unwrap();
        let public = BASE64.decode(public).unwrap();
        let claims = open_elliptic(token, &public);
        assert_eq!(claims["aud"], "https://browser.example");
        assert_eq!(claims["sub"], "mailto:ops@demo.example");
        let lasts = claims["exp"].as_u64().unwrap() - self.now.get();
        assert!(lasts <= 86_400, "services take a day at most");
        assert_eq!(header(request, "content-encoding"), "aes128gcm");
        let decrypted = web_push_native::decrypt(
            request.body().to_vec(),
            &self.browser,
            &web_push_native::Auth::from([3; 16]),
        );
        let payload = serde_json::from_slice(&decrypted.expect("the browser's own key")).unwrap();
        self.take(request, payload);
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = http::StatusCode::CREATED;
        answer
    }
}
