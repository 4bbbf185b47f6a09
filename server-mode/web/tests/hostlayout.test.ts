import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Host, gridOf } from "../src/hostlayout";
import { type Cell, parseMessage } from "../src/protocol";

const view = (view: number): Cell => ({ kind: "view", view });
const row = (cells: Cell[], shares: number[]): Cell => ({ kind: "row", cells, shares });
const column = (cells: Cell[], shares: number[]): Cell => ({ kind: "column", cells, shares });

test("three beside each other lie in three columns", () => {
  const { template, areas } = gridOf({ views: [0, 2, 1], layout: { root: row([view(0), view(2), view(1)], [1, 1, 2]), maximised: null } });
  assert.equal(template, "minmax(0, 10000fr) / minmax(0, 2500fr) minmax(0, 2500fr) minmax(0, 5000fr)");
  assert.deepEqual([...areas], [[0, "1 / 1 / 2 / 2"], [2, "1 / 2 / 2 / 3"], [1, "1 / 3 / 2 / 4"]]);
});

test("what the host has split and dragged lies as there, and empty places stay empty", () => {
  const root = row([view(5), column([view(0), row([view(3), { kind: "empty" }], [300, 100])], [3, 1])], [1, 1]);
  const { template, areas } = gridOf({ views: [5, 0, 3], layout: { root, maximised: null } });
  assert.equal(template, "minmax(0, 7500fr) minmax(0, 2500fr) / minmax(0, 5000fr) minmax(0, 3750fr) minmax(0, 1250fr)");
  assert.deepEqual([...areas], [[5, "1 / 1 / 3 / 2"], [0, "1 / 2 / 2 / 4"], [3, "2 / 2 / 3 / 3"]]);
});

test("edges that are the same but for rounding are one", () => {
  const third = (cells: Cell[]) => row(cells, [333, 333, 333]);
  const nine = Array.from({ length: 9 }, (_, n) => view(n));
  const root = column([third(nine.slice(0, 3)), third(nine.slice(3, 6)), row([nine[6]!, row([nine[7]!, nine[8]!], [1, 1])], [1, 2])], [1, 1, 1]);
  const { template } = gridOf({ views: nine.map((_, n) => n), layout: { root, maximised: null } });
  assert.equal(template.split(" / ").map((tracks) => tracks.split(" minmax").length).join(" by "), "3 by 3");
});

test("where the host does not tell, views lie in a square", () => {
  assert.equal(gridOf({ views: [], layout: null }).areas.size, 0);
  const { template, areas } = gridOf({ views: [4, 1, 9], layout: null });
  assert.equal(template, "minmax(0, 5000fr) minmax(0, 5000fr) / minmax(0, 5000fr) minmax(0, 5000fr)");
  assert.deepEqual([...areas.values()], ["1 / 1 / 2 / 2", "1 / 2 / 2 / 3", "2 / 1 / 3 / 2"]);
});

test("what was told before the newest is left, and a new connection counts anew", () => {
  const host = new Host();
  const told = (number: number, views: readonly number[], maximised: number | null = null) =>
    host.take({ number, views, layout: { root: row(views.map(view), views.map(() => 1)), maximised } });
  assert.deepEqual(told(4, [0, 1]), { maximised: false });
  assert.deepEqual(told(7, [0, 1, 2], 1), { maximised: true });
  assert.equal(told(5, [0]), null);
  assert.deepEqual([host.views, host.maximised], [[0, 1, 2], 1]);
  assert.deepEqual(told(8, [0, 1], 1), { maximised: false }, "what the page has done since stays");
  host.begin();
  assert.deepEqual(told(1, [3]), { maximised: true });
});

test("a message lays out as many views as there can be", () => {
  const text = readFileSync("../protocol/fixtures/valid/server-shared-laid-out.json", "utf8");
  const message = parseMessage(text);
  assert.ok(message.type === "shared");
  assert.equal(gridOf(message).areas.size, 3);
  const cells = Array.from({ length: 16 }, (_, n) => view(n));
  const sixteen = { type: "shared", number: 1, views: cells.map((_, n) => n), layout: { root: row(cells, cells.map(() => 1)), maximised: 15 } };
  assert.deepEqual(parseMessage(JSON.stringify(sixteen)), sixteen);
});
