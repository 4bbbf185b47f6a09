//! An opened device whose failures come back as errors.

//!
//! Waiting is asynchronous, because browsers let nobody block. Elsewhere it is done within a single poll:
//! `guard` drives a whole picture's work on the caller's thread, and nothing is ever pending.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::answer::{Answer, answer};
use crate::render::RenderError;

#[derive(Debug)]
pub(super) struct Device {
    pub(super) raw: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// The first failure that no caller could have caused; after it the device is not used again.
    fault: Arc<OnceLock<String>>,
}

/// What is asked of an adapter: all it has of limits, and the features that make pictures faster.
pub fn descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
    let useful = wgpu::Features::TEXTURE_FORMAT_16BIT_NORM
        | wgpu::Features::FLOAT32_FILTERABLE
        | wgpu::Features::TIMESTAMP_QUERY;
    wgpu::DeviceDescriptor {
        label: Some("voxcast"),
        required_features: adapter.features() & useful,
        // The defaults stop at 2048 voxels per axis and 256 MiB per buffer.
        required_limits: adapter.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..Default::default()
    }
}

/// What went wrong in one step.
#[derive(Debug)]
pub(super) enum Failure {
    OutOfMemory,
    Other(String),
}

impl From<Failure> for RenderError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::OutOfMemory => Self::Gpu("it has no memory left".into()),
            Failure::Other(text) => Self::Gpu(text),
        }
    }
}

impl Device {
    pub(super) async fn open(
        adapter: &wgpu::Adapter,
        descriptor: &wgpu::DeviceDescriptor<'_>,
    ) -> Result<Self, RenderError> {
        let request = adapter.request_device(descriptor);
        let (raw, queue) = request.await.map_err(|e| RenderError::Gpu(e.to_string()))?;
        Ok(Self::on(raw, queue))
    }

    /// A device that someone else has opened and may use, too.
    pub(super) fn on(raw: wgpu::Device, queue: wgpu::Queue) -> Self {
        let fault = Arc::new(OnceLock::new());
        let on_error = Arc::clone(&fault);
        raw.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            // Only the first failure matters; later ones follow from it.
            let _ = on_error.set(error.to_string());
        }));
        let on_lost = Arc::clone(&fault);
        raw.set_device_lost_callback(move |_, text| {
            let _ = on_lost.set(format!("the device was lost: {text}"));
        });
        Self { raw, queue, fault }
    }

    /// Fails if the device failed before.
    pub(super) fn healthy(&self) -> Result<(), RenderError> {
        match self.fault.get() {
            None => Ok(()),
            Some(text) => Err(RenderError::Gpu(text.clone())),
        }
    }

    /// Runs a whole picture's work. wgpu panics when the driver reports a lost device at the wrong
    /// moment; here that becomes an error, and the device is not used again.
    pub(super) fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, RenderError>>,
    ) -> Result<T, RenderError> {
        self.healthy()?;
        let work = std::panic::AssertUnwindSafe(|| pollster::block_on(work));
        std::panic::catch_unwind(work).unwrap_or_else(|_| {
            let _ = self.fault.set("the driver failed in the middle of a picture".into());
            self.healthy().and(Err(RenderError::Gpu("it failed".into())))
        })
    }

    /// Runs calls that can fail without saying so, and returns what wgpu reports about them.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn checked<T>(&self, work: impl FnOnce() -> T) -> Result<T, Failure> {
        let memory = self.raw.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.raw.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = self.raw.push_error_scope(wgpu::ErrorFilter::Internal);
        let result = work();
        // Scopes end in reverse order.
        let internal = pollster::block_on(internal.pop());
        let validation = pollster::block_on(validation.pop());
        let memory = pollster::block_on(memory.pop());
        match (memory, validation.or(internal)) {
            (Some(_), _) => Err(Failure::OutOfMemory),
            (None, Some(error)) => Err(Failure::Other(error.to_string())),
            (None, None) => Ok(result),
        }
    }

    /// As elsewhere, but a browser tells later what went wrong: whoever waits for the GPU next is told.
    #[cfg(target_arch = "wasm32")]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn checked<T>(&self, work: impl FnOnce() -> T) -> Result<T, Failure> {
        Ok(work())
    }

    /// Waits for what a callback of the GPU sends, but not for ever. Returns how long it took, too.
    /// After an error the GPU may still be at work.
    pub(super) async fn wait<T>(
        &self,
        answer: Answer<T>,
        cancel: &AtomicBool,
    ) -> Result<(T, Duration), RenderError> {
        let answered = waiting::until(self, answer, cancel).await?;
        self.healthy()?;
        Ok(answered)
    }

    /// Waits until all work submitted so far is done.
    pub(super) async fn finish(&self, cancel: &AtomicBool) -> Result<(), RenderError> {
        let (question, answer) = answer();
        self.queue.submit([]);
        self.queue.on_submitted_work_done(move || question.send(()));
        self.wait(answer, cancel).await.map(|_| ())
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod waiting {
    use super::*;

    /// Naps between looks at the GPU: short ones first, so that a quick picture is not held up.
    const SHORT_NAP: Duration = Duration::from_micros(100);
    const LONG_NAP: Duration = Duration::from_millis(1);
    const SHORT_NAPS_FOR: Duration = Duration::from_millis(5);

    /// A submission takes well below a second by design; a GPU that is silent for so long is taken for
    /// dead.
    const LONGEST_SILENCE: Duration = Duration::from_secs(30);

    /// This looks at the GPU from time to time instead of blocking in wgpu's own wait: that one, with
    /// a time limit, panics when two threads use it at the same moment (wgpu-core 30.0).
    pub(super) async fn until<T>(
        device: &Device,
        answer: Answer<T>,
        cancel: &AtomicBool,
    ) -> Result<(T, Duration), RenderError> {
        let mut waited = Duration::ZERO;
        while waited < LONGEST_SILENCE {
            device.raw.poll(wgpu::PollType::Poll).map_err(|e| RenderError::Gpu(e.to_string()))?;
            if let Some(answer) = answer.take() {
                return Ok((answer, waited));
            }
            device.healthy()?;
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
            let nap = if waited < SHORT_NAPS_FOR { SHORT_NAP } else { LONG_NAP };
            std::thread::sleep(nap);
            waited += nap;
        }
        Err(RenderError::Gpu("it does not answer".into()))
    }
}

/// The browser answers, whatever becomes of the device.
#[cfg(target_arch = "wasm32")]
mod waiting {
    use super::*;

    #[wasm_bindgen::prelude::wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = performance, js_name = now)]
        fn now_ms() -> f64;
    }

    pub(super) async fn until<T>(
        _: &Device,
        answer: Answer<T>,
        cancel: &AtomicBool,
    ) -> Result<(T, Duration), RenderError> {
        let begun = now_ms();
        let answer = answer.await;
        if cancel.load(Ordering::Relaxed) {
            return Err(RenderError::Cancelled);
        }
        Ok((answer, Duration::from_secs_f64((now_ms() - begun).max(0.0) / 1000.0)))
    }
}
