//! Tests on lavapipe, which stands in for a card.

use std::sync::atomic::{AtomicBool, Ordering};

use glam::DVec3;
use pollster::block_on;

use super::card::{Card, Sink};
use super::device::{Device, descriptor};
use super::format::Format;
use super::open::{open, test_volume};
use super::*;
use crate::cpu::Reference;
use crate::geometry::Geometry;
use crate::render::Sampling;
use crate::scene::preset::Preset;
use crate::scene::view::{Content, Orientation, Slab, ViewState};
use crate::volume::{Rescale, Voxels};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// The software adapter, or `None` with a line that says so.
fn software() -> Option<Gpu> {
    let gpu = open(Adapter::Software, &mut Vec::new());
    if gpu.is_none() {
        eprintln!("skipped: no Vulkan adapter");
    }
    gpu
}

/// A card with other limits and features than the adapter's own.
fn card(change: impl FnOnce(&mut wgpu::DeviceDescriptor<'_>)) -> Option<Card> {
    let adapters = adapter::enumerate();
    let Some(adapter) = adapters.first() else {
        eprintln!("skipped: no Vulkan adapter");
        return None;
    };
    let mut descriptor = descriptor(adapter);
    change(&mut descriptor);
    Some(Card::new(block_on(Device::open(adapter, &descriptor)).unwrap()).unwrap())
}

fn slice(volume: &Volume) -> RenderParams {
    crate::render::resolve(&ViewState::new(volume, Content::Slice, Orientation::Axial, [64, 64]), volume)
}

fn shaded(volume: &Volume, content: Content) -> RenderParams {
    let mut view = ViewState::new(volume, content, Orientation::Axial, [72, 56]);
    view.apply_preset(&Preset::built_in()[0], volume);
    view.camera.azimuth(30.0);
    view.camera.elevation(20.0);
    crate::render::resolve(&view, volume)
}

/// Largest difference of colours and root of the mean square from the reference.
fn difference(card: &Card, volume: &Arc<Volume>, params: &RenderParams) -> (u8, f64) {
    let mut ours = Vec::new();
    block_on(card.draw(volume, params, Sink::Colors(&mut ours), &GO_ON)).unwrap();
    let theirs = Reference.render(volume, params, &GO_ON).unwrap().pixels;
    let off = || ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b));
    let mean = off().map(|d| f64::from(d).powi(2)).sum::<f64>() / ours.len() as f64;
    (off().max().unwrap(), mean.sqrt())
}

#[test]
fn a_volume_is_uploaded_once_and_forgotten_when_dropped() {
    let Some(gpu) = software() else { return };
    let volume = Arc::new(test_volume());
    let params = slice(&volume);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| gpu.render(&volume, &params, &GO_ON).unwrap());
        }
    });
    let card = gpu.card().unwrap();
    assert_eq!(card.uploads.count(), 1);
    drop(volume);
    let other = Arc::new(test_volume());
    gpu.render(&other, &params, &GO_ON).unwrap();
    assert_eq!(card.uploads.count(), 1);
}

#[test]
fn a_lost_device_is_opened_again_for_the_next_picture() {
    let Some(gpu) = software() else { return };
    let volume = Arc::new(test_volume());
    let params = shaded(&volume, Content::Volume);
    let before = gpu.render(&volume, &params, &GO_ON).unwrap();
    gpu.lose();
    let error = gpu.render(&volume, &params, &GO_ON).unwrap_err();
    assert!(matches!(error, RenderError::Gpu(_)), "{error}");
    let after = gpu.render(&volume, &params, &GO_ON).unwrap();
    assert_eq!(before.pixels, after.pixels);
}

#[test]
fn a_device_of_someone_else_is_not_replaced() {
    let Some(card) = card(|_| {}) else { return };
    let gpu = Gpu::new(card, None);
    let volume = Arc::new(test_volume());
    let params = slice(&volume);
    gpu.render(&volume, &params, &GO_ON).unwrap();
    gpu.lose();
    for _ in 0..2 {
        let error = gpu.render(&volume, &params, &GO_ON).unwrap_err();
        assert!(matches!(error, RenderError::Gpu(_)), "{error}");
    }
}

#[test]
fn a_volume_larger_than_a_texture_is_drawn_from_pieces() {
    let Some(card) = card(|d| d.required_limits.max_texture_dimension_3d = 12) else { return };
    let volume = Arc::new(test_volume());
    let contents = [Content::Volume, Content::MIP, Content::Isosurface(300.0), Content::Slice];
    for (content, sampling) in contents.into_iter().flat_map(|c| [(c, Sampling::Exact), (c, Sampling::Fast)])
    {
        let params = RenderParams { sampling, ..shaded(&volume, content) };
        let (largest, mean) = difference(&card, &volume, &params);
        let limit = if sampling == Sampling::Exact { (3, 0.2) } else { (24, 2.0) };
        assert!(largest <= limit.0 && mean <= limit.1, "{content:?} {sampling:?}: {largest}, {mean}");
    }
    let uploaded = block_on(card.uploads.get(&card.device, &volume, &GO_ON)).unwrap();
    assert_eq!(uploaded.shape.pieces, 8);
}

#[test]
fn a_volume_beyond_all_pieces_is_refused_in_numbers() {
    let Some(card) = card(|d| d.required_limits.max_texture_dimension_3d = 64) else { return };
    let dims = [2000, 1, 1];
    let geometry = Geometry::from_axes(dims, DVec3::ZERO, [DVec3::X, DVec3::Y, DVec3::Z], DVec3::ONE);
    let voxels = Voxels::U8(vec![0; dims[0] as usize].into());
    let meaning = test_volume().meaning().clone();
    let volume = Arc::new(Volume::new(geometry.unwrap(), voxels, Rescale::IDENTITY, meaning).unwrap());
    let error =
        block_on(card.draw(&volume, &slice(&volume), Sink::Colors(&mut Vec::new()), &GO_ON)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("32 textures of at most 64 voxels"), "{text}");
}

#[test]
fn voxels_come_back_as_they_were_in_every_format() {
    let extremes: Vec<i16> = vec![i16::MIN, i16::MIN + 1, -1025, -1, 0, 1, 3071, i16::MAX];
    let unsigned: Vec<u16> = vec![0, 1, 255, 256, 32767, 32768, 65534, 65535];
    let stored = [
        Voxels::I16(extremes.into()),
        Voxels::U16(unsigned.into()),
        Voxels::U8((0..8).map(|i| i * 36).collect()),
        Voxels::F32((0..8).map(|i| (i as f32 - 3.0) * 1234.567).collect()),
    ];
    for features in [wgpu::Features::all(), wgpu::Features::empty()] {
        let Some(card) = card(|d| d.required_features &= features) else { return };
        for voxels in &stored {
            let dims = [8, 1, 1];
            let geometry =
                Geometry::from_axes(dims, DVec3::ZERO, [DVec3::X, DVec3::Y, DVec3::Z], DVec3::ONE).unwrap();
            let meaning = test_volume().meaning().clone();
            let volume = Arc::new(Volume::new(geometry, voxels.clone(), Rescale::IDENTITY, meaning).unwrap());
            let mut params = slice(&volume);
            params.size = [8, 1];
            params.rays.origin = [0.0; 4];
            params.rays.origin_dx = [1.0, 0.0, 0.0, 0.0];
            let mut values = Vec::new();
            block_on(card.draw(&volume, &params, Sink::Values(&mut values), &GO_ON)).unwrap();
            let expected: Vec<f32> = (0..8).map(|i| voxels.get(i)).collect();
            assert_eq!(values, expected, "{:?}", Format::of(voxels, card.device.raw.features()));
        }
    }
}

#[test]
fn a_picture_in_a_texture_is_the_one_in_memory() {
    let Some(card) = card(|_| {}) else { return };
    let volume = Arc::new(test_volume());
    let params = shaded(&volume, Content::Volume);
    let mut expected = Vec::new();
    block_on(card.draw(&volume, &params, Sink::Colors(&mut expected), &GO_ON)).unwrap();
    let texture = picture_texture(&card.device.raw, params.size);
    block_on(card.draw(&volume, &params, Sink::Texture(&texture), &GO_ON)).unwrap();
    assert_eq!(read_texture(&card.device, &texture), expected);
}

#[test]
fn the_clock_tells_a_new_look_from_a_known_one() {
    let Some(card) = card(|_| {}) else { return };
    let volume = Arc::new(test_volume());
    let params = shaded(&volume, Content::Volume);
    let draw = || block_on(card.draw(&volume, &params, Sink::Colors(&mut Vec::new()), &GO_ON)).unwrap();
    let Some(first) = draw() else { return eprintln!("skipped: no time stamps") };
    let second = draw().unwrap();
    assert!(first.skip_ms > 0.0 && first.cast_ms > 0.0, "{first:?}");
    assert!(second.skip_ms == 0.0 && second.cast_ms > 0.0, "{second:?}");
}

#[test]
fn a_cancelled_picture_leaves_the_gpu_usable() {
    let Some(gpu) = software() else { return };
    let volume = Arc::new(test_volume());
    let mut view = ViewState::new(&volume, Content::Slice, Orientation::Axial, [4096, 4096]);
    view.slab = Slab { thickness_mm: 10_000.0, ..view.slab };
    let params = crate::render::resolve(&view, &volume);
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| gpu.render(&volume, &params, &cancel));
        cancel.store(true, Ordering::Relaxed);
        assert_eq!(slow.join().unwrap().unwrap_err(), RenderError::Cancelled);
    });
    gpu.render(&volume, &slice(&volume), &GO_ON).unwrap();
}

/// The pixels of a texture, 4 bytes each, rows without gaps.
fn read_texture(device: &Device, texture: &wgpu::Texture) -> Vec<u8> {
    let size = texture.size();
    let pitch = (size.width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
    let buffer = layout::new_buffer(device, "texture", u64::from(pitch * size.height), usage);
    let mut encoder = device.raw.create_command_encoder(&Default::default());
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(pitch), rows_per_image: None };
    encoder.copy_texture_to_buffer(
        texture.as_image_copy(),
        wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
        size,
    );
    device.queue.submit([encoder.finish()]);
    let (question, answer) = answer::answer();
    buffer.slice(..).map_async(wgpu::MapMode::Read, move |result| question.send(result));
    block_on(device.wait(answer, &GO_ON)).unwrap().0.unwrap();
    let bytes = buffer.slice(..).get_mapped_range().unwrap();
    bytes.chunks(pitch as usize).flat_map(|row| row[..size.width as usize * 4].to_vec()).collect()
}
