//! Signatures of tokens, made and checked by a library that is not the server's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use serde_json::{Value, json};

/// A key that JSON Web Tokens are signed with.
pub struct TokenKey {
    id: String,
    pair: Pair,
}

enum Pair {
    Elliptic(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl TokenKey {
    /// A new key for `ES256`.
    pub fn elliptic(id: &str) -> Self {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self::from_elliptic(id, document.expect("a key").as_ref())
    }

    /// The key for `ES256` of a PEM file (PKCS #8).
    pub fn elliptic_of(id: &str, pem: &str) -> Self {
        Self::from_elliptic(id, pem::parse(pem).expect("PEM").contents())
    }

    fn from_elliptic(id: &str, pkcs8: &[u8]) -> Self {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random);
        Self {
            id: id.to_owned(),
            pair: Pair::Elliptic(pair.expect("an elliptic key")),
        }
    }

    /// The key for `RS256` of a PEM file (PKCS #8).
    pub fn rsa_of(id: &str, pem: &str) -> Self {
        let pair = RsaKeyPair::from_pkcs8(pem::parse(pem).expect("PEM").contents());
        Self {
            id: id.to_owned(),
            pair: Pair::Rsa(pair.expect("an RSA key")),
        }
    }

    /// The same key under another name.
    pub fn with_id(self, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..self
        }
    }

    /// The public key as a key set has it.
    pub fn public(&self) -> Value {
        match &self.pair {
            Pair::Elliptic(pair) => {
                // One byte says that both coordinates follow.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let [x, y] = [x, y].map(|number| BASE64.encode(number));
                json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": self.id, "x": x, "y": y})
            }
            Pair::Rsa(pair) => {
                let PublicKeyComponents { n, e } =
                    PublicKeyComponents::<Vec<u8>>::from(pair.public());
                let [n, e] = [n, e].map(|number| BASE64.encode(number));
                json!({"kty": "RSA", "alg": "RS256", "kid": self.id, "n": n, "e": e})
            }
        }
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": self.algorithm(), "kid": self.id});
        let text = unsigned(&header, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Elliptic(pair) => {
                let signature = pair.sign(&random, text.as_bytes()).expect("a signature");
                signature.as_ref().to_vec()
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
                    .expect("a signature");
                signature
            }
        };
        format!("{text}.{}", BASE64.encode(signature))
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Elliptic(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// The claims of a token that is signed with this key.
    pub fn open(&self, token: &str) -> Value {
        let (header, claims) = match &self.pair {
            Pair::Elliptic(pair) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key());
                open(token, &key)
            }
            Pair::Rsa(pair) => {
                let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
                open(token, &key)
            }
        };
        assert_eq!(header["alg"], self.algorithm());
        assert_eq!(header["kid"], self.id);
        claims
    }
}

/// The claims of a token that is signed with the private key to this point of the curve.
pub fn open_elliptic(token: &str, point: &[u8]) -> Value {
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    let (header, claims) = open(token, &key);
    assert_eq!(header["alg"], "ES256");
    claims
}

/// Header and claims of a token whose signature is good.
fn open(token: &str, key: &UnparsedPublicKey<impl AsRef<[u8]>>) -> (Value, Value) {
    let (text, signature) = token.rsplit_once('.').expect("a signature");
    let signature = BASE64.decode(signature).expect("base 64");
    key.verify(text.as_bytes(), &signature)
        .expect("a good signature");
    let (header, claims) = text.split_once('.').expect("claims");
    let json = |part| {
        let part = BASE64.decode(part).expect("base 64");
        serde_json::from_slice(&part).expect("JSON")
    };
    (json(header), json(claims))
}

/// What is signed of a token.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64.encode(part.to_string()));
    format!("{header}.{claims}")
}
