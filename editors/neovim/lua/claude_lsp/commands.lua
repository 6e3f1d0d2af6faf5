--- The command `:Claude`, in the buffers that have the server.

local server = require('claude_lsp.server')

local M = {}

---@class claude_lsp.Call What stands on the command line.
---@field first integer
---@field last integer
---@field has_range boolean
---@field bang boolean
---@field argument string?
---@field rest string? Everything behind the action.

local function uri()
  return vim.uri_from_bufnr(0)
end

--- Return the lines that were given, else the cursor.
---@param call claude_lsp.Call
---@return lsp.Range
local function place(call)
  local client = assert(server.of())
  if call.has_range then
    return server.lines(client, 0, call.first, call.last)
  end
  local at = vim.lsp.util.make_position_params(0, client.offset_encoding).position
  return { start = at, ['end'] = at }
end

--- Return a diagnostic as the problem that `claude.fix` takes.
local function problem(client, diagnostic)
  local buffer = diagnostic.bufnr
  local original = vim.tbl_get(diagnostic, 'user_data', 'lsp')
  local function position(row, column)
    local line = vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
    local unit = vim.str_utfindex(line, client.offset_encoding, math.min(column, #line), false)
    return { line = row, character = unit }
  end
  return {
    range = {
      start = position(diagnostic.lnum, diagnostic.col),
      ['end'] = position(
        diagnostic.end_lnum or diagnostic.lnum,
        diagnostic.end_col or diagnostic.col
      ),
    },
    message = diagnostic.message,
    source = diagnostic.source,
    code = diagnostic.code or (original and original.code),
  }
end

local MOST_DIAGNOSTICS = 200

--- Return what other tools report, in all buffers: the server hears of it only so.
local function diagnostics()
  local found = {}
  for _, each in ipairs(vim.diagnostic.get()) do
    if each.source ~= 'claude' and #found < MOST_DIAGNOSTICS then
      found[#found + 1] = {
        uri = vim.uri_from_bufnr(each.bufnr),
        line = each.lnum,
        message = each.message,
        source = each.source,
        code = each.code and tostring(each.code),
      }
    end
  end
  return found
end

local ACTIONS = {
  review = function()
    server.run('claude.review', { uri = uri() })
  end,

  ---@param call claude_lsp.Call
  fix = function(call)
    local client = assert(server.of())
    local problems = {}
    for _, diagnostic in ipairs(vim.diagnostic.get(0)) do
      local last = diagnostic.end_lnum or diagnostic.lnum
      if diagnostic.lnum < call.last and last >= call.first - 1 then
        problems[#problems + 1] = problem(client, diagnostic)
      end
    end
    if #problems == 0 then
      local where = call.has_range and 'in these lines' or 'on this line'
      server.notify(
        ('there is no diagnostic %s; go to one with ]d, or ask with :Claude review.'):format(where),
        vim.log.levels.WARN
      )
      return
    end
    server.run('claude.fix', { uri = uri(), problems = problems })
  end,

  ---@param call claude_lsp.Call
  explain = function(call)
    server.run('claude.explain', { uri = uri(), range = place(call) })
  end,

  ---@param call claude_lsp.Call
  ask = function(call)
    local range = call.has_range and place(call) or nil
    server.run('claude.ask', {
      uri = uri(),
      range = range,
      instruction = call.rest,
      diagnostics = diagnostics(),
    })
  end,

  continue = function()
    server.run('claude.continue', { uri = uri(), diagnostics = diagnostics() })
  end,

  ---@param call claude_lsp.Call
  apply = function(call)
    server.run('claude.applyBlock', { uri = uri(), range = place(call) })
  end,

  ---@param call claude_lsp.Call
  complete = function(call)
    server.run('claude.complete', { uri = uri(), range = place(call) })
  end,

  ---@param call claude_lsp.Call
  rewrite = function(call)
    server.run('claude.rewrite', { uri = uri(), range = place(call), instruction = call.rest })
  end,

  ---@param call claude_lsp.Call
  run = function(call)
    server.run('claude.run', { uri = uri(), range = place(call), action = call.argument })
  end,

  commit = function()
    server.run('claude.commitMessage', { uri = uri() })
  end,

  summary = function()
    server.run('claude.summarizeChanges', { uri = uri() })
  end,

  architecture = function()
    server.run('claude.reviewArchitecture')
  end,

  ---@param call claude_lsp.Call
  context = function(call)
    server.run('claude.showContext', { uri = uri(), range = place(call), action = call.argument })
  end,

  ---@param call claude_lsp.Call
  usage = function(call)
    server.run('claude.showUsage', { page = call.bang })
  end,

  accept = function()
    require('claude_lsp.held').decide('claude.acceptPreview')
  end,

  discard = function()
    require('claude_lsp.held').decide('claude.discardPreview')
  end,

  cancel = function()
    server.run('claude.cancel', nil, function(count)
      server.notify(count == 0 and 'nothing was under way.' or 'cancelled.')
    end)
  end,

  ---@param call claude_lsp.Call
  clear = function(call)
    server.run('claude.clear', not call.bang and { uri = uri() } or nil)
  end,

  status = function()
    local status = require('claude_lsp.status')
    local now = assert(status.of())
    local parts = { now.state .. (now.detail ~= '' and ': ' .. now.detail or ''), status.spend(now) }
    server.notify(table.concat(parts, parts[2] ~= '' and '; ' or ''))
  end,
}

-- Those that need a place and nothing else.
for name, command in pairs({
  document = 'claude.document',
  simplify = 'claude.simplify',
  types = 'claude.addTypes',
  test = 'claude.test',
  image = 'claude.describeImage',
}) do
  ACTIONS[name] = function(call)
    server.run(command, { uri = uri(), range = place(call) })
  end
end

M.CONTEXTS = { 'complete', 'fix', 'rewrite', 'document', 'simplify', 'test', 'explain', 'review', 'ask' }

--- Carry out what stands behind `:Claude`.
---@param words string[]
---@param call? { line1: integer, line2: integer, range: integer, bang: boolean }
function M.run(words, call)
  local action = ACTIONS[words[1]]
  if not action then
    local known = table.concat(vim.fn.sort(vim.tbl_keys(ACTIONS)), ', ')
    server.notify(
      ("there is no action '%s'; there are: %s."):format(words[1], known),
      vim.log.levels.ERROR
    )
    return
  end
  local line = vim.api.nvim_win_get_cursor(0)[1]
  action({
    first = call and call.line1 or line,
    last = call and call.line2 or line,
    has_range = call ~= nil and call.range > 0,
    bang = call ~= nil and call.bang,
    argument = words[2],
    rest = words[2] and table.concat(words, ' ', 2),
  })
end

---@param lead string
---@param line string
---@return string[]
local function complete(lead, line)
  local words = vim.split(vim.trim(line:match('Claude!?(.*)') or ''), '%s+', { trimempty = true })
  local known = {}
  if #words - (lead ~= '' and 1 or 0) == 0 then
    known = vim.fn.sort(vim.tbl_keys(ACTIONS))
  elseif words[1] == 'context' then
    known = M.CONTEXTS
  end
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, known)
end

---@param buffer integer
function M.attach(buffer)
  vim.api.nvim_buf_create_user_command(buffer, 'Claude', function(call)
    M.run(call.fargs, call)
  end, { nargs = '+', range = true, bang = true, complete = complete, desc = 'Ask Claude' })
end

---@param buffer integer
function M.detach(buffer)
  pcall(vim.api.nvim_buf_del_user_command, buffer, 'Claude')
end

return M
