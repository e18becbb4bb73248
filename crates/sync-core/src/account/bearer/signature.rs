//! The signatures that tokens may have: RS256 and ES256 (RFC 7518), and no others.
//!
//! The library leaves the mathematics to whoever uses it. What it has ready brings ten more algorithms, with curves and
//! digests of their own, into every component.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as Mismatch, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use p256::ecdsa;
use rsa::{BoxedUint, Pkcs1v15Sign};
use sha2::{Digest as _, Sha256};

/// Algorithms a token may be signed with. Anything else, `none` and shared secrets above all, is no signature.
pub(super) const ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    // These make key sets, which is the identity provider's business.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Lets the library check these signatures.
pub(super) fn install() {
    // Every check says it; once is enough.
    let _ = PROVIDER.install_default();
}

/// Looks at signatures with a key of a key set.
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    match (algorithm, key.kind()) {
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
            let key = ecdsa::VerifyingKey::from_sec1_bytes(point)
                .map_err(|_| ErrorKind::InvalidEcdsaKey)?;
            Ok(Box::new(Es256(key)))
        }
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let [n, e] = [n, e].map(|bytes| BoxedUint::from_be_slice_vartime(bytes));
            let key = rsa::PublicKey::new(n, e)
                .map_err(|error| ErrorKind::InvalidRsaKey(error.to_string()))?;
            Ok(Box::new(Rs256(key)))
        }
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}

struct Es256(ecdsa::VerifyingKey);

impl Verifier<Vec<u8>> for Es256 {
    fn verify(&self, text: &[u8], signature: &Vec<u8>) -> Result<(), Mismatch> {
        let signature = ecdsa::Signature::from_slice(signature)?;
        self.0.verify(text, &signature)
    }
}

impl JwtVerifier for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

struct Rs256(rsa::PublicKey);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, text: &[u8], signature: &Vec<u8>) -> Result<(), Mismatch> {
        let scheme = Pkcs1v15Sign::new::<Sha256>();
        self.0
            .verify(scheme, &Sha256::digest(text), signature)
            .map_err(Mismatch::from_source)
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}
