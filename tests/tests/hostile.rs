//! Clients that ask for too much: they wait, nobody else does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::Quality;
use render_core::scene::layer::{Layer, Look};
use render_core::scene::view::Orientation;
use render_core::scene::{Content, ViewState};
use server_mode::remote::{Event, Picture, Remote, RemoteSeries};
use tests::server::{PATIENCE, TestServer};

/// What others do delays a picture by no more than this: some milliseconds where the machine has nothing else to do.
const BOUND: Duration = Duration::from_secs(5);

async fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < within, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn connected(server: &TestServer) -> (Remote, Arc<RemoteSeries>) {
    let remote = Remote::connect(&server.url, || {}).expect("what a server prints");
    until("the library", PATIENCE, || (!remote.library().is_empty()).then_some(())).await;
    remote.open(&server.series_uid);
    let opened = || {
        remote.take_events().into_iter().find_map(|event| match event {
            Event::Opened(series) => Some(series),
            _ => None,
        })
    };
    let series = until("the series", PATIENCE, opened).await;
    (remote, series)
}

/// A large picture of the finest samples, with every effect and a series over it: minutes of work.
fn costly(series: &RemoteSeries) -> ViewState {
    let mut view = ViewState::new(&series.outline, Content::Volume, Orientation::Axial, [2048, 2048]);
    (view.step_voxels, view.effects.shadows, view.effects.ambient_occlusion) = (0.1, true, true);
    let look = Look::Values(view.transfer.clone());
    view.layers.push(Layer { volume: Arc::clone(&series.stand_in), look, opacity: 0.1 });
    view
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_minutes_holds_up_neither_others_nor_what_its_client_wants_next() {
    let server = TestServer::start().await;
    let (greedy, series) = connected(&server).await;
    let (other, _) = connected(&server).await;
    let mut slice = ViewState::new(&series.outline, Content::Slice, Orientation::Axial, [320, 240]);
    other.show(0, &series.id, &slice, false);
    let shows = |remote: &Remote, slot, slice: &ViewState| {
        remote.take_picture(slot).filter(|p: &Picture| p.view.plane == slice.plane)
    };
    until("a picture", PATIENCE, || shows(&other, 0, &slice)).await;

    let costly = costly(&series);
    for slot in 0..3 {
        greedy.show(slot, &series.id, &costly, false);
    }
    // It is being drawn; coarse pictures come, no whole one.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for step in 1..=8 {
        let began = Instant::now();
        slice.plane.scroll(1, &*series.outline);
        slice.touch();
        other.show(0, &series.id, &slice, true);
        until(&format!("moving picture {step}"), BOUND, || shows(&other, 0, &slice)).await;
        eprintln!("moving picture {step}: {:?}", began.elapsed());
    }
    let began = Instant::now();
    other.show(0, &series.id, &slice, false);
    let rests = |p: &Picture| p.view.plane == slice.plane && p.quality != Quality::Interactive;
    until("a picture at rest", BOUND, || other.take_picture(0).filter(rests)).await;
    eprintln!("a picture at rest: {:?}", began.elapsed());

    let began = Instant::now();
    for slot in 0..3 {
        greedy.show(slot, &series.id, &ViewState { size: [64, 64], ..slice.clone() }, false);
    }
    for slot in 0..3 {
        until("what it wants next", BOUND, || shows(&greedy, slot, &slice)).await;
    }
    eprintln!("what it wants next: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_what_takes_seconds_lets_others_move() {
    let server = TestServer::start().await;
    let (greedy, series) = connected(&server).await;
    let (other, _) = connected(&server).await;
    let (mut turned, id) = (costly(&series), series.id.clone());
    let hand = tokio::spawn(async move {
        loop {
            turned.camera.azimuth(1.0);
            turned.touch();
            for slot in 0..3 {
                greedy.show(slot, &id, &turned, true);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut slice = ViewState::new(&series.outline, Content::Slice, Orientation::Axial, [320, 240]);
    for step in 1..=8 {
        let began = Instant::now();
        slice.plane.scroll(1, &*series.outline);
        slice.touch();
        other.show(0, &series.id, &slice, true);
        let shows = || other.take_picture(0).filter(|p: &Picture| p.view.plane == slice.plane);
        until(&format!("moving picture {step}"), BOUND, shows).await;
        eprintln!("moving picture {step}: {:?}", began.elapsed());
    }
    hand.abort();
}
