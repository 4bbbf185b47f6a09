//! Handing out a series' voxels to clients that draw them themselves.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use protocol::voxels::{Encoder, Header, Kind, MAX_LEVEL, Sample};
use render_core::halved::Reduction;
use render_core::volume::Rescale;
use render_core::{Volume, Voxels, with_voxels};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use twox_hash::XxHash3_64;

use super::{App, pages};

/// Sent at a time: each takes a core for as long as its client reads, and drawing needs them more.
pub const AT_ONCE: usize = 4;
/// Chunks that are made ahead of a client.
const AHEAD: usize = 2;

/// `GET /voxels/SERIES_INSTANCE_UID/LEVEL`, of a series that some session has open.
pub async fn voxels(
    State(app): State<Arc<App>>,
    Path((series, level)): Path<(String, u8)>,
    headers: HeaderMap,
) -> Response {
    if !app.voxels {
        let refusal = "This server hands out no voxels: it was started with --no-voxels.";
        return pages::text(StatusCode::FORBIDDEN, refusal);
    }
    if level > MAX_LEVEL {
        return pages::text(StatusCode::NOT_FOUND, "A volume can be halved four times at most.");
    }
    let Some(open) = app.store.opened(&series) else {
        return pages::text(StatusCode::NOT_FOUND, "No session has this series open. Open it first.");
    };
    let Ok(turn) = Arc::clone(&app.voxel_turns).try_acquire_owned() else {
        let busy = "Too many clients are being sent voxels. Try again.";
        let mut response = pages::text(StatusCode::SERVICE_UNAVAILABLE, busy);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return response;
    };
    let prepared = tokio::task::spawn_blocking(move || {
        let whole = Arc::clone(&open.loaded.volume);
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
        false => (StatusCode::OK, body(volume, header, turn)),
    };
    let mut response = pages::respond(status, "application/octet-stream", body);
    // Browsers do not encrypt what they keep, so they are not to keep it; programs that do ask by the tag
    // whether theirs still holds. Quoted hexadecimal digits are a valid header value.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
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

/// Header and chunks, made as the client reads them.
fn body(volume: Arc<Volume>, header: Header, turn: OwnedSemaphorePermit) -> Body {
    let (chunks, made) = mpsc::channel::<Vec<u8>>(AHEAD);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        if chunks.blocking_send(header.encode().into()).is_ok() {
            with_voxels!(volume.voxels(), v => send(v, &header, &chunks));
        }
    });
    Body::from_stream(futures_util::stream::unfold(made, async |mut made| {
        let chunk = made.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), made))
    }))
}

fn send<T: Sample>(voxels: &[T], header: &Header, chunks: &mpsc::Sender<Vec<u8>>) {
    let columns = header.dims[0] as usize;
    let mut encoder = Encoder::default();
    for rows in voxels.chunks(header.chunk_rows() * columns) {
        // A client that is gone needs no more.
        if chunks.blocking_send(encoder.chunk(rows, columns)).is_err() {
            return;
        }
    }
}
