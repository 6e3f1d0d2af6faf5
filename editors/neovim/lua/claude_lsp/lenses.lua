--- What can be asked about each definition, shown above it; Neovim asks for it only when told to.

local api = vim.api
local M = {}

local group = api.nvim_create_augroup('claude_lsp.lenses', {})

---@param buffer integer
function M.attach(buffer)
  M.detach(buffer)
  local function refresh()
    vim.lsp.codelens.refresh({ bufnr = buffer })
  end
  api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'BufWritePost' }, {
    group = group,
    buffer = buffer,
    desc = 'Ask for the code lenses of claude-lsp anew',
    callback = refresh,
  })
  refresh()
end

---@param buffer integer
function M.detach(buffer)
  api.nvim_clear_autocmds({ group = group, buffer = buffer })
end

return M
