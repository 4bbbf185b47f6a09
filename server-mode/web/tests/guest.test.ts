import assert from "node:assert/strict";
import { test } from "node:test";

import { may, roleWords } from "../src/guest";

test("who may only watch asks for nothing that the server would refuse", () => {
  for (const kind of ["openSeries", "pointer", "wheel", "scroll", "window", "preset", "reset", "values", "set"] as const) {
    assert.ok(!may("viewer", kind), kind);
  }
  for (const kind of ["layout", "ack", "ackDrawn", "accept", "repaint", "ping", "offer", "transport", "stats", "measure"] as const) {
    assert.ok(may("viewer", kind), kind);
  }
});

test("who may drive opens no series, and the owner does everything", () => {
  assert.ok(may("driver", "pointer") && may("driver", "preset") && !may("driver", "openSeries"));
  assert.ok(may("owner", "openSeries"));
});

test("guests are told who drives", () => {
  assert.equal(roleWords("owner"), null);
  assert.match(roleWords("viewer")!, /the host drives/);
  assert.match(roleWords("driver")!, /may drive/);
});
