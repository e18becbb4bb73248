//! What an address says of TLS: `sslmode` and `sslrootcert`, as PostgreSQL's own clients read them.

use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::ConnectError;

/// Whether connections are encrypted, and what the server has to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are not.
    Disable,
    /// They are if the server can do it. It proves nothing: whoever is between may read and change everything.
    Prefer,
    /// They are, but the server proves nothing.
    Require,
    /// They are, and the server's certificate, signed by an authority, names the host of the address.
    VerifyFull,
}

/// What an address says of TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// `None`: nothing is said.
    pub(crate) mode: Option<Mode>,
    /// File of the authorities that sign certificates, in place of those that this machine trusts.
    authorities: Option<PathBuf>,
}

impl Tls {
    /// Takes out of an address what it says of TLS, which drivers do not know; gives back the rest of it too.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Address`].
    pub(crate) fn take(address: &str) -> Result<(Self, String), ConnectError> {
        // A password may have a question mark in it.
        let credentials = address.find('@').unwrap_or(0);
        let (credentials, rest) = address.split_at(credentials);
        let Some((server, parameters)) = rest.split_once('?') else {
            return Ok((Self::default(), address.to_owned()));
        };
        let mut tls = Self::default();
        let mut others = Vec::new();
        for parameter in parameters.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let decoded = percent_decode_str(value).decode_utf8_lossy();
            match name {
                // Spin knows the second spelling too.
                "sslmode" | "ssl-mode" if tls.mode.is_none() => {
                    tls.mode = Some(Mode::parse(&decoded)?);
                }
                "sslrootcert" if tls.authorities.is_none() && !decoded.is_empty() => {
                    tls.authorities = Some(PathBuf::from(&*decoded));
                }
                "sslmode" | "ssl-mode" | "sslrootcert" => {
                    let reason = format!("{name} has no value, or is there twice");
                    return Err(ConnectError::Address(reason));
                }
                _ => others.push(parameter),
            }
        }
        if tls.authorities.is_some() && tls.mode != Some(Mode::VerifyFull) {
            let reason = "sslrootcert needs sslmode=verify-full: no other mode checks certificates";
            return Err(ConnectError::Address(reason.to_owned()));
        }
        let before = if others.is_empty() { "" } else { "?" };
        let rest = format!("{credentials}{server}{before}{}", others.join("&"));
        Ok((tls, rest))
    }

    /// The certificates that the server's is checked with; `None` if it is not checked.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Authorities`].
    pub(crate) fn authorities(&self) -> Result<Option<Vec<CertificateDer<'static>>>, ConnectError> {
        if self.mode != Some(Mode::VerifyFull) {
            return Ok(None);
        }
        let certificates = match &self.authorities {
            None => of_machine()?,
            Some(file) => {
                let failed = |reason: String| {
                    ConnectError::Authorities(format!("sslrootcert={}: {reason}", file.display()))
                };
                let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
                let certificates: Vec<_> = read.map_err(|error| failed(error.to_string()))?;
                if certificates.is_empty() {
                    return Err(failed("there is no certificate in it".to_owned()));
                }
                for certificate in &certificates {
                    is_authority(certificate).map_err(|error| failed(error.to_string()))?;
                }
                certificates
            }
        };
        Ok(Some(certificates))
    }

    /// The same for rustls.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Authorities`].
    pub(crate) fn client_config(&self) -> Result<ClientConfig, ConnectError> {
        let config = ClientConfig::builder();
        let config = match self.authorities()? {
            Some(certificates) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(certificates);
                config.with_root_certificates(roots)
            }
            None => config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(
                    ring::default_provider().signature_verification_algorithms,
                ))),
        };
        Ok(config.with_no_client_auth())
    }
}

impl Mode {
    fn parse(text: &str) -> Result<Self, ConnectError> {
        Ok(match text {
            // Spin knows the second spelling only, for MySQL.
            "disable" | "disabled" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-full" => Self::VerifyFull,
            other => {
                let reason =
                    format!("sslmode is disable, prefer, require or verify-full, not {other:?}");
                return Err(ConnectError::Address(reason));
            }
        })
    }
}

fn of_machine() -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let found = rustls_native_certs::load_native_certs();
    let mut certificates = found.certs;
    // Old machines have some that are damaged.
    certificates.retain(|certificate| is_authority(certificate).is_ok());
    if certificates.is_empty() {
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        let reason = format!(
            "this machine has no authorities: name a file in sslrootcert. {}",
            errors.join("; ")
        );
        return Err(ConnectError::Authorities(reason.trim_end().to_owned()));
    }
    Ok(certificates)
}

fn is_authority(certificate: &CertificateDer<'static>) -> Result<(), rustls::Error> {
    RootCertStore::empty().add(certificate.clone())
}

/// Accepts every certificate, if only the server has its key.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_tls_is_taken_out_of_an_address() {
        for (address, mode, authorities, rest) in [
            ("mysql://db/shop", None, None, "mysql://db/shop"),
            (
                "mysql://u:p@db/shop?ssl-mode=disabled&tcp_nodelay=true",
                Some(Mode::Disable),
                None,
                "mysql://u:p@db/shop?tcp_nodelay=true",
            ),
            (
                "postgres://u:what?sslmode=x@db/shop?sslmode=prefer",
                Some(Mode::Prefer),
                None,
                "postgres://u:what?sslmode=x@db/shop",
            ),
            (
                "postgres://db/shop?connect_timeout=2&sslmode=verify-full&sslrootcert=/a%20b/c.pem&options=-c%20a%3Db",
                Some(Mode::VerifyFull),
                Some("/a b/c.pem"),
                "postgres://db/shop?connect_timeout=2&options=-c%20a%3Db",
            ),
        ] {
            let authorities = authorities.map(PathBuf::from);
            let tls = Tls { mode, authorities };
            assert_eq!(Tls::take(address), Ok((tls, rest.to_owned())), "{address}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for (parameters, named) in [
            ("sslmode=verify-ca", "verify-ca"),
            ("sslmode=", "sslmode"),
            ("sslmode=require&ssl-mode=disable", "ssl-mode"),
            ("sslmode=verify-full&sslrootcert=", "sslrootcert"),
            ("sslmode=require&sslrootcert=/a", "sslmode=verify-full"),
            ("sslrootcert=/a", "sslmode=verify-full"),
        ] {
            let address = format!("mysql://u:s3cret@db/shop?{parameters}");
            let error = Tls::take(&address).unwrap_err().to_string();
            assert!(
                error.contains(named) && !error.contains("s3cret"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_file_without_an_authority_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("empty.pem", ""), ("key.pem", "no certificate")] {
            let file = folder.path().join(name);
            std::fs::write(&file, content).unwrap();
            let tls = Tls {
                mode: Some(Mode::VerifyFull),
                authorities: Some(file),
            };
            let error = tls.client_config().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
