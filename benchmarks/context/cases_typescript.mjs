// Cases of a TypeScript project; what the held-out text uses is resolved by the language service.
//
// Started by cases_typescript.py: reads one JSON object from stdin and prints one to stdout.
//   in:  {typescript, source, name, seed, count, tries, paths}
//   out: {files: [relative path], cases: [as in cases.jsonl]}
// Everything is drawn from one seeded source in a fixed order.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const options = JSON.parse(fs.readFileSync(0, "utf8"));
const ts = createRequire(import.meta.url)(options.typescript);
const SOURCE = path.resolve(options.source);

const SHORTEST_FILE = 25;
const LONGEST_FILE = 5000;
const LONGEST_STATEMENT = 8;
const LONGEST_BLOCK = 9;
const MOST_FOLLOWING = 5;
const MOST_MEMBERS = 12;
const LONGEST_HEADER = 200;
const WORD = /[A-Za-z_$][A-Za-z_0-9$]*/g;
const SKIPPED_FOLDER = /node_modules|__tests__|^tests?$/;

// A linear congruential generator: the cases are the same on every machine and version of Node.
let state = (options.seed * 2654435761) % 4294967296;
for (const character of options.name) {
  state = (state * 31 + character.charCodeAt(0)) % 4294967296;
}
function random() {
  state = (state * 1664525 + 1013904223) % 4294967296;
  return state / 4294967296;
}
function shuffle(items) {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}

function* sourceFiles(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDER.test(entry.name)) yield* sourceFiles(place);
    } else if (/\.tsx?$/.test(entry.name) && !/\.d\.ts$|\.(test|spec)\.tsx?$/.test(entry.name)) {
      yield place;
    }
  }
}

const relative = (file) => path.relative(SOURCE, file).split(path.sep).join("/");
const headerOf = (line) => line.trim().replace(/\s+/g, " ").slice(0, LONGEST_HEADER);
const words = (text) => new Set(text.match(WORD) ?? []);

const files = [...sourceFiles(SOURCE)].sort();
const texts = new Map(files.map((file) => [file, fs.readFileSync(file, "utf8")]));
const headerCounts = new Map();
for (const text of texts.values()) {
  for (const header of text.split("\n").map(headerOf)) {
    headerCounts.set(header, (headerCounts.get(header) ?? 0) + 1);
  }
}

function textOf(file) {
  return texts.get(file) ?? (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined);
}

const service = ts.createLanguageService(
  {
    getScriptFileNames: () => files,
    getScriptVersion: () => "1",
    getScriptSnapshot: (file) => {
      const text = textOf(file);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => SOURCE,
    getCompilationSettings: () => ({
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      allowImportingTsExtensions: true,
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      types: [],
      baseUrl: SOURCE,
      paths: options.paths,
    }),
    getDefaultLibFileName: (settings) => ts.getDefaultLibFilePath(settings),
    fileExists: (file) => texts.has(file) || ts.sys.fileExists(file),
    readFile: ts.sys.readFile,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  },
  ts.createDocumentRegistry(),
);
const program = service.getProgram();
program.getTypeChecker();

const KINDS = new Map([
  [ts.SyntaxKind.FunctionDeclaration, "function"],
  [ts.SyntaxKind.ClassDeclaration, "class"],
  [ts.SyntaxKind.InterfaceDeclaration, "interface"],
  [ts.SyntaxKind.TypeAliasDeclaration, "type"],
  [ts.SyntaxKind.EnumDeclaration, "enum"],
  [ts.SyntaxKind.VariableDeclaration, "variable"],
  [ts.SyntaxKind.MethodDeclaration, "method"],
  [ts.SyntaxKind.MethodSignature, "method"],
  [ts.SyntaxKind.GetAccessor, "method"],
  [ts.SyntaxKind.SetAccessor, "method"],
  [ts.SyntaxKind.EnumMember, "field"],
  [ts.SyntaxKind.PropertyDeclaration, "field"],
  [ts.SyntaxKind.PropertySignature, "field"],
]);
const isContainer = (node) =>
  ts.isClassDeclaration(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isEnumDeclaration(node) ||
  ts.isTypeAliasDeclaration(node);

function declarationAt(file, position, name) {
  let found = null;
  const visit = (node) => {
    if (node.getStart(file) > position || position >= node.end) return;
    const named = KINDS.has(node.kind) && node.name?.getText(file) === name;
    if (named && node.name.getStart(file) === position) found = node;
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

// A variable counts where a module or namespace declares it; locals are nobody's definitions.
function wholeOf(declaration) {
  if (!ts.isVariableDeclaration(declaration)) return declaration;
  const statement = declaration.parent.parent;
  if (!statement || !ts.isVariableStatement(statement)) return null;
  const owner = statement.parent;
  return ts.isSourceFile(owner) || ts.isModuleBlock(owner) ? statement : null;
}

function parametersOf(declaration, file) {
  let callable = declaration;
  const value = ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined;
  if (value && (ts.isArrowFunction(value) || ts.isFunctionExpression(value))) callable = value;
  if (ts.isClassDeclaration(declaration)) {
    callable = declaration.members.find(ts.isConstructorDeclaration) ?? declaration;
  }
  const parameters = (callable.parameters ?? [])
    .filter((parameter) => ts.isIdentifier(parameter.name))
    .map((parameter) => parameter.name.getText(file))
    .filter((name) => name !== "this");
  if (parameters.length || !ts.isInterfaceDeclaration(declaration)) return parameters;
  const members = declaration.members.filter((member) => member.name);
  return members.map((member) => member.name.getText(file)).slice(0, MOST_MEMBERS);
}

function kindOf(declaration) {
  const value = ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined;
  const isFunction = value && (ts.isArrowFunction(value) || ts.isFunctionExpression(value));
  return isFunction ? "function" : KINDS.get(declaration.kind);
}

function goldAt(fileName, position, name, use) {
  const file = program.getSourceFile(fileName);
  const declaration = file && declarationAt(file, position, name);
  const whole = declaration && wholeOf(declaration);
  if (!whole) return null;
  const line = file.getLineAndCharacterOfPosition(declaration.name.getStart(file)).line;
  const header = headerOf(file.text.split("\n")[line]);
  let container = declaration.parent;
  while (container && !(isContainer(container) && container.name)) container = container.parent;
  return {
    name,
    file: relative(fileName),
    line: line + 1,
    end: file.getLineAndCharacterOfPosition(whole.end).line + 1,
    header,
    hdr_count: headerCounts.get(header) ?? 1,
    parent: container ? container.name.getText(file) : null,
    params: parametersOf(declaration, file),
    kind: kindOf(declaration),
    use,
  };
}

const isSimple = (node) =>
  ts.isExpressionStatement(node) || ts.isReturnStatement(node) || ts.isVariableStatement(node);

function statementsIn(file, lines) {
  const found = [];
  const visit = (node, inside) => {
    const within = inside || (ts.isFunctionLike(node) && node.body);
    if (within && (isSimple(node) || ts.isThrowStatement(node))) {
      const start = file.getLineAndCharacterOfPosition(node.getStart(file));
      const end = file.getLineAndCharacterOfPosition(node.end);
      const begins = !lines[start.line].slice(0, start.character).trim();
      if (end.line - start.line < LONGEST_STATEMENT && begins) found.push(node);
    }
    ts.forEachChild(node, (child) => visit(child, within));
  };
  visit(file, false);
  return found;
}

// The nodes that are held out, and where the text of the last one ends.
function heldNodes(statement, mode, file) {
  const nodes = [statement];
  if (mode === "block") {
    const siblings = statement.parent.statements ?? [];
    const after = siblings.indexOf(statement) + 1;
    const first = file.getLineAndCharacterOfPosition(statement.getStart(file)).line;
    for (const sibling of siblings.slice(after, after + MOST_FOLLOWING)) {
      const last = file.getLineAndCharacterOfPosition(sibling.end).line;
      if (!isSimple(sibling) || last - first >= LONGEST_BLOCK) break;
      nodes.push(sibling);
    }
  }
  return { nodes, end: nodes.at(-1).end };
}

function usesIn(nodes, fileName, file) {
  const uses = [];
  const resolve = (identifier) => {
    const position = identifier.getStart(file);
    let definitions;
    try {
      definitions = service.getDefinitionAtPosition(fileName, position) ?? [];
    } catch {
      return; // the service gives up on some code; the name is skipped
    }
    if (definitions.some((each) => path.resolve(each.fileName) === fileName)) return;
    const parent = identifier.parent;
    const isMember = ts.isPropertyAccessExpression(parent) && parent.name === identifier;
    for (const definition of definitions) {
      const place = path.resolve(definition.fileName);
      if (!texts.has(place)) continue;
      const use = isMember ? "attr" : "name";
      const gold = goldAt(place, definition.textSpan.start, definition.name, use);
      if (gold) {
        uses.push({ position, gold });
        return;
      }
    }
  };
  const visit = (node) => {
    if (ts.isIdentifier(node) && node.text.length > 2) resolve(node);
    ts.forEachChild(node, visit);
  };
  nodes.forEach(visit);
  return uses;
}

function caseAt(statement, fileName, file) {
  const dice = random();
  const mode = dice < 0.45 ? "line" : dice < 0.7 ? "block" : "mid";
  const { nodes, end } = heldNodes(statement, mode, file);
  let uses = usesIn(nodes, fileName, file);
  if (!uses.length) return null;
  let start = statement.getStart(file);
  if (mode === "mid") {
    start = uses[Math.floor(random() * uses.length)].position;
    uses = uses.filter((use) => use.position >= start);
  }
  const golds = new Map();
  for (const { gold } of uses) {
    const key = `${gold.file}:${gold.line}:${gold.name}`;
    if (!golds.has(key)) golds.set(key, gold);
  }
  const [prefix, suffix] = [file.text.slice(0, start), file.text.slice(end)];
  const held = file.text.slice(start, end);
  const seen = new Set([...words(prefix), ...words(suffix)]);
  const unquoted = held.replace(/(['"`]).*?\1/g, "");
  return {
    project: options.name,
    lang: "typescript",
    file: relative(fileName),
    mode,
    prefix,
    suffix,
    held,
    golds: [...golds.values()].map((gold) => ({ ...gold, visible: seen.has(gold.name) })),
    unseen: [...words(unquoted)].filter((word) => !seen.has(word) && word.length > 2),
    removed_imports: [],
  };
}

function caseIn(fileName) {
  const file = program.getSourceFile(fileName);
  const lines = file ? file.text.split("\n") : [];
  if (lines.length < SHORTEST_FILE || lines.length > LONGEST_FILE || file.text.includes("\r")) {
    return null;
  }
  for (const statement of shuffle(statementsIn(file, lines)).slice(0, options.tries)) {
    const found = caseAt(statement, fileName, file);
    if (found) return found;
  }
  return null;
}

const cases = [];
for (const fileName of shuffle([...files])) {
  if (cases.length >= options.count) break;
  const found = caseIn(fileName);
  if (found) cases.push({ id: `${options.name}-${options.seed}-${cases.length}`, ...found });
}
process.stdout.write(JSON.stringify({ files: files.map(relative), cases }));
