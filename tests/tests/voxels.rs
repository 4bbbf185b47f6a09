//! Voxels for clients that draw them themselves.

use std::sync::Arc;

use protocol::voxels::{CHUNK_BYTES, Decoder, Kind};
use render_core::halved::Reduction;
use render_core::{Progress, Volume, Voxels, dicom};
use serde_json::json;
use server_mode::{Config, VoxelPolicy};
use tests::server::{Client, TestServer};

/// The volume that the server shows.
fn volume(server: &TestServer) -> Arc<Volume> {
    let library =
        dicom::scan(std::slice::from_ref(&server.folder.0), &Progress::default()).expect("it is there");
    dicom::load(&library.studies[0].series[0], &Progress::default()).expect("it can be read").volume
}

async fn open(server: &TestServer) -> Client {
    let mut client = server.stream().await;
    client.say(json!({"type": "openSeries", "seriesInstanceUid": server.series_uid})).await;
    client.text_of("seriesOpened").await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_the_voxels_of_what_it_has_open_coarse_or_whole() {
    let server = TestServer::start().await;
    let whole = format!("/voxels/{}/0", server.series_uid);
    let (head, _) = server.bytes(&whole, "").await;
    assert!(head.starts_with("HTTP/1.0 404"), "nobody has it open: {head}");
    let _client = open(&server).await;
    let mut expected = volume(&server);
    for level in 0..3 {
        let (head, body) = server.bytes(&format!("/voxels/{}/{level}", server.series_uid), "").await;
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        assert!(head.to_lowercase().contains("cache-control: private, no-store"), "{head}");
        let mut decoder = Decoder::default();
        decoder.push(&body);
        let header = decoder.header().expect("a header").expect("all of it");
        assert_eq!((header.level, header.dims), (level, expected.geometry().dims()));
        assert_eq!(
            (header.slope, header.intercept),
            (expected.rescale().slope, expected.rescale().intercept)
        );
        let Voxels::I16(voxels) = expected.voxels() else { panic!("the phantom has 16 bits") };
        assert_eq!(header.kind, Kind::I16);
        let mut read = vec![0i16; voxels.len()];
        decoder.read(&mut read).expect("they can be read");
        decoder.finish().expect("all of them");
        assert!(read[..] == voxels[..], "level {level} is what the server has");
        assert!(body.len() < voxels.len() * 2, "{} bytes for {} voxels", body.len(), voxels.len());
        expected = expected.halved(Reduction::Mean);
    }
    assert!(
        server.bytes(&format!("/voxels/{}/5", server.series_uid), "").await.0.starts_with("HTTP/1.0 404")
    );
    assert!(server.bytes("/voxels/1.2.3/0", "").await.0.starts_with("HTTP/1.0 404"));
    assert!(server.get(&whole, "").await.starts_with("HTTP/1.1 401"), "not without the token");
}

#[tokio::test(flavor = "multi_thread")]
async fn voxels_that_a_client_has_are_not_sent_again() {
    let server = TestServer::start().await;
    let _client = open(&server).await;
    let tag = async |level| {
        let (head, _) = server.bytes(&format!("/voxels/{}/{level}", server.series_uid), "").await;
        head.lines()
            .find_map(|line| line.to_lowercase().strip_prefix("etag: ").map(str::to_owned))
            .expect("a tag")
    };
    let (whole, half) = (tag(0).await, tag(1).await);
    assert_ne!(whole, half);
    let path = format!("/voxels/{}/0", server.series_uid);
    let (head, body) = server.bytes(&path, &format!("If-None-Match: {whole}\r\n")).await;
    assert!(head.starts_with("HTTP/1.0 304") && body.is_empty(), "{head}");
    let (head, body) = server.bytes(&path, &format!("If-None-Match: {half}\r\n")).await;
    assert!(head.starts_with("HTTP/1.0 200") && body.len() > CHUNK_BYTES / 16, "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_keep_its_voxels_to_itself() {
    let server = TestServer::with(&Config { voxels: VoxelPolicy::None, ..Config::default() }, |_| {}).await;
    let _client = open(&server).await;
    let (head, body) = server.bytes(&format!("/voxels/{}/0", server.series_uid), "").await;
    assert!(head.starts_with("HTTP/1.0 403"), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("--voxels none"));
}
