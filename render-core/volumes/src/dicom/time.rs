//! Images that lie at one position: the times of a 4D series, or repeats that are kept apart.

use dicom_dictionary_std::tags;

use super::dataset::{Dataset, Tag};
use super::header::Image;
use super::kind::Groups;
use super::stack::{self, SAME_POSITION_MM};
use super::{Series, Warning, WarningCode};

/// When an image was made, as far as its header orders it.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Temporal position, or the delay after the heart's trigger.
    temporal: Option<f64>,
    /// DimensionIndexValues (0020,9157) but for those of places.
    index: Vec<u32>,
    /// AcquisitionNumber (0020,0012).
    acquisition: Option<f64>,
    pub instance_number: i64,
    /// AcquisitionTime (0008,0032) as it is written, HHMMSS.
    clock: f64,
    /// From one time of the series to the next, as stated.
    step_s: Option<f64>,
    /// When it was made, from whenever the first of its kind was.
    at_s: Option<f64>,
}

/// Dimensions that tell where a frame lies (PS3.3 C.7.6.17).
const PLACES: [dicom_object::Tag; 4] = [
    tags::STACK_ID,
    tags::IN_STACK_POSITION_NUMBER,
    tags::IMAGE_POSITION_PATIENT,
    tags::IMAGE_ORIENTATION_PATIENT,
];

/// For each dimension of an object whether it tells a place.
pub fn dimensions(data: &Dataset<'_>) -> Vec<bool> {
    let items = data.items(tags::DIMENSION_INDEX_SEQUENCE);
    let pointer = |item: &Dataset<'_>| match item.shorts(tags::DIMENSION_INDEX_POINTER)[..] {
        [group, element] => Some(Tag::new(group, element)),
        _ => None,
    };
    items.iter().map(|item| PLACES.iter().any(|&place| pointer(item) == Some(place.into()))).collect()
}

impl Moment {
    pub fn read(groups: &Groups<'_, '_>, dimensions: &[bool]) -> Self {
        let data = groups.data;
        let content = groups.get(tags::FRAME_CONTENT_SEQUENCE);
        let heart = groups.get(tags::CARDIAC_SYNCHRONIZATION_SEQUENCE);
        let temporal = content.longs(tags::TEMPORAL_POSITION_INDEX).first().map(|&t| f64::from(t));
        let temporal = temporal
            .or_else(|| data.number(tags::TEMPORAL_POSITION_IDENTIFIER))
            .or_else(|| heart.doubles(tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME).first().copied())
            .or_else(|| data.number(tags::TRIGGER_TIME));
        let index = content.longs(tags::DIMENSION_INDEX_VALUES);
        let index =
            index.into_iter().zip(dimensions).filter(|(_, place)| !**place).map(|(value, _)| value).collect();
        let clock = data.number(tags::ACQUISITION_TIME).filter(|clock| (0.0..240_000.0).contains(clock));
        let of_day = |clock: f64| {
            (clock / 10_000.0).floor() * 3600.0 + (clock / 100.0 % 100.0).floor() * 60.0 + clock % 100.0
        };
        let delay_ms = heart.doubles(tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME).first().copied();
        let since_ms = delay_ms
            .or_else(|| data.number(tags::TRIGGER_TIME))
            .or_else(|| data.number(tags::FRAME_REFERENCE_TIME));
        Self {
            temporal,
            index,
            step_s: stated_step_s(groups),
            at_s: since_ms.map(|ms| ms / 1000.0).or_else(|| clock.map(of_day)),
            acquisition: data.number(tags::ACQUISITION_NUMBER),
            instance_number: data.number(tags::INSTANCE_NUMBER).unwrap_or(0.0) as i64,
            clock: clock.unwrap_or(0.0),
        }
    }
}

/// The repetition time of an echo-planar sequence, which makes all slices in one, else the temporal resolution.
fn stated_step_s(groups: &Groups<'_, '_>) -> Option<f64> {
    let data = groups.data;
    let planar = data.texts(tags::SCANNING_SEQUENCE).iter().any(|word| word == "EP")
        || data.text(tags::ECHO_PLANAR_PULSE_SEQUENCE).as_deref() == Some("YES");
    let timing = groups.get(tags::MR_TIMING_AND_RELATED_PARAMETERS_SEQUENCE);
    let repetition_ms = timing.number(tags::REPETITION_TIME).filter(|_| planar);
    let ms = repetition_ms.or_else(|| data.number(tags::TEMPORAL_RESOLUTION));
    ms.filter(|&ms| ms > 0.0).map(|ms| ms / 1000.0)
}

/// Seconds from each time of a 4D series to the next, where its headers state one number or were made at even
/// times; else why it is not known.
pub fn step_s(times: &[&Series]) -> Result<f64, String> {
    /// A share of the step; clocks are often written in whole seconds.
    const EVEN: f64 = 0.02;
    let moments: Option<Vec<&Moment>> =
        times.iter().map(|series| series.images.0.first().map(|image| &image.moment)).collect();
    let Some(moments) = moments else { return Err("it is not read from volume files".into()) };
    let ats: Option<Vec<f64>> = moments.iter().map(|moment| moment.at_s).collect();
    let steps: Vec<f64> = ats.unwrap_or_default().windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean = steps.iter().sum::<f64>() / steps.len().max(1) as f64;
    let near = |a: f64, b: f64, slack: f64| (a - b).abs() <= slack + EVEN * b.abs();
    let even = mean > 0.0 && steps.iter().all(|&step| near(step, mean, 0.0));
    let stated = moments.first().and_then(|moment| moment.step_s);
    let stated = stated.filter(|_| moments.iter().all(|moment| moment.step_s == stated));
    match stated {
        Some(stated) if even && !near(mean, stated, 1.0 / steps.len() as f64) => Err(format!(
            "the headers state {stated} s (RepetitionTime (0018,0080) or TemporalResolution (0020,0110)), but the times \
             of the images lie {mean:.3} s apart"
        )),
        Some(stated) => Ok(stated),
        None if even => Ok(mean),
        None => Err("neither RepetitionTime (0018,0080) of an echo-planar sequence nor TemporalResolution (0020,0110) \
                     is stated, and the times of the images are not even"
            .into()),
    }
}

fn in_order(a: &Image, b: &Image) -> std::cmp::Ordering {
    let (m, n) = (&a.moment, &b.moment);
    (m.temporal.unwrap_or(0.0).total_cmp(&n.temporal.unwrap_or(0.0)))
        .then_with(|| m.index.cmp(&n.index))
        .then_with(|| m.instance_number.cmp(&n.instance_number))
        .then_with(|| m.clock.total_cmp(&n.clock))
        .then_with(|| (a.file, a.frame).cmp(&(b.file, b.frame)))
}

/// Images of one kind and orientation as stacks in slice order, each with at most one image at a
/// position.
pub struct Arranged {
    pub stacks: Vec<Vec<Image>>,
    pub order: Order,
    pub warning: Option<Warning>,
}

/// What the stacks are to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// Every position has an image at every time.
    Times,
    /// Some positions have more images than others.
    Repeats(&'static str),
}

/// Sorts along the slice normal and tells what lies at one position apart. Frames of one file without
/// a place, or all at one, are a stack in the order in which they were made.
pub fn arrange(mut images: Vec<Image>) -> Arranged {
    let one = |stack| Arranged { stacks: vec![stack], order: Order::Times, warning: None };
    let along: Option<Vec<f64>> =
        images.iter().map(|i| Some(i.position?.dot(stack::normal(i.orientation?)))).collect();
    let Some(along) = along else {
        images.sort_by(in_order);
        return one(images);
    };
    let mut order: Vec<(f64, Image)> = along.into_iter().zip(images).collect();
    order.sort_by(|(a, i), (b, j)| a.total_cmp(b).then_with(|| in_order(i, j)));
    let mut positions: Vec<Vec<Image>> = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for (at, image) in order {
        if at - last > SAME_POSITION_MM {
            last = at;
            positions.push(Vec::new());
        }
        positions.last_mut().expect("the first image opens one").push(image);
    }
    positions.iter_mut().for_each(|images| images.sort_by(in_order));
    let most = positions.iter().map(Vec::len).max().unwrap_or(0);
    // Frames of one object are looked through; images of many files at one place are times of it.
    let frames = positions.len() == 1 && positions[0].iter().all(|image| image.file == positions[0][0].file);
    if frames || most == 1 {
        return one(positions.into_iter().flatten().collect());
    }
    let fewest = positions.iter().map(Vec::len).min().unwrap_or(0);
    if fewest == most {
        return Arranged { stacks: by_rank(positions, most), order: Order::Times, warning: None };
    }
    let (stacks, order) = unequal(positions, most);
    let sizes: Vec<String> = stacks.iter().map(|stack| stack.len().to_string()).collect();
    let warning = Warning {
        code: WarningCode::DuplicatePositions,
        value: Some(stacks.len() as f64),
        message: format!(
            "some positions have {most} images, others {fewest}: they are kept as {} volumes of {} slices",
            stacks.len(),
            sizes.join(", ")
        ),
    };
    Arranged { stacks, order, warning: Some(warning) }
}

/// The first images of all positions, the second ones, and so on.
fn by_rank(positions: Vec<Vec<Image>>, most: usize) -> Vec<Vec<Image>> {
    let mut stacks: Vec<Vec<Image>> = vec![Vec::new(); most];
    for images in positions {
        for (rank, image) in images.into_iter().enumerate() {
            stacks[rank].push(image);
        }
    }
    stacks
}

/// Stacks by what the headers tell, if that leaves no position with two images, else by rank.
fn unequal(positions: Vec<Vec<Image>>, most: usize) -> (Vec<Vec<Image>>, Order) {
    type Key = fn(&Image) -> Option<f64>;
    let (temporal, acquisition): (Key, Key) = (|i| i.moment.temporal, |i| i.moment.acquisition);
    for (key, name) in [(temporal, "time"), (acquisition, "acquisition")] {
        // Images that say nothing are one set of their own.
        let mut values: Vec<Option<u64>> =
            positions.iter().flatten().map(|image| key(image).map(sortable)).collect();
        values.sort_unstable();
        values.dedup();
        let rank = |image: &Image| values.binary_search(&key(image).map(sortable)).unwrap_or(0);
        let distinct = |images: &Vec<Image>| {
            let mut ranks: Vec<usize> = images.iter().map(rank).collect();
            ranks.sort_unstable();
            ranks.windows(2).all(|pair| pair[0] != pair[1])
        };
        // More values than images at a position tell slices apart, not times.
        if values.len() == most && positions.iter().all(distinct) {
            let mut stacks: Vec<Vec<Image>> = vec![Vec::new(); most];
            for image in positions.into_iter().flatten() {
                stacks[rank(&image)].push(image);
            }
            return (stacks, Order::Repeats(name));
        }
    }
    (by_rank(positions, most), Order::Repeats("repeat"))
}

/// The bits of a finite number, in the order of the numbers.
fn sortable(number: f64) -> u64 {
    let bits = number.to_bits();
    if number.is_sign_negative() { !bits } else { bits | 1 << 63 }
}
