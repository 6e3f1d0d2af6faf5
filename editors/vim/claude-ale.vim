" Claude through ALE: source this after ALE is on the runtime path.

" The file types in which ALE starts the server.
let g:claude_lsp_filetypes = get(g:, 'claude_lsp_filetypes', ['python'])

function! s:Root(buffer) abort
  let l:git = ale#path#FindNearestDirectory(a:buffer, '.git')
  return empty(l:git) ? expand('#' . a:buffer . ':p:h') : fnamemodify(l:git, ':h:h')
endfunction

for s:filetype in g:claude_lsp_filetypes
  call ale#linter#Define(s:filetype, {
  \ 'name': 'claude_lsp',
  \ 'lsp': 'stdio',
  \ 'executable': 'claude-lsp',
  \ 'command': '%e',
  \ 'project_root': function('s:Root'),
  \})
endfor

" What :ALECodeAction does not reach. The server answers at once; what comes of it comes as
" diagnostics.
function! s:Run(command, ...) abort
  let l:argument = extend({'uri': ale#util#ToURI(expand('%:p'))}, get(a:, 1, {}))
  let l:params = {'command': a:command, 'arguments': [l:argument]}
  call ale#lsp_linter#SendRequest(bufnr(''), 'claude_lsp', [0, 'workspace/executeCommand', l:params])
endfunction

" Fix what ALE shows on this line, whichever linter found it.
function! s:Fix() abort
  let l:line = line('.') - 1
  let l:range = {
  \ 'start': {'line': l:line, 'character': 0},
  \ 'end': {'line': l:line, 'character': strchars(getline('.'))},
  \}
  let l:found = get(get(g:ale_buffer_info, bufnr(''), {}), 'loclist', [])
  let l:problems = map(filter(copy(l:found), 'v:val.lnum == line(''.'')'), {_, each -> {
  \ 'range': l:range,
  \ 'message': each.text,
  \ 'source': each.linter_name,
  \}})
  if empty(l:problems)
    echomsg 'Claude: ALE shows nothing on this line to fix.'
    return
  endif
  call s:Run('claude.fix', {'range': l:range, 'problems': l:problems})
endfunction

command! ClaudeFix call s:Fix()
command! ClaudeReview call s:Run('claude.review')
command! ClaudeClear call s:Run('claude.clear')
command! ClaudeCancel call s:Run('claude.cancel')
