--- Text that grows in the buffer (`claude/applyEdit`), joined into one step to undo.

local api = vim.api
local M = {}

---@param params { uri: string, version: integer, edits: lsp.TextEdit[], join: boolean }
---@param context lsp.HandlerContext
function M.on_apply_edit(_, params, context)
  local client = assert(vim.lsp.get_client_by_id(context.client_id))
  local buffer = vim.uri_to_bufnr(params.uri)
  if not api.nvim_buf_is_loaded(buffer) then
    return { applied = false, failureReason = 'the buffer is not open' }
  end
  -- Neovim opens documents as version 0, which says nothing.
  local version = vim.lsp.util.buf_versions[buffer]
  if params.version > 0 and version and version ~= params.version then
    return { applied = false, failureReason = 'the buffer has changed meanwhile' }
  end
  api.nvim_buf_call(buffer, function()
    if params.join then
      pcall(vim.cmd.undojoin) -- refused right after an undo
    end
    vim.lsp.util.apply_text_edits(params.edits, buffer, client.offset_encoding)
  end)
  return { applied = true }
end

return M
