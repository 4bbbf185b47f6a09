//! The thread that decodes what a server sends, in order.

use std::collections::HashMap;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use protocol::FrameHeader;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Bytes;

use crate::screen::{Screen, ScreenError, Values};

pub enum Work {
    Frame(Encoded),
    Values { bytes: Bytes, connection: u32 },
}

/// A frame that has arrived.
pub struct Encoded {
    pub header: FrameHeader,
    pub bytes: Bytes,
    /// Whether to decode it, or only to pass it on in its turn.
    pub wanted: bool,
    pub by_track: bool,
    /// None before it is missing.
    pub whole: bool,
    pub arrived: Instant,
    /// Which connection it is of.
    pub connection: u32,
}

pub enum Decoded {
    Frame(Box<DecodedFrame>),
    Values { values: Values, connection: u32 },
}

pub struct DecodedFrame {
    pub header: FrameHeader,
    pub bytes: usize,
    pub by_track: bool,
    /// None before it is missing.
    pub whole: bool,
    pub arrived: Instant,
    pub connection: u32,
    pub at: Instant,
    pub result: Result<(), Unseen>,
}

pub enum Unseen {
    Left,
    Spoilt(ScreenError),
}

/// Runs until either end of its channels is gone.
pub fn decode(
    work: &Receiver<Work>,
    results: &mpsc::Sender<Decoded>,
    mut watch: impl FnMut(&FrameHeader, &Screen),
) {
    let mut screens: HashMap<u8, Screen> = HashMap::new();
    for work in work {
        let decoded = match work {
            Work::Values { bytes, connection } => match Values::decode(&bytes) {
                Ok(values) => Decoded::Values { values, connection },
                Err(error) => {
                    // There are pictures again after the hand has let go.
                    tracing::debug!(%error, "values cannot be used");
                    continue;
                }
            },
            Work::Frame(Encoded { header, bytes, wanted, by_track, whole, arrived, connection }) => {
                let screen = screens.entry(header.view).or_default();
                let result = match wanted {
                    true => screen.show(&bytes).map(drop).map_err(Unseen::Spoilt),
                    false => Err(Unseen::Left),
                };
                let at = Instant::now();
                if result.is_ok() {
                    watch(&header, screen);
                }
                let bytes = bytes.len();
                Decoded::Frame(Box::new(DecodedFrame {
                    header,
                    bytes,
                    by_track,
                    whole,
                    arrived,
                    connection,
                    at,
                    result,
                }))
            }
        };
        if results.blocking_send(decoded).is_err() {
            return;
        }
    }
}
