//! The user's own volume presets, read again when their folder changes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use render_core::scene::PresetLibrary;
use tokio::sync::watch;

/// The newest presets, and when there are newer ones.
pub type Presets = watch::Receiver<Arc<PresetLibrary>>;

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks after a folder.
pub struct Watch {
    folder: PathBuf,
    library: PresetLibrary,
    newest: watch::Sender<Arc<PresetLibrary>>,
}

/// Reads the folder for the first time; returns what is wrong with it, too.
pub fn open(folder: Option<PathBuf>) -> (Presets, Option<Watch>, Vec<String>) {
    let mut library = PresetLibrary::default();
    let problems = folder.as_ref().map(|folder| library.reload(folder).problems).unwrap_or_default();
    let (newest, presets) = watch::channel(Arc::new(library.clone()));
    (presets, folder.map(|folder| Watch { folder, library, newest }), problems)
}

impl Watch {
    /// Looks until the server closes.
    pub async fn run(self, mut closing: watch::Receiver<bool>) {
        let Self { folder, mut library, newest } = self;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
            let place = folder.clone();
            let read = tokio::task::spawn_blocking(move || {
                let reload = library.reload(&place);
                (library, reload)
            });
            // Reading does not panic; if it ever did, the presets would stay as they are.
            let Ok((next, reload)) = read.await else { return };
            library = next;
            reload.problems.iter().for_each(|problem| tracing::warn!("{problem}"));
            if !reload.changed.is_empty() || !reload.removed.is_empty() {
                newest.send_replace(Arc::new(library.clone()));
            }
        }
    }
}
