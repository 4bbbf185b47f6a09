//! How clients get in: by the server's token, or as guests of a host.

use std::net::IpAddr;
use std::sync::Arc;

use super::auth::Token;
use crate::board::{Board, Pass};

pub enum Entry {
    /// Whoever has it may do everything.
    Token(Token),
    Guests(Arc<Board>),
}

/// Who was let in; `None` for whoever may do everything.
#[derive(Clone, Debug)]
pub struct Admitted(pub Option<Pass>);

impl Entry {
    pub fn token(&self) -> Option<&Token> {
        match self {
            Self::Token(token) => Some(token),
            Self::Guests(_) => None,
        }
    }

    pub fn board(&self) -> Option<&Arc<Board>> {
        match self {
            Self::Token(_) => None,
            Self::Guests(board) => Some(board),
        }
    }

    /// Somebody offers a token, and knows a session by its resume token.
    pub fn admit(
        &self,
        address: IpAddr,
        token: &str,
        resume_token: Option<&str>,
        enters: bool,
    ) -> Option<Admitted> {
        match self {
            Self::Token(ours) => ours.matches(token).then_some(Admitted(None)),
            Self::Guests(board) => Some(Admitted(Some(board.admit(address, token, resume_token, enters)?))),
        }
    }

    /// Whether this is a link's token that has let nobody in yet.
    pub fn is_unused(&self, token: &str) -> bool {
        self.board().is_some_and(|board| board.is_unused(token))
    }

    /// Whose cookie it is.
    pub fn known(&self, cookie: &str) -> Option<Admitted> {
        match self {
            Self::Token(ours) => ours.matches(cookie).then_some(Admitted(None)),
            Self::Guests(board) => Some(Admitted(Some(board.known(cookie)?))),
        }
    }

    /// The secret that a browser keeps.
    pub fn cookie(&self, who: &Admitted) -> String {
        match (self, &who.0) {
            (Self::Token(token), _) => token.reveal().to_owned(),
            (Self::Guests(board), Some(pass)) => board.cookie(pass.guest).unwrap_or_default(),
            (Self::Guests(_), None) => String::new(),
        }
    }
}
