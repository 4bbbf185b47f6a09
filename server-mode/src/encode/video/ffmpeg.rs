//! Encoders of FFmpeg: on the processor, and on graphics cards, which take pictures in memory of their own.

use std::ptr;

use ffmpeg_next as ffmpeg;

use ffmpeg::codec::context::Context;
use ffmpeg::ffi::{
    AVBufferRef, AVHWDeviceType, AVHWFramesContext, av_buffer_ref, av_buffer_unref, av_hwdevice_ctx_create,
    av_hwframe_ctx_alloc, av_hwframe_ctx_init, av_hwframe_get_buffer, av_hwframe_transfer_data,
};
use ffmpeg::format::Pixel;
use ffmpeg::util::{color, picture};
use ffmpeg::{Dictionary, Packet, frame};

use super::{BEST_QP, BUFFER_SHARE, Encode, EncodeError, PICTURES_PER_SECOND, Planes, Tone};

/// Where an encoder takes its pictures from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// The processor's; also NVENC, which copies them itself.
    Main,
    VaApi,
    Qsv,
}

/// What an encoder of FFmpeg is opened with.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub memory: Memory,
    /// Takes a new rate while it runs.
    pub steerable: bool,
    pub options: Options,
    /// Those of grey pictures besides.
    pub for_slices: Options,
}

pub type Options = &'static [(&'static str, &'static str)];

/// Pictures on their way to a card's encoder and those that it compares with.
const SURFACES: i32 = 8;

pub struct Ffmpeg {
    encoder: ffmpeg::encoder::Video,
    card: Option<Card>,
    steerable: bool,
    count: i64,
}

impl Ffmpeg {
    pub fn open(
        name: &str,
        setup: &Setup,
        tone: Tone,
        size: [u32; 2],
        threads: u32,
        bits_per_second: usize,
    ) -> Result<Self, EncodeError> {
        let codec = ffmpeg::encoder::find_by_name(name).ok_or(EncodeError::NoVideo)?;
        let mut context = Context::new_with_codec(codec).encoder().video()?;
        let [width, height] = size;
        context.set_width(width);
        context.set_height(height);
        let card = match setup.memory {
            Memory::Main => None,
            memory => Some(Card::open(memory, size)?),
        };
        match &card {
            None => context.set_format(Pixel::YUV420P),
            Some(card) => {
                context.set_format(card.format);
                // SAFETY: the context is not open yet and ours alone; it lets go of the reference when it is freed.
                unsafe { (*context.as_mut_ptr()).hw_frames_ctx = card.frames.again()?.disown() }
                // Their own rate control: they know no CRF.
                context.set_bit_rate(bits_per_second * 9 / 10);
                context.set_qmin(i32::from(BEST_QP));
            }
        }
        let per_second = PICTURES_PER_SECOND as i32;
        context.set_time_base((1, per_second));
        context.set_frame_rate(Some((per_second, 1)));
        context.set_max_b_frames(0);
        // A key frame comes where one is asked for.
        context.set_gop(u32::MAX / 4);
        // Grey pictures are to stay what they are: nothing is squeezed into a television's range.
        context.set_color_range(color::Range::JPEG);
        context.set_colorspace(color::Space::BT709);
        context.set_color_primaries(color::Primaries::BT709);
        context.set_color_transfer_characteristic(color::TransferCharacteristic::IEC61966_2_1);
        let mut all = Dictionary::new();
        let for_slices = if tone == Tone::Grey { setup.for_slices } else { &[] };
        for (key, value) in setup.options.iter().chain(for_slices) {
            all.set(key, value);
        }
        all.set("threads", &threads.to_string());
        all.set("maxrate", &bits_per_second.to_string());
        all.set("bufsize", &(bits_per_second / BUFFER_SHARE).to_string());
        let encoder = context.open_with(all)?;
        Ok(Self { encoder, card, steerable: setup.steerable, count: 0 })
    }
}

impl Encode for Ffmpeg {
    fn encode(&mut self, picture: &Planes, key: bool, to: &mut Vec<u8>) -> Result<bool, EncodeError> {
        let mut frame = match &self.card {
            None => planar(picture),
            Some(card) => card.upload(&semi_planar(picture))?,
        };
        frame.set_pts(Some(self.count));
        if key {
            frame.set_kind(picture::Type::I);
        }
        self.count += 1;
        self.encoder.send_frame(&frame)?;
        let mut packet = Packet::empty();
        self.encoder.receive_packet(&mut packet)?;
        to.extend(packet.data().ok_or(EncodeError::NoVideo)?);
        Ok(packet.is_key())
    }

    fn set_rate(&mut self, bits_per_second: usize) -> bool {
        if self.steerable {
            self.encoder.set_max_bit_rate(bits_per_second);
            let buffer = i32::try_from(bits_per_second / BUFFER_SHARE).unwrap_or(i32::MAX);
            // SAFETY: the context is open and ours alone; these encoders read this field before each picture.
            unsafe { (*self.encoder.as_mut_ptr()).rc_buffer_size = buffer }
        }
        self.steerable
    }
}

fn planar(picture: &Planes) -> frame::Video {
    let [width, height] = picture.size();
    let mut frame = frame::Video::new(Pixel::YUV420P, width, height);
    for (plane, (source, source_stride)) in picture.planes().into_iter().enumerate() {
        let (stride, columns) = (frame.stride(plane), frame.plane_width(plane) as usize);
        let rows = source.chunks(source_stride);
        for (to, from) in frame.data_mut(plane).chunks_mut(stride).zip(rows) {
            to[..columns].copy_from_slice(&from[..columns]);
        }
    }
    frame
}

/// With both colour planes in one, as cards take them.
fn semi_planar(picture: &Planes) -> frame::Video {
    let [width, height] = picture.size();
    let mut frame = frame::Video::new(Pixel::NV12, width, height);
    let [(y, y_stride), (u, u_stride), (v, v_stride)] = picture.planes();
    let stride = frame.stride(0);
    for (to, from) in frame.data_mut(0).chunks_mut(stride).zip(y.chunks(y_stride)) {
        to[..width as usize].copy_from_slice(&from[..width as usize]);
    }
    let stride = frame.stride(1);
    let rows = u.chunks(u_stride).zip(v.chunks(v_stride));
    for (to, (u, v)) in frame.data_mut(1).chunks_mut(stride).zip(rows) {
        for ((to, u), v) in to[..width as usize].as_chunks_mut().0.iter_mut().zip(u).zip(v) {
            *to = [*u, *v];
        }
    }
    frame
}

/// Counted by FFmpeg; ours is one of the references.
struct Reference(*mut AVBufferRef);

// SAFETY: FFmpeg counts references atomically, and what a device or a pool of pictures holds is locked by FFmpeg.
unsafe impl Send for Reference {}

impl Reference {
    fn again(&self) -> Result<Self, EncodeError> {
        // SAFETY: ours is a valid reference; null tells that there is no memory.
        let again = unsafe { av_buffer_ref(self.0) };
        if again.is_null() { Err(EncodeError::NoVideo) } else { Ok(Self(again)) }
    }

    /// For somebody else to let go of.
    fn disown(self) -> *mut AVBufferRef {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: a valid reference that nobody uses after this.
        unsafe { av_buffer_unref(&raw mut self.0) }
    }
}

/// A graphics card's memory for pictures.
struct Card {
    format: Pixel,
    frames: Reference,
}

impl Card {
    fn open(memory: Memory, size: [u32; 2]) -> Result<Self, EncodeError> {
        let (kind, format) = match memory {
            Memory::Qsv => (AVHWDeviceType::AV_HWDEVICE_TYPE_QSV, Pixel::QSV),
            Memory::VaApi | Memory::Main => (AVHWDeviceType::AV_HWDEVICE_TYPE_VAAPI, Pixel::VAAPI),
        };
        let [width, height] = size.map(i32::try_from);
        let (Ok(width), Ok(height)) = (width, height) else { return Err(EncodeError::NoVideo) };
        let mut device = ptr::null_mut();
        // SAFETY: null asks for the default device without options; the reference is written where that succeeds.
        check(unsafe { av_hwdevice_ctx_create(&raw mut device, kind, ptr::null(), ptr::null_mut(), 0) })?;
        let device = Reference(device);
        // SAFETY: the device is valid; the pool takes a reference of its own.
        let frames = unsafe { av_hwframe_ctx_alloc(device.0) };
        if frames.is_null() {
            return Err(EncodeError::NoVideo);
        }
        let frames = Reference(frames);
        // SAFETY: what was allocated above holds an `AVHWFramesContext`, whose user sets these fields before init.
        check(unsafe {
            let context = (*frames.0).data.cast::<AVHWFramesContext>();
            (*context).format = format.into();
            (*context).sw_format = Pixel::NV12.into();
            ((*context).width, (*context).height) = (width, height);
            (*context).initial_pool_size = SURFACES;
            av_hwframe_ctx_init(frames.0)
        })?;
        Ok(Self { format, frames })
    }

    fn upload(&self, picture: &frame::Video) -> Result<frame::Video, EncodeError> {
        let mut on_card = frame::Video::empty();
        // SAFETY: both frames are valid, the second has the pool's size and a format that it converts from; it is
        // written before the first call ends, and the picture is only read.
        unsafe {
            check(av_hwframe_get_buffer(self.frames.0, on_card.as_mut_ptr(), 0))?;
            check(av_hwframe_transfer_data(on_card.as_mut_ptr(), picture.as_ptr(), 0))?;
            let (from, to) = (picture.as_ptr(), on_card.as_mut_ptr());
            (*to).color_range = (*from).color_range;
        }
        Ok(on_card)
    }
}

fn check(result: i32) -> Result<(), EncodeError> {
    if result < 0 { Err(EncodeError::Ffmpeg(result.into())) } else { Ok(()) }
}
