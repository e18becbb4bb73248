//! The shop as a program.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::{fs, io};

use clap::Parser;
use shop::{Amounts, Config, Location, Shop};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// An example back end: products and customers over REST, kept in SQLite.
#[derive(Debug, Parser)]
struct Cli {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9293")]
    listen: SocketAddr,

    /// SQLite file, created when missing, or `:memory:`.
    #[arg(long, value_name = "FILE", default_value = ".rhosync/shop.sqlite3")]
    database: String,

    /// Number of products in a new database; there is a customer for every four.
    #[arg(long, value_name = "N", default_value_t = 200)]
    seed: u32,

    /// Serve the test switches under `/_control`; needs a loopback address.
    #[arg(long)]
    control: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli {
        listen,
        database,
        seed,
        control,
    } = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().from_env()?)
        .with_writer(io::stderr)
        .init();

    // Before the start, so that a signal never finds nobody listening.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let database = match database.as_str() {
        ":memory:" => Location::Memory,
        path => {
            let path = PathBuf::from(path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            Location::File(path)
        }
    };
    let shop = Shop::start(Config {
        listen,
        database,
        seed: Amounts::of_products(seed),
        control,
    })
    .await?;
    announce(&shop);

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    shop.stop().await;
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "whoever started the shop reads its address from this line"
)]
fn announce(shop: &Shop) {
    println!("Shop listening on {}", shop.url());
}
