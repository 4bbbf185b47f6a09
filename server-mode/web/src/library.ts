// The list of studies and series.

import { byId, element, setText } from "./dom";
import type { Series, Study } from "./protocol";
import { t } from "./texts";
import { dateText, dimsText, nameText } from "./words";

export interface Entry {
  study: Study;
  series: Series;
}

/** Letters without their marks, in lower case: "Müller" is found by "muller". */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Whether each word of a search is somewhere in what is said of a series and its study. */
export function matches(search: string, { study, series }: Entry): boolean {
  const { patientName, patientId, date, description } = study;
  const said = plain([patientName, nameText(patientName), patientId, date, dateText(date), description, series.description, series.modality].join("\n"));
  return plain(search).split(/\s+/).every((word) => said.includes(word));
}

export class Library {
  readonly #root: HTMLElement;
  readonly #open: (seriesInstanceUid: string) => void;
  #studies: readonly Study[] = [];
  #locked = false;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #search = byId("search", HTMLInputElement);
  readonly #found = byId("found", HTMLParagraphElement);

  constructor(root: HTMLElement, open: (seriesInstanceUid: string) => void) {
    this.#root = root;
    this.#open = open;
    this.#search.placeholder = t("search-studies");
    this.#search.addEventListener("input", () => this.#filter());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.#search.value === "") return;
      this.#search.value = "";
      this.#filter();
      event.stopPropagation();
    });
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

  /** The series so many places further down the list; null where there is none. */
  next(seriesInstanceUid: string | null, by: number): string | null {
    const uids = [...this.#buttons].filter(([uid, button]) => uid === seriesInstanceUid || !button.closest("[hidden]")).map(([uid]) => uid);
    const at = uids.indexOf(seriesInstanceUid ?? "");
    return at < 0 ? null : (uids[at + by] ?? null);
  }

  show(studies: readonly Study[]): void {
    this.#studies = studies;
    this.#buttons.clear();
    this.#root.replaceChildren(...studies.map((study) => this.#study(study)));
    this.#search.hidden = studies.length < 2;
    this.#filter();
  }

  /** Hides what the words of the search are not about. */
  #filter(): void {
    const search = this.#search.hidden ? "" : this.#search.value;
    this.#studies.forEach((study, i) => {
      const section = this.#root.children[i] as HTMLElement;
      const items = section.querySelectorAll("li");
      study.series.forEach((series, j) => (items[j]!.hidden = !matches(search, { study, series })));
      section.hidden = study.series.length > 0 ? [...items].every((item) => item.hidden) : search !== "";
    });
    const shown = [...this.#root.children].filter((section) => !(section as HTMLElement).hidden).length;
    const count = this.#studies.length;
    setText(this.#found, search.trim() === "" ? "" : shown === 0 ? t("none-found") : t("found-of", { number: shown, count }));
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
      element("h2", { class: "demographics" }, name || study.patientId || t("no-name")),
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
    const title = [series.number, series.description || t("no-description")].filter((part) => part !== null).join(" · ");
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
