//! Whose turn it is where sessions share threads.

use std::collections::HashMap;

/// The last turns of sessions.
#[derive(Debug, Default)]
pub struct Turns {
    last: HashMap<u64, u64>,
    count: u64,
}

impl Turns {
    /// Of those that wait, by place and session, the first one of the session whose last turn is longest ago.
    pub fn next(&self, waiting: impl Iterator<Item = (usize, u64)>) -> Option<usize> {
        waiting.min_by_key(|(at, session)| (self.last.get(session), *at)).map(|(at, _)| at)
    }

    /// A session has its turn.
    pub fn had(&mut self, session: u64) {
        self.count += 1;
        self.last.insert(session, self.count);
    }

    /// The session has ended.
    pub fn forget(&mut self, session: u64) {
        self.last.remove(&session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_wants_much_waits_for_each_that_wants_little() {
        let mut turns = Turns::default();
        let mut waiting = vec![1, 1, 1, 1, 2, 3, 3];
        let mut order = Vec::new();
        while let Some(at) = turns.next(waiting.iter().copied().enumerate()) {
            let session = waiting.remove(at);
            turns.had(session);
            order.push(session);
        }
        assert_eq!(order, [1, 2, 3, 1, 3, 1, 1]);
        turns.forget(2);
        assert_eq!(turns.last.len(), 2);
    }
}
