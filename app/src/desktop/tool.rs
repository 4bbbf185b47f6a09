//! What the left button does.

use render_core::scene::{Button, Content};

/// The active tool: what a drag with the left button means. Middle and right always pan and zoom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Width and centre of the window; a volume turns.
    #[default]
    Window,
    /// Slices, by dragging up and down.
    Scroll,
    Pan,
    Zoom,
    /// The picture turns in its plane; a volume rolls.
    Rotate,
    /// A part of the picture, enlarged.
    Magnifier,
    /// Where planes cross, and how they lie to each other.
    Crosshair,
    /// The path of a curved view, point by point.
    Curve,
}

impl Tool {
    /// In the order of the palette.
    pub const ALL: [Self; 8] = [
        Self::Window,
        Self::Scroll,
        Self::Pan,
        Self::Zoom,
        Self::Rotate,
        Self::Magnifier,
        Self::Crosshair,
        Self::Curve,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Window => "Window",
            Self::Scroll => "Scroll",
            Self::Pan => "Pan",
            Self::Zoom => "Zoom",
            Self::Rotate => "Rotate",
            Self::Magnifier => "Magnifier",
            Self::Crosshair => "Crosshair",
            Self::Curve => "Curved view",
        }
    }

    pub fn hint(self) -> &'static str {
        match self {
            Self::Window => "Drag right for width, down for centre; a volume turns (W)",
            Self::Scroll => "Drag up and down through the slices (S)",
            Self::Pan => "Drag the picture (also the middle button)",
            Self::Zoom => "Drag down to enlarge (also the right button, Z)",
            Self::Rotate => "Turn the picture in its plane",
            Self::Magnifier => "Hold to enlarge what is under the pointer",
            Self::Crosshair => {
                "Click or drag where the other planes are to cross; turn them by their handles (B)"
            }
            Self::Curve => {
                "Click along a vessel or a jaw on a slice: another viewport rolls it out; Esc begins anew"
            }
        }
    }

    /// The button of `scene::interaction` that does what the left one does with this tool, where there
    /// is one.
    pub fn button(self, content: Content) -> Option<Button> {
        match self {
            Self::Window => Some(Button::Left),
            Self::Pan => Some(Button::Middle),
            Self::Zoom => Some(Button::Right),
            // In three dimensions planes have no handles and slices no pages.
            Self::Crosshair | Self::Scroll | Self::Curve if !matches!(content, Content::Slice) => {
                Some(Button::Left)
            }
            Self::Scroll | Self::Rotate | Self::Magnifier | Self::Crosshair | Self::Curve => None,
        }
    }
}
