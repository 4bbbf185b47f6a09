// node build.mjs build | fresh | test | e2e
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

/** Bundles every *.test.ts of a folder and runs it with Node's own test runner (Node 18 cannot read TypeScript). */
async function runTests(folder, args) {
  const outdir = join(cache, folder);
  rmSync(outdir, { recursive: true, force: true });
  const names = readdirSync(join(here, folder)).filter((name) => name.endsWith(".test.ts"));
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
  const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...args, ...files], {
    cwd: here,
    stdio: "inherit",
  });
  return run.status ?? 1;
}

const commands = {
  build: async () => {
    await bundle(join(here, "dist"));
    return 0;
  },
  fresh,
  test: () => runTests("tests", []),
  e2e: () => runTests("e2e", []),
};
const command = commands[process.argv[2]];
if (!command) {
  console.error(`usage: node build.mjs ${Object.keys(commands).join("|")}`);
  process.exit(2);
}
process.exit(await command());
