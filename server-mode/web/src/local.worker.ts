// The worker that draws views on this computer: render-core, compiled, on WebGPU. Nothing here waits on the page's thread.

import init, { Drawer } from "./drawer/drawer";

/** What the page asks for. Messages and states are the protocol's, as JSON. */
export type Ask =
  | { do: "open" }
  | { do: "series"; opened: string }
  | { do: "fetch"; url: string; level: number; mostBytes: number }
  | { do: "show"; view: number; told: string; keepPlace: boolean }
  | { do: "hide"; view: number }
  | { do: "input"; view: number; message: string; hand: "holds" | "lets go" | "free" }
  | { do: "measure" };

export type Tell =
  | { is: "opened"; name: string; software: boolean }
  | { is: "absent"; why: string }
  | { is: "coming"; level: number; share: number }
  | { is: "arrived"; level: number; bytes: number; ms: number }
  | { is: "refused"; why: string }
  | { is: "shown"; view: number; why: string }
  | { is: "hidden"; view: number }
  | { is: "moves"; view: number }
  | { is: "measured"; ms: number }
  | { is: "picture"; view: number; bitmap: ImageBitmap; info: string; final: boolean; moving: boolean; ms: number }
  | { is: "set"; message: string }
  | { is: "failed"; why: string };

/** Without movement for this long a picture is drawn in full; with a button held the hand may only have paused. */
const REST_MS = 150;
const HELD_REST_MS = 500;
/** The server is told where a moving view is this often. */
const TELL_MS = 100;
/** Moving pictures that take longer have fewer pixels, those that take less have more again. */
const LONG_MS = 30;
const SHORT_MS = 15;
const SMALLEST = 0.4;
const SHRINK = 0.8;

/** Pixels of the pictures that are measured: those of a large view. */
const MEASURED = [960, 640] as const;

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|warp|basic render/i;

const WASM = "/local.wasm";

let drawer: Drawer | null = null;
/** The series that is open, `seriesOpened` as it came. */
let opened: string | null = null;
let fetching: AbortController | null = null;
let drawing = false;
/** How often the voxels were halved that are drawn. */
let coarse = 0;
/** Counts the series, so that what belongs to an earlier one is dropped. */
let series = 0;

/** What is to be drawn of a view. */
interface Wish {
  moving: boolean;
  rest: ReturnType<typeof setTimeout> | undefined;
  scale: number;
}

const shown = new Map<number, Wish>();
/** Views to draw, the most urgent first. */
let queue: number[] = [];
const toTell = new Map<number, boolean>();
let telling: ReturnType<typeof setTimeout> | undefined;

function tell(message: Tell, transfer: Transferable[] = []): void {
  postMessage(message, { transfer });
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Looks at what there is, before anything large is fetched. */
async function open(): Promise<void> {
  if (!("gpu" in navigator)) return tell({ is: "absent", why: "this browser has no WebGPU" });
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return tell({ is: "absent", why: "the browser offers no graphics card" });
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const parts = [description || device, vendor, architecture].filter((part) => part !== "");
  const name = parts.slice(0, 2).join(" ") || "the graphics card";
  tell({ is: "opened", name, software: isFallbackAdapter === true || SOFTWARE.test(parts.join(" ")) });
}

/** The drawer of the series that is open. */
async function ready(): Promise<Drawer> {
  if (!drawer) {
    await init({ module_or_path: WASM });
    drawer = await Drawer.open();
  }
  if (opened !== null) drawer.begin(opened);
  opened = null;
  return drawer;
}

/** Streams voxels in: no more than a piece of them waits anywhere. */
async function fetchVoxels(url: string, level: number, mostBytes: number): Promise<void> {
  const of = series;
  fetching?.abort();
  const abort = (fetching = new AbortController());
  try {
    const own = await ready();
    const begun = performance.now();
    const answer = await fetch(url, { signal: abort.signal });
    if (!answer.ok || !answer.body) throw new Error(`the server gives no voxels: ${(await answer.text()).slice(0, 200)}`);
    const reader = answer.body.getReader();
    let [bytes, told] = [0, 0];
    for (;;) {
      const { done, value } = await reader.read();
      if (of !== series || abort.signal.aborted) return;
      if (done) break;
      bytes += value.length;
      const share = own.push(value, mostBytes);
      if (share - told >= 0.01) tell({ is: "coming", level, share: (told = share) });
    }
    own.arrived();
    coarse = level;
    fetching = null;
    tell({ is: "arrived", level, bytes, ms: performance.now() - begun });
    for (const view of shown.keys()) touch(view, false);
  } catch (error) {
    if (of !== series || abort.signal.aborted) return;
    drawer?.abandon();
    tell({ is: "refused", why: words(error) });
  } finally {
    if (fetching === abort) fetching = null;
  }
}

/** A view looks different now. */
function touch(view: number, moving: boolean, held = false): void {
  const wish = shown.get(view);
  if (!wish) return;
  if (moving && !wish.moving) tell({ is: "moves", view });
  wish.moving = moving;
  clearTimeout(wish.rest);
  if (moving) wish.rest = setTimeout(() => rest(view), held ? HELD_REST_MS : REST_MS);
  queue = [...queue.filter((other) => other !== view), view];
  void draw();
}

function rest(view: number): void {
  touch(view, false);
  tellServer(view, false);
}

async function draw(): Promise<void> {
  if (drawing || !drawer) return;
  drawing = true;
  for (let view = queue.shift(); view !== undefined; view = queue.shift()) {
    const wish = shown.get(view);
    if (!wish) continue;
    const { moving } = wish;
    const scale = moving ? wish.scale : 1;
    const [begun, whole] = [performance.now(), coarse === 0];
    try {
      const info = drawer.info(view);
      const picture = await drawer.draw(view, scale, moving);
      const pixels = new Uint8ClampedArray(picture.pixels().buffer as ArrayBuffer);
      // Bytes as they are: no colour profile changes a brightness.
      const bitmap = await createImageBitmap(new ImageData(pixels, picture.width, picture.height), { colorSpaceConversion: "none" });
      picture.free();
      const ms = performance.now() - begun;
      if (moving) wish.scale = Math.min(1, Math.max(SMALLEST, ms > LONG_MS ? scale * SHRINK : ms < SHORT_MS ? scale / SHRINK : scale));
      if (shown.get(view) === wish) tell({ is: "picture", view, bitmap, info, final: !moving && whole, moving, ms }, [bitmap]);
      else bitmap.close();
    } catch (error) {
      queue = [];
      tell({ is: "failed", why: words(error) });
    }
  }
  drawing = false;
}

/** Tells the server where views are: not for each move, but always where they came to rest. */
function tellServer(view: number, moving: boolean): void {
  toTell.set(view, moving);
  if (!moving) return flush();
  telling ??= setTimeout(flush, TELL_MS);
}

function flush(): void {
  clearTimeout(telling);
  telling = undefined;
  for (const [view, moving] of toTell) {
    if (shown.has(view)) tell({ is: "set", message: drawer!.set(view, moving) });
  }
  toTell.clear();
}

async function measure(): Promise<void> {
  // One picture at a time: what is in the making comes first.
  while (drawing) await new Promise((next) => setTimeout(next, 5));
  drawing = true;
  try {
    tell({ is: "measured", ms: await drawer!.measure(...MEASURED) });
  } catch (error) {
    tell({ is: "failed", why: words(error) });
  }
  drawing = false;
  void draw();
}

async function obey(ask: Ask): Promise<void> {
  switch (ask.do) {
    case "open":
      return open().catch((error: unknown) => tell({ is: "absent", why: words(error) }));
    case "series":
      series += 1;
      fetching?.abort();
      shown.clear();
      toTell.clear();
      queue = [];
      opened = ask.opened;
      return;
    case "fetch":
      return fetchVoxels(ask.url, ask.level, ask.mostBytes);
    case "show":
      try {
        drawer!.show(ask.told, ask.keepPlace);
      } catch (error) {
        shown.delete(ask.view);
        drawer!.hide(ask.view);
        return tell({ is: "shown", view: ask.view, why: words(error) });
      }
      if (!shown.has(ask.view)) shown.set(ask.view, { moving: false, rest: undefined, scale: 1 });
      tell({ is: "shown", view: ask.view, why: "" });
      if (ask.keepPlace) tellServer(ask.view, false);
      return touch(ask.view, false);
    case "hide":
      flush();
      shown.delete(ask.view);
      drawer?.hide(ask.view);
      return tell({ is: "hidden", view: ask.view });
    case "input": {
      const { message, view, hand } = ask;
      for (const changed of drawer!.obey(view, message)) {
        touch(changed, true, hand === "holds");
        tellServer(changed, true);
      }
      if (hand === "lets go") for (const [other, { moving }] of shown) if (moving) rest(other);
      return;
    }
    case "measure":
      return measure();
  }
}

onmessage = ({ data }: MessageEvent<Ask>) => {
  obey(data).catch((error: unknown) => tell({ is: "failed", why: words(error) }));
};
