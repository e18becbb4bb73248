//! Ports of this machine.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

/// How far from the usual port another one is looked for.
const NEIGHBOURS: u16 = 100;

/// Whether somebody listens on a loopback port already.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The first free port from `port` on.
pub(crate) fn free_port_from(port: u16) -> Result<u16> {
    let last = port.saturating_add(NEIGHBOURS);
    match (port..=last).find(|&port| is_free(port)) {
        Some(port) => Ok(port),
        None => bail!("the ports {port} to {last} are all taken"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_passed_over() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = listener.local_addr().unwrap().port();
        assert!(!is_free(taken));
        assert!(free_port_from(taken).unwrap() > taken);
    }
}
