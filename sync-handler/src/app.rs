//! One request in, one answer out.

use bytes::Bytes;
use sync_core::{Engine, Ports, SettingsError};

use crate::error::HttpError;
use crate::request::Request;
use crate::router::{self, Route};
use crate::{respond, routes};

/// Most bytes of a request's body. A device's whole day fits in it; larger things are blobs.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The server of one instance. Nothing of a request is kept in it.
pub struct App<P> {
    engine: Result<Engine<P>, Unusable>,
}

/// Why there is no engine.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// The settings file is wrong.
    Settings(SettingsError),
}

impl<P: Ports> App<P> {
    /// A server of this engine.
    pub fn new(engine: Engine<P>) -> Self {
        Self { engine: Ok(engine) }
    }

    /// A server that cannot work, but can say why.
    pub fn with_wrong_settings(error: SettingsError) -> Self {
        Self {
            engine: Err(Unusable::Settings(error)),
        }
    }

    pub(crate) fn engine(&self) -> Result<&Engine<P>, HttpError> {
        self.engine
            .as_ref()
            .map_err(|Unusable::Settings(error)| HttpError::WrongSettings(error.to_string()))
    }

    pub(crate) fn unusable(&self) -> Option<&Unusable> {
        self.engine.as_ref().err()
    }

    /// Answers a request. Whatever goes wrong becomes an answer too.
    pub async fn handle(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let request = Request::new(request);
        let answer = match router::find(request.method(), request.path()) {
            Ok((route, parameters)) => self.dispatch(route, &request.with(parameters)).await,
            Err(error) => Err(error),
        };
        let mut answer = answer.unwrap_or_else(|error| respond::error(&error));
        respond::finish(&mut answer);
        answer
    }

    async fn dispatch(
        &self,
        route: Route,
        request: &Request,
    ) -> Result<http::Response<Bytes>, HttpError> {
        match route {
            Route::Health(route) => Ok(routes::health::answer(route, self).await),
            Route::Device(route) => routes::device::answer(route, self.engine()?, request).await,
            Route::Admin(route) => routes::admin::answer(route, self.engine()?, request).await,
        }
    }
}
