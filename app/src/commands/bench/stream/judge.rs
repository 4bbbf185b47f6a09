//! How near what was shown is to what it stands for.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use protocol::message::ViewInfo;
use protocol::{ClientMessage, Content as Kind, MouseButton, PointerKind};
use render_core::progressive::Rung;
use render_core::scene::view::Orientation;
use render_core::scene::{Button, Content, Input as Gesture, Interaction, ViewState};
use render_core::{Renderer, Volume};

use super::hand::{Input, Sample, Seen};

/// Of one picture against its reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// Peak signal to noise ratio of red, green and blue in dB; `SAME` where nothing differs.
    pub psnr_db: f64,
    /// The same of brightness.
    pub psnr_y_db: f64,
    /// Mean structural similarity of brightness, 1 where nothing differs.
    pub ssim: f64,
    /// Ratios against the same view as coarse as it was drawn: what encoding alone has cost.
    pub encoded_psnr_db: f64,
    pub encoded_psnr_y_db: f64,
}

/// In place of an infinite ratio.
const SAME: f64 = 99.0;

/// What a client kept against the views that it was to show, drawn in full.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Of pictures that were shown while the hand moved.
    pub moving: Vec<Likeness>,
    /// Whether the last, lossless one is equal.
    pub exact: Option<bool>,
}

impl Verdict {
    pub fn on(seen: &Seen, renderer: &Renderer, volume: &Arc<Volume>, size: [u32; 2]) -> Result<Self> {
        let mut verdict = Self::default();
        let draw = |state: &ViewState, volume: &Arc<Volume>| {
            let params = render_core::render::resolve(state, volume);
            Ok::<_, anyhow::Error>(renderer.render(volume, &params, &AtomicBool::new(false))?.pixels)
        };
        for sample in &seen.samples {
            let Some(state) = view_of(sample, seen, volume, size) else { continue };
            let shown = stretched(&sample.pixels, sample.size, size);
            let full = draw(&state, volume)?;
            let (psnr_db, psnr_y_db) = psnrs(&shown, &full);
            let ssim = ssim(&shown, &full, size);
            // The server does not say how far apart its samples were: as far as brings its picture nearest.
            let mut encoded = (0.0, 0.0);
            for step in Rung::steps() {
                let (mut state, scale) = (state.clone(), f64::from(sample.size[0]) / f64::from(size[0]));
                let volume = Rung { scale, step }.coarsen(&mut state, volume);
                state.size = sample.size;
                let drawn = psnrs(&sample.pixels, &draw(&state, &volume)?);
                encoded = if drawn.0 > encoded.0 { drawn } else { encoded };
            }
            let (encoded_psnr_db, encoded_psnr_y_db) = encoded;
            verdict.moving.push(Likeness { psnr_db, psnr_y_db, ssim, encoded_psnr_db, encoded_psnr_y_db });
        }
        if let Some(sample) = &seen.exact
            && let Some(state) = view_of(sample, seen, volume, size)
        {
            verdict.exact = Some(draw(&state, volume)? == sample.pixels);
        }
        Ok(verdict)
    }
}

/// The view that a sample stands for, where the server told what it shows.
fn view_of(sample: &Sample, seen: &Seen, volume: &Volume, size: [u32; 2]) -> Option<ViewState> {
    let picture = seen.pictures.iter().find(|picture| picture.header.frame == sample.frame)?;
    let header = &picture.header;
    let info = picture.view.as_ref().filter(|info| info.revision == header.view_revision)?;
    Some(replay(volume, size, info, &seen.inputs, header.input_seq))
}

/// The view that a picture shows. A slice is where the server says; a volume is turned again by the drag,
/// which is all sideways: however moves are merged, they add up to the same.
fn replay(volume: &Volume, size: [u32; 2], info: &ViewInfo, inputs: &[Input], input_seq: u64) -> ViewState {
    let is_slice = info.content == Kind::Axial;
    let content = if is_slice { Content::Slice } else { Content::Volume };
    let mut state = ViewState::new(volume, content, Orientation::Axial, size);
    if is_slice {
        state.set_window(state.window.changed(info.window.center, info.window.width));
        let (here, _) = state.plane.slice_number(volume);
        state.plane.scroll(info.slice.map_or(0, |slice| slice - here), volume);
        return state;
    }
    let mut interaction = Interaction::default();
    for input in inputs.iter().filter(|input| input.seq <= input_seq) {
        let ClientMessage::Pointer { kind, button, x, y, .. } = input.message else { continue };
        let at = [x, y];
        let button = match button {
            Some(MouseButton::Middle) => Button::Middle,
            Some(MouseButton::Right) => Button::Right,
            _ => Button::Left,
        };
        let gesture = match kind {
            PointerKind::Press => Gesture::Press { button, at },
            PointerKind::Move => Gesture::Move { at },
            PointerKind::Release => Gesture::Release { button, at },
        };
        interaction.handle(&mut state, volume, gesture);
    }
    state
}

/// RGBA pixels stretched to another size, as a browser does it: linearly between pixels' centres.
fn stretched(pixels: &[u8], from: [u32; 2], to: [u32; 2]) -> Vec<u8> {
    if from == to {
        return pixels.to_vec();
    }
    let taps = |axis: usize| -> Vec<(usize, usize, f32)> {
        let (n, scale) = (from[axis] as usize, from[axis] as f32 / to[axis] as f32);
        (0..to[axis])
            .map(|i| {
                let at = ((i as f32 + 0.5) * scale - 0.5).clamp(0.0, (n - 1) as f32);
                (at as usize, (at as usize + 1).min(n - 1), at.fract())
            })
            .collect()
    };
    let (columns, rows) = (taps(0), taps(1));
    let source = pixels.as_chunks::<4>().0;
    let width = from[0] as usize;
    let mut out = Vec::with_capacity(to[0] as usize * to[1] as usize * 4);
    for &(y0, y1, v) in &rows {
        for &(x0, x1, u) in &columns {
            let mix = |c: usize| {
                let line = |y: usize| {
                    let (a, b) = (f32::from(source[y * width + x0][c]), f32::from(source[y * width + x1][c]));
                    a + (b - a) * u
                };
                (line(y0) + (line(y1) - line(y0)) * v).round() as u8
            };
            out.extend([mix(0), mix(1), mix(2), 255]);
        }
    }
    out
}

/// Of all colours, and of brightness.
fn psnrs(shown: &[u8], reference: &[u8]) -> (f64, f64) {
    let (a, b) = (shown.as_chunks::<4>().0, reference.as_chunks::<4>().0);
    let squares = |(a, b): (&[u8; 4], &[u8; 4])| {
        let colours: f64 = (0..3).map(|c| f64::from(a[c].abs_diff(b[c])).powi(2)).sum();
        (colours / 3.0, f64::from(brightness(a) - brightness(b)).powi(2))
    };
    let sums = a.iter().zip(b).map(squares).fold((0.0, 0.0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
    let pixels = a.len() as f64;
    (psnr(sums.0 / pixels), psnr(sums.1 / pixels))
}

fn psnr(mean_square: f64) -> f64 {
    (10.0 * (255.0 * 255.0 / mean_square).log10()).min(SAME)
}

/// BT.709.
fn brightness(&[r, g, b, _]: &[u8; 4]) -> f32 {
    0.2126 * f32::from(r) + 0.7152 * f32::from(g) + 0.0722 * f32::from(b)
}

/// Wang, Bovik, Sheikh, Simoncelli 2004, in windows of 8x8 pixels, four apart.
fn ssim(shown: &[u8], reference: &[u8], size: [u32; 2]) -> f64 {
    const WINDOW: usize = 8;
    const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
    const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
    let [width, height] = size.map(|n| n as usize);
    let [a, b] =
        [shown, reference].map(|pixels| pixels.as_chunks().0.iter().map(brightness).collect::<Vec<f32>>());
    let (mut sum, mut windows) = (0.0, 0);
    for top in (0..height.saturating_sub(WINDOW - 1)).step_by(WINDOW / 2) {
        for left in (0..width.saturating_sub(WINDOW - 1)).step_by(WINDOW / 2) {
            let [mut sa, mut sb, mut saa, mut sbb, mut sab] = [0.0f64; 5];
            for y in top..top + WINDOW {
                let row = y * width + left..y * width + left + WINDOW;
                for (&x, &y) in a[row.clone()].iter().zip(&b[row]) {
                    let (x, y) = (f64::from(x), f64::from(y));
                    sa += x;
                    sb += y;
                    saa += x * x;
                    sbb += y * y;
                    sab += x * y;
                }
            }
            let n = (WINDOW * WINDOW) as f64;
            let (ma, mb) = (sa / n, sb / n);
            let (va, vb, cov) = (saa / n - ma * ma, sbb / n - mb * mb, sab / n - ma * mb);
            sum += (2.0 * ma * mb + C1) * (2.0 * cov + C2) / ((ma * ma + mb * mb + C1) * (va + vb + C2));
            windows += 1;
        }
    }
    if windows == 0 { 1.0 } else { sum / f64::from(windows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(shift: u8) -> Vec<u8> {
        (0..64 * 32u32).flat_map(|i| [(i % 64 * 3) as u8 + shift, 100, (i / 64) as u8, 255]).collect()
    }

    #[test]
    fn what_is_equal_scores_highest_and_what_differs_by_its_difference() {
        assert_eq!(psnrs(&ramp(0), &ramp(0)), (SAME, SAME));
        assert!((ssim(&ramp(0), &ramp(0), [64, 32]) - 1.0).abs() < 1e-9);
        // One of three colours is off by 6: a mean square of 12, and of (0.2126 * 6)².
        let (all, y) = psnrs(&ramp(6), &ramp(0));
        assert!((all - 37.34).abs() < 0.01 && (y - 46.02).abs() < 0.01, "{all} {y}");
        assert!((0.99..1.0).contains(&ssim(&ramp(6), &ramp(0), [64, 32])));
    }

    #[test]
    fn structure_that_is_gone_is_no_likeness() {
        let noisy: Vec<u8> = ramp(0).iter().enumerate().map(|(i, c)| c ^ (i * 37 % 64) as u8).collect();
        assert!(ssim(&noisy, &ramp(0), [64, 32]) < 0.7);
    }

    #[test]
    fn stretching_keeps_flat_colours_and_ramps() {
        let flat = [7, 8, 9, 255].repeat(5 * 3);
        assert_eq!(stretched(&flat, [5, 3], [64, 32]), [7, 8, 9, 255].repeat(64 * 32));
        let narrow: Vec<u8> = (0..32u32).flat_map(|x| [(x * 6) as u8 + 1, 0, 0, 255]).collect();
        let wide = stretched(&narrow, [32, 1], [64, 1]);
        let red: Vec<u8> = wide.as_chunks::<4>().0.iter().map(|pixel| pixel[0]).collect();
        assert!(red.windows(2).skip(1).take(61).all(|pair| pair[1] - pair[0] == 3), "{red:?}");
    }
}
