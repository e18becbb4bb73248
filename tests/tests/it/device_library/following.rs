//! Databases that are followed: what changes at the back end comes by itself, whatever becomes of the stream that tells of it.
//!
//! The clock of these devices stands still while that is what a test is about: then nothing comes by schedule.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use http::Method;
use sync_client::{
    Conversation, Database, Error, FollowEnd, FollowListener, HttpRequest, Options, Platform,
    SyncReport, SystemPlatform, Transport, TransportError, UreqTransport,
};
use tempfile::TempDir;
use test_support::{Deployment, until};

use super::proxy::Proxy;
use super::{App, SOURCES, attributes, deployment, path};

const MERGED: &str = "Merged";

/// A clock that goes, or stands still.
#[derive(Default)]
struct Clock {
    /// Where it stands; 0 while it goes.
    stands_ms: AtomicU64,
}

impl Clock {
    fn stop(&self) {
        let now_ms = SystemPlatform.elapsed_ms() + 1;
        self.stands_ms.store(now_ms, Ordering::Relaxed);
    }

    fn advance(&self, ms: u64) {
        self.stands_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Platform for Clock {
    fn now_ms(&self) -> u64 {
        SystemPlatform.now_ms()
    }

    fn elapsed_ms(&self) -> u64 {
        match self.stands_ms.load(Ordering::Relaxed) {
            0 => SystemPlatform.elapsed_ms(),
            stands_ms => stands_ms,
        }
    }

    fn random(&self, length: u32) -> Vec<u8> {
        SystemPlatform.random(length)
    }
}

/// One that hands over no pieces as they come.
struct Blocking(UreqTransport);

impl Transport for Blocking {
    fn send(&self, request: HttpRequest, to: Arc<Conversation>) -> Result<(), TransportError> {
        self.0.send(request, to)
    }
}

#[derive(Default)]
struct Reports(Mutex<Vec<SyncReport>>);

impl FollowListener for Reports {
    fn synced(&self, report: SyncReport) {
        self.0.lock().expect("no test has failed").push(report);
    }
}

/// An app that follows.
struct Follower {
    app: App,
    clock: Arc<Clock>,
    reports: Arc<Reports>,
    following: JoinHandle<Result<FollowEnd, Error>>,
}

impl Follower {
    fn of(url: &str, user: &str) -> Self {
        Self::with(url, user, Arc::new(UreqTransport::default()))
    }

    fn with(url: &str, user: &str, transport: Arc<dyn Transport>) -> Self {
        let folder = TempDir::new().expect("a folder");
        let clock = Arc::new(Clock::default());
        let platform: Arc<dyn Platform> = Arc::clone(&clock) as Arc<dyn Platform>;
        let options = Options::new(url, &SOURCES);
        let database = Database::open_on(&path(&folder), options, platform, Some(transport), None)
            .expect("to open a database");
        let app = App { folder, database };
        app.sign_in(user);
        let reports = Arc::new(Reports::default());
        let listener = Arc::clone(&reports) as Arc<dyn FollowListener>;
        let database = app.database.clone();
        let following = std::thread::spawn(move || database.follow(Some(listener)));
        Self {
            app,
            clock,
            reports,
            following,
        }
    }

    /// Waits until it has listened so often, and until nothing is due any more; from then on its clock stands.
    fn listens(&self, proxy: &Proxy, times: usize) {
        until("a stream to begin", || {
            (proxy.streams() >= times).then_some(())
        });
        self.clock.stop();
    }

    fn gets(&self, name: &str) {
        until(name, || {
            let rows = self
                .app
                .database
                .query("SELECT id FROM Merged WHERE name = ?", &[name.into()]);
            // No object has come yet: the view has no names.
            rows.is_ok_and(|rows| !rows.rows.is_empty()).then_some(())
        });
    }

    fn ends(self) -> FollowEnd {
        self.following
            .join()
            .expect("a thread that ends well")
            .expect("to follow")
    }
}

/// Another device makes an object.
fn make(deployment: &Deployment, name: &str) {
    let ben = App::of(deployment, "ben");
    ben.create(MERGED, attributes([("name", name)]));
    ben.sync();
}

#[test]
fn what_changes_at_the_back_end_comes_by_itself_and_what_is_done_goes_up() {
    let deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let anna = Follower::of(&proxy.url(), "anna");
    anna.listens(&proxy, 1);
    make(&deployment, "one");
    anna.gets("one");
    make(&deployment, "two");
    anna.gets("two");
    anna.app
        .create("Product", attributes([("name", "of Anna")]));
    until("her change to arrive", || {
        let products = deployment.back_end().objects("products");
        (products.len() == 4).then_some(())
    });
    assert_eq!(proxy.streams(), 1);
    // It is followed once at a time.
    assert!(matches!(
        anna.app.database.follow(None),
        Err(Error::Invalid { .. })
    ));
    until("a report of it", || {
        let reports = anna.reports.0.lock().unwrap();
        let has_applied = |report: &SyncReport| !report.applied.is_empty();
        reports.iter().any(has_applied).then_some(())
    });
    anna.app.database.unfollow();
    assert_eq!(anna.ends(), FollowEnd::Stopped);
}

#[test]
fn a_stream_that_is_cut_is_opened_again() {
    let deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let anna = Follower::of(&proxy.url(), "anna");
    until("a stream to begin", || (proxy.streams() == 1).then_some(()));
    proxy.cut_streams();
    anna.listens(&proxy, 2);
    make(&deployment, "one");
    anna.gets("one");
    anna.app.database.unfollow();
    anna.ends();
}

#[test]
fn a_server_that_was_killed_is_found_again() {
    let mut deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let anna = Follower::of(&proxy.url(), "anna");
    until("a stream to begin", || (proxy.streams() == 1).then_some(()));
    deployment.kill_host();
    // She goes on working.
    anna.app
        .create(MERGED, attributes([("name", "made offline")]));
    deployment.start_host();
    anna.listens(&proxy, 2);
    make(&deployment, "one");
    anna.gets("one");
    until("her change to arrive", || {
        anna.app
            .database
            .pending()
            .unwrap()
            .is_empty()
            .then_some(())
    });
    anna.app.database.unfollow();
    anna.ends();
}

#[test]
fn a_stream_that_is_silent_for_too_long_is_given_up() {
    let deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let anna = Follower::of(&proxy.url(), "anna");
    anna.listens(&proxy, 1);
    proxy.stall_streams();
    make(&deployment, "one");
    // Three signs of life should have come by now.
    anna.clock.advance(61_000);
    anna.app.create(MERGED, attributes([("name", "hers")]));
    anna.gets("one");
    until("another stream", || (proxy.streams() == 2).then_some(()));
    make(&deployment, "two");
    anna.gets("two");
    anna.app.database.unfollow();
    anna.ends();
}

#[test]
fn a_transport_that_cannot_stream_waits_in_its_syncs() {
    let deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let transport = Arc::new(Blocking(UreqTransport::default()));
    let anna = Follower::with(&proxy.url(), "anna", transport);
    anna.clock.stop();
    for name in ["one", "two"] {
        make(&deployment, name);
        anna.gets(name);
    }
    // A sync that waits does not keep what is new here from going up.
    anna.app
        .create("Product", attributes([("name", "of Anna")]));
    until("her change to arrive", || {
        let products = deployment.back_end().objects("products");
        (products.len() == 4).then_some(())
    });
    assert_eq!(proxy.streams(), 0);
    anna.app.database.unfollow();
    assert_eq!(anna.ends(), FollowEnd::Stopped);
}

#[test]
fn who_signs_out_does_not_follow_any_more() {
    let deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let anna = Follower::of(&proxy.url(), "anna");
    anna.listens(&proxy, 1);
    anna.app.database.sign_out().unwrap();
    assert_eq!(anna.ends(), FollowEnd::SignedOut);
    // Neither does who never was signed in.
    let nobody = App::new(&deployment.url());
    assert_eq!(nobody.database.follow(None).unwrap(), FollowEnd::SignedOut);
    // Nor one whose device an administrator has removed.
    let anna = Follower::of(&proxy.url(), "anna");
    until("a stream to begin", || (proxy.streams() == 2).then_some(()));
    let told: serde_json::Value =
        serde_json::from_str(&anna.app.database.diagnostics().unwrap()).unwrap();
    let client = told["client"].as_str().unwrap();
    let path = format!("/api/v1/clients/{client}");
    deployment.api().call(Method::DELETE, &path, None);
    assert_eq!(anna.ends(), FollowEnd::SignedOut);
}
