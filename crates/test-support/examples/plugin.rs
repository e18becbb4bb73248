//! The plugin alone, for the conformance suite against another server. See the crate's README.

use std::net::SocketAddr;

use test_support::Plugin;

/// Where it listens if nobody says.
const ADDRESS: &str = "127.0.0.1:9400";

#[tokio::main]
#[expect(
    clippy::print_stdout,
    reason = "whoever starts it wants to know where it is"
)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address: SocketAddr = address.as_deref().unwrap_or(ADDRESS).parse()?;
    let plugin = Plugin::start_at(address).await?;
    println!("{}", plugin.url());
    std::future::pending().await
}
