// Studies in the order of the list: patients with their studies, the newest first, and a 4D series as one. As the window's own
// (../../../app/src/desktop/{listed,hanging}.rs). Without a page.

import type { Series, Study } from "./protocol";

/** An entry of the list. */
export interface Listed {
  series: Series;
  /** Without the time, where it is a 4D series. */
  description: string;
  /** What its times are called, in their order; a single one of others. */
  times: readonly string[];
}

export interface ListedStudy {
  study: Study;
  series: readonly Listed[];
}

/** Studies that are most likely one patient's, the newest first. */
export type Patient = readonly ListedStudy[];

/** Whether two studies' patients are most likely one. */
export function isOnePatient(a: Study, b: Study): boolean {
  const plain = (name: string) => name.replace(/[\^ ]+$/, "").toLowerCase();
  const [born, bornToo] = [a.patientBirthDate.trim(), b.patientBirthDate.trim()];
  const differ = (one: string, other: string) => one.trim() !== "" && other.trim() !== "" && one.trim() !== other.trim();
  if (a.patientId === "" || a.patientId !== b.patientId || differ(born, bornToo) || differ(a.patientSex, b.patientSex)) return false;
  if (born !== "" && born === bornToo) return true;
  // An ID may be anybody's, such as that of all who were made anonymous: without a digit it is most likely a word for nobody.
  return /\d/.test(a.patientId) && plain(a.patientName) === plain(b.patientName);
}

/** Patients in the order of their newest studies. */
export function byPatient(studies: readonly Study[]): readonly Patient[] {
  const newest = [...studies].reverse().sort((a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : 0));
  const patients: ListedStudy[][] = [];
  const ofId = new Map<string, ListedStudy[][]>();
  for (const study of newest) {
    const known = ofId.get(study.patientId) ?? [];
    const listed = { study, series: entries(study) };
    const patient = known.find((others) => others.every((other) => isOnePatient(other.study, study)));
    if (patient) {
      patient.push(listed);
      continue;
    }
    patients.push([listed]);
    ofId.set(study.patientId, [...known, patients.at(-1)!]);
  }
  return patients;
}

/** What is most worth a first look: of the newest study, or of equally new ones, the largest series. Empty where there is none. */
export function firstLook(patients: readonly Patient[]): string {
  const all = patients.flat().filter(({ series }) => series.length > 0);
  const newest = all.reduce((date, { study }) => (study.date > date ? study.date : date), "");
  const series = all.flatMap((listed) => (listed.study.date === newest ? listed.series.map((one) => one.series) : []));
  const voxels = ({ dims }: Series) => dims[0] * dims[1] * dims[2];
  const largest = series.reduce<Series | null>((best, one) => (best === null || voxels(one) > voxels(best) ? one : best), null);
  return largest?.seriesInstanceUid ?? "";
}

function entries({ series }: Study): readonly Listed[] {
  const later = new Set(series.flatMap(({ times }) => times?.slice(1) ?? []));
  const listed = series.filter(({ seriesInstanceUid }) => !later.has(seriesInstanceUid));
  return listed.map((one) => {
    const times = one.times ?? [one.seriesInstanceUid];
    return { series: one, description: one.times ? withoutTime(one.description, times.length) : one.description, times };
  });
}

/** The title of the first time as that of all. */
function withoutTime(title: string, count: number): string {
  return title.replace(`time 1 of ${count}`, "").replace(/[, ]+$/, "");
}
