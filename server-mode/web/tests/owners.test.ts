import assert from "node:assert/strict";
import { test } from "node:test";
import { Owners } from "../src/owners";
import type { Study } from "../src/protocol";

function study(uid: string, patient: string, ...series: readonly string[]): Study {
  const listed = series.map((seriesInstanceUid) => ({ seriesInstanceUid }));
  return { studyInstanceUid: uid, patientName: patient, patientId: patient, patientBirthDate: "", series: listed } as unknown as Study;
}

test("a series that is another patient's is told, also by a page that was loaded again", () => {
  const owners = new Owners();
  assert.equal(owners.take([study("1", "A", "1.1", "1.2")]).size, 0);
  assert.equal(owners.take([study("2", "B", "2.1"), study("1", "A", "1.2", "1.1")]).size, 0);
  const kept = owners.of(["1.1", "9.9"]);
  assert.deepEqual(Object.keys(kept), ["1.1"]);
  assert.ok(!JSON.stringify(kept).includes("A"));
  assert.deepEqual([...owners.take([study("1", "B", "1.1")])], ["1.1"]);
  assert.deepEqual([...new Owners(kept).take([study("1", "B", "1.1", "1.2")])], ["1.1"]);
  assert.equal(new Owners(kept).take([study("1", "A", "1.1")]).size, 0);
  assert.equal(owners.take([]).size, 0);
});
