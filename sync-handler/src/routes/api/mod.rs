//! The API for new integrations.
//!
//! One table says everything of an operation: where it is, what it needs, what goes in and comes out. The router, the
//! check of scopes and the OpenAPI document are made from it.

mod administrators;
mod audit;
mod changes;
mod clients;
mod documents;
mod jobs;
mod objects;
#[cfg(test)]
mod openapi;
mod overview;
mod pings;
mod push_services;
mod schedules;
mod session;
mod settings;
mod sources;
mod statistics;
mod system;
mod tokens;
mod users;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;
use sync_core::{
    AccountError, ApiToken, BegunWrite, Engine, IdempotentRequest, IdempotentWrites, Order, Ports,
    Revision, Scope, StoredAnswer,
};
use sync_proto::api::Listing;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// What every path of the API begins with.
pub(crate) const PREFIX: &str = "/api/v1";

/// Items of a part of a list where the request does not say.
const DEFAULT_LIMIT: usize = 100;

/// Most items of a part of a list.
const MAX_LIMIT: usize = 1_000;

/// Makes a write that is repeated have no second effect (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";

/// One operation of the API.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) route: Route,
    pub(crate) needs: Needs,
    /// What it does, in a sentence.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the OpenAPI document"))]
    pub(crate) summary: &'static str,
    /// Name of the type of the body, if it takes one.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the OpenAPI document"))]
    pub(crate) takes: Option<&'static str>,
    /// Status of success.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the OpenAPI document"))]
    pub(crate) status: u16,
    /// Name of the type of the answer, if it has one.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the OpenAPI document"))]
    pub(crate) gives: Option<&'static str>,
}

/// Who may have an operation done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Everybody.
    Nothing,
    /// Whoever has a token, whatever it is good for.
    Token,
    /// Whoever has a token that is good for this.
    Scope(Scope),
}

macro_rules! operations {
    ($($method:ident $path:literal $route:ident $scope:tt $takes:tt => $status:literal $gives:tt, $summary:literal;)*) => {
        /// What a request to the API asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Route { $($route,)* }

        pub(crate) const OPERATIONS: &[Operation] = &[$(
            Operation {
                method: Method::$method,
                path: concat!("/api/v1", $path),
                route: Route::$route,
                needs: operations!(@needs $scope),
                summary: $summary,
                takes: operations!(@name $takes),
                status: $status,
                gives: operations!(@name $gives),
            },
        )*];
    };
    (@needs -) => { Needs::Nothing };
    (@needs *) => { Needs::Token };
    (@needs $scope:ident) => { Needs::Scope(Scope::$scope) };
    (@name -) => { None };
    (@name $name:literal) => { Some($name) };
}

operations! {
    GET "/openapi.json" ShowOpenApi - - => 200 -, "This document.";
    POST "/login" LogIn - "ApiLogin" => 201 "CreatedToken or SessionInfo", "Logs an administrator in, for a token that allows for twelve hours what their role does; with `cookie`, in a cookie and with a `SessionInfo`.";
    POST "/logout" LogOut * - => 204 -, "Ends the token that the request is made with.";
    GET "/session" ShowSession * - => 200 "SessionInfo", "Shows whose token the request is made with, and what it allows.";
    POST "/session/password" ChangePassword * "PasswordChange" => 204 -, "Gives whoever has logged in for the token another password, and ends their other sessions.";
    GET "/administrators" ListAdministrators Admin - => 200 "Listing<AdministratorInfo>", "Lists administrators, the first one first, the others by name.";
    POST "/administrators" CreateAdministrator Admin "NewAdministrator" => 201 "AdministratorInfo", "Adds an administrator.";
    GET "/administrators/{login}" ShowAdministrator Admin - => 200 "AdministratorInfo", "Shows an administrator.";
    PATCH "/administrators/{login}" UpdateAdministrator Admin "AdministratorPatch" => 200 "AdministratorInfo", "Changes an administrator, and ends their sessions.";
    DELETE "/administrators/{login}" DeleteAdministrator Admin - => 204 -, "Removes an administrator, and ends their sessions.";
    GET "/tokens" ListTokens Admin - => 200 "Listing<TokenInfo>", "Lists API tokens, the oldest first, or with `sort=-created` the newest.";
    POST "/tokens" CreateToken Admin "NewToken" => 201 "CreatedToken", "Makes an API token. Its text is shown only this once.";
    DELETE "/tokens/{token}" DeleteToken Admin - => 204 -, "Ends an API token.";
    GET "/audit" ListAudit Admin - => 200 "Listing<AuditEntry>", "Lists what administrators and scripts did, the newest first, or with `sort=at` the oldest; with `who`, only what somebody did.";
    GET "/users" ListUsers UsersRead - => 200 "Listing<UserName>", "Lists users by name, or those whose name begins with `q`; with `sort=-name` from the end.";
    POST "/users" CreateUser UsersWrite "NewUserInfo" => 201 "UserInfo", "Creates a user.";
    GET "/users/{user}" ShowUser UsersRead - => 200 "UserInfo", "Shows a user.";
    PATCH "/users/{user}" UpdateUser UsersWrite "UserPatch" => 200 "UserInfo", "Changes a user. A new password ends all sessions of the user.";
    DELETE "/users/{user}" DeleteUser UsersWrite - => 204 -, "Deletes a user with its clients and its copies of sources.";
    GET "/users/{user}/copies" ListUserCopies SourcesRead - => 200 "Listing<CopySummary>", "Lists the copies of sources that a user's devices get.";
    GET "/users/{user}/clients" ListClients ClientsRead - => 200 "Listing<ClientName>", "Lists a user's clients by id.";
    GET "/clients" FindClients ClientsRead - => 200 "Listing<ClientSummary>", "Lists clients with how they are: those whose id or user's name begins with `q`, those of a `user`, those in a `state`; who was heard of last comes first, or with `sort=id` the first id.";
    GET "/clients/{client}" ShowClient ClientsRead - => 200 "ClientInfo", "Shows a client.";
    GET "/clients/{client}/events" ListClientEvents ClientsRead - => 200 "Listing<SyncEvent>", "Lists what a client did lately, the latest first.";
    DELETE "/clients/{client}" DeleteClient ClientsWrite - => 204 -, "Deletes a client and ends the session that registered it.";
    POST "/clients/{client}/reset" ResetClient ClientsWrite "ClientReset" => 204 -, "Lets a client start over: everything becomes news to it.";
    GET "/clients/{client}/sources" ListClientSources ClientsRead - => 200 "Listing<ClientSourceSummary>", "Lists the sources a client syncs, with how it is doing with each.";
    GET "/clients/{client}/diagnostics" DiagnoseClient ClientsRead - => 200 "Diagnostics", "Puts together what is known of a client, without secrets.";
    GET "/clients/{client}/sources/{source}/preview" PreviewSync DataRead - => 200 "SyncPreview", "Shows what a client would get of a source with its next sync, at most `limit` objects. Nothing is changed, and no back end is asked.";
    GET "/clients/{client}/sources/{source}/differences" ListDifferences DataRead - => 200 "Listing<ObjectDifference>", "Lists the objects in which a client's copy of a source differs from the server's: what it lacks, has in another version, has too many; a part may have fewer than `limit`. Nothing is changed, and no back end is asked.";
    GET "/clients/{client}/sources/{source}" ShowClientSource ClientsRead - => 200 "ClientSourceInfo", "Shows how far a client has come with a source.";
    GET "/clients/{client}/sources/{source}/objects" ListClientObjects DataRead - => 200 "Listing<ObjectInfo>", "Lists what a client has of a source.";
    GET "/changes" ListChanges JobsRead - => 200 "Listing<ChangeInfo>", "Lists changes that devices have sent and that are not done, in a `state`, of a `source`, a `user`: the one that was sent last comes first, or with `sort=sent` the first. Those of a `client` come by source.";
    GET "/changes/{change}" ShowChange JobsRead - => 200 "ChangeInfo", "Shows a change with its attributes, and to those who may read objects what they are on the server.";
    POST "/changes/{change}/retry" RetryChange JobsWrite "ChangeRetry" => 200 "ChangeInfo", "Tries a change again, with corrected attributes if some are sent. One that was refused becomes another change, which is answered.";
    DELETE "/changes/{change}" DiscardChange JobsWrite - => 204 -, "Discards a change. If it waits, its device is told as if it were refused; of one that was refused it is told anyway.";
    GET "/queues" ListQueues JobsRead - => 200 "Listing<QueueInfo>", "Lists queues of jobs by name, with their counts.";
    PATCH "/queues/{queue}" UpdateQueue JobsWrite "QueuePatch" => 200 "QueueInfo", "Pauses or resumes a queue.";
    GET "/queues/{queue}/history" ShowQueueHistory JobsRead - => 200 "QueueHistory", "Shows what happened in a queue in the last `minutes`: 60, or up to 118.";
    POST "/queues/{queue}/retry" RetryJobs JobsWrite - => 200 "JobsRetried", "Retries the dead jobs of a queue, the oldest thousand.";
    GET "/jobs" ListJobs JobsRead - => 200 "Listing<JobInfo>", "Lists the jobs of a `queue` in a `state` (`dead` by default): by when they have ended, the last first; by when they are due, or lose their lease; by turn. With `sort=time` or `sort=-time` that rises or falls. Only those of a `name`, and in a `user`'s turn, if the query has these. Then a part may be short though there is more.";
    POST "/jobs/run/{component}" RunJobs JobsWrite - => 200 "JobsRun", "Lets a component work on its jobs for up to 20 seconds.";
    GET "/jobs/{job}" ShowJob JobsRead - => 200 "JobInfo", "Shows a job.";
    POST "/jobs/{job}/retry" RetryJob JobsWrite "JobRetry" => 200 "JobInfo", "Retries a dead job, with another payload if one is sent.";
    POST "/jobs/{job}/run" HastenJob JobsWrite - => 200 "JobInfo", "Lets a job that waits for its time run now.";
    DELETE "/jobs/{job}" DeleteJob JobsWrite - => 204 -, "Discards a dead job, or cancels one that waits or runs.";
    GET "/schedules" ListSchedules JobsRead - => 200 "Listing<ScheduleInfo>", "Lists jobs that recur: those of the settings, and what the server plans by itself.";
    POST "/schedules/{schedule}/run" RunSchedule JobsWrite - => 200 "JobInfo", "Lets the job of a schedule run now, beside its times.";
    GET "/pings" ListPings ClientsRead - => 200 "Listing<PingRecord>", "Lists pings that somebody sent in the last 30 days, the newest thousand, the newest first.";
    POST "/pings" Ping ClientsWrite "NewPing" => 202 "PingInfo", "Pings all devices of users, and single clients.";
    GET "/push-services" ListPushServices SystemRead - => 200 "Listing<PushServiceInfo>", "Lists push services, with what they did in the last 24 hours.";
    POST "/push-services/{service}/check" CheckPushService SystemWrite - => 200 "PushCheck", "Finds out whether a push service lets the server in. No device notices.";
    GET "/sources" ListSources SourcesRead - => 200 "Listing<SourceSummary>", "Lists sources by name, or those whose name begins with `q`; with `sort=-name` from the end.";
    GET "/sources/{source}" ShowSource SourcesRead - => 200 "SourceSummary", "Shows a source.";
    PATCH "/sources/{source}" UpdateSource SourcesWrite "SourcePatch" => 200 "SourceSummary", "Changes a source.";
    DELETE "/sources/{source}" DeleteSource SourcesWrite - => 204 -, "Deletes a dynamic source.";
    GET "/sources/{source}/partitions" ListCopies SourcesRead - => 200 "Listing<CopySummary>", "Lists the copies of a source, in no order.";
    GET "/sources/{source}/partitions/{partition}" ShowCopy SourcesRead - => 200 "CopySummary", "Shows a copy of a source, by the `id` that lists of copies tell.";
    GET "/sources/{source}/partitions/{partition}/objects" ListCopyObjects DataRead - => 200 "Listing<ObjectInfo>", "Lists objects of a copy, as of a user's.";
    GET "/sources/{source}/partitions/{partition}/objects/{object}/versions" ShowCopyVersions DataRead - => 200 "ObjectVersions", "Shows an object of a copy with the versions in which its attributes became what they are.";
    GET "/sources/{source}/users/{user}" ShowDocument DataRead - => 200 "DocumentInfo", "Shows a user's copy of a source.";
    POST "/sources/{source}/users/{user}/refresh" RefreshDocument SourcesWrite "RefreshRequest" => 204 -, "Has a user's copy of a source refreshed by a later sync, or `now` by a job.";
    GET "/sources/{source}/users/{user}/objects" ListObjects DataRead - => 200 "Listing<ObjectInfo>", "Lists objects in the order in which they last changed, with `sort=-version` the last change first, or those with `q` in their id or a value; a part then may have fewer than `limit`.";
    POST "/sources/{source}/users/{user}/objects" ChangeObjects DataWrite "ObjectBatch" => 204 -, "Merges attributes into objects and deletes objects.";
    GET "/sources/{source}/users/{user}/objects/{object}" ShowObject DataRead - => 200 "ObjectInfo", "Shows an object.";
    GET "/sources/{source}/users/{user}/objects/{object}/versions" ShowVersions DataRead - => 200 "ObjectVersions", "Shows an object with the versions in which its attributes became what they are.";
    PUT "/sources/{source}/users/{user}/objects/{object}" PutObject DataWrite "ObjectPut" => 200 "ObjectInfo", "Replaces an object's attributes, or creates the object.";
    PATCH "/sources/{source}/users/{user}/objects/{object}" PatchObject DataWrite "ObjectChange" => 200 "ObjectInfo", "Sets and removes attributes of an object.";
    DELETE "/sources/{source}/users/{user}/objects/{object}" DeleteObject DataWrite - => 204 -, "Deletes an object.";
    GET "/documents/{key}" ShowStored DataRead - => 200 "StoredDocument", "Shows a document of the application's own.";
    PUT "/documents/{key}" PutStored DataWrite "StoredDocument" => 204 -, "Sets a document of the application's own.";
    GET "/settings" ListSettings SystemRead - => 200 "Listing<SettingInfo>", "Lists every setting that is in force, by key, with where it comes from.";
    GET "/overview" ShowOverview SystemRead - => 200 "Overview", "Shows how the system is doing as a whole, and what needs attention.";
    GET "/statistics" ShowStatistics SystemRead - => 200 "Statistics", "Shows a `metric` over time, told apart `by` a label, for the last `minutes` (180 at most) or `hours` (2160 at most).";
    GET "/statistics/metrics" ListMetrics SystemRead - => 200 "Listing<MetricInfo>", "Lists what is measured over time.";
    GET "/system" ShowSystem SystemRead - => 200 "SystemInfo", "Shows the server.";
    PUT "/system/app-server" SetAppServer SystemWrite "AppServer" => 200 "SystemInfo", "Sets the app server, the back end of dynamic sources.";
    POST "/system/reset" ResetSystem Admin "SystemReset" => 204 -, "Removes everything but administrators and API tokens.";
}

impl Route {
    /// What the operation needs.
    fn needs(self) -> Needs {
        OPERATIONS
            .iter()
            .find(|operation| operation.route == self)
            .map_or(Needs::Scope(Scope::Admin), |operation| operation.needs)
    }

    /// Whether it is a write that scripts do all the time.
    pub(crate) fn is_routine(self) -> bool {
        self == Self::Ping || self.needs() == Needs::Scope(Scope::DataWrite)
    }
}

/// Whether a path is the API's, so that its errors are in the API's form.
pub(crate) fn is_api(path: &str) -> bool {
    path.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Lets in whoever has a token that is good for an operation, and everybody where none is needed.
pub(crate) async fn admit<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<(), HttpError> {
    let needs = route.needs();
    if needs == Needs::Nothing {
        return Ok(());
    }
    let token = authenticate(engine, request).await?;
    request.let_in(token);
    match (needs, request.api_token()) {
        (Needs::Scope(scope), Some(token)) => require(token, scope),
        _ => Ok(()),
    }
}

/// Answers a request that was let in.
pub(crate) async fn answer<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let Some(token) = request.api_token() else {
        return match route {
            Route::LogIn => session::log_in(engine, request).await,
            Route::ShowOpenApi => Ok(system::show_open_api()),
            _ => Err(AccountError::InvalidApiToken.into()),
        };
    };
    request.require_json()?;
    request.require_object()?;
    match request.idempotency_key(IDEMPOTENCY_KEY_HEADER)? {
        None => dispatch(route, engine, request, token).await,
        // The answer would have to be kept, and of a token nobody keeps more than a digest.
        Some(_) if route == Route::CreateToken => Err(HttpError::InvalidValue(format!(
            "a token's text is told once: leave out {IDEMPOTENCY_KEY_HEADER}"
        ))),
        Some(key) => once(route, engine, request, token, key).await,
    }
}

/// The request's token, if it is good for this.
pub(crate) async fn authorize<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    scope: Scope,
) -> Result<ApiToken, HttpError> {
    let token = authenticate(engine, request).await?;
    require(&token, scope)?;
    Ok(token)
}

/// The request's token, whatever it is good for.
async fn authenticate<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<ApiToken, HttpError> {
    let text = request.api_token_text().unwrap_or_default();
    Ok(engine.accounts().api_tokens().authenticate(text).await?)
}

/// Refuses what a token is not good for.
fn require(token: &ApiToken, scope: Scope) -> Result<(), HttpError> {
    if token.allows(scope) {
        Ok(())
    } else {
        Err(HttpError::Forbidden(scope))
    }
}

/// Does a write once, however often it is asked for with the same key.
async fn once<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
    key: &str,
) -> Result<Response<Bytes>, HttpError> {
    let line = request.line();
    let asked = IdempotentRequest {
        token: &token.id,
        key,
        request: &line,
        body: request.raw_body(),
    };
    let writes = IdempotentWrites::new(engine.ports());
    let begun = match writes.begin(&asked).await? {
        BegunWrite::Ours(begun) => begun,
        BegunWrite::Answered(stored) => return Ok(again(stored)),
    };
    let answer = dispatch(route, engine, request, token).await;
    // Of a failure nothing is kept: nothing was done, or it is not known what, and the next one may try.
    let stored = answer.as_ref().ok().map(|done| StoredAnswer {
        status: done.status().as_u16(),
        location: done
            .headers()
            .get(header::LOCATION)
            .and_then(|location| location.to_str().ok())
            .map(str::to_owned),
        body: String::from_utf8_lossy(done.body()).into_owned(),
    });
    // The write is done or has failed all the same, and whoever sent it is told which.
    if let Err(error) = writes.end(&asked, &begun, stored.as_ref()).await {
        tracing::error!(%error, "what became of a write could not be kept by its idempotency key");
    }
    answer
}

/// The answer that a write got the first time.
fn again(stored: StoredAnswer) -> Response<Bytes> {
    let StoredAnswer {
        status,
        location,
        body,
    } = stored;
    let mut answer = if body.is_empty() {
        no_content()
    } else {
        respond::json_bytes(body.into_bytes())
    };
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    if let Some(Ok(location)) = location.map(HeaderValue::try_from) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

async fn dispatch<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    match route {
        Route::ShowOpenApi => Ok(system::show_open_api()),
        Route::LogIn => session::log_in(engine, request).await,
        Route::LogOut => session::log_out(engine, request, token).await,
        Route::ShowSession => session::show(engine, token).await,
        Route::ChangePassword => session::change_password(engine, request, token).await,
        Route::ListAdministrators => administrators::list(engine).await,
        Route::CreateAdministrator => administrators::create(engine, request).await,
        Route::ShowAdministrator => administrators::show(engine, request).await,
        Route::UpdateAdministrator => administrators::update(engine, request).await,
        Route::DeleteAdministrator => administrators::delete(engine, request).await,
        Route::ListTokens => tokens::list(engine, request).await,
        Route::CreateToken => tokens::create(engine, request, token).await,
        Route::DeleteToken => tokens::delete(engine, request).await,
        Route::ListAudit => audit::list(engine, request).await,
        Route::ListUsers => users::list(engine, request).await,
        Route::CreateUser => users::create(engine, request).await,
        Route::ShowUser => users::show(engine, request).await,
        Route::UpdateUser => users::update(engine, request, token).await,
        Route::DeleteUser => users::delete(engine, request).await,
        Route::ListClients => clients::list(engine, request).await,
        Route::FindClients => clients::find(engine, request).await,
        Route::ListClientEvents => clients::list_events(engine, request).await,
        Route::ShowClient => clients::show(engine, request).await,
        Route::DeleteClient => clients::delete(engine, request).await,
        Route::ResetClient => clients::reset(engine, request).await,
        Route::ListClientSources => clients::list_sources(engine, request).await,
        Route::DiagnoseClient => clients::diagnose(engine, request).await,
        Route::PreviewSync => clients::preview(engine, request).await,
        Route::ListDifferences => clients::list_differences(engine, request).await,
        Route::ShowClientSource => clients::show_source(engine, request).await,
        Route::ListClientObjects => clients::list_objects(engine, request).await,
        Route::ListChanges => changes::list(engine, request).await,
        Route::ShowChange => changes::show(engine, request, token).await,
        Route::RetryChange => changes::retry(engine, request, token).await,
        Route::DiscardChange => changes::delete(engine, request).await,
        Route::ListQueues => jobs::list_queues(engine).await,
        Route::UpdateQueue => jobs::update_queue(engine, request).await,
        Route::ShowQueueHistory => jobs::history(engine, request).await,
        Route::RetryJobs => jobs::retry_all(engine, request).await,
        Route::ListJobs => jobs::list(engine, request).await,
        Route::RunJobs => jobs::run(engine, request).await,
        Route::ShowJob => jobs::show(engine, request).await,
        Route::RetryJob => jobs::retry(engine, request, token).await,
        Route::HastenJob => jobs::hasten(engine, request).await,
        Route::DeleteJob => jobs::delete(engine, request).await,
        Route::ListSchedules => schedules::list(engine).await,
        Route::RunSchedule => schedules::run(engine, request).await,
        Route::ListPings => pings::list(engine, request).await,
        Route::Ping => pings::create(engine, request, token).await,
        Route::ListPushServices => push_services::list(engine).await,
        Route::CheckPushService => push_services::check(engine, request).await,
        Route::ListSources => sources::list(engine, request).await,
        Route::ShowSource => sources::show(engine, request).await,
        Route::UpdateSource => sources::update(engine, request).await,
        Route::DeleteSource => sources::delete(engine, request).await,
        Route::ShowDocument => sources::show_document(engine, request).await,
        Route::RefreshDocument => sources::refresh(engine, request).await,
        Route::ListObjects | Route::ListCopyObjects => objects::list(engine, request).await,
        Route::ChangeObjects => objects::change(engine, request).await,
        Route::ShowObject => objects::show(engine, request).await,
        Route::ShowVersions | Route::ShowCopyVersions => {
            objects::show_versions(engine, request).await
        }
        Route::PutObject => objects::put(engine, request).await,
        Route::PatchObject => objects::patch(engine, request).await,
        Route::DeleteObject => objects::delete(engine, request).await,
        Route::ShowStored => documents::show(engine, request).await,
        Route::PutStored => documents::put(engine, request).await,
        Route::ListSettings => settings::list(engine).await,
        Route::ShowOverview => overview::show(engine).await,
        Route::ShowCopy => sources::show_copy(engine, request).await,
        Route::ListCopies => sources::list_copies(engine, request).await,
        Route::ListUserCopies => users::list_copies(engine, request).await,
        Route::ShowStatistics => statistics::show(engine, request).await,
        Route::ListMetrics => Ok(statistics::list()),
        Route::ShowSystem => system::show(engine).await,
        Route::SetAppServer => system::set_app_server(engine, request).await,
        Route::ResetSystem => system::reset(engine, request).await,
    }
}

fn limit(request: &Request) -> Result<usize, HttpError> {
    let Some(text) = request.query("limit") else {
        return Ok(DEFAULT_LIMIT);
    };
    text.parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| {
            HttpError::InvalidValue(format!("limit is a number between 1 and {MAX_LIMIT}"))
        })
}

/// In which order a list is sorted by a field, with a minus sign before it the falling one; `None` where the request does not say.
fn order(request: &Request, field: &str) -> Result<Option<Order>, HttpError> {
    match request.query("sort") {
        None => Ok(None),
        Some(sort) if sort == field => Ok(Some(Order::Ascending)),
        Some(sort) if sort.strip_prefix('-') == Some(field) => Ok(Some(Order::Descending)),
        Some(_) => Err(HttpError::InvalidValue(format!(
            "sort is one of {field}, -{field}"
        ))),
    }
}

/// The cursor as a number; nothing is the beginning.
fn numeric_cursor<N: std::str::FromStr + Default>(request: &Request) -> Result<N, HttpError> {
    match request.query("cursor") {
        None => Ok(N::default()),
        Some(text) => text.parse().map_err(|_| {
            HttpError::InvalidValue("cursor is not one that was given out".to_owned())
        }),
    }
}

fn listing<T: Serialize>(items: Vec<T>, next: Option<String>) -> Response<Bytes> {
    respond::json(&Listing { items, next })
}

/// The name of the last item, where more may follow.
fn next_name(names: &[String], limit: usize) -> Option<String> {
    names.last().filter(|_| names.len() == limit).cloned()
}

/// Says in which state something is that can be edited.
fn tagged(mut answer: Response<Bytes>, revision: &Revision) -> Response<Bytes> {
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", revision.as_str())) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

fn created(location: &str, body: &impl Serialize) -> Response<Bytes> {
    let mut answer = respond::json(body);
    *answer.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

pub(crate) fn no_content() -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}
