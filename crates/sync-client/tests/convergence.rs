//! Devices on a network that loses requests and answers, against a server so simple that it is obviously
//! right: once the network holds, every device has what the server has.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed test is what a panic means here"
)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Method, Request, Response};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sync_client::rhoconnect::{
    Attributes, DeviceClient, Objects, Replica, Session, Start, SyncOptions, Transport,
    TransportError,
};

const DEVICES: usize = 3;
const PAGE_SIZE: u32 = 2;

/// One object of the server, or what is left of it.
#[derive(Default)]
struct Record {
    version: u64,
    /// None: removed.
    attributes: Option<Attributes>,
    /// All attributes it ever had.
    names: BTreeSet<String>,
}

/// What waits for one client besides objects.
struct Note {
    version: u64,
    command: Value,
}

#[derive(Default)]
struct Server {
    version: u64,
    records: BTreeMap<String, Record>,
    /// The object that each create has made, by temporary id; none when it was refused.
    creates: BTreeMap<String, Option<String>>,
    notes: BTreeMap<String, Vec<Note>>,
    cursors: BTreeMap<String, u64>,
}

impl Server {
    fn next_version(&mut self) -> u64 {
        self.version = (self.version + 1).max(2);
        self.version
    }

    fn objects(&self) -> Objects {
        let present =
            |(id, record): (&String, &Record)| Some((id.clone(), record.attributes.clone()?));
        self.records.iter().filter_map(present).collect()
    }

    fn set(&mut self, id: &str, attributes: Option<Attributes>) {
        let version = self.next_version();
        let record = self.records.entry(id.to_owned()).or_default();
        record.version = version;
        record
            .names
            .extend(attributes.iter().flat_map(Attributes::keys).cloned());
        record.attributes = attributes;
    }

    fn note(&mut self, client: &str, command: Value) {
        let version = self.next_version();
        self.notes
            .entry(client.to_owned())
            .or_default()
            .push(Note { version, command });
    }

    fn refuse(&mut self, client: &str, operation: &str, id: &str, sent: &Attributes) {
        self.note(
            client,
            json!({operation: {id: sent, format!("{id}-error"): {"message": "no"}}}),
        );
    }

    fn push(&mut self, client: &str, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap();
        let sent = |operation: &str| -> Objects {
            body.get(operation).map_or_else(Objects::new, |sent| {
                serde_json::from_value(sent.clone()).unwrap()
            })
        };
        for values in sent("create").values().chain(sent("update").values()) {
            let names_linked = |value| matches!(self.creates.get(value), Some(Some(_)));
            assert!(
                !values.values().any(names_linked),
                "a reference was sent with a temporary id: {values:?}"
            );
        }
        for (temporary, attributes) in sent("create") {
            if self.creates.contains_key(&temporary) {
                continue;
            }
            if is_bad(&attributes) {
                self.creates.insert(temporary.clone(), None);
                self.refuse(client, "create-error", &temporary, &attributes);
                continue;
            }
            assert!(
                !attributes
                    .values()
                    .any(|value| matches!(self.creates.get(value), Some(Some(_))))
            );
            let id = format!("srv{}", self.version);
            self.creates.insert(temporary.clone(), Some(id.clone()));
            self.set(&id, Some(attributes));
            self.note(client, json!({"links": {temporary: {"l": id}}}));
        }
        for (id, values) in sent("update") {
            assert!(
                !self.creates.contains_key(&id),
                "the back end does not know temporary ids"
            );
            let old = self
                .records
                .get(&id)
                .and_then(|record| record.attributes.clone());
            match old {
                Some(mut attributes) if !is_bad(&values) => {
                    attributes.extend(values);
                    self.set(&id, Some(attributes));
                }
                old => {
                    self.refuse(client, "update-error", &id, &values);
                    if let Some(old) = old {
                        self.note(client, json!({"update-rollback": {&id: &old}}));
                        // The object is sent again, as the rollback may be older than what the device has.
                        self.set(&id, Some(old));
                    } else {
                        self.set(&id, None);
                    }
                }
            }
        }
        for (id, attributes) in sent("delete") {
            assert!(
                !self.creates.contains_key(&id),
                "the back end does not know temporary ids"
            );
            let old = self
                .records
                .get(&id)
                .and_then(|record| record.attributes.clone());
            match old {
                Some(old) if old.contains_key("kept") => {
                    self.refuse(client, "delete-error", &id, &attributes);
                    self.set(&id, Some(old));
                }
                _ => self.set(&id, None),
            }
        }
    }

    fn pull(&mut self, client: &str, token: Option<u64>) -> Value {
        let cursor = self.cursors.entry(client.to_owned()).or_default();
        *cursor = (*cursor).max(token.unwrap_or_default());
        let cursor = *cursor;
        let mut due: Vec<(u64, Value)> = self
            .records
            .iter()
            .map(|(id, record)| {
                let names: Attributes = record
                    .names
                    .iter()
                    .map(|name| (name.clone(), String::new()))
                    .collect();
                let mut command = json!({"delete": {id: names}});
                if let Some(attributes) = &record.attributes {
                    command["insert"] = json!({id: attributes});
                }
                (record.version, command)
            })
            .collect();
        let notes = self.notes.entry(client.to_owned()).or_default();
        due.extend(
            notes
                .iter()
                .map(|note| (note.version, note.command.clone())),
        );
        due.retain(|(version, _)| *version > cursor);
        due.sort_by_key(|(version, _)| *version);
        due.truncate(PAGE_SIZE as usize);
        let token = due
            .last()
            .map_or(String::new(), |(version, _)| version.to_string());
        let mut page = json!({});
        due.into_iter()
            .for_each(|(_, command)| merge(&mut page, command));
        json!([{"version": 3}, {"token": token}, {"count": 0}, {"total_count": 0}, page])
    }
}

fn is_bad(attributes: &Attributes) -> bool {
    attributes.values().any(|value| value == "bad")
}

fn merge(page: &mut Value, command: Value) {
    let page = page.as_object_mut().unwrap();
    for (key, objects) in command.as_object().unwrap() {
        let slot = page.entry(key).or_insert_with(|| Value::Object(Map::new()));
        slot.as_object_mut()
            .unwrap()
            .extend(objects.as_object().unwrap().clone());
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    Nothing,
    Request,
    Answer,
}

/// The way of one device to the server.
struct Network<'a> {
    server: &'a RefCell<Server>,
    /// What is lost next, and after how many requests that go well.
    loss: Cell<(Loss, usize)>,
    /// Whether something was lost since this was last asked.
    has_lost: Cell<bool>,
}

impl Transport for Network<'_> {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (loss, distance) = self.loss.get();
        let loss = if distance == 0 { loss } else { Loss::Nothing };
        if distance > 0 {
            self.loss.set((self.loss.get().0, distance - 1));
        }
        let lost = || {
            self.has_lost.set(true);
            TransportError("lost".into())
        };
        if loss == Loss::Request {
            return Err(lost());
        }
        let client = request.headers()["x-rhoconnect-client-id"]
            .to_str()
            .unwrap();
        let mut server = self.server.borrow_mut();
        let body = if request.method() == Method::POST {
            server.push(client, request.body());
            String::new()
        } else {
            let token = request.uri().query().unwrap().split("&token=").nth(1);
            server
                .pull(client, token.map(|token| token.parse().unwrap()))
                .to_string()
        };
        if loss == Loss::Answer {
            Err(lost())
        } else {
            Ok(Response::new(body.into()))
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Create {
        device: usize,
        name: &'static str,
    },
    Refer {
        device: usize,
        object: usize,
    },
    Update {
        device: usize,
        object: usize,
        name: &'static str,
        value: &'static str,
    },
    Delete {
        device: usize,
        object: usize,
    },
    Sync {
        device: usize,
        start: Start,
        loss: Loss,
        distance: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let device = || 0..DEVICES;
    let object = || 0..8_usize;
    let value = || prop::sample::select(&["x", "y", "bad"][..]);
    prop_oneof![
        (device(), prop::sample::select(&["name", "kept"][..]))
            .prop_map(|(device, name)| Step::Create { device, name }),
        (device(), object()).prop_map(|(device, object)| Step::Refer { device, object }),
        (
            device(),
            object(),
            prop::sample::select(&["name", "more"][..]),
            value()
        )
            .prop_map(|(device, object, name, value)| Step::Update {
                device,
                object,
                name,
                value
            }),
        (device(), object()).prop_map(|(device, object)| Step::Delete { device, object }),
        (
            device(),
            prop::sample::select(vec![Start::Silent, Start::Acknowledge]),
            prop::sample::select(vec![Loss::Nothing, Loss::Request, Loss::Answer]),
            0..4_usize
        )
            .prop_map(|(device, start, loss, distance)| Step::Sync {
                device,
                start,
                loss,
                distance
            }),
    ]
}

fn some_id(replica: &Replica, object: usize) -> Option<String> {
    let ids: Vec<&str> = replica.objects().map(|(id, _)| id).collect();
    ids.get(object).map(|id| (*id).to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn devices_converge_whatever_is_lost(steps in prop::collection::vec(step(), 0..60)) {
        let server = RefCell::new(Server::default());
        let mut devices: Vec<_> = (0..DEVICES)
            .map(|number| {
                let mut session = Session::default();
                session.client_id = Some(format!("c{number}"));
                let network = Network { server: &server, loss: Cell::new((Loss::Nothing, 0)), has_lost: Cell::default() };
                (DeviceClient::new(network, "http://server", session), Replica::new("Product"))
            })
            .collect();
        let options = |start| SyncOptions { page_size: PAGE_SIZE, start };

        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Create { device, name } => {
                    devices[device].1.create_as(format!("tmp{number}"), [(name, "x")]);
                }
                Step::Refer { device, object } => {
                    let replica = &mut devices[device].1;
                    if let Some(id) = some_id(replica, object) {
                        replica.create_as(format!("tmp{number}"), [("of", id)]);
                    }
                }
                Step::Update { device, object, name, value } => {
                    let replica = &mut devices[device].1;
                    if let Some(id) = some_id(replica, object) {
                        replica.update(&id, [(name, value)]);
                    }
                }
                Step::Delete { device, object } => {
                    let replica = &mut devices[device].1;
                    if let Some(id) = some_id(replica, object) {
                        replica.delete(&id);
                    }
                }
                Step::Sync { device, start, loss, distance } => {
                    let (client, replica) = &mut devices[device];
                    client.transport().loss.set((loss, distance));
                    let outcome = client.sync(replica, options(start), &mut ());
                    prop_assert_eq!(outcome.is_err(), client.transport().has_lost.take(), "{:?}", outcome);
                    client.transport().loss.set((Loss::Nothing, 0));
                }
            }
        }

        // A chain of references goes up link by link, so some devices need several runs to be done.
        while devices.iter().any(|(_, replica)| replica.has_changes()) {
            for (client, replica) in &mut devices {
                let before = replica.clone();
                let report = client.sync(replica, options(Start::Silent), &mut ()).unwrap();
                let idle = report.pushed.total() == 0 && *replica == before;
                if idle {
                    prop_assert!(!replica.has_changes(), "stuck with {replica:?}");
                }
            }
        }
        for (client, replica) in &mut devices {
            client.sync(replica, options(Start::Silent), &mut ()).unwrap();
            let seen: Objects = replica.objects().map(|(id, object)| (id.to_owned(), object.into_owned())).collect();
            prop_assert_eq!(&seen, &server.borrow().objects());
        }
    }
}
