//! Sessions that WebRTC carries, with a client that is not a browser.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use ffmpeg_next as ffmpeg;
use protocol::{Codec, Quality};
use render_core::render::Choice;
use render_core::scene::view::Orientation;
use render_core::scene::{Content, ViewState};
use render_core::{Progress, Renderer, dicom};
use serde_json::{Value, json};
use server_mode::emulator::{Conditions, Network};
use server_mode::{Config, Secret, WebRtcConfig};
use tests::server::{Client, Folder, TestServer};
use tests::turn::Turn;
use tests::webrtc::{Arrival, WebRtc};

const SIZE: [u32; 2] = [320, 240];

/// What FFmpeg makes of a track.
struct Decoder(ffmpeg::decoder::Video);

impl Decoder {
    fn new() -> Self {
        let codec = ffmpeg::decoder::find(ffmpeg::codec::Id::H264).expect("FFmpeg reads H.264");
        let context = ffmpeg::codec::context::Context::new_with_codec(codec);
        Self(context.decoder().video().expect("opens"))
    }

    /// Brightness of the picture, row by row, and its size.
    fn decode(&mut self, unit: &[u8]) -> Option<([u32; 2], Vec<u8>)> {
        self.0.send_packet(&ffmpeg::Packet::copy(unit)).ok()?;
        let mut frame = ffmpeg::frame::Video::empty();
        self.0.receive_frame(&mut frame).ok()?;
        let size = [frame.width(), frame.height()];
        let rows = frame.data(0).chunks(frame.stride(0)).take(size[1] as usize);
        Some((size, rows.flat_map(|row| &row[..size[0] as usize]).copied().collect()))
    }
}

/// Brightness by BT.709 of RGBA pixels, full range.
fn brightness(pixels: &[u8]) -> Vec<u8> {
    let of = |[r, g, b, _]: &[u8; 4]| {
        (0.2126 * f64::from(*r) + 0.7152 * f64::from(*g) + 0.0722 * f64::from(*b)).round() as u8
    };
    pixels.as_chunks().0.iter().map(of).collect()
}

fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / sum.max(1e-9)).log10()
}

async fn showing(server: &TestServer) -> (Client, WebRtc) {
    showing_through(server, SIZE, None).await
}

/// At rest, with a track, and a network between.
async fn showing_through(server: &TestServer, size: [u32; 2], network: Option<Network>) -> (Client, WebRtc) {
    let mut client = server.stream().await;
    client.say(json!({"type": "accept", "codecs": ["png"]})).await;
    client.say(json!({"type": "openSeries", "seriesInstanceUid": server.series_uid})).await;
    client.say(json!({"type": "layout", "views": [{"view": 0, "content": "volume", "size": size}]})).await;
    client.frame().await;
    let mut rtc = WebRtc::connect(&mut client, &[0], network).await;
    while !matches!(rtc.next().await, Arrival::Frame(header) if header.quality == Quality::Final) {}
    (client, rtc)
}

fn pointer(rtc: &mut WebRtc, kind: &str, x: f64) -> u64 {
    rtc.say(
        kind == "move",
        json!({"type": "pointer", "view": 0, "kind": kind, "button": "left", "x": x, "y": 50}),
    )
}

/// The next picture of the track.
async fn picture(rtc: &mut WebRtc) -> (protocol::FrameHeader, Vec<u8>, bool) {
    loop {
        if let Arrival::Picture { header, unit, contiguous } = rtc.next().await {
            return (header, unit, contiguous);
        }
    }
}

async fn lossless(rtc: &mut WebRtc) {
    while !matches!(rtc.next().await, Arrival::Frame(header) if header.quality == Quality::Lossless) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_come_by_a_track_and_the_rest_by_a_channel() {
    let server = TestServer::start().await;
    let (_client, mut rtc) = showing(&server).await;
    // The test's client compares the picture with its hash.
    lossless(&mut rtc).await;
    assert_eq!(rtc.screen(0).pixels(), drawn(&server, 0.0));

    let mut decoder = Decoder::new();
    pointer(&mut rtc, "press", 50.0);
    let mut shown = (SIZE, Vec::new());
    for step in 1..40 {
        let last = pointer(&mut rtc, "move", 50.0 + f64::from(step));
        loop {
            let (header, unit, _) = picture(&mut rtc).await;
            assert_eq!((header.codec, header.quality), (Codec::H264, Quality::Interactive));
            // A machine that is busy draws smaller ones.
            let begins = shown.1.is_empty() || shown.0 != header.size.map(u32::from);
            assert_eq!(header.key, begins, "one picture of each size needs none before it");
            shown = decoder.decode(&unit).expect("a picture for each access unit");
            assert_eq!(shown.0, header.size.map(u32::from));
            if header.input_seq == last {
                break;
            }
        }
    }
    let (size, seen) = shown;
    // The hand has stopped: the same view, without loss.
    lossless(&mut rtc).await;
    let rested = rtc.screen(0).pixels().to_vec();
    assert_eq!(rested, drawn(&server, 39.0));
    if size == SIZE {
        let psnr = psnr(&seen, &brightness(&rested));
        assert!(psnr > 30.0, "{psnr} dB");
    }
}

/// The first look at the study after a drag to the right, drawn without a server.
fn drawn(server: &TestServer, dragged: f64) -> Vec<u8> {
    use render_core::scene::{Button, Input, Interaction};
    let library =
        dicom::scan(std::slice::from_ref(&server.folder.0), &Progress::default()).expect("finds the study");
    let series = &library.studies[0].series[0];
    let volume = dicom::load(series, &Progress::default()).expect("loads").volume;
    let mut state = ViewState::new(&volume, Content::Volume, Orientation::Axial, SIZE);
    if dragged != 0.0 {
        let mut hand = Interaction::default();
        hand.handle(&mut state, &volume, Input::Press { button: Button::Left, at: [50.0; 2] });
        for step in 1..=dragged as u32 {
            hand.handle(&mut state, &volume, Input::Move { at: [50.0 + f64::from(step), 50.0] });
        }
    }
    let renderer = Renderer::open(Choice::Cpu).expect("opens");
    let params = render_core::render::resolve(&state, &volume);
    renderer.render(&volume, &params, &AtomicBool::new(false)).expect("draws").pixels
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_pictures_are_followed_by_one_that_needs_none_before_it() {
    let server = TestServer::start().await;
    let (_client, mut rtc) = showing(&server).await;
    let mut decoder = Decoder::new();
    pointer(&mut rtc, "press", 50.0);
    for step in 1..5 {
        pointer(&mut rtc, "move", 50.0 + f64::from(step));
        decoder.decode(&picture(&mut rtc).await.1).expect("decodes");
    }
    // Nothing of the video comes through; the channels and what steers the video live on (RTCP has types 192
    // to 223, RFC 5761, 4).
    rtc.loses = Box::new(|datagram| (128..192).contains(&datagram[0]) && !(192..224).contains(&datagram[1]));
    for step in 5..40 {
        pointer(&mut rtc, "move", 50.0 + f64::from(step));
        let arrival = tokio::time::timeout(Duration::from_millis(40), rtc.next()).await;
        assert!(!matches!(arrival, Ok(Arrival::Picture { .. })), "it is lost");
    }
    rtc.loses = Box::new(|_| false);
    let asked = Instant::now();
    rtc.request_key(0);
    let mut x = 90.0;
    let unit = loop {
        assert!(asked.elapsed() < Duration::from_secs(5), "no picture that needs none before it");
        x += 0.5;
        pointer(&mut rtc, "move", x);
        if let Ok(Arrival::Picture { header, unit, .. }) =
            tokio::time::timeout(Duration::from_millis(40), rtc.next()).await
            && header.key
        {
            break unit;
        }
    };
    // A decoder that has never seen the video shows it.
    assert!(Decoder::new().decode(&unit).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_back_to_its_websocket_with_all_that_it_shows() {
    let server = TestServer::start().await;
    let (mut client, mut rtc) = showing(&server).await;
    pointer(&mut rtc, "press", 50.0);
    for step in 1..=20 {
        pointer(&mut rtc, "move", 50.0 + f64::from(step));
        picture(&mut rtc).await;
    }
    client.say(json!({"type": "transport", "transport": "websocket"})).await;
    let (header, _) = client.frame().await;
    assert!(header.cleared, "the view begins anew");
    // The drag goes on by the other way.
    client
        .say(json!({"type": "pointer", "view": 0, "kind": "release", "button": "left", "x": 70, "y": 50}))
        .await;
    while client.frame().await.0.quality != Quality::Lossless {}
    assert_eq!(client.screen(0).pixels(), drawn(&server, 20.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_way_is_told_and_comes_back_by_an_ice_restart() {
    let server = TestServer::start().await;
    let (mut client, mut rtc) = showing(&server).await;
    // The peer says nothing more: this is not waited for in vain, the server's patience is what is tested.
    let told = client.text_of("transport").await;
    assert_eq!((&told["transport"], told["reason"].is_string()), (&json!("websocket"), true));
    client.frame().await;
    rtc.restart(&mut client).await;
    client.say(json!({"type": "transport", "transport": "webrtc"})).await;
    while !matches!(rtc.next().await, Arrival::Frame(header) if header.cleared) {}
    pointer(&mut rtc, "press", 50.0);
    pointer(&mut rtc, "move", 60.0);
    assert!(picture(&mut rtc).await.0.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_that_nobody_expects_are_not_answered_and_harm_nobody() {
    let server = TestServer::start().await;
    let (_client, mut rtc) = showing(&server).await;
    let stranger = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let to = rtc.server;
    let mut seed = 1u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    // Binding requests: of nobody, and of this client but not signed with its password.
    let request = |user: &str| {
        let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        message.extend([0, 6, 0, user.len() as u8]);
        message.extend(user.bytes());
        message.resize(message.len().next_multiple_of(4), 0);
        message.extend([0, 8, 0, 20]);
        message.extend([0; 20]);
        message[3] = (message.len() - 20) as u8;
        message
    };
    let user = rtc.user.clone();
    for round in 0..3000 {
        let datagram = match round % 3 {
            0 => (0..usize::from(random()) * 5).map(|_| random()).collect(),
            1 => request("abcdefgh:ijkl"),
            _ => request(&user),
        };
        let _ = stranger.try_send_to(&datagram, to);
    }
    pointer(&mut rtc, "press", 50.0);
    // Moves may have been lost among the strangers' datagrams.
    let (pictures, ..) = drag(&mut rtc, &mut 50.0, 2).await;
    assert!(pictures > 10, "{pictures}");
    let mut buffer = [0; 2048];
    let answer = tokio::time::timeout(Duration::from_millis(200), stranger.recv_from(&mut buffer)).await;
    assert!(answer.is_err(), "a stranger gets no answer: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_ends_with_its_session() {
    let server = TestServer::start().await;
    for _ in 0..3 {
        let (mut client, mut rtc) = showing(&server).await;
        client.socket.close(None).await.expect("closes");
        while client.next().await.is_some_and(|message| message.is_ok()) {}
        // The last word has been said; checks of ICE get no answer any more.
        let _ = tokio::time::timeout(Duration::from_millis(100), rtc.run()).await;
        rtc.received = 0;
        let _ = tokio::time::timeout(Duration::from_millis(400), rtc.run()).await;
        assert_eq!(rtc.received, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_cannot_be_answered_are_refused_and_the_session_lives() {
    let server = TestServer::start().await;
    let mut client = server.stream().await;
    let media = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n";
    let many = media.repeat(60);
    let fingerprint = "a=fingerprint:sha-256 00:11\r\n";
    let start = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    let texts = [
        String::new(),
        "nonsense".into(),
        format!("{start}{media}"),
        format!("{start}{fingerprint}{many}"),
        format!("{start}{fingerprint}{media}"),
        format!("{start}{fingerprint}{}", "a=b\r\n".repeat(5000)),
    ];
    for sdp in texts {
        let seq = client.say(json!({"type": "offer", "sdp": sdp, "tracks": []})).await;
        let error = client.text_of("error").await;
        assert_eq!((&error["code"], &error["seq"]), (&json!("webrtcFailed"), &json!(seq)), "{error}");
    }
    client.say(json!({"type": "candidate", "candidate": "nonsense"})).await;
    client.say(json!({"type": "ping", "time": 1})).await;
    assert_eq!(client.text_of("pong").await["time"], 1.0);

    let without = Config { webrtc: None, ..Config::default() };
    let server = TestServer::with(&without, |_| {}).await;
    let mut client = server.connect(Some(protocol::SUBPROTOCOL)).await.expect("lets the token in");
    assert_eq!(client.text().await["iceServers"], json!(null));
    client.say(json!({"type": "offer", "sdp": "v=0", "tracks": []})).await;
    assert_eq!(client.text_of("error").await["code"], "webrtcFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_at_rest_costs_less_than_a_kilobyte_a_second() {
    let server = TestServer::start().await;
    let (_client, mut rtc) = showing(&server).await;
    pointer(&mut rtc, "press", 50.0);
    for step in 1..30 {
        pointer(&mut rtc, "move", 50.0 + f64::from(step));
        picture(&mut rtc).await;
    }
    lossless(&mut rtc).await;
    let _ = tokio::time::timeout(Duration::from_secs(4), rtc.run()).await;
    rtc.received = 0;
    let _ = tokio::time::timeout(Duration::from_secs(5), rtc.run()).await;
    assert!(rtc.received < 5000, "{} bytes in 5 s", rtc.received);
    // And it is awake at once.
    let began = Instant::now();
    pointer(&mut rtc, "move", 95.0);
    picture(&mut rtc).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// Runs the client that is made of aiortc; `None` where there is none on this machine.
async fn aiortc(server: &TestServer, folder: &Folder, mode: &str) -> Option<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/webrtc_peer.py");
    let probe = ["-c", "import aiortc, websockets"];
    let found = std::process::Command::new("/usr/bin/python3").args(probe).output();
    if !found.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: /usr/bin/python3 has no aiortc and websockets");
        return None;
    }
    let url = format!("ws://{}/ws?token={}", server.authority, server.token);
    let [width, height] = SIZE.map(|n| n.to_string());
    let run = tokio::process::Command::new("/usr/bin/python3")
        .arg(script)
        .args([&url, &server.series_uid, &width, &height])
        .arg(&folder.0)
        .arg(mode)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(90), run).await.expect("in time").expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    Some(serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{error}")))
}

/// What aiortc saw is what the renderer draws.
fn check_what_was_seen(server: &TestServer, folder: &Folder, told: &Value) {
    let read = |name: &str| std::fs::read(folder.0.join(name)).expect("written by the peer");
    let expected = drawn(server, 30.0);
    let colours: Vec<u8> = expected.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    let rested = psnr(&read("rested.rgb"), &colours);
    assert!(rested > 50.0, "at rest the hand was less than a tenth of a pixel away: {rested} dB");
    let size = [0, 1].map(|i| told["size"][i].as_u64().expect("a number") as usize);
    let planes = read("picture.yuv");
    let (bright, tint) = planes.split_at(size[0] * size[1]);
    if size == SIZE.map(|n| n as usize) {
        let moving = psnr(bright, &brightness(&expected));
        assert!(moving > 28.0, "{moving} dB");
    }
    assert!(tint.len() * 2 == bright.len() && bright.iter().max() > bright.iter().min());
    assert!(told["pictures"].as_u64() > Some(20), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn aiortc_sees_what_the_renderer_draws() {
    let (server, folder) = (TestServer::start().await, Folder::new());
    let Some(told) = aiortc(&server, &folder, "direct").await else { return };
    assert_eq!(told["way"], "host");
    check_what_was_seen(&server, &folder, &told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_a_relay_alone_can_reach_sees_the_same() {
    let folder = Folder::new();
    let Some(turn) = Turn::start(&folder, "127.0.0.1").await else { return };
    let webrtc = WebRtcConfig {
        ice_servers: vec![turn.url()],
        turn_secret: Some(Secret(Turn::SECRET.into())),
        ..WebRtcConfig::default()
    };
    let config = Config { webrtc: Some(webrtc), ..Config::default() };
    let server = TestServer::with(&config, |_| {}).await;
    let Some(told) = aiortc(&server, &folder, "relay").await else { return };
    assert_eq!(told["way"], "relay");
    check_what_was_seen(&server, &folder, &told);
}

/// A drag of some seconds: pictures, the longest time between two of them, and bytes.
async fn drag(rtc: &mut WebRtc, x: &mut f64, seconds: u64) -> (usize, Duration, usize) {
    let (began, received) = (Instant::now(), rtc.received);
    let (mut last, mut longest, mut pictures) = (began, Duration::ZERO, 0);
    let mut moves = tokio::time::interval(Duration::from_millis(16));
    while began.elapsed() < Duration::from_secs(seconds) {
        tokio::select! {
            arrival = rtc.next() => {
                if let Arrival::Picture { .. } = arrival {
                    (pictures, longest) = (pictures + 1, longest.max(last.elapsed()));
                    last = Instant::now();
                }
            }
            _ = moves.tick() => {
                *x += 1.0;
                pointer(rtc, "move", *x);
            }
        }
    }
    (pictures, longest.max(last.elapsed()), rtc.received - received)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drag_keeps_moving_where_the_way_is_long_and_loses_packets() {
    let server = TestServer::start().await;
    let way = |loss: f64, bits: f64| {
        let there = Conditions { delay: Duration::from_millis(50), loss, ..Conditions::default() };
        Network { up: there, down: Conditions { bits_per_second: Some(bits), ..there } }
    };
    // Bits a second; seconds until pictures are counted; the fewest a second, and the longest time between two. A narrow
    // way is not flooded by the first ones.
    let ways = [(5e6, 2, 20, Duration::from_millis(500)), (1e6, 0, 10, Duration::from_millis(1000))];
    for (bits, settles, fewest, longest) in ways {
        let (_client, mut rtc) = showing_through(&server, [640, 480], Some(way(0.01, bits))).await;
        let mut x = 50.0;
        pointer(&mut rtc, "press", x);
        drag(&mut rtc, &mut x, settles).await;
        let (pictures, freeze, bytes) = drag(&mut rtc, &mut x, 6).await;
        let told = format!("{bits} bit/s: {} a second, {freeze:?}, {} kbit/s", pictures / 6, bytes / 750);
        assert!(pictures / 6 >= fewest && freeze < longest && bytes as f64 * 8.0 / 6.0 < bits, "{told}");
        eprintln!("{told}");
    }
}
