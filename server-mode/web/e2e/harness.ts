// The real binary, a real browser, and pixels.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { type RemoteInfo, createSocket } from "node:dgram";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, type Page, chromium } from "playwright-core";

/** A step that takes longer has failed; nothing waits this long when it works. */
const PATIENCE_MS = 60_000;

const targetFolder = process.env["CARGO_TARGET_DIR"] ?? "../../target";
const binary = resolve(process.env["VOXCAST_BIN"] ?? join(targetFolder, "release/voxcast"));
const browsers = ["chromium", "chromium-browser", "google-chrome"];

export interface RunningServer {
  /** With the token. */
  url: string;
  origin: string;
  stop(): Promise<void>;
}

/** A folder with the phantom study, and how to remove it. */
export function phantom(): { folder: string; remove(): void } {
  if (!existsSync(binary)) throw new Error(`${binary} is missing: build it with \`cargo build --release\`, or set VOXCAST_BIN`);
  const folder = mkdtempSync(join(tmpdir(), "voxcast-e2e-"));
  execFileSync(binary, ["phantom", join(folder, "study")], { stdio: ["ignore", "ignore", "inherit"] });
  return { folder: join(folder, "study"), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A folder of the test data that lie beside the project, or where VOXCAST_DATA says; null where there are none. */
export function testData(name: string): string | null {
  const all = resolve(process.env["VOXCAST_DATA"] ?? "../../../shared/data");
  if (!existsSync(all)) return null;
  const folder = join(all, name);
  if (!existsSync(folder)) throw new Error(`${folder} is missing`);
  return folder;
}

/** Runs the program, to draw a picture into a PNG file, and returns the file's bytes. */
export function drawn(study: string, ...args: string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "voxcast-e2e-"));
  try {
    const out = join(folder, "drawn.png");
    execFileSync(binary, [...args, "--backend", "cpu", "--out", out, study], { stdio: ["ignore", "ignore", "inherit"] });
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts the server and waits for the address that it prints. */
export async function serve(study: string, listen = "127.0.0.1:0", ...more: string[]): Promise<RunningServer> {
  const child = spawn(binary, ["--serve", "--listen", listen, "--no-index", ...more, study], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with code ${code} before it printed its address`)));
  });
  const url = await Promise.race([printedUrl(child), gone]);
  return { url, origin: new URL(url).origin, stop: () => stop(child) };
}

/** A link between browser and server that can be cut, and that takes its time. */
export interface Link {
  /** The server's address, by this link. */
  url: string;
  /** Cuts all connections; new ones are made as before. */
  cut(): void;
  /** Lets nothing through to the browser until it is released. */
  hold(): void;
  release(): void;
  stop(): Promise<void>;
}

/** All that goes through it arrives half of `roundTripMs` later. */
export async function link(serverUrl: string, roundTripMs = 0): Promise<Link> {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  const fromServer = new Set<Socket>();
  const pass = (from: Socket, to: Socket) => {
    sockets.add(from.setNoDelay(true));
    const later = (act: () => void) => setTimeout(act, roundTripMs / 2);
    from.on("data", (bytes) => later(() => to.write(bytes)));
    from.on("end", () => later(() => to.end()));
    from.on("error", () => to.destroy());
    from.on("close", () => sockets.delete(from));
  };
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    fromServer.add(far.on("close", () => fromServer.delete(far)));
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the link has no port");
  const url = new URL(serverUrl);
  url.port = String(address.port);
  const cut = () => sockets.forEach((socket) => socket.resetAndDestroy());
  const stop = () =>
    new Promise<void>((done) => {
      cut();
      server.close(() => done());
    });
  const hold = () => fromServer.forEach((socket) => socket.pause());
  const release = () => fromServer.forEach((socket) => socket.resume());
  return { url: url.href, cut, hold, release, stop };
}

/** A TURN server of this machine, with a secret that it shares with the server; null where there is none. */
export async function turnServer(): Promise<{ url: string; secretFile: string; stop(): Promise<void> } | null> {
  const folder = mkdtempSync(join(tmpdir(), "voxcast-e2e-"));
  const [socket, secretFile, secret] = [createSocket("udp4"), join(folder, "secret"), "a secret of the tests alone"];
  await new Promise<void>((bound) => socket.bind(0, "127.0.0.1", bound));
  const { port } = socket.address();
  socket.close();
  writeFileSync(secretFile, secret, { mode: 0o600 });
  const files = [`--pidfile=${join(folder, "pid")}`, `--userdb=${join(folder, "db")}`, "--log-file=stdout", "--simple-log"];
  const only = ["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli"];
  const auth = ["--use-auth-secret", `--static-auth-secret=${secret}`, "--realm=voxcast.test"];
  const child = spawn("turnserver", ["-n", ...only, ...auth, ...files, `--listening-port=${port}`], { stdio: "ignore" });
  const end = async () => {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const started = await new Promise<boolean>((known) => {
    child.once("error", () => known(false));
    child.once("spawn", () => known(true));
  });
  if (!started) {
    rmSync(folder, { recursive: true, force: true });
    return null;
  }
  while (!(await accepts(port))) await new Promise((later) => setTimeout(later, 50));
  return { url: `turn:127.0.0.1:${port}?transport=udp`, secretFile, stop: end };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((known) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => known(false));
    socket.once("connect", () => {
      socket.destroy();
      known(true);
    });
  });
}

/** A way for datagrams between browser and server, that can be blocked. */
export interface DatagramLink {
  port: number;
  /** Lets nothing through any more, or nothing to the browser. */
  block(what?: "answers"): void;
  stop(): void;
}

export async function datagramLink(serverPort: number): Promise<DatagramLink> {
  let [blocked, answersBlocked] = [false, false];
  const near = createSocket("udp4");
  const far = new Map<string, ReturnType<typeof createSocket>>();
  const way = (client: RemoteInfo) => {
    const name = `${client.address}:${client.port}`;
    const known = far.get(name);
    if (known) return known;
    const socket = createSocket("udp4").on("message", (bytes) => !answersBlocked && near.send(bytes, client.port, client.address));
    far.set(name, socket);
    return socket;
  };
  near.on("message", (bytes, client) => !blocked && way(client).send(bytes, serverPort, "127.0.0.1"));
  await new Promise<void>((bound) => near.bind(0, "127.0.0.1", bound));
  const block = (what?: "answers") => {
    [blocked, answersBlocked] = [what === undefined, true];
  };
  const stop = () => {
    near.close();
    for (const socket of far.values()) socket.close();
  };
  return { port: near.address().port, block, stop };
}

function printedUrl(child: ChildProcess): Promise<string> {
  return new Promise((found) => {
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const url = /https?:\/\/\S+token=\S+/.exec(line)?.[0];
      if (url) found(url);
    });
  });
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    child.once("exit", () => done());
    child.kill("SIGKILL");
  });
}

export function openBrowser(...more: string[]): Promise<Browser> {
  const folders = (process.env["PATH"] ?? "").split(":");
  const paths = folders.flatMap((folder) => browsers.map((name) => join(folder, name)));
  const executablePath = process.env["VOXCAST_CHROMIUM"] ?? paths.find((path) => existsSync(path));
  if (!executablePath) throw new Error(`none of ${browsers.join(", ")} is installed; install Chromium or set VOXCAST_CHROMIUM`);
  const quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet, ...more] });
}

/** Opens the client and waits until these views show final pictures. */
export async function openClient(page: Page, url: string, views: readonly number[]): Promise<void> {
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(url);
  for (const view of views) await settled(page, view);
}

/** Waits until the last picture came this way, for instance "WebRTC · H.264". */
export async function pictureBy(page: Page, way: RegExp): Promise<void> {
  await page.waitForFunction((source) => new RegExp(source).test(document.querySelector("#codec")!.textContent!), way.source);
}

/** Moves on until the last picture came this way: one alone may be followed by another view's before anybody looks. */
export async function movesBy(page: Page, way: RegExp, move: (step: number) => Promise<void>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  for (let step = 0; !way.test((await page.locator("#codec").textContent()) ?? ""); step++) {
    if (Date.now() > end) throw new Error(`no picture came by ${way.source}`);
    await move(step);
  }
}

export function viewport(view: number): string {
  return `.viewport[data-view="${view}"]`;
}

/** Waits until a view shows a picture of final quality. */
export async function settled(page: Page, view: number): Promise<void> {
  await page.locator(`${viewport(view)} .quality.final:visible`).waitFor();
}

/** A view's picture, shrunk to 32 x 32 RGB values. */
export type Picture = readonly number[];

/** Runs in the page: the picture of the canvas of a viewport. */
const readPicture = (selector: string): number[] => {
  const canvas = document.querySelector<HTMLCanvasElement>(`${selector} canvas`)!;
  const small = document.createElement("canvas");
  small.width = small.height = 32;
  const context = small.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingQuality = "high";
  if (canvas.width > 0) context.drawImage(canvas, 0, 0, 32, 32);
  return [...context.getImageData(0, 0, 32, 32).data].filter((_, i) => i % 4 !== 3);
};

export function picture(page: Page, view: number): Promise<Picture> {
  return page.evaluate(readPicture, viewport(view));
}

/** All RGBA values of a view's picture, or of what the page has drawn over it. */
export function pixels(page: Page, view: number, over = ""): Promise<readonly number[]> {
  return page.evaluate((selector) => {
    const canvas = document.querySelector<HTMLCanvasElement>(selector)!;
    return [...canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data];
  }, `${viewport(view)} canvas${over}`);
}

/** The same of its picture once that is marked as lossless; the mark and the pixels are of one picture. */
export async function pixelsAtRest(page: Page, view: number): Promise<readonly number[]> {
  const read = await page.waitForFunction((selector) => {
    if (!document.querySelector<HTMLElement>(`${selector} .quality.lossless`)?.offsetParent) return null;
    const canvas = document.querySelector<HTMLCanvasElement>(`${selector} canvas`)!;
    return [...canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data];
  }, viewport(view));
  return (await read.jsonValue())!;
}

/** How many pixels of a view's picture are not those of a PNG file; all of them where its size is another. */
export function pixelsUnlike(page: Page, view: number, png: Buffer): Promise<number> {
  return page.evaluate(
    async ([selector, base64]) => {
      const canvas = document.querySelector<HTMLCanvasElement>(`${selector} canvas`)!;
      const { width, height } = canvas;
      const bytes = Uint8Array.from(atob(base64!), (letter) => letter.charCodeAt(0));
      const drawn = await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none" });
      if (drawn.width !== width || drawn.height !== height) return width * height;
      const other = new OffscreenCanvas(width, height).getContext("2d")!;
      other.drawImage(drawn, 0, 0);
      const [a, b] = [canvas.getContext("2d")!, other].map((context) => new Uint32Array(context.getImageData(0, 0, width, height).data.buffer));
      return a!.reduce((count, pixel, i) => count + (pixel === b![i] ? 0 : 1), 0);
    },
    [viewport(view), png.toString("base64")] as const,
  );
}

/** What the screen shows of the middle of a view, as `picture`: with all that the page does to the canvas. */
export async function screen(page: Page, view: number): Promise<Picture> {
  const { x, y, width, height } = (await page.locator(viewport(view)).boundingBox())!;
  const shot = await page.screenshot({ clip: { x: x + width / 4, y: y + height / 4, width: width / 2, height: height / 2 } });
  return page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))]));
    const context = new OffscreenCanvas(32, 32).getContext("2d")!;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, 32, 32);
    return [...context.getImageData(0, 0, 32, 32).data].filter((_, i) => i % 4 !== 3);
  }, shot.toString("base64"));
}

/** Mean absolute difference of two pictures, 0 to 255. */
export function difference(a: Picture, b: Picture): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}

/** Looks at a view, at every frame of the browser, until its settled picture is as wanted; returns it. */
export async function pictureThat(page: Page, view: number, wanted: (picture: Picture) => boolean): Promise<Picture> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    await settled(page, view);
    const now = await picture(page, view);
    // Something may have moved since it was settled.
    const still = await page.locator(`${viewport(view)} .quality.final:visible`).count();
    if (still > 0 && wanted(now)) return now;
    if (Date.now() > end) throw new Error(`the picture of view ${view} did not become what it should`);
    await page.evaluate(() => new Promise((next) => requestAnimationFrame(next)));
  }
}

/** Drags from the middle of a view. */
export async function drag(page: Page, view: number, dx: number, dy: number, button: "left" | "middle" | "right" = "left"): Promise<void> {
  const box = (await page.locator(viewport(view)).boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down({ button });
  await page.mouse.move(x + dx, y + dy, { steps: 8 });
  await page.mouse.up({ button });
}

/** The text in the lower left corner of a view: window, zoom, slice. */
function facts(page: Page, view: number): Promise<string> {
  return page.locator(`${viewport(view)} .bottom-left`).innerText();
}

/** Waits until the facts of a view match, and returns the match. */
export async function factsThat(page: Page, view: number, pattern: RegExp): Promise<RegExpExecArray> {
  await page.waitForFunction(
    ([selector, source]) => new RegExp(source!).test(document.querySelector<HTMLElement>(selector!)!.innerText),
    [`${viewport(view)} .bottom-left`, pattern.source] as const,
  );
  const match = pattern.exec(await facts(page, view));
  if (!match) throw new Error(`the facts of view ${view} changed while they were read`);
  return match;
}
