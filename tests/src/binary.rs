//! The program under test, built as users get it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The path of `voxcast`, built once per test program in the profile of the tests. `VOXCAST_BIN`
/// names a binary that is there already.
pub fn voxcast() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| std::env::var_os("VOXCAST_BIN").map_or_else(build, PathBuf::from)).clone()
}

fn build() -> PathBuf {
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let built = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--locked", "--package", "voxcast"])
        .args(profile)
        .status();
    assert!(built.is_ok_and(|status| status.success()), "voxcast does not build");
    // Test programs lie in `deps`, one folder below the binaries.
    let this = std::env::current_exe().expect("a test program has a path");
    let folder = this.ancestors().nth(2).expect("a test program lies in target/<profile>/deps");
    folder.join(format!("voxcast{}", std::env::consts::EXE_SUFFIX))
}
