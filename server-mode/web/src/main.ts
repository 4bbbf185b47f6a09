// The browser client: joins connection, viewports, series list, toolbar and keys.

import { type ConnectionState, browserSurroundings } from "./connection";
import { Controls } from "./controls";
import { type Caption, captionOf } from "./corners";
import { byId, element, setText } from "./dom";
import { Drawers } from "./drawers";
import { Drawings } from "./drawings";
import { endVisit } from "./ending";
import { Figures } from "./figures";
import { pixelRatio, viewSize } from "./geometry";
import { may, roleWords } from "./guest";
import { Host } from "./hostlayout";
import { type Kept, asBefore, keep, takeKept } from "./kept";
import { type Command, onKeys } from "./keys";
import { RUNGS } from "./ladder";
import { Library } from "./library";
import { Link } from "./link";
import { Local } from "./local";
import type { Role } from "./messages";
import { Notices } from "./notices";
import { type ClientMessage, type Content, type Frame, type LayoutView, MAX_VIEWS, type SeriesOpened, type ServerMessage, type ViewInfo, type ViewState, type WindowValues } from "./protocol";
import { Owners } from "./owners";
import { Player } from "./player";
import { CHOICES } from "./rendering";
import { Saving } from "./saving";
import { fillSheet } from "./sheet";
import { isFlat, nearestCut } from "./sight";
import { t, translate } from "./texts";
import { Turns } from "./turns";
import { type Owner, Viewport, showsPreset } from "./viewport";
import { connectionWords, spokenSlice, titleOf } from "./words";

const VOLUME_VIEW = 3;
/** Layouts follow the window's size once it has rested this long. */
const RESIZE_MS = 120;
/** Pixels of drag that an arrow key stands for: 5 degrees of rotation. */
const KEY_PIXELS = 10;
const PAN_PIXELS = 40;
/** A volume turns by 15 degrees where a slice turns by 90. */
const TURN_PIXELS = 30;
/** From this attempt on the server counts as gone: about 8 s after it was lost. */
const GONE_ATTEMPT = 5;

class Client {
  readonly #link: Link;
  readonly #views: Viewport[] = [];
  readonly #controls: Controls;
  readonly #library: Library;
  readonly #figures = new Figures({
    send: (message) => this.#send(message),
    link: () => this.#link,
    active: () => this.#views[this.#active]!,
    why: (view) => this.#local.words(view).reason,
  });
  readonly #local: Local;
  readonly #drawings: Drawings;
  readonly #drawers = new Drawers();
  readonly #notices = new Notices();
  readonly #turns = new Turns((message) => this.#link.send(message));
  readonly #saving = new Saving({
    active: () => this.#views[this.#active]!,
    rows: () => this.#drawings.rows((series) => ({ title: this.#library.titleOf(series), study: this.#library.find(series)?.study ?? null })),
    drawnAs: (named, act) => this.#drawings.drawnAs(named, act),
    fault: (text) => this.#notices.report(text),
    announce: (text) => this.#notices.announce(text),
  });
  readonly #player = new Player(() => this.#views[this.#active]!);
  readonly #phone = matchMedia("(max-width: 760px), (max-height: 480px)");
  readonly #grid = byId("grid", HTMLDivElement);
  readonly #tabs: HTMLButtonElement[] = [];
  readonly #owner: Owner;
  readonly #kept: Kept | null;
  readonly #owners: Owners;
  /** What is shown where this is a guest's page. */
  readonly #host = new Host();

  #active = 0;
  #maximised = false;
  #connected = false;
  /** Whether this connection has told what its session shows. */
  #begun = false;
  #backend = "";
  #role: Role = "owner";
  /** The host's series, and which each view shows. */
  readonly #hosted = new Map<string, SeriesOpened>();
  readonly #shownSeries = new Map<number, string>();
  #series: SeriesOpened | null = null;
  /** The series that is open or being opened. */
  #wantedSeries: string | null = null;
  /** The same when this connection was made. */
  #wantedBefore: string | null = null;
  /** What the views looked like when the connection was lost, for a session that has to begin anew. */
  #restore = new Map<number, ViewState>();
  #layoutSent = "";
  #resizeTimer: ReturnType<typeof setTimeout> | undefined;
  #shownAt = new Date();

  constructor(kept: Kept | null) {
    this.#kept = kept;
    this.#owners = new Owners(kept?.owners);
    this.#owner = {
      send: (message: ClientMessage) => this.#send(message),
      activate: (view: number) => this.#activate(view),
      maximise: (view: number) => this.#maximise(view),
      shown: (frame: Frame) => this.#shown(frame),
      windowed: (view: number) => this.#windowed(view),
      videoFailed: () => this.#link.videoFailed(),
      // By WebRTC pictures get lost, and what builds on them is asked for again.
      fault: (text: string) => this.#link.transport === "websocket" && this.#notices.report(text),
      explainWarnings: () => byId("warnings-dialog", HTMLDialogElement).showModal(),
      drew: () => this.#drawings?.drew(),
      tool: () => this.#drawings.tool,
      pages: () => may(this.#role, "scroll"),
      draw: (...what: Parameters<Drawings["draw"]>) => this.#drawings.draw(...what),
      hover: (...where: Parameters<Drawings["hover"]>) => this.#drawings.hover(...where),
    };
    for (const content of ["axial", "coronal", "sagittal", "volume"] as const) this.#add(content);
    this.#drawings = new Drawings(this.#views, {
      send: (message) => this.#link.send(message),
      seriesOf: (view) => this.#seriesOf(view),
      active: () => this.#views[this.#active]!,
      activate: (view) => this.#activate(view),
      announce: (text) => this.#notices.announce(text),
    });
    this.#controls = new Controls({
      setWindow: (window) => this.#setWindow(window),
      setPreset: (name) => this.#setPreset(name),
      setRendering: (content) => this.#setRendering(content),
      obey: (command) => this.#obey(command),
      isSlice: () => this.#views[this.#active]?.state?.slice != null,
    });
    this.#library = new Library(byId("studies", HTMLDivElement), {
      open: (uid) => this.#openSeries(uid),
      openTime: (uid) => this.#openTime(uid),
    });
    const chosen = new URLSearchParams(location.search).get("transport");
    this.#link = new Link(
      this.#views.map(({ view }) => view),
      {
        state: (state) => this.#setConnection(state),
        message: (message) => this.#receive(message),
        frame: (frame, picture) => {
          const viewport = this.#views[frame.view];
          if (viewport) viewport.setFrame(frame, picture);
          else picture?.close();
        },
        values: (values) => void this.#views[values.view]?.setValues(values),
        received: (bytes) => this.#figures.meter.received(bytes, performance.now()),
        fault: (error) => this.#notices.report(t("not-understood", { reason: error.message })),
      },
      browserSurroundings(),
      kept?.resumeToken ?? null,
      RUNGS.find((rung) => rung === chosen) ?? null,
    );
    if (chosen !== null && !RUNGS.some((rung) => rung === chosen)) {
      this.#notices.report(t("unknown-transport", { asked: chosen.slice(0, 32), rungs: RUNGS.join(", ") }));
    }
    this.#local = new Local(
      this.#views.map(({ view }) => view),
      {
        send: (message) => this.#link.send(message),
        picture: (view, bitmap, state, final, ms) => this.#drawnHere(view, bitmap, state, final, ms),
        moves: (view) => this.#views[view]?.setMoving(),
        changed: () => this.#shareOut(),
        told: () => this.#showSource(),
        fault: (why) => this.#notices.report(why),
      },
    );
    if (kept) [this.#active, this.#maximised] = [kept.active, kept.maximised];
    this.#drawings.restore(kept?.drawn ?? []);
    this.#listen();
    this.#arrange();
  }

  /** One view more, with its tab. */
  #add(content: Content): void {
    const viewport = new Viewport(this.#views.length, content, this.#owner);
    viewport.size = this.#kept?.sizes[viewport.view] ?? null;
    const tab = element("button", { type: "button" }, titleOf(content));
    tab.addEventListener("click", () => this.#activate(viewport.view));
    this.#views.push(viewport);
    this.#tabs.push(tab);
    this.#grid.append(viewport.root);
    byId("tabs", HTMLDivElement).append(tab);
  }

  start(): Promise<void> {
    return this.#link.start();
  }

  #listen(): void {
    fillSheet();
    onKeys((command) => document.body.dataset["connection"] !== "ended" && this.#obey(command));
    byId("retry", HTMLButtonElement).addEventListener("click", () => this.#link.connect());
    for (const what of ["help", "stats"] as const) byId(what, HTMLButtonElement).addEventListener("click", () => this.#obey({ do: what }));
    const resized = () => {
      clearTimeout(this.#resizeTimer);
      this.#resizeTimer = setTimeout(() => this.#sendLayout(), RESIZE_MS);
    };
    new ResizeObserver(resized).observe(this.#grid);
    this.#phone.addEventListener("change", () => this.#arrange());
    const source = byId("source", HTMLSelectElement);
    source.value = this.#local.choice;
    source.addEventListener("change", () => this.#local.choose(CHOICES.find((choice) => choice === source.value) ?? "automatic"));
    // Kept only while the page is away: a tab that is duplicated begins a session of its own.
    addEventListener("pagehide", () => {
      const { resumeToken } = this.#link;
      const sizes = this.#views.map(({ size }) => size);
      if (resumeToken) keep({ resumeToken, active: this.#active, maximised: this.#maximised, sizes, drawn: this.#drawings.annotations, owners: this.#owners.of(this.#drawings.annotations.map(({ series }) => series)) });
    });
    addEventListener("pageshow", ({ persisted }) => persisted && takeKept());
  }

  // --- Talking to the server ---------------------------------------------------------------------------------------

  /** Returns the message's number, or null when there is no connection. */
  #send(message: ClientMessage): number | null {
    if (!may(this.#role, message.type)) return null;
    if (this.#local.takes(message)) return null;
    const seq = this.#link.send(message);
    this.#local.sent(message);
    if (message.type === "reset") this.#drawings.forget(message.view);
    const isInput = message.type !== "ack" && message.type !== "repaint" && message.type !== "values";
    if (seq === null || !isInput || !("view" in message) || message.view === undefined) return seq;
    const viewport = this.#views[message.view];
    viewport?.sent(message, seq);
    // No picture answers what the page draws itself.
    if (message.type === "pointer" && (message.kind !== "move" || viewport?.windowsItself)) return seq;
    this.#figures.meter.sent(message.view, seq, performance.now());
    return seq;
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case "connected":
        this.#wantedBefore = this.#wantedSeries;
        if (message.resumed) this.#restore.clear();
        else this.#beginAnew();
        this.#backend = message.backend;
        this.#host.begin();
        this.#setRole(message.role);
        // All that is drawn is told again.
        this.#drawings.unhosted();
        // Guests show what their host shows, which is drawn there.
        this.#local.connected(message.voxels && message.role === "owner");
        setText(byId("backend", HTMLElement), message.backend);
        break;
      case "library":
        this.#drawings.letGoOf(this.#owners.take(message.studies));
        this.#library.show(message.studies);
        byId("empty", HTMLDivElement).hidden = !this.#library.isEmpty || this.#isGuest;
        break;
      case "stateFull":
        this.#begin(message.seriesInstanceUid, message.views);
        break;
      case "loading":
        this.#notices.showLoading(message.done, message.total);
        break;
      case "seriesOpened":
        if (this.#isGuest) this.#hosted.set(message.seriesInstanceUid, message);
        else this.#opened(message);
        break;
      case "shared": {
        const changed = this.#host.take(message);
        // What the page itself maximises stays until the host does so.
        if (changed?.maximised) [this.#active, this.#maximised] = [this.#host.maximised ?? this.#active, this.#host.maximised !== null];
        byId("nothing", HTMLDivElement).hidden = this.#ownViews.length > 0;
        this.#arrange();
        this.#showHosted();
        break;
      }
      case "role":
        this.#setRole(message.role);
        break;
      case "drawn":
        this.#drawings.hosted(message);
        break;
      case "presets":
        this.#controls.setPresets(message.presets);
        break;
      case "view":
        this.#setView(message);
        break;
      case "measured":
        this.#drawings.measured(message);
        break;
      case "error":
        // Its closing of the connection says so, too; and a server that was started again has no series open until the page has.
        if (this.#drawings.refused(message) || message.code === "goingAway" || message.code === "noSeries") break;
        this.#turns.refused(message.seq);
        this.#notices.showLoading(1, 1);
        if (message.code === "loadFailed" || message.code === "unknownSeries") this.#reopen();
        this.#notices.report(message.message);
        break;
      case "viewState":
        if (this.#isGuest) this.#hostShows(message.view, message.seriesInstanceUid, message.revision);
        else this.#local.state(message);
        // A change that this brings about asks anew.
        this.#told(message);
        break;
      case "answer":
      case "transport":
      case "done":
      case "pong":
        // The link's own.
        break;
    }
  }

  get #isGuest(): boolean {
    return this.#role !== "owner";
  }

  /** The views that there are: all, or those of the host's. */
  get #ownViews(): readonly Viewport[] {
    return this.#isGuest ? this.#host.views.flatMap((view) => this.#views[view] ?? []) : this.#views;
  }

  /** Those that are worth a look: a single image has but one. */
  get #worthy(): readonly Viewport[] {
    const own = this.#ownViews;
    if (this.#isGuest || !this.#series || !isFlat(this.#series)) return own;
    const content = nearestCut(this.#series);
    return own.filter((viewport) => viewport.content === content);
  }

  #setRole(role: Role): void {
    this.#role = role;
    while (this.#isGuest && this.#views.length < MAX_VIEWS) this.#add("axial");
    document.body.dataset["role"] = role;
    const words = roleWords(role);
    const label = byId("role", HTMLSpanElement);
    label.hidden = words === null;
    setText(label, words ?? "");
    this.#library.lock(this.#isGuest);
    this.#drawings.watch(!may(role, "pointer"));
    for (const viewport of this.#views) viewport.rewrite();
    byId("nothing", HTMLDivElement).hidden = !this.#isGuest || this.#ownViews.length > 0;
  }

  /** What the host shows in a view has changed. */
  #hostShows(view: number, seriesInstanceUid: string, revision: number): void {
    const series = this.#hosted.get(seriesInstanceUid);
    const other = series && this.#shownSeries.get(view) !== seriesInstanceUid ? this.#caption(series) : null;
    if (other) this.#shownSeries.set(view, seriesInstanceUid);
    this.#views[view]?.follow(revision, other);
    if (other && (view === this.#active || !this.#series)) this.#showHosted();
  }

  /** How a view lies, which it was asked for, or what a host has changed. */
  #told(message: Extract<ServerMessage, { type: "viewState" }>): void {
    const { view, revision } = message;
    const set = this.#turns.state(message);
    if (set) {
      // The server tells nothing of what was set, but of what is changed after the next layout.
      this.#views[view]?.setTurned(set, revision + 1);
      this.#sendLayout(true);
    }
    const place = set ?? message.place;
    this.#views[view]?.setMeaning(place);
    this.#drawings.state(view, message.seriesInstanceUid, place, set ? revision + 1 : 0);
  }

  #seriesOf(view: number): SeriesOpened | null {
    return this.#isGuest ? (this.#hosted.get(this.#shownSeries.get(view) ?? "") ?? null) : this.#series;
  }

  /** The controls are the active view's. */
  #showHosted(): void {
    const series = this.#hosted.get(this.#shownSeries.get(this.#active) ?? "");
    if (!series || series === this.#series) return;
    this.#series = series;
    this.#library.setCurrent(series.seriesInstanceUid);
    this.#controls.setSeries(series);
    this.#notices.showSelfCheck(series);
    this.#showTargets();
  }

  /** The server knows nothing of what it has told before, and may be another. */
  #beginAnew(): void {
    for (const viewport of this.#views) viewport.restart();
    this.#drawings.measureAnew();
    this.#library.pictureAnew();
  }

  /** Goes on with what the session shows, or has it show what is wanted. */
  #begin(seriesInstanceUid: string | null, views: readonly ViewInfo[]): void {
    for (const state of views) {
      this.#views[state.view]?.setContent(state.content);
      this.#setView({ type: "view", ...state });
    }
    this.#begun = true;
    this.#layoutSent = "";
    this.#arrange();
    this.#local.begun();
    if (this.#library.isEmpty || this.#isGuest) return;
    const wanted = this.#wantedBefore && this.#library.find(this.#wantedBefore) ? this.#wantedBefore : null;
    // The connection may have been lost while a series was loading.
    if (seriesInstanceUid === null || (wanted !== null && wanted !== seriesInstanceUid)) this.#openSeries(wanted ?? this.#library.first);
  }

  /** The series that was to be shown cannot be: the one before is shown again. */
  #reopen(): void {
    const series = this.#series;
    if (!series || this.#wantedSeries === series.seriesInstanceUid) return;
    this.#wantedSeries = series.seriesInstanceUid;
    this.#library.setCurrent(series.seriesInstanceUid);
    this.#controls.setSeries(series);
    const caption = this.#caption(series);
    for (const viewport of this.#views) viewport.reopen(caption);
    this.#showTargets();
  }

  #openSeries(seriesInstanceUid: string): void {
    if (seriesInstanceUid !== this.#wantedSeries) {
      this.#restore.clear();
      for (const viewport of this.#views) viewport.setCaption(null);
      this.#controls.setSeries(null);
    }
    this.#wantedSeries = seriesInstanceUid;
    this.#library.setCurrent(seriesInstanceUid);
    this.#drawers.close();
    this.#send({ type: "openSeries", seriesInstanceUid });
  }

  /** Another time of the same: its views look as they did. */
  #openTime(seriesInstanceUid: string | null): void {
    if (seriesInstanceUid === null) return;
    const before = this.#views.flatMap(({ view, state }) => (state ? [[view, state] as const] : []));
    this.#openSeries(seriesInstanceUid);
    this.#restore = new Map(before);
  }

  #opened(series: SeriesOpened): void {
    this.#notices.showLoading(1, 1);
    this.#series = series;
    this.#wantedSeries = series.seriesInstanceUid;
    this.#library.setCurrent(series.seriesInstanceUid);
    this.#controls.setSeries(series);
    const caption = this.#caption(series);
    const isNameless = isFlat(series) && series.outline.directionsUnknown;
    for (const viewport of this.#views) {
      viewport.setNameless(isNameless);
      viewport.setCaption(caption);
    }
    this.#arrange();
    this.#local.opened(series);
    this.#drawings.opened();
    this.#notices.showSelfCheck(series);
    this.#showTargets();
  }

  #caption(series: SeriesOpened): Caption {
    return captionOf(series, this.#library.find(series.seriesInstanceUid));
  }

  #setView(state: ViewState): void {
    const viewport = this.#views[state.view];
    if (!viewport) return;
    const before = viewport.state?.slice;
    if (this.#isGuest && viewport.content !== state.content) {
      viewport.setContent(state.content);
      setText(this.#tabs[state.view]!, titleOf(state.content));
    }
    viewport.setState(state);
    const saved = this.#restore.get(state.view);
    this.#restore.delete(state.view);
    if (saved) for (const message of asBefore(saved, state)) this.#send(message);
    this.#showTargets();
    if (state.view === this.#active && state.slice !== null && before !== state.slice) {
      this.#notices.announce(spokenSlice(state.content, state.slice, state.slices));
    }
  }

  // --- Layout ------------------------------------------------------------------------------------------------------

  get #single(): boolean {
    return this.#maximised || this.#phone.matches || this.#worthy.length === 1;
  }

  #activate(view: number): void {
    if (view === this.#active) return;
    this.#active = view;
    if (this.#isGuest) this.#showHosted();
    this.#arrange();
  }

  #maximise(view: number): void {
    this.#active = view;
    this.#maximised = !this.#maximised;
    this.#arrange();
  }

  /** Shows the views that the layout has, and asks the server for them. */
  #arrange(): void {
    document.body.classList.toggle("immersive", this.#maximised && this.#phone.matches);
    this.#grid.classList.toggle("single", this.#single);
    const grid = this.#isGuest && !this.#single ? this.#host.grid : null;
    this.#grid.style.gridTemplate = grid?.template ?? "";
    const own = this.#worthy;
    document.body.classList.toggle("flat", own.length < this.#ownViews.length);
    if (own[0] && !own.some(({ view }) => view === this.#active)) this.#active = own[0].view;
    for (const viewport of this.#views) {
      const active = viewport.view === this.#active;
      viewport.setActive(active);
      if (active) this.#figures.moveTo(viewport.root);
      viewport.setVisible(own.includes(viewport) && (active || !this.#single));
      viewport.root.style.gridArea = grid?.areas.get(viewport.view) ?? "";
      const tab = this.#tabs[viewport.view];
      if (tab) tab.hidden = !own.includes(viewport);
      tab?.setAttribute("aria-pressed", String(active));
      if (tab) setText(tab, titleOf(viewport.content));
    }
    this.#controls.showLayout(this.#single);
    this.#showTargets();
    this.#showSource();
    this.#sendLayout();
  }

  /** Hidden views stay in the layout with the size they had, without pictures, so that they keep their slice and zoom. */
  #sendLayout(again = false): void {
    const boxes = this.#views.map((viewport) => ({
      viewport,
      width: viewport.surface.clientWidth,
      height: viewport.surface.clientHeight,
    }));
    const shown = boxes.filter(({ viewport, width, height }) => viewport.visible && width > 0 && height > 0);
    const cssPixels = shown.reduce((sum, { width, height }) => sum + width * height, 0);
    const ratio = pixelRatio(cssPixels, devicePixelRatio, this.#backend);
    for (const { viewport, width, height } of shown) {
      viewport.ratio = ratio;
      viewport.size = viewSize(width, height, ratio);
      viewport.rewrite();
    }
    const views = this.#ownViews.flatMap(({ view, content, size, visible }): LayoutView[] => {
      if (!size) return [];
      const paused = !visible || this.#local.draws(view);
      return [paused ? { view, content, size, paused } : { view, content, size }];
    });
    const message: ClientMessage = { type: "layout", views };
    const text = JSON.stringify(message);
    if (!this.#begun || (text === this.#layoutSent && !again)) return;
    this.#layoutSent = text;
    this.#send(message);
  }

  /** Brings the 3D view to the screen when it is not there: what is about to happen is to be seen. */
  #showVolume(): void {
    if (this.#single) this.#activate(this.#volumeView.view);
  }

  /** The view that 3D presets are for; a host's lie in any order. */
  get #volumeView(): Viewport {
    const solid = this.#isGuest ? this.#ownViews.find(({ content }) => showsPreset(content)) : undefined;
    return solid ?? this.#views[VOLUME_VIEW]!;
  }

  #setPreset(name: string): void {
    this.#showVolume();
    this.#send({ type: "preset", view: this.#volumeView.view, name });
  }

  #setRendering(content: Content): void {
    // What a host's views show is the host's choice.
    if (this.#isGuest) return;
    this.#views[VOLUME_VIEW]?.setContent(content);
    this.#active = VOLUME_VIEW;
    this.#arrange();
    this.#drawings.forget(VOLUME_VIEW);
  }

  /** Shows this, or the shaded volume again. */
  #toggleRendering(content: Content): void {
    this.#setRendering(this.#views[VOLUME_VIEW]!.content === content ? "volume" : content);
  }

  // --- What controls and keys do -----------------------------------------------------------------------------------

  /**
   * The view whose window the controls show and set: the active one, but slices rather than a shaded volume beside
   * them, where a window would replace the preset's opacity. Null where that is all there is to be seen.
   */
  get #windowView(): Viewport | null {
    const active = this.#views[this.#active]!;
    if (!showsPreset(active.content)) return active;
    return this.#single ? null : (this.#ownViews.find(({ content }) => !showsPreset(content)) ?? null);
  }

  #setWindow(window: WindowValues): void {
    const view = this.#windowView?.view;
    if (view !== undefined) this.#send({ type: "window", view, ...window });
  }

  #showTargets(): void {
    const [windowed, volume] = [this.#windowView, this.#volumeView];
    this.#controls.showWindow(windowed?.content ?? volume.content, this.#series ? (windowed?.window ?? null) : null, windowed !== null);
    // A series starts with the same preset in every view, so any tells it while the 3D view was never shown.
    this.#controls.showPreset((volume.state ?? windowed?.state)?.preset ?? null);
    this.#controls.showRendering(volume.content);
  }

  #obey(command: Command): void {
    const viewport = this.#views[this.#active]!;
    const { view, state } = viewport;
    switch (command.do) {
      case "slice":
        if (state?.slice != null) viewport.showSlice((viewport.wantedSlice ?? state.slice) + command.by);
        else this.#send({ type: "rotate", view, dx: 0, dy: command.by * KEY_PIXELS });
        break;
      case "series": {
        const next = this.#isGuest ? null : this.#library.next(this.#wantedSeries, command.by);
        if (next !== null) this.#openSeries(next);
        break;
      }
      case "time":
        if (!this.#isGuest) this.#openTime(this.#library.nextTime(this.#wantedSeries, command.by));
        break;
      case "first":
        viewport.showSlice(1);
        break;
      case "last":
        viewport.showSlice(state?.slices ?? 1);
        break;
      case "view": {
        const own = this.#worthy;
        const here = own.indexOf(viewport);
        const next = own[(here + command.by + own.length) % own.length] ?? viewport;
        this.#activate(next.view);
        next.surface.focus();
        this.#notices.announce(next.surface.getAttribute("aria-label") ?? "");
        break;
      }
      case "arrow":
        if (this.#drawings.nudge(command.dx * KEY_PIXELS, command.dy * KEY_PIXELS)) break;
        if (state?.slice == null) this.#send({ type: "rotate", view, dx: command.dx * KEY_PIXELS, dy: command.dy * KEY_PIXELS });
        else this.#send({ type: "pinch", view, zoom: 1, dx: command.dx * PAN_PIXELS, dy: command.dy * PAN_PIXELS });
        break;
      case "zoom":
        this.#send({ type: "wheel", view, delta: -100 * command.by, zoom: true });
        break;
      case "fit":
      case "reset":
        this.#send({ type: "reset", view });
        break;
      case "reset all":
        this.#send({ type: "reset" });
        break;
      case "window":
        this.#controls.windowOfKey(command.index);
        break;
      case "preset":
        this.#controls.nextPreset();
        break;
      case "projection":
        this.#toggleRendering("mip");
        break;
      case "cinematic":
        this.#toggleRendering("cinematic");
        break;
      case "play":
        this.#player.toggle();
        break;
      case "maximise":
        this.#maximise(this.#active);
        break;
      case "tool":
        this.#drawings.choose(command.tool);
        break;
      case "change": {
        const turns = { "turn right": TURN_PIXELS, "turn left": -TURN_PIXELS } as const;
        const dx = command.change in turns ? turns[command.change as keyof typeof turns] : null;
        if (dx !== null && state?.slice == null) this.#send({ type: "rotate", view, dx, dy: 0 });
        else if (may(this.#role, "set")) this.#turns.ask(view, command.change);
        break;
      }
      case "save":
        this.#saving.open();
        break;
      case "cut lines":
        this.#drawings.toggleCuts();
        break;
      case "undo":
        this.#drawings.undo();
        break;
      case "redo":
        this.#drawings.redo();
        break;
      case "delete":
        this.#drawings.remove();
        break;
      case "next handle":
        this.#drawings.nextHandle();
        break;
      case "enter":
        this.#drawings.enter();
        break;
      case "demographics":
        this.#toggleDemographics();
        break;
      case "stats":
        this.#figures.toggle();
        break;
      case "help":
        byId("help-dialog", HTMLDialogElement).showModal();
        break;
      case "escape":
        if (this.#drawers.close() || this.#drawings.escape()) break;
        if (this.#player.plays) this.#player.toggle();
        else if (this.#maximised) this.#maximise(this.#active);
        break;
    }
  }

  #toggleDemographics(): void {
    const hidden = document.body.classList.toggle("no-demographics");
    this.#controls.showDemographics(!hidden);
    this.#drawings.drew();
    this.#notices.announce(t(hidden ? "patient-data-hidden" : "patient-data-shown"));
  }

  // --- What the user is told ---------------------------------------------------------------------------------------

  #setConnection(state: ConnectionState): void {
    const was = this.#connected;
    this.#connected = state.kind === "connected" || state.kind === "silent";
    const full = state.kind === "reconnecting" && state.said === "full";
    if (was && !this.#connected) this.#lost(full);
    const gone = state.kind === "reconnecting" && !full && state.attempt >= GONE_ATTEMPT;
    const words = connectionWords(state, gone, document.body.dataset["connection"] !== undefined);
    byId("full", HTMLDivElement).hidden = this.#series !== null || state.kind === "connected" || (words !== null && !full);
    if (words === null) return;
    document.body.dataset["connection"] = gone ? "gone" : state.kind;
    const label = byId("connection-text", HTMLSpanElement);
    if (label.textContent !== words) this.#notices.announce(words);
    setText(label, words);
    byId("retry", HTMLButtonElement).hidden = state.kind !== "reconnecting";
    if (state.kind === "ended") endVisit(state.why);
  }

  #lost(full: boolean): void {
    this.#begun = false;
    this.#local.lost();
    this.#drawings.lost();
    this.#turns.lost();
    this.#player.stop();
    this.#figures.meter.restart();
    this.#notices.showLoading(1, 1);
    const time = this.#shownAt.toLocaleTimeString(undefined, { hourCycle: "h23" });
    for (const viewport of this.#views) {
      if (viewport.state && !this.#isGuest) this.#restore.set(viewport.view, viewport.state);
      const why = t(full ? "server-is-full" : "not-live");
      viewport.setStale(viewport.pictureSize ? t("picture-at", { why, time }) : why);
    }
  }

  #shown(frame: Frame): void {
    this.#shownAt = new Date();
    this.#link.shown();
    this.#figures.shown(frame);
    // The first pictures of a series replace the notice of its loading.
    this.#notices.showLoading(1, 1);
  }

  #drawnHere(view: number, bitmap: ImageBitmap, state: ViewState, final: boolean, ms: number): void {
    const viewport = this.#views[view];
    if (!viewport) return bitmap.close();
    const before = viewport.state?.slice;
    viewport.setOwnPicture(bitmap, state, final);
    this.#shownAt = new Date();
    this.#figures.meter.drawnHere(view);
    if (view === this.#active) setText(byId("render", HTMLElement), `${ms.toFixed(0)} ms`);
    if (view === this.#active && state.slice !== null && before !== state.slice) {
      this.#notices.announce(spokenSlice(viewport.content, state.slice, state.slices));
    }
    this.#notices.showLoading(1, 1);
  }

  /** Each view is drawn by this computer or by the server, which is told so. */
  #shareOut(): void {
    for (const viewport of this.#views) viewport.setDrawnHere(this.#local.draws(viewport.view));
    this.#sendLayout();
    this.#showSource();
  }

  /** Who draws the active view, and why. */
  #showSource(): void {
    this.#notices.showSource(this.#local.words(this.#active));
  }

  #windowed(view: number): void {
    // What waited for a picture was answered by the page.
    if (this.#views[view]?.windowsItself) this.#figures.meter.drawnHere(view);
    this.#showTargets();
  }
}

translate(document);
void new Client(takeKept()).start();
