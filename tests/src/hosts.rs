//! Hosts on one machine: network namespaces with addresses of their own, joined by a bridge.
//!
//! Needs root, and `ip` of iproute2. The machine itself is at the bridge too, under an address of
//! its own, and so are the servers that a test runs there.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::processes::Result;

/// Where a process runs.
#[derive(Debug, Clone)]
pub struct Host {
    /// `None` for the machine itself.
    namespace: Option<String>,
    pub address: IpAddr,
}

impl Host {
    /// The machine itself, by its loopback address.
    pub fn local() -> Self {
        Self {
            namespace: None,
            address: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// A command that runs a program there.
    pub fn command(&self, program: Command) -> Command {
        let Some(namespace) = &self.namespace else {
            return program;
        };
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]);
        command.arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// Some hosts and the bridge between them; all is removed when dropped.
pub struct Network {
    bridge: String,
    /// The third byte of all addresses.
    subnet: u8,
    hosts: Vec<Host>,
}

/// What stands in for the neighbour that packets are to miss.
const NOBODY: &str = "02:00:00:00:00:ff";

impl Network {
    /// Why there can be no network here; `None` where it can.
    pub fn is_refused() -> Option<String> {
        let name = format!("cmtry{}", std::process::id());
        let made = ip(&["netns", "add", &name]).and_then(|()| {
            let bridged = ip(&["link", "add", &name, "type", "bridge"]);
            let _ = ip(&["link", "del", &name]);
            ip(&["netns", "del", &name])?;
            bridged
        });
        made.err().map(|cause| cause.to_string())
    }

    pub fn start(hosts: usize) -> Result<Self> {
        static STARTED: AtomicU8 = AtomicU8::new(0);
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let pid = std::process::id();
        // Other test processes take subnets of their own.
        let subnet = (pid % 25) as u8 * 10 + number % 10;
        let mut network = Self {
            bridge: format!("cm{pid}b{number}"),
            subnet,
            hosts: Vec::new(),
        };
        let bridge = network.bridge.clone();
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["link", "set", &bridge, "address", &hardware(0)])?;
        let own = format!("{}/24", network.own_address());
        ip(&["addr", "add", &own, "dev", &bridge])?;
        ip(&["link", "set", &bridge, "up"])?;
        for index in 0..hosts {
            network.add_host(index)?;
        }
        network.introduce_all()?;
        Ok(network)
    }

    /// The machine's own address at the bridge.
    pub fn own_address(&self) -> IpAddr {
        self.address(0)
    }

    pub fn host(&self, index: usize) -> Host {
        self.hosts[index].clone()
    }

    /// Drops every packet from and to a host, as if its cable was pulled.
    pub fn cut_off(&self, index: usize) -> Result<()> {
        ip(&["link", "set", &self.port(index), "nomaster"])
    }

    pub fn heal(&self, index: usize) -> Result<()> {
        ip(&["link", "set", &self.port(index), "master", &self.bridge])
    }

    /// Drops every packet between two hosts, which both reach all others.
    pub fn cut_between(&self, one: usize, other: usize) -> Result<()> {
        self.introduce(one, other, NOBODY)?;
        self.introduce(other, one, NOBODY)
    }

    pub fn heal_between(&self, one: usize, other: usize) -> Result<()> {
        self.introduce(one, other, &hardware(other + 1))?;
        self.introduce(other, one, &hardware(one + 1))
    }

    fn add_host(&mut self, index: usize) -> Result<()> {
        let namespace = format!("{}h{index}", self.bridge);
        let port = self.port(index);
        ip(&["netns", "add", &namespace])?;
        let address = self.address(index + 1);
        self.hosts.push(Host {
            namespace: Some(namespace.clone()),
            address,
        });
        let inside = |arguments: &[&str]| ip(&[&["-n", &namespace], arguments].concat());
        let peer = ["peer", "name", "eth0", "netns", &namespace];
        ip(&[&["link", "add", &port, "type", "veth"][..], &peer].concat())?;
        ip(&["link", "set", &port, "master", &self.bridge, "up"])?;
        inside(&["link", "set", "eth0", "address", &hardware(index + 1)])?;
        inside(&["addr", "add", &format!("{address}/24"), "dev", "eth0"])?;
        inside(&["link", "set", "eth0", "up"])?;
        inside(&["link", "set", "lo", "up"])
    }

    /// Everybody knows everybody for ever: a host that cannot be reached is silent, where asking
    /// for its hardware address in vain would be an error at once.
    fn introduce_all(&self) -> Result<()> {
        for one in 0..self.hosts.len() {
            for other in (0..self.hosts.len()).filter(|other| *other != one) {
                self.introduce(one, other, &hardware(other + 1))?;
            }
            let namespace = self.hosts[one].namespace.as_deref();
            neighbour(namespace, self.own_address(), &hardware(0), "eth0")?;
            let address = self.hosts[one].address;
            neighbour(None, address, &hardware(one + 1), &self.bridge)?;
        }
        Ok(())
    }

    fn introduce(&self, to: usize, whom: usize, hardware: &str) -> Result<()> {
        let namespace = self.hosts[to].namespace.as_deref();
        neighbour(namespace, self.hosts[whom].address, hardware, "eth0")
    }

    fn port(&self, index: usize) -> String {
        format!("{}p{index}", self.bridge)
    }

    fn address(&self, number: usize) -> IpAddr {
        Ipv4Addr::new(10, 213, self.subnet, number as u8 + 1).into()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // What was not made, or is gone, needs no removing.
        for host in &self.hosts {
            if let Some(namespace) = &host.namespace {
                let _ = ip(&["netns", "del", namespace]);
            }
        }
        let _ = ip(&["link", "del", &self.bridge]);
    }
}

fn neighbour(namespace: Option<&str>, whom: IpAddr, hardware: &str, device: &str) -> Result<()> {
    let whom = whom.to_string();
    let place: &[&str] = match &namespace {
        Some(namespace) => &["-n", namespace],
        None => &[],
    };
    let entry = ["lladdr", hardware, "dev", device, "nud", "permanent"];
    ip(&[place, &["neigh", "replace", &whom], &entry].concat())
}

fn hardware(number: usize) -> String {
    format!("02:00:00:00:01:{number:02x}")
}

fn ip(arguments: &[&str]) -> Result<()> {
    let words = || format!("ip {}", arguments.join(" "));
    let ended = Command::new("ip")
        .args(arguments)
        .output()
        .map_err(|cause| format!("{}: {cause}", words()))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(format!("{}: {}", words(), said.trim()).into())
}
