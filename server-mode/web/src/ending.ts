// The page of a visit that is over: whoever may see nothing more sees nothing more.

import type { Ending } from "./connection";
import { byId, setText } from "./dom";
import { t } from "./texts";
import { ENDED } from "./words";

/** All that tells of a patient: pictures and their texts, the list of series, what was drawn, what was said. */
const TELLING = ["grid", "studies", "found", "measurements", "self-check", "messages", "tabs", "probe", "live", "windows", "presets", "window-target"];

/** Takes everything of a patient's out of the page, for good, and says why and what to do. */
export function endVisit(why: Ending): void {
  for (const id of TELLING) document.getElementById(id)?.replaceChildren();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  for (const field of document.querySelectorAll("input")) field.value = "";
  for (const id of ["empty", "nothing", "full", "loading"]) byId(id, HTMLDivElement).hidden = true;
  setText(byId("ended-title", HTMLHeadingElement), t(ENDED[why]));
  setText(byId("ended-what", HTMLParagraphElement), t(`${ENDED[why]}-what`));
  const signIn = byId("sign-in", HTMLButtonElement);
  signIn.hidden = why !== "signedOut";
  signIn.addEventListener("click", () => location.reload());
  byId("ended", HTMLDivElement).hidden = false;
}
