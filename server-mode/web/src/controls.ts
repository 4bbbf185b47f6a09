// The toolbar: window, presets and what the active view is set to.

import { byId, element, setText } from "./dom";
import { sliderToWidth, widthToSlider } from "./geometry";
import type { Content, PresetName, SeriesOpened, WindowValues } from "./protocol";
import { named, t } from "./texts";
import { numberText, titleOf } from "./words";

const SLIDER_STEPS = 1000;

/** What the 3D view can show, in the order of the menu. */
const RENDERINGS = ["volume", "cinematic", "mip", "minip", "mean"] as const satisfies readonly Content[];

export interface Actions {
  setWindow(window: WindowValues): void;
  setPreset(name: string): void;
  setRendering(content: Content): void;
  toggleLayout(): void;
  reset(): void;
  toggleDemographics(): void;
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
  #series: SeriesOpened | null = null;
  #presetNames: readonly PresetName[] = [];
  #window: WindowValues | null = null;
  /** A window that a slider asks for in this animation frame. */
  #wanted: WindowValues | null = null;

  constructor(actions: Actions) {
    this.#actions = actions;
    this.#windows.addEventListener("change", () => this.chooseWindow(Number(this.#windows.value)));
    this.#presets.addEventListener("change", () => actions.setPreset(this.#presets.value));
    this.#rendering.append(...RENDERINGS.map((value) => element("option", { value }, titleOf(value))));
    this.#rendering.addEventListener("change", () => {
      const chosen = RENDERINGS.find((value) => value === this.#rendering.value);
      if (chosen) actions.setRendering(chosen);
    });
    this.#layout.addEventListener("click", () => actions.toggleLayout());
    byId("reset", HTMLButtonElement).addEventListener("click", () => actions.reset());
    this.#demographics.addEventListener("click", () => actions.toggleDemographics());
    this.#centerSlider.addEventListener("input", () => this.#want({ center: this.#centerSlider.valueAsNumber }));
    this.#widthSlider.addEventListener("input", () =>
      this.#want({ width: sliderToWidth(this.#widthSlider.valueAsNumber / SLIDER_STEPS, this.#maxWidth()) }),
    );
    this.#center.addEventListener("change", () => this.#want({ center: this.#center.valueAsNumber }));
    this.#width.addEventListener("change", () => this.#want({ width: this.#width.valueAsNumber }));
    this.setSeries(null);
  }

  setSeries(series: SeriesOpened | null): void {
    this.#series = series;
    this.#window = null;
    this.#windows.replaceChildren(
      custom(),
      ...(series?.windows ?? []).map((window, i) =>
        element("option", { value: i }, i < 9 ? `${named(window.label)} (${i + 1})` : named(window.label)),
      ),
    );
    const [low, high] = series?.valueRange ?? [0, 1];
    this.#centerSlider.min = String(Math.floor(low));
    this.#centerSlider.max = String(Math.ceil(high));
    const fields = [this.#windows, this.#presets, this.#center, this.#centerSlider, this.#width, this.#widthSlider];
    for (const control of [...fields, ...this.#buttons]) control.disabled = series === null;
    this.setPresets(series?.presets ?? []);
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

  /** Shows the window of the view that the controls act on. */
  showWindow(content: Content, shown: WindowValues | null): void {
    const name = RENDERINGS.some((rendering) => rendering === content) ? titleOf(content) : t("slices");
    setText(this.#target, `· ${name}`);
    if (!shown) return;
    const { center, width } = shown;
    this.#window = { center, width };
    const chosen = (this.#series?.windows ?? []).findIndex(
      (window) => Math.abs(window.center - center) < 0.5 && Math.abs(window.width - width) < 0.5,
    );
    this.#windows.value = chosen < 0 ? "" : String(chosen);
    if (this.#wanted) return;
    setValue(this.#center, round(center));
    setValue(this.#width, round(width));
    setValue(this.#centerSlider, round(center));
    setValue(this.#widthSlider, Math.round(widthToSlider(width, this.#maxWidth()) * SLIDER_STEPS));
    this.#widthSlider.setAttribute("aria-valuetext", numberText(width));
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

  /** Applies the n-th window preset, from 0. */
  chooseWindow(index: number): void {
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

  #want(change: Partial<WindowValues>): void {
    const from = this.#wanted ?? this.#window;
    if (!from) return;
    const { center, width } = { ...from, ...change };
    if (!Number.isFinite(center) || !Number.isFinite(width)) return;
    if (!this.#wanted) {
      requestAnimationFrame(() => {
        if (this.#wanted) this.#actions.setWindow(this.#wanted);
        this.#wanted = null;
      });
    }
    this.#wanted = { center, width: Math.max(1, width) };
  }
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
