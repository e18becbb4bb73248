//! Certificates of the test's own.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// An authority that signs servers' certificates, and the file with its own.
pub struct TestAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl TestAuthority {
    /// Makes one that nobody trusts who does not have its [file](Self::file).
    ///
    /// # Panics
    ///
    /// When the system has no place or no randomness.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "Authority of a test");
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("authority.pem"), issuer.pem()).expect("to write it");
        Self { issuer, folder }
    }

    /// The file with the authority's certificate. It is gone when the authority is.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Writes a certificate for a server of this name, and its key, into a folder.
    pub(crate) fn certify(&self, name: &str, folder: &Path) -> [PathBuf; 2] {
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let files = ["certificate.pem", "key.pem"].map(|name| folder.join(name));
        for (file, content) in files.iter().zip([certificate.pem(), key.serialize_pem()]) {
            fs::write(file, content).expect("to write it");
        }
        files
    }
}
