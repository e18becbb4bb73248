//! MySQL and MariaDB.

use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder, SslOpts};

use crate::tls::{Mode, Tls};
use crate::{ConnectError, chain};

/// The driver's own parameters for TLS.
const OTHER_WORDS: [&str; 4] = [
    "require_ssl",
    "verify_ca",
    "verify_identity",
    "built_in_roots",
];

/// The address of a MySQL or MariaDB database.
#[derive(Debug, Clone)]
pub struct Mysql {
    options: OptsBuilder,
    server: String,
    tls: Tls,
}

impl Mysql {
    /// Reads an address: `mysql://user:password@host:port/database?parameters`.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Address`].
    pub fn parse(address: &str) -> Result<Self, ConnectError> {
        let (tls, address) = Tls::take(address)?;
        let wrong = |reason: String| ConnectError::Address(reason);
        let options = Opts::from_url(&address).map_err(|error| wrong(chain(&error)))?;
        let (_, parameters) = address.split_once('?').unwrap_or_default();
        for parameter in parameters.split('&') {
            let (name, _) = parameter.split_once('=').unwrap_or((parameter, ""));
            if OTHER_WORDS.contains(&name) {
                return Err(wrong(format!("in place of {name}, say sslmode")));
            }
        }
        if options.socket().is_some() {
            return Err(wrong("Unix sockets are not supported".to_owned()));
        }
        let server = format!("{}:{}", options.ip_or_hostname(), options.tcp_port());
        // The driver would leave a server on this machine for its socket, and TLS with it.
        let options = OptsBuilder::from_opts(options).prefer_socket(false);
        Ok(Self {
            options,
            server,
            tls,
        })
    }

    /// Counts rows that have the values already as changed ones, as PostgreSQL does.
    #[must_use]
    pub fn count_found_rows(mut self) -> Self {
        self.options = self.options.client_found_rows(true);
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// Every [`ConnectError`].
    pub async fn connect(&self) -> Result<Conn, ConnectError> {
        let mode = self.tls.mode.unwrap_or(Mode::Prefer);
        let connected = match mode {
            Mode::Disable => self.connect_with(None).await,
            Mode::Require | Mode::VerifyFull => self.connect_with(Some(self.to_tls()?)).await,
            Mode::Prefer => match self.connect_with(Some(self.to_tls()?)).await {
                Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) => {
                    self.connect_with(None).await
                }
                connected => connected,
            },
        };
        connected.map_err(|error| match error {
            Error::Server(said) => ConnectError::Refused {
                state: said.state,
                message: said.message,
            },
            error => ConnectError::of_driver(self.server.clone(), &error),
        })
    }

    async fn connect_with(&self, tls: Option<SslOpts>) -> Result<Conn, Error> {
        Conn::new(self.options.clone().ssl_opts(tls)).await
    }

    fn to_tls(&self) -> Result<SslOpts, ConnectError> {
        Ok(match self.tls.authorities()? {
            None => SslOpts::default().with_danger_accept_invalid_certs(true),
            Some(certificates) => {
                let certificates = certificates.into_iter();
                let certificates = certificates.map(|it| it.to_vec().into());
                SslOpts::default()
                    .with_disable_built_in_roots(true)
                    .with_root_certs(certificates.collect())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_everything_in_one_way() {
        for (address, named) in [
            ("mysql://u:s3cret@db/shop?require_ssl=true", "require_ssl"),
            ("mysql://u:s3cret@db/shop?socket=/run/mysqld.sock", "socket"),
            ("mysql://u:s3cret@db/shop?unheard=of", "unheard"),
            ("mysql://", "URL"),
        ] {
            let error = Mysql::parse(address).unwrap_err().to_string();
            assert!(
                error.to_lowercase().contains(&named.to_lowercase()) && !error.contains("s3cret"),
                "{error}"
            );
        }
    }
}
