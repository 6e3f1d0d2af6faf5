--- What users call: options, the suggestion at the cursor, the statusline.

local M = {}

---@class claude_lsp.Options
---@field ghost_text boolean Ask for suggestions while typing and show them as ghost text.
---@field hold_edits boolean Show edits first, to be accepted or discarded.
---@field code_lens boolean Show what stands above definitions where the server's `code_lens.enabled` is on.

---@type claude_lsp.Options
M.options = { ghost_text = true, hold_edits = false, code_lens = false }

--- Set options; optional, and never needed for the defaults.
---@param options? claude_lsp.Options
function M.setup(options)
  options = options or {}
  for name, value in pairs(options) do
    if M.options[name] == nil then
      local known = table.concat(vim.fn.sort(vim.tbl_keys(M.options)), ', ')
      error(
        ("claude_lsp: there is no option '%s'; there is: %s. Options of the server belong into vim.lsp.config('claude_lsp', { settings = { claude = … } })."):format(
          name,
          known
        )
      )
    end
    vim.validate(name, value, type(M.options[name]))
  end
  M.options = vim.tbl_extend('force', M.options, options)
  -- A server that knows nothing of this applies edits at once, as without it.
  local preview = not M.options.hold_edits or { accept = true }
  vim.lsp.config('claude_lsp', {
    capabilities = { experimental = { claude = { preview = preview } } },
  })
end

--- Neovim 0.12 has ghost text of its own; before it, ours has the same functions.
function M.ghost_text()
  return vim.lsp.inline_completion and require('claude_lsp.builtin') or require('claude_lsp.ghost')
end

---@package
---@param client vim.lsp.Client
---@param buffer integer
function M.attach(client, buffer)
  require('claude_lsp.commands').attach(buffer)
  if M.options.code_lens and client:supports_method('textDocument/codeLens') then
    require('claude_lsp.lenses').attach(buffer)
  end
  if M.options.ghost_text and client:supports_method('textDocument/inlineCompletion') then
    M.ghost_text().attach(client, buffer)
  end
end

---@package
---@param client vim.lsp.Client
---@param buffer integer
function M.detach(client, buffer)
  require('claude_lsp.commands').detach(buffer)
  require('claude_lsp.lenses').detach(buffer)
  M.ghost_text().detach(client, buffer)
  require('claude_lsp.preview').clear(buffer)
end

--- Accept the whole suggestion.
---@return boolean # whether there was one, so that a mapping can do something else
function M.accept()
  return M.ghost_text().accept()
end

--- Accept the suggestion up to the end of its next line.
---@return boolean
function M.accept_line()
  return M.ghost_text().accept(require('claude_lsp.pieces').line)
end

--- Accept the suggestion's next word.
---@return boolean
function M.accept_word()
  return M.ghost_text().accept(require('claude_lsp.pieces').word)
end

--- Show the next suggestion, where there are several.
function M.next()
  M.ghost_text().cycle(1)
end

--- Show the previous suggestion, where there are several.
function M.previous()
  M.ghost_text().cycle(-1)
end

--- Take the suggestion away until something is typed.
---@return boolean # whether there was one
function M.dismiss()
  return M.ghost_text().dismiss()
end

--- Ask for a suggestion here, also where none would come by itself.
function M.suggest()
  M.ghost_text().suggest()
end

--- What Claude is doing, for a statusline; '' in buffers without the server.
---@return string
function M.statusline()
  return require('claude_lsp.status').statusline()
end

return M
