//! A real server on a free port of the loopback interface, and clients for it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::FrameHeader;
use protocol::frame::HEADER_BYTES;
use render_core::phantom::Spec;
use render_core::render::Choice;
use render_core::{Progress, Renderer, dicom};
use serde_json::{Value, json};
use server_mode::{Config, Screen, Server, Studies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// No answer within this time is a failure; it is never waited for in full otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server with one small CT study made by formula.
#[derive(Debug)]
pub struct TestServer {
    pub url: String,
    pub token: String,
    pub authority: String,
    /// The folder that it was told to serve.
    pub folder: Folder,
    pub study_uid: String,
    pub series_uid: String,
    /// How often a series was read.
    pub loads: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    done: tokio::task::JoinHandle<()>,
}

/// A new folder that is removed when dropped.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("voxcast-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path.canonicalize().expect("it exists"))
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Small and quick to draw, but with everything that a chest has.
pub const SPEC: Spec = Spec {
    columns: 64,
    rows: 64,
    slices: 48,
    pixel_spacing_mm: 5.6,
    slice_spacing_mm: 6.5,
    noise_sigma_hu: 11.0,
    seed: 1,
};

impl TestServer {
    pub async fn start() -> Self {
        Self::with(&Config::default(), |_| {}).await
    }

    /// Listens on a free port of IPv4's loopback interface, unless told another address. `on_load` runs before each reading of a series, on the thread that reads it.
    pub async fn with(config: &Config, on_load: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        let folder = Folder::new();
        render_core::phantom::write_study(&folder.0.join("study"), &SPEC, |_, _| {})
            .expect("writes a phantom");
        let paths = [folder.0.clone()];
        let library = dicom::scan(&paths, &Progress::default()).expect("finds the phantom");
        let study_uid = library.studies[0].study_instance_uid.clone();
        let series_uid = library.studies[0].series[0].series_instance_uid.clone();
        let loads = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&loads);
        let load = move |series: &dicom::Series, progress: &Progress| {
            counter.fetch_add(1, Ordering::Relaxed);
            on_load(progress);
            dicom::load(series, progress)
        };
        let is_told = config.listen != Config::default().listen;
        let listen = if is_told { config.listen } else { ([127, 0, 0, 1], 0).into() };
        let config = Config { listen, render_size: [320, 180], ..config.clone() };
        let renderer = Renderer::open(Choice::Cpu).expect("the CPU renderer opens");
        let studies = Studies::new(library, &paths, Box::new(load));
        let server = Server::bind(&config, &renderer, studies).await.expect("a free port");
        let url = server.ready().url.clone();
        let token = url.split_once("token=").expect("the URL has a token").1.to_owned();
        let authority = server.ready().address.to_string();
        let (stop, stopped) = oneshot::channel();
        let done = tokio::spawn(server.serve(async move {
            // A dropped sender stops the server, too.
            let _ = stopped.await;
        }));
        Self { url, token, authority, folder, study_uid, series_uid, loads, stop: Some(stop), done }
    }

    /// Asks the server to shut down.
    pub fn stop(&mut self) {
        self.stop.take();
    }

    pub async fn stopped(mut self) {
        self.stop();
        tokio::time::timeout(PATIENCE, self.done).await.expect("the server stops").expect("without a panic");
    }

    /// A client of the plain protocol that has been greeted.
    pub async fn plain(&self) -> Client {
        let mut client = self.connect(None).await.expect("lets the token in");
        let greeting = client.text().await;
        assert_eq!(greeting["type"], "connected");
        assert!(greeting["sessionId"].as_str().is_some_and(|id| id.len() >= 16), "{greeting}");
        client
    }

    /// A client of `voxcast.v1` that has been greeted and knows the library.
    pub async fn stream(&self) -> Client {
        let mut client = self.connect(Some(protocol::SUBPROTOCOL)).await.expect("lets the token in");
        assert_eq!(client.text().await["type"], "connected");
        assert_eq!(client.text().await["type"], "library");
        assert_eq!(client.text().await["type"], "stateFull");
        client
    }

    pub async fn connect(&self, subprotocol: Option<&'static str>) -> Result<Client, tungstenite::Error> {
        let path = format!("/ws?token={}", self.token);
        let headers: Vec<_> =
            subprotocol.map(|name| ("Sec-WebSocket-Protocol", name.to_owned())).into_iter().collect();
        self.connect_to(&path, &headers).await
    }

    pub async fn connect_to(
        &self,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Client, tungstenite::Error> {
        connect_to(&self.authority, path, headers).await
    }

    /// Sends a request as written and returns the whole answer.
    pub async fn http(&self, request: &str) -> String {
        String::from_utf8_lossy(&self.exchange(request).await).into_owned()
    }

    async fn exchange(&self, request: &str) -> Vec<u8> {
        exchange(&self.authority, request).await
    }

    /// GET with the token and extra header lines: the answer's head, and its body as it is.
    pub async fn bytes(&self, path: &str, headers: &str) -> (String, Vec<u8>) {
        let (host, token) = (&self.authority, &self.token);
        // The older version has no chunks.
        let request =
            format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{headers}\r\n");
        let mut answer = self.exchange(&request).await;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        let body = answer.split_off(end);
        (String::from_utf8_lossy(&answer).into_owned(), body)
    }

    /// GET with extra header lines.
    pub async fn get(&self, path: &str, headers: &str) -> String {
        let host = &self.authority;
        self.http(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")).await
    }
}

/// Opens a WebSocket of the server at this address and port.
pub async fn connect_to(
    authority: &str,
    path: &str,
    headers: &[(&'static str, String)],
) -> Result<Client, tungstenite::Error> {
    let mut request = format!("ws://{authority}{path}").into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).expect("a header value"));
    }
    let connect = tokio_tungstenite::connect_async(request);
    let (socket, _) = tokio::time::timeout(PATIENCE, connect).await.expect("an answer")?;
    Ok(Client { socket, seq: 0, screens: HashMap::new() })
}

/// Sends a request as written and returns the whole answer.
pub async fn exchange(authority: &str, request: &str) -> Vec<u8> {
    let exchange = async {
        let mut stream = TcpStream::connect(authority).await.expect("connects");
        stream.write_all(request.as_bytes()).await.expect("sends");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("reads");
        answer
    };
    tokio::time::timeout(PATIENCE, exchange).await.expect("an answer")
}

/// A WebSocket client.
#[derive(Debug)]
pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    seq: u64,
    screens: HashMap<u8, Screen>,
}

impl Client {
    /// Sends a message as it is.
    pub async fn send(&mut self, message: &Value) {
        self.send_raw(message.to_string()).await;
    }

    pub async fn send_raw(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.expect("the connection lives");
    }

    /// Sends a message of `voxcast.v1` with the next `seq`, and returns that.
    pub async fn say(&mut self, mut message: Value) -> u64 {
        self.seq += 1;
        message["seq"] = json!(self.seq);
        self.send(&message).await;
        self.seq
    }

    /// The next text or binary message, or how the connection ended.
    pub async fn next(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a message in time");
            if !matches!(next, Some(Ok(Message::Ping(_) | Message::Pong(_)))) {
                return next;
            }
        }
    }

    /// The next message, which must be JSON.
    pub async fn text(&mut self) -> Value {
        match self.next().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("expected text, got {}", describe(&other)),
        }
    }

    /// The next message, which must be a picture.
    pub async fn binary(&mut self) -> Vec<u8> {
        match self.next().await {
            Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
            other => panic!("expected a picture, got {}", describe(&other)),
        }
    }

    /// The next text message of this type, skipping whatever comes before it.
    pub async fn text_of(&mut self, kind: &str) -> Value {
        loop {
            if let Some(Ok(Message::Text(text))) = self.arrival().await {
                let value: Value = serde_json::from_str(&text).expect("JSON");
                if value["type"] == kind {
                    return value;
                }
            }
        }
    }

    /// The next frame of `voxcast.v1`, skipping texts, and the bytes that its parts have; it is shown and
    /// acknowledged.
    pub async fn frame(&mut self) -> (FrameHeader, usize) {
        loop {
            if let Some(Ok(Message::Binary(bytes))) = self.arrival().await {
                let (header, _) = FrameHeader::decode(&bytes).expect("a frame");
                let screen = self.screens.entry(header.view).or_default();
                screen.show(&bytes).expect("a frame that can be shown");
                self.say(json!({"type": "ack", "view": header.view, "frame": header.frame})).await;
                return (header, bytes.len() - HEADER_BYTES);
            }
        }
    }

    /// What a view shows.
    pub fn screen(&self, view: u8) -> &Screen {
        &self.screens[&view]
    }

    /// The next message of a connection that lives.
    async fn arrival(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        let next = self.next().await;
        assert!(
            matches!(next, Some(Ok(Message::Text(_) | Message::Binary(_)))),
            "the connection has ended: {}",
            describe(&next)
        );
        next
    }

    /// The closing code, skipping whatever still comes.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match self.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(Message::Close(None)) | Err(_)) | None => panic!("closed without a code"),
                Some(Ok(_)) => {}
            }
        }
    }
}

fn describe(message: &Option<Result<Message, tungstenite::Error>>) -> String {
    match message {
        Some(Ok(Message::Text(text))) => text.to_string(),
        Some(Ok(Message::Binary(bytes))) => format!("{} bytes", bytes.len()),
        other => format!("{other:?}"),
    }
}
