//! Small pictures of a server's series.

use std::time::Duration;

use turbojpeg::PixelFormat;

use crate::client::{Fetcher, http};

/// Servers send some 4 KB, of 128 pixels.
const MAX_BYTES: usize = 256 << 10;
const MAX_SIDE: usize = 512;
/// A server may have to read and decode a file for it, and others wait, too.
const PATIENCE: Duration = Duration::from_secs(30);

/// A picture, its longer side at most 512 pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// (width, height)
    pub size: [usize; 2],
    /// RGB, row by row from the top.
    pub rgb: Vec<u8>,
}

/// `None` where the server has none, or it cannot be shown.
pub async fn fetch(fetcher: &Fetcher, series_id: &str) -> Option<Thumbnail> {
    let path = format!("/thumbnail/{}", http::segment(series_id));
    let jpeg = fetcher.get(&path, MAX_BYTES, PATIENCE).await;
    let jpeg = jpeg.inspect_err(|error| tracing::debug!(%error, "no thumbnail")).ok()?;
    decode(&jpeg)
}

fn decode(jpeg: &[u8]) -> Option<Thumbnail> {
    let header = turbojpeg::read_header(jpeg).ok()?;
    if header.width.max(header.height) > MAX_SIDE {
        return None;
    }
    let image = turbojpeg::decompress(jpeg, PixelFormat::RGB).ok()?;
    let rows = image.pixels.chunks(image.pitch).take(image.height);
    let rgb = rows.flat_map(|row| row.iter().copied().take(image.width * 3)).collect();
    Some(Thumbnail { size: [image.width, image.height], rgb })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Jpeg;

    #[test]
    fn a_picture_is_small_or_none() {
        let jpeg = |size: [u32; 2]| {
            let pixels = vec![200; (size[0] * size[1]) as usize];
            Jpeg::new().and_then(|mut jpeg| jpeg.encode_grey(&pixels, size, 85)).expect("it is encoded")
        };
        let small = decode(&jpeg([101, 64])).expect("a picture");
        assert_eq!((small.size, small.rgb.len()), ([101, 64], 101 * 64 * 3));
        assert!(small.rgb.iter().all(|&channel| channel.abs_diff(200) < 3));
        assert_eq!(decode(&jpeg([600, 10])), None);
        assert_eq!(decode(b"no JPEG"), None);
    }
}
