//! What this machine can do, and which mode follows from it.

use render_core::Renderer;
use render_core::render::Choice;
use server_mode::remote::adaptive::{Source, lacks_room};

/// How `voxcast` runs when nobody says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A window on this machine.
    Local,
    /// A server for browsers.
    Serve,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Serve => "serve",
        }
    }
}

/// A mode and the reasons for it, one line each.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub mode: Mode,
    pub reasons: Vec<String>,
}

/// Picks window or server: a window needs a display.
pub fn verdict(display: &Result<String, String>, renderer: &Renderer) -> Verdict {
    let (mode, reason) = match display {
        Ok(found) => (Mode::Local, format!("a window, because there is a display ({found})")),
        Err(why) => (Mode::Serve, format!("a server for browsers, because there is no display ({why})")),
    };
    let mut reasons = vec![reason];
    reasons.extend(renderer.reasons().iter().cloned());
    Verdict { mode, reasons }
}

/// The display a window could open on, or why there is none.
pub fn display() -> Result<String, String> {
    if !cfg!(all(unix, not(target_os = "macos"))) {
        return Ok("the desktop of this system".into());
    }
    let variables = ["WAYLAND_DISPLAY", "DISPLAY"];
    variables
        .iter()
        .find_map(|name| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
            Some(format!("{name}={}", value.to_string_lossy()))
        })
        .ok_or_else(|| "neither WAYLAND_DISPLAY nor DISPLAY is set".into())
}

/// Opens the renderer that the verdict speaks of.
pub fn open_renderer() -> anyhow::Result<Renderer> {
    Ok(Renderer::open(Choice::Auto)?)
}

/// A chest CT of 300 slices.
const TYPICAL_VOLUME_BYTES: u64 = 300 * 512 * 512 * 2;

/// Who would draw a study that a server has, as far as this machine is concerned, and why. Each study is then tried.
pub fn remote_studies(renderer: &Renderer) -> (Source, Vec<String>) {
    let available = memory_bytes().map(|(_, available)| available);
    match lacks_room(TYPICAL_VOLUME_BYTES, available) {
        Some(reason) => (Source::Remote, vec![reason.to_string()]),
        None => {
            let first = "This machine begins, where the server hands out voxels; it goes on while it makes 30 pictures a second.";
            (Source::Local, vec![first.to_owned(), format!("Here draws: {}.", renderer.name())])
        }
    }
}

/// (total, available) bytes of memory, where the system tells.
pub fn memory_bytes() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some((field("MemTotal:")?, field("MemAvailable:")?))
}
