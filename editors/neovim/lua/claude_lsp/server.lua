--- The server of a buffer, and what is asked of it.

local M = {}

---@param buffer? integer
---@return vim.lsp.Client?
function M.of(buffer)
  return vim.lsp.get_clients({ name = 'claude_lsp', bufnr = buffer or 0 })[1]
end

---@param message string
---@param level? integer
function M.notify(message, level)
  vim.notify('Claude: ' .. message, level or vim.log.levels.INFO)
end

--- Run one of the server's commands for the current buffer.
---@param command string
---@param argument? table
---@param done? fun(result: any)
function M.run(command, argument, done)
  local client = M.of()
  if not client then
    M.notify(
      'no server runs for this buffer; :checkhealth claude_lsp says why.',
      vim.log.levels.WARN
    )
    return
  end
  local call = { title = command, command = command, arguments = { argument } }
  client:exec_cmd(call, { bufnr = vim.api.nvim_get_current_buf() }, function(failure, result)
    if failure then
      M.notify(failure.message, vim.log.levels.ERROR)
    elseif done then
      done(result)
    end
  end)
end

--- Return lines as a range of the protocol, the line ending of the last not included.
---@param client vim.lsp.Client
---@param buffer integer
---@param first integer 1-based
---@param last integer 1-based
---@return lsp.Range
function M.lines(client, buffer, first, last)
  local text = vim.api.nvim_buf_get_lines(buffer, last - 1, last, true)[1]
  return {
    start = { line = first - 1, character = 0 },
    ['end'] = { line = last - 1, character = vim.str_utfindex(text, client.offset_encoding) },
  }
end

return M
