//! Where a component may connect to: its `allowed_outbound_hosts`.

use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;
use url::Host;

/// Ends the name under which components of one application reach each other.
pub(crate) const CHAINING_SUFFIX: &str = ".spin.internal";

/// Everything one component may connect to.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedHosts(Vec<Entry>);

/// One entry of `allowed_outbound_hosts`: each part has to match.
#[derive(Debug, Clone)]
struct Entry {
    /// `None`: any.
    scheme: Option<String>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Debug, Clone)]
enum HostPattern {
    Any,
    /// The application itself, whatever its address.
    Itself,
    Exact(Host),
    /// With the dot in front.
    Below(String),
    Network(IpNet),
}

#[derive(Debug, Clone)]
enum PortPattern {
    Any,
    Within(Range<u32>),
}

impl AllowedHosts {
    /// Parses entries whose templates are already rendered.
    ///
    /// What a template left empty (`""`, `"http://"`, `"https://"`) allows nothing, so that a host can be optional.
    ///
    /// # Errors
    ///
    /// An entry is not `<scheme>://<host>[:<port>]`, where each part may be `*`.
    pub(crate) fn parse<'entries>(
        entries: impl IntoIterator<Item = &'entries str>,
    ) -> Result<Self> {
        entries
            .into_iter()
            .map(str::trim)
            .filter(|entry| !matches!(*entry, "" | "http://" | "https://"))
            .map(|entry| {
                Entry::parse(entry)
                    .with_context(|| format!("{entry:?} is not an allowed outbound host"))
            })
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Whether a connection to `host` is allowed. Without `port`, the scheme's own is meant.
    pub(crate) fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let (Ok(host), Some(port)) = (Host::parse(host), port.or_else(|| default_port(scheme)))
        else {
            return false;
        };
        self.0.iter().any(|entry| {
            entry.allows_scheme(scheme) && entry.host.allows(&host) && entry.port.allows(port)
        })
    }

    /// Whether a connection to what `address`, a URL, names is allowed.
    pub(crate) fn allows_address(&self, address: &str) -> bool {
        url::Url::parse(address).is_ok_and(|url| {
            url.host_str()
                .is_some_and(|host| self.allows(url.scheme(), host, url.port()))
        })
    }

    /// Whether requests to the application itself are allowed.
    pub(crate) fn allows_itself(&self) -> bool {
        self.0.iter().any(|entry| {
            matches!(entry.host, HostPattern::Any | HostPattern::Itself)
                && (entry.allows_scheme("http") || entry.allows_scheme("https"))
        })
    }

    /// The hosts below `spin.internal` that are listed: ids of components, or `*` for all of them.
    pub(crate) fn chained(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|entry| match &entry.host {
            HostPattern::Exact(Host::Domain(domain)) => domain.strip_suffix(CHAINING_SUFFIX),
            HostPattern::Below(suffix) if suffix == CHAINING_SUFFIX => Some("*"),
            _ => None,
        })
    }
}

impl Entry {
    fn parse(entry: &str) -> Result<Self> {
        let (scheme, rest) = entry
            .split_once("://")
            .context("it has to be <scheme>://<host>[:<port>]; *://*:* allows everything")?;
        ensure!(
            scheme == "*" || scheme.chars().all(char::is_alphabetic),
            "a scheme is letters, or *"
        );
        if let Ok(network) = rest.parse::<IpNet>() {
            return Self::new(scheme, HostPattern::Network(network), "");
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        ensure!(!authority.contains('/'), "it must not have a path");
        match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => {
                Self::new(scheme, HostPattern::parse(host)?, port)
            }
            _ => Self::new(scheme, HostPattern::parse(authority)?, ""),
        }
    }

    fn new(scheme: &str, host: HostPattern, port: &str) -> Result<Self> {
        Ok(Self {
            port: PortPattern::parse(port, scheme, &host)?,
            host,
            scheme: (scheme != "*").then(|| scheme.to_owned()),
        })
    }

    fn allows_scheme(&self, scheme: &str) -> bool {
        self.scheme
            .as_deref()
            .is_none_or(|allowed| allowed == scheme)
    }
}

impl HostPattern {
    fn parse(host: &str) -> Result<Self> {
        Ok(match host {
            "*" => Self::Any,
            "self" | "self.alt" => Self::Itself,
            _ => match host.strip_prefix("*.") {
                Some(domain) if !domain.contains('*') => match Host::parse(domain)? {
                    Host::Domain(domain) => Self::Below(format!(".{domain}")),
                    _ => bail!("only a domain can follow *."),
                },
                None if !host.contains('*') => Self::Exact(Host::parse(host)?),
                _ => bail!("a * stands alone or for a subdomain, as in *.example.com"),
            },
        })
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Exact(allowed), host) => allowed == host,
            (Self::Below(suffix), Host::Domain(domain)) => domain.ends_with(suffix.as_str()),
            (Self::Network(network), Host::Ipv4(ip)) => {
                network.contains(&std::net::IpAddr::from(*ip))
            }
            (Self::Network(network), Host::Ipv6(ip)) => {
                network.contains(&std::net::IpAddr::from(*ip))
            }
            (Self::Itself | Self::Below(_) | Self::Network(_), _) => false,
        }
    }
}

impl PortPattern {
    fn parse(port: &str, scheme: &str, host: &HostPattern) -> Result<Self> {
        let number = |text: &str| {
            text.parse::<u16>()
                .map(u32::from)
                .with_context(|| format!("{text:?} is no port"))
        };
        Ok(match port {
            "*" => Self::Any,
            "" => match default_port(scheme) {
                Some(port) => Self::Within(u32::from(port)..u32::from(port) + 1),
                None if matches!(host, HostPattern::Itself) => Self::Any,
                None => bail!("it has no port, and the scheme {scheme:?} has none of its own"),
            },
            range => match range.split_once("..") {
                Some((start, end)) => Self::Within(number(start)?..number(end)?),
                None => Self::Within(number(range)?..number(range)? + 1),
            },
        })
    }

    fn allows(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Within(ports) => ports.contains(&u32::from(port)),
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "mysql" => Some(3306),
        "postgres" => Some(5432),
        "redis" => Some(6379),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(entries: &[&str]) -> AllowedHosts {
        AllowedHosts::parse(entries.iter().copied()).unwrap()
    }

    #[test]
    fn addresses_match_literally() {
        for (entry, address, expected) in [
            ("http://a.test", "http://a.test/path", true),
            ("http://a.test", "http://a.test:80", true),
            ("http://a.test/", "http://a.test", true),
            ("http://a.test", "http://A.test", true),
            ("http://a.test", "http://a.test:8080", false),
            ("http://a.test", "https://a.test", false),
            ("http://a.test:*", "http://a.test:8080", true),
            ("http://a.test:8000..8002", "http://a.test:8001", true),
            ("http://a.test:8000..8002", "http://a.test:8002", false),
            ("*://a.test:6379", "redis://a.test", true),
            ("redis://localhost:6379", "redis://localhost", true),
            ("redis://localhost", "redis://127.0.0.1", false),
            ("mysql://db.test", "mysql://u:p@db.test:3306/shop", true),
            (
                "redis://127.0.0.1:6379",
                "redis://user:secret@127.0.0.1:6379/3",
                true,
            ),
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6380", false),
            ("https://*.a.test", "https://b.a.test", true),
            ("https://*.a.test", "https://a.test", false),
            ("http://10.0.0.0/8", "http://10.1.2.3", true),
            ("http://10.0.0.0/8", "http://11.1.2.3", false),
            ("http://[::1]:8080", "http://[::1]:8080/", true),
            ("https://*", "https://any.test", true),
            ("*://*:*", "redis://any.test:1", true),
            ("http://self", "http://self", false),
            ("http://a.test", "not an address", false),
        ] {
            assert_eq!(
                allowed(&[entry]).allows_address(address),
                expected,
                "{entry} {address}"
            );
        }
    }

    #[test]
    fn the_application_itself_is_allowed_by_name_or_wildcard() {
        for (entries, expected) in [
            (&["http://self"][..], true),
            (&["http://self.alt"], true),
            (&["*://*:*"], true),
            (&["redis://*:*"], false),
            (&["http://127.0.0.1:3000"], false),
            (&[], false),
        ] {
            assert_eq!(allowed(entries).allows_itself(), expected, "{entries:?}");
        }
    }

    #[test]
    fn chained_components_are_found() {
        let hosts = allowed(&[
            "http://a.spin.internal",
            "http://*.spin.internal",
            "http://b.test",
        ]);
        assert_eq!(hosts.chained().collect::<Vec<_>>(), ["a", "*"]);
        assert!(hosts.allows("http", "b.spin.internal", None));
    }

    #[test]
    fn empty_entries_allow_nothing() {
        let hosts = allowed(&["", "http://", "https://"]);
        assert!(!hosts.allows_address("http://a.test"));
    }

    #[test]
    fn malformed_entries_are_refused() {
        for entry in [
            "*",
            "a.test",
            "ftp://a.test",
            "http://a.test/path",
            "http://a.*.test",
            "http://a.test:x",
        ] {
            let error = AllowedHosts::parse([entry]).unwrap_err();
            assert!(error.to_string().contains(entry), "{error:#}");
        }
    }
}
