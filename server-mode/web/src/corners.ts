// What is written over a picture: who and what it is in the corners, directions at the edges, and a ruler.

import { element, setText, svg } from "./dom";
import { lengthLabel, ruler } from "./geometry";
import type { Entry } from "./library";
import type { Content, Frame, GeometryWarning, Letters, SeriesOpened } from "./protocol";
import { named, t } from "./texts";
import { dateText, nameText } from "./words";

/** What the corners say about the patient and the series. */
export interface Caption {
  patientName: string;
  patientId: string;
  patientSex: string;
  patientBirthDate: string;
  studyDescription: string;
  studyDate: string;
  series: string;
  /** Which time of a 4D series; empty of others. */
  time: string;
  unit: string;
  suv: SeriesOpened["suv"];
  warnings: readonly GeometryWarning[];
  /** Where millimetres hold, as in SelfCheck. */
  millimetres: string;
}

/** What the corners say about a picture; empty where there is nothing to say. */
export interface Facts {
  window: string;
  inverted: boolean;
  zoom: string;
  slab: string;
  /** Its number from 1, and of how many. */
  slice: readonly [number, number] | null;
  depth: string;
}

const LONGEST_RULER_PX = 140;
/** A shorter one tells little. */
const SHORTEST_RULER_PX = 40;
/** Between the middle of a view and a ruler's end: letters, the ruler's own, and the bar of slices. */
const BESIDE_RULER_PX = 108;

export class Corners {
  readonly #title = element("div", { class: "corner top-right title" });
  readonly #quality = element("span", { class: "badge quality", hidden: true });
  readonly #lossy = element("span", { class: "badge lossy", hidden: true, title: t("lossy-hint") }, t("lossy"));
  readonly #warning = element("button", { class: "badge warning", type: "button", hidden: true });
  readonly #patient = element("div", { class: "corner top-left demographics" });
  readonly #facts = element("div", { class: "corner bottom-left" });
  readonly #series = element("div", { class: "series-name" });
  readonly #time = element("div");
  readonly #ruler = element("div", { class: "ruler", hidden: true });
  readonly #letters = {
    left: element("span", { class: "letter left", "aria-hidden": "true" }),
    right: element("span", { class: "letter right", "aria-hidden": "true" }),
    top: element("span", { class: "letter top", "aria-hidden": "true" }),
    bottom: element("span", { class: "letter bottom", "aria-hidden": "true" }),
  };
  /** Grows along the lower edge while a picture refines. */
  readonly #refining = element("div", { class: "refining", "aria-hidden": "true", hidden: true });
  /** All of it, to be laid over a picture. */
  readonly nodes: readonly Element[] = [
    this.#patient,
    this.#title,
    element("div", { class: "corner badges" }, this.#warning, this.#lossy, this.#quality),
    this.#facts,
    element("div", { class: "corner bottom-right" }, this.#series, this.#time, this.#ruler),
    ...Object.values(this.#letters),
    this.#refining,
  ];

  constructor(explainWarnings: () => void) {
    this.#warning.addEventListener("click", explainWarnings);
  }

  setTitle(title: string): void {
    setText(this.#title, title);
  }

  writeCaption(caption: Caption | null): void {
    this.#patient.replaceChildren();
    setText(this.#series, caption?.series ?? "");
    setText(this.#time, caption?.time ?? "");
    const warnings = caption?.warnings ?? [];
    const badges = warnings.map(({ code }) => (named(code) === code ? code.replaceAll("-", " ") : named(code)));
    if (caption && caption.millimetres === "within-images") badges.push(t("mm-within-images-only"));
    if (caption && caption.millimetres === "within-regions") badges.push(t("mm-within-regions-only"));
    if (caption && caption.millimetres === "nowhere") badges.push(t("no-millimetres"));
    this.#warning.hidden = badges.length === 0;
    const first = badges[0];
    if (first) {
      const more = badges.length > 1 ? ` +${badges.length - 1}` : "";
      setText(this.#warning, `⚠ ${first}${more}`);
      this.#warning.title = warnings.map((warning) => warning.message).join("\n") || first;
    }
    if (!caption) return;
    const name = nameText(caption.patientName);
    const person = [name === caption.patientId ? "" : name && caption.patientId, caption.patientSex, dateText(caption.patientBirthDate)];
    const whose = person.filter(Boolean).join(" · ");
    const lines = [whose, caption.studyDescription, dateText(caption.studyDate)].filter(Boolean);
    this.#patient.append(
      element("div", { class: "patient-name" }, name || caption.patientId || t("no-name")),
      ...lines.map((line) => element("div", {}, line)),
    );
  }

  writeLetters(letters: Letters | null): void {
    for (const side of ["left", "right", "top", "bottom"] as const) setText(this.#letters[side], letters?.[side] ?? "");
  }

  /** A view of little room tells the slice by its numbers alone, and leaves the zoom out; what changes what the picture means stays. */
  writeFacts(facts: Facts | null): void {
    this.#facts.replaceChildren();
    if (!facts) {
      this.#ruler.hidden = true;
      return;
    }
    const { window, inverted, zoom, slab, slice, depth } = facts;
    const line = (text: string, kind = "") => (text ? [element("div", { class: kind }, text)] : []);
    const means = [inverted ? t("inverted") : "", slab].filter(Boolean).join(" · ");
    this.#facts.append(...line(window), ...line(means, "means"), ...line(zoom, "zoom"));
    // What stands above them makes room.
    const lines = [window, means, slice].filter(Boolean).length;
    this.#facts.parentElement?.style.setProperty("--lines", String(Math.max(2, lines)));
    if (!slice) return;
    const [number, count] = slice;
    const numbers = element("span", { class: "number" }, t("slice-in", { number, count }));
    const alone = element("span", { class: "number-alone", "aria-hidden": "true" }, `${number} / ${count}`);
    this.#facts.append(element("div", { class: "slice" }, numbers, alone, ...(depth ? [" ", element("span", { class: "depth" }, depth)] : [])));
  }

  /** Where a CSS pixel is so many mm, in a view so many CSS pixels wide; null where lengths do not hold. */
  drawRuler(mmPerCssPixel: number | null, width: number): void {
    const room = Math.min(LONGEST_RULER_PX, width / 2 - BESIDE_RULER_PX);
    const scale = mmPerCssPixel === null || room < SHORTEST_RULER_PX ? null : ruler(mmPerCssPixel, room);
    this.#ruler.hidden = scale === null;
    if (!scale) return;
    const { length, parts } = scale;
    let path = `M0.5 10.5H${length + 0.5}`;
    for (let i = 0; i <= parts; i++) {
      const long = i === 0 || i === parts || (parts === 10 && i === 5);
      path += `M${(i * length) / parts + 0.5} 10.5v${long ? -8 : -4}`;
    }
    const wide = Math.ceil(length) + 1;
    this.#ruler.replaceChildren(
      element("span", {}, lengthLabel(scale.mm)),
      svg(
        "svg",
        { width: wide, height: 12, viewBox: `0 0 ${wide} 12`, "aria-hidden": "true" },
        svg("path", { d: path, class: "ruler-shade" }),
        svg("path", { d: path, class: "ruler-line" }),
      ),
    );
  }

  /** `refined` is 0 while a picture stands in for one that refines; `drawnHere` by the page itself. */
  writeQuality(quality: Frame["quality"], refined: number, drawnHere: boolean): void {
    const refining = quality === "interactive" && refined > 0;
    this.#quality.hidden = false;
    this.#lossy.hidden = quality === "lossless" || drawnHere;
    this.#quality.classList.toggle("final", quality !== "interactive");
    this.#quality.classList.toggle("lossless", quality === "lossless");
    this.#quality.classList.toggle("refines", refining);
    const words = t(quality === "final" && drawnHere ? "local" : quality);
    setText(this.#quality, refining ? t("refining-by", { percent: Math.round(refined * 100) }) : words);
    const titles = { interactive: "", final: drawnHere ? t("local-hint") : "", lossless: t("lossless-hint") };
    this.#quality.title = titles[quality];
    this.#refining.hidden = !refining;
    this.#refining.style.width = `${refined * 100}%`;
  }

  hideQuality(): void {
    this.#quality.hidden = this.#lossy.hidden = this.#refining.hidden = true;
  }
}

/** Of a series, and what the list says of it. */
export function captionOf(series: SeriesOpened, entry: Entry | null): Caption {
  const number = entry?.series.number;
  const name = [series.modality, number == null ? "" : t("series-number", { number }), entry?.series.description];
  return {
    patientName: entry?.study.patientName ?? "",
    patientId: entry?.study.patientId ?? "",
    patientSex: entry?.study.patientSex ?? "",
    patientBirthDate: entry?.study.patientBirthDate ?? "",
    studyDescription: entry?.study.description ?? "",
    studyDate: entry?.study.date ?? "",
    series: name.filter(Boolean).join(" · "),
    time: entry?.time ? t("time-in", { number: entry.time[0], count: entry.time[1] }) : "",
    unit: series.unit,
    suv: series.suv,
    warnings: series.warnings,
    millimetres: series.selfCheck.millimetres,
  };
}

/** Distance along the axis that the slices follow, in the letters of the viewports: "H 12.5 mm". */
export function depthText(content: Content, positionMm: readonly number[]): string {
  const axis = content === "sagittal" ? 0 : content === "coronal" ? 1 : 2;
  const mm = positionMm[axis];
  if (mm === undefined) return "";
  const letter = ["RL", "AP", "FH"][axis]![mm < 0 ? 0 : 1]!;
  return `${letter} ${Math.abs(mm).toFixed(1)} mm`;
}
