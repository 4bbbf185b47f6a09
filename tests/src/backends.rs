//! The back ends that every case runs on.

use std::sync::LazyLock;

use render_core::cpu::Level;
use render_core::gpu;
use render_core::render::{Adapter, Choice, Renderer, Sampling};

/// A back end under test: its name in test names, and the renderer, or why this machine has none.
#[derive(Debug)]
pub struct Backend {
    pub name: String,
    pub renderer: Result<Renderer, &'static str>,
    /// How its pictures are sampled.
    pub sampling: Sampling,
}

/// What all others are measured against.
pub fn reference() -> &'static Renderer {
    static REFERENCE: LazyLock<Renderer> = LazyLock::new(|| open(Choice::Reference));
    &REFERENCE
}

/// All back ends but the reference.
pub fn all() -> &'static [Backend] {
    static BACKENDS: LazyLock<Vec<Backend>> = LazyLock::new(|| {
        // CI has no GPU: lavapipe stands in for one.
        let gpu = match gpu::adapters().is_empty() {
            true => Err("no Vulkan adapter"),
            false => Ok(open(Choice::Gpu(Adapter::Software))),
        };
        let single = Level::ALL.iter().map(|&level| Backend {
            name: format!("cpu-{level:?}").to_lowercase(),
            renderer: match level.is_available() {
                true => Ok(open(Choice::CpuWith { level, threads: 1 })),
                false => Err("the processor lacks an instruction set"),
            },
            sampling: Sampling::Exact,
        });
        // More threads than tiles in a row of a small picture, whatever the number of cores.
        let threaded = Choice::CpuWith { level: Level::best(), threads: 5 };
        let mut backends: Vec<_> = single.collect();
        backends.push(Backend {
            name: "cpu-threaded".into(),
            renderer: Ok(open(threaded)),
            sampling: Sampling::Exact,
        });
        for (name, sampling) in [("gpu-exact", Sampling::Exact), ("gpu-fast", Sampling::Fast)] {
            backends.push(Backend { name: name.into(), renderer: gpu.clone(), sampling });
        }
        backends
    });
    &BACKENDS
}

/// Panics when a back end that is there does not work: that is a failure, not a reason to skip it.
fn open(choice: Choice) -> Renderer {
    Renderer::open(choice).unwrap_or_else(|error| panic!("{choice:?} cannot be opened: {error}"))
}
