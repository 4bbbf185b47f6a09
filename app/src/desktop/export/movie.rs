//! Movies: pictures through a pipe into the program ffmpeg, which makes an MP4 file of them.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use render_core::scene::{Content, ViewState};
use render_core::{Progress, Renderer};

use super::moment::Moments;
use super::over::Over;
use super::raster::Raster;
use super::{ExportError, MOVIE_SAMPLES, Motion, Movie, Order, draw, inscribe};

/// The best first; which of them there are depends on how ffmpeg was built.
const ENCODERS: [(&str, &[&str]); 4] = [
    ("libx264", &["-preset", "medium", "-crf", "16"]),
    ("libopenh264", &["-b:v", "12M"]),
    ("h264_videotoolbox", &["-b:v", "12M"]),
    ("h264_mf", &["-b:v", "12M"]),
];

/// What ffmpeg has to say is cut after so much.
const MOST_WORDS: u64 = 2_000;

pub fn make(
    renderer: &Renderer,
    order: &Order,
    movie: &Movie,
    mut moments: Moments,
    progress: &Progress,
) -> Result<(), ExportError> {
    let subject = order.subjects.first().ok_or(ExportError::Nothing)?;
    if order.file.symlink_metadata().is_ok() {
        return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists).into());
    }
    progress.add_total(u64::from(movie.pictures));
    let part = Part::beside(&order.file);
    part.create()?;
    let mut ffmpeg = Ffmpeg::start(movie, &part.0)?;
    let (mut raster, mut over) = (Raster::new(order.pixels_per_point), Over::default());
    for number in 0..movie.pictures {
        let subject = match movie.motion {
            Motion::Times => &moments.subject(number as usize, subject)?,
            Motion::Rotation | Motion::Sweep => subject,
        };
        let view = view_of(&subject.view, movie, number, &subject.series);
        let mut frame = draw(renderer, &subject.series, &view, MOVIE_SAMPLES, progress)?;
        over.draw(&mut frame, subject, &view, order.inscription, progress)?;
        inscribe(&mut raster, &mut frame, subject, &view, order.inscription);
        ffmpeg.put(&frame.pixels)?;
        progress.add_done(1);
    }
    ffmpeg.finish()?;
    // Unlike a rename, a link never replaces what has appeared in the meantime; where there are no links, what was
    // checked before must do.
    match std::fs::hard_link(&part.0, &order.file) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(error.into()),
        Err(_) => Ok(std::fs::rename(&part.0, &order.file)?),
        Ok(()) => Ok(()),
    }
}

/// The view of one picture of the movie.
pub fn view_of(first: &ViewState, movie: &Movie, number: u32, series: &super::OpenSeries) -> ViewState {
    let mut view = first.clone();
    view.size = movie.size;
    let part = f64::from(number) / f64::from(movie.pictures.max(1));
    match movie.motion {
        Motion::Rotation => view.camera.azimuth(360.0 * part),
        Motion::Sweep if view.content == Content::Slice => {
            let (_, count) = view.plane.slice_number(series.outline());
            let last = f64::from(movie.pictures.saturating_sub(1).max(1));
            let slice = (f64::from(number) / last * (count - 1) as f64).round() as i64;
            view.plane.scroll(-count, series.outline());
            view.plane.scroll(slice, series.outline());
        }
        Motion::Sweep | Motion::Times => {}
    }
    view
}

/// The program at work; it ends with this.
struct Ffmpeg {
    child: Child,
}

impl Ffmpeg {
    fn start(movie: &Movie, to: &Path) -> Result<Self, ExportError> {
        let (encoder, options) = encoder()?;
        let [width, height] = movie.size;
        let child = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
            .args(["-f", "rawvideo", "-pix_fmt", "rgba", "-s", &format!("{width}x{height}")])
            .args(["-r", &movie.per_second.to_string(), "-i", "pipe:0", "-an"])
            // Players take nothing else for granted.
            .args(["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"])
            .args(["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"])
            .args(["-color_range", "tv", "-c:v", encoder])
            .args(options)
            .args(["-movflags", "+faststart", "-f", "mp4"])
            .arg(to)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ExportError::NoFfmpeg)?;
        Ok(Self { child })
    }

    fn put(&mut self, pixels: &[u8]) -> Result<(), ExportError> {
        let Some(pipe) = &mut self.child.stdin else { return Err(ExportError::Ffmpeg(String::new())) };
        // It says itself why it takes no more.
        pipe.write_all(pixels).map_err(|_| ExportError::Ffmpeg(self.words()))
    }

    fn finish(mut self) -> Result<(), ExportError> {
        drop(self.child.stdin.take());
        let words = self.words();
        if self.child.wait()?.success() { Ok(()) } else { Err(ExportError::Ffmpeg(words)) }
    }

    /// What it said on its error output, until it ends.
    fn words(&mut self) -> String {
        drop(self.child.stdin.take());
        let mut words = String::new();
        if let Some(errors) = self.child.stderr.take() {
            // Words that are no text are none worth showing.
            let _ = errors.take(MOST_WORDS).read_to_string(&mut words);
        }
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        // It may have ended already; there is nothing left to stop then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn encoder() -> Result<(&'static str, &'static [&'static str]), ExportError> {
    let listed = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).stdin(Stdio::null()).output();
    let listed = listed.map_err(ExportError::NoFfmpeg)?;
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let has = |name: &str| names.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
    ENCODERS.into_iter().find(|(name, _)| has(name)).ok_or(ExportError::NoEncoder)
}

/// The file while it is made; removed when dropped, where it is still there.
struct Part(PathBuf);

impl Part {
    fn beside(file: &Path) -> Self {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self(file.with_file_name(format!(".{name}.{}.part", std::process::id())))
    }

    /// An empty file that nobody else on this machine may read, where the system knows such a thing (Unix): ffmpeg
    /// writes into what is there.
    fn create(&self) -> std::io::Result<()> {
        let mut options = std::fs::File::options();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.write(true).create(true).truncate(true).open(&self.0).map(drop)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
