//! Why there is no connection.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// Why there is no connection. No text has the user or the password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The address is none, or asks for what there is not.
    #[error("the database's address is wrong: {0}")]
    Address(String),
    /// The certificates that servers' are checked with cannot be read.
    #[error("no certificate can be checked: {0}")]
    Authorities(String),
    /// The server has shown a certificate that does not prove who it is.
    #[error("the certificate of {server} is not accepted: {reason}")]
    Certificate {
        /// Host and port.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server cannot be reached, or does not speak as the address wants it to.
    #[error("no connection to {server}: {reason}")]
    NoConnection {
        /// Host and port.
        server: String,
        /// The error with all its causes.
        reason: String,
    },
    /// The server has answered, and lets nobody in with this user and password, or to this database.
    #[error("{message} (SQLSTATE {state})")]
    Refused {
        /// The SQLSTATE.
        state: String,
        /// What the server says.
        message: String,
    },
}

impl ConnectError {
    /// Reads an error of a driver.
    pub(crate) fn of_driver(server: String, error: &(dyn Error + 'static)) -> Self {
        let Some(wrong) = certificate_error(error) else {
            let reason = chain(error);
            return Self::NoConnection { server, reason };
        };
        let reason = match wrong {
            // The second: one of the same name has.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "no trusted authority has signed it; name the file of its authority in `sslrootcert`"
                    .to_owned()
            }
            wrong => wrong.to_string(),
        };
        Self::Certificate { server, reason }
    }
}

/// The text of an error and of its causes. What a text has said already is not said twice.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// What is wrong with the server's certificate, if that is the cause.
fn certificate_error<'error>(
    error: &'error (dyn Error + 'static),
) -> Option<&'error CertificateError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(wrong)) = error.downcast_ref() {
            return Some(wrong);
        }
        // An `io::Error` hides what it was made from: its `source` is the cause of that.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificates_error_is_found_below_others() {
        let wrong = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let below = io::Error::new(io::ErrorKind::InvalidData, wrong);
        let error = mysql_async::Error::from(below);
        assert_eq!(certificate_error(&error), Some(&CertificateError::Expired));
        let other = io::Error::new(io::ErrorKind::InvalidData, "expired");
        assert_eq!(certificate_error(&other), None);
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = mysql_async::Error::from(io::Error::from(io::ErrorKind::ConnectionRefused));
        let text = chain(&error);
        assert_eq!(text.matches("connection refused").count(), 1, "{text}");
    }
}
