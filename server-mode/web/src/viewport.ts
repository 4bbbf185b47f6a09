// One viewport: the picture, and what is written over it.

import { type Caption, Corners, type Facts, depthText } from "./corners";
import { element, setText, svg } from "./dom";
import { Echo, brightness, levels } from "./echo";
import { Gestures, type Point, type Target, type Tool } from "./gestures";
import {
  type Button,
  type ClientMessage,
  type Content,
  type Frame,
  type Part,
  type Place,
  type Size,
  type SliceValues,
  type ViewState,
  type WindowValues,
  REVISIONS,
  follows,
  isVideo,
} from "./protocol";
import { lettersOf } from "./sight";
import { type Text, t } from "./texts";
import { type Values, decode, paint } from "./values";
import { Video } from "./video";
import type { Picture } from "./webrtc";
import { levelText, numberText, titleOf, windowText } from "./words";
import { xxh32 } from "./xxh32";

/** Whether a preset says what the view looks like: a projection shows its window instead. */
export function showsPreset(content: Content): boolean {
  return content === "volume" || content === "cinematic";
}

export interface Owner {
  send(message: ClientMessage): unknown;
  activate(view: number): void;
  maximise(view: number): void;
  shown(frame: Frame): void;
  /** The window that the view shows is another one, or the page draws it itself from now on. */
  windowed(view: number): void;
  /** A video could not be decoded. */
  videoFailed(): void;
  fault(message: string): void;
  explainWarnings(): void;
  /** What is on screen is another slice or place, or the same in another size. */
  drew(view: number): void;
  tool(): Tool;
  /** Whether it may be paged here. */
  pages(): boolean;
  /** As in `Target`, of this view. */
  draw(view: number, kind: Parameters<Target["draw"]>[0], at: Point, byTouch: boolean): boolean;
  hover(view: number, at: Point | null): void;
}

/** An echo that no picture answers ends after this. */
const ECHO_MS = 1_600;

/** A frame, with its picture where that is decoded. */
interface Arrived {
  frame: Frame;
  picture: Picture | null;
}

/** Values, the state of the view that they are of, and room for their picture. */
interface Windowed {
  of: ViewState;
  image: Values;
  pixels: ImageData;
}

const SLICES: readonly Content[] = ["axial", "coronal", "sagittal"];

export class Viewport {
  readonly view: number;
  readonly root: HTMLElement;
  readonly surface: HTMLElement;
  content: Content;
  /** The newest state that the server told; the picture may still be on its way. */
  state: ViewState | null = null;
  size: Size | null = null;
  ratio = 1;
  /** Slice that the server was last asked for, so that fast steps add up. */
  wantedSlice: number | null = null;

  readonly #owner: Owner;
  readonly #gestures: Gestures;
  /** What is drawn over the picture, and moves with it. */
  readonly sketch = svg("svg", { class: "sketch", "aria-hidden": "true" });
  readonly #canvas = element("canvas", { "aria-hidden": "true" });
  readonly #corners: Corners;
  readonly #slider = element("input", { type: "range", class: "slices", min: 1, max: 1, step: 1, hidden: true });
  readonly #stale = element("div", { class: "stale-note", hidden: true });
  readonly #echo = new Echo();
  readonly #greys = [svg("feFuncR", { type: "table" }), svg("feFuncG", { type: "table" }), svg("feFuncB", { type: "table" })];
  /** Of the picture itself; while it is an echo it counts as interactive. */
  #shownQuality: [quality: Frame["quality"], refined: number] = ["interactive", 0];
  #shownCodec: Frame["codec"] | null = null;
  #echoEnd: ReturnType<typeof setTimeout> | undefined;

  /** The picture of values, over the server's; it stays until a newer one of the server's, even without the values. */
  readonly #local = element("canvas", { class: "local", "aria-hidden": "true", hidden: true });
  /** What the page windows itself from a press until the picture at rest is there. */
  #values: Windowed | null = null;
  /** The window of that picture. */
  #localWindow: WindowValues | null = null;
  /** What the page windows the picture to; null where it shows the server's window. */
  #look: WindowValues | null = null;
  /** A left button is held on a slice, and nothing but the window was changed since it was pressed. */
  #windowing = false;

  #caption: Caption | null = null;
  #slab = "";
  #inverted = false;
  #nameless = false;
  /** States whose pictures have not been shown yet, oldest first. */
  #states: ViewState[] = [];
  #drawn: ViewState | null = null;
  /** Frames that have not been painted yet, oldest first. They build on each other, so none is left out. */
  #waiting: Arrived[] = [];
  #decoding = false;
  readonly #video = new Video();
  /** The picture is not what the server thinks it is; what comes is of no use until it begins anew. */
  #spoilt = false;
  #drawnHere = false;
  /** Counts what made all earlier frames worthless, even one that is being decoded. */
  #generation = 0;
  /** Number of the newest frame. */
  #newest: number | null = null;
  /** Of a guest's view: what revisions of the series begin with that the host is known to show. */
  #era: number | null = null;
  /** A frame came before what it shows was told. */
  #early = false;

  constructor(view: number, content: Content, owner: Owner) {
    this.view = view;
    this.content = content;
    this.#owner = owner;
    this.#corners = new Corners(() => owner.explainWarnings());
    this.surface = element("div", { class: "surface", tabindex: 0, role: "application" }, this.#canvas, this.#local, this.sketch);
    this.root = element(
      "section",
      { class: "viewport", "data-view": view },
      this.surface,
      ...this.#corners.nodes,
      this.#slider,
      this.#stale,
      svg(
        "svg",
        { width: 0, height: 0, class: "unseen", "aria-hidden": "true" },
        svg(
          "filter",
          { id: `echo-${view}`, "color-interpolation-filters": "sRGB", x: 0, y: 0, width: 1, height: 1 },
          svg("feComponentTransfer", {}, ...this.#greys),
        ),
      ),
    );
    const target: Target = {
      view,
      ratio: () => this.ratio,
      send: (message) => owner.send(message),
      activate: () => owner.activate(view),
      maximise: () => owner.maximise(view),
      page: (slices) => this.showSlice((this.wantedSlice ?? this.state?.slice ?? 1) + slices),
      get tool() {
        return owner.tool();
      },
      draw: (kind, at, byTouch) => owner.draw(view, kind, at, byTouch),
      hover: (at) => owner.hover(view, at),
    };
    this.#gestures = new Gestures(this.surface, target);
    this.surface.addEventListener("focus", () => owner.activate(view));
    this.#slider.addEventListener("input", () => this.showSlice(this.#slider.valueAsNumber));
    this.retitle();
  }

  get visible(): boolean {
    return !this.root.hidden;
  }

  /** Shows or hides it. While hidden it paints nothing, and acknowledges no picture that is on its way. */
  setVisible(visible: boolean): void {
    if (visible === this.visible) return;
    this.root.hidden = !visible;
    if (visible) void this.#draw();
  }

  setActive(active: boolean): void {
    this.root.classList.toggle("active", active);
  }

  setContent(content: Content): void {
    this.content = content;
    this.retitle();
  }

  setCaption(caption: Caption | null): void {
    this.#caption = caption;
    if (!caption) this.#forget();
    this.#write();
  }

  /** A host shows a state of this revision: of another series where there is a caption, and the picture is another patient's then, maybe. */
  follow(revision: number, other: Caption | null): void {
    if (other) {
      this.setCaption(null);
      this.#era = -1;
    }
    // Without a revision there are no pictures yet.
    if (revision > 0) this.#era = eraOf(revision);
    if (other) this.setCaption(other);
    if (!this.#early || revision === 0) return;
    this.#early = false;
    this.#dropFrames();
    this.#owner.send({ type: "repaint", view: this.view });
  }

  /** Shows again what `setCaption(null)` took away. */
  reopen(caption: Caption): void {
    this.setCaption(caption);
    this.#owner.send({ type: "repaint", view: this.view });
  }

  /** What the picture on screen shows. */
  get drawn(): ViewState | null {
    return this.#caption && this.#drawn;
  }

  /** It was set to be turned or flipped: what is written over it follows with the first picture that shows it. */
  setTurned({ content, plane }: Place, revision: number): void {
    const { state } = this;
    if (!state || content.kind !== "slice" || this.#drawnHere) return;
    const known = Object.values(state.letters).some((letter) => letter !== "");
    this.setState({ ...state, revision, letters: known ? lettersOf(plane) : state.letters });
  }

  /** How thick the slices are that the server was asked for, and whether small values are bright. */
  setMeaning({ slab: { thicknessMm, combine }, inverted }: Pick<Place, "slab" | "inverted">): void {
    const slab = thicknessMm > 0 ? `${{ maximum: t("mip"), minimum: t("minip"), mean: t("mean-projection") }[combine]} ${thicknessMm} mm` : "";
    if (slab === this.#slab && inverted === this.#inverted) return;
    [this.#slab, this.#inverted] = [slab, inverted];
    this.#write();
  }

  /** Asks for a slice, counted from 1. */
  showSlice(slice: number): void {
    const state = this.state;
    if (state?.slice == null || state.slices == null || !this.#owner.pages()) return;
    const from = this.wantedSlice ?? state.slice;
    const to = Math.min(state.slices, Math.max(1, slice));
    if (to === from) return;
    this.wantedSlice = to;
    this.#owner.send({ type: "scroll", view: this.view, slices: to - from });
  }

  /** Width and height of the picture on screen. */
  get pictureSize(): Size | null {
    return this.#canvas.width > 0 ? [this.#canvas.width, this.#canvas.height] : null;
  }

  /** Takes what the server says of the view; the overlay follows with the picture. */
  setState(state: ViewState): void {
    // What is drawn here has its own state.
    if (this.#drawnHere) return;
    this.state = state;
    if (this.#values && !sameSlice(this.#values.of, state)) this.#dropValues();
    if (this.windowsItself) this.#adopt(state);
    else this.#states.push(state);
    if (state.slice === this.wantedSlice) this.wantedSlice = null;
    if (!this.#drawn) this.#write(state);
  }

  /** A message for this view was sent: it looks at once as it will, as far as the picture at hand allows. */
  sent(message: ClientMessage, seq: number): void {
    if (message.type !== "pointer") this.#dropValues();
    else if (message.kind === "press") this.#pressed(message.button);
    const differs = this.#echo.sent(message, seq, this.content, performance.now());
    if (message.type === "pointer" && message.kind === "release") this.#released();
    if (differs) this.#showEcho();
  }

  /** Whether a drag is windowed here, and no picture answers it. */
  get windowsItself(): boolean {
    return this.#windowing && this.#values !== null;
  }

  /** The window that the view shows, or soon shows where a picture is on its way. */
  get window(): WindowValues | null {
    return this.#look ?? this.state?.window ?? null;
  }

  /** The codec of the picture on screen. */
  get codec(): Frame["codec"] | null {
    return this.#shownCodec;
  }

  #pressed(button: Button | undefined): void {
    this.#dropValues();
    if (button !== "left" || !SLICES.includes(this.content) || !this.state) return;
    this.#windowing = true;
    this.#owner.send({ type: "values", view: this.view });
  }

  #released(): void {
    this.#windowing = false;
    // Otherwise the picture at rest takes their place.
    const { state } = this;
    if (!state || this.#values?.of.revision !== state.revision) return;
    if (this.#echo.appearance(state, this.content, performance.now(), true)) return;
    this.#dropValues();
    this.#hideLocal();
    this.#writeQuality(...this.#shownQuality);
    this.#showEcho();
  }

  #dropValues(): void {
    this.#windowing = false;
    this.#values = null;
  }

  #hideLocal(): void {
    this.#local.hidden = true;
    this.#localWindow = null;
  }

  /** Takes the values of what is on screen; they serve the drag that asked for them. */
  async setValues(values: SliceValues): Promise<void> {
    const of = this.state;
    if (!this.#windowing || of?.revision !== values.revision) return;
    let image;
    try {
      image = await decode(values);
    } catch {
      // Then pictures have to do.
      this.#owner.send({ type: "repaint", view: this.view });
      return;
    }
    if (!this.#windowing || this.state === null || !sameSlice(of, this.state)) return;
    this.#values = { of, image, pixels: new ImageData(image.width, image.height) };
    [this.#local.width, this.#local.height] = [image.width, image.height];
    this.#adopt(this.state);
    this.#owner.windowed(this.view);
  }

  /** The newest state is on screen, though no picture of it came. */
  #adopt(state: ViewState): void {
    this.#states = [];
    this.#write(state);
    this.#echo.shown(state.inputSeq);
    this.#showEcho();
  }

  /** Shows the values under a window. */
  #showLocal({ image, pixels }: Windowed, window: WindowValues): void {
    paint(image, window, new Uint32Array(pixels.data.buffer));
    this.#local.getContext("2d", { alpha: false })?.putImageData(pixels, 0, 0);
    this.#local.hidden = false;
    this.#localWindow = window;
  }

  /** The corner and the controls tell the window of what is on screen. */
  #setLook(window: WindowValues | null): void {
    const before = this.#look;
    if (before === window || (before && window && sameWindow(before, window))) return;
    this.#look = window;
    this.#write();
    this.#owner.windowed(this.view);
  }

  /** How the picture is laid on screen. */
  #lay(transform: string, filter: string): void {
    for (const { style } of [this.#canvas, this.#local]) [style.transform, style.filter] = [transform, filter];
    this.sketch.style.transform = transform;
  }

  #showEcho(): void {
    clearTimeout(this.#echoEnd);
    const base = this.#drawn;
    const values = this.#values;
    const shown = base && this.#echo.appearance(base, this.content, performance.now(), values !== null);
    const { style } = this.#canvas;
    if (values && base && (!shown || (shown.scale === 1 && shown.dx === 0 && shown.dy === 0))) {
      this.#lay("", "");
      const window = shown?.window ?? base.window;
      this.#showLocal(values, window);
      this.#setLook(window);
      if (this.#windowing) this.#writeQuality("interactive", 0);
      return;
    }
    if (values) this.#hideLocal();
    const local = this.#localWindow;
    if (!shown) {
      if (!local && (style.transform || style.filter)) this.#writeQuality(...this.#shownQuality);
      this.#lay("", "");
      return this.#setLook(local);
    }
    this.#echoEnd = setTimeout(() => this.#showEcho(), ECHO_MS);
    const { scale, dx, dy, window } = shown;
    const grey = !local ? shown.grey : sameWindow(local, window) ? null : brightness(local, window);
    if (grey) {
      const values = levels(grey).map((value) => value.toFixed(4)).join(" ");
      for (const channel of this.#greys) channel.setAttribute("tableValues", values);
    }
    this.#lay(`translate(${dx / this.ratio}px, ${dy / this.ratio}px) scale(${scale})`, grey ? `url(#echo-${this.view})` : "");
    this.#setLook(grey || local ? window : null);
    this.#writeQuality("interactive", 0);
  }

  /** From now on the page's own card draws it, or the server again: the picture stays until the first of the other's. */
  setDrawnHere(drawnHere: boolean): void {
    if (this.#drawnHere === drawnHere) return;
    this.#drawnHere = drawnHere;
    this.#dropFrames();
    this.#states = [];
    this.wantedSlice = null;
    this.#echo.clear();
    this.#dropValues();
    this.#hideLocal();
    this.#showEcho();
  }

  /** Whether the page's own card draws it. */
  get drawnHere(): boolean {
    return this.#drawnHere;
  }

  /** Shows a picture that was drawn here, and what it shows. */
  setOwnPicture(picture: ImageBitmap, state: ViewState, final: boolean): void {
    if (!this.#drawnHere || this.#caption === null) return picture.close();
    const canvas = this.#canvas;
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext("2d", { alpha: false })?.drawImage(picture, 0, 0);
    picture.close();
    this.#markStale(null);
    this.state = { ...state, content: this.content };
    if (this.wantedSlice === state.slice) this.wantedSlice = null;
    this.#shownCodec = null;
    this.#write(this.state);
    this.#shownQuality = [final ? "final" : "interactive", 0];
    this.#writeQuality(...this.#shownQuality);
    this.#owner.windowed(this.view);
  }

  /** Another picture is being drawn here. */
  setMoving(): void {
    if (this.#drawnHere) this.#writeQuality("interactive", 0);
  }

  /** Takes a frame; it is decoded off the main thread. The server sends few ahead. */
  setFrame(frame: Frame, picture: Picture | null): void {
    if (this.#newest !== null && !follows(frame.number, this.#newest)) return picture?.close();
    this.#newest = frame.number;
    const isOfOther = this.#era !== null && eraOf(frame.revision) !== this.#era;
    if (isOfOther) this.#early ||= eraOf(frame.revision) > this.#era!;
    if (this.#drawnHere || isOfOther) {
      picture?.close();
      this.#owner.send({ type: "ack", view: this.view, frame: frame.number });
      return;
    }
    // A whole picture needs none before it, and those that wait keep their decoder from going on.
    if (picture) this.#discardWaiting();
    this.#waiting.push({ frame, picture });
    if (this.visible) void this.#draw();
  }

  /** Marks the picture as old, with the reason, until the next one comes. */
  setStale(reason: string): void {
    this.#markStale(reason);
    this.#gestures.cancel();
    this.#states = [];
    this.#dropFrames();
    this.wantedSlice = null;
    this.#echo.clear();
    this.#dropValues();
    this.#showEcho();
  }

  /** A new session counts its frames anew. */
  restart(): void {
    this.#newest = this.#era = null;
    this.#early = false;
  }

  /** None of the frames that came so far is painted any more; the next to be painted begins anew. */
  #dropFrames(): void {
    this.#discardWaiting();
    this.#spoilt = true;
    this.#generation += 1;
  }

  #discardWaiting(): void {
    for (const { picture } of this.#waiting) picture?.close();
    this.#waiting = [];
  }

  /** An image whose place in the patient nobody knows is called by no cut of it. */
  setNameless(nameless: boolean): void {
    this.#nameless = nameless;
    this.retitle();
  }

  /** What it is called. */
  get title(): string {
    return this.#nameless ? t("acquired") : titleOf(this.content);
  }

  retitle(): void {
    this.#corners.setTitle(this.title);
    this.root.setAttribute("aria-label", t("view-of", { title: this.title }));
  }

  /** Writes the overlay again, for instance after a change of size. */
  rewrite(): void {
    this.#write();
  }

  #markStale(reason: string | null): void {
    this.root.classList.toggle("stale", reason !== null);
    this.#stale.hidden = reason === null;
    setText(this.#stale, reason ?? "");
  }

  #forget(): void {
    this.#markStale(null);
    this.#dropValues();
    this.#hideLocal();
    this.#look = this.#shownCodec = null;
    this.#lay("", "");
    this.state = this.#drawn = this.wantedSlice = null;
    this.#states = [];
    const newest = this.#waiting.at(-1);
    if (newest) this.#owner.send({ type: "ack", view: this.view, frame: newest.frame.number });
    this.#dropFrames();
    this.#canvas.width = this.#canvas.height = 0;
    this.#corners.hideQuality();
  }

  async #draw(): Promise<void> {
    if (this.#decoding) return;
    this.#decoding = true;
    while (this.#waiting.length > 0 && this.visible) {
      const { frame, picture } = this.#waiting.shift()!;
      const generation = this.#generation;
      try {
        const pictures = picture ? [picture] : await this.#decode(frame);
        // Without a caption the picture would be of a series that is not shown any more.
        const wanted = generation === this.#generation && this.#caption !== null;
        // A frame before this one may be lost where pictures are decoded already; they are whole, if not of something else.
        const whole = picture !== null && this.state !== null && frame.revision >= this.state.revision;
        if (wanted && (frame.cleared || whole)) this.#spoilt = false;
        if (wanted && !this.#spoilt) this.#paint(pictures, frame);
        for (const picture of pictures) picture.close();
      } catch {
        if (isVideo(frame.codec)) this.#owner.videoFailed();
        if (generation === this.#generation) this.#spoil("could-not-be-decoded");
      }
      this.#owner.send({ type: "ack", view: this.view, frame: frame.number });
    }
    this.#decoding = false;
  }

  #decode({ codec, key, parts }: Frame): Promise<Picture[]> {
    const decode = async ({ bytes, width, height }: Part) => {
      if (isVideo(codec)) return this.#video.decode(codec, bytes, key);
      // Pixels as they are: no colour profile of a screen changes a brightness.
      const bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${codec}` }), { colorSpaceConversion: "none" });
      if (bitmap.width !== width || bitmap.height !== height) throw new Error("a part has another size than it says");
      return bitmap;
    };
    return Promise.all(parts.map(decode));
  }

  /** The next frames would build on something else than the server thinks: it has to begin anew. */
  #spoil(reason: Text): void {
    if (this.#spoilt) return;
    this.#spoilt = true;
    this.#owner.fault(t("picture-of", { title: titleOf(this.content), reason: t(reason) }));
    this.#owner.send({ type: "repaint", view: this.view });
  }

  #paint(pictures: readonly Picture[], frame: Frame): void {
    const canvas = this.#canvas;
    const resized = canvas.width !== frame.width || canvas.height !== frame.height;
    // A video's picture is whole, whatever was there.
    const isWhole = isVideo(frame.codec) && pictures.length > 0;
    if (resized && !frame.cleared && !frame.stretched && !isWhole) return this.#spoil("another-size");
    const before = frame.stretched && !isWhole && canvas.width > 0 ? copyOf(canvas) : null;
    if (resized) [canvas.width, canvas.height] = [frame.width, frame.height];
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) return;
    if (before) context.drawImage(before, 0, 0, frame.width, frame.height);
    if (frame.cleared) {
      context.fillStyle = "#000";
      context.fillRect(0, 0, frame.width, frame.height);
    }
    // A video's pictures have even sizes; what is too much of one falls off the edge.
    pictures.forEach((picture, i) => context.drawImage(picture, frame.parts[i]?.x ?? 0, frame.parts[i]?.y ?? 0));
    if (frame.quality === "lossless") {
      const { data } = context.getImageData(0, 0, frame.width, frame.height);
      if (xxh32(data) !== frame.hash) return this.#spoil("not-the-servers");
    }
    this.#markStale(null);
    // The server tells a state before its first picture, and may be ahead of this one.
    const shown = this.#states.findLastIndex((state) => state.revision <= frame.revision);
    const state = this.#states[shown] ?? this.#drawn;
    this.#states.splice(0, shown + 1);
    if (state && state !== this.#drawn) this.#write(state);
    this.#shownQuality = [frame.quality, state?.refined ?? 0];
    this.#writeQuality(...this.#shownQuality);
    this.#echo.shown(frame.inputSeq);
    this.#shownCodec = frame.codec;
    if (frame.quality === "lossless" && !this.#windowing) this.#dropValues();
    if (!this.#values && frame.revision >= (this.#drawn?.revision ?? 0)) this.#hideLocal();
    this.#showEcho();
    this.#owner.shown(frame);
  }

  /** `refined` is 0 while a picture stands in for one that refines. */
  #writeQuality(quality: Frame["quality"], refined: number): void {
    this.#corners.writeQuality(quality, refined, this.#drawnHere);
  }

  #write(state: ViewState | null = this.#drawn): void {
    this.#drawn = state;
    this.#owner.drew(this.view);
    const caption = this.#caption;
    this.#corners.writeCaption(caption);
    this.#corners.writeLetters(caption && state ? state.letters : null);
    this.#slider.hidden = true;
    this.surface.setAttribute("aria-label", this.#describe(state));
    if (!caption || !state) return this.#corners.writeFacts(null);

    const { zoom, slice, slices } = state;
    const window = showsPreset(state.content) && state.preset !== null ? "" : windowText(this.#look ?? state.window, caption.unit, caption.suv);
    const facts: Facts = { window, inverted: this.#isInverted(state), zoom: t("zoom-is", { zoom: zoom.toFixed(2) }), slab: "", slice: null, depth: "" };
    if (slice !== null) facts.slab = this.#slab;
    if (slice !== null && slices !== null && slices > 1) {
      facts.slice = [slice, slices];
      if (caption.millimetres === "everywhere") facts.depth = depthText(this.content, state.positionMm);
      this.#slider.hidden = false;
      this.#slider.disabled = !this.#owner.pages();
      this.#slider.title = this.#slider.disabled ? t("you-watch") : "";
      this.#slider.max = String(slices);
      if (this.wantedSlice === null) this.#slider.value = String(slice);
      this.#slider.setAttribute("aria-label", t("slices-of", { title: titleOf(state.content) }));
      this.#slider.setAttribute("aria-valuetext", t("slice-of", { number: slice, count: slices }));
    }
    this.#corners.writeFacts(facts);
    this.#corners.drawRuler(state.mmPerPixel === null ? null : state.mmPerPixel * this.ratio, this.root.clientWidth);
  }

  /** Of a volume that says nothing. */
  #isInverted({ content }: ViewState): boolean {
    return this.#inverted && !showsPreset(content);
  }

  #describe(state: ViewState | null): string {
    const title = t("view-of", { title: this.title });
    if (!state) return t("no-picture", { view: title });
    const slice = state.slice !== null && state.slices !== null ? t("spoken-slice", { number: state.slice, count: state.slices }) : "";
    const window = this.#look ?? state.window;
    const suv = this.#caption?.suv ?? null;
    const inverted = this.#isInverted(state) ? `, ${t("inverted")}` : "";
    if (suv) return `${title}${slice}, ${windowText(window, "", suv)}${inverted}`;
    return `${title}${slice}${t("spoken-window", { width: numberText(window.width), center: levelText(window.center, window.width) })}${inverted}`;
  }
}

function sameWindow(a: WindowValues, b: WindowValues): boolean {
  return a.center === b.center && a.width === b.width;
}

function eraOf(revision: number): number {
  return Math.floor(revision / REVISIONS);
}

/** Whether two states show the same, but for the window. */
function sameSlice(a: ViewState, b: ViewState): boolean {
  const samePlace = a.positionMm.every((mm, i) => mm === b.positionMm[i]);
  return samePlace && a.content === b.content && a.slice === b.slice && a.zoom === b.zoom && a.mmPerPixel === b.mmPerPixel;
}

function copyOf(canvas: HTMLCanvasElement): OffscreenCanvas {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  copy.getContext("2d", { alpha: false })?.drawImage(canvas, 0, 0);
  return copy;
}
