//! Threads that read files.

use std::sync::OnceLock;

use rayon::ThreadPool;

/// Runs work whose parallel parts go to threads of their own, as many as there are cores. On the threads
/// that draw, pictures would wait until a whole series is read.
pub fn reading<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let build = || rayon::ThreadPoolBuilder::new().thread_name(|i| format!("read {i}")).build().ok();
    match POOL.get_or_init(build) {
        Some(pool) => pool.install(work),
        // A system that gives no more threads has those for all work.
        None => work(),
    }
}
