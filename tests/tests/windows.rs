//! The window of a server that comes and goes.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tests::binary::voxcast;
use tests::display::{Area, Display, Shot};

const SIZE: [u32; 2] = [1440, 900];

/// Parts of the four viewports, away from the letters at their edges.
const AXIAL: Area = [400, 130, 380, 230];
const VOLUME: Area = [970, 130, 380, 230];
const CORONAL: Area = [400, 540, 380, 230];
const SAGITTAL: Area = [970, 540, 380, 230];
const ALL: [Area; 4] = [AXIAL, VOLUME, CORONAL, SAGITTAL];

/// The status line, where the mouse is in no picture.
const AWAY: [u32; 2] = [700, 890];

/// In the strip that tells of a lost server.
const RECONNECT: [u32; 2] = [1288, 59];
const STRIP: Area = [300, 45, 400, 28];

/// Whole pictures of a software renderer on a busy machine, several times over.
const SOON: Duration = Duration::from_secs(120);

struct Screen {
    display: Display,
    folder: PathBuf,
}

struct Window(Child);

impl Screen {
    /// `None`, told on standard output, where there is no Xvfb.
    fn open(name: &str) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("voxcast-windows-{name}-{}", std::process::id()));
        // Left by a run that was killed and had the same number.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let Some(display) = Display::start(&folder, SIZE) else {
            eprintln!("skipped: Xvfb or xdotool is not installed");
            return None;
        };
        let screen = Self { display, folder };
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

    fn window(&self, name: &str, arguments: &[&str]) -> Window {
        Window(self.command(name).args(arguments).spawn().expect("voxcast runs"))
    }

    fn wait(&self, what: &str, condition: impl FnMut(&Shot) -> bool) -> Shot {
        self.display.wait(what, SOON, condition)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // It may have ended already; there is nothing left to stop then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn middle([left, top, width, height]: Area) -> [u32; 2] {
    [left + width / 2, top + height / 2]
}

/// Whether the strip over the viewports tells of a server that is away.
fn tells_loss(shot: &Shot) -> bool {
    let amber = |p: [u8; 3]| p == [58, 46, 24];
    shot.area(STRIP).filter(|&pixel| amber(pixel)).count() > 4000
}

/// Serves the phantom at this address, each time with the same token.
fn serve(screen: &Screen, listen: &str) -> (Child, String) {
    let token = screen.folder.join("token");
    let mut file = OpenOptions::new();
    file.write(true).create(true).truncate(true).mode(0o600);
    let written = file.open(&token).and_then(|mut file| file.write_all(b"0123456789abcdef0123456789abcdef"));
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
    // Nothing that it prints later blocks it.
    let rest = std::thread::Builder::new().name("words".into());
    rest.spawn(move || words.for_each(drop)).expect("a thread");
    (server, url)
}

#[test]
fn a_window_comes_back_to_a_server_that_was_started_again() {
    let Some(screen) = Screen::open("serve") else { return };
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let listen = format!("127.0.0.1:{port}");
    let (mut server, url) = serve(&screen, &listen);
    let window = screen.window("reader", &["--connect", &url]);
    screen.display.move_to(AWAY);
    let shows = |shot: &Shot| ALL.iter().all(|&area| shot.bright_part(area, 60) > 0.1);
    screen.wait("the server's study", shows);
    screen.display.wheel_down(middle(AXIAL), 6);
    screen.display.move_to(AWAY);
    let before = screen.wait("another slice", |shot| shows(shot) && !tells_loss(shot));

    server.kill().expect("the server ends");
    server.wait().expect("the server ends");
    screen.wait("the loss is told", tells_loss);
    let (mut server, _) = serve(&screen, &listen);
    screen.display.click(RECONNECT);
    screen.display.move_to(AWAY);
    screen.wait("everything is as it was", |shot| {
        ALL.iter().all(|&area| shot.changed_part(&before, area) == 0.0)
    });
    drop(window);
    server.kill().expect("the server ends");
    server.wait().expect("the server ends");
}
