//! Golden pictures: each case is drawn by each back end and compared with the reference, and some of
//! the reference's pictures with PNG files that a person approved.
//!
//! `UPDATE_GOLDEN=1` rewrites those files: look at them before committing. What this
//! machine lacks, a back end or data, is reported as ignored, never as passed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use libtest_mimic::{Arguments, Trial};
use render_core::render::{Mode, RenderParams, Renderer, Sampling};
use render_core::{Frame, ValueImage, Volume};
use tests::backends::{Backend, all, reference};
use tests::cases::{Case, cases};
use tests::compare::{self, tolerance};
use tests::truths::{On, TRUTHS};

fn main() {
    let mut trials = Vec::new();
    for case in cases() {
        if case.golden {
            trials.push(trial(format!("golden::{}", case.name), move || matches_golden(case)));
        }
        for backend in all() {
            let name = format!("picture::{}::{}", case.name, backend.name);
            trials.push(on(backend, name, move |renderer| agrees_with_reference(case, backend, renderer)));
        }
    }
    for truth in TRUTHS {
        let by_reference = On { renderer: reference(), sampling: Sampling::Exact };
        trials.push(trial(format!("truth::{}::reference", truth.name), move || (truth.check)(by_reference)));
        for backend in all() {
            let name = format!("truth::{}::{}", truth.name, backend.name);
            let check = |renderer: &Renderer| (truth.check)(On { renderer, sampling: backend.sampling });
            trials.push(on(backend, name, check));
        }
    }
    if cases().filter_map(|case| case.data).any(|name| tests::data::folder(name).is_none()) {
        eprintln!("skipped: no ../shared/data");
    }
    for backend in all() {
        if let Err(reason) = &backend.renderer {
            eprintln!("skipped: {reason}");
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: String, check: impl FnOnce() -> Result<(), String> + Send + 'static) -> Trial {
    Trial::test(name, move || check().map_err(Into::into))
}

/// A test of one back end, ignored where there is none.
fn on(
    backend: &'static Backend,
    name: String,
    check: impl FnOnce(&Renderer) -> Result<(), String> + Send + 'static,
) -> Trial {
    match &backend.renderer {
        Ok(renderer) => trial(name, move || check(renderer)),
        Err(reason) => trial(name, || Err((*reason).into())).with_ignored_flag(true),
    }
}

/// A case's volume and what the reference makes of it.
struct Expected {
    volume: Arc<Volume>,
    params: RenderParams,
    frame: Frame,
    values: Option<ValueImage>,
}

/// Computed once for all back ends.
fn expected(case: &Case) -> Result<Arc<Expected>, String> {
    type Slot = Arc<OnceLock<Result<Arc<Expected>, String>>>;
    static DONE: LazyLock<Mutex<HashMap<&'static str, Slot>>> = LazyLock::new(Mutex::default);
    let slot = Arc::clone(DONE.lock().map_err(|e| e.to_string())?.entry(case.name).or_default());
    slot.get_or_init(|| {
        let volume = (case.volume)();
        let params = render_core::render::resolve(&(case.view)(&volume), &volume);
        let (frame, values) = draw(reference(), &volume, &params)?;
        Ok(Arc::new(Expected { volume, params, frame, values }))
    })
    .clone()
}

/// The picture, and the values behind it where the mode has some.
fn draw(
    renderer: &Renderer,
    volume: &Arc<Volume>,
    params: &RenderParams,
) -> Result<(Frame, Option<ValueImage>), String> {
    let go_on = AtomicBool::new(false);
    let frame = renderer.render(volume, params, &go_on).map_err(|e| e.to_string())?;
    let values = match params.mode {
        Mode::Projection { .. } | Mode::Slice { .. } => {
            Some(renderer.values(volume, params, &go_on).map_err(|e| e.to_string())?)
        }
        Mode::Volume { .. } | Mode::Isosurface { .. } => None,
    };
    Ok((frame, values))
}

fn agrees_with_reference(case: &Case, backend: &Backend, renderer: &Renderer) -> Result<(), String> {
    let expected = expected(case)?;
    let params = RenderParams { sampling: backend.sampling, ..expected.params.clone() };
    let (frame, values) = draw(renderer, &expected.volume, &params)?;
    if let (Some(actual), Some(expected)) = (&values, &expected.values) {
        compare::values(actual, expected)?;
    }
    let name = format!("{}-{}", case.name, backend.name);
    match backend.sampling {
        Sampling::Exact => compare::pictures(&name, &frame, &expected.frame, &tolerance::EXACT),
        Sampling::Fast => compare::pictures(&name, &frame, &expected.frame, &tolerance::FAST),
    }
}

fn matches_golden(case: &Case) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{}.png", case.name));
    let expected = expected(case)?;
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        return compare::write_png(&path, &expected.frame);
    }
    let golden =
        compare::read_png(&path).map_err(|e| format!("{e}; UPDATE_GOLDEN=1 writes it: then look at it"))?;
    compare::pictures(&format!("{}-golden", case.name), &expected.frame, &golden, &tolerance::GOLDEN)
}
