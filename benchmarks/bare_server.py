"""The floor: what plain pygls does with the same messages, and nothing else on top.

It knows documents, announces inline completion, and answers each request with a constant.
"""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("bare", "1", text_document_sync_kind=types.TextDocumentSyncKind.Incremental)


@server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
def inline_completion(params: types.InlineCompletionParams) -> types.InlineCompletionList:
    place = types.Range(params.position, params.position)
    return types.InlineCompletionList([types.InlineCompletionItem("pass", range=place)])


if __name__ == "__main__":
    server.start_io()
