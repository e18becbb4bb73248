//! PostgreSQL.

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::tls::{Mode, Tls};
use crate::{ConnectError, chain};

/// Where PostgreSQL listens if nothing is said.
const DEFAULT_PORT: u16 = 5432;

/// The address of a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct Postgres {
    config: Config,
    tls: Tls,
}

impl Postgres {
    /// Reads an address: `postgres://user:password@host:port/database?parameters`. Several hosts are tried one after the other.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Address`].
    pub fn parse(address: &str) -> Result<Self, ConnectError> {
        let (tls, address) = Tls::take(address)?;
        let wrong = |reason: &str| Err(ConnectError::Address(reason.to_owned()));
        let mut config: Config = match address.parse() {
            Ok(config) => config,
            Err(error) => return wrong(&chain(&error)),
        };
        if !config.get_hostaddrs().is_empty() {
            return wrong("hostaddr is not supported: name the server by its host");
        }
        if config.get_hosts().is_empty() {
            return wrong("it names no host");
        }
        if !config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Tcp(_)))
        {
            return wrong("Unix sockets are not supported");
        }
        // Addresses that are no URLs say it to the driver.
        if let Some(mode) = tls.mode {
            config.ssl_mode(match mode {
                Mode::Disable => SslMode::Disable,
                Mode::Prefer => SslMode::Prefer,
                Mode::Require | Mode::VerifyFull => SslMode::Require,
            });
        }
        Ok(Self { config, tls })
    }

    /// The hosts and ports it names.
    pub fn servers(&self) -> impl Iterator<Item = (&str, u16)> {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate();
        hosts.filter_map(move |(at, host)| {
            let port = ports.get(at).or(ports.first()).copied();
            match host {
                Host::Tcp(host) => Some((host.as_str(), port.unwrap_or(DEFAULT_PORT))),
                #[cfg(unix)]
                Host::Unix(_) => None,
            }
        })
    }

    /// Connects. Ends with the client.
    ///
    /// # Errors
    ///
    /// Every [`ConnectError`].
    ///
    /// # Panics
    ///
    /// Outside a runtime of Tokio.
    pub async fn connect(&self) -> Result<Client, ConnectError> {
        let tls = MakeRustlsConnect::new(self.tls.client_config()?);
        let connected = self.config.connect(tls).await;
        let (client, connection) = connected.map_err(|error| match error.as_db_error() {
            Some(said) => ConnectError::Refused {
                state: said.code().code().to_owned(),
                message: said.message().to_owned(),
            },
            None => {
                let servers = self.servers().map(|(host, port)| format!("{host}:{port}"));
                let servers: Vec<_> = servers.collect();
                ConnectError::of_driver(servers.join(", "), &error)
            }
        })?;
        tokio::spawn(async move {
            // Whoever waits for an answer hears of it.
            let _ = connection.await;
        });
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_servers() {
        let address = "postgres://u:p@a.test,b.test:6000/shop?sslmode=verify-full";
        let database = Postgres::parse(address).unwrap();
        let servers: Vec<_> = database.servers().collect();
        assert_eq!(servers, [("a.test", 5432), ("b.test", 6000)]);
    }

    #[test]
    fn servers_have_no_other_names() {
        for (address, named) in [
            ("postgres://a.test/shop?hostaddr=10.0.0.1", "hostaddr"),
            ("postgres:///shop", "no host"),
            ("postgres://u:s3cret@%2Ftmp/shop", "Unix"),
            ("postgres://u:s3cret@a.test/shop?unheard=of", "unheard"),
        ] {
            let error = Postgres::parse(address).unwrap_err().to_string();
            assert!(
                error.contains(named) && !error.contains("s3cret"),
                "{error}"
            );
        }
    }
}
