//! Who may come in: the token, the origin, and how often an address may guess.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::{HeaderMap, Uri, header};
use subtle::ConstantTimeEq;

/// 160 random bits.
const TOKEN_BYTES: usize = 20;
/// The least that a token given from outside must have: 128 bits as hexadecimal digits.
const MIN_TOKEN_CHARS: usize = 32;
const MAX_TOKEN_CHARS: usize = 512;
const MAX_KEPT_CHARS: usize = 64;

/// The secret that opens the server. Its `Debug` output does not show it.
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Token {
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex(&bytes)))
    }

    /// A token from the configuration; `None` if it is too short to be safe, too long, or would
    /// need escaping in a URL.
    pub fn configured(text: &str) -> Option<Self> {
        let fits = (MIN_TOKEN_CHARS..=MAX_TOKEN_CHARS).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (fits && plain).then(|| Self(text.to_owned()))
    }

    /// Compares in a time that does not depend on where the texts differ.
    pub fn matches(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }

    /// For the URL and the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How a request proves that it may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof<'a> {
    /// Given by a person or a program: a wrong one counts as a guess.
    Offered(&'a str),
    /// Kept by a browser: a wrong one is most likely an old one.
    Cookie(&'a str),
    None,
}

impl<'a> Proof<'a> {
    pub fn of(uri: &'a Uri, headers: &'a HeaderMap, cookie_name: &str) -> Self {
        if let Some(token) = query_token(uri) {
            return Self::Offered(token);
        }
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some((scheme, token)) = bearer.and_then(|value| value.split_once(' '))
            && scheme.eq_ignore_ascii_case("bearer")
        {
            return Self::Offered(token.trim());
        }
        cookie(headers, cookie_name).map_or(Self::None, Self::Cookie)
    }
}

/// What a browser keeps under this name.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|all| all.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, token)| token)
}

/// The query parameter `token`. Tokens need no escaping, so none is undone.
pub fn query_token(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// The token of the sign-in form: alone, or in the address that the server printed, as people paste it. An address is
/// escaped, a token needs none, so none is undone.
pub fn form_token(form: &str) -> &str {
    let pasted = form.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    let token =
        pasted.split_once("token%3D").map_or(pasted, |(_, rest)| rest.split('%').next().unwrap_or_default());
    token.trim_matches('+')
}

/// What the page of a sign-in is to know afterwards: `?transport=…`, or nothing. What would need escaping in a
/// header or a form is none that the page has.
pub fn kept_query(uri: &Uri) -> &str {
    let query = uri.query().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"=-_.%+".contains(&b);
    let mut pairs = query.split('&').filter(|pair| pair.starts_with("transport="));
    pairs.find(|pair| pair.len() <= MAX_KEPT_CHARS && pair.bytes().all(plain)).unwrap_or_default()
}

/// Whether a request may be answered as far as its origin goes: browsers name the page that a
/// request comes from, and only our own pages may use the server. Programs name none.
pub fn origin_is_ours(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Some((origin, host)) =
        origin.to_str().ok().zip(headers.get(header::HOST).and_then(|h| h.to_str().ok()))
    else {
        return false;
    };
    // A proxy in front may add TLS and keep the Host header, so the scheme alone does not tell.
    let (authority, port) = match (origin.strip_prefix("http://"), origin.strip_prefix("https://")) {
        (Some(authority), _) => (authority, ":80"),
        (_, Some(authority)) => (authority, ":443"),
        _ => return false,
    };
    let bare = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
    !authority.is_empty() && bare(authority) == bare(host)
}

/// Wrong tokens that an address may offer at once, and seconds until it may offer another one.
const WRONG_TOKENS: f64 = 10.0;
const SECONDS_PER_TOKEN: f64 = 6.0;
/// Addresses remembered at a time.
const MAX_ADDRESSES: usize = 4096;

/// Counts by address what may be done a few times at once and then seldom: wrong tokens, unless told otherwise.
#[derive(Debug)]
pub struct Guesses {
    at_once: f64,
    seconds_each: f64,
    /// Guesses used up, and when that was so.
    used: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self::new(WRONG_TOKENS, SECONDS_PER_TOKEN)
    }
}

impl Guesses {
    pub fn new(at_once: f64, seconds_each: f64) -> Self {
        Self { at_once, seconds_each, used: Mutex::default() }
    }

    fn remaining(&self, (used, at): (f64, Instant), now: Instant) -> f64 {
        (used - now.saturating_duration_since(at).as_secs_f64() / self.seconds_each).max(0.0)
    }

    /// Whether the address has guessed too often to be listened to.
    pub fn exhausted(&self, now: Instant, address: IpAddr) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.get(&network(address)).is_some_and(|&entry| self.remaining(entry, now) > self.at_once - 1.0)
    }

    pub fn wrong(&self, now: Instant, address: IpAddr) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MAX_ADDRESSES {
            used.retain(|_, entry| self.remaining(*entry, now) > 0.0);
            // A flood from everywhere at once: start afresh rather than grow.
            if used.len() >= MAX_ADDRESSES {
                used.clear();
            }
        }
        let entry = used.entry(network(address)).or_insert((0.0, now));
        *entry = (self.remaining(*entry, now) + 1.0, now);
    }
}

/// One host has a whole IPv6 /64 to guess from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("header value"))).collect()
    }

    #[test]
    fn only_our_own_pages_and_programs_pass_the_origin_check() {
        let passes =
            |origin, host| origin_is_ours(&headers(&[(header::ORIGIN, origin), (header::HOST, host)]));
        assert!(passes("http://127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(passes("http://Viewer.example", "viewer.example:80"));
        assert!(passes("https://viewer.example", "viewer.example"));
        assert!(passes("http://[::1]:8080", "[::1]:8080"));
        assert!(!passes("http://evil.example", "127.0.0.1:8080"));
        assert!(!passes("http://127.0.0.1:8081", "127.0.0.1:8080"));
        assert!(!passes("http://127.0.0.1.evil.example:8080", "127.0.0.1:8080"));
        assert!(!passes("null", "127.0.0.1:8080"));
        assert!(!passes("file://", ""));
        assert!(!passes("http://", ""));
        assert!(!origin_is_ours(&headers(&[(header::ORIGIN, "http://a")])));
        assert!(origin_is_ours(&headers(&[(header::HOST, "127.0.0.1:8080")])));
    }

    #[test]
    fn tokens_are_long_random_and_hidden() {
        let (a, b) = (Token::random().expect("random"), Token::random().expect("random"));
        assert_eq!(a.reveal().len(), TOKEN_BYTES * 2);
        assert_ne!(a.reveal(), b.reveal());
        assert!(
            a.matches(a.reveal()) && !a.matches(b.reveal()) && !a.matches("") && !a.matches(&a.reveal()[1..])
        );
        assert!(!format!("{a:?}").contains(a.reveal()));
        assert!(Token::configured("short").is_none());
        assert!(Token::configured(&"a&".repeat(20)).is_none());
        assert!(Token::configured(&"a".repeat(32)).is_some());
    }

    #[test]
    fn the_token_is_found_in_query_header_and_cookie() {
        let uri = |text: &str| text.parse::<Uri>().expect("URI");
        let none = HeaderMap::new();
        assert_eq!(Proof::of(&uri("/ws?a=b&token=abc"), &none, "v"), Proof::Offered("abc"));
        assert_eq!(Proof::of(&uri("/ws?nottoken=abc"), &none, "v"), Proof::None);
        let bearer = headers(&[(header::AUTHORIZATION, "bearer abc")]);
        assert_eq!(Proof::of(&uri("/ws"), &bearer, "v"), Proof::Offered("abc"));
        let cookie = headers(&[(header::COOKIE, "x=1; v=abc; w=2")]);
        assert_eq!(Proof::of(&uri("/ws"), &cookie, "v"), Proof::Cookie("abc"));
        assert_eq!(Proof::of(&uri("/ws"), &cookie, "y"), Proof::None);
    }

    #[test]
    fn a_sign_in_form_takes_a_token_and_the_address_that_holds_it() {
        for form in [
            "token=abc-_1",
            "x=1&token=+abc-_1+",
            "token=http%3A%2F%2F127.0.0.1%3A8080%2F%3Ftoken%3Dabc-_1",
            "token=http%3A%2F%2Fhost%2F%3Ftoken%3Dabc-_1%26transport%3Djpeg",
        ] {
            assert_eq!(form_token(form), "abc-_1", "{form}");
        }
        assert_eq!(form_token("other=abc"), "");
        assert_eq!(form_token("token=a%3Db"), "a%3Db", "a wrong one");
    }

    #[test]
    fn an_address_that_guesses_is_locked_out_for_a_while_and_others_are_not() {
        let guesses = Guesses::default();
        let start = Instant::now();
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().expect("ip"), "10.0.0.2".parse().expect("ip"));
        for _ in 0..10 {
            assert!(!guesses.exhausted(start, a));
            guesses.wrong(start, a);
        }
        assert!(guesses.exhausted(start, a));
        assert!(!guesses.exhausted(start, b));
        assert!(!guesses.exhausted(start + Duration::from_secs(7), a));
        let (c, d): (IpAddr, IpAddr) =
            ("2001:db8::1".parse().expect("ip"), "2001:db8::2".parse().expect("ip"));
        (0..10).for_each(|_| guesses.wrong(start, c));
        assert!(guesses.exhausted(start, d));
    }
}
