//! Every key of the store, built here and nowhere else. Those of the job queue are in `sync-jobs`.
//!
//! A key is `rhosync:1:` (namespace and schema version), then either a partition's hash tag and a part of it, or the
//! kind and the name of something global. What users may choose is percent-encoded, so it can contain neither the
//! separators `:` and `/` nor the braces of a hash tag. All keys of a partition share its tag: every script touches one
//! slot of a Redis Cluster.
//!
//! | key | type | content | lifetime | written by | read by |
//! | --- | --- | --- | --- | --- | --- |
//! | `{source/partition}:head` | hash | `v` last version, `n` live objects, `sum` of their hashes, `w` last version not made by a refresh, `floor` below which tombstones may be gone, `at` last refresh in ms, `due` when the next one is wanted where that was set, `took` how long it took or was waited for in ms, `et`/`dg` ETag and digest of its answer, `mark` up to where queries for changes have brought it, or of which versions of its members it was made, `err` what is wrong with the source, `meta`/`schema` metadata and schema, `metav`/`schemav` their versions and digests, `q` last operation number, `life` what tells it from a removed one of the same name | the partition's | commit, refresh, describe, accept, bind, bulk data | pull, refresh, bulk data |
//! | `{source/partition}:log` | sorted set | object id, scored by the version of its last change | the partition's | commit | pull, refresh |
//! | `{source/partition}:rec` | hash | object id → record (JSON) | the partition's | commit | pull, push, refresh |
//! | `{source/partition}:tomb` | sorted set | ids of `log` that are deleted, scored by version | until collected: a day after a deletion, and daily until every client has passed them | commit, collect | pull, refresh, collect |
//! | `{source/partition}:clients` | hash | client → `cursor,base,given,offset,since,day,state,user`: acknowledged version; version up to which it has every attribute; twice the version up to which pages were given out, plus 1 where the last was cut; what a version is short of a token; version at which it started; day it was last heard of; see `CursorState`; whose it is | until unbound or silent for the retention | pull, bind, collect | pull, commit, collect |
//! | `{source/partition}:lease` | string | token of the refresh that runs | its expiry | refresh | refresh, commit |
//! | `{source/partition}:progress` | hash | how far a refresh has come that is not over: `position` in the adapter's words, `v` version at its begin | a quarter of an hour after its last part, or its end | refresh | refresh |
//! | `{source/partition}:seen` | set | ids of objects that this refresh has met | as `progress` | refresh | refresh |
//! | `{source/partition}:out:<client>` | sorted set | `<version> <JSON>`: links, errors and rollbacks for the client, scored by version | until acknowledged or unbound | commit; administrators, who settle refusals | pull, administrators |
//! | `{source/partition}:cud:<client>` | hash | number → offset and operation (JSON) that waits for its verdict | until the verdict | accept, commit | push |
//! | `{source/partition}:cudlease:<client>` | string | token of the request that works on the operations | its expiry | accept, commit | accept, commit |
//! | `{source/partition}:made:<client>` | hash | temporary id → `=` and the id the back end gave, `!` and the version at which the device is told that it got none, or nothing while the create waits; empty field → number of the last push | as in `made-at`, and 90 days after the last create | accept, commit | accept, push |
//! | `{source/partition}:made-at:<client>` | sorted set | temporary ids of `made`, scored by when the create was taken in, in ms | entries: 90 days, the last 10 000; or until unbound | accept | accept |
//! | `{source/partition}:sent:<client>` | hash | a device's name for a change → digest of the change, and after a space its verdict (JSON), once it has one | as in `sent-at`, and 90 days after the last change | take in, commit | take in, devices' requests |
//! | `{source/partition}:sent-at:<client>` | sorted set | names of `sent`, scored by when the change was taken in, in ms | entries: 90 days, the last 10 000 | take in | take in |
//! | `{source/partition}:found:<client>` | list | a base, the position given out last, then what the client's search found: ids and attributes (JSON); base plus position is a token | one hour, or until unbound | search | search |
//! | `{source/partition}:held-names` | hash | object id → names of the attributes (JSON) that some client's search has found otherwise than the document has them | 90 days after the last search, or until the next good refresh; each id until a feed has brought the object to everybody | search | feed |
//! | `{source/partition}:held:<client>` | hash | object id → what the client's searches have found of it and the document need not have (JSON), as the client has changed it since; empty field → when it searched last, in ms | until the next query, or until unbound or started over | search, push, pull | pull, push |
//! | `{source/partition}:image` | string | the image that devices are told of which begin with this document (JSON), as in `image:<id>` | until devices are told of another, or as `image:<id>` | image jobs | devices that begin |
//! | `{source/partition}:image-sqlite` | string | the same of an image that is an SQLite file | as `{source/partition}:image` | image jobs | devices that begin |
//! | `{source/partition}:blobs` | hash | `o<object id>` → digests of the blobs it refers to, `d<digest>` → how many objects do | the partition's | commit | commit, downloads, blob collector |
//! | `{blobs}:<digest>` | hash | `size`, `type`, `place` of the content, `at` last upload in ms, `by:<user>` it is charged to, `in:<holder>` who may refer to it → when that was found not to be so, in ms, or nothing | until collected | settle, refer, blob collector | downloads, blob collector |
//! | `{blobs}:due` | sorted set | digests, scored by when to look at them, in ms | the blobs' | settle, refer, blob collector | blob collector |
//! | `{blobs}:gone` | sorted set | places of contents that are no blob's, scored by when to remove them, in ms | until removed | uploads, settle, blob collector | blob collector |
//! | `{blobs}:used` | hash | user → bytes charged | the blobs' | settle, blob collector | settle |
//! | `{blobs}:spool:<user>` | hash | upload → when it may be gone, in ms, and its bytes so far; or all of them, and the digest that it is to have, where it comes in parts | until its uploads have ended, or an hour after the last piece, or a day where they come in parts | uploads | uploads |
//! | `blob-content:<key>` | hash | number → piece of 512 KiB of a content; `pieces` that there are, and the `state` of their digest, where it came in parts | the blob's, or as `{blobs}:gone` says | uploads, blob collector | downloads |
//! | `bulk-data:<selection>` | string | what came of making this selection's bulk data file last (JSON): the file, until when it is handed out, and the version of each copy in it; or why there is none | as long as the file, or a minute | bulk data jobs | devices that ask for bulk data |
//! | `bulk-file:<selection>:<file>` | string | a bulk data file (JSON): where its content is, how it is cut into blocks, and whose it is | a day longer than it is handed out | bulk data jobs | downloads |
//! | `image:<id>` | string | an image (JSON): of which document, of which life and up to which version, where its content is, its bytes and their digest, and when it was made | an hour longer than devices are told of it | image jobs | downloads |
//! | `user:<user>` | hash | `pw` password hash, `gen` session generation, `at` creation in ms, `email`, `attrs` attributes (JSON), `rev` the last edit by an administrator, `part:<source>` → when its back end has said to which partition the user belongs, in ms, a space, and which, `claims` those that the identity provider says (JSON) and `claimed` until when its token is good, in ms, `cred` what the user has signed in with last, sealed with a key that the store does not know, where a back end is asked with that, `made` where the password is one that the first start has made, `out:<session>` → when that session was ended, for as long as it could have lasted; without `pw` and `gen` the user is being deleted | the user's | users | every request |
//! | `{audit}:administration`, `{audit}:routine` | stream | what administrators and scripts did (JSON): what is rare; data, pings and failed logins | entries: a year, the last 10 000; a year after the last | API and old administration, logins | `GET /audit` |
//! | `administrators` | sorted set | names of the administrators beside the first, in lexical order | until deleted | administrators | administrators |
//! | `administrator:<login>` | hash | `pw`, `gen`, `at`, `rev` and `made` as in `user:<user>`, `role`, `seen` last login in ms. The first administrator's is `user:rhoadmin`, as the old protocols know it | until deleted | administrators | logins to the API |
//! | `administrator:<login>:logins` | sorted set | ids of the tokens of an administrator's logins, scored by creation in ms; the last fifty | until deleted | logins to the API | logins to the API |
//! | `users` | sorted set | all user names, in lexical order | forever | users | users |
//! | `user:<user>:clients` | sorted set | ids of the user's clients, in lexical order | as `client:<client>` | clients | users |
//! | `client:<client>` | hash | `user`, `at`, the device's description, `session` by which it was last registered, `bound:<source>` → partition, `next:<source>` → offset of its next binding, a comma, and number of the last push that its former one has taken in, `reset:<source>` → when an administrator last let it start the source over, in ms, each later than the one before, and `reset` → the last of them | until deleted, or silent for twice the retention | clients, bind, collect | bind |
//! | `client-events:<client>` | list | what the client did lately (JSON), the newest first | 30 days after the last; the last 50 | instances, a moment after requests; push | administrators |
//! | `clients` | sorted set | ids of all clients, in lexical order | as `client:<client>` | clients | administrators |
//! | `clients-seen` | sorted set | ids of clients, scored by when they were last heard of, in ms | as `client:<client>`, or twice the retention | clients; instances, a moment after requests; collect | administrators |
//! | `clients-failing` | sorted set | `<client> <source>`, scored by since when what the client asks for fails, in ms | until it works, or as `client:<client>`, or twice the retention | as `clients-seen` | administrators |
//! | `changes-waiting` | sorted set | `<client> <source> <partition>` that has operations without a verdict, scored by since when the oldest waits, in ms; not those that a request works on and ends | until all have their verdict | push, jobs | administrators |
//! | `changes-waiting-for` | hash | entry of `changes-waiting` → what the back end said last | as there | push, jobs | administrators |
//! | `operations-waiting` | sorted set | `<number> <client> <source> <partition>` of operations without a verdict, each number in 16 hexadecimal digits, scored by when they were sent, in ms; not those that a request works on and ends | until they have their verdict, or somebody looks and they have | push, jobs, administrators | administrators |
//! | `changes-given-up` | sorted set | ids of the jobs that keep changes that were given up, scored by when those were sent, in ms | until done or discarded, or somebody looks and the job is gone; twice the retention longer than dead jobs after they were sent | push, jobs, collect, administrators | administrators |
//! | `changes-refused` | sorted set | `<version> <client> <source> <partition>` of refusals in outboxes, the version as the number above, scored by when the changes were sent, in ms | until somebody looks and the device was told, or twice the retention; the last 100 000 | push, jobs, collect, administrators | administrators |
//! | `clients-given-up` | sorted set | ids of clients, scored by when a change of theirs was last given up, in ms | as long as a dead job, or until none is left | push, jobs, administrators, collect | administrators |
//! | `given-up:<client>` | sorted set | ids of the jobs that keep the client's changes that were given up, scored by when that was, in ms | until done or discarded, and as long as a dead job after the last | push, jobs, administrators | administrators |
//! | `clients-due` | sorted set | ids of clients, scored by when to look whether they are still there, in ms | as `client:<client>` | clients, collect | collect |
//! | `documents-due` | sorted set | `<source> <partition>` of documents that have tombstones, scored by when to collect them, in ms | until a document has none | whoever deletes objects, collect | collect |
//! | `api-tokens` | sorted set | ids of scripts' API tokens, scored by creation in ms | until deleted | tokens | tokens |
//! | `api-token:<id>` | hash | `name`, `scopes`, `hash` (SHA-256 of the secret), `by` the administrator who has made it, `at`, `used`, `ends` | its expiry, or until deleted | tokens | every request of the API |
//! | `narrowed` | sorted set | source, space and partition of the copies of parts that devices have asked for by parameters, and of those that are made of several, scored by when the back end was last asked for them or they were made, in ms | until the copy is removed: with its last client, or after the retention | refresh, unbind | refresh |
//! | `{copies}:<source>` | hash | partition of a copy, but for those of parts and those made of several → number of its objects | the copies' | instances, a moment after a copy has changed | administrators |
//! | `{copies}:<source>:condition` | hash | `objects` in all copies, `at` when a back end was asked last in ms, `took` how long that took in ms, `error` what is wrong: kind, space, message, and `since` when in ms | as long as the source has a copy | as `{copies}:<source>` | administrators |
//! | `changed-documents` | stream | `d` → `<source> <partition>` that has changed, or `c` → client that follows others than before, for those who wait for news | the last 10 000 or so | whoever commits, syncs | event streams |
//! | `circuits` | hash | source → how often its back end did not answer since it last did, and until when it is left alone, in ms, or 0 | until it answers | calls of back ends | calls of back ends, `/metrics` |
//! | `registry` | hash | what administrators change at run time: `app-server` its URL, `source:<source>` → `user` or `app` for a source that is not in the settings, `poll:<source>` → seconds between queries, 0 or -1, `paused:<source>` if its back end is left alone, `edit:<source>` → its last edit by an administrator | forever | administrators, back ends that push to a new source | every request, at most once a second per instance |
//! | `application:<key>` | string or hash | a document of the application's own | until replaced or reset | administrators | administrators |
//! | `idempotency:<token>:<digest of a key>` | string | digest of a write, and a random text of the request that is at work on it, or what it was answered with | a day, a minute while it is at work | writes of the API | writes of the API |
//! | `{metrics}` | hash | name and labels of a metric, with spaces between → its number; a histogram's has as its last part the place of a bucket, or `us` | forever | every instance, a moment after it has counted; clients | `/metrics` |
//! | `{metrics}:minute:<number>` | hash | as `{metrics}`, of one minute since 1970; and `requests`, `failed`, `syncs`, `took <place of a bucket>` of all together | three hours | as `{metrics}` | statistics, the overview |
//! | `{metrics}:hour:<number>` | hash | as `{metrics}`, of one hour | 90 days | as `{metrics}` | statistics |
//! | `{metrics}:stats` | set | names of the old stats | forever | as `{metrics}`, where stats are on | stats |
//! | `{metrics}:stats:<name>` | sorted set | `<count>,<microseconds>:<minute>` or `<value>:<minute>`, scored by minute in Unix seconds | entries: seven days | as `{metrics}`, where stats are on | stats |
//! | `device-session:<id>` | hash | `n` number of the newest refresh token, `try` digest of what named the attempt that got it, `user`, `client`, `gen` generation of the user's sessions, `type` what the device says it is | 366 days after the last refresh, or until it ends | devices that sign in and refresh | refresh |
//! | `shut-out` | sorted set | ids and generations of sessions that have ended, and `reset:<client>:<ms>` for its access tokens that know of no later reset than that, scored by when, in ms | entries: 20 minutes | users, clients, sign-outs, resets | devices' requests, at most once a second per instance |
//! | `session-secret` | string | key that signs sessions where none is configured | forever | first start | every start |
//! | `login-failures:<kind>:<name>` | string | logins that failed lately at an account or from an address | the limiter's window | login | login |
//! | `verifications:<client>` | string | how often the client has had copies compared lately | a minute | verify | verify |
//! | `remembered-password:<user>`, `remembered-password:administrator:<login>` | string | what a password that was right lately is known again by | `remembered_seconds` | login | login |
//! | `{pings}` | sorted set | ids of pings that somebody sent, scored by when, in ms | entries: 30 days, the last 1 000 | pings | `GET /pings` |
//! | `{pings}:<id>` | hash | `at` in ms, `by`, `message`, `users`, `clients`, `delivered`, `failed`, `unreachable`, `error` what a service said last | 30 days, or as in `{pings}` | pings, push | `GET /pings` |
//! | `{pings}:services:<hour>` | hash | service and `delivered` or `failed`, with a space between → how many pushes in this hour since 1970 | 25 hours | push | console |
//! | `{pings}:said` | hash | service → what went wrong with its last push | until a push succeeds | push | console |
//! | `push-authorization:<service and key>` | string | token that proves to a push service who we are | until it ends | push | push |
//! | `key-set:<digest of an address>` | string | time in ms and the public keys (JWKS) that were found at that address | a day | sign-in | sign-in |
//! | `hook-event:<source>:<digest>` | string | that an event of a back end was taken in | a day | webhooks | webhooks |
//! | `subscription:<source>` | string | JSON of a source's callback at its back end: the back end's id, which settings have made it, when it was renewed, those that are still to be removed, and `hook`: what they are removed by, sealed with a key that the store does not know | until replaced or reset, or the callback of a source that is gone is removed | the job `subscribe` | the job `subscribe` |
//! | `subscriptions` | set | names of the sources that may have a callback at their back ends | as `subscription:<source>` | the job `subscribe` | collect |
//! | `grant:<digest>` | string | tokens that an authorization server gave for a grant of the settings, sealed with a key that the store does not know | a year after they were given | calls of back ends | calls of back ends |
//! | `grant-turn:<digest>` | string | who asks the authorization server for the next tokens of a grant | 25 seconds, or until they are there | calls of back ends | calls of back ends |
//! | `key-set-turn:<digest of an address>` | string | time in ms at which somebody last went to look for keys there | half a minute | sign-in | sign-in |

mod document;
#[cfg(test)]
mod tests;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sync_redis::KEY_PREFIX as PREFIX;

use crate::model::{ADMINISTRATOR, BlobId, ClientId, ImageId, SelectionId, SourceName, UserId};

pub(crate) use document::DocumentKeys;

/// What stays as it is in an encoded part: nothing that separates parts or tags slots.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'-')
    .remove(b'.')
    .remove(b'@')
    .remove(b'+')
    .remove(b'=');

fn encoded(part: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(part, PART)
}

/// The field of a document's index of blobs that counts who refers to one.
pub(crate) fn digest_field(blob: &BlobId) -> String {
    format!("d{blob}")
}

/// What is known of a blob. All that is known of blobs is in one slot.
pub(crate) fn blob(blob: &BlobId) -> String {
    format!("{PREFIX}:{{blobs}}:{blob}")
}

/// When to look at which blob.
pub(crate) fn blobs_due() -> String {
    format!("{PREFIX}:{{blobs}}:due")
}

/// When to remove the contents of which places.
pub(crate) fn blobs_gone() -> String {
    format!("{PREFIX}:{{blobs}}:gone")
}

/// Bytes charged by user.
pub(crate) fn blobs_used() -> String {
    format!("{PREFIX}:{{blobs}}:used")
}

/// A user's uploads that have not ended.
pub(crate) fn blobs_spool(user: &UserId) -> String {
    format!("{PREFIX}:{{blobs}}:spool:{}", encoded(user.as_str()))
}

/// A content, in pieces.
pub(crate) fn blob_content(key: &str) -> String {
    format!("{PREFIX}:blob-content:{}", encoded(key))
}

/// What came of making a selection's bulk data file.
pub(crate) fn bulk_data(selection: &SelectionId) -> String {
    format!("{PREFIX}:bulk-data:{selection}")
}

/// A bulk data file.
pub(crate) fn bulk_file(selection: &SelectionId, file: &BlobId) -> String {
    format!("{PREFIX}:bulk-file:{selection}:{file}")
}

/// An image.
pub(crate) fn image(id: &ImageId) -> String {
    format!("{PREFIX}:image:{id}")
}

/// A user's record.
pub(crate) fn user(user: &UserId) -> String {
    format!("{PREFIX}:user:{}", encoded(user.as_str()))
}

/// A log of what administrators and scripts did.
pub(crate) fn audit(kind: &str) -> String {
    format!("{PREFIX}:{{audit}}:{kind}")
}

/// The names of administrators, beside the first.
pub(crate) fn administrators() -> String {
    format!("{PREFIX}:administrators")
}

/// What the keys of all administrators begin with, but the first's record.
pub(crate) fn all_administrators() -> String {
    format!("{PREFIX}:administrator")
}

/// An administrator's record. The old protocols know the first one as a user.
pub(crate) fn administrator(login: &UserId) -> String {
    if login.as_str() == ADMINISTRATOR {
        user(login)
    } else {
        format!("{PREFIX}:administrator:{}", encoded(login.as_str()))
    }
}

/// The tokens of an administrator's logins.
pub(crate) fn administrator_logins(login: &str) -> String {
    format!("{PREFIX}:administrator:{}:logins", encoded(login))
}

/// All users.
pub(crate) fn users() -> String {
    format!("{PREFIX}:users")
}

/// A user's clients.
pub(crate) fn user_clients(user: &UserId) -> String {
    format!("{PREFIX}:user:{}:clients", encoded(user.as_str()))
}

/// The copies of parts of sources that devices have asked for.
pub(crate) fn narrowed() -> String {
    format!("{PREFIX}:narrowed")
}

/// Which back ends have failed lately.
pub(crate) fn circuits() -> String {
    format!("{PREFIX}:circuits")
}

/// What every key looks like, for `SCAN`.
pub(crate) fn pattern_of_all() -> String {
    format!("{PREFIX}:*")
}

/// A document of the application's own.
pub(crate) fn application_document(key: &str) -> String {
    format!("{PREFIX}:application:{}", encoded(key))
}

/// What is kept of a write of the API by its idempotency key.
pub(crate) fn idempotency(token: &str, digest: &str) -> String {
    format!(
        "{PREFIX}:idempotency:{}:{}",
        encoded(token),
        encoded(digest)
    )
}

/// All API tokens.
pub(crate) fn api_tokens() -> String {
    format!("{PREFIX}:api-tokens")
}

/// An API token.
pub(crate) fn api_token(id: &str) -> String {
    format!("{PREFIX}:api-token:{}", encoded(id))
}

/// The field of a user's record that says to which partition of a source the user belongs.
pub(crate) fn partition_field(source: &SourceName) -> String {
    format!("part:{source}")
}

/// The field of a user's record that says that one of its sessions has ended.
pub(crate) fn ended_session_field(session: &str) -> String {
    format!("out:{session}")
}

/// A client's record.
pub(crate) fn client(client: &ClientId) -> String {
    format!("{PREFIX}:client:{}", encoded(client.as_str()))
}

/// All clients.
pub(crate) fn clients() -> String {
    format!("{PREFIX}:clients")
}

/// When clients were last heard of.
pub(crate) fn clients_seen() -> String {
    format!("{PREFIX}:clients-seen")
}

/// Since when what clients ask for fails.
pub(crate) fn clients_failing() -> String {
    format!("{PREFIX}:clients-failing")
}

/// Which clients have changes that wait, since when.
pub(crate) fn changes_waiting() -> String {
    format!("{PREFIX}:changes-waiting")
}

/// What those wait for.
pub(crate) fn changes_waiting_for() -> String {
    format!("{PREFIX}:changes-waiting-for")
}

/// Operations that wait.
pub(crate) fn operations_waiting() -> String {
    format!("{PREFIX}:operations-waiting")
}

/// Changes that were given up.
pub(crate) fn changes_given_up() -> String {
    format!("{PREFIX}:changes-given-up")
}

/// Changes that were refused, and of which clients have yet to be told.
pub(crate) fn changes_refused() -> String {
    format!("{PREFIX}:changes-refused")
}

/// Which clients have changes that were given up.
pub(crate) fn clients_given_up() -> String {
    format!("{PREFIX}:clients-given-up")
}

/// The changes of a client that were given up.
pub(crate) fn given_up(client: &ClientId) -> String {
    format!("{PREFIX}:given-up:{}", encoded(client.as_str()))
}

/// What a client did lately.
pub(crate) fn client_events(client: &ClientId) -> String {
    format!("{PREFIX}:client-events:{}", encoded(client.as_str()))
}

/// When to look whether clients are still there.
pub(crate) fn clients_due() -> String {
    format!("{PREFIX}:clients-due")
}

/// When to collect the tombstones of documents.
pub(crate) fn documents_due() -> String {
    format!("{PREFIX}:documents-due")
}

/// What of a client's record belongs to one source.
pub(crate) enum ClientField {
    /// Its binding to a partition.
    Binding(SourceName),
    /// What goes with it to its next binding.
    Continuation(SourceName),
    /// That something could not be told to it.
    Untold,
    /// When an administrator last let it start the source over.
    Reset,
}

/// Tells what a field of a client's record is; `None` for what the device says of itself.
pub(crate) fn source_of_client_field(field: &str) -> Option<ClientField> {
    let (kind, source) = field.split_once(':')?;
    let source = SourceName::parse(source).ok()?;
    match kind {
        "bound" => Some(ClientField::Binding(source)),
        "next" => Some(ClientField::Continuation(source)),
        "untold" => Some(ClientField::Untold),
        "reset" => Some(ClientField::Reset),
        _ => None,
    }
}

/// The field of a client's record that holds its binding to a partition of the source.
pub(crate) fn binding_field(source: &SourceName) -> String {
    format!("bound:{source}")
}

/// The field of a client's record that holds what goes with it to its next binding to the source.
pub(crate) fn continuation_field(source: &SourceName) -> String {
    format!("next:{source}")
}

/// The field of a client's record that says when an administrator last let it start any source over.
pub(crate) const LAST_RESET: &str = "reset";

/// The field of a client's record that says when an administrator last let it start the source over.
pub(crate) fn reset_field(source: &SourceName) -> String {
    format!("{LAST_RESET}:{source}")
}

/// The field of a client's record that says that something could not be told to it in any copy of the source.
pub(crate) fn untold_field(source: &SourceName) -> String {
    format!("untold:{source}")
}

/// The copies of a source.
pub(crate) fn copies(source: &SourceName) -> String {
    format!("{PREFIX}:{{copies}}:{}", encoded(source.as_str()))
}

/// How a source is doing.
pub(crate) fn source_condition(source: &SourceName) -> String {
    format!("{PREFIX}:{{copies}}:{}:condition", encoded(source.as_str()))
}

/// What administrators change at run time.
pub(crate) fn registry() -> String {
    format!("{PREFIX}:registry")
}

/// The field of the registry that holds the app server's address.
pub(crate) const APP_SERVER_FIELD: &str = "app-server";

/// What the registry's fields of sources that are not in the settings begin with.
pub(crate) const SOURCE_FIELD_PREFIX: &str = "source:";

/// What the registry's fields of poll intervals begin with.
pub(crate) const POLL_INTERVAL_FIELD_PREFIX: &str = "poll:";

/// The field of the registry that holds a source that is not in the settings.
pub(crate) fn source_field(source: &SourceName) -> String {
    format!("{SOURCE_FIELD_PREFIX}{source}")
}

/// What the registry's fields of sources' last edits begin with.
pub(crate) const EDIT_FIELD_PREFIX: &str = "edit:";

/// The field of the registry that says which edit of a source was the last.
pub(crate) fn edit_field(source: &SourceName) -> String {
    format!("{EDIT_FIELD_PREFIX}{source}")
}

/// What the registry's fields of paused sources begin with.
pub(crate) const PAUSED_FIELD_PREFIX: &str = "paused:";

/// The field of the registry that says that a source is paused.
pub(crate) fn paused_field(source: &SourceName) -> String {
    format!("{PAUSED_FIELD_PREFIX}{source}")
}

/// The field of the registry that holds a source's poll interval.
pub(crate) fn poll_interval_field(source: &SourceName) -> String {
    format!("{POLL_INTERVAL_FIELD_PREFIX}{source}")
}

/// What is counted.
pub(crate) fn metrics() -> String {
    format!("{PREFIX}:{{metrics}}")
}

/// What was counted in a minute or an hour, by its number since 1970.
pub(crate) fn metrics_step(length: &str, number: u64) -> String {
    format!("{PREFIX}:{{metrics}}:{length}:{number}")
}

/// The names of the old stats.
pub(crate) fn stats_names() -> String {
    format!("{PREFIX}:{{metrics}}:stats")
}

/// The entries of an old stat.
pub(crate) fn stats(name: &str) -> String {
    format!("{PREFIX}:{{metrics}}:stats:{}", encoded(name))
}

/// The session of a device that speaks `/sync/v1`.
pub(crate) fn device_session(id: &str) -> String {
    format!("{PREFIX}:device-session:{}", encoded(id))
}

/// Which documents have changed lately, and who follows others than before.
pub(crate) fn changed_documents() -> String {
    format!("{PREFIX}:changed-documents")
}

/// Which sessions have ended lately.
pub(crate) fn shut_out() -> String {
    format!("{PREFIX}:shut-out")
}

/// The key that signs sessions.
pub(crate) fn session_secret() -> String {
    format!("{PREFIX}:session-secret")
}

/// Counts logins tried for an account or from an address.
pub(crate) fn login_failures(kind: &str, name: &str) -> String {
    format!("{PREFIX}:login-failures:{kind}:{}", encoded(name))
}

/// Counts how often a client has had copies compared.
pub(crate) fn verifications(client: &ClientId) -> String {
    format!("{PREFIX}:verifications:{client}")
}

/// What a user's password, which was right lately, is known again by.
pub(crate) fn remembered_password(user: &UserId) -> String {
    format!("{PREFIX}:remembered-password:{}", encoded(user.as_str()))
}

/// The same of an administrator's.
pub(crate) fn remembered_administrator_password(login: &UserId) -> String {
    format!(
        "{PREFIX}:remembered-password:administrator:{}",
        encoded(login.as_str())
    )
}

/// The pings that somebody sent.
pub(crate) fn pings() -> String {
    format!("{PREFIX}:{{pings}}")
}

/// A ping that somebody sent.
pub(crate) fn ping(id: &str) -> String {
    format!("{PREFIX}:{{pings}}:{}", encoded(id))
}

/// What push services did in an hour.
pub(crate) fn push_services(hour: u64) -> String {
    format!("{PREFIX}:{{pings}}:services:{hour}")
}

/// What went wrong with the last push of each service.
pub(crate) fn push_services_said() -> String {
    format!("{PREFIX}:{{pings}}:said")
}

/// A token that proves to a push service who we are.
pub(crate) fn push_authorization(name: &str) -> String {
    format!("{PREFIX}:push-authorization:{}", encoded(name))
}

/// Public keys of an identity provider.
pub(crate) fn key_set(digest: &str) -> String {
    format!("{PREFIX}:key-set:{digest}")
}

/// Says that somebody has lately looked for the keys.
pub(crate) fn key_set_turn(digest: &str) -> String {
    format!("{PREFIX}:key-set-turn:{digest}")
}

/// Says that an event of a source's back end was taken in.
pub(crate) fn hook_event(source: &SourceName, digest: &str) -> String {
    format!("{PREFIX}:hook-event:{}:{digest}", encoded(source.as_str()))
}

/// The sources that may have a callback at their back ends.
pub(crate) fn subscriptions() -> String {
    format!("{PREFIX}:subscriptions")
}

/// Tokens of one grant at an authorization server.
pub(crate) fn grant(digest: &str) -> String {
    format!("{PREFIX}:grant:{digest}")
}

/// Who asks for the next tokens of a grant.
pub(crate) fn grant_turn(digest: &str) -> String {
    format!("{PREFIX}:grant-turn:{digest}")
}

/// What is known of a source's callback at its back end.
pub(crate) fn subscription(source: &SourceName) -> String {
    format!("{PREFIX}:subscription:{}", encoded(source.as_str()))
}
