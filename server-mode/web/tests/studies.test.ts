import assert from "node:assert/strict";
import { test } from "node:test";

import type { Series, Study } from "../src/protocol";
import { byPatient, firstLook, isOnePatient } from "../src/studies";

const series = (uid: string, slices = 1, more: Partial<Series> = {}): Series => ({ seriesInstanceUid: uid, description: uid, number: null, modality: "CT", dims: [10, 10, slices], files: slices, ...more });
const study = (uid: string, date: string, whose: Partial<Study> = {}, ...of: Series[]): Study => ({
  studyInstanceUid: uid,
  description: "",
  date,
  patientName: "Doe^Jane",
  patientId: "7",
  patientSex: "F",
  patientBirthDate: "19800101",
  series: of.length > 0 ? of : [series(`${uid}.1`)],
  ...whose,
});
const uids = (studies: readonly Study[]) => byPatient(studies).map((patient) => patient.map(({ study }) => study.studyInstanceUid));

// The window's: ../../../app/src/desktop/hanging.rs.
test("studies whose patients contradict each other are of two", () => {
  const patient = (patientId: string, patientName: string, patientBirthDate: string, patientSex: string) => study("1", "", { patientId, patientName, patientBirthDate, patientSex });
  const one = patient("7", "Doe^Jane", "19800101", "F");
  assert.ok(isOnePatient(one, one));
  assert.ok(isOnePatient(one, patient("7", "Doe-Roe^Jane", "19800101", "")));
  assert.ok(isOnePatient(one, patient("7", "DOE^JANE^", "", "F")));
  assert.ok(!isOnePatient(one, patient("7", "Doe^Jane", "19800101", "M")));
  assert.ok(!isOnePatient(one, patient("7", "Doe^Jane", "19800102", "F")));
  assert.ok(!isOnePatient(one, patient("8", "Doe^Jane", "19800101", "F")), "a name is not enough");
  const nobody = patient("ANONYMOUS", "ANONYMOUS", "", "");
  assert.ok(!isOnePatient(nobody, nobody), "everybody is called so");
  const numbered = patient("LIDC-0314", "LIDC-0314", "", "");
  assert.ok(isOnePatient(numbered, numbered));
});

test("the newest study comes first, and brings the others of its patient along", () => {
  const other = { patientId: "8" };
  assert.deepEqual(uids([study("1", "20200101"), study("2", "20240101", other), study("3", "20250101"), study("4", "", other)]), [["3", "1"], ["2", "4"]]);
  assert.deepEqual(uids([study("1", "20200101", other), study("2", "20200101")]), [["2"], ["1"]], "of one day, the later one of the list");
  const [unknown, man, woman] = [study("1", "20250101", { patientSex: "" }), study("2", "20240101", { patientSex: "M" }), study("3", "20230101")];
  assert.deepEqual(uids([unknown, man, woman]), [["1", "2"], ["3"]], "nobody is two people");
});

test("the times of a 4D series are one entry, without a time in its name", () => {
  const times = ["1.1", "1.2", "1.3"];
  const of = times.map((uid, i) => series(uid, 4, { description: `EPI, time ${i + 1} of 3`, ...(i === 0 ? { times } : {}) }));
  const [[listed] = []] = byPatient([study("1", "", {}, ...of, series("2", 9))]);
  assert.deepEqual(listed!.series.map(({ description, times }) => [description, times.length]), [["EPI", 3], ["2", 1]]);
});

test("the first look is at the largest series of the newest study", () => {
  const all = [study("1", "20200101", {}, series("1.1", 500)), study("2", "20250101", {}, series("2.1", 1), series("2.2", 20), series("2.3", 20))];
  assert.equal(firstLook(byPatient(all)), "2.2");
  assert.equal(firstLook(byPatient([])), "");
});
