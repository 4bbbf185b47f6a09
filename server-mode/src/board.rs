//! What a host shows its guests, who they are, and what they may do.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use protocol::message::{Drawn, HostLayout, Role, Study};
use render_core::Volume;
use render_core::scene::ViewState;
use tokio::sync::{oneshot, watch};

use crate::knock::{Door, Knock, Unheard, Verdict};
use crate::server::Token;
use crate::studies::OpenSeries;

/// Invitations at a time, used ones of guests that are there included.
pub const MOST_GUESTS: usize = 64;
/// Changes of guests that the host has not taken; only the newest of each view are worth anything.
const MOST_DRIVEN: usize = 256;

/// All that guests see.
#[derive(Debug, Default)]
pub struct Shown {
    pub library: Vec<Study>,
    /// Those of the views and of their layers.
    pub series: Vec<Arc<OpenSeries>>,
    /// In the order of the host's window.
    pub views: Vec<ShownView>,
    /// How they lie there.
    pub layout: Option<HostLayout>,
    /// What is drawn on them; the same where it has not changed.
    pub drawn: Vec<Arc<Drawn>>,
}

impl Shown {
    /// Of its views.
    pub fn numbers(&self) -> Vec<u8> {
        self.views.iter().map(|view| view.number).collect()
    }

    pub fn id_of(&self, volume: &Arc<Volume>) -> Option<String> {
        let found = self.series.iter().find(|series| Arc::ptr_eq(&series.loaded.volume, volume));
        found.map(|series| series.series_id.clone())
    }

    pub fn volume_of(&self, id: &str) -> Option<Arc<Volume>> {
        let found = self.series.iter().find(|series| series.series_id == id);
        found.map(|series| Arc::clone(&series.loaded.volume))
    }
}

#[derive(Clone, Debug)]
pub struct ShownView {
    pub number: u8,
    pub series: Arc<OpenSeries>,
    pub state: ViewState,
    /// Whether the host's hand is at work.
    pub moving: bool,
}

/// A change that a guest wants.
#[derive(Clone, Debug)]
pub struct Driven {
    pub guest: u64,
    pub view: u8,
    /// What the view showed when the guest changed it.
    pub series_id: String,
    /// Its size is the host's.
    pub state: ViewState,
    pub moving: bool,
}

/// Somebody who was invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    pub id: u64,
    /// What the host calls it.
    pub name: String,
    pub role: Role,
    /// Where it comes from, once it has come.
    pub address: Option<IpAddr>,
    pub is_connected: bool,
}

struct Invited {
    guest: Guest,
    /// The link's, good for one use.
    token: Token,
    /// A browser's cookie.
    pass: Token,
    /// Knows the guest's session again.
    resume_token: Option<String>,
    role: watch::Sender<Role>,
    removed: watch::Sender<bool>,
}

/// Who it is that a request comes from, and how to learn that it is sent away.
#[derive(Clone, Debug)]
pub struct Pass {
    pub guest: u64,
    /// What it may do at the moment.
    pub role: watch::Receiver<Role>,
    pub removed: watch::Receiver<bool>,
}

/// Where the host's side and the server's meet.
pub struct Board {
    shown: watch::Sender<Arc<Shown>>,
    state: Mutex<State>,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    count: u64,
    invited: BTreeMap<u64, Invited>,
    driven: VecDeque<Driven>,
    door: Door,
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").field("guests", &self.guests().len()).finish_non_exhaustive()
    }
}

impl Board {
    /// `wake` is called on other threads whenever guests come, go or change something.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (shown, _) = watch::channel(Arc::default());
        Self { shown, state: Mutex::default(), wake: Box::new(wake) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn publish(&self, shown: Shown) {
        self.shown.send_replace(Arc::new(shown));
    }

    pub fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown.borrow())
    }

    pub fn watch(&self) -> watch::Receiver<Arc<Shown>> {
        self.shown.subscribe()
    }

    /// Its token, for a link; `None` where too many are invited already or the system gives no random numbers.
    pub fn invite(&self, name: &str, role: Role) -> Option<(u64, String)> {
        let (token, pass) = (Token::random().ok()?, Token::random().ok()?);
        let mut state = self.state();
        if state.invited.len() >= MOST_GUESTS {
            return None;
        }
        state.count += 1;
        let id = state.count;
        let link = token.reveal().to_owned();
        let guest = Guest { id, name: name.to_owned(), role, address: None, is_connected: false };
        let ((role, _), (removed, _)) = (watch::channel(role), watch::channel(false));
        state.invited.insert(id, Invited { guest, token, pass, resume_token: None, role, removed });
        Some((id, link))
    }

    /// Whether colleagues without a link may knock.
    pub fn open_door(&self, is_open: bool) {
        self.state().door.open(is_open);
    }

    pub fn knock(
        &self,
        now: Instant,
        address: IpAddr,
        name: &str,
    ) -> Result<(u64, oneshot::Receiver<Verdict>), Unheard> {
        let knocked = self.state().door.knock(now, address, name);
        (self.wake)();
        knocked
    }

    /// Who waits at the door.
    pub fn knocks(&self) -> Vec<Knock> {
        self.state().door.waiting()
    }

    /// Somebody at the door has gone.
    pub fn unknock(&self, id: u64) {
        let gone = self.state().door.take(id);
        if gone.is_some() {
            (self.wake)();
        }
    }

    /// Lets somebody in as a guest of this role, or not. False where there are too many guests.
    pub fn answer(&self, knock: u64, role: Option<Role>) -> bool {
        let Some((Knock { name, .. }, answer)) = self.state().door.take(knock) else { return true };
        let Some(role) = role else {
            drop(answer.send(None));
            return true;
        };
        let Some((guest, token)) = self.invite(&name, role) else { return false };
        if answer.send(Some(token)).is_err() {
            self.remove(guest);
        }
        true
    }

    pub fn guests(&self) -> Vec<Guest> {
        self.state().invited.values().map(|invited| invited.guest.clone()).collect()
    }

    /// What a guest may do from now on.
    pub fn set_role(&self, id: u64, role: Role) {
        if let Some(invited) = self.state().invited.get_mut(&id) {
            invited.guest.role = role;
            invited.role.send_replace(role);
        }
    }

    /// Sends a guest away, and makes its link worthless.
    pub fn remove(&self, id: u64) {
        let removed = self.state().invited.remove(&id);
        if let Some(invited) = removed {
            invited.removed.send_replace(true);
        }
    }

    pub fn take_driven(&self) -> Vec<Driven> {
        self.state().driven.drain(..).collect()
    }

    pub fn drive(&self, driven: Driven) {
        let mut state = self.state();
        state.driven.retain(|other| (other.guest, other.view) != (driven.guest, driven.view));
        if state.driven.len() >= MOST_DRIVEN {
            state.driven.pop_front();
        }
        state.driven.push_back(driven);
        drop(state);
        (self.wake)();
    }

    /// Lets in who has a link that nobody has used, or used it before and now comes back with the session's
    /// `resume_token`. A link is used where somebody `enters`, not by whatever else is asked for with it.
    pub fn admit(
        &self,
        address: IpAddr,
        token: &str,
        resume_token: Option<&str>,
        enters: bool,
    ) -> Option<Pass> {
        let mut state = self.state();
        let invited = state.invited.values_mut().find(|invited| invited.token.matches(token))?;
        let is_back = resume_token.is_some() && invited.resume_token.as_deref() == resume_token;
        let is_used = invited.guest.address.is_some();
        if is_used && !is_back || !is_used && !enters {
            return None;
        }
        invited.guest.address = Some(address);
        let pass = invited.pass();
        drop(state);
        // Whoever is there already asks with it again and again.
        if !is_used {
            (self.wake)();
        }
        Some(pass)
    }

    /// Whether this is a link's token that has let nobody in yet.
    pub fn is_unused(&self, token: &str) -> bool {
        let state = self.state();
        let invited = state.invited.values().find(|invited| invited.token.matches(token));
        invited.is_some_and(|invited| invited.guest.address.is_none())
    }

    /// The guest of a browser's cookie.
    pub fn known(&self, pass: &str) -> Option<Pass> {
        self.state().invited.values().find(|invited| invited.pass.matches(pass)).map(Invited::pass)
    }

    /// What a browser that was let in keeps.
    pub fn cookie(&self, guest: u64) -> Option<String> {
        Some(self.state().invited.get(&guest)?.pass.reveal().to_owned())
    }

    /// A guest has a session, whose token this is, or lost it.
    pub fn connected(&self, guest: u64, resume_token: Option<&str>) {
        if let Some(invited) = self.state().invited.get_mut(&guest) {
            invited.guest.is_connected = resume_token.is_some();
            if let Some(token) = resume_token {
                invited.resume_token = Some(token.to_owned());
            }
        }
        (self.wake)();
    }
}

impl Invited {
    fn pass(&self) -> Pass {
        Pass { guest: self.guest.id, role: self.role.subscribe(), removed: self.removed.subscribe() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_serves_once_and_its_guest_comes_back_until_it_is_sent_away() {
        let board = Board::new(|| {});
        let home = IpAddr::from([192, 0, 2, 1]);
        let (id, token) = board.invite("A colleague", Role::Viewer).expect("room");
        assert!(board.admit(home, &"x".repeat(40), None, true).is_none());
        assert!(board.admit(home, &token, None, false).is_none(), "nobody enters");
        let pass = board.admit(home, &token, None, true).expect("it is new");
        assert_eq!((pass.guest, *pass.role.borrow()), (id, Role::Viewer));
        board.set_role(id, Role::Driver);
        assert_eq!((*pass.role.borrow(), board.guests()[0].role), (Role::Driver, Role::Driver));
        assert!(board.admit(home, &token, None, true).is_none(), "it was used");
        board.connected(id, Some("resume"));
        assert!(board.admit(home, &token, Some("another"), true).is_none());
        assert!(board.admit(home, &token, Some("resume"), true).is_some());
        assert!(board.guests()[0].is_connected);
        board.connected(id, None);
        assert!(
            board.admit(home, &token, Some("resume"), true).is_some(),
            "for it may only have lost its way"
        );
        let cookie = board.cookie(id).expect("it is invited");
        assert_ne!(cookie, token);
        assert!(board.known(&cookie).is_some() && board.known(&token).is_none());
        board.remove(id);
        assert!(*pass.removed.borrow());
        assert!(board.known(&cookie).is_none() && board.admit(home, &token, Some("resume"), true).is_none());
    }

    #[test]
    fn there_are_no_more_guests_than_there_is_room_for() {
        let board = Board::new(|| {});
        for _ in 0..MOST_GUESTS {
            assert!(board.invite("", Role::Driver).is_some());
        }
        assert!(board.invite("", Role::Driver).is_none());
        board.remove(1);
        assert!(board.invite("", Role::Driver).is_some());
    }
}
