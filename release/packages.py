"""Packages that are the same, byte for byte, whoever builds them: `make reproducible`.

Each is built twice from the last commit, in two folders, with other times on its files, another
umask and another time zone; its date is that of the commit. A release is built by this too.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTENSION = Path("editors") / "vscode"


def _output(*command: str) -> bytes:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout


def _sources(folder: Path, age_s: int) -> None:
    """Put the last commit's files into a folder, as if they had been written some time ago."""
    with tarfile.open(fileobj=BytesIO(_output("git", "archive", "HEAD"))) as archive:
        archive.extractall(folder, filter="data")
    then = time.time() - age_s
    for path in folder.rglob("*"):
        os.utime(path, (then, then), follow_symlinks=False)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _python(folder: Path, environment: dict[str, str]) -> list[Path]:
    _run([sys.executable, "-m", "build", "--outdir", "built"], folder, environment)
    return sorted((folder / "built").iterdir())


def _vscode(folder: Path, environment: dict[str, str]) -> list[Path]:
    extension = folder / EXTENSION
    (extension / "node_modules").symlink_to(ROOT / EXTENSION / "node_modules")
    # The archive holds local times and the modes of what was bundled just now.
    before = os.umask(0o022)
    _run(["npm", "run", "--silent", "package"], extension, environment | {"TZ": "UTC"})
    os.umask(before)
    return [extension / "claude-lsp.vsix"]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Build everything twice and compare; return 1 where something differs."""
    parser = argparse.ArgumentParser(prog="release.packages", description=__doc__)
    parser.add_argument("what", choices=("python", "vscode"), nargs="+")
    parser.add_argument("--keep", metavar="DIR", help="copy what was built there")
    options = parser.parse_args()
    date = _output("git", "log", "-1", "--format=%ct").decode().strip()
    builders = {"python": _python, "vscode": _vscode}
    differ = False
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        built: list[list[Path]] = []
        for name, age_s, zone, umask in (
            (first, 1_000, "UTC", 0o022),
            (second, 9_999_999, "Asia/Kathmandu", 0o027),
        ):
            before = os.umask(umask)
            folder = Path(name) / f"of-{age_s}"
            folder.mkdir()
            _sources(folder, age_s)
            environment = os.environ | {"SOURCE_DATE_EPOCH": date, "TZ": zone}
            built.append([p for what in options.what for p in builders[what](folder, environment)])
            os.umask(before)
        for one, other in zip(*built, strict=True):
            same = one.name == other.name and _digest(one) == _digest(other)
            differ |= not same
            print(f"{one.name}: {'the same twice' if same else 'DIFFERS'}, sha256 {_digest(one)}")
            if options.keep:
                Path(options.keep).mkdir(parents=True, exist_ok=True)
                shutil.copy(one, options.keep)
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
