--- One line that the server asks the user for (`claude/input`).

local M = {}

--- Answer with `{ text }`, or with null if the user dismissed the question.
---@param params { prompt: string, default?: string }
function M.on_input(_, params)
  -- Requests are answered by coroutines: the answer may wait for the user.
  local waiting = coroutine.running()
  -- What is null is `vim.NIL` from Neovim 0.12 on.
  local default = type(params.default) == 'string' and params.default or nil
  local options = { prompt = params.prompt .. ' ', default = default }
  vim.ui.input(options, function(text)
    -- Later, since an input that answers at once would resume what does not wait yet.
    vim.schedule(function()
      coroutine.resume(waiting, text and { text = text } or vim.NIL)
    end)
  end)
  return coroutine.yield()
end

return M
