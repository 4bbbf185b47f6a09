//! Sessions whose clients are gone for a while, and how a client comes back to its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How long a session waits for its client.
pub const WAITS: Duration = Duration::from_secs(60);

/// What waits, by the token that proves it is the client's.
pub struct Waiting<T> {
    sessions: Mutex<Sessions<T>>,
    /// Rung whenever a session begins to wait.
    left: Notify,
    /// More than this do not wait: the longest gone one ends.
    most: usize,
}

struct Sessions<T> {
    /// Those with a client, and how to tell it that another connection takes over.
    taken: HashMap<String, Arc<Notify>>,
    waiting: HashMap<String, (Instant, T)>,
}

impl<T> Waiting<T> {
    pub fn new(most: usize) -> Self {
        let sessions = Sessions { taken: HashMap::new(), waiting: HashMap::new() };
        Self { sessions: Mutex::new(sessions), left: Notify::new(), most }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions<T>> {
        // The maps are whole between any two statements that can panic.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client has this session now; what comes back is notified when another connection wants it.
    pub fn taken(&self, token: &str) -> Arc<Notify> {
        let wanted = Arc::new(Notify::new());
        self.sessions().taken.insert(token.to_owned(), Arc::clone(&wanted));
        wanted
    }

    /// The session of this token, once the connection that has it makes way; `None` where there is none. What
    /// comes with it is notified when another connection wants it.
    pub async fn take(&self, token: &str) -> Option<(T, Arc<Notify>)> {
        loop {
            // Before looking, or what happens in between would go unheard.
            let mut left = std::pin::pin!(self.left.notified());
            left.as_mut().enable();
            {
                let mut sessions = self.sessions();
                if let Some((_, session)) = sessions.waiting.remove(token) {
                    let wanted = Arc::new(Notify::new());
                    sessions.taken.insert(token.to_owned(), Arc::clone(&wanted));
                    return Some((session, wanted));
                }
                sessions.taken.get(token)?.notify_one();
            }
            left.await;
        }
    }

    /// Its client is gone: the session waits. Returns one that waits no longer because there are too many.
    pub fn leave(&self, now: Instant, token: String, session: T) -> Option<T> {
        let mut sessions = self.sessions();
        sessions.taken.remove(&token);
        sessions.waiting.insert(token, (now, session));
        let oldest = sessions.waiting.iter().min_by_key(|(_, (since, _))| *since);
        let oldest = oldest.map(|(token, _)| token.clone()).filter(|_| sessions.waiting.len() > self.most);
        let ended = oldest.and_then(|token| sessions.waiting.remove(&token));
        drop(sessions);
        self.left.notify_waiters();
        ended.map(|(_, session)| session)
    }

    /// The session ends with its client.
    pub fn end(&self, token: &str) {
        self.sessions().taken.remove(token);
        self.left.notify_waiters();
    }

    /// Those whose clients have been gone for too long.
    pub fn expired(&self, now: Instant) -> Vec<T> {
        let gone = |_: &String, (since, _): &mut (Instant, T)| now.duration_since(*since) >= WAITS;
        self.sessions().waiting.extract_if(gone).map(|(_, (_, session))| session).collect()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// What there is at once; `None` where it has to be waited for.
    fn take(waiting: &Waiting<u8>, token: &str) -> Option<Option<u8>> {
        Some(waiting.take(token).now_or_never()?.map(|(session, _)| session))
    }

    #[test]
    fn a_session_waits_a_minute_for_its_client() {
        let (waiting, start) = (Waiting::new(4), Instant::now());
        waiting.taken("a");
        assert_eq!(waiting.leave(start, "a".into(), 1), None);
        assert!(waiting.expired(start + WAITS - Duration::from_secs(1)).is_empty());
        assert_eq!(take(&waiting, "b"), Some(None));
        assert_eq!(take(&waiting, "a"), Some(Some(1)));
        assert_eq!(take(&waiting, "a"), None, "a second one has to wait until the first makes way");
        waiting.leave(start, "a".into(), 1);
        assert_eq!(waiting.expired(start + WAITS), [1]);
        assert_eq!(take(&waiting, "a"), Some(None));
    }

    #[tokio::test]
    async fn a_client_takes_its_session_from_its_own_dead_connection() {
        let waiting = Arc::new(Waiting::new(4));
        let wanted = waiting.taken("a");
        let old = tokio::spawn({
            let waiting = Arc::clone(&waiting);
            async move {
                wanted.notified().await;
                waiting.leave(Instant::now(), "a".into(), 1)
            }
        });
        assert_eq!(waiting.take("a").await.map(|(session, _)| session), Some(1));
        assert_eq!(old.await.expect("no panic"), None);
    }

    #[test]
    fn a_connection_that_does_not_make_way_keeps_its_session() {
        let waiting = Waiting::<u8>::new(4);
        let _wanted = waiting.taken("a");
        assert_eq!(take(&waiting, "a"), None);
    }

    #[test]
    fn too_many_do_not_wait() {
        let (waiting, start) = (Waiting::new(2), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(waiting.leave(start, "a".into(), 1), None);
        assert_eq!(waiting.leave(later(1), "b".into(), 2), None);
        assert_eq!(waiting.leave(later(2), "c".into(), 3), Some(1));
        assert_eq!(take(&waiting, "b"), Some(Some(2)));
    }
}
