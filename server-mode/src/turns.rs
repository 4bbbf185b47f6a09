//! Whose turn it is where sessions share threads.

use std::collections::HashMap;

/// When sessions are due, on a clock that goes on by one with a round of turns (stride scheduling: Waldspurger and Weihl 1995).
#[derive(Debug, Default)]
pub struct Turns {
    due: HashMap<u64, u64>,
    now: u64,
}

/// What a turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A hand moves something, and waits for the picture.
    Full,
    /// Somebody looks on: where others wait, every second picture will do.
    Half,
}

impl Turns {
    /// Of those that wait, by place and session, the first one of the session that is due longest.
    pub fn next(&self, waiting: impl Iterator<Item = (usize, u64)>) -> Option<usize> {
        waiting.min_by_key(|(at, session)| (self.due.get(session), *at)).map(|(at, _)| at)
    }

    /// A session has its turn.
    pub fn had(&mut self, session: u64, claim: Claim) {
        let due = self.due.entry(session).or_default();
        // Who wanted nothing meanwhile has saved nothing up.
        self.now = self.now.max(*due);
        *due = self.now
            + match claim {
                Claim::Full => 1,
                Claim::Half => 2,
            };
    }

    /// The session has ended.
    pub fn forget(&mut self, session: u64) {
        self.due.remove(&session);
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
            turns.had(session, Claim::Full);
            order.push(session);
        }
        assert_eq!(order, [1, 2, 3, 1, 3, 1, 1]);
        turns.forget(2);
        assert_eq!(turns.due.len(), 2);
    }

    #[test]
    fn who_looks_on_has_half_as_many_turns_as_who_moves_something() {
        let mut turns = Turns::default();
        let mut had = [0; 3];
        for _ in 0..500 {
            let session = turns.next((0..3).map(|session| (session as usize, session))).expect("all wait");
            turns.had(session as u64, if session == 2 { Claim::Half } else { Claim::Full });
            had[session] += 1;
        }
        assert_eq!(had, [200, 200, 100]);
        // Alone it has all.
        assert_eq!(turns.next([(7, 2)].into_iter()), Some(7));
    }

    #[test]
    fn who_comes_late_does_not_have_all_turns_until_it_has_caught_up() {
        let mut turns = Turns::default();
        (0..100).for_each(|_| turns.had(1, Claim::Full));
        let order = (0..4).map(|_| {
            let at = turns.next([(0, 1), (1, 2)].into_iter()).expect("both wait");
            turns.had(at as u64 + 1, Claim::Full);
            at
        });
        assert_eq!(order.collect::<Vec<_>>(), [1, 0, 1, 0]);
    }
}
