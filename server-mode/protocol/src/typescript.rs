//! The messages' types in TypeScript, for the browser client.

use std::path::Path;

use ts_rs::{Config, TS};

use crate::message::*;
use crate::scene;

const FILE: &str = "../web/src/messages.ts";

fn types() -> String {
    let config = Config::new().with_large_int("number");
    let mut text = String::from(
        "// Generated from ../../protocol/src/message.rs; to write it again:\n\
         // UPDATE_TYPES=1 cargo test --release -p protocol --lib\n",
    );
    let mut add = |docs: Option<String>, declaration: String| {
        let docs = docs.unwrap_or_default();
        text.push_str(&format!("\n{docs}export {declaration}\n"));
    };
    macro_rules! add {
        ($($name:ty),*) => { $(add(<$name>::docs(), <$name>::decl(&config));)* };
    }
    add!(
        ClientMessage,
        Track,
        TransportKind,
        Stats,
        Percentiles,
        LayoutView,
        Content,
        PointerKind,
        MouseButton
    );
    add!(ServerMessage, IceServer, Study, Series, SeriesOpened, Suv, SelfCheck, Warning, Preset, NamedWindow);
    add!(ViewInfo, Window, Letters, ErrorCode);
    add!(Measure, MeasuredKind, MeasuredPlane, Measured, Quantity);
    add!(Drawing, DrawingKind);
    add!(Shared, HostLayout, Cell, Split);
    add!(SetView, ViewState, Role, Outline, ShapedNamedWindow);
    add!(
        scene::Place,
        scene::Shows,
        scene::Combine,
        scene::Camera,
        scene::Plane,
        scene::Slab,
        scene::Curved,
        scene::Path
    );
    add!(
        scene::ShapedWindow,
        scene::Shape,
        scene::Look,
        scene::Transfer,
        scene::Point<()>,
        scene::Curve,
        scene::Shading
    );
    add!(
        scene::Light,
        scene::DepthCue,
        scene::Clip,
        scene::Cut,
        scene::ClipPlane,
        scene::Layer,
        scene::LayerLook
    );
    text
}

#[test]
fn the_types_of_the_browser_client_are_those_of_the_messages() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let wanted = types();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(&path, &wanted).expect("the file is written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{FILE} is not what the messages are; its first lines tell how to write it again"
    );
}
