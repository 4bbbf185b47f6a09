//! Handing out a series' voxels to clients that draw them themselves.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use protocol::voxels::{Encoder, Header, Kind, MAX_LEVEL, Sample};
use render_core::halved::Reduction;
use render_core::volume::Rescale;
use render_core::{Volume, Voxels, with_voxels};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use twox_hash::XxHash3_64;

use super::entry::Admitted;
use super::{App, VoxelPolicy, pages};

/// Tells clients what they may do with voxels: only [`KEEP`] lets them write those to a disk.
pub const POLICY: HeaderName = HeaderName::from_static("voxcast-voxels");
pub const KEEP: &str = "keep";
const MEMORY: &str = "memory";

/// Sent at a time: each takes a core for as long as its client reads, and drawing needs them more.
pub const AT_ONCE: usize = 4;
/// Chunks that are made ahead of a client.
const AHEAD: usize = 2;
/// A client that takes no chunk for this long makes way for others: a way that carries less than half a megabit a second
/// is too narrow for voxels.
const PATIENCE: Duration = Duration::from_secs(15);

/// `GET /voxels/SERIES_INSTANCE_UID/LEVEL`, of a series that some session has open.
pub async fn voxels(
    State(app): State<Arc<App>>,
    Extension(Admitted(pass)): Extension<Admitted>,
    Path((series, level)): Path<(String, u8)>,
    headers: HeaderMap,
) -> Response {
    if app.voxels == VoxelPolicy::None {
        let refusal = match app.entry.board() {
            Some(_) => "The host keeps the voxels.",
            None => "This server hands out no voxels: it was started with --voxels none.",
        };
        return pages::text(StatusCode::FORBIDDEN, refusal);
    }
    if level > MAX_LEVEL {
        return pages::text(StatusCode::NOT_FOUND, "A volume can be halved four times at most.");
    }
    let whole = match app.entry.board() {
        Some(board) => board.shown().volume_of(&series),
        None => app.store.opened(&series).map(|open| Arc::clone(&open.loaded.volume)),
    };
    let Some(whole) = whole else {
        return pages::text(StatusCode::NOT_FOUND, "No session has this series open. Open it first.");
    };
    let Ok(turn) = Arc::clone(&app.voxel_turns).try_acquire_owned() else {
        let busy = "Too many clients are being sent voxels. Try again.";
        let mut response = pages::text(StatusCode::SERVICE_UNAVAILABLE, busy);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return response;
    };
    let prepared = tokio::task::spawn_blocking(move || {
        let volume = (0..level).fold(whole, |volume, _| volume.halved(Reduction::Mean));
        let header = header_of(&volume, level);
        let tag = tag(&volume, &header);
        (volume, header, tag)
    });
    let Ok((volume, header, tag)) = prepared.await else {
        return pages::text(StatusCode::INTERNAL_SERVER_ERROR, "The voxels could not be prepared.");
    };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let (status, body) = match known {
        true => (StatusCode::NOT_MODIFIED, Body::empty()),
        false => {
            let ends = [Some(app.closing.clone()), pass.map(|pass| pass.removed)];
            (StatusCode::OK, body(volume, header, turn, ends, PATIENCE))
        }
    };
    let mut response = pages::respond(status, "application/octet-stream", body);
    // Browsers do not encrypt what they keep, so they are not to keep it; programs that do ask by the tag
    // whether theirs still holds. Quoted hexadecimal digits are a valid header value.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    let policy = if app.voxels == VoxelPolicy::Keep { KEEP } else { MEMORY };
    response.headers_mut().insert(POLICY, HeaderValue::from_static(policy));
    response.headers_mut().extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    response
}

fn header_of(volume: &Volume, level: u8) -> Header {
    let kind = match volume.voxels() {
        Voxels::U8(_) => Kind::U8,
        Voxels::I16(_) => Kind::I16,
        Voxels::U16(_) => Kind::U16,
        Voxels::F32(_) => Kind::F32,
    };
    let Rescale { slope, intercept } = volume.rescale();
    Header { kind, level, dims: volume.geometry().dims(), slope, intercept }
}

/// Changes with the voxels and with their header.
fn tag(volume: &Volume, header: &Header) -> String {
    let voxels = with_voxels!(volume.voxels(), v => XxHash3_64::oneshot(bytemuck::cast_slice(v)));
    format!("\"{:016x}\"", XxHash3_64::oneshot_with_seed(voxels, &header.encode()))
}

/// Header and chunks, made as the client reads them. The turn is over once all of them are made, or one was not taken
/// within `patience`, or the client is to have no more: one of `ends` is true. Then the body ends with an error.
fn body(
    volume: Arc<Volume>,
    header: Header,
    turn: OwnedSemaphorePermit,
    ends: [Option<watch::Receiver<bool>>; 2],
    patience: Duration,
) -> Body {
    let (chunks, made) = mpsc::channel::<Vec<u8>>(AHEAD);
    let whole = Arc::new(AtomicBool::new(false));
    let reader = Reader { chunks, ends, runtime: Handle::current(), patience };
    let done = Arc::clone(&whole);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let sent = reader.take(header.encode().into())
            && with_voxels!(volume.voxels(), v => send(v, &header, &reader));
        done.store(sent, Ordering::Release);
    });
    Body::from_stream(futures_util::stream::unfold(Some(made), move |made| {
        let whole = Arc::clone(&whole);
        async move {
            let mut made = made?;
            match made.recv().await {
                Some(chunk) => Some((Ok(Bytes::from(chunk)), Some(made))),
                None if whole.load(Ordering::Acquire) => None,
                None => Some((Err(io::Error::from(io::ErrorKind::TimedOut)), None)),
            }
        }
    }))
}

/// Whoever the chunks are for.
struct Reader {
    chunks: mpsc::Sender<Vec<u8>>,
    ends: [Option<watch::Receiver<bool>>; 2],
    runtime: Handle,
    patience: Duration,
}

impl Reader {
    /// Waits until there is room for a chunk; false where the client is gone, or as good as gone, or sent away.
    fn take(&self, chunk: Vec<u8>) -> bool {
        if self.ends.iter().flatten().any(|end| *end.borrow()) {
            return false;
        }
        let sending = async { tokio::time::timeout(self.patience, self.chunks.send(chunk)).await };
        matches!(self.runtime.block_on(sending), Ok(Ok(())))
    }
}

/// Whether all of them were taken.
fn send<T: Sample>(voxels: &[T], header: &Header, reader: &Reader) -> bool {
    let columns = header.dims[0] as usize;
    let mut encoder = Encoder::default();
    let mut chunks = voxels.chunks(header.chunk_rows() * columns);
    chunks.all(|rows| reader.take(encoder.chunk(rows, columns)))
}

#[cfg(test)]
mod tests {
    use glam::DVec3;
    use render_core::Geometry;
    use render_core::volume::Meaning;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_client_that_reads_nothing_gives_its_turn_back() {
        let dims = [256, 256, 128];
        let axes = [DVec3::X, DVec3::Y, DVec3::Z];
        let geometry = Geometry::from_axes(dims, DVec3::ZERO, axes, DVec3::ONE).expect("a grid");
        let voxels: Arc<[u8]> = vec![0; 256 * 256 * 128].into();
        let volume = Volume::new(geometry, Voxels::U8(voxels), Rescale::IDENTITY, Meaning::default());
        let volume = Arc::new(volume.expect("a volume"));
        let header = header_of(&volume, 0);
        let turns = Arc::new(Semaphore::new(1));
        let turn = || Arc::clone(&turns).try_acquire_owned();

        let patience = Duration::from_millis(20);
        let never = || [None, None];
        let unread = body(Arc::clone(&volume), header, turn().expect("it is free"), never(), patience);
        assert!(turn().is_err());
        let again = Arc::clone(&turns).acquire_owned().await.expect("it comes back");
        assert!(axum::body::to_bytes(unread, usize::MAX).await.is_err(), "nobody takes it for whole");

        let read = body(Arc::clone(&volume), header, again, never(), PATIENCE);
        let bytes = axum::body::to_bytes(read, usize::MAX).await.expect("whole");
        assert!(bytes.len() > header.encode().len());

        // Whoever is sent away gets what was made already, and no more.
        let again = Arc::clone(&turns).acquire_owned().await.expect("it comes back");
        let (remove, removed) = watch::channel(false);
        let unread = body(volume, header, again, [None, Some(removed)], PATIENCE);
        remove.send(true).expect("it is heard");
        assert!(axum::body::to_bytes(unread, usize::MAX).await.is_err(), "nobody takes it for whole");
        drop(turns.acquire().await.expect("it comes back"));
    }
}
