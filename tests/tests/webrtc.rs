//! Sessions that WebRTC carries, with a client that is not a browser.

use std::sync::atomic::AtomicBool;

use ffmpeg_next as ffmpeg;
use protocol::{Codec, Quality};
use render_core::render::Choice;
use render_core::scene::view::Orientation;
use render_core::scene::{Content, ViewState};
use render_core::{Progress, RenderParams, Renderer, dicom};
use serde_json::json;
use tests::server::{Client, TestServer};
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
    let mut client = server.stream().await;
    client.say(json!({"type": "accept", "codecs": ["png"]})).await;
    client.say(json!({"type": "openSeries", "seriesInstanceUid": server.series_uid})).await;
    client.say(json!({"type": "layout", "views": [{"view": 0, "content": "volume", "size": SIZE}]})).await;
    client.frame().await;
    let mut rtc = WebRtc::connect(&mut client, &[0]).await;
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
            assert_eq!(header.key, shown.1.is_empty(), "one picture that needs none before it");
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
    let params = RenderParams::resolve(&state, &volume);
    renderer.render(&volume, &params, &AtomicBool::new(false)).expect("draws").pixels
}
