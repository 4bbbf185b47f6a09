//! What a client's canvas shows, so that only what differs is sent.

use protocol::Codec;
use protocol::frame::append_part;
use render_core::Frame;
use twox_hash::{XxHash3_64, XxHash32};

use super::lossless::{self, Packing};
use super::{EncodeError, Jpeg, Rect, Tone, Video, VideoCodecs};

/// Edge of a tile in pixels: a multiple of a JPEG's blocks, so that what is cut along tiles looks the
/// same as the whole.
const TILE: u32 = 64;
/// More rectangles than this cost more than the pixels between them.
const MOST_RECTS: usize = 12;

/// Bits a pixel that a JPEG takes at most, about.
const JPEG_BITS: usize = 2;

/// Bytes that a tile takes without loss, about.
const EXACT_BYTES: usize = 5 << 10;

/// How near a tile is to what was drawn: the quality of its JPEG, or this.
const EXACT: u8 = 101;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tile {
    hash: u64,
    quality: u8,
}

/// One view's canvas, as its client will see it once all frames have arrived.
#[derive(Debug, Default)]
pub struct Canvas {
    /// None before the first picture.
    size: [u32; 2],
    /// Row by row; empty where what the client sees is none of our tiles.
    tiles: Vec<Tile>,
    /// The picture that parts are cut from later, and the quality of its JPEGs.
    drawn: Option<Drawn>,
    /// Goes on after pictures of other kinds: they replace what it shows, not what it remembers.
    video: Option<Video>,
    /// The size of pictures that no encoder took.
    refused: Option<[u32; 2]>,
}

#[derive(Debug)]
struct Drawn {
    frame: Frame,
    tone: Tone,
    quality: u8,
}

/// How a picture is painted.
#[derive(Clone, Copy, Debug)]
pub struct Brush {
    /// Of the JPEGs.
    pub quality: u8,
    /// The picture is kept for `go_on`, to become lossless.
    pub settles: bool,
    /// About so many bytes go at once; `go_on` paints the rest.
    pub most: Option<usize>,
}

/// How a picture becomes one of a video.
#[derive(Clone, Copy, Debug)]
pub struct Film {
    /// Those that the client decodes.
    pub codecs: VideoCodecs,
    /// By the encoder's clock.
    pub bits_per_second: usize,
    /// It needs none before it.
    pub key: bool,
}

/// What becomes of the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Painted {
    pub codec: Codec,
    /// It is black before the parts are painted.
    pub cleared: bool,
    /// What it showed is stretched to its new size before the parts are painted.
    pub stretched: bool,
    /// Its video begins anew.
    pub key: bool,
    /// Parts of the picture are not painted yet.
    pub lacking: bool,
    /// XXH32 of what was drawn, where the canvas is equal to it.
    pub lossless: Option<u32>,
}

impl Painted {
    pub(crate) fn with(codec: Codec) -> Self {
        Self { codec, cleared: false, stretched: false, key: false, lacking: false, lossless: None }
    }
}

impl Canvas {
    /// Appends JPEGs of what the canvas does not show as well as the brush does.
    pub fn paint(
        &mut self,
        frame: Frame,
        tone: Tone,
        brush: Brush,
        jpeg: &mut Jpeg,
        message: &mut Vec<u8>,
    ) -> Result<Painted, EncodeError> {
        let cleared = self.size == [0, 0];
        let stretched = !cleared && self.size != frame.size;
        if cleared || stretched || self.tiles.is_empty() {
            let tile = |rect| {
                let quality = if cleared && is_black(&frame, rect) { EXACT } else { 0 };
                Tile { hash: tile_hash(&frame, rect), quality }
            };
            self.tiles = tile_rects(frame.size).map(tile).collect();
        } else {
            for (tile, rect) in self.tiles.iter_mut().zip(tile_rects(frame.size)) {
                let hash = tile_hash(&frame, rect);
                if tile.hash != hash {
                    *tile = Tile { hash, quality: 0 };
                }
            }
        }
        self.size = frame.size;
        let drawn = Drawn { frame, tone, quality: brush.quality };
        let lacking = self.paint_rest(&drawn, brush.most, jpeg, message)?;
        let lossless = brush.settles.then(|| self.exact(&drawn.frame)).flatten();
        self.drawn = (lossless.is_none() && (brush.settles || lacking)).then_some(drawn);
        Ok(Painted { cleared, stretched, lacking, lossless, ..Painted::with(Codec::Jpeg) })
    }

    /// Paints what is not as good as the JPEGs of the picture, about `most` bytes of it. Returns whether
    /// something is left.
    fn paint_rest(
        &mut self,
        drawn: &Drawn,
        most: Option<usize>,
        jpeg: &mut Jpeg,
        message: &mut Vec<u8>,
    ) -> Result<bool, EncodeError> {
        let Drawn { frame, tone, quality } = drawn;
        let (across, start) = (frame.size[0].div_ceil(TILE), message.len());
        // What fails is not known to the client: the next frame is a whole one.
        let mut tiles = std::mem::take(&mut self.tiles);
        let wanting: Vec<bool> = tiles.iter().map(|tile| tile.quality < *quality).collect();
        let pixels = wanting.iter().filter(|wanting| **wanting).count() * (TILE * TILE) as usize;
        let all = most.is_none_or(|most| pixels * JPEG_BITS / 8 <= most);
        let rects = if all {
            rects(&wanting, across, frame.size)
        } else {
            let rows = most.unwrap_or_default() * 8 / JPEG_BITS / (across * TILE * TILE) as usize;
            bands(&wanting, across, rows.max(1), frame.size)
        };
        let mut rects = rects.into_iter();
        while most.is_none_or(|most| message.len() - start < most)
            && let Some(rect) = rects.next()
        {
            append(message, rect, |message| {
                message.extend(jpeg.encode_rect(frame, rect, *quality, *tone)?);
                Ok(())
            })?;
            for index in covered(rect, across) {
                tiles[index].quality = *quality;
            }
        }
        self.tiles = tiles;
        Ok(rects.next().is_some())
    }

    /// Appends the picture as the next one of a video, of one of these codecs; it needs none before it where `key`.
    pub fn film(
        &mut self,
        frame: &Frame,
        tone: Tone,
        Film { codecs, bits_per_second, key }: Film,
        message: &mut Vec<u8>,
    ) -> Result<Painted, EncodeError> {
        if self.refused == Some(frame.size) {
            return Err(EncodeError::NoVideo);
        }
        // One that fails has not reached the client: the next one begins anew.
        let mut video = match self.video.take() {
            Some(video) if video.suits(codecs, tone, frame.size) => video,
            _ => Video::open(codecs, tone, frame.size, bits_per_second)
                .inspect_err(|_| self.refused = Some(frame.size))?,
        };
        video.set_rate(bits_per_second)?;
        let mut is_key = false;
        append(message, Rect::whole(frame), |message| {
            is_key = video.encode(frame, key, message)?;
            Ok(())
        })
        .inspect_err(|_| self.refused = Some(frame.size))?;
        let codec = video.codec();
        self.video = Some(video);
        let cleared = self.size != frame.size;
        self.size = frame.size;
        self.tiles.clear();
        self.drawn = None;
        Ok(Painted { cleared, key: is_key, ..Painted::with(codec) })
    }

    /// Gives the encoder's memory back; the next video begins anew.
    pub fn end_video(&mut self) {
        (self.video, self.refused) = (None, None);
    }

    /// Appends about `most` bytes of what is still to be painted of the picture: JPEGs first, then
    /// what is not exact without loss, from the top down. `None` where no picture was kept.
    pub fn go_on(
        &mut self,
        most: usize,
        takes_webp: bool,
        jpeg: &mut Jpeg,
        message: &mut Vec<u8>,
    ) -> Result<Option<Painted>, EncodeError> {
        let Some(drawn) = self.drawn.take() else { return Ok(None) };
        let painted = if self.tiles.iter().any(|tile| tile.quality < drawn.quality) {
            let lacking = self.paint_rest(&drawn, Some(most), jpeg, message)?;
            Painted { lacking, ..Painted::with(Codec::Jpeg) }
        } else {
            let packing = Packing::for_way(drawn.tone, most, takes_webp);
            let lossless = self.settle(&drawn, most, packing, message)?;
            let codec = if packing == Packing::Png { Codec::Png } else { Codec::WebP };
            Painted { lossless, ..Painted::with(codec) }
        };
        if painted.lossless.is_none() {
            self.drawn = Some(drawn);
        }
        Ok(Some(painted))
    }

    /// Returns the hash once all of the picture is exact.
    fn settle(
        &mut self,
        drawn: &Drawn,
        most: usize,
        packing: Packing,
        message: &mut Vec<u8>,
    ) -> Result<Option<u32>, EncodeError> {
        let Drawn { frame, tone, .. } = drawn;
        let (across, start) = (self.size[0].div_ceil(TILE), message.len());
        let mut tiles = std::mem::take(&mut self.tiles);
        let wanting: Vec<bool> = tiles.iter().map(|tile| tile.quality < EXACT).collect();
        let columns = (most / EXACT_BYTES).max(1) as u32;
        let bands = bands(&wanting, across, 1, frame.size).into_iter();
        let wants = |rect: &Rect| covered(*rect, across).any(|index| wanting[index]);
        for rect in bands.flat_map(|band| pieces(band, columns)).filter(wants) {
            if message.len() - start >= most {
                break;
            }
            append(message, rect, |message| lossless::encode(frame, rect, *tone, packing, message))?;
            covered(rect, across).for_each(|index| tiles[index].quality = EXACT);
        }
        self.tiles = tiles;
        Ok(self.exact(frame))
    }

    /// The hash of the picture where all of it is exact.
    fn exact(&self, frame: &Frame) -> Option<u32> {
        let is_exact = self.tiles.iter().all(|tile| tile.quality == EXACT);
        is_exact.then(|| XxHash32::oneshot(0, &frame.pixels))
    }
}

fn append(
    message: &mut Vec<u8>,
    rect: Rect,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    // A view is at most 8192 pixels wide and high, so all of them fit.
    let short = |pair: [u32; 2]| pair.map(|n| u16::try_from(n).unwrap_or(u16::MAX));
    append_part(message, short(rect.at), short(rect.size), encode)
}

/// The tiles of a picture, row by row.
fn tile_rects(size: [u32; 2]) -> impl Iterator<Item = Rect> {
    let [across, down] = size.map(|n| n.div_ceil(TILE));
    (0..down).flat_map(move |y| (0..across).map(move |x| tile_rect([x, y], [x + 1, y + 1], size)))
}

/// The pixels of the tiles from `from` up to `to`.
fn tile_rect(from: [u32; 2], to: [u32; 2], size: [u32; 2]) -> Rect {
    let end: [u32; 2] = std::array::from_fn(|i| (to[i] * TILE).min(size[i]));
    let at = from.map(|n| n * TILE);
    Rect { at, size: std::array::from_fn(|i| end[i] - at[i]) }
}

fn tile_hash(frame: &Frame, rect: Rect) -> u64 {
    let rows = rect.pixels(frame).chunks(frame.size[0] as usize * 4);
    rows.fold(0, |seed, row| XxHash3_64::oneshot_with_seed(seed, &row[..rect.size[0] as usize * 4]))
}

fn is_black(frame: &Frame, rect: Rect) -> bool {
    let mut rows = rect.pixels(frame).chunks(frame.size[0] as usize * 4);
    rows.all(|row| {
        row[..rect.size[0] as usize * 4].as_chunks().0.iter().all(|pixel| *pixel == [0, 0, 0, 255])
    })
}

/// The tiles that a rectangle along tiles covers.
fn covered(rect: Rect, across: u32) -> impl Iterator<Item = usize> {
    let [columns, rows] = [0, 1].map(|i| rect.at[i] / TILE..(rect.at[i] + rect.size[i]).div_ceil(TILE));
    rows.flat_map(move |y| columns.clone().map(move |x| (y * across + x) as usize))
}

/// Few rectangles that cover all tiles that are `wanting`.
fn rects(wanting: &[bool], across: u32, size: [u32; 2]) -> Vec<Rect> {
    let mut spans: Vec<([u32; 2], [u32; 2])> = Vec::new();
    for (row, y) in wanting.chunks(across as usize).zip(0..) {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            let end = x + run.len() as u32;
            if run[0] {
                // Below one of the same columns, it grows.
                match spans.iter_mut().find(|(from, to)| from[0] == x && *to == [end, y]) {
                    Some((_, to)) => to[1] = y + 1,
                    None => spans.push(([x, y], [end, y + 1])),
                }
            }
            x = end;
        }
    }
    if spans.len() > MOST_RECTS {
        let join = |a: ([u32; 2], [u32; 2]), b: ([u32; 2], [u32; 2])| {
            ([a.0[0].min(b.0[0]), a.0[1].min(b.0[1])], [a.1[0].max(b.1[0]), a.1[1].max(b.1[1])])
        };
        spans = spans.into_iter().reduce(join).into_iter().collect();
    }
    spans.into_iter().map(|(from, to)| tile_rect(from, to, size)).collect()
}

/// A rectangle for each few rows of tiles, from their first wanting one to their last.
fn bands(wanting: &[bool], across: u32, rows: usize, size: [u32; 2]) -> Vec<Rect> {
    let band = |(tiles, y): (&[bool], u32)| {
        let columns = |row: &[bool]| {
            Some((row.iter().position(|wanting| *wanting)?, row.iter().rposition(|wanting| *wanting)?))
        };
        let spans = tiles.chunks(across as usize).filter_map(columns);
        let (first, last) = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let down = (tiles.len() as u32).div_ceil(across);
        Some(tile_rect([first as u32, y], [last as u32 + 1, y + down], size))
    };
    let groups = wanting.chunks(across as usize * rows);
    groups.zip((0..).step_by(rows)).filter_map(band).collect()
}

/// Cuts a band into pieces of so many tiles.
fn pieces(band: Rect, columns: u32) -> impl Iterator<Item = Rect> {
    let Rect { at: [left, y], size: [width, height] } = band;
    (0..width).step_by((columns * TILE) as usize).map(move |x| {
        let size = [(width - x).min(columns * TILE), height];
        Rect { at: [left + x, y], size }
    })
}

#[cfg(test)]
mod tests {
    use protocol::Quality;
    use protocol::frame::{FrameHeader, HEADER_BYTES};
    use render_core::FrameKind;

    use super::*;
    use crate::Screen;

    /// A client that draws what it is sent.
    struct Client {
        canvas: Canvas,
        jpeg: Jpeg,
        screen: Screen,
        takes_webp: bool,
    }

    impl Client {
        fn new() -> Self {
            let jpeg = Jpeg::new().expect("libjpeg-turbo starts");
            Self { canvas: Canvas::default(), jpeg, screen: Screen::default(), takes_webp: false }
        }

        /// Paints a frame and returns its parts' places and sizes.
        fn paint(&mut self, frame: &Frame, tone: Tone, quality: u8) -> Vec<([u16; 2], [u16; 2])> {
            let mut message = vec![0; HEADER_BYTES];
            let brush = Brush { quality, settles: true, most: None };
            let painted = self.canvas.paint(frame.clone(), tone, brush, &mut self.jpeg, &mut message);
            self.take(frame.size, painted.expect("encodes"), message)
        }

        fn go_on(&mut self, most: usize) -> (Painted, usize) {
            let mut message = vec![0; HEADER_BYTES];
            let painted = self.canvas.go_on(most, self.takes_webp, &mut self.jpeg, &mut message);
            let painted = painted.expect("encodes").expect("a picture");
            let bytes = message.len();
            self.take(self.screen.size(), painted, message);
            (painted, bytes)
        }

        fn take(
            &mut self,
            size: [u32; 2],
            painted: Painted,
            mut message: Vec<u8>,
        ) -> Vec<([u16; 2], [u16; 2])> {
            let header = FrameHeader {
                codec: painted.codec,
                quality: if painted.lossless.is_some() { Quality::Lossless } else { Quality::Final },
                view: 0,
                cleared: painted.cleared,
                stretched: painted.stretched,
                key: painted.key,
                size: size.map(|n| n as u16),
                frame: 1,
                input_seq: 0,
                view_revision: 0,
                render_us: 0,
                encode_us: 0,
                hash: painted.lossless.unwrap_or(0),
            };
            message[..HEADER_BYTES].copy_from_slice(&header.encode());
            self.screen.show(&message).expect("a frame");
            let (_, parts) = FrameHeader::decode(&message).expect("a frame");
            parts.iter().map(|part| (part.at, part.size)).collect()
        }

        fn worst(&self, frame: &Frame) -> u8 {
            let pairs = self.screen.pixels().iter().zip(&frame.pixels);
            pairs.map(|(a, b)| a.abs_diff(*b)).max().expect("pixels")
        }
    }

    /// A bright disc on black, `at` pixels from the left.
    fn disc(size: [u32; 2], at: u32) -> Frame {
        let pixels = (0..size[0] * size[1]).flat_map(|i| {
            let (x, y) = ((i % size[0]).abs_diff(at), (i / size[0]).abs_diff(100));
            let value = (x * x + y * y < 40 * 40).then_some(90 + ((x * 7) ^ (y * 5)) as u8 % 160);
            let value = value.unwrap_or(0);
            [value, value, value, 255]
        });
        Frame { size, pixels: pixels.collect(), kind: FrameKind::Exact, view_revision: 0, input_seq: 0 }
    }

    #[test]
    fn only_tiles_that_differ_are_sent() {
        let mut client = Client::new();
        let frame = disc([500, 300], 100);
        let around_the_disc = [([64, 0], [64, 64]), ([0, 64], [192, 64]), ([64, 128], [128, 64])];
        assert_eq!(client.paint(&frame, Tone::Grey, 90), around_the_disc, "black is there already");
        assert!(client.worst(&frame) < 20);
        assert_eq!(client.paint(&frame, Tone::Grey, 50), [], "no worse copy of what is there");
        let mut moved = frame.clone();
        let middle = (250 * 500 + 450) * 4;
        moved.pixels[middle..middle + 3].fill(255);
        assert_eq!(
            client.paint(&moved, Tone::Grey, 50),
            [([448, 192], [52, 64])],
            "the last column is narrow"
        );
        assert_eq!(client.paint(&moved, Tone::Grey, 90), [([448, 192], [52, 64])]);
        assert_eq!(client.paint(&frame, Tone::Grey, 90), [([448, 192], [52, 64])]);
    }

    #[test]
    fn another_size_replaces_all_of_a_stretched_picture() {
        let mut client = Client::new();
        client.paint(&disc([500, 300], 100), Tone::Grey, 90);
        let small = disc([250, 150], 100);
        client.paint(&small, Tone::Grey, 50);
        assert_eq!((client.screen.size(), client.screen.pixels().len()), ([250, 150], 250 * 150 * 4));
        assert!(client.worst(&small) < 60);
    }

    #[test]
    fn a_picture_comes_in_parts_over_the_stretched_one_before_it() {
        let mut client = Client::new();
        client.paint(&disc([250, 150], 100), Tone::Grey, 50);
        let large = disc([500, 300], 100);
        let mut message = vec![0; HEADER_BYTES];
        let brush = Brush { quality: 90, settles: true, most: Some(400) };
        let painted = client.canvas.paint(large.clone(), Tone::Grey, brush, &mut client.jpeg, &mut message);
        let painted = painted.expect("encodes");
        assert_eq!((painted.stretched, painted.lacking, painted.cleared), (true, true, false));
        client.take(large.size, painted, message);
        assert!(client.worst(&large) > 60, "its lower part is the small one's, stretched");
        let mut parts = 1;
        while client.go_on(400).0.lacking {
            parts += 1;
        }
        assert!(parts > 1);
        assert!(client.worst(&large) < 20);
        let (painted, _) = client.go_on(1 << 20);
        assert!(painted.lossless.is_some());
        assert_eq!(client.screen.pixels(), large.pixels);
    }

    #[test]
    fn a_picture_settles_part_by_part_until_it_is_equal() {
        for (tone, takes_webp) in [Tone::Grey, Tone::Color].into_iter().flat_map(|t| [(t, false), (t, true)])
        {
            let mut client = Client { takes_webp, ..Client::new() };
            let mut frame = disc([500, 300], 200);
            if tone == Tone::Color {
                frame.pixels.iter_mut().skip(1).step_by(4).for_each(|green| *green /= 2);
            }
            client.paint(&frame, tone, 90);
            assert!(client.worst(&frame) > 0);
            let (painted, bytes) = client.go_on(1);
            let is_webp = takes_webp && tone == Tone::Color;
            let small = if is_webp { Codec::WebP } else { Codec::Png };
            assert_eq!((painted.codec, painted.lossless), (small, None));
            assert!(bytes > HEADER_BYTES, "it gets on however few bytes may go");
            let (painted, _) = client.go_on(1 << 20);
            assert_eq!(painted.codec, Codec::Png, "where the way is wide");
            assert_eq!(painted.lossless, Some(XxHash32::oneshot(0, &frame.pixels)));
            assert_eq!(client.screen.pixels(), frame.pixels);
            let brush = Brush { quality: 90, settles: true, most: None };
            let mut nothing = Vec::new();
            let again = client.canvas.paint(frame.clone(), tone, brush, &mut client.jpeg, &mut nothing);
            assert_eq!(again.expect("encodes").lossless, painted.lossless, "what is exact stays");
            assert!(nothing.is_empty());
            let moved = disc([500, 300], 420);
            client.paint(&moved, Tone::Grey, 50);
            assert!(client.worst(&moved) < 60, "where the disc was, it is black again");
        }
    }

    #[test]
    fn what_is_sent_without_loss_is_as_little_as_asked_for() {
        let mut client = Client::new();
        let noise = |at: u32| (at.wrapping_mul(0x9e37_79b9) >> 24) as u8;
        let pixels = (0..1280 * 256).flat_map(|at: u32| [noise(at), noise(at), noise(at), 255]).collect();
        let frame = Frame { size: [1280, 256], pixels, ..disc([1280, 256], 0) };
        client.paint(&frame, Tone::Grey, 90);
        for most in [16 << 10, 60 << 10] {
            let (painted, bytes) = client.go_on(most);
            assert_eq!(painted.lossless, None);
            assert!((most..2 * most).contains(&bytes), "{bytes} of {most}");
        }
        while client.go_on(16 << 10).0.lossless.is_none() {}
        assert_eq!(client.screen.pixels(), frame.pixels);
    }

    #[test]
    fn a_video_begins_on_a_canvas_of_its_size_whatever_was_painted_between() {
        let (small, large) = (disc([240, 160], 100), disc([480, 320], 100));
        let (mut canvas, mut jpeg) = (Canvas::default(), Jpeg::new().expect("libjpeg-turbo starts"));
        let film = |canvas: &mut Canvas, frame: &Frame| {
            let film = Film { codecs: VideoCodecs::H264, bits_per_second: 8_000_000, key: false };
            let painted = canvas.film(frame, Tone::Grey, film, &mut Vec::new()).expect("an encoder");
            (painted.cleared, painted.key)
        };
        let mut paint = |canvas: &mut Canvas, frame: &Frame| {
            let (mut message, brush) = (Vec::new(), Brush { quality: 90, settles: false, most: None });
            let painted = canvas.paint(frame.clone(), Tone::Grey, brush, &mut jpeg, &mut message);
            (painted.expect("encodes").stretched, message.len())
        };
        assert_eq!(film(&mut canvas, &small), (true, true));
        assert_eq!(film(&mut canvas, &small), (false, false));
        assert!(paint(&mut canvas, &large).0);
        assert_eq!(film(&mut canvas, &small), (true, false), "its size is another, its video goes on");
        let (stretched, bytes) = paint(&mut canvas, &small);
        assert!(!stretched && bytes > 0, "a video's picture is none of its tiles");
        canvas.end_video();
        assert_eq!(film(&mut canvas, &small), (false, true));
    }

    #[test]
    fn what_was_not_kept_is_not_settled() {
        let mut canvas = Canvas::default();
        let (mut jpeg, mut message) = (Jpeg::new().expect("starts"), Vec::new());
        let brush = Brush { quality: 90, settles: false, most: None };
        canvas.paint(disc([200, 200], 100), Tone::Grey, brush, &mut jpeg, &mut message).expect("encodes");
        assert_eq!(canvas.go_on(1 << 20, true, &mut jpeg, &mut message).expect("encodes"), None);
    }

    #[test]
    fn scattered_changes_are_sent_as_few_rectangles() {
        let size = [64 * 12, 64 * 12];
        let mut client = Client::new();
        let mut frame = disc(size, 100);
        client.paint(&frame, Tone::Grey, 90);
        for tile in (0..144).filter(|tile| tile % 2 == tile / 12 % 2) {
            let (x, y) = (tile % 12 * 64 + 5, tile / 12 * 64 + 5);
            frame.pixels[(y * size[0] as usize + x) * 4] ^= 0x40;
        }
        assert_eq!(client.paint(&frame, Tone::Grey, 90), [([0, 0], [768, 768])]);
    }
}
