//! What the server shows over plain HTTP: the browser client, which is part of the binary, and the
//! sign-in page.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use super::auth;

/// One file of the browser client.
#[derive(Debug)]
pub struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
    version: String,
}

/// The files of the browser client. Its page names the others with their version, so a browser may
/// keep those for ever and still gets a new server's files.
#[derive(Debug)]
pub struct Assets {
    page: Asset,
    files: [Asset; 5],
}

impl Asset {
    fn new(path: &'static str, content_type: &'static str, body: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        Self { path, content_type, body: body.to_vec(), version: format!("{:016x}", hasher.finish()) }
    }

    fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        let etag = format!("\"{}\"", self.version);
        let is_pinned = uri.query() == Some(&format!("v={}", self.version));
        let cache = if is_pinned { "private, max-age=31536000, immutable" } else { "private, no-cache" };
        let known =
            headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
        let (status, body) = if known {
            (StatusCode::NOT_MODIFIED, Body::empty())
        } else {
            (StatusCode::OK, Body::from(self.body.clone()))
        };
        let mut response = respond(status, self.content_type, body);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        // Quoted hexadecimal digits are a valid header value.
        headers.extend(HeaderValue::from_str(&etag).ok().map(|etag| (header::ETAG, etag)));
        response
    }
}

impl Assets {
    pub fn embedded() -> Self {
        let files = [
            Asset::new("/app.js", "text/javascript; charset=utf-8", include_bytes!("../../web/dist/app.js")),
            Asset::new("/app.css", "text/css; charset=utf-8", include_bytes!("../../web/dist/app.css")),
            Asset::new(
                "/local.js",
                "text/javascript; charset=utf-8",
                include_bytes!("../../web/dist/local.js"),
            ),
            Asset::new("/local.wasm", "application/wasm", include_bytes!("../../web/dist/local.wasm")),
            Asset::new("/icon.svg", "image/svg+xml", include_bytes!("../../web/dist/icon.svg")),
        ];
        let page = files.iter().fold(include_str!("../../web/dist/index.html").to_owned(), |page, file| {
            page.replace(&format!("\"{}\"", file.path), &format!("\"{}?v={}\"", file.path, file.version))
        });
        Self { page: Asset::new("/", "text/html; charset=utf-8", page.as_bytes()), files }
    }

    pub fn get(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let asset = match uri.path() {
            "/" => &self.page,
            path => self.files.iter().find(|file| file.path == path)?,
        };
        Some(asset.answer(uri, headers))
    }
}

pub fn respond(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A short answer in words.
pub fn text(status: StatusCode, message: &'static str) -> Response {
    respond(status, "text/plain; charset=utf-8", Body::from(message))
}

/// Why the sign-in page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    Needed,
    WrongToken,
    /// The same two at a shared session.
    InvitationNeeded,
    NoInvitation,
    TooManyGuesses,
}

/// The sign-in page in place of what was asked for. It stands alone: nothing else of the server is shown without the
/// token.
pub fn sign_in(why: SignIn, uri: &Uri, headers: &HeaderMap) -> Response {
    let (status, english, german) = match why {
        SignIn::Needed => (
            StatusCode::UNAUTHORIZED,
            "Paste the address that the server printed when it started, or the token in it.",
            "Die Adresse einfügen, die der Server beim Start ausgegeben hat, oder das Token darin.",
        ),
        SignIn::WrongToken => (
            StatusCode::UNAUTHORIZED,
            "This token is not right. It changes whenever the server starts: look for the last address that it printed.",
            "Dieses Token ist nicht richtig. Es ändert sich mit jedem Start des Servers: Seine letzte Adresse gilt.",
        ),
        SignIn::InvitationNeeded => (
            StatusCode::UNAUTHORIZED,
            "A colleague shares images here. Paste the link that you were sent, or ask for one.",
            "Hier zeigt jemand Bilder. Den Link einfügen, der Ihnen geschickt wurde, oder um einen bitten.",
        ),
        SignIn::NoInvitation => (
            StatusCode::UNAUTHORIZED,
            "This link has been used, or is not valid any more. Ask your colleague for another one.",
            "Dieser Link wurde schon benutzt oder gilt nicht mehr. Bitte um einen neuen bitten.",
        ),
        SignIn::TooManyGuesses => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many wrong tokens from your address. Wait a minute, then try again.",
            "Zu viele falsche Token von Ihrer Adresse. Bitte eine Minute warten, dann noch einmal versuchen.",
        ),
    };
    let (lang, message, button) = match speaks_german(headers) {
        true => ("de", german, "Anmelden"),
        false => ("en", english, "Sign in"),
    };
    let is_first = matches!(why, SignIn::Needed | SignIn::InvitationNeeded);
    let role = if is_first { "" } else { " role=\"alert\"" };
    let message = format!("<p{role}>{message}</p>");
    let mut response = form(status, uri, lang, button, &message, SIGN_IN_FIELDS);
    if matches!(why, SignIn::InvitationNeeded | SignIn::NoInvitation) {
        let value = HeaderValue::from_static(protocol::NO_INVITATION);
        response.headers_mut().insert(header::HeaderName::from_static(protocol::REFUSAL), value);
    }
    if why == SignIn::TooManyGuesses {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

const SIGN_IN_FIELDS: &str = r#"<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" spellcheck="false" required autofocus>
<button type="submit">{button}</button>"#;

/// What a link shows that lets one guest in, before it is used: programs that look at links to show what is behind them
/// (chats, mail scanners) press no button. The token needs no escaping.
pub fn join(token: &str, uri: &Uri, headers: &HeaderMap) -> Response {
    let (lang, message, button) = match speaks_german(headers) {
        true => ("de", "Jemand zeigt Ihnen Bilder. Der Link lässt eine Person ein, einmal.", "Ansehen"),
        false => ("en", "A colleague is showing you images. The link lets one person in, once.", "Join"),
    };
    let fields = format!(
        r#"<input name="token" type="hidden" value="{token}">
<button type="submit" autofocus>{{button}}</button>"#
    );
    form(StatusCode::OK, uri, lang, button, &format!("<p>{message}</p>"), &fields)
}

/// A page with a form that leads in.
fn form(status: StatusCode, uri: &Uri, lang: &str, button: &str, message: &str, fields: &str) -> Response {
    let page = include_str!("sign_in.html")
        .replace("{fields}", fields)
        .replace("{lang}", lang)
        .replace("{button}", button)
        .replace("{message}", message)
        .replace("{kept}", auth::kept_query(uri));
    let mut response = respond(status, "text/html; charset=utf-8", Body::from(page));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SIGN_IN_POLICY));
    // Without any referrer browsers send the form with the origin `null`, which is refused.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Whether German comes before English among the languages that a browser asks for.
fn speaks_german(headers: &HeaderMap) -> bool {
    let wanted =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = wanted.split(',').map(|tag| tag.trim().split(['-', ';']).next().unwrap_or_default());
    known.map(str::to_ascii_lowercase).find(|tag| tag == "de" || tag == "en").is_some_and(|tag| tag == "de")
}

/// The page carries its own style and no script.
const SIGN_IN_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Everything comes from here; pictures also from the WebSocket, as blobs. `wasm-unsafe-eval` lets the worker that draws
/// on the client's own card compile our WebAssembly, and no script beside it.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Headers that every answer carries; what an answer has set itself stays.
pub fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
