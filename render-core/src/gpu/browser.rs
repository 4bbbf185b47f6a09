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

    /// Bytes that a volume would take on the card. `like` is a voxel of it or more; fails if it does not fit.
    pub fn bytes_of(&self, dims: [u32; 3], like: &Voxels) -> Result<u64, RenderError> {
        let format = Format::of(like, self.card.device.raw.features());
        let voxels: usize = dims.iter().map(|&n| n as usize).product();
        let bytes = voxels * (like.byte_len() / like.len().max(1));
        Plan::of_grid(dims, format, bytes, &self.card.device).map(|plan| plan.bytes)
    }

    /// Draws a picture as `Renderer::render` does: its pixels' colours, 4 bytes each, rows from the top.
    pub async fn render(
        &self,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Vec<u8>, RenderError> {
        if params.shown_by_curve().is_some() || params.columns.is_some() {
            return Err(RenderError::Curve);
        }
        let params = self.illuminator.fill(volume, params, cancel)?;
        let mut pixels = Vec::with_capacity(params.size[0] as usize * params.size[1] as usize * 4);
        self.card.draw(volume, &params, Sink::Colors(&mut pixels), cancel).await?;
        Ok(pixels)
    }
}
