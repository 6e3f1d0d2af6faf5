--- What the server says about itself (`claude/status`).

local server = require('claude_lsp.server')

local M = {}

---@class claude_lsp.Status
---@field state 'starting'|'idle'|'working'|'blocked'
---@field detail string What is done, or what blocks.
---@field spend_today_usd number? Newer servers tell it.
---@field spend_limit_usd number?

---@type table<integer, claude_lsp.Status> by client
local told = {}

---@param params claude_lsp.Status
---@param context lsp.HandlerContext
function M.on_status(_, params, context)
  local function number(value)
    return type(value) == 'number' and value or nil
  end
  told[context.client_id] = {
    state = params.state,
    detail = params.detail or '',
    spend_today_usd = number(params.spend_today_usd),
    spend_limit_usd = number(params.spend_limit_usd),
  }
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

--- What was spent today, '' if the server does not tell.
---@param status claude_lsp.Status
---@return string
function M.spend(status)
  if not status.spend_today_usd then
    return ''
  end
  local limit = status.spend_limit_usd and (' of $%.2f'):format(status.spend_limit_usd) or ''
  return ('$%.2f%s today'):format(status.spend_today_usd, limit)
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
  local text = status.state == 'blocked' and 'Claude: blocked' or 'Claude'
  local spent = status.spend_today_usd or 0
  -- Less than a cent is no news.
  return spent >= 0.01 and ('%s $%.2f'):format(text, spent) or text
end

return M
