//! What a server tells by plain HTTP, beside a session's stream.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Bytes;

use super::{Address, Error};

/// The largest header of an answer.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// A host that nobody is at, or that drops packets, is not waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks a server in the name of one of its sessions.
#[derive(Clone, Debug)]
pub struct Fetcher {
    address: Address,
    resume_token: Option<Secret>,
}

#[derive(Clone)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl Fetcher {
    /// A guest's token is good together with its session's `resume_token` only.
    pub(crate) fn new(address: Address, resume_token: Option<String>) -> Self {
        Self { address, resume_token: resume_token.map(Secret) }
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        self.address.authority()
    }

    pub(crate) fn token(&self) -> &str {
        self.address.token()
    }

    /// What proves to the server who asks.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, String)> {
        let mut headers = vec![(header::AUTHORIZATION, format!("Bearer {}", self.address.token()))];
        if let Some(Secret(token)) = &self.resume_token {
            headers.push((header::SEC_WEBSOCKET_PROTOCOL, format!("{}{token}", protocol::RESUME)));
        }
        headers
    }

    /// The body of an answer of at most `most_bytes`, within `patience`.
    ///
    /// # Errors
    /// There is no server, it refuses, or it sends more than that.
    pub async fn get(&self, path: &str, most_bytes: usize, patience: Duration) -> Result<Bytes, Error> {
        let asked = Asked { method: Method::GET, path, headers: self.headers(), body: String::new() };
        match asked.send(self.address.authority(), most_bytes, patience).await? {
            (StatusCode::OK, body) => Ok(body),
            (StatusCode::UNAUTHORIZED, _) => Err(Error::Token),
            (status, _) => Err(Error::Refused(status.as_u16())),
        }
    }
}

/// A request.
pub(crate) struct Asked<'a> {
    pub method: Method,
    /// From the root, with nothing in it that needs escaping.
    pub path: &'a str,
    pub headers: Vec<(HeaderName, String)>,
    pub body: String,
}

impl Asked<'_> {
    pub async fn send(
        self,
        authority: &str,
        most_bytes: usize,
        patience: Duration,
    ) -> Result<(StatusCode, Bytes), Error> {
        let exchange = async {
            let failed = |error| Error::Connect(authority.to_owned(), error);
            let tcp = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(authority)).await;
            let tcp = tcp.map_err(|_| Error::Silent)?.map_err(failed)?;
            let broke = |error: hyper::Error| Error::Http(error.to_string());
            let (mut sender, connection) = http1::Builder::new()
                .max_buf_size(MAX_HEADER_BYTES)
                .handshake(TokioIo::new(tcp))
                .await
                .map_err(broke)?;
            let mut request = Request::builder()
                .method(self.method)
                .uri(self.path)
                .header(header::HOST, authority)
                .header(header::CONNECTION, "close")
                .body(Body::from(self.body))
                .map_err(|_| Error::Address)?;
            for (name, value) in self.headers {
                let mut value = HeaderValue::from_str(&value).map_err(|_| Error::Address)?;
                value.set_sensitive(true);
                request.headers_mut().insert(name, value);
            }
            let answer = async {
                let response = sender.send_request(request).await.map_err(broke)?;
                let status = response.status();
                let body = to_bytes(Body::new(response.into_body()), most_bytes).await;
                Ok((status, body.map_err(|error| Error::Http(error.to_string()))?))
            };
            // Dropped with this, so that a server notices whoever does not wait any more.
            let mut connection = std::pin::pin!(connection);
            let mut answer = std::pin::pin!(answer);
            tokio::select! {
                biased;
                answered = &mut answer => answered,
                ended = &mut connection => match ended {
                    // What came before it ended may not have been taken yet.
                    Ok(()) => answer.await,
                    Err(error) => Err(broke(error)),
                },
            }
        };
        tokio::time::timeout(patience, exchange).await.unwrap_or(Err(Error::Silent))
    }
}

/// A text as one segment of a path (RFC 3986, 3.3).
pub(crate) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_leads_nowhere_else() {
        assert_eq!(segment("1.2.840~2"), "1.2.840~2");
        assert_eq!(segment("../a b?c#d%/ü"), "..%2Fa%20b%3Fc%23d%25%2F%C3%BC");
    }
}
