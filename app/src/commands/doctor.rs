//! `voxcast doctor`: all that was found out about this machine.

use anyhow::Result;
use render_core::{cpu, dicom, gpu};
use serde_json::{Value, json};
use server_mode::remote::adaptive::Source;

use crate::{capability, output};

pub fn run(as_json: bool) -> Result<()> {
    let renderer = capability::open_renderer()?;
    let display = capability::display();
    let verdict = capability::verdict(&display, &renderer);
    let adapters: Vec<Value> = gpu::adapters()
        .into_iter()
        .map(|a| {
            json!({
                "name": a.name, "backend": a.backend, "kind": a.kind, "driver": a.driver, "software": a.software,
                "max_volume_dim": a.max_volume_dim, "max_buffer_bytes": a.max_buffer_bytes,
            })
        })
        .collect();
    let memory = capability::memory_bytes()
        .map(|(total, available)| json!({ "total": total, "available": available }));
    let (source, remote) = capability::remote_studies(&renderer);
    let report = json!({
        "remote_studies": {
            "drawn": match source {
                Source::Local => "here",
                Source::Remote => "by the server",
            },
            "reasons": remote,
        },
        "verdict": { "mode": verdict.mode.as_str(), "reasons": verdict.reasons },
        "renderer": renderer.name(),
        "adapters": adapters,
        "encoders": server_mode::encode::available(),
        "display": display.is_ok(),
        "cpu": {
            "cores": std::thread::available_parallelism().map_or(1, usize::from),
            "simd": cpu::Level::best().to_string(),
            "architecture": std::env::consts::ARCH,
        },
        "memory_bytes": memory,
        "transfer_syntaxes": dicom::transfer_syntaxes(),
    });
    if as_json {
        output::line(report);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &Value) {
    output::line(format_args!("mode: {}", text(&report["verdict"]["mode"])));
    for reason in report["verdict"]["reasons"].as_array().into_iter().flatten() {
        output::line(format_args!("  {}", text(reason)));
    }
    output::line(format_args!("studies of a server: drawn {}", text(&report["remote_studies"]["drawn"])));
    for reason in report["remote_studies"]["reasons"].as_array().into_iter().flatten() {
        output::line(format_args!("  {}", text(reason)));
    }
    output::line(format_args!("renderer: {}", text(&report["renderer"])));
    let adapters = report["adapters"].as_array().map_or(&[][..], Vec::as_slice);
    if adapters.is_empty() {
        output::line("graphics adapters: none");
    }
    for a in adapters {
        let emulated = if a["software"] == true { ", emulated in software" } else { "" };
        output::line(format_args!(
            "graphics adapter: {} ({}, {}, {}{emulated})",
            text(&a["name"]),
            text(&a["kind"]),
            text(&a["backend"]),
            text(&a["driver"])
        ));
    }
    let cpu = &report["cpu"];
    output::line(format_args!("processor: {} cores, {}", text(&cpu["cores"]), text(&cpu["simd"])));
    if let (Some(total), Some(available)) =
        (report["memory_bytes"]["total"].as_u64(), report["memory_bytes"]["available"].as_u64())
    {
        output::line(format_args!("memory: {} MiB, {} MiB available", total >> 20, available >> 20));
    }
    list("encoders", &report["encoders"]);
    list("DICOM transfer syntaxes read", &report["transfer_syntaxes"]);
}

fn list(label: &str, values: &Value) {
    let values: Vec<String> = values.as_array().into_iter().flatten().map(text).collect();
    output::line(format_args!("{label}: {}", values.join(", ")));
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
