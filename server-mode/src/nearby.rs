//! Sessions on this network that their hosts let colleagues find, by multicast DNS (RFC 6762, 6763). An announcement
//! names the machine and nothing of what is shown there.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};

use crate::knock::shown_name;

const SERVICE: &str = "_voxcast._tcp.local.";
/// What the announcement calls the machine.
const NAME: &str = "name";
/// Sessions that are listed, and the addresses that are tried of each.
const MOST_FOUND: usize = 64;
const MOST_ADDRESSES: usize = 8;
/// A label of a domain name has 63 bytes (RFC 1035, 2.3.4); the port takes some.
const MAX_LABEL_BYTES: usize = 56;

#[derive(Debug, thiserror::Error)]
#[error("the network's names cannot be asked: {0}")]
pub struct Error(String);

impl From<mdns_sd::Error> for Error {
    fn from(error: mdns_sd::Error) -> Self {
        Self(error.to_string())
    }
}

/// Tells the network of a session for as long as it is kept.
pub struct Announcement {
    daemon: ServiceDaemon,
    id: String,
}

impl std::fmt::Debug for Announcement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announcement").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Announcement {
    /// Announces a session at this port of this machine, by all of its addresses.
    pub fn start(machine: &str, port: u16) -> Result<Self, Error> {
        Self::of(&ServiceDaemon::new()?, machine, port)
    }

    fn of(daemon: &ServiceDaemon, machine: &str, port: u16) -> Result<Self, Error> {
        let machine = &shown_name(machine);
        let label = label(machine);
        // Two sessions on one machine have names of their own.
        let instance = format!("{label} {port}");
        let service = ServiceInfo::new(
            SERVICE,
            &instance,
            &format!("{label}.local."),
            "",
            port,
            &[(NAME, machine)][..],
        )?
        .enable_addr_auto();
        let id = service.get_fullname().to_owned();
        daemon.register(service)?;
        Ok(Self { daemon: daemon.clone(), id })
    }

    /// What [`Found::id`] is of this session.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // It says goodbye; where that fails, the announcement expires.
        let _ = self.daemon.unregister(&self.id);
        let _ = self.daemon.shutdown();
    }
}

/// A session that somebody lets colleagues find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Tells sessions apart.
    pub id: String,
    /// What its machine calls itself.
    pub machine: String,
    /// Where to knock, the likeliest first.
    pub addresses: Vec<SocketAddr>,
}

/// Looks for sessions for as long as it is kept.
pub struct Nearby {
    daemon: ServiceDaemon,
    found: Arc<Mutex<BTreeMap<String, Found>>>,
}

impl std::fmt::Debug for Nearby {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nearby").field("found", &self.found().len()).finish_non_exhaustive()
    }
}

impl Nearby {
    /// `wake` is called on another thread whenever there is a change.
    pub fn start(wake: impl Fn() + Send + 'static) -> Result<Self, Error> {
        Self::of(ServiceDaemon::new()?, wake)
    }

    fn of(daemon: ServiceDaemon, wake: impl Fn() + Send + 'static) -> Result<Self, Error> {
        let events = daemon.browse(SERVICE)?;
        let found = Arc::new(Mutex::new(BTreeMap::new()));
        let theirs = Arc::clone(&found);
        // It ends with the daemon, whose events it waits for.
        let look = move || {
            for event in &events {
                let mut found = theirs.lock().unwrap_or_else(PoisonError::into_inner);
                match event {
                    ServiceEvent::ServiceResolved(service) => take(&mut found, &service),
                    ServiceEvent::ServiceRemoved(_, id) => drop(found.remove(&id)),
                    _ => continue,
                }
                drop(found);
                wake();
            }
        };
        let spawned = std::thread::Builder::new().name("nearby".into()).spawn(look);
        spawned.map_err(|error| Error(error.to_string()))?;
        Ok(Self { daemon, found })
    }

    /// By the names of their machines.
    pub fn found(&self) -> Vec<Found> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<Found> = found.values().cloned().collect();
        found.sort_by(|a, b| (&a.machine, &a.id).cmp(&(&b.machine, &b.id)));
        found
    }
}

impl Drop for Nearby {
    fn drop(&mut self) {
        let _ = self.daemon.shutdown();
    }
}

/// Whoever is in the network can say anything: what is no session is left out.
fn take(found: &mut BTreeMap<String, Found>, service: &ResolvedService) {
    let mut addresses: Vec<IpAddr> = service
        .get_addresses()
        .iter()
        .map(mdns_sd::ScopedIp::to_ip_addr)
        .filter(|ip| is_reachable(*ip))
        .collect();
    // Sessions listen by IPv4 first of all.
    addresses.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6(), *ip));
    addresses.truncate(MOST_ADDRESSES);
    let addresses: Vec<SocketAddr> =
        addresses.into_iter().map(|ip| SocketAddr::new(ip, service.get_port())).collect();
    let machine = shown_name(service.get_property_val_str(NAME).unwrap_or_default());
    let id = service.get_fullname().to_owned();
    if addresses.is_empty() || machine.is_empty() || service.get_port() == 0 {
        found.remove(&id);
    } else if found.len() < MOST_FOUND || found.contains_key(&id) {
        found.insert(id.clone(), Found { id, machine, addresses });
    }
}

/// Link-local addresses of IPv6 mean nothing without their interface.
fn is_reachable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_unicast_link_local(),
    }
}

/// A name as a label of a domain name.
fn label(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let label: String = name.chars().map(plain).take(MAX_LABEL_BYTES).collect();
    match label.trim_matches('-') {
        "" => "voxcast".to_owned(),
        label => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_session_is_found_by_its_machines_name_until_it_ends() {
        // A port of its own, so that no service of the system's hears it, or is heard.
        const PORT: u16 = 53_531;
        let (told, changes) = mpsc::sync_channel(64);
        let daemon = || ServiceDaemon::new_with_port(PORT).expect("a thread");
        let nearby = Nearby::of(daemon(), move || _ = told.try_send(())).expect("it looks");
        let announcement = Announcement::of(&daemon(), "Reading room 3", 4711).expect("it is told");
        let wait = |what: &str, done: &dyn Fn(&[Found]) -> bool| {
            let began = Instant::now();
            while !done(&nearby.found()) {
                let left = Duration::from_secs(20).checked_sub(began.elapsed());
                let Some(left) = left else { panic!("{what}: {:?}", nearby.found()) };
                let _ = changes.recv_timeout(left);
            }
        };
        wait("it is found", &|found| !found.is_empty());
        let found = nearby.found();
        assert_eq!((found[0].machine.as_str(), found[0].id.as_str()), ("Reading room 3", announcement.id()));
        assert!(found[0].addresses.iter().all(|address| address.port() == 4711));
        drop(announcement);
        wait("it is gone", &|found| found.is_empty());
    }

    #[test]
    fn names_become_labels() {
        assert_eq!(label("Reading room 3"), "Reading-room-3");
        assert_eq!(label("ws01.clinic.example"), "ws01-clinic-example");
        assert_eq!(label(&"x".repeat(100)).len(), MAX_LABEL_BYTES);
    }
}
