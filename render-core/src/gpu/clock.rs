//! How long the GPU takes for each pass, by its own clock.

use super::device::Device;
use super::layout::new_buffer;

/// Where results may be resolved to.
const ALIGNMENT: u64 = wgpu::QUERY_RESOLVE_BUFFER_ALIGNMENT;

/// Bytes of the times as `read` takes them.
pub(super) const TIMES_BYTES: u64 = 4 * size_of::<u64>() as u64;

/// What the GPU spent on a picture, in milliseconds by its own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// Finding out which bricks show something; 0 unless the look is new.
    pub skip_ms: f64,
    /// Casting rays.
    pub cast_ms: f64,
}

/// Time stamps of the passes of one submission.
#[derive(Debug)]
pub(super) struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    ms_per_tick: f64,
}

impl Clock {
    /// `None` if the card has no time stamps.
    pub(super) fn new(device: &Device) -> Option<Self> {
        if !device.raw.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return None;
        }
        let queries = device.raw.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("passes"),
            ty: wgpu::QueryType::Timestamp,
            count: 4,
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = new_buffer(device, "times", 2 * ALIGNMENT, usage);
        let ms_per_tick = f64::from(device.queue.get_timestamp_period()) * 1e-6;
        Some(Self { queries, resolved, ms_per_tick })
    }

    pub(super) fn skip(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        self.writes(0)
    }

    pub(super) fn cast(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        self.writes(2)
    }

    fn writes(&self, first: u32) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        }
    }

    /// Copies the times to the start of a buffer; without a skip pass its times stay as they were.
    pub(super) fn encode(&self, encoder: &mut wgpu::CommandEncoder, to: &wgpu::Buffer, skipped: bool) {
        for (pass, first) in [(0, 0), (1, 2)] {
            // A query that was not written must not be resolved.
            if pass == 1 || skipped {
                let from = pass * ALIGNMENT;
                encoder.resolve_query_set(&self.queries, first..first + 2, &self.resolved, from);
                encoder.copy_buffer_to_buffer(
                    &self.resolved,
                    from,
                    to,
                    pass * TIMES_BYTES / 2,
                    TIMES_BYTES / 2,
                );
            }
        }
    }

    /// Adds the times that `encode` left in these bytes.
    pub(super) fn read(&self, bytes: &[u8], skipped: bool, timing: &mut Timing) {
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(bytes);
        let ms = |first: usize| ticks[first + 1].saturating_sub(ticks[first]) as f64 * self.ms_per_tick;
        if skipped {
            timing.skip_ms += ms(0);
        }
        timing.cast_ms += ms(2);
    }
}
