// What the page says by itself, in the language of the browser.

import { de, names, sentences } from "./texts/de";
import { en } from "./texts/en";

export type Text = keyof typeof en;
export type Texts = Readonly<Record<Text, string>>;

const LANGUAGES = { en, de } satisfies Record<string, Texts>;
export type Language = keyof typeof LANGUAGES;

export function isText(name: string): name is Text {
  return Object.hasOwn(en, name);
}

/** The first of a browser's languages that there is. */
export function languageOf(wanted: readonly string[]): Language {
  const known = wanted.map((name) => name.toLowerCase().split("-")[0]!).find((name) => Object.hasOwn(LANGUAGES, name));
  return (known as Language | undefined) ?? "en";
}

export const language = languageOf((globalThis.navigator as Navigator | undefined)?.languages ?? []);

/** A text with what stands in its braces. */
export function t(name: Text, values: Readonly<Record<string, string | number>> = {}, of: Language = language): string {
  return LANGUAGES[of][name].replace(/\{(\w+)\}/g, (all, key: string) => String(values[key] ?? all));
}

/** What the program calls something by a fixed name, as a window, a preset, a warning or a doubt: that itself where there is no other. */
export function named(name: string, of: Language = language): string {
  if (of === "de" && Object.hasOwn(sentences, name)) return sentences[name]!;
  const fromFile = /^From the file (\d+)$/.exec(name);
  if (of === "de" && fromFile) return `Aus der Datei ${fromFile[1]}`;
  const key = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return of === "de" && Object.hasOwn(names, key) ? names[key]! : name;
}

/** Writes the page's own texts: of elements by `data-t`, of their attributes by `data-t-title` and `data-t-label`. */
export function translate(page: Document): void {
  page.documentElement.lang = language;
  const each = (attribute: string, write: (node: Element, text: string) => void) => {
    for (const node of page.querySelectorAll(`[${attribute}]`)) {
      const name = node.getAttribute(attribute)!;
      if (!isText(name)) throw new Error(`the page has no text "${name}"`);
      write(node, t(name));
    }
  };
  each("data-t", (node, text) => (node.textContent = text));
  each("data-t-title", (node, text) => node.setAttribute("title", text));
  each("data-t-label", (node, text) => node.setAttribute("aria-label", text));
}
