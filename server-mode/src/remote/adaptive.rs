//! Who draws a study that a server has, too: this machine or the server. Sans-IO: it is told the time and what was
//! measured, and asked who draws and why. What is shown is the window's own state either way, so a change of who draws
//! it changes nothing else.

use std::time::Duration;

/// Fewer pictures a second than this are too few.
const TOO_FEW: f64 = 30.0;
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
/// Ways worse than this carry no moving pictures worth having.
const SLOWEST_BITS_PER_SECOND: f64 = 1e6;
const LONGEST_RTT: Duration = Duration::from_millis(250);

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
    /// Whether a server is connected.
    pub is_connected: bool,
    pub rtt: Option<Duration>,
    /// What the way carries, where that was measured.
    pub bits_per_second: Option<f64>,
}

/// Who draws and why, one sentence each.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub source: Source,
    pub reasons: Vec<String>,
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
    /// Pictures a second that each was last seen to make.
    seen: [Option<f64>; 2],
    changed_at: Option<Duration>,
    cool_down: Duration,
    /// Why it last changed.
    because: Option<String>,
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

    /// While something moves, once a second or so: how many pictures came from who draws.
    pub fn moved(&mut self, now: Duration, pictures_per_second: f64) {
        self.seen[self.source as usize] = Some(pictures_per_second);
        self.slow.measured(now, pictures_per_second < TOO_FEW);
        if self.choice != Choice::Adaptive || self.slow.lasts < TOO_LONG || !self.has_cooled(now) {
            return;
        }
        let (to, other) = match self.source {
            Source::Local => (Source::Remote, self.expected_remotely()),
            Source::Remote => (Source::Local, self.expected_here()),
        };
        if self.can(to) && other.is_none_or(|other| other > pictures_per_second) {
            let who = match self.source {
                Source::Local => "This machine",
                Source::Remote => "The server",
            };
            let seconds = TOO_LONG.as_secs();
            self.change(
                now,
                to,
                format!("{who} made {pictures_per_second:.0} pictures a second for {seconds} s."),
            );
        }
    }

    /// While the server draws: how fast this machine would have been with a picture, now and then.
    pub fn tried_here(&mut self, now: Duration, milliseconds_per_picture: f64) {
        let pictures_per_second = 1000.0 / milliseconds_per_picture.max(0.1);
        self.facts.milliseconds_per_picture = Some(milliseconds_per_picture);
        self.fast.measured(now, pictures_per_second > ENOUGH);
        let may = self.choice == Choice::Adaptive && self.source == Source::Remote && self.can(Source::Local);
        if may && self.fast.lasts >= LONG_ENOUGH && self.has_cooled(now) {
            let seconds = LONG_ENOUGH.as_secs();
            let because = format!(
                "This machine would have made {pictures_per_second:.0} pictures a second for {seconds} s."
            );
            self.change(now, Source::Local, because);
        }
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
            (Some(wanted), source) if wanted == source => reasons.push("It was chosen so.".into()),
            (Some(_), _) => reasons.push("What was chosen is not possible.".into()),
            (None, _) => reasons.extend(self.because.clone()),
        }
        reasons.extend(self.obstacle(Source::Local));
        reasons.extend(self.obstacle(Source::Remote));
        if let Some(milliseconds) = self.facts.milliseconds_per_picture {
            let renderer = &self.facts.renderer;
            reasons.push(format!("A picture of this volume takes {milliseconds:.0} ms here ({renderer})."));
        }
        if let Some(rtt) = self.facts.rtt.filter(|_| self.facts.is_connected) {
            reasons.push(format!("The way to the server and back takes {} ms.", rtt.as_millis()));
        }
        Verdict { source: self.source, reasons }
    }

    fn change(&mut self, now: Duration, to: Source, because: String) {
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

    fn obstacle(&self, source: Source) -> Option<String> {
        let facts = &self.facts;
        if source == Source::Remote {
            return (!facts.is_connected).then(|| "There is no connection to the server.".into());
        }
        match facts.voxels {
            Voxels::Here => return None,
            Voxels::Forbidden => return Some("The server does not hand out the voxels.".into()),
            Voxels::Coming => return Some("The voxels are on their way.".into()),
            Voxels::There => {}
        }
        let lacks = lacks_room(facts.volume_bytes, facts.available_bytes);
        Some(lacks.unwrap_or_else(|| "The voxels are on the server only.".into()))
    }

    fn expected_here(&self) -> Option<f64> {
        self.facts
            .milliseconds_per_picture
            .map(|ms| 1000.0 / ms.max(0.1))
            .or(self.seen[Source::Local as usize])
    }

    /// What the way may carry, unless it was seen.
    fn expected_remotely(&self) -> Option<f64> {
        let narrow = self.facts.bits_per_second.is_some_and(|bits| bits < SLOWEST_BITS_PER_SECOND);
        let long = self.facts.rtt.is_some_and(|rtt| rtt > LONGEST_RTT);
        if narrow || long { Some(0.0) } else { self.seen[Source::Remote as usize] }
    }
}

/// Why a volume of so many bytes has no room here, in a sentence; `None` where it has.
pub fn lacks_room(volume_bytes: u64, available_bytes: Option<u64>) -> Option<String> {
    let needed = volume_bytes as f64 * ROOM;
    let available = available_bytes.map(|bytes| bytes as f64).filter(|available| *available < needed)?;
    Some(format!(
        "The volume needs {:.0} MB here, and {:.0} MB are available.",
        needed / 1e6,
        available / 1e6
    ))
}

/// Between two sources of pictures: the old picture stays until the new one shows what is wanted now, so nothing
/// flashes and nothing goes back.
#[derive(Clone, Copy, Debug)]
pub struct Handover {
    from: Source,
    to: Source,
}

impl Handover {
    pub fn new(from: Source, to: Source) -> Self {
        Self { from, to }
    }

    /// Whether a picture is shown; `is_current` tells whether it shows the state that is wanted now. After the first
    /// one of the new source only that one's are.
    pub fn shows(&mut self, of: Source, is_current: bool) -> bool {
        if of == self.to && is_current {
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
            is_connected: true,
            rtt: Some(Duration::from_millis(20)),
            bits_per_second: Some(20e6),
        }
    }

    /// Moves for so many seconds, ten measurements a second.
    fn moves(adaptive: &mut Adaptive, now: &mut Duration, seconds: f64, pictures_per_second: f64) {
        for _ in 0..(seconds * 10.0).round() as u32 {
            *now += Duration::from_millis(100);
            adaptive.moved(*now, pictures_per_second);
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
        assert!(adaptive.verdict().reasons[0].contains("12 pictures a second for 5 s"));

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
                    adaptive.moved(now, 50.0);
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
        assert!(adaptive.verdict().reasons.iter().any(|reason| reason.contains("no connection")));
        adaptive.learn(facts());
        assert_eq!(adaptive.source(), Source::Remote, "what was chosen is possible again");
        let forbidden = Facts { voxels: Voxels::Forbidden, ..facts() };
        let adaptive = Adaptive::new(Choice::Local, forbidden);
        assert_eq!(adaptive.source(), Source::Remote);
        assert!(adaptive.verdict().reasons.iter().any(|reason| reason.contains("does not hand out")));
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
        assert!(verdict.reasons[0].contains("needs 226 MB here, and 105 MB"), "{:?}", verdict.reasons);
    }

    #[test]
    fn the_old_picture_stays_until_the_new_one_shows_what_is_wanted() {
        let mut handover = Handover::new(Source::Local, Source::Remote);
        assert!(handover.shows(Source::Local, false), "the old one goes on");
        assert!(!handover.shows(Source::Remote, false), "an old state is not gone back to");
        assert!(!handover.is_done());
        assert!(handover.shows(Source::Remote, true));
        assert!(handover.is_done() && !handover.shows(Source::Local, true));
        assert!(handover.shows(Source::Remote, false), "from then on each of its pictures");
    }
}
