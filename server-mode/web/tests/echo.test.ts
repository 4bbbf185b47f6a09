import assert from "node:assert/strict";
import { test } from "node:test";

import { Echo, brightness, levels } from "../src/echo";
import type { Button, Content } from "../src/protocol";

const BASE = { window: { center: 40, width: 400 }, zoom: 1.5 };

function drag(echo: Echo, button: Button, content: Content, ...points: [number, number][]): void {
  points.forEach(([x, y], i) => {
    echo.sent({ type: "pointer", view: 0, kind: i === 0 ? "press" : "move", button, x, y }, i + 1, content, i);
  });
}

test("a middle drag moves the picture until a picture shows it", () => {
  const echo = new Echo();
  drag(echo, "middle", "axial", [100, 100], [110, 95], [130, 90]);
  assert.deepEqual(echo.appearance(BASE, "axial", 3), { scale: 1, dx: 30, dy: -10, window: BASE.window, grey: null });
  echo.shown(2);
  assert.deepEqual(echo.appearance(BASE, "axial", 3), { scale: 1, dx: 20, dy: -5, window: BASE.window, grey: null });
  echo.shown(3);
  assert.equal(echo.appearance(BASE, "axial", 3), null);
});

test("zooms scale about the middle, slices by their factor and cameras by their angle", () => {
  const echo = new Echo();
  drag(echo, "right", "axial", [0, 0], [0, 50]);
  assert.equal(echo.appearance(BASE, "axial", 2)?.scale, 1.5);
  // 30 degrees over 1.5 and over 2.25.
  const wanted = Math.tan((10 * Math.PI) / 180) / Math.tan((30 / 2.25 / 2) * (Math.PI / 180));
  assert.ok(Math.abs(echo.appearance(BASE, "volume", 2)!.scale - wanted) < 1e-12);
  echo.sent({ type: "pinch", view: 0, zoom: 2, dx: 10, dy: 0 }, 3, "axial", 2);
  assert.deepEqual(echo.appearance(BASE, "axial", 2), { scale: 3, dx: 10, dy: 0, window: BASE.window, grey: null });
  echo.sent({ type: "wheel", view: 0, delta: 500, zoom: true }, 4, "axial", 2);
  assert.deepEqual(echo.appearance(BASE, "axial", 2), { scale: 1.5, dx: 5, dy: 0, window: BASE.window, grey: null });
});

test("limits of zoom hold", () => {
  const echo = new Echo();
  for (let seq = 1; seq < 5; seq++) echo.sent({ type: "pinch", view: 0, zoom: 10, dx: 0, dy: 0 }, seq, "axial", 0);
  assert.ok(Math.abs(echo.appearance(BASE, "axial", 0)!.scale - 100 / 1.5) < 1e-9);
});

test("a left drag windows slices by a 300th of the width a pixel, and turns what is no slice", () => {
  const echo = new Echo();
  drag(echo, "left", "axial", [0, 0], [30, 15]);
  assert.deepEqual(echo.appearance(BASE, "axial", 2)?.grey, brightness(BASE.window, { center: 60, width: 440 }));
  const turned = new Echo();
  drag(turned, "left", "mip", [0, 0], [30, 15]);
  assert.equal(turned.appearance(BASE, "mip", 2), null);
});

test("a window maps brightness in a straight line", () => {
  const { slope, intercept } = brightness({ center: 40.5, width: 401 }, { center: 0.5, width: 201 });
  // The value 40 is at one half; in the other window it is at 0.7.
  assert.ok(Math.abs(0.5 * slope + intercept - 0.7) < 1e-12);
  assert.equal(slope, 2);
  const wider = levels({ slope: 0.5, intercept: 0.3 });
  assert.equal(wider.length, 256);
  assert.deepEqual([wider[0], wider[255]], [0, 1], "air stays black and bone white");
  assert.ok(Math.abs(wider[102]! - 0.5) < 1e-12);
});

test("what the page draws itself stays as it is while the server is silent", () => {
  const echo = new Echo();
  drag(echo, "left", "axial", [0, 0], [30, 15]);
  assert.deepEqual(echo.appearance(BASE, "axial", 60_000, true)?.window, { center: 60, width: 440 });
  assert.equal(echo.appearance(BASE, "axial", 60_000), null);
});

test("what is never answered is forgotten, and shaded views are not windowed", () => {
  const echo = new Echo();
  drag(echo, "middle", "axial", [0, 0], [5, 5]);
  assert.equal(echo.appearance(BASE, "axial", 2_000), null);
  assert.ok(!echo.sent({ type: "window", view: 0, center: 0, width: 10 }, 9, "volume", 2_000));
  assert.ok(echo.sent({ type: "window", view: 0, center: 0, width: 10 }, 10, "mip", 2_000));
});
