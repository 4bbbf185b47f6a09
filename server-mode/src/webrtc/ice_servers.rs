//! STUN and TURN servers that clients are told of.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64;
use protocol::message::IceServer;

use crate::server::{Error, Secret};

/// So long a TURN server lets a client in. One that is connected for longer is told others in time: the path may break
/// at any moment, and what takes its place is asked for anew.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Servers by their URLs, and the secret that is shared with those of TURN.
#[derive(Clone, Debug, Default)]
pub struct IceServers {
    stun: Vec<String>,
    turn: Vec<String>,
    secret: Option<Secret>,
}

impl IceServers {
    pub fn new(urls: &[String], secret: Option<&Secret>) -> Result<Self, Error> {
        let (turn, others): (Vec<_>, Vec<_>) = urls.iter().cloned().partition(|url| url.starts_with("turn"));
        if let Some(url) = urls.iter().find(|url| !is_ice_url(url)) {
            return Err(Error::IceServer(url.clone()));
        }
        if !turn.is_empty() && secret.is_none_or(|secret| secret.0.is_empty()) {
            return Err(Error::TurnSecret);
        }
        Ok(Self { stun: others, turn, secret: secret.cloned() })
    }

    /// How often a client is told others; `None` where nothing expires.
    pub fn renewal(&self) -> Option<Duration> {
        (!self.turn.is_empty()).then_some(LIFETIME / 2)
    }

    /// What the client of a session is told. Credentials are those of coturn's `use-auth-secret`
    /// (draft-uberti-behave-turn-rest): the user's name is when they expire and whose they are, the password
    /// is HMAC-SHA1 of it.
    pub fn of_session(&self, id: &str, now: SystemTime) -> Vec<IceServer> {
        let mut servers = Vec::new();
        if !self.stun.is_empty() {
            servers.push(IceServer { urls: self.stun.clone(), username: None, credential: None });
        }
        if let Some(secret) = self.secret.as_ref().filter(|_| !self.turn.is_empty()) {
            let expires = (now + LIFETIME).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let username = format!("{expires}:{id}");
            let hmac = str0m::crypto::from_feature_flags().sha1_hmac_provider;
            let credential = BASE64.encode(&hmac.sha1_hmac(secret.0.as_bytes(), &[username.as_bytes()]));
            let urls = self.turn.clone();
            servers.push(IceServer { urls, username: Some(username), credential: Some(credential) });
        }
        servers
    }
}

/// Whether browsers take it (RFC 7064 and 7065); they refuse all servers of a list for the sake of a wrong one.
fn is_ice_url(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once(':') else { return false };
    let (server, query) = rest.split_once('?').map_or((rest, None), |(server, query)| (server, Some(query)));
    let query_fits = match (scheme, query) {
        ("stun" | "stuns" | "turn" | "turns", None) => true,
        ("turn" | "turns", Some(query)) => ["transport=udp", "transport=tcp"].contains(&query),
        _ => false,
    };
    // An IPv6 address has brackets around it.
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !server.ends_with(']') => (host, Some(port)),
        _ => (server, None),
    };
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_fits = in_brackets.map_or_else(
        || !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)),
        |address| address.parse::<std::net::Ipv6Addr>().is_ok(),
    );
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    query_fits && host_fits && port_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_server_lets_a_client_in_for_an_hour() {
        let urls = ["stun:a:3478".to_owned(), "turn:b:3478?transport=udp".to_owned()];
        let secret = Secret("north".into());
        let servers = IceServers::new(&urls, Some(&secret)).expect("two URLs");
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let told = servers.of_session("session", now);
        assert_eq!((&told[0].urls[..], &told[0].username), (&urls[..1], &None));
        assert_eq!(told[1].username.as_deref(), Some("1700003600:session"));
        // printf 1700003600:session | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(told[1].credential.as_deref(), Some("4+PJqeFbEiyB3a3pvpB4JL04mWE="));
        assert!(servers.renewal().is_some_and(|every| every * 2 <= LIFETIME));
        assert_eq!(IceServers::new(&urls[..1], None).expect("a URL").renewal(), None);
    }

    #[test]
    fn other_urls_and_a_turn_server_without_a_secret_are_refused() {
        for wrong in [
            "http://a",
            "turn:",
            "turn:a:99999",
            "stun:a stun:b",
            "stun://a",
            "stun:a?transport=udp",
            "stun:[::g]",
        ] {
            let refused = IceServers::new(&[wrong.to_owned()], None);
            assert!(matches!(refused, Err(Error::IceServer(_))), "{wrong}");
        }
        for right in
            ["stun:a.example", "stuns:192.0.2.1:5349", "stun:[2001:db8::1]:3478", "stun:[2001:db8::1]"]
        {
            assert!(IceServers::new(&[right.to_owned()], None).is_ok(), "{right}");
        }
        let secretless = IceServers::new(&["turn:a".to_owned()], None);
        assert!(matches!(secretless, Err(Error::TurnSecret)));
        assert!(IceServers::default().of_session("session", UNIX_EPOCH).is_empty());
    }
}
