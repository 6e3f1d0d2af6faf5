---@brief
---
--- https://github.com/claude-lsp/claude-lsp
---
--- Claude as a language server: reviews as diagnostics, fixes as code actions, completions.
--- The key comes from the environment (`ANTHROPIC_API_KEY`), never from a setting.

---@type vim.lsp.Config
return {
  cmd = { 'claude-lsp' },
  filetypes = {
    'bash',
    'c',
    'cpp',
    'cs',
    'css',
    'go',
    'html',
    'java',
    'javascript',
    'javascriptreact',
    'lua',
    'markdown',
    'php',
    'python',
    'ruby',
    'rust',
    'sh',
    'sql',
    'typescript',
    'typescriptreact',
  },
  root_markers = { 'claude-lsp.toml', '.git' },
  settings = {
    claude = {},
  },
}
