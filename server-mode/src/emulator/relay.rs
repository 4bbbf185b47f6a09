//! Something that listens on this machine and passes on what it gets as a network would.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::tcp::{Delivery, Tcp};
use super::{Conditions, Network, Path};

/// What a sender's socket holds beyond what is on its way.
const SEND_BUFFER_BYTES: usize = 256 << 10;
/// Packets that have been sent and have not arrived, in each direction.
const MOST_PACKETS: usize = 4096;
/// Clients of one relay of packets.
const MOST_PEERS: usize = 64;
const MOST_PACKET_BYTES: usize = 65536;

/// The network as it is now.
type Shared = watch::Receiver<Network>;

/// A relay; it ends when this is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    network: watch::Sender<Network>,
    /// Where packets go to, once that is known.
    target: watch::Sender<Option<SocketAddr>>,
    /// Counts how often connections were cut.
    cuts: watch::Sender<u32>,
    task: AbortHandle,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// Relays each TCP connection to `target` (host and port).
    pub async fn tcp(target: String, network: Network, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (network, shared) = watch::channel(network);
        let (cuts, cut) = watch::channel(0);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for number in 0.. {
                let Ok((client, _)) = listener.accept().await else { return };
                let (target, network, mut cut) = (target.clone(), shared.clone(), cut.clone());
                cut.mark_unchanged();
                connections.spawn(async move {
                    // Whichever end goes, the other one sees its connection close.
                    tokio::select! {
                        _ = connection(client, &target, &network, seed.wrapping_add(2 * number)) => {}
                        _ = cut.changed() => {}
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, network, target: watch::Sender::new(None), cuts, task: task.abort_handle() })
    }

    /// Relays UDP packets to where it is told to `aim` at and answers back, for each sender by a port of its own.
    pub async fn udp(network: Network, seed: u64) -> io::Result<Self> {
        let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        let address = front.local_addr()?;
        let (network, shared) = watch::channel(network);
        let (target, aim) = watch::channel(None::<SocketAddr>);
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            let mut peers: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
            let mut packet = vec![0; MOST_PACKET_BYTES];
            loop {
                // Errors of one peer come here, too (port unreachable), and are nobody else's.
                let Ok((bytes, peer)) = front.recv_from(&mut packet).await else { continue };
                let Some(target) = *aim.borrow() else { continue };
                if !peers.contains_key(&peer) && peers.len() < MOST_PEERS {
                    let Ok(back) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await else { continue };
                    if back.connect(target).await.is_err() {
                        continue;
                    }
                    let (sender, packets) = mpsc::channel(MOST_PACKETS);
                    let seed = seed.wrapping_add(2 * peers.len() as u64);
                    let network = shared.clone();
                    tasks.spawn(packets_of(packets, Arc::clone(&front), peer, back, network, seed));
                    peers.insert(peer, sender);
                }
                if let Some(sender) = peers.get(&peer) {
                    // A full queue loses packets, as others do.
                    let _ = sender.try_send(packet[..bytes].to_vec());
                }
            }
        });
        Ok(Self { address, network, target, cuts: watch::Sender::new(0), task: task.abort_handle() })
    }

    /// Where packets of new senders go to.
    pub fn aim(&self, target: SocketAddr) {
        self.target.send_replace(Some(target));
    }

    /// Ends all TCP connections; new ones are relayed as before.
    pub fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }

    /// What it does from now on.
    pub fn change(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Where to connect to, or send to, in place of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn connection(client: TcpStream, target: &str, network: &Shared, seed: u64) -> io::Result<()> {
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let down = move |network: Network| (network.down, network.up.delay);
    let up = move |network: Network| (network.up, network.down.delay);
    tokio::try_join!(
        carry(&mut from_server, &mut to_client, network.clone(), down, seed),
        carry(&mut from_client, &mut to_server, network.clone(), up, seed.wrapping_add(1))
    )?;
    Ok(())
}

/// Passes on bytes until there are no more.
async fn carry(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut network: Shared,
    direction: impl Fn(Network) -> (Conditions, Duration),
    seed: u64,
) -> io::Result<()> {
    let (conditions, back) = direction(*network.borrow_and_update());
    let mut tcp = Tcp::new(conditions, back, seed);
    let began = Instant::now();
    let mut buffer = vec![0; 64 << 10];
    let mut bytes: VecDeque<u8> = VecDeque::new();
    let mut deliveries: VecDeque<Delivery> = VecDeque::new();
    let mut ended = false;
    while !(ended && deliveries.is_empty()) {
        let next = deliveries.front().map(|delivery| began + delivery.at);
        tokio::select! {
            read = from.read(&mut buffer), if !ended && bytes.len() < SEND_BUFFER_BYTES => {
                let read = read?;
                ended = read == 0;
                bytes.extend(&buffer[..read]);
                tcp.send(began.elapsed(), read, &mut deliveries);
            }
            () = sleep_until(next.unwrap_or(began)), if next.is_some() => {}
            Ok(()) = network.changed() => {
                let (conditions, back) = direction(*network.borrow_and_update());
                tcp.change(began.elapsed(), conditions, back, &mut deliveries);
            }
        }
        let passed = began.elapsed();
        let due = deliveries.iter().take_while(|delivery| delivery.at <= passed).count();
        let due: usize = deliveries.drain(..due).map(|delivery| delivery.bytes).sum();
        let chunk: Vec<u8> = bytes.drain(..due).collect();
        to.write_all(&chunk).await?;
    }
    to.shutdown().await
}

/// Passes on one client's packets and what the target answers.
async fn packets_of(
    mut from_peer: mpsc::Receiver<Vec<u8>>,
    front: Arc<UdpSocket>,
    peer: SocketAddr,
    back: UdpSocket,
    network: Shared,
    seed: u64,
) {
    let began = Instant::now();
    let mut up = Packets::new(Path::new(network.borrow().up, seed), began);
    let mut down = Packets::new(Path::new(network.borrow().down, seed.wrapping_add(1)), began);
    let mut packet = vec![0; MOST_PACKET_BYTES];
    loop {
        tokio::select! {
            sent = from_peer.recv() => match sent {
                Some(packet) => up.send(packet, network.borrow().up),
                None => return,
            },
            received = back.recv(&mut packet) => {
                // Nobody listens there yet, perhaps.
                if let Ok(bytes) = received {
                    down.send(packet[..bytes].to_vec(), network.borrow().down);
                }
            }
            packet = up.next() => drop(back.send(&packet).await),
            packet = down.next() => drop(front.send_to(&packet, peer).await),
        }
    }
}

/// Packets on their way in one direction.
struct Packets {
    path: Path,
    began: Instant,
    on_their_way: VecDeque<(Duration, Vec<u8>)>,
}

impl Packets {
    fn new(path: Path, began: Instant) -> Self {
        Self { path, began, on_their_way: VecDeque::new() }
    }

    fn send(&mut self, packet: Vec<u8>, conditions: Conditions) {
        /// Of IPv4 and UDP.
        const HEADER_BYTES: usize = 28;
        self.path.change(conditions);
        if self.on_their_way.len() < MOST_PACKETS
            && let Some(at) = self.path.send(self.began.elapsed(), packet.len() + HEADER_BYTES)
        {
            self.on_their_way.push_back((at, packet));
        }
    }

    /// The next packet, when it has arrived.
    async fn next(&mut self) -> Vec<u8> {
        match self.on_their_way.front() {
            Some((at, _)) => sleep_until(self.began + *at).await,
            None => std::future::pending().await,
        }
        self.on_their_way.pop_front().map(|(_, packet)| packet).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn network(delay_ms: u64, loss: f64) -> Network {
        let delay = Duration::from_millis(delay_ms);
        let way = Conditions { delay, loss, ..Conditions::default() };
        Network { down: way, up: way }
    }

    #[tokio::test]
    async fn bytes_go_there_and_back_whole_and_in_order_but_later() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let target = listener.local_addr().expect("bound").to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await.expect("echoes");
            write.shutdown().await.expect("ends");
        });
        let relay = Relay::tcp(target, network(30, 0.05), 1).await.expect("a port");
        let sent: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        let began = Instant::now();
        let mut client = TcpStream::connect(relay.address()).await.expect("connects");
        let echo = async {
            let (mut read, mut write) = client.split();
            let send = async {
                write.write_all(&sent).await.expect("sends");
                write.shutdown().await.expect("ends");
            };
            let mut received = Vec::new();
            let (_, read) = tokio::join!(send, read.read_to_end(&mut received));
            read.expect("receives");
            received
        };
        let received = tokio::time::timeout(PATIENCE, echo).await.expect("in time");
        assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
        assert!(began.elapsed() >= Duration::from_millis(60), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn packets_come_late_or_never() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let target = server.local_addr().expect("bound");
        tokio::spawn(async move {
            let mut packet = [0; 64];
            while let Ok((bytes, from)) = server.recv_from(&mut packet).await {
                server.send_to(&packet[..bytes], from).await.expect("sends");
            }
        });
        let relay = Relay::udp(network(20, 0.2), 1).await.expect("a port");
        relay.aim(target);
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        client.connect(relay.address()).await.expect("connects");
        let began = Instant::now();
        for number in 0..200u8 {
            client.send(&[number]).await.expect("sends");
        }
        let mut received = Vec::new();
        let mut packet = [0; 64];
        while let Ok(read) = tokio::time::timeout(Duration::from_millis(500), client.recv(&mut packet)).await
        {
            received.push(packet[read.expect("receives") - 1]);
            assert!(began.elapsed() >= Duration::from_millis(40));
        }
        assert!(received.is_sorted());
        // Each way loses one in five.
        assert!((100..156).contains(&received.len()), "{} of 200", received.len());
    }
}
