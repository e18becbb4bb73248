//! Secrets that the store keeps for all instances and cannot read: sealed with AES-256-GCM by a key that it does not know.

use std::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::ports::Random;

/// Length of what makes two seals of the same text differ, in bytes.
const NONCE_BYTES: usize = 12;

/// Seals texts, and opens them again.
#[derive(Clone)]
pub struct Vault(Aes256Gcm);

impl Vault {
    /// A vault with this key.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Seals a text. What is sealed for one purpose is nothing for another, so that nobody who writes into the store can put
    /// the secret of one in the place of another's.
    pub(crate) fn seal(&self, random: &impl Random, purpose: &str, text: &str) -> String {
        let mut sealed = vec![0; NONCE_BYTES];
        random.fill(&mut sealed);
        let payload = Payload {
            msg: text.as_bytes(),
            aad: purpose.as_bytes(),
        };
        // Only a text of 64 GiB cannot be sealed. What is written then cannot be opened.
        let content = self.0.encrypt(Nonce::from_slice(&sealed), payload);
        sealed.extend(content.unwrap_or_default());
        BASE64.encode(sealed)
    }

    /// Opens what [`Vault::seal`] has sealed for this purpose; nothing else is opened.
    pub(crate) fn open(&self, purpose: &str, sealed: &str) -> Option<String> {
        let sealed = BASE64.decode(sealed).ok()?;
        let (nonce, content) = sealed.split_at_checked(NONCE_BYTES)?;
        let payload = Payload {
            msg: content,
            aad: purpose.as_bytes(),
        };
        let text = self.0.decrypt(Nonce::from_slice(nonce), payload).ok()?;
        String::from_utf8(text).ok()
    }
}

/// The key is never printed.
impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Bytes that are others each time.
    #[derive(Default)]
    struct Counting(Cell<u8>);

    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            self.0.set(self.0.get() + 1);
            buffer.fill(self.0.get());
        }
    }

    #[test]
    fn only_the_key_opens_what_is_sealed_and_only_for_its_purpose() {
        let (vault, random) = (Vault::new(&[7; 32]), Counting::default());
        let sealed = vault.seal(&random, "of anna", "s3cret");
        assert_eq!(vault.open("of anna", &sealed).as_deref(), Some("s3cret"));
        assert_eq!(vault.open("of bert", &sealed), None);
        assert_eq!(Vault::new(&[8; 32]).open("of anna", &sealed), None);
        assert_ne!(vault.seal(&random, "of anna", "s3cret"), sealed);
        for damaged in ["", "AAAA", "no base 64!", &sealed[..sealed.len() - 4]] {
            assert_eq!(vault.open("of anna", damaged), None, "{damaged}");
        }
    }
}
