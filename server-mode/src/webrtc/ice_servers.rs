//! STUN and TURN servers that clients are told of.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64;
use protocol::message::IceServer;

use crate::server::{Error, Secret};

/// So long a TURN server lets a client in; a session that needs it later connects anew and gets others.
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
        let is = |url: &String, schemes: [&str; 2]| schemes.iter().any(|scheme| url.starts_with(scheme));
        let (turn, others): (Vec<_>, Vec<_>) =
            urls.iter().cloned().partition(|url| is(url, ["turn:", "turns:"]));
        if let Some(url) = others.iter().find(|url| !is(url, ["stun:", "stuns:"])) {
            return Err(Error::IceServer(url.clone()));
        }
        if !turn.is_empty() && secret.is_none_or(|secret| secret.0.is_empty()) {
            return Err(Error::TurnSecret);
        }
        Ok(Self { stun: others, turn, secret: secret.cloned() })
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
    }

    #[test]
    fn other_urls_and_a_turn_server_without_a_secret_are_refused() {
        let wrong = IceServers::new(&["http://a".to_owned()], None);
        assert!(matches!(wrong, Err(Error::IceServer(_))));
        let secretless = IceServers::new(&["turn:a".to_owned()], None);
        assert!(matches!(secretless, Err(Error::TurnSecret)));
        assert!(IceServers::default().of_session("session", UNIX_EPOCH).is_empty());
    }
}
