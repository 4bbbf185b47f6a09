//! How large and how often a moving picture is drawn, so that the way to the client carries it.

use std::time::{Duration, Instant};

/// From full size to what says little more than where things are.
const SCALES: [f64; 5] = [1.0, 0.7, 0.5, 0.35, 0.25];
/// Pictures come no closer to each other.
const SHORTEST: Duration = Duration::from_millis(16);
/// What the way is to carry at least, before there are fewer pictures.
const INTERVALS: [Duration; 3] =
    [Duration::from_millis(33), Duration::from_millis(50), Duration::from_millis(80)];
/// The scale below which pictures come less often instead.
const COARSE: usize = 3;
/// Bits a pixel with which a turning volume is still a good picture as H.264.
const VIDEO_BITS: f64 = 0.09;
/// Bits a pixel of the first JPEG.
const JPEG_BITS: f64 = 0.8;
/// A finer picture has to fit with so much to spare, and the one before to have been shown for so long:
/// another size costs a whole picture.
const MARGIN: f64 = 1.5;
const PATIENCE: Duration = Duration::from_millis(1500);

/// How much the last picture counts in averages.
const FOLLOWS: f64 = 0.2;
/// Pictures further apart than this are not of one motion.
const PAUSE: Duration = Duration::from_millis(300);

/// Of one view.
#[derive(Clone, Debug)]
pub struct Motion {
    scale: usize,
    scaled_at: Option<Instant>,
    interval: Duration,
    /// When the last picture was begun, and the one that is in the making.
    drawn_at: Option<Instant>,
    asked_at: Option<Instant>,
    /// Measured.
    jpeg_bits: f64,
    /// From one picture to the next, on average.
    apart: Duration,
}

impl Default for Motion {
    fn default() -> Self {
        Self {
            scale: 0,
            scaled_at: None,
            interval: SHORTEST,
            drawn_at: None,
            asked_at: None,
            jpeg_bits: JPEG_BITS,
            apart: INTERVALS[0],
        }
    }
}

impl Motion {
    /// When the next picture may be drawn, unless one is in the making that it replaces.
    pub fn due(&self) -> Option<Instant> {
        self.drawn_at.map(|at| at + self.interval)
    }

    /// Plans a picture that has `pixels` in full size and is drawn now; the way carries so many bits a second.
    /// Returns what part of the size it may have.
    pub fn plan(&mut self, now: Instant, pixels: f64, is_video: bool, bits_per_second: usize) -> f64 {
        let bits_per_pixel = if is_video { VIDEO_BITS } else { self.jpeg_bits };
        let affordable = |interval: Duration, spare: f64| {
            let bits = bits_per_second as f64 * interval.as_secs_f64() / spare;
            let fits = |scale: &f64| scale * scale * pixels * bits_per_pixel <= bits;
            SCALES.iter().position(fits).unwrap_or(SCALES.len() - 1)
        };
        let plan = |spare| {
            let slower = INTERVALS.into_iter().find(|&interval| affordable(interval, spare) <= COARSE);
            let interval = slower.unwrap_or(INTERVALS[INTERVALS.len() - 1]);
            (affordable(interval, spare), interval)
        };
        let (fits, interval) = plan(1.0);
        let rested = self.scaled_at.is_none_or(|at| now.saturating_duration_since(at) >= PATIENCE);
        let (spare, _) = plan(MARGIN);
        let scale = if fits > self.scale {
            fits
        } else if rested {
            spare.min(self.scale)
        } else {
            self.scale
        };
        if scale != self.scale || self.scaled_at.is_none() {
            (self.scale, self.scaled_at) = (scale, Some(now));
        }
        self.interval = if interval == INTERVALS[0] { SHORTEST } else { interval };
        // What is asked for while a picture is in the making is drawn after it, and planned again then.
        self.asked_at.get_or_insert(now);
        SCALES[self.scale]
    }

    /// What one picture may take where the way carries so many bits a second.
    pub fn bits_per_picture(&self, bits_per_second: usize) -> f64 {
        bits_per_second as f64 * self.apart.as_secs_f64()
    }

    /// The picture that was planned last is there; as JPEG it had so many bytes.
    pub fn drawn(&mut self, size: [u32; 2], jpeg_bytes: Option<usize>) {
        if let (Some(before), Some(at)) = (self.drawn_at, self.asked_at) {
            let apart = at.saturating_duration_since(before);
            if apart < PAUSE {
                self.apart = self.apart.mul_f64(1.0 - FOLLOWS) + apart.mul_f64(FOLLOWS);
            }
        }
        self.drawn_at = self.asked_at.take().or(self.drawn_at);
        let Some(bytes) = jpeg_bytes else { return };
        let bits = bytes as f64 * 8.0 / size.map(f64::from).iter().product::<f64>();
        self.jpeg_bits += FOLLOWS * (bits - self.jpeg_bits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: f64 = 1280.0 * 720.0;

    /// What remains after some seconds of pictures.
    fn rests(motion: &mut Motion, start: Instant, is_video: bool, bits_per_second: usize) -> (f64, Duration) {
        let mut now = start;
        let mut scale = 1.0;
        while now < start + Duration::from_secs(10) {
            scale = motion.plan(now, HD, is_video, bits_per_second);
            now += motion.interval;
        }
        (scale, motion.interval)
    }

    #[test]
    fn a_wide_way_carries_all_and_a_narrow_one_less() {
        let (start, mut motion) = (Instant::now(), Motion::default());
        assert_eq!(rests(&mut motion, start, true, 8_000_000), (1.0, SHORTEST));
        let (scale, interval) = rests(&mut motion, start + Duration::from_secs(10), true, 1_000_000);
        assert!((0.35..0.7).contains(&scale), "{scale}");
        assert!(interval <= Duration::from_millis(50));
        let (scale, interval) = rests(&mut motion, start + Duration::from_secs(20), true, 100_000);
        assert_eq!((scale, interval), (0.25, Duration::from_millis(80)));
        let again = rests(&mut motion, start + Duration::from_secs(30), true, 8_000_000);
        assert_eq!(again, (1.0, SHORTEST));
    }

    #[test]
    fn what_is_asked_for_while_a_picture_is_made_does_not_put_off_the_next() {
        let (start, mut motion) = (Instant::now(), Motion::default());
        motion.plan(start, HD, true, 8_000_000);
        motion.plan(start + SHORTEST, HD, true, 8_000_000);
        motion.drawn([1280, 720], None);
        assert_eq!(motion.due(), Some(start + SHORTEST));
    }

    #[test]
    fn jpegs_are_as_small_as_they_have_to_be() {
        let mut motion = Motion::default();
        let (scale, _) = rests(&mut motion, Instant::now(), false, 5_000_000);
        assert!((0.35..=0.5).contains(&scale), "{scale}");
        // Slices of air take few bits.
        (0..50).for_each(|_| motion.drawn([640, 360], Some(2000)));
        let (scale, _) = rests(&mut motion, Instant::now() + Duration::from_secs(10), false, 5_000_000);
        assert_eq!(scale, 1.0);
    }

    #[test]
    fn the_size_falls_at_once_and_does_not_flicker() {
        let (start, mut motion) = (Instant::now(), Motion::default());
        motion.plan(start, HD, true, 8_000_000);
        let low = motion.plan(start + SHORTEST, HD, true, 1_000_000);
        assert!(low < 1.0);
        let mut sizes = vec![low];
        for frame in 2..300u32 {
            // The estimate swings by a fifth.
            let rate = if frame % 20 < 10 { 2_000_000 } else { 2_500_000 };
            sizes.push(motion.plan(start + frame * SHORTEST, HD, true, rate));
        }
        sizes.dedup();
        assert!(sizes.len() <= 3, "{sizes:?}");
    }
}
