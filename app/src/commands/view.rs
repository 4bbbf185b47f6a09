//! Opening studies: in a window, or as a server for browsers.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use render_core::words::counted;
use render_core::{Progress, Renderer, phantom};
use server_mode::{Config, Secret, Studies, VoxelPolicy, WebRtcConfig};

use crate::capability::{self, Mode};
use crate::cli::{Backend, View, Voxels, usage};
use crate::desktop::settings::RendererChoice;
use crate::{desktop, output, presets, secret, study};

/// Picks the mode, says which and why, and runs it. A window that cannot open becomes a server.
pub fn run(view: &View, presets: Option<&Path>) -> Result<()> {
    let presets = presets::folder(presets)?;
    let settings = desktop::settings::file().map(|file| desktop::settings::load(&file)).unwrap_or_default();
    let backend = match (view.backend, settings.settings.renderer) {
        (Backend::Auto, RendererChoice::Processor) if !view.serve => Backend::Cpu,
        (asked, _) => asked,
    };
    let renderer = super::open_renderer(backend)?;
    if view.serve {
        return serve(view, &renderer, presets);
    }
    let connect =
        view.connect.as_deref().map(|address| address_of(address, &mut std::io::stdin())).transpose()?;
    let verdict = capability::verdict(&capability::display(), &renderer);
    output::note(format_args!("mode: {}", verdict.mode.as_str()));
    verdict.reasons.iter().for_each(|reason| output::note(format_args!("  {reason}")));
    match verdict.mode {
        Mode::Serve if view.connect.is_some() => Err(usage(
            "--connect needs a display for its window; open the server's address in a browser instead",
        )),
        Mode::Serve => serve(view, &renderer, presets),
        Mode::Local => {
            let options = desktop::Options {
                renderer: renderer.clone(),
                presets: presets.clone(),
                index: !view.no_index,
                settings,
                connect,
                keeping: desktop::Keeping::Everything,
            };
            desktop::run(view.studies.clone(), options).or_else(|error| {
                if view.connect.is_some() {
                    return Err(error.context("--connect needs a window"));
                }
                output::note(format_args!("no window, so a server for browsers instead: {error:#}"));
                serve(view, &renderer, presets)
            })
        }
    }
}

/// The address to connect to, which `-` leaves to what can be read.
fn address_of(stated: &str, input: &mut impl Read) -> Result<String> {
    /// Longer than any address.
    const MOST: u64 = 16 << 10;
    if stated != "-" {
        return Ok(stated.to_owned());
    }
    let mut line = String::new();
    BufReader::new(input.take(MOST)).read_line(&mut line).context("cannot read the address to connect to")?;
    Ok(line.trim().to_owned())
}

fn serve(view: &View, renderer: &Renderer, presets: Option<PathBuf>) -> Result<()> {
    let studies = match view.studies.as_slice() {
        [] => {
            return Err(usage(
                "name at least one folder or file with studies to serve, or run `voxcast demo --serve`",
            ));
        }
        paths => {
            let index = study::index(!view.no_index);
            Studies::scan(paths, &Progress::default(), index.as_ref())?
        }
    };
    let library = studies.library();
    if !library.has_series() {
        bail!(study::nothing_found(&view.studies[0], library));
    }
    // What a server prints is kept in logs, where files named after patients do not belong.
    if let count @ 1.. = library.failed.len() {
        output::note(format_args!(
            "left out {}: `voxcast info` names them and says why",
            counted(count, "file")
        ));
    }
    let config = Config {
        listen: view.address(),
        render_size: [view.render_width, view.render_height],
        max_sessions: view.max_sessions as usize,
        presets,
        webrtc: webrtc(view)?,
        voxels: match view.voxels {
            Voxels::None => VoxelPolicy::None,
            Voxels::Memory => VoxelPolicy::Memory,
            Voxels::Keep => VoxelPolicy::Keep,
        },
        token: view.token_file.as_deref().map(|path| secret_text(path, "a token")).transpose()?,
        ..Config::default()
    };
    server_mode::run(&config, renderer, studies, |ready| {
        ready.warnings.iter().for_each(|warning| output::note(format_args!("warning: {warning}")));
        // Whoever has the file knows the token; one made for this start is known from here only.
        let told = |url: &str| match &view.token_file {
            Some(_) => url.split('?').next().unwrap_or_default().to_owned(),
            None => url.to_owned(),
        };
        output::line(format_args!("serving {}", told(&ready.url)));
        ready
            .other_urls
            .iter()
            .for_each(|url| output::line(format_args!("from other machines {}", told(url))));
    })
    .map_err(|error| match (&error, &view.token_file) {
        (server_mode::Error::Token, Some(file)) => {
            anyhow::Error::from(error).context(format!("--token-file {}", file.display()))
        }
        _ => error.into(),
    })
}

fn webrtc(view: &View) -> Result<Option<WebRtcConfig>> {
    if view.no_webrtc {
        return Ok(None);
    }
    let turn_secret = view.turn_secret_file.as_deref().map(|path| secret_text(path, "a TURN secret"));
    Ok(Some(WebRtcConfig {
        listen: view.webrtc_listen,
        public_addresses: view.public_address.clone(),
        ice_servers: view.ice_server.clone(),
        turn_secret: turn_secret.transpose()?,
    }))
}

/// What a file holds that nobody else may read, without white space around it.
fn secret_text(path: &Path, what: &str) -> Result<Secret> {
    let text = String::from_utf8(secret::read(path)?)
        .with_context(|| format!("{}: {what} is text", path.display()))?;
    Ok(Secret(text.trim().to_owned()))
}

/// Shows the study made by formula; the first time it is made and kept in the user's cache.
pub fn demo(mut view: View, presets: Option<&Path>) -> Result<()> {
    view.studies.insert(0, demo_study()?);
    run(&view, presets)
}

fn demo_study() -> Result<PathBuf> {
    let cache = directories::ProjectDirs::from("", "", "voxcast")
        .map(|dirs| dirs.cache_dir().to_owned())
        .unwrap_or_else(|| std::env::temp_dir().join("voxcast"));
    // A new version may make another phantom, so each has its own.
    let demo = cache.join(concat!("demo-", env!("CARGO_PKG_VERSION")));
    let images = demo.join(DEMO_IMAGES);
    if !images.is_dir() {
        make_demo(&demo).with_context(|| format!("cannot make the demo study in {}", demo.display()))?;
    }
    Ok(images)
}

/// Folder of the demo's images; its truth.json lies beside it, where no viewer stumbles over it.
const DEMO_IMAGES: &str = "images";

/// Writes to a folder of its own and renames it, so that a run that is interrupted leaves no half
/// study behind that a later one would show.
fn make_demo(demo: &Path) -> Result<()> {
    let partial = demo.with_extension(format!("partial-{}", std::process::id()));
    let images = partial.join(DEMO_IMAGES);
    let shown = AtomicUsize::new(0);
    phantom::write_study(&images, &phantom::Spec::default(), |done, total| {
        let tenth = done * 10 / total;
        if shown.fetch_max(tenth, Ordering::Relaxed) < tenth {
            output::note(format_args!("making the demo study: {} %", tenth * 10));
        }
    })?;
    std::fs::rename(images.join("truth.json"), partial.join("truth.json"))?;
    match std::fs::rename(&partial, demo) {
        Ok(()) => Ok(()),
        // Another process was faster; its study is the same.
        Err(_) if demo.join(DEMO_IMAGES).is_dir() => Ok(std::fs::remove_dir_all(&partial)?),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_no_argument_is_the_first_line_that_comes() {
        let mut input = "http://127.0.0.1:8080/?token=x\nmore".as_bytes();
        assert_eq!(address_of("-", &mut input).unwrap(), "http://127.0.0.1:8080/?token=x");
        assert_eq!(address_of("http://b", &mut "".as_bytes()).unwrap(), "http://b");
        let long = "a".repeat(1 << 20);
        assert!(address_of("-", &mut long.as_bytes()).unwrap().len() <= 16 << 10);
    }
}
