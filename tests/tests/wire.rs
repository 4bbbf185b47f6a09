//! The server as its clients see it: a program that knows only the plain protocol, one that speaks
//! `voxcast.v1`, and some that mean harm.

use serde_json::json;
use tests::server::{Client, TestServer};
use turbojpeg::{Image, PixelFormat};

fn decode(jpeg: &[u8]) -> Image<Vec<u8>> {
    turbojpeg::decompress(jpeg, PixelFormat::RGB).expect("a frame of the plain protocol is a JPEG")
}

/// Mean difference of two pictures, 0 to 255.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    let (a, b) = (decode(a), decode(b));
    assert_eq!((a.width, a.height), (b.width, b.height));
    let sum: u64 = a.pixels.iter().zip(&b.pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.pixels.len() as f64
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
