//! `Params` of `shaders/raycast.wgsl`.

use crate::bricks::BRICK;
use crate::render::{
    GRADIENT_TABLE_LEN, Grey, MAX_CLIPS, MAX_LIGHTS, MAX_SAMPLES, Mode, Rays, RenderParams, SURFACE_HALVINGS,
    TABLE_LEN,
};
use crate::scene::preset::Shading;
use crate::scene::view::Combine;

// The shader repeats these.
const _: () = assert!(TABLE_LEN == 4096 && GRADIENT_TABLE_LEN == 256);
const _: () = assert!(MAX_LIGHTS == 4 && MAX_CLIPS == 16 && SURFACE_HALVINGS == 4 && BRICK == 4);
const _: () = assert!(MAX_SAMPLES == 65_536);

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Light {
    direction: [f32; 4],
    halfway: [f32; 4],
    color: [f32; 4],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Uniform {
    rays: Rays,
    patient_from_gradient: [[f32; 4]; 3],
    background: [f32; 4],
    surface_color: [f32; 4],
    shading: [f32; 4],
    cue_color: [f32; 4],
    lights: [Light; MAX_LIGHTS],
    clips: [[f32; 4]; MAX_CLIPS],
    light_count: u32,
    clip_count: u32,
    width: u32,
    stride: u32,
    first_row: u32,
    row_count: u32,
    output_kind: u32,
    specular_power: u32,
    sample_count: u32,
    combine: u32,
    step_mm: f32,
    first_mm: f32,
    grey_low: f32,
    grey_scale: f32,
    surface_value: f32,
    table_low: f32,
    table_scale: f32,
    integrated: u32,
    gradient_scale: f32,
    cue_near_mm: f32,
    cue_scale: f32,
    cue_strength: f32,
    illuminated: u32,
    opaque_below: f32,
}

/// What a pixel becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Four bytes: red, green, blue, 255.
    Color,
    /// The bits of the value as a float.
    Value,
}

impl Uniform {
    /// `stride` is the number of pixels from row to row where the picture is put.
    pub(super) fn new(params: &RenderParams, output: Output, stride: u32) -> Self {
        let mut uniform = Self {
            rays: params.rays,
            patient_from_gradient: params.patient_from_gradient.map(padded),
            background: padded(params.background),
            clip_count: params.clip.len().min(MAX_CLIPS) as u32,
            light_count: params.lights.len().min(MAX_LIGHTS) as u32,
            width: params.size[0],
            stride,
            output_kind: match output {
                Output::Color => 0,
                Output::Value => 1,
            },
            illuminated: u32::from(params.illumination.is_some()),
            opaque_below: params.opaque_below,
            ..bytemuck::Zeroable::zeroed()
        };
        for (ours, clip) in uniform.clips.iter_mut().zip(&params.clip) {
            *ours = *clip;
        }
        for (ours, light) in uniform.lights.iter_mut().zip(&params.lights) {
            *ours = Light {
                direction: padded(light.direction),
                halfway: padded(light.halfway),
                color: padded(light.color),
            };
        }
        if let Some(cue) = &params.depth_cue {
            uniform.cue_color = padded(cue.color);
            uniform.cue_near_mm = cue.near_mm;
            uniform.cue_scale = 1.0 / (cue.far_mm - cue.near_mm);
            uniform.cue_strength = cue.strength;
        }
        match &params.mode {
            Mode::Volume { transfer, shading, step_mm } => {
                uniform.set_shading(shading);
                uniform.table_low = transfer.low;
                uniform.table_scale = transfer.scale;
                uniform.integrated = u32::from(transfer.integral.is_some());
                uniform.gradient_scale = params.gradient_opacity.as_ref().map_or(0.0, |table| table.scale);
                uniform.step_mm = *step_mm;
            }
            Mode::Projection { combine, grey, step_mm } => {
                uniform.set_grey(*grey);
                uniform.set_combine(*combine);
                uniform.step_mm = *step_mm;
            }
            Mode::Isosurface { value, color, shading, step_mm } => {
                uniform.set_shading(shading);
                uniform.surface_value = *value;
                uniform.surface_color = padded(*color);
                uniform.step_mm = *step_mm;
            }
            Mode::Slice { grey, samples, first_mm, step_mm, combine } => {
                uniform.set_grey(*grey);
                uniform.set_combine(*combine);
                uniform.sample_count = *samples;
                uniform.first_mm = *first_mm;
                uniform.step_mm = *step_mm;
            }
        }
        uniform
    }

    /// The rows that a submission draws.
    pub(super) fn set_rows(&mut self, first_row: u32, row_count: u32) {
        self.first_row = first_row;
        self.row_count = row_count;
    }

    fn set_shading(&mut self, shading: &Shading) {
        self.shading = [shading.ambient, shading.diffuse, shading.specular, 0.0];
        self.specular_power = shading.specular_power;
    }

    fn set_grey(&mut self, grey: Grey) {
        self.grey_low = grey.low;
        self.grey_scale = grey.scale;
    }

    fn set_combine(&mut self, combine: Combine) {
        self.combine = match combine {
            Combine::Maximum => 0,
            Combine::Minimum => 1,
            Combine::Mean => 2,
        };
    }
}

fn padded([x, y, z]: [f32; 3]) -> [f32; 4] {
    [x, y, z, 0.0]
}
