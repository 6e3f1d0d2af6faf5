--- Text that grows in the buffer (`claude/applyEdit`), joined into one step to undo.

local undo = require('claude_lsp.undo')

local M = {}

---@param params { uri: string, version: integer, edits: lsp.TextEdit[], join: boolean }
---@param context lsp.HandlerContext
function M.on_apply_edit(_, params, context)
  local client = assert(vim.lsp.get_client_by_id(context.client_id))
  local buffer = vim.uri_to_bufnr(params.uri)
  if not vim.api.nvim_buf_is_loaded(buffer) then
    return { applied = false, failureReason = 'the buffer is not open' }
  end
  local unsent = require('claude_lsp.unsent')
  if unsent.is_ahead(client, buffer) then
    return { applied = false, failureReason = unsent.REFUSAL }
  end
  undo.finish(buffer)
  if params.join then
    undo.resume(buffer)
  end
  vim.lsp.util.apply_text_edits(params.edits, buffer, client.offset_encoding)
  undo.finish(buffer)
  return { applied = true }
end

return M
