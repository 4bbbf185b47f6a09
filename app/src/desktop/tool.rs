//! What the left button does, as long as the mouse is as at first.

use reading::Kind;
use render_core::scene::{Button, Content};

/// The active tool: what a drag with the button means that has it (`mouse::Mouse`), at first the left one.
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
    /// What draws on slices and marks voxels.
    Annotate(reading::Tool),
}

impl Tool {
    /// Those that draw and mark, in the order of the palette.
    pub const DRAWING: [Self; 15] = [
        Self::Annotate(reading::Tool::Draw(Kind::Probe)),
        Self::Annotate(reading::Tool::Draw(Kind::Length)),
        Self::Annotate(reading::Tool::Draw(Kind::Angle)),
        Self::Annotate(reading::Tool::Draw(Kind::Cobb)),
        Self::Annotate(reading::Tool::Draw(Kind::Bidirectional)),
        Self::Annotate(reading::Tool::Draw(Kind::Ellipse)),
        Self::Annotate(reading::Tool::Draw(Kind::Rectangle)),
        Self::Annotate(reading::Tool::Draw(Kind::Freehand)),
        Self::Annotate(reading::Tool::Draw(Kind::Arrow)),
        Self::Annotate(reading::Tool::Draw(Kind::Box)),
        Self::Annotate(reading::Tool::Draw(Kind::Ellipsoid)),
        Self::Annotate(reading::Tool::Draw(Kind::KeyImage)),
        Self::Annotate(reading::Tool::Brush),
        Self::Annotate(reading::Tool::Eraser),
        Self::Annotate(reading::Tool::Grow),
    ];

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

    /// Whether it changes how a viewport looks at its series.
    pub fn drives(self) -> bool {
        !matches!(self, Self::Magnifier | Self::Annotate(_))
    }

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
            Self::Annotate(tool) => match tool {
                reading::Tool::Select => "Select",
                reading::Tool::Draw(kind) => kind.name(),
                reading::Tool::Brush => "Brush",
                reading::Tool::Eraser => "Eraser",
                reading::Tool::Grow => "Grow segment",
            },
        }
    }

    pub fn hint(self) -> &'static str {
        match self {
            Self::Window => "Drag right for width, down for centre; a volume turns (W)",
            Self::Scroll => "Drag up and down through the slices (S)",
            Self::Pan => "Drag the picture",
            Self::Zoom => "Drag down to enlarge (Z)",
            Self::Rotate => "Turn the picture in its plane",
            Self::Magnifier => "Hold to enlarge what is under the pointer",
            Self::Crosshair => {
                "Click or drag where the other planes are to cross; turn them by their handles (B)"
            }
            Self::Curve => {
                "Click along a vessel or a jaw on a slice: another viewport rolls it out; Esc begins anew"
            }
            Self::Annotate(tool) => match tool {
                reading::Tool::Select => "Takes hold of what is drawn",
                reading::Tool::Draw(kind) => drawing_hint(kind),
                reading::Tool::Brush => "Paints the active segment (G)",
                reading::Tool::Eraser => "Takes voxels out of segments (Shift+G)",
                reading::Tool::Grow => "Marks what hangs together with the voxel that is pressed on",
            },
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
            // Only slices are drawn on.
            Self::Annotate(_) if content != Content::Slice => Some(Button::Left),
            Self::Scroll
            | Self::Rotate
            | Self::Magnifier
            | Self::Crosshair
            | Self::Curve
            | Self::Annotate(_) => None,
        }
    }
}

fn drawing_hint(kind: Kind) -> &'static str {
    match kind {
        Kind::Probe => "The value at a place (Q)",
        Kind::Length => "The distance of two places (N)",
        Kind::Angle => "The angle at the second of three places (A)",
        Kind::Cobb => "The angle between two lines",
        Kind::Bidirectional => "The longest extent and the one across it (Y)",
        Kind::Ellipse => "Mean, deviation, minimum, maximum and area (E)",
        Kind::Rectangle => "Mean, deviation, minimum, maximum and area (U)",
        Kind::Freehand => "A region by its outline: drag, or click and end with a double click (O)",
        Kind::Arrow => "An arrow with a text (T)",
        Kind::Box => "Volume and values of a box",
        Kind::Ellipsoid => "Volume and values of an ellipsoid",
        Kind::KeyImage => "Marks the image as a key image, or takes the mark away (K)",
        _ => "",
    }
}
