//! The back ends that every case runs on.

use std::sync::LazyLock;

use render_core::render::{Adapter, Choice, Renderer};

/// A back end under test: its name in test names, and the renderer if this machine has it.
#[derive(Debug)]
pub struct Backend {
    pub name: &'static str,
    pub renderer: Result<Renderer, String>,
}

/// What all others are measured against.
pub fn reference() -> &'static Renderer {
    static REFERENCE: LazyLock<Renderer> =
        LazyLock::new(|| Renderer::open(Choice::Reference).expect("the reference opens anywhere"));
    &REFERENCE
}

/// All back ends but the reference.
pub fn all() -> &'static [Backend] {
    static BACKENDS: LazyLock<Vec<Backend>> = LazyLock::new(|| {
        // CI has no GPU: lavapipe stands in for one.
        let gpu = Renderer::open(Choice::Gpu(Adapter::Software));
        vec![
            Backend { name: "cpu", renderer: Renderer::open(Choice::Cpu).map_err(|e| e.to_string()) },
            Backend { name: "gpu", renderer: gpu.map_err(|_| "no Vulkan adapter".into()) },
        ]
    });
    &BACKENDS
}
