// The list of studies and series.

import { byId, element, setText } from "./dom";
import type { Series, Study } from "./protocol";
import { type Listed, type ListedStudy, type Patient, byPatient, firstLook } from "./studies";
import { t } from "./texts";
import { dateText, dimsText, nameText } from "./words";

export interface Entry {
  study: Study;
  series: Series;
  /** Which time of how many, from 1; null of a series that is no 4D series. */
  time: readonly [number, number] | null;
}

export interface LibraryOwner {
  open(seriesInstanceUid: string): void;
  /** Another time of the 4D series that is shown. */
  openTime(seriesInstanceUid: string): void;
}

/** Letters without their marks, in lower case: "Müller" is found by "muller". */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Whether each word of a search is somewhere in what is said of a series and its study. */
export function matches(search: string, { study, series }: Pick<Entry, "study" | "series">): boolean {
  const { patientName, patientId, date, description } = study;
  const said = plain([patientName, nameText(patientName), patientId, date, dateText(date), description, series.description, series.modality].join("\n"));
  return plain(search).split(/\s+/).every((word) => said.includes(word));
}

/** A series in the list. */
interface Row {
  listed: Listed;
  item: HTMLLIElement;
  button: HTMLButtonElement;
  /** Of a 4D series. */
  times: { bar: HTMLDivElement; slider: HTMLInputElement; told: HTMLSpanElement; steps: readonly HTMLButtonElement[] } | null;
}

interface StudyRows {
  study: Study;
  root: HTMLElement;
  rows: readonly Row[];
}

interface Group {
  root: HTMLElement;
  heading: HTMLButtonElement;
  studies: readonly StudyRows[];
}

export class Library {
  readonly #root: HTMLElement;
  readonly #owner: LibraryOwner;
  #patients: readonly Patient[] = [];
  #groups: readonly Group[] = [];
  /** Rises where the thumbnails may be others. */
  #pictured = 0;
  #locked = false;
  #current: string | null = null;
  readonly #rows = new Map<string, Row>();
  readonly #search = byId("search", HTMLInputElement);
  readonly #found = byId("found", HTMLParagraphElement);

  constructor(root: HTMLElement, owner: LibraryOwner) {
    this.#root = root;
    this.#owner = owner;
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
    return this.#rows.size === 0;
  }

  /** Another server's pictures may have the same names. */
  pictureAnew(): void {
    this.#pictured += 1;
  }

  /** What is shown where nothing was asked for. */
  get first(): string {
    return firstLook(this.#patients);
  }

  find(seriesInstanceUid: string): Entry | null {
    for (const { study, series } of this.#patients.flat()) {
      const listed = series.find(({ times }) => times.includes(seriesInstanceUid));
      if (!listed) continue;
      const { times, description } = listed;
      return { study, series: { ...listed.series, description }, time: times.length > 1 ? [times.indexOf(seriesInstanceUid) + 1, times.length] : null };
    }
    return null;
  }

  /** A series as people know it: its number and description. */
  titleOf(seriesInstanceUid: string): string {
    const { number = null, description = "" } = this.find(seriesInstanceUid)?.series ?? {};
    if (number === null || description === "") return description || (number === null ? t("no-description") : t("series-number", { number }));
    return `${number}  ${description}`;
  }

  /** The series so many places further down the list; null where there is none. */
  next(seriesInstanceUid: string | null, by: number): string | null {
    const current = this.#rowOf(seriesInstanceUid);
    const rows = [...this.#rows.values()].filter((row) => row === current || !row.button.closest("[hidden]"));
    const at = current ? rows.indexOf(current) : -1;
    return at < 0 ? null : (rows[at + by]?.listed.times[0] ?? null);
  }

  /** The time so many steps later of a 4D series, whose last is followed by its first; null of other series. */
  nextTime(seriesInstanceUid: string | null, by: number): string | null {
    const times = this.#rowOf(seriesInstanceUid)?.listed.times ?? [];
    if (times.length < 2) return null;
    return times[(times.indexOf(seriesInstanceUid!) + by + times.length) % times.length] ?? null;
  }

  show(studies: readonly Study[]): void {
    this.#patients = byPatient(studies);
    this.#rows.clear();
    this.#groups = this.#patients.map((patient) => this.#group(patient));
    this.#root.replaceChildren(...this.#groups.map(({ root }) => root));
    this.#search.hidden = studies.length < 2;
    this.#filter();
    this.setCurrent(this.#current);
  }

  /** Whether series are listed only, and not opened. */
  lock(locked: boolean): void {
    this.#locked = locked;
    for (const { button, times } of this.#rows.values()) for (const control of [button, ...controls(times)]) control.disabled = locked;
  }

  setCurrent(seriesInstanceUid: string | null): void {
    this.#current = seriesInstanceUid;
    const current = this.#rowOf(seriesInstanceUid);
    for (const row of this.#rows.values()) {
      if (row === current) row.button.setAttribute("aria-current", "true");
      else row.button.removeAttribute("aria-current");
      if (!row.times) continue;
      row.times.bar.hidden = row !== current;
      const [number, count] = [row.listed.times.indexOf(seriesInstanceUid ?? "") + 1, row.listed.times.length];
      if (row !== current) continue;
      row.times.slider.value = String(number);
      row.times.slider.setAttribute("aria-valuetext", t("slice-of", { number, count }));
      setText(row.times.told, `${number} / ${count}`);
    }
    // What is shown is not hidden in the list.
    const group = current && this.#groups.find(({ root }) => root.contains(current.item));
    if (group) unfold(group, true);
  }

  #rowOf(seriesInstanceUid: string | null): Row | null {
    return seriesInstanceUid === null ? null : (this.#rows.get(seriesInstanceUid) ?? [...this.#rows.values()].find(({ listed }) => listed.times.includes(seriesInstanceUid)) ?? null);
  }

  /** Hides what the words of the search are not about; what they are about is seen in folded groups, too. */
  #filter(): void {
    const search = this.#search.hidden ? "" : this.#search.value;
    const searches = search.trim() !== "";
    this.#root.classList.toggle("searched", searches);
    let [shown, count] = [0, 0];
    for (const { root, studies } of this.#groups) {
      for (const { study, root, rows } of studies) {
        for (const { listed, item } of rows) item.hidden = !matches(search, { study, series: listed.series });
        root.hidden = rows.length > 0 ? rows.every(({ item }) => item.hidden) : search !== "";
        count += 1;
        if (!root.hidden) shown += 1;
      }
      root.hidden = studies.every(({ root }) => root.hidden);
    }
    setText(this.#found, !searches ? "" : shown === 0 ? t("none-found") : t("found-of", { number: shown, count }));
  }

  #group(patient: Patient): Group {
    const { study } = patient[0]!;
    const name = nameText(study.patientName);
    const words = [element("span", { class: "unseen" }, t("patient")), element("span", { class: "demographics" }, name || study.patientId || t("no-name"))];
    const heading = element("button", { type: "button", class: "fold", "aria-expanded": "true", title: t("fold-patient") }, ...words);
    const whose = [name === study.patientId ? "" : name && study.patientId, study.patientSex, dateText(study.patientBirthDate)].filter(Boolean).join(" · ");
    const studies = patient.map((listed) => this.#study(listed));
    const root = element("section", { class: "patient" }, element("h2", {}, heading), element("p", { class: "demographics" }, whose), ...studies.map(({ root }) => root));
    const group = { root, heading, studies };
    heading.addEventListener("click", () => unfold(group, heading.getAttribute("aria-expanded") !== "true"));
    return group;
  }

  #study({ study, series }: ListedStudy): StudyRows {
    const rows = series.map((listed) => this.#row(listed));
    const date = element("span", { class: "demographics" }, dateText(study.date));
    const words = [...(study.date ? [date] : []), ...(study.date && study.description ? [" · "] : []), study.description];
    const heading = study.date || study.description ? [element("h3", {}, ...words)] : [];
    const root = element("section", { class: "study" }, ...heading, element("ul", {}, ...rows.map(({ item }) => item)));
    return { study, root, rows };
  }

  #row(listed: Listed): Row {
    const { series, description, times: uids } = listed;
    const uid = series.seriesInstanceUid;
    const picture = element("img", { src: `/thumbnail/${encodeURIComponent(uid)}?of=${this.#pictured}`, alt: "", loading: "lazy" });
    // A series without a thumbnail tells its modality in its place.
    picture.addEventListener("error", () => picture.replaceWith(element("span", { "aria-hidden": "true" }, series.modality)));
    const title = [series.number, description || t("no-description")].filter((part) => part !== null).join(" · ");
    const size = uids.length > 1 ? `${dimsText(series.dims)} × ${uids.length}` : dimsText(series.dims);
    const button = element(
      "button",
      { type: "button", class: "series", title },
      element("span", { class: "thumbnail" }, picture),
      element(
        "span",
        { class: "series-text" },
        element("span", { class: "series-title" }, title),
        element("span", { class: "series-facts" }, [series.modality, size].filter(Boolean).join(" · ")),
      ),
    );
    button.disabled = this.#locked;
    const times = uids.length > 1 ? this.#times(uids) : null;
    button.addEventListener("click", () => this.#owner.open(uid));
    const row = { listed, item: element("li", {}, button, ...(times ? [times.bar] : [])), button, times };
    this.#rows.set(uid, row);
    return row;
  }

  /** What steps through the times of a 4D series. */
  #times(uids: readonly string[]): NonNullable<Row["times"]> {
    const slider = element("input", { type: "range", min: 1, max: uids.length, step: 1, "aria-label": t("time") });
    const told = element("span", { class: "time" });
    const step = (by: number, sign: string, label: string) => {
      const button = element("button", { type: "button", class: "icon", "aria-label": label, title: label }, sign);
      button.addEventListener("click", () => this.#openTime(this.nextTime(this.#current, by)));
      return button;
    };
    const steps = [step(-1, "‹", t("previous-time")), step(1, "›", t("next-time"))] as const;
    slider.addEventListener("input", () => setText(told, `${slider.value} / ${uids.length}`));
    slider.addEventListener("change", () => this.#openTime(uids[slider.valueAsNumber - 1] ?? null));
    for (const control of [slider, ...steps]) control.disabled = this.#locked;
    return { bar: element("div", { class: "times", hidden: true }, steps[0], slider, steps[1], told), slider, told, steps };
  }

  #openTime(seriesInstanceUid: string | null): void {
    if (seriesInstanceUid !== null && seriesInstanceUid !== this.#current) this.#owner.openTime(seriesInstanceUid);
  }
}

function controls(times: Row["times"]): readonly (HTMLInputElement | HTMLButtonElement)[] {
  return times ? [times.slider, ...times.steps] : [];
}

function unfold({ root, heading }: Group, open: boolean): void {
  root.classList.toggle("folded", !open);
  heading.setAttribute("aria-expanded", String(open));
}
