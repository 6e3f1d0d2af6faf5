--- `:checkhealth claude_lsp`: what works, what does not, what to do.

local health = vim.health
local M = {}

local DOCTOR_MS = 20000

--- Return the output of a command; nil and the reason if it can't be had.
---@param command string[]
---@param folder? string
---@return string?, string?
local function output(command, folder)
  local started, process = pcall(vim.system, command, { text = true, cwd = folder })
  if not started then
    return nil, tostring(process)
  end
  local ended = process:wait(DOCTOR_MS)
  if ended.stdout == nil or ended.stdout == '' then
    return nil, vim.trim(ended.stderr or '')
  end
  return ended.stdout
end

local function home_as_tilde(path)
  return vim.fn.fnamemodify(path, ':~')
end

---@return string[]? # the server's command
local function check_server()
  health.start('claude_lsp: server')
  local config = vim.lsp.config.claude_lsp
  if not config or not config.cmd then
    health.error('lsp/claude_lsp.lua is not on the runtime path', {
      'Add editors/neovim of claude-lsp to it, see :help claude-lsp-install',
    })
    return nil
  end
  if vim.lsp.is_enabled and not vim.lsp.is_enabled('claude_lsp') then
    health.warn('the server is not enabled', { "Call vim.lsp.enable('claude_lsp')" })
  end
  if type(config.cmd) ~= 'table' then
    health.info('the server is started by a function of yours')
    return nil
  end
  local command = config.cmd --[[@as string[] ]]
  if vim.fn.executable(command[1]) == 0 then
    health.error(("'%s' was not found"):format(command[1]), {
      'Install it with pip and see that its folder is on the PATH of Neovim',
      "or name it: vim.lsp.config('claude_lsp', { cmd = { '/path/to/claude-lsp' } })",
    })
    return nil
  end
  health.ok(home_as_tilde(vim.fn.exepath(command[1])))
  return command
end

--- Let the server look at itself: settings, models, and whether a key is found, never which.
local function check_doctor(command)
  -- Where the server works: a project may have settings of its own.
  local client = vim.lsp.get_clients({ name = 'claude_lsp' })[1]
  local text, reason =
    output({ command[1], 'doctor', '--format', 'json' }, client and client.root_dir)
  local parsed, checks = pcall(vim.json.decode, text or '')
  if not text or not parsed then
    health.warn(('`%s doctor` gave no report: %s'):format(command[1], reason or 'not JSON'), {
      'Run it in a terminal; if it is not claude-lsp, correct `cmd`',
    })
    return
  end
  for _, check in ipairs(checks) do
    local detail = check.detail:gsub(vim.pesc(vim.fs.normalize('~') .. '/'), '~/')
    local line = ('%s: %s'):format(check.name, detail)
    if check.state == 'ok' then
      health.ok(line)
    elseif check.state == 'note' then
      health.info(line)
    else
      health.warn(line)
    end
  end
end

local function check_clients()
  health.start('claude_lsp: buffers')
  local clients = vim.lsp.get_clients({ name = 'claude_lsp' })
  if #clients == 0 then
    health.info('no server runs; one starts with the first file of a known type')
  end
  for _, client in ipairs(clients) do
    local info = client.server_info or {}
    local count = #vim.tbl_keys(client.attached_buffers)
    health.ok(
      ('%s %s runs for %s, in %d %s'):format(
        info.name or client.name,
        info.version or '',
        client.root_dir and home_as_tilde(client.root_dir) or 'single files',
        count,
        count == 1 and 'buffer' or 'buffers'
      )
    )
    for method, what in pairs({
      ['textDocument/codeAction'] = 'code actions',
      ['textDocument/inlineCompletion'] = 'suggestions',
      ['workspace/executeCommand'] = 'commands',
    }) do
      if client:supports_method(method) then
        health.ok(what)
      else
        health.warn(('the server offers no %s'):format(what), { 'Install a newer claude-lsp' })
      end
    end
    local status = require('claude_lsp.status').of(next(client.attached_buffers))
    if status and status.state == 'blocked' then
      health.warn('blocked: ' .. status.detail)
    elseif status then
      health.info(('%s %s'):format(status.state, status.detail))
    end
  end
end

local function check_editor()
  health.start('claude_lsp: editor')
  if vim.fn.has('nvim-0.11') == 0 then
    health.error('Neovim is too old', { 'Install Neovim 0.11 or newer' })
    return
  end
  local version = tostring(vim.version())
  if not require('claude_lsp').options.ghost_text then
    health.info(('Neovim %s; ghost text is off (ghost_text = false)'):format(version))
  elseif vim.lsp.inline_completion then
    health.ok(('Neovim %s; ghost text by vim.lsp.inline_completion'):format(version))
  else
    health.ok(('Neovim %s; ghost text by extmarks'):format(version))
  end
  local mapped = vim.tbl_filter(function(key)
    return vim.fn.hasmapto(('<Plug>(claude-%s)'):format(key), 'i') == 1
  end, { 'accept', 'accept-line', 'accept-word', 'next', 'previous', 'dismiss', 'suggest' })
  if #mapped > 0 then
    health.ok('keys are mapped to ' .. table.concat(mapped, ', '))
  else
    health.info('no key is mapped to a <Plug>(claude-…), see :help claude-lsp-keys')
  end
end

function M.check()
  check_editor()
  local command = check_server()
  if command then
    check_doctor(command)
  end
  check_clients()
end

return M
