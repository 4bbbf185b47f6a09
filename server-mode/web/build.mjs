// node build.mjs build | fresh | test | e2e | measure
//
// `dist/` is committed because the Rust binary embeds it and must build without Node; `fresh` proves that it is
// what the sources give.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const cache = join(here, "node_modules/.cache/voxcast");
const outputs = ["index.html", "icon.svg", "app.js", "app.css"];

async function bundle(outdir) {
  mkdirSync(outdir, { recursive: true });
  await esbuild.build({
    absWorkingDir: here,
    entryPoints: { app: "src/main.ts" },
    outdir,
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
  });
  await esbuild.build({
    absWorkingDir: here,
    entryPoints: { app: "src/app.css" },
    outdir,
    charset: "utf8",
  });
  for (const name of ["index.html", "icon.svg"]) copyFileSync(join(here, "src", name), join(outdir, name));
}

async function fresh() {
  const outdir = join(cache, "fresh");
  rmSync(outdir, { recursive: true, force: true });
  await bundle(outdir);
  const stale = outputs.filter((name) => {
    try {
      return !readFileSync(join(here, "dist", name)).equals(readFileSync(join(outdir, name)));
    } catch {
      return true;
    }
  });
  if (stale.length > 0) {
    console.error(`server-mode/web/dist is stale (${stale.join(", ")}): run \`npm run build\` there and commit dist`);
    return 1;
  }
  return 0;
}

/** Bundles files of a folder for Node (18 cannot read TypeScript) and runs them. */
async function run(folder, isWanted, args) {
  const outdir = join(cache, folder);
  rmSync(outdir, { recursive: true, force: true });
  const names = readdirSync(join(here, folder)).filter(isWanted);
  await esbuild.build({
    absWorkingDir: here,
    entryPoints: names.map((name) => join(folder, name)),
    outdir,
    outbase: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node18",
    sourcemap: "inline",
  });
  const files = names.map((name) => join(outdir, name.replace(/\.ts$/, ".mjs")));
  const ended = spawnSync(process.execPath, ["--enable-source-maps", ...args, ...files, ...process.argv.slice(3)], {
    cwd: here,
    stdio: "inherit",
  });
  return ended.status ?? 1;
}

const isTest = (name) => name.endsWith(".test.ts");

const commands = {
  build: async () => {
    await bundle(join(here, "dist"));
    return 0;
  },
  fresh,
  test: () => run("tests", isTest, ["--test"]),
  e2e: () => run("e2e", isTest, ["--test"]),
  measure: () => run("e2e", (name) => name === "measure.ts", []),
};
const command = commands[process.argv[2]];
if (!command) {
  console.error(`usage: node build.mjs ${Object.keys(commands).join("|")}`);
  process.exit(2);
}
process.exit(await command());
