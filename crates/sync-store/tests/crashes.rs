//! The app may be killed, and the power may go, at any write, sync or delete: the file opens, and has what was promised.
//!
//! A script of calls runs on a disk that records each of its steps. For each step the disk is ended there, and opened: the app sees
//! either what it saw before the call that was under way, or what it sees after it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that does not find what it looks for has failed; the environment says how many scripts there are"
)]

use std::env;
use std::fmt::Write as _;

use crash_disk::{Disk, End, System};
use sha2::{Digest as _, Sha256};
use sync_device::{Attributes, Change, Limits, Line, Op, Value};
use sync_store::{
    ChangeState, FileState, OpenOptions, Operation, SessionState, SourceSpec, Store, StoreError,
};

/// Scripts of a normal run, on each system: some seconds of a processor, and two thousand crashes.
const SCRIPTS: u64 = 1;

/// Calls of a script.
const CALLS: usize = 24;

const SOURCES: [&str; 2] = ["Product", "Order"];

/// How many files there may be, and their bytes together.
const FILES: u8 = 3;
const QUOTA: u64 = 1_300_000;

/// It is in every value of the first user.
const SECRET: &str = "the first user's own";

/// What an app does with its file.
#[derive(Debug, Clone)]
enum Call {
    Change(Vec<Operation>),
    /// A line of an answer came.
    Keep(String),
    /// A request goes up.
    Send,
    Session(SessionState),
    EraseFor(SessionState),
    BeginAnewAs(SessionState),
    Count(&'static str),
    Retry(String),
    Discard(String),
    AddFile(Vec<u8>),
    /// So much of a file is at the server.
    Sent(String, u64),
    WantFile(String),
    /// A part of a file came.
    File(String, Vec<u8>),
    EndFile(String),
    DropOrphans,
    /// The app ends as it should, and is started again.
    Reopen,
}

fn open(disk: &Disk) -> Result<Store, StoreError> {
    let searched = SourceSpec {
        name: "Product".to_owned(),
        indexes: vec![vec!["price".to_owned()]],
        search: vec!["name".to_owned()],
        ..SourceSpec::default()
    };
    let plain = SourceSpec {
        name: "Order".to_owned(),
        ..SourceSpec::default()
    };
    let options = OpenOptions {
        sources: vec![searched, plain],
        vfs: Some(Disk::VFS.to_owned()),
        ..OpenOptions::default()
    };
    Store::open(&disk.path("app.db"), &options)
}

/// Makes a call, the one with this number of its script.
fn make(store: &mut Store, disk: &Disk, call: &Call, number: usize) -> Result<(), StoreError> {
    match call {
        Call::Change(operations) => {
            let mut made = 0;
            store.change(operations, 0, || {
                made += 1;
                format!("c{number}-{made}")
            })
        }
        Call::Keep(line) => store.keep(&Line::parse(line.as_bytes()).unwrap()).map(drop),
        Call::Send => store.outgoing(Limits::default(), &[]).map(drop),
        Call::Session(session) => store.set_session(session),
        Call::EraseFor(session) => store.erase_for(session),
        Call::BeginAnewAs(session) => store.begin_anew_as(session),
        Call::Count(source) => store.count(source, number as u64).map(drop),
        Call::Retry(change) => {
            let ids = [format!("r{number}"), format!("o{number}")];
            store.retry(change, None, 0, [&ids[0], &ids[1]])
        }
        Call::Discard(change) => store.discard(change),
        Call::AddFile(content) => store
            .add_file(content, "text/plain", QUOTA, number as u64)
            .map(drop),
        Call::Sent(file, bytes) => store.note_sent(file, *bytes),
        Call::WantFile(file) => store.want_file(file, number as u64),
        Call::File(file, part) => {
            let at = store.file(file)?.map_or(0, |known| known.bytes);
            store.keep_file_part(file, at, part, QUOTA).map(drop)
        }
        Call::EndFile(file) => store.end_file(file, number as u64).map(drop),
        Call::DropOrphans => store.drop_orphans(u64::MAX / 2),
        Call::Reopen => {
            let before =
                std::mem::replace(store, Store::open(":memory:", &OpenOptions::default())?);
            drop(before);
            *store = open(disk)?;
            Ok(())
        }
    }
}

fn file(seed: u8) -> Vec<u8> {
    let line = format!("{SECRET} {seed}\n");
    line.repeat(usize::from(seed) * 9_000 + 1).into_bytes()
}

fn digest(content: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(content))
}

/// All that an app can see, and the cursors.
fn look(store: &Store) -> String {
    let mut seen = String::new();
    let session = store.session().unwrap();
    let tokens = (
        &session.user,
        &session.client,
        &session.access,
        &session.refresh,
        &session.attempt,
    );
    writeln!(seen, "{tokens:?}").unwrap();
    writeln!(seen, "{:?}", store.sources().unwrap()).unwrap();
    for source in SOURCES {
        writeln!(seen, "{source} {:?}", store.list(source, 1_000, 0).unwrap()).unwrap();
        writeln!(
            seen,
            "{:?}",
            store.sums(source).unwrap().map(|(cursor, _)| cursor)
        )
        .unwrap();
    }
    writeln!(
        seen,
        "found {:?}",
        store.search("Product", "made", 1_000).unwrap()
    )
    .unwrap();
    writeln!(seen, "files {:?}", store.file_counts().unwrap()).unwrap();
    for seed in 0..FILES {
        let content = file(seed);
        let digest = digest(&content);
        let known = store.file(&digest).unwrap();
        let here = store.read_file_from(&digest, 0, usize::MAX).unwrap();
        assert!(content.starts_with(&here));
        writeln!(seen, "{known:?} {}", here.len()).unwrap();
    }
    writeln!(seen, "open {:?}", store.open_changes().unwrap()).unwrap();
    writeln!(seen, "failed {:?}", store.failed_changes().unwrap()).unwrap();
    seen
}

/// Where two differ.
fn difference(seen: &str, expected: &str) -> String {
    let both = seen.chars().zip(expected.chars());
    let same = both.take_while(|(one, other)| one == other).count();
    let around = |text: &str| {
        let shown = text.chars().skip(same.saturating_sub(40));
        shown.take(200).collect::<String>()
    };
    format!("{:?} and not {:?}", around(seen), around(expected))
}

/// What one knows of a source has to be what is there.
fn assert_counted(store: &mut Store) {
    for source in SOURCES {
        assert!(
            !store.count(source, 0).unwrap(),
            "{source} is not as it was counted"
        );
    }
}

/// Makes calls up, by what there is.
struct Author {
    random: fastrand::Rng,
    last: u32,
}

impl Author {
    fn next(&mut self, store: &Store) -> Call {
        self.last += 1;
        match self.random.u8(..30) {
            0..=7 => Call::Change(
                (0..self.random.u8(1..4))
                    .map(|_| self.operation(store))
                    .collect(),
            ),
            8..=11 => Call::Keep(self.news()),
            12 | 13 => Call::Send,
            14..=16 => self.verdict(store),
            17 => Call::Keep(format!(
                r#"{{"source":"{}","reset":"restored","cursor":null}}"#,
                self.source()
            )),
            18 => Call::Session(self.session("first")),
            19 => Call::BeginAnewAs(self.session("first")),
            20 => Call::Count(self.source()),
            21 => self.of_failed(store),
            22 => Call::EraseFor(self.session("second")),
            23 | 24 => Call::AddFile(file(self.random.u8(..FILES))),
            25..=28 => self.of_file(store),
            _ => Call::Reopen,
        }
    }

    fn source(&mut self) -> &'static str {
        SOURCES[self.random.usize(..SOURCES.len())]
    }

    fn values(&mut self) -> Attributes {
        // Some go over several pages of the file.
        let length = [1, 1, 300][self.random.usize(..3)];
        let name = format!("made {} {}", self.last, SECRET.repeat(length));
        [
            ("name".to_owned(), name.as_str().into()),
            (
                "price".to_owned(),
                Value::Integer(self.random.u8(..).into()),
            ),
        ]
        .into()
    }

    fn operation(&mut self, store: &Store) -> Operation {
        let source = self.source();
        let there = store.list(source, 1_000, 0).unwrap();
        let (op, object, set) = match (self.random.choice(&there), self.random.u8(..4)) {
            (Some(object), 0 | 1) => (Op::Update, object.id.clone(), self.values()),
            (Some(object), 2) => (Op::Delete, object.id.clone(), Attributes::new()),
            _ => {
                let id = format!("made-{}-{}", self.last, self.random.u32(..));
                (Op::Create, id, self.values())
            }
        };
        Operation {
            source: source.to_owned(),
            object,
            change: Change::new(op, set, vec![]),
        }
    }

    fn news(&mut self) -> String {
        let mut objects = serde_json::Map::new();
        for _ in 0..self.random.u8(..4) {
            let id = self.random.u8(..9).to_string();
            let values = serde_json::to_value(self.values()).unwrap();
            objects.insert(id, values);
        }
        let deleted: Vec<_> = (0..self.random.u8(..2))
            .map(|_| self.random.u8(..9).to_string())
            .filter(|id| !objects.contains_key(id))
            .collect();
        serde_json::json!({
            "source": self.source(), "objects": objects, "deleted": deleted,
            "cursor": format!("cursor {}", self.last), "more": self.random.bool(),
        })
        .to_string()
    }

    fn verdict(&mut self, store: &Store) -> Call {
        let open = store.open_changes().unwrap();
        let sent = open.iter().filter(|it| it.state != ChangeState::Queued);
        let sent: Vec<_> = sent.collect();
        let Some(change) = self.random.choice(&sent) else {
            return Call::Send;
        };
        let id = &change.id;
        let verdict = match (self.random.u8(..4), change.change.op) {
            (0, _) => {
                serde_json::json!({"id": id, "status": "refused", "code": "refused", "message": "no"})
            }
            (1, _) => serde_json::json!({"id": id, "status": "accepted"}),
            (_, Op::Create) => {
                serde_json::json!({"id": id, "status": "applied", "object": format!("of the back end {}", self.last)})
            }
            _ => serde_json::json!({"id": id, "status": "applied", "object": change.object}),
        };
        Call::Keep(serde_json::json!({ "verdict": verdict }).to_string())
    }

    fn of_failed(&mut self, store: &Store) -> Call {
        let failed = store.failed_changes().unwrap();
        match self.random.choice(&failed) {
            Some(change) if self.random.bool() => Call::Retry(change.id.clone()),
            Some(change) => Call::Discard(change.id.clone()),
            None => Call::Send,
        }
    }

    fn of_file(&mut self, store: &Store) -> Call {
        let content = file(self.random.u8(..FILES));
        let digest = digest(&content);
        match store.file(&digest).unwrap() {
            Some(known) if known.state == FileState::Queued => {
                let sent = (known.sent + 100_000).min(known.bytes);
                Call::Sent(digest, sent)
            }
            Some(known) if known.state == FileState::Wanted => {
                let at = usize::try_from(known.bytes).unwrap();
                let end = content.len().min(at + 100_000);
                match at == content.len() {
                    true => Call::EndFile(digest),
                    false => Call::File(digest, content[at..end].to_vec()),
                }
            }
            Some(_) => Call::DropOrphans,
            None => Call::WantFile(digest),
        }
    }

    fn session(&mut self, user: &str) -> SessionState {
        SessionState {
            user: Some(user.to_owned()),
            client: Some(format!("client {}", self.last)),
            access: Some(format!("access {}", self.last)),
            refresh: Some(format!("refresh {}", self.last)),
            attempt: self.random.bool().then(|| format!("attempt {}", self.last)),
            ..SessionState::default()
        }
    }
}

/// Plays the script of a seed, with a crash at every step. Says how many there were.
fn play(system: System, seed: u64) -> u64 {
    let disk = Disk::new(system, seed);
    let mut author = Author {
        random: fastrand::Rng::with_seed(seed),
        last: 0,
    };
    let mut random = fastrand::Rng::with_seed(!seed);
    disk.record();
    let mut store = open(&disk).unwrap();
    let mut crashes = 0;
    let mut before = look(&store);
    // A file that is not whole yet is made as if nothing were there.
    for moment in disk.moments() {
        let disk = moment.end(End::PowerCut, random.u64(..));
        let store = open(&disk).unwrap();
        assert_eq!(look(&store), before, "seed {seed}, when it was made");
        crashes += 1;
    }
    for number in 0..CALLS {
        let call = author.next(&store);
        if make(&mut store, &disk, &call, number).is_err() {
            // It does not fit what is there.
            disk.moments();
            continue;
        }
        let after = look(&store);
        let moments = disk.moments();
        let last = moments.len();
        for (step, moment) in moments.into_iter().enumerate() {
            let end = [End::PowerCut, End::PowerCut, End::Kill][random.usize(..3)];
            let place =
                format!("{system:?}, seed {seed}, call {number}, step {step} of {last}: {end:?}");
            let disk = moment.end(end, random.u64(..));
            if random.u8(..4) == 0 {
                // It goes again while the file is mended.
                disk.end_after(random.u64(1..12), End::PowerCut);
                drop(open(&disk));
                disk.restart();
                crashes += 1;
            }
            let mut store = open(&disk).unwrap_or_else(|error| panic!("{place}: {error}"));
            let seen = look(&store);
            let is_promised = step + 1 == last;
            let is_right = seen == after || (seen == before && !is_promised);
            assert!(is_right, "{place}: {}", difference(&seen, &after));
            if matches!(call, Call::EraseFor(_)) && seen == after {
                assert!(!disk.has(SECRET.as_bytes()), "{place}: it can be read");
            }
            assert_counted(&mut store);
            crashes += 1;
        }
        before = after;
    }
    crashes
}

#[test]
fn a_crash_at_any_step_loses_nothing_that_was_promised() {
    let number = |name: &str| env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let seeds = match (
        number("RHOSYNC_CRASH_SEED"),
        number("RHOSYNC_CRASH_SCRIPTS"),
    ) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(scripts)) => {
            let first = u64::from(std::process::id()) << 32;
            first..first + scripts
        }
        (None, None) => 0..SCRIPTS,
    };
    let mut crashes = 0;
    for seed in seeds {
        for system in [System::Native, System::Browser] {
            crashes += play(system, seed);
        }
        if seed % 100 == 99 {
            eprintln!("{crashes} crashes up to script {seed}");
        }
    }
    eprintln!("{crashes} crashes");
    assert!(crashes > 100, "only {crashes}");
}
