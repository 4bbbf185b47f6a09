//! The index of known folders: it saves reading, and nothing depends on it.

use std::fs;
use std::path::{Path, PathBuf};

use volumes::Progress;
use volumes::dicom::{self, Index, Library};

/// An empty folder of its own for one test, gone at its end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `study` with three slices, and where the index is.
fn folder(name: &str) -> (Folder, PathBuf, PathBuf) {
    let path = std::env::temp_dir().join(format!("voxcast-index-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    let study = path.join("study");
    fs::create_dir_all(&study).expect("create a folder for the test");
    for z in 0..3 {
        fs::write(study.join(z.to_string()), slice(z)).expect("write a test file");
    }
    let index = path.join("kept/index.sqlite");
    (Folder(path), study, index)
}

/// A file of the fuzzer's corpus at another height.
fn slice(z: u8) -> Vec<u8> {
    let valid = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/dataset/explicit.dcm");
    let mut bytes = fs::read(valid).expect("read the corpus");
    let replace = |bytes: &mut Vec<u8>, old: &[u8], at: usize, new: u8| {
        let start = bytes.windows(old.len()).position(|w| w == old).expect("the file has it");
        bytes[start + at] = new;
    };
    let meta = bytes.windows(7).position(|w| w == b"1.2.3.4").expect("the file has it");
    bytes[meta + 6] = b'5' + z;
    replace(&mut bytes, b"1.2.3.4", 6, b'5' + z);
    replace(&mut bytes, b"0.0\\0.0\\0.0", 8, b'0' + z);
    bytes
}

fn scan(study: &Path, index: &Index) -> Library {
    let paths = [study.to_owned()];
    dicom::scan_with(&paths, &Progress::default(), Some(index)).expect("scan")
}

fn dims(library: &Library) -> Vec<[u32; 3]> {
    library.studies.iter().flat_map(|s| &s.series).map(|s| s.dims).collect()
}

#[test]
fn a_second_scan_reads_no_file_that_has_not_changed() {
    let (_guard, study, index) = folder("second");
    let first = scan(&study, &Index::open(&index));
    assert_eq!(dims(&first), [[16, 12, 3]]);
    for z in 0..3 {
        // Another content of the same size and time: only the index still knows the header.
        let path = study.join(z.to_string());
        let about = fs::metadata(&path).expect("look at the file");
        fs::write(&path, vec![0; about.len() as usize]).expect("write");
        let file = fs::File::options().write(true).open(&path).expect("open");
        file.set_modified(about.modified().expect("a time")).expect("set the time");
    }
    let opened = Index::open(&index);
    let second = scan(&study, &opened);
    assert_eq!(dims(&second), dims(&first));
    assert_eq!(second.studies[0].patient.name, "Fuzz");
    assert_eq!(opened.problem(), None);
}

#[test]
fn changed_files_are_read_again_and_gone_ones_forgotten() {
    let (_guard, study, index) = folder("changed");
    scan(&study, &Index::open(&index));
    fs::write(study.join("0"), b"now a text, longer than nothing").expect("write");
    fs::remove_file(study.join("1")).expect("remove");
    let library = scan(&study, &Index::open(&index));
    assert_eq!(dims(&library), [[16, 12, 1]]);
    assert_eq!(library.failed.len(), 1);
    // Its path stands nowhere in the index any more, once what was deleted is overwritten.
    let database = rusqlite::Connection::open(&index).expect("open");
    let paths: i64 = database
        .query_row("SELECT count(*) FROM header WHERE path LIKE '%/1'", [], |r| r.get(0))
        .expect("ask");
    assert_eq!(paths, 0);
}

#[test]
fn a_damaged_index_is_begun_anew_and_never_an_error() {
    let (_guard, study, index) = folder("damaged");
    scan(&study, &Index::open(&index));
    let whole = fs::read(&index).expect("read");
    assert!(whole.len() > 4096);
    for at in (0..whole.len()).step_by(257) {
        let mut bytes = whole.clone();
        let end = bytes.len().min(at + 64);
        bytes[at..end].fill(0xA5);
        if at % 2 == 0 {
            bytes.truncate(end);
        }
        let _ = fs::remove_file(index.with_file_name("index.sqlite-wal"));
        let _ = fs::remove_file(index.with_file_name("index.sqlite-shm"));
        fs::write(&index, &bytes).expect("write");
        assert_eq!(dims(&scan(&study, &Index::open(&index))), [[16, 12, 3]], "damaged at {at}");
    }
    fs::write(&index, b"no database at all, but long enough to be looked at").expect("write");
    let opened = Index::open(&index);
    assert!(opened.problem().is_some_and(|p| p.contains("begun anew")));
    scan(&study, &opened);
    assert_eq!(Index::open(&index).problem(), None);
}

#[test]
fn another_programs_database_is_left_alone() {
    let (_guard, study, index) = folder("foreign");
    fs::create_dir_all(index.parent().expect("a folder")).expect("create");
    let other = rusqlite::Connection::open(&index).expect("open");
    other.execute_batch("CREATE TABLE letters (text); INSERT INTO letters VALUES ('dear')").expect("write");
    drop(other);
    let opened = Index::open(&index);
    assert!(opened.problem().is_some_and(|p| p.contains("another program's")));
    assert_eq!(dims(&scan(&study, &opened)), [[16, 12, 3]]);
    let other = rusqlite::Connection::open(&index).expect("open");
    let text: String = other.query_row("SELECT text FROM letters", [], |r| r.get(0)).expect("still there");
    assert_eq!(text, "dear");
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it_and_it_can_be_deleted() {
    use std::os::unix::fs::PermissionsExt;
    let (_guard, study, index) = folder("private");
    let opened = Index::open(&index);
    scan(&study, &opened);
    let kept = index.parent().expect("a folder");
    for file in fs::read_dir(kept).expect("read").flatten() {
        let mode = file.metadata().expect("look").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
    drop(opened);
    Index::delete(&index);
    assert_eq!(fs::read_dir(kept).expect("read").count(), 0);
}
