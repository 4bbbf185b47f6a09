//! The window for whom does not see it: through AT-SPI, with the keyboard alone.

use std::path::Path;
use std::process::{Command, Stdio};

use tests::binary::voxcast;
use tests::display::Display;

#[test]
fn a_study_is_read_without_mouse_and_every_control_has_a_name() {
    let probe = "import gi; gi.require_version('Atspi', '2.0'); from gi.repository import Atspi";
    let has_atspi = Command::new("/usr/bin/python3").args(["-c", probe]).stderr(Stdio::null()).status();
    let has_bus = Command::new("dbus-run-session").arg("--version").stdout(Stdio::null()).status();
    if !has_atspi.is_ok_and(|status| status.success()) || has_bus.is_err() {
        return eprintln!("skipped: AT-SPI for Python or dbus-run-session is not installed");
    }
    let folder = std::env::temp_dir().join(format!("voxcast-accessibility-{}", std::process::id()));
    // Left by a run that was killed and had the same number.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("out")).expect("a folder for the test");
    let Some(display) = Display::start(&folder, [1440, 900]) else {
        return eprintln!("skipped: Xvfb or xdotool is not installed");
    };
    let study = folder.join("study");
    let made = display.command(&voxcast()).arg("phantom").arg(&study).stdout(Stdio::null()).status();
    assert!(made.expect("voxcast runs").success(), "the phantom is written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/atspi_reader.py");
    let read = display
        .command(Path::new("dbus-run-session"))
        .args(["--", "/usr/bin/python3"])
        .arg(script)
        .arg(voxcast())
        .args([&study, &folder.join("out")])
        .output()
        .expect("dbus-run-session runs");
    let told = String::from_utf8_lossy(&read.stdout);
    let wrong = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{told}\n{wrong}");
    drop(display);
    std::fs::remove_dir_all(&folder).expect("the test's folder is removed");
}
