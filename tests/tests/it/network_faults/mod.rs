//! What is between the host and Redis fails, and Redis itself: at every command of a sync and of a login. Nothing a device was
//! told is taken in gets lost, nothing is done twice, and nobody waits for what does not come.

mod requests;

use http::{Method, StatusCode, header};
use serde_json::json;
use sync_proto::ERROR_CODE_HEADER;
use test_support::{
    Deployment, Device, NetworkFault, Options, Source, TestRedis, converge, password_of, until,
};

use crate::faults::{Work, converge_two, is_unavailable, two_devices};

const PRODUCT: &str = "Product";

/// Components give a silent Redis up soon, so that the tests do not take long; the host has more patience.
const IMPATIENT: Options = Options {
    products: 120,
    is_durable: false,
    has_network: true,
    redis_timeout_ms: 500,
    settings: "",
    manifest: "",
    instance_memory_bytes: 128 * 1024 * 1024,
    admin_password: test_support::ADMIN_PASSWORD,
    session_secret: "",
};

/// A sync may fail only in ways that devices have to live with.
fn sync(device: &mut Device) {
    if let Err(error) = device.sync(PRODUCT) {
        assert!(is_unavailable(&error), "{error}");
    }
}

#[test]
fn a_network_that_fails_at_any_command_of_a_push_loses_and_doubles_nothing() {
    let deployment = Deployment::start(IMPATIENT);
    let mut devices = two_devices(&deployment);
    for fault in NetworkFault::ALL {
        for at in 1.. {
            let work = Work::queue(&mut devices[0], &format!("{fault:?} {at}"));
            deployment.network().strike(at, fault);
            sync(&mut devices[0]);
            let has_struck = deployment.network().calm();
            deployment.expire_leases();
            converge_two(&deployment, &mut devices);
            work.assert_done(deployment.back_end());
            deployment.back_end().assert_no_duplicates();
            if !has_struck {
                assert!(at > 10, "{fault:?} struck only {} commands", at - 1);
                break;
            }
        }
    }
}

#[test]
fn a_network_that_fails_at_any_command_of_a_first_sync_costs_nothing_but_time() {
    let deployment = Deployment::start(IMPATIENT);
    deployment.create_user("anna");
    for fault in NetworkFault::ALL {
        for at in 1.. {
            let mut device = deployment.device("anna");
            deployment.network().strike(at, fault);
            sync(&mut device);
            let has_struck = deployment.network().calm();
            deployment.expire_leases();
            converge(&deployment, Source::PRODUCTS, &mut [&mut device]);
            if !has_struck {
                assert!(at > 5, "{fault:?} struck only {} commands", at - 1);
                break;
            }
        }
    }
}

#[test]
fn a_network_that_fails_at_any_command_of_a_login_leaves_a_user_who_can_log_in() {
    let deployment = Deployment::start(IMPATIENT);
    deployment.create_user("anna");
    let rest = deployment.rest();
    let log_in = |password: &str| {
        let login = json!({"login": "anna", "password": password}).to_string();
        rest.send(Method::POST, "/rc/v1/app/login", login)
    };
    for fault in NetworkFault::ALL {
        for at in 1.. {
            deployment.network().strike(at, fault);
            let status = log_in(&password_of("anna")).status();
            let has_struck = deployment.network().calm();
            let expected = [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE];
            assert!(expected.contains(&status), "{fault:?} {at}: {status}");
            until("a login", || {
                let status = log_in(&password_of("anna")).status();
                assert!(expected.contains(&status), "{fault:?} {at}: {status}");
                (status == StatusCode::OK).then_some(())
            });
            assert_eq!(log_in("wrong").status(), StatusCode::UNAUTHORIZED);
            deployment.forget_keys("*:login-failures:*");
            if !has_struck {
                assert!(at > 1, "{fault:?} struck nothing");
                break;
            }
        }
    }
}

#[test]
fn a_redis_that_is_silent_is_given_up_by_components_and_not_by_the_host() {
    let mut deployment = Deployment::start(IMPATIENT);
    deployment.create_user("anna");
    let rest = deployment.rest_of_device("anna");
    rest.get("/app/v1/Product");
    deployment.redis().stop_answering();
    // What is on its way in this very moment may wait longer.
    until("a silence to be noticed", || {
        let answer = rest.send(Method::GET, "/app/v1/Product", "");
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()[ERROR_CODE_HEADER], "unavailable");
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
        let log = deployment.host_log();
        log.contains("no answer within 500 ms").then_some(())
    });
    let ready = rest.send(Method::GET, "/ready", "");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    deployment.redis().answer_again();
    until("the server to be back", || {
        let answer = rest.send(Method::GET, "/app/v1/Product", "");
        (answer.status() == StatusCode::OK).then_some(())
    });
}

#[test]
fn a_replica_that_is_behind_takes_over_and_everybody_ends_up_with_the_same() {
    let mut deployment = Deployment::start(IMPATIENT);
    let mut devices = two_devices(&deployment);
    let replica = TestRedis::start_replica_of(deployment.redis());
    // From here on the replica hears nothing: neither what one device makes nor what both have got.
    replica.stop_answering();
    let lost = Work::queue(&mut devices[0], "what the replica does not know");
    converge_two(&deployment, &mut devices);
    lost.assert_done(deployment.back_end());
    let created = deployment
        .back_end()
        .create("products", &json!({"name": "seen by one"}));
    devices[1].sync(PRODUCT).expect("to sync");
    deployment.back_end().delete("products", &created);

    deployment.redis().stop_answering();
    for device in &mut devices {
        let error = device.sync(PRODUCT).expect_err("no server");
        assert!(is_unavailable(&error), "{error}");
    }
    deployment.redis().kill();
    replica.answer_again();
    deployment.fail_over_to(replica);
    // A device that comes without a token cannot be noticed: so administrators reset those that are there.
    let api = deployment.api();
    for device in &mut devices {
        let client = device.client().session().client_id.clone();
        let path = format!("/api/v1/clients/{}/reset", client.expect("a client id"));
        let body = json!({"sources": [PRODUCT]}).to_string();
        let answer = api.send(Method::POST, &path, body);
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{answer:?}");
    }

    // Versions that were given out by the one that is gone are given out again, for other things.
    let after = Work::queue(&mut devices[0], "after the failover");
    converge_two(&deployment, &mut devices);
    after.assert_done(deployment.back_end());
    deployment.back_end().assert_no_duplicates();
}

/// Lets Redis refuse to write, and then write again: what is sent meanwhile is refused as a whole, and in the end everybody has the
/// same.
fn refusing_writes(deployment: &mut Deployment, refuse: fn(&TestRedis), write: fn(&TestRedis)) {
    let mut devices = two_devices(deployment);
    let keys = deployment.keys("*}:cud:*");
    refuse(deployment.redis());
    let work = Work::queue(&mut devices[0], "what is refused");
    let error = devices[0].sync(PRODUCT).expect_err("no writes");
    assert!(is_unavailable(&error), "{error}");
    assert_eq!(deployment.keys("*}:cud:*"), keys, "nothing half written");
    assert_eq!(deployment.back_end().write_calls(), 0);
    let rest = deployment.rest();
    let login = json!({"login": "anna", "password": password_of("anna")}).to_string();
    let answer = rest.send(Method::POST, "/rc/v1/app/login", login);
    assert!(
        [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&answer.status()),
        "{answer:?}"
    );
    write(deployment.redis());
    converge_two(deployment, &mut devices);
    work.assert_done(deployment.back_end());
    deployment.back_end().assert_no_duplicates();
}

fn told(redis: &TestRedis, command: &str) {
    let said = redis.tell(command);
    assert!(said.starts_with('+'), "{command}: {said}");
}

#[test]
fn a_redis_whose_memory_is_full_refuses_whole_requests() {
    let mut deployment = Deployment::start(Options::default());
    refusing_writes(
        &mut deployment,
        |redis| told(redis, "CONFIG SET maxmemory 1"),
        |redis| told(redis, "CONFIG SET maxmemory 0"),
    );
}

#[test]
fn a_redis_whose_disk_is_full_refuses_whole_requests() {
    let mut deployment = Deployment::start(Options::default());
    refusing_writes(
        &mut deployment,
        |redis| {
            told(redis, "CONFIG SET save \"3600 1\"");
            redis.take_disk();
            told(redis, "BGSAVE");
            until("a save to fail", || {
                let info = redis.tell("INFO persistence");
                info.contains("rdb_last_bgsave_status:err").then_some(())
            });
        },
        |redis| {
            redis.give_disk_back();
            told(redis, "BGSAVE");
            until("a save", || {
                let info = redis.tell("INFO persistence");
                info.contains("rdb_last_bgsave_status:ok").then_some(())
            });
        },
    );
}
