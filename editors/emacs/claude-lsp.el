;;; claude-lsp.el --- Claude as a language server for eglot -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "27.1") (eglot "1.9"))

;;; Commentary:

;; (load "path/to/claude-lsp/editors/emacs/claude-lsp.el")
;; (add-hook 'python-mode-hook #'eglot-ensure)
;;
;; Then M-x claude-lsp-review, and M-x eglot-code-actions for everything else.
;; eglot speaks to one server for a buffer, so choose the modes in which Claude is that one by
;; `claude-lsp-modes'.

;;; Code:

(require 'eglot)

(defgroup claude-lsp nil
  "Claude as a language server."
  :group 'tools)

(defcustom claude-lsp-command '("claude-lsp")
  "How the server is started."
  :type '(repeat string))

(defcustom claude-lsp-modes '(python-mode)
  "The modes in which eglot starts Claude."
  :type '(repeat symbol))

(add-to-list 'eglot-server-programs (cons claude-lsp-modes claude-lsp-command))

(defun claude-lsp--run (command &optional argument)
  "Let the server run COMMAND, with ARGUMENT if there is one.
It returns at once; what comes of it comes as diagnostics, edits and messages."
  (jsonrpc-async-request
   (or (eglot-current-server)
       (user-error "No server runs for this buffer; start it by M-x eglot"))
   :workspace/executeCommand
   (list :command command :arguments (if argument (vector argument) []))
   :error-fn (lambda (failure) (message "Claude: %s" (plist-get failure :message)))))

(defun claude-lsp--document ()
  "Return the address of this buffer, as an argument."
  (list :uri (plist-get (eglot--TextDocumentIdentifier) :uri)))

(defun claude-lsp-review ()
  "Review this buffer; findings appear as diagnostics."
  (interactive)
  ;; What was typed last is sent after a pause only.
  (eglot--signal-textDocument/didChange)
  (claude-lsp--run "claude.review" (claude-lsp--document)))

(defun claude-lsp-review-architecture ()
  "Review the whole project, after asking, with a price."
  (interactive)
  (claude-lsp--run "claude.reviewArchitecture"))

(defun claude-lsp-ask (question)
  "Begin a conversation about this buffer with QUESTION, kept as a Markdown file.
Open the file that is named and run `claude-lsp-continue' there; eglot must run in it, so add
`markdown-mode' to `claude-lsp-modes'."
  (interactive "sAsk: ")
  (claude-lsp--run "claude.ask" (append (claude-lsp--document) (list :instruction question))))

(defun claude-lsp-continue ()
  "Answer the last turn of this conversation, at its end."
  (interactive)
  (eglot--signal-textDocument/didChange)
  (claude-lsp--run "claude.continue" (claude-lsp--document)))

(defun claude-lsp-clear ()
  "Take back the findings of this buffer."
  (interactive)
  (claude-lsp--run "claude.clear" (claude-lsp--document)))

(defun claude-lsp-cancel ()
  "Cancel everything under way."
  (interactive)
  (claude-lsp--run "claude.cancel"))

(provide 'claude-lsp)
;;; claude-lsp.el ends here
