-- What the README tells a user to write, and the keys of the examples.
local root = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h:h:h:h')
vim.opt.runtimepath:append(root .. '/editors/neovim')
vim.lsp.enable('claude_lsp')

vim.keymap.set('i', '<Tab>', function()
  if not require('claude_lsp').accept() then
    return '<Tab>'
  end
end, { expr = true })
vim.keymap.set('i', '<M-l>', '<Plug>(claude-accept-line)')
vim.keymap.set('i', '<M-w>', '<Plug>(claude-accept-word)')
vim.keymap.set('i', '<M-n>', '<Plug>(claude-next)')
vim.keymap.set('i', '<M-e>', '<Plug>(claude-dismiss)')
vim.keymap.set('i', '<M-s>', '<Plug>(claude-suggest)')
vim.o.statusline = "%f %=%{v:lua.require'claude_lsp'.statusline()}"
