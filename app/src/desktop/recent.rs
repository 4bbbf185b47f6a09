//! The list of what was opened last: paths only, nothing of a patient.

use std::path::{Path, PathBuf};

use super::keeper::Keeper;

/// As many as a menu shows without scrolling.
const MOST: usize = 12;

/// Newest first, kept in a file of the user's data folder. A list that cannot be read or written
/// is a comfort lost, never an error.
#[derive(Debug, Default)]
pub struct Recent {
    keeper: Option<Keeper>,
    paths: Vec<PathBuf>,
}

impl Recent {
    /// What is in the user's data folder. By default nothing is, nor is it kept.
    pub fn load() -> Self {
        let file = directories::ProjectDirs::from("org", "voxcast", "voxcast")
            .map(|dirs| dirs.data_dir().join("recent.json"));
        Self::from_file(file)
    }

    fn from_file(file: Option<PathBuf>) -> Self {
        let text = file.as_ref().and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
        let mut paths: Vec<PathBuf> = serde_json::from_slice(&text).unwrap_or_default();
        paths.truncate(MOST);
        Self { keeper: file.map(|file| Keeper::new("recent", file)), paths }
    }

    /// Newest first.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Puts a path on top.
    pub fn add(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.paths.retain(|known| *known != path);
        self.paths.insert(0, path);
        self.paths.truncate(MOST);
        self.save();
    }

    pub fn clear(&mut self) {
        self.paths.clear();
        self.save();
    }

    fn save(&self) {
        let Some(keeper) = &self.keeper else { return };
        match serde_json::to_vec_pretty(&self.paths) {
            Ok(text) => keeper.put(text),
            Err(error) => tracing::warn!(%error, "the list of recent studies was not kept"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("voxcast-recent-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn opened_again_moves_to_the_top_and_survives_a_restart() {
        let folder = folder("order");
        let file = Some(folder.join("data/recent.json"));
        let mut recent = Recent::from_file(file.clone());
        for name in ["/a", "/b", "/a"] {
            recent.add(Path::new(name));
        }
        drop(recent);
        assert_eq!(Recent::from_file(file).paths(), [PathBuf::from("/a"), PathBuf::from("/b")]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_broken_file_is_an_empty_list_and_is_replaced() {
        let folder = folder("broken");
        let file = folder.join("recent.json");
        std::fs::write(&file, b"{\"not\": [a list").unwrap();
        let mut recent = Recent::from_file(Some(file.clone()));
        assert!(recent.paths().is_empty());
        recent.add(Path::new("/study"));
        drop(recent);
        assert_eq!(Recent::from_file(Some(file)).paths(), [PathBuf::from("/study")]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_list_stays_short() {
        let mut recent = Recent::from_file(None);
        for i in 0..40 {
            recent.add(Path::new(&format!("/study/{i}")));
        }
        assert_eq!(recent.paths().len(), MOST);
        assert_eq!(recent.paths()[0], PathBuf::from("/study/39"));
    }
}
