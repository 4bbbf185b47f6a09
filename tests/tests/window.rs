//! The desktop window, with a real mouse on a real (virtual) display.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glam::DVec3;
use render_core::dicom::object::{Content, Report};
use render_core::scene::Plane;
use render_core::scene::view::Orientation;
use render_core::{Progress, Volume, dicom};
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

    fn keys(&self, keys: &[&str]) {
        self.display.keys("^Voxcast$", keys);
    }

    /// Waits until a folder has a file whose name ends so.
    fn written(&self, folder: &Path, ending: &str) -> PathBuf {
        let began = Instant::now();
        loop {
            let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            let ends = |path: &PathBuf| path.to_string_lossy().ends_with(ending);
            if let Some(path) = files.into_iter().find(ends) {
                return path;
            }
            assert!(began.elapsed() < SOON, "{} has no file {ending}", folder.display());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Quits, and opens another one on the same study.
    fn reopen(&mut self) {
        self.keys(&["ctrl+q"]);
        let ended = self.program.wait().expect("voxcast ends");
        assert!(ended.success(), "{ended}");
        let study = self.folder.join("study");
        self.program = self.display.command(&voxcast()).arg(&study).spawn().expect("voxcast runs");
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

/// Whether the picture of one viewport is the exact one.
fn is_final_at(shot: &Shot, [left, top, width, height]: Area) -> bool {
    let amber = |p: [u8; 3]| p[0] > 150 && p[0].saturating_sub(p[2]) > 70;
    let corner = [left + width - 85, top + height - 24, 80, 18];
    shot.area(corner).filter(|&pixel| amber(pixel)).count() < 12
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

/// `Save…` of the measurements, and `Save` in the dialog that it opens.
const SAVE_DIALOG: [u32; 2] = [1150, 95];
const SAVE: [u32; 2] = [956, 640];

/// Where the active viewport's picture is: the line around it is the only thing of its colour.
fn picture(shot: &Shot) -> Area {
    const ACCENT: [u8; 3] = [92, 176, 232];
    /// The header above the picture.
    const HEADER: u32 = 24;
    let width = shot.size[0] as usize;
    let places = shot.pixels.iter().enumerate().filter(|(_, pixel)| **pixel == ACCENT);
    let places: Vec<[u32; 2]> = places.map(|(i, _)| [(i % width) as u32, (i / width) as u32]).collect();
    let [left, top] =
        [0, 1].map(|i| places.iter().map(|at| at[i]).min().expect("a line around the viewport"));
    let [right, bottom] =
        [0, 1].map(|i| places.iter().map(|at| at[i]).max().expect("a line around the viewport"));
    [left, top + HEADER, right + 1 - left, bottom + 1 - top - HEADER]
}

/// A rectangle of liver on the coronal slice: x and z of two corners, in patient mm.
const LIVER_MM: [[f64; 2]; 2] = [[-105.0, -150.0], [-60.0, -190.0]];

/// The mean of the voxels of a coronal slice whose centres lie in a rectangle.
fn mean_of_voxels(volume: &Volume, y_mm: f64, [a, b]: [[f64; 2]; 2]) -> f64 {
    let geometry = volume.geometry();
    let [columns, rows, slices] = geometry.dims();
    let place = |i, j, k| {
        geometry.patient_from_voxel().transform_point3(DVec3::new(f64::from(i), f64::from(j), f64::from(k)))
    };
    let row = (0..rows).min_by(|&a, &b| {
        let off = |j| (place(0, j, 0).y - y_mm).abs();
        off(a).total_cmp(&off(b))
    });
    let row = row.expect("the volume has rows");
    let within = |value: f64, a: f64, b: f64| (a.min(b)..=a.max(b)).contains(&value);
    let voxels = (0..slices).flat_map(|k| (0..columns).map(move |i| [i, row, k]));
    let inside = voxels.filter(|&[i, j, k]| {
        let at = place(i, j, k);
        within(at.x, a[0], b[0]) && within(at.z, a[1], b[1])
    });
    let values: Vec<f64> = inside.filter_map(|voxel| volume.value_at(voxel)).map(f64::from).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// The numbers of a kind of measurement in a report.
fn numbers(report: &Report, concept: &str) -> Vec<f64> {
    let groups = report.measurement_groups();
    let all = groups.iter().flat_map(|group| &group.measurements);
    all.filter(|found| found.name.meaning == concept).map(|found| found.value).collect()
}

#[test]
fn a_whole_read_with_mouse_and_keys_measures_what_the_phantom_is_and_finds_it_again() {
    let Some(mut window) = Window::open("read") else { return };
    let start = window.ready();
    let study = window.folder.join("study");
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(study.join("truth.json")).expect("the truth")).expect("JSON");
    let library = dicom::scan(std::slice::from_ref(&study), &Progress::default()).expect("a study");
    let series = &library.studies[0].series[0];
    let volume = dicom::load(series, &Progress::default()).expect("voxels").volume;

    // The bone window by its key, a few slices by the wheel, thick by its menu's neighbour: a preset of the volume.
    window.keys(&["3"]);
    let bone = window.changed("a key windows the slices", &start, CORONAL);
    window.display.wheel_down(middle(AXIAL), 5);
    let paged = window.changed("the wheel pages", &bone, AXIAL);
    window.display.click(middle(VOLUME));
    window.keys(&["p"]);
    window.changed("a key changes the volume's preset", &paged, VOLUME);

    // The length between two vertebrae on the sagittal slice, large enough for a tenth of a millimetre.
    window.display.click(middle(SAGITTAL));
    window.keys(&["f", "1"]);
    const LARGER: usize = 8;
    window.keys(&["plus"; LARGER]);
    let large = window.display.wait("the sagittal slice is large", SOON, |shot| {
        is_final_at(shot, picture(shot)) && picture(shot)[2] > 900
    });
    let [left, top, width, height] = picture(&large);
    let mut plane = Plane::standard(Orientation::Sagittal, &volume);
    plane.zoom_by(1.2f64.powi(LARGER as i32));
    let landmark = |name: &str| -> DVec3 {
        let found =
            truth["landmarks"].as_array().expect("landmarks").iter().find(|mark| mark["name"] == name);
        let place = found.expect("a landmark of this name")["position_mm"].as_array().expect("a place");
        DVec3::from_array(std::array::from_fn(|axis| place[axis].as_f64().expect("a number")))
    };
    let (upper, lower) = (landmark("vertebra T7"), landmark("vertebra T8"));
    let on_screen = |place: DVec3| {
        let ([x, y], _) = plane.pixel_from_patient(place, [width, height]);
        [left + x.round() as u32, top + y.round() as u32]
    };
    window.keys(&["n"]);
    window.display.drag(1, on_screen(upper), on_screen(lower));

    // A region in the liver, on the coronal slice. The sagittal one is small again, so that what was drawn
    // lies in its middle.
    window.keys(&["space", "f"]);
    window.ready();
    window.display.click(middle(CORONAL));
    window.keys(&["f", "u"]);
    let large = window.display.wait("the coronal slice is large", SOON, |shot| {
        is_final_at(shot, picture(shot)) && picture(shot)[2] > 900
    });
    let [left, top, width, height] = picture(&large);
    let plane = Plane::standard(Orientation::Coronal, &volume);
    let on_screen = |x_mm: f64, z_mm: f64| {
        let ([x, y], _) = plane.pixel_from_patient(DVec3::new(x_mm, 0.0, z_mm), [width, height]);
        [left + x.round() as u32, top + y.round() as u32]
    };
    let [[left_mm, upper_mm], [right_mm, lower_mm]] = LIVER_MM;
    window.display.drag(1, on_screen(left_mm, upper_mm), on_screen(right_mm, lower_mm));

    // Saved as a report.
    window.keys(&["ctrl+m"]);
    window.display.wait("the measurements are listed", SOON, |shot| {
        shot.area([SAVE_DIALOG[0] - 20, SAVE_DIALOG[1] - 10, 40, 20]).filter(|&p| p == [40, 44, 50]).count()
            > 200
    });
    window.display.click(SAVE_DIALOG);
    let accent_fill = |p: [u8; 3]| p == [28, 74, 107];
    window.display.wait("the dialog is there", SOON, |shot| {
        shot.area([SAVE[0] - 15, SAVE[1] - 8, 30, 16]).filter(|&p| accent_fill(p)).count() > 200
    });
    window.display.click(SAVE);
    let report = window.written(&window.folder.join("data/voxcast/readings"), "measurements.dcm");
    let library = dicom::scan(&[report], &Progress::default()).expect("a report");
    let Content::Report(report) = library.studies[0].objects[0].open().expect("a report") else {
        panic!("the file is no report");
    };
    let lengths = numbers(&report, "Length");
    assert_eq!(lengths.len(), 1, "{lengths:?}");
    let length_mm = upper.distance(lower);
    assert!((lengths[0] - length_mm).abs() <= 0.1, "{} mm, not {length_mm}", lengths[0]);
    let means = numbers(&report, "Mean");
    assert_eq!(means.len(), 1, "{means:?}");
    let mean_hu = mean_of_voxels(&volume, plane.center_mm.y, LIVER_MM);
    assert!((means[0] - mean_hu).abs() <= 0.5, "{} HU, not {mean_hu}", means[0]);

    // Another day.
    window.reopen();
    let yellow = |p: [u8; 3]| p[0] > 200 && p[1] > 140 && p[1] < 230 && p[2] < 110;
    window.ready();
    window.display.wait("the length is on its slice again", SOON, |shot| {
        shot.area(SAGITTAL).filter(|&p| yellow(p)).count() > 15
    });
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
