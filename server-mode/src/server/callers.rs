//! Connections, and who makes way where there are too many.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// A connection that makes way is closed within this.
const CLOSING: Duration = Duration::from_millis(100);

/// One connection.
#[derive(Debug, Default)]
pub struct Caller {
    is_in: AtomicBool,
    leave: Notify,
}

impl Caller {
    /// It has shown that it may come in, and keeps its place.
    pub fn let_in(&self) {
        self.is_in.store(true, Ordering::Relaxed);
    }

    /// Until it has to make way.
    pub async fn has_to_leave(&self) {
        loop {
            self.leave.notified().await;
            if self.is_outside() {
                return;
            }
        }
    }

    fn is_outside(&self) -> bool {
        !self.is_in.load(Ordering::Relaxed)
    }
}

/// All connections. Nobody who says nothing, or nothing of worth, keeps out who may come in: where all places are taken,
/// the oldest of those goes.
#[derive(Debug)]
pub struct Callers {
    places: Arc<Semaphore>,
    most: usize,
    outside: VecDeque<Weak<Caller>>,
}

impl Callers {
    pub fn new(most: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), most, outside: VecDeque::new() }
    }

    /// A place for a new connection; `None` where all others are in.
    pub async fn place(&mut self) -> Option<(Arc<Caller>, OwnedSemaphorePermit)> {
        let permit = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.oldest_outside()?.leave.notify_one();
                tokio::time::timeout(CLOSING, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()?
            }
        };
        let caller = Arc::new(Caller::default());
        if self.outside.len() >= 2 * self.most {
            self.outside.retain(|caller| caller.upgrade().is_some_and(|caller| caller.is_outside()));
        }
        self.outside.push_back(Arc::downgrade(&caller));
        Some((caller, permit))
    }

    /// Until there is no connection left.
    pub async fn all_gone(&self) {
        let _ = self.places.acquire_many(u32::try_from(self.most).unwrap_or(u32::MAX)).await;
    }

    fn oldest_outside(&mut self) -> Option<Arc<Caller>> {
        while let Some(caller) = self.outside.pop_front() {
            if let Some(caller) = caller.upgrade().filter(|caller| caller.is_outside()) {
                return Some(caller);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that ends when it has to.
    fn hold(caller: &Arc<Caller>, permit: OwnedSemaphorePermit) -> tokio::task::JoinHandle<()> {
        let caller = Arc::clone(caller);
        tokio::spawn(async move {
            caller.has_to_leave().await;
            drop(permit);
        })
    }

    #[tokio::test]
    async fn who_is_in_stays_and_the_oldest_of_the_others_makes_way() {
        let mut callers = Callers::new(3);
        let mut held = Vec::new();
        for number in 0..3 {
            let (caller, permit) = callers.place().await.expect("there is room");
            if number == 0 {
                caller.let_in();
            }
            held.push((hold(&caller, permit), caller));
        }
        for gone in [1, 2] {
            let (caller, permit) = callers.place().await.expect("somebody makes way");
            (&mut held[gone].0).await.expect("its connection ends");
            caller.let_in();
            held.push((hold(&caller, permit), caller));
        }
        assert!(callers.place().await.is_none(), "all are in");
        assert!([0, 3, 4].iter().all(|&number| !held[number].0.is_finished()));
        // Ends of connections give room.
        held[0].0.abort();
        assert!((&mut held[0].0).await.is_err());
        assert!(callers.place().await.is_some());
    }
}
