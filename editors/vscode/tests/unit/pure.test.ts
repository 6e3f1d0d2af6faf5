import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff } from "../../src/backoff";
import { codeOf, fingerprintOf } from "../../src/diagnostics";
import { grouped } from "../../src/grouping";
import { chosenSettings, settingKeys, type Inspected } from "../../src/settings";
import { shortened } from "../../src/shortened";
import { summary, withEdits } from "../../src/holding";
import { appearance, spendLine, spendOf, stateOf } from "../../src/state";
import { Tail } from "../../src/tail";

test("each crash waits longer, and too many in a short time are the last", () => {
  const backoff = new Backoff();
  const delays = [0, 1, 2, 3, 4, 5].map((second) => backoff.crashed(second * 1000));
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16000, undefined]);
  assert.equal(backoff.crashed(1_000_000), 1000);
  backoff.crashed(1_000_001);
  backoff.reset();
  assert.equal(backoff.crashed(1_000_002), 1000);
});

test("the tail keeps the last lines, without empty ones", () => {
  const tail = new Tail();
  for (let line = 0; line < 100; line += 1) {
    tail.add(`line ${line}`);
    tail.add("  ");
  }
  assert.equal(tail.last(2), "line 98\nline 99");
  tail.clear();
  assert.equal(tail.last(), "");
});

test("only what somebody has set is sent, nested, and nothing of the extension's own", () => {
  const set: Record<string, Inspected> = {
    "completion.trigger": { globalValue: "manual" },
    "completion.max_tokens": {},
    "review.instructions": { workspaceValue: "be kind" },
    "server.command": { globalValue: ["x"] },
    "trace.server": { globalValue: "verbose" },
  };
  const chosen = chosenSettings(Object.keys(set), {
    inspect: (key) => set[key],
    get: (key) => set[key]?.globalValue ?? set[key]?.workspaceValue,
  });
  assert.deepEqual(chosen, {
    completion: { trigger: "manual" },
    review: { instructions: "be kind" },
  });
});

test("a value that is false or empty has been set, too", () => {
  const chosen = chosenSettings(["context.index"], {
    inspect: () => ({ globalValue: false }),
    get: () => false,
  });
  assert.deepEqual(chosen, { context: { index: false } });
});

test("the keys come from the manifest", () => {
  const manifest = {
    contributes: { configuration: [{ properties: { "claude.log.file": {} } }, {}, null] },
  };
  assert.deepEqual(settingKeys(manifest, "claude"), ["log.file"]);
  assert.deepEqual(settingKeys(undefined, "claude"), []);
});

test("a growing text is shown by its last line, cut by characters", () => {
  assert.equal(shortened("one"), "one");
  assert.equal(shortened("one\r\ntwo\nthree\n"), "three  (3 lines)");
  const wide = shortened("😀".repeat(200));
  assert.equal([...wide].length, 80);
  assert.ok(wide.startsWith("…"));
  assert.equal(shortened(""), "");
});

test("what the server tells becomes a state, what nobody knows does not", () => {
  assert.deepEqual(stateOf({ state: "idle" }), { kind: "idle" });
  assert.deepEqual(stateOf({ state: "working", detail: "fix" }), { kind: "working", what: "fix" });
  assert.deepEqual(stateOf({ state: "blocked", detail: 5 }), { kind: "blocked", reason: "" });
  assert.equal(stateOf({ state: "dreaming" }), undefined);
});

test("each state says what to do next", () => {
  const command = (state: Parameters<typeof appearance>[0]): string => appearance(state).command[0];
  assert.equal(command({ kind: "missing" }), "claude-lsp.install");
  assert.equal(command({ kind: "stopped", reason: "x" }), "claude-lsp.restart");
  assert.equal(command({ kind: "blocked", reason: "The API key was not accepted" }), "claude-lsp.setApiKey");
  assert.equal(command({ kind: "blocked", reason: "the day's limit is reached" }), "claude-lsp.showLog");
  assert.ok(appearance({ kind: "working", what: "fix" }).busy);
});

test("what today has cost is said in a line, and what is not known as such", () => {
  const told = {
    spend_today_usd: 0.4217,
    spend_limit_usd: 10,
    spend_automatic_today_usd: 0.004,
    spend_automatic_limit_usd: 2,
  };
  assert.equal(spendLine(spendOf(told)), "Today: $0.42 of $10.00, unasked under $0.01 of $2.00");
  const unknown = { ...told, spend_today_usd: null, spend_automatic_today_usd: null };
  assert.equal(spendLine(spendOf(unknown)), "Today: cost not known of $10.00");
  assert.equal(spendLine(spendOf({ ...told, spend_today_usd: 0 })).slice(0, 12), "Today: $0.00");
  assert.equal(spendLine(spendOf({ spend_today_usd: "1" })), ""); // an older server
  assert.equal(spendLine(undefined), "");
});

test("an edit that waits is shown by its first line", () => {
  assert.equal(summary("  return 1\n"), "return 1");
  assert.equal(summary("\r\ndef one():\r\n    pass"), "def one():  (3 lines)");
  assert.equal(summary(""), "(nothing)");
  assert.equal([...summary("😀".repeat(200))].length, 80);
});

test("edits are applied in any order, each at its place in the text of before", () => {
  const at = (start: number, end: number, newText: string) => ({
    range: { start: { line: 0, character: start }, end: { line: 0, character: end } },
    newText,
  });
  const offsetOf = ({ character }: { character: number }): number => character;
  assert.equal(withEdits("one two", [at(0, 3, "1"), at(4, 7, "2!"), at(3, 3, ",")], offsetOf), "1, 2!");
  assert.equal(withEdits("one", [], offsetOf), "one");
});

test("findings are grouped: the worst first, files and rules by name", () => {
  const findings = [
    { severity: 2, file: "b.py", rule: "review.tests", line: 4 },
    { severity: 0, file: "b.py", rule: "review.security", line: 9 },
    { severity: 0, file: "a.py", rule: "review.tests", line: 1 },
    { severity: 0, file: "b.py", rule: "review.security", line: 2 },
  ];
  const labels = (by: "severity" | "file" | "rule"): [string, number][] =>
    grouped(findings, by).map(({ label, findings: members }) => [label, members.length]);
  assert.deepEqual(labels("severity"), [["Critical", 3], ["Minor", 1]]);
  assert.deepEqual(labels("file"), [["a.py", 1], ["b.py", 3]]);
  assert.deepEqual(labels("rule"), [["review.security", 2], ["review.tests", 2]]);
  assert.deepEqual(
    grouped(findings, "severity")[0]?.findings.map(({ file, line }) => `${file}:${line}`),
    ["a.py:1", "b.py:2", "b.py:9"],
  );
  assert.deepEqual(grouped([], "file"), []);
});

test("a diagnostic's code and identity, whatever form they have", () => {
  assert.equal(codeOf({ code: 7 }), "7");
  assert.equal(codeOf({}), "");
  assert.equal(fingerprintOf({ data: { fingerprint: "abc" } }), "abc");
  assert.equal(fingerprintOf({ data: [1] }), "");
  assert.equal(fingerprintOf({}), "");
});
