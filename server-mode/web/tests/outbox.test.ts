import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../src/outbox";
import type { ClientMessage } from "../src/protocol";

const scroll = (slices: number): ClientMessage => ({ type: "scroll", view: 0, slices });
const move = (x: number): ClientMessage => ({ type: "pointer", view: 0, kind: "move", x, y: 0 });

test("what was lost is sent again, in order and before what came later", () => {
  const outbox = new Outbox();
  for (const seq of [5, 6, 8, 9]) outbox.sent(scroll(seq), seq);
  outbox.sent({ type: "ping", time: 1 }, 7);
  outbox.proven(5);
  assert.equal(outbox.holds(scroll(10)), false, "WebRTC works");
  outbox.left();
  assert.equal(outbox.holds(scroll(11)), true);
  assert.equal(outbox.holds({ type: "transport", transport: "websocket" }), false, "the server has to know");
  assert.equal(outbox.holds({ type: "ping", time: 2 }), false);
  assert.deepEqual(outbox.done(6), [scroll(8), scroll(9), scroll(11)]);
  assert.equal(outbox.holds(scroll(12)), false);
  assert.deepEqual(outbox.done(null), [], "once");
});

test("all is sent again where the server has got nothing", () => {
  const outbox = new Outbox();
  outbox.sent(scroll(1), 1);
  outbox.left();
  assert.deepEqual(outbox.done(null), [scroll(1)]);
});

test("moves that wait become one", () => {
  const outbox = new Outbox();
  outbox.left();
  for (const message of [move(1), move(2), scroll(1), move(3), move(4)]) assert.ok(outbox.holds(message));
  assert.deepEqual(outbox.done(3), [move(2), scroll(1), move(4)]);
});

test("another connection begins without them", () => {
  const outbox = new Outbox();
  outbox.sent(scroll(1), 1);
  outbox.left();
  outbox.clear();
  assert.equal(outbox.holds(scroll(2)), false);
  assert.deepEqual(outbox.done(null), []);
});
