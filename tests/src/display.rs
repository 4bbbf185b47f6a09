//! An X display of one's own, with a mouse and pictures of what it shows.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An Xvfb server on a free display number, gone when dropped. Its pictures come from the memory it
/// draws into (`-fbdir`), so no program is needed to take them.
#[derive(Debug)]
pub struct Display {
    server: Child,
    number: u32,
    folder: PathBuf,
    size: [u32; 2],
}

/// What a display shows: rows from the top, r, g, b.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shot {
    pub size: [u32; 2],
    pub pixels: Vec<[u8; 3]>,
}

/// A part of a picture: left, top, width, height.
pub type Area = [u32; 4];

impl Display {
    /// `None` where Xvfb or xdotool is not installed. `folder` is empty and the test's own.
    pub fn start(folder: &Path, size: [u32; 2]) -> Option<Self> {
        let installed = |program: &str| {
            Command::new(program).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        if !installed("Xvfb") || !installed("xdotool") {
            return None;
        }
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0"])
            .arg(format!("{}x{}x24", size[0], size[1]))
            .arg("-fbdir")
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        let mut line = String::new();
        let output = server.stdout.take().expect("Xvfb's output is piped");
        BufReader::new(output).read_line(&mut line).expect("Xvfb tells its display number");
        let number = line.trim().parse().expect("Xvfb tells its display number");
        Some(Self { server, number, folder: folder.to_owned(), size })
    }

    /// Runs a program on this display, and with a data folder of its own.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", format!(":{}", self.number))
            .env_remove("WAYLAND_DISPLAY")
            .env("XDG_RUNTIME_DIR", &self.folder)
            .env("XDG_CONFIG_HOME", self.folder.join("config"))
            .env("XDG_DATA_HOME", self.folder.join("data"));
        command
    }

    /// Runs xdotool; its output without white space around it, `None` if it fails.
    pub fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command(Path::new("xdotool")).args(arguments).output().expect("xdotool runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Puts the mouse somewhere.
    pub fn move_to(&self, at: [u32; 2]) {
        let [x, y] = at.map(|n| n.to_string());
        self.xdotool(&["mousemove", &x, &y]).expect("the mouse moves");
    }

    /// Presses keys one after another in the window of this name, which has the keyboard from then on.
    pub fn keys(&self, window: &str, keys: &[&str]) {
        let id = self.xdotool(&["search", "--onlyvisible", "--name", window]).expect("the window is there");
        let id = id.lines().next().expect("the window is there");
        self.xdotool(&["windowfocus", "--sync", id]).expect("the window takes the keyboard");
        let arguments: Vec<&str> = ["key", "--delay", "60"].into_iter().chain(keys.iter().copied()).collect();
        self.xdotool(&arguments).expect("keys are pressed");
    }

    /// Presses the left button and lets go.
    pub fn click(&self, at: [u32; 2]) {
        let [x, y] = at.map(|n| n.to_string());
        self.xdotool(&["mousemove", &x, &y, "click", "1"]).expect("the mouse clicks");
    }

    /// Presses a button, moves in steps as a hand does, and lets go.
    pub fn drag(&self, button: u32, from: [u32; 2], to: [u32; 2]) {
        const STEPS: i64 = 12;
        let button = button.to_string();
        self.move_to(from);
        self.xdotool(&["mousedown", &button]).expect("the button goes down");
        for step in 1..=STEPS {
            let between = |i: usize| {
                let (a, b) = (i64::from(from[i]), i64::from(to[i]));
                (a + (b - a) * step / STEPS) as u32
            };
            self.move_to([between(0), between(1)]);
        }
        self.xdotool(&["mouseup", &button]).expect("the button comes up");
    }

    /// Turns the wheel towards the user.
    pub fn wheel_down(&self, at: [u32; 2], notches: u32) {
        self.move_to(at);
        self.xdotool(&["click", "--repeat", &notches.to_string(), "5"]).expect("the wheel turns");
    }

    pub fn shot(&self) -> Shot {
        let bytes =
            std::fs::read(self.folder.join("Xvfb_screen0")).expect("Xvfb writes its screen to a file");
        decode_xwd(&bytes, self.size)
    }

    /// Takes pictures until `condition` holds for one that has stopped changing. Panics with
    /// `what` after `limit`, leaving the last picture in a file that it names.
    pub fn wait(&self, what: &str, limit: Duration, condition: impl FnMut(&Shot) -> bool) -> Shot {
        /// A window that draws nothing new for this long has drawn its exact pictures.
        const STILL: Duration = Duration::from_millis(800);
        self.wait_still(what, limit, STILL, condition)
    }

    /// The same for a picture that may go on changing, as one with a cursor that blinks does.
    pub fn wait_for(&self, what: &str, limit: Duration, condition: impl FnMut(&Shot) -> bool) -> Shot {
        self.wait_still(what, limit, Duration::ZERO, condition)
    }

    fn wait_still(
        &self,
        what: &str,
        limit: Duration,
        still: Duration,
        mut condition: impl FnMut(&Shot) -> bool,
    ) -> Shot {
        let end = Instant::now() + limit;
        let mut last = self.shot();
        let mut since = Instant::now();
        loop {
            if since.elapsed() >= still && condition(&last) {
                return last;
            }
            if Instant::now() >= end {
                let path = std::env::temp_dir().join("voxcast-window-failed.png");
                last.write_png(&path);
                panic!("{what}: not within {limit:?}; the screen is in {}", path.display());
            }
            std::thread::sleep(Duration::from_millis(60));
            let now = self.shot();
            if now != last {
                last = now;
                since = Instant::now();
            }
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended already; there is nothing left to stop then.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Shot {
    fn at(&self, x: u32, y: u32) -> [u8; 3] {
        self.pixels[(y * self.size[0] + x) as usize]
    }

    pub fn area(&self, [left, top, width, height]: Area) -> impl Iterator<Item = [u8; 3]> {
        (top..top + height).flat_map(move |y| (left..left + width).map(move |x| self.at(x, y)))
    }

    /// Its upper left part.
    pub fn cut(&self, size: [u32; 2]) -> Self {
        Self { size, pixels: self.area([0, 0, size[0], size[1]]).collect() }
    }

    /// Part of an area, 0 to 1, that is brighter than `level` in any channel.
    pub fn bright_part(&self, area: Area, level: u8) -> f64 {
        let bright = self.area(area).filter(|pixel| pixel.iter().any(|&c| c > level)).count();
        bright as f64 / f64::from(area[2] * area[3])
    }

    /// Part of an area, 0 to 1, that differs from another picture by more than a rounding step.
    pub fn changed_part(&self, other: &Self, area: Area) -> f64 {
        let differs = |(a, b): &([u8; 3], [u8; 3])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 2);
        let changed = self.area(area).zip(other.area(area)).filter(differs).count();
        changed as f64 / f64::from(area[2] * area[3])
    }

    pub fn write_png(&self, path: &Path) {
        let file = std::fs::File::create(path).expect("the picture's file can be written");
        let mut encoder = png::Encoder::new(file, self.size[0], self.size[1]);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().expect("a PNG header is written");
        writer.write_image_data(self.pixels.as_flattened()).expect("a PNG is written");
    }
}

/// The X Window Dump that Xvfb keeps: a header of big-endian words, a colour map, then the pixels
/// as they lie in its memory, 32 bits each (X11's XWDFile.h).
fn decode_xwd(bytes: &[u8], size: [u32; 2]) -> Shot {
    let word = |index: usize| {
        let bytes = bytes[index * 4..index * 4 + 4].try_into().expect("four bytes are a word");
        u32::from_be_bytes(bytes) as usize
    };
    let (header, width, height) = (word(0), word(4), word(5));
    let (bits_per_pixel, bytes_per_line, colors) = (word(11), word(12), word(19));
    assert_eq!([width, height], size.map(|n| n as usize), "Xvfb's screen has another size");
    assert_eq!(bits_per_pixel, 32, "Xvfb's pixels have another size");
    let first = header + colors * 12;
    let pixels = (0..height)
        .flat_map(|y| bytes[first + y * bytes_per_line..][..width * 4].chunks_exact(4))
        .map(|pixel| [pixel[2], pixel[1], pixel[0]])
        .collect();
    Shot { size, pixels }
}
