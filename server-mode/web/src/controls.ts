// The toolbar: window, presets and what the active view is set to.

import { byId, element, setText } from "./dom";
import { sliderToWidth, widthToSlider } from "./geometry";
import type { Command } from "./keys";
import type { Content, PresetName, SeriesOpened, WindowPreset, WindowValues } from "./protocol";
import { named, t } from "./texts";
import { fillViewMenu } from "./viewmenu";
import { isSame, numbersOf, windowOf, windowsOfKeys } from "./windowing";
import { numberText, titleOf, windowText } from "./words";

const SLIDER_STEPS = 1000;

/** What the 3D view can show, in the order of the menu. */
const RENDERINGS = ["volume", "cinematic", "mip", "minip", "mean"] as const satisfies readonly Content[];

export interface Actions {
  setWindow(window: WindowValues): void;
  setPreset(name: string): void;
  setRendering(content: Content): void;
  obey(command: Command): void;
  /** Of the view that commands go to. */
  isSlice(): boolean;
}

export class Controls {
  readonly #actions: Actions;
  readonly #windows = byId("windows", HTMLSelectElement);
  readonly #target = byId("window-target", HTMLSpanElement);
  readonly #center = byId("center", HTMLInputElement);
  readonly #centerSlider = byId("center-slider", HTMLInputElement);
  readonly #width = byId("width", HTMLInputElement);
  readonly #widthSlider = byId("width-slider", HTMLInputElement);
  readonly #presets = byId("presets", HTMLSelectElement);
  readonly #rendering = byId("rendering", HTMLSelectElement);
  readonly #layout = byId("layout", HTMLButtonElement);
  readonly #demographics = byId("demographics", HTMLButtonElement);
  readonly #buttons = [byId("reset", HTMLButtonElement), this.#rendering, this.#layout];
  readonly #fields = [this.#windows, this.#center, this.#centerSlider, this.#width, this.#widthSlider];
  #series: SeriesOpened | null = null;
  #presetNames: readonly PresetName[] = [];
  #window: WindowValues | null = null;
  /** A window that a slider asks for in this animation frame. */
  #wanted: WindowValues | null = null;

  constructor(actions: Actions) {
    this.#actions = actions;
    this.#windows.addEventListener("change", () => this.#chooseWindow(Number(this.#windows.value)));
    this.#presets.addEventListener("change", () => actions.setPreset(this.#presets.value));
    this.#rendering.append(...RENDERINGS.map((value) => element("option", { value }, titleOf(value))));
    this.#rendering.addEventListener("change", () => {
      const chosen = RENDERINGS.find((value) => value === this.#rendering.value);
      if (chosen) actions.setRendering(chosen);
    });
    for (const button of [this.#layout, byId("all-views", HTMLButtonElement)]) button.addEventListener("click", () => actions.obey({ do: "maximise" }));
    byId("reset", HTMLButtonElement).addEventListener("click", () => actions.obey({ do: "reset all" }));
    this.#demographics.addEventListener("click", () => actions.obey({ do: "demographics" }));
    fillViewMenu((command) => actions.obey(command), () => actions.isSlice());
    addEventListener("resize", fitToolbar);
    new ResizeObserver(fitToolbar).observe(byId("role", HTMLSpanElement));
    this.#centerSlider.addEventListener("input", () => this.#want(0, this.#centerSlider.valueAsNumber));
    this.#widthSlider.addEventListener("input", () => {
      const at = this.#widthSlider.valueAsNumber;
      this.#want(1, this.#suv ? at : sliderToWidth(at / SLIDER_STEPS, this.#maxWidth()));
    });
    this.#center.addEventListener("change", () => this.#want(0, this.#center.valueAsNumber));
    this.#width.addEventListener("change", () => this.#want(1, this.#width.valueAsNumber));
    this.setSeries(null);
  }

  setSeries(series: SeriesOpened | null): void {
    this.#series = series;
    this.#window = null;
    const keys = series ? windowsOfKeys(series) : [];
    this.#windows.replaceChildren(
      custom(),
      ...(series?.windows ?? []).map((window, i) => {
        const label = windowName(window, series!);
        const key = keys.findIndex((ofKey) => isSame(ofKey, window)) + 1;
        return element("option", { value: i }, key > 0 ? `${label} (${key})` : label);
      }),
    );
    this.#setScale();
    fitToolbar();
    for (const control of [...this.#fields, this.#presets, ...this.#buttons]) control.disabled = series === null;
    this.setPresets(series?.presets ?? []);
  }

  /** What the fields and sliders of the window count: centre and width, or SUVs. */
  #setScale(): void {
    const suv = this.#suv;
    const [low, high] = this.#series?.valueRange ?? [0, 1];
    setText(byId("center-label", HTMLSpanElement), suv ? "SUV" : t("centre"));
    setText(byId("width-label", HTMLSpanElement), suv ? "–" : t("width"));
    for (const [field, slider, name] of [
      [this.#center, this.#centerSlider, suv ? "window-from-suv" : "window-centre"],
      [this.#width, this.#widthSlider, suv ? "window-to-suv" : "window-width"],
    ] as const) {
      for (const control of [field, slider]) control.setAttribute("aria-label", t(name));
      field.title = t(name);
      field.step = suv ? "0.1" : "any";
      slider.step = suv ? "0.1" : "1";
      if (!suv) continue;
      slider.min = String(Math.floor(Math.min(0, low * suv.bodyWeight)));
      slider.max = String(Math.ceil(high * suv.bodyWeight));
    }
    if (suv) return this.#width.removeAttribute("min");
    [this.#centerSlider.min, this.#centerSlider.max] = [String(Math.floor(low)), String(Math.ceil(high))];
    [this.#widthSlider.min, this.#widthSlider.max] = ["0", String(SLIDER_STEPS)];
    this.#width.min = "1";
  }

  setPresets(presets: readonly PresetName[]): void {
    const chosen = this.#presets.value;
    this.#presetNames = presets;
    this.#presets.replaceChildren(
      custom(),
      ...presets.map((preset) => element("option", { value: preset.name }, named(preset.label))),
    );
    this.#presets.value = presets.some((preset) => preset.name === chosen) ? chosen : "";
    this.#presets.disabled = presets.length === 0;
  }

  /** Shows the window of the view that the controls act on, if it `has` one. */
  showWindow(content: Content, shown: WindowValues | null, has: boolean): void {
    const name = RENDERINGS.some((rendering) => rendering === content) ? titleOf(content) : t("slices");
    setText(this.#target, has ? `· ${name}` : "");
    for (const control of this.#fields) control.disabled = this.#series === null || !has;
    if (!has) [this.#windows.value, this.#center.value, this.#width.value] = ["", "", ""];
    if (!shown) return;
    this.#window = { center: shown.center, width: shown.width };
    const chosen = (this.#series?.windows ?? []).findIndex((window) => isSame(shown, window));
    this.#windows.value = chosen < 0 ? "" : String(chosen);
    if (this.#wanted) return;
    const suv = this.#suv;
    const [first, second] = numbersOf(shown, suv);
    const told = (value: number) => (suv ? Number(value.toFixed(2)) : round(value));
    setValue(this.#center, told(first));
    setValue(this.#width, told(second));
    setValue(this.#centerSlider, told(first));
    setValue(this.#widthSlider, suv ? told(second) : Math.round(widthToSlider(second, this.#maxWidth()) * SLIDER_STEPS));
    this.#widthSlider.setAttribute("aria-valuetext", numberText(second));
  }

  showPreset(name: string | null): void {
    this.#presets.value = name ?? "";
  }

  showRendering(content: Content): void {
    this.#rendering.value = content;
  }

  showLayout(single: boolean): void {
    this.#layout.setAttribute("aria-pressed", String(single));
  }

  showDemographics(shown: boolean): void {
    this.#demographics.setAttribute("aria-pressed", String(shown));
  }

  /** Applies the window of a number key; 0 is that of the first one. */
  windowOfKey(index: number): void {
    const window = this.#series && windowsOfKeys(this.#series)[index];
    if (window) this.#actions.setWindow({ center: window.center, width: window.width });
  }

  #chooseWindow(index: number): void {
    const window = this.#series?.windows[index];
    if (window) this.#actions.setWindow({ center: window.center, width: window.width });
  }

  nextPreset(): void {
    const presets = this.#presetNames;
    const current = presets.findIndex((preset) => preset.name === this.#presets.value);
    const next = presets[(current + 1) % presets.length];
    if (next) this.#actions.setPreset(next.name);
  }

  #maxWidth(): number {
    const [low, high] = this.#series?.valueRange ?? [0, 1];
    return Math.max(2, high - low);
  }

  get #suv(): SeriesOpened["suv"] {
    return this.#series?.suv ?? null;
  }

  /** One of the two numbers of the window changes. */
  #want(part: 0 | 1, value: number): void {
    const from = this.#wanted ?? this.#window;
    if (!from || !Number.isFinite(value)) return;
    const [first, second] = numbersOf(from, this.#suv);
    if (!this.#wanted) {
      requestAnimationFrame(() => {
        if (this.#wanted) this.#actions.setWindow(this.#wanted);
        this.#wanted = null;
      });
    }
    this.#wanted = windowOf(part === 0 ? [value, second] : [first, value], part, this.#suv);
  }
}

/** What a window is called; of a PET with the SUVs at its ends. */
function windowName({ label, center, width }: WindowPreset, { unit, suv }: SeriesOpened): string {
  const name = named(label);
  return !suv || name.startsWith("SUV") ? name : `${name} · ${windowText({ center, width }, unit, suv)}`;
}

function custom(): HTMLOptionElement {
  return element("option", { value: "", disabled: true, hidden: true }, t("custom"));
}

function round(value: number): number {
  return Number(value.toFixed(Math.abs(value) < 10 ? 2 : 0));
}

/** Leaves a field alone while it is being typed in. */
function setValue(input: HTMLInputElement, value: number): void {
  if (document.activeElement === input && input.type === "number") return;
  input.value = String(value);
}

/** Steps of app.css in which the toolbar gets narrower. */
const TIGHT = ["tight-1", "tight-2", "tight-3", "tight-4"];

/** Leaves out of the toolbar what it must to be one row, in whatever language its words are. */
function fitToolbar(): void {
  const { classList } = document.body;
  classList.remove(...TIGHT);
  const groups = [...byId("controls", HTMLDivElement).children] as HTMLElement[];
  const isOneRow = () => groups.at(-1)!.offsetTop < groups[0]!.offsetTop + groups[0]!.offsetHeight;
  for (const step of TIGHT) {
    if (isOneRow()) return;
    classList.add(step);
  }
}
