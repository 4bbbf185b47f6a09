//! The lanes by themselves: their tests compile in seconds, without the kernels, which take minutes.
#![expect(dead_code, reason = "the tests use a part of what the kernels do")]

mod volume {
    pub use volumes::volume::Voxel;
}

#[path = "../src/cpu"]
mod cpu {
    mod lanes;
}
