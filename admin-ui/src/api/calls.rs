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

use gloo_net::http::Method;

use super::{Call, Query, Tag, act, change, delete, encode, get, patch, post};

/// How many items the console's lists show at once.
const PAGE: &str = "100";

fn listed(path: &str, cursor: &str) -> Query {
    Query::of(path).with("limit", PAGE).with("cursor", cursor)
}

pub(crate) fn session() -> Call<SessionInfo> {
    get("/session")
}

/// The server keeps the token in a cookie that no script can read.
pub(crate) fn log_in(login: &str, password: &str) -> Call<()> {
    act(
        "/login",
        &json!({"login": login, "password": password, "cookie": true}),
    )
}

pub(crate) fn log_out() -> Call<()> {
    act("/logout", &json!({}))
}

pub(crate) fn change_password(change: &PasswordChange) -> Call<()> {
    act("/session/password", change)
}

pub(crate) fn overview() -> Call<Overview> {
    get("/overview")
}

pub(crate) fn clients(
    q: &str,
    user: &str,
    state: &str,
    sort: &str,
    cursor: &str,
) -> Call<Listing<ClientSummary>> {
    let query = listed("/clients", cursor)
        .with("q", q)
        .with("user", user)
        .with("state", state)
        .with("sort", sort);
    get(&query)
}

pub(crate) fn client(id: &str) -> Call<ClientInfo> {
    get(&format!("/clients/{}", encode(id)))
}

pub(crate) fn client_sources(id: &str) -> Call<Listing<ClientSourceSummary>> {
    get(&format!("/clients/{}/sources", encode(id)))
}

pub(crate) fn client_events(id: &str) -> Call<Listing<SyncEvent>> {
    get(&format!("/clients/{}/events", encode(id)))
}

pub(crate) fn client_diagnostics(id: &str) -> Call<Value> {
    get(&format!("/clients/{}/diagnostics", encode(id)))
}

pub(crate) fn client_preview(id: &str, source: &str) -> Call<SyncPreview> {
    get(&format!(
        "/clients/{}/sources/{}/preview",
        encode(id),
        encode(source)
    ))
}

pub(crate) fn client_differences(
    id: &str,
    source: &str,
    cursor: &str,
) -> Call<Listing<ObjectDifference>> {
    let path = format!(
        "/clients/{}/sources/{}/differences",
        encode(id),
        encode(source)
    );
    get(&listed(&path, cursor))
}

pub(crate) fn reset_client(id: &str) -> Call<()> {
    act(&format!("/clients/{}/reset", encode(id)), &json!({}))
}

pub(crate) fn delete_client(id: &str) -> Call<()> {
    delete(&format!("/clients/{}", encode(id)))
}

pub(crate) fn users(q: &str, sort: &str, cursor: &str) -> Call<Listing<UserName>> {
    get(&listed("/users", cursor).with("q", q).with("sort", sort))
}

pub(crate) fn user(login: &str) -> Call<UserInfo> {
    get(&user_path(login))
}

pub(crate) fn user_path(login: &str) -> String {
    format!("/users/{}", encode(login))
}

pub(crate) fn create_user(user: &NewUserInfo) -> Call<UserInfo> {
    post("/users", user)
}

pub(crate) fn update_user(login: &str, patch: &UserPatch, tag: Option<Tag>) -> Call<UserInfo> {
    change(Method::PATCH, &user_path(login), patch, tag)
}

pub(crate) fn delete_user(login: &str) -> Call<()> {
    delete(&format!("/users/{}", encode(login)))
}

pub(crate) fn user_copies(login: &str, cursor: &str) -> Call<Listing<CopySummary>> {
    get(&listed(&format!("/users/{}/copies", encode(login)), cursor))
}

/// Those whose name begins with `q`; they are few, and come together.
pub(crate) fn sources(q: &str) -> Call<Listing<SourceSummary>> {
    let query = Query::of("/sources").with("limit", "1000").with("q", q);
    get(&query)
}

pub(crate) fn source_path(name: &str) -> String {
    format!("/sources/{}", encode(name))
}

pub(crate) fn source(name: &str) -> Call<SourceSummary> {
    get(&source_path(name))
}

pub(crate) fn set_poll_interval(name: &str, seconds: i64, tag: Option<Tag>) -> Call<SourceSummary> {
    let body = json!({"poll_interval": seconds});
    change(Method::PATCH, &source_path(name), &body, tag)
}

pub(crate) fn pause_source(name: &str, paused: bool) -> Call<SourceSummary> {
    patch(&source_path(name), &json!({"paused": paused}))
}

pub(crate) fn source_copies(name: &str, cursor: &str) -> Call<Listing<CopySummary>> {
    get(&listed(
        &format!("/sources/{}/partitions", encode(name)),
        cursor,
    ))
}

fn copy_path(source: &str, copy: &str) -> String {
    format!("/sources/{}/partitions/{}", encode(source), encode(copy))
}

pub(crate) fn copy(source: &str, copy: &str) -> Call<CopySummary> {
    get(&copy_path(source, copy))
}

pub(crate) fn refresh(name: &str, user: &str) -> Call<()> {
    let path = format!("/sources/{}/users/{}/refresh", encode(name), encode(user));
    act(&path, &json!({"now": true}))
}

/// Objects that have a text somewhere. The server looks at some thousands with each call: this goes on until it finds one.
pub(crate) fn objects(
    source: &str,
    copy: &str,
    q: &str,
    sort: &str,
    cursor: &str,
) -> Call<Listing<ObjectInfo>> {
    let path = format!("{}/objects", copy_path(source, copy));
    let query = listed(&path, "").with("q", q).with("sort", sort);
    get(&query).search_from(cursor)
}

pub(crate) fn object_versions(source: &str, copy: &str, object: &str) -> Call<ObjectVersions> {
    let path = copy_path(source, copy);
    get(&format!("{path}/objects/{}/versions", encode(object)))
}

pub(crate) fn changes(
    state: &str,
    source: &str,
    user: &str,
    client: &str,
    sort: &str,
    cursor: &str,
) -> Call<Listing<ChangeInfo>> {
    // The server sorts all devices' changes, and not one's.
    let sort = if client.is_empty() { sort } else { "" };
    let query = listed("/changes", cursor)
        .with("state", state)
        .with("source", source)
        .with("user", user)
        .with("client", client)
        .with("sort", sort);
    get(&query)
}

pub(crate) fn change_path(id: &str) -> String {
    format!("/changes/{}", encode(id))
}

pub(crate) fn device_change(id: &str) -> Call<ChangeInfo> {
    get(&change_path(id))
}

pub(crate) fn retry_change(id: &str, retry: &ChangeRetry, tag: Option<Tag>) -> Call<ChangeInfo> {
    let path = format!("{}/retry", change_path(id));
    change(Method::POST, &path, retry, tag)
}

pub(crate) fn discard_change(id: &str) -> Call<()> {
    delete(&change_path(id))
}

pub(crate) fn queues() -> Call<Listing<QueueInfo>> {
    get("/queues")
}

pub(crate) fn pause_queue(name: &str, paused: bool) -> Call<QueueInfo> {
    patch(
        &format!("/queues/{}", encode(name)),
        &json!({"paused": paused}),
    )
}

pub(crate) fn queue_history(name: &str) -> Call<QueueHistory> {
    get(&format!("/queues/{}/history?minutes=60", encode(name)))
}

pub(crate) fn retry_jobs(queue: &str) -> Call<JobsRetried> {
    post(&format!("/queues/{}/retry", encode(queue)), &json!({}))
}

pub(crate) fn jobs(
    queue: &str,
    state: &str,
    user: &str,
    sort: &str,
    cursor: &str,
) -> Call<Listing<JobInfo>> {
    get(&listed("/jobs", cursor)
        .with("queue", queue)
        .with("state", state)
        .with("user", user)
        .with("sort", sort))
}

pub(crate) fn job(id: &str) -> Call<JobInfo> {
    get(&format!("/jobs/{}", encode(id)))
}

pub(crate) fn retry_job(id: &str, retry: &JobRetry) -> Call<JobInfo> {
    post(&format!("/jobs/{}/retry", encode(id)), retry)
}

pub(crate) fn run_job(id: &str) -> Call<()> {
    act(&format!("/jobs/{}/run", encode(id)), &json!({}))
}

pub(crate) fn delete_job(id: &str) -> Call<()> {
    delete(&format!("/jobs/{}", encode(id)))
}

pub(crate) fn run_component(component: &str) -> Call<JobsRun> {
    post(&format!("/jobs/run/{}", encode(component)), &json!({}))
}

pub(crate) fn schedules() -> Call<Listing<ScheduleInfo>> {
    get("/schedules")
}

pub(crate) fn ping(ping: &NewPing) -> Call<PingInfo> {
    post("/pings", ping)
}

pub(crate) fn pings(cursor: &str) -> Call<Listing<PingRecord>> {
    get(&listed("/pings", cursor))
}

pub(crate) fn push_services() -> Call<Listing<PushServiceInfo>> {
    get("/push-services")
}

pub(crate) fn check_push_service(name: &str) -> Call<PushCheck> {
    post(
        &format!("/push-services/{}/check", encode(name)),
        &json!({}),
    )
}

pub(crate) fn metrics() -> Call<Listing<MetricInfo>> {
    get("/statistics/metrics")
}

pub(crate) fn statistics(metric: &str, by: &str, span: (&str, &str)) -> Call<Statistics> {
    let (unit, number) = span;
    let query = Query::of("/statistics")
        .with("metric", metric)
        .with("by", by);
    get(&query.with(unit, number))
}

pub(crate) fn tokens(sort: &str, cursor: &str) -> Call<Listing<TokenInfo>> {
    get(&listed("/tokens", cursor).with("sort", sort))
}

pub(crate) fn create_token(token: &NewToken) -> Call<CreatedToken> {
    post("/tokens", token)
}

pub(crate) fn delete_token(id: &str) -> Call<()> {
    delete(&format!("/tokens/{}", encode(id)))
}

pub(crate) fn settings() -> Call<Listing<SettingInfo>> {
    get("/settings")
}

pub(crate) fn administrators() -> Call<Listing<AdministratorInfo>> {
    get("/administrators")
}

pub(crate) fn add_administrator(new: &NewAdministrator) -> Call<AdministratorInfo> {
    post("/administrators", new)
}

pub(crate) fn administrator_path(login: &str) -> String {
    format!("/administrators/{}", encode(login))
}

pub(crate) fn administrator(login: &str) -> Call<AdministratorInfo> {
    get(&administrator_path(login))
}

pub(crate) fn change_administrator(
    login: &str,
    patch: &AdministratorPatch,
    tag: Option<Tag>,
) -> Call<AdministratorInfo> {
    change(Method::PATCH, &administrator_path(login), patch, tag)
}

pub(crate) fn delete_administrator(login: &str) -> Call<()> {
    delete(&administrator_path(login))
}

pub(crate) fn audit(who: &str, sort: &str, cursor: &str) -> Call<Listing<AuditEntry>> {
    let query = listed("/audit", cursor).with("who", who);
    get(&query.with("sort", sort))
}

pub(crate) fn system() -> Call<SystemInfo> {
    get("/system")
}

pub(crate) fn reset_system(confirm: &str) -> Call<()> {
    act("/system/reset", &json!({"confirm": confirm}))
}
