//! Accepting connections, letting in who has the token, and shutting down in good order.

mod auth;
mod callers;
mod door;
mod entry;
mod metrics;
mod pages;
mod presets;
mod socket;
mod thumbnails;
mod voxels;
mod waiting;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use render_core::Renderer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::board::Board;
use crate::frames::Frames;
use crate::measuring::Measuring;
use crate::studies::{Store, Studies};
use crate::webrtc::{Config as WebRtcConfig, WebRtc};
use auth::Proof;
pub(crate) use auth::{Guesses, Token};
use callers::{Caller, Callers};
use entry::{Admitted, Entry};
use metrics::Metrics;
use pages::{Assets, SignIn};
use presets::{Presets, Watch};
use socket::Hosted;
use thumbnails::Thumbnails;
pub(crate) use voxels::{KEEP, POLICY};
use waiting::Waiting;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// At least 32 characters of letters, digits, `-` and `_`; random when `None`.
    pub token: Option<Secret>,
    /// Size in pixels of what clients of the plain protocol get.
    pub render_size: [u32; 2],
    /// Sessions at a time.
    pub max_sessions: usize,
    /// Folder of the user's own volume presets.
    pub presets: Option<PathBuf>,
    /// Bytes of series that nobody looks at any more but that stay in memory.
    pub cache_bytes: usize,
    /// `None` leaves clients their WebSocket.
    pub webrtc: Option<WebRtcConfig>,
    pub voxels: VoxelPolicy,
}

/// What clients may have of the voxels of series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VoxelPolicy {
    /// Nothing: they get pictures.
    None,
    /// All, to draw them themselves, but they write nothing of them to a disk.
    Memory,
    /// The same, and they may keep them encrypted.
    #[default]
    Keep,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            token: None,
            render_size: [1280, 720],
            max_sessions: 1024,
            presets: None,
            cache_bytes: 2 << 30,
            webrtc: Some(WebRtcConfig::default()),
            voxels: VoxelPolicy::Keep,
        }
    }
}

/// A text that `Debug` does not show.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(
        "port {0} is in use by another program. Stop that program, or choose another port with --listen, for example --listen {1}:0 for any free one"
    )]
    PortInUse(u16, IpAddr),
    #[error("listening on {0} failed: {1}")]
    Listen(SocketAddr, std::io::Error),
    #[error("the token needs at least 32 characters, of letters, digits, - and _")]
    Token,
    #[error("pictures for simple clients cannot have {0}x{1} pixels: 1 to 8192 each are possible")]
    RenderSize(u32, u32),
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    #[error(
        "WebRTC cannot listen on UDP {0}: {1}. Choose another address with --webrtc-listen, or do without with --no-webrtc"
    )]
    WebRtcListen(SocketAddr, std::io::Error),
    #[error("WebRTC's certificate cannot be made")]
    Certificate,
    #[error("{0:?} is no URL of a STUN or TURN server: those begin with stun:, stuns:, turn: or turns:")]
    IceServer(String),
    #[error(
        "a TURN server needs the secret that it shares with this server: give its file with --turn-secret-file"
    )]
    TurnSecret,
    #[error("threads or the event loop cannot be started: {0}")]
    Start(std::io::Error),
}

impl Error {
    /// Whether other options would have done, rather than another machine.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Token | Self::RenderSize(..) | Self::IceServer(_) | Self::TurnSecret)
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Ready {
    /// Where to point a browser; it holds the token, so show it to the user and log it nowhere.
    pub url: String,
    /// The same for other machines, where it listens on all addresses of this one.
    pub other_urls: Vec<String>,
    pub address: SocketAddr,
    /// What the user should know, one sentence each.
    pub warnings: Vec<String>,
}

/// Serves until Ctrl-C or SIGTERM. `on_ready` is called once, when the server listens.
pub fn run(
    config: &Config,
    renderer: &Renderer,
    studies: Studies,
    on_ready: impl FnOnce(&Ready),
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("network")
        .enable_all()
        .build()
        .map_err(Error::Start)?;
    runtime.block_on(async {
        let server = Server::bind(config, renderer, studies).await?;
        on_ready(server.ready());
        server.serve(stop_signal()).await;
        Ok(())
    })
}

async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler the system's own ends the program, which is all that is left to do.
    let _ = tokio::signal::ctrl_c().await;
}

/// Connections at a time beyond those of sessions: browsers' idle ones, requests.
const SPARE_CONNECTIONS: usize = 512;
/// A network that fails for a moment takes all clients at once; but what has gone for good holds memory meanwhile, some
/// 35 kB each and the series that it showed.
const MOST_WAITING: usize = 256;
/// A request's header, and a sign-in form, must arrive within this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
const MAX_FORM_BYTES: usize = 4096;
/// How often sessions are looked for that have waited for their clients in vain.
const SWEEP: Duration = Duration::from_secs(5);
/// When so many sessions have ended, their memory is given back while others go on.
const MANY_SESSIONS: u64 = 32;
/// How long clients get to take leave when the server shuts down.
const DRAIN: Duration = Duration::from_secs(5);

/// What all requests share.
struct App {
    entry: Entry,
    /// Cookies do not know ports: the name keeps two servers on one host apart.
    cookie_name: String,
    guesses: Guesses,
    assets: Assets,
    thumbnails: Thumbnails,
    studies: Arc<Studies>,
    store: Store,
    voxel_turns: Arc<Semaphore>,
    presets: Presets,
    frames: Frames,
    measuring: Measuring,
    webrtc: Option<WebRtc>,
    backend: &'static str,
    render_size: [u32; 2],
    voxels: VoxelPolicy,
    max_sessions: usize,
    sessions: Arc<Semaphore>,
    /// Those whose clients are gone for a while.
    waiting: Waiting<Hosted>,
    session_numbers: AtomicU64,
    metrics: Metrics,
    closing: watch::Receiver<bool>,
}

/// Bound to its address, not yet answering.
pub struct Server {
    listener: TcpListener,
    app: Arc<App>,
    close: watch::Sender<bool>,
    presets: Option<Watch>,
    ready: Ready,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.ready.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens and starts the threads that load and draw.
    pub async fn bind(config: &Config, renderer: &Renderer, studies: Studies) -> Result<Self, Error> {
        let token = match &config.token {
            Some(secret) => Token::configured(&secret.0).ok_or(Error::Token)?,
            None => Token::random().map_err(Error::Random)?,
        };
        Self::with(config, renderer, studies, Entry::Token(token)).await
    }

    /// The same for guests, who see what a host shows; a token of the configuration means nothing.
    pub(crate) async fn for_guests(
        config: &Config,
        renderer: &Renderer,
        studies: Studies,
        board: Arc<Board>,
    ) -> Result<Self, Error> {
        Self::with(config, renderer, studies, Entry::Guests(board)).await
    }

    async fn with(
        config: &Config,
        renderer: &Renderer,
        studies: Studies,
        entry: Entry,
    ) -> Result<Self, Error> {
        let [width, height] = config.render_size;
        if config.render_size.iter().any(|n| !(1..=protocol::MAX_VIEW_SIZE).contains(n)) {
            return Err(Error::RenderSize(width, height));
        }
        let listener = TcpListener::bind(config.listen).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => Error::PortInUse(config.listen.port(), config.listen.ip()),
            _ => Error::Listen(config.listen, error),
        })?;
        let address = listener.local_addr().map_err(|error| Error::Listen(config.listen, error))?;
        let studies = Arc::new(studies);
        let (close, closing) = watch::channel(false);
        let (presets, watch, problems) = presets::open(config.presets.clone());
        let (webrtc, remarks) = match &config.webrtc {
            Some(config) => {
                let (webrtc, remarks) = WebRtc::bind(config, address).await?;
                (Some(webrtc), remarks)
            }
            None => (None, Vec::new()),
        };
        let warnings = warnings(address.ip()).into_iter().chain(problems).chain(remarks).collect();
        // Guests have links of their own.
        let token = entry.token().map(Token::reveal);
        let ready = Ready {
            url: token.map(|token| link(address, token)).unwrap_or_default(),
            other_urls: token.map(|token| other_links(address, token)).unwrap_or_default(),
            address,
            warnings,
        };
        let thumbnails = Thumbnails::new(&studies, &entry);
        let app = App {
            entry,
            cookie_name: format!("voxcast_{}", address.port()),
            guesses: Guesses::default(),
            assets: Assets::embedded(),
            thumbnails,
            store: Store::start(Arc::clone(&studies), config.cache_bytes).map_err(Error::Start)?,
            voxel_turns: Arc::new(Semaphore::new(voxels::AT_ONCE)),
            frames: Frames::start(renderer).map_err(Error::Start)?,
            measuring: Measuring::start().map_err(Error::Start)?,
            webrtc,
            backend: renderer.name(),
            studies,
            presets,
            render_size: config.render_size,
            voxels: config.voxels,
            max_sessions: config.max_sessions,
            sessions: Arc::new(Semaphore::new(config.max_sessions)),
            waiting: Waiting::new(config.max_sessions.min(MOST_WAITING)),
            session_numbers: AtomicU64::new(0),
            metrics: Metrics::new(),
            closing,
        };
        Ok(Self { listener, app: Arc::new(app), close, presets: watch, ready })
    }

    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Answers until `shutdown` is done, then tells the sessions and waits a little for them.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, app, close, presets, .. } = self;
        if let Some(presets) = presets {
            tokio::spawn(presets.run(app.closing.clone()));
        }
        let router = router(&app);
        let most_connections = app.max_sessions.saturating_add(SPARE_CONNECTIONS).min(Semaphore::MAX_PERMITS);
        let mut callers = Callers::new(most_connections);
        raise_descriptors(most_connections);
        let mut shutdown = std::pin::pin!(shutdown);
        let mut sweep = tokio::time::interval(SWEEP);
        // Sessions whose memory was given back.
        let mut given_back = 0;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = sweep.tick() => {
                    app.waiting.expired(Instant::now()).into_iter().for_each(|hosted| hosted.end(&app));
                    let sessions = app.max_sessions.saturating_sub(app.sessions.available_permits()) as u64;
                    let ended = app.session_numbers.load(Ordering::Relaxed).saturating_sub(sessions);
                    let gone = ended.saturating_sub(given_back);
                    if gone >= MANY_SESSIONS || (gone > 0 && sessions == 0) {
                        given_back = ended;
                        tokio::task::spawn_blocking(give_memory_back);
                    }
                    continue;
                }
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // One connection too many is closed at once; the browser tries again.
                    let Some((caller, permit)) = callers.place().await else { continue };
                    let router = router.clone().layer(Extension(Peer(peer.ip())));
                    let router = router.layer(Extension(Arc::clone(&caller)));
                    let closing = app.closing.clone();
                    tokio::spawn(async move {
                        tokio::select! {
                            () = connection(stream, router, closing) => {}
                            () = caller.has_to_leave() => {}
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: some will be closed soon.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        // Nobody listening means that there is nobody to tell.
        let _ = close.send(true);
        let sessions = u32::try_from(app.max_sessions).unwrap_or(u32::MAX);
        let all_gone = async {
            callers.all_gone().await;
            let _ = app.sessions.acquire_many(sessions).await;
        };
        if tokio::time::timeout(DRAIN, all_gone).await.is_err() {
            tracing::warn!("some clients did not take leave and were cut off");
        }
    }
}

/// What sessions had goes back to the system; the allocator would keep it for the next ones.
fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the allocator has no safe interface")]
    // SAFETY: it takes the allocator's own locks, and touches no memory that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Asks the system for a descriptor for each connection, and some for files.
#[cfg(unix)]
fn raise_descriptors(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const FILES: u64 = 256;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = (connections as u64 + FILES).min(maximum.unwrap_or(u64::MAX));
    if current.is_some_and(|current| current < wanted) {
        let limit = Rlimit { current: Some(wanted), maximum };
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the system allows few files and connections at a time");
        }
    }
}

#[cfg(not(unix))]
fn raise_descriptors(_connections: usize) {}

async fn connection(stream: TcpStream, router: Router, mut closing: watch::Receiver<bool>) {
    // Frames are single large writes and inputs single small ones: waiting to fill packets only delays.
    let _ = stream.set_nodelay(true);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS);
    let connection =
        http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let close = async move {
        // The sender lives as long as the server.
        let _ = closing.wait_for(|closing| *closing).await;
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = close => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
struct Peer(IpAddr);

fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/ws", get(socket::upgrade))
        .route("/thumbnail/{series}", get(thumbnail))
        .route("/voxels/{series}/{level}", get(voxels::voxels))
        .route("/metrics", get(metrics::metrics))
        .fallback(get(page))
        .layer(from_fn_with_state(Arc::clone(app), admit))
        .route("/sign-in", post(sign_in))
        .route("/knock", post(door::knock))
        .route("/healthz", get(async || pages::text(StatusCode::OK, "ok")))
        .layer(map_response(async |response| pages::secure(response)))
        .with_state(Arc::clone(app))
}

/// Lets a request pass if it comes from our own pages and has the token.
async fn admit(
    State(app): State<Arc<App>>,
    Extension(Peer(address)): Extension<Peer>,
    Extension(caller): Extension<Arc<Caller>>,
    mut request: Request,
    next: Next,
) -> Response {
    if !auth::origin_is_ours(request.headers()) {
        return pages::text(
            StatusCode::FORBIDDEN,
            "This page may not use the server: it comes from another origin.",
        );
    }
    let resume_token = socket::resume_token(request.headers());
    let is_page = request.uri().path() == "/";
    let admitted = match Proof::of(request.uri(), request.headers(), &app.cookie_name) {
        Proof::Offered(token) if is_page && app.entry.is_unused(token) => {
            return pages::join(token, request.uri(), request.headers());
        }
        // A link that is opened once more by whom it has let in.
        Proof::Offered(_) if is_page && let Some(who) = app.known_guest(request.headers()) => {
            return app.let_in(request.uri(), &who);
        }
        Proof::Offered(token) => match app.check(address, token, resume_token.as_deref(), enters(&request)) {
            Ok(who) if is_page => return app.let_in(request.uri(), &who),
            Ok(who) => who,
            Err(refusal) => return pages::sign_in(refusal, request.uri(), request.headers()),
        },
        Proof::Cookie(cookie) => match app.entry.known(cookie) {
            Some(who) => who,
            None => return pages::sign_in(app.unknown_cookie(), request.uri(), request.headers()),
        },
        Proof::None => return pages::sign_in(app.no_proof(), request.uri(), request.headers()),
    };
    caller.let_in();
    request.extensions_mut().insert(admitted);
    next.run(request).await
}

/// Whether a program comes in by this: a session that begins. People sign in.
fn enters(request: &Request) -> bool {
    *request.method() == Method::GET && request.uri().path() == "/ws"
}

async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(Peer(address)): Extension<Peer>,
    request: Request,
) -> Response {
    if !auth::origin_is_ours(request.headers()) {
        return pages::text(
            StatusCode::FORBIDDEN,
            "This page may not sign in: it comes from another origin.",
        );
    }
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let body = axum::body::to_bytes(request.into_body(), MAX_FORM_BYTES);
    let Ok(Ok(body)) = tokio::time::timeout(REQUEST_TIMEOUT, body).await else {
        return pages::text(StatusCode::BAD_REQUEST, "The sign-in form did not arrive or is too long.");
    };
    let token = auth::form_token(std::str::from_utf8(&body).unwrap_or_default());
    // A button that is pressed once more by whom it has let in.
    if !app.entry.is_unused(token)
        && let Some(who) = app.known_guest(&headers)
    {
        return app.let_in(&uri, &who);
    }
    match app.check(address, token, None, true) {
        Ok(who) => app.let_in(&uri, &who),
        Err(refusal) => pages::sign_in(refusal, &uri, &headers),
    }
}

async fn thumbnail(State(app): State<Arc<App>>, Path(series): Path<String>) -> Response {
    let Some(jpeg) = app.thumbnails.get(&series).await else {
        return pages::text(StatusCode::NOT_FOUND, "There is no picture of this series.");
    };
    let mut response = pages::respond(StatusCode::OK, "image/jpeg", Body::from(jpeg));
    // Whoever is signed out has no right to it any more.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn page(State(app): State<Arc<App>>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return pages::text(StatusCode::METHOD_NOT_ALLOWED, "Only GET is possible here.");
    }
    app.assets
        .get(request.uri(), request.headers())
        .unwrap_or_else(|| pages::text(StatusCode::NOT_FOUND, "There is nothing here."))
}

impl App {
    fn check(
        &self,
        address: IpAddr,
        token: &str,
        resume_token: Option<&str>,
        enters: bool,
    ) -> Result<Admitted, SignIn> {
        // The right one always: nobody guesses 128 bits, and behind a proxy all have the address of who tries to.
        if let Some(who) = self.entry.admit(address, token, resume_token, enters) {
            return Ok(who);
        }
        let now = Instant::now();
        if self.guesses.exhausted(now, address) {
            return Err(SignIn::TooManyGuesses);
        }
        self.guesses.wrong(now, address);
        tracing::warn!("a wrong token was offered");
        Err(if self.entry.board().is_some() { SignIn::NoInvitation } else { SignIn::WrongToken })
    }

    /// What is said to who comes with nothing.
    fn no_proof(&self) -> SignIn {
        if self.entry.board().is_some() { SignIn::InvitationNeeded } else { SignIn::Needed }
    }

    /// The same to a browser that was let in once.
    fn unknown_cookie(&self) -> SignIn {
        if self.entry.board().is_some() { SignIn::NoInvitation } else { SignIn::Needed }
    }

    /// The guest whose cookie a browser has.
    fn known_guest(&self, headers: &HeaderMap) -> Option<Admitted> {
        self.entry.board()?;
        self.entry.known(auth::cookie(headers, &self.cookie_name)?)
    }

    /// Sets the cookie and leads to the page, so that the token leaves the address bar.
    fn let_in(&self, uri: &Uri, who: &Admitted) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let secret = self.entry.cookie(who);
        let cookie = format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name);
        let headers = response.headers_mut();
        let page = match auth::kept_query(uri) {
            "" => "/".into(),
            kept => format!("/?{kept}"),
        };
        // None of these holds what a header value may not.
        for (name, value) in [(header::LOCATION, page), (header::SET_COOKIE, cookie)] {
            headers.extend(HeaderValue::from_str(&value).ok().map(|value| (name, value)));
        }
        response
    }

    fn next_session(&self) -> u64 {
        self.session_numbers.fetch_add(1, Ordering::Relaxed)
    }
}

/// Where a browser is let in by a token, which needs no escaping.
pub(crate) fn link(address: SocketAddr, token: &str) -> String {
    // Nobody can connect to "any address"; on this machine the loopback address stands for it.
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    };
    format!("http://{}/?token={token}", SocketAddr::new(host, address.port()))
}

/// What other machines may use, if the server listens for them on every address of this one.
pub(crate) fn other_links(address: SocketAddr, token: &str) -> Vec<String> {
    if !address.ip().is_unspecified() {
        return Vec::new();
    }
    // Without interfaces nobody else is there.
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let ips = interfaces.iter().map(if_addrs::Interface::ip);
    ips.filter(|ip| !ip.is_loopback() && (ip.is_ipv4() || address.is_ipv6()) && !is_link_local(*ip))
        .map(|ip| link(SocketAddr::new(ip, address.port()), token))
        .collect()
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn warnings(ip: IpAddr) -> Vec<String> {
    if ip.is_loopback() {
        return Vec::new();
    }
    let who = if ip.is_unspecified() {
        "every network that this machine is in".into()
    } else {
        format!("the network of {ip}")
    };
    vec![format!(
        "The server can be reached from {who}, and nothing is encrypted: whoever can listen on the way sees the pictures and the token. \
         Use it on networks you trust only, or put a proxy with TLS in front."
    )]
}
