//! What a person can ask for, and the keys that ask for it.

use std::path::PathBuf;

use eframe::egui::{self, Key, Modifiers};
use reading::Kind as Drawn;
use render_core::Window;
use render_core::scene::Content;
use render_core::scene::view::Slab;

use super::desk::To;
use super::kind::Kind;
use super::layout::ViewportId;
use super::tool::Tool;

use super::annotate::Saving;
use super::export::Order;
use super::keymap::Keymap;
use super::look_panel::Look;
use super::settings::{Drawing, Settings};

/// Changes of state that menus, keys and panels share. Without a name, a command means the active
/// viewport.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    ShowOpenDialog,
    PickFolder,
    PickFiles,
    Open(Vec<PathBuf>),
    /// Shows a series in the place of the active one.
    LoadSeries(String),
    Quit,
    ShowConnectDialog,
    /// To the address that a server prints.
    Connect(String),
    Reconnect,
    Disconnect,
    /// What was said of a server that has no more to do with us was read.
    ForgetDismissal,
    ShowShareDialog,
    /// Opens what was open when the program ended last.
    ReopenSession,
    /// Shows a series in one viewport.
    LoadInto(ViewportId, String),
    /// To another series of the list, by this many places.
    StepSeries(isize),
    /// Stops loading, else closes what lies on top.
    Escape,
    CancelLoading,
    DismissMessage(usize),
    ClearRecent,
    SetWindow(Window),
    WindowKey(usize),
    SetPreset(String),
    NextPreset,
    SetVolumeContent(Content),
    ToggleMip,
    ToggleCinematic,
    Reset,
    ResetAll,
    Page(i64),
    /// Slices up or down; a volume view tilts instead.
    Arrow(i64),
    /// The zoom changes by this factor.
    Zoom(f64),
    Fit,
    /// A slice turns clockwise by this many degrees; a volume view goes around by a sixth of it.
    Turn(f64),
    StepViewport(isize),
    ToggleMaximiseActive,
    /// Moves a viewport into another window.
    MoveTo(ViewportId, To),
    /// Moves the active viewport into a window of its own, or back into the main one.
    ToggleOwnWindow,
    /// Three cuts and the volume of the active series.
    ResetLayout,
    SetGrid {
        rows: usize,
        columns: usize,
    },
    Split {
        id: ViewportId,
        below: bool,
    },
    ShowKind(ViewportId, Kind),
    SetSlab(ViewportId, Slab),
    /// To a thicker slab of the menu, or a thinner one.
    StepSlab(isize),
    /// Maximum, minimum or mean of the slab.
    NextCombine,
    SetTool(Tool),
    Invert,
    Flip {
        vertical: bool,
    },
    ToggleLinked,
    /// Whether slices of other patient spaces page along.
    ToggleSpaces,
    ToggleCine,
    /// Cuts away what of a volume is in front of its middle, as it is seen.
    AddClipPlane(ViewportId),
    /// The handles of crop box and clip planes over volumes.
    ToggleHandles,
    /// Slices, or times, a second.
    CineSpeed(f64),
    StepTime(i64),
    /// Lays a series over a viewport's own.
    Fuse(ViewportId, Option<String>),
    /// How much of what lies over the active viewport is seen, 0 to 1.
    Blend(f32),
    /// To another stage of the hanging protocol.
    StepStage(isize),
    /// Keeps the arrangement on screen as a hanging protocol of this name.
    KeepArrangement(String),
    /// A protocol by its name, its first stage.
    Hang(String),
    /// A study of the list, by its key.
    HangStudy(String),
    ToggleDemographics,
    /// Overlay planes and shutters of the images.
    ToggleOverlayPlanes,
    ToggleReferenceLines,
    ToggleSidePanel,
    ToggleLookPanel,
    /// Of the volume view.
    SetLook(Box<Look>),
    /// Keeps the volume view's look under this name.
    SavePreset(String),
    Undo,
    Redo,
    /// What is selected on the pictures.
    Delete,
    /// To the next annotation or handle of the slice.
    NextHandle,
    /// As a click where the keyboard's pointer is.
    Enter,
    /// A handle or the keyboard's pointer, by pixels; with its tool the crosshair.
    Nudge(i16, i16),
    /// With the crosshair's tool, the other cuts turn clockwise by this many degrees.
    TurnCuts(f64),
    ToggleKeyImage,
    /// The brush's radius changes by this factor.
    ScaleBrush(f64),
    ToggleMeasurements,
    ToggleAnnotations,
    /// Shows the slice that an annotation lies on.
    JumpTo(reading::Id),
    ShowSaveReading,
    SaveReading(Box<Saving>),
    /// Takes over what an object of the study holds.
    LoadObject(PathBuf),
    ToggleHelp,
    ToggleAbout,
    ToggleLog,
    ShowExport,
    Export(Box<Order>),
    /// Cancels it, or puts its result out of sight.
    EndExport,
    ShowSettings,
    ChangeSettings(Box<Settings>),
    /// Who draws the series of servers.
    ChooseDrawing(Drawing),
    /// Throws away what is kept of servers' voxels.
    ClearVoxels,
    /// Throws away what is known of files opened before.
    ClearIndex,
    /// Throws away what was drawn on studies that were not opened since the start.
    ForgetDrawn,
    ChooseReadingFolder,
    /// The window's own size, by so many per cent; 0 is as at first.
    ScaleInterface(i32),
}

impl Command {
    /// Whether it changes what viewports show, and how: not for who may only watch a host's.
    pub fn drives(&self) -> bool {
        use Command as C;
        matches!(
            self,
            C::LoadSeries(_)
                | C::LoadInto(..)
                | C::StepSeries(_)
                | C::SetWindow(_)
                | C::WindowKey(_)
                | C::SetPreset(_)
                | C::NextPreset
                | C::SetVolumeContent(_)
                | C::ToggleMip
                | C::ToggleCinematic
                | C::Reset
                | C::ResetAll
                | C::Page(_)
                | C::Arrow(_)
                | C::Zoom(_)
                | C::Fit
                | C::Turn(_)
                | C::TurnCuts(_)
                | C::ResetLayout
                | C::SetGrid { .. }
                | C::Split { .. }
                | C::ShowKind(..)
                | C::SetSlab(..)
                | C::StepSlab(_)
                | C::NextCombine
                | C::Invert
                | C::Flip { .. }
                | C::ToggleLinked
                | C::ToggleSpaces
                | C::ToggleCine
                | C::CineSpeed(_)
                | C::StepTime(_)
                | C::AddClipPlane(_)
                | C::Fuse(..)
                | C::Blend(_)
                | C::StepStage(_)
                | C::Hang(_)
                | C::HangStudy(_)
                | C::SetLook(_)
                | C::ToggleLookPanel
                | C::JumpTo(_)
        )
    }
}

/// A key and what it does; the help sheet is made of these.
#[derive(Debug)]
pub struct Shortcut {
    pub group: &'static str,
    pub keys: &'static str,
    pub text: &'static str,
    pub bindings: &'static [Binding],
}

type Binding = (Modifiers, Key, fn() -> Command);

const NONE: Modifiers = Modifiers::NONE;
const SHIFT: Modifiers = Modifiers::SHIFT;
const BOTH: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

/// In the order of the help sheet.
pub const SHORTCUTS: &[Shortcut] = &[
    Shortcut {
        group: "Study",
        keys: "Ctrl+O",
        text: "Open a study",
        bindings: &[(Modifiers::COMMAND, Key::O, || Command::ShowOpenDialog)],
    },
    Shortcut {
        group: "Study",
        keys: "Ctrl+K",
        text: "Connect to a colleague or a server",
        bindings: &[(Modifiers::COMMAND, Key::K, || Command::ShowConnectDialog)],
    },
    Shortcut {
        group: "Study",
        keys: "Ctrl+E",
        text: "Export a picture or movie",
        bindings: &[(Modifiers::COMMAND, Key::E, || Command::ShowExport)],
    },
    Shortcut {
        group: "Study",
        keys: "Ctrl+Shift+S",
        text: "Share this session",
        bindings: &[(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::S, || Command::ShowShareDialog)],
    },
    Shortcut {
        group: "Study",
        keys: "Ctrl+Q",
        text: "Quit",
        bindings: &[(Modifiers::COMMAND, Key::Q, || Command::Quit)],
    },
    Shortcut {
        group: "Study",
        keys: "PgUp, PgDn",
        text: "Previous, next series",
        bindings: &[
            (NONE, Key::PageUp, || Command::StepSeries(-1)),
            (NONE, Key::PageDown, || Command::StepSeries(1)),
        ],
    },
    Shortcut {
        group: "Study",
        keys: "Ctrl+B",
        text: "Show or hide the list of series",
        bindings: &[(Modifiers::COMMAND, Key::B, || Command::ToggleSidePanel)],
    },
    Shortcut {
        group: "Study",
        keys: "D",
        text: "Show or hide the patient's data",
        bindings: &[(NONE, Key::D, || Command::ToggleDemographics)],
    },
    Shortcut {
        group: "Study",
        keys: "Shift+O",
        text: "Show or hide overlay planes and shutters",
        bindings: &[(SHIFT, Key::O, || Command::ToggleOverlayPlanes)],
    },
    Shortcut {
        group: "Study",
        keys: ", .",
        text: "Previous, next stage of the hanging protocol",
        bindings: &[
            (NONE, Key::Comma, || Command::StepStage(-1)),
            (NONE, Key::Period, || Command::StepStage(1)),
        ],
    },
    Shortcut {
        group: "Picture",
        keys: "1 … 5",
        text: "Window presets",
        bindings: &[
            (NONE, Key::Num1, || Command::WindowKey(1)),
            (NONE, Key::Num2, || Command::WindowKey(2)),
            (NONE, Key::Num3, || Command::WindowKey(3)),
            (NONE, Key::Num4, || Command::WindowKey(4)),
            (NONE, Key::Num5, || Command::WindowKey(5)),
        ],
    },
    Shortcut {
        group: "Picture",
        keys: "P",
        text: "Next volume preset",
        bindings: &[(NONE, Key::P, || Command::NextPreset)],
    },
    Shortcut {
        group: "Picture",
        keys: "M",
        text: "Volume or maximum intensity",
        bindings: &[(NONE, Key::M, || Command::ToggleMip)],
    },
    Shortcut {
        group: "Picture",
        keys: "Shift+C",
        text: "Volume or cinematic",
        bindings: &[(Modifiers::SHIFT, Key::C, || Command::ToggleCinematic)],
    },
    Shortcut {
        group: "Picture",
        keys: "Shift+P",
        text: "Change the look of the volume",
        bindings: &[(Modifiers::SHIFT, Key::P, || Command::ToggleLookPanel)],
    },
    Shortcut {
        group: "Picture",
        keys: "X",
        text: "Show or hide reference lines",
        bindings: &[(NONE, Key::X, || Command::ToggleReferenceLines)],
    },
    Shortcut {
        group: "Picture",
        keys: "Space",
        text: "Reset the viewport",
        bindings: &[(NONE, Key::Space, || Command::Reset)],
    },
    Shortcut {
        group: "Picture",
        keys: "Shift+Space",
        text: "Reset all viewports",
        bindings: &[(Modifiers::SHIFT, Key::Space, || Command::ResetAll)],
    },
    Shortcut {
        group: "Picture",
        keys: "I",
        text: "Invert the greys",
        bindings: &[(NONE, Key::I, || Command::Invert)],
    },
    Shortcut {
        group: "Picture",
        keys: "H, V",
        text: "Flip left and right, top and bottom",
        bindings: &[
            (NONE, Key::H, || Command::Flip { vertical: false }),
            (NONE, Key::V, || Command::Flip { vertical: true }),
        ],
    },
    Shortcut {
        group: "Picture",
        keys: "Shift+K",
        text: "Handles of crop box and clip planes",
        bindings: &[(Modifiers::SHIFT, Key::K, || Command::ToggleHandles)],
    },
    Shortcut {
        group: "Picture",
        keys: "Ctrl+Up, Ctrl+Down, Shift+M",
        text: "Thicker, thinner slices; MIP, MinIP or mean",
        bindings: &[
            (Modifiers::COMMAND, Key::ArrowUp, || Command::StepSlab(1)),
            (Modifiers::COMMAND, Key::ArrowDown, || Command::StepSlab(-1)),
            (SHIFT, Key::M, || Command::NextCombine),
        ],
    },
    Shortcut {
        group: "Picture",
        keys: "C",
        text: "Play slices or times, stop",
        bindings: &[(NONE, Key::C, || Command::ToggleCine)],
    },
    Shortcut {
        group: "Picture",
        keys: "[, ] with Ctrl",
        text: "Previous, next time of a 4D series",
        bindings: &[
            (Modifiers::COMMAND, Key::OpenBracket, || Command::StepTime(-1)),
            (Modifiers::COMMAND, Key::CloseBracket, || Command::StepTime(1)),
        ],
    },
    Shortcut {
        group: "Tools",
        keys: "W, S, Z, B",
        text: "Window, scroll, zoom, crosshair",
        bindings: &[
            (NONE, Key::W, || Command::SetTool(Tool::Window)),
            (NONE, Key::S, || Command::SetTool(Tool::Scroll)),
            (NONE, Key::Z, || Command::SetTool(Tool::Zoom)),
            (NONE, Key::B, || Command::SetTool(Tool::Crosshair)),
        ],
    },
    Shortcut {
        group: "Tools",
        keys: "N, A, Y",
        text: "Length, angle, bidirectional",
        bindings: &[
            (NONE, Key::N, || draw(Drawn::Length)),
            (NONE, Key::A, || draw(Drawn::Angle)),
            (NONE, Key::Y, || draw(Drawn::Bidirectional)),
        ],
    },
    Shortcut {
        group: "Tools",
        keys: "E, U, O",
        text: "Ellipse, rectangle, freehand region",
        bindings: &[
            (NONE, Key::E, || draw(Drawn::Ellipse)),
            (NONE, Key::U, || draw(Drawn::Rectangle)),
            (NONE, Key::O, || draw(Drawn::Freehand)),
        ],
    },
    Shortcut {
        group: "Tools",
        keys: "Q, T, K",
        text: "Probe, arrow with text, key image",
        bindings: &[
            (NONE, Key::Q, || draw(Drawn::Probe)),
            (NONE, Key::T, || draw(Drawn::Arrow)),
            (NONE, Key::K, || Command::ToggleKeyImage),
        ],
    },
    Shortcut {
        group: "Tools",
        keys: "G, Shift+G, [, ]",
        text: "Brush, eraser, smaller, larger",
        bindings: &[
            (NONE, Key::G, || Command::SetTool(Tool::Annotate(reading::Tool::Brush))),
            (SHIFT, Key::G, || Command::SetTool(Tool::Annotate(reading::Tool::Eraser))),
            (NONE, Key::OpenBracket, || Command::ScaleBrush(1.0 / 1.25)),
            (NONE, Key::CloseBracket, || Command::ScaleBrush(1.25)),
        ],
    },
    Shortcut {
        group: "Tools",
        keys: "J, Enter, Shift+arrows",
        text: "Next handle, click by keyboard, move it",
        bindings: &[
            (NONE, Key::J, || Command::NextHandle),
            (NONE, Key::Enter, || Command::Enter),
            (SHIFT, Key::ArrowUp, || Command::Nudge(0, -10)),
            (SHIFT, Key::ArrowDown, || Command::Nudge(0, 10)),
            (SHIFT, Key::ArrowLeft, || Command::Nudge(-10, 0)),
            (SHIFT, Key::ArrowRight, || Command::Nudge(10, 0)),
        ],
    },
    Shortcut {
        group: "Tools",
        keys: "Shift+arrows, Alt+Left, Alt+Right with B",
        text: "Move the crosshair, turn its lines",
        bindings: &[
            (Modifiers::ALT, Key::ArrowLeft, || Command::TurnCuts(-5.0)),
            (Modifiers::ALT, Key::ArrowRight, || Command::TurnCuts(5.0)),
        ],
    },
    Shortcut {
        group: "Tools",
        keys: "Backspace, Ctrl+Z, Ctrl+Y",
        text: "Delete, undo, redo",
        bindings: &[
            (NONE, Key::Backspace, || Command::Delete),
            (NONE, Key::Delete, || Command::Delete),
            (Modifiers::COMMAND, Key::Z, || Command::Undo),
            (Modifiers::COMMAND, Key::Y, || Command::Redo),
            (BOTH, Key::Z, || Command::Redo),
        ],
    },
    Shortcut {
        group: "Tools",
        keys: "Ctrl+M, Shift+A",
        text: "Measurements, annotations on the pictures",
        bindings: &[
            (Modifiers::COMMAND, Key::M, || Command::ToggleMeasurements),
            (SHIFT, Key::A, || Command::ToggleAnnotations),
        ],
    },
    Shortcut {
        group: "Move",
        keys: "Up, Down",
        text: "Previous, next slice; tilt the volume",
        bindings: &[
            (NONE, Key::ArrowUp, || Command::Arrow(-1)),
            (NONE, Key::ArrowDown, || Command::Arrow(1)),
        ],
    },
    Shortcut {
        group: "Move",
        keys: "Home, End",
        text: "First, last slice",
        bindings: &[(NONE, Key::Home, || Command::Page(-FAR)), (NONE, Key::End, || Command::Page(FAR))],
    },
    Shortcut {
        group: "Move",
        keys: "R, L",
        text: "Turn right, left",
        bindings: &[(NONE, Key::R, || Command::Turn(90.0)), (NONE, Key::L, || Command::Turn(-90.0))],
    },
    Shortcut {
        group: "Move",
        keys: "+, −, =",
        text: "Zoom in, out, fit",
        bindings: &[
            (NONE, Key::Plus, || Command::Zoom(1.2)),
            (Modifiers::SHIFT, Key::Plus, || Command::Zoom(1.2)),
            (NONE, Key::Minus, || Command::Zoom(1.0 / 1.2)),
            (NONE, Key::Equals, || Command::Fit),
        ],
    },
    Shortcut {
        group: "Window",
        keys: "Left, Right",
        text: "Previous, next viewport",
        bindings: &[
            (NONE, Key::ArrowLeft, || Command::StepViewport(-1)),
            (NONE, Key::ArrowRight, || Command::StepViewport(1)),
        ],
    },
    Shortcut {
        group: "Window",
        keys: "F",
        text: "Maximise or restore the viewport",
        bindings: &[(NONE, Key::F, || Command::ToggleMaximiseActive)],
    },
    Shortcut {
        group: "Window",
        keys: "Shift+F",
        text: "Viewport into a window of its own, and back",
        bindings: &[(SHIFT, Key::F, || Command::ToggleOwnWindow)],
    },
    Shortcut {
        group: "Window",
        keys: "Ctrl+Shift +, −, 0",
        text: "Larger, smaller, usual letters",
        bindings: &[
            (BOTH, Key::Plus, || Command::ScaleInterface(10)),
            (BOTH, Key::Equals, || Command::ScaleInterface(10)),
            (BOTH, Key::Minus, || Command::ScaleInterface(-10)),
            (BOTH, Key::Num0, || Command::ScaleInterface(0)),
        ],
    },
    Shortcut {
        group: "Window",
        keys: "Ctrl+,",
        text: "Settings",
        bindings: &[(Modifiers::COMMAND, Key::Comma, || Command::ShowSettings)],
    },
    Shortcut {
        group: "Window",
        keys: "Esc",
        text: "Cancel, close, restore",
        bindings: &[(NONE, Key::Escape, || Command::Escape)],
    },
    Shortcut {
        group: "Window",
        keys: "?",
        text: "This sheet",
        bindings: &[
            (NONE, Key::Questionmark, || Command::ToggleHelp),
            (Modifiers::SHIFT, Key::Questionmark, || Command::ToggleHelp),
            (NONE, Key::F1, || Command::ToggleHelp),
        ],
    },
];

const fn draw(kind: Drawn) -> Command {
    Command::SetTool(Tool::Annotate(reading::Tool::Draw(kind)))
}

/// More slices than a volume can have; paging stops at its ends.
const FAR: i64 = 1 << 20;

/// Who gets the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFocus {
    /// A viewport, or nothing in particular.
    Viewports,
    /// A button, list or slider, which uses the arrows and the space bar itself.
    Widget,
    /// A text field or a menu: every key is its own.
    Typing,
}

/// Commands of the keys pressed since the last repaint: those before the mouse's first click in that
/// time, and those after it.
pub fn pressed(ctx: &egui::Context, focus: KeyFocus, keymap: &Keymap) -> (Vec<Command>, Vec<Command>) {
    if focus == KeyFocus::Typing {
        return (Vec::new(), Vec::new());
    }
    let own = |key: Key| {
        let moves = [
            Key::ArrowUp,
            Key::ArrowDown,
            Key::ArrowLeft,
            Key::ArrowRight,
            Key::Space,
            Key::Home,
            Key::End,
            Key::Enter,
        ];
        focus == KeyFocus::Widget && moves.contains(&key)
    };
    ctx.input(|input| {
        let command = |event: &egui::Event| match event {
            egui::Event::Key { key, pressed: true, modifiers, .. } if !own(*key) => {
                keymap.command_of(*key, *modifiers)
            }
            _ => None,
        };
        let click = |event: &egui::Event| matches!(event, egui::Event::PointerButton { .. });
        let first = input.events.iter().position(click).unwrap_or(input.events.len());
        let (before, after) = input.events.split_at(first);
        (before.iter().filter_map(command).collect(), after.iter().filter_map(command).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        let mut seen = Vec::new();
        for (modifiers, key, _) in SHORTCUTS.iter().flat_map(|shortcut| shortcut.bindings) {
            assert!(!seen.contains(&(modifiers, key)), "{modifiers:?} {key:?} is bound twice");
            seen.push((modifiers, key));
        }
    }
}
