--- Edits that wait for the user's word (`claude/preview` with a number), where they would be made.
---
--- The server sends them again whenever the text around them moves them, and takes them back when
--- the text under them changes.

local server = require('claude_lsp.server')

local api = vim.api
local M = {}

M.namespace = api.nvim_create_namespace('claude_lsp.held')

---@type table<integer, table<integer, table>> what waits, by buffer and number
local held = {}

---@param buffer integer
local function render(buffer)
  if not api.nvim_buf_is_valid(buffer) then
    held[buffer] = nil
    return
  end
  api.nvim_set_hl(0, 'ClaudeOld', { default = true, link = 'DiffDelete' })
  api.nvim_set_hl(0, 'ClaudeNew', { default = true, link = 'DiffAdd' })
  api.nvim_buf_clear_namespace(buffer, M.namespace, 0, -1)
  for _, each in pairs(held[buffer] or {}) do
    for number, edit in ipairs(each.edits) do
      local first, last = edit.range.start, edit.range['end']
      local function column(place)
        local line = api.nvim_buf_get_lines(buffer, place.line, place.line + 1, false)[1] or ''
        return vim.str_byteindex(line, each.encoding, place.character, false)
      end
      local below = {}
      if number == 1 then
        local choice = each.ready and ':Claude accept or :Claude discard' or 'more may come'
        below[1] = { { ('%s (%s)'):format(each.title, choice), 'ClaudePreviewTitle' } }
      end
      for _, line in ipairs(edit.newText ~= '' and vim.split(edit.newText, '\n') or {}) do
        local text = line:gsub('\t', (' '):rep(vim.bo[buffer].tabstop))
        below[#below + 1] = { { '+ ', 'ClaudePreviewTitle' }, { text, 'ClaudeNew' } }
      end
      local rows = api.nvim_buf_line_count(buffer)
      api.nvim_buf_set_extmark(buffer, M.namespace, math.min(first.line, rows - 1), column(first), {
        end_row = math.min(last.line, rows - 1),
        end_col = column(last),
        hl_group = 'ClaudeOld',
        virt_lines = below,
        strict = false,
      })
    end
  end
end

---@param params { id: integer, uri: string, title: string, edits: lsp.TextEdit[], ready: boolean, complete: boolean, reason: string }
---@param context lsp.HandlerContext
function M.on_held(params, context)
  local buffer = vim.uri_to_bufnr(params.uri)
  if not api.nvim_buf_is_loaded(buffer) then
    return
  end
  local client = vim.lsp.get_client_by_id(context.client_id)
  held[buffer] = held[buffer] or {}
  held[buffer][params.id] = not params.complete
      and vim.tbl_extend('force', params, { encoding = client and client.offset_encoding })
    or nil
  render(buffer)
  if params.complete and type(params.reason) == 'string' and params.reason ~= '' then
    server.notify(('%s: taken back, %s.'):format(params.title, params.reason), vim.log.levels.WARN)
  end
end

--- Accept or discard what waits in the current buffer.
---@param command 'claude.acceptPreview'|'claude.discardPreview'
function M.decide(command)
  local any = false
  for number, each in pairs(held[api.nvim_get_current_buf()] or {}) do
    if each.ready or command == 'claude.discardPreview' then
      any = true
      server.run(command, { id = number })
    end
  end
  if not any then
    server.notify('no edit waits here.')
  end
end

---@param buffer integer
function M.clear(buffer)
  held[buffer] = nil
  render(buffer)
end

return M
