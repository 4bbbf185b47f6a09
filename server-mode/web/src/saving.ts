// Saving from the page: the picture of a view as PNG, and what was measured as a table.

import { byId, setText } from "./dom";
import { snapshot } from "./snapshot";
import { type Row, csvOf } from "./table";
import { t } from "./texts";
import type { Viewport } from "./viewport";

export interface SavingOwner {
  active(): Viewport;
  /** All that was measured. */
  rows(): readonly Row[];
  /** Does something while what is drawn names nobody, or as the host named it. */
  drawnAs(named: boolean, act: () => void): void;
  fault(text: string): void;
  announce(text: string): void;
}

export class Saving {
  readonly #owner: SavingOwner;
  readonly #dialog = byId("save-dialog", HTMLDialogElement);
  readonly #named = byId("save-named", HTMLInputElement);
  readonly #picture = byId("save-picture", HTMLButtonElement);
  readonly #table = byId("save-table", HTMLButtonElement);

  constructor(owner: SavingOwner) {
    this.#owner = owner;
    byId("save", HTMLButtonElement).addEventListener("click", () => this.open());
    this.#named.addEventListener("change", () => this.#hint());
    this.#picture.addEventListener("click", () => this.#savePicture());
    this.#table.addEventListener("click", () => this.#saveTable());
  }

  open(): void {
    const { title, pictureSize, root } = this.#owner.active();
    const count = this.#owner.rows().length;
    // A file is no place for a name that nobody asked for.
    this.#named.checked = false;
    this.#hint();
    setText(this.#picture, t("save-picture-of", { title }));
    this.#picture.disabled = pictureSize === null || root.classList.contains("stale");
    setText(this.#table, t("save-measurements", { count }));
    this.#table.disabled = count === 0;
    this.#dialog.showModal();
  }

  #hint(): void {
    byId("save-named-hint", HTMLParagraphElement).style.visibility = this.#named.checked ? "" : "hidden";
  }

  #savePicture(): void {
    const viewport = this.#owner.active();
    const named = this.#named.checked;
    this.#owner.drawnAs(named, () => {
      const canvas = snapshot(viewport.root, named);
      if (!canvas) return this.#owner.fault(t("nothing-saved"));
      canvas.toBlob((png) => (png ? this.#save(png, "png") : this.#owner.fault(t("nothing-saved"))), "image/png");
    });
    this.#dialog.close();
  }

  #saveTable(): void {
    this.#save(new Blob([csvOf(this.#owner.rows(), this.#named.checked)], { type: "text/csv" }), "csv");
    this.#dialog.close();
  }

  /** The name tells the time, and nobody. */
  #save(what: Blob, kind: "png" | "csv"): void {
    const now = new Date();
    const two = (n: number) => String(n).padStart(2, "0");
    const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
    const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
    const name = `${date}-${time}-${kind === "png" ? "picture" : "measurements"}.${kind}`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(what);
    link.download = name;
    link.click();
    // The browser takes hold of it at once, but not before this turn ends.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.#owner.announce(t("saved-as", { name }));
  }
}
