--- What the server says about itself (`claude/status`).

local server = require('claude_lsp.server')

local M = {}

---@class claude_lsp.Status
---@field state 'starting'|'idle'|'working'|'blocked'
---@field detail string What is done, or what blocks.

---@type table<integer, claude_lsp.Status> by client
local told = {}

---@param params claude_lsp.Status
---@param context lsp.HandlerContext
function M.on_status(_, params, context)
  told[context.client_id] = { state = params.state, detail = params.detail or '' }
  vim.api.nvim_exec_autocmds('User', {
    pattern = 'ClaudeStatus',
    modeline = false,
    data = told[context.client_id],
  })
  vim.cmd.redrawstatus({ bang = true })
end

--- Return the status of a buffer's server; nil if there is none.
---@param buffer? integer
---@return claude_lsp.Status?
function M.of(buffer)
  local client = server.of(buffer)
  return client and (told[client.id] or { state = 'starting', detail = '' })
end

---@return string
function M.statusline()
  local status = M.of()
  if not status then
    return ''
  end
  if status.state == 'working' then
    return ('Claude: %s…'):format(status.detail)
  end
  -- Why it is blocked is too long for a statusline; `:Claude status` tells.
  return status.state == 'blocked' and 'Claude: blocked' or 'Claude'
end

return M
