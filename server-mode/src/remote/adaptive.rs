//! Who draws a study that a server has, too: this machine or the server. Sans-IO: it is told the time and what was
//! measured, and asked who draws and why. What is shown is the window's own state either way, so a change of who draws
//! it changes nothing else.

use std::time::Duration;

/// Fewer pictures a second than this are too few, where more were asked for.
const TOO_FEW: f64 = 30.0;
/// Who makes so much of what is asked for keeps up: a slow hand needs fewer pictures.
const KEEPS_UP: f64 = 0.8;
/// For so long, of the time that something moves.
const TOO_LONG: Duration = Duration::from_secs(5);
/// A machine that would draw so many for so long may draw again.
const ENOUGH: f64 = 40.0;
const LONG_ENOUGH: Duration = Duration::from_secs(10);
/// So long nothing changes after a change: the first time, and at most. It doubles with each.
const FIRST_COOL_DOWN: Duration = Duration::from_secs(10);
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(320);
/// Two measurements farther apart than this have a rest between them, which counts for nothing.
const REST: Duration = Duration::from_secs(2);
/// What the voxels take in memory, with what drawing them needs.
const ROOM: f64 = 1.5;
/// For so long it counts how many pictures somebody was last seen to make: ways and machines change.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Ways worse than this carry no moving pictures worth having.
const SLOWEST_BITS_PER_SECOND: f64 = 1e6;
const LONGEST_RTT: Duration = Duration::from_millis(250);
/// Pictures that come later than this after a hand are felt to lag (Nielsen, Usability Engineering, 1993, 5.5).
const LAGS: Duration = Duration::from_millis(100);

/// Who draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Local,
    Remote,
}

/// What the user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    Local,
    Remote,
    #[default]
    Adaptive,
}

/// Whether the voxels can be had here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voxels {
    Here,
    /// They are on their way; coarse ones are here, with which to draw where nobody else can or is wanted to.
    Coarse,
    /// They are on their way.
    Coming,
    /// The server keeps them.
    Forbidden,
    /// They may be had.
    There,
}

/// What is known of the machine, the study and the way to the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub voxels: Voxels,
    pub volume_bytes: u64,
    /// `None` where the system does not tell.
    pub available_bytes: Option<u64>,
    /// What draws here, for people: a card's name, or the processor.
    pub renderer: String,
    /// Of the real volume.
    pub milliseconds_per_picture: Option<f64>,
    /// The same of coarse voxels.
    pub milliseconds_per_coarse_picture: Option<f64>,
    /// Whether a server is connected.
    pub is_connected: bool,
    pub rtt: Option<Duration>,
    /// What the way carries, where that was measured.
    pub bits_per_second: Option<f64>,
}

/// Why somebody draws or does not. Its text is a sentence in English.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    Chosen,
    /// What was chosen cannot be.
    NotPossible,
    /// So many pictures a second for some seconds were too few.
    Slow {
        who: Source,
        pictures_per_second: f64,
    },
    /// This machine would have made so many, for some seconds.
    WouldBeFast(f64),
    NoConnection,
    VoxelsForbidden,
    VoxelsComing,
    VoxelsThere,
    /// Coarse voxels are drawn here while a hand moves.
    HelpsOut,
    /// Megabytes that the volume needs, and that there are.
    NoRoom {
        needed: f64,
        available: f64,
    },
    /// What a picture of this volume takes here.
    Takes {
        milliseconds: f64,
        renderer: String,
    },
    /// To the server and back.
    RoundTrip(Duration),
}

impl Reason {
    /// For how long a slow one was slow before it was replaced.
    pub const SLOW_SECONDS: u64 = TOO_LONG.as_secs();
    /// For how long this machine would have been fast before it draws again.
    pub const FAST_SECONDS: u64 = LONG_ENOUGH.as_secs();
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chosen => write!(f, "It was chosen so."),
            Self::NotPossible => write!(f, "What was chosen is not possible."),
            Self::Slow { who, pictures_per_second } => {
                let who = match who {
                    Source::Local => "This machine",
                    Source::Remote => "The server",
                };
                write!(
                    f,
                    "{who} made {pictures_per_second:.0} pictures a second for {} s.",
                    Self::SLOW_SECONDS
                )
            }
            Self::WouldBeFast(pictures_per_second) => {
                let seconds = Self::FAST_SECONDS;
                write!(
                    f,
                    "This machine would have made {pictures_per_second:.0} pictures a second for {seconds} s."
                )
            }
            Self::NoConnection => write!(f, "There is no connection to the server."),
            Self::VoxelsForbidden => write!(f, "The server does not hand out the voxels."),
            Self::VoxelsComing => write!(f, "The voxels are on their way."),
            Self::VoxelsThere => write!(f, "The voxels are on the server only."),
            Self::HelpsOut => {
                write!(
                    f,
                    "While a hand moves, coarse voxels are drawn here: the server's pictures come late."
                )
            }
            Self::NoRoom { needed, available } => {
                write!(f, "The volume needs {needed:.0} MB here, and {available:.0} MB are available.")
            }
            Self::Takes { milliseconds, renderer } => {
                write!(f, "A picture of this volume takes {milliseconds:.0} ms here ({renderer}).")
            }
            Self::RoundTrip(time) => {
                write!(f, "The way to the server and back takes {} ms.", time.as_millis())
            }
        }
    }
}

/// Who draws and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub source: Source,
    pub reasons: Vec<Reason>,
}

/// The time of one kind of measurement in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    last: Option<Duration>,
    lasts: Duration,
}

impl Run {
    /// Something was measured that continues the run, or ends it.
    fn measured(&mut self, now: Duration, continues: bool) {
        let passed = self.last.map_or(Duration::ZERO, |last| now.saturating_sub(last));
        self.last = Some(now);
        if !continues {
            self.lasts = Duration::ZERO;
        } else if passed <= REST {
            self.lasts += passed;
        }
    }

    fn end(&mut self) {
        *self = Self::default();
    }
}

/// Decides, and changes its mind seldom.
#[derive(Clone, Debug)]
pub struct Adaptive {
    choice: Choice,
    facts: Facts,
    source: Source,
    /// Pictures were too few.
    slow: Run,
    /// This machine would draw enough.
    fast: Run,
    /// Pictures a second that each was last seen to make, and when.
    seen: [Option<(Duration, f64)>; 2],
    changed_at: Option<Duration>,
    cool_down: Duration,
    /// Why it last changed.
    because: Option<Reason>,
    /// Whether the server made too few pictures when something last moved.
    is_behind: bool,
}

impl Adaptive {
    pub fn new(choice: Choice, facts: Facts) -> Self {
        let mut this = Self {
            choice,
            facts,
            source: Source::Local,
            slow: Run::default(),
            fast: Run::default(),
            seen: [None; 2],
            changed_at: None,
            cool_down: FIRST_COOL_DOWN,
            because: None,
            is_behind: false,
        };
        this.source = this.possible(match choice {
            Choice::Remote => Source::Remote,
            Choice::Local | Choice::Adaptive => Source::Local,
        });
        this
    }

    pub fn source(&self) -> Source {
        self.source
    }

    pub fn choice(&self) -> Choice {
        self.choice
    }

    pub fn choose(&mut self, choice: Choice) {
        self.choice = choice;
        (self.slow, self.fast, self.because) = (Run::default(), Run::default(), None);
        self.source = self.possible(match choice {
            Choice::Local => Source::Local,
            Choice::Remote => Source::Remote,
            Choice::Adaptive => self.source,
        });
    }

    /// Something of the machine, the study or the way is known better. Who cannot draw any more is replaced at once;
    /// who can draw first, too, where the user wants that.
    pub fn learn(&mut self, facts: Facts) {
        let could = self.can(Source::Local);
        self.facts = facts;
        let wanted = match self.choice {
            Choice::Local => Source::Local,
            Choice::Remote => Source::Remote,
            // The voxels have come: adaptive begins here, unless it has been too slow before.
            Choice::Adaptive if !could && self.changed_at.is_none() => Source::Local,
            Choice::Adaptive => self.source,
        };
        self.source = self.possible(wanted);
    }

    /// While something moves, once a second or so: how many pictures a second were asked for, and how many came from
    /// who draws.
    pub fn moved(&mut self, now: Duration, asked_per_second: f64, pictures_per_second: f64) {
        self.seen[self.source as usize] = Some((now, pictures_per_second));
        let too_few = pictures_per_second < TOO_FEW.min(asked_per_second * KEEPS_UP);
        self.slow.measured(now, too_few);
        if self.source == Source::Remote {
            self.is_behind = too_few;
        }
        if self.choice != Choice::Adaptive || self.slow.lasts < TOO_LONG || !self.has_cooled(now) {
            return;
        }
        let (to, other) = match self.source {
            Source::Local => (Source::Remote, self.expected_remotely(now)),
            Source::Remote => (Source::Local, self.expected_here(now)),
        };
        if self.can(to) && other.is_none_or(|other| other > pictures_per_second) {
            self.change(now, to, Reason::Slow { who: self.source, pictures_per_second });
        }
    }

    /// While the server draws: how fast this machine would have been with a picture, now and then.
    pub fn tried_here(&mut self, now: Duration, milliseconds_per_picture: f64) {
        let pictures_per_second = 1000.0 / milliseconds_per_picture.max(0.1);
        self.facts.milliseconds_per_picture = Some(milliseconds_per_picture);
        self.fast.measured(now, pictures_per_second > ENOUGH);
        let may = self.choice == Choice::Adaptive && self.source == Source::Remote && self.can(Source::Local);
        if may && self.fast.lasts >= LONG_ENOUGH && self.has_cooled(now) {
            self.change(now, Source::Local, Reason::WouldBeFast(pictures_per_second));
        }
    }

    /// Whether this machine draws the coarse voxels that it has while a hand moves, in place of pictures of the server
    /// that come late. At rest the server's are shown.
    pub fn helps_out(&self) -> bool {
        let Facts { voxels, is_connected, milliseconds_per_coarse_picture, rtt, .. } = &self.facts;
        let takes_s = milliseconds_per_coarse_picture.map_or(f64::INFINITY, |ms| ms / 1e3);
        let is_nearer = rtt.is_some_and(|rtt| rtt > LAGS && takes_s < rtt.as_secs_f64());
        self.choice == Choice::Adaptive
            && self.source == Source::Remote
            && *is_connected
            && *voxels == Voxels::Coarse
            && (is_nearer || self.is_behind && takes_s * TOO_FEW < 1.0)
    }

    /// Who draws, and why.
    pub fn verdict(&self) -> Verdict {
        let mut reasons = Vec::new();
        let wanted = match self.choice {
            Choice::Local => Some(Source::Local),
            Choice::Remote => Some(Source::Remote),
            Choice::Adaptive => None,
        };
        match (wanted, self.source) {
            (Some(wanted), source) if wanted == source => reasons.push(Reason::Chosen),
            (Some(_), _) => reasons.push(Reason::NotPossible),
            (None, _) => reasons.extend(self.because.clone()),
        }
        reasons.extend(self.helps_out().then_some(Reason::HelpsOut));
        reasons.extend(self.obstacle(Source::Local));
        reasons.extend(self.obstacle(Source::Remote));
        if let Some(milliseconds) = self.facts.milliseconds_per_picture {
            let renderer = self.facts.renderer.clone();
            reasons.push(Reason::Takes { milliseconds, renderer });
        }
        if let Some(rtt) = self.facts.rtt.filter(|_| self.facts.is_connected) {
            reasons.push(Reason::RoundTrip(rtt));
        }
        Verdict { source: self.source, reasons }
    }

    fn change(&mut self, now: Duration, to: Source, because: Reason) {
        if self.changed_at.is_some() {
            self.cool_down = (self.cool_down * 2).min(LONGEST_COOL_DOWN);
        }
        (self.source, self.changed_at, self.because) = (to, Some(now), Some(because));
        self.slow.end();
        self.fast.end();
    }

    fn has_cooled(&self, now: Duration) -> bool {
        self.changed_at.is_none_or(|at| now.saturating_sub(at) >= self.cool_down)
    }

    /// The one that is wanted, or the other where that one cannot draw.
    fn possible(&self, wanted: Source) -> Source {
        let other = match wanted {
            Source::Local => Source::Remote,
            Source::Remote => Source::Local,
        };
        if !self.can(wanted) && self.can(other) { other } else { wanted }
    }

    fn can(&self, source: Source) -> bool {
        self.obstacle(source).is_none()
    }

    fn obstacle(&self, source: Source) -> Option<Reason> {
        let facts = &self.facts;
        if source == Source::Remote {
            return (!facts.is_connected).then_some(Reason::NoConnection);
        }
        match facts.voxels {
            Voxels::Here => return None,
            Voxels::Forbidden => return Some(Reason::VoxelsForbidden),
            Voxels::Coarse if self.choice == Choice::Local || !facts.is_connected => return None,
            Voxels::Coarse | Voxels::Coming => return Some(Reason::VoxelsComing),
            Voxels::There => {}
        }
        Some(lacks_room(facts.volume_bytes, facts.available_bytes).unwrap_or(Reason::VoxelsThere))
    }

    fn expected_here(&self, now: Duration) -> Option<f64> {
        let drawn = self.facts.milliseconds_per_picture.map(|ms| 1000.0 / ms.max(0.1));
        drawn.or_else(|| self.remembered(Source::Local, now))
    }

    /// What the way may carry, unless it was seen.
    fn expected_remotely(&self, now: Duration) -> Option<f64> {
        let narrow = self.facts.bits_per_second.is_some_and(|bits| bits < SLOWEST_BITS_PER_SECOND);
        let long = self.facts.rtt.is_some_and(|rtt| rtt > LONGEST_RTT);
        if narrow || long { Some(0.0) } else { self.remembered(Source::Remote, now) }
    }

    /// What somebody was seen to make not long ago.
    fn remembered(&self, source: Source, now: Duration) -> Option<f64> {
        let (at, pictures_per_second) = self.seen[source as usize]?;
        (now.saturating_sub(at) < REMEMBERED).then_some(pictures_per_second)
    }
}

/// Why a volume of so many bytes has no room here; `None` where it has.
pub fn lacks_room(volume_bytes: u64, available_bytes: Option<u64>) -> Option<Reason> {
    let needed = volume_bytes as f64 * ROOM / 1e6;
    let available =
        available_bytes.map(|bytes| bytes as f64 / 1e6).filter(|available| *available < needed)?;
    Some(Reason::NoRoom { needed, available })
}

/// Between two sources of pictures: the old one's are shown until one of the new one's is no step back, so nothing
/// flashes.
#[derive(Clone, Copy, Debug)]
pub struct Handover {
    from: Source,
    to: Source,
}

impl Handover {
    /// Nothing changes yet.
    pub fn at(source: Source) -> Self {
        Self { from: source, to: source }
    }

    /// Whose pictures are shown.
    pub fn from(&self) -> Source {
        self.from
    }

    /// Whose are wanted.
    pub fn to(&self) -> Source {
        self.to
    }

    pub fn turn_to(&mut self, to: Source) {
        self.to = to;
    }

    /// Whether a picture is shown; `is_no_step_back` tells whether it is of a view at least as new as the one on
    /// screen, and, of the same view, at least as good. After the first one of the new source only that one's are.
    pub fn shows(&mut self, of: Source, is_no_step_back: bool) -> bool {
        if of == self.to && is_no_step_back {
            self.from = self.to;
        }
        of == self.from
    }

    pub fn is_done(&self) -> bool {
        self.from == self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            voxels: Voxels::Here,
            volume_bytes: 144 << 20,
            available_bytes: Some(4 << 30),
            renderer: "cpu".into(),
            milliseconds_per_picture: Some(12.0),
            milliseconds_per_coarse_picture: Some(9.0),
            is_connected: true,
            rtt: Some(Duration::from_millis(20)),
            bits_per_second: Some(20e6),
        }
    }

    /// Moves for so many seconds, ten measurements a second.
    fn moves(adaptive: &mut Adaptive, now: &mut Duration, seconds: f64, pictures_per_second: f64) {
        for _ in 0..(seconds * 10.0).round() as u32 {
            *now += Duration::from_millis(100);
            adaptive.moved(*now, 60.0, pictures_per_second);
        }
    }

    fn tries(adaptive: &mut Adaptive, now: &mut Duration, seconds: u32, milliseconds: f64) {
        for _ in 0..seconds {
            *now += Duration::from_secs(1);
            adaptive.tried_here(*now, milliseconds);
        }
    }

    #[test]
    fn it_begins_here_goes_when_slow_for_five_seconds_and_returns_when_fast_for_ten() {
        let (mut adaptive, mut now) = (Adaptive::new(Choice::Adaptive, facts()), Duration::ZERO);
        assert_eq!(adaptive.source(), Source::Local);
        moves(&mut adaptive, &mut now, 20.0, 55.0);
        moves(&mut adaptive, &mut now, 4.0, 12.0);
        moves(&mut adaptive, &mut now, 0.1, 31.0);
        moves(&mut adaptive, &mut now, 4.9, 12.0);
        assert_eq!(adaptive.source(), Source::Local, "not yet");
        moves(&mut adaptive, &mut now, 0.1, 12.0);
        assert_eq!(adaptive.source(), Source::Remote);
        assert!(adaptive.verdict().reasons[0].to_string().contains("12 pictures a second for 5 s"));

        tries(&mut adaptive, &mut now, 30, 30.0);
        assert_eq!(adaptive.source(), Source::Remote, "33 a second are no reason");
        tries(&mut adaptive, &mut now, 10, 20.0);
        tries(&mut adaptive, &mut now, 1, 20.0);
        assert_eq!(adaptive.source(), Source::Local);
    }

    #[test]
    fn time_at_rest_counts_for_nothing() {
        let (mut adaptive, mut now) = (Adaptive::new(Choice::Adaptive, facts()), Duration::ZERO);
        for _ in 0..4 {
            moves(&mut adaptive, &mut now, 1.0, 10.0);
            now += Duration::from_secs(60);
        }
        assert_eq!(adaptive.source(), Source::Local, "four seconds of movement in four minutes");
        moves(&mut adaptive, &mut now, 2.0, 10.0);
        assert_eq!(adaptive.source(), Source::Remote);
    }

    #[test]
    fn a_narrow_way_is_left_for_a_faster_machine_and_not_taken() {
        let (mut adaptive, mut now) = (Adaptive::new(Choice::Adaptive, facts()), Duration::ZERO);
        moves(&mut adaptive, &mut now, 6.0, 10.0);
        assert_eq!(adaptive.source(), Source::Remote);
        moves(&mut adaptive, &mut now, 9.0, 4.0);
        assert_eq!(adaptive.source(), Source::Remote, "it has to cool down");
        moves(&mut adaptive, &mut now, 2.0, 4.0);
        assert_eq!(adaptive.source(), Source::Local, "4 a second are worse than what this machine can do");

        // Whether the way is wide again is tried after a while.
        moves(&mut adaptive, &mut now, 45.0, 5.0);
        assert_eq!(adaptive.source(), Source::Local);
        moves(&mut adaptive, &mut now, 20.0, 5.0);
        assert_eq!(adaptive.source(), Source::Remote);

        let narrow = Facts { bits_per_second: Some(2e5), ..facts() };
        let mut adaptive = Adaptive::new(Choice::Adaptive, narrow);
        moves(&mut adaptive, &mut now, 60.0, 10.0);
        assert_eq!(adaptive.source(), Source::Local);
    }

    #[test]
    fn it_changes_ever_more_seldom() {
        let (mut adaptive, mut now) = (Adaptive::new(Choice::Adaptive, facts()), Duration::ZERO);
        let mut changes = 0;
        for _ in 0..600 {
            let before = adaptive.source();
            match before {
                Source::Local => moves(&mut adaptive, &mut now, 1.0, 10.0),
                Source::Remote => {
                    adaptive.moved(now, 60.0, 50.0);
                    tries(&mut adaptive, &mut now, 1, 10.0);
                }
            }
            changes += u32::from(adaptive.source() != before);
        }
        assert!((4..=8).contains(&changes), "{changes} in ten minutes");
    }

    #[test]
    fn a_choice_is_kept_where_it_is_possible_and_explained_where_it_is_not() {
        let (mut adaptive, mut now) = (Adaptive::new(Choice::Local, facts()), Duration::ZERO);
        moves(&mut adaptive, &mut now, 60.0, 2.0);
        assert_eq!(adaptive.source(), Source::Local);
        adaptive.choose(Choice::Remote);
        assert_eq!(adaptive.source(), Source::Remote);
        adaptive.learn(Facts { is_connected: false, ..facts() });
        assert_eq!(adaptive.source(), Source::Local, "somebody has to draw");
        assert!(adaptive.verdict().reasons.iter().any(|reason| reason.to_string().contains("no connection")));
        adaptive.learn(facts());
        assert_eq!(adaptive.source(), Source::Remote, "what was chosen is possible again");
        let forbidden = Facts { voxels: Voxels::Forbidden, ..facts() };
        let adaptive = Adaptive::new(Choice::Local, forbidden);
        assert_eq!(adaptive.source(), Source::Remote);
        assert!(
            adaptive.verdict().reasons.iter().any(|reason| reason.to_string().contains("does not hand out"))
        );
    }

    #[test]
    fn voxels_that_come_are_drawn_here_at_once() {
        let coming = Facts { voxels: Voxels::Coming, ..facts() };
        let mut adaptive = Adaptive::new(Choice::Adaptive, coming);
        assert_eq!(adaptive.source(), Source::Remote);
        adaptive.learn(facts());
        assert_eq!(adaptive.source(), Source::Local);
        let small = Facts { voxels: Voxels::There, available_bytes: Some(100 << 20), ..facts() };
        let verdict = Adaptive::new(Choice::Adaptive, small).verdict();
        assert_eq!(verdict.source, Source::Remote);
        assert!(
            verdict.reasons[0].to_string().contains("needs 226 MB here, and 105 MB"),
            "{:?}",
            verdict.reasons
        );
    }

    #[test]
    fn a_hand_that_asks_for_few_pictures_is_no_reason() {
        let (mut adaptive, mut now) = (Adaptive::new(Choice::Adaptive, facts()), Duration::ZERO);
        for _ in 0..60 {
            now += Duration::from_secs(1);
            adaptive.moved(now, 12.0, 11.0);
        }
        assert_eq!(adaptive.source(), Source::Local);
        for _ in 0..7 {
            now += Duration::from_secs(1);
            adaptive.moved(now, 12.0, 6.0);
        }
        assert_eq!(adaptive.source(), Source::Remote);
    }

    #[test]
    fn coarse_voxels_are_drawn_where_nobody_else_can_or_is_wanted_to() {
        let coarse = Facts { voxels: Voxels::Coarse, ..facts() };
        assert_eq!(Adaptive::new(Choice::Adaptive, coarse.clone()).source(), Source::Remote);
        assert_eq!(Adaptive::new(Choice::Local, coarse.clone()).source(), Source::Local);
        let mut adaptive = Adaptive::new(Choice::Adaptive, coarse.clone());
        adaptive.learn(Facts { is_connected: false, ..coarse.clone() });
        assert_eq!(adaptive.source(), Source::Local);
        adaptive.learn(coarse);
        assert_eq!(adaptive.source(), Source::Remote);
        adaptive.learn(facts());
        assert_eq!(adaptive.source(), Source::Local);
    }

    #[test]
    fn coarse_voxels_help_out_while_the_servers_pictures_come_late() {
        let coarse = Facts { voxels: Voxels::Coarse, ..facts() };
        let (mut adaptive, mut now) = (Adaptive::new(Choice::Adaptive, coarse.clone()), Duration::ZERO);
        moves(&mut adaptive, &mut now, 1.0, 55.0);
        assert!(!adaptive.helps_out(), "the server keeps up");
        moves(&mut adaptive, &mut now, 1.0, 12.0);
        assert!(adaptive.helps_out() && adaptive.source() == Source::Remote);
        assert!(adaptive.verdict().reasons.contains(&Reason::HelpsOut));
        moves(&mut adaptive, &mut now, 1.0, 55.0);
        assert!(!adaptive.helps_out(), "it keeps up again");

        let far = Facts { rtt: Some(Duration::from_millis(150)), ..coarse };
        adaptive.learn(far.clone());
        assert!(adaptive.helps_out(), "a long way is felt, too");
        adaptive.choose(Choice::Remote);
        assert!(!adaptive.helps_out(), "the server was chosen");
        adaptive.choose(Choice::Adaptive);
        adaptive.learn(Facts { milliseconds_per_coarse_picture: Some(160.0), ..far.clone() });
        assert!(!adaptive.helps_out(), "this machine is no faster");
        adaptive.learn(Facts { voxels: Voxels::Coming, ..far });
        assert!(!adaptive.helps_out(), "there is nothing to draw");
    }

    #[test]
    fn the_old_picture_stays_until_the_new_one_is_no_step_back() {
        let mut handover = Handover::at(Source::Local);
        assert!(handover.is_done() && handover.shows(Source::Local, false));
        handover.turn_to(Source::Remote);
        assert!(handover.shows(Source::Local, false), "the old one goes on");
        assert!(!handover.shows(Source::Remote, false), "an old state is not gone back to");
        assert!(!handover.is_done());
        assert!(handover.shows(Source::Remote, true));
        assert!(handover.is_done() && !handover.shows(Source::Local, true));
        assert!(handover.shows(Source::Remote, false), "from then on each of its pictures");
    }
}
