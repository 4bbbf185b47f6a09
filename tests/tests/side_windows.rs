//! Viewports in windows of their own, with real mouse and keys on a wide (virtual) screen.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tests::binary::voxcast;
use tests::display::{Area, Display, Shot};

/// The main window is 1440 points wide; another one opens over the right half of the screen.
const SCREEN: [u32; 2] = [2400, 900];
/// Of the main window: where the axial viewport is at first, and the sagittal one when that has left.
const UPPER_LEFT: Area = [400, 130, 380, 230];
const LOWER_LEFT: Area = [400, 540, 380, 230];
/// Of the other window, well inside its picture.
const SIDE: Area = [1550, 200, 500, 400];
const AWAY: [u32; 2] = [700, 890];

const SOON: Duration = Duration::from_secs(120);

/// Ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; there is nothing left to stop then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(display: &Display, study: Option<&Path>) -> Program {
    let mut command = display.command(&voxcast());
    command.args(study);
    Program(command.spawn().expect("voxcast runs"))
}

fn middle([left, top, width, height]: Area) -> [u32; 2] {
    [left + width / 2, top + height / 2]
}

fn is_bright(shot: &Shot, area: Area) -> bool {
    shot.bright_part(area, 60) > 0.1
}

/// Left, top, width and height of the other window.
fn side_window(display: &Display) -> Option<String> {
    let id = display.xdotool(&["search", "--name", "^Voxcast, window 2$"])?;
    let geometry = display.xdotool(&["getwindowgeometry", "--shell", id.lines().next()?])?;
    Some(geometry.lines().filter(|line| !line.starts_with("WINDOW")).collect::<Vec<_>>().join(" "))
}

/// Waits until a file, or one in a folder, holds a text.
fn holds(path: &Path, text: &str) {
    let began = Instant::now();
    let holds = |file: &Path| std::fs::read_to_string(file).is_ok_and(|held| held.contains(text));
    loop {
        let mut inside = std::fs::read_dir(path).into_iter().flatten().flatten();
        if holds(path) || inside.any(|entry| holds(&entry.path())) {
            return;
        }
        assert!(began.elapsed() < SOON, "{} never holds {text}", path.display());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_viewport_in_a_window_of_its_own_is_read_as_in_the_main_one_and_is_there_again_after_a_crash() {
    let folder = std::env::temp_dir().join(format!("voxcast-side-window-{}", std::process::id()));
    // Left by a run that was killed and had the same number.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let Some(display) = Display::start(&folder, SCREEN) else {
        eprintln!("skipped: Xvfb or xdotool is not installed");
        return;
    };
    let study = folder.join("study");
    let made = display.command(&voxcast()).arg("phantom").arg(&study).stdout(Stdio::null()).status();
    assert!(made.expect("voxcast runs").success(), "the phantom is written");
    let program = start(&display, Some(&study));
    display.move_to(AWAY);
    let first = display.wait("the window shows the study", SOON * 2, |shot| {
        is_bright(shot, UPPER_LEFT) && is_bright(shot, LOWER_LEFT)
    });
    assert!(!is_bright(&first, SIDE), "nothing is beside the main window");

    display.keys("^Voxcast$", &["shift+f"]);
    let apart = display.wait("the axial viewport has a window of its own", SOON, |shot| {
        side_window(&display).is_some() && is_bright(shot, SIDE)
    });

    // The wheel pages there, and Shift+left moves the cuts in the main window.
    display.wheel_down(middle(SIDE), 6);
    let paged = display.wait("the wheel pages in it", SOON, |shot| shot.changed_part(&apart, SIDE) > 0.02);
    let [x, y] = middle(SIDE).map(|n| n - 60).map(|n| n.to_string());
    let cross = ["keydown", "shift", "mousemove", &x, &y, "click", "1", "keyup", "shift"];
    display.xdotool(&cross).expect("the mouse clicks");
    display.wait("the sagittal slice in the main window goes there", SOON, |shot| {
        shot.changed_part(&paged, LOWER_LEFT) > 0.02
    });

    // A tool by a key that is pressed there, and a length.
    display.keys("^Voxcast, window 2$", &["n"]);
    let [x, y] = middle(SIDE);
    display.drag(1, [x - 100, y], [x + 100, y + 30]);
    let data = folder.join("data/voxcast");
    holds(&data.join("drawn"), "length");

    let place = side_window(&display).expect("the window is there");
    holds(&data.join("session.json"), "\"windows\":[{");
    holds(&data.join("session.json"), "Draw(Length)");
    drop(program);
    let _program = start(&display, None);
    display.move_to(AWAY);
    display.wait("after a crash both windows are there again", SOON * 2, |shot| {
        side_window(&display).as_ref() == Some(&place) && is_bright(shot, SIDE) && is_bright(shot, LOWER_LEFT)
    });

    display.keys("^Voxcast, window 2$", &["shift+f"]);
    display.wait("the same key brings it back", SOON, |shot| {
        side_window(&display).is_none() && is_bright(shot, UPPER_LEFT) && !is_bright(shot, SIDE)
    });
    std::fs::remove_dir_all(&folder).expect("the test's folder goes");
}
