//! Threads whose work can wait.

/// The system gives the calling thread, and those that it starts from now on, a quarter of a core's time where others have
/// work for it, too. Where it cannot be asked to, they share it evenly.
pub fn give_way() {
    // On Linux it is the thread's own, elsewhere the whole program's.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(5) {
        tracing::debug!(%error, "a thread does not give way");
    }
}
