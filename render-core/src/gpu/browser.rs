//! Pictures for a browser's thread, which may not block.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::card::{Card, Sink};
use super::format::Format;
use super::open::open_proven;
use super::upload::Plan;
use crate::illumination::Illuminator;
use crate::render::{RenderError, RenderParams};
use crate::volume::{Volume, Voxels};

/// An adapter that draws the test scene right. Draws one picture at a time.
#[derive(Debug)]
pub struct BrowserRenderer {
    card: Card,
    illuminator: Illuminator,
}

impl BrowserRenderer {
    /// Fails if the adapter gives no device, or draws the test scene wrong.
    pub async fn open(adapter: &wgpu::Adapter) -> Result<Self, RenderError> {
        Ok(Self { card: open_proven(adapter).await?, illuminator: Illuminator::default() })
    }

    pub fn device(&self) -> &wgpu::Device {
        &self.card.device.raw
    }

    pub fn queue(&self) -> &wgpu::Queue {
        &self.card.device.queue
    }

    /// Fails if the device failed before, for instance because it was lost.
    pub fn healthy(&self) -> Result<(), RenderError> {
        self.card.device.healthy()
    }

    /// Bytes that a volume would take on the card. `like` is a voxel of it or more; fails if it does not fit.
    pub fn bytes_of(&self, dims: [u32; 3], like: &Voxels) -> Result<u64, RenderError> {
        let format = Format::of(like, self.device().features());
        let voxels: usize = dims.iter().map(|&n| n as usize).product();
        let bytes = voxels * (like.byte_len() / like.len().max(1));
        Plan::of_grid(dims, format, bytes, &self.card.device).map(|plan| plan.bytes)
    }

    /// Draws into a texture of `picture_texture`, as `Renderer::render_to` does.
    pub async fn render_to(
        &self,
        texture: &wgpu::Texture,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<(), RenderError> {
        if params.shown_by_curve().is_some() || params.columns.is_some() {
            return Err(RenderError::Curve);
        }
        let params = self.illuminator.fill(volume, params, cancel)?;
        self.card.draw(volume, &params, Sink::Texture(texture), cancel).await.map(|_| ())
    }
}
