//! One function for each operation of the API that the console uses.

use serde_json::{Value, json};
use sync_proto::api::{
    AdministratorInfo, AdministratorPatch, AuditEntry, ChangeInfo, ChangeRetry, ClientInfo,
    ClientSourceSummary, ClientSummary, CopySummary, CreatedToken, JobInfo, JobRetry, JobsRetried,
    JobsRun, Listing, MetricInfo, NewAdministrator, NewPing, NewToken, NewUserInfo,
    ObjectDifference, ObjectInfo, ObjectVersions, Overview, PasswordChange, PingInfo, PingRecord,
    PushCheck, PushServiceInfo, QueueHistory, QueueInfo, ScheduleInfo, SessionInfo, SettingInfo,
    SourceSummary, Statistics, SyncEvent, SyncPreview, SystemInfo, TokenInfo, UserInfo, UserName,
    UserPatch,
};

use super::{Query, act, delete, encode, get, patch, post};
use crate::error::ApiError;

type Answer<T> = Result<T, ApiError>;

/// How many items the console's lists show at once.
const PAGE: &str = "100";

/// How often a search that has found nothing so far goes on by itself.
const SEARCH_CALLS: u32 = 50;

fn listed(path: &str, cursor: &str) -> Query {
    Query::of(path).with("limit", PAGE).with("cursor", cursor)
}

pub(crate) async fn session() -> Answer<SessionInfo> {
    get("/session").await
}

/// The server keeps the token in a cookie that no script can read.
pub(crate) async fn log_in(login: &str, password: &str) -> Answer<()> {
    act(
        "/login",
        &json!({"login": login, "password": password, "cookie": true}),
    )
    .await
}

pub(crate) async fn log_out() -> Answer<()> {
    act("/logout", &json!({})).await
}

pub(crate) async fn change_password(change: &PasswordChange) -> Answer<()> {
    act("/session/password", change).await
}

pub(crate) async fn overview() -> Answer<Overview> {
    get("/overview").await
}

pub(crate) async fn clients(
    q: &str,
    user: &str,
    state: &str,
    sort: &str,
    cursor: &str,
) -> Answer<Listing<ClientSummary>> {
    let query = listed("/clients", cursor)
        .with("q", q)
        .with("user", user)
        .with("state", state)
        .with("sort", sort);
    get(&query).await
}

pub(crate) async fn client(id: &str) -> Answer<ClientInfo> {
    get(&format!("/clients/{}", encode(id))).await
}

pub(crate) async fn client_sources(id: &str) -> Answer<Listing<ClientSourceSummary>> {
    get(&format!("/clients/{}/sources", encode(id))).await
}

pub(crate) async fn client_events(id: &str) -> Answer<Listing<SyncEvent>> {
    get(&format!("/clients/{}/events", encode(id))).await
}

pub(crate) async fn client_diagnostics(id: &str) -> Answer<Value> {
    get(&format!("/clients/{}/diagnostics", encode(id))).await
}

pub(crate) async fn client_preview(id: &str, source: &str) -> Answer<SyncPreview> {
    get(&format!(
        "/clients/{}/sources/{}/preview",
        encode(id),
        encode(source)
    ))
    .await
}

pub(crate) async fn client_differences(
    id: &str,
    source: &str,
    cursor: &str,
) -> Answer<Listing<ObjectDifference>> {
    let path = format!(
        "/clients/{}/sources/{}/differences",
        encode(id),
        encode(source)
    );
    get(&listed(&path, cursor)).await
}

pub(crate) async fn reset_client(id: &str) -> Answer<()> {
    act(&format!("/clients/{}/reset", encode(id)), &json!({})).await
}

pub(crate) async fn delete_client(id: &str) -> Answer<()> {
    delete(&format!("/clients/{}", encode(id))).await
}

pub(crate) async fn users(q: &str, sort: &str, cursor: &str) -> Answer<Listing<UserName>> {
    get(&listed("/users", cursor).with("q", q).with("sort", sort)).await
}

pub(crate) async fn user(login: &str) -> Answer<UserInfo> {
    get(&format!("/users/{}", encode(login))).await
}

pub(crate) async fn create_user(user: &NewUserInfo) -> Answer<UserInfo> {
    post("/users", user).await
}

pub(crate) async fn update_user(login: &str, change: &UserPatch) -> Answer<UserInfo> {
    patch(&format!("/users/{}", encode(login)), change).await
}

pub(crate) async fn delete_user(login: &str) -> Answer<()> {
    delete(&format!("/users/{}", encode(login))).await
}

pub(crate) async fn user_copies(login: &str, cursor: &str) -> Answer<Listing<CopySummary>> {
    get(&listed(&format!("/users/{}/copies", encode(login)), cursor)).await
}

/// Those whose name begins with `q`; they are few, and come together.
pub(crate) async fn sources(q: &str) -> Answer<Listing<SourceSummary>> {
    let query = Query::of("/sources").with("limit", "1000").with("q", q);
    get(&query).await
}

pub(crate) async fn source(name: &str) -> Answer<SourceSummary> {
    get(&format!("/sources/{}", encode(name))).await
}

pub(crate) async fn set_poll_interval(name: &str, seconds: i64) -> Answer<SourceSummary> {
    patch(
        &format!("/sources/{}", encode(name)),
        &json!({"poll_interval": seconds}),
    )
    .await
}

pub(crate) async fn pause_source(name: &str, paused: bool) -> Answer<SourceSummary> {
    patch(
        &format!("/sources/{}", encode(name)),
        &json!({"paused": paused}),
    )
    .await
}

pub(crate) async fn source_copies(name: &str, cursor: &str) -> Answer<Listing<CopySummary>> {
    get(&listed(
        &format!("/sources/{}/partitions", encode(name)),
        cursor,
    ))
    .await
}

pub(crate) async fn refresh(name: &str, user: &str) -> Answer<()> {
    let path = format!("/sources/{}/users/{}/refresh", encode(name), encode(user));
    act(&path, &json!({"now": true})).await
}

/// Objects that have a text somewhere. The server looks at some thousands with each call: this goes on until it finds one.
pub(crate) async fn objects(
    source: &str,
    user: &str,
    q: &str,
    sort: &str,
    cursor: &str,
) -> Answer<Listing<ObjectInfo>> {
    let path = format!("/sources/{}/users/{}/objects", encode(source), encode(user));
    let page = |cursor: &str| listed(&path, cursor).with("q", q).with("sort", sort);
    let mut cursor = cursor.to_owned();
    for _ in 1..SEARCH_CALLS {
        let found: Listing<ObjectInfo> = get(&page(&cursor)).await?;
        match found.next {
            Some(next) if found.items.is_empty() => cursor = next,
            next => return Ok(Listing { next, ..found }),
        }
    }
    get(&page(&cursor)).await
}

pub(crate) async fn object_versions(
    source: &str,
    user: &str,
    object: &str,
) -> Answer<ObjectVersions> {
    let (source, user, object) = (encode(source), encode(user), encode(object));
    get(&format!(
        "/sources/{source}/users/{user}/objects/{object}/versions"
    ))
    .await
}

pub(crate) async fn changes(
    state: &str,
    source: &str,
    user: &str,
    client: &str,
    sort: &str,
    cursor: &str,
) -> Answer<Listing<ChangeInfo>> {
    // The server sorts all devices' changes, and not one's.
    let sort = if client.is_empty() { sort } else { "" };
    let query = listed("/changes", cursor)
        .with("state", state)
        .with("source", source)
        .with("user", user)
        .with("client", client)
        .with("sort", sort);
    get(&query).await
}

pub(crate) async fn change(id: &str) -> Answer<ChangeInfo> {
    get(&format!("/changes/{}", encode(id))).await
}

pub(crate) async fn retry_change(id: &str, retry: &ChangeRetry) -> Answer<ChangeInfo> {
    post(&format!("/changes/{}/retry", encode(id)), retry).await
}

pub(crate) async fn discard_change(id: &str) -> Answer<()> {
    delete(&format!("/changes/{}", encode(id))).await
}

pub(crate) async fn queues() -> Answer<Listing<QueueInfo>> {
    get("/queues").await
}

pub(crate) async fn pause_queue(name: &str, paused: bool) -> Answer<QueueInfo> {
    patch(
        &format!("/queues/{}", encode(name)),
        &json!({"paused": paused}),
    )
    .await
}

pub(crate) async fn queue_history(name: &str) -> Answer<QueueHistory> {
    get(&format!("/queues/{}/history?minutes=60", encode(name))).await
}

pub(crate) async fn retry_jobs(queue: &str) -> Answer<JobsRetried> {
    post(&format!("/queues/{}/retry", encode(queue)), &json!({})).await
}

pub(crate) async fn jobs(
    queue: &str,
    state: &str,
    user: &str,
    sort: &str,
    cursor: &str,
) -> Answer<Listing<JobInfo>> {
    get(&listed("/jobs", cursor)
        .with("queue", queue)
        .with("state", state)
        .with("user", user)
        .with("sort", sort))
    .await
}

pub(crate) async fn job(id: &str) -> Answer<JobInfo> {
    get(&format!("/jobs/{}", encode(id))).await
}

pub(crate) async fn retry_job(id: &str, retry: &JobRetry) -> Answer<JobInfo> {
    post(&format!("/jobs/{}/retry", encode(id)), retry).await
}

pub(crate) async fn run_job(id: &str) -> Answer<()> {
    act(&format!("/jobs/{}/run", encode(id)), &json!({})).await
}

pub(crate) async fn delete_job(id: &str) -> Answer<()> {
    delete(&format!("/jobs/{}", encode(id))).await
}

pub(crate) async fn run_component(component: &str) -> Answer<JobsRun> {
    post(&format!("/jobs/run/{}", encode(component)), &json!({})).await
}

pub(crate) async fn schedules() -> Answer<Listing<ScheduleInfo>> {
    get("/schedules").await
}

pub(crate) async fn ping(ping: &NewPing) -> Answer<PingInfo> {
    post("/pings", ping).await
}

pub(crate) async fn pings(cursor: &str) -> Answer<Listing<PingRecord>> {
    get(&listed("/pings", cursor)).await
}

pub(crate) async fn push_services() -> Answer<Listing<PushServiceInfo>> {
    get("/push-services").await
}

pub(crate) async fn check_push_service(name: &str) -> Answer<PushCheck> {
    post(
        &format!("/push-services/{}/check", encode(name)),
        &json!({}),
    )
    .await
}

pub(crate) async fn metrics() -> Answer<Listing<MetricInfo>> {
    get("/statistics/metrics").await
}

pub(crate) async fn statistics(metric: &str, by: &str, span: (&str, &str)) -> Answer<Statistics> {
    let (unit, number) = span;
    let query = Query::of("/statistics")
        .with("metric", metric)
        .with("by", by);
    get(&query.with(unit, number)).await
}

pub(crate) async fn tokens(sort: &str, cursor: &str) -> Answer<Listing<TokenInfo>> {
    get(&listed("/tokens", cursor).with("sort", sort)).await
}

pub(crate) async fn create_token(token: &NewToken) -> Answer<CreatedToken> {
    post("/tokens", token).await
}

pub(crate) async fn delete_token(id: &str) -> Answer<()> {
    delete(&format!("/tokens/{}", encode(id))).await
}

pub(crate) async fn settings() -> Answer<Listing<SettingInfo>> {
    get("/settings").await
}

pub(crate) async fn administrators() -> Answer<Listing<AdministratorInfo>> {
    get("/administrators").await
}

pub(crate) async fn add_administrator(new: &NewAdministrator) -> Answer<AdministratorInfo> {
    post("/administrators", new).await
}

pub(crate) async fn change_administrator(
    login: &str,
    change: &AdministratorPatch,
) -> Answer<AdministratorInfo> {
    patch(&format!("/administrators/{}", encode(login)), change).await
}

pub(crate) async fn delete_administrator(login: &str) -> Answer<()> {
    delete(&format!("/administrators/{}", encode(login))).await
}

pub(crate) async fn audit(who: &str, sort: &str, cursor: &str) -> Answer<Listing<AuditEntry>> {
    let query = listed("/audit", cursor).with("who", who);
    get(&query.with("sort", sort)).await
}

pub(crate) async fn system() -> Answer<SystemInfo> {
    get("/system").await
}

pub(crate) async fn reset_system(confirm: &str) -> Answer<()> {
    act("/system/reset", &json!({"confirm": confirm})).await
}
