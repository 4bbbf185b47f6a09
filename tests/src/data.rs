//! Real studies, where this machine has them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use render_core::{Progress, Volume, dicom};

/// A CT of the chest: 512 x 512 x 275 voxels.
pub const CHEST: &str = "ct-chest-jpegls";

/// A folder of test data. The variable `VOXCAST_DATA` says where they are, else they lie beside the
/// repository.
pub fn folder(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("VOXCAST_DATA").map_or_else(beside, PathBuf::from).join(name);
    folder.is_dir().then_some(folder)
}

/// `CHEST`, loaded once. Panics where it is absent or broken: ask `folder` first.
pub fn chest() -> Arc<Volume> {
    static CHEST_VOLUME: LazyLock<Arc<Volume>> = LazyLock::new(|| load(CHEST));
    Arc::clone(&CHEST_VOLUME)
}

fn load(name: &str) -> Arc<Volume> {
    let progress = Progress::default();
    let folder = folder(name).expect("the case is left out where its data are absent");
    let library = dicom::scan(&[folder], &progress).expect("the folder can be scanned");
    let series = &library.studies[0].series[0];
    dicom::load(series, &progress).expect("the series can be loaded").volume
}
