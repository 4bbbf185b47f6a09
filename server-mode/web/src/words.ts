// Values of the data set as people read them.

import type { ConnectionState, Ending } from "./connection";
import type { Content, SeriesOpened, ViewState } from "./protocol";
import { type Text, t } from "./texts";

/** A DICOM person name ("Doe^Jane^^Dr") as "Doe, Jane". */
export function nameText(name: string): string {
  const [family = "", given = "", middle = ""] = (name.split("=")[0] ?? "").split("^").map((part) => part.trim());
  const rest = [given, middle].filter(Boolean).join(" ");
  return [family, rest].filter(Boolean).join(", ");
}

/** A DICOM date (20240131) as 2024-01-31; anything else unchanged. */
export function dateText(date: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(date.trim());
  return match ? `${match[1]}-${match[2]}-${match[3]}` : date;
}

/** At most four significant digits, no needless zeros, a true minus sign. */
export function numberText(value: number): string {
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(4));
  return String(rounded).replace("-", "−");
}

/** The middle of a window, as finely as its width tells apart. */
export function levelText(center: number, width: number): string {
  const decimals = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(width))));
  return String(Number(center.toFixed(decimals)) || 0).replace("-", "−");
}

/** Width and centre; of a PET whose values have a scale to them, the SUVs that are black and white. */
export function windowText({ center, width }: ViewState["window"], unit: string, suv: SeriesOpened["suv"]): string {
  if (!suv) return `W ${numberText(width)}  L ${levelText(center, width)}${unit ? ` ${unit}` : ""}`;
  const [low, high] = [-0.5, 0.5].map((half) => ((center + half * width) * suv.bodyWeight).toFixed(1).replace("-", "−"));
  return `SUV ${low} – ${high}`;
}

/** A message of the server, which starts small and without a full stop, as a sentence of its own. */
export function sentence(message: string): string {
  const [first = ""] = message;
  return first.toUpperCase() + message.slice(first.length) + (message.endsWith(".") ? "" : ".");
}

/** What a view shows. */
export function titleOf(content: Content): string {
  return t(content === "mean" ? "mean-projection" : content);
}

/** What is read out when a slice is paged to. */
export function spokenSlice(content: Content, number: number, count: number | null): string {
  return t("spoken-slice-of", { title: titleOf(content), number, count: count ?? 0 });
}

/** "512 × 512 × 275". */
export function dimsText(dims: readonly number[]): string {
  return dims.join(" × ");
}

/** What happened, in a few words; what to do is told by the text of that name with `-what`. */
export const ENDED = {
  sentAway: "sent-away",
  sharingEnded: "sharing-ended",
  invitationEnded: "invitation-ended",
  signedOut: "signed-out",
} as const satisfies Record<Ending, Text>;

/** Null while an attempt to reconnect runs: the words about the loss stay until it ends. */
export function connectionWords(state: ConnectionState, gone: boolean, again: boolean): string | null {
  switch (state.kind) {
    case "connected":
      return t("connected");
    case "ended":
      return t(ENDED[state.why]);
    case "silent":
      return t("not-responding");
    case "reconnecting":
      if (state.said === "full") return t("server-full-again");
      if (state.said === "shutDown") return t("server-shut-down");
      return t(gone ? "server-gone" : "reconnecting");
    case "connecting":
      return again ? null : t("connecting");
  }
}
