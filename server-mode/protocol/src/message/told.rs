//! What clients believe of a server.

use super::{ServerMessage, ViewState, check_view};
use crate::MAX_VIEWS;
use crate::scene::Look;

/// The longest text of a server's; libraries of ten thousand series have a third of it.
pub const MAX_TOLD_BYTES: usize = 16 << 20;

impl ServerMessage {
    /// Reads a text message, whose numbers are those that clients reckon with.
    ///
    /// # Errors
    /// It is too long, no message of the protocol, or tells of views that cannot be; in words for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_TOLD_BYTES {
            return Err(format!("a message has at most {MAX_TOLD_BYTES} bytes"));
        }
        let message: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        message.check()?;
        Ok(message)
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Shared { views } => distinct(views.iter().copied()),
            Self::StateFull { views, .. } => distinct(views.iter().map(|info| info.view)),
            Self::View(info) => check_view(info.view),
            Self::ViewState(state) => check_view(state.view),
            _ => Ok(()),
        }
    }
}

impl ViewState {
    /// Whether it could be set, too; in words for people.
    pub fn check(&self) -> Result<(), String> {
        self.place.check()?;
        self.look.as_ref().map_or(Ok(()), Look::check)
    }
}

fn distinct(views: impl Iterator<Item = u8>) -> Result<(), String> {
    let mut seen = [false; MAX_VIEWS];
    for view in views {
        check_view(view)?;
        if std::mem::replace(&mut seen[usize::from(view)], true) {
            return Err(format!("view {view} is listed twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_shows_no_more_views_than_there_can_be() {
        let shared = |views: &str| ServerMessage::parse(&format!(r#"{{"type":"shared","views":[{views}]}}"#));
        assert!(shared("3,0,15").is_ok());
        assert!(shared("1,1").is_err() && shared("16").is_err());
        assert!(ServerMessage::parse(&" ".repeat(MAX_TOLD_BYTES + 1)).is_err());
    }
}
