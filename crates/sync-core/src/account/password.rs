//! Password hashes: Argon2id with the least cost OWASP recommends, in the PHC string format.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::account::AccountError;
use crate::ports::Random;

/// Longest password that is hashed, in bytes.
pub(crate) const MAX_PASSWORD_BYTES: usize = 1_024;

/// Least characters of an administrator's password (NIST SP 800-63B: a length, and no rules for what is in it).
const MIN_ADMINISTRATOR_CHARS: usize = 8;

/// 19 MiB, two passes, one lane: OWASP's minimum for Argon2id. Costs about 25 ms in a component.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// Whether anybody may have this password.
pub(crate) fn check_password(password: &str) -> Result<(), AccountError> {
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return Err(AccountError::InvalidPassword {
            max_bytes: MAX_PASSWORD_BYTES,
        });
    }
    Ok(())
}

/// Whether an administrator may have this password.
pub(crate) fn check_administrators(password: &str) -> Result<(), AccountError> {
    check_password(password)?;
    if password.chars().count() < MIN_ADMINISTRATOR_CHARS {
        return Err(AccountError::ShortPassword {
            min_chars: MIN_ADMINISTRATOR_CHARS,
        });
    }
    Ok(())
}

/// Hashes a password with a new salt; `None` only if the parameters were wrong.
pub(crate) fn hash_password(random: &impl Random, password: &str) -> Option<String> {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    argon2()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .ok()
        .map(|hash| hash.to_string())
}

/// Checks a password in constant time. A hash that cannot be read fits no password.
pub(crate) fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    #[test]
    fn an_administrators_password_has_some_length() {
        assert!(check_password("p").is_ok());
        assert!(check_password("").is_err());
        assert!(check_administrators("sieben7").is_err());
        assert!(check_administrators("        ").is_ok(), "blanks count");
        assert!(check_administrators("пароль88").is_ok());
        assert!(
            check_administrators("ééééééé").is_err(),
            "characters count, not bytes"
        );
        assert!(check_administrators(&"x".repeat(MAX_PASSWORD_BYTES + 1)).is_err());
    }

    #[test]
    fn a_hash_fits_its_password_only() {
        let hash = hash_password(&Zeros, "secret").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(verify_password("secret", &hash));
        assert!(!verify_password("Secret", &hash));
        assert!(!verify_password("secret", "damaged"));
    }
}
