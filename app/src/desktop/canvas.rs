//! Where pictures are drawn, and how they get on screen: in textures of the window's own device where
//! a real card draws both, else in memory.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use eframe::egui::{self, TextureOptions};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use render_core::{Frame, FrameKind, RenderError, RenderParams, Renderer, Volume, gpu};

/// A finished picture.
#[derive(Debug)]
pub enum Image {
    Memory(egui::ColorImage),
    Card(Arc<wgpu::Texture>),
}

/// A finished picture and how good it is.
#[derive(Debug)]
pub struct Drawn {
    pub image: Image,
    pub kind: FrameKind,
}

impl From<Frame> for Drawn {
    fn from(frame: Frame) -> Self {
        Self { image: Image::Memory(to_image(&frame)), kind: frame.kind }
    }
}

/// What one viewport's thread draws on.
pub struct Canvas {
    card: Option<RenderState>,
    /// Textures in use, on screen or on the way there, and free ones.
    textures: Vec<Arc<wgpu::Texture>>,
}

impl Canvas {
    /// `card` is the window's, if the renderer was opened on it.
    pub fn new(card: Option<RenderState>) -> Self {
        Self { card, textures: Vec::new() }
    }

    pub fn draw(
        &mut self,
        renderer: &Renderer,
        volume: &Arc<Volume>,
        params: &RenderParams,
        cancel: &AtomicBool,
    ) -> Result<Drawn, RenderError> {
        if let Some(card) = &self.card {
            let texture = free_texture(&mut self.textures, &card.device, params.size);
            match renderer.render_to(&texture, volume, params, cancel) {
                Ok(()) => return Ok(Drawn { image: Image::Card(texture), kind: params.kind }),
                Err(RenderError::Cancelled) => return Err(RenderError::Cancelled),
                // What the card fails on has a picture all the same.
                Err(_) => {}
            }
        }
        renderer.render(volume, params, cancel).map(Drawn::from)
    }
}

/// A texture that nobody looks at, of this size.
fn free_texture(
    textures: &mut Vec<Arc<wgpu::Texture>>,
    device: &wgpu::Device,
    [width, height]: [u32; 2],
) -> Arc<wgpu::Texture> {
    // Sizes change with windows and with quality while moving; those of before are of little use.
    textures.retain(|texture| {
        Arc::strong_count(texture) > 1 || (texture.width(), texture.height()) == (width, height)
    });
    if let Some(texture) = textures.iter().find(|texture| Arc::strong_count(texture) == 1) {
        return Arc::clone(texture);
    }
    let texture = Arc::new(gpu::picture_texture(device, [width, height]));
    textures.push(Arc::clone(&texture));
    texture
}

fn to_image(frame: &Frame) -> egui::ColorImage {
    // Opaque pixels are the same premultiplied or not.
    egui::ColorImage::from_rgba_premultiplied(frame.size.map(|n| n as usize), &frame.pixels)
}

/// The picture that a viewport shows.
#[derive(Default)]
pub enum OnScreen {
    #[default]
    Nothing,
    Memory(egui::TextureHandle),
    Card(CardTexture),
}

/// A texture of the card under a name that egui knows.
pub struct CardTexture {
    card: RenderState,
    id: egui::TextureId,
    /// Held so that nothing else is drawn into it.
    _texture: Arc<wgpu::Texture>,
}

impl Drop for CardTexture {
    fn drop(&mut self) {
        self.card.renderer.write().free_texture(&self.id);
    }
}

impl OnScreen {
    pub fn id(&self) -> Option<egui::TextureId> {
        match self {
            Self::Nothing => None,
            Self::Memory(texture) => Some(texture.id()),
            Self::Card(texture) => Some(texture.id),
        }
    }

    /// Shows another picture, in a place of so many pixels.
    pub fn set(
        &mut self,
        name: &str,
        image: Image,
        place: [u32; 2],
        ctx: &egui::Context,
        card: Option<&RenderState>,
    ) {
        match (image, card) {
            (Image::Memory(image), _) => {
                // Where its pixels are those of the screen both are the same, and a processor that draws the window
                // is done with it in a fraction of the time.
                let is_whole = image.size == place.map(|n| n as usize);
                let options = if is_whole { TextureOptions::NEAREST } else { TextureOptions::LINEAR };
                match self {
                    Self::Memory(texture) => texture.set(image, options),
                    _ => *self = Self::Memory(ctx.load_texture(name, image, options)),
                }
            }
            (Image::Card(texture), Some(card)) => {
                let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
                let filter = wgpu::FilterMode::Linear;
                let mut egui = card.renderer.write();
                if let Self::Card(shown) = self {
                    egui.update_egui_texture_from_wgpu_texture(&card.device, &view, filter, shown.id);
                    shown._texture = texture;
                } else {
                    let id = egui.register_native_texture(&card.device, &view, filter);
                    drop(egui);
                    *self = Self::Card(CardTexture { card: card.clone(), id, _texture: texture });
                }
            }
            // Pictures come from a card only where there is one.
            (Image::Card(_), None) => {}
        }
    }
}
