import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isText, languageOf, named, t } from "../src/texts";
import { de, names, sentences } from "../src/texts/de";
import { en } from "../src/texts/en";

const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test("both languages put the same into their texts", () => {
  for (const [name, text] of Object.entries(en)) {
    assert.ok(isText(name));
    assert.deepEqual(holes(de[name]), holes(text), name);
    assert.ok(de[name].trim() !== "", name);
  }
  assert.equal(t("slice-in", { number: 3, count: 9 }, "de"), "Schicht 3 / 9");
});

test("the browser's first known language is taken", () => {
  assert.equal(languageOf(["de-CH", "en"]), "de");
  assert.equal(languageOf(["fr", "en-GB", "de"]), "en");
  assert.equal(languageOf(["fr"]), "en");
  assert.equal(languageOf([]), "en");
});

test("the page's texts are there", () => {
  const page = readFileSync("src/index.html", "utf8");
  const used = [...page.matchAll(/data-t(?:-title|-label)?="([^"]*)"/g)].map(([, name]) => name!);
  assert.ok(used.length > 40);
  for (const name of used) assert.ok(isText(name), name);
});

test("windows, presets and warnings are called as in the window", () => {
  assert.equal(named("Soft tissue", "de"), "Weichteile");
  assert.equal(named("Soft tissue", "en"), "Soft tissue");
  assert.equal(named("Fenster der Klinik", "de"), "Fenster der Klinik");
  const locale = readFileSync("../../assets/locales/de.ftl", "utf8");
  const values = new Map([...locale.matchAll(/^([\w-]+) = (.+)$/gm)].map(([, key, text]) => [key!, text!]));
  const known = new Set(values.values());
  for (const [key, name] of Object.entries(names)) {
    if (values.has(key) && key !== "uncalibrated") assert.equal(name, values.get(key), key);
    else assert.ok(known.has(name), `${key}: ${name}`);
  }
});

test("doubts are known by the words of the program", () => {
  const scale = readFileSync("../../render-core/volumes/src/dicom/scale.rs", "utf8").replace(/\\\n\s*/g, "");
  for (const english of Object.keys(sentences)) assert.ok(scale.includes(`"${english}"`), english);
  assert.equal(named("From the file 2", "de"), "Aus der Datei 2");
});
