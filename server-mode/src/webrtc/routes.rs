//! Which peer a datagram is for. All peers share one port, and anybody can send to it: what no peer expects
//! costs a look at its first bytes and is never answered.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;

/// Datagrams that wait for a peer; more are lost, as on any full queue of a network.
const WAITING: usize = 512;
/// Addresses of one client: its interfaces, and what relays and NATs make of them.
const MOST_ADDRESSES: usize = 16;

/// What came from a client.
#[derive(Debug)]
pub struct Datagram {
    pub at: Instant,
    pub from: SocketAddr,
    /// The address of ours that it came to.
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub struct Routes(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    peers: HashMap<u64, Entry>,
    /// By the user name of ICE that the server gave out.
    by_ufrag: HashMap<String, u64>,
    /// By where a client has proved to be.
    by_address: HashMap<SocketAddr, u64>,
    last: u64,
}

#[derive(Debug)]
struct Entry {
    queue: mpsc::Sender<Datagram>,
    ufrag: String,
    addresses: VecDeque<SocketAddr>,
}

impl Routes {
    /// A place for a peer; it is given back when the `Route` is dropped.
    pub fn add(self: &Arc<Self>) -> (Route, mpsc::Receiver<Datagram>) {
        let (queue, inbox) = mpsc::channel(WAITING);
        let mut table = self.table();
        table.last += 1;
        let number = table.last;
        table.peers.insert(number, Entry { queue, ufrag: String::new(), addresses: VecDeque::new() });
        (Route { routes: Arc::clone(self), number }, inbox)
    }

    /// Puts a datagram into the queue of the peer that it is for, if there is one.
    pub fn deliver(&self, at: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let table = self.table();
        // A client may come from an address that another peer had before.
        let number = match ufrag(bytes) {
            Some(ufrag) => table.by_ufrag.get(ufrag),
            None => table.by_address.get(&from),
        };
        let Some(entry) = number.and_then(|number| table.peers.get(number)) else { return };
        if let Ok(place) = entry.queue.try_reserve() {
            place.send(Datagram { at, from, to, bytes: bytes.to_vec() });
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing in here panics between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Peers, and the addresses that lead to them.
    #[cfg(test)]
    fn len(&self) -> [usize; 3] {
        let table = self.table();
        [table.peers.len(), table.by_ufrag.len(), table.by_address.len()]
    }
}

/// One peer's place.
#[derive(Debug)]
pub struct Route {
    routes: Arc<Routes>,
    number: u64,
}

impl Route {
    /// Datagrams that name this user are for this peer from now on.
    pub fn set_ufrag(&self, ufrag: &str) {
        let mut table = self.routes.table();
        let Some(entry) = table.peers.get_mut(&self.number) else { return };
        let before = std::mem::replace(&mut entry.ufrag, ufrag.to_owned());
        table.by_ufrag.remove(&before);
        table.by_ufrag.insert(ufrag.to_owned(), self.number);
    }

    /// The client has proved that it is at this address.
    pub fn learn(&self, address: SocketAddr) {
        let mut table = self.routes.table();
        if table.by_address.insert(address, self.number) == Some(self.number) {
            return;
        }
        let Some(entry) = table.peers.get_mut(&self.number) else { return };
        entry.addresses.push_back(address);
        if entry.addresses.len() > MOST_ADDRESSES
            && let Some(oldest) = entry.addresses.pop_front()
        {
            table.forget(oldest, self.number);
        }
    }
}

impl Table {
    fn forget(&mut self, address: SocketAddr, number: u64) {
        if self.by_address.get(&address) == Some(&number) {
            self.by_address.remove(&address);
        }
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        let mut table = self.routes.table();
        let Some(entry) = table.peers.remove(&self.number) else { return };
        table.by_ufrag.remove(&entry.ufrag);
        for address in entry.addresses {
            table.forget(address, self.number);
        }
    }
}

/// The receiver's half of the user name in a STUN binding request (RFC 8489, 5 and 14.3; RFC 8445, 7.2.2).
fn ufrag(datagram: &[u8]) -> Option<&str> {
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    const USERNAME: [u8; 2] = [0, 6];
    let (header, mut attributes) = datagram.split_first_chunk::<20>()?;
    if header[..2] != BINDING_REQUEST || header[4..8] != COOKIE {
        return None;
    }
    while let Some((head, rest)) = attributes.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        if head[..2] == USERNAME {
            return std::str::from_utf8(value).ok()?.split(':').next();
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 7], port).into()
    }

    fn binding_request(user: &str) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        message.extend([7; 12]);
        // An attribute of odd length before it (SOFTWARE).
        message.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
        message.extend([0, 6, 0, user.len() as u8]);
        message.extend(user.bytes());
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    fn deliver(routes: &Routes, from: SocketAddr, bytes: &[u8]) {
        routes.deliver(Instant::now(), from, address(1), bytes);
    }

    #[test]
    fn a_peer_gets_what_names_it_and_what_comes_from_where_it_is() {
        let routes = Arc::new(Routes::default());
        let (first, mut inbox) = routes.add();
        let (second, mut other) = routes.add();
        first.set_ufrag("abcd");
        second.set_ufrag("efgh");
        deliver(&routes, address(50_000), &binding_request("abcd:xyz"));
        assert_eq!(inbox.try_recv().expect("it names the first").from, address(50_000));
        deliver(&routes, address(50_000), &[128, 1, 2, 3]);
        assert!(inbox.try_recv().is_err(), "nobody has proved to be there yet");
        first.learn(address(50_000));
        deliver(&routes, address(50_000), &[128, 1, 2, 3]);
        assert_eq!(inbox.try_recv().expect("it is there").bytes, [128, 1, 2, 3]);
        deliver(&routes, address(50_000), &binding_request("efgh:xyz"));
        assert!(other.try_recv().is_ok() && inbox.try_recv().is_err(), "a name counts more than an address");
        second.learn(address(50_000));
        drop(first);
        deliver(&routes, address(50_000), &[128]);
        assert!(other.try_recv().is_ok(), "the address is the second's now");
        drop(second);
        assert_eq!(routes.len(), [0, 0, 0], "nothing is left of them");
    }

    #[test]
    fn what_nobody_expects_leads_nowhere_and_a_full_queue_loses_it() {
        let routes = Arc::new(Routes::default());
        let (route, mut inbox) = routes.add();
        route.set_ufrag("abcd");
        let request = binding_request("abcd:xyz");
        for end in 0..request.len() - 5 {
            deliver(&routes, address(9), &request[..end]);
        }
        deliver(&routes, address(9), &binding_request("abcde:xyz"));
        deliver(&routes, address(9), &binding_request(""));
        deliver(&routes, address(9), &[0xff; 1500]);
        assert!(inbox.try_recv().is_err());
        for _ in 0..WAITING + 100 {
            deliver(&routes, address(9), &request);
        }
        let waiting = std::iter::from_fn(|| inbox.try_recv().ok()).count();
        assert_eq!(waiting, WAITING);
        for port in 0..100 {
            route.learn(address(port));
        }
        assert_eq!(routes.len(), [1, 1, MOST_ADDRESSES]);
    }
}
