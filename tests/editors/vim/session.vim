" One session in Vim with ALE, written as JSON to the file $SEEN; the tests judge it.
set nocompatible
filetype plugin on
let g:ale_linters_explicit = 1
let g:ale_linters = {'python': ['claude_lsp']}
packadd! ale
source $CLAUDE_ALE

let s:seen = {'diagnostics': [], 'menu': '', 'error': ''}

function! s:Wait(holds) abort
  let l:end = localtime() + 60
  while !a:holds() && localtime() < l:end
    sleep 50m
  endwhile
endfunction

function! s:Diagnostics() abort
  let l:found = get(get(g:ale_buffer_info, bufnr(''), {}), 'loclist', [])
  return map(copy(l:found), 'v:val.text')
endfunction

function! s:Session() abort
  call s:Wait({-> !empty(ale#lsp_linter#GetLSPLinterMap())})
  ClaudeReview
  call s:Wait({-> !empty(s:Diagnostics())})
  let s:seen.diagnostics = s:Diagnostics()
  let l:before = getline(1, '$')
  " The suggestion is chosen in the menu. Its file is read first, so that it does not come back.
  runtime autoload/ale/util.vim
  function! ale#util#Input(message, value, ...) abort
    let s:seen.menu = a:message
    return matchstr(a:message, '\d\+\ze) Apply suggestion')
  endfunction
  call cursor(1, 1)
  ALECodeAction
  call s:Wait({-> getline(1, '$') !=# l:before})
  let s:seen.applied = join(getline(1, '$') + [''], "\n")
  undo
  sleep 1
  ClaudeFix
  call s:Wait({-> getline(1, '$') !=# l:before})
  let s:seen.fixed = join(getline(1, '$') + [''], "\n")
  sleep 1
  let s:seen.messages = execute('messages')
  undo
  let s:seen.undone = getline(1, '$') ==# l:before
  sleep 1
  ClaudeClear
  call s:Wait({-> empty(s:Diagnostics())})
  let s:seen.cleared = empty(s:Diagnostics())
endfunction

function! s:Run(timer) abort
  try
    call s:Session()
  catch
    let s:seen.error = v:exception . ' at ' . v:throwpoint
  endtry
  call writefile([json_encode(s:seen)], $SEEN)
  qall!
endfunction

autocmd VimEnter * call timer_start(10, function('s:Run'))
