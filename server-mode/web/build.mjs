// node build.mjs build | fresh | wasm | test | e2e | measure
//
// `dist/` is committed because the Rust binary embeds it and must build without Node; `fresh` proves that it is
// what the sources give. `wasm` compiles render-core for browsers; that takes a toolchain that few have, and minutes, so
// `fresh` only tells when it is due.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const cache = join(here, "node_modules/.cache/voxcast");
const outputs = ["index.html", "icon.svg", "app.js", "app.css", "local.js"];

async function bundle(outdir) {
  mkdirSync(outdir, { recursive: true });
  await esbuild.build({
    absWorkingDir: here,
    entryPoints: { app: "src/main.ts", local: "src/local.worker.ts" },
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
  const changed = changedSources();
  if (changed.length > 0) {
    console.log(`server-mode/web/dist/local.wasm is older than ${changed.length} of its sources (${changed[0]} …): \`./x wasm\` makes it anew`);
  }
  return 0;
}

// --- WebAssembly ---------------------------------------------------------------------------------------------------

/** The sources that the WebAssembly was made of, with what they were. */
const sourcesFile = join(here, "wasm/sources.json");

function digest(path) {
  return existsSync(path) ? createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16) : "";
}

function changedSources() {
  const sources = JSON.parse(readFileSync(sourcesFile, "utf8"));
  return Object.keys(sources).filter((path) => digest(join(root, path)) !== sources[path]);
}

function command(name, args, options = {}) {
  const ended = spawnSync(name, args, { cwd: root, stdio: "inherit", ...options });
  if (ended.status !== 0) throw new Error(`${name} ${args.join(" ")} failed`);
}

/** Small rather than fast: the card does the work. */
const PROFILE = {
  CARGO_PROFILE_RELEASE_DEBUG: "0",
  CARGO_PROFILE_RELEASE_OPT_LEVEL: "s",
  CARGO_PROFILE_RELEASE_LTO: "fat",
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "1",
  CARGO_PROFILE_RELEASE_PANIC: "abort",
};
const TARGET = "wasm32-unknown-unknown";

async function wasm() {
  const target = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "browser");
  const installed = spawnSync("rustup", ["target", "list", "--installed"], { encoding: "utf8" });
  const build = ["build", "--release", "--target", TARGET, "-p", "browser"];
  let [cargo, env, more] = ["cargo", {}, []];
  if (!installed.stdout?.includes(TARGET)) {
    // Debian's compiler for the web brings the standard library as source.
    if (!existsSync("/usr/bin/rustc") || !existsSync("/usr/bin/wasm-ld-14")) {
      console.error(`no compiler for ${TARGET}: \`rustup target add ${TARGET}\`, or on Debian \`apt-get install rustc-web cargo-web rust-web-src lld\``);
      return 1;
    }
    cargo = "/usr/bin/cargo";
    more = ["-Zbuild-std=std,panic_abort"];
    env = { PATH: `/usr/bin:${process.env.PATH}`, RUSTC: "/usr/bin/rustc", RUSTC_BOOTSTRAP: "1", CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: "wasm-ld-14" };
  }
  command(cargo, [...build, ...more], { env: { ...process.env, ...PROFILE, ...env, CARGO_TARGET_DIR: target } });
  const made = join(target, TARGET, "release");
  const manifest = join(here, "wasm/bindgen/Cargo.toml");
  const folder = join(cache, "drawer");
  const own = { env: { ...process.env, CARGO_TARGET_DIR: join(target, "bindgen") } };
  command("cargo", ["run", "--release", "--locked", "--manifest-path", manifest, "--", join(made, "browser.wasm"), folder], own);
  for (const name of ["drawer.js", "drawer.d.ts"]) copyFileSync(join(folder, name), join(here, "src/drawer", name));
  copyFileSync(join(folder, "drawer_bg.wasm"), join(here, "dist/local.wasm"));
  // The compiler's own list of what it has read.
  const read = readFileSync(join(made, "browser.d"), "utf8").split(": ")[1].trim().split(" ");
  const sources = read.map((path) => relative(root, path)).filter((path) => !path.startsWith("..")).sort();
  writeFileSync(sourcesFile, `${JSON.stringify(Object.fromEntries(sources.map((path) => [path, digest(join(root, path))])), null, 1)}\n`);
  await bundle(join(here, "dist"));
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
  wasm,
  test: () => run("tests", isTest, ["--test"]),
  e2e: () => run("e2e", isTest, ["--test"]),
  measure: () => run("e2e", (name) => name === "measure.ts", []),
};
const chosen = commands[process.argv[2]];
if (!chosen) {
  console.error(`usage: node build.mjs ${Object.keys(commands).join("|")}`);
  process.exit(2);
}
process.exit(await chosen());
