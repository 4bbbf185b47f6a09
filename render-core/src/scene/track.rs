//! Piecewise functions of a value, and the changes an editor makes to them.

/// Most points of a track.
pub const MAX_POINTS: usize = 256;

/// Values lie within plus and minus this, so that no difference of two overflows.
pub const MAX_VALUE: f32 = 1e9;

/// How a track gets from one point to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Curve {
    #[default]
    Linear,
    /// Stays, and jumps at the next point.
    Step,
    /// A cubic that never leaves the range of its two points, with no corner where it meets another.
    /// Tangents after Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5 (1984).
    Smooth,
}

/// One point: at `value` the track is at `level`, each component 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point<const N: usize> {
    pub value: f32,
    pub level: [f32; N],
    /// Leads to the next point; without one it means nothing.
    pub curve: Curve,
}

impl<const N: usize> Point<N> {
    pub fn linear(value: f32, level: [f32; N]) -> Self {
        Self { value, level, curve: Curve::Linear }
    }
}

/// A function of a value with `N` components from 0 to 1, through 1 to `MAX_POINTS` points whose
/// values rise. Before the first and after the last point the end's level holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Track<const N: usize> {
    points: Vec<Point<N>>,
}

/// What an edit did: outside `values` the track is as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The point that was edited; where it was, if it is gone.
    pub point: usize,
    /// From, to; infinite where all values before the first or after the last point are affected.
    pub values: (f32, f32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrackError {
    #[error("{count} points; 1 to {MAX_POINTS} are allowed")]
    Count { count: usize },
    #[error("point {index} does not lie after the one before it; values must rise and stay within ±1e9")]
    Order { index: usize },
    #[error("point {index} lies outside 0 to 1")]
    Range { index: usize },
    #[error("there is no point {index}")]
    NoPoint { index: usize },
}

impl TrackError {
    /// The point that is to blame, if it is a single one.
    pub fn point(self) -> Option<usize> {
        match self {
            Self::Count { .. } => None,
            Self::Order { index } | Self::Range { index } | Self::NoPoint { index } => Some(index),
        }
    }
}

impl<const N: usize> Track<N> {
    pub fn new(points: Vec<Point<N>>) -> Result<Self, TrackError> {
        let count = points.len();
        if count == 0 || count > MAX_POINTS {
            return Err(TrackError::Count { count });
        }
        let mut last = f32::NEG_INFINITY;
        for (index, point) in points.iter().enumerate() {
            if !in_limits(point.value) || point.value <= last {
                return Err(TrackError::Order { index });
            }
            if !in_range(&point.level) {
                return Err(TrackError::Range { index });
            }
            last = point.value;
        }
        Ok(Self { points })
    }

    /// Straight lines between (value, level).
    pub fn linear(points: impl IntoIterator<Item = (f32, [f32; N])>) -> Result<Self, TrackError> {
        Self::new(points.into_iter().map(|(value, level)| Point::linear(value, level)).collect())
    }

    pub fn points(&self) -> &[Point<N>] {
        &self.points
    }

    /// Values of the first and last point.
    pub fn span(&self) -> (f32, f32) {
        (self.points[0].value, self.points[self.points.len() - 1].value)
    }

    /// The level at a value; a value that is not a number counts as low.
    pub fn at(&self, value: f32) -> [f32; N] {
        let above = self.points.partition_point(|point| point.value <= value);
        let Some(below) = above.checked_sub(1) else { return self.points[0].level };
        let (from, Some(to)) = (&self.points[below], self.points.get(above)) else {
            return self.points[below].level;
        };
        let width = to.value - from.value;
        let f = (value - from.value) / width;
        match from.curve {
            Curve::Linear => std::array::from_fn(|i| from.level[i] + (to.level[i] - from.level[i]) * f),
            Curve::Step => from.level,
            Curve::Smooth => {
                let (start, end) = (self.tangent(below), self.tangent(above));
                std::array::from_fn(|i| {
                    let level = hermite(from.level[i], to.level[i], start[i] * width, end[i] * width, f);
                    // Rounding alone can lead out of the range.
                    level.clamp(0.0, 1.0)
                })
            }
        }
    }

    /// Slope of the smooth curves that meet at a point: the weighted harmonic mean of the slopes on
    /// both sides, 0 at a turn, at a jump and at the ends.
    fn tangent(&self, index: usize) -> [f32; N] {
        let slope = |from: &Point<N>, to: &Point<N>, i: usize| match from.curve {
            Curve::Step => 0.0,
            _ => (to.level[i] - from.level[i]) / (to.value - from.value),
        };
        let (Some(before), Some(after)) = (index.checked_sub(1), self.points.get(index + 1)) else {
            return [0.0; N];
        };
        let (before, here) = (&self.points[before], &self.points[index]);
        let (left, right) = (here.value - before.value, after.value - here.value);
        std::array::from_fn(|i| {
            let (a, b) = (slope(before, here, i), slope(here, after, i));
            if a * b <= 0.0 {
                return 0.0;
            }
            3.0 * (left + right) / ((2.0 * right + left) / a + (right + 2.0 * left) / b)
        })
    }

    /// Adds a point, which continues the curve that it lies on. Without a level it lies on the track
    /// as it is.
    pub fn insert(&mut self, value: f32, level: Option<[f32; N]>) -> Result<Change, TrackError> {
        let index = self.points.partition_point(|point| point.value <= value);
        if self.points.len() >= MAX_POINTS {
            return Err(TrackError::Count { count: self.points.len() + 1 });
        }
        let before = index.checked_sub(1).map(|before| self.points[before]);
        if !in_limits(value) || before.is_some_and(|before| before.value == value) {
            return Err(TrackError::Order { index });
        }
        let level = level.unwrap_or_else(|| self.at(value));
        if !in_range(&level) {
            return Err(TrackError::Range { index });
        }
        let curve = before.map_or(Curve::Linear, |before| before.curve);
        self.points.insert(index, Point { value, level, curve });
        Ok(self.change(index))
    }

    /// Moves a point as far towards `value` as its neighbours allow, and to `level` as far as that
    /// lies in 0 to 1: a drag never fails.
    pub fn move_to(&mut self, index: usize, value: f32, level: [f32; N]) -> Result<Change, TrackError> {
        let point = self.points.get(index).ok_or(TrackError::NoPoint { index })?;
        if !value.is_finite() {
            return Err(TrackError::Order { index });
        }
        if level.iter().any(|component| component.is_nan()) {
            return Err(TrackError::Range { index });
        }
        let lowest = index.checked_sub(1).map_or(-MAX_VALUE, |before| self.points[before].value.next_up());
        let highest = self.points.get(index + 1).map_or(MAX_VALUE, |after| after.value.next_down());
        let level = level.map(|component| component.clamp(0.0, 1.0));
        self.points[index] = Point { value: value.clamp(lowest, highest), level, curve: point.curve };
        Ok(self.change(index))
    }

    /// Sets the level of a point, for example its colour.
    pub fn set_level(&mut self, index: usize, level: [f32; N]) -> Result<Change, TrackError> {
        let value = self.points.get(index).ok_or(TrackError::NoPoint { index })?.value;
        self.move_to(index, value, level)
    }

    /// Sets how the track leaves a point.
    pub fn set_curve(&mut self, index: usize, curve: Curve) -> Result<Change, TrackError> {
        let point = self.points.get_mut(index).ok_or(TrackError::NoPoint { index })?;
        point.curve = curve;
        Ok(self.change(index))
    }

    /// Removes a point; the last one stays.
    pub fn remove(&mut self, index: usize) -> Result<Change, TrackError> {
        if index >= self.points.len() {
            return Err(TrackError::NoPoint { index });
        }
        if self.points.len() == 1 {
            return Err(TrackError::Count { count: 0 });
        }
        let change = self.change(index);
        self.points.remove(index);
        Ok(change)
    }

    /// Shifts and stretches the track so that what was at `from` (low, high) is at `to`.
    pub fn remap(&mut self, from: (f32, f32), to: (f32, f32)) -> Result<(), TrackError> {
        let wide = |(low, high): (f32, f32)| in_limits(low) && in_limits(high) && low < high;
        if !wide(from) || !wide(to) {
            return Err(TrackError::Order { index: 0 });
        }
        let scale = (f64::from(to.1) - f64::from(to.0)) / (f64::from(from.1) - f64::from(from.0));
        let place = |value: f32| (f64::from(to.0) + (f64::from(value) - f64::from(from.0)) * scale) as f32;
        // Points that fall together, or out of the limits, refuse the change as a whole.
        *self = Self::new(self.points.iter().map(|p| Point { value: place(p.value), ..*p }).collect())?;
        Ok(())
    }

    /// A smooth curve bends with the points before and after its own two.
    fn change(&self, index: usize) -> Change {
        let low = index.checked_sub(2).map_or(f32::NEG_INFINITY, |point| self.points[point].value);
        let high = self.points.get(index + 2).map_or(f32::INFINITY, |point| point.value);
        Change { point: index, values: (low, high) }
    }
}

fn in_limits(value: f32) -> bool {
    value.abs() <= MAX_VALUE
}

fn in_range(level: &[f32]) -> bool {
    level.iter().all(|component| (0.0..=1.0).contains(component))
}

/// Cubic with the given ends and tangents per unit of `f`, at `f` from 0 to 1.
fn hermite(from: f32, to: f32, start: f32, end: f32, f: f32) -> f32 {
    let rise = to - from;
    from + f * (start + f * (3.0 * rise - 2.0 * start - end + f * (start + end - 2.0 * rise)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Track<1> {
        Track::linear([(0.0, [0.0]), (10.0, [0.2]), (20.0, [0.9]), (30.0, [0.9]), (40.0, [0.1])]).unwrap()
    }

    fn with_curve(curve: Curve) -> Track<1> {
        let mut track = ramp();
        for index in 0..track.points().len() {
            track.set_curve(index, curve).unwrap();
        }
        track
    }

    #[test]
    fn a_step_holds_until_the_next_point() {
        let track = with_curve(Curve::Step);
        assert_eq!(track.at(9.999), [0.0]);
        assert_eq!(track.at(10.0), [0.2]);
        assert_eq!(track.at(1e9), [0.1]);
        assert_eq!(track.at(f32::NAN), [0.0]);
    }

    #[test]
    fn a_smooth_curve_passes_its_points_without_overshoot_or_corners() {
        let track = with_curve(Curve::Smooth);
        for point in track.points() {
            assert_eq!(track.at(point.value), point.level);
        }
        let samples: Vec<f32> = (0..=4000).map(|i| track.at(i as f32 * 0.01)[0]).collect();
        let rising = samples[..=2000].windows(2).all(|pair| pair[1] >= pair[0] - 1e-6);
        let level = samples[2000..=3000].iter().all(|level| (level - 0.9).abs() < 1e-6);
        let falling = samples[3000..].windows(2).all(|pair| pair[1] <= pair[0] + 1e-6);
        assert!(rising && level && falling);
        // The slope changes little from one sample to the next; a corner would be a jump of 0.0005.
        let bends = samples.windows(3).map(|s| (s[2] - 2.0 * s[1] + s[0]).abs());
        assert!(bends.fold(0.0, f32::max) < 1e-5);
    }

    #[test]
    fn a_point_added_on_the_curve_changes_nothing_and_one_taken_away_again_restores_all() {
        let before = ramp();
        let mut track = before.clone();
        let change = track.insert(15.0, None).unwrap();
        assert_eq!(change.point, 2);
        for value in 0..45 {
            assert!((track.at(value as f32)[0] - before.at(value as f32)[0]).abs() < 1e-6);
        }
        track.remove(change.point).unwrap();
        assert_eq!(track, before);
    }

    #[test]
    fn a_dragged_point_stops_at_its_neighbours_and_at_0_and_1() {
        let mut track = ramp();
        let change = track.move_to(1, 1e6, [7.0]).unwrap();
        let point = track.points()[change.point];
        assert!(point.value < 20.0 && point.value > 19.99);
        assert_eq!(point.level, [1.0]);
        track.move_to(1, -1e30, [-1.0]).unwrap();
        assert!(track.points()[1].value > 0.0 && track.points()[1].value < 1e-30);
        assert_eq!(Track::new(track.points().to_vec()), Ok(track.clone()), "the invariants hold");
        assert_eq!(track.move_to(1, f32::NAN, [0.5]), Err(TrackError::Order { index: 1 }));
        assert_eq!(track.move_to(1, 5.0, [f32::NAN]), Err(TrackError::Range { index: 1 }));
        assert_eq!(track.move_to(9, 5.0, [0.5]), Err(TrackError::NoPoint { index: 9 }));
    }

    #[test]
    fn outside_the_reported_values_nothing_changes() {
        for curve in [Curve::Linear, Curve::Step, Curve::Smooth] {
            let before = with_curve(curve);
            type Edit = fn(&mut Track<1>, usize) -> Result<Change, TrackError>;
            let edits: [Edit; 4] = [
                |track, index| track.move_to(index, track.points()[index].value + 4.0, [0.5]),
                |track, index| track.set_curve(index, Curve::Smooth),
                |track, index| track.remove(index),
                |track, index| track.insert(track.points()[index].value + 3.0, Some([0.7])),
            ];
            for (edit, index) in edits.iter().flat_map(|edit| (0..5).map(move |index| (edit, index))) {
                let mut track = before.clone();
                let (low, high) = edit(&mut track, index).unwrap().values;
                let outside = (-20..=120).map(|i| i as f32 / 2.0).filter(|v| *v < low || *v > high);
                for value in outside {
                    assert_eq!(track.at(value), before.at(value), "{curve:?} {index} at {value}");
                }
            }
        }
    }

    #[test]
    fn a_track_can_neither_be_emptied_nor_overfilled() {
        let mut track = Track::linear([(0.0, [0.5])]).unwrap();
        assert_eq!(track.remove(0), Err(TrackError::Count { count: 0 }));
        for i in 1..MAX_POINTS {
            track.insert(i as f32, None).unwrap();
        }
        assert_eq!(track.insert(1000.0, None), Err(TrackError::Count { count: 257 }));
        assert_eq!(ramp().insert(10.0, None), Err(TrackError::Order { index: 2 }));
        assert_eq!(ramp().insert(f32::INFINITY, None), Err(TrackError::Order { index: 5 }));
    }

    #[test]
    fn remapping_shifts_and_stretches_or_refuses_as_a_whole() {
        let mut track = ramp();
        track.remap((0.0, 40.0), (-100.0, 100.0)).unwrap();
        assert_eq!(track.span(), (-100.0, 100.0));
        assert_eq!(track.at(-50.0), [0.2]);
        let before = track.clone();
        assert!(track.remap((0.0, 1.0), (5.0, 5.0)).is_err());
        assert!(track.remap((0.0, 1e-6), (0.0, 1e9)).is_err());
        assert!(track.remap((-1e9, 1e9), (7.0, 7.0f32.next_up())).is_err());
        assert_eq!(track, before);
    }
}
