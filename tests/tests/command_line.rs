//! What the real binary makes of options that cannot be.

use std::process::{Command, Output};

use tests::binary::voxcast;
use tests::server::{Folder, SPEC};

fn run(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } =
        Command::new(voxcast()).args(args).output().expect("the binary starts");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn wrong_usage_is_told_and_ends_with_2_and_what_fails_with_1() {
    for (args, told) in [
        (&["--log", "loud", "info", "x"][..], "trace"),
        (&["--serve"][..], "name at least one folder"),
        (&["mpr", "x", "--origin", "0,0,0", "--slab", "3", "--out", "x.png"][..], "--slab needs --mode"),
        (&["render", "x", "--out", "x.gif"][..], ".png or .dcm"),
        (&["export", "x", "--to", "x.xyz"][..], ".stl"),
        (&["--serve", "x", "--listen", "localhost:8080"][..], "127.0.0.1:8080"),
    ] {
        let (code, errors) = run(args);
        assert_eq!(code, Some(2), "{args:?}: {errors}");
        assert!(errors.contains(told), "{args:?}: {errors}");
    }
    let (code, errors) = run(&["info", "/there/is/no/such/folder"]);
    assert_eq!(code, Some(1), "{errors}");

    // An option that nobody has typed.
    for (args, is_named) in
        [(&["--serve", "x"][..], true), (&["--serve", "x", "--render-width", "wide"][..], false)]
    {
        let program = Command::new(voxcast()).args(args).env("RENDER_WIDTH", "wide").output();
        let Output { status, stderr, .. } = program.expect("the binary starts");
        let errors = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(2), "{errors}");
        assert_eq!(errors.contains("RENDER_WIDTH"), is_named, "{errors}");
    }
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_refused_by_name() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let study = folder.0.join("study");
    render_core::phantom::write_study(&study, &SPEC, |_, _| {}).expect("writes a phantom");
    let secret = folder.0.join("secret");
    std::fs::write(&secret, "north by northwest").expect("a file");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).expect("ours");
    let [study, secret] = [&study, &secret].map(|path| path.to_str().expect("UTF-8"));
    let serve = ["--serve", study, "--port", "0", "--no-index", "--backend", "cpu"];
    let turn = ["--ice-server", "turn:127.0.0.1", "--turn-secret-file", secret];
    let (code, errors) = run(&[&serve[..], &turn[..]].concat());
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("chmod 600") && errors.contains(secret), "{errors}");
}
