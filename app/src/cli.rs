//! The command line: every flag with its help, default and environment variable in one place.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use glam::DVec3;

use crate::cinematic::Cinematic;
use crate::look::{Look, Overlays, step};

/// DICOM volume viewer and streaming server.
///
/// Without a subcommand it opens the given studies: in a window where there is a display, else as
/// a server for browsers. `voxcast demo` shows a study made by formula. Not for diagnostic use.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub view: View,

    /// Folder with volume presets of your own, one TOML file each; else the `presets` folder in the user's
    /// configuration of Voxcast
    #[arg(long, env = "VOXCAST_PRESETS", value_name = "DIR", global = true, display_order = 900)]
    pub presets: Option<PathBuf>,

    /// What to log, as for example `info` or `server_mode=debug`
    #[arg(
        long,
        env = "VOXCAST_LOG",
        value_name = "LEVEL",
        default_value = DEFAULT_LOG,
        value_parser = log_filter,
        global = true,
        display_order = 901
    )]
    pub log: String,
}

/// Options of the viewer and the server.
#[derive(Clone, Debug, Args)]
pub struct View {
    /// DICOM files, folders or DICOMDIRs to open
    #[arg(value_name = "STUDY")]
    pub studies: Vec<PathBuf>,

    /// Do not keep headers of opened files, patients' names among them, for a faster next start; what
    /// was kept (index.sqlite in the user's data folder of Voxcast) is deleted
    #[arg(long, env = "VOXCAST_NO_INDEX", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_index: bool,

    /// Serve browsers instead of opening a window
    #[arg(long, conflicts_with = "connect")]
    pub serve: bool,

    /// Show in a window what a server or a colleague's Voxcast draws, by the address that it prints; with "-" the
    /// address is read from standard input. Other users of the machine see arguments, and so the token in it: they
    /// see neither the environment nor standard input
    #[arg(
        long,
        env = "VOXCAST_CONNECT",
        value_name = "URL",
        hide_env_values = true,
        conflicts_with = "studies"
    )]
    pub connect: Option<String>,

    /// Address and port to serve on; other machines reach it only if this is not a loopback address
    #[arg(long, env = "VOXCAST_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:8080",
          value_parser = address)]
    pub listen: SocketAddr,

    /// Port to serve on, in place of the one in --listen
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Let browsers use their WebSocket only
    #[arg(long, env = "VOXCAST_NO_WEBRTC", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_webrtc: bool,

    /// Address and UDP port for WebRTC, of all sessions together; those of --listen otherwise
    #[arg(long, env = "VOXCAST_WEBRTC_LISTEN", value_name = "ADDR:PORT", value_parser = address)]
    pub webrtc_listen: Option<SocketAddr>,

    /// Address by which browsers reach the UDP port of this machine where it is behind a NAT; may be repeated
    #[arg(long, env = "VOXCAST_PUBLIC_ADDRESS", value_name = "IP", value_delimiter = ',')]
    pub public_address: Vec<IpAddr>,

    /// STUN or TURN server that browsers are told of, as for example turn:turn.example.org:3478; may be repeated
    #[arg(long, env = "VOXCAST_ICE_SERVER", value_name = "URL", value_delimiter = ',')]
    pub ice_server: Vec<String>,

    /// File with the secret that the TURN servers share with this one (coturn: static-auth-secret)
    #[arg(long, env = "VOXCAST_TURN_SECRET_FILE", value_name = "FILE")]
    pub turn_secret_file: Option<PathBuf>,

    /// File with the token that lets clients in, of at least 32 letters, digits, - and _; a new one for each start
    /// otherwise. With the same token, windows and pages come back to a server that was started again
    #[arg(long, env = "VOXCAST_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// What clients may have of the voxels of series, to draw them themselves
    #[arg(long, env = "VOXCAST_VOXELS", value_enum, value_name = "POLICY", default_value_t = Voxels::Keep)]
    pub voxels: Voxels,

    /// Clients at a time; however few there are, a new one is told to try again later where those who are there
    /// leave no processor time for it
    #[arg(long, env = "VOXCAST_MAX_SESSIONS", value_name = "N", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_sessions: u32,

    /// Width of the pictures for clients of the plain protocol, in pixels
    #[arg(long, env = "RENDER_WIDTH", value_name = "PX", default_value_t = 1280,
          value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub render_width: u32,

    /// Height of the pictures for clients of the plain protocol, in pixels
    #[arg(long, env = "RENDER_HEIGHT", value_name = "PX", default_value_t = 720,
          value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub render_height: u32,

    /// Renderer to use; auto takes a graphics card that proves itself, else the CPU
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    pub backend: Backend,
}

impl View {
    /// Where to listen, with --port applied.
    pub fn address(&self) -> SocketAddr {
        let mut address = self.listen;
        if let Some(port) = self.port {
            address.set_port(port);
        }
        address
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a study made by formula, in a window or as a server
    Demo {
        #[command(flatten)]
        view: View,
    },
    /// Tell what is in files and folders: series, geometry, warnings
    Info {
        /// DICOM files, folders or DICOMDIRs
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// Describe volumes of a tilted gantry as straightened
        #[arg(long)]
        straighten_tilt: bool,
    },
    /// Render one picture of a volume to a PNG file or a DICOM secondary capture
    Render(Box<Render>),
    /// Cut one slice out of a volume, in patient mm, to a PNG or NumPy file
    Mpr(Mpr),
    /// Measure this machine on a study: median, minimum and maximum per case, or streaming
    #[command(subcommand)]
    Bench(Bench),
    /// Write a DICOM CT study made by formula, with its known answers in truth.json
    Phantom {
        /// Folder to write to; created if missing
        dir: PathBuf,
        /// Seed of the noise
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Write a volume as NIfTI (.nii, .nii.gz), NRRD (.nrrd) or MetaImage (.mha), a surface as STL (.stl), or
    /// labels as a DICOM segmentation (.dcm)
    Export(Export),
    /// Write copies of DICOM files that no longer tell whose they are (PS3.15 Annex E)
    Anonymize(Anonymize),
    /// Decode frames for the process that started this one
    #[command(hide = true)]
    CodecWorker,
    /// Print all that was found out about this machine, and which mode that leads to
    Doctor {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Which volume a command works on.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// DICOM file, folder or DICOMDIR
    pub path: PathBuf,
    /// SeriesInstanceUID or id of `info`, when there are several; the largest series otherwise. For surfaces of
    /// segmentations and structure sets also their file
    #[arg(long, value_name = "UID")]
    pub series: Option<String>,
    /// Shift the slices of a tilted gantry until they stand upright
    #[arg(long)]
    pub straighten_tilt: bool,
}

#[derive(Debug, Args)]
pub struct Render {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub look: Look,
    #[command(flatten)]
    pub overlays: Overlays,
    /// Volume preset, for example CT_Bone; a wrong name lists all. The modality's first otherwise
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Width and height in pixels
    #[arg(long, value_parser = size, default_value = "1024x768", value_name = "WxH")]
    pub size: [u32; 2],
    /// Degrees around the patient: 0 from the front, 90 from the patient's left
    #[arg(long, value_parser = finite, default_value_t = 0.0, allow_hyphen_values = true, value_name = "DEG")]
    pub azimuth: f64,
    /// Degrees upwards
    #[arg(long, value_parser = finite, default_value_t = 0.0, allow_hyphen_values = true, value_name = "DEG")]
    pub elevation: f64,
    /// Magnification; 1 shows the sphere around the volume. Without it the volume fills the picture
    #[arg(long, value_parser = positive, value_name = "FACTOR")]
    pub zoom: Option<f64>,
    /// Window centre and width of slices and projections; the study's own otherwise
    #[arg(long, value_parser = pair, allow_hyphen_values = true, value_name = "C,W")]
    pub window: Option<[f64; 2]>,
    /// Renderer to use; auto takes a graphics card that proves itself, else the CPU
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    pub backend: Backend,
    /// File to write: .png, which replaces what is there, or .dcm for a secondary capture in the study of the
    /// images
    #[arg(long, value_name = "F")]
    pub out: PathBuf,
    /// Replace a DICOM file that is there already
    #[arg(long)]
    pub force: bool,
    // Last, because its heading holds for every flag that follows.
    #[command(flatten)]
    pub cinematic: Cinematic,
}

#[derive(Debug, Args)]
pub struct Mpr {
    #[command(flatten)]
    pub source: Source,
    /// Patient position (LPS, mm) of the centre of the first pixel, top left
    #[arg(long, value_parser = vector, allow_hyphen_values = true, value_name = "X,Y,Z")]
    pub origin: DVec3,
    /// Normal of the slice: image right x image down, 0,0,1 for an axial slice
    #[arg(long, value_parser = vector, allow_hyphen_values = true, default_value = "0,0,1", value_name = "X,Y,Z")]
    pub normal: DVec3,
    /// Patient direction that points up in the image, 0,-1,0 for an axial slice
    #[arg(long, value_parser = vector, allow_hyphen_values = true, default_value = "0,-1,0", value_name = "X,Y,Z")]
    pub up: DVec3,
    /// Distance between pixels in mm; the volume's smallest voxel spacing otherwise
    #[arg(long, value_name = "MM")]
    pub spacing: Option<f64>,
    /// Width and height in pixels
    #[arg(long, value_parser = size, default_value = "512x512", value_name = "WxH")]
    pub size: [u32; 2],
    /// Thickness in mm over which --mode combines values
    #[arg(long, default_value_t = 0.0, value_name = "MM")]
    pub slab: f64,
    /// linear = the plane itself (--slab is then not allowed), else how the slab's values become one
    #[arg(long, value_enum, default_value_t = SlabMode::Linear)]
    pub mode: SlabMode,
    /// Window centre and width for a PNG; the study's own otherwise
    #[arg(long, value_parser = pair, allow_hyphen_values = true, value_name = "C,W")]
    pub window: Option<[f64; 2]>,
    /// Renderer to use; auto takes a graphics card that proves itself, else the CPU
    #[arg(long, value_enum, default_value_t = Backend::Cpu)]
    pub backend: Backend,
    /// File to write: .png (windowed) or .npy (float32 values, rows x columns, NaN outside the volume)
    #[arg(long, value_name = "F")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    pub source: Source,
    /// File to write; its ending tells the format
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Replace the file if it is there already
    #[arg(long)]
    pub force: bool,
    /// One time of a series of several, counted from 1; all otherwise, as a volume of four dimensions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub time: Option<u32>,
    /// For STL: the value the surface lies at, in the volume's unit. Without it the path's segmentation or
    /// structure set is written
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, conflicts_with = "region")]
    pub iso: Option<f32>,
    /// For STL: one segment or region by name or number; all as one otherwise
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// For DICOM: volume file with a number for each voxel, 0 for background; it must lie where the series lies
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Anonymize {
    /// DICOM file, folder or DICOMDIR
    #[arg(value_name = "IN")]
    pub path: PathBuf,
    /// Folder to write to, new or empty: STUDY/SERIES/INSTANCE.dcm
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
    /// What to keep of what the basic profile removes
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT,…")]
    pub keep: Vec<Keep>,
    /// What becomes of dates: shift moves all dates of a patient by the same number of days
    #[arg(long, value_enum, default_value_t = Dates::Remove)]
    pub dates: Dates,
    /// Patient's name and ID in the copies; made from the secret otherwise
    #[arg(long, value_name = "TEXT")]
    pub pseudonym: Option<String>,
    /// File with a secret: runs with the same one give the same UIDs, pseudonyms and shifts. Whoever has it
    /// can tell which copy came from which file. A new one for each run otherwise
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Voxels {
    /// Pictures only: the voxels of no series leave this machine
    None,
    /// Voxels, of which nothing is written to a client's disk
    Memory,
    /// Voxels that may be kept encrypted on a client's disk
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// UIDs of studies, series and images
    Uids,
    /// Age, sex, size, weight and the like
    PatientCharacteristics,
    /// Which device made the images
    Device,
    /// Which institution
    Institution,
    /// Descriptions and comments, without identifying words and long numbers
    Descriptors,
    /// Private attributes that the standard lists as harmless
    SafePrivate,
    /// Content of reports and key objects, text in it without identifying words and long numbers
    StructuredContent,
    /// Drawings and texts of presentation states, without identifying words and long numbers
    Graphics,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dates {
    Remove,
    Keep,
    Shift,
}

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// A turning volume: presets, projections, a surface
    Render(BenchArgs),
    /// Slices and slabs
    Mpr(BenchArgs),
    /// Files of the path: `load` (found and all series loaded), `first` (from the call to the first image of
    /// the longest series), `scan` (found, without the index)
    Load(BenchArgs),
    /// Pictures into JPEG
    Encode(BenchArgs),
    /// What a volume takes in memory: loaded, once every mode showed it, and after --frames more (Linux)
    Memory(BenchArgs),
    /// A server and clients that decode what it sends, through an emulated network
    Stream(Box<BenchStream>),
    /// The window on this display, with a hand that reads: how soon a study is there, pictures a second, and how
    /// long the window's own code takes for a frame
    Window(BenchWindow),
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(flatten)]
    pub source: Source,
    /// Width and height in pixels, several for `render`; 1920x1080 for pictures, 512x512 for slices by
    /// default
    #[arg(long, value_parser = size, value_delimiter = ',', value_name = "WxH")]
    pub size: Vec<[u32; 2]>,
    /// Frames measured per case, after 3 that warm up; of `load` rounds, after one
    #[arg(long, default_value_t = 36, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub frames: u32,
    /// Degrees the camera turns between frames
    #[arg(long, value_parser = finite, default_value_t = 5.0, allow_hyphen_values = true, value_name = "DEG")]
    pub azimuth_step: f64,
    /// Magnification of the volume; 1 shows the sphere around it
    #[arg(long, value_parser = positive, default_value_t = render_core::scene::camera::DEFAULT_ZOOM,
          value_name = "FACTOR")]
    pub zoom: f64,
    /// Distance of samples in voxels of the smallest spacing, for `render`. What moves is drawn as the window
    /// draws it
    #[arg(long, value_parser = step, default_value_t = 1.0, value_name = "VOXELS")]
    pub step: f64,
    /// Cases by name, for example CT_Bone,MIP; all otherwise
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub cases: Vec<String>,
    /// Renderer to use; auto takes a graphics card that proves itself, else the CPU
    #[arg(long, value_enum, default_value_t = Backend::Cpu)]
    pub backend: Backend,
    /// Threads of the CPU renderer; all cores otherwise
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Interpolate in full precision, where the graphics card would do it faster by itself
    #[arg(long)]
    pub exact: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// What `voxcast bench stream --json` prints.
const STREAM_KEYS: &str = "\
Keys of the JSON object that each case prints:
  latency_ms {p50, p95, p99, max}  of each picture shown while the hand moves, from the newest input that it
                                   shows until it is decoded; ms {median, min, max} is the same
  input_ms {p50, p95, p99, max}    of each input, until a picture shows it or a newer one
  fps, fps_slowest                 pictures a second while the hand moves, of all clients and of the slowest
  longest_freeze_ms                the longest time without a new picture
  kbit_per_s                       what arrived while it moved
  final_ms, lossless_ms            from letting go to the picture in full, and to the exact one
  exact                            whether the last picture equals the view drawn in full, bit by bit
  psnr_db, psnr_y_db, ssim {mean, min}
                                   of one in ten pictures of the first client, while the hand moves, against
                                   the same view drawn in full: all colours, and brightness twice
  encoded_psnr_db, encoded_psnr_y_db
                                   of the same, against the view drawn as coarsely as the server drew it
  render_ms, encode_ms, decode_ms, rest_ms
                                   medians of what latencies consist of; rest_ms is network and waiting
  frame_bytes {median, max}, shown_size
                                   sizes of pictures, in bytes and pixels
  cpu {server_s_per_session, cores, overhead_share}
                                   the server's processor time while the hand moves, and the share of it that
                                   is neither drawing nor encoding; Linux, not with --url
  still_bytes_per_s                in the case still, in place of all these";

#[derive(Debug, Args)]
#[command(after_long_help = STREAM_KEYS)]
pub struct BenchStream {
    /// DICOM file, folder or DICOMDIR that a server in this process serves; with --url what that server
    /// shows, to compare with
    #[arg(required_unless_present = "url")]
    pub path: Option<PathBuf>,
    /// A server that runs already, by the address that it prints
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// SeriesInstanceUID or id of `info`, when there are several; the largest series otherwise
    #[arg(long, value_name = "UID")]
    pub series: Option<String>,
    /// What the hand does, one after the other, with commas between
    #[arg(long, alias = "case", value_enum, value_delimiter = ',', value_name = "NAMES",
          default_values_t = [StreamCase::Rotate, StreamCase::Window, StreamCase::Scroll, StreamCase::Still])]
    pub cases: Vec<StreamCase>,
    /// Clients at a time, each with a hand of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub clients: u16,
    /// Seconds that the hand moves
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    /// Width and height of the view in pixels
    #[arg(long, value_parser = size, default_value = "1280x720", value_name = "WxH")]
    pub size: [u32; 2],
    /// What clients decode, with commas between; JPEG always
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES",
          default_values_t = [StreamCodec::Png, StreamCodec::WebP, StreamCodec::H264])]
    pub codecs: Vec<StreamCodec>,
    /// Which way pictures and inputs take
    #[arg(long, value_enum, default_value_t = StreamTransport::Websocket)]
    pub transport: StreamTransport,
    /// Inputs a second; a wheel turns by a third of it
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub inputs_per_s: u16,
    /// Delay of the network in each direction
    #[arg(long, default_value_t = 0.0, value_parser = milliseconds, value_name = "MS")]
    pub delay_ms: f64,
    /// Up to so much more for each packet
    #[arg(long, default_value_t = 0.0, value_parser = milliseconds, value_name = "MS")]
    pub jitter_ms: f64,
    /// Packets that are lost, in each direction. TCP sends them again, and its window shrinks; WebRTC has no TCP
    #[arg(long, default_value_t = 0.0, value_parser = percent, value_name = "PERCENT")]
    pub loss: f64,
    /// What each direction carries; without limit otherwise. Several, with commas between, share the time that the hand moves
    #[arg(long, value_parser = positive, value_delimiter = ',', value_name = "MBIT")]
    pub mbit_per_s: Vec<f64>,
    /// How long packets wait where the network is narrow; what would wait longer is lost
    #[arg(long, default_value_t = 200.0, value_parser = milliseconds, value_name = "MS")]
    pub queue_ms: f64,
    /// Of the network's chance
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Renderer to use; auto takes a graphics card that proves itself, else the CPU
    #[arg(long, value_enum, default_value_t = Backend::Cpu)]
    pub backend: Backend,
    /// File to write, one line for each picture: CSV with case, client, time_s, latency_ms, bytes,
    /// bits_per_second (of the last second), width, height, quality, codec
    #[arg(long, value_name = "FILE.csv")]
    pub trace: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct BenchWindow {
    /// DICOM file, folder or DICOMDIR
    pub path: PathBuf,
    /// What the hand does, one after the other, with commas between
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES",
          default_values_t = [WindowCase::Scroll, WindowCase::Keys, WindowCase::Window, WindowCase::Turn,
                              WindowCase::Drawn, WindowCase::Grow, WindowCase::Marked])]
    pub cases: Vec<WindowCase>,
    /// Renderer to use; auto takes a graphics card that proves itself, else the CPU
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    pub backend: Backend,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WindowCase {
    /// All slices by the wheel, 120 a second
    Scroll,
    /// The same by a key
    Keys,
    /// The slices' window, by a drag
    Window,
    /// The volume, by a drag
    Turn,
    /// As scroll, with 300 lengths and their table
    Drawn,
    /// A segment grows from the middle, is taken back, comes again, is removed and comes again
    Grow,
    /// As scroll, with that segment
    Marked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StreamCase {
    /// Turning a volume
    Rotate,
    /// Moving an axial slice's window
    Window,
    /// Paging through axial slices by wheel
    Scroll,
    /// Nothing, with a volume in view
    Still,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StreamTransport {
    Websocket,
    /// What moves by a track of RTP, the rest by data channels
    Webrtc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StreamCodec {
    Jpeg,
    /// Lossless pictures at rest
    Png,
    /// The same, smaller, on slow ways
    #[value(name = "webp")]
    WebP,
    /// Video while something moves
    H264,
    /// The same, where the server prefers it or there is no other
    Hevc,
    /// The same
    Av1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SlabMode {
    Linear,
    Mip,
    Minip,
    Mean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    Auto,
    Reference,
    Cpu,
    Gpu,
}

/// The environment variable that a value which was refused came from.
pub fn environment_of(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    };
    let (refused, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
    let mut command = Cli::command();
    command.build();
    let argument = command.get_arguments().find(|argument| argument.to_string() == *refused)?;
    let variable = argument.get_env()?;
    let flag = format!("--{}", argument.get_long()?);
    let is_typed = |typed: String| typed == flag || typed.starts_with(&format!("{flag}="));
    let stated = std::env::var(variable).is_ok_and(|stated| stated == *value);
    (stated && !std::env::args().any(is_typed)).then(|| variable.to_string_lossy().into_owned())
}

/// The command line asks for what is not possible.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(String);

/// An error that ends the program with exit code 2.
pub fn usage(text: impl Into<String>) -> anyhow::Error {
    Usage(text.into()).into()
}

const DEFAULT_LOG: &str = "warn";

/// Modules of others that tell passwords of WebRTC at `debug`: they do so only where they are named.
const QUIET: &str = "is=info,str0m=info,";

/// A filter of logs. A word that is no level would be taken for a module's name, and log nothing of the others.
fn log_filter(text: &str) -> Result<String, String> {
    if text.is_empty() {
        // How containers unset a variable.
        return Ok(DEFAULT_LOG.into());
    }
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.contains(&word.to_ascii_lowercase().as_str());
    let fits = |part: &str| match part.rsplit_once('=') {
        Some((module, level)) => !module.trim().is_empty() && is_level(level.trim()),
        None => is_level(part.trim()),
    };
    if text.split(',').all(fits) && tracing_subscriber::EnvFilter::try_new(text).is_ok() {
        let talks = |part: &str| ["debug", "trace"].contains(&part.trim().to_ascii_lowercase().as_str());
        let quiet = if text.split(',').any(talks) { QUIET } else { "" };
        // What is named later counts.
        return Ok(format!("{quiet}{text}"));
    }
    Err(format!("write {}, or such for a module, as in warn,server_mode=debug", LEVELS.join(", ")))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = "write a numeric address and a port, for example 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080";
    text.trim().parse().map_err(|_| wrong.into())
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let parts: Option<Vec<u32>> = text.split(['x', 'X']).map(|n| n.trim().parse().ok()).collect();
    match parts.as_deref() {
        Some(&[w, h]) if (1..=8192).contains(&w) && (1..=8192).contains(&h) => Ok([w, h]),
        _ => Err("write it as WIDTHxHEIGHT, each 1 to 8192, for example 1920x1080".into()),
    }
}

/// A number of a size that means something.
pub fn finite(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim().parse().ok();
    number.filter(|n| n.abs() <= 1e9).ok_or_else(|| "write a number from -1e9 to 1e9".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = finite(text).ok().filter(|n| (0.5..=3600.0).contains(n));
    number.ok_or_else(|| "write a number from 0.5 to 3600".into())
}

fn milliseconds(text: &str) -> Result<f64, String> {
    let number = finite(text).ok().filter(|n| (0.0..=10_000.0).contains(n));
    number.ok_or_else(|| "write a number from 0 to 10000".into())
}

fn percent(text: &str) -> Result<f64, String> {
    let number = finite(text).ok().filter(|n| (0.0..=90.0).contains(n));
    number.ok_or_else(|| "write a number from 0 to 90".into())
}

pub fn positive(text: &str) -> Result<f64, String> {
    finite(text)
        .ok()
        .filter(|n| *n >= 0.01 && *n <= 1000.0)
        .ok_or_else(|| "write a number from 0.01 to 1000".into())
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let parts: Vec<f64> = text.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?;
    let parts: [f64; N] = parts.try_into().ok()?;
    parts.iter().all(|n| n.is_finite()).then_some(parts)
}

fn vector(text: &str) -> Result<DVec3, String> {
    numbers::<3>(text)
        .map(DVec3::from)
        .ok_or_else(|| "write three numbers as x,y,z, for example 0,0,1".into())
}

fn pair(text: &str) -> Result<[f64; 2], String> {
    numbers::<2>(text)
        .filter(|[_, width]| *width >= 1.0)
        .ok_or_else(|| "write centre,width with a width of at least 1, for example 40,400".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_and_vectors_are_read_or_refused() {
        assert_eq!(size("1920x1080"), Ok([1920, 1080]));
        assert!(size("0x5").is_err() && size("1920").is_err() && size("9000x10").is_err());
        assert_eq!(vector("-1,2.5,3e1"), Ok(DVec3::new(-1.0, 2.5, 30.0)));
        assert!(vector("1,2").is_err() && vector("1,2,nan").is_err());
        assert!(pair("40,0").is_err());
        assert_eq!(finite("-12.5"), Ok(-12.5));
        assert!(finite("nan").is_err() && finite("inf").is_err() && positive("-1").is_err());
    }

    #[test]
    fn logs_have_levels_that_exist() {
        for right in ["warn", "INFO", "server_mode=debug", "warn,server_mode=trace,voxcast=off"] {
            assert_eq!(log_filter(right).as_deref(), Ok(right));
        }
        assert_eq!(log_filter("").as_deref(), Ok(DEFAULT_LOG));
        assert_eq!(log_filter("debug"), Ok(format!("{QUIET}debug")));
        assert_eq!(log_filter("debug,is=trace"), Ok(format!("{QUIET}debug,is=trace")));
        for wrong in ["loud", "warn,", "server_mode", "server_mode=loud", "=warn"] {
            assert!(log_filter(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_numbers() {
        assert!(address("0.0.0.0:80").is_ok() && address("[::1]:8080").is_ok());
        for wrong in ["localhost:8080", "8080", ":8080", "127.0.0.1"] {
            assert!(address(wrong).is_err_and(|told| told.contains("127.0.0.1:8080")), "{wrong}");
        }
    }

    #[test]
    fn port_replaces_the_port_of_listen() {
        let cli = Cli::try_parse_from(["voxcast", "--serve", "--port", "9000"]).unwrap();
        assert_eq!(cli.view.address().port(), 9000);
        assert!(cli.view.address().ip().is_loopback());
    }
}
