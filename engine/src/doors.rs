//! Where a server listens, and the name under which others find it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use crate::error::{Error, Kind, Result};

/// Of the addresses reserved for documents: nobody has it, so the way there is the default route.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// A server's address to listen on, and the one to be told to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    pub bind_host: String,
    /// Never a loopback name unless the server listens on loopback.
    pub external_host: String,
}

impl Door {
    /// Settles under which name others find a server that listens on `bind_host`: the given one,
    /// or the address that the machine has on the way to the others.
    ///
    /// # Errors
    /// `Usage` where that would be a name that means another machine there.
    pub fn new(bind_host: &str, external_host: Option<&str>) -> Result<Self> {
        let door = |external: &str| Self {
            bind_host: bind_host.to_owned(),
            external_host: external.to_owned(),
        };
        if is_loopback(bind_host) {
            return Ok(door(external_host.unwrap_or(bind_host)));
        }
        match external_host {
            Some(external) if is_loopback(external) => {
                let cause = "on every other host that name means the host itself";
                Err(Error::new(Kind::Usage, "be reached as", external, cause)
                    .hint("give a name or address of this host with --external-host"))
            }
            Some(external) => Ok(door(external)),
            None if !is_unspecified(bind_host) => Ok(door(bind_host)),
            None => match address_towards(ANYWHERE) {
                Some(address) if !address.is_loopback() => Ok(door(&address.to_string())),
                _ => {
                    let cause = "this host has no address on the way to others";
                    Err(Error::new(Kind::Usage, "be reached by", "others", cause)
                        .hint("give a name or address of this host with --external-host"))
                }
            },
        }
    }

    /// Says loudly when strangers can come in.
    pub fn warn_if_open(&self, port: u16) {
        if !is_loopback(&self.bind_host) {
            tracing::warn!(
                address = format!("{}:{port}", self.bind_host),
                hint = "keep the port inside a private network, or listen on 127.0.0.1",
                "this server listens without TLS and without authentication: whoever reaches it \
                 can run jobs, and read and write all that it can"
            );
        }
    }

    /// Refuses to serve a peer that cannot call back.
    ///
    /// # Errors
    /// `Usage` for a server on loopback whose peer is on another host.
    pub fn check_peer(&self, host: &str, port: u16) -> Result<()> {
        if !is_loopback(&self.bind_host) || is_here(host, port) {
            return Ok(());
        }
        let cause = format!("this process listens on {} alone", self.bind_host);
        let hint = "let it listen where the others reach it, with --bind-host and --external-host";
        Err(Error::new(Kind::Usage, "be reached from", host, cause).hint(hint))
    }
}

/// Whether a name means the machine itself on every machine.
fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn is_unspecified(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

/// Whether a host is this one; also where that cannot be told.
fn is_here(host: &str, port: u16) -> bool {
    let Ok(mut addresses) = (host, port).to_socket_addrs() else {
        return true;
    };
    // From 127.0.0.1 one reaches all of 127.0.0.0/8, which is here too.
    let is_own = |from: IpAddr, to: IpAddr| from == to || from.is_loopback();
    addresses.all(|to| address_towards(to).is_none_or(|from| is_own(from, to.ip())))
}

/// The address that this machine has towards another. Nothing is sent.
fn address_towards(to: SocketAddr) -> Option<IpAddr> {
    let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(from).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn external(bind: &str, given: Option<&str>) -> Result<String> {
        Door::new(bind, given).map(|door| door.external_host)
    }

    #[test]
    fn a_server_on_loopback_is_found_there() {
        assert_eq!(external("127.0.0.1", None).unwrap(), "127.0.0.1");
        assert_eq!(external("localhost", None).unwrap(), "localhost");
        // Behind a proxy or in a network of containers.
        assert_eq!(external("127.0.0.1", Some("proxy")).unwrap(), "proxy");
    }

    #[test]
    fn no_host_is_loopback_to_another() {
        for loopback in ["localhost", "LOCALHOST", "127.0.0.1", "127.3.2.1", "::1"] {
            for bind in ["0.0.0.0", "::", "10.0.0.1"] {
                let refused = external(bind, Some(loopback)).unwrap_err();
                assert_eq!(refused.kind, Kind::Usage, "{bind} {loopback}");
            }
        }
        assert_eq!(external("0.0.0.0", Some("a.b")).unwrap(), "a.b");
        assert_eq!(external("10.1.2.3", None).unwrap(), "10.1.2.3");
        // A machine without a network has no address to give.
        if let Ok(found) = external("0.0.0.0", None) {
            assert!(!is_loopback(&found) && !is_unspecified(&found), "{found}");
        }
    }

    #[test]
    fn a_peer_elsewhere_cannot_call_back_to_loopback() {
        let door = Door::new("127.0.0.1", None).unwrap();
        assert_eq!(door.check_peer("127.0.0.1", 1), Ok(()));
        assert_eq!(door.check_peer("localhost", 1), Ok(()));
        assert_eq!(door.check_peer("127.77.1.2", 1), Ok(()));
        // A machine without a network cannot tell.
        if address_towards(ANYWHERE).is_some() {
            let refused = door.check_peer("192.0.2.1", 1).unwrap_err();
            assert_eq!(refused.kind, Kind::Usage);
        }
    }
}
