use std::cell::RefCell;
use std::collections::VecDeque;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::*;
use crate::rhoconnect::session::Session;
use crate::rhoconnect::transport::TransportError;

/// A server that answers from a list and remembers what it was asked.
#[derive(Default)]
struct Script {
    answers: RefCell<VecDeque<Option<Response<Bytes>>>>,
    asked: RefCell<Vec<(String, String)>>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Option<Response<Bytes>>>) -> Self {
        Self {
            answers: RefCell::new(answers.into_iter().collect()),
            ..Self::default()
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked
            .borrow()
            .iter()
            .map(|(line, _)| line.clone())
            .collect()
    }
}

impl Transport for Script {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let line = format!(
            "{} {}",
            request.method(),
            request.uri().path_and_query().unwrap()
        );
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        self.asked.borrow_mut().push((line, body));
        self.answers
            .borrow_mut()
            .pop_front()
            .expect("one request too many")
            .ok_or_else(|| TransportError("lost".into()))
    }
}

fn answer(status: u16, body: &str) -> Option<Response<Bytes>> {
    Some(
        Response::builder()
            .status(status)
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap(),
    )
}

fn page(token: &str, command: Value) -> Option<Response<Bytes>> {
    answer(
        200,
        &json!([{"version": 3}, {"token": token}, {"count": 1}, {"total_count": 2}, command])
            .to_string(),
    )
}

fn device(script: Script) -> DeviceClient<Script> {
    let mut session = Session::default();
    session.client_id = Some("c1".into());
    DeviceClient::new(script, "http://server/", session)
}

fn run(
    device: &mut DeviceClient<Script>,
    replica: &mut Replica,
) -> Result<SyncReport, ClientError> {
    device.sync(
        replica,
        SyncOptions {
            page_size: 10,
            ..SyncOptions::default()
        },
        &mut (),
    )
}

#[test]
fn a_run_pushes_and_then_pulls_until_nothing_is_left_to_acknowledge() {
    let mut device = device(Script::new([
        answer(200, ""),
        page("5", json!({"insert": {"1": {"a": "x"}}})),
        page("6", json!({"links": {"t": {"l": "2"}}})),
        page("", json!({})),
    ]));
    let mut replica = Replica::new("My source");
    replica.create_as("t", [("a", "y")]);
    let report = run(&mut device, &mut replica).unwrap();
    assert_eq!(
        (
            report.pushed.created,
            report.pages,
            report.applied.added.len()
        ),
        (1, 3, 1)
    );
    assert_eq!(replica.get("2").unwrap()["a"], "y");
    assert_eq!(
        device.transport().asked(),
        [
            "POST /app/v1/My%20source",
            "GET /app/v1/My%20source?p_size=10&version=3",
            "GET /app/v1/My%20source?p_size=10&version=3&token=5",
            "GET /app/v1/My%20source?p_size=10&version=3&token=6",
        ]
    );
    let body = &device.transport().asked.borrow()[0].1;
    assert_eq!(
        body,
        r#"{"source_name":"My source","client_id":"c1","create":{"t":{"a":"y"}}}"#
    );
}

#[test]
fn a_page_that_was_not_acknowledged_can_be_at_the_start_of_the_next_run() {
    let mut device = device(Script::new([
        page("5", json!({"insert": {"1": {"a": "x"}}})),
        None,
        page("", json!({})),
    ]));
    let mut replica = Replica::new("Product");
    assert!(run(&mut device, &mut replica).unwrap_err().is_offline());
    let options = SyncOptions {
        page_size: 10,
        start: Start::Acknowledge,
    };
    device.sync(&mut replica, options, &mut ()).unwrap();
    assert_eq!(
        device.transport().asked()[2],
        "GET /app/v1/Product?p_size=10&version=3&token=5"
    );
    assert_eq!(replica.token(), None);
}

#[test]
fn changes_stay_queued_when_the_push_or_its_answer_is_lost() {
    let mut device = device(Script::new([None, answer(200, ""), page("", json!({}))]));
    let mut replica = Replica::new("Product");
    replica.create_as("t", [("a", "x")]);
    assert!(run(&mut device, &mut replica).unwrap_err().is_offline());
    assert!(replica.has_changes());
    run(&mut device, &mut replica).unwrap();
    assert!(!replica.has_changes());
    let asked = device.transport().asked.borrow();
    assert_eq!(asked[0], asked[1]);
}

#[test]
fn refusals_are_told_apart() {
    let mut replica = Replica::new("Product");
    let mut refused = |status, body| {
        run(
            &mut device(Script::new([answer(status, body)])),
            &mut replica,
        )
        .unwrap_err()
    };
    assert!(matches!(
        refused(401, "Not authenticated"),
        ClientError::Unauthorized { .. }
    ));
    assert!(matches!(
        refused(500, "Unknown client"),
        ClientError::UnknownClient
    ));
    assert!(
        matches!(refused(503, "later"), ClientError::Refused { message, .. } if message == "later")
    );
    assert!(matches!(refused(200, "[]"), ClientError::Page(_)));
}

#[test]
fn a_new_schema_is_acknowledged_and_everything_read_anew() {
    let mut device = device(Script::new([
        page("5", json!({"schema-changed": "true"})),
        page("6", json!({"insert": {"old": {"a": "x"}}})),
        answer(200, ""),
        page("7", json!({"insert": {"1": {"a": "x"}}})),
        page("", json!({})),
    ]));
    let mut replica = Replica::new("Product");
    replica.apply(
        crate::rhoconnect::Page::parse(br#"[{"version":3},{"insert":{"old":{"a":"x"}}}]"#).unwrap(),
    );
    let report = run(&mut device, &mut replica).unwrap();
    assert!(report.applied.schema_changed);
    assert_eq!(
        replica.objects().map(|(id, _)| id).collect::<Vec<_>>(),
        ["1"]
    );
    let reset = device.transport().asked.borrow()[2].clone();
    assert_eq!(
        reset,
        (
            "POST /rc/v1/clients/c1/reset".into(),
            r#"{"sources":[{"name":"Product"}]}"#.into()
        )
    );
}

#[test]
fn a_server_that_does_not_take_the_acknowledgement_does_not_hold_the_device_for_ever() {
    let mut device = device(Script::new([page("5", json!({})), page("5", json!({}))]));
    assert!(matches!(
        run(&mut device, &mut Replica::new("Product")),
        Err(ClientError::Stuck(_))
    ));
}

#[test]
fn nothing_is_promised_before_it_is_saved() {
    struct FullDisk;
    impl SyncObserver for FullDisk {
        fn save(&mut self, _: &Replica) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let mut device = device(Script::new([page(
        "5",
        json!({"insert": {"1": {"a": "x"}}}),
    )]));
    let mut replica = Replica::new("Product");
    let error = device
        .sync(&mut replica, SyncOptions::default(), &mut FullDisk)
        .unwrap_err();
    assert!(matches!(error, ClientError::Save(_)));
    replica.create([("a", "x")]);
    assert!(matches!(
        device.sync(&mut replica, SyncOptions::default(), &mut FullDisk),
        Err(ClientError::Save(_))
    ));
    assert_eq!(
        device.transport().asked().len(),
        1,
        "neither an acknowledgement nor a push went out"
    );
}

#[test]
fn a_login_keeps_the_cookie_and_an_answer_may_renew_it() {
    let cookie = |value: &str| {
        let header = format!("rhoconnect_session={value}; path=/; HttpOnly");
        Some(
            Response::builder()
                .header("set-cookie", header)
                .body(Bytes::from_static(b"{\"client\":{\"client_id\":\"c9\"}}"))
                .unwrap(),
        )
    };
    let mut device = DeviceClient::new(
        Script::new([cookie("a"), cookie("b")]),
        "http://server",
        Session::default(),
    );
    device.login("demo", "secret").unwrap();
    assert_eq!(
        device.session().cookie_header().unwrap(),
        "rhoconnect_session=a"
    );
    device.create_client().unwrap();
    assert_eq!(
        device.session().cookie_header().unwrap(),
        "rhoconnect_session=b"
    );
    assert_eq!(device.session().client_id.as_deref(), Some("c9"));
    assert!(!format!("{:?}", device.session()).contains("session=b"));

    let mut device = DeviceClient::new(
        Script::new([answer(200, "")]),
        "http://server",
        Session::default(),
    );
    assert!(matches!(
        device.login("demo", "secret"),
        Err(ClientError::Incomplete { .. })
    ));
}
