//! The settings `cors`: whose pages may call the server from browsers.

use http::Uri;
use serde::{Deserialize, Serialize};

use crate::settings::{KeyError, wrong};

/// Most origins.
const MAX_ORIGINS: usize = 100;

/// Whose pages may call the server from browsers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsSettings {
    /// The pages.
    pub origins: Origins,
}

/// Where pages come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origins {
    /// From nowhere but the server itself: nothing is said to browsers.
    #[default]
    Own,
    /// From these places, written as browsers send them. They may use the device's session.
    These(Vec<String>),
    /// From anywhere, without the device's session.
    Any,
}

impl Origins {
    /// Whether pages from there may call the server.
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Own => false,
            Self::These(origins) => origins.iter().any(|known| known == origin),
            Self::Any => true,
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CorsEntry {
    #[serde(default)]
    origins: Vec<String>,
}

impl CorsEntry {
    pub(super) fn check(self) -> Result<CorsSettings, KeyError> {
        let Self { origins } = self;
        let origins = match origins.as_slice() {
            [] => Origins::Own,
            [any] if any == "*" => Origins::Any,
            many if many.len() > MAX_ORIGINS => {
                return wrong("origins", format!("has more than {MAX_ORIGINS} entries"));
            }
            _ => {
                if let Some(bad) = origins.iter().find(|origin| !is_origin(origin)) {
                    return wrong(
                        "origins",
                        format!(
                            "{bad:?} is not an origin as browsers send it: scheme, host in lower case, and the port where it is not the scheme's, `https://app.example.com` for instance, or `*` alone"
                        ),
                    );
                }
                Origins::These(origins)
            }
        };
        Ok(CorsSettings { origins })
    }
}

/// Whether browsers would write an origin this way: they compare letter by letter, so anything else would never match.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return false;
    };
    let port = uri.port_u16();
    let is_default = matches!((scheme, port), ("http", Some(80)) | ("https", Some(443)));
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    matches!(scheme, "http" | "https")
        && !is_default
        && !host.contains('*')
        && text == format!("{scheme}://{}{port}", host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origins: &[&str]) -> Result<Origins, KeyError> {
        let origins = origins.iter().map(|&origin| origin.to_owned()).collect();
        Ok(CorsEntry { origins }.check()?.origins)
    }

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let good = [
            "https://app.example.com",
            "http://localhost:8080",
            "http://[::1]:3000",
        ];
        assert!(check(&good).unwrap().allow("http://localhost:8080"));
        assert!(!check(&good).unwrap().allow("http://localhost"));
        assert_eq!(check(&[]), Ok(Origins::Own));
        assert!(!Origins::Own.allow("https://app.example.com"));
        assert_eq!(check(&["*"]), Ok(Origins::Any));
        for bad in [
            "",
            "null",
            "app.example.com",
            "https://",
            "https://app.example.com/",
            "https://app.example.com/x",
            "https://App.example.com",
            "HTTPS://app.example.com",
            "https://app.example.com:443",
            "http://app.example.com:80",
            "https://user@app.example.com",
            "https://*.example.com",
            "ftp://app.example.com",
        ] {
            assert!(check(&[bad]).is_err(), "{bad}");
        }
        assert!(check(&["*", "https://app.example.com"]).is_err());
        assert!(check(&vec!["https://a.example"; MAX_ORIGINS + 1]).is_err());
    }
}
