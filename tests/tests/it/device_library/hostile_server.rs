//! Whoever answers in the server's place: what he sends has no end, unpacks to too much, or leads elsewhere.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed"
)]

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use sync_client::{Ended, SyncOptions};

use super::proxy::{Fault, Proxy};
use super::{App, attributes, deployment};

const PRODUCT: &str = "Product";

/// More than a device takes of a line that does not end, and of what is on its way then.
const MOST_TAKEN: usize = 96 * 1024 * 1024;

/// An app with a change that nobody has got yet.
fn with_a_change(proxy: &Proxy) -> (App, String) {
    let anna = App::new(&proxy.url());
    anna.sign_in("anna");
    anna.sync();
    let id = anna.create(PRODUCT, attributes([("name", "unsent")]));
    (anna, id)
}

/// The change is still there, goes up once, and the copy is whole.
fn goes_on(anna: &App, id: &str, count: usize) {
    assert_eq!(anna.count(PRODUCT), count);
    assert_eq!(anna.database.pending().unwrap().len(), 1);
    assert_eq!(anna.database.user().unwrap().as_deref(), Some("anna"));
    let report = anna.sync();
    assert_eq!(report.applied.len(), 1, "{report:?}");
    assert_eq!(anna.value(PRODUCT, id, "name"), "unsent");
    let verify = SyncOptions {
        verify: true,
        ..SyncOptions::default()
    };
    let report = anna.database.sync_with(verify, None).unwrap();
    assert_eq!((report.mended, report.ended), (0, Ended::Complete));
}

#[test]
fn an_answer_that_does_not_end_is_cut_off() {
    const LINES: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";
    let deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let (mut anna, id) = with_a_change(&proxy);
    for (head, piece) in [
        (LINES, &[b' '; 1 << 16][..]),
        (LINES, b"<html>\n"),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"6\r\n\x1f\x8b\x08\n\x00\n\r\n",
        ),
        ("HTTP/1.1 500 Oh\r\n\r\n", &[b'x'; 1 << 16]),
        ("HTTP/1.1 401 No\r\n\r\n", &[b'x'; 1 << 16]),
        ("HTTP/1.1 200 OK\r\n", b"X-Header: more\r\n"),
    ] {
        // Every new connection begins at the begin.
        anna.restart(&proxy.url());
        proxy.passed();
        proxy.fail(Fault::Endless { head, piece });
        let report = anna.database.sync().unwrap();
        assert!(
            matches!(
                report.ended,
                Ended::Offline { .. } | Ended::ServerBusy { .. }
            ),
            "{head:?}: {report:?}"
        );
        test_support::until("the device to hang up", || proxy.has_failed().then_some(()));
        let taken = proxy.passed();
        assert!(taken < MOST_TAKEN, "{head:?}: {taken} bytes");
    }
    goes_on(&anna, &id, 4);
    assert_eq!(deployment.back_end().objects("products").len(), 4);
    deployment.back_end().assert_no_duplicates();
}

#[test]
fn lines_that_mean_nothing_and_never_end_are_left_at_the_deadline() {
    let deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let (mut anna, id) = with_a_change(&proxy);
    anna.restart(&proxy.url());
    proxy.fail(Fault::Endless {
        head: "HTTP/1.1 200 OK\r\n\r\n",
        piece: b"{\"of a newer server\":1}\n",
    });
    let in_time = SyncOptions {
        deadline_ms: Some(1_000),
        ..SyncOptions::default()
    };
    let report = anna.database.sync_with(in_time, None).unwrap();
    assert_eq!(report.ended, Ended::DeadlinePassed, "{report:?}");
    test_support::until("the device to hang up", || proxy.has_failed().then_some(()));
    goes_on(&anna, &id, 4);
}

#[test]
fn a_token_does_not_follow_where_an_answer_leads() {
    let deployment = deployment(3);
    let thief = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let elsewhere = thief.local_addr().unwrap();
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visits);
    // Ends with the test's process.
    thread::spawn(move || {
        for _ in thief.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let proxy = Proxy::before(&deployment.url());
    let (mut anna, id) = with_a_change(&proxy);
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Away\r\nLocation: http://{elsewhere}/sync/v1/sync\r\nContent-Length: 0\r\n\r\n"
        );
        anna.restart(&proxy.url());
        proxy.fail(Fault::Instead(answer.leak().as_bytes()));
        let report = anna.database.sync().unwrap();
        assert!(
            matches!(report.ended, Ended::Offline { .. }),
            "{status}: {report:?}"
        );
        assert!(proxy.has_failed());
    }
    goes_on(&anna, &id, 4);
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

/// What unpacks to a line of 300 MB.
pub(super) fn bomb() -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..300 {
        packed.write_all(&[b' '; 1_000_000]).unwrap();
    }
    packed.finish().unwrap()
}
