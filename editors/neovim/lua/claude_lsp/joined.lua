--- The pieces of an answer, which stream into a conversation one by one, as one step to undo.

local M = {}

local LABEL = 'Claude: Continue'

--- By buffer: its `changedtick` after the last piece. Whatever the user changes begins a new step.
---@type table<integer, integer>
local ticks = {}

---@param edit lsp.WorkspaceEdit
---@return integer?
local function buffer_of(edit)
  local uri = next(edit.changes or {})
  for _, change in ipairs(edit.documentChanges or {}) do
    uri = change.textDocument and change.textDocument.uri
  end
  return uri and vim.uri_to_bufnr(uri)
end

--- Apply an edit of the server's as Neovim does.
---@type lsp.Handler
function M.on_apply_edit(failure, params, context)
  local buffer = params.label == LABEL and buffer_of(params.edit) or nil
  if buffer and ticks[buffer] and ticks[buffer] == vim.b[buffer].changedtick then
    -- Right after an undo there is nothing to join, which is an error.
    pcall(vim.api.nvim_buf_call, buffer, function()
      vim.cmd.undojoin()
    end)
  end
  local answer = vim.lsp.handlers['workspace/applyEdit'](failure, params, context)
  if buffer then
    ticks[buffer] = vim.b[buffer].changedtick
  end
  return answer
end

return M
