//! Two windows beside each other: a host's and its guest's, and the window of a server that comes and goes.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tests::binary::voxcast;
use tests::display::{Area, Display, Shot};

/// Of a window at first, and of the screen that holds two.
const SIZE: [u32; 2] = [1440, 900];
const SCREEN: [u32; 2] = [2 * SIZE[0], SIZE[1]];

/// Parts of the four viewports, away from the letters at their edges.
const AXIAL: Area = [400, 130, 380, 230];
const VOLUME: Area = [970, 130, 380, 230];
const CORONAL: Area = [400, 540, 380, 230];
const SAGITTAL: Area = [970, 540, 380, 230];
const ALL: [Area; 4] = [AXIAL, VOLUME, CORONAL, SAGITTAL];
/// The same of one that is alone.
const WHOLE: Area = [400, 130, 950, 640];

/// The status line, where the mouse is in no picture.
const AWAY: [u32; 2] = [700, 890];

/// The button that shares tells how many guests are there.
const GUESTS: Area = [205, 10, 85, 20];

/// The dialog that shares: to begin, who may drive, a link, and to copy it. Each guest is a row of it, above them.
const SHARING: Area = [440, 92, 560, 255];
/// The left end of the button to begin.
const BEGINNING: Area = [888, 303, 36, 24];
const START: [u32; 2] = [932, 315];
const MAY_DRIVE: [[u32; 2]; 2] = [[788, 187], [788, 219]];
const NEW_LINK: [[u32; 2]; 2] = [[899, 187], [899, 219]];
const COPY: [[u32; 2]; 2] = [[484, 281], [484, 313]];
/// The dialog that connects.
const CONNECTING: Area = [440, 300, 560, 300];

/// Beside the name of the server above its series, and in the strip that tells of a lost one.
const DISCONNECT: [u32; 2] = [169, 63];
const RECONNECT: [u32; 2] = [1288, 59];
const STRIP: Area = [300, 45, 400, 28];

/// What the button of a dialog is for; what is not possible yet is duller.
const ACCENT: [u8; 3] = [28, 74, 107];

/// Whole pictures of a software renderer on a busy machine, several times over.
const SOON: Duration = Duration::from_secs(120);

/// Windows use all the processors there are.
static TURN: Mutex<()> = Mutex::new(());

struct Screen {
    display: Display,
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

struct Window {
    program: Child,
    id: String,
    left: u32,
}

impl Screen {
    /// `None`, told on standard output, where there is no Xvfb.
    fn open(name: &str) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = std::env::temp_dir().join(format!("voxcast-windows-{name}-{}", std::process::id()));
        // Left by a run that was killed and had the same number.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let Some(display) = Display::start(&folder, SCREEN) else {
            eprintln!("skipped: Xvfb or xdotool is not installed");
            return None;
        };
        let screen = Self { display, folder, _turn: turn };
        let made = screen.command("maker").arg("phantom").arg(screen.study()).stdout(Stdio::null()).status();
        assert!(made.expect("voxcast runs").success(), "the phantom is written");
        Some(screen)
    }

    fn study(&self) -> PathBuf {
        self.folder.join("study")
    }

    /// A program with folders of its own: each is another person's.
    fn command(&self, name: &str) -> Command {
        let mut command = self.display.command(&voxcast());
        let own = self.folder.join(name);
        command.env("XDG_CONFIG_HOME", own.join("config")).env("XDG_DATA_HOME", own.join("data"));
        command
    }

    /// Opens a window at the left end of the screen, or beside another one.
    fn window(&self, name: &str, arguments: &[&str], left: u32) -> Window {
        let program = self.command(name).args(arguments).spawn().expect("voxcast runs");
        let pid = program.id().to_string();
        let search = ["search", "--sync", "--onlyvisible", "--pid", &pid];
        let id = self.display.xdotool(&search).expect("a window");
        let id = id.lines().next().expect("a window").to_owned();
        if left > 0 {
            self.display.xdotool(&["windowmove", &id, &left.to_string(), "0"]).expect("it moves");
        }
        Window { program, id, left }
    }

    fn keys(&self, window: &Window, keys: &[&str]) {
        self.display.xdotool(&["windowfocus", "--sync", &window.id]).expect("the window takes the keyboard");
        let arguments: Vec<&str> = ["key", "--delay", "60"].into_iter().chain(keys.iter().copied()).collect();
        self.display.xdotool(&arguments).expect("keys are pressed");
    }

    fn click(&self, window: &Window, at: [u32; 2]) {
        self.display.click(window.at(at));
    }

    fn wait(&self, what: &str, condition: impl FnMut(&Shot) -> bool) -> Shot {
        self.display.wait(what, SOON, condition)
    }

    /// Waits until both windows show the same, bit by bit, and something.
    fn same(&self, what: &str, a: &Window, b: &Window, areas: &[Area]) -> Shot {
        self.display.move_to(a.at(AWAY));
        self.wait(what, |shot| {
            areas.iter().all(|&area| {
                shot.bright_part(a.area(area), 60) > 0.1
                    && shot.area(a.area(area)).eq(shot.area(b.area(area)))
            })
        })
    }

    /// Shares what a window shows and leaves a link for one guest who may drive in the clipboard. So many guests had
    /// links before.
    fn share(&self, window: &Window, guests: usize) {
        let before = self.display.shot();
        self.keys(window, &["ctrl+shift+s"]);
        let dialog = self.wait("the dialog", |shot| shot.changed_part(&before, window.area(AXIAL)) > 0.5);
        if guests == 0 {
            assert!(count(&dialog, window.area(SHARING), ACCENT) > 1000, "it has a button to begin");
            self.click(window, START);
            let is_blue = |[r, _, b]: &[u8; 3]| *b > *r + 20;
            self.wait("sharing begins", |shot| {
                shot.area(window.area(BEGINNING)).filter(is_blue).count() < 20
            });
        }
        self.click(window, MAY_DRIVE[guests]);
        let before = self.display.shot();
        self.click(window, NEW_LINK[guests]);
        self.wait("a link", |shot| shot.changed_part(&before, window.area(SHARING)) > 0.05);
        self.click(window, COPY[guests]);
        self.keys(window, &["Escape"]);
    }

    /// Connects by the link in the clipboard.
    fn paste(&self, window: &Window) {
        let before = self.display.shot();
        self.keys(window, &["ctrl+k"]);
        let area = window.area(CONNECTING);
        // The cursor in its field blinks: no picture of it stands still.
        self.display.wait_for("the dialog", SOON, |shot| shot.changed_part(&before, area) > 0.3);
        self.keys(window, &["ctrl+v"]);
        self.display.wait_for("an address", SOON, |shot| count(shot, area, ACCENT) > 500);
        self.keys(window, &["Return"]);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Window {
    /// A place of the window on the screen.
    fn at(&self, [x, y]: [u32; 2]) -> [u32; 2] {
        [self.left + x, y]
    }

    fn area(&self, [x, y, width, height]: Area) -> Area {
        [self.left + x, y, width, height]
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // It may have ended already; there is nothing left to stop then.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn middle([left, top, width, height]: Area) -> [u32; 2] {
    [left + width / 2, top + height / 2]
}

fn count(shot: &Shot, area: Area, color: [u8; 3]) -> usize {
    shot.area(area).filter(|&pixel| pixel == color).count()
}

/// Of the strip that tells of a server that is away.
const AMBER: [u8; 3] = [58, 46, 24];

fn tells_loss(shot: &Shot, window: &Window) -> bool {
    count(shot, window.area(STRIP), AMBER) > 4000
}

fn shows_study(shot: &Shot, window: &Window) -> bool {
    ALL.iter().all(|&area| shot.bright_part(window.area(area), 60) > 0.1)
}

#[test]
fn a_guest_drives_and_measures_what_a_host_shows_and_each_is_told_when_the_other_is_gone() {
    let Some(screen) = Screen::open("share") else { return };
    let study = screen.study();
    let host = screen.window("host", &[&study.to_string_lossy()], 0);
    let guest = screen.window("guest", &[], SIZE[0]);
    screen.display.move_to(host.at(AWAY));
    screen.wait("the study", |shot| shows_study(shot, &host));
    screen.share(&host, 0);
    screen.display.move_to(host.at(AWAY));
    let alone = screen.wait("the dialog is closed", |shot| shows_study(shot, &host));
    let tells_of_guest = |shot: &Shot| shot.changed_part(&alone, host.area(GUESTS)) > 0.0;
    screen.paste(&guest);
    let start = screen.same("the guest sees what the host does, bit by bit", &host, &guest, &ALL);
    assert!(tells_of_guest(&start), "the host says that somebody is there");

    screen.display.wheel_down(guest.at(middle(AXIAL)), 6);
    screen.display.move_to(host.at(AWAY));
    screen.wait("the host follows", |shot| shot.changed_part(&start, host.area(AXIAL)) > 0.02);
    let [x, y] = guest.at(middle(VOLUME));
    screen.display.drag(1, [x - 60, y], [x + 60, y + 30]);
    screen.display.move_to(host.at(AWAY));
    screen.wait("the host follows", |shot| shot.changed_part(&start, host.area(VOLUME)) > 0.02);
    let driven = screen.same("both rest", &host, &guest, &ALL);

    // What the host maximises fills the guest's window, too.
    screen.keys(&host, &["f"]);
    screen.wait("the guest follows", |shot| shot.changed_part(&driven, guest.area(SAGITTAL)) > 0.05);
    screen.same("both show one view", &host, &guest, &[WHOLE]);
    screen.keys(&host, &["f"]);
    screen.display.move_to(host.at(AWAY));
    screen.wait("all four are back in both", |shot| {
        let is_back = |area: Area| shot.changed_part(&driven, area) == 0.0;
        ALL.iter().all(|&area| is_back(host.area(area)) && is_back(guest.area(area)))
    });

    // A length and a region of the host's: the guest sees them, until they are hidden.
    let [x, y] = middle(CORONAL);
    let places = [("n", [x - 70, y - 60], [x + 30, y - 40]), ("u", [x - 70, y + 20], [x - 20, y + 70])];
    let draw = |window: &Window| {
        for (tool, from, to) in places {
            screen.keys(window, &[tool]);
            screen.display.drag(1, window.at(from), window.at(to));
        }
        screen.keys(window, &["w"]);
        screen.display.move_to(host.at(AWAY));
    };
    let is_drawn = |shot: &Shot, window: &Window| {
        let [x, y, width, height] = window.area(CORONAL);
        let halves: [Area; 2] = [[x, y, width, height / 2], [x, y + height / 2, width, height / 2]];
        halves.into_iter().all(|half| shot.changed_part(&driven, half) > 0.005)
    };
    draw(&host);
    let drawn =
        screen.wait("both show what the host draws", |shot| is_drawn(shot, &host) && is_drawn(shot, &guest));
    screen.keys(&host, &["shift+a"]);
    let hidden = screen.same("both show it no more", &host, &guest, &[CORONAL]);
    assert!(hidden.changed_part(&driven, host.area(CORONAL)) == 0.0, "nothing else has changed");

    // The same ones of the guest's own: where the numbers beside them are the same, so are the pictures.
    draw(&guest);
    screen.wait("the guest measures what the host did", |shot| {
        shot.area(guest.area(CORONAL)).eq(drawn.area(host.area(CORONAL)))
    });

    screen.click(&guest, DISCONNECT);
    screen.display.move_to(host.at(AWAY));
    let gone = screen.wait("the guest has gone, and the host says so", |shot| {
        ALL.iter().all(|&area| shot.bright_part(guest.area(area), 60) < 0.1) && !tells_of_guest(shot)
    });
    assert!(shows_study(&gone, &host), "the host goes on");
    screen.share(&host, 1);
    screen.paste(&guest);
    let back = screen.same("the guest is back", &host, &guest, &[AXIAL, VOLUME, SAGITTAL]);
    assert!(tells_of_guest(&back), "the host says that somebody is there");

    drop(host);
    let [x, y] = guest.at(RECONNECT);
    screen.wait("the guest is told of it and may look for the host again", |shot| {
        let button: Area = [x - 25, y - 8, 50, 16];
        tells_loss(shot, &guest) && count(shot, button, AMBER) == 0
    });
}

#[test]
fn a_guest_sees_the_next_patient_where_the_host_shows_one() {
    /// Whose picture the first viewport is.
    const NAME: Area = [320, 65, 160, 20];
    const LIST: Area = [0, 90, 270, 760];
    let Some(screen) = Screen::open("next") else { return };
    let (one, other) = (screen.study(), screen.folder.join("other"));
    let made = screen.command("maker").arg("anonymize").args([&one, &other]).stdout(Stdio::null()).status();
    assert!(made.expect("voxcast runs").success(), "a second patient");
    let paths = [one, other].map(|path| path.to_string_lossy().into_owned());
    let mut host = screen.window("host", &[&paths[0], &paths[1]], 0);
    let guest = screen.window("guest", &[], SIZE[0]);
    screen.display.move_to(host.at(AWAY));
    screen.wait("the study", |shot| shows_study(shot, &host));
    screen.share(&host, 0);
    screen.display.move_to(host.at(AWAY));
    screen.wait("the dialog is closed", |shot| shows_study(shot, &host));
    screen.paste(&guest);
    let mut before = screen.same("the guest sees what the host does", &host, &guest, &ALL);
    for key in ["Next", "Prior"] {
        screen.keys(&host, &[key]);
        screen.wait("the other patient", |shot| shot.changed_part(&before, host.area(NAME)) > 0.01);
        before = screen.same("the guest sees the other patient, too", &host, &guest, &ALL);
        let [here, there] = [&host, &guest].map(|window| before.area(window.area(NAME)));
        assert!(here.eq(there), "and is told who it is");
    }

    // Other than one that is cut off, a host that is told to end takes all of it back.
    let pid = rustix::process::Pid::from_child(&host.program);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    screen.display.move_to(guest.at(AWAY));
    screen.wait("the guest is told, and sees nothing of a patient any more", |shot| {
        tells_loss(shot, &guest)
            && ALL.into_iter().chain([LIST]).all(|area| shot.bright_part(guest.area(area), 60) < 0.02)
    });
    assert_eq!(host.program.wait().expect("it has ended").code(), Some(0), "it has closed its window");
}

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Serves the phantom at this address, each time with the same token.
fn serve(screen: &Screen, listen: &str) -> (Child, String) {
    let token = screen.folder.join("token");
    let mut file = OpenOptions::new();
    file.write(true).create(true).truncate(true).mode(0o600);
    let written = file.open(&token).and_then(|mut file| file.write_all(TOKEN.as_bytes()));
    written.expect("a token");
    let mut server = screen
        .command("server")
        .args(["--serve", "--listen", listen, "--token-file"])
        .arg(&token)
        .arg(screen.study())
        .stdout(Stdio::piped())
        .spawn()
        .expect("voxcast serves");
    let lines = BufReader::new(server.stdout.take().expect("its output")).lines();
    let mut words = lines
        .map_while(Result::ok)
        .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let url = words.find(|word| word.starts_with("http://")).expect("it prints its address");
    assert!(!url.contains(TOKEN), "who wrote the token knows it: {url}");
    // Nothing that it prints later blocks it.
    let rest = std::thread::Builder::new().name("words".into());
    rest.spawn(move || words.for_each(drop)).expect("a thread");
    (server, format!("{url}?token={TOKEN}"))
}

#[test]
fn a_window_comes_back_to_a_server_that_was_started_again() {
    let Some(screen) = Screen::open("serve") else { return };
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let listen = format!("127.0.0.1:{port}");
    let (mut server, url) = serve(&screen, &listen);
    let window = screen.window("reader", &["--connect", &url], 0);
    screen.display.move_to(AWAY);
    screen.wait("the server's study", |shot| shows_study(shot, &window));
    screen.display.wheel_down(middle(AXIAL), 6);
    screen.display.move_to(AWAY);
    let before =
        screen.wait("another slice", |shot| shows_study(shot, &window) && !tells_loss(shot, &window));

    server.kill().expect("the server ends");
    server.wait().expect("the server ends");
    screen.wait("the loss is told", |shot| tells_loss(shot, &window));
    let (mut server, _) = serve(&screen, &listen);
    screen.click(&window, RECONNECT);
    screen.display.move_to(AWAY);
    screen.wait("everything is as it was", |shot| {
        ALL.iter().all(|&area| shot.changed_part(&before, area) == 0.0)
    });
    drop(window);
    server.kill().expect("the server ends");
    server.wait().expect("the server ends");
}

#[test]
fn a_servers_study_is_hung_as_the_same_study_of_this_machine() {
    /// Within the one picture of the second stage, and the three of the third.
    const SECOND: [Area; 1] = [[500, 200, 600, 450]];
    const THIRD: [Area; 3] = [[340, 300, 300, 300], [720, 300, 300, 300], [1100, 300, 300, 300]];
    let Some(screen) = Screen::open("hang") else { return };
    let (mut server, url) = serve(&screen, "127.0.0.1:0");
    let there = screen.window("there", &["--connect", &url], 0);
    let study = screen.study();
    let here = screen.window("here", &[study.to_str().expect("a path")], SIZE[0]);
    screen.same("planes and volume", &there, &here, &ALL);
    for window in [&there, &here] {
        screen.display.wheel_down(window.at(middle(AXIAL)), 6);
    }
    let paged = screen.same("another slice", &there, &here, &ALL);
    for (what, areas) in [("one slice", &SECOND[..]), ("three planes", &THIRD[..])] {
        for window in [&there, &here] {
            screen.keys(window, &["period"]);
        }
        screen.same(what, &there, &here, areas);
    }
    for window in [&there, &here] {
        screen.keys(window, &["comma", "comma"]);
    }
    let back = screen.same("the first stage", &there, &here, &ALL);
    assert!(back.changed_part(&paged, AXIAL) < 0.001, "the slice is another one");
    drop((there, here));
    server.kill().expect("the server ends");
    server.wait().expect("the server ends");
}
