//! Words that messages share.

use std::fmt::Display;

/// A number and what it counts: `1 slice`, `2 slices`.
pub fn counted<C: Copy + Display + PartialEq + From<u8>>(count: C, noun: &str) -> String {
    let ending = if count == C::from(1) { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// A reason why a file cannot be used, with what to do about it. Where the reason does not say that
/// itself, behind a semicolon, the file was damaged on its way or written wrongly.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn advised(mut reason: String) -> String {
    if !reason.contains("; ") {
        reason.push_str("; copy or export the file again from where it came");
    }
    reason
}
