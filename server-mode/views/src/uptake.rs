//! How a PET is looked at: in standardised uptake values (SUV), black for much.
//!
//! `suv` is what a value is multiplied by to be an SUV by body weight, where that is known.

use render_core::scene::ViewState;
use render_core::volume::Meaning;
use render_core::window::Shape;
use render_core::{Outlined, Window};

/// SUVs that become white, from 0 on.
const ENDS: [f64; 4] = [5.0, 7.0, 10.0, 20.0];

fn window(suv: f64, end: f64) -> Option<Window> {
    let high = end / suv;
    Window::shaped(high / 2.0, high, Shape::LinearExact)
}

/// The windows of SUVs, for menus.
pub fn suv_windows(suv: Option<f64>) -> Vec<(String, Window)> {
    let named = |(suv, end)| Some((format!("SUV 0 – {end:.0}"), window(suv, end)?));
    suv.into_iter().flat_map(|suv| ENDS.map(|end| (suv, end))).filter_map(named).collect()
}

/// What the first look has in place of what the values suggest: without a window of the file's own, a PET shows the SUVs
/// that most readings begin with.
pub fn first_window(meaning: &Meaning, suv: Option<f64>) -> Option<Window> {
    suv.filter(|_| meaning.windows.is_empty()).and_then(|suv| window(suv, ENDS[0]))
}

/// Gives a new view what its modality asks for besides what its values do.
pub fn first_look(view: &mut ViewState, volume: &dyn Outlined, suv: Option<f64>) {
    if let Some(window) = first_window(volume.meaning(), suv) {
        let shows_preset = view.shows_preset();
        view.set_window(window);
        if let Some(preset) = view.preset.as_mut().filter(|_| shows_preset) {
            // Nobody has changed it.
            preset.transfer = view.transfer.clone();
        }
    }
    // As on film: what is empty in a PET is most of it.
    view.inverted = volume.meaning().modality == "PT";
}

/// The window that a menu has under these numbers, with its shape; else one of a straight line, which goes to the very
/// ends where values are SUVs: one value less may be a whole SUV.
pub fn window_of_numbers(meaning: &Meaning, suv: Option<f64>, center: f64, width: f64) -> Window {
    let same = |window: &Window| (window.center(), window.width()) == (center, width);
    let of_suv = suv_windows(suv).into_iter().map(|(_, window)| window).find(same);
    let own = || meaning.windows.iter().map(|(_, window)| *window).find(same);
    let exact = || suv.and_then(|_| Window::shaped(center, width, Shape::LinearExact));
    of_suv.or_else(own).or_else(exact).unwrap_or_else(|| Window::of_numbers(meaning, center, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_suvs_ends_where_it_says() {
        let meaning = Meaning::default();
        for end in [0.5, 1.0, 2.0, 6.0] {
            let (low, scale) = window_of_numbers(&meaning, Some(1.0), end / 2.0, end).ramp();
            assert!(low.abs() < 1e-6 && (f64::from(scale) - 1.0 / end).abs() < 1e-6, "{end}: {low} {scale}");
        }
        let plain = window_of_numbers(&meaning, None, 40.0, 400.0);
        assert_eq!((plain.shape(), plain.width()), (Shape::Linear, 400.0));
    }
}
