--- Steps to undo: what the server changes while the user types is one of its own.
---
--- In Insert mode Neovim adds an edit from elsewhere to the step of what is being typed, and
--- undoing that step then mixes up the lines of both.

local M = {}

--- End the step; what comes next begins another one.
---@param buffer integer
function M.finish(buffer)
  vim.api.nvim_buf_call(buffer, function()
    vim.cmd('noautocmd let &l:undolevels = &l:undolevels')
  end)
end

--- Go on with the step that was ended last, unless it has been undone.
---@param buffer integer
function M.resume(buffer)
  vim.api.nvim_buf_call(buffer, function()
    pcall(vim.cmd.undojoin)
  end)
end

return M
