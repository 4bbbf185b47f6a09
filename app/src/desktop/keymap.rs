//! Which keys ask for which command, as the user has them.

use std::collections::BTreeMap;
use std::fmt;

use eframe::egui::{Key, Modifiers};

use super::command::{Command, SHORTCUTS};

/// A key with the modifiers that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chord {
    pub modifiers: Modifiers,
    pub key: Key,
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in
            [(self.modifiers.command, "Ctrl"), (self.modifiers.alt, "Alt"), (self.modifiers.shift, "Shift")]
        {
            if held {
                write!(f, "{name}+")?;
            }
        }
        f.write_str(self.key.name())
    }
}

impl Chord {
    /// As `to_string` writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut modifiers = Modifiers::NONE;
        let mut rest = text;
        for (name, modifier) in
            [("Ctrl+", Modifiers::COMMAND), ("Alt+", Modifiers::ALT), ("Shift+", Modifiers::SHIFT)]
        {
            if let Some(after) = rest.strip_prefix(name) {
                modifiers |= modifier;
                rest = after;
            }
        }
        Key::from_name(rest).map(|key| Self { modifiers, key })
    }

    /// As pressed: which of the two control keys it was does not matter.
    pub fn pressed(key: Key, modifiers: Modifiers) -> Self {
        let mut plain = Modifiers::NONE;
        for (held, modifier) in [
            (modifiers.command || modifiers.ctrl, Modifiers::COMMAND),
            (modifiers.alt, Modifiers::ALT),
            (modifiers.shift, Modifiers::SHIFT),
        ] {
            if held {
                plain |= modifier;
            }
        }
        Self { modifiers: plain, key }
    }

    /// Whether it writes a letter, digit or sign when typed.
    fn is_single(self) -> bool {
        let named = [
            Key::ArrowDown,
            Key::ArrowLeft,
            Key::ArrowRight,
            Key::ArrowUp,
            Key::Escape,
            Key::Tab,
            Key::Backspace,
            Key::Enter,
            Key::Space,
            Key::Insert,
            Key::Delete,
            Key::Home,
            Key::End,
            Key::PageUp,
            Key::PageDown,
        ];
        let function = self.key.name().strip_prefix('F').is_some_and(|rest| rest.parse::<u8>().is_ok());
        !self.modifiers.command && !self.modifiers.alt && !named.contains(&self.key) && !function
    }
}

/// One command and its keys.
#[derive(Clone, Debug)]
pub struct Bound {
    /// What the settings call the command.
    pub name: String,
    /// Where it stands in `SHORTCUTS`.
    pub shortcut: usize,
    pub chords: Vec<Chord>,
    pub defaults: Vec<Chord>,
    command: fn() -> Command,
}

/// All commands that have keys.
#[derive(Clone, Debug)]
pub struct Keymap {
    bound: Vec<Bound>,
    single_keys: bool,
}

impl Keymap {
    /// `changed` holds the keys of commands that have others than at first; what it names and does not
    /// exist is left out.
    pub fn new(changed: &BTreeMap<String, Vec<String>>, single_keys: bool) -> Self {
        let mut bound: Vec<Bound> = Vec::new();
        for (shortcut, row) in SHORTCUTS.iter().enumerate() {
            for (modifiers, key, command) in row.bindings {
                let name = format!("{:?}", command());
                let chord = Chord { modifiers: *modifiers, key: *key };
                match bound.iter_mut().find(|known| known.name == name) {
                    Some(known) => known.defaults.push(chord),
                    None => {
                        let (chords, defaults) = (Vec::new(), vec![chord]);
                        bound.push(Bound { name, shortcut, chords, defaults, command: *command });
                    }
                }
            }
        }
        for bound in &mut bound {
            bound.chords = match changed.get(&bound.name) {
                Some(texts) => texts.iter().filter_map(|text| Chord::parse(text)).collect(),
                None => bound.defaults.clone(),
            };
        }
        Self { bound, single_keys }
    }

    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    pub fn command_of(&self, key: Key, modifiers: Modifiers) -> Option<Command> {
        let chord = Chord::pressed(key, modifiers);
        if !self.single_keys && chord.is_single() {
            return None;
        }
        self.bound.iter().find(|bound| bound.chords.contains(&chord)).map(|bound| (bound.command)())
    }

    /// The other commands that one of these keys asks for.
    pub fn others_with<'a>(&'a self, bound: &'a Bound) -> impl Iterator<Item = &'a Bound> {
        let shared = |other: &&Bound| {
            other.name != bound.name && other.chords.iter().any(|chord| bound.chords.contains(chord))
        };
        self.bound.iter().filter(shared)
    }

    /// The keys of a row of the help sheet, where they are not those that it names.
    pub fn changed_keys(&self, shortcut: usize) -> Option<String> {
        let row: Vec<&Bound> = self.bound.iter().filter(|bound| bound.shortcut == shortcut).collect();
        if row.iter().all(|bound| bound.chords == bound.defaults) {
            return None;
        }
        let keys: Vec<String> = row.iter().flat_map(|bound| &bound.chords).map(Chord::to_string).collect();
        Some(if keys.is_empty() { "–".to_owned() } else { keys.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keymap(changed: &[(&str, &[&str])]) -> Keymap {
        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Keymap::new(&changed.iter().map(|(name, keys)| ((*name).to_owned(), owned(keys))).collect(), true)
    }

    #[test]
    fn chords_are_written_and_read_alike() {
        for bound in keymap(&[]).bound() {
            for chord in &bound.defaults {
                assert_eq!(Chord::parse(&chord.to_string()), Some(*chord), "{chord}");
            }
        }
        assert_eq!(Chord::parse("Hyper+Q"), None);
    }

    #[test]
    fn every_command_has_its_keys_at_first_and_others_when_asked() {
        let before = keymap(&[]);
        assert_eq!(before.command_of(Key::O, Modifiers::CTRL), Some(Command::ShowOpenDialog));
        assert_eq!(before.command_of(Key::Num2, Modifiers::NONE), Some(Command::WindowKey(2)));
        assert_eq!(before.command_of(Key::Num2, Modifiers::CTRL), None);
        assert_eq!(before.command_of(Key::Space, Modifiers::SHIFT), Some(Command::ResetAll));
        let after = keymap(&[("NextPreset", &["Ctrl+Y", "nonsense"]), ("NoSuchCommand", &["X"])]);
        assert_eq!(after.command_of(Key::Y, Modifiers::COMMAND), Some(Command::NextPreset));
        assert_eq!(after.command_of(Key::P, Modifiers::NONE), None);
        let row = after.bound().iter().find(|bound| bound.name == "NextPreset").unwrap().shortcut;
        assert_eq!(after.changed_keys(row).as_deref(), Some("Ctrl+Y"));
        assert_eq!(before.changed_keys(row), None);
    }

    #[test]
    fn a_key_with_two_commands_is_told() {
        let clash = keymap(&[("NextPreset", &["F"])]);
        let bound = clash.bound().iter().find(|bound| bound.name == "NextPreset").unwrap();
        let others: Vec<_> = clash.others_with(bound).map(|other| other.name.as_str()).collect();
        assert_eq!(others, ["ToggleMaximiseActive"]);
        let fresh = keymap(&[]);
        assert!(fresh.bound().iter().all(|bound| fresh.others_with(bound).next().is_none()));
    }

    #[test]
    fn single_keys_can_be_turned_off() {
        let keymap = Keymap::new(&BTreeMap::new(), false);
        assert_eq!(keymap.command_of(Key::P, Modifiers::NONE), None);
        assert_eq!(keymap.command_of(Key::Num1, Modifiers::NONE), None);
        assert_eq!(keymap.command_of(Key::Plus, Modifiers::SHIFT), None);
        assert_eq!(keymap.command_of(Key::O, Modifiers::COMMAND), Some(Command::ShowOpenDialog));
        assert_eq!(keymap.command_of(Key::Escape, Modifiers::NONE), Some(Command::Escape));
        assert_eq!(keymap.command_of(Key::F1, Modifiers::NONE), Some(Command::ToggleHelp));
    }
}
