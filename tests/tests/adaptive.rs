//! Who draws a server's series changes in a real window, there and back, and nothing else does.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use server_mode::emulator::{Conditions, Network, Relay};
use tests::binary::voxcast;
use tests::display::{Area, Display, Shot};

const SIZE: [u32; 2] = [1440, 900];
/// Parts of the viewports that neither texts nor the orientation cube lie over.
const AXIAL: Area = [400, 130, 380, 230];
const VOLUME: Area = [970, 160, 330, 200];
/// Where the mouse is out of every picture: the status line.
const AWAY: [u32; 2] = [700, 890];
/// Five or ten seconds of movement that count, on a machine that does other things, too.
const LONG: Duration = Duration::from_secs(150);

/// A server of the phantom, a network in front of it and a window that is connected through both.
struct Scene {
    display: Display,
    server: Child,
    window: Child,
    relay: Relay,
    folder: PathBuf,
}

impl Drop for Scene {
    fn drop(&mut self) {
        for child in [&mut self.window, &mut self.server] {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Scene {
    /// Drawn here by the slow reference. `None`, told on standard output, where there is no Xvfb.
    async fn open() -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("voxcast-adaptive-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let Some(display) = Display::start(&folder, SIZE) else {
            eprintln!("skipped: Xvfb or xdotool is not installed");
            return None;
        };
        let study = folder.join("study");
        let made = display.command(&voxcast()).arg("phantom").arg(&study).stdout(Stdio::null()).status();
        assert!(made.expect("voxcast runs").success(), "the phantom is written");
        // By WebSocket only: the network in front of it is one of TCP.
        let mut server = display
            .command(&voxcast())
            .args(["--serve", "--port", "0", "--no-webrtc"])
            .arg(&study)
            .stdout(Stdio::piped())
            .spawn()
            .expect("voxcast runs");
        let told = BufReader::new(server.stdout.take().expect("a pipe"));
        let url = told.lines().map_while(Result::ok).find_map(|line| {
            line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned)
        });
        let url = url.expect("a server says where it is");
        let authority = url.trim_start_matches("http://").split('/').next().expect("an authority").to_owned();
        let relay = Relay::tcp(authority.clone(), Network::default(), 1).await.expect("a relay");
        let log = File::create(folder.join("log")).expect("a log");
        let window = display
            .command(&voxcast())
            .args(["--backend", "reference", "--connect"])
            .arg(url.replace(&authority, &relay.address().to_string()))
            .env("VOXCAST_LOG", "info,voxcast::desktop::hybrid=debug")
            .stderr(log)
            .spawn()
            .expect("voxcast runs");
        Some(Self { display, server, window, relay, folder })
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).expect("a log")
    }

    /// Who draws, as the log tells it: each change in a line.
    fn changes(&self) -> Vec<String> {
        self.log().lines().filter(|line| line.contains("drawn by another one now")).map(plain).collect()
    }

    /// Moves until pictures are drawn there; returns the line that tells why. Within one movement both may come to draw, each
    /// being too slow.
    fn until_drawn(&self, there: &str, what: &str, mut movement: impl FnMut(&Display)) -> String {
        let wanted = format!("by=\"{there}\"");
        let began = Instant::now();
        loop {
            if let Some(line) = self.changes().pop().filter(|line| line.contains(&wanted)) {
                return line;
            }
            if began.elapsed() > LONG {
                self.display.shot().write_png(&std::env::temp_dir().join("voxcast-adaptive.png"));
                panic!("{what}: not drawn {there} after {LONG:?}\n{}", self.log());
            }
            movement(&self.display);
        }
    }

    /// What is on screen once all of it rests and is exact.
    fn rests(&self) -> Shot {
        self.display.move_to(AWAY);
        self.display.wait("exact pictures", LONG, |shot| {
            let amber = |p: [u8; 3]| p[0] > 150 && p[0].saturating_sub(p[2]) > 70;
            let corners = [[795, 428, 80, 16], [1355, 428, 80, 16]];
            let is_final = |area: &Area| shot.area(*area).filter(|&pixel| amber(pixel)).count() < 12;
            corners.iter().all(is_final) && shot.bright_part(VOLUME, 60) > 0.1
        })
    }
}

/// A line without its colours.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().into_iter();
    first.chain(parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text))).collect()
}

fn turn(display: &Display) {
    display.drag(1, [1040, 240], [1240, 260]);
    display.drag(1, [1240, 260], [1040, 240]);
}

fn page(display: &Display) {
    display.drag(1, [560, 200], [560, 320]);
    display.drag(1, [560, 320], [560, 200]);
}

#[test]
fn a_slow_machine_lets_the_server_draw_and_a_fast_one_does_it_itself_with_the_same_view() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let Some(scene) = runtime.block_on(Scene::open()) else { return };
    scene.until_drawn("here", "the voxels come", |_| std::thread::sleep(Duration::from_millis(200)));
    let drawn_here = scene.rests();

    // The reference is too slow for a volume that is turned.
    let there = scene.until_drawn("there", "a volume turned by the reference", turn);
    assert!(there.contains("This machine made"), "{there}\n{}", scene.log());
    let drawn_there = scene.rests();
    let same = drawn_there.changed_part(&drawn_here, AXIAL);
    assert!(same < 0.001, "{same} of the slice differs between this machine and the server");

    // The way to the server becomes so narrow that even the reference is faster.
    let narrow = Conditions { bits_per_second: Some(30e3), ..Conditions::default() };
    scene.relay.change(Network { down: narrow, up: Conditions::default() });
    let back = scene.until_drawn("here", "a narrow way", turn);
    assert!(back.contains("The server made"), "{back}\n{}", scene.log());
    scene.relay.change(Network::default());

    // Wide again, and the volume still slow: the server once more.
    scene.until_drawn("there", "a wide way", turn);
    let drawn_there = scene.rests();

    // Slices are fast enough even for the reference.
    let here = scene.until_drawn("here", "slices paged", page);
    assert!(here.contains("This machine would have made"), "{here}\n{}", scene.log());
    let drawn_here = scene.rests();
    // Paging went as far back as forth; the volume has not moved at all.
    let same = drawn_here.changed_part(&drawn_there, VOLUME);
    assert!(same < 0.001, "{same} of the volume differs between the server and this machine");
}
