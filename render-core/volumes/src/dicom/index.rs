//! What the headers of known files say, kept between starts: reading ten thousand files takes a disk
//! minutes, reading this takes it a moment.
//!
//! Kept are the bytes of each header as they stand in the file, up to the pixel data, so that what is
//! read from them never depends on the version that wrote the index. A file counts as known while its
//! size and time of change are the same. The index holds what headers hold, names of patients, too:
//! only its owner may read it. It is a convenience: whatever is wrong with it, files are read instead.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};

use super::source::Head;

/// Of the tables below; another one's index is thrown away.
const SCHEMA: i32 = 1;
/// "Voxc", so that no other program's database is thrown away.
const APPLICATION: i32 = 0x566F_7863;
const TABLES: &str = "
    CREATE TABLE header (
        path TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        complete INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        checksum INTEGER NOT NULL
    );";
/// Another instance's write takes less.
const BUSY: Duration = Duration::from_millis(500);

/// What tells that a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub size: u64,
    /// Nanoseconds since 1970.
    pub changed: i64,
}

impl Stamp {
    /// `None` where the system does not tell.
    pub fn of(about: &fs::Metadata) -> Option<Self> {
        let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self { size: about.len(), changed: i64::try_from(changed.as_nanos()).ok()? })
    }
}

/// An index in a file. Shared by reference; of several processes each may have it open.
pub struct Index {
    path: PathBuf,
    /// `None` once it turned out to be unusable.
    database: Mutex<Option<Connection>>,
    problem: Mutex<Option<String>>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the index in this file or begins one. One that is damaged is thrown away; where there
    /// can be none, all is read from the files. [`Self::problem`] tells.
    pub fn open(path: &Path) -> Self {
        let index = Self { path: path.to_owned(), database: Mutex::new(None), problem: Mutex::new(None) };
        let opened = connect(path).or_else(|unusable| match unusable {
            Unusable::Damaged(reason) => {
                index.tell(&format!("was unusable and is begun anew ({reason})"));
                remove(path);
                connect(path)
            }
            foreign => Err(foreign),
        });
        match opened {
            Ok(database) => *index.database() = Some(database),
            Err(Unusable::Damaged(reason) | Unusable::NotOurs(reason)) => {
                index.tell(&format!("cannot be used: {reason}"));
            }
        }
        index
    }

    /// Deletes an index with all that belongs to it.
    pub fn delete(path: &Path) {
        remove(path);
    }

    /// What was wrong since the last call, for a log.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn tell(&self, what: &str) {
        let problem = format!("the index {} {what}", self.path.display());
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(problem);
    }

    fn database(&self) -> MutexGuard<'_, Option<Connection>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with the database; if that fails the index is not used any more, and a damaged one is
    /// deleted.
    fn with<R: Default>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<R>) -> R {
        let mut database = self.database();
        let Some(connection) = database.as_mut() else { return R::default() };
        work(connection).unwrap_or_else(|error| {
            // Another instance is writing: that is no damage.
            if !matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy)) {
                self.tell(&format!("is not used any more: {error}"));
                *database = None;
                if matches!(
                    error.sqlite_error_code(),
                    Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
                ) {
                    remove(&self.path);
                }
            }
            R::default()
        })
    }

    /// What is known of these files, by path.
    pub(super) fn known<'a>(&self, files: &'a [PathBuf]) -> HashMap<&'a Path, (Stamp, Head)> {
        self.with(|database| {
            // Or each row would lock the file anew.
            let read = database.transaction()?;
            let mut query = read.prepare_cached(
                "SELECT size, changed, complete, bytes, checksum FROM header WHERE path = ?1",
            )?;
            let mut known = HashMap::new();
            for file in files {
                let Some(path) = file.to_str() else { continue };
                let row = query.query_row([path], |row| {
                    let stamp = Stamp { size: row.get::<_, i64>(0)? as u64, changed: row.get(1)? };
                    let head = Head { complete: row.get(2)?, bytes: row.get(3)? };
                    Ok((stamp, head, row.get::<_, i64>(4)?))
                });
                if let Some((stamp, head, sum)) = row.optional()?
                    && sum == checksum(path, stamp, &head)
                {
                    known.insert(file.as_path(), (stamp, head));
                }
            }
            Ok(known)
        })
    }

    pub(super) fn keep(&self, files: &[(&Path, Stamp, Head)]) {
        if files.is_empty() {
            return;
        }
        self.with(|database| {
            let write = database.transaction()?;
            let mut insert =
                write.prepare_cached("INSERT OR REPLACE INTO header VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for (path, stamp, head) in files {
                let Some(path) = path.to_str() else { continue };
                let sum = checksum(path, *stamp, head);
                insert.execute(params![
                    path,
                    stamp.size as i64,
                    stamp.changed,
                    head.complete,
                    head.bytes,
                    sum
                ])?;
            }
            drop(insert);
            write.commit()
        });
    }

    /// Forgets what lay below a folder and is not among these files any more.
    pub(super) fn forget_others(&self, folder: &Path, files: &[PathBuf]) {
        let Some(folder) = folder.to_str() else { return };
        self.with(|database| {
            let below = format!(
                "{}{}",
                folder.trim_end_matches(std::path::MAIN_SEPARATOR),
                std::path::MAIN_SEPARATOR
            );
            // The highest code point ends every name below the folder.
            let end = format!("{below}\u{10FFFF}");
            let there: HashSet<&str> = files.iter().filter_map(|file| file.to_str()).collect();
            let mut query =
                database.prepare_cached("SELECT path FROM header WHERE path >= ?1 AND path < ?2")?;
            let known = query.query_map([&below, &end], |row| row.get::<_, String>(0))?;
            let gone: Vec<String> = known
                .filter(|path| !path.as_ref().is_ok_and(|p| there.contains(p.as_str())))
                .collect::<Result<_, _>>()?;
            drop(query);
            let write = database.transaction()?;
            for path in &gone {
                write.execute("DELETE FROM header WHERE path = ?1", [path])?;
            }
            write.commit()
        });
    }
}

/// Why there is no database.
enum Unusable {
    Damaged(String),
    /// What is there is to be left alone, or nothing can be there.
    NotOurs(String),
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

fn connect(path: &Path) -> Result<Connection, Unusable> {
    let not_ours = |e: std::io::Error| Unusable::NotOurs(e.to_string());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(not_ours)?;
    }
    private(path).map_err(not_ours)?;
    let database = Connection::open(path)?;
    database.busy_timeout(BUSY)?;
    let number = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, schema) = (number("application_id")?, number("user_version")?);
    let tables: i64 = database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && tables > 0 {
        return Err(Unusable::NotOurs("it is another program's database".into()));
    }
    // With a log written ahead, a power cut loses the last entries and nothing else.
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    match (application, schema) {
        (APPLICATION, SCHEMA) => {}
        (APPLICATION, other) => {
            return Err(Unusable::Damaged(format!("it has version {other}, not {SCHEMA}")));
        }
        _ => {
            database.execute_batch(TABLES)?;
            database.pragma_update(None, "application_id", APPLICATION)?;
            database.pragma_update(None, "user_version", SCHEMA)?;
        }
    }
    Ok(database)
}

/// Makes the file, if there is none, one that only its owner may read. What SQLite puts beside it gets
/// the same permissions.
fn private(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    Ok(())
}

fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let _ = fs::remove_file(name);
    }
}

fn checksum(path: &str, stamp: Stamp, head: &Head) -> i64 {
    let mut sum = flate2::Crc::new();
    sum.update(path.as_bytes());
    sum.update(&stamp.size.to_le_bytes());
    sum.update(&stamp.changed.to_le_bytes());
    sum.update(&[u8::from(head.complete)]);
    sum.update(&head.bytes);
    i64::from(sum.sum())
}
