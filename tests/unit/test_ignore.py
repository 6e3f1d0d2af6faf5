from __future__ import annotations

import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_lsp.workspace import ignore
from claude_lsp.workspace.ignore import IgnoreRules, content_reason, generated_reason, is_binary

if TYPE_CHECKING:
    from claude_lsp.reading import Content

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture(autouse=True)
def no_personal_configuration(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


FILES = [
    *("a1", "b", "x.x", "yy", "a ", "é1", "[a-", "!x", "a/a", "a/b.x", "a/x.x/b", "a/foo/a"),
    *("c/a1", "c/x.x", "c/b.x/yy", "c/b.x/a1", "foo/b", "foo/a.x/a1", "foo/b.x/aa/x.x"),
]
SEGMENTS = [
    *("a", "b", "c", "foo", "a*", "*", "*.x", "?", "*o*", "x.x", "[ab]", "[!a]", "[!a-c]", "[]a]"),
    *("**", "\\a", "a\\ ", "a ", "[a-", "[[:alpha:]]*", "!x", "\\!x", "#", "é*", "?1", "*1", "aa"),
]
patterns = st.builds(
    lambda negate, start, segments, end: negate + start + "/".join(segments) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " ", "\r"]),
)
ignore_files = st.lists(patterns, max_size=5).map(lambda lines: "\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def repository() -> Path:
    root = Path(tempfile.mkdtemp())
    write(root, dict.fromkeys(FILES, ""))
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


@needs_git
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(top=ignore_files, nested=ignore_files, deepest=ignore_files, exclude=ignore_files)
def test_what_is_ignored_is_what_git_ignores(
    repository: Path, top: str, nested: str, deepest: str, exclude: str
) -> None:
    # The same rules object would do as well: that it notices changes is tested below.
    write(
        repository,
        {
            ".gitignore": top,
            "foo/.gitignore": nested,
            "c/b.x/.gitignore": deepest,
            ".git/info/exclude": exclude,
        },
    )
    rules = IgnoreRules(repository)
    listed = subprocess.run(
        ["git", "ls-files", "-o", "--exclude-standard", "-z"],
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout.decode("utf-8", "surrogateescape")
    allowed = {name for name in FILES if rules.reason(name) is None}
    assert allowed == set(listed.split("\0")) & set(FILES)


@needs_git
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(versions=st.lists(st.tuples(ignore_files, st.booleans()), min_size=2, max_size=4))
def test_changed_ignore_files_take_effect_at_once(
    repository: Path, versions: list[tuple[str, bool]]
) -> None:
    rules = IgnoreRules(repository)
    for text, exists in versions:
        path = repository / "foo" / ".gitignore"
        if exists:
            path.write_text(text)
        else:
            path.unlink(missing_ok=True)
        fresh = IgnoreRules(repository)
        for name in FILES:
            assert rules.reason(name) == fresh.reason(name)


def test_each_source_is_named_in_the_reason(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {".gitignore": "*.log\n", ".claudeignore": "private/\n", "sub/.claudeignore": "own.py\n"},
    )
    rules = IgnoreRules(root, ["vendor/", "*.snap", "!keep.snap"])
    assert rules.reason("a.log") == "ignored by .gitignore"
    assert rules.reason(root / "x/private/deep/a.py") == "ignored by .claudeignore"
    assert rules.reason("sub/own.py") == "ignored by .claudeignore"
    assert rules.reason("own.py") is None
    assert rules.reason("vendor/a.py") == "matches context.ignore (vendor/)"
    assert rules.reason("a.snap") == "matches context.ignore (*.snap)"
    assert rules.reason("keep.snap") is None
    assert rules.reason("../elsewhere.py") == "outside the workspace"
    assert rules.reason("sub/../../elsewhere.py") == "outside the workspace"
    assert rules.reason(".git/config") == "inside .git"
    assert rules.reason(".git/COMMIT_EDITMSG") is None
    assert rules.directory_reason("private") == "ignored by .claudeignore"
    assert rules.directory_reason("sub") is None
    assert rules.allowed_names("sub", ["own.py", "a.py", "b.log"]) == ["a.py"]


def test_no_source_can_allow_what_another_refuses(tmp_path: Path) -> None:
    root = write(tmp_path, {".gitignore": "a.py\n!.env\n", ".claudeignore": "!a.py\n!.env\nb.py\n"})
    rules = IgnoreRules(root, ["!a.py", "!b.py", "!.env"])
    assert rules.reason("a.py") == "ignored by .gitignore"
    assert rules.reason("b.py") == "ignored by .claudeignore"
    assert rules.reason(".env") == "secret-bearing file (.env)"


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".env.local", ".env.production", "prod.env", ".ENV", ".envrc", "deep/er/.env"),
        *("server.pem", "tls.KEY", "id_rsa", "id_ed25519", ".npmrc", ".pypirc", ".netrc"),
        *("credentials.json", "kubeconfig", "x.tfstate", "x.tfstate.backup", "terraform.tfvars"),
        *(".aws/config", ".ssh/known_hosts", "secrets.yml", "app/secrets.yaml", "a.p12", "b.jks"),
        *(".docker/config.json", "home/.docker/config.json", "home/.config/gcloud/x.db"),
        *("client_secret_1.json", ".bash_history", "k8s/prod-secrets.yaml", ".git-credentials"),
    ],
)
def test_files_that_usually_hold_secrets_are_refused(tmp_path: Path, name: str) -> None:
    assert (IgnoreRules(tmp_path).reason(name) or "").startswith("secret-bearing file (")


@pytest.mark.parametrize(
    "name",
    [
        *(".env.example", ".env.sample", "environment.py", "env.d.ts", "secrets.py", "keys.py"),
        *("id_rsa.pub", "tokens.py", "config.json", "terraform.tf", "passwords_test.go", "key.ts"),
    ],
)
def test_files_with_similar_names_are_allowed(tmp_path: Path, name: str) -> None:
    assert IgnoreRules(tmp_path).reason(name) is None


def test_links_are_judged_by_what_they_lead_to(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"x.py": ""})
    root = write(
        tmp_path / "root", {".env": "", "real/secret.txt": "", ".gitignore": "/real/secret.txt\n"}
    )
    for link, target in {
        "out.py": outside / "x.py",
        "folder": outside,
        "innocent.txt": root / ".env",
        "alias": root / "real",
        "loop": root,
        "self": root / "self",
    }.items():
        (root / link).symlink_to(target)
    rules = IgnoreRules(root)
    assert rules.reason("out.py") == "outside the workspace (a link)"
    assert rules.reason("folder/x.py") == "outside the workspace (a link)"
    assert rules.reason("innocent.txt") == "secret-bearing file (.env)"
    assert rules.reason("alias/secret.txt") == "ignored by .gitignore"
    assert rules.reason("loop/loop/real/secret.txt") == "ignored by .gitignore"
    assert rules.reason("loop/real/other.txt") is None
    assert rules.reason("self") == "a link that leads nowhere"


def test_a_directory_replaced_by_a_link_is_noticed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"x.py": ""})
    root = write(tmp_path / "root", {"sub/x.py": ""})
    rules = IgnoreRules(root)
    assert rules.reason("sub/x.py") is None
    shutil.rmtree(root / "sub")
    (root / "sub").symlink_to(outside)
    assert rules.reason("sub/x.py") == "outside the workspace (a link)"


def test_a_workspace_opened_through_a_link_is_the_same_workspace(tmp_path: Path) -> None:
    real = write(tmp_path / "real", {".claudeignore": "a.py\n"})
    (tmp_path / "link").symlink_to(real)
    rules = IgnoreRules(tmp_path / "link")
    for base in (real, tmp_path / "link"):
        assert rules.reason(base / "a.py") == "ignored by .claudeignore"
        assert rules.reason(base / "b.py") is None


@needs_git
def test_rules_above_the_workspace_folder_count(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path, {".gitignore": "/sub/a.py\n", ".claudeignore": "b.py\n", "sub/c.py": ""})
    rules = IgnoreRules(tmp_path / "sub")
    assert rules.repository == tmp_path
    assert rules.reason("a.py") == "ignored by .gitignore"
    assert rules.reason("b.py") == "ignored by .claudeignore"
    assert rules.reason("c.py") is None
    assert rules.reason(tmp_path / "c.py") == "outside the workspace"


@needs_git
def test_a_repository_that_ignores_the_whole_workspace_folder_does_not_count(
    tmp_path: Path,
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path, {".gitignore": "*\n", ".claudeignore": "b.py\n", "sub/c.py": ""})
    rules = IgnoreRules(tmp_path / "sub")
    assert rules.repository is None
    assert rules.reason("c.py") is None
    assert rules.reason("b.py") == "ignored by .claudeignore"


@needs_git
def test_a_repository_within_another_has_rules_of_its_own(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    for root in (tmp_path, inner):
        subprocess.run(["git", "init", "-q", root], check=True)
    write(tmp_path, {".gitignore": "a.py\n", "inner/.gitignore": "b.py\n"})
    (inner / ".git/info/exclude").write_text("c.py\n")
    rules = IgnoreRules(tmp_path)
    assert rules.reason("a.py") == "ignored by .gitignore"
    assert rules.reason("inner/a.py") is None
    assert rules.reason("inner/b.py") == "ignored by .gitignore"
    assert rules.reason("inner/c.py") == "ignored by .git/info/exclude"


@needs_git
def test_the_users_own_ignore_file_counts_inside_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"home/git/ignore": "*.scratch\n", "work/a.py": ""})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    assert IgnoreRules(tmp_path / "work").reason("a.scratch") is None
    subprocess.run(["git", "init", "-q", tmp_path / "work"], check=True)
    assert (
        IgnoreRules(tmp_path / "work").reason("a.scratch") == "ignored by your own git ignore file"
    )


def test_an_ignore_file_that_cannot_be_read_hides_everything_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"sub/.claudeignore": "x\n"})

    def refuse(path: str, _limit: int) -> Content:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(ignore, "read_regular", refuse)
    rules = IgnoreRules(tmp_path)
    assert "cannot be read (Permission denied)" in (rules.reason("sub/a.py") or "")
    assert rules.reason("a.py") is None


def test_hostile_patterns_are_matched_in_no_time(tmp_path: Path) -> None:
    stars = "*a" * 60 + "*b"
    folders = "/".join(["**/a"] * 40) + "/b"
    write(tmp_path, {".gitignore": f"{stars}\n{folders}\n"})
    rules = IgnoreRules(tmp_path)
    assert rules.reason("a" * 240) is None
    assert rules.reason("/".join(["a"] * 60)) is None
    assert rules.reason("a" * 200 + "b") == "ignored by .gitignore"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.py", "x = 1\n", None),
        ("a.py", "# Code generated by protoc. DO NOT EDIT.\n", 'generated (marked "Code generated'),
        ("a.js", "/** @generated SignedSource */\n", 'generated (marked "@generated")'),
        ("a.cs", "// <auto-generated>\n", "generated (marked"),
        ("a.py", 'MARK = "DO NOT EDIT"\n', None),
        ("a.py", "x = 1\n" * 300 + "# DO NOT EDIT\n", None),
        ("app.js", "a=1;" * 5_000, "generated (minified)"),
        ("data.py", "x = 1\n" * 5_000, None),
        ("Cargo.lock", "x", "generated (lock file Cargo.lock)"),
        ("a.py", "x" * 70_000, "over 64 kB"),
        ("a.py", "é" * 33_000, "over 64 kB"),
        ("a.py", "a\0b", "binary"),
    ],
)
def test_content_can_refuse_a_file(name: str, text: str, reason: str | None) -> None:
    answer = content_reason(name, text, 64)
    assert answer == reason or (reason and answer and answer.startswith(reason))


def test_bytes_and_text_are_binary_alike() -> None:
    assert is_binary(b"a\0")
    assert is_binary("a\0")
    assert not is_binary(b"a" * 9_000 + b"\0")
    assert generated_reason(Path("x/uv.lock"), "") == "generated (lock file uv.lock)"


def test_a_walk_in_one_thread_makes_no_rule_old_in_another(tmp_path: Path) -> None:
    write(tmp_path, {"a/b.py": "", "a/c.py": ""})
    rules = IgnoreRules(tmp_path)
    with ThreadPoolExecutor(1) as other, rules.walking():
        assert rules.allowed_names(tmp_path / "a", ["b.py"]) == ["b.py"]
        write(tmp_path, {"a/.claudeignore": "b.py\n"})
        reason = other.submit(rules.reason, tmp_path / "a/b.py").result()
        assert reason == "ignored by .claudeignore"
