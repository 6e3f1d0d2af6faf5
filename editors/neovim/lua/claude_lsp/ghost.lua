--- Ghost text by extmarks, for Neovim 0.11.
---
--- One suggestion is shown at a time, at the cursor of the current window. The server waits for a
--- pause in typing, answers from memory and keeps requests that still fit; so a request is sent at
--- once for each key, and the one before it is cancelled.

local pieces = require('claude_lsp.pieces')
local server = require('claude_lsp.server')

local api = vim.api
local M = {}

M.namespace = api.nvim_create_namespace('claude_lsp.ghost')

local INVOKED, AUTOMATIC = 1, 2 -- InlineCompletionTriggerKind

---@class claude_lsp.Suggestion
---@field text string What would be inserted at the cursor.
---@field covers integer How many bytes behind the cursor it takes the place of.
---@field command lsp.Command? What counts it when it is accepted.

---@class claude_lsp.Shown
---@field buffer integer
---@field row integer 0-based
---@field before string The line up to the cursor.
---@field behind string The rest of the line.
---@field items claude_lsp.Suggestion[]
---@field index integer

---@type claude_lsp.Shown?
local shown

---@type { client: vim.lsp.Client, id: integer }?
local request

--- The state of buffer and cursor that was last asked for: two events come for one key.
---@type string
local last = ''

--- Return where the cursor is, and a text that is another one when anything has changed.
local function place()
  local buffer = api.nvim_get_current_buf()
  local row, column = unpack(api.nvim_win_get_cursor(0))
  local tick = api.nvim_buf_get_changedtick(buffer)
  return buffer, row - 1, column, table.concat({ buffer, tick, row, column }, ' ')
end

local function inserting()
  return api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

local function hide()
  if shown and api.nvim_buf_is_valid(shown.buffer) then
    api.nvim_buf_clear_namespace(shown.buffer, M.namespace, 0, -1)
  end
  shown = nil
end

local function cancel()
  if request then
    request.client:cancel_request(request.id)
    request = nil
  end
end

--- Virtual text shows a tab as two characters, so it gets the blanks that the buffer would have.
local function untabbed(line)
  return (line:gsub('\t', (' '):rep(vim.bo.tabstop)))
end

local function render()
  assert(shown)
  local item = shown.items[shown.index]
  local lines = vim.split(item.text, '\n', { plain = true })
  local chunks = { { untabbed(lines[1]), 'ClaudeGhost' } }
  local covered = item.covers > 0
  if covered then
    -- What is covered can't be hidden, so it is drawn over, and with it what stands behind it.
    chunks[2] = { shown.behind:sub(item.covers + 1) }
  end
  local below = {}
  for number = 2, #lines do
    below[#below + 1] = { { untabbed(lines[number]), 'ClaudeGhost' } }
  end
  api.nvim_buf_clear_namespace(shown.buffer, M.namespace, 0, -1)
  api.nvim_buf_set_extmark(shown.buffer, M.namespace, shown.row, #shown.before, {
    virt_text = chunks,
    virt_text_pos = covered and 'overlay' or 'inline',
    virt_lines = #below > 0 and below or nil,
    hl_mode = 'combine',
  })
end

--- Return an item of the server as what would be inserted at the cursor; nil if that can't be.
---@return claude_lsp.Suggestion?
local function suggestion(item, encoding, row, line, column)
  local text = type(item.insertText) == 'table' and item.insertText.value or item.insertText
  local covers = 0
  if item.range then
    local from, to = item.range.start, item.range['end']
    if from.line ~= row or to.line ~= row then
      return nil
    end
    local start_column = vim.str_byteindex(line, encoding, from.character, false)
    local typed = line:sub(start_column + 1, column)
    if start_column > column or text:sub(1, #typed) ~= typed then
      return nil
    end
    text = text:sub(#typed + 1)
    covers = math.max(0, vim.str_byteindex(line, encoding, to.character, false) - column)
  end
  return text ~= '' and { text = text, covers = covers, command = item.command } or nil
end

local function show(client, result)
  local buffer, row, column = place()
  local line = api.nvim_get_current_line()
  local items = {}
  for _, item in ipairs(result and (result.items or result) or {}) do
    items[#items + 1] = suggestion(item, client.offset_encoding, row, line, column)
  end
  hide()
  if #items > 0 then
    shown = {
      buffer = buffer,
      row = row,
      before = line:sub(1, column),
      behind = line:sub(column + 1),
      items = items,
      index = 1,
    }
    render()
  end
end

--- Keep what is shown as long as the user types what it says; no request is needed for that.
---@return boolean
local function typed_along()
  local buffer, row, column = place()
  if not shown or shown.buffer ~= buffer or shown.row ~= row then
    return false
  end
  local line = api.nvim_get_current_line()
  local typed = line:sub(#shown.before + 1, column)
  local item = shown.items[shown.index]
  if
    typed == ''
    or line ~= shown.before .. typed .. shown.behind
    or #typed >= #item.text
    or item.text:sub(1, #typed) ~= typed
  then
    return false
  end
  shown.before = shown.before .. typed
  -- The others begin with something else than what was typed.
  shown.items = { vim.tbl_extend('force', item, { text = item.text:sub(#typed + 1) }) }
  shown.index = 1
  render()
  return true
end

---@param kind integer
local function refresh(kind)
  local buffer, _, _, key = place()
  local client = server.of(buffer)
  if not client or not inserting() or (key == last and kind == AUTOMATIC) then
    return
  end
  last = key
  if kind == AUTOMATIC and typed_along() then
    return
  end
  hide()
  cancel()
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = kind }
  local sent, id = client:request('textDocument/inlineCompletion', params, function(_, result)
    -- An answer to an earlier request, or for another state, is nobody's any more. A failure is
    -- no news either: the server says by its status and its log why there are no suggestions.
    local _, _, _, now = place()
    if now == key and last == key and inserting() then
      request = nil
      show(client, result)
    end
  end, buffer)
  request = sent and { client = client, id = id } or nil
end

local function group(buffer)
  return 'claude_lsp.ghost.' .. buffer
end

---@param _client vim.lsp.Client
---@param buffer integer
function M.attach(_client, buffer)
  api.nvim_set_hl(0, 'ClaudeGhost', { default = true, link = 'Comment' })
  local own = api.nvim_create_augroup(group(buffer), {})
  api.nvim_create_autocmd({ 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, {
    group = own,
    buffer = buffer,
    desc = 'Ask Claude for a suggestion',
    callback = function()
      refresh(AUTOMATIC)
    end,
  })
  api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave' }, {
    group = own,
    buffer = buffer,
    desc = 'Take back the suggestion of Claude',
    callback = function()
      cancel()
      hide()
      last = ''
    end,
  })
end

---@param _client vim.lsp.Client
---@param buffer integer
function M.detach(_client, buffer)
  pcall(api.nvim_del_augroup_by_name, group(buffer))
  if shown and shown.buffer == buffer then
    hide()
  end
end

--- Accept the suggestion, or the part of it that a function takes from its text.
---@param take? fun(text: string): string
---@return boolean # whether there was one
function M.accept(take)
  if not shown or not inserting() then
    return false
  end
  local accepted = shown
  -- A mapping with `expr` may not change text, and this shall be of use in one.
  vim.schedule(function()
    local buffer, row, column = place()
    if shown ~= accepted or buffer ~= accepted.buffer or row ~= accepted.row then
      return
    end
    local item = accepted.items[accepted.index]
    local text = take and take(item.text) or item.text
    local whole = #text == #item.text
    hide()
    cancel()
    local end_row, end_column =
      pieces.insert(buffer, row, column, whole and column + item.covers or column, text)
    pieces.count(server.of(buffer), item.command, not whole and text or nil)
    if not whole then
      -- The rest goes on from here; the events of this change need not ask for it.
      local line = api.nvim_buf_get_lines(buffer, end_row, end_row + 1, true)[1]
      shown = {
        buffer = buffer,
        row = end_row,
        before = line:sub(1, end_column),
        behind = line:sub(end_column + 1),
        items = { vim.tbl_extend('force', item, { text = item.text:sub(#text + 1) }) },
        index = 1,
      }
      last = select(4, place())
      render()
    end
  end)
  return true
end

---@param count integer
function M.cycle(count)
  if shown then
    shown.index = (shown.index - 1 + count) % #shown.items + 1
    render()
  end
end

---@return boolean # whether there was one
function M.dismiss()
  local any = shown ~= nil
  cancel()
  hide()
  last = select(4, place())
  return any
end

function M.suggest()
  refresh(INVOKED)
end

return M
