//! Changes of devices over HTTP.

use std::time::Duration;

use futures_util::join;
use http::{Request, StatusCode};
use serde_json::json;
use sync_handler::App;
use sync_jobs::{JobState, Jobs, QueueName};
use test_support::{World, local};

use crate::server::Server;

#[test]
fn a_device_does_not_wait_for_a_back_end_that_hangs_and_its_change_is_made_once() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let engine = world.another(None, 7).await;
        let clock = engine.ports().clock.clone();
        let app = App::new(engine);
        let server = Server { app, world };
        let back_end = &server.world.back_end;
        back_end.wait_in_write(true);

        let changes = json!({"client_id": client, "create": {"t1": {"name": "new"}}});
        let request = Request::post("/app/v1/Polled")
            .header("cookie", server.cookie("u1").await)
            .header("content-type", "application/json");
        let time = async {
            while back_end.waiting() == 0 {
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_secs(3));
        };
        let (answer, ()) = join!(server.send(request, changes.to_string()), time);
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(back_end.writes(), 0, "it hangs still");

        back_end.wait_in_write(false);
        let left = server.app.left();
        assert_eq!(left.len(), 1);
        for work in left {
            work.await;
        }
        assert_eq!((back_end.creates_asked(), back_end.writes()), (1, 1));
        let told = server.world.sync(&session, &client, "Polled").await;
        assert_eq!(told[0], json!({"links": {"t1": {"l": "b1"}}}));
        let jobs = Jobs::new(&server.world.engine.ports().redis);
        let queue = QueueName::parse("adapter").unwrap();
        let waiting = jobs.list(&queue, JobState::Delayed, 0, 10).await.unwrap();
        assert_eq!(waiting.len(), 0, "{waiting:?}");
    });
}
