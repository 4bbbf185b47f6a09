//! The server as its clients see it: a program that knows only the plain protocol, one that speaks
//! `voxcast.v1`, and some that mean harm.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::SinkExt;
use protocol::{Codec, FrameHeader, Quality, ServerMessage};
use render_core::render::Choice;
use render_core::scene::view::Orientation;
use render_core::scene::{Content, ViewState};
use render_core::{Progress, Renderer, dicom};
use serde_json::{Value, json};
use server_mode::{Config, Server, Studies};
use tests::server::{Client, Folder, PATIENCE, TestServer};
use tokio_tungstenite::tungstenite::{self, Message};
use turbojpeg::{Image, PixelFormat};

fn decode(jpeg: &[u8]) -> Image<Vec<u8>> {
    turbojpeg::decompress(jpeg, PixelFormat::RGB).expect("a frame of the plain protocol is a JPEG")
}

/// Mean difference of two JPEGs, 0 to 255.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    let (a, b) = (decode(a), decode(b));
    assert_eq!((a.width, a.height), (b.width, b.height));
    mean_difference(&a.pixels, &b.pixels)
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

async fn load(server: &TestServer, client: &mut Client) -> Vec<u8> {
    client.send(&json!({"action": "loadStudy", "path": ""})).await;
    assert_eq!(client.text().await, json!({"type": "studyLoaded", "studyId": server.study_uid}));
    client.binary().await
}

async fn mouse(client: &mut Client, kind: &str, x: i32, y: i32) {
    client.send(&json!({"action": "mouse", "type": kind, "x": x, "y": y, "button": 0})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_client_loads_turns_windows_and_resets() {
    let server = TestServer::start().await;
    let mut client = server.plain().await;
    let first = load(&server, &mut client).await;
    let picture = decode(&first);
    assert_eq!((picture.width, picture.height), (320, 180));

    mouse(&mut client, "mousedown", 100, 90).await;
    mouse(&mut client, "mousemove", 160, 90).await;
    let moved = client.binary().await;
    assert!(difference(&first, &moved) > 1.0, "a drag turns the picture");
    mouse(&mut client, "mouseup", 160, 90).await;
    let rested = client.binary().await;
    assert!(difference(&moved, &rested) < 8.0, "letting go shows the same view");
    assert!(rested.len() > moved.len(), "{} bytes at rest, {} while moving", rested.len(), moved.len());

    client.send(&json!({"action": "windowLevel", "window": 100, "level": 700})).await;
    let windowed = client.binary().await;
    assert!(difference(&rested, &windowed) > 1.0, "a window changes the picture");
    client.send(&json!({"action": "preset", "preset": "CT_SoftTissue"})).await;
    let soft = client.binary().await;
    assert!(difference(&windowed, &soft) > 1.0, "a preset changes the picture");
    client.send(&json!({"action": "reset"})).await;
    assert!(difference(&first, &client.binary().await) < 0.01, "reset brings the first picture back");
    client.send(&json!({"action": "render"})).await;
    assert!(difference(&first, &client.binary().await) < 0.01, "render draws the same picture again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_client_zooms_and_pans_with_the_other_buttons_and_the_wheel() {
    let server = TestServer::start().await;
    let mut client = server.plain().await;
    let mut last = load(&server, &mut client).await;
    for button in [1, 2] {
        for (kind, y) in [("mousedown", 50), ("mousemove", 80)] {
            client.send(&json!({"action": "mouse", "type": kind, "x": 9, "y": y, "button": button})).await;
        }
        let next = client.binary().await;
        assert!(difference(&last, &next) > 0.5, "button {button} changes the picture");
        client.send(&json!({"action": "mouse", "type": "mouseup", "x": 9, "y": 80, "button": button})).await;
        last = client.binary().await;
    }
    client.send(&json!({"action": "mouse", "type": "wheel", "x": 9, "y": 9, "delta": 300})).await;
    assert!(difference(&last, &client.binary().await) > 0.5, "the wheel changes the picture");
}

/// Neither the WebSocket nor the JPEG decoder of that client are ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_plain_client_of_another_make_turns_the_volume() {
    let found = std::process::Command::new("/usr/bin/python3").args(["-c", "import av, websockets"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: /usr/bin/python3 has no av and websockets");
    }
    let server = TestServer::start().await;
    let run = tokio::process::Command::new("/usr/bin/python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/ws_peer.py"))
        .args([&format!("ws://{}/ws", server.authority), &server.token])
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, run).await.expect("in time").expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["withoutToken"], 401);
    assert_eq!(told["connected"], json!(["sessionId", "type"]));
    assert_eq!((&told["studyLoaded"], &told["size"]), (&json!(server.study_uid), &json!([320, 180])));
    let number = |name: &str| told[name].as_f64().expect("a number");
    let steps: Vec<f64> =
        told["steps"].as_array().expect("a list").iter().filter_map(Value::as_f64).collect();
    assert!(
        steps.len() == 15 && steps.iter().all(|by| *by > 0.3),
        "every step shows another picture: {steps:?}"
    );
    assert!(number("released") < 8.0, "letting go shows the same view: {told}");
    assert!(number("back") < 3.0 && number("reset") < 0.01, "the first picture comes back: {told}");
    assert!(number("slice") > 4.0, "a slice is another picture: {told}");
    for wrong in ["early", "wrong", "garbage", "unknown"] {
        assert_eq!(told[wrong], "error", "{wrong} is answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_client_gets_numbered_frames_that_echo_its_input() {
    let server = TestServer::start().await;
    let mut client = server.stream().await;
    client.say(json!({"type": "openSeries", "seriesInstanceUid": server.series_uid})).await;
    let views = json!([
        {"view": 0, "content": "volume", "size": [200, 160]},
        {"view": 3, "content": "axial", "size": [120, 100]},
    ]);
    client.say(json!({"type": "layout", "views": views})).await;
    let opened = client.text_of("seriesOpened").await;
    assert_eq!(opened["dims"], json!([64, 64, 48]));
    let mut sizes: Vec<(u8, [u16; 2])> = Vec::new();
    for _ in 0..2 {
        let (header, _) = client.frame().await;
        assert_eq!((header.quality, header.frame), (Quality::Final, 1));
        assert!(client.screen(header.view).pixels().as_chunks::<4>().0.iter().any(|pixel| pixel[0] > 100));
        sizes.push((header.view, header.size));
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [(0, [200, 160]), (3, [120, 100])]);

    client
        .say(json!({"type": "pointer", "view": 0, "kind": "press", "button": "left", "x": 9, "y": 9}))
        .await;
    let moved = client.say(json!({"type": "pointer", "view": 0, "kind": "move", "x": 60, "y": 9})).await;
    let (header, _) = client.frame().await;
    assert_eq!((header.view, header.input_seq, header.quality), (0, moved, Quality::Interactive));
    let released = client
        .say(json!({"type": "pointer", "view": 0, "kind": "release", "button": "left", "x": 60, "y": 9}));
    let released = released.await;
    let last = loop {
        let (header, _) = client.frame().await;
        if header.quality == Quality::Final {
            break header;
        }
    };
    assert_eq!((last.view, last.input_seq, last.size), (0, released, [200, 160]));

    client.say(json!({"type": "scroll", "view": 3, "slices": 4})).await;
    let view = client.text_of("view").await;
    serde_json::from_value::<ServerMessage>(view.clone()).expect("a message of the protocol");
    let (header, _) = client.frame().await;
    assert_eq!((view["view"].as_u64(), view["revision"].as_u64()), (Some(3), Some(header.view_revision)));
    client.say(json!({"type": "ping", "time": 12.5})).await;
    assert_eq!(client.text_of("pong").await["time"], 12.5);
}

/// The first look at the study, drawn without a server.
fn drawn(server: &TestServer, content: &str, size: [u32; 2]) -> Vec<u8> {
    let library =
        dicom::scan(std::slice::from_ref(&server.folder.0), &Progress::default()).expect("finds the study");
    let series = &library.studies[0].series[0];
    let volume = dicom::load(series, &Progress::default()).expect("loads").volume;
    let content = if content == "axial" { Content::Slice } else { Content::Volume };
    let params =
        render_core::render::resolve(&ViewState::new(&volume, content, Orientation::Axial, size), &volume);
    let renderer = Renderer::open(Choice::Cpu).expect("opens");
    renderer.render(&volume, &params, &AtomicBool::new(false)).expect("draws").pixels
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_at_rest_becomes_equal_to_what_the_renderer_draws() {
    let server = TestServer::start().await;
    let mut client = server.stream().await;
    client.say(json!({"type": "accept", "codecs": ["jpeg", "png", "webp"]})).await;
    client.say(json!({"type": "openSeries", "seriesInstanceUid": server.series_uid})).await;
    // Nothing has told the server yet that the way is wide.
    for (content, codec, seq) in [("volume", Codec::WebP, 1.0), ("axial", Codec::Png, 2.0)] {
        let size = [333, 257];
        client.say(json!({"type": "layout", "views": [{"view": 0, "content": content, "size": size}]})).await;
        let lossy = loop {
            let (header, _) = client.frame().await;
            match header.quality {
                Quality::Final if header.codec == Codec::Jpeg => break client.screen(0).pixels().to_vec(),
                _ => {}
            }
        };
        // The test's client compares the picture with its hash.
        let last = loop {
            let (header, _) = client.frame().await;
            if header.quality == Quality::Lossless {
                break header;
            }
        };
        assert_eq!(last.codec, codec, "{content}");
        let expected = drawn(&server, content, size);
        assert_eq!(client.screen(0).pixels(), expected);
        assert_ne!(lossy, expected, "{content}: a JPEG is not equal");
        client.say(json!({"type": "ping", "time": seq})).await;
        assert_eq!(client.text_of("pong").await["time"], seq);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cinematic_view_refines_until_it_is_final_and_makes_way_for_others() {
    let server = TestServer::start().await;
    let mut client = server.stream().await;
    client.say(json!({"type": "openSeries", "seriesInstanceUid": server.series_uid})).await;
    let layout = |content: &str| json!({"type": "layout", "views": [{"view": 0, "content": content, "size": [160, 120]}]});
    client.say(layout("volume")).await;
    let first_revision = loop {
        let (header, _) = client.frame().await;
        if header.quality == Quality::Final {
            break header.view_revision;
        }
    };
    let shaded = client.screen(0).pixels().to_vec();
    // The shaded volume that is there stands in.
    client.say(layout("cinematic")).await;

    // Another client turns its volume meanwhile.
    let mut other = server.stream().await;
    other.say(json!({"type": "openSeries", "seriesInstanceUid": server.series_uid})).await;
    other.say(layout("volume")).await;
    other.frame().await;
    other.say(json!({"type": "rotate", "view": 0, "dx": 40, "dy": 0})).await;
    let (turned, _) = other.frame().await;
    assert_eq!(turned.quality, Quality::Interactive);

    let (mut refined, mut frames, mut revision) = (0.0, 0, None);
    let last = loop {
        let told = client.text_of("view").await["refined"].as_f64().expect("a number");
        assert!(told > refined, "{told} after {refined}");
        refined = told;
        frames += 1;
        let (next, _) = client.frame().await;
        assert!(next.view_revision > first_revision);
        assert_eq!(next.view_revision, *revision.get_or_insert(next.view_revision), "of one view");
        if next.quality == Quality::Final {
            break next;
        }
    };
    assert!(frames >= 1 && refined == 1.0, "{frames} {refined}");
    assert_eq!(last.size, [160, 120]);
    assert!(mean_difference(&shaded, client.screen(0).pixels()) > 2.0, "the light is another");
    client.say(json!({"type": "ping", "time": 1})).await;
    match client.next().await {
        Some(Ok(tungstenite::Message::Text(text))) => assert!(text.contains("pong"), "{text}"),
        other => panic!("a final picture is followed by nothing: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_client_chooses_what_its_view_shows() {
    let server = TestServer::start().await;
    let mut client = server.plain().await;
    let mut last = load(&server, &mut client).await;
    // The smallest values along lines and the mean ones are dark alike.
    for content in ["mip", "minip", "coronal", "mean"] {
        client.send(&json!({"action": "content", "content": content})).await;
        let next = client.binary().await;
        assert!(difference(&last, &next) > 1.0, "{content} is another picture");
        last = next;
    }
    client.send(&json!({"action": "content", "content": "cinematic"})).await;
    assert!(difference(&last, &client.binary().await) > 1.0);
}

fn status(error: &tungstenite::Error) -> u16 {
    match error {
        tungstenite::Error::Http(response) => response.status().as_u16(),
        other => panic!("expected an HTTP status, got {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_opens_the_socket() {
    let server = TestServer::start().await;
    let refused = |path: &'static str, headers: Vec<(&'static str, String)>| {
        let server = &server;
        async move { status(&server.connect_to(path, &headers).await.expect_err("must be refused")) }
    };
    assert_eq!(refused("/ws", vec![]).await, 401);
    assert_eq!(refused("/ws?token=", vec![]).await, 401);
    assert_eq!(refused("/ws?token=0000000000000000000000000000000000000000", vec![]).await, 401);
    assert_eq!(refused("/ws", vec![("Authorization", "Bearer wrong".into())]).await, 401);
    assert_eq!(refused("/ws", vec![("Cookie", "voxcast_1=wrong".into())]).await, 401);
    let port = server.authority.rsplit_once(':').expect("a port").1;
    let bearer = ("Authorization", format!("Bearer {}", server.token));
    let cookie = ("Cookie", format!("voxcast_{port}={}", server.token));
    for header in [bearer, cookie] {
        let mut client = server.connect_to("/ws", &[header]).await.expect("the token opens the socket");
        assert_eq!(client.text().await["type"], "connected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_is_refused_before_the_upgrade() {
    let server = TestServer::start().await;
    let path = format!("/ws?token={}", server.token);
    for origin in ["http://evil.example", "http://127.0.0.1:1", "null", "https://127.0.0.1.evil.example"] {
        let refused = server.connect_to(&path, &[("Origin", origin.into())]).await.expect_err("refused");
        assert_eq!(status(&refused), 403, "{origin}");
    }
    let own = [("Origin", format!("http://{}", server.authority))];
    let mut client = server.connect_to(&path, &own).await.expect("our own page may");
    assert_eq!(client.text().await["type"], "connected");
    let answer = server.get("/", "Origin: http://evil.example\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_there_is_only_the_sign_in_page() {
    let server = TestServer::start().await;
    let thumbnail = format!("/thumbnail/{}", server.series_uid);
    for path in ["/", "/app.js", "/app.css", "/icon.svg", "/nothing", "/../etc/passwd", &thumbnail] {
        let answer = server.get(path, "").await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{path}: {answer}");
        assert!(answer.contains("name=\"token\""), "{path} shows the sign-in page");
    }
    let health = server.get("/healthz", "").await;
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with("\r\n\r\nok"), "{health}");

    let metrics = server.get("/metrics", "").await;
    assert!(metrics.starts_with("HTTP/1.1 401") && !metrics.contains("voxcast_clients"), "{metrics}");
    let metrics = server.get("/metrics", &format!("Authorization: Bearer {}\r\n", server.token)).await;
    assert!(metrics.starts_with("HTTP/1.1 200") && metrics.contains("\nvoxcast_clients 0\n"), "{metrics}");

    let wrong = server.get("/?token=wrong", "").await;
    assert!(wrong.starts_with("HTTP/1.1 401") && wrong.contains("not right"), "{wrong}");
    assert!(!wrong.contains("token=wrong"), "the wrong token is not repeated");
    let entered = server.get(&format!("/?token={}", server.token), "").await;
    assert!(entered.starts_with("HTTP/1.1 303"), "{entered}");
    let lower = entered.to_lowercase();
    assert!(lower.contains("location: /\r\n"), "{entered}");
    assert!(lower.contains("httponly") && lower.contains("samesite=strict"), "{entered}");
    let kept = server.get(&format!("/?transport=jpeg&token={}", server.token), "").await;
    assert!(kept.to_lowercase().contains("location: /?transport=jpeg\r\n"), "{kept}");
    let asked = server.get("/?transport=jpeg", "").await;
    assert!(asked.contains("action=\"/sign-in?transport=jpeg\""), "{asked}");
    let strange = server.get("/?transport=jpeg'%22y", "").await;
    assert!(strange.contains("action=\"/sign-in?\""), "{strange}");
    let cookie = entered.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().expect("name and value"));
    let page = server.get("/", &cookie).await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("/app.js?v="), "{page}");
    for header in ["content-security-policy:", "x-content-type-options: nosniff", "frame-ancestors 'none'"] {
        assert!(page.contains(header), "{header} is missing: {page}");
    }
    let script = page.split_once("\"/app.js?v=").expect("a version").1.split_once('"').expect("quoted").0;
    let script = server.get(&format!("/app.js?v={script}"), &cookie).await;
    assert!(script.starts_with("HTTP/1.1 200") && script.contains("immutable"), "the script may be kept");
    let etag = script.lines().find_map(|line| line.strip_prefix("etag: ")).expect("an ETag");
    let again = server.get("/app.js", &format!("{cookie}If-None-Match: {etag}\r\n")).await;
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    let picture = server.get(&thumbnail, &cookie).await;
    assert!(picture.starts_with("HTTP/1.1 200") && picture.contains("image/jpeg"), "{picture}");
    assert!(server.get("/thumbnail/1.2.3", &cookie).await.starts_with("HTTP/1.1 404"));
    assert!(server.get("/nothing", &cookie).await.starts_with("HTTP/1.1 404"));

    let post = |body: String| {
        let (host, length) = (&server.authority, body.len());
        format!(
            "POST /sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let entered = server.http(&post(format!("token={}", server.token))).await;
    assert!(entered.starts_with("HTTP/1.1 303"), "{entered}");
    let to_jpeg = post(format!("token={}", server.token)).replacen("/sign-in", "/sign-in?transport=jpeg", 1);
    let entered = server.http(&to_jpeg).await;
    assert!(entered.to_lowercase().contains("location: /?transport=jpeg\r\n"), "{entered}");
    assert!(server.http(&post(format!("token={}", "x".repeat(5000)))).await.starts_with("HTTP/1.1 400"));
    for _ in 0..12 {
        server.http(&post("token=wrong".into())).await;
    }
    let refused = server.http(&post("token=wrong".into())).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "who guesses is not listened to for a while: {refused}");
    let entered = server.http(&post(format!("token={}", server.token))).await;
    assert!(entered.starts_with("HTTP/1.1 303"), "others behind the same proxy come in: {entered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_without_end_is_refused() {
    let server = TestServer::start().await;
    let answer = server.get("/", &format!("X-Long: {}\r\n", "x".repeat(100_000))).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    let answer = server.get("/", &"X-Many: x\r\n".repeat(500)).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    server.plain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_answered_by_an_error_and_the_connection_lives() {
    let server = TestServer::start().await;
    let mut client = server.plain().await;
    let first = load(&server, &mut client).await;
    for nonsense in [
        "{",
        "",
        "[]",
        "null",
        r#"{"action":"selfDestruct"}"#,
        r#"{"path":"x"}"#,
        r#"{"action":"mouse","type":"mousemove","x":1e999,"y":0}"#,
        r#"{"action":"preset","preset":"CT_Nothing"}"#,
        r#"{"action":"windowLevel","window":-1,"level":0}"#,
    ] {
        client.send_raw(nonsense).await;
        let error = client.text().await;
        assert_eq!(error["type"], "error", "{nonsense} -> {error}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    }
    client.send(&json!({"action": "render"})).await;
    assert!(difference(&first, &client.binary().await) < 0.01);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enormous_message_closes_its_connection_with_1009_and_no_other() {
    let server = TestServer::start().await;
    let mut bystander = server.plain().await;
    let mut client = server.plain().await;
    // The server stops reading, so sending may end in an error; what counts is the closing code.
    let _ = client.socket.send(Message::text("x".repeat(64 << 20))).await;
    assert_eq!(client.close_code().await, 1009);
    let mut client = server.plain().await;
    client.socket.send(Message::binary(vec![0; 10])).await.expect("sends");
    assert_eq!(client.close_code().await, 1003);
    load(&server, &mut bystander).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_study_opens_studies_below_the_given_folder_and_nothing_else() {
    let server = TestServer::start().await;
    let outside = Folder::new();
    std::fs::write(outside.0.join("secret.dcm"), "not for you").expect("writes");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside.0, server.folder.0.join("way-out")).expect("links");
    let mut client = server.plain().await;
    let outside_file = outside.0.join("secret.dcm").to_string_lossy().into_owned();
    let absolute = server.folder.0.join("study/../../way-out/secret.dcm").to_string_lossy().into_owned();
    for path in [
        "../../etc/passwd",
        "../../../../../../etc/passwd",
        "/etc/passwd",
        "study/../../../etc/passwd",
        "way-out",
        "way-out/secret.dcm",
        "study/missing.dcm",
        "study/truth.json",
        "study\u{0}",
        "1.2.3.4",
        &outside_file,
        &absolute,
    ] {
        client.send(&json!({"action": "loadStudy", "path": path})).await;
        let error = client.text().await;
        assert_eq!(error["type"], "error", "{path:?} -> {error}");
        let text = error.to_string();
        assert!(!text.contains("passwd") && !text.contains("way-out") && !text.contains("secret"), "{text}");
        assert!(!text.contains(&*server.folder.0.to_string_lossy()), "{text}");
    }
    assert_eq!(server.loads.load(Ordering::Relaxed), 0);
    let whole = server.folder.0.to_string_lossy().into_owned();
    for path in ["study", "study/CT0001.dcm", "./study/../study", &server.study_uid, &whole] {
        client.send(&json!({"action": "loadStudy", "path": path})).await;
        let loaded = client.text().await;
        assert_eq!(loaded, json!({"type": "studyLoaded", "studyId": server.study_uid}), "{path}");
        client.binary().await;
    }
    assert_eq!(server.loads.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_want_the_same_series_share_one_load() {
    let (open_gate, gate) = std::sync::mpsc::sync_channel::<()>(0);
    let gate = Mutex::new(gate);
    let server = TestServer::with(&Config::default(), move |progress| {
        progress.add_total(1);
        // The test opens the gate by dropping its end.
        let _ = gate.lock().expect("no panic").recv();
    })
    .await;
    let (mut a, mut b) = (server.stream().await, server.stream().await);
    for client in [&mut a, &mut b] {
        client.say(json!({"type": "openSeries", "seriesInstanceUid": server.series_uid})).await;
        let loading = client.text_of("loading").await;
        assert_eq!(loading["seriesInstanceUid"], json!(server.series_uid));
    }
    drop(open_gate);
    a.text_of("seriesOpened").await;
    b.text_of("seriesOpened").await;
    let mut late = server.plain().await;
    load(&server, &mut late).await;
    assert_eq!(server.loads.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_frees_its_session() {
    let server = TestServer::with(&Config { max_sessions: 1, ..Config::default() }, |_| {}).await;
    let mut first = server.plain().await;
    load(&server, &mut first).await;
    let mut rejected = server.connect(None).await.expect("is upgraded to hear the reason");
    assert_eq!(rejected.close_code().await, 1013);
    mouse(&mut first, "mousedown", 0, 0).await;
    mouse(&mut first, "mousemove", 50, 0).await;
    drop(first);
    let freed = async {
        loop {
            let mut next = server.connect(None).await.expect("upgrades");
            if let Some(Ok(Message::Text(_))) = next.next().await {
                return next;
            }
        }
    };
    let mut next = tokio::time::timeout(PATIENCE, freed).await.expect("the session is freed");
    load(&server, &mut next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_slows_nobody_down() {
    let server = TestServer::start().await;
    let mut sleeper = server.stream().await;
    sleeper.say(json!({"type": "openSeries", "seriesInstanceUid": ""})).await;
    let views = json!([{"view": 0, "content": "volume", "size": [1600, 1200]}]);
    sleeper.say(json!({"type": "layout", "views": views})).await;
    sleeper.text_of("seriesOpened").await;
    sleeper
        .say(json!({"type": "pointer", "view": 0, "kind": "press", "button": "left", "x": 0, "y": 0}))
        .await;
    for x in 0..500 {
        sleeper.say(json!({"type": "pointer", "view": 0, "kind": "move", "x": x, "y": 0})).await;
    }
    let mut other = server.plain().await;
    let first = load(&server, &mut other).await;
    mouse(&mut other, "mousedown", 0, 0).await;
    mouse(&mut other, "mousemove", 90, 0).await;
    assert!(difference(&first, &other.binary().await) > 1.0);
    // What the sleeper missed was never drawn: two frames wait for it, and then the newest state.
    let mut frames: Vec<FrameHeader> = Vec::new();
    while frames.last().is_none_or(|frame| frame.input_seq < 503) {
        frames.push(sleeper.frame().await.0);
    }
    assert!(frames.len() <= 4, "{frames:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_messages_is_slowed_down_and_told_so() {
    let server = TestServer::start().await;
    let mut flood = server.stream().await;
    let total = 5000;
    for time in 0..total {
        flood.say(json!({"type": "ping", "time": time})).await;
    }
    let (mut pongs, mut told) = (0, 0);
    while pongs < total {
        match flood.text().await {
            pong if pong["type"] == "pong" => {
                assert_eq!(pong["time"], f64::from(pongs), "nothing is lost");
                pongs += 1;
            }
            error => {
                assert_eq!(error["code"], "tooFast", "{error}");
                told += 1;
            }
        }
    }
    assert_eq!(told, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_tells_its_clients() {
    let mut server = TestServer::start().await;
    let mut plain = server.plain().await;
    let mut stream = server.stream().await;
    server.stop();
    assert_eq!(plain.text().await["type"], "error");
    assert_eq!(plain.close_code().await, 1001);
    assert_eq!(stream.text().await["code"], "goingAway");
    assert_eq!(stream.close_code().await, 1001);
    drop((plain, stream));
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_with_a_way_out() {
    let server = TestServer::start().await;
    let config = Config { listen: server.authority.parse().expect("an address"), ..Config::default() };
    let renderer = render_core::Renderer::open(render_core::render::Choice::Cpu).expect("opens");
    let studies = Studies::new(Default::default(), &[], Box::new(render_core::dicom::load));
    let error = Server::bind(&config, &renderer, studies).await.expect_err("the port is taken").to_string();
    let port = config.listen.port().to_string();
    assert!(error.contains(&port) && error.contains("--listen"), "{error}");
}

/// What has been logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_or_error_shows_the_token_a_patient_or_a_path() {
    let log = Log::default();
    let sink = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || sink.clone())
        .init();
    let server = TestServer::with(&Config::default(), |_| {}).await;
    let library = render_core::dicom::scan(std::slice::from_ref(&server.folder.0), &Default::default());
    let patient = library.expect("finds the study").studies[0].patient.clone();
    let mut answers: Vec<Value> = Vec::new();
    let mut client = server.plain().await;
    for message in ["{", r#"{"action":"loadStudy","path":"/etc/passwd"}"#, r#"{"action":"preset"}"#] {
        client.send_raw(message).await;
        answers.push(client.text().await);
    }
    load(&server, &mut client).await;
    // A series whose files are gone cannot be read any more.
    std::fs::remove_dir_all(server.folder.0.join("study")).expect("removes");
    server.get("/?token=wrong-but-a-secret-all-the-same", "").await;
    server.get(&format!("/?token={}", server.token), "").await;
    server.get(&format!("/thumbnail/{}", server.series_uid), "").await;
    drop(client);
    let broken = TestServer::with(&Config::default(), |_| {}).await;
    std::fs::remove_dir_all(broken.folder.0.join("study")).expect("removes");
    let mut client = broken.plain().await;
    client.send(&json!({"action": "loadStudy", "path": ""})).await;
    answers.push(client.text().await);
    drop(client);
    let (folder, broken_folder) = (server.folder.0.clone(), broken.folder.0.clone());
    let secrets = [
        server.token.clone(),
        "wrong-but-a-secret".to_owned(),
        patient.name.clone(),
        patient.id.clone(),
        folder.to_string_lossy().into_owned(),
        broken_folder.to_string_lossy().into_owned(),
        "passwd".to_owned(),
    ];
    server.stopped().await;
    broken.stopped().await;
    let log = String::from_utf8_lossy(&log.0.lock().expect("no panic")).into_owned();
    assert!(log.contains("session begins") && log.contains("wrong token"), "the log is on: {log}");
    let answers = json!(answers).to_string();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        assert!(!log.contains(secret.as_str()), "the log shows {secret}: {log}");
        assert!(!answers.contains(secret.as_str()), "an answer shows {secret}: {answers}");
    }
}
