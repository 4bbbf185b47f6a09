//! Where a server is, and opening a WebSocket there.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::{Error, MOST_MESSAGE_BYTES, Socket};

/// A server that does not answer within this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where a server is, and the token that it asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Host and port.
    authority: String,
    token: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("authority", &self.authority).finish_non_exhaustive()
    }
}

impl Address {
    /// Reads what a server prints: `http://HOST:PORT/?token=TOKEN`.
    pub fn parse(url: &str) -> Result<Self, Error> {
        if url.starts_with("https:") {
            return Err(Error::Https);
        }
        let rest = url.strip_prefix("http://").ok_or(Error::Address)?;
        let (authority, query) = rest.split_once('?').ok_or(Error::Address)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).ok_or(Error::Address)?;
        let known = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if authority.is_empty() || authority.contains('/') || token.is_empty() || !token.chars().all(known) {
            return Err(Error::Address);
        }
        Ok(Self { authority: authority.to_owned(), token: token.to_owned() })
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The same server by way of another address, of something that passes on what it gets.
    pub fn through(&self, relay: SocketAddr) -> Self {
        Self { authority: relay.to_string(), token: self.token.clone() }
    }
}

/// Opens a WebSocket, for the session of a token where there is one.
pub(super) async fn connect(address: Address, resume_token: Option<String>) -> Result<Socket, Error> {
    let open = async {
        let authority = &address.authority;
        let failed = |error| Error::Connect(authority.clone(), error);
        let tcp = TcpStream::connect(authority.as_str()).await.map_err(failed)?;
        // Inputs are small and cannot wait for more of them.
        tcp.set_nodelay(true).map_err(failed)?;
        let local = tcp.local_addr().map_err(failed)?;
        let mut request = format!("ws://{authority}/ws").into_client_request().map_err(|_| Error::Address)?;
        let secret = |text: String| {
            let mut value = HeaderValue::from_str(&text).map_err(|_| Error::Address)?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        };
        request.headers_mut().insert(header::AUTHORIZATION, secret(format!("Bearer {}", address.token))?);
        let resume = resume_token.map(|token| format!(", {}{token}", protocol::RESUME)).unwrap_or_default();
        let subprotocol = secret(format!("{}{resume}", protocol::SUBPROTOCOL))?;
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MOST_MESSAGE_BYTES))
            .max_frame_size(Some(MOST_MESSAGE_BYTES))
            .write_buffer_size(0)
            .max_write_buffer_size(1 << 20);
        let (socket, _) =
            client_async_with_config(request, tcp, Some(config)).await.map_err(|error| match error {
                WsError::Http(response) => refused(response.status(), response.headers())
                    .unwrap_or_else(|| Error::Http(response.status().to_string())),
                other => Error::from(Box::new(other)),
            })?;
        let (sink, stream) = socket.split();
        Ok(Socket { sink, stream, unflushed: false, local })
    };
    tokio::time::timeout(CONNECT_TIMEOUT, open).await.unwrap_or(Err(Error::Silent))
}

/// What is wrong with the token that was offered.
fn refused(status: StatusCode, headers: &header::HeaderMap) -> Option<Error> {
    let is_guests = headers.get(protocol::REFUSAL).is_some_and(|why| why == protocol::NO_INVITATION);
    match status {
        StatusCode::UNAUTHORIZED if is_guests => Some(Error::Invitation),
        StatusCode::UNAUTHORIZED => Some(Error::Token),
        StatusCode::TOO_MANY_REQUESTS => Some(Error::Guesses),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_servers_print() {
        let address = Address::parse("http://127.0.0.1:8080/?token=abc-DEF_1").expect("an address");
        assert_eq!((address.authority(), address.token.as_str()), ("127.0.0.1:8080", "abc-DEF_1"));
        assert_eq!(
            Address::parse("http://[::1]:80?x=1&token=a").expect("an address").authority(),
            "[::1]:80"
        );
        assert!(!format!("{address:?}").contains("abc"), "a token is not for logs");
        for wrong in [
            "",
            "127.0.0.1:8080",
            "http://h:1/",
            "http://h:1/?token=",
            "http:///?token=a",
            "http://h/x/?token=a",
            "http://h/?token=a b",
        ] {
            assert!(matches!(Address::parse(wrong), Err(Error::Address)), "{wrong}");
        }
        assert!(matches!(Address::parse("https://h/?token=a"), Err(Error::Https)));
    }
}
