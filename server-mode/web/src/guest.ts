// What a guest of somebody's window may ask for, and is told of that.

import type { Role } from "./messages";
import type { ClientMessage } from "./protocol";
import { t } from "./texts";

type Kind = ClientMessage["type"];

/** Only whom the server belongs to. */
const OWNING: ReadonlySet<Kind> = new Set<Kind>(["openSeries", "openBeside", "closeSeries", "dropView"]);
/** Not who may only watch. */
const DRIVING: ReadonlySet<Kind> = new Set<Kind>([
  "set",
  "pointer",
  "wheel",
  "pinch",
  "scroll",
  "rotate",
  "window",
  "preset",
  "reset",
  "values",
]);

/** Whether the server would do it for a client of this role. */
export function may(role: Role, kind: Kind): boolean {
  switch (role) {
    case "owner":
      return true;
    case "driver":
      return !OWNING.has(kind);
    case "viewer":
      return !OWNING.has(kind) && !DRIVING.has(kind);
  }
}

/** Who decides what is shown; null where that is whoever looks at the page. */
export function roleWords(role: Role): string | null {
  switch (role) {
    case "owner":
      return null;
    case "driver":
      return t("guest-drives");
    case "viewer":
      return t("guest-watches");
  }
}
