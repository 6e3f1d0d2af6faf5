/** What of the editor's settings is sent to the server. */

/** Where an option has been set, as the editor tells it. */
export interface Inspected {
  readonly globalValue?: unknown;
  readonly workspaceValue?: unknown;
  readonly workspaceFolderValue?: unknown;
}

/** The part of a configuration that is asked. */
export interface Configuration {
  inspect(key: string): Inspected | undefined;
  get(key: string): unknown;
}

export interface Tree {
  [name: string]: unknown;
}

/** Options of the extension itself, which the server does not know. */
const OWN = ["server.", "preview.", "trace."];

/**
 * Return the options that somebody has set, nested as the server wants them. Defaults are left
 * out: they are the server's, and lie below the other places where an option can be set.
 */
export function chosenSettings(keys: readonly string[], configuration: Configuration): Tree {
  const chosen: Tree = {};
  for (const key of keys.filter((each) => !OWN.some((prefix) => each.startsWith(prefix)))) {
    const found = configuration.inspect(key);
    const isSet =
      found !== undefined &&
      [found.globalValue, found.workspaceValue, found.workspaceFolderValue].some(
        (value) => value !== undefined,
      );
    if (isSet) {
      put(chosen, key.split("."), configuration.get(key));
    }
  }
  return chosen;
}

function put(tree: Tree, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path;
  if (name === undefined) {
    return;
  }
  if (rest.length === 0) {
    tree[name] = value;
    return;
  }
  const inner: Tree = isTree(tree[name]) ? tree[name] : {};
  tree[name] = inner;
  put(inner, rest, value);
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Return the keys of the manifest's settings, without the section's name. */
export function settingKeys(manifest: unknown, section: string): string[] {
  const contributes = isTree(manifest) ? manifest["contributes"] : undefined;
  const groups = isTree(contributes) ? contributes["configuration"] : undefined;
  return (Array.isArray(groups) ? groups : []).flatMap((group: unknown) => {
    const properties = isTree(group) ? group["properties"] : undefined;
    return Object.keys(isTree(properties) ? properties : {}).map((key) =>
      key.slice(section.length + 1),
    );
  });
}
