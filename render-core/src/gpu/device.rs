//! An opened device whose failures come back as errors.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::render::RenderError;

/// How long the GPU may work before anyone looks up: cancelling is noticed this fast.
const PATIENCE: Duration = Duration::from_millis(20);

/// A submission takes well below a second by design; a GPU that is silent for 500 times
/// `PATIENCE`, 10 s, is taken for dead.
const MAX_PATIENCE: u32 = 500;

#[derive(Debug)]
pub(super) struct Device {
    pub(super) raw: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// The first failure that no caller could have caused; after it the device is not used again.
    fault: Arc<OnceLock<String>>,
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
    pub(super) fn open(adapter: &wgpu::Adapter) -> Result<Self, RenderError> {
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("voxcast"),
            // The defaults stop at 2048 voxels per axis and 256 MiB per buffer.
            required_limits: adapter.limits(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        });
        let (raw, queue) = pollster::block_on(request).map_err(|e| RenderError::Gpu(e.to_string()))?;
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
        Ok(Self { raw, queue, fault })
    }

    /// Fails if the device failed before.
    pub(super) fn healthy(&self) -> Result<(), RenderError> {
        match self.fault.get() {
            None => Ok(()),
            Some(text) => Err(RenderError::Gpu(text.clone())),
        }
    }

    /// Runs a whole picture's work. wgpu panics when the driver reports a lost device in the middle
    /// of a wait; here that becomes an error, and the device is not used again.
    pub(super) fn guard<T>(&self, work: impl FnOnce() -> Result<T, RenderError>) -> Result<T, RenderError> {
        self.healthy()?;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        result.unwrap_or_else(|_| {
            let _ = self.fault.set("the driver failed in the middle of a picture".into());
            self.healthy().and(Err(RenderError::Gpu("it failed".into())))
        })
    }

    /// Runs calls that can fail without saying so, and returns what wgpu reports about them.
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

    /// Waits until a submission is done, but not for ever. Returns how many times `PATIENCE` ran
    /// out meanwhile. When it returns an error the GPU may still be at work.
    pub(super) fn wait(
        &self,
        submission: &wgpu::SubmissionIndex,
        cancel: &AtomicBool,
    ) -> Result<u32, RenderError> {
        for waits in 0..MAX_PATIENCE {
            let poll =
                wgpu::PollType::Wait { submission_index: Some(submission.clone()), timeout: Some(PATIENCE) };
            match self.raw.poll(poll) {
                Ok(_) => return self.healthy().map(|()| waits),
                Err(wgpu::PollError::Timeout) => self.healthy()?,
                Err(error) => return Err(RenderError::Gpu(error.to_string())),
            }
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
        }
        Err(RenderError::Gpu("it does not answer".into()))
    }
}
