//! The device's routes, one method each.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE};
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;
use sync_proto::{
    CLIENT_ID_HEADER, ClientCreated, DeviceDescription, ERROR_CODE_HEADER, ErrorCode, PAGE_VERSION,
    PUSH_SEQUENCE_HEADER,
};

use crate::rhoconnect::error::ClientError;
use crate::rhoconnect::object::Objects;
use crate::rhoconnect::page::{Page, PageError, Token};
use crate::rhoconnect::replica::Push;
use crate::rhoconnect::session::Session;
use crate::rhoconnect::transport::Transport;

/// A device's end of the wire: it logs in, pulls and pushes, one blocking request at a time.
///
/// [`sync`](Self::sync) is what an application calls; the single requests are for those who need one.
#[derive(Clone, Debug)]
pub struct DeviceClient<T> {
    transport: T,
    server: String,
    session: Session,
}

impl<T: Transport> DeviceClient<T> {
    /// A device of the server at `server` (`http://host:port`), continuing a session kept from an earlier run
    /// or with [`Session::default`].
    pub fn new(transport: T, server: &str, session: Session) -> Self {
        Self {
            transport,
            server: server.trim_end_matches('/').to_owned(),
            session,
        }
    }

    /// What is to be kept for the next run.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session, for forgetting the login or the client id that the server no longer takes.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The transport, for tests that make it fail.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Logs a user in; the session's cookie is kept.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unauthorized`] when the server refuses the user or the password.
    pub fn login(&mut self, login: &str, password: &str) -> Result<(), ClientError> {
        #[derive(Serialize)]
        struct Login<'a> {
            login: &'a str,
            password: &'a str,
            remember_me: u8,
        }
        self.session.log_out();
        self.post(
            "/rc/v1/app/login",
            &Login {
                login,
                password,
                remember_me: 1,
            },
        )?;
        if self.session.is_logged_in() {
            Ok(())
        } else {
            Err(ClientError::Incomplete {
                request: "the login",
                missing: "cookie",
            })
        }
    }

    /// Asks for a client id, which the session keeps from then on.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unauthorized`] without a login.
    pub fn create_client(&mut self) -> Result<(), ClientError> {
        let answer = self.request(Method::POST, "/rc/v1/clients", Bytes::new(), None)?;
        let created: ClientCreated =
            serde_json::from_slice(answer.body()).map_err(PageError::from)?;
        self.session.client_id = Some(created.client.client_id);
        Ok(())
    }

    /// Tells the server how to reach this device by push.
    ///
    /// # Errors
    ///
    /// [`ClientError`] of any kind.
    pub fn register(&mut self, device: &DeviceDescription) -> Result<(), ClientError> {
        let path = format!("/rc/v1/clients/{}/register", self.client_id()?);
        self.post(&path, device)
    }

    /// Makes the server forget what this device has of these sources, or of all when none is named: the next
    /// pull brings everything. The replicas are the caller's to clear.
    ///
    /// # Errors
    ///
    /// [`ClientError::UnknownClient`] when the server does not know this device.
    pub fn reset(&mut self, sources: &[&str]) -> Result<(), ClientError> {
        #[derive(Serialize)]
        struct Reset<'a> {
            #[serde(skip_serializing_if = "Vec::is_empty")]
            sources: Vec<Source<'a>>,
        }
        #[derive(Serialize)]
        struct Source<'a> {
            name: &'a str,
        }
        let path = format!("/rc/v1/clients/{}/reset", self.client_id()?);
        self.post(
            &path,
            &Reset {
                sources: sources.iter().map(|name| Source { name }).collect(),
            },
        )
    }

    /// Asks for a page of at most `page_size` objects, acknowledging the one before.
    ///
    /// # Errors
    ///
    /// [`ClientError`] of any kind.
    pub fn pull(
        &mut self,
        source: &str,
        token: Option<Token>,
        page_size: u32,
    ) -> Result<Page, ClientError> {
        let mut path = format!(
            "{}?p_size={page_size}&version={PAGE_VERSION}",
            source_path(source)
        );
        if let Some(token) = token {
            path.push_str(&format!("&token={token}"));
        }
        let answer = self.request(Method::GET, &path, Bytes::new(), None)?;
        Ok(Page::parse(answer.body())?)
    }

    /// Sends changes up. When it returns, the server has them for good.
    ///
    /// # Errors
    ///
    /// [`ClientError`] of any kind; after a lost answer the server may have them nevertheless, and sending
    /// them again does no harm.
    pub fn push(&mut self, source: &str, push: &Push) -> Result<(), ClientError> {
        #[derive(Serialize)]
        struct Body<'a> {
            source_name: &'a str,
            client_id: &'a str,
            #[serde(skip_serializing_if = "Objects::is_empty")]
            create: &'a Objects,
            #[serde(skip_serializing_if = "Objects::is_empty")]
            update: &'a Objects,
            #[serde(skip_serializing_if = "Objects::is_empty")]
            delete: &'a Objects,
        }
        let Push {
            number,
            create,
            update,
            delete,
        } = push;
        let client_id = self.client_id()?.to_owned();
        let body = Body {
            source_name: source,
            client_id: &client_id,
            create,
            update,
            delete,
        };
        let body = serde_json::to_vec(&body).map_err(PageError::from)?;
        let number = (PUSH_SEQUENCE_HEADER, *number);
        self.request(
            Method::POST,
            &source_path(source),
            body.into(),
            Some(number),
        )
        .map(drop)
    }

    fn client_id(&self) -> Result<&str, ClientError> {
        self.session
            .client_id
            .as_deref()
            .ok_or(ClientError::UnknownClient)
    }

    fn post(&mut self, path: &str, body: &impl Serialize) -> Result<(), ClientError> {
        let body = serde_json::to_vec(body).map_err(PageError::from)?;
        self.request(Method::POST, path, body.into(), None)
            .map(drop)
    }

    fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        number: Option<(&str, u64)>,
    ) -> Result<Response<Bytes>, ClientError> {
        let mut request = Request::builder()
            .method(&method)
            .uri(format!("{}{path}", self.server));
        if method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(cookies) = self.session.cookie_header() {
            request = request.header(COOKIE, cookies);
        }
        if let Some(client_id) = &self.session.client_id {
            request = request.header(CLIENT_ID_HEADER, client_id);
        }
        if let Some((header, number)) = number {
            request = request.header(header, number);
        }
        let answer = self.transport.send(request.body(body)?)?;
        if let Some(error) = refusal(&answer) {
            return Err(error);
        }
        self.session.take_cookies(answer.headers());
        Ok(answer)
    }
}

/// The path of a source, its name encoded.
fn source_path(source: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(source.as_bytes()).collect();
    format!("/app/v1/{}", name.replace('+', "%20"))
}

/// Reads an answer that is not a success.
fn refusal(answer: &Response<Bytes>) -> Option<ClientError> {
    /// How servers without our error codes name the error: a plain 500 with this text.
    const UNKNOWN_CLIENT: &[u8] = b"Unknown client";

    let status = answer.status();
    if status.is_success() {
        return None;
    }
    let message = String::from_utf8_lossy(answer.body()).trim().to_owned();
    let code = answer
        .headers()
        .get(ERROR_CODE_HEADER)
        .map(http::HeaderValue::as_bytes);
    Some(if status == StatusCode::UNAUTHORIZED {
        ClientError::Unauthorized { message }
    } else if code == Some(ErrorCode::UnknownClient.as_str().as_bytes())
        || answer.body().starts_with(UNKNOWN_CLIENT)
    {
        ClientError::UnknownClient
    } else {
        ClientError::Refused { status, message }
    })
}
