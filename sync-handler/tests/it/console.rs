//! A server as an administrator's console sees it, with devices that use it.

use http::Request;
use serde_json::Value;
use sync_core::{ClientId, Scope, Session};
use sync_handler::App;
use test_support::{ManualClock, World};

use crate::server::Server;

pub(crate) const SETTINGS: &str = r#"
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 0

    [sources.Own]
    adapter = "rust"
    rust = "back-end"
    partition = "user"
    poll_interval = 0

    [sources.Pushed]
    adapter = "push-only"
    partition = "app"
"#;

/// What a request was answered with.
pub(crate) type Answer = (u16, Value);

pub(crate) struct Console {
    pub(crate) server: Server,
    clocks: [ManualClock; 2],
    token: String,
}

/// A device of a user.
pub(crate) struct Device {
    pub(crate) session: Session,
    pub(crate) client: ClientId,
    cookie: String,
}

impl Device {
    pub(crate) fn id(&self) -> &str {
        self.client.as_str()
    }
}

impl Console {
    pub(crate) async fn start() -> Self {
        Self::with(SETTINGS).await
    }

    pub(crate) async fn with(settings: &str) -> Self {
        let mut world = World::start().await;
        world.engine = world.another(Some(settings), 2).await;
        let tokens = world.engine.accounts().api_tokens();
        let (_, token) = tokens
            .create("console", vec![Scope::Admin], None, None)
            .await
            .unwrap();
        let engine = world.another(Some(settings), 7).await;
        let clocks = [&engine, &world.engine].map(|engine| engine.ports().clock.clone());
        let app = App::new(engine);
        Self {
            server: Server { app, world },
            clocks,
            token,
        }
    }

    pub(crate) fn world(&self) -> &World {
        &self.server.world
    }

    pub(crate) async fn device(&self, user: &str) -> Device {
        let session = self.world().sign_in(user).await;
        Device {
            client: self.world().client(&session).await,
            cookie: self.server.cookie(user).await,
            session,
        }
    }

    /// Asks as an administrator.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask(&self.token, method, path, body).await
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        let answer = self.server.send(request, body).await;
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status().as_u16(), body)
    }

    /// What somebody sees who may do so much.
    pub(crate) async fn see_as(&self, scope: Scope, path: &str) -> Value {
        let tokens = self.world().engine.accounts().api_tokens();
        let token = tokens
            .create("other", vec![scope], None, None)
            .await
            .unwrap()
            .1;
        let (status, body) = self.ask(&token, "GET", path, "").await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// What an administrator sees.
    pub(crate) async fn see(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, "").await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// What a device is answered to a pull; acknowledges what the last one brought.
    pub(crate) async fn pull(&self, device: &Device, source: &str, token: &str) -> Answer {
        let path = format!("/app/v1/{source}?client_id={}&token={token}", device.client);
        let request = Request::get(path).header("cookie", &device.cookie);
        let answer = self.server.send(request, "").await;
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status().as_u16(), body)
    }

    /// Sends a device's changes; answers the status.
    pub(crate) async fn push(&self, device: &Device, source: &str, changes: &str) -> u16 {
        let request = Request::post(format!("/app/v1/{source}"))
            .header("cookie", &device.cookie)
            .header("X-RhoConnect-CLIENT-ID", device.id())
            .header("content-type", "application/json");
        self.server.send(request, changes).await.status().as_u16()
    }

    /// What the components do beside answering.
    pub(crate) async fn flush(&self) {
        self.server.app.tidy_up_soon().await;
    }

    /// Lets time pass for everybody.
    pub(crate) fn pass(&self, seconds: u64) {
        for clock in &self.clocks {
            clock.advance(std::time::Duration::from_secs(seconds));
        }
    }
}
