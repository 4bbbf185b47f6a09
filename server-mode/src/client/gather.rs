//! Where a server reaches this client through a NAT: the addresses that STUN servers see it come from, and those that
//! TURN servers lend it. Sans-IO, but for looking up names.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use protocol::message::IceServer;
use str0m::Candidate;
use turn_client_proto::api::{TransmitBuild, TurnClientApi, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::stun::agent::Transmit;
use turn_client_proto::stun::types::attribute::XorMappedAddress;
use turn_client_proto::stun::types::message::{
    BINDING, Message, MessageClass, MessageType, MessageWriteVec, TransactionId,
};
use turn_client_proto::stun::types::prelude::MessageWrite;
use turn_client_proto::types::prelude::DelayedTransmitBuild;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

/// URLs that are asked; a server may tell of any number.
const MOST_SERVERS: usize = 8;
/// Of STUN and TURN (RFC 8489, 18.6).
const PORT: u16 = 3478;
/// A question is asked so often, the first time again after so long, then after twice that.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(300);
/// What is to be done at once is done after so many rounds, or after so long.
const MOST_ROUNDS: usize = 16;
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// A server of STUN; with credentials, of TURN as well.
#[derive(Debug)]
pub(super) struct Helper {
    address: SocketAddr,
    credentials: Option<TurnCredentials>,
}

/// The servers of a list that can be asked by UDP from an address of this family.
pub(super) async fn helpers(list: Vec<IceServer>, is_ipv4: bool) -> Vec<Helper> {
    let named = list.iter().flat_map(|server| server.urls.iter().map(move |url| (server, url)));
    let known = named.filter_map(|(server, url)| {
        let Url { is_turn, host, port } = Url::parse(url)?;
        let credentials = match (is_turn, &server.username, &server.credential) {
            (true, Some(name), Some(password)) => Some(TurnCredentials::new(name, password)),
            (true, ..) => return None,
            (false, ..) => None,
        };
        Some(async move {
            let mut addresses = tokio::net::lookup_host((host, port)).await.ok()?;
            let address = addresses.find(|address| address.is_ipv4() == is_ipv4)?;
            Some(Helper { address, credentials })
        })
    });
    join_all(known.take(MOST_SERVERS)).await.into_iter().flatten().collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Url<'a> {
    is_turn: bool,
    host: &'a str,
    port: u16,
}

impl<'a> Url<'a> {
    /// A URL (RFC 7064 and 7065) of a server that is asked by UDP and without TLS.
    fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let is_turn = match scheme {
            "stun" => false,
            "turn" => true,
            _ => return None,
        };
        let server = match rest.split_once('?') {
            None => rest,
            Some((server, "transport=udp")) => server,
            Some(_) => return None,
        };
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) if !server.ends_with(']') => (host, port.parse().ok()?),
            _ => (server, PORT),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Some(Self { is_turn, host, port })
    }
}

/// What a datagram was.
pub(super) enum Taken {
    /// None of a helper's.
    Others,
    Helpers,
    /// From a peer, to an address that was lent.
    Relayed {
        to: SocketAddr,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
}

/// All questions that leave from one port.
pub(super) struct Gather {
    local: SocketAddr,
    /// What the helpers' times count from.
    began: Instant,
    probes: Vec<Probe>,
    relays: Vec<Relay>,
    found: Vec<Candidate>,
    to_send: Vec<(SocketAddr, Vec<u8>)>,
}

/// Asks where this client's datagrams come from.
struct Probe {
    server: SocketAddr,
    request: Vec<u8>,
    id: TransactionId,
    next: Instant,
    wait: Duration,
    left: u32,
}

struct Relay {
    client: TurnClientUdp,
    /// The address that was lent.
    address: Option<SocketAddr>,
}

impl Gather {
    pub fn new(now: Instant, local: SocketAddr, helpers: Vec<Helper>) -> Self {
        let mut gather = Self {
            local,
            began: now,
            probes: Vec::new(),
            relays: Vec::new(),
            found: Vec::new(),
            to_send: Vec::new(),
        };
        for Helper { address, credentials } in helpers {
            if gather.probes.iter().all(|probe| probe.server != address) {
                gather.probes.push(Probe::new(now, address));
            }
            let is_known = gather.relays.iter().any(|relay| relay.client.remote_addr() == address);
            if let Some(credentials) = credentials.filter(|_| !is_known) {
                let client = TurnClientUdp::allocate(local, address, TurnConfig::new(credentials));
                gather.relays.push(Relay { client, address: None });
            }
        }
        gather
    }

    pub fn take(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Taken {
        if let Some(index) = self.probes.iter().position(|probe| probe.server == from)
            && let Ok(message) = Message::from_bytes(bytes)
            && message.transaction_id() == self.probes[index].id
        {
            self.probes.remove(index);
            if message.has_class(MessageClass::Success)
                && let Ok(mapped) = message.attribute::<XorMappedAddress>()
            {
                let seen = mapped.addr(message.transaction_id());
                self.found.extend(Candidate::server_reflexive(seen, self.local, "udp"));
            }
            return Taken::Helpers;
        }
        let (local, at) = (self.local, self.time(now));
        let Some(relay) = self.relays.iter_mut().find(|relay| relay.client.remote_addr() == from) else {
            return Taken::Others;
        };
        let transmit = Transmit::new(bytes, TransportType::Udp, from, local);
        match (relay.client.recv(transmit, at), relay.address) {
            (TurnRecvRet::PeerData(data), Some(to)) => {
                Taken::Relayed { to, from: data.peer, bytes: data.data().to_vec() }
            }
            (TurnRecvRet::Ignored(_), _) => Taken::Others,
            _ => Taken::Helpers,
        }
    }

    /// What to send, and where to, so that a peer gets a datagram from an address that was lent. The first ones are
    /// lost: the TURN server has to be told of the peer.
    pub fn relay(
        &mut self,
        now: Instant,
        source: SocketAddr,
        peer: SocketAddr,
        bytes: &[u8],
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let at = self.time(now);
        let relay = self.relays.iter_mut().find(|relay| relay.address == Some(source))?;
        let sent = relay.client.send_to(TransportType::Udp, peer, bytes, at);
        match sent {
            Ok(Some(TransmitBuild { data, to, .. })) => Some((to, data.build())),
            Ok(None) => None,
            Err(_) => {
                // One that has been asked for already is refused, too.
                let _ = relay.client.bind_channel(TransportType::Udp, peer, at);
                None
            }
        }
    }

    /// Goes on until it waits; returns until when.
    pub fn run(&mut self, now: Instant) -> Option<Instant> {
        let at = self.time(now);
        let mut due = Vec::new();
        self.probes.retain_mut(|probe| {
            if probe.next <= now {
                if probe.left == 0 {
                    return false;
                }
                self.to_send.push((probe.server, probe.request.clone()));
                probe.next = now + probe.wait;
                (probe.wait, probe.left) = (probe.wait * 2, probe.left - 1);
            }
            due.push(probe.next);
            true
        });
        let (began, local) = (self.began, self.local);
        for relay in &mut self.relays {
            let mut next = relay.client.poll(at);
            for _ in 0..MOST_ROUNDS {
                while let Some(Transmit { data, to, .. }) = relay.client.poll_transmit(at) {
                    self.to_send.push((to, data.as_ref().to_vec()));
                }
                while let Some(event) = relay.client.poll_event() {
                    if let TurnEvent::AllocationCreated(TransportType::Udp, address) = event {
                        relay.address = Some(address);
                        self.found.extend(Candidate::relayed(address, local, "udp"));
                    }
                }
                match next {
                    TurnPollRet::WaitUntil(until) if until <= at => next = relay.client.poll(at),
                    _ => break,
                }
            }
            if let TurnPollRet::WaitUntil(until) = next {
                let nanos = u64::try_from(until.as_nanos()).unwrap_or_default();
                due.push((began + Duration::from_nanos(nanos)).max(now + SHORTEST_WAIT));
            }
        }
        if self.found.is_empty() { due.into_iter().min() } else { Some(now) }
    }

    /// Ends what was lent.
    pub fn give_back(&mut self, now: Instant) {
        let at = self.time(now);
        for relay in &mut self.relays {
            // What has not been lent needs no end.
            let _ = relay.client.delete(at);
            while let Some(Transmit { data, to, .. }) = relay.client.poll_transmit(at) {
                self.to_send.push((to, data.as_ref().to_vec()));
            }
        }
    }

    /// The addresses that were found since this was asked last.
    pub fn found(&mut self) -> Vec<Candidate> {
        std::mem::take(&mut self.found)
    }

    /// What is to be sent, and where to.
    pub fn take_packets(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.to_send)
    }

    fn time(&self, now: Instant) -> turn_client_proto::stun::Instant {
        let nanos = now.saturating_duration_since(self.began).as_nanos();
        turn_client_proto::stun::Instant::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}

impl Probe {
    fn new(now: Instant, server: SocketAddr) -> Self {
        let id = TransactionId::generate();
        let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
        let request = Message::builder(kind, id, MessageWriteVec::new()).finish();
        Self { server, request, id, next: now, wait: FIRST_WAIT, left: TRIES }
    }
}

#[cfg(test)]
mod tests {
    use turn_client_proto::stun::types::prelude::MessageWriteExt;

    use super::*;

    #[test]
    fn servers_are_asked_by_udp_and_without_tls() {
        let url = |is_turn, host, port| Some(Url { is_turn, host, port });
        assert_eq!(Url::parse("stun:a.example"), url(false, "a.example", 3478));
        assert_eq!(Url::parse("turn:192.0.2.1:53?transport=udp"), url(true, "192.0.2.1", 53));
        assert_eq!(Url::parse("turn:[2001:db8::1]:53"), url(true, "2001:db8::1", 53));
        assert_eq!(Url::parse("stun:[2001:db8::1]"), url(false, "2001:db8::1", 3478));
        for other in ["turns:a", "stuns:a", "turn:a?transport=tcp", "http://a", "turn", "stun:a:b"] {
            assert_eq!(Url::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_stun_server_sees_is_an_address_and_nobody_else_is_believed() {
        let [local, server, seen]: [SocketAddr; 3] =
            ["192.168.0.2:4000", "192.0.2.1:3478", "198.51.100.7:50000"]
                .map(|a| a.parse().expect("an address"));
        let now = Instant::now();
        let helper = || Helper { address: server, credentials: None };
        let mut gather = Gather::new(now, local, vec![helper(), helper()]);
        let due = gather.run(now).expect("it asks again");
        let sent = gather.take_packets();
        assert_eq!((sent.len(), sent[0].0, due), (1, server, now + FIRST_WAIT));
        let request = Message::from_bytes(&sent[0].1).expect("a request");
        let mut answer = Message::builder_success(&request, MessageWriteVec::new());
        answer.add_attribute(&XorMappedAddress::new(seen, request.transaction_id())).expect("room");
        let answer = answer.finish();
        assert!(matches!(gather.take(now, local, &answer), Taken::Others));
        assert!(matches!(gather.take(now, server, &answer[..20]), Taken::Others));
        assert!(gather.found().is_empty());
        assert!(matches!(gather.take(now, server, &answer), Taken::Helpers));
        assert_eq!(gather.found().iter().map(Candidate::addr).collect::<Vec<_>>(), [seen]);
        assert_eq!(gather.run(due), None, "it is not asked again");
    }

    #[test]
    fn a_server_that_does_not_answer_is_given_up() {
        let server = "192.0.2.1:3478".parse().expect("an address");
        let mut now = Instant::now();
        let helper = Helper { address: server, credentials: None };
        let mut gather = Gather::new(now, "192.168.0.2:4000".parse().expect("an address"), vec![helper]);
        while let Some(due) = gather.run(now) {
            now = due;
        }
        assert_eq!(gather.take_packets().len(), TRIES as usize);
    }
}
