//! Moving pictures as H.264: each one as it differs from the one before.

use std::sync::atomic::{AtomicUsize, Ordering};

use ffmpeg_next as ffmpeg;

use ffmpeg::codec::context::Context;
use ffmpeg::format::Pixel;
use ffmpeg::util::{color, log, picture};
use ffmpeg::{Dictionary, Packet, frame};
use render_core::{Frame, FrameKind};
use yuv::{
    YuvChromaSubsampling, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix, rgba_to_yuv420,
};

use super::EncodeError;

/// Names for FFmpeg, best first, with what makes an encoder answer each picture at once. Browsers take no profile
/// above Main by WebRTC; High would save 1 % of the bytes (a chest CT that turns, 720p).
const ENCODERS: [(&str, &[(&str, &str)]); 2] = [
    (
        "h264_nvenc",
        &[
            ("preset", "p1"),
            ("tune", "ull"),
            ("zerolatency", "1"),
            ("delay", "0"),
            ("cq", "18"),
            ("forced-idr", "1"),
            ("profile", "main"),
        ],
    ),
    (
        "libx264",
        &[
            ("preset", "superfast"),
            ("tune", "zerolatency"),
            ("crf", "18"),
            // Bits go where the error is, not where eyes are thought to look less.
            ("aq-mode", "0"),
            ("profile", "main"),
        ],
    ),
];
/// Encoders' clock: what a picture may take is this part of a second's bits, however often pictures come.
pub(crate) const PICTURES_PER_SECOND: i32 = 60;
/// What a sender may save up for, in parts of a second: four pictures.
const BUFFER_SHARE: usize = 15;
/// Videos at a time, of all sessions together: some 24 MB each.
const MOST_VIDEOS: usize = 32;
/// Pictures of fewer pixels are encoded by one thread each, and so are all where there are many.
const TWO_THREADS_FROM: u32 = 1 << 19;
const TWO_THREADS_FOR: usize = 4;

static VIDEOS: AtomicUsize = AtomicUsize::new(0);

/// A place among the videos, free again when it is dropped.
struct Place;

impl Place {
    fn take() -> Result<Self, EncodeError> {
        let one_more = |taken| (taken < MOST_VIDEOS).then_some(taken + 1);
        let taken = VIDEOS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.map(|_| Self).map_err(|_| EncodeError::TooManyVideos)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        VIDEOS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes the library ready, once or again.
pub(crate) fn start_ffmpeg() -> Result<(), ffmpeg::Error> {
    ffmpeg::init()?;
    // What codecs have to say about themselves and their input is not for the log.
    log::set_level(log::Level::Fatal);
    Ok(())
}

/// One view's encoder. Its pictures build on each other, so none may be lost.
pub struct Video {
    encoder: ffmpeg::encoder::Video,
    planes: YuvPlanarImageMut<'static, u8>,
    /// Of the pictures; the encoder's own is even.
    size: [u32; 2],
    bits_per_second: usize,
    count: i64,
    _place: Place,
}

impl std::fmt::Debug for Video {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Video").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Video {
    /// The name of the first encoder that encodes a picture here.
    pub fn available() -> Option<&'static str> {
        static NAME: std::sync::OnceLock<Option<&str>> = std::sync::OnceLock::new();
        *NAME.get_or_init(|| {
            start_ffmpeg().ok()?;
            let frame = Frame {
                size: [256, 256],
                pixels: vec![127; 256 * 256 * 4],
                kind: FrameKind::Exact,
                view_revision: 0,
                input_seq: 0,
            };
            let works = |name: &str| {
                let mut video = Self::open_with(name, frame.size, 1_000_000).ok()?;
                video.encode(&frame, false, &mut Vec::new()).ok()
            };
            ENCODERS.iter().map(|(name, _)| *name).find(|name| works(name).is_some())
        })
    }

    /// Encodes pictures of a size at `bits_per_second` at most, were there `PICTURES_PER_SECOND` of them.
    pub fn open(size: [u32; 2], bits_per_second: usize) -> Result<Self, EncodeError> {
        Self::open_with(Self::available().ok_or(EncodeError::NoVideo)?, size, bits_per_second)
    }

    fn open_with(name: &str, size: [u32; 2], bits_per_second: usize) -> Result<Self, EncodeError> {
        let place = Place::take()?;
        let codec = ffmpeg::encoder::find_by_name(name).ok_or(EncodeError::NoVideo)?;
        let mut context = Context::new_with_codec(codec).encoder().video()?;
        let [width, height] = size.map(|n| n.next_multiple_of(2));
        context.set_width(width);
        context.set_height(height);
        context.set_format(Pixel::YUV420P);
        context.set_time_base((1, PICTURES_PER_SECOND));
        context.set_max_b_frames(0);
        // A key frame comes where one is asked for.
        context.set_gop(u32::MAX / 4);
        // Grey pictures are to stay what they are: nothing is squeezed into a television's range.
        context.set_color_range(color::Range::JPEG);
        context.set_colorspace(color::Space::BT709);
        context.set_color_primaries(color::Primaries::BT709);
        context.set_color_transfer_characteristic(color::TransferCharacteristic::IEC61966_2_1);
        let mut options = Dictionary::new();
        for (key, value) in
            ENCODERS.iter().filter(|(known, _)| *known == name).flat_map(|(_, options)| *options)
        {
            options.set(key, value);
        }
        let few = VIDEOS.load(Ordering::Relaxed) <= TWO_THREADS_FOR;
        options.set("threads", if few && width * height >= TWO_THREADS_FROM { "2" } else { "1" });
        options.set("maxrate", &bits_per_second.to_string());
        options.set("bufsize", &(bits_per_second / BUFFER_SHARE).to_string());
        let encoder = context.open_with(options)?;
        let planes = YuvPlanarImageMut::alloc(width, height, YuvChromaSubsampling::Yuv420);
        Ok(Self { encoder, planes, size, bits_per_second, count: 0, _place: place })
    }

    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// Limits what follows to so much.
    pub fn set_rate(&mut self, bits_per_second: usize) {
        if self.bits_per_second == bits_per_second {
            return;
        }
        self.bits_per_second = bits_per_second;
        self.encoder.set_max_bit_rate(bits_per_second);
        let buffer = i32::try_from(bits_per_second / BUFFER_SHARE).unwrap_or(i32::MAX);
        // SAFETY: the context is open and ours alone; encoders read this field before each picture.
        unsafe { (*self.encoder.as_mut_ptr()).rc_buffer_size = buffer }
    }

    /// Appends a picture of the encoder's size as an access unit (Annex B), one that needs none before it
    /// where `key`. Returns whether it needs none.
    pub fn encode(&mut self, picture: &Frame, key: bool, to: &mut Vec<u8>) -> Result<bool, EncodeError> {
        let Self { planes, .. } = self;
        let [width, height] = [planes.width, planes.height];
        let even = (picture.size != [width, height]).then(|| widened(picture, [width, height]));
        let pixels = even.as_deref().unwrap_or(&picture.pixels);
        let (range, matrix) = (YuvRange::Full, YuvStandardMatrix::Bt709);
        rgba_to_yuv420(planes, pixels, width * 4, range, matrix, YuvConversionMode::Balanced)
            .map_err(|error| EncodeError::Yuv(error.to_string()))?;
        let mut frame = frame::Video::new(Pixel::YUV420P, width, height);
        let sources = [
            (planes.y_plane.borrow(), planes.y_stride),
            (planes.u_plane.borrow(), planes.u_stride),
            (planes.v_plane.borrow(), planes.v_stride),
        ];
        for (plane, (source, source_stride)) in sources.into_iter().enumerate() {
            let (stride, columns) = (frame.stride(plane), frame.plane_width(plane) as usize);
            let rows = source.chunks(source_stride as usize);
            for (to, from) in frame.data_mut(plane).chunks_mut(stride).zip(rows) {
                to[..columns].copy_from_slice(&from[..columns]);
            }
        }
        frame.set_pts(Some(self.count));
        if key || self.count == 0 {
            frame.set_kind(picture::Type::I);
        }
        self.count += 1;
        self.encoder.send_frame(&frame)?;
        let mut packet = Packet::empty();
        self.encoder.receive_packet(&mut packet)?;
        to.extend(packet.data().ok_or(EncodeError::NoVideo)?);
        Ok(packet.is_key())
    }
}

/// The picture with its last column and row again, up to a size.
fn widened(picture: &Frame, [width, height]: [u32; 2]) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 4);
    let rows: Vec<&[u8]> = picture.pixels.chunks_exact(picture.size[0] as usize * 4).collect();
    for y in 0..height as usize {
        let row = rows[y.min(rows.len() - 1)];
        pixels.extend(row);
        for _ in picture.size[0]..width {
            pixels.extend(&row[row.len() - 4..]);
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a decoder makes of access units: brightness and the two colour planes of the last picture.
    struct Decoder(ffmpeg::decoder::Video);

    impl Decoder {
        fn new() -> Self {
            let codec = ffmpeg::decoder::find(ffmpeg::codec::Id::H264).expect("FFmpeg reads H.264");
            Self(Context::new_with_codec(codec).decoder().video().expect("opens"))
        }

        fn decode(&mut self, unit: &[u8]) -> frame::Video {
            self.0.send_packet(&Packet::copy(unit)).expect("an access unit");
            let mut frame = frame::Video::empty();
            self.0.receive_frame(&mut frame).expect("one in, one out");
            frame
        }
    }

    fn picture(size: [u32; 2], turn: u32) -> Frame {
        let pixels = (0..size[0] * size[1])
            .flat_map(|i| {
                let (x, y) = (i % size[0] + turn, i / size[0]);
                let grey = ((x / 8 + y / 8) % 32 * 8) as u8;
                [grey, grey, grey, 255]
            })
            .collect();
        Frame { size, pixels, kind: FrameKind::Exact, view_revision: 0, input_seq: 0 }
    }

    fn plane(frame: &frame::Video, plane: usize) -> Vec<u8> {
        let columns = frame.plane_width(plane) as usize;
        let rows = frame.data(plane).chunks(frame.stride(plane)).take(frame.plane_height(plane) as usize);
        rows.flat_map(|row| &row[..columns]).copied().collect()
    }

    #[test]
    fn grey_pictures_stay_grey_and_keep_their_whole_range() {
        let size = [321, 243];
        let mut video = Video::open(size, 20_000_000).expect("an encoder");
        let mut decoder = Decoder::new();
        for turn in 0..6 {
            let (picture, mut unit) = (picture(size, turn), Vec::new());
            let key = video.encode(&picture, false, &mut unit).expect("encodes");
            assert_eq!(key, turn == 0, "one key frame, then none");
            let decoded = decoder.decode(&unit);
            assert_eq!([decoded.width(), decoded.height()], [322, 244]);
            assert_eq!(decoded.color_range(), color::Range::JPEG);
            assert_eq!(decoded.color_space(), color::Space::BT709);
            let worst = |plane: Vec<u8>| plane.iter().map(|c| c.abs_diff(128)).max();
            assert_eq!((worst(plane(&decoded, 1)), worst(plane(&decoded, 2))), (Some(0), Some(0)));
            let brightness = plane(&decoded, 0);
            let mut error = 0.0;
            for (y, row) in brightness.chunks(322).take(243).enumerate() {
                for (x, &value) in row[..321].iter().enumerate() {
                    error += (f64::from(value) - f64::from(picture.pixels[(y * 321 + x) * 4])).powi(2);
                }
            }
            let psnr = 10.0 * (255.0 * 255.0 * 321.0 * 243.0 / error).log10();
            assert!(psnr > 36.0, "{psnr}");
        }
    }

    #[test]
    fn a_lower_rate_takes_effect_without_a_key_frame() {
        let size = [640, 480];
        let mut noise = 1u32;
        let mut noisy = || {
            let mut frame = picture(size, 0);
            for pixel in frame.pixels.as_chunks_mut::<4>().0 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                pixel[..3].fill((noise >> 24) as u8);
            }
            frame
        };
        let mut video = Video::open(size, 40_000_000).expect("an encoder");
        let mut bytes = |video: &mut Video| {
            let mut unit = Vec::new();
            let mut keys = 0;
            for _ in 0..30 {
                keys += u32::from(video.encode(&noisy(), false, &mut unit).expect("encodes"));
            }
            (unit.len(), keys)
        };
        let (many, first) = bytes(&mut video);
        video.set_rate(2_000_000);
        let (few, second) = bytes(&mut video);
        assert!(few * 4 < many, "{few} of {many}");
        assert_eq!((first, second), (1, 0));
    }
}
