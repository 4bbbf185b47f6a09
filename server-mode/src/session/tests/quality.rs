//! How good pictures are while something moves, and on their way to lossless.

use super::*;

#[test]
fn a_final_picture_becomes_lossless_part_by_part_and_then_costs_nothing() {
    let mut stage = settling();
    assert_eq!(stage.session.wake_at(), None);
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 10.0);
    stage.draw(0);
    stage.acknowledge(0);
    stage.pointer(0, "release", 10.0);
    let job = stage.begin(0);
    assert!(matches!(job.coding, Coding::Parts { brush: Brush { quality: 90, settles: true, .. }, .. }));
    stage.finish(&job, MS);
    assert_eq!(stage.session.wake_at(), Some(stage.now + 350 * MS));
    stage.wait(350 * MS);
    assert!(stage.jobs.is_empty(), "lossless parts wait until the final picture is seen");
    stage.acknowledge(0);
    for (lossless, is_seen) in [(None, false), (None, true), (Some(0xabcd), true)] {
        let job = stage.begin(0);
        assert!(matches!(job.coding, Coding::Rest { .. }) && job.meta.quality == Quality::Lossless);
        stage.finish_with(&job, Duration::ZERO, 1.0, Painted { lossless, ..painted(&job) });
        let header = stage.headers(0).next_back().expect("a frame");
        let wanted = if lossless.is_some() { Quality::Lossless } else { Quality::Final };
        assert_eq!((header.codec, header.quality, header.hash), (Codec::Png, wanted, lossless.unwrap_or(0)));
        if is_seen {
            assert!(stage.jobs.is_empty(), "two parts are on their way at most");
            stage.acknowledge(0);
        }
    }
    assert!(stage.jobs.is_empty());
    assert_eq!(stage.session.wake_at(), None);
}

#[test]
fn a_picture_that_was_drawn_before_the_client_took_lossless_ones_is_drawn_again_once() {
    let mut stage = Stage::showing();
    stage.wait(350 * MS);
    stage.say(json!({"type": "accept", "codecs": ["png"]}));
    let job = stage.begin(0);
    assert!(matches!(job.coding, Coding::Rest { .. }));
    stage.input(Input::Rendered(Rendered { meta: job.meta.clone(), picture: Err(Failure::Forgotten) }));
    let job = stage.begin(0);
    assert!(
        matches!(job.coding, Coding::Parts { brush: Brush { settles: true, .. }, .. }),
        "{:?}",
        job.coding
    );
    stage.finish(&job, MS);
    stage.acknowledge(0);
    stage.wait(350 * MS);
    assert!(matches!(stage.begin(0).coding, Coding::Rest { .. }));
}

#[test]
fn input_ends_the_way_to_a_lossless_picture() {
    let mut stage = settling();
    stage.say(json!({"type": "preset", "view": 0, "name": "CT_Lung"}));
    stage.draw(0);
    stage.acknowledge(0);
    stage.wait(350 * MS);
    let job = stage.begin(0);
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 10.0);
    stage.jobs.clear();
    stage.finish(&job, Duration::ZERO);
    let job = stage.begin(0);
    assert_eq!(job.meta.quality, Quality::Interactive);
    stage.finish(&job, MS);
    stage.acknowledge(0);
    stage.wait(480 * MS);
    assert!(stage.jobs.is_empty(), "nothing becomes lossless while a hand holds it");
}

#[test]
fn a_final_picture_that_the_way_does_not_carry_at_once_comes_in_parts_that_new_input_ends() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "preset", "view": 0, "name": "CT_Lung"}));
    let job = stage.begin(0);
    assert!(matches!(job.coding, Coding::Parts { brush: Brush { most: Some(_), .. }, .. }));
    let part = |job: &Job, lacking| Painted { lacking, ..painted(job) };
    stage.finish_with(&job, MS, 1.0, part(&job, true));
    let quality = |stage: &Stage| stage.headers(0).next_back().expect("a frame").quality;
    assert_eq!(quality(&stage), Quality::Interactive);
    for lacking in [true, false] {
        let job = stage.begin(0);
        assert!(matches!(job.coding, Coding::Rest { .. }), "drawn once: {:?}", job.coding);
        stage.finish_with(&job, MS, 1.0, part(&job, lacking));
        stage.acknowledge(0);
    }
    assert_eq!(quality(&stage), Quality::Final);
    stage.wait(Duration::from_secs(1));
    assert!(stage.jobs.is_empty());

    stage.say(json!({"type": "preset", "view": 0, "name": "CT_Bone"}));
    let job = stage.begin(0);
    stage.finish_with(&job, MS, 1.0, part(&job, true));
    stage.pointer(0, "press", 0.0);
    stage.pointer(0, "move", 10.0);
    assert_eq!(stage.begin(0).meta.quality, Quality::Interactive);
}

#[test]
fn what_moves_shrinks_on_a_narrow_way_and_grows_again() {
    let mut stage = Stage::new(Dialect::Stream);
    stage.say(json!({"type": "accept", "codecs": ["h264"]}));
    stage.say(json!({"type": "openSeries", "seriesInstanceUid": ""}));
    stage.say(json!({"type": "layout", "views": [{"view": 0, "content": "axial", "size": [1280, 720]}]}));
    stage.opened(Ok(series()));
    stage.settle();
    stage.pointer(0, "press", 0.0);
    let mut x = 0.0;
    let mut drag = |stage: &mut Stage, queues: bool| {
        let mut width = 0;
        for frame in 0..400 {
            let way = if queues && frame % 3 > 0 { 300 * MS } else { 5 * MS };
            x += 1.0;
            stage.pointer(0, "move", x);
            let job = stage.begin(0);
            width = job_size(&job)[0];
            stage.finish(&job, MS);
            stage.now += way;
            stage.acknowledge(0);
            stage.wait(100 * MS);
        }
        width
    };
    assert_eq!(drag(&mut stage, false), 1280);
    let narrow = drag(&mut stage, true);
    assert!(narrow <= 640, "{narrow}");
    assert_eq!(drag(&mut stage, false), 1280);
}

#[test]
fn what_moves_is_a_video_for_a_client_that_decodes_it_and_its_rate_follows_the_link() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "accept", "codecs": ["h264"]}));
    stage.pointer(0, "press", 0.0);
    let mut rates = Vec::new();
    for x in 1..=40 {
        stage.pointer(0, "move", f64::from(x));
        let job = stage.begin(0);
        let Coding::Film { film, .. } = job.coding else { panic!("a video: {:?}", job.coding) };
        rates.push(film.bits_per_second);
        stage.finish(&job, MS);
        // The link becomes narrow.
        stage.now += if x > 20 { 300 * MS } else { 20 * MS };
        stage.acknowledge(0);
    }
    assert!(rates[20] > rates[0] && rates[39] < rates[20] / 4, "{rates:?}");
    stage.pointer(0, "release", 40.0);
    let job = stage.begin(0);
    assert!(
        matches!(job.coding, Coding::Parts { brush: Brush { quality: 90, .. }, .. }),
        "at rest it is a picture"
    );
    stage.finish(&job, MS);
    stage.acknowledge(0);
    assert_eq!(stage.session.wake_at(), Some(stage.now + 10_000 * MS), "then its encoder is let go");
    stage.wait(10_000 * MS);
    assert!(stage.jobs.is_empty());
    assert_eq!(stage.session.wake_at(), None);
}

#[test]
fn a_view_that_never_comes_to_rest_gives_its_encoder_back_too() {
    for paused in [false, true] {
        let mut stage = Stage::showing();
        stage.say(json!({"type": "accept", "codecs": ["h264"]}));
        stage.pointer(0, "press", 0.0);
        for x in [10.0, 20.0] {
            stage.pointer(0, "move", x);
            stage.draw(0);
        }
        // Nobody looks at it: no frame is acknowledged.
        stage.say(json!({"type": "layout", "views": [
            {"view": 0, "content": "volume", "size": [400, 300], "paused": paused},
        ]}));
        let wakes = std::iter::from_fn(|| {
            let at = stage.session.wake_at()?;
            stage.wait(at - stage.now);
            Some(at)
        });
        assert!(wakes.take(5).count() < 5, "paused: {paused}");
        assert!(stage.jobs.is_empty());
    }
}

#[test]
fn a_client_that_takes_no_lossless_pictures_gets_none() {
    let mut stage = Stage::showing();
    stage.wait(1000 * MS);
    assert!(stage.jobs.is_empty());
    assert_eq!(stage.session.wake_at(), None);
}
