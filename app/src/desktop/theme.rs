//! Colours, sizes and spacing of the window.
//!
//! The dark theme is an almost neutral grey: a reading room is dark, and a tint would shift how greys
//! look. Text on every fill has a contrast of at least 4.5:1 in each theme, 7:1 in the one of high
//! contrast. Pictures lie on black in every theme, and so does what is written over them.

use std::sync::atomic::{AtomicUsize, Ordering};

use eframe::egui::{
    self, Color32, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle, vec2,
};
use serde::{Deserialize, Serialize};

/// Written over pictures.
pub const OVERLAY: Color32 = Color32::from_rgb(226, 230, 234);
pub const OVERLAY_WEAK: Color32 = Color32::from_rgb(168, 176, 186);
pub const OVERLAY_STRONG: Color32 = Color32::from_rgb(247, 249, 251);
pub const OVERLAY_ERROR: Color32 = Color32::from_rgb(255, 138, 128);
pub const OVERLAY_WARNING: Color32 = Color32::from_rgb(242, 184, 75);
/// Lies over pictures that nobody knows to be true any more.
pub const STALE: Color32 = Color32::from_black_alpha(110);

/// The colours that tell the three planes apart, as radiologists know them from other viewers.
pub const AXIAL: Color32 = Color32::from_rgb(240, 110, 96);
pub const CORONAL: Color32 = Color32::from_rgb(112, 200, 120);
pub const SAGITTAL: Color32 = Color32::from_rgb(235, 200, 85);
pub const VOLUME: Color32 = Color32::from_rgb(122, 172, 240);

/// Height of a button: large enough to hit without aiming (WCAG 2.5.8).
pub const TARGET: f32 = 26.0;

/// What the user chooses among.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    #[default]
    Dark,
    Light,
    HighContrast,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Dark, Self::Light, Self::HighContrast];
}

macro_rules! palette {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        #[derive(Debug)]
        struct Palette {
            $($name: Color32),+
        }

        $($(#[$doc])* pub fn $name() -> Color32 {
            current().$name
        })+
    };
}

palette! {
    /// Below everything but pictures.
    panel,
    /// Buttons.
    raised,
    hovered,
    /// What is no text and has to be seen: empty check boxes, the rails of sliders.
    control,
    /// Text fields.
    field,
    /// Every other row.
    faint,
    line,
    text,
    strong,
    weak,
    accent,
    accent_fill,
    warning,
    warning_fill,
    error,
    error_fill,
}

const PALETTES: [Palette; 3] = [
    Palette {
        panel: Color32::from_rgb(27, 30, 34),
        raised: Color32::from_rgb(40, 44, 50),
        hovered: Color32::from_rgb(52, 58, 66),
        control: Color32::from_rgb(98, 107, 118),
        field: Color32::from_rgb(16, 18, 21),
        faint: Color32::from_rgb(32, 36, 41),
        line: Color32::from_rgb(49, 54, 61),
        text: Color32::from_rgb(222, 226, 231),
        strong: Color32::from_rgb(247, 249, 251),
        weak: Color32::from_rgb(154, 162, 172),
        accent: Color32::from_rgb(92, 176, 232),
        accent_fill: Color32::from_rgb(28, 74, 107),
        warning: Color32::from_rgb(242, 184, 75),
        warning_fill: Color32::from_rgb(58, 46, 24),
        error: Color32::from_rgb(255, 138, 128),
        error_fill: Color32::from_rgb(66, 33, 34),
    },
    Palette {
        panel: Color32::from_rgb(241, 242, 244),
        raised: Color32::from_rgb(223, 226, 230),
        hovered: Color32::from_rgb(206, 211, 217),
        control: Color32::from_rgb(132, 139, 148),
        field: Color32::from_rgb(255, 255, 255),
        faint: Color32::from_rgb(232, 234, 237),
        line: Color32::from_rgb(196, 201, 208),
        text: Color32::from_rgb(34, 38, 43),
        strong: Color32::from_rgb(10, 12, 15),
        weak: Color32::from_rgb(84, 91, 100),
        accent: Color32::from_rgb(0, 92, 156),
        accent_fill: Color32::from_rgb(184, 214, 239),
        warning: Color32::from_rgb(122, 74, 0),
        warning_fill: Color32::from_rgb(255, 238, 200),
        error: Color32::from_rgb(164, 22, 22),
        error_fill: Color32::from_rgb(255, 221, 218),
    },
    Palette {
        panel: Color32::BLACK,
        raised: Color32::from_rgb(20, 20, 20),
        hovered: Color32::from_rgb(58, 58, 58),
        control: Color32::from_rgb(112, 112, 112),
        field: Color32::BLACK,
        faint: Color32::from_rgb(20, 20, 20),
        line: Color32::WHITE,
        text: Color32::WHITE,
        strong: Color32::WHITE,
        weak: Color32::from_rgb(215, 215, 215),
        accent: Color32::from_rgb(255, 221, 64),
        accent_fill: Color32::from_rgb(0, 62, 122),
        warning: Color32::from_rgb(255, 200, 90),
        warning_fill: Color32::from_rgb(50, 36, 0),
        error: Color32::from_rgb(255, 170, 165),
        error_fill: Color32::from_rgb(74, 0, 0),
    },
];

static CURRENT: AtomicUsize = AtomicUsize::new(0);

fn current() -> &'static Palette {
    &PALETTES[CURRENT.load(Ordering::Relaxed)]
}

/// How the window looks from now on.
pub fn apply(ctx: &egui::Context, theme: Theme, reduced_motion: bool) {
    CURRENT.store(theme as usize, Ordering::Relaxed);
    let light = theme == Theme::Light;
    ctx.set_theme(if light { egui::Theme::Light } else { egui::Theme::Dark });
    ctx.all_styles_mut(|style| {
        style.text_styles = [
            (TextStyle::Small, 12.0),
            (TextStyle::Body, 13.5),
            (TextStyle::Button, 13.5),
            (TextStyle::Heading, 18.0),
        ]
        .into_iter()
        .map(|(name, size)| (name, FontId::new(size, FontFamily::Proportional)))
        .chain([(TextStyle::Monospace, FontId::new(12.5, FontFamily::Monospace))])
        .collect();
        style.animation_time = if reduced_motion { 0.0 } else { 0.08 };
        style.interaction.selectable_labels = false;
        style.interaction.tooltip_delay = 0.35;

        let spacing = &mut style.spacing;
        spacing.item_spacing = vec2(8.0, 6.0);
        spacing.button_padding = vec2(9.0, 4.0);
        spacing.interact_size = vec2(TARGET, TARGET);
        spacing.window_margin = Margin::same(16);
        spacing.menu_margin = Margin::same(6);
        spacing.tooltip_width = 420.0;
        spacing.combo_width = 110.0;

        let visuals = &mut style.visuals;
        *visuals = if light { egui::Visuals::light() } else { egui::Visuals::dark() };
        visuals.panel_fill = panel();
        visuals.window_fill = panel();
        visuals.window_stroke = Stroke::new(1.0, line());
        visuals.window_corner_radius = CornerRadius::same(8);
        visuals.menu_corner_radius = CornerRadius::same(6);
        visuals.window_shadow =
            Shadow { offset: [0, 8], blur: 24, spread: 0, color: Color32::from_black_alpha(140) };
        visuals.popup_shadow =
            Shadow { offset: [0, 4], blur: 12, spread: 0, color: Color32::from_black_alpha(120) };
        visuals.extreme_bg_color = field();
        visuals.faint_bg_color = faint();
        visuals.weak_text_color = Some(weak());
        visuals.hyperlink_color = accent();
        visuals.warn_fg_color = warning();
        visuals.error_fg_color = error();
        visuals.selection.bg_fill = accent_fill();
        visuals.selection.stroke = Stroke::new(1.0, strong());

        let widgets = &mut visuals.widgets;
        let radius = CornerRadius::same(5);
        // Where contrast counts most, a button is told from a label by its border.
        let idle_border = if theme == Theme::HighContrast { line() } else { Color32::TRANSPARENT };
        for (widget, fill, border, text_color) in [
            (&mut widgets.noninteractive, panel(), line(), text()),
            (&mut widgets.inactive, raised(), idle_border, text()),
            (&mut widgets.hovered, hovered(), control(), strong()),
            (&mut widgets.active, accent_fill(), accent(), strong()),
            (&mut widgets.open, hovered(), line(), strong()),
        ] {
            widget.bg_fill = fill;
            widget.weak_bg_fill = fill;
            widget.bg_stroke = Stroke::new(1.0, border);
            widget.fg_stroke = Stroke::new(1.0, text_color);
            widget.corner_radius = radius;
            widget.expansion = 0.0;
        }
        widgets.inactive.bg_fill = control();
    });
}

/// Signs that the fonts lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    List,
    /// Opens a menu.
    Menu,
    Close,
    Maximise,
    Restore,
}

impl Icon {
    /// Draws it about 11 points wide.
    pub fn paint(self, painter: &egui::Painter, center: egui::Pos2, color: Color32) {
        let stroke = Stroke::new(1.3, color);
        let square = |offset: egui::Vec2, side: f32| {
            let rect = egui::Rect::from_center_size(center + offset, vec2(side, side));
            painter.rect_stroke(rect, 1.0, stroke, egui::StrokeKind::Middle);
        };
        match self {
            Self::List => {
                for y in [-4.0, 0.0, 4.0] {
                    painter.line_segment([center + vec2(-6.0, y), center + vec2(6.0, y)], stroke);
                }
            }
            Self::Menu => {
                let corners =
                    [vec2(-3.5, -2.0), vec2(3.5, -2.0), vec2(0.0, 2.5)].map(|offset| center + offset);
                painter.add(egui::Shape::convex_polygon(corners.to_vec(), color, Stroke::NONE));
            }
            Self::Close => {
                for (x, y) in [(1.0, 1.0), (1.0, -1.0)] {
                    let arm = vec2(x, y) * 4.0;
                    painter.line_segment([center - arm, center + arm], stroke);
                }
            }
            Self::Maximise => square(vec2(0.0, 0.0), 9.0),
            Self::Restore => {
                square(vec2(-1.5, 1.5), 7.0);
                let corner =
                    [vec2(-2.0, -4.5), vec2(4.5, -4.5), vec2(4.5, 2.0)].map(|offset| center + offset);
                painter.line_segment([corner[0], corner[1]], stroke);
                painter.line_segment([corner[1], corner[2]], stroke);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2, relative luminance.
    fn luminance(color: Color32) -> f32 {
        let linear = |c: u8| {
            let c = f32::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        (a / b).max(b / a)
    }

    #[test]
    fn text_stands_out_from_what_it_lies_on() {
        for (theme, least) in Theme::ALL.into_iter().zip([4.5, 4.5, 7.0]) {
            let p = &PALETTES[theme as usize];
            for (text, fill) in [
                (p.text, p.panel),
                (p.text, p.raised),
                (p.text, p.field),
                (p.text, p.faint),
                (p.strong, p.hovered),
                (p.strong, p.accent_fill),
                (p.text, p.accent_fill),
                (p.weak, p.panel),
                (p.weak, p.raised),
                (p.weak, p.field),
                (p.accent, p.panel),
                (p.warning, p.warning_fill),
                (p.text, p.warning_fill),
                (p.warning, p.panel),
                (p.error, p.error_fill),
                (p.error, p.panel),
                (p.text, p.error_fill),
                (p.strong, p.error_fill),
            ] {
                let ratio = contrast(text, fill);
                assert!(ratio >= least, "{theme:?}: {text:?} on {fill:?}: {ratio:.2}");
            }
            // WCAG 1.4.11: the parts of controls, and the marks in them.
            assert!(contrast(p.text, p.control) >= 3.0, "{theme:?}: marks on controls");
            let ratio = contrast(p.control, p.panel);
            assert!(ratio >= 3.0, "{theme:?}: controls on panels: {ratio:.2}");
        }
        for text in [OVERLAY, OVERLAY_WEAK, OVERLAY_STRONG, OVERLAY_WARNING, OVERLAY_ERROR] {
            assert!(contrast(text, Color32::BLACK) >= 7.0);
        }
    }
}
