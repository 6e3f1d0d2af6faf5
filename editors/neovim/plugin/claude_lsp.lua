-- Everything here waits until a buffer has the server: starting Neovim stays as quick as it was.

if vim.g.loaded_claude_lsp or vim.fn.has('nvim-0.11') == 0 then
  return
end
vim.g.loaded_claude_lsp = true

-- What the plugin adds to the plain configuration in lsp/: the messages beyond the protocol that
-- it understands. Plain LSP use does not announce them, so that nothing is sent for nobody.
vim.lsp.config('claude_lsp', {
  capabilities = {
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
    experimental = {
      claude = { status = true, preview = true, input = true, joinUndo = true },
    },
  },
  handlers = {
    ['claude/status'] = function(...)
      return require('claude_lsp.status').on_status(...)
    end,
    ['claude/preview'] = function(...)
      return require('claude_lsp.preview').on_preview(...)
    end,
    ['workspace/applyEdit'] = function(...)
      return require('claude_lsp.unsent').on_apply_edit(...)
    end,
    ['claude/input'] = function(...)
      return require('claude_lsp.input').on_input(...)
    end,
    ['claude/applyEdit'] = function(...)
      return require('claude_lsp.growing').on_apply_edit(...)
    end,
  },
})

-- An autocommand and not `on_attach` of the configuration: a configuration has only one, and that
-- is the user's.
local group = vim.api.nvim_create_augroup('claude_lsp', {})
vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  desc = 'Commands and ghost text in the buffers of claude-lsp',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'claude_lsp' then
      require('claude_lsp').attach(client, event.buf)
    end
  end,
})
vim.api.nvim_create_autocmd('LspNotify', {
  group = group,
  desc = 'Know what claude-lsp has been told of a buffer',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'claude_lsp' then
      require('claude_lsp.unsent').on_notify(event.data.method, event.data.params)
    end
  end,
})
vim.api.nvim_create_autocmd('LspDetach', {
  group = group,
  desc = 'Take back what claude-lsp shows in a buffer',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'claude_lsp' then
      require('claude_lsp').detach(client, event.buf)
    end
  end,
})

for name, what in pairs({
  ['accept'] = 'Accept the suggestion',
  ['accept-line'] = 'Accept the next line of the suggestion',
  ['accept-word'] = 'Accept the next word of the suggestion',
  ['next'] = 'Show the next suggestion',
  ['previous'] = 'Show the previous suggestion',
  ['dismiss'] = 'Take the suggestion away',
  ['suggest'] = 'Ask for a suggestion',
}) do
  vim.keymap.set('i', ('<Plug>(claude-%s)'):format(name), function()
    require('claude_lsp')[name:gsub('-', '_')]()
  end, { desc = 'Claude: ' .. what })
end
vim.keymap.set({ 'n', 'i' }, '<Plug>(claude-cancel)', function()
  require('claude_lsp.server').run('claude.cancel')
end, { desc = 'Claude: Cancel everything under way' })
