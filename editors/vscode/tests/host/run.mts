/**
 * Runs the tests in a real VS Code: its server, Chromium as its window, the packaged extension,
 * the installed claude-lsp and a Messages API on this machine.
 *
 *     node tests/host/run.mts [SUITE...] [--pictures FOLDER] [--floor]
 *
 * With --floor it is the oldest VS Code that the extension supports.
 */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createServer as createPortFinder } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { createInterface } from "node:readline";

import { chromium, type Page } from "playwright-core";

const HERE = import.meta.dirname;
const EXTENSION = path.join(HERE, "..", "..");
const PROJECT = path.join(EXTENSION, "..", "..");
/** The program and its first argument that run VS Code's server. */
const NEWEST = [process.execPath, path.join(HERE, "node_modules/code-server/lib/vscode/out/server-main.js")] as const;
const FLOOR = ["node", path.join(HERE, "floor/server-main.cjs")] as const; // it needs Node 20
const IS_FLOOR = process.argv.includes("--floor");
const [NODE, VSCODE] = IS_FLOOR ? FLOOR : NEWEST;
const KEY = "sk-ant-only-in-the-environment";
const LIMIT_MS = 480_000;
/** What the tests say; the window says much more. */
const OF_THE_TESTS = /^(ok |FAILED |\d+ passed| {8}\S)/;
const CHROMIUM = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

interface Suite {
  readonly name: string;
  /** The folder that is opened. */
  readonly workspace: string;
  /** Whether the folder is trusted without a question. */
  readonly trusted: boolean;
  /** Whether claude-lsp is on the PATH. */
  readonly hasServer: boolean;
  /** What the Messages API says, if not what it says to the others: a script, or a table of trials. */
  readonly replies?: string;
  /** Whether it runs only when it is named: it takes minutes. */
  readonly isSlow?: boolean;
}

const SUITES: readonly Suite[] = [
  { name: "trusted", workspace: "shop", trusted: true, hasServer: true },
  { name: "actions", workspace: "shop", trusted: true, hasServer: true, replies: "../../../../tests/editors/actions.json" },
  { name: "restricted", workspace: "hostile", trusted: false, hasServer: true },
  { name: "granted", workspace: "hostile", trusted: true, hasServer: true },
  { name: "faults", workspace: "shop", trusted: true, hasServer: true },
  { name: "folders", workspace: "folders", trusted: true, hasServer: true },
  { name: "speed", workspace: "shop", trusted: true, hasServer: true, replies: "speed.json", isSlow: true },
  { name: "install", workspace: "shop", trusted: true, hasServer: false, isSlow: true },
];

async function main(): Promise<number> {
  const words = process.argv.slice(2).filter((word) => word !== "--floor");
  const flag = words.indexOf("--pictures");
  const pictures = flag < 0 ? undefined : path.resolve(words.splice(flag, 2)[1] ?? ".");
  let failed = 0;
  const { size } = await stat(path.join(EXTENSION, "claude-lsp.vsix"));
  console.log(`claude-lsp.vsix: ${(size / 1000).toFixed(0)} kB`);
  const isWanted = ({ name, isSlow }: Suite): boolean =>
    words.length === 0 ? isSlow !== true : words.includes(name);
  for (const suite of SUITES.filter(isWanted)) {
    failed += (await runSuite(suite, pictures)) ? 0 : 1;
  }
  return failed === 0 ? 0 : 1;
}

async function runSuite(suite: Suite, pictures: string | undefined): Promise<boolean> {
  const began = Date.now();
  const root = await mkdtemp(path.join(tmpdir(), `claude-vscode-${suite.name}-`));
  const code = await codeOf(suite, root, pictures);
  const leaks = await filesWith(root, KEY);
  if (leaks.length > 0) {
    console.log(`the key stands in ${leaks.join(", ")}`);
  }
  const passed = code === 0 && leaks.length === 0;
  console.log(`${suite.name}: ${passed ? "ok" : `failed (${code})`}, ${seconds(began)} s`);
  if (passed) {
    // Something may still write its last words there.
    await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  } else {
    console.log(`left for a look: ${root}`);
  }
  return passed;
}

/** Run a suite's tests and return their exit code; everything that was started has ended then. */
async function codeOf(suite: Suite, root: string, pictures: string | undefined): Promise<number> {
  const processes: ChildProcess[] = [];
  const page = await openWindow();
  const control = await serveControl(page, pictures ?? path.join(root, "pictures"));
  try {
    const workspace = path.join(root, "workspace");
    await cp(path.join(HERE, "workspaces", suite.workspace), workspace, { recursive: true });
    const api = await startApi(processes, root, suite.replies);
    const port = await freePort();
    await startVsCode(processes, suite, root, port, {
      ANTHROPIC_BASE_URL: api,
      CLAUDE_TEST_CONTROL: addressOf(control),
      CLAUDE_TEST_KEY: KEY,
      CLAUDE_TEST_PROJECT: PROJECT,
      CLAUDE_TEST_ROOT: root,
    });
    const code = await runInWindow(page, suite, workspace, port);
    await page.screenshot({ path: path.join(root, "last.png") });
    return code;
  } finally {
    await page.context().browser()?.close();
    control.close();
    await Promise.all(processes.map(stopped));
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const end = new Promise((resolve) => child.on("exit", resolve));
    child.kill();
    await end;
  }
}

async function openWindow(): Promise<Page> {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const look = names.map((name) => `command -v ${name}`).join(" || ");
  const executablePath = execFileSync("sh", ["-c", look], { encoding: "utf8" }).trim();
  const browser = await chromium.launch({ executablePath, args: CHROMIUM });
  const context = await browser.newContext({ viewport: { width: 1200, height: 720 } });
  return await context.newPage();
}

async function runInWindow(page: Page, suite: Suite, workspace: string, port: number): Promise<number> {
  const remote = `vscode-remote://127.0.0.1:${port}`;
  const payload = [
    ["extensionDevelopmentPath", `${remote}${path.join(HERE, "stub")}`],
    ["extensionTestsPath", `${remote}${path.join(EXTENSION, "dist/host", `${suite.name}.test.cjs`)}`],
    ["skipWelcome", "true"],
  ];
  let ended: (code: number) => void;
  const exit = new Promise<number>((resolve) => (ended = resolve));
  const log = createWriteStream(path.join(path.dirname(workspace), "window.log"));
  await page.exposeFunction("codeAutomationLog", (_type: string, words: unknown[]) => {
    const text = words.map(String).join(" ");
    log.write(`${text}\n`);
    if (OF_THE_TESTS.test(text)) {
      console.log(text);
    }
  });
  await page.exposeFunction("codeAutomationExit", (code: number) => ended(code));
  const several = path.join(workspace, "folders.code-workspace");
  const opened = existsSync(several) ? { workspace: several } : { folder: workspace };
  const query = new URLSearchParams({ ...opened, payload: JSON.stringify(payload) });
  await page.goto(`http://127.0.0.1:${port}/?${query}`);
  const late = new Promise<number>((resolve) => setTimeout(() => resolve(-1), LIMIT_MS).unref());
  return await Promise.race([exit, late]);
}

async function startApi(
  processes: ChildProcess[],
  root: string,
  replies = "replies.json",
): Promise<string> {
  const python = path.join(PROJECT, ".venv/bin/python");
  const said: Record<string, unknown>[] = JSON.parse(await readFile(path.join(HERE, replies), "utf8"));
  const script = said.map((each) =>
    "action" in each ? { ...(each["reply"] as object), when: { contains: each["when"] }, repeat: true } : each,
  );
  await writeFile(path.join(root, "script.json"), JSON.stringify(script));
  const child = spawn(
    python,
    [
      ...["-m", "tests.messages_api", "--key", KEY],
      ...["--script", path.join(root, "script.json")],
      ...["--record", path.join(root, "requests.jsonl")],
    ],
    { cwd: PROJECT, stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, HOME: root } },
  );
  processes.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    return line; // the first one is the address
  }
  throw new Error("the Messages API did not start");
}

async function startVsCode(
  processes: ChildProcess[],
  suite: Suite,
  root: string,
  port: number,
  variables: NodeJS.ProcessEnv,
): Promise<void> {
  const folders = ["server-data", "user-data", "extensions"].flatMap((name) => [
    `--${name}-dir`,
    path.join(root, name),
  ]);
  await mkdir(path.join(root, "user-data/User"), { recursive: true });
  const settings: Record<string, unknown> = JSON.parse(await readFile(path.join(HERE, "user-settings.json"), "utf8"));
  settings["claude.log.file"] = path.join(root, "server.log");
  await writeFile(path.join(root, "user-data/User/settings.json"), JSON.stringify(settings));
  // The editor takes its PATH from a login shell, as it does for users.
  const searchPath = suite.hasServer
    ? `${path.join(PROJECT, ".venv/bin")}:${process.env["PATH"]}`
    : process.env["PATH"];
  await writeFile(path.join(root, ".bash_profile"), `export PATH=${searchPath}\n`);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...variables,
    HOME: root,
    XDG_CACHE_HOME: path.join(root, "cache"),
    XDG_CONFIG_HOME: path.join(root, "config"),
    XDG_STATE_HOME: path.join(root, "state"),
    SHELL: "/bin/bash",
    PATH: searchPath,
    EXTENSIONS_GALLERY: "{}", // no gallery is asked for anything
  };
  delete env["ANTHROPIC_API_KEY"];
  const common = [VSCODE, "--accept-server-license-terms", ...folders];
  const install = [...common, "--install-extension", path.join(EXTENSION, "claude-lsp.vsix")];
  await ended(spawn(NODE, install, { env, stdio: "ignore" }));
  const log = path.join(root, "vscode.log");
  const server = spawn(
    NODE,
    [
      ...common,
      ...["--host", "127.0.0.1", "--port", String(port), "--without-connection-token"],
      ...["--telemetry-level", "off", "--enable-smoke-test-driver"],
      ...(suite.trusted ? ["--disable-workspace-trust"] : []),
    ],
    { env, stdio: ["ignore", "pipe", "pipe"] },
  );
  processes.push(server);
  let output = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream.on("data", (data: Buffer) => void writeFile(log, (output += data.toString())));
  }
  await answering(`http://127.0.0.1:${port}/version`);
}

/** What the tests can ask of the window: to type, to look, and to make a picture. */
async function serveControl(page: Page, pictures: string): Promise<Server> {
  await mkdir(pictures, { recursive: true });
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://control");
    const word = url.searchParams.get("word") ?? "";
    const work: Record<string, () => Promise<unknown>> = {
      "/picture": () => page.screenshot({ path: path.join(pictures, `vscode-${word}.png`) }),
      "/press": () => page.keyboard.press(word),
      "/click": () => page.locator(word).first().click({ timeout: 60_000 }),
      "/type": () => page.keyboard.type(word, { delay: 20 }),
      "/await": () => page.waitForSelector(word, { state: "attached", timeout: 60_000 }),
      "/text": () => page.locator(word).first().innerText({ timeout: 60_000 }),
      "/count": async () => String(await page.locator(word).count()),
      // In the pages that views show, which are frames within frames.
      "/drawn": async () => {
        const counts = page.frames().map((frame) => frame.locator(word).count().catch(() => 0));
        const inViews = (await Promise.all(counts)).slice(1);
        return String(inViews.reduce((sum, count) => sum + count, 0));
      },
      "/label": async () => (await page.locator(word).first().getAttribute("aria-label")) ?? "",
      "/ghost": () => untilGhost(page, word),
      "/hover": async () => {
        const box = await page.locator(word).first().boundingBox();
        await page.mouse.move((box?.x ?? 0) + 3, (box?.y ?? 0) + 3);
      },
    };
    const step = work[url.pathname];
    (step?.() ?? Promise.reject(new Error(`no such step: ${url.pathname}`))).then(
      (said) => response.end(typeof said === "string" ? said : "ok"),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** In the window: the time at which ghost text stands there, in ms since 1970. */
const WATCH_GHOST = `new Promise((resolve) => {
  const observer = new MutationObserver(() => {
    if (document.querySelector(".ghost-text-decoration, .ghost-text") !== null) {
      observer.disconnect();
      resolve(Date.now());
    }
  });
  observer.observe(document.body, { childList: true, subtree: true, attributes: true });
})`;

/** Press a key; say when it was pressed and when ghost text stood there; 0 for never. */
async function untilGhost(page: Page, key: string): Promise<string> {
  const shown = page.evaluate<number>(WATCH_GHOST);
  const pressed = Date.now();
  await page.keyboard.press(key);
  const limit = new Promise<number>((resolve) => setTimeout(() => resolve(0), 10_000).unref());
  return JSON.stringify({ pressed, shown: await Promise.race([shown, limit]) });
}

function addressOf(server: Server): string {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

async function freePort(): Promise<number> {
  const server = createPortFinder();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function answering(url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const answer = await fetch(url).catch(() => undefined); // not yet
    if (answer?.ok === true) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`nothing answers at ${url}`);
}

async function ended(child: ChildProcess): Promise<void> {
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (code !== 0) {
    throw new Error(`${child.spawnargs.join(" ")} ended with ${code}`);
  }
}

/** The files under a folder in which a text stands. */
async function filesWith(root: string, text: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") {
        return ""; // what is ending has tidied up meanwhile
      }
      throw error;
    });
    if (content.includes(text)) {
      found.push(path.relative(root, file));
    }
  }
  return found;
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(1);
}

process.exit(await main());
