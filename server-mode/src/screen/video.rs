//! Moving pictures out of videos.

use ffmpeg_next as ffmpeg;

use ffmpeg::codec::Id;
use ffmpeg::codec::context::Context;
use ffmpeg::format::Pixel;
use ffmpeg::util::color;
use ffmpeg::{Dictionary, Packet, frame};
use protocol::Codec;
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv420_to_rgba};

use crate::encode;

/// One view's decoder; its pictures build on each other.
pub struct Decoder {
    decoder: ffmpeg::decoder::Video,
    picture: frame::Video,
    codec: Codec,
    size: [u32; 2],
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Decoder {
    /// For pictures of this size, and no others.
    pub fn open(codec: Codec, size: [u32; 2]) -> Result<Self, String> {
        let failed = |error: ffmpeg::Error| format!("{} cannot be decoded here: {error}", name(codec));
        encode::start_ffmpeg().map_err(failed)?;
        let id = match codec {
            Codec::Hevc => Id::HEVC,
            Codec::Av1 => Id::AV1,
            _ => Id::H264,
        };
        let decoder =
            ffmpeg::decoder::find(id).ok_or_else(|| format!("FFmpeg was built without {}", name(codec)))?;
        let mut options = Dictionary::new();
        // One out for each one in; a damaged picture is an error, not something that resembles it.
        options.set("flags", "+low_delay");
        options.set("err_detect", "explode");
        options.set("threads", "1");
        // The stream's own size, rounded up as vectors need it, meets this before any memory is taken.
        let most: u64 = size.map(|n| u64::from(n.next_multiple_of(64))).iter().product();
        options.set("max_pixels", &most.to_string());
        let opened = Context::new_with_codec(decoder).decoder().open_as_with(decoder, options);
        let decoder = opened.and_then(|opened| opened.video()).map_err(failed)?;
        Ok(Self { decoder, picture: frame::Video::empty(), codec, size })
    }

    /// Whether FFmpeg has a decoder for a video of this codec.
    pub fn is_there(codec: Codec) -> bool {
        Self::open(codec, [2, 2]).is_ok()
    }

    /// Whether it is for such pictures.
    pub fn suits(&self, codec: Codec, size: [u32; 2]) -> bool {
        (self.codec, self.size) == (codec, size)
    }

    /// Decodes an access unit into RGBA pixels.
    pub fn decode(&mut self, unit: &[u8], pixels: &mut [u8]) -> Result<(), String> {
        let failed = |error: ffmpeg::Error| format!("{}: {error}", name(self.codec));
        self.decoder.send_packet(&Packet::copy(unit)).map_err(failed)?;
        self.decoder.receive_frame(&mut self.picture).map_err(failed)?;
        let picture = &self.picture;
        let [width, height] = self.size.map(|n| n.next_multiple_of(2));
        if [picture.width(), picture.height()] != [width, height] {
            return Err("the video has another size than it says".into());
        }
        let planar = matches!(picture.format(), Pixel::YUV420P | Pixel::YUVJ420P);
        let colors = (picture.color_range(), picture.color_space());
        if !planar || colors != (color::Range::JPEG, color::Space::BT709) || picture.is_corrupt() {
            return Err("the video's pictures are damaged or of another kind than the protocol's".into());
        }
        let stride = |plane| u32::try_from(picture.stride(plane)).unwrap_or(0);
        // The video may be a pixel larger than the picture, which takes what it needs.
        let planes = YuvPlanarImage {
            y_plane: picture.data(0),
            y_stride: stride(0),
            u_plane: picture.data(1),
            u_stride: stride(1),
            v_plane: picture.data(2),
            v_stride: stride(2),
            width: self.size[0],
            height: self.size[1],
        };
        yuv420_to_rgba(&planes, pixels, self.size[0] * 4, YuvRange::Full, YuvStandardMatrix::Bt709)
            .map_err(|error| format!("the video's colours cannot be converted: {error}"))
    }
}

fn name(codec: Codec) -> &'static str {
    match codec {
        Codec::Hevc => "HEVC",
        Codec::Av1 => "AV1",
        _ => "H.264",
    }
}

#[cfg(test)]
mod tests {
    use protocol::frame::append_part;
    use protocol::{Codec, FrameHeader, Quality};
    use render_core::{Frame, FrameKind};

    use crate::encode::{Tone, Video, VideoCodecs};
    use crate::{Screen, ScreenError};

    /// Colours that move, with edges, and a grey ramp below them.
    fn picture([width, height]: [u32; 2], turn: u32) -> Frame {
        let pixels = (0..width * height).flat_map(|i| {
            let (x, y) = (i % width + turn, i / width);
            let grey = (x * 255 / (width + 40)) as u8;
            let colour = [(x / 16 % 8 * 32) as u8, (y * 255 / height) as u8, 96, 255];
            if y > height / 2 { [grey, grey, grey, 255] } else { colour }
        });
        let pixels = pixels.collect();
        Frame { size: [width, height], pixels, kind: FrameKind::Exact, view_revision: 0, input_seq: 0 }
    }

    /// A frame of the protocol with the next access unit of a video.
    fn film(video: &mut Video, picture: &Frame) -> Vec<u8> {
        let mut unit = Vec::new();
        let key = video.encode(picture, false, &mut unit).expect("encodes");
        message(picture.size, key, &unit)
    }

    fn message(size: [u32; 2], key: bool, unit: &[u8]) -> Vec<u8> {
        let size = size.map(|n| n as u16);
        let header = FrameHeader {
            codec: Codec::H264,
            quality: Quality::Interactive,
            view: 0,
            cleared: key,
            stretched: false,
            key,
            size,
            frame: 1,
            input_seq: 0,
            view_revision: 0,
            render_us: 0,
            encode_us: 0,
            hash: 0,
        };
        let mut message = header.encode().to_vec();
        append_part(&mut message, [0, 0], size, |to| {
            to.extend(unit);
            Ok::<_, ()>(())
        })
        .expect("a copy does not fail");
        message
    }

    fn psnr(a: &[u8], b: &[u8]) -> f64 {
        assert_eq!(a.len(), b.len());
        let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
        10.0 * (255.0 * 255.0 * a.len() as f64 / sum).log10()
    }

    #[test]
    fn a_video_of_odd_size_is_shown_as_it_was_drawn_one_out_for_each_one_in() {
        let size = [321, 243];
        let mut video = Video::open(VideoCodecs::H264, Tone::Color, size, 40_000_000).expect("an encoder");
        let mut screen = Screen::default();
        for turn in 0..8 {
            let drawn = picture(size, turn * 3);
            screen.show(&film(&mut video, &drawn)).expect("a picture");
            assert_eq!(screen.size(), size);
            let psnr = psnr(&drawn.pixels, screen.pixels());
            assert!(psnr > 34.0, "{psnr} dB");
            // Brightness goes through unchanged but for compression, so nothing is tinted.
            let grey = screen.pixels().as_chunks::<4>().0[321 * 200..].iter();
            let tint = grey.map(|&[r, g, b, _]| r.abs_diff(g).max(g.abs_diff(b))).max();
            assert!(tint <= Some(8), "{tint:?} between a grey pixel's colours");
        }
    }

    #[test]
    fn damage_is_an_error_and_the_next_video_is_shown() {
        let size = [320, 240];
        let mut video = Video::open(VideoCodecs::H264, Tone::Color, size, 20_000_000).expect("an encoder");
        let mut screen = Screen::default();
        let begins = film(&mut video, &picture(size, 0));
        screen.show(&begins).expect("a picture");
        let whole = film(&mut video, &picture(size, 5));
        let header = protocol::frame::HEADER_BYTES + 12;
        let mut noise = 1u32;
        let mut refused = 0;
        for round in 0..200 {
            screen.show(&begins).expect("a video begins again, whatever came before");
            let mut unit = whole[header..].to_vec();
            if round % 3 == 0 {
                unit.truncate(unit.len() * (round / 3) / 67);
            } else {
                for _ in 0..1 + round % 20 {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let at = noise as usize % unit.len();
                    unit[at] ^= (noise >> 24) as u8 | 1;
                }
            }
            // Some damage only changes what is shown; whatever is noticed ends the video.
            if screen.show(&message(size, false, &unit)).is_err() {
                refused += 1;
                let after = screen.show(&film(&mut video, &picture(size, 6)));
                assert!(matches!(after, Err(ScreenError::Part(_))), "{after:?}");
            }
        }
        assert!(refused > 100, "{refused} of 200");
        let mut video = Video::open(VideoCodecs::H264, Tone::Color, size, 20_000_000).expect("an encoder");
        screen.show(&film(&mut video, &picture(size, 9))).expect("a video that begins");
        assert!(psnr(&picture(size, 9).pixels, screen.pixels()) > 32.0);
    }

    #[test]
    fn a_video_of_another_size_than_announced_is_refused_before_it_takes_memory() {
        for real in [[64, 64], [320, 256], [1920, 1088], [4096, 4096]] {
            let mut unit = Vec::new();
            let mut video = Video::open(VideoCodecs::H264, Tone::Color, real, 1_000_000).expect("an encoder");
            video.encode(&picture(real, 0), false, &mut unit).expect("encodes");
            let shown = Screen::default().show(&message([320, 240], true, &unit));
            assert!(matches!(shown, Err(ScreenError::Part(_))), "{real:?}: {shown:?}");
        }
    }

    #[test]
    fn a_video_without_its_beginning_is_refused() {
        let size = [64, 48];
        let mut video = Video::open(VideoCodecs::H264, Tone::Color, size, 1_000_000).expect("an encoder");
        film(&mut video, &picture(size, 0));
        let mut second = film(&mut video, &picture(size, 1));
        // As a picture that is cleared without being a key frame would be.
        second[7] |= 1;
        let shown = Screen::default().show(&second);
        assert!(matches!(shown, Err(ScreenError::Part(_))), "{shown:?}");
    }
}
