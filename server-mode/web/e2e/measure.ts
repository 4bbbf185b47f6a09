// npm run measure: how long an input takes to its picture in a real browser, by each way that pictures come.

import { type RunningServer, openBrowser, openClient, phantom, pictureBy, serve, testData, viewport } from "./harness";

const VOLUME = 3;
const DRAG_MS = 10_000;
const STEP_MS = 16;
const PICTURE = { width: 1280, height: 720 };
const WAYS = [["webrtc", /^WebRTC/], ["websocket", /^WebSocket/], ["jpeg", /^WebSocket/]] as const;

const chest = testData("ct-chest-jpegls");
const formula = chest ? null : phantom();
if (formula) console.log("no ../shared/data: measured with the phantom");

async function measure(server: RunningServer, transport: string, way: RegExp): Promise<Record<string, string>> {
  const browser = await openBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1600, height: 900 } });
    await openClient(page, `${server.url}&transport=${transport}`, [VOLUME]);
    await page.locator(`${viewport(VOLUME)} .surface`).dblclick();
    const box = (await page.locator(viewport(VOLUME)).boundingBox())!;
    await page.setViewportSize({ width: 1600 + PICTURE.width - box.width, height: 900 + PICTURE.height - box.height });
    await page.keyboard.press("Shift+S");
    const overlay = page.locator(".overlay");
    await overlay.getByText(`${PICTURE.width} × ${PICTURE.height}`).waitFor();
    await pictureBy(page, way);
    await page.locator(`${viewport(VOLUME)} .quality.lossless:visible`).waitFor();

    const { x, y, width, height } = (await page.locator(viewport(VOLUME)).boundingBox())!;
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    const began = performance.now();
    // The browser answers a move when it has drawn: a hand does not wait for that.
    const moves: Promise<void>[] = [];
    for (let now = began; now - began < DRAG_MS; now = performance.now()) {
      const turn = (now - began) / 1000;
      moves.push(page.mouse.move(x + width / 2 + 300 * Math.sin(turn), y + height / 2 + 60 * Math.sin(2.3 * turn)));
      await new Promise((next) => setTimeout(next, STEP_MS - ((performance.now() - began) % STEP_MS)));
    }
    const row = (name: string) => overlay.locator(`dt:text-is("${name}") + dd`).innerText();
    // Of the last picture: at rest it is another one.
    const codec = await row("Codec");
    await Promise.all(moves);
    // Shown twice a second.
    await page.waitForTimeout(600);
    const [rate, latency, bits, freeze] = [await row("Rate"), await row("Latency"), await row("Data"), await row("Freeze")];
    await page.mouse.up();
    const released = performance.now();
    await page.locator(`${viewport(VOLUME)} .quality.lossless:visible`).waitFor();
    const lossless = `${(performance.now() - released).toFixed(0)} ms`;
    await overlay.getByRole("button").click();
    const pressed = await overlay.getByText(/^From press to picture/).innerText();
    return { codec, rate, latency: latency.replace(/ \(.*/, ""), press: pressed.replace(/^.*: | \(.*/g, ""), data: bits, freeze, lossless };
  } finally {
    await browser.close();
  }
}

const server = await serve(chest ?? formula!.folder);
try {
  const rows: Record<string, Record<string, string>> = {};
  const wanted = process.argv.slice(2);
  for (const [transport, way] of WAYS) {
    if (wanted.length === 0 || wanted.includes(transport)) rows[transport] = await measure(server, transport, way);
  }
  console.log("a volume dragged for 10 s; latency and press in ms, p50 · p95 · p99: input sent to picture painted");
  console.table(rows);
} finally {
  await server.stop();
  formula?.remove();
}
