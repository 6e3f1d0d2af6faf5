--- Parts of a suggestion, and their way into the buffer.

local M = {}

--- The rest of the line, or the whole next line where the suggestion goes on below.
---@param text string
---@return string
function M.line(text)
  return text:match('^\n*[^\n]*')
end

--- The next word with the blanks before it; bytes beyond ASCII count as letters.
---@param text string
---@return string
function M.word(text)
  return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%w_%s\128-\255]+') or text
end

--- Tell the server that a suggestion was accepted, so that it is counted.
---@param client vim.lsp.Client?
---@param command lsp.Command? as it came with the suggestion
---@param part string? what was accepted, if it was not all of it
function M.count(client, command, part)
  if not client or not command then
    return
  end
  local arguments = vim.deepcopy(command.arguments or {})
  if part and arguments[1] then
    arguments[1].characters = vim.fn.strchars(part)
  end
  local call = { title = command.title, command = command.command, arguments = arguments }
  -- Whether it could be counted is nothing for the user.
  client:exec_cmd(call, nil, function() end)
end

--- Replace a part of a line and put the cursor behind what was inserted, as one undo step.
---@param buffer integer
---@param row integer 0-based
---@param start_column integer in bytes
---@param end_column integer in bytes
---@param text string
---@return integer row, integer column the end of the insertion
function M.insert(buffer, row, start_column, end_column, text)
  local lines = vim.split(text, '\n', { plain = true })
  -- Setting this option ends the undo step of what was typed before.
  vim.bo[buffer].undolevels = vim.bo[buffer].undolevels
  vim.api.nvim_buf_set_text(buffer, row, start_column, row, end_column, lines)
  local end_row = row + #lines - 1
  local column = #lines[#lines] + (#lines == 1 and start_column or 0)
  vim.api.nvim_win_set_cursor(0, { end_row + 1, column })
  return end_row, column
end

return M
