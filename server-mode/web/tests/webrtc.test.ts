import assert from "node:assert/strict";
import { test } from "node:test";

import type { Frame } from "../src/protocol";
import { Film, type Picture, lostShare } from "../src/webrtc";

/** Only what a film looks at. */
const frame = (number: number) => ({ number }) as Frame;

function picture(): Picture & { closed: boolean } {
  const made = { closed: false, close: () => (made.closed = true) };
  return made as unknown as Picture & { closed: boolean };
}

test("the share of packets that were lost is of those since then", () => {
  assert.equal(lostShare({ received: 1000, lost: 50 }, { received: 1090, lost: 60 }), 0.1);
  assert.equal(lostShare({ received: 1000, lost: 50 }, { received: 1000, lost: 50 }), null, "nothing was sent");
  // Packets that were counted as lost and came late are taken back.
  assert.equal(lostShare({ received: 1000, lost: 50 }, { received: 1100, lost: 40 }), 0);
});

test("a picture is shown with its own note, whichever comes first", () => {
  const film = new Film();
  const [first, second] = [picture(), picture()];
  film.note(1000, frame(1), 0);
  film.hold(1000, first);
  assert.deepEqual(film.take(), [frame(1), first]);
  film.hold(4000, second);
  assert.equal(film.take(), null);
  film.note(4000, frame(2), 10);
  assert.deepEqual(film.take(), [frame(2), second]);
  assert.equal(film.take(), null, "a picture is shown once");
});

test("a picture without a note makes room for the next", () => {
  const film = new Film();
  const [lost, shown] = [picture(), picture()];
  film.hold(1000, lost);
  film.hold(2000, shown);
  assert.ok(lost.closed && !shown.closed);
  film.note(1000, frame(1), 0);
  assert.equal(film.take(), null);
  film.note(2000, frame(2), 0);
  assert.deepEqual(film.take(), [frame(2), shown]);
});

test("a film waits from the first note whose picture is missing until any picture comes", () => {
  const film = new Film();
  assert.equal(film.waitingSince, null);
  film.note(1000, frame(1), 5);
  film.note(1000, frame(1), 45);
  film.note(2000, frame(2), 50);
  assert.equal(film.waitingSince, 5);
  film.hold(2000, picture());
  film.take();
  assert.equal(film.waitingSince, null);
  film.note(2000, frame(2), 90);
  assert.equal(film.waitingSince, null, "a note said again announces nothing");
});

test("notes of pictures that never came are bounded", () => {
  const film = new Film();
  for (let i = 0; i < 100; i++) film.note(i, frame(i), i);
  film.hold(10, picture());
  assert.equal(film.take(), null);
  film.hold(99, picture());
  assert.deepEqual(film.take()?.[0], frame(99));
});
