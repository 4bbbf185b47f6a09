//! Colleagues who ask to be let into a session that is shared: each waits at the door until the host answers, and
//! nothing but the host's answer lets anybody in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::client::http::Asked;
use crate::client::{self, Address};
use crate::server::Guesses;

/// At the door at a time, and of one address.
pub const MOST_WAITING: usize = 8;
const MOST_OF_ADDRESS: usize = 1;
/// An address may knock so often in a row, and then once in so many seconds.
const IN_A_ROW: f64 = 3.0;
const SECONDS_PER_KNOCK: f64 = 20.0;
/// A host that has not answered by then does not.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// The longest knock, and the longest answer.
pub const MAX_BYTES: usize = 1024;
/// Characters of a name that are shown.
const MAX_NAME: usize = 64;
/// How often a colleague's own side looks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Somebody at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knock {
    pub id: u64,
    /// What the colleague says; anybody may say anything.
    pub name: String,
    pub address: IpAddr,
}

/// What somebody at the door waits for: the token of an invitation, or nothing.
pub type Verdict = Option<String>;

/// Why nobody opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// The host does not let colleagues find the session.
    Closed,
    /// Too many, or too often.
    Busy,
    /// Without a name.
    Nameless,
}

/// The door.
#[derive(Debug)]
pub struct Door {
    is_open: bool,
    count: u64,
    waiting: BTreeMap<u64, (Knock, oneshot::Sender<Verdict>)>,
    often: Guesses,
}

impl Default for Door {
    fn default() -> Self {
        let often = Guesses::new(IN_A_ROW, SECONDS_PER_KNOCK);
        Self { is_open: false, count: 0, waiting: BTreeMap::new(), often }
    }
}

impl Door {
    /// Whether colleagues may knock from now on; those who wait are sent away where they may not.
    pub fn open(&mut self, is_open: bool) {
        self.is_open = is_open;
        if !is_open {
            self.waiting.clear();
        }
    }

    /// Its number, and what tells the host's answer; a sender that is gone is a refusal.
    pub fn knock(
        &mut self,
        now: Instant,
        address: IpAddr,
        name: &str,
    ) -> Result<(u64, oneshot::Receiver<Verdict>), Unheard> {
        if !self.is_open {
            return Err(Unheard::Closed);
        }
        let name = shown_name(name);
        if name.is_empty() {
            return Err(Unheard::Nameless);
        }
        let same = self.waiting.values().filter(|(knock, _)| knock.address == address).count();
        if self.often.exhausted(now, address) || self.waiting.len() >= MOST_WAITING || same >= MOST_OF_ADDRESS
        {
            return Err(Unheard::Busy);
        }
        self.often.wrong(now, address);
        self.count += 1;
        let (answer, answered) = oneshot::channel();
        self.waiting.insert(self.count, (Knock { id: self.count, name, address }, answer));
        Ok((self.count, answered))
    }

    /// In the order in which they came.
    pub fn waiting(&self) -> Vec<Knock> {
        self.waiting.values().map(|(knock, _)| knock.clone()).collect()
    }

    /// Takes somebody from the door, who is to be answered or has gone.
    pub fn take(&mut self, id: u64) -> Option<(Knock, oneshot::Sender<Verdict>)> {
        self.waiting.remove(&id)
    }
}

/// A name as it may be shown: one short line without anything that is not seen.
pub fn shown_name(text: &str) -> String {
    let seen = |c: &char| {
        let hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        !hidden && (!c.is_control() || c.is_whitespace())
    };
    let line: String = text.chars().filter(seen).take(4 * MAX_NAME).collect();
    let line: String = line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_NAME).collect();
    line.trim_end().to_owned()
}

/// The name in the body of a knock.
pub fn read_name(body: &[u8]) -> Option<String> {
    let told: Value = serde_json::from_slice(body).ok()?;
    told.get("name")?.as_str().map(str::to_owned)
}

/// What somebody who is let in is told.
pub fn let_in(token: &str) -> String {
    json!({ "token": token }).to_string()
}

/// Why a host did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the host has refused")]
    Refused,
    #[error("nothing is shared there any more")]
    Closed,
    #[error("too many ask there at the moment; try again in a minute")]
    Busy,
    #[error("the host has not answered")]
    Unanswered,
    #[error("it was cancelled")]
    Cancelled,
    #[error(transparent)]
    Client(#[from] client::Error),
}

/// Knocks at a session's addresses, one after the other until somebody is at home, and waits until the host has
/// answered, two minutes at most: for a thread of its own. Returns the address to connect to. `is_over` is asked ten
/// times a second whether nobody wants to get in any more.
pub fn knock(addresses: &[SocketAddr], name: &str, is_over: impl Fn() -> bool) -> Result<String, Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(client::Error::Thread)?;
    runtime.block_on(async {
        let over = async {
            while !is_over() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            answered = knock_at(addresses, name) => answered,
            () = over => Err(Error::Cancelled),
        }
    })
}

async fn knock_at(addresses: &[SocketAddr], name: &str) -> Result<String, Error> {
    let mut last = Error::Closed;
    for address in addresses {
        let authority = address.to_string();
        let asked = Asked {
            method: Method::POST,
            path: "/knock",
            headers: vec![(header::CONTENT_TYPE, "application/json".to_owned())],
            body: json!({ "name": name }).to_string(),
        };
        match asked.send(&authority, MAX_BYTES, PATIENCE + Duration::from_secs(10)).await {
            Ok((StatusCode::OK, body)) => {
                let told: Option<Value> = serde_json::from_slice(&body).ok();
                let token = told.as_ref().and_then(|told| told.get("token")?.as_str()).unwrap_or_default();
                let url = format!("http://{authority}/?token={token}");
                return Address::parse(&url).map(|_| url).map_err(Error::from);
            }
            Ok((StatusCode::FORBIDDEN, _)) => return Err(Error::Refused),
            Ok((StatusCode::TOO_MANY_REQUESTS, _)) => return Err(Error::Busy),
            Ok((StatusCode::GATEWAY_TIMEOUT, _)) => return Err(Error::Unanswered),
            Ok((StatusCode::NOT_FOUND, _)) => last = Error::Closed,
            Ok((status, _)) => last = client::Error::Refused(status.as_u16()).into(),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn nobody_knocks_at_a_door_that_is_not_there() {
        let (mut door, now) = (Door::default(), Instant::now());
        assert_eq!(door.knock(now, HOME, "A").expect_err("closed"), Unheard::Closed);
        door.open(true);
        assert_eq!(door.knock(now, HOME, " \u{202e}\n").expect_err("no name"), Unheard::Nameless);
        let (id, mut answered) = door.knock(now, HOME, "A").expect("heard");
        assert_eq!(door.waiting(), [Knock { id, name: "A".into(), address: HOME }]);
        door.open(false);
        assert!(door.waiting().is_empty() && answered.try_recv().is_err());
    }

    #[test]
    fn few_wait_at_a_time_and_nobody_knocks_without_end() {
        let (mut door, start) = (Door::default(), Instant::now());
        door.open(true);
        for round in 0..3 {
            let (id, _answered) = door.knock(start, HOME, "A").expect("heard");
            assert_eq!(
                door.knock(start, HOME, "B").expect_err("one of an address"),
                Unheard::Busy,
                "{round}"
            );
            assert!(door.take(id).is_some() && door.take(id).is_none());
        }
        assert_eq!(door.knock(start, HOME, "A").expect_err("three in a row"), Unheard::Busy);
        assert!(door.knock(start + Duration::from_secs(21), HOME, "A").is_ok());
        for other in 2..=MOST_WAITING as u8 {
            assert!(door.knock(start, IpAddr::from([192, 0, 2, other]), "A").is_ok());
        }
        assert_eq!(door.knock(start, IpAddr::from([192, 0, 2, 99]), "A").expect_err("full"), Unheard::Busy);
    }

    #[test]
    fn names_are_one_short_line() {
        assert_eq!(shown_name("  Dr\tÄnne \r\n O'Neil "), "Dr Änne O'Neil");
        assert_eq!(shown_name("a\u{202e}b\u{0}\u{1b}[2Jc\u{feff}"), "ab[2Jc");
        assert_eq!(shown_name(&"x ".repeat(1000)).chars().count(), MAX_NAME - 1);
        assert_eq!(read_name(br#"{"name": "A"}"#).as_deref(), Some("A"));
        assert!(read_name(b"{\"name\": 3}").is_none() && read_name(b"x").is_none());
    }
}
