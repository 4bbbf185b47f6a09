import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import type { CDPSession, Page } from "playwright-core";

import { ALL, AXIAL, CORONAL, OTHER, SLICE, VOLUME, WINDOW, changed, colour, context, desk, differs, equals, newContext, server, study } from "./desk";
import {
  type DatagramLink,
  difference,
  drag,
  datagramLink,
  drawn,
  factsThat,
  link,
  movesBy,
  openClient,
  picture,
  pictureBy,
  pictureThat,
  pixels,
  pixelsAtRest,
  pixelsUnlike,
  screen,
  serve,
  settled,
  turnServer,
  viewport,
} from "./harness";

test("without a token there is the sign-in page only", async () => {
  await newContext();
  const page = await context.newPage();
  const answer = await page.goto(server.origin);
  assert.equal(answer?.status(), 401);
  assert.equal(await page.locator("canvas, .viewport, script").count(), 0);
  assert.equal(await page.locator("form input").count() > 0, true);
  for (const path of ["/app.js", "/app.css", "/thumbnail/1.2.3"]) {
    assert.equal((await page.request.get(server.origin + path)).status(), 401, path);
  }
  assert.deepEqual(await violations(page), []);
});

test("the token leaves the address bar", async () => {
  const page = await desk([AXIAL]);
  assert.equal(page.url(), `${server.origin}/`);
});

test("what the address asks for outlives signing in, and what it cannot have is told", async () => {
  await newContext();
  const page = await context.newPage();
  await page.goto(`${server.origin}/?transport=jpeg`);
  await page.getByLabel("Token").fill(new URL(server.url).searchParams.get("token")!);
  await page.getByRole("button").click();
  await settled(page, AXIAL);
  assert.equal(page.url(), `${server.origin}/?transport=jpeg`);
  assert.equal(await page.locator("#messages .message").count(), 0);
  await page.goto(`${server.url}&transport=webrct`);
  await page.getByText("transport=webrct, which is none of webrtc, websocket, jpeg").waitFor();
  await settled(page, AXIAL);
});

test("four pictures appear, none of them black", async () => {
  const page = await desk();
  const shown = await Promise.all(ALL.map((view) => picture(page, view)));
  for (const [view, values] of shown.entries()) {
    const lit = values.filter((value) => value > 40).length / values.length;
    assert.ok(lit > 0.05, `view ${view}: ${lit}`);
  }
  for (const a of ALL) for (const b of ALL) if (a < b) assert.ok(difference(shown[a]!, shown[b]!) > OTHER, `${a} and ${b}`);
  assert.equal(await page.locator("#connection-text").innerText(), "Connected");
  assert.equal(await page.locator(`${viewport(AXIAL)} .letter.left`).innerText(), "R");
  assert.equal(await page.locator(`${viewport(AXIAL)} .letter.top`).innerText(), "A");
  assert.equal(await page.locator(`${viewport(CORONAL)} .letter.top`).innerText(), "H");
});

test("a drag turns the volume, and a drag back brings it back", async () => {
  const page = await desk();
  const front = await picture(page, VOLUME);
  const slice = await picture(page, AXIAL);
  await drag(page, VOLUME, 120, 0);
  const turned = await pictureThat(page, VOLUME, differs(front));
  await drag(page, VOLUME, -120, 0);
  await pictureThat(page, VOLUME, equals(front));
  assert.ok(difference(turned, front) > OTHER);
  assert.ok(equals(slice)(await picture(page, AXIAL)), "the slices stay");
  await page.waitForFunction(() => /^\d+ ms$/.test(document.querySelector("#latency")!.textContent!));
});

test("middle and right drags pan and zoom, the menu stays away", async () => {
  const page = await desk([AXIAL]);
  const first = await picture(page, AXIAL);
  await drag(page, AXIAL, 60, 0, "middle");
  const moved = await pictureThat(page, AXIAL, differs(first));
  await drag(page, AXIAL, 0, 60, "right");
  await factsThat(page, AXIAL, /Zoom 1\.[3-9]/);
  await pictureThat(page, AXIAL, differs(moved));
});

test("a drag on a slice windows all slices, and so do the number keys", async () => {
  const page = await desk();
  const first = await picture(page, AXIAL);
  const [, width, center] = await factsThat(page, AXIAL, WINDOW);
  await drag(page, AXIAL, 60, 40);
  await pictureThat(page, AXIAL, differs(first));
  const [, wider, higher] = await factsThat(page, AXIAL, WINDOW);
  assert.ok(Number(wider) > Number(width) && Number(higher) > Number(center?.replace("−", "-")), `${wider} ${higher}`);
  await factsThat(page, CORONAL, new RegExp(`W ${wider}\\s+L ${higher}`));

  const labels = await page.locator("#windows option").allInnerTexts();
  const lung = labels.findIndex((label) => /lung/i.test(label));
  assert.ok(lung > 0, labels.join());
  await page.keyboard.press(String(lung));
  await factsThat(page, AXIAL, /W 1500\s+L −600/);
  assert.match(await page.locator("#windows option:checked").innerText(), /lung/i);
  assert.equal(await page.locator("#width").inputValue(), "1500");
});

test("the window fields and sliders set the window", async () => {
  const page = await desk([AXIAL]);
  // Narrower pages have the fields alone.
  await page.setViewportSize({ width: 1440, height: 800 });
  await page.locator("#width").fill("300");
  await page.locator("#width").press("Enter");
  await factsThat(page, AXIAL, /W 300\s/);
  await page.locator("#center-slider").focus();
  const [, before] = await factsThat(page, AXIAL, /L (\S+)/);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((old) => !document.querySelector<HTMLElement>(".bottom-left")!.innerText.includes(`L ${old} `), before);
});

test("the wheel turns slices, and the slice is counted", async () => {
  const page = await desk([AXIAL]);
  const first = await picture(page, AXIAL);
  const [, slice, slices] = await factsThat(page, AXIAL, SLICE);
  await page.locator(viewport(AXIAL)).hover();
  for (let i = 0; i < 20; i++) await page.mouse.wheel(0, 100);
  await factsThat(page, AXIAL, new RegExp(`Slice ${Number(slice) + 20} / ${slices}`));
  await pictureThat(page, AXIAL, differs(first, 1));
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -100);
  await page.keyboard.up("Control");
  await factsThat(page, AXIAL, /Zoom 1\.10×/);
});

test("a preset changes the colours of the volume, reset brings the first look back", async () => {
  const page = await desk();
  const first = await picture(page, VOLUME);
  await page.locator("#presets").selectOption("CT_Angio");
  const red = await pictureThat(page, VOLUME, differs(first));
  assert.ok(Math.abs(colour(red) - colour(first)) > 1, `${colour(first)} ${colour(red)}`);
  await drag(page, VOLUME, 90, 30);
  await pictureThat(page, VOLUME, differs(red));
  await page.locator("#reset").click();
  await pictureThat(page, VOLUME, equals(first));
});

test("every projection is another picture of the same view", async () => {
  const page = await desk();
  const shaded = await picture(page, VOLUME);
  for (const content of ["mip", "minip", "mean"]) {
    await page.locator("#rendering").selectOption(content);
    const projected = await pictureThat(page, VOLUME, differs(shaded));
    assert.ok(colour(projected) < 1, `${content} is grey`);
    await page.locator("#rendering").selectOption("volume");
    await pictureThat(page, VOLUME, equals(shaded));
  }
});

test("a cinematic picture refines until something moves, and then again", async () => {
  const page = await desk();
  const shaded = await picture(page, VOLUME);
  await page.keyboard.press("Shift+C");
  assert.equal(await page.locator("#rendering").inputValue(), "cinematic");
  const refining = page.locator(`${viewport(VOLUME)} .quality.refines:visible`);
  await refining.waitFor();
  assert.match(await refining.innerText(), /^Refining \d+ %$/);
  assert.ok(difference(shaded, await picture(page, VOLUME)) > OTHER, "the light is another");
  await page.locator(`${viewport(VOLUME)} .refining:visible`).waitFor();
  await drag(page, VOLUME, 60, 0);
  await refining.waitFor();
  await page.keyboard.press("Shift+C");
  await settled(page, VOLUME);
  await page.locator(`${viewport(VOLUME)} .refining`).waitFor({ state: "hidden" });
});

test("a view at rest becomes lossless, whatever it showed before", async () => {
  const page = await desk();
  const lossless = (view: number) => page.locator(`${viewport(view)} .quality.lossless:visible`);
  for (const view of ALL) await lossless(view).waitFor();
  assert.equal(await page.locator(".badge.lossy:visible").count(), 0);
  const [first, before] = [await picture(page, VOLUME), await pixelsAtRest(page, VOLUME)];
  await drag(page, VOLUME, 80, 20);
  await pictureThat(page, VOLUME, differs(first));
  await lossless(VOLUME).waitFor();
  await page.locator("#reset").click();
  await pictureThat(page, VOLUME, equals(first));
  assert.deepEqual(await pixelsAtRest(page, VOLUME), before, "the first look again, bit by bit");
  assert.equal(await page.locator("#messages .message").count(), 0);
});

for (const [transport, name, how] of [
  ["webrtc", "WebRTC", ""],
  ["webrtc", "WebRTC", " on a page without WebCodecs"],
  ["websocket", "WebSocket", ""],
] as const) {
  test(`what moves is a video by ${name}${how} whose greys are the picture's, and what rests is lossless`, async () => {
    const page = await desk(ALL, transport, how ? ["VideoDecoder", "MediaStreamTrackProcessor"] : []);
    await pictureBy(page, new RegExp(`^${name}`));
    const before = await pixelsAtRest(page, AXIAL);
    const first = await picture(page, AXIAL);
    const box = (await page.locator(viewport(AXIAL)).boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    // A left drag would be windowed by the page.
    await page.mouse.down({ button: "right" });
    for (let step = 1; step <= 12; step++) await page.mouse.move(x + 3 * step, y + step);
    await movesBy(page, new RegExp(`^${name} · H\\.264$`), (step) => page.mouse.move(x + 36 + (step % 2), y + 12 + (step % 2)));
    // Until then the newest input is an echo over an older picture.
    await page.waitForFunction((selector) => !document.querySelector<HTMLElement>(`${selector} canvas`)!.style.transform, viewport(AXIAL));
    const moving = await pixels(page, AXIAL);
    assert.ok(tint(moving) <= 1, `${tint(moving)}`);
    await page.mouse.up({ button: "right" });
    const still = await pixelsAtRest(page, AXIAL);
    assert.ok(Math.abs(mean(moving) - mean(still)) < 0.7, `${mean(moving)} and ${mean(still)}`);
    await page.locator("#reset").click();
    await pictureThat(page, AXIAL, equals(first));
    assert.deepEqual(await pixelsAtRest(page, AXIAL), before, "the first look again, bit by bit");
    assert.equal(await page.locator("#messages .message").count(), 0);
  });
}

for (const transport of ["webrtc", "websocket", "jpeg"] as const) {
  test(`what rests by ${transport} is what the program draws into a file, pixel by pixel`, async (t) => {
    const page = await desk(ALL, transport);
    await pictureBy(page, transport === "webrtc" ? /^WebRTC/ : /^WebSocket/);
    const front = await picture(page, VOLUME);
    await page.locator("#presets").selectOption("CT_Angio");
    // The last thing that is asked for: 5 degrees.
    const red = await pictureThat(page, VOLUME, differs(front));
    await page.locator(`${viewport(VOLUME)} .surface`).focus();
    await page.keyboard.press("Shift+ArrowRight");
    await pictureThat(page, VOLUME, differs(red, 0.5));
    await page.locator("#width").fill("300");
    await page.locator("#center").fill("70");
    await page.locator("#center").press("Enter");
    await factsThat(page, CORONAL, /W 300\s+L 70/);
    for (const [view, ...look] of [
      [VOLUME, "--mode", "dvr", "--preset", "CT_Angio", "--azimuth", "-5"],
      [AXIAL, "--mode", "axial", "--window", "70,300"],
      [CORONAL, "--mode", "coronal", "--window", "70,300"],
    ] as const) {
      await page.locator(`${viewport(view)} .quality.lossless:visible`).waitFor();
      const [width, height] = await page.locator(`${viewport(view)} canvas:not(.local)`).evaluate((canvas: HTMLCanvasElement) => [canvas.width, canvas.height]);
      const unlike = await pixelsUnlike(page, view, drawn(study.folder, "render", "--size", `${width}x${height}`, ...look));
      t.diagnostic(`${look[1]}: ${unlike} of ${width! * height!} pixels differ`);
      assert.equal(unlike, 0);
    }
  });
}

for (const transport of ["webrtc", "websocket", "jpeg"] as const) {
  test(`by ${transport} a drag windows a slice in the page, as the server does it, bit by bit`, async () => {
    const page = await desk(ALL, transport);
    await pictureBy(page, transport === "webrtc" ? /^WebRTC/ : /^WebSocket/);
    const lossless = (view: number) => page.locator(`${viewport(view)} .quality.lossless:visible`).waitFor();
    for (const view of ALL) await lossless(view);
    const [before, coronal] = [await pixels(page, AXIAL), await picture(page, CORONAL)];
    const [, width] = await factsThat(page, AXIAL, WINDOW);
    const local = page.locator(`${viewport(AXIAL)} .local`);
    const box = (await page.locator(viewport(AXIAL)).boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await local.waitFor();
    assert.deepEqual(await pixels(page, AXIAL, ".local"), before, "the values under the first window are the picture");
    await page.mouse.move(x + 60, y + 30, { steps: 10 });
    await factsThat(page, CORONAL, new RegExp(`W (?!${width}\\b)`));
    await factsThat(page, AXIAL, new RegExp(`W (?!${width}\\b)`));
    assert.ok(difference(await pixels(page, AXIAL, ".local"), before) > 1, "it looks different at once");
    await page.keyboard.press("Shift+S");
    // Longer than a hand may pause before there is a picture, or input wait for one.
    await page.waitForTimeout(1_500);
    assert.equal(await page.locator(`${viewport(AXIAL)} .overlay .age`).innerText(), "Drawn here");
    await page.keyboard.press("Shift+S");
    assert.deepEqual(await pixels(page, AXIAL), before, "no picture came");
    assert.ok(difference(await picture(page, CORONAL), coronal) > 1, "the other slices follow");
    await page.mouse.up();
    await local.waitFor({ state: "hidden" });
    await lossless(AXIAL);
    assert.deepEqual(await pixels(page, AXIAL, ".local"), await pixels(page, AXIAL), "what the page drew is the picture");
    assert.ok(difference(await pixels(page, AXIAL), before) > 1);
    assert.equal(await page.locator("#messages .message").count(), 0);
  });
}

/** Has the page send its datagrams this way; with several, another one after each offer. */
async function leadDatagrams(page: Page, ...ways: DatagramLink[]): Promise<void> {
  let answers = 0;
  await page.routeWebSocket(/\/ws$/, (route) => {
    const far = route.connectToServer();
    far.onMessage((message) => {
      if (typeof message !== "string" || !message.startsWith('{"type":"answer"')) return route.send(message);
      const way = ways[Math.min(answers, ways.length - 1)]!;
      answers += 1;
      route.send(message.replace(/\d+ typ host/g, `${way.port} typ host`));
    });
  });
}

/** How far any pixel is from grey, and how bright they are. */
const tint = (rgba: readonly number[]) => rgba.reduce((most, value, i) => (i % 4 === 3 ? most : Math.max(most, Math.abs(value - rgba[i - (i % 4)]!))), 0);
const mean = (rgba: readonly number[]) => rgba.reduce((sum, value, i) => sum + (i % 4 === 0 ? value : 0), 0) / (rgba.length / 4);

test("an address can ask for JPEG alone", async () => {
  const page = await desk([VOLUME], "jpeg");
  const front = await picture(page, VOLUME);
  const codecs = await page.evaluateHandle(() => {
    const shown = new Set<string>();
    new MutationObserver(() => shown.add(document.querySelector("#codec")!.textContent!)).observe(document.querySelector("#codec")!, {
      childList: true,
    });
    return shown;
  });
  await drag(page, VOLUME, 120, 0);
  await pictureThat(page, VOLUME, differs(front));
  await page.locator(`${viewport(VOLUME)} .quality.lossless:visible`).waitFor();
  for (const codec of await codecs.evaluate((shown) => [...shown])) assert.match(codec, /^WebSocket · (JPEG|PNG|WebP)$/);
  assert.match((await page.locator("#codec").getAttribute("title"))!, /transport=jpeg/);
});

test("where there is no path by UDP pictures come by WebSocket, and the page says why", async () => {
  const way = await datagramLink(Number(new URL(server.url).port));
  way.block();
  try {
    await newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await leadDatagrams(page, way);
    await openClient(page, server.url, [VOLUME]);
    const front = await picture(page, VOLUME);
    await drag(page, VOLUME, 120, 0);
    await pictureThat(page, VOLUME, differs(front));
    await page.keyboard.press("Shift+S");
    await page.locator(".overlay").getByText("WebSocket (no WebRTC: no path by UDP was found)").waitFor();
    await drag(page, VOLUME, -120, 0);
    await pictureThat(page, VOLUME, equals(front));
    await pictureBy(page, /^WebSocket/);
    assert.match((await page.locator("#codec").getAttribute("title"))!, /no path by UDP/);
    assert.equal(await page.locator("#messages .message").count(), 0);
  } finally {
    way.stop();
  }
});

test("a path by UDP that breaks in the middle of a drag leaves the view as it is", async () => {
  const way = await datagramLink(Number(new URL(server.url).port));
  try {
    await newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await leadDatagrams(page, way);
    await openClient(page, server.url, ALL);
    await pictureBy(page, /^WebRTC/);
    const shown = await changed(page);
    await page.locator(viewport(VOLUME)).hover();
    await page.mouse.down();
    const box = (await page.locator(viewport(VOLUME)).boundingBox())!;
    const turn = async (to: number) => page.mouse.move(box.x + box.width / 2 + to, box.y + box.height / 2, { steps: 4 });
    await movesBy(page, /^WebRTC · H\.264$/, (step) => turn(40 + (step % 2)));
    way.block();
    await turn(60);
    await pictureBy(page, /^WebSocket/);
    // Which of those who watch the path notices first is the machine's speed.
    assert.match((await page.locator("#codec").getAttribute("title"))!, /no WebRTC: (it fell silent|its video froze|the path by UDP broke|Nothing came)/);
    await turn(120);
    await page.mouse.up();
    const turned = await pictureThat(page, VOLUME, differs(shown.volume));
    await factsThat(page, AXIAL, shown.slice);
    await drag(page, VOLUME, -120, 0);
    await pictureThat(page, VOLUME, equals(shown.volume));
    assert.ok(difference(turned, shown.volume) > OTHER);
    assert.equal(await page.locator("#messages .message").count(), 0);
  } finally {
    way.stop();
  }
});

for (const [what, how] of [
  [undefined, "nothing came through"],
  ["answers", "the server had done them"],
] as const) {
  test(`what is commanded while WebRTC dies is done once, where ${how}`, async () => {
    const way = await datagramLink(Number(new URL(server.url).port));
    try {
      await newContext({ viewport: { width: 1280, height: 800 } });
      const page = await context.newPage();
      await leadDatagrams(page, way);
      await openClient(page, server.url, ALL);
      await pictureBy(page, /^WebRTC/);
      const [, slice, slices] = await factsThat(page, AXIAL, SLICE);
      const front = await picture(page, VOLUME);
      await page.locator(`${viewport(AXIAL)} .surface`).focus();
      way.block(what);
      await page.locator("#width").fill("300");
      await page.locator("#width").press("Enter");
      await page.locator(`${viewport(AXIAL)} .surface`).focus();
      for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowDown");
      await page.locator(`${viewport(VOLUME)} .surface`).focus();
      await page.keyboard.press("Shift+ArrowRight");
      await pictureBy(page, /^WebSocket/);
      await factsThat(page, AXIAL, new RegExp(`Slice ${Number(slice) + 3} / ${slices}`));
      await factsThat(page, AXIAL, /W 300\s/);
      await pictureThat(page, VOLUME, differs(front, 0.5));
      await page.locator(`${viewport(VOLUME)} .quality.lossless:visible`).waitFor();
      const size = await page.locator(`${viewport(VOLUME)} canvas:not(.local)`).evaluate((canvas: HTMLCanvasElement) => `${canvas.width}x${canvas.height}`);
      assert.equal(await pixelsUnlike(page, VOLUME, drawn(study.folder, "render", "--size", size, "--azimuth", "-5")), 0, "turned once");
      await factsThat(page, AXIAL, new RegExp(`Slice ${Number(slice) + 3} / ${slices}`));
      assert.equal(await page.locator("#messages .message").count(), 0);
    } finally {
      way.stop();
    }
  });
}

/** Counts what the page does with WebRTC. */
const countRtc = () => {
  const counts = { connections: 0, answers: 0 };
  Object.assign(window, { rtcCounts: counts });
  const Whole = RTCPeerConnection;
  window.RTCPeerConnection = class extends Whole {
    constructor(...init: ConstructorParameters<typeof RTCPeerConnection>) {
      super(...init);
      counts.connections += 1;
    }

    override setRemoteDescription(answer: RTCSessionDescriptionInit): Promise<void> {
      counts.answers += 1;
      return super.setRemoteDescription(answer);
    }
  };
};

test("a path by UDP that dies is found anew (ICE restart), and pictures go on by WebRTC", async () => {
  const [way, other] = [await datagramLink(Number(new URL(server.url).port)), await datagramLink(Number(new URL(server.url).port))];
  try {
    await newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.addInitScript(countRtc);
    await leadDatagrams(page, way, other);
    await openClient(page, server.url, ALL);
    await pictureBy(page, /^WebRTC/);
    for (const view of ALL) await page.locator(`${viewport(view)} .quality.lossless:visible`).waitFor();
    const front = await picture(page, VOLUME);
    way.block();
    await page.waitForFunction(() => (window as unknown as { rtcCounts: { answers: number } }).rtcCounts.answers === 2);
    await drag(page, VOLUME, 120, 0);
    await pictureThat(page, VOLUME, differs(front));
    await pictureBy(page, /^WebRTC/);
    assert.equal((await page.locator("#codec").getAttribute("title")) ?? "", "");
    assert.deepEqual(await page.evaluate(() => (window as unknown as { rtcCounts: unknown }).rtcCounts), { connections: 1, answers: 2 });
  } finally {
    way.stop();
    other.stop();
  }
});

test("where nothing passes but a TURN server, pictures come by WebRTC through it", async (t) => {
  const turn = await turnServer();
  if (!turn) return t.skip("turnserver (coturn) is not installed");
  const behind = await serve(study.folder, "127.0.0.1:0", "--ice-server", turn.url, "--turn-secret-file", turn.secretFile);
  try {
    await newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.addInitScript(() => {
      const Whole = RTCPeerConnection;
      window.RTCPeerConnection = class extends Whole {
        constructor(init?: RTCConfiguration) {
          super({ ...init, iceTransportPolicy: "relay" });
          Object.assign(window, { rtc: this });
        }
      };
    });
    await openClient(page, behind.url, [VOLUME]);
    await pictureBy(page, /^WebRTC/);
    const front = await picture(page, VOLUME);
    await drag(page, VOLUME, 120, 0);
    await pictureThat(page, VOLUME, differs(front));
    await pictureBy(page, /^WebRTC/);
    const types = await page.evaluate(async () => {
      const reports = [...(await (window as unknown as { rtc: RTCPeerConnection }).rtc.getStats()).values()] as { type: string; candidateType?: string }[];
      return reports.filter(({ type }) => type === "local-candidate").map(({ candidateType }) => candidateType);
    });
    assert.ok(types.length > 0 && types.every((type) => type === "relay"), types.join());
  } finally {
    await behind.stop();
    await turn.stop();
  }
});

for (const [view, button, dx, dy, does] of [
  [AXIAL, "middle", 60, 30, "pans a slice"],
  [AXIAL, "right", 0, 40, "zooms a slice"],
  [AXIAL, "left", 40, 30, "windows a slice"],
  [VOLUME, "middle", 60, 30, "pans the volume"],
  [VOLUME, "right", 0, 40, "zooms the volume"],
] as const) {
  test(`on a slow link a drag that ${does} is seen at once, as it will be`, async (t) => {
    const way = await link(server.url, 800);
    try {
      await newContext({ viewport: { width: 1280, height: 800 } });
      const page = await context.newPage();
      await openClient(page, `${way.url}&transport=websocket`, []);
      await page.locator(`${viewport(view)} .quality.lossless:visible`).waitFor();
      const before = await screen(page, view);
      const box = (await page.locator(viewport(view)).boundingBox())!;
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      await page.mouse.move(x, y);
      await page.mouse.down({ button });
      const times = await page.evaluateHandle(changeTimes, viewport(view));
      await page.mouse.move(x + dx, y + dy);
      const echoed = await screen(page, view);
      assert.equal(await page.locator(`${viewport(view)} .quality`).innerText(), "Interactive");
      await page.waitForFunction((measured) => measured.pictureMs > 0, times);
      const { echoMs, pictureMs } = await times.jsonValue();
      await page.mouse.up({ button });
      await page.locator(`${viewport(view)} .quality.lossless:visible`).waitFor();
      const after = await screen(page, view);
      const [was, off] = [difference(before, after), difference(echoed, after)];
      t.diagnostic(`seen after ${echoMs.toFixed(0)} ms, the picture came after ${pictureMs.toFixed(0)} ms; off by ${off.toFixed(1)}, without by ${was.toFixed(1)}`);
      assert.ok(was > OTHER && off < was / 3, `${off} and ${was}`);
      assert.ok(echoMs < 200 && pictureMs > 700, `${echoMs} and ${pictureMs}`);
    } finally {
      await way.stop();
    }
  });
}

/** Runs in the page: how long after the next input a view looks different, and has its picture. */
const changeTimes = (selector: string) => {
  const canvas = document.querySelector<HTMLCanvasElement>(`${selector} canvas`)!;
  const times = { inputAt: 0, echoMs: 0, pictureMs: 0 };
  addEventListener("pointermove", () => (times.inputAt ||= performance.now()), { capture: true });
  new MutationObserver(() => {
    const now = performance.now() - times.inputAt;
    if (canvas.style.transform && !times.echoMs) times.echoMs = now;
    if (!canvas.style.transform && times.echoMs) times.pictureMs ||= now;
  }).observe(canvas, { attributeFilter: ["style"] });
  return times;
};

test("the measurements lie over the active view and test its latency", async () => {
  const page = await desk();
  await page.keyboard.press("Shift+S");
  const overlay = page.locator(`${viewport(AXIAL)} .overlay`);
  await overlay.waitFor();
  const before = await picture(page, AXIAL);
  await overlay.getByRole("button", { name: "Test latency" }).click();
  await overlay.getByText(/^From press to picture: \d+ · \d+ · \d+ ms/).waitFor();
  await pictureThat(page, AXIAL, equals(before));
  assert.match(await overlay.locator("dl").innerText(), /Latency\s+\d+ · \d+ · \d+ ms/);
  assert.deepEqual(await violations(page), []);
  await page.locator("#stats").click();
  assert.ok(await overlay.isHidden());
});

test("the measurements cover little, nothing that the view writes, and tell when no picture comes", async () => {
  const way = await link(server.url);
  try {
    await newContext({ viewport: { width: 1280, height: 720 } });
    const page = await context.newPage();
    await openClient(page, `${way.url}&transport=websocket`, ALL);
    await page.keyboard.press("Shift+S");
    const overlay = page.locator(`${viewport(AXIAL)} .overlay`);
    const over = (await overlay.boundingBox())!;
    const whole = (await page.locator(viewport(AXIAL)).boundingBox())!;
    const share = (over.width * over.height) / (whole.width * whole.height);
    assert.ok(share < 0.17, `${share}`);
    for (const written of await page.locator(`${viewport(AXIAL)} :is(.corner, .letter, .slices):visible`).all()) {
      const { x, y, width, height } = (await written.boundingBox())!;
      const apart = x >= over.x + over.width || over.x >= x + width || y >= over.y + over.height || over.y >= y + height;
      assert.ok(apart, await written.innerText());
    }
    await overlay.getByText(/^Still for \d+ s$/).waitFor();
    way.hold();
    await page.locator(viewport(AXIAL)).hover();
    await page.mouse.wheel(0, 100);
    await overlay.getByText(/^No picture for [23] s$/).waitFor();
    way.release();
    await overlay.getByText("Live").waitFor();
  } finally {
    await way.stop();
  }
});

test("a double click shows one view alone and back, and every view keeps its slice", async () => {
  const page = await desk();
  await page.keyboard.press("End");
  const [, last] = await factsThat(page, AXIAL, /Slice (\d+) \/ \1/);
  await page.locator(`${viewport(CORONAL)} .surface`).dblclick();
  await page.locator(viewport(AXIAL)).waitFor({ state: "hidden" });
  await settled(page, CORONAL);
  assert.equal(await page.locator(".viewport:visible").count(), 1);
  await page.keyboard.press("Escape");
  await page.locator(viewport(AXIAL)).waitFor();
  await factsThat(page, AXIAL, new RegExp(`Slice ${last} / ${last}`));
});

test("everything can be done with the keyboard alone", async () => {
  const page = await desk();
  const focused = () => page.evaluate(() => document.activeElement?.closest(".viewport")?.getAttribute("data-view") ?? null);
  for (let i = 0; i < 60 && (await focused()) === null; i++) await page.keyboard.press("Tab");
  assert.equal(await focused(), "0");
  const [, slice] = await factsThat(page, AXIAL, SLICE);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await factsThat(page, AXIAL, new RegExp(`Slice ${Number(slice) + 2} /`));
  await page.waitForFunction((words) => document.querySelector("#live")!.textContent!.includes(words), `slice ${Number(slice) + 2} of`);
  await page.keyboard.press("Home");
  await factsThat(page, AXIAL, /Slice 1 \//);
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "1");
  await page.keyboard.press("+");
  await factsThat(page, CORONAL, /Zoom 1\.10×/);
  await page.keyboard.press("=");
  await factsThat(page, CORONAL, /Zoom 1\.00×/);
  const front = await picture(page, VOLUME);
  for (let i = 0; i < 2; i++) await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "3");
  for (let i = 0; i < 6; i++) await page.keyboard.press("Shift+ArrowRight");
  await pictureThat(page, VOLUME, differs(front));
  await page.keyboard.press("Space");
  await pictureThat(page, VOLUME, equals(front));
  await page.keyboard.press("p");
  await pictureThat(page, VOLUME, differs(front));
  await page.keyboard.press("?");
  await page.locator("#help-dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#help-dialog").waitFor({ state: "hidden" });
});

test("one key hides the patient's name everywhere", async () => {
  const page = await desk([AXIAL]);
  assert.ok((await page.locator(".demographics:visible").count()) > 0);
  await page.keyboard.press("d");
  assert.equal(await page.locator(".demographics:visible").count(), 0);
});

test("axe finds nothing serious", async () => {
  const page = await desk();
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("?");
  assert.deepEqual(await violations(page), []);
});

test("a phone shows one view, turns it with one finger and zooms it with two", async () => {
  await newContext({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 3, hasTouch: true, isMobile: true });
  const page = await context.newPage();
  await openClient(page, server.url, [AXIAL]);
  assert.equal(await page.locator(".viewport:visible").count(), 1);
  await page.locator("#tabs button", { hasText: "Volume" }).tap();
  await settled(page, VOLUME);
  const front = await picture(page, VOLUME);
  const touch = await context.newCDPSession(page);
  await swipe(touch, [[195, 400]], [[275, 400]]);
  const turned = await pictureThat(page, VOLUME, differs(front));
  await swipe(touch, [[175, 400], [215, 400]], [[115, 400], [275, 400]]);
  await pictureThat(page, VOLUME, differs(turned));
  assert.equal(await page.evaluate(() => visualViewport!.scale), 1, "the page itself does not zoom");
  for (const state of ["hidden", "visible"] as const) {
    await page.touchscreen.tap(195, 400);
    await page.touchscreen.tap(195, 400);
    await page.locator(".toolbar").waitFor({ state });
  }
  await page.touchscreen.tap(195, 400);
  await page.touchscreen.tap(195, 400);
  await page.locator(".toolbar").waitFor({ state: "hidden" });
  assert.ok(await page.locator(".notice").isVisible());
  await page.getByRole("button", { name: "All views" }).tap();
  await page.locator(".toolbar").waitFor();
  await page.locator("#library-toggle").tap();
  await page.locator("#library").waitFor();
  await page.locator(".series").first().tap();
  await page.locator("#library").waitFor({ state: "hidden" });
  await page.locator("#controls-toggle").tap();
  assert.deepEqual(await violations(page), []);
});

/** Moves fingers from points to points, in CSS pixels. */
async function swipe(session: CDPSession, from: [number, number][], to: [number, number][]): Promise<void> {
  const steps = 8;
  const points = (step: number) =>
    from.map(([x, y], i) => ({ id: i, x: x + ((to[i]![0] - x) * step) / steps, y: y + ((to[i]![1] - y) * step) / steps }));
  await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: points(0) });
  for (let step = 1; step <= steps; step++) {
    await session.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: points(step) });
  }
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
}

/** What axe-core calls serious or critical on this page, as text. */
async function violations(page: Page): Promise<string[]> {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(axe);
  return page.evaluate(async () => {
    type Found = { id: string; impact: string; nodes: { target: unknown[]; failureSummary: string }[] };
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Found[] }> } };
    const { violations } = await axe.run();
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    return serious.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
  });
}
