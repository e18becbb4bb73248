//! What a plugin has, and what it should do.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Resources every partition has from the beginning: the sources of the tests' settings.
const RESOURCES: [&str; 4] = ["Probe", "ProbeApp", "Pass", "Blob"];

/// Those of them that everybody shares: whoever's call it is, it is about the one place.
const SHARED: [&str; 1] = ["ProbeApp"];

/// The partition of what everybody shares.
const EVERYBODY: &str = "__shared__";

/// Most calls that are remembered of a place; a test that asks for them has made fewer.
const MAX_CALLS: usize = 1_000;

/// Objects by id.
pub(super) type Objects = BTreeMap<String, Map<String, Value>>;

/// Everything, by resource and partition.
#[derive(Debug, Default)]
pub(super) struct State {
    places: BTreeMap<(String, String), Place>,
    pub(super) logins: BTreeMap<String, Login>,
    pub(super) login_calls: Vec<Call>,
    /// What an identity provider tells of its keys.
    pub(super) key_set: Option<Value>,
    /// What came for devices, where it stands in for a push service.
    pub(super) pushes: Vec<Push>,
    /// Pushes to come that it does not take.
    pub(super) push_refusals: VecDeque<PushRefusal>,
}

/// A push as it came.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Push {
    pub(super) token: String,
    pub(super) payload: Value,
}

/// Why a push is not taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushRefusal {
    pub(super) status: u16,
    /// Seconds.
    pub(super) retry_after: Option<u32>,
    #[serde(default)]
    pub(super) body: String,
}

/// One partition of one resource.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) objects: Objects,
    /// What a search finds; all objects where nothing is set.
    pub(super) found: Option<Objects>,
    pub(super) metadata: String,
    pub(super) schema: String,
    pub(super) answers: VecDeque<Answer>,
    pub(super) calls: VecDeque<Call>,
    last_id: u64,
    /// Answers of creates, by idempotency key.
    created: BTreeMap<String, String>,
}

/// What becomes of a login.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// The password that is right; any where none is set.
    pub(super) password: Option<String>,
    #[serde(default = "ok")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) body: String,
}

/// How calls are answered that are to come, in place of the usual.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// `query`, `create`, …; every call where nothing is named.
    pub(super) call: Option<String>,
    /// Nothing: as usual, but late.
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) body: String,
    /// How long it takes.
    #[serde(default)]
    pub(super) delay_ms: u64,
    /// Whether the call does what it usually does all the same: only its answer is another.
    #[serde(default)]
    pub(super) applies: bool,
    /// For how many calls this holds; 0: for all.
    #[serde(default = "once")]
    pub(super) times: u64,
}

const fn ok() -> u16 {
    200
}

const fn once() -> u64 {
    1
}

/// A call as it came.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Call {
    pub(super) call: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Value,
}

impl State {
    /// Whether there is such a resource: one of the settings, or one that something was set for.
    pub(super) fn has(&self, resource: &str, partition: &str) -> bool {
        RESOURCES.contains(&resource) || self.places.contains_key(&key(resource, partition))
    }

    pub(super) fn place(&mut self, resource: &str, partition: &str) -> &mut Place {
        self.places.entry(key(resource, partition)).or_default()
    }

    pub(super) fn forget(&mut self, resource: &str, partition: &str) {
        self.places.remove(&key(resource, partition));
    }
}

fn key(resource: &str, partition: &str) -> (String, String) {
    let is_shared = SHARED.contains(&resource);
    let partition = if is_shared { EVERYBODY } else { partition };
    (resource.to_owned(), partition.to_owned())
}

impl Place {
    /// Remembers a call.
    pub(super) fn note(&mut self, call: Call) {
        self.calls.push_back(call);
        if self.calls.len() > MAX_CALLS {
            self.calls.pop_front();
        }
    }

    /// The answer that was set for a call, if one was.
    pub(super) fn next_answer(&mut self, call: &str) -> Option<Answer> {
        let is_meant = |answer: &Answer| answer.call.as_deref().is_none_or(|meant| meant == call);
        let at = self.answers.iter().position(is_meant)?;
        let answer = self.answers.get_mut(at)?;
        let taken = answer.clone();
        match answer.times {
            0 => {}
            1 => drop(self.answers.remove(at)),
            _ => answer.times -= 1,
        }
        Some(taken)
    }

    /// Makes an object; the same key makes it once.
    pub(super) fn create(&mut self, key: &str, object: Map<String, Value>) -> String {
        if let Some(id) = self.created.get(key) {
            return id.clone();
        }
        self.last_id += 1;
        let id = format!("srv{}", self.last_id);
        self.objects.insert(id.clone(), object);
        if !key.is_empty() {
            self.created.insert(key.to_owned(), id.clone());
        }
        id
    }
}
