// What the page says outside of its views: messages, the progress of loading, and words for screen readers.

import { byId, element, setText } from "./dom";
import type { SeriesOpened } from "./protocol";
import { t } from "./texts";
import { sentence } from "./words";

/** A slice is read out once paging has rested this long. */
const ANNOUNCE_MS = 500;
const MOST_MESSAGES = 4;

export class Notices {
  #announceTimer: ReturnType<typeof setTimeout> | undefined;

  /** Who draws the active view, and why. */
  showSource({ source, reason }: { source: "local" | "remote"; reason: string }): void {
    const who = t(source === "local" ? "this-computer" : "the-server");
    const where = byId("drawn-by", HTMLElement);
    setText(where, who);
    where.title = t("drawn-by-because", { who, reason });
    byId("source", HTMLSelectElement).title = where.title;
  }

  showLoading(done: number, total: number): void {
    const loading = byId("loading", HTMLDivElement);
    loading.hidden = done >= total;
    setText(byId("loading-text", HTMLSpanElement), t("loading-slices", { done, total }));
    const bar = byId("loading-bar", HTMLProgressElement);
    bar.max = Math.max(1, total);
    bar.value = done;
  }

  showSelfCheck(series: SeriesOpened): void {
    const check = series.selfCheck;
    const lists = [[t("found"), check.found], [t("corrected"), check.corrected], [t("not-known"), check.unknown]] as const;
    const told = lists.filter(([, lines]) => lines.length > 0).flatMap(([title, lines]) => [
      element("h3", {}, title),
      element("ul", {}, ...lines.map((line) => element("li", {}, sentence(line)))),
    ]);
    byId("self-check", HTMLDivElement).replaceChildren(...told);
  }

  report(text: string): void {
    const messages = byId("messages", HTMLDivElement);
    const same = [...messages.children].find((child) => child.firstChild?.textContent === text);
    if (same) return;
    const close = element("button", { type: "button", class: "icon", "aria-label": t("dismiss") }, "×");
    const message = element("div", { class: "message" }, element("span", {}, text), close);
    close.addEventListener("click", () => message.remove());
    messages.append(message);
    if (messages.children.length > MOST_MESSAGES) messages.firstElementChild?.remove();
  }

  announce(text: string): void {
    clearTimeout(this.#announceTimer);
    this.#announceTimer = setTimeout(() => setText(byId("live", HTMLParagraphElement), text), ANNOUNCE_MS);
  }
}
