// The list of studies and series.

import { element } from "./dom";
import type { Series, Study } from "./protocol";
import { dateText, dimsText, nameText } from "./words";

export interface Entry {
  study: Study;
  series: Series;
}

export class Library {
  readonly #root: HTMLElement;
  readonly #open: (seriesInstanceUid: string) => void;
  #studies: readonly Study[] = [];
  #locked = false;
  readonly #buttons = new Map<string, HTMLButtonElement>();

  constructor(root: HTMLElement, open: (seriesInstanceUid: string) => void) {
    this.#root = root;
    this.#open = open;
  }

  get isEmpty(): boolean {
    return this.#buttons.size === 0;
  }

  find(seriesInstanceUid: string): Entry | null {
    for (const study of this.#studies) {
      const series = study.series.find((candidate) => candidate.seriesInstanceUid === seriesInstanceUid);
      if (series) return { study, series };
    }
    return null;
  }

  show(studies: readonly Study[]): void {
    this.#studies = studies;
    this.#buttons.clear();
    this.#root.replaceChildren(...studies.map((study) => this.#study(study)));
  }

  /** Whether series are listed only, and not opened. */
  lock(locked: boolean): void {
    this.#locked = locked;
    for (const button of this.#buttons.values()) button.disabled = locked;
  }

  setCurrent(seriesInstanceUid: string | null): void {
    for (const [uid, button] of this.#buttons) {
      if (uid === seriesInstanceUid) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  #study(study: Study): HTMLElement {
    const name = nameText(study.patientName);
    const facts = [name && study.patientId, dateText(study.date)].filter(Boolean).join(" · ");
    return element(
      "section",
      { class: "study" },
      element("h2", { class: "demographics" }, name || study.patientId || "No name"),
      element("p", { class: "demographics" }, facts),
      element("p", {}, study.description),
      element("ul", {}, ...study.series.map((series) => element("li", {}, this.#series(series)))),
    );
  }

  #series(series: Series): HTMLElement {
    const uid = series.seriesInstanceUid;
    const picture = element("img", { src: `/thumbnail/${encodeURIComponent(uid)}`, alt: "", loading: "lazy" });
    // A series without a thumbnail keeps its black square.
    picture.addEventListener("error", () => picture.remove());
    const title = [series.number, series.description || "No description"].filter((part) => part !== null).join(" · ");
    const button = element(
      "button",
      { type: "button", class: "series" },
      element("span", { class: "thumbnail" }, picture),
      element(
        "span",
        { class: "series-text" },
        element("span", { class: "series-title" }, title),
        element("span", { class: "series-facts" }, [series.modality, dimsText(series.dims)].filter(Boolean).join(" · ")),
      ),
    );
    button.disabled = this.#locked;
    button.addEventListener("click", () => this.#open(uid));
    this.#buttons.set(uid, button);
    return button;
  }
}
