//! Voxels of servers on this machine's disk, readable only for those whom the server lets in.
//!
//! A file is sealed with AES-256-GCM. Its key is derived (HKDF, RFC 5869) from the server's token, which is written
//! nowhere here: without the server's invitation the files are noise, and names say nothing of what is in them. A
//! server that is given another token takes back what it handed out.
//!
//! ```text
//! "VXSEAL1\n"  salt, 32 bytes  (length, sealed segment)…
//! ```
//!
//! The first segment is the entity tag. A length has its highest bit set before the last segment, and each segment is
//! sealed with its number and that bit.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;

const MAGIC: [u8; 8] = *b"VXSEAL1\n";
const SALT_BYTES: usize = 32;
/// Of plain text.
const SEGMENT_BYTES: usize = 1 << 18;
const SEAL_BYTES: usize = 16;
/// The bit of a length before the last segment.
const LAST: u32 = 1 << 31;
/// Entity tags are shorter.
const MOST_TAG_BYTES: usize = 256;
/// What nobody has looked at for so long is of no use any more.
const LONGEST_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const SUFFIX: &str = "sealed";
const UNFINISHED: &str = "part";

/// A folder of sealed voxels.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    most_bytes: u64,
}

/// The place of one series at one level.
#[derive(Debug)]
pub struct Entry {
    file: PathBuf,
    token: String,
    info: String,
}

struct Key32;

impl KeyType for Key32 {
    fn len(&self) -> usize {
        32
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the sealed voxels are damaged, or of another token")
}

/// Removes files; one that stays is no reason to keep the others.
fn remove_all(files: impl IntoIterator<Item = PathBuf>) -> io::Result<()> {
    files.into_iter().map(fs::remove_file).fold(Ok(()), Result::and)
}

fn derive(salt: &[u8], token: &str, info: &str) -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let pseudorandom = Salt::new(HKDF_SHA256, salt).extract(token.as_bytes());
    let info = [info.as_bytes()];
    let key = pseudorandom.expand(&info, Key32).and_then(|key| key.fill(&mut bytes));
    key.map(|()| bytes).map_err(|_| damaged())
}

impl Cache {
    /// A folder that may not be there yet, and how large it may become.
    pub fn new(folder: PathBuf, most_bytes: u64) -> Self {
        Self { folder, most_bytes }
    }

    pub(super) fn entry(&self, token: &str, series_id: &str, level: u8) -> io::Result<Entry> {
        let info = format!("{series_id}/{level}");
        let name = derive(b"voxcast name", token, &info)?;
        let file = self.folder.join(HEXLOWER.encode(&name[..16])).with_extension(SUFFIX);
        Ok(Entry { file, token: token.to_owned(), info })
    }

    /// Throws everything away.
    ///
    /// # Errors
    /// The folder cannot be read, or a file cannot be removed; all others are gone then.
    pub fn clear(&self) -> io::Result<()> {
        remove_all(self.files()?.into_iter().map(|(file, _)| file))
    }

    /// Throws away what was not used for long.
    ///
    /// # Errors
    /// As of [`clear`](Self::clear).
    pub fn prune(&self) -> io::Result<()> {
        self.make_room(0)
    }

    /// What all files take on the disk.
    pub fn bytes(&self) -> u64 {
        self.files().map_or(0, |files| files.iter().map(|(_, known)| known.len()).sum())
    }

    /// Makes room for so many bytes: what was not used for long goes first.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let used = |known: &fs::Metadata| known.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let mut files = self.files()?;
        files.sort_by_key(|(_, known)| used(known));
        let mut taken: u64 = files.iter().map(|(_, known)| known.len()).sum();
        let now = SystemTime::now();
        let mut superfluous = Vec::new();
        for (file, known) in files {
            let old = now.duration_since(used(&known)).is_ok_and(|age| age > LONGEST_KEPT);
            if old || taken + bytes > self.most_bytes {
                superfluous.push(file);
                taken -= known.len();
            }
        }
        remove_all(superfluous)
    }

    /// Our own files; a folder that is not there has none.
    fn files(&self) -> io::Result<Vec<(PathBuf, fs::Metadata)>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let ours = |path: &Path| path.extension().is_some_and(|own| own == SUFFIX || own == UNFINISHED);
        let known = |entry: fs::DirEntry| Some((entry.path(), entry.metadata().ok()?));
        Ok(entries.flatten().filter(|entry| ours(&entry.path())).filter_map(known).collect())
    }

    /// Begins to write an entry that takes about so many bytes; it appears when it is whole.
    pub(super) fn write(&self, entry: &Entry, entity_tag: &str, bytes: u64) -> io::Result<Writer> {
        if bytes > self.most_bytes || entity_tag.len() > MOST_TAG_BYTES {
            return Err(io::Error::other("it is too large to be kept"));
        }
        create_private_folder(&self.folder)?;
        self.make_room(bytes)?;
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).map_err(|_| io::Error::other("the system has no random numbers"))?;
        let mut random = [0; 8];
        rand::fill(&mut random).map_err(|_| io::Error::other("the system has no random numbers"))?;
        let part = entry.file.with_extension(format!("{}.{UNFINISHED}", HEXLOWER.encode(&random)));
        let mut file = BufWriter::new(create_private_file(&part)?);
        let sealing = Sealing::new(&salt, entry)?;
        let began = file.write_all(&MAGIC).and_then(|()| file.write_all(&salt));
        let mut writer = Writer { file, sealing, pending: Vec::new(), part, whole: entry.file.clone() };
        began?;
        writer.segment(entity_tag.as_bytes().to_vec(), false)?;
        Ok(writer)
    }
}

impl Entry {
    /// What is there, with its entity tag; `None` where nothing is.
    pub(super) fn open(&self) -> io::Result<Option<Reader>> {
        let file = match File::open(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let touched = file.set_modified(SystemTime::now());
        drop(touched.inspect_err(|error| tracing::debug!(%error, "sealed voxels keep their time")));
        let mut file = BufReader::new(file);
        let mut head = [0; MAGIC.len() + SALT_BYTES];
        file.read_exact(&mut head)?;
        let (magic, salt) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(damaged());
        }
        let sealing = Sealing::new(salt, self)?;
        let mut reader = Reader { file, sealing, entity_tag: String::new(), ended: false };
        let tag = reader.next()?.filter(|tag| tag.len() <= MOST_TAG_BYTES).ok_or_else(damaged)?;
        reader.entity_tag = String::from_utf8(tag).map_err(|_| damaged())?;
        Ok(Some(reader))
    }

    pub(super) fn remove(&self) {
        drop(fs::remove_file(&self.file));
    }
}

/// One key, for the segments of one file in their order.
struct Sealing {
    key: LessSafeKey,
    segments: u64,
}

impl std::fmt::Debug for Sealing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealing").field("segments", &self.segments).finish_non_exhaustive()
    }
}

impl Sealing {
    fn new(salt: &[u8], entry: &Entry) -> io::Result<Self> {
        let bytes = derive(salt, &entry.token, &entry.info)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| damaged())?;
        Ok(Self { key: LessSafeKey::new(key), segments: 0 })
    }

    /// Of the next segment. Each file has a key of its own, so counting never repeats a nonce.
    fn nonce(&mut self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.segments.to_le_bytes());
        self.segments += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Seals what is pushed. What was not finished is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    file: BufWriter<File>,
    sealing: Sealing,
    pending: Vec<u8>,
    part: PathBuf,
    whole: PathBuf,
}

impl Writer {
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(bytes);
        while self.pending.len() > SEGMENT_BYTES {
            let rest = self.pending.split_off(SEGMENT_BYTES);
            let segment = std::mem::replace(&mut self.pending, rest);
            self.segment(segment, false)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        let last = std::mem::take(&mut self.pending);
        self.segment(last, true)?;
        self.file.flush()?;
        fs::rename(&self.part, &self.whole)
    }

    fn segment(&mut self, mut bytes: Vec<u8>, last: bool) -> io::Result<()> {
        let nonce = self.sealing.nonce();
        let last = if last { LAST } else { 0 };
        let sealed =
            self.sealing.key.seal_in_place_append_tag(nonce, Aad::from(last.to_le_bytes()), &mut bytes);
        sealed.map_err(|_| io::Error::other("the voxels cannot be sealed"))?;
        self.file.write_all(&(bytes.len() as u32 | last).to_le_bytes())?;
        self.file.write_all(&bytes)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It is there no more once it was given its name.
        drop(fs::remove_file(&self.part));
    }
}

/// Opens one segment after the other.
#[derive(Debug)]
pub(super) struct Reader {
    file: BufReader<File>,
    sealing: Sealing,
    pub entity_tag: String,
    ended: bool,
}

impl Reader {
    /// The next bytes; `None` after the last ones.
    pub fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        let (last, length) = (length & LAST, (length & !LAST) as usize);
        if !(SEAL_BYTES..=SEGMENT_BYTES + SEAL_BYTES).contains(&length) {
            return Err(damaged());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes)?;
        let nonce = self.sealing.nonce();
        let opened = self.sealing.key.open_in_place(nonce, Aad::from(last.to_le_bytes()), &mut bytes);
        let count = opened.map_err(|_| damaged())?.len();
        bytes.truncate(count);
        self.ended = last != 0;
        Ok(Some(bytes))
    }
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn create_private_file(file: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("voxcast-cache-{name}-{}", std::process::id()));
            drop(fs::remove_dir_all(&folder));
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn keep(cache: &Cache, series_id: &str, bytes: &[u8]) {
        let entry = cache.entry(TOKEN, series_id, 0).expect("an entry");
        let mut writer = cache.write(&entry, "\"tag\"", bytes.len() as u64).expect("it can be written");
        bytes.chunks(100_000).for_each(|chunk| writer.push(chunk).expect("room"));
        writer.finish().expect("room");
    }

    fn read(entry: &Entry) -> io::Result<Option<(String, Vec<u8>)>> {
        let Some(mut reader) = entry.open()? else { return Ok(None) };
        let mut bytes = Vec::new();
        while let Some(segment) = reader.next()? {
            bytes.extend(segment);
        }
        Ok(Some((reader.entity_tag, bytes)))
    }

    fn voxels() -> Vec<u8> {
        (0..1_000_003u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect()
    }

    #[test]
    fn what_was_kept_is_read_back_and_only_with_the_token() {
        let folder = Folder::new("back");
        let (cache, voxels) = (Cache::new(folder.0.clone(), 1 << 30), voxels());
        let entry = cache.entry(TOKEN, "1.2", 0).expect("an entry");
        assert!(read(&entry).expect("nothing is wrong").is_none());
        keep(&cache, "1.2", &voxels);
        let (tag, kept) = read(&entry).expect("it is whole").expect("it is there");
        assert_eq!(tag, "\"tag\"");
        assert!(kept == voxels);
        assert!(read(&cache.entry(TOKEN, "1.2", 1).expect("an entry")).expect("nothing is wrong").is_none());
        // The same file under the name that another token gives it.
        let other = cache.entry("another token of another server", "1.2", 0).expect("an entry");
        assert_ne!(other.file, entry.file);
        fs::copy(&entry.file, &other.file).expect("a copy");
        assert!(read(&other).is_err());
        let on_disk = fs::read(&entry.file).expect("a file");
        assert!(!on_disk.windows(16).any(|bytes| bytes == &voxels[500..516]), "the voxels lie there open");
        assert!(!entry.file.to_string_lossy().contains("1.2"));
    }

    #[test]
    fn damage_and_missing_ends_are_found() {
        let folder = Folder::new("damage");
        let (cache, voxels) = (Cache::new(folder.0.clone(), 1 << 30), voxels());
        keep(&cache, "1.2", &voxels);
        let entry = cache.entry(TOKEN, "1.2", 0).expect("an entry");
        let whole = fs::read(&entry.file).expect("a file");
        let segment = SEGMENT_BYTES + SEAL_BYTES + 4;
        let first = MAGIC.len() + SALT_BYTES;
        // An end at a border between two segments is no end either.
        let tag = 4 + SEAL_BYTES + "\"tag\"".len();
        for length in [0, 5, first, first + tag, first + tag + segment, whole.len() - 1] {
            fs::write(&entry.file, &whole[..length]).expect("written");
            assert!(read(&entry).is_err(), "{length} bytes of {}", whole.len());
        }
        for at in [0, 20, first, first + 10, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&entry.file, damaged).expect("written");
            assert!(read(&entry).is_err(), "a bit of byte {at}");
        }
    }

    #[test]
    fn what_is_not_finished_is_gone_and_the_oldest_makes_room() {
        let folder = Folder::new("room");
        let cache = Cache::new(folder.0.clone(), 2_500_000);
        let entry = cache.entry(TOKEN, "1.2", 0).expect("an entry");
        drop(cache.write(&entry, "\"tag\"", 10).expect("it can be written"));
        assert_eq!(cache.bytes(), 0);
        assert!(cache.write(&entry, "\"tag\"", 3_000_000).is_err(), "it would never fit");
        let voxels = voxels();
        for (age, series_id) in [(3, "1"), (2, "2")] {
            keep(&cache, series_id, &voxels);
            let file = cache.entry(TOKEN, series_id, 0).expect("an entry").file;
            let then = SystemTime::now() - Duration::from_secs(age * 60);
            File::options().append(true).open(file).and_then(|f| f.set_modified(then)).expect("a time");
        }
        keep(&cache, "3", &voxels);
        let is_there =
            |id: &str| read(&cache.entry(TOKEN, id, 0).expect("an entry")).expect("whole").is_some();
        assert!(!is_there("1") && is_there("2") && is_there("3"));
        let entry = cache.entry(TOKEN, "2", 0).expect("an entry");
        let then = SystemTime::now() - LONGEST_KEPT - Duration::from_secs(60);
        File::options().append(true).open(&entry.file).and_then(|f| f.set_modified(then)).expect("a time");
        cache.prune().expect("pruned");
        assert!(!entry.file.exists() && is_there("3"));
        cache.clear().expect("cleared");
        assert_eq!(cache.bytes(), 0);
        #[cfg(unix)]
        {
            let mode = |path| {
                std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).expect("there").permissions())
            };
            assert_eq!(mode(&folder.0) & 0o777, 0o700);
        }
    }
}
