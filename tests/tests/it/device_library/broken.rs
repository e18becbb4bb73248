//! Answers that break off, are late, or are none.

use std::thread;

use sync_client::Ended;

use super::proxy::{Fault, Proxy};
use super::{App, attributes, deployment};

const PRODUCT: &str = "Product";

#[test]
fn an_answer_that_breaks_off_anywhere_loses_and_doubles_nothing() {
    let deployment = deployment(40);
    let proxy = Proxy::before(&deployment.url());
    let mut anna = App::new(&proxy.url());
    anna.sign_in("anna");
    let mut made = 0;
    for at in (0..).step_by(211) {
        made += 1;
        let id = anna.create(PRODUCT, attributes([("name", &*format!("number {made}"))]));
        // Every new connection begins at the begin.
        anna.restart(&proxy.url());
        proxy.fail(Fault::Cut(at));
        let report = anna.database.sync().unwrap();
        let has_failed = proxy.has_failed();
        proxy.calm();
        if has_failed {
            assert!(
                matches!(report.ended, Ended::Offline { .. }),
                "{at}: {:?}",
                report.ended
            );
        }
        anna.update(PRODUCT, &id, attributes([("brand", "later")]));
        anna.sync();
        assert_eq!(anna.count(PRODUCT), 40 + made);
        assert!(anna.database.pending().unwrap().is_empty());
        assert_eq!(anna.value(PRODUCT, &id, "brand"), "later");
        if !has_failed {
            break;
        }
    }
    assert!(made > 5, "only {made} answers broke off");
    deployment.back_end().assert_no_duplicates();
    assert_eq!(
        deployment.back_end().objects("products").len(),
        anna.count(PRODUCT)
    );
}

#[test]
fn what_is_not_the_servers_word_changes_nothing() {
    let deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let mut anna = App::new(&proxy.url());
    anna.sign_in("anna");
    anna.sync();
    let page = "<html>Log in to the hotel's network</html>";
    let answers = [
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>",
        "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n<html>",
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<html>",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"source\":\"Product\",\"deleted\":[\"1\"]\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"end\":{\"after\":30}}\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"end\":7}\n{\"source\":\"Product\",\"reset\":\"moved\",\"cursor\":null}\n",
        "not even HTTP",
    ];
    let id = anna.create(PRODUCT, attributes([("name", page)]));
    for answer in answers {
        for fault in [Fault::Instead(answer.as_bytes()), Fault::Garbled(answer)] {
            anna.restart(&proxy.url());
            proxy.fail(fault.clone());
            let report = anna.database.sync().unwrap();
            assert!(proxy.has_failed(), "{fault:?}");
            assert!(
                matches!(
                    report.ended,
                    Ended::Offline { .. } | Ended::ServerBusy { .. }
                ),
                "{fault:?}: {:?}",
                report.ended
            );
            assert_eq!(anna.count(PRODUCT), 4, "{fault:?}");
        }
    }
    anna.sync();
    assert_eq!(anna.value(PRODUCT, &id, "name"), page);
    assert_eq!(deployment.back_end().objects("products").len(), 4);
    deployment.back_end().assert_no_duplicates();
}

#[test]
fn a_sync_that_nobody_answers_can_be_cancelled() {
    let deployment = deployment(3);
    let proxy = Proxy::before(&deployment.url());
    let anna = App::new(&proxy.url());
    anna.sign_in("anna");
    proxy.fail(Fault::Silent);
    let database = anna.database.clone();
    let syncing = thread::spawn(move || database.sync());
    test_support::until("the answer to be held back", || {
        proxy.has_failed().then_some(())
    });
    anna.database.cancel();
    let report = syncing.join().unwrap().unwrap();
    assert_eq!(report.ended, Ended::Cancelled);
    anna.sync();
}
