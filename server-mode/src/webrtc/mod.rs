//! WebRTC: one UDP port for all sessions, a peer for each that wants one.
//!
//! ```text
//! socket -> Routes (by ICE user name, by address) -> queue -> Connection (str0m) -> PeerEvent -> session
//! session -> Parcel -> Connection -> datagrams -> socket
//! ```
//!
//! A session's task drives its own connection, so that it ends with the session, and a defect in it ends nothing
//! else.

mod connection;
mod ice_servers;
mod routes;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use protocol::message::{IceServer, Track};
use str0m::Candidate;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::server::{Error, Secret};
use crate::session::{Parcel, PeerEvent};
use connection::{Connection, Local, Refusal, fingerprint};
use ice_servers::IceServers;
use routes::{Datagram, Route, Routes};

/// Larger datagrams than any network carries whole are none of ours.
const MOST_BYTES: usize = 2048;
/// Local addresses: each is a socket and a candidate.
const MOST_ADDRESSES: usize = 16;
/// How often another port is tried that is free at all addresses.
const TRIES: usize = 8;
/// A socket that cannot be read, for want of memory for example, is tried again.
const RETRY: Duration = Duration::from_millis(20);
/// Datagrams that are handled before what the session wants to send.
const AT_ONCE: usize = 64;

/// How clients reach the server by WebRTC.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Address and UDP port; those of the web server where `None`.
    pub listen: Option<SocketAddr>,
    /// Addresses under which others know this machine, the port being the same.
    pub public_addresses: Vec<IpAddr>,
    /// URLs of STUN and TURN servers.
    pub ice_servers: Vec<String>,
    /// What the TURN servers share with this one.
    pub turn_secret: Option<Secret>,
}

/// The sockets, and what all peers share.
pub struct WebRtc {
    shared: Arc<Shared>,
    readers: Vec<JoinHandle<()>>,
}

struct Shared {
    sockets: Vec<(SocketAddr, Arc<UdpSocket>)>,
    routes: Arc<Routes>,
    local: Local,
    ice_servers: IceServers,
}

impl WebRtc {
    /// Listens, and tells what the user should know.
    pub async fn bind(config: &Config, web: SocketAddr) -> Result<(Self, Vec<String>), Error> {
        let ice_servers = IceServers::new(&config.ice_servers, config.turn_secret.as_ref())?;
        let wanted = config.listen.unwrap_or(web);
        let addresses = local_addresses(wanted.ip());
        let mut warnings = Vec::new();
        let sockets = match bind_all(&addresses, wanted.port()).await {
            Ok(sockets) => sockets,
            Err(error) if config.listen.is_some() => return Err(Error::WebRtcListen(wanted, error)),
            Err(_) => {
                let sockets =
                    bind_all(&addresses, 0).await.map_err(|error| Error::WebRtcListen(wanted, error))?;
                let port = sockets.first().map_or(0, |(address, _)| address.port());
                warnings.push(format!(
                    "UDP port {} is in use by another program, so WebRTC uses UDP port {port}. Choose one with --webrtc-listen.",
                    wanted.port()
                ));
                sockets
            }
        };
        let provider = str0m::crypto::from_feature_flags();
        let certificate = provider.dtls_provider.generate_certificate().ok_or(Error::Certificate)?;
        // The first server of a process decides; they are all the same.
        provider.install_process_default();
        let candidates = candidates(&sockets, &config.public_addresses);
        let shared = Arc::new(Shared {
            routes: Arc::default(),
            local: Local { certificate, candidates },
            ice_servers,
            sockets,
        });
        let readers = shared
            .sockets
            .iter()
            .map(|(address, socket)| {
                tokio::spawn(read(Arc::clone(socket), *address, Arc::clone(&shared.routes)))
            })
            .collect();
        Ok((Self { shared, readers }, warnings))
    }

    /// What the client of a session is told.
    pub fn ice_servers(&self, session: &str) -> Vec<IceServer> {
        self.shared.ice_servers.of_session(session, SystemTime::now())
    }

    /// How often it is told others; `None` where they hold for ever.
    pub fn ice_renewal(&self) -> Option<Duration> {
        self.shared.ice_servers.renewal()
    }

    /// A session's peer, which waits for an offer.
    pub fn peer(&self) -> Peer {
        let (route, inbox) = self.shared.routes.add();
        Peer { shared: Arc::clone(&self.shared), route, inbox, connection: None, events: VecDeque::new() }
    }
}

impl Drop for WebRtc {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.abort();
        }
    }
}

async fn read(socket: Arc<UdpSocket>, to: SocketAddr, routes: Arc<Routes>) {
    let mut buffer = [0; MOST_BYTES];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) if length < MOST_BYTES => {
                routes.deliver(Instant::now(), from, to, &buffer[..length]);
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// One session's end of WebRTC.
pub struct Peer {
    shared: Arc<Shared>,
    route: Route,
    inbox: mpsc::Receiver<Datagram>,
    connection: Option<Connection>,
    events: VecDeque<PeerEvent>,
}

impl Peer {
    /// Answers a client's offer, which begins a connection or changes the one there is.
    pub fn offer(&mut self, sdp: &str, tracks: &[Track]) -> Result<String, String> {
        let now = Instant::now();
        if let Some(before) = &self.connection
            && fingerprint(sdp).is_ok_and(|fingerprint| !before.is_with(fingerprint))
        {
            self.connection = None;
            self.events.push_back(PeerEvent::Replaced);
        }
        let answer = if self.connection.is_some() {
            self.with(|connection| connection.offer(now, sdp, tracks))
        } else {
            let begun = || Connection::new(now, &self.shared.local, sdp, tracks);
            guarded(begun).map(|(connection, answer)| {
                self.connection = Some(connection);
                answer
            })
        };
        let answer = answer.map_err(|refusal| format!("WebRTC is not possible: {refusal}"))?;
        if let Some(connection) = &mut self.connection {
            self.route.set_ufrag(&connection.ufrag());
        }
        self.flush();
        Ok(answer)
    }

    pub fn candidate(&mut self, candidate: &str) {
        self.carry(|connection, now| connection.candidate(now, candidate));
    }

    pub fn send(&mut self, parcel: Parcel) {
        self.carry(|connection, now| connection.send(now, parcel));
    }

    /// The next event; for ever waiting without a connection. What is not waited for to the end loses nothing.
    pub async fn next(&mut self) -> PeerEvent {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let Some(connection) = &self.connection else { return std::future::pending().await };
            let wake = tokio::time::Instant::from_std(connection.wake_at());
            tokio::select! {
                Some(datagram) = self.inbox.recv() => {
                    let more = std::iter::from_fn(|| self.inbox.try_recv().ok()).take(AT_ONCE);
                    let datagrams: Vec<Datagram> = std::iter::once(datagram).chain(more).collect();
                    for datagram in &datagrams {
                        self.receive(datagram);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            self.tick();
        }
    }

    fn receive(&mut self, datagram: &Datagram) {
        if let Ok(true) = self.with(|connection| connection.receive(datagram)) {
            self.route.learn(datagram.from);
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let is_over = self.with(|connection| connection.tick(now)).is_ok_and(|goes_on| !goes_on);
        self.flush();
        if is_over {
            self.connection = None;
        }
    }

    fn carry(&mut self, act: impl FnOnce(&mut Connection, Instant) -> Result<(), Refusal>) {
        let now = Instant::now();
        // Why it fails is an event.
        let _ = self.with(|connection| act(connection, now));
        self.flush();
    }

    /// Does something with the connection; it is given up where that fails.
    fn with<T>(&mut self, act: impl FnOnce(&mut Connection) -> Result<T, Refusal>) -> Result<T, Failure> {
        let Some(connection) = &mut self.connection else { return Err(Failure::None) };
        let done = guarded(|| act(connection));
        if let Err(failure) = &done {
            tracing::debug!(%failure, "a WebRTC connection ends");
            self.connection = None;
            self.events.push_back(PeerEvent::Lost(format!("WebRTC has failed: {failure}.")));
        }
        done
    }

    /// Takes what the connection has to send and to tell.
    fn flush(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        self.events.append(&mut connection.events);
        for datagram in connection.datagrams.drain(..) {
            let socket = self.shared.sockets.iter().find(|(address, _)| *address == datagram.source);
            if let Some((_, socket)) = socket {
                // A datagram that the system does not take now is lost, as it might be on its way.
                let _ = socket.try_send_to(&datagram.contents, datagram.destination);
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("there is no connection")]
    None,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("it has a defect")]
    Defect,
}

/// A defect in WebRTC's many parsers costs one connection, not the session.
fn guarded<T>(act: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Failure> {
    Ok(catch_unwind(AssertUnwindSafe(act)).map_err(|_| Failure::Defect)??)
}

/// The addresses to listen on: each interface's own where none is given, so that an answer leaves from where
/// the question came to.
fn local_addresses(listen: IpAddr) -> Vec<IpAddr> {
    if !listen.is_unspecified() {
        return vec![listen];
    }
    let is_wanted = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => listen.is_ipv6() && !ip.is_unicast_link_local(),
    };
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<IpAddr> =
        interfaces.iter().map(if_addrs::Interface::ip).filter(is_wanted).take(MOST_ADDRESSES).collect();
    if addresses.is_empty() {
        addresses.push(if listen.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    addresses
}

type Bound = (SocketAddr, Arc<UdpSocket>);

/// Binds the same port everywhere, any that is free where it is 0.
async fn bind_all(addresses: &[IpAddr], port: u16) -> std::io::Result<Vec<Bound>> {
    let mut tries = 0;
    'again: loop {
        tries += 1;
        let (mut bound, mut chosen) = (Vec::new(), port);
        for &ip in addresses {
            match UdpSocket::bind((ip, chosen)).await {
                Ok(socket) => {
                    let address = socket.local_addr()?;
                    chosen = address.port();
                    bound.push((address, Arc::new(socket)));
                }
                Err(_) if port == 0 && tries < TRIES => continue 'again,
                Err(error) => return Err(error),
            }
        }
        return Ok(bound);
    }
}

/// What the answers tell: where the server listens, and what others know it by.
fn candidates(sockets: &[Bound], public: &[IpAddr]) -> Vec<Candidate> {
    let hosts = sockets.iter().filter_map(|(address, _)| Candidate::host(*address, "udp").ok());
    let translated = public.iter().filter_map(|&ip| {
        let same_kind = |address: &SocketAddr| address.is_ipv4() == ip.is_ipv4();
        // Loopback is behind no NAT.
        let bases = sockets.iter().map(|(address, _)| *address).filter(same_kind);
        let base = bases.min_by_key(|address| address.ip().is_loopback())?;
        Candidate::server_reflexive(SocketAddr::new(ip, base.port()), base, "udp").ok()
    });
    hosts.chain(translated).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    fn told(sockets: &[Bound], public: &[&str]) -> Vec<String> {
        candidates(sockets, &ips(public)).iter().map(Candidate::to_sdp_string).collect()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn clients_are_told_of_each_interface_and_of_the_address_before_a_nat() {
        let sockets = bind_all(&ips(&["127.0.0.1", "127.0.0.2"]), 0).await.expect("a port free at both");
        let port = sockets[0].0.port();
        assert_eq!(sockets[1].0.port(), port, "one port for all");
        let told = told(&sockets, &["203.0.113.7", "2001:db8::1"]);
        assert_eq!(told.len(), 3, "no socket of IPv6 lies behind an address of IPv6: {told:?}");
        for (text, address) in told.iter().zip(["127.0.0.1", "127.0.0.2", "203.0.113.7"]) {
            assert!(text.contains(&format!(" {address} {port} typ ")), "{text}");
        }
        assert!(told[2].contains(" typ srflx "), "{}", told[2]);
    }

    #[tokio::test]
    async fn addresses_of_ipv6_are_told_as_such() {
        let Ok(sockets) = bind_all(&ips(&["::1"]), 0).await else {
            eprintln!("skipped: this machine has no IPv6");
            return;
        };
        let port = sockets[0].0.port();
        let told = told(&sockets, &["203.0.113.7", "2001:db8::1"]);
        assert!(told[0].contains(&format!(" ::1 {port} typ host")), "{told:?}");
        assert!(told.len() == 2 && told[1].contains(&format!(" 2001:db8::1 {port} typ srflx")), "{told:?}");
    }

    #[test]
    fn all_addresses_are_those_of_the_interfaces_and_one_is_itself() {
        assert_eq!(local_addresses(ips(&["192.0.2.9"])[0]), ips(&["192.0.2.9"]));
        let all = local_addresses(Ipv4Addr::UNSPECIFIED.into());
        assert!(!all.is_empty() && all.iter().all(|ip| ip.is_ipv4() && !ip.is_unspecified()), "{all:?}");
        let both = local_addresses(Ipv6Addr::UNSPECIFIED.into());
        assert!(all.iter().all(|ip| both.contains(ip)), "{both:?}");
    }
}
