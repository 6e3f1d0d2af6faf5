;;; session.el --- One session, told as JSON -*- lexical-binding: t; -*-

;;; Commentary:

;; emacs --batch -l claude-lsp.el -l session.el FILE
;; The last line on stdout is what was seen; the tests judge it.

;;; Code:

(require 'json)
(require 'seq)

(setq make-backup-files nil
      eglot-sync-connect 60
      eglot-autoshutdown nil
      eglot-confirm-server-initiated-edits nil)

(defun session-wait (holds)
  "Wait at most a minute until HOLDS returns something, and return it."
  (let ((end (+ (float-time) 60)) found)
    (while (and (not (setq found (funcall holds))) (< (float-time) end))
      (accept-process-output nil 0.05))
    found))

(defun session-diagnostics ()
  "Return the first lines of the diagnostics that are shown."
  (flymake-start)
  (mapcar (lambda (each) (car (split-string (flymake-diagnostic-text each) "\n")))
          (flymake-diagnostics)))

(defvar session-seen nil)

(defun session-see (name value)
  "Tell that under NAME there was VALUE."
  (push (cons name value) session-seen))

(find-file (pop command-line-args-left))
(call-interactively #'eglot)
(flymake-mode 1)
(session-see 'server (and (eglot-current-server) (jsonrpc-name (eglot-current-server))))

;; Emacs 28 keeps no undo of a first change that is made in a group, as eglot's are.
(buffer-enable-undo)
(goto-char (point-max))
(insert "# The end.\n")
(undo-boundary)

(let ((before (buffer-string)))
  (claude-lsp-review)
  (session-wait #'session-diagnostics)
  (session-see 'diagnostics (vconcat (session-diagnostics)))
  (goto-char (point-min))
  (search-forward "LIMIT = 10")
  (let ((actions (eglot-code-actions (line-beginning-position) (line-end-position))))
    (session-see 'actions (vconcat (mapcar (lambda (each) (plist-get each :title)) actions)))
    (let ((asked 0)
          (last-nonmenu-event t)) ; by the keyboard
      ;; As the user would choose it from the list.
      (fset 'completing-read
            (lambda (_prompt titles &rest _)
              (setq asked (1+ asked))
              (car (seq-find (lambda (each) (string-prefix-p "Apply suggestion" (car each)))
                             titles))))
      (eglot-code-actions (line-beginning-position) (line-end-position) nil t)
      (session-wait (lambda () (not (equal (buffer-string) before))))
      (session-see 'applied (buffer-string))
      (session-see 'asked asked)
      (undo-boundary)
      (undo-only)
      (session-see 'undone (if (equal (buffer-string) before) t :json-false))))
  (eglot--signal-textDocument/didChange)
  (claude-lsp-clear)
  (session-see 'cleared (if (session-wait (lambda () (null (session-diagnostics)))) t :json-false)))
(set-buffer-modified-p nil)
(princ (concat "\n" (json-encode session-seen) "\n"))
(eglot-shutdown (eglot-current-server))

;;; session.el ends here
