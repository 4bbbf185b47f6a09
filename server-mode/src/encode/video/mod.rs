//! Moving pictures as video: each one as it differs from the one before.

mod ffmpeg;
mod openh264;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use ffmpeg_next::util::log;
use protocol::Codec;
use render_core::{Frame, FrameKind};
use yuv::{
    YuvChromaSubsampling, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix, rgba_to_yuv420,
};

use self::ffmpeg::{Ffmpeg, Memory, Options, Setup};
use self::openh264::OpenH264;
use super::{EncodeError, Tone};
use crate::screen::Decoder;

/// An encoder of one size, on any machine. Its pictures build on each other, so none may be lost.
trait Encode: Send {
    /// Appends a picture as one access unit, one that needs none before it where `key`. Returns whether it needs
    /// none. The first one needs none.
    fn encode(&mut self, picture: &Planes, key: bool, to: &mut Vec<u8>) -> Result<bool, EncodeError>;

    /// Limits what follows to so much. Returns false where only an encoder that begins anew can do that.
    fn set_rate(&mut self, bits_per_second: usize) -> bool;
}

/// One way to make a video.
struct Candidate {
    name: &'static str,
    codec: Codec,
    kind: Kind,
    /// A graphics card's: its driver may take its time.
    on_card: bool,
    /// Whether pictures that it made here were decoded; nothing as long as nobody knows.
    works: OnceLock<bool>,
}

#[derive(Clone, Copy)]
enum Kind {
    Ffmpeg(Setup),
    OpenH264,
}

/// With NVENC a picture is out before the next one is in.
const NVENC: Options = &[
    ("preset", "p1"),
    ("tune", "ull"),
    ("zerolatency", "1"),
    ("delay", "0"),
    ("cq", "18"),
    ("forced-idr", "1"),
];
const VA_API: Options = &[("async_depth", "1")];
const QSV: Options = &[
    ("async_depth", "1"),
    ("preset", "veryfast"),
    ("forced_idr", "1"),
    ("low_delay_brc", "1"),
    ("min_qp_i", "18"),
    ("min_qp_p", "18"),
];
/// Browsers take no profile above Main by WebRTC; High would save 1 % of the bytes (a chest CT that turns, 720p).
/// At 13 bones that turn by 1 to 3 degrees a picture are 41 dB from what was drawn, 43 in brightness.
/// Fewer coefficients become zero than by default, which keeps edges: slices take 7 to 9 % fewer bits at equal PSNR,
/// 11 to 13 % where only edges count, and volumes that turn 6 to 10 %.
const X264: Options = &[
    ("preset", "veryfast"),
    ("tune", "zerolatency"),
    ("crf", "13"),
    // Bits go where the error is, not where eyes are thought to look less.
    ("aq-mode", "0"),
    ("x264-params", "subme=4:deadzone-intra=6:deadzone-inter=10"),
    ("profile", "main"),
];
/// Slices gain 1 % by `veryfast` (volumes 2 to 4) and take a tenth longer. They are smooth: at 20 they are 48 dB from
/// what was drawn.
const X264_SLICES: Options = &[("preset", "superfast"), ("crf", "20")];
/// Some 45 ms of processor time for a turning volume at 1280x720, seven times as much as x264. SVT-AV1 at preset 12
/// (version 1.4) took 24 ms and holds pictures back, so that AV1 is left to cards.
const X265: Options = &[
    ("preset", "ultrafast"),
    ("tune", "zerolatency"),
    ("crf", "20"),
    ("forced-idr", "1"),
    ("x265-params", "frame-threads=1:keyint=-1:scenecut=0:aq-mode=0:log-level=none"),
];

/// Best first: what a card encodes costs the processor nothing, and the later codec takes fewer bits; on the
/// processor H.264 is faster than what came after it.
static CANDIDATES: [Candidate; 12] = [
    nvenc("av1_nvenc", Codec::Av1),
    va_api("av1_vaapi", Codec::Av1),
    qsv("av1_qsv", Codec::Av1),
    nvenc("hevc_nvenc", Codec::Hevc),
    va_api("hevc_vaapi", Codec::Hevc),
    qsv("hevc_qsv", Codec::Hevc),
    nvenc("h264_nvenc", Codec::H264),
    va_api("h264_vaapi", Codec::H264),
    qsv("h264_qsv", Codec::H264),
    candidate(
        "libx264",
        Codec::H264,
        false,
        Kind::Ffmpeg(Setup { for_slices: X264_SLICES, ..setup(Memory::Main, true, X264) }),
    ),
    candidate("openh264", Codec::H264, false, Kind::OpenH264),
    candidate("libx265", Codec::Hevc, false, Kind::Ffmpeg(setup(Memory::Main, false, X265))),
];

const fn candidate(name: &'static str, codec: Codec, on_card: bool, kind: Kind) -> Candidate {
    Candidate { name, codec, kind, on_card, works: OnceLock::new() }
}

const fn setup(memory: Memory, steerable: bool, options: Options) -> Setup {
    Setup { memory, steerable, options, for_slices: &[] }
}

const fn nvenc(name: &'static str, codec: Codec) -> Candidate {
    candidate(name, codec, true, Kind::Ffmpeg(setup(Memory::Main, true, NVENC)))
}

const fn va_api(name: &'static str, codec: Codec) -> Candidate {
    candidate(name, codec, true, Kind::Ffmpeg(setup(Memory::VaApi, false, VA_API)))
}

const fn qsv(name: &'static str, codec: Codec) -> Candidate {
    candidate(name, codec, true, Kind::Ffmpeg(setup(Memory::Qsv, false, QSV)))
}

/// What a sender may save up for, in parts of a second: four pictures.
const BUFFER_SHARE: usize = 15;
/// The quantiser of encoders without a constant quality goes no lower.
const BEST_QP: u8 = 18;
/// Encoders' clock: what a picture may take is this part of a second's bits, however often pictures come.
pub(crate) const PICTURES_PER_SECOND: u32 = 60;
/// Videos at a time, of all sessions together: some 24 MB each.
const MOST_VIDEOS: usize = 32;
/// Pictures of fewer pixels are encoded by one thread each, and so are all where there are many.
const TWO_THREADS_FROM: u32 = 1 << 19;
const TWO_THREADS_FOR: usize = 4;
/// An encoder that has to begin anew for another rate does so when it is off by more than this: a key frame costs more
/// than a rate that is wrong for a moment, as it is where pictures queue.
const RATE_FACTOR: usize = 3;

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
pub(crate) fn start_ffmpeg() -> Result<(), ffmpeg_next::Error> {
    ffmpeg_next::init()?;
    // What codecs have to say about themselves and their input is not for the log.
    log::set_level(log::Level::Fatal);
    Ok(())
}

/// The codecs of videos that a client decodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoCodecs {
    pub h264: bool,
    pub hevc: bool,
    pub av1: bool,
}

impl VideoCodecs {
    pub const NONE: Self = Self { h264: false, hevc: false, av1: false };
    pub const H264: Self = Self { h264: true, ..Self::NONE };

    pub fn any(self) -> bool {
        self != Self::NONE
    }

    fn has(self, codec: Codec) -> bool {
        match codec {
            Codec::H264 => self.h264,
            Codec::Hevc => self.hevc,
            Codec::Av1 => self.av1,
            _ => false,
        }
    }
}

/// Tries all encoders that nobody has tried yet. That may take long where a card's driver does; until it is done,
/// videos are made without cards.
pub fn probe() {
    for candidate in CANDIDATES.iter().rev() {
        candidate.probe();
    }
}

/// The names of the encoders that work here, best first.
pub fn names() -> impl Iterator<Item = &'static str> {
    CANDIDATES.iter().filter(|candidate| candidate.probe()).map(|candidate| candidate.name)
}

impl Candidate {
    fn probe(&self) -> bool {
        *self.works.get_or_init(|| {
            let proof = self.prove();
            if let Err(error) = &proof {
                tracing::debug!(encoder = self.name, %error, "an encoder does not work here");
            }
            proof.is_ok()
        })
    }

    /// Waits for no card.
    fn works(&self) -> bool {
        if self.on_card { self.works.get() == Some(&true) } else { self.probe() }
    }

    /// Encodes two pictures, decodes them and looks whether their grey is what it was.
    fn prove(&self) -> Result<(), EncodeError> {
        const SIZE: [u32; 2] = [256, 256];
        const GREY: u8 = 127;
        start_ffmpeg()?;
        let frame = Frame {
            size: SIZE,
            pixels: [GREY, GREY, GREY, 255].repeat(256 * 256),
            kind: FrameKind::Exact,
            view_revision: 0,
            input_seq: 0,
        };
        let mut planes = Planes::new(SIZE);
        planes.convert(&frame)?;
        let mut encoder = self.open(Tone::Color, SIZE, 1, 1_000_000)?;
        let mut decoder = Decoder::open(self.codec, SIZE).map_err(EncodeError::Unreadable)?;
        let mut pixels = vec![0; frame.pixels.len()];
        for first in [true, false] {
            let mut unit = Vec::new();
            if encoder.encode(&planes, first, &mut unit)? != first {
                return Err(EncodeError::NoVideo);
            }
            decoder.decode(&unit, &mut pixels).map_err(EncodeError::Unreadable)?;
            let worst = pixels.iter().zip(&frame.pixels).map(|(is, was)| is.abs_diff(*was)).max();
            if worst > Some(4) {
                return Err(EncodeError::Unreadable("its grey is another one".into()));
            }
        }
        Ok(())
    }

    fn open(
        &self,
        tone: Tone,
        size: [u32; 2],
        threads: u32,
        bits_per_second: usize,
    ) -> Result<Box<dyn Encode>, EncodeError> {
        Ok(match &self.kind {
            Kind::OpenH264 => Box::new(OpenH264::open(bits_per_second)?),
            Kind::Ffmpeg(setup) => {
                let name = self.name;
                Box::new(Ffmpeg::open(name, setup, tone, size, threads, bits_per_second)?)
            }
        })
    }
}

/// One view's video.
pub struct Video {
    candidate: &'static Candidate,
    encoder: Box<dyn Encode>,
    planes: Planes,
    /// Of the pictures; the encoder's own is even.
    size: [u32; 2],
    tone: Tone,
    bits_per_second: usize,
    begun: bool,
    _place: Place,
}

impl std::fmt::Debug for Video {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Video")
            .field("encoder", &self.candidate.name)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Video {
    /// Encodes pictures of a size at `bits_per_second` at most, were there `PICTURES_PER_SECOND` of them, by the best
    /// encoder that is known to work and makes one of these codecs.
    pub fn open(
        codecs: VideoCodecs,
        tone: Tone,
        size: [u32; 2],
        bits_per_second: usize,
    ) -> Result<Self, EncodeError> {
        let known = CANDIDATES.iter().filter(|one| codecs.has(one.codec) && one.works());
        // A card may refuse a size, or have as many videos as it can.
        let mut refusal = EncodeError::NoVideo;
        for candidate in known {
            match Self::open_with(candidate, tone, size, bits_per_second) {
                Ok(video) => return Ok(video),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    fn open_with(
        candidate: &'static Candidate,
        tone: Tone,
        size: [u32; 2],
        bits_per_second: usize,
    ) -> Result<Self, EncodeError> {
        let place = Place::take()?;
        let planes = Planes::new(size.map(|n| n.next_multiple_of(2)));
        let encoder = candidate.open(tone, planes.size(), threads(planes.size()), bits_per_second)?;
        Ok(Self { candidate, encoder, planes, size, tone, bits_per_second, begun: false, _place: place })
    }

    /// Whether it can go on with such pictures.
    pub fn suits(&self, codecs: VideoCodecs, tone: Tone, size: [u32; 2]) -> bool {
        codecs.has(self.codec()) && self.tone == tone && self.size == size
    }

    pub fn codec(&self) -> Codec {
        self.candidate.codec
    }

    /// Limits what follows to so much.
    pub fn set_rate(&mut self, bits_per_second: usize) -> Result<(), EncodeError> {
        if self.bits_per_second == bits_per_second {
            return Ok(());
        }
        if self.encoder.set_rate(bits_per_second) {
            self.bits_per_second = bits_per_second;
        } else if bits_per_second > self.bits_per_second * RATE_FACTOR
            || bits_per_second < self.bits_per_second / RATE_FACTOR
        {
            let size = self.planes.size();
            self.encoder = self.candidate.open(self.tone, size, threads(size), bits_per_second)?;
            (self.bits_per_second, self.begun) = (bits_per_second, false);
        }
        Ok(())
    }

    /// Appends a picture of the video's size as an access unit, one that needs none before it where `key`. Returns
    /// whether it needs none.
    pub fn encode(&mut self, picture: &Frame, key: bool, to: &mut Vec<u8>) -> Result<bool, EncodeError> {
        self.planes.convert(picture)?;
        let key = self.encoder.encode(&self.planes, key || !self.begun, to)?;
        self.begun = true;
        Ok(key)
    }
}

fn threads([width, height]: [u32; 2]) -> u32 {
    let few = VIDEOS.load(Ordering::Relaxed) <= TWO_THREADS_FOR;
    if few && width * height >= TWO_THREADS_FROM { 2 } else { 1 }
}

/// A picture as encoders take it: full range, BT.709, 4:2:0, width and height even.
struct Planes(YuvPlanarImageMut<'static, u8>);

impl Planes {
    fn new([width, height]: [u32; 2]) -> Self {
        Self(YuvPlanarImageMut::alloc(width, height, YuvChromaSubsampling::Yuv420))
    }

    fn size(&self) -> [u32; 2] {
        [self.0.width, self.0.height]
    }

    /// Rows and the bytes from one to the next, of brightness and of two colours.
    fn planes(&self) -> [(&[u8], usize); 3] {
        let Self(planes) = self;
        [
            (planes.y_plane.borrow(), planes.y_stride as usize),
            (planes.u_plane.borrow(), planes.u_stride as usize),
            (planes.v_plane.borrow(), planes.v_stride as usize),
        ]
    }

    fn convert(&mut self, picture: &Frame) -> Result<(), EncodeError> {
        let size = self.size();
        let even = (picture.size != size).then(|| widened(picture, size));
        let pixels = even.as_deref().unwrap_or(&picture.pixels);
        let (range, matrix) = (YuvRange::Full, YuvStandardMatrix::Bt709);
        rgba_to_yuv420(&mut self.0, pixels, size[0] * 4, range, matrix, YuvConversionMode::Balanced)
            .map_err(|error| EncodeError::Yuv(error.to_string()))
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

    /// Videos by every encoder of this machine, one of each.
    fn videos(size: [u32; 2], bits_per_second: usize) -> impl Iterator<Item = Video> {
        let found: Vec<_> = CANDIDATES.iter().filter(|candidate| candidate.probe()).collect();
        assert!(found.iter().any(|found| found.name == "openh264"), "openh264 is compiled in");
        found.into_iter().map(move |candidate| {
            Video::open_with(candidate, Tone::Color, size, bits_per_second).expect(candidate.name)
        })
    }

    #[test]
    fn grey_pictures_stay_grey_and_keep_their_whole_range_whatever_encodes_them() {
        let size = [321, 243];
        for mut video in videos(size, 20_000_000) {
            let name = video.candidate.name;
            let mut decoder = Decoder::open(video.codec(), size).expect("FFmpeg decodes it");
            for turn in 0..6 {
                let (picture, mut unit) = (picture(size, turn), Vec::new());
                let key = video.encode(&picture, turn == 4, &mut unit).expect("encodes");
                assert_eq!(key, turn == 0 || turn == 4, "{name}: a key frame where one is asked for");
                let mut shown = vec![0; picture.pixels.len()];
                // It refuses another range than the full one, and other colours than BT.709's.
                decoder.decode(&unit, &mut shown).expect("one in, one out");
                let mut error = 0.0;
                for (shown, drawn) in shown.as_chunks::<4>().0.iter().zip(picture.pixels.as_chunks::<4>().0) {
                    assert!(shown[0] == shown[1] && shown[1] == shown[2], "{name}: {shown:?} is not grey");
                    error += (f64::from(shown[0]) - f64::from(drawn[0])).powi(2);
                }
                let psnr = 10.0 * (255.0 * 255.0 * 321.0 * 243.0 / error).log10();
                assert!(psnr > 34.0, "{name}: {psnr}");
            }
        }
    }

    #[test]
    fn what_ffprobe_says_of_a_video_and_its_colours() {
        let size = [320, 240];
        let file = std::env::temp_dir().join(format!("voxcast-video-{}", std::process::id()));
        for mut video in videos(size, 20_000_000).filter(|video| video.codec() == Codec::H264) {
            let name = video.candidate.name;
            let mut stream = Vec::new();
            let mut decoder = Decoder::open(video.codec(), size).expect("FFmpeg decodes it");
            for turn in 0..8 {
                let mut picture = picture(size, turn);
                let colors = [[200u8, 30, 20], [30, 180, 60], [20, 40, 210], [230, 220, 40]];
                for (i, pixel) in picture.pixels.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                    pixel[..3].copy_from_slice(&colors[i % 320 / 80]);
                }
                let mut unit = Vec::new();
                video.encode(&picture, false, &mut unit).expect("encodes");
                let mut shown = vec![0; picture.pixels.len()];
                decoder.decode(&unit, &mut shown).expect("one in, one out");
                for (column, color) in [40, 120, 200, 280].into_iter().zip(colors) {
                    let at = (120 * 320 + column) * 4;
                    let off = (0..3).map(|i| shown[at + i].abs_diff(color[i])).max();
                    assert!(off <= Some(4), "{name}: {:?} in place of {color:?}", &shown[at..at + 3]);
                }
                stream.extend(unit);
            }
            std::fs::write(&file, stream).expect("a temporary file");
            let probe = std::process::Command::new("ffprobe")
                .args(["-v", "warning", "-f", "h264", "-count_frames", "-show_streams"])
                .arg(&file)
                .output();
            let probe = probe.expect("ffprobe comes with ffmpeg");
            let (said, warned) =
                (String::from_utf8_lossy(&probe.stdout), String::from_utf8_lossy(&probe.stderr));
            assert_eq!((probe.status.success(), &*warned), (true, ""), "{name}");
            let wanted = ["width=320", "height=240", "color_range=pc", "color_space=bt709", "has_b_frames=0"];
            for line in wanted.into_iter().chain(["nb_read_frames=8"]) {
                assert!(said.lines().any(|said| said == line), "{name}: no {line} in {said}");
            }
        }
        std::fs::remove_file(file).expect("it was written");
    }

    #[test]
    fn a_lower_rate_takes_effect_and_without_a_key_frame_where_the_encoder_can() {
        let size = [320, 240];
        let mut noise = 1u32;
        let mut noisy = || {
            let mut frame = picture(size, 0);
            for pixel in frame.pixels.as_chunks_mut::<4>().0 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                pixel[..3].fill((noise >> 24) as u8);
            }
            frame
        };
        for mut video in videos(size, 20_000_000) {
            let mut bytes = |video: &mut Video| {
                let mut unit = Vec::new();
                let mut keys = 0;
                for _ in 0..12 {
                    keys += u32::from(video.encode(&noisy(), false, &mut unit).expect("encodes"));
                }
                (unit.len(), keys)
            };
            let name = video.candidate.name;
            let (many, first) = bytes(&mut video);
            video.set_rate(1_000_000).expect("a lower rate");
            let (few, second) = bytes(&mut video);
            assert!(few * 3 < many, "{name}: {few} of {many}");
            let steerable = match video.candidate.kind {
                Kind::OpenH264 => true,
                Kind::Ffmpeg(setup) => setup.steerable,
            };
            assert_eq!((first, second), (1, u32::from(!steerable)), "{name}");
        }
    }

    #[test]
    fn the_best_codec_that_a_client_decodes_is_taken() {
        let size = [320, 240];
        let open = |codecs| Video::open(codecs, Tone::Grey, size, 1_000_000).map(|video| video.codec());
        assert!(matches!(open(VideoCodecs::NONE), Err(EncodeError::NoVideo)));
        assert_eq!(open(VideoCodecs::H264).expect("openh264 at least"), Codec::H264);
        let hevc = VideoCodecs { hevc: true, ..VideoCodecs::NONE };
        assert!(matches!(open(hevc), Ok(Codec::Hevc) | Err(EncodeError::NoVideo)));
        let card = CANDIDATES.iter().any(|candidate| candidate.on_card && candidate.probe());
        let both = open(VideoCodecs { h264: true, ..hevc }).expect("openh264 at least");
        assert!(card || both == Codec::H264, "on the processor H.264 is the faster one");
    }
}
