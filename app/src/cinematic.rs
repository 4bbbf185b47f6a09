//! The flags of cinematic pictures.

use clap::{Args, ValueEnum};
use render_core::cinematic::{Environment, Finish, Settings};

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of --mode cinematic")]
pub struct Cinematic {
    /// Paths of light per pixel: noise falls with the square root
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=65_536), default_value_t = 64, value_name = "N")]
    pub samples: u32,
    /// Diameter of the lens; 0 shows everything sharp
    #[arg(long, value_parser = crate::cli::finite, default_value_t = 0.0, value_name = "MM")]
    aperture: f64,
    /// Distance from the camera to what is sharp; what the middle of the picture shows otherwise
    #[arg(long, value_parser = crate::cli::finite, value_name = "MM")]
    focus: Option<f64>,
    /// Light: studio, sky, theatre or uniform; lights of --light add to it
    #[arg(long, value_parser = environment, default_value = "studio", value_name = "NAME")]
    environment: Environment,
    /// Brightness in stops; 1 doubles the light
    #[arg(long, value_parser = crate::cli::finite, default_value_t = 0.0, allow_hyphen_values = true,
          value_name = "STOPS")]
    exposure: f64,
    /// Factor on the density of matter: more makes surfaces harder
    #[arg(long, value_parser = crate::cli::positive, default_value_t = f64::from(Settings::default().density),
          value_name = "FACTOR")]
    density: f64,
    /// Filter away the noise that is left
    #[arg(long, value_enum, default_value_t = Denoise::On)]
    denoise: Denoise,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Denoise {
    On,
    Off,
}

impl Cinematic {
    pub fn settings(&self) -> Settings {
        Settings {
            environment: self.environment,
            exposure: self.exposure as f32,
            aperture_mm: self.aperture as f32,
            focus_mm: self.focus.map(|mm| mm as f32),
            density: self.density as f32,
            ..Settings::default()
        }
    }

    pub fn finish(&self) -> Finish {
        match self.denoise {
            Denoise::On => Finish::Denoised,
            Denoise::Off => Finish::Raw,
        }
    }
}

fn environment(name: &str) -> Result<Environment, String> {
    let known = Environment::ALL.into_iter().find(|environment| environment.name() == name);
    known.ok_or_else(|| format!("there are {}", Environment::ALL.map(Environment::name).join(", ")))
}
