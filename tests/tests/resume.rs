//! Connections that are lost, and clients that come back to what they saw.

use protocol::Quality;
use serde_json::{Value, json};
use server_mode::Config;
use tests::server::{Client, PATIENCE, TestServer};
use tokio_tungstenite::tungstenite::Message;

/// A client with a turned volume and a slice further on, and its resume token.
async fn at_work(server: &TestServer) -> (Client, String) {
    let mut client = server.connect(Some(protocol::SUBPROTOCOL)).await.expect("lets the token in");
    let connected = client.text().await;
    assert_eq!(connected["resumed"], false);
    client.say(json!({"type": "openSeries", "seriesInstanceUid": server.series_uid})).await;
    let views = json!([
        {"view": 0, "content": "volume", "size": [200, 160]},
        {"view": 1, "content": "axial", "size": [120, 100]},
    ]);
    client.say(json!({"type": "layout", "views": views})).await;
    for _ in 0..2 {
        client.frame().await;
    }
    client.say(json!({"type": "rotate", "view": 0, "dx": 80, "dy": 30})).await;
    let last = client.say(json!({"type": "scroll", "view": 1, "slices": 5})).await;
    let mut rested = [false; 2];
    while rested != [true; 2] {
        let (header, _) = client.frame().await;
        let all = header.quality == Quality::Final && (header.view == 0 || header.input_seq == last);
        rested[usize::from(header.view)] |= all && header.view_revision > 1;
    }
    let token = connected["resumeToken"].as_str().expect("a token").to_owned();
    (client, token)
}

async fn come_back(server: &TestServer, token: &str) -> (Client, Value) {
    let protocols = format!("{}, resume.{token}", protocol::SUBPROTOCOL);
    let path = format!("/ws?token={}", server.token);
    let mut client =
        server.connect_to(&path, &[("Sec-WebSocket-Protocol", protocols)]).await.expect("lets the token in");
    let connected = client.text().await;
    assert_eq!(connected["type"], "connected");
    (client, connected)
}

/// The pictures of both views once they rest.
async fn pictures(client: &mut Client) -> [Vec<u8>; 2] {
    let mut rested = [false; 2];
    while rested != [true; 2] {
        let (header, _) = client.frame().await;
        rested[usize::from(header.view)] |= header.quality == Quality::Final;
    }
    [0, 1].map(|view| client.screen(view).pixels().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_comes_back_to_what_it_saw() {
    let server = TestServer::start().await;
    let (client, token) = at_work(&server).await;
    let before = [0, 1].map(|view| client.screen(view).pixels().to_vec());
    // Gone without a word.
    drop(client);
    let (mut client, connected) = come_back(&server, &token).await;
    assert_eq!((&connected["resumed"], &connected["resumeToken"]), (&json!(true), &json!(token)));
    let opened = client.text_of("seriesOpened").await;
    assert_eq!(opened["seriesInstanceUid"], json!(server.series_uid));
    let state = client.text_of("stateFull").await;
    assert_eq!(state["seriesInstanceUid"], opened["seriesInstanceUid"]);
    assert_eq!(state["views"][1]["slice"], 30);
    assert!(pictures(&mut client).await == before, "the same pictures");
    // Its numbers begin anew.
    let scrolled = client.say(json!({"type": "scroll", "view": 1, "slices": 1})).await;
    assert_eq!(scrolled, 3, "two acknowledgements before");
    while client.frame().await.0.input_seq != scrolled {}
    assert_eq!(server.loads.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_takes_over_from_one_that_only_seems_alive() {
    let server = TestServer::with(&Config { max_sessions: 1, ..Config::default() }, |_| {}).await;
    let (mut old, token) = at_work(&server).await;
    let (mut client, connected) = come_back(&server, &token).await;
    assert_eq!(connected["resumed"], true);
    assert_eq!(old.close_code().await, 1012);
    pictures(&mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_or_never_was_does_not_come_back() {
    let server = TestServer::start().await;
    let (mut client, token) = at_work(&server).await;
    client
        .socket
        .close(Some(tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        }))
        .await
        .expect("closes");
    while client.next().await.is_some_and(|next| next.is_ok()) {}
    for token in [token.as_str(), "", "00000000000000000000000000000000", "../../etc"] {
        let (_, connected) = come_back(&server, token).await;
        assert_eq!(connected["resumed"], false, "{token}");
        assert_ne!(connected["resumeToken"], json!(token));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_that_come_and_go_leave_room_for_the_next() {
    let server = TestServer::with(&Config { max_sessions: 4, ..Config::default() }, |_| {}).await;
    let (mut resident, _) = at_work(&server).await;
    for _ in 0..200 {
        let come = async {
            loop {
                let mut client = server.connect(Some(protocol::SUBPROTOCOL)).await.expect("upgrades");
                if let Some(Ok(Message::Text(_))) = client.next().await {
                    return client;
                }
            }
        };
        let mut client = tokio::time::timeout(PATIENCE, come).await.expect("there is room");
        client.say(json!({"type": "openSeries", "seriesInstanceUid": ""})).await;
        client
            .say(json!({"type": "layout", "views": [{"view": 0, "content": "axial", "size": [64, 64]}]}))
            .await;
    }
    let seq = resident.say(json!({"type": "scroll", "view": 1, "slices": 1})).await;
    while resident.frame().await.0.input_seq != seq {}
}
