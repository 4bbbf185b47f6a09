//! Many clients, slow ones and loud ones at a server as users get it: others do not notice, and what they took comes back.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use render_core::phantom;
use serde_json::json;
use tests::binary::voxcast;
use tests::server::{Client, Folder, PATIENCE, SPEC, connect_to};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// What a crowd took is back within this time.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// Of those that wait for a client that may come back, and of the allocator's pools.
const KEPT_KB: u64 = 32 << 10;
/// Pools begin threads as they need them.
const KEPT_THREADS: u64 = 8;

struct Server {
    child: Child,
    authority: String,
    token: String,
    _folder: Folder,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process has of the system.
#[derive(Clone, Copy, Debug)]
struct Holds {
    resident_kb: u64,
    threads: u64,
    descriptors: usize,
}

impl Server {
    fn start() -> Self {
        let folder = Folder::new();
        phantom::write_study(&folder.0, &SPEC, |_, _| {}).expect("writes a phantom");
        let mut child = Command::new(voxcast())
            .args(["--serve", "--port", "0", "--backend", "cpu", "--no-index", "--max-sessions", "1200"])
            .arg(&folder.0)
            .stdout(Stdio::piped())
            .spawn()
            .expect("voxcast runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.find_map(|line| line.ok().filter(|line| line.contains("?token="))).expect("serves");
        let (_, address) = line.split_once("http://").expect("an address");
        let (authority, token) = address.split_once("/?token=").expect("a token");
        Self { child, authority: authority.to_owned(), token: token.trim().to_owned(), _folder: folder }
    }

    async fn stream(&self) -> Client {
        let headers = [("Sec-WebSocket-Protocol", protocol::SUBPROTOCOL.to_owned())];
        let path = format!("/ws?token={}", self.token);
        connect_to(&self.authority, &path, &headers).await.expect("lets the token in")
    }

    /// A client that looks at the study and has its first pictures.
    async fn at_work(&self) -> Client {
        let mut client = self.stream().await;
        client.say(json!({"type": "openSeries", "seriesInstanceUid": ""})).await;
        let views = json!([{"view": 0, "content": "volume", "size": [320, 180]}]);
        client.say(json!({"type": "layout", "views": views})).await;
        client.frame().await;
        client
            .say(json!({"type": "pointer", "view": 0, "kind": "press", "button": "left", "x": 0, "y": 0}))
            .await;
        client
    }

    fn holds(&self) -> Holds {
        let folder = std::path::PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(folder.join("status")).expect("it runs");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of it");
            line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
        };
        let descriptors = std::fs::read_dir(folder.join("fd")).expect("its descriptors").count();
        Holds { resident_kb: number("VmRSS:"), threads: number("Threads:"), descriptors }
    }

    /// Turns the bystander's volume until a crowd has left nothing behind.
    async fn comes_back_to(&self, before: Holds, bystander: &mut Client) {
        let began = Instant::now();
        loop {
            let now = self.holds();
            let is_back = now.descriptors <= before.descriptors
                && now.threads <= before.threads + KEPT_THREADS
                && now.resident_kb <= before.resident_kb + KEPT_KB;
            if is_back {
                return;
            }
            assert!(began.elapsed() < BACK_WITHIN, "{before:?}, and then {now:?}");
            turn(bystander).await;
        }
    }
}

fn moved_to(x: u64) -> serde_json::Value {
    json!({"type": "pointer", "view": 0, "kind": "move", "x": x % 1000, "y": 0})
}

/// Turns a volume, and returns how long the slowest of twenty pictures took.
async fn turn(client: &mut Client) -> Duration {
    let mut slowest = Duration::ZERO;
    for x in 1..=20 {
        let began = Instant::now();
        let seq = client.say(moved_to(10 * x)).await;
        while client.frame().await.0.input_seq < seq {}
        slowest = slowest.max(began.elapsed());
    }
    slowest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_disturbs_nobody_and_leaves_nothing_behind() {
    let server = Server::start();
    let mut bystander = server.at_work().await;
    turn(&mut bystander).await;
    let before = server.holds();

    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(server.stream().await);
    }
    let crowded = server.holds();
    assert!(crowded.descriptors >= before.descriptors + 1000, "{crowded:?}");
    assert!(crowded.resident_kb < before.resident_kb + (256 << 10), "{before:?}, and then {crowded:?}");
    assert!(turn(&mut bystander).await < PATIENCE / 10, "beside 1000 that do nothing");
    drop(idle);
    server.comes_back_to(before, &mut bystander).await;

    // 10 000 inputs a second, and frames that nobody reads.
    let mut loud = server.at_work().await;
    let flood = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        for x in 0.. {
            tick.tick().await;
            for n in 0..100 {
                loud.say(moved_to(100 * x + n)).await;
            }
        }
    });
    for _ in 0..3 {
        assert!(turn(&mut bystander).await < PATIENCE / 10, "beside a flood of inputs");
    }
    assert!(!flood.is_finished(), "it goes on");
    flood.abort();
    assert!(flood.await.is_err_and(|error| error.is_cancelled()));
    server.comes_back_to(before, &mut bystander).await;

    for _ in 0..200 {
        let client = server.at_work().await;
        drop(client);
    }
    server.comes_back_to(before, &mut bystander).await;
    assert!(turn(&mut bystander).await < PATIENCE / 10, "after 200 that came and went");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_a_kilobyte_a_second_holds_up_nobody() {
    let server = Server::start();
    let mut bystander = server.at_work().await;
    let before = server.holds();
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let stream = socket.connect(server.authority.parse().expect("an address")).await.expect("connects");
    let slow = tokio::spawn(read_slowly(stream, server.authority.clone(), server.token.clone()));
    for _ in 0..3 {
        assert!(turn(&mut bystander).await < PATIENCE / 10);
    }
    let now = server.holds();
    assert!(now.resident_kb < before.resident_kb + (128 << 10), "{before:?}, and then {now:?}");
    slow.abort();
    assert!(slow.await.is_err_and(|error| error.is_cancelled()), "it was still reading");
    server.comes_back_to(before, &mut bystander).await;
}

/// Asks for large pictures, and takes a kilobyte of them in a second.
async fn read_slowly(stream: TcpStream, authority: String, token: String) {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;

    let mut request = format!("ws://{authority}/ws?token={token}").into_client_request().expect("a request");
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol::SUBPROTOCOL.parse().expect("a name"));
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("lets the token in");
    let (mut say, hear) = socket.split();
    let views = json!([{"view": 0, "content": "volume", "size": [1600, 1200]}]);
    let texts = [
        json!({"type": "openSeries", "seq": 1, "seriesInstanceUid": ""}),
        json!({"type": "layout", "seq": 2, "views": views}),
        json!({"type": "pointer", "seq": 3, "view": 0, "kind": "press", "button": "left", "x": 0, "y": 0}),
    ];
    for text in texts {
        say.send(Message::text(text.to_string())).await.expect("the connection lives");
    }
    let mut stream = hear.reunite(say).expect("two halves of one").into_inner();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let mut bytes = [0; 1024];
    loop {
        second.tick().await;
        stream.read_exact(&mut bytes).await.expect("there is more to read");
    }
}
