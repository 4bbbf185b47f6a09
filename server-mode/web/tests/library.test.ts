import assert from "node:assert/strict";
import { test } from "node:test";

import { matches } from "../src/library";

const entry: Parameters<typeof matches>[1] = {
  study: { studyInstanceUid: "1", description: "Thorax nativ", date: "20260114", patientName: "Müller^Änne", patientId: "PAT-17", patientSex: "F", patientBirthDate: "19700203", series: [] },
  series: { seriesInstanceUid: "1.1", description: "Lung 1.0", number: 2, modality: "CT", dims: [512, 512, 275], files: 275 },
};

test("a series is found by all words, in whatever is said of it", () => {
  for (const search of ["", "  ", "muller", "MÜLLER, änne", "pat-17", "2026-01-14", "20260114", "thorax ct", "lung nativ müll"]) {
    assert.ok(matches(search, entry), search);
  }
  for (const search of ["meier", "thorax mr", "2026-01-15"]) assert.ok(!matches(search, entry), search);
});
