// Whose series are: a server that was started again may call another patient's series by the same id.

import type { Study } from "./protocol";

/** Digits of the patient and the study, by series. Nobody reads a name in them. */
export type Digits = Readonly<Record<string, string>>;

export class Owners {
  readonly #of: Map<string, string>;

  /** `kept` is what a page before this one knew. */
  constructor(kept: Digits = {}) {
    this.#of = new Map(Object.entries(kept));
  }

  /** The series that were another patient's, or of another study, before. */
  take(studies: readonly Study[]): ReadonlySet<string> {
    const changed = new Set<string>();
    for (const study of studies) {
      const digits = digitsOf(study);
      for (const { seriesInstanceUid } of study.series) {
        const before = this.#of.get(seriesInstanceUid);
        if (before !== undefined && before !== digits) changed.add(seriesInstanceUid);
        this.#of.set(seriesInstanceUid, digits);
      }
    }
    return changed;
  }

  /** What is known of these. */
  of(series: readonly string[]): Digits {
    return Object.fromEntries(series.flatMap((one) => (this.#of.has(one) ? [[one, this.#of.get(one)!]] : [])));
  }
}

function digitsOf({ studyInstanceUid, patientId, patientName, patientBirthDate }: Study): string {
  const text = JSON.stringify([studyInstanceUid, patientId, patientName, patientBirthDate]);
  let [a, b] = [1, 7];
  for (const letter of text) {
    const code = letter.codePointAt(0)!;
    a = (Math.imul(a, 31) + code) >>> 0;
    b = (Math.imul(b, 65_599) ^ code) >>> 0;
  }
  return `${a.toString(16)}-${b.toString(16)}`;
}
