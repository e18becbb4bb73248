//! What could grow without a bound: objects, what is read at once, and what is held in memory.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a world that cannot be made is a failed test"
)]

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::json;
use test_support::{Fault, World, local};

#[test]
fn a_device_cannot_make_an_object_too_large_bit_by_bit() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.back_end.put("1", &[("name", "a")]);
        world.back_end.put_findable("s1", &[("name", "found")]);
        world.sync(&session, &mine, "Polled").await;
        for object in ["1", "s1"] {
            if object == "s1" {
                world.find(&session, &mine, "Polled").await;
                world.back_end.put("s1", &[("name", "found")]);
            }
            let before = world.back_end.writes();
            for attribute in ["a", "b", "c"] {
                let text = "x".repeat(400_000);
                let changes = json!({"update": {object: {attribute: text}}});
                let pushed = world.push(&session, &mine, "Polled", changes);
                pushed.await.unwrap();
            }
            assert_eq!(world.back_end.writes() - before, 2, "{object}");
            let told = world.pull(&session, &mine, "Polled", "").await.unwrap();
            let error = &told[5]["update-error"][format!("{object}-error")]["message"];
            let said = error.as_str().unwrap_or_default();
            assert!(said.contains("at most 1048576 are allowed"), "{said}");
        }
    });
}

#[test]
fn administrators_see_the_first_of_an_outbox_that_is_large() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.back_end.fail([Fault::Rejected; 12]);
        for number in 0..12 {
            let text = "x".repeat(500_000);
            let changes = json!({"create": {format!("t{number:02}"): {"a": text}}});
            let pushed = world.push(&session, &mine, "Shared", changes);
            pushed.await.unwrap();
        }
        let state = world.engine.client_state(mine.as_str(), "Shared").await;
        let outbox = state.unwrap().unwrap().outbox;
        let told = serde_json::to_string(&outbox).unwrap();
        assert!(told.contains("t00-error"), "the first");
        assert!(told.len() < 4 << 20, "{} bytes", told.len());
    });
}

#[test]
fn the_first_part_of_an_answer_counts_as_held_until_it_is_committed() {
    local(async {
        let world = Rc::new(World::start().await);
        for id in ["1", "2", "3"] {
            world.back_end.put(id, &[("a", &"x".repeat(900_000))]);
        }
        world.back_end.answer_in_parts(1);
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        let free = Rc::new(RefCell::new(Vec::new()));
        let (seen, watched) = (Rc::clone(&free), Rc::downgrade(&world));
        world.back_end.before_part(move || {
            let world = watched.upgrade().unwrap();
            let memory = world.engine.memory();
            let mut free = memory.total();
            while memory.reserve(free).is_err() {
                free -= 10_000;
            }
            seen.borrow_mut().push(free);
        });
        world.sync(&session, &mine, "Polled").await;
        let free = free.take();
        let [before, with_first, after_first] = free[..] else {
            panic!("{free:?}");
        };
        assert!(before - with_first > 890_000, "{free:?}");
        assert!(before - after_first < 20_000, "{free:?}");
    });
}
