//! The settings `blobs`.

use serde::{Deserialize, Serialize};

use crate::settings::{Secret, Text, text};

/// Largest blob, where the file does not say: 100 MiB.
const DEFAULT_MAX_BYTES: u64 = 100 * 1024 * 1024;

/// What one user may have, where the file does not say: 1 GiB.
const DEFAULT_QUOTA_BYTES: u64 = 1024 * 1024 * 1024;

/// Largest blob at all: what 10 000 parts of 5 MiB, the most an S3 store takes, can hold.
const HIGHEST_MAX_BYTES: u64 = 10_000 * 5 * 1024 * 1024;

/// A key below the table, and what is wrong with it.
type KeyError = (String, String);

/// How blobs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobSettings {
    /// Largest blob, in bytes.
    pub max_bytes: u64,
    /// What one user may have, in bytes.
    pub quota_bytes: u64,
    /// Address of this server in blobs' addresses, where it is not to be taken from each request.
    pub public_url: Option<String>,
    /// Where the contents are kept; in Redis if not here.
    pub s3: Option<S3Settings>,
}

impl Default for BlobSettings {
    fn default() -> Self {
        Self {
            max_bytes: DEFAULT_MAX_BYTES,
            quota_bytes: DEFAULT_QUOTA_BYTES,
            public_url: None,
            s3: None,
        }
    }
}

/// A bucket of an S3-compatible store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// The store's address, without the bucket.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The region requests are signed for.
    pub region: String,
    /// The key's name.
    pub access_key: Secret,
    /// The key.
    pub secret_key: Secret,
}

/// `[blobs]` as it stands in the file.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlobsEntry {
    max_bytes: Option<u64>,
    quota_bytes: Option<u64>,
    #[serde(default, serialize_with = "text::shown_if_any")]
    public_url: Option<Text>,
    s3: Option<S3Entry>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct S3Entry {
    #[serde(serialize_with = "text::shown")]
    endpoint: Text,
    #[serde(serialize_with = "text::shown")]
    bucket: Text,
    #[serde(serialize_with = "text::shown")]
    region: Text,
    access_key: Text,
    secret_key: Text,
}

impl BlobsEntry {
    pub(super) fn check(&self) -> Result<(), KeyError> {
        match self.max_bytes {
            Some(bytes) if !(1..=HIGHEST_MAX_BYTES).contains(&bytes) => Err((
                "max_bytes".to_owned(),
                format!("must be between 1 and {HIGHEST_MAX_BYTES}"),
            )),
            _ => Ok(()),
        }
    }

    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        self.max_bytes.get_or_insert(DEFAULT_MAX_BYTES);
        self.quota_bytes.get_or_insert(DEFAULT_QUOTA_BYTES);
    }

    /// Leaves out the address at which back ends find this server.
    pub(super) fn leave_out_public_url(&mut self) {
        self.public_url = None;
    }

    /// Leaves out where contents are kept, if that is not Redis.
    pub(super) fn leave_out_store(&mut self) {
        self.s3 = None;
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let s3 = self.s3.iter().flat_map(|s3| {
            let S3Entry {
                endpoint,
                bucket,
                region,
                access_key,
                secret_key,
            } = s3;
            [endpoint, bucket, region, access_key, secret_key]
        });
        self.public_url.iter().chain(s3).filter_map(Text::variable)
    }

    pub(super) fn resolve(
        self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<BlobSettings, KeyError> {
        let Self {
            max_bytes,
            quota_bytes,
            public_url,
            s3,
        } = self;
        let text = |key: &str, text: &Text| {
            text.resolve(variable)
                .map_err(|reason| (key.to_owned(), reason))
        };
        let url = |key: &str, from: &Text| {
            let url = text(key, from)?;
            if is_http(&url) {
                Ok(url.trim_end_matches('/').to_owned())
            } else {
                let reason = format!("{url:?} is not an http or https address");
                Err((key.to_owned(), reason))
            }
        };
        let filled = |key: &str, from: &Text| {
            let text = text(key, from)?;
            if text.is_empty() {
                Err((key.to_owned(), "must not be empty".to_owned()))
            } else {
                Ok(text)
            }
        };
        let s3 = s3
            .map(|s3| {
                Ok::<_, KeyError>(S3Settings {
                    endpoint: url("s3.endpoint", &s3.endpoint)?,
                    bucket: filled("s3.bucket", &s3.bucket)?,
                    region: filled("s3.region", &s3.region)?,
                    access_key: Secret::new(filled("s3.access_key", &s3.access_key)?),
                    secret_key: Secret::new(filled("s3.secret_key", &s3.secret_key)?),
                })
            })
            .transpose()?;
        Ok(BlobSettings {
            max_bytes: max_bytes.unwrap_or(DEFAULT_MAX_BYTES),
            quota_bytes: quota_bytes.unwrap_or(DEFAULT_QUOTA_BYTES),
            public_url: public_url
                .map(|from| url("public_url", &from))
                .transpose()?,
            s3,
        })
    }
}

/// Whether a text is the address of a server, perhaps with a path.
fn is_http(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some()
            && uri.query().is_none()
    })
}
