//! The server of one instance: a request in, an answer out.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, LocalBoxFuture, select, try_join_all};
use futures_util::stream::{self, StreamExt as _};
use http::request::Parts;
use http::{HeaderValue, Method};
use sync_core::{
    AcceptedChanges, Clock as _, Engine, Insurance, Ports, RedisError, SettingsError, StoreError,
    in_request,
};
use sync_proto::REQUEST_ID_HEADER;

use crate::body::{self, Body, RequestBody};
use crate::compress::compress;
use crate::error::HttpError;
use crate::request::Request;
use crate::request_counter::RequestCounter;
use crate::router::{self, Route, RouteMatch};
use crate::routes::sync::sync::{Answered, waiting_head};
use crate::{audit, cors, form, request_id, respond, routes};

/// How long `/ready` waits for the store: whoever asks may wait no longer than a second.
pub(crate) const READY_WITHIN: Duration = Duration::from_millis(900);

/// What is wrong with a store that has not answered for so long.
pub(crate) fn silent_store(waited: Duration) -> StoreError {
    let reason = format!("no answer within {} ms", waited.as_millis());
    RedisError::Unreachable(reason).into()
}

/// The server of one instance. Nothing of a request is kept in it but what goes on without it.
pub struct App<P> {
    engine: Result<Rc<Engine<P>>, Unusable>,
    /// What requests have begun and left.
    left: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
}

/// Why there is no engine.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// The settings file is wrong.
    Settings(SettingsError),
    /// The store could not be reached.
    Store(StoreError),
}

impl<P: Ports> App<P> {
    /// A server of this engine.
    pub fn new(engine: Engine<P>) -> Self {
        Self::of(Ok(Rc::new(engine)))
    }

    /// A server that cannot work, but can say why.
    pub fn with_wrong_settings(error: SettingsError) -> Self {
        Self::of(Err(Unusable::Settings(error)))
    }

    /// A server that could not reach its store when it began, but can say so.
    pub fn without_store(error: StoreError) -> Self {
        Self::of(Err(Unusable::Store(error)))
    }

    fn of(engine: Result<Rc<Engine<P>>, Unusable>) -> Self {
        Self {
            engine,
            left: RefCell::default(),
        }
    }

    /// What has to be brought to its end without letting anybody wait, once an answer is out. If that does not happen, a job
    /// does it.
    pub fn left(&self) -> Vec<LocalBoxFuture<'static, ()>> {
        self.left.take()
    }

    pub(crate) fn engine(&self) -> Result<&Rc<Engine<P>>, HttpError> {
        self.engine.as_ref().map_err(|unusable| match unusable {
            Unusable::Settings(error) => HttpError::WrongSettings(error.to_string()),
            Unusable::Store(error) => HttpError::Store(error.clone()),
        })
    }

    pub(crate) fn usable(&self) -> Result<&Engine<P>, &Unusable> {
        self.engine.as_deref()
    }

    /// Answers a request. Whatever goes wrong becomes an answer too.
    pub async fn handle(&self, request: http::Request<impl RequestBody>) -> http::Response<Body> {
        let (head, body) = request.into_parts();
        let id = self.request_id(&head);
        let name = id.as_ref().and_then(|id| id.to_str().ok());
        let answered = async {
            let origins = self.engine.as_deref().ok().map(Engine::settings);
            let cors = origins.and_then(|settings| cors::of(&settings.cors.origins, &head));
            let asked = cors.as_ref().and_then(|cors| cors::preflight(cors, &head));
            let mut answer = match asked {
                Some(answer) => answer,
                None => self.answer(head, body).await,
            };
            if let Ok(engine) = &self.engine {
                answer.body_mut().hold(engine.memory());
            }
            let headers = respond::finish(&mut answer);
            if let Some(cors) = cors {
                cors::finish(&cors, headers);
            }
            answer
        };
        let mut answer = in_request(name, answered).await;
        if let Some(id) = id {
            answer.headers_mut().insert(REQUEST_ID_HEADER, id);
        }
        answer
    }

    /// The request's id: the one it came with, or else one that is made. Without settings there is nothing to make one
    /// with.
    fn request_id(&self, head: &Parts) -> Option<HeaderValue> {
        sync_http::sent_request_id(&head.headers)
            .cloned()
            .or_else(|| {
                let engine = self.engine.as_ref().ok()?;
                request_id::made(engine.ports().random())
            })
    }

    /// Whether the caller must run [`App::tidy_up_soon`], beside whatever it does and without letting anybody wait.
    pub fn must_tidy_up(&self) -> bool {
        self.engine
            .as_ref()
            .is_ok_and(|engine| engine.metrics().must_flush())
    }

    /// Brings what requests were counted by to the store, in a moment.
    pub async fn tidy_up_soon(&self) {
        if let Ok(engine) = &self.engine {
            engine.metrics().flush_soon().await;
            if let Err(error) = engine.sweeper().sweep_if_due().await {
                tracing::warn!(%error, "nobody has looked for jobs that are due");
            }
        }
    }

    async fn answer(&self, head: Parts, body: impl RequestBody) -> http::Response<Body> {
        let path = head.uri.path();
        let is_api = routes::api::is_api(path)
            || routes::sync::is_sync(path)
            || path == routes::metrics::PATH;
        let found = router::find(&head.method, path);
        let counted = RequestCounter::begin(self.engine.as_deref().ok(), &head.method, &found);
        let answered = match found {
            Ok(found) => self.try_to_answer(found, head, body).await,
            Err(error) => Err(error),
        };
        let answer = answered.unwrap_or_else(|error| {
            let answer = if is_api {
                respond::api_error(&error)
            } else {
                respond::error(&error)
            };
            answer.map(Body::from)
        });
        if let Some(counted) = counted {
            counted.end(answer.status());
        }
        answer
    }

    async fn try_to_answer(
        &self,
        found: RouteMatch,
        head: Parts,
        body: impl RequestBody,
    ) -> Result<http::Response<Body>, HttpError> {
        let RouteMatch {
            route, parameters, ..
        } = found;
        if let Route::Health(route) = route {
            return Ok(routes::health::answer(route, self).await.map(Body::from));
        }
        let engine = self.engine()?;
        let mut request = Request::new(head, parameters, engine.memory());
        // Of nobody who is not known more is read than what says who it is.
        if let Err(error) = route.admit(engine, &request).await {
            body::discard(body).await;
            let refused = Err(error);
            audit::keep(engine, route, &request, &refused).await;
            return refused;
        }
        if route.takes_files()
            && let Some(boundary) = form::boundary(request.headers())
        {
            let answer = answer_form(route, engine, request, body, &boundary).await?;
            return self.carry_out(engine, answer).await;
        }
        if route == Route::Sync(routes::sync::Route::UploadBlob) {
            return routes::sync::blob::upload(engine, &request, body).await;
        }
        // Nobody sends a body with a poll, and finding that out would cost as much as one of its commands.
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            request.read_body(body, route.max_body_bytes()).await?;
        }
        if route == Route::Sync(routes::sync::Route::Sync) {
            return self.sync(engine, &request).await;
        }
        let answered = dispatch(route, engine, &request).await;
        audit::keep(engine, route, &request, &answered).await;
        self.carry_out(engine, answered?).await
    }

    /// Carries changes out that a device has sent, as long as it waits for the answer. A back end that takes longer does not
    /// hold the device, nor one of the requests that an instance may have at once.
    ///
    /// The call that is under way is not broken off: the back end may be at it, and need not know repeated ones.
    async fn carry_out(
        &self,
        engine: &Rc<Engine<P>>,
        mut answer: http::Response<Body>,
    ) -> Result<http::Response<Body>, HttpError> {
        if let Some(accepted) = answer.extensions_mut().remove::<AcceptedChanges>() {
            let done = self.carry_out_within(engine, accepted).await?;
            if let Some(insurance) = done {
                engine.withdraw(&insurance).await?;
            }
        }
        Ok(answer)
    }

    /// The same; answers what is not needed any more.
    async fn carry_out_within(
        &self,
        engine: &Rc<Engine<P>>,
        accepted: AcceptedChanges,
    ) -> Result<Option<Insurance>, HttpError> {
        let limit = engine.ports().clock().timer(accepted.wait());
        let worker = Rc::clone(engine);
        let work = Box::pin(async move { worker.carry_to_end(accepted).await });
        match select(work, pin!(limit)).await {
            Either::Left((done, _)) => Ok(done?),
            Either::Right(((), work)) => {
                let engine = Rc::clone(engine);
                self.left.borrow_mut().push(Box::pin(async move {
                    let done = async {
                        match work.await? {
                            Some(insurance) => engine.withdraw(&insurance).await,
                            None => Ok(()),
                        }
                    };
                    if let Err(error) = done.await {
                        tracing::warn!(%error, "changes of a device are left to a job");
                    }
                }));
                Ok(None)
            }
        }
    }

    /// Answers a sync of a device with our own library: its changes of all sources are carried out together.
    async fn sync(
        &self,
        engine: &Rc<Engine<P>>,
        request: &Request,
    ) -> Result<http::Response<Body>, HttpError> {
        let mut begun = routes::sync::sync::begin(engine, request).await?;
        let accepted = begun.accepted().into_iter();
        let work = accepted.map(|accepted| self.carry_out_within(engine, accepted));
        let done = try_join_all(work).await?;
        let done: Vec<_> = done.into_iter().flatten().collect();
        let waiting = match routes::sync::sync::end(engine, request, begun, &done).await? {
            Answered::Now(mut answer) => {
                compress(request.headers(), &mut answer);
                return Ok(answer.map(Body::from));
            }
            Answered::Later(waiting) => waiting,
        };
        let engine = Rc::clone(engine);
        // The head goes out at once: an instance may have only so many requests whose head is not out.
        let lines = async move {
            let lines = waiting.lines(&engine).await;
            lines.map_err(|error| {
                // The answer breaks off, and the device comes again.
                tracing::warn!(?error, "a device has waited in vain");
                "nobody can tell what is new".into()
            })
        };
        Ok(waiting_head(Body::Stream {
            pieces: stream::once(lines).boxed_local(),
            length: None,
        }))
    }
}

/// Answers a request that brings files, as one that brings the same changes without them.
async fn answer_form<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: Request,
    body: impl RequestBody,
    boundary: &str,
) -> Result<http::Response<Body>, HttpError> {
    let session = request.session(engine).await?.clone();
    engine.accounts().check_session(&session).await?;
    let uploader = engine.blobs().uploader(session.user());
    let held = engine.memory().nothing();
    let form = form::read(uploader, body, boundary, held).await?;
    let request = request.with_form(form);
    let answer = dispatch(route, engine, &request).await;
    engine
        .blobs()
        .end_uploads(session.user(), request.uploads())
        .await;
    answer
}

async fn dispatch<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<http::Response<Body>, HttpError> {
    let answer = match route {
        // Answered where there may be no engine.
        Route::Health(_) => return Err(HttpError::NotFound),
        Route::Sync(routes::sync::Route::Blob) => {
            return routes::sync::blob::download(engine, request).await;
        }
        Route::Sync(routes::sync::Route::Image) => {
            return routes::sync::image::download(engine, request).await;
        }
        Route::Sync(route) => routes::sync::answer(route, engine, request).await?,
        Route::Device(route) => routes::device::answer(route, engine, request).await?,
        Route::OldDevice(route) => {
            let answer = routes::device::answer_old(route, engine, request).await?;
            let mut answer = answer.map(Body::from);
            respond::warn_of_old_address(&mut answer, &request.line());
            return Ok(answer);
        }
        Route::OldAdmin(route) => {
            let answer = routes::admin::answer(route, engine, request).await?;
            let mut answer = answer.map(Body::from);
            respond::warn_of_old_address(&mut answer, &request.line());
            return Ok(answer);
        }
        Route::Api(route) => routes::api::answer(route, engine, request).await?,
        Route::Admin(route) => routes::admin::answer(route, engine, request).await?,
        Route::Hooks(route) => routes::hooks::answer(route, engine, request).await?,
        Route::Metrics(route) => routes::metrics::answer(route, engine, request).await?,
        Route::Blobs(route) => return routes::blobs::answer(route, engine, request).await,
        Route::BulkData(route) => return routes::bulk_data::answer(route, engine, request).await,
    };
    Ok(answer.map(Body::from))
}
