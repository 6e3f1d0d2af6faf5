"""Languages: which one a file is in, how it writes comments, how Markdown names it.

Identifiers are those of the Language Server Protocol's `TextDocumentItem.languageId`, and where
it lists none, those that editors' own extensions use.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import NamedTuple

from claude_lsp.text.conversation import is_conversation

PLAIN_TEXT = "plaintext"


class Language(NamedTuple):
    """One language.

    Attributes:
        id: the identifier that editors send.
        extensions: without the leading dot, lower case; may hold dots themselves.
        names: whole file names, lower case.
        interpreters: programs that a first line `#!` may name, without version numbers.
        line_comment: what starts a comment that ends with its line.
        block_comment: what starts and ends a comment.
        fence: the word after ``` in Markdown, where it is not the identifier.
    """

    id: str
    extensions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    line_comment: str | None = None
    block_comment: tuple[str, str] | None = None
    fence: str | None = None


_C = ("/*", "*/")
_XML = ("<!--", "-->")
_ML = ("(*", "*)")

LANGUAGES: tuple[Language, ...] = (
    Language(
        "python",
        ("py", "pyi", "pyw", "pyx", "pxd"),
        ("sconstruct", "sconscript", "wscript"),
        ("python", "pypy", "uv"),
        "#",
    ),
    Language("typescript", ("ts", "mts", "cts"), (), ("deno", "ts-node", "tsx", "bun"), "//", _C),
    Language("typescriptreact", ("tsx",), (), (), "//", _C, "tsx"),
    Language("javascript", ("js", "mjs", "cjs", "es6"), (), ("node", "nodejs"), "//", _C),
    Language("javascriptreact", ("jsx",), (), (), "//", _C, "jsx"),
    Language("go", ("go",), (), (), "//", _C),
    Language("rust", ("rs",), (), ("rust-script",), "//", _C),
    Language("java", ("java", "jav"), (), (), "//", _C),
    Language("kotlin", ("kt", "kts"), (), ("kotlin",), "//", _C),
    Language("scala", ("scala", "sc", "sbt"), (), ("scala",), "//", _C),
    Language("groovy", ("groovy", "gradle", "gvy"), ("jenkinsfile",), ("groovy",), "//", _C),
    Language("c", ("c", "i"), (), ("tcc",), "//", _C),
    # A header may be either; editors open `.h` as C++, whose comments and syntax hold for both.
    Language(
        "cpp",
        ("cpp", "cc", "cxx", "c++", "hpp", "hh", "hxx", "h++", "h", "ipp", "tpp", "ixx", "cppm"),
        (),
        (),
        "//",
        _C,
    ),
    Language("csharp", ("cs", "csx", "cake"), (), ("dotnet-script",), "//", _C),
    Language("fsharp", ("fs", "fsi", "fsx"), (), ("fsharpi",), "//", _ML),
    Language("vb", ("vb", "vbs", "bas"), (), (), "'"),
    Language("objective-c", ("m",), (), (), "//", _C, "objc"),
    Language("objective-cpp", ("mm",), (), (), "//", _C, "objc"),
    Language("swift", ("swift",), (), ("swift",), "//", _C),
    Language("dart", ("dart",), (), ("dart",), "//", _C),
    Language("zig", ("zig", "zon"), (), (), "//"),
    Language("ruby", ("rb", "rbw", "rake", "gemspec", "ru", "podspec"),
             ("rakefile", "gemfile", "guardfile", "vagrantfile", "podfile", "brewfile", "fastfile"),
             ("ruby", "jruby", "rake"), "#", ("=begin", "=end")),
    Language("php", ("php", "phtml", "php3", "php4", "php5", "phps"), (), ("php",), "//", _C),
    Language("perl", ("pl", "pm", "t", "psgi"), ("cpanfile",), ("perl",), "#", ("=pod", "=cut")),
    Language("lua", ("lua", "rockspec"), (".luacheckrc",), ("lua", "luajit"), "--", ("--[[", "]]")),
    Language("r", ("r", "rprofile"), (".rprofile",), ("rscript",), "#"),
    Language("julia", ("jl",), (), ("julia",), "#", ("#=", "=#")),
    Language("haskell", ("hs", "hsc"), (), ("runhaskell", "runghc", "stack"), "--", ("{-", "-}")),
    Language("ocaml", ("ml", "mli"), (), ("ocaml",), None, _ML),
    Language("elm", ("elm",), (), (), "--", ("{-", "-}")),
    Language("elixir", ("ex", "exs"), ("mix.lock",), ("elixir",), "#"),
    Language("erlang", ("erl", "hrl", "escript"), ("rebar.config",), ("escript",), "%"),
    Language("clojure", ("clj", "cljs", "cljc", "edn"), (), ("bb", "clojure"), ";"),
    Language("lisp", ("lisp", "lsp", "cl", "asd"), (), ("sbcl", "clisp"), ";", ("#|", "|#")),
    Language("emacs-lisp", ("el",), (".emacs",), ("emacs",), ";", None, "elisp"),
    Language("scheme", ("scm", "ss", "rkt"), (), ("guile", "racket"), ";", ("#|", "|#")),
    Language("nim", ("nim", "nims", "nimble"), (), ("nim",), "#", ("#[", "]#")),
    Language("crystal", ("cr",), (), ("crystal",), "#"),
    Language("solidity", ("sol",), (), (), "//", _C),
    Language("pascal", ("pas", "pp", "dpr", "lpr"), (), ("instantfpc",), "//", ("{", "}")),
    Language("fortran-modern", ("f90", "f95", "f03", "f08"), (), (), "!", None, "fortran"),
    Language("cobol", ("cob", "cbl", "cpy"), (), (), "*>"),
    Language("shellscript", ("sh", "bash", "zsh", "ksh", "bats", "ebuild"),
             (".bashrc", ".bash_profile", ".bash_aliases", ".profile", ".zshrc", ".zshenv",
              ".zprofile", "pkgbuild", "apkbuild", "gradlew"),
             ("sh", "bash", "zsh", "dash", "ksh", "ash"), "#", None, "bash"),
    Language("fish", ("fish",), (), ("fish",), "#"),
    Language("powershell", ("ps1", "psm1", "psd1"), (), ("pwsh", "powershell"), "#", ("<#", "#>")),
    Language("bat", ("bat", "cmd"), (), (), "REM", None, "batch"),
    Language("awk", ("awk",), (), ("awk", "gawk", "mawk"), "#"),
    Language("viml", ("vim",), (".vimrc", "_vimrc", ".gvimrc"), (), '"', None, "vim"),
    Language("nix", ("nix",), (), (), "#", _C),
    Language("makefile", ("mk", "mak", "make"), ("makefile", "gnumakefile", "bsdmakefile"),
             ("make",), "#"),
    Language("cmake", ("cmake", "cmake.in"), ("cmakelists.txt",), (), "#", ("#[[", "]]")),
    Language("dockerfile", ("dockerfile", "containerfile"), ("dockerfile", "containerfile"), (),
             "#"),
    Language("starlark", ("bzl", "star", "bazel"), ("build", "workspace", "tiltfile"), (), "#",
             None, "python"),
    Language("terraform", ("tf", "tfvars"), (), (), "#", _C, "hcl"),
    Language("hcl", ("hcl", "nomad"), (), (), "#", _C),
    Language("proto", ("proto",), (), (), "//", _C, "protobuf"),
    Language("graphql", ("graphql", "gql", "graphqls"), (), (), "#"),
    Language("sql", ("sql", "dml", "ddl", "psql"), (), (), "--", _C),
    Language("html", ("html", "htm", "xhtml", "shtml"), (), (), None, _XML),
    Language("vue", ("vue",), (), (), None, _XML),
    Language("svelte", ("svelte",), (), (), None, _XML),
    Language("astro", ("astro",), (), (), None, _XML),
    Language("handlebars", ("hbs", "handlebars"), (), (), None, ("{{!--", "--}}")),
    Language("jinja", ("j2", "jinja", "jinja2"), (), (), None, ("{#", "#}")),
    Language("xml", ("xml", "xsd", "xaml", "csproj", "fsproj", "vbproj", "props", "targets",
                     "svg", "plist", "wsdl", "resx"), (), (), None, _XML),
    Language("xsl", ("xsl", "xslt"), (), (), None, _XML, "xml"),
    Language("css", ("css",), (), (), None, _C),
    Language("scss", ("scss",), (), (), "//", _C),
    Language("sass", ("sass",), (), (), "//", _C),
    Language("less", ("less",), (), (), "//", _C),
    Language("json", ("json", "webmanifest", "geojson", "har", "ipynb"),
             (".babelrc", ".prettierrc", "composer.lock", "pipfile.lock", "flake.lock")),
    Language("jsonc", ("jsonc", "code-workspace", "code-snippets"),
             ("tsconfig.json", "jsconfig.json", ".eslintrc.json", "devcontainer.json",
              "settings.json", "launch.json", "tasks.json", "extensions.json", "keybindings.json"),
             (), "//", _C),
    Language("jsonl", ("jsonl", "ndjson"), (), (), None, None, "json"),
    Language("json5", ("json5",), (), (), "//", _C),
    Language("yaml", ("yaml", "yml", "eyaml"), (".clang-format", ".clang-tidy", "citation.cff"),
             (), "#"),
    Language("toml", ("toml",), ("pipfile", "cargo.lock", "poetry.lock", "uv.lock"), (), "#"),
    Language("ini", ("ini", "cfg", "conf", "desktop", "service"),
             (".editorconfig", ".gitconfig", ".gitmodules", ".npmrc", ".flake8", ".pylintrc"),
             (), ";"),
    Language("properties", ("properties",), (), (), "#"),
    Language("dotenv", ("env",), (".env",), (), "#", None, "bash"),
    Language("ignore", ("gitignore",), (".gitignore", ".claudeignore", ".dockerignore",
                                        ".npmignore", ".eslintignore", ".prettierignore"),
             (), "#", None, "gitignore"),
    Language("markdown", ("md", "markdown", "mdown", "mkd"), (), (), None, _XML),
    Language("mdx", ("mdx",), (), (), None, ("{/*", "*/}")),
    Language("restructuredtext", ("rst", "rest"), (), (), "..", None, "rst"),
    Language("asciidoc", ("adoc", "asciidoc"), (), (), "//", ("////", "////")),
    Language("latex", ("tex", "ltx", "sty", "cls"), (), (), "%"),
    Language("bibtex", ("bib",), (), (), "%"),
    Language("typst", ("typ",), (), (), "//", _C),
    Language("git-commit", (), ("commit_editmsg", "merge_msg", "squash_msg", "tag_editmsg"), (),
             "#", None, "text"),
    Language("diff", ("diff", "patch", "rej")),
    Language("wgsl", ("wgsl",), (), (), "//", _C),
    Language("glsl", ("glsl", "vert", "frag", "comp", "geom"), (), (), "//", _C),
    Language("hlsl", ("hlsl", "fx"), (), (), "//", _C),
    Language("cuda-cpp", ("cu", "cuh"), (), (), "//", _C, "cuda"),
    Language("asm", ("asm", "s", "nasm"), (), (), ";"),
    Language("verilog", ("v", "vh"), (), (), "//", _C),
    Language("systemverilog", ("sv", "svh"), (), (), "//", _C),
    Language("vhdl", ("vhd", "vhdl"), (), (), "--"),
    Language("coffeescript", ("coffee", "cson"), ("cakefile",), ("coffee",), "#", ("###", "###")),
    Language("prisma", ("prisma",), (), (), "//"),
    Language("gdscript", ("gd",), (), (), "#"),
    Language(PLAIN_TEXT, ("txt", "text", "log"), ("license", "readme"), (), None, None, "text"),
)  # fmt: skip

_BY_ID = {language.id: language for language in LANGUAGES}
_BY_NAME = {name: language.id for language in LANGUAGES for name in language.names}
_BY_EXTENSION = {end: language.id for language in LANGUAGES for end in language.extensions}
_BY_INTERPRETER = {name: language.id for language in LANGUAGES for name in language.interpreters}
# `Dockerfile.dev` and `Makefile.am`: the name says more than what follows it.
_NAME_WITH_SUFFIX = re.compile(r"(dockerfile|containerfile|makefile|jenkinsfile|\.env)\.[\w.-]+")
_SHEBANG = re.compile(
    r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+|\w+=\S*\s+)*(?:\S*/)?)?([A-Za-z][A-Za-z+_-]*)"
)


def language_of(path: str | PurePath, first_line: str = "") -> str:
    """Return the identifier of the language that a file is in.

    The file's name decides, then its extension (the longest known one), then a first line that
    names an interpreter.

    Args:
        path: the file; only its name is looked at.
        first_line: the first line of its text, if it is at hand.
    """
    name = PurePath(path).name.lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if match := _NAME_WITH_SUFFIX.fullmatch(name):
        return _BY_NAME[match[1]]
    parts = name.split(".")
    for start in range(1, len(parts)):
        if language := _BY_EXTENSION.get(".".join(parts[start:])):
            return language
    if match := _SHEBANG.match(first_line):
        return _BY_INTERPRETER.get(match[1].lower().rstrip("-_"), PLAIN_TEXT)
    return PLAIN_TEXT


def family_of(language: str) -> frozenset[str]:
    """Return the languages whose code can use a language's definitions, itself among them."""
    return _FAMILY_OF.get(language) or frozenset({language})


_FAMILIES = (
    {"javascript", "javascriptreact", "typescript", "typescriptreact", "vue", "svelte"},
    {"c", "cpp", "cuda-cpp", "objective-c", "objective-cpp"},
    {"java", "kotlin", "scala", "groovy"},
    {"css", "scss", "sass", "less", "html"},
)
_FAMILY_OF = {language: frozenset(family) for family in _FAMILIES for language in family}


def is_indexed(language: str, path: str = "") -> bool:
    """Whether the symbol index covers a file: code, and text that people write.

    Data (JSON and its like) would fill the index with words that say nothing about code, and
    conversations with Claude quote code as it was.
    """
    return language not in _NOT_INDEXED and not is_conversation(path)


_NOT_INDEXED = frozenset(
    {
        *(PLAIN_TEXT, "json", "jsonc", "json5", "jsonl", "xml", "ini", "properties", "dotenv"),
        *("latex", "tex", "diff", "git-commit", "git-rebase", "ignore"),
    }
)


def line_comment(language: str) -> str | None:
    """Return what starts a line comment, None where a language has none or is unknown."""
    known = _BY_ID.get(language)
    return known.line_comment if known else None


def block_comment(language: str) -> tuple[str, str] | None:
    """Return what starts and ends a block comment, None where there is none or it is unknown."""
    known = _BY_ID.get(language)
    return known.block_comment if known else None


def fence(language: str) -> str:
    """Return the word that names a language after ``` in Markdown."""
    known = _BY_ID.get(language)
    if known is None:
        return language if re.fullmatch(r"[\w+#.-]+", language) else "text"
    return known.fence or known.id
