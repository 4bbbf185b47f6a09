//! What the mouse's buttons and wheel do, as the user has them.

use eframe::egui::Modifiers;
use render_core::scene::Button;
use serde::{Deserialize, Serialize};

use super::tool::Tool;

/// What a drag with a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Press {
    /// That of the palette. One of the gestures always has it.
    ActiveTool,
    Window,
    Scroll,
    Pan,
    Zoom,
    Rotate,
    Magnifier,
    Crosshair,
    Nothing,
}

/// What the wheel does on slices; a volume is zoomed where slices would be paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Turn {
    Slices,
    TenSlices,
    Zoom,
    /// Of a 4D series.
    Times,
    WindowWidth,
    WindowCentre,
    Nothing,
}

/// A button, with Shift or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    Left,
    ShiftLeft,
    Middle,
    Right,
}

/// The wheel, with a key held or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wheel {
    Plain,
    Ctrl,
    Shift,
}

/// One action for each gesture, so that none has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mouse {
    left: Press,
    shift_left: Press,
    middle: Press,
    right: Press,
    wheel: Turn,
    ctrl_wheel: Turn,
    shift_wheel: Turn,
}

impl Default for Mouse {
    fn default() -> Self {
        Self {
            left: Press::ActiveTool,
            shift_left: Press::Crosshair,
            middle: Press::Pan,
            right: Press::Zoom,
            wheel: Turn::Slices,
            ctrl_wheel: Turn::Zoom,
            shift_wheel: Turn::TenSlices,
        }
    }
}

impl Press {
    pub const ALL: [Self; 9] = [
        Self::ActiveTool,
        Self::Window,
        Self::Scroll,
        Self::Pan,
        Self::Zoom,
        Self::Rotate,
        Self::Magnifier,
        Self::Crosshair,
        Self::Nothing,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::ActiveTool => "The active tool",
            Self::Window => "Window: right-left width, up-down level",
            Self::Scroll => "Scroll",
            Self::Pan => "Pan",
            Self::Zoom => "Zoom",
            Self::Rotate => "Turn in the plane",
            Self::Magnifier => "Magnifier",
            Self::Crosshair => "Move the crosshair and the other slices here",
            Self::Nothing => "Nothing",
        }
    }

    /// What it does to a volume.
    fn name_on_volumes(self) -> &'static str {
        match self {
            Self::Window | Self::Scroll | Self::Crosshair => "Rotate",
            other => other.name(),
        }
    }

    /// The tool that it is while this one is active.
    pub fn tool(self, active: Tool) -> Option<Tool> {
        Some(match self {
            Self::ActiveTool => active,
            Self::Window => Tool::Window,
            Self::Scroll => Tool::Scroll,
            Self::Pan => Tool::Pan,
            Self::Zoom => Tool::Zoom,
            Self::Rotate => Tool::Rotate,
            Self::Magnifier => Tool::Magnifier,
            Self::Crosshair => Tool::Crosshair,
            Self::Nothing => return None,
        })
    }
}

impl Turn {
    pub const ALL: [Self; 7] = [
        Self::Slices,
        Self::TenSlices,
        Self::Zoom,
        Self::Times,
        Self::WindowWidth,
        Self::WindowCentre,
        Self::Nothing,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Slices => "Slices",
            Self::TenSlices => "Ten slices",
            Self::Zoom => "Zoom",
            Self::Times => "Times of a 4D series",
            Self::WindowWidth => "Width of the window",
            Self::WindowCentre => "Centre of the window",
            Self::Nothing => "Nothing",
        }
    }

    fn name_on_volumes(self) -> &'static str {
        match self {
            Self::Slices | Self::TenSlices => "Zoom",
            other => other.name(),
        }
    }
}

impl Gesture {
    pub const ALL: [Self; 4] = [Self::Left, Self::ShiftLeft, Self::Middle, Self::Right];

    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "Left drag",
            Self::ShiftLeft => "Shift+left drag",
            Self::Middle => "Middle drag",
            Self::Right => "Right drag",
        }
    }
}

impl Wheel {
    pub const ALL: [Self; 3] = [Self::Plain, Self::Ctrl, Self::Shift];

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "Wheel",
            Self::Ctrl => "Ctrl+wheel",
            Self::Shift => "Shift+wheel",
        }
    }
}

impl Mouse {
    pub fn press(&self, gesture: Gesture) -> Press {
        match gesture {
            Gesture::Left => self.left,
            Gesture::ShiftLeft => self.shift_left,
            Gesture::Middle => self.middle,
            Gesture::Right => self.right,
        }
    }

    fn press_mut(&mut self, gesture: Gesture) -> &mut Press {
        match gesture {
            Gesture::Left => &mut self.left,
            Gesture::ShiftLeft => &mut self.shift_left,
            Gesture::Middle => &mut self.middle,
            Gesture::Right => &mut self.right,
        }
    }

    pub fn turn(&self, wheel: Wheel) -> Turn {
        match wheel {
            Wheel::Plain => self.wheel,
            Wheel::Ctrl => self.ctrl_wheel,
            Wheel::Shift => self.shift_wheel,
        }
    }

    fn turn_mut(&mut self, wheel: Wheel) -> &mut Turn {
        match wheel {
            Wheel::Plain => &mut self.wheel,
            Wheel::Ctrl => &mut self.ctrl_wheel,
            Wheel::Shift => &mut self.shift_wheel,
        }
    }

    /// What a button does that goes down while these keys are held.
    pub fn pressed(&self, button: Button, modifiers: Modifiers) -> Press {
        self.press(match button {
            Button::Left if modifiers.shift => Gesture::ShiftLeft,
            Button::Left => Gesture::Left,
            Button::Middle => Gesture::Middle,
            Button::Right => Gesture::Right,
        })
    }

    /// What the wheel does while these keys are held.
    pub fn turned(&self, modifiers: Modifiers) -> Turn {
        self.turn(match () {
            () if modifiers.ctrl || modifiers.command => Wheel::Ctrl,
            () if modifiers.shift => Wheel::Shift,
            () => Wheel::Plain,
        })
    }

    /// Whether a gesture may have an action: the active tool can only be exchanged for what another one has.
    pub fn may(&self, gesture: Gesture, press: Press) -> bool {
        let others = Gesture::ALL.into_iter().filter(|other| *other != gesture);
        self.press(gesture) != Press::ActiveTool
            || press == Press::ActiveTool
            || press != Press::Nothing && others.clone().any(|other| self.press(other) == press)
    }

    /// Gives a gesture an action; the one that has it gets what this one had.
    pub fn set_press(&mut self, gesture: Gesture, press: Press) {
        if !self.may(gesture, press) {
            return;
        }
        let before = std::mem::replace(self.press_mut(gesture), press);
        let had = Gesture::ALL.into_iter().find(|other| *other != gesture && self.press(*other) == press);
        if let Some(had) = had.filter(|_| press != Press::Nothing) {
            *self.press_mut(had) = before;
        }
    }

    /// The same for the wheel.
    pub fn set_turn(&mut self, wheel: Wheel, turn: Turn) {
        let before = std::mem::replace(self.turn_mut(wheel), turn);
        let had = Wheel::ALL.into_iter().find(|other| *other != wheel && self.turn(*other) == turn);
        if let Some(had) = had.filter(|_| turn != Turn::Nothing) {
            *self.turn_mut(had) = before;
        }
    }

    /// As it was read, if tools can be used with it.
    pub fn usable(self) -> Self {
        let has_tool = Gesture::ALL.iter().any(|gesture| self.press(*gesture) == Press::ActiveTool);
        if has_tool { self } else { Self::default() }
    }

    /// The rows of the help sheet: gesture, on slices, on the volume.
    pub fn sheet(&self) -> Vec<[&'static str; 3]> {
        let presses = Gesture::ALL.map(|gesture| {
            let press = self.press(gesture);
            [gesture.name(), press.name(), press.name_on_volumes()]
        });
        let turns = Wheel::ALL.map(|wheel| {
            let turn = self.turn(wheel);
            [wheel.name(), turn.name(), turn.name_on_volumes()]
        });
        let double = ["Double click", "Maximise or restore", "Maximise or restore"];
        presses.into_iter().chain(turns).chain([double]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_everywhere_at_first() {
        let mouse = Mouse::default();
        let none = Modifiers::NONE;
        assert_eq!(mouse.pressed(Button::Left, none), Press::ActiveTool);
        assert_eq!(mouse.pressed(Button::Middle, none), Press::Pan);
        assert_eq!(mouse.pressed(Button::Right, Modifiers::SHIFT), Press::Zoom);
        assert_eq!(mouse.pressed(Button::Left, Modifiers::SHIFT), Press::Crosshair);
        assert_eq!(mouse.turned(none), Turn::Slices);
        assert_eq!(mouse.turned(Modifiers::CTRL), Turn::Zoom);
        assert_eq!(mouse.turned(Modifiers::SHIFT), Turn::TenSlices);
    }

    #[test]
    fn what_another_gesture_has_is_exchanged_and_the_active_tool_is_never_lost() {
        let mut mouse = Mouse::default();
        mouse.set_press(Gesture::Left, Press::Pan);
        assert_eq!((mouse.left, mouse.middle), (Press::Pan, Press::ActiveTool));
        mouse.set_press(Gesture::Middle, Press::Nothing);
        mouse.set_press(Gesture::Middle, Press::Rotate);
        assert_eq!(mouse.middle, Press::ActiveTool, "nobody else has these to give");
        mouse.set_press(Gesture::Right, Press::Rotate);
        assert_eq!((mouse.left, mouse.middle, mouse.right), (Press::Pan, Press::ActiveTool, Press::Rotate));
        mouse.set_press(Gesture::ShiftLeft, Press::Nothing);
        mouse.set_press(Gesture::Right, Press::Nothing);
        assert_eq!((mouse.shift_left, mouse.right), (Press::Nothing, Press::Nothing));
        mouse.set_turn(Wheel::Plain, Turn::Zoom);
        assert_eq!((mouse.wheel, mouse.ctrl_wheel), (Turn::Zoom, Turn::Slices));
    }

    #[test]
    fn a_file_in_which_no_button_has_the_tools_is_as_at_first() {
        let read = |text: &str| serde_json::from_str::<Mouse>(text).expect("a mouse").usable();
        assert_eq!(read(r#"{"left": "pan", "middle": "zoom"}"#), Mouse::default());
        let changed = read(r#"{"right": "window", "wheel": "zoom"}"#);
        assert_eq!(
            (changed.left, changed.right, changed.wheel),
            (Press::ActiveTool, Press::Window, Turn::Zoom)
        );
        assert!(serde_json::from_str::<Mouse>(r#"{"left": "launch"}"#).is_err());
    }
}
