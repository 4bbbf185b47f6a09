//! The desktop window, with a real mouse on a real (virtual) display.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glam::DVec3;
use render_core::dicom::object::{Content, Report};
use render_core::scene::Plane;
use render_core::scene::view::Orientation;
use render_core::{Progress, Volume, dicom, phantom};
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
        Self::open_phantom(name, &phantom::Spec::default(), "{}")
    }

    fn open_phantom(name: &str, spec: &phantom::Spec, settings: &str) -> Option<Self> {
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
        phantom::write_study(&study, spec, |_, _| {}).expect("the phantom is written");
        let config = folder.join("config/voxcast");
        std::fs::create_dir_all(&config).expect("a folder for settings");
        std::fs::write(config.join("settings.json"), settings).expect("settings are written");
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

    /// Waits until something thin is drawn in `area`.
    fn drawn(&self, what: &str, before: &Shot, area: Area) -> Shot {
        self.display.move_to(AWAY);
        self.display
            .wait(what, SOON, |shot| is_final_at(shot, area) && shot.changed_part(before, area) > 2e-4)
    }

    fn keys(&self, keys: &[&str]) {
        self.display.keys("^Voxcast$", keys);
    }

    /// Leaves a picture to be looked at, where somebody wants it.
    fn keep(&self, step: &str, shot: &Shot) {
        if let Some(folder) = std::env::var_os("VOXCAST_SHOTS") {
            shot.write_png(&Path::new(&folder).join(format!("{step}.png")));
        }
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

#[test]
fn the_bar_is_one_row_in_german_and_in_a_narrow_window() {
    // The bar, the line around the viewport and its header.
    const TOP: u32 = 70;
    let german = r#"{"language": "de"}"#;
    let Some(window) = Window::open_phantom("bar", &phantom::Spec::default(), german) else { return };
    let wide = window.ready();
    assert!(picture(&wide)[1] < TOP, "{:?}", picture(&wide));
    let id = window.display.xdotool(&["search", "--onlyvisible", "--name", "^Voxcast$"]).expect("a window");
    window.display.xdotool(&["windowsize", &id, "700", "600"]).expect("the window shrinks");
    // What was beside the window stays on a screen that nobody else draws on.
    let narrow = window.display.wait("the window is narrow", SOON, |shot| {
        shot.changed_part(&wide, [300, 0, 380, 40]) > 0.02 && shot.changed_part(&wide, AXIAL) > 0.1
    });
    let narrow = picture(&narrow.cut([700, 600]));
    assert!(narrow[1] < TOP, "{narrow:?}");
}

/// `Save…` of the measurements, and `Save` in the dialog that it opens.
const SAVE_DIALOG: [u32; 2] = [1150, 95];
const SAVE: [u32; 2] = [956, 640];

/// A nodule without texture, and the half side of a region well inside its 8 mm.
const NODULE: &str = "nodule 3, left upper lobe";
const NODULE_ROI_MM: f64 = 4.5;

/// How far the handles that thicken a cut are from where the lines cross, in parts of the picture's smaller side.
const SLAB_HANDLE: f64 = 0.36 * 0.55;

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

/// The numbers of a kind of measurement in a report.
fn numbers(report: &Report, concept: &str) -> Vec<f64> {
    let groups = report.measurement_groups();
    let all = groups.iter().flat_map(|group| &group.measurements);
    all.filter(|found| found.name.meaning == concept).map(|found| found.value).collect()
}

/// The slice of the active viewport as the window shows it: the plane, and where its picture is.
struct OnScreen {
    plane: Plane,
    picture: Area,
}

impl OnScreen {
    /// `zoomed` by so many presses of its key.
    fn of(shot: &Shot, volume: &Volume, orientation: Orientation, zoomed: usize) -> Self {
        let mut plane = Plane::standard(orientation, volume);
        plane.zoom_by(1.2f64.powi(zoomed as i32));
        Self { plane, picture: picture(shot) }
    }

    /// Where a place of the patient is on screen, or would be if its slice were shown.
    fn at(&self, place: DVec3) -> [u32; 2] {
        let [left, top, width, height] = self.picture;
        let ([x, y], _) = self.plane.pixel_from_patient(place, [width, height]);
        [left + x.round() as u32, top + y.round() as u32]
    }
}

/// A place that truth.json names, among `landmarks` by its position or among `structures` by its centre.
fn place(truth: &serde_json::Value, list: &str, name: &str, field: &str) -> DVec3 {
    let found = truth[list].as_array().expect("a list").iter().find(|found| found["name"] == name);
    let place = found.expect("something of this name")[field].as_array().expect("a place");
    DVec3::from_array(std::array::from_fn(|axis| place[axis].as_f64().expect("a number")))
}

/// Lets the window write what was measured, and returns the lengths and means of the report.
fn save_report(window: &Window) -> (Vec<f64>, Vec<f64>) {
    let folder = window.folder.join("data/voxcast/readings");
    let _ = std::fs::remove_dir_all(&folder);
    window.display.wait("the measurements are listed", SOON, |shot| {
        shot.area([SAVE_DIALOG[0] - 20, SAVE_DIALOG[1] - 10, 40, 20]).filter(|&p| p == [40, 44, 50]).count()
            > 200
    });
    window.display.click(SAVE_DIALOG);
    let accent_fill = |p: [u8; 3]| p == [28, 74, 107];
    let dialog = window.display.wait("the dialog is there", SOON, |shot| {
        shot.area([SAVE[0] - 15, SAVE[1] - 8, 30, 16]).filter(|&p| accent_fill(p)).count() > 200
    });
    window.keep("dialog", &dialog);
    window.display.click(SAVE);
    let report = window.written(&folder, "measurements.dcm");
    let library = dicom::scan(&[report], &Progress::default()).expect("a report");
    let Content::Report(report) = library.studies[0].objects[0].open().expect("a report") else {
        panic!("the file is no report");
    };
    (numbers(&report, "Length"), numbers(&report, "Mean"))
}

#[test]
fn a_whole_read_with_mouse_and_keys_measures_what_the_phantom_is_and_finds_it_again() {
    // Without noise, values are what truth.json says.
    let noiseless = phantom::Spec { noise_sigma_hu: 0.0, ..phantom::Spec::default() };
    let Some(mut window) = Window::open_phantom("read", &noiseless, "{}") else { return };
    let start = window.ready();
    window.keep("opened", &start);
    let study = window.folder.join("study");
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(study.join("truth.json")).expect("the truth")).expect("JSON");
    let library = dicom::scan(std::slice::from_ref(&study), &Progress::default()).expect("a study");
    let series = &library.studies[0].series[0];
    let volume = dicom::load(series, &Progress::default()).expect("voxels").volume;

    // The bone window by its key, another one by a drag; a few slices by the wheel; a preset of the volume.
    window.keys(&["3"]);
    let bone = window.changed("a key windows the slices", &start, CORONAL);
    window.display.drag(1, middle(AXIAL), [middle(AXIAL)[0] + 70, middle(AXIAL)[1] + 40]);
    let dragged = window.changed("a drag windows the slices", &bone, CORONAL);
    window.keep("windowed", &dragged);
    window.keys(&["1"]);
    let soft = window.changed("a key windows them again", &dragged, CORONAL);
    assert!(soft.changed_part(&start, VOLUME) < 0.001, "windowing the slices changed the volume");
    window.display.wheel_down(middle(AXIAL), 5);
    let paged = window.changed("the wheel pages", &soft, AXIAL);
    window.display.click(middle(VOLUME));
    window.keys(&["p"]);
    let preset = window.changed("a key changes the volume's preset", &paged, VOLUME);
    window.keep("preset", &preset);

    // The length between two vertebrae on the sagittal slice, large enough for a tenth of a millimetre.
    window.display.click(middle(SAGITTAL));
    window.keys(&["f", "1"]);
    const LARGER: usize = 8;
    window.keys(&["plus"; LARGER]);
    let large = window.display.wait("the sagittal slice is large", SOON, |shot| {
        is_final_at(shot, picture(shot)) && picture(shot)[2] > 900
    });
    let sagittal = OnScreen::of(&large, &volume, Orientation::Sagittal, LARGER);
    let [upper, lower] =
        ["vertebra T7", "vertebra T8"].map(|name| place(&truth, "landmarks", name, "position_mm"));
    window.keys(&["n"]);
    window.display.drag(1, sagittal.at(upper), sagittal.at(lower));
    let measured = window.drawn("a length is drawn", &large, sagittal.picture);
    window.keep("length", &measured);

    // The crosshair in the coronal slice leads to a nodule: the axial slice goes through its middle then, and
    // the sagittal one, too.
    window.keys(&["space", "f"]);
    let four = window.ready();
    window.display.click(middle(CORONAL));
    window.keys(&["b"]);
    let shot = window.display.wait("the coronal slice is active", SOON, |shot| {
        is_final(shot) && picture(shot)[1] > 400 && picture(shot)[2] < 700
    });
    let coronal = OnScreen::of(&shot, &volume, Orientation::Coronal, 0);
    let nodule = place(&truth, "structures", NODULE, "centre_mm");
    let [x, y] = middle(CORONAL);
    window.display.drag(1, [x - 70, y - 50], coronal.at(nodule));
    let crossed = window.changed("the crosshair moves the other slices", &four, AXIAL);
    assert!(crossed.changed_part(&four, SAGITTAL) > 0.02, "the sagittal slice did not follow");
    window.keep("crosshair", &crossed);

    // Across the axial slice the coronal one is a line: a drag of its handle makes it thick, a key a MIP.
    window.keys(&["Left"; 2]);
    let shot = window.display.wait("the axial slice is active", SOON, |shot| {
        is_final(shot) && picture(shot)[1] < 400 && picture(shot)[0] < 900
    });
    let axial = OnScreen::of(&shot, &volume, Orientation::Axial, 0);
    let crossing = axial.at(DVec3 { y: coronal.plane.center_mm.y, ..nodule });
    let reach = f64::from(axial.picture[2].min(axial.picture[3])) * SLAB_HANDLE;
    let handle = [crossing[0] - reach.round() as u32, crossing[1]];
    window.display.drag(1, handle, [handle[0], handle[1] + 24]);
    let thick = window.changed("a thick slice", &crossed, CORONAL);
    window.keys(&["Right", "Right", "shift+m"]);
    let mip = window.changed("the brightest of it", &thick, CORONAL);
    window.keep("slab", &mip);
    let bright = |shot: &Shot| shot.bright_part(CORONAL, 200);
    assert!(bright(&mip) > 1.2 * bright(&crossed), "{} of {}", bright(&mip), bright(&crossed));

    // A region in the nodule, which is there only if the crosshair has led to it.
    window.keys(&["w", "Left", "Left", "f"]);
    const CLOSER: usize = 3;
    window.keys(&["plus"; CLOSER]);
    let large = window.display.wait("the axial slice is large", SOON, |shot| {
        is_final_at(shot, picture(shot)) && picture(shot)[2] > 900
    });
    let axial = OnScreen::of(&large, &volume, Orientation::Axial, CLOSER);
    let corner = DVec3::new(NODULE_ROI_MM, NODULE_ROI_MM, 0.0);
    window.keys(&["e"]);
    window.display.drag(1, axial.at(nodule - corner), axial.at(nodule + corner));
    let region = window.drawn("a region is drawn", &large, axial.picture);
    window.keep("region", &region);

    // Saved as a report.
    window.keys(&["ctrl+m"]);
    let (lengths, means) = save_report(&window);
    let length_mm = upper.distance(lower);
    assert!(lengths.len() == 1 && (lengths[0] - length_mm).abs() <= 0.1, "{lengths:?} mm, not {length_mm}");
    let hu = truth["structures"].as_array().expect("a list").iter().find(|found| found["name"] == NODULE);
    let hu = hu.expect("the nodule")["hu"].as_f64().expect("a number");
    assert!(means.len() == 1 && (means[0] - hu).abs() <= 0.5, "{means:?} HU, not {hu}");

    // Another day: all is there, on its slice, in the table and for another report.
    window.keys(&["ctrl+m", "f", "shift+space"]);
    window.ready();
    window.reopen();
    let yellow = |p: [u8; 3]| p[0] > 200 && p[1] > 140 && p[1] < 230 && p[2] < 110;
    window.ready();
    let reopened = window.display.wait("the length is on its slice again", SOON, |shot| {
        shot.area(SAGITTAL).filter(|&p| yellow(p)).count() > 15
    });
    window.keep("reopened", &reopened);
    window.keys(&["ctrl+m"]);
    assert_eq!(save_report(&window), (lengths, means));
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
