//! What the GPU says later.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::upload::lock;

/// For the callback that is called with the answer; what is never sent never comes.
#[derive(Debug)]
pub(super) struct Question<T>(Arc<Mutex<Slot<T>>>);

/// For who waits.
#[derive(Debug)]
pub(super) struct Answer<T>(Arc<Mutex<Slot<T>>>);

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    waiting: Option<Waker>,
}

pub(super) fn answer<T>() -> (Question<T>, Answer<T>) {
    let slot = Arc::new(Mutex::new(Slot { value: None, waiting: None }));
    (Question(Arc::clone(&slot)), Answer(slot))
}

impl<T> Question<T> {
    pub(super) fn send(self, value: T) {
        let waiting = {
            let mut slot = lock(&self.0);
            slot.value = Some(value);
            slot.waiting.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut slot = lock(&self.0);
        match slot.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                slot.waiting = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl<T> Answer<T> {
    /// The answer, if it has come.
    pub(super) fn take(&self) -> Option<T> {
        lock(&self.0).value.take()
    }
}
