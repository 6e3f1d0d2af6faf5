/** The API key: kept by the editor's secret storage, given to the server in its environment. */

import * as vscode from "vscode";

const NAME = "anthropic-api-key";

export class ApiKey {
  constructor(private readonly secrets: vscode.SecretStorage) {}

  /** Ask for the key and keep it; false if the user thought better of it. */
  async ask(): Promise<boolean> {
    const key = await vscode.window.showInputBox({
      title: "Claude: Set API Key",
      prompt: "Kept in your system's key store, and given to the server in its environment only.",
      placeHolder: "sk-ant-…",
      password: true,
      ignoreFocusOut: true,
      validateInput: (value) =>
        /\s/.test(value.trim()) ? "A key has no spaces; this seems to be something else." : null,
    });
    if (key === undefined || key.trim() === "") {
      return false;
    }
    await this.secrets.store(NAME, key.trim());
    return true;
  }

  async forget(): Promise<void> {
    await this.secrets.delete(NAME);
  }

  /** The server's environment: the editor's own, with the key if one is kept. */
  async environment(): Promise<NodeJS.ProcessEnv> {
    const key = await this.secrets.get(NAME);
    return key === undefined ? process.env : { ...process.env, ANTHROPIC_API_KEY: key };
  }
}
