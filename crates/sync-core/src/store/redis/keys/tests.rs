use super::*;
use crate::model::{DocumentId, ImageForm, Members, Narrowing, Partition, PartitionName};

#[test]
fn the_whole_key_space() {
    let user_id = UserId::parse("a:b/{c} ż").unwrap();
    let client_id = ClientId::parse("4fede851b186").unwrap();
    let source = SourceName::parse("Product").unwrap();
    let blob_id = BlobId::of(&[0xab; 32]);
    let shared = DocumentKeys::new(&DocumentId {
        source: source.clone(),
        partition: Partition::App,
    });
    let own = DocumentKeys::new(&DocumentId {
        source: source.clone(),
        partition: Partition::User(user_id.clone()),
    });
    let narrowing = Narrowing::by(None, &[("x".to_owned(), "1".to_owned())]).unwrap();
    let part = DocumentKeys::new(&DocumentId {
        source: source.clone(),
        partition: Partition::Narrowed(user_id.clone(), narrowing),
    });
    let named = DocumentKeys::new(&DocumentId {
        source: source.clone(),
        partition: Partition::Named(PartitionName::parse("a/b").unwrap()),
    });
    let members = vec![
        Partition::Named(PartitionName::parse("region/a,b").unwrap()),
        Partition::User(user_id.clone()),
    ];
    let combined = DocumentKeys::new(&DocumentId {
        source: source.clone(),
        partition: Partition::Combined(Members::new(members).unwrap()),
    });
    let keys = [
        part.head(),
        named.head(),
        combined.head(),
        narrowed(),
        changed_documents(),
        circuits(),
        device_session("0f1e"),
        shut_out(),
        shared.head(),
        shared.log(),
        shared.records(),
        shared.tombstones(),
        shared.clients(),
        shared.refresh_lease(),
        shared.progress(),
        shared.seen(),
        own.outbox(&client_id),
        own.operations(&client_id),
        own.operations_lease(&client_id),
        own.creates(&client_id),
        own.creates_by_time(&client_id),
        own.sent(&client_id),
        own.sent_by_time(&client_id),
        own.found(&client_id),
        own.held(&client_id),
        own.held_names(),
        shared.blobs(),
        shared.image(ImageForm::Ndjson),
        shared.image(ImageForm::Sqlite),
        image(&ImageId::parse("0123456789abcdef".repeat(2)).unwrap()),
        digest_field(&blob_id),
        blob(&blob_id),
        blobs_due(),
        blobs_gone(),
        blobs_used(),
        blobs_spool(&user_id),
        blob_content("0f1e"),
        user(&user_id),
        audit("routine"),
        administrators(),
        administrator(&user_id),
        administrator(&UserId::parse(ADMINISTRATOR).unwrap()),
        administrator_logins(user_id.as_str()),
        users(),
        user_clients(&user_id),
        client(&client_id),
        clients(),
        clients_seen(),
        clients_failing(),
        client_events(&client_id),
        changes_waiting(),
        changes_waiting_for(),
        operations_waiting(),
        changes_given_up(),
        changes_refused(),
        clients_given_up(),
        given_up(&client_id),
        clients_due(),
        documents_due(),
        binding_field(&source),
        continuation_field(&source),
        untold_field(&source),
        copies(&source),
        source_condition(&source),
        device_session("0f1e"),
        shut_out(),
        registry(),
        source_field(&source),
        poll_interval_field(&source),
        paused_field(&source),
        api_tokens(),
        api_token("7"),
        ended_session_field("8"),
        application_document("a b"),
        idempotency("7", "d"),
        metrics(),
        metrics_step("minute", 29_000_000),
        stats_names(),
        stats("http:GET:"),
        session_secret(),
        login_failures("account", "a:b"),
        verifications(&client_id),
        remembered_password(&user_id),
        remembered_administrator_password(&user_id),
        pings(),
        ping("7"),
        push_services(8),
        push_services_said(),
        push_authorization("apns:T:K"),
        key_set("d"),
        key_set_turn("d"),
        hook_event(&source, "d"),
        subscription(&source),
        subscriptions(),
        grant("d"),
        grant_turn("d"),
    ];
    insta::assert_snapshot!(keys.join("\n"), @r"
    rhosync:1:{Product/narrowed/a%3Ab%2F%7Bc%7D%20%C5%BC/4ee974b19b5ba4f3c3a07803a0a3f258}:head
    rhosync:1:{Product/named/a%2Fb}:head
    rhosync:1:{Product/combined/named/region%2Fa%2Cb,user/a%3Ab%2F%7Bc%7D%20%C5%BC}:head
    rhosync:1:narrowed
    rhosync:1:changed-documents
    rhosync:1:circuits
    rhosync:1:device-session:0f1e
    rhosync:1:shut-out
    rhosync:1:{Product/app}:head
    rhosync:1:{Product/app}:log
    rhosync:1:{Product/app}:rec
    rhosync:1:{Product/app}:tomb
    rhosync:1:{Product/app}:clients
    rhosync:1:{Product/app}:lease
    rhosync:1:{Product/app}:progress
    rhosync:1:{Product/app}:seen
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:out:4fede851b186
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:cud:4fede851b186
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:cudlease:4fede851b186
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:made:4fede851b186
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:made-at:4fede851b186
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:sent:4fede851b186
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:sent-at:4fede851b186
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:found:4fede851b186
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:held:4fede851b186
    rhosync:1:{Product/user/a%3Ab%2F%7Bc%7D%20%C5%BC}:held-names
    rhosync:1:{Product/app}:blobs
    rhosync:1:{Product/app}:image
    rhosync:1:{Product/app}:image-sqlite
    rhosync:1:image:0123456789abcdef0123456789abcdef
    dabababababababababababababababababababababababababababababababab
    rhosync:1:{blobs}:abababababababababababababababababababababababababababababababab
    rhosync:1:{blobs}:due
    rhosync:1:{blobs}:gone
    rhosync:1:{blobs}:used
    rhosync:1:{blobs}:spool:a%3Ab%2F%7Bc%7D%20%C5%BC
    rhosync:1:blob-content:0f1e
    rhosync:1:user:a%3Ab%2F%7Bc%7D%20%C5%BC
    rhosync:1:{audit}:routine
    rhosync:1:administrators
    rhosync:1:administrator:a%3Ab%2F%7Bc%7D%20%C5%BC
    rhosync:1:user:rhoadmin
    rhosync:1:administrator:a%3Ab%2F%7Bc%7D%20%C5%BC:logins
    rhosync:1:users
    rhosync:1:user:a%3Ab%2F%7Bc%7D%20%C5%BC:clients
    rhosync:1:client:4fede851b186
    rhosync:1:clients
    rhosync:1:clients-seen
    rhosync:1:clients-failing
    rhosync:1:client-events:4fede851b186
    rhosync:1:changes-waiting
    rhosync:1:changes-waiting-for
    rhosync:1:operations-waiting
    rhosync:1:changes-given-up
    rhosync:1:changes-refused
    rhosync:1:clients-given-up
    rhosync:1:given-up:4fede851b186
    rhosync:1:clients-due
    rhosync:1:documents-due
    bound:Product
    next:Product
    untold:Product
    rhosync:1:{copies}:Product
    rhosync:1:{copies}:Product:condition
    rhosync:1:device-session:0f1e
    rhosync:1:shut-out
    rhosync:1:registry
    source:Product
    poll:Product
    paused:Product
    rhosync:1:api-tokens
    rhosync:1:api-token:7
    out:8
    rhosync:1:application:a%20b
    rhosync:1:idempotency:7:d
    rhosync:1:{metrics}
    rhosync:1:{metrics}:minute:29000000
    rhosync:1:{metrics}:stats
    rhosync:1:{metrics}:stats:http%3AGET%3A
    rhosync:1:session-secret
    rhosync:1:login-failures:account:a%3Ab
    rhosync:1:verifications:4fede851b186
    rhosync:1:remembered-password:a%3Ab%2F%7Bc%7D%20%C5%BC
    rhosync:1:remembered-password:administrator:a%3Ab%2F%7Bc%7D%20%C5%BC
    rhosync:1:{pings}
    rhosync:1:{pings}:7
    rhosync:1:{pings}:services:8
    rhosync:1:{pings}:said
    rhosync:1:push-authorization:apns%3AT%3AK
    rhosync:1:key-set:d
    rhosync:1:key-set-turn:d
    rhosync:1:hook-event:Product:d
    rhosync:1:subscription:Product
    rhosync:1:subscriptions
    rhosync:1:grant:d
    rhosync:1:grant-turn:d
    ");
}
