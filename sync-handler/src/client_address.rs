//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, header};
use ipnet::IpNet;
use sync_core::HandedBy;

/// The header in which the host says who has connected.
const PEER_HEADER: &str = "spin-client-addr";

/// The older header of proxies, with the addresses that a request has passed, the first one first.
const FORWARDED_FOR_HEADER: &str = "x-forwarded-for";

/// How much of an IPv6 address is one customer's: the rest he chooses himself.
const IPV6_PREFIX: u32 = 64;

/// The address by which a caller is counted: an IPv4 address, or the /64 of an IPv6 address; `unknown` where the host does
/// not tell.
///
/// Of what proxies say (`Forwarded`, RFC 7239, or else `X-Forwarded-For`) only as much is believed as trusted ones have
/// written: it is read from the end, up to the first address that is none of theirs.
pub(crate) fn client_address(headers: &HeaderMap, trusted: &[IpNet]) -> String {
    let peer = header_values(headers, PEER_HEADER).next();
    let Some(mut address) = peer.and_then(parse) else {
        return "unknown".to_owned();
    };
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut passed = passed(headers);
    while is_trusted(&address)
        && let Some(before) = passed.pop()
    {
        // What cannot be read is the proxy's to answer for.
        let Some(before) = parse(&before) else {
            break;
        };
        address = before;
    }
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let kept = u128::MAX << (128 - IPV6_PREFIX);
            Ipv6Addr::from(u128::from(address) & kept).to_string()
        }
    }
}

/// Who has connected: a trusted proxy, or anybody.
pub(crate) fn handed_by(headers: &HeaderMap, trusted: &[IpNet]) -> HandedBy {
    let peer = header_values(headers, PEER_HEADER).next().and_then(parse);
    let is_trusted = peer.is_some_and(|peer| trusted.iter().any(|network| network.contains(&peer)));
    match is_trusted {
        true => HandedBy::TrustedProxy,
        false => HandedBy::Anybody,
    }
}

/// What proxies say whom they ask for, the first one first.
fn passed(headers: &HeaderMap) -> Vec<String> {
    let forwarded: Vec<String> = header_values(headers, header::FORWARDED.as_str())
        .flat_map(|value| value.split(','))
        .map(|element| {
            let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
            let mut pairs = pairs.map(|(name, value)| (name.trim(), value.trim()));
            let node = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"));
            let (_, node) = node.unwrap_or_default();
            node.trim_matches('"').to_owned()
        })
        .collect();
    if !forwarded.is_empty() {
        return forwarded;
    }
    header_values(headers, FORWARDED_FOR_HEADER)
        .flat_map(|value| value.split(','))
        .map(|address| address.trim().to_owned())
        .collect()
}

fn header_values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok())
}

/// An address, with a port or without one.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = text.parse::<SocketAddr>().map(|address| address.ip());
    let address = address.or_else(|_| bare.unwrap_or(text).parse::<IpAddr>());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut map = HeaderMap::new();
        map.insert(PEER_HEADER, peer.parse().unwrap());
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        client_address(&map, &trusted)
    }

    #[test]
    fn a_caller_is_known_by_its_address_without_the_port() {
        assert_eq!(address("192.0.2.7:4711", &[]), "192.0.2.7");
        assert_eq!(address("192.0.2.7", &[]), "192.0.2.7");
        assert_eq!(address("[::ffff:192.0.2.7]:80", &[]), "192.0.2.7");
        assert_eq!(address("nonsense", &[]), "unknown");
        assert_eq!(client_address(&HeaderMap::new(), &[]), "unknown");
    }

    #[test]
    fn addresses_of_one_customer_are_one() {
        assert_eq!(address("[2001:db8:1:2:3:4:5:6]:80", &[]), "2001:db8:1:2::");
        assert_eq!(address("2001:db8:1:2::9", &[]), "2001:db8:1:2::");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let claim = [(FORWARDED_FOR_HEADER, "198.51.100.1")];
        assert_eq!(address("192.0.2.7:1", &claim), "192.0.2.7");
        assert_eq!(address("10.1.2.3:1", &claim), "198.51.100.1");
    }

    #[test]
    fn what_a_caller_claims_before_a_trusted_proxy_adds_to_it_is_not_believed() {
        let claims = [(FORWARDED_FOR_HEADER, "203.0.113.9, 198.51.100.1, 10.9.9.9")];
        assert_eq!(address("10.1.2.3:1", &claims), "198.51.100.1");
        let two = [
            (FORWARDED_FOR_HEADER, "203.0.113.9"),
            (FORWARDED_FOR_HEADER, "198.51.100.1"),
        ];
        assert_eq!(address("10.1.2.3:1", &two), "198.51.100.1");
        let inside = [(FORWARDED_FOR_HEADER, "10.9.9.9")];
        assert_eq!(address("10.1.2.3:1", &inside), "10.9.9.9");
        let unreadable = [(FORWARDED_FOR_HEADER, "198.51.100.1, unknown")];
        assert_eq!(address("10.1.2.3:1", &unreadable), "10.1.2.3");
    }

    #[test]
    fn the_standard_header_goes_before_the_older_one() {
        let both = [
            (FORWARDED_FOR_HEADER, "203.0.113.9"),
            (
                "forwarded",
                "for=198.51.100.1;proto=https, For=\"[fd00::1]:80\"",
            ),
        ];
        assert_eq!(address("10.1.2.3:1", &both), "198.51.100.1");
    }
}
