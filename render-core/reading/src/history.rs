//! Undo and redo for whatever turns an edit into its opposite.

use std::collections::VecDeque;

/// Most steps that are kept.
const MAX_STEPS: usize = 500;
/// Most bytes that the edits of all steps hold.
const MAX_BYTES: usize = 256 << 20;

/// Steps that can be taken back, each as the edit that takes it back. `E` is any edit: [`crate::Edit`], or an
/// enum of a program's own that holds one.
#[derive(Clone, Debug)]
pub struct History<E> {
    undo: VecDeque<Step<E>>,
    redo: Vec<Step<E>>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Step<E> {
    name: String,
    edit: E,
    bytes: usize,
    /// Steps with the same one that follow each other are one.
    merge: Option<u64>,
}

impl<E> Default for History<E> {
    fn default() -> Self {
        Self { undo: VecDeque::new(), redo: Vec::new(), bytes: 0 }
    }
}

impl<E> History<E> {
    /// Remembers what was done by the edit that takes it back, which holds so many bytes. What was undone cannot
    /// be done again then. Returns false where the edit is too large to be kept: then nothing can be undone.
    pub fn push(&mut self, name: impl Into<String>, edit: E, bytes: usize) -> bool {
        self.push_step(Step { name: name.into(), edit, bytes, merge: None })
    }

    /// The same for one of many small steps, such as key presses: while `key` stays the same, the first one's
    /// opposite takes all of them back.
    pub fn push_merged(&mut self, name: impl Into<String>, edit: E, bytes: usize, key: u64) -> bool {
        if self.redo.is_empty() && self.undo.back().is_some_and(|last| last.merge == Some(key)) {
            return true;
        }
        self.push_step(Step { name: name.into(), edit, bytes, merge: Some(key) })
    }

    fn push_step(&mut self, step: Step<E>) -> bool {
        self.bytes -= self.redo.drain(..).map(|step| step.bytes).sum::<usize>();
        self.bytes += step.bytes;
        self.undo.push_back(step);
        self.forget_oldest();
        !self.undo.is_empty()
    }

    /// Counts anew what all steps hold, and forgets the oldest beyond what may be kept: what steps share with what
    /// they change, or with each other, is theirs alone when the others have changed. Both the steps that can be
    /// taken back and those that can be done again are counted from the next one on, each row with a `fresh` counter.
    pub fn weigh<W>(&mut self, fresh: impl Fn() -> W, bytes: impl Fn(&mut W, &E) -> usize) {
        let mut counter = fresh();
        self.undo.iter_mut().rev().for_each(|step| step.bytes = bytes(&mut counter, &step.edit));
        let mut counter = fresh();
        self.redo.iter_mut().rev().for_each(|step| step.bytes = bytes(&mut counter, &step.edit));
        self.bytes = self.undo.iter().chain(&self.redo).map(|step| step.bytes).sum();
        self.forget_oldest();
    }

    /// Where what can be done again holds more than what can be taken back, that gives way, from its far end. Its next step
    /// stays, however large.
    fn forget_oldest(&mut self) {
        while self.undo.len() > MAX_STEPS || self.bytes > MAX_BYTES {
            let again: usize = self.redo.iter().map(|step| step.bytes).sum();
            let oldest = if self.undo.len() > MAX_STEPS || again <= self.bytes / 2 {
                self.undo.pop_front()
            } else {
                (self.redo.len() > 1).then(|| self.redo.remove(0))
            };
            let Some(oldest) = oldest else { break };
            self.bytes -= oldest.bytes;
        }
    }

    /// Takes the last step back that `may` be: steps that it passes over stay as they are, and must not depend on
    /// it. `apply` does the edit in `all` and returns its opposite. Returns the step's name.
    pub fn undo<T>(
        &mut self,
        all: &mut T,
        may: impl Fn(&T, &E) -> bool,
        apply: impl FnOnce(&mut T, E) -> E,
    ) -> Option<&str> {
        let last = self.undo.iter().rposition(|step| may(all, &step.edit))?;
        let step = self.undo.remove(last)?;
        self.redo.push(Step { edit: apply(all, step.edit), merge: None, ..step });
        self.redo.last().map(|step| step.name.as_str())
    }

    /// Does again what was taken back last, of the steps that `may` be done.
    pub fn redo<T>(
        &mut self,
        all: &mut T,
        may: impl Fn(&T, &E) -> bool,
        apply: impl FnOnce(&mut T, E) -> E,
    ) -> Option<&str> {
        let last = self.redo.iter().rposition(|step| may(all, &step.edit))?;
        let step = self.redo.remove(last);
        self.undo.push_back(Step { edit: apply(all, step.edit), ..step });
        self.undo.back().map(|step| step.name.as_str())
    }

    /// Forgets steps that mean nothing any more.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut E) -> bool) {
        let bytes = &mut self.bytes;
        let mut keep = |step: &mut Step<E>| {
            let kept = keep(&mut step.edit);
            *bytes -= if kept { 0 } else { step.bytes };
            kept
        };
        self.undo.retain_mut(&mut keep);
        self.redo.retain_mut(keep);
    }

    /// What `undo` would take back.
    pub fn undo_name(&self, may: impl Fn(&E) -> bool) -> Option<&str> {
        self.undo.iter().rfind(|step| may(&step.edit)).map(|step| step.name.as_str())
    }

    /// What `redo` would do.
    pub fn redo_name(&self, may: impl Fn(&E) -> bool) -> Option<&str> {
        self.redo.iter().rfind(|step| may(&step.edit)).map(|step| step.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any<E>(_: &E) -> bool {
        true
    }

    fn all<T, E>(_: &T, _: &E) -> bool {
        true
    }

    fn same<E>((): &mut (), edit: E) -> E {
        edit
    }

    /// Sets a number, and returns the edit that sets it back.
    fn set(number: &mut i32, to: i32) -> i32 {
        std::mem::replace(number, to)
    }

    #[test]
    fn steps_are_taken_back_and_done_again_in_order() {
        let (mut number, mut history) = (0, History::default());
        for to in [1, 2, 3] {
            let opposite = set(&mut number, to);
            history.push(format!("to {to}"), opposite, 4);
        }
        assert_eq!(history.undo(&mut number, all, set), Some("to 3"));
        assert_eq!(history.undo(&mut number, all, set), Some("to 2"));
        assert_eq!((number, history.undo_name(any), history.redo_name(any)), (1, Some("to 1"), Some("to 2")));
        assert_eq!(history.redo(&mut number, all, set), Some("to 2"));
        assert_eq!(number, 2);
        let opposite = set(&mut number, 9);
        history.push("to 9", opposite, 4);
        assert_eq!(history.redo(&mut (), all, same), None, "a new step ends what could be done again");
        history.undo(&mut number, all, set);
        assert_eq!(number, 2);
    }

    #[test]
    fn steps_that_may_not_be_taken_back_are_passed_over() {
        let mut history = History::default();
        for step in [1, -2, 3, -4] {
            history.push(format!("{step}"), step, 4);
        }
        let positive = |step: &i32| *step > 0;
        assert_eq!(history.undo_name(positive), Some("3"));
        assert_eq!(history.undo(&mut (), |(), step| positive(step), same), Some("3"));
        assert_eq!(history.undo(&mut (), all, same), Some("-4"));
        assert_eq!((history.redo_name(any), history.redo_name(positive)), (Some("-4"), Some("3")));
        assert_eq!(history.redo(&mut (), |(), step| positive(step), same), Some("3"));
        assert_eq!(history.undo(&mut (), |(), step| *step > 3, same), None);
        assert_eq!((history.undo_name(any), history.redo_name(any)), (Some("3"), Some("-4")));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut history = History::default();
        for step in 0..2 * MAX_STEPS {
            history.push("step", step, 1);
        }
        let mut count = 0;
        while history.undo(&mut (), all, same).is_some() {
            count += 1;
        }
        assert_eq!(count, MAX_STEPS);
        let mut history = History::default();
        assert!(history.push("small", 0, 10));
        assert!(!history.push("larger than all that may be kept", 1, MAX_BYTES + 1));
        assert_eq!(history.undo_name(any), None, "what came before no longer fits the state");
        assert!(history.push("small", 2, 10));
    }

    #[test]
    fn what_steps_hold_is_counted_anew() {
        let mut history = History::default();
        for step in 0..4 {
            history.push("step", step, 1);
        }
        history.undo(&mut (), all, same);
        // A counter for each row, and the next step of each first.
        let count = |counter: &mut Vec<i32>, step: &i32| {
            counter.push(*step);
            assert!([vec![2], vec![2, 1], vec![2, 1, 0], vec![3]].contains(counter), "{counter:?}");
            MAX_BYTES / 3
        };
        history.weigh(Vec::new, count);
        assert_eq!((history.undo_name(any), history.redo_name(any)), (Some("step"), Some("step")));
        assert_eq!(history.bytes, MAX_BYTES / 3 * 3, "the oldest one is forgotten");
        assert_eq!(history.undo.len(), 2);
        history.weigh(|| (), |(), _| 2 * MAX_BYTES);
        assert_eq!(history.undo_name(any), None);
    }

    #[test]
    fn large_steps_to_do_again_do_not_cost_small_ones_to_take_back() {
        let mut history = History::default();
        for step in 0..4 {
            history.push(step.to_string(), step, 1);
        }
        history.undo(&mut (), all, same);
        history.undo(&mut (), all, same);
        history.weigh(|| (), |(), step| if *step < 2 { 1 } else { MAX_BYTES / 3 * 2 });
        assert_eq!((history.undo.len(), history.undo_name(any)), (2, Some("1")));
        assert_eq!((history.redo.len(), history.redo_name(any)), (1, Some("2")), "the next one stays");
    }

    #[test]
    fn steps_that_are_forgotten_leave_the_others_in_order() {
        let (mut number, mut history) = (0, History::default());
        for to in [1, 2, 3, 4] {
            let opposite = set(&mut number, to);
            history.push(format!("to {to}"), opposite, MAX_BYTES / 4);
        }
        history.undo(&mut number, all, set);
        // Those that take back to 1 and do 4 again.
        history.retain(|edit| *edit != 1 && *edit != 4);
        assert_eq!((history.undo_name(any), history.redo_name(any)), (Some("to 3"), None));
        assert!(history.push("room again", 5, MAX_BYTES / 2));
        assert_eq!(history.undo(&mut (), all, same), Some("room again"));
        assert_eq!(history.undo(&mut (), all, same), Some("to 3"));
        assert_eq!(history.undo(&mut (), all, same), Some("to 1"));
        assert_eq!(history.undo_name(any), None);
    }

    #[test]
    fn small_steps_of_one_kind_are_one() {
        let (mut number, mut history) = (0, History::default());
        for to in 1..=5 {
            let opposite = set(&mut number, to);
            history.push_merged("Nudge", opposite, 4, 7);
        }
        history.undo(&mut number, all, set);
        assert_eq!(number, 0);
        history.redo(&mut number, all, set);
        assert_eq!(number, 5);
    }
}
