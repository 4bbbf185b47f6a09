//! Runs `fixtures/`. A file's name says what is inside: `client-*` and `server-*` are messages of
//! `voxcast.v1`, `plain-client-*` and `plain-server-*` those of the plain protocol, `frame-*` a
//! frame as hexadecimal digits with the header it decodes to.

use std::path::{Path, PathBuf};

use protocol::frame::append_part;
use protocol::{ClientMessage, FrameHeader, Quality, ServerMessage, ValuesHeader, plain};
use serde_json::{Value, json};

fn fixtures(folder: &str) -> Vec<(String, String)> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut found: Vec<_> = std::fs::read_dir(&folder)
        .expect("fixtures exist")
        .map(|entry| entry.expect("folder is readable").path())
        .map(|path| {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("fixture is UTF-8"))
        })
        .collect();
    found.sort();
    assert!(found.len() > 10, "{} fixtures in {}", found.len(), folder.display());
    found
}

/// What the file means to the protocol, written back as JSON.
fn round_trip(name: &str, text: &str) -> Result<Value, String> {
    let back = |value: Result<Value, serde_json::Error>| value.map_err(|error| error.to_string());
    if name.starts_with("plain-client-") {
        let message = plain::ClientMessage::parse(text).map_err(|error| error.to_string())?;
        back(serde_json::to_value(message))
    } else if name.starts_with("plain-server-") {
        let message: plain::ServerMessage = serde_json::from_str(text).map_err(|e| e.to_string())?;
        back(serde_json::to_value(message))
    } else if name.starts_with("client-") {
        let (seq, message) = ClientMessage::parse(text).map_err(|error| error.to_string())?;
        back(serde_json::from_str(&message.to_text(seq)))
    } else if name.starts_with("server-") {
        back(serde_json::to_value(ServerMessage::parse(text)?))
    } else if name.starts_with("values-") {
        let file: Value = serde_json::from_str(text).expect("a fixture is JSON");
        let bytes = unhex(file["hex"].as_str().expect("hex"));
        let (header, png) = ValuesHeader::decode(&bytes).map_err(|error| error.to_string())?;
        assert_eq!([&header.encode(), png].concat(), bytes, "{name}");
        let told = json!({
            "view": header.view, "inverted": header.inverted, "linearExact": header.linear_exact,
            "size": header.size, "viewRevision": header.view_revision,
        });
        Ok(json!({ "hex": file["hex"], "header": told, "bytes": png.len() }))
    } else {
        assert!(name.starts_with("frame-"), "{name}: unknown kind of fixture");
        let file: Value = serde_json::from_str(text).expect("a frame fixture is JSON");
        let bytes = unhex(file["hex"].as_str().expect("hex"));
        let (header, parts) = FrameHeader::decode(&bytes).map_err(|error| error.to_string())?;
        let mut written = header.encode().to_vec();
        for part in &parts {
            let copy = |to: &mut Vec<u8>| {
                to.extend(part.bytes);
                Ok::<_, ()>(())
            };
            append_part(&mut written, part.at, part.size, copy).expect("a copy does not fail");
        }
        assert_eq!(written, bytes, "{name}");
        let parts =
            parts.iter().map(|part| json!({"at": part.at, "size": part.size, "bytes": part.bytes.len()}));
        let parts: Vec<_> = parts.collect();
        Ok(json!({ "hex": file["hex"], "header": as_json(&header), "parts": parts }))
    }
}

fn as_json(header: &FrameHeader) -> Value {
    let kind = match header.quality {
        Quality::Interactive => "interactive",
        Quality::Final => "final",
        Quality::Lossless => "lossless",
    };
    json!({
        "codec": header.codec.name(),
        "kind": kind, "view": header.view, "cleared": header.cleared, "stretched": header.stretched, "key": header.key, "size": header.size, "frame": header.frame,
        "inputSeq": header.input_seq, "viewRevision": header.view_revision,
        "renderUs": header.render_us, "encodeUs": header.encode_us, "hash": header.hash,
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex digits"))
        .collect()
}

#[test]
fn valid_messages_are_understood_in_full() {
    for (name, text) in fixtures("valid") {
        let written: Value = serde_json::from_str(&text).expect("fixture is JSON");
        match round_trip(&name, &text) {
            Ok(read) => assert_eq!(read, written, "{name}"),
            Err(reason) => panic!("{name} is valid but refused: {reason}"),
        }
    }
}

#[test]
fn invalid_messages_are_refused() {
    for (name, text) in fixtures("invalid") {
        assert!(round_trip(&name, &text).is_err(), "{name} must be refused");
    }
}

#[test]
fn a_reason_quotes_little_of_the_message() {
    let text = format!(r#"{{"seq":1,"type":"{}"}}"#, "x".repeat(60_000));
    let error = ClientMessage::parse(&text).expect_err("no such type");
    assert!(error.reason.chars().count() <= 200);
    assert_eq!(error.seq, Some(1));
}

#[test]
fn deep_nesting_is_refused_without_harm() {
    let text = format!(r#"{{"seq":1,"type":{}}}"#, "[".repeat(60_000));
    assert!(ClientMessage::parse(&text).is_err());
    assert!(plain::ClientMessage::parse(&text).is_err());
}
