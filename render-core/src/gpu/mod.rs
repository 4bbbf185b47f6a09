//! Rendering on a GPU through wgpu: Vulkan, Metal or Direct3D 12.
//!
//! A compute shader casts one ray per pixel. Asked for exact samples it loads voxels as they are
//! stored and interpolates them as the CPU does; asked for fast ones it leaves that to the texture
//! unit. A picture is drawn in submissions short enough that a slow GPU neither trips its driver's
//! watchdog nor keeps a cancelled picture going.
//!
//! ```text
//! Volume -> Cut -> textures -> brick ranges          once per volume
//!                              + transfer table -> distances to visible bricks   once per look
//!                                                  + parameters -> pixels -> memory or a texture
//! ```
//!
//! A card whose device fails is opened again for the next picture, and volumes are uploaded again.

mod adapter;
mod answer;
#[cfg(target_arch = "wasm32")]
mod browser;
mod card;
mod clock;
mod cut;
mod device;
mod format;
mod layers;
mod layout;
mod open;
mod paths;
mod ranges;
mod raycast;
mod skip;
mod uniform;
mod upload;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

pub use adapter::{AdapterInfo, adapters};
#[cfg(target_arch = "wasm32")]
pub use browser::BrowserRenderer;
pub use clock::Timing;
pub use device::descriptor as device_descriptor;
#[cfg(test)]
pub(crate) use open::test_volume;
pub(crate) use open::{open, open_on};
pub(crate) use paths::{Params as PathParams, PathTracer, Scene as PathScene, Sums as PathSums};

use crate::frame::{Frame, ValueImage};
use crate::render::{Adapter, Backend, RenderError, RenderParams};
use crate::volume::Volume;
use card::{Card, Sink};
use upload::lock;

#[derive(Debug)]
pub(crate) struct Gpu {
    card: Mutex<Arc<Card>>,
    recovery: Mutex<Recovery>,
    timing: Mutex<Option<Timing>>,
}

/// The text by which reasons and errors name an adapter.
pub(crate) fn label(adapter: &wgpu::Adapter) -> String {
    adapter::label(&adapter::describe(adapter))
}

/// How a failed card is replaced.
#[derive(Debug)]
struct Recovery {
    /// What to look for; `None` where the device belongs to someone else.
    accepted: Option<Adapter>,
    /// Attempts in vain since the card failed.
    failures: u32,
    /// Pictures to let pass before the next attempt.
    wait: u32,
}

/// Attempts become rarer up to one every so many pictures (as a power of two): opening a card takes
/// longer than drawing on the CPU.
const MAX_WAIT_BITS: u32 = 10;

impl Gpu {
    fn new(card: Card, accepted: Option<Adapter>) -> Self {
        Self {
            card: Mutex::new(Arc::new(card)),
            recovery: Mutex::new(Recovery { accepted, failures: 0, wait: 0 }),
            timing: Mutex::default(),
        }
    }

    /// The card, opened again if it has failed.
    fn card(&self) -> Result<Arc<Card>, RenderError> {
        let card = Arc::clone(&lock(&self.card));
        let Err(fault) = card.device.healthy() else { return Ok(card) };
        // While one thread opens the card, the others report what happened to it.
        let Ok(mut recovery) = self.recovery.try_lock() else { return Err(fault) };
        let card = Arc::clone(&lock(&self.card));
        if card.device.healthy().is_ok() {
            return Ok(card);
        }
        let Some(accepted) = recovery.accepted else { return Err(fault) };
        if recovery.wait > 0 {
            recovery.wait -= 1;
            return Err(fault);
        }
        match open::open_card(accepted, &mut Vec::new()) {
            Some(card) => {
                let card = Arc::new(card);
                *lock(&self.card) = Arc::clone(&card);
                *recovery = Recovery { accepted: Some(accepted), failures: 0, wait: 0 };
                Ok(card)
            }
            None => {
                recovery.failures += 1;
                recovery.wait = 1 << recovery.failures.min(MAX_WAIT_BITS);
                Err(fault)
            }
        }
    }
}

impl Gpu {
    /// Draws into a texture of this device.
    pub(crate) fn render_to(
        &self,
        texture: &wgpu::Texture,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<(), RenderError> {
        self.draw(volume, params, Sink::Texture(texture), cancel)
    }

    /// What the last picture took by the card's clock, where it has one.
    pub(crate) fn timing(&self) -> Option<Timing> {
        *lock(&self.timing)
    }

    /// Breaks the device, as a driver that crashes does.
    #[cfg(test)]
    pub(crate) fn lose(&self) {
        lock(&self.card).device.raw.destroy();
    }

    fn draw(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        sink: Sink<'_>,
        cancel: &AtomicBool,
    ) -> Result<(), RenderError> {
        let card = self.card()?;
        let timing = card.device.guard(card.draw(volume, params, sink, cancel))?;
        *lock(&self.timing) = timing;
        Ok(())
    }
}

impl Backend for Gpu {
    fn render(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Frame, RenderError> {
        let mut pixels = Vec::with_capacity(pixel_count(params) * 4);
        self.draw(volume, params, Sink::Colors(&mut pixels), cancel)?;
        Ok(Frame {
            size: params.size,
            pixels,
            kind: params.kind,
            view_revision: params.view_revision,
            input_seq: params.input_seq,
        })
    }

    fn values(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<ValueImage, RenderError> {
        let mut values = Vec::with_capacity(pixel_count(params));
        self.draw(volume, params, Sink::Values(&mut values), cancel)?;
        Ok(ValueImage { size: params.size, values })
    }
}

fn pixel_count(params: &RenderParams) -> usize {
    params.size[0] as usize * params.size[1] as usize
}

/// A texture that a picture can be drawn into.
pub fn picture_texture(device: &wgpu::Device, [width, height]: [u32; 2]) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_DST
            | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

#[cfg(test)]
mod tests;
