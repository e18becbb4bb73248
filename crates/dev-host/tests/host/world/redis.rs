use std::net::TcpListener;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue};
use test_support::TestRedis;

use super::PATIENCE;

/// A private Redis server, until it is dropped.
pub(crate) struct Redis {
    server: TestRedis,
    pub(crate) port: u16,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let server = TestRedis::start();
        Self {
            port: server.address().port(),
            server,
        }
    }

    /// Ends the server. Its port stays its own.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts the server again, where it was.
    pub(crate) fn restart(&mut self) {
        self.server.restart();
    }

    /// As a manifest and a component name it.
    pub(crate) fn address(&self) -> String {
        self.server.url()
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let client = Client::open(self.address()).unwrap();
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .unwrap()
    }

    /// Runs one command, its words separated by spaces.
    pub(crate) async fn run<T: FromRedisValue>(&self, words: &str) -> T {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        command
            .query_async(&mut self.connect().await)
            .await
            .unwrap()
    }
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
