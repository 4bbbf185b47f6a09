//! The value under the pointer, where the voxels are on another machine.

use std::time::{Duration, Instant};

/// A server is asked no more often: a value is read, and nobody reads ten a second.
const EVERY: Duration = Duration::from_millis(100);
/// An answer that has not come by then does not.
const LONGEST: Duration = Duration::from_secs(2);

/// A voxel of a series.
pub type Place = (String, [u32; 3]);

/// What was asked for and answered last. One question is on its way at a time.
#[derive(Debug, Default)]
pub struct Pointed {
    asked: Option<(Instant, Place)>,
    known: Option<(Place, Option<f32>)>,
}

/// What to do about a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// This is its value, or it has none.
    Known(Option<f32>),
    Ask,
    /// It is early for that.
    Wait(Duration),
    /// An answer is on its way.
    Nothing,
}

impl Pointed {
    pub fn look(&mut self, now: Instant, place: &Place) -> Next {
        if let Some((_, value)) = self.known.as_ref().filter(|(known, _)| known == place) {
            return Next::Known(*value);
        }
        let answered = |asked: &Place| self.known.as_ref().is_some_and(|(known, _)| known == asked);
        if let Some((at, asked)) = &self.asked {
            let since = now.saturating_duration_since(*at);
            if !answered(asked) && since < LONGEST {
                return Next::Nothing;
            }
            if since < EVERY {
                return Next::Wait(EVERY - since);
            }
        }
        self.asked = Some((now, place.clone()));
        Next::Ask
    }

    pub fn answered(&mut self, place: Place, value: Option<f32>) {
        self.known = Some((place, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_for_one_value_at_a_time_and_ten_a_second_at_most() {
        let (mut pointed, start) = (Pointed::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let place = |x: u32| ("1.2.3".to_owned(), [x, 0, 0]);
        assert_eq!(pointed.look(at(0), &place(1)), Next::Ask);
        assert_eq!(pointed.look(at(500), &place(2)), Next::Nothing, "the first is not answered");
        pointed.answered(place(1), Some(7.0));
        assert_eq!(pointed.look(at(500), &place(1)), Next::Known(Some(7.0)));
        assert_eq!(pointed.look(at(500), &place(2)), Next::Ask);
        pointed.answered(place(2), None);
        assert_eq!(pointed.look(at(510), &place(2)), Next::Known(None), "it is not asked for again");
        assert_eq!(pointed.look(at(510), &place(3)), Next::Wait(Duration::from_millis(90)));
        assert_eq!(pointed.look(at(600), &place(3)), Next::Ask);
        assert_eq!(pointed.look(at(2700), &place(4)), Next::Ask, "an answer was lost");
    }
}
