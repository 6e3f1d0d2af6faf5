--- Text that is being written (`claude/preview`), below the place it is for.
---
--- The server puts it into the buffer itself when it is complete, as one undo step; until then
--- `:Claude cancel` discards it.

local api = vim.api
local M = {}

M.namespace = api.nvim_create_namespace('claude_lsp.preview')

local MOST_LINES = 12

---@param buffer integer
function M.clear(buffer)
  require('claude_lsp.held').clear(buffer)
  if api.nvim_buf_is_valid(buffer) then
    api.nvim_buf_clear_namespace(buffer, M.namespace, 0, -1)
  end
end

---@param text string
local function virtual_lines(text)
  local lines = vim.split(text, '\n', { plain = true })
  local first = math.max(1, #lines - MOST_LINES + 1)
  local head = ('Claude is writing (%d lines; :Claude cancel discards)'):format(#lines)
  local shown = { { { head, 'ClaudePreviewTitle' } } }
  for number = first, #lines do
    local line = lines[number]:gsub('\t', (' '):rep(vim.bo.tabstop))
    shown[#shown + 1] = { { '│ ', 'ClaudePreviewTitle' }, { line, 'ClaudePreview' } }
  end
  return shown
end

---@param params { id: integer?, uri: string, position: lsp.Position, text: string, complete: boolean }
---@param context lsp.HandlerContext
function M.on_preview(_, params, context)
  if type(params.id) == 'number' then
    require('claude_lsp.held').on_held(params, context)
    return
  end
  local buffer = vim.uri_to_bufnr(params.uri)
  if not api.nvim_buf_is_loaded(buffer) then
    return
  end
  if params.complete then
    api.nvim_buf_clear_namespace(buffer, M.namespace, 0, -1)
    return
  end
  api.nvim_set_hl(0, 'ClaudePreview', { default = true, link = 'Comment' })
  api.nvim_set_hl(0, 'ClaudePreviewTitle', { default = true, link = 'NonText' })
  -- The position is that of the text as it was; the mark has moved with what was typed since.
  local mark = api.nvim_buf_get_extmarks(buffer, M.namespace, 0, -1, {})[1]
  local row = mark and mark[2]
    or math.min(params.position.line, api.nvim_buf_line_count(buffer) - 1)
  api.nvim_buf_set_extmark(buffer, M.namespace, row, 0, {
    id = mark and mark[1],
    virt_lines = virtual_lines(params.text),
  })
end

return M
