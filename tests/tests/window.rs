//! The desktop window, with a real mouse on a real (virtual) display.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tests::binary::voxcast;
use tests::display::{Area, Display, Shot};

const SIZE: [u32; 2] = [1440, 900];

/// Parts of the four viewports of a window of `SIZE`, well inside their borders and away from the
/// letters at their edges.
const AXIAL: Area = [400, 130, 380, 230];
const VOLUME: Area = [970, 130, 380, 230];
const CORONAL: Area = [400, 540, 380, 230];
const SAGITTAL: Area = [970, 540, 380, 230];
const SLICES: [Area; 3] = [AXIAL, CORONAL, SAGITTAL];

/// The lower right corners of the viewports, where an amber word tells that a picture is not final.
const QUALITY: [Area; 4] = [[795, 428, 80, 16], [1355, 428, 80, 16], [795, 841, 80, 16], [1355, 841, 80, 16]];

/// Where the mouse is out of every picture: the status line.
const AWAY: [u32; 2] = [700, 890];

/// The whole picture of a software renderer on a busy machine, several times over.
const SOON: Duration = Duration::from_secs(90);

/// One window at a time: each uses all the processors there are.
static TURN: Mutex<()> = Mutex::new(());

struct Window {
    display: Display,
    program: Child,
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Window {
    /// Opens the phantom. `None`, told on standard output, where there is no Xvfb.
    fn open(name: &str) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = std::env::temp_dir().join(format!("voxcast-window-{name}-{}", std::process::id()));
        // Left by a run that was killed and had the same number.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let Some(display) = Display::start(&folder, SIZE) else {
            eprintln!("skipped: Xvfb or xdotool is not installed");
            return None;
        };
        let study = folder.join("study");
        let made = display.command(&voxcast()).arg("phantom").arg(&study).stdout(Stdio::null()).status();
        assert!(made.expect("voxcast runs").success(), "the phantom is written");
        let program = display.command(&voxcast()).arg(&study).spawn().expect("voxcast runs");
        Some(Self { display, program, folder, _turn: turn })
    }

    /// Waits for pictures in all viewports.
    fn ready(&self) -> Shot {
        self.display.move_to(AWAY);
        self.display.wait("the window shows the study", SOON * 2, |shot| {
            let title = self.display.xdotool(&["search", "--name", "^Voxcast$"]);
            title.is_some()
                && is_final(shot)
                && [AXIAL, CORONAL, SAGITTAL, VOLUME].iter().all(|&area| shot.bright_part(area, 60) > 0.1)
        })
    }

    /// Waits until the picture in `area` differs from `before` and rests.
    fn changed(&self, what: &str, before: &Shot, area: Area) -> Shot {
        self.display.move_to(AWAY);
        self.display.wait(what, SOON, |shot| is_final(shot) && shot.changed_part(before, area) > 0.02)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // It may have ended already; there is nothing left to stop then.
        let _ = self.program.kill();
        let _ = self.program.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether every picture is the exact one.
fn is_final(shot: &Shot) -> bool {
    let amber = |p: [u8; 3]| p[0] > 150 && p[0].saturating_sub(p[2]) > 70;
    QUALITY.iter().all(|&area| shot.area(area).filter(|&pixel| amber(pixel)).count() < 12)
}

fn middle([left, top, width, height]: Area) -> [u32; 2] {
    [left + width / 2, top + height / 2]
}

#[test]
fn the_mouse_turns_pages_and_windows_the_viewport_it_is_in() {
    let Some(window) = Window::open("mouse") else { return };
    let start = window.ready();

    let [x, y] = middle(VOLUME);
    window.display.drag(1, [x - 60, y], [x + 60, y + 30]);
    let turned = window.changed("a drag turns the volume", &start, VOLUME);
    for area in SLICES {
        assert!(turned.changed_part(&start, area) < 0.001, "turning the volume changed a slice");
    }

    window.display.wheel_down(middle(AXIAL), 12);
    let paged = window.changed("the wheel pages the axial view", &turned, AXIAL);
    assert!(paged.changed_part(&turned, VOLUME) < 0.001, "paging changed the volume");
    // Only the reference line moves across the other slices.
    for area in [CORONAL, SAGITTAL] {
        assert!(paged.changed_part(&turned, area) < 0.02, "paging the axial view changed another slice");
    }

    window.display.drag(1, middle(CORONAL), [middle(CORONAL)[0] + 90, middle(CORONAL)[1] - 60]);
    let windowed = window.changed("a drag windows the slices", &paged, CORONAL);
    for area in SLICES {
        assert!(windowed.changed_part(&paged, area) > 0.02, "the slices do not share their window");
    }
    assert!(windowed.changed_part(&paged, VOLUME) < 0.001, "windowing the slices changed the volume");
}

#[test]
fn a_double_click_maximises_and_restores() {
    let Some(window) = Window::open("maximise") else { return };
    let start = window.ready();
    let [x, y] = middle(SAGITTAL).map(|n| n.to_string());
    let double_click = ["mousemove", &x, &y, "click", "--repeat", "2", "--delay", "60", "1"];
    window.display.xdotool(&double_click).expect("the mouse clicks");
    let large = window.changed("the sagittal view fills the window", &start, AXIAL);
    window.display.xdotool(&double_click).expect("the mouse clicks");
    let restored = window.changed("the viewports come back", &large, AXIAL);
    assert!(restored.changed_part(&start, VOLUME) < 0.001, "the volume looks different afterwards");
}

#[test]
fn a_path_without_images_is_told_in_the_window() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = std::env::temp_dir().join(format!("voxcast-window-empty-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("study")).expect("a folder for the test");
    std::fs::write(folder.join("study/notes.txt"), "not an image").expect("a file for the test");
    if let Some(display) = Display::start(&folder, SIZE) {
        let study = folder.join("study");
        let mut program = display.command(&voxcast()).arg(&study).spawn().expect("voxcast runs");
        // The strip of a message is the only dark red in the window.
        let told = |shot: &Shot| {
            let red = |p: &&[u8; 3]| p[0] > 55 && p[0] > p[1] + 20 && p[0] > p[2] + 20;
            shot.pixels.iter().filter(red).count() > 10_000
        };
        display.wait("the window tells that there are no images", SOON, told);
        assert!(program.try_wait().expect("voxcast can be asked").is_none(), "the window has closed");
        program.kill().expect("voxcast stops");
        program.wait().expect("voxcast stops");
    } else {
        eprintln!("skipped: Xvfb or xdotool is not installed");
    }
    remove(&folder);
}

fn remove(folder: &Path) {
    std::fs::remove_dir_all(folder).expect("the test's folder is removed");
}
