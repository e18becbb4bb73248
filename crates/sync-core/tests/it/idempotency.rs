//! Writes of the API that are repeated.

use sync_core::{
    BegunWrite, IdempotencyError, IdempotentRequest, IdempotentWrites, StorePorts as _,
    StoredAnswer,
};
use test_support::{Break, World, local};

const ASKED: IdempotentRequest<'_> = IdempotentRequest {
    token: "t",
    key: "k",
    request: "POST /api/v1/users",
    body: b"{}",
};

fn answer(body: &str) -> StoredAnswer {
    StoredAnswer {
        status: 201,
        location: None,
        body: body.to_owned(),
    }
}

#[expect(clippy::panic, reason = "the test that gets another answer has failed")]
fn ours(begun: BegunWrite) -> String {
    match begun {
        BegunWrite::Ours(begun) => begun,
        BegunWrite::Answered(answer) => panic!("{answer:?}"),
    }
}

#[test]
fn a_write_that_took_too_long_leaves_the_answer_of_who_took_over() {
    local(async {
        let world = World::start().await;
        let writes = IdempotentWrites::new(world.engine.ports());
        let slow = ours(writes.begin(&ASKED).await.unwrap());
        let early = writes.begin(&ASKED).await;
        assert_eq!(early, Err(IdempotencyError::InProgress));
        world.drop_write_leases().await;
        let quick = ours(writes.begin(&ASKED).await.unwrap());
        writes
            .end(&ASKED, &slow, Some(&answer("slow")))
            .await
            .unwrap();
        let still = writes.begin(&ASKED).await;
        assert_eq!(still, Err(IdempotencyError::InProgress));
        writes
            .end(&ASKED, &quick, Some(&answer("quick")))
            .await
            .unwrap();
        // Neither does its failure take the answer away.
        writes.end(&ASKED, &slow, None).await.unwrap();
        let told = writes.begin(&ASKED).await.unwrap();
        assert_eq!(told, BegunWrite::Answered(answer("quick")));
    });
}

#[test]
fn a_write_that_took_too_long_is_remembered_where_nobody_took_over() {
    local(async {
        let world = World::start().await;
        let writes = IdempotentWrites::new(world.engine.ports());
        let slow = ours(writes.begin(&ASKED).await.unwrap());
        world.drop_write_leases().await;
        writes
            .end(&ASKED, &slow, Some(&answer("slow")))
            .await
            .unwrap();
        let told = writes.begin(&ASKED).await.unwrap();
        assert_eq!(told, BegunWrite::Answered(answer("slow")));
    });
}

#[test]
fn a_write_that_failed_may_be_tried_again() {
    local(async {
        let world = World::start().await;
        let writes = IdempotentWrites::new(world.engine.ports());
        let failed = ours(writes.begin(&ASKED).await.unwrap());
        writes.end(&ASKED, &failed, None).await.unwrap();
        ours(writes.begin(&ASKED).await.unwrap());
    });
}

#[test]
fn a_write_is_not_in_its_own_way_when_an_answer_of_the_store_is_lost() {
    local(async {
        let world = World::start().await;
        let writes = IdempotentWrites::new(world.engine.ports());
        let redis = world.engine.ports().redis();
        redis.fail_at(1, Break::After);
        let begun = ours(writes.begin(&ASKED).await.unwrap());
        assert!(redis.has_failed());
        redis.fail_at(1, Break::After);
        writes
            .end(&ASKED, &begun, Some(&answer("done")))
            .await
            .unwrap();
        assert!(redis.has_failed());
        let told = writes.begin(&ASKED).await.unwrap();
        assert_eq!(told, BegunWrite::Answered(answer("done")));
    });
}
