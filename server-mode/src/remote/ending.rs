//! Why a window has nothing more to do with a server, by what the protocol says and not by a server's words.

use protocol::closing;
use protocol::message::Role;

use crate::client::Error;

/// How it came that nothing is tried any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The host has sent this guest away.
    SentAway,
    /// The host has stopped sharing.
    SharingEnded,
    /// A guest that was there is not known any more.
    InvitationEnded,
    /// A link that has let somebody in already, or does not hold any more.
    InvitationUsed,
    /// A server that we were at has another token now.
    SignedOut,
    WrongToken,
    TooManyGuesses,
    ShutDown,
    /// Another connection goes on with the session.
    TakenOver,
    Full,
    Unreachable,
    Silent,
    /// The connection did not come back within a minute.
    Lost,
    /// What the log has more about.
    Failed,
}

impl Ending {
    /// `role` is what the server let us in as, if it ever did.
    pub(super) fn of(error: &Error, role: Option<Role>) -> Self {
        let is_guest = role.is_some_and(|role| role != Role::Owner);
        match error {
            Error::Closed(closing::SENT_AWAY, _) => Self::SentAway,
            Error::Closed(closing::GOING_AWAY, _) if is_guest => Self::SharingEnded,
            Error::Closed(closing::GOING_AWAY, _) => Self::ShutDown,
            Error::Closed(closing::TAKEN_OVER, _) => Self::TakenOver,
            Error::Closed(closing::FULL, _) => Self::Full,
            Error::Invitation | Error::Token if is_guest => Self::InvitationEnded,
            Error::Invitation => Self::InvitationUsed,
            Error::Token if role.is_some() => Self::SignedOut,
            Error::Token => Self::WrongToken,
            Error::Guesses => Self::TooManyGuesses,
            Error::Connect(..) => Self::Unreachable,
            Error::Silent => Self::Silent,
            Error::Lost(_) => Self::Lost,
            _ => Self::Failed,
        }
    }

    /// Whether this window has no right any more to what it was shown: it shows that no longer, and comes back by another
    /// address only.
    pub fn is_dismissal(self) -> bool {
        matches!(
            self,
            Self::SentAway
                | Self::SharingEnded
                | Self::InvitationEnded
                | Self::InvitationUsed
                | Self::SignedOut
                | Self::WrongToken
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_goes_by_codes_and_by_who_we_were() {
        let closed = |code, role| Ending::of(&Error::Closed(code, "Tschüss!".into()), role);
        let guest = Some(Role::Viewer);
        assert_eq!(closed(4001, Some(Role::Driver)), Ending::SentAway);
        assert_eq!(closed(1001, guest), Ending::SharingEnded);
        assert_eq!(closed(1001, Some(Role::Owner)), Ending::ShutDown);
        assert_eq!(closed(1013, None), Ending::Full);
        assert_eq!(closed(1008, guest), Ending::Failed);
        assert_eq!(Ending::of(&Error::Invitation, None), Ending::InvitationUsed);
        assert_eq!(Ending::of(&Error::Invitation, guest), Ending::InvitationEnded);
        assert_eq!(Ending::of(&Error::Token, None), Ending::WrongToken);
        assert_eq!(Ending::of(&Error::Token, Some(Role::Owner)), Ending::SignedOut);
        assert_eq!(Ending::of(&Error::Lost(Box::new(Error::Cut)), guest), Ending::Lost);
    }

    #[test]
    fn who_only_lost_the_connection_keeps_the_last_picture() {
        for kept in [Ending::Lost, Ending::Silent, Ending::Unreachable, Ending::ShutDown, Ending::Failed] {
            assert!(!kept.is_dismissal(), "{kept:?}");
        }
        for gone in [Ending::SentAway, Ending::SharingEnded, Ending::InvitationEnded, Ending::SignedOut] {
            assert!(gone.is_dismissal(), "{gone:?}");
        }
    }
}
