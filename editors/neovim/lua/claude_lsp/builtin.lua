--- The ghost text of Neovim 0.12 (`vim.lsp.inline_completion`), with the functions of `ghost.lua`.

local pieces = require('claude_lsp.pieces')
local server = require('claude_lsp.server')

local M = {}

---@param client vim.lsp.Client
---@param _buffer integer
function M.attach(client, _buffer)
  vim.lsp.inline_completion.enable(true, { client_id = client.id })
end

-- Neovim takes its own back when a client leaves a buffer.
---@param _client vim.lsp.Client
---@param _buffer integer
function M.detach(_client, _buffer) end

--- Insert a part of an item at the cursor; what is left comes again with the next request, which
--- the server answers from memory.
local function accept_part(item, take)
  local text = type(item.insert_text) == 'table' and item.insert_text.value or item.insert_text
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  local end_column = column
  if item.range then
    local start = item.range.start
    local typed = vim.api.nvim_get_current_line():sub(start.col + 1, column)
    if start.row ~= row - 1 or start.col > column or text:sub(1, #typed) ~= typed then
      return -- the cursor has moved away meanwhile
    end
    text = text:sub(#typed + 1)
    end_column = math.max(column, item.range.end_.col)
  end
  local part = take(text)
  local whole = #part == #text
  pieces.insert(0, row - 1, column, whole and end_column or column, part)
  pieces.count(server.of(), item.command, not whole and part or nil)
end

---@param take? fun(text: string): string
---@return boolean
function M.accept(take)
  return vim.lsp.inline_completion.get(take and {
    on_accept = function(item)
      accept_part(item, take)
    end,
  } or nil)
end

---@param count integer
function M.cycle(count)
  vim.lsp.inline_completion.select({ count = count })
end

--- Neovim has no such function; leaving its scope and coming back takes the suggestion away.
---@return boolean
function M.dismiss()
  local client = server.of()
  if client then
    vim.lsp.inline_completion.enable(false, { client_id = client.id })
    vim.lsp.inline_completion.enable(true, { client_id = client.id })
  end
  return client ~= nil
end

--- Neovim asks by itself only, so this puts the completion into the buffer.
function M.suggest()
  require('claude_lsp.commands').run({ 'complete' })
end

return M
