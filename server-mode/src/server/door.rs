//! Where colleagues knock who have no link.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;

use super::callers::Caller;
use super::{App, Peer, REQUEST_TIMEOUT, pages};
use crate::board::Board;
use crate::knock::{self, MAX_BYTES, PATIENCE, Unheard};

/// Takes somebody from the door who does not wait any more.
struct Waiting<'a> {
    board: &'a Board,
    id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.board.unknock(self.id);
    }
}

/// Answers when the host has answered; a client that goes away before that takes its knock with it.
pub async fn knock(
    State(app): State<Arc<App>>,
    Extension(Peer(address)): Extension<Peer>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
) -> Response {
    let closed = || pages::text(StatusCode::NOT_FOUND, "There is nothing here.");
    let Some(board) = app.entry.board() else { return closed() };
    // Pages of browsers name their origin; only programs knock.
    if request.headers().contains_key(header::ORIGIN) {
        return pages::text(StatusCode::BAD_REQUEST, "No page may knock.");
    }
    let body = axum::body::to_bytes(request.into_body(), MAX_BYTES);
    let body = tokio::time::timeout(REQUEST_TIMEOUT, body).await;
    let Some(name) = body.ok().and_then(Result::ok).and_then(|body| knock::read_name(&body)) else {
        return pages::text(
            StatusCode::BAD_REQUEST,
            "A knock is a JSON object with a `name`, of 1024 bytes at most.",
        );
    };
    let (id, answered) = match board.knock(Instant::now(), address, &name) {
        Ok(knocked) => knocked,
        Err(Unheard::Closed) => return closed(),
        Err(Unheard::Nameless) => return pages::text(StatusCode::BAD_REQUEST, "Say who you are."),
        Err(Unheard::Busy) => {
            return pages::text(StatusCode::TOO_MANY_REQUESTS, "Too many knock. Try again in a minute.");
        }
    };
    // Few knock at a time: their connections keep their places.
    caller.let_in();
    let waiting = Waiting { board, id };
    let mut closing = app.closing.clone();
    let verdict = tokio::select! {
        verdict = answered => verdict.ok().flatten(),
        () = tokio::time::sleep(PATIENCE) => {
            return pages::text(StatusCode::GATEWAY_TIMEOUT, "The host has not answered.");
        }
        _ = closing.wait_for(|closing| *closing) => None,
    };
    drop(waiting);
    match verdict {
        Some(token) => pages::respond(StatusCode::OK, "application/json", Body::from(knock::let_in(&token))),
        None => pages::text(StatusCode::FORBIDDEN, "The host has refused."),
    }
}
