//! H.264 by openh264, whose source is compiled in: there is a video where FFmpeg has no encoder for it.

use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, QpRange, RateControlMode, VuiConfig,
};
use openh264::{OpenH264API, formats::YUVSlices};
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_MAX_BITRATE, ENCODER_OPTION_TRACE_LEVEL,
    SBitrateInfo, SPATIAL_LAYER_ALL, WELS_LOG_QUIET,
};

use super::{BEST_QP, Encode, EncodeError, PICTURES_PER_SECOND, Planes};

/// It writes one slice, so that it has one thread.
pub struct OpenH264 {
    encoder: Encoder,
    /// Before the first picture there is nothing that a rate could be set in.
    begun: bool,
    bits_per_second: usize,
}

impl OpenH264 {
    pub fn open(bits_per_second: usize) -> Result<Self, EncodeError> {
        let config = EncoderConfig::new()
            .bitrate(BitRate::from_bps(u32::try_from(bits_per_second).unwrap_or(u32::MAX)))
            .max_frame_rate(FrameRate::from_hz(PICTURES_PER_SECOND as f32))
            .rate_control_mode(RateControlMode::Bitrate)
            .qp(QpRange::new(BEST_QP, 51))
            .complexity(Complexity::Low)
            // One picture out for each one in, and key frames where they are asked for.
            .skip_frames(false)
            .scene_change_detect(false)
            .adaptive_quantization(false)
            .background_detection(false)
            .num_threads(1)
            .vui(VuiConfig::srgb());
        let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config)?;
        let mut level = WELS_LOG_QUIET;
        // SAFETY: this option may be set before all else, and reads one `int` before the call returns.
        unsafe { encoder.raw_api().set_option(ENCODER_OPTION_TRACE_LEVEL, (&raw mut level).cast()) };
        Ok(Self { encoder, begun: false, bits_per_second })
    }

    fn option(&mut self, option: ENCODER_OPTION, bits_per_second: usize) {
        let rate = i32::try_from(bits_per_second).unwrap_or(i32::MAX);
        let mut rate = SBitrateInfo { iLayer: SPATIAL_LAYER_ALL, iBitrate: rate };
        // SAFETY: the encoder is initialised, and both options read one `SBitrateInfo` before the call returns.
        let result = unsafe { self.encoder.raw_api().set_option(option, (&raw mut rate).cast()) };
        if result != 0 {
            tracing::debug!(result, bits_per_second, "openh264 keeps its bit rate");
        }
    }
}

impl Encode for OpenH264 {
    fn encode(&mut self, picture: &Planes, key: bool, to: &mut Vec<u8>) -> Result<bool, EncodeError> {
        if key && self.begun {
            self.encoder.force_intra_frame();
        }
        let [y, u, v] = picture.planes();
        let size = picture.size().map(|n| n as usize);
        let strides = [y.1, u.1, v.1];
        let source = YUVSlices::new((y.0, u.0, v.0), size.into(), strides.into());
        let stream = self.encoder.encode(&source)?;
        stream.write_vec(to);
        self.begun = true;
        match stream.frame_type() {
            FrameType::IDR => Ok(true),
            FrameType::P | FrameType::I => Ok(false),
            FrameType::Invalid | FrameType::Skip | FrameType::IPMixed => Err(EncodeError::NoVideo),
        }
    }

    fn set_rate(&mut self, bits_per_second: usize) -> bool {
        if !self.begun {
            return false;
        }
        let falls = bits_per_second < self.bits_per_second;
        self.bits_per_second = bits_per_second;
        // The rate may not be above the largest one.
        let options = [ENCODER_OPTION_BITRATE, ENCODER_OPTION_MAX_BITRATE];
        let in_turn = if falls { options } else { [options[1], options[0]] };
        in_turn.into_iter().for_each(|option| self.option(option, bits_per_second));
        true
    }
}
