--- Changes that Neovim holds back for a moment: no edit of the server's is applied over one.

local M = {}

M.REFUSAL = 'the buffer has just been changed'

--- By buffer: the version that the server was told of last. Neovim holds changes back for 150 ms.
---@type table<integer, integer>
local told = {}

--- Take note of what the server is told.
---@param method string
---@param params table
function M.on_notify(method, params)
  if method ~= 'textDocument/didOpen' and method ~= 'textDocument/didChange' then
    return
  end
  local buffer = vim.uri_to_bufnr(params.textDocument.uri)
  if method == 'textDocument/didOpen' then
    told[buffer] = vim.lsp.util.buf_versions[buffer]
  else
    told[buffer] = params.textDocument.version
  end
end

--- Whether the user has changed something of which the server has not been told; it is then.
---@param client vim.lsp.Client
---@param buffer integer
function M.is_ahead(client, buffer)
  local now = vim.lsp.util.buf_versions[buffer]
  if not now or now == told[buffer] or not told[buffer] then
    return false
  end
  -- Without it the server hears of it a moment later.
  pcall(function()
    require('vim.lsp._changetracking').flush(client, buffer)
  end)
  return true
end

---@param edit lsp.WorkspaceEdit
---@return integer?
local function buffer_of(edit)
  local uri = next(edit.changes or {})
  for _, change in ipairs(edit.documentChanges or {}) do
    uri = change.textDocument and change.textDocument.uri
  end
  return uri and vim.uri_to_bufnr(uri)
end

--- Apply an edit of the server's as Neovim does, unless it is for a text of before.
---@type lsp.Handler
function M.on_apply_edit(failure, params, context)
  local buffer = buffer_of(params.edit)
  local client = vim.lsp.get_client_by_id(context.client_id)
  if buffer and client and M.is_ahead(client, buffer) then
    return { applied = false, failureReason = M.REFUSAL }
  end
  local undo = require('claude_lsp.undo')
  local typing_in = vim.api.nvim_get_current_buf()
  undo.finish(typing_in)
  local answer = vim.lsp.handlers['workspace/applyEdit'](failure, params, context)
  undo.finish(typing_in)
  return answer
end

return M
