"""Images: found where they are named, made fit to be sent, and refused in plain words."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from claude_lsp.actions.describe_image import image_at
from claude_lsp.settings import Settings
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.files import Unreadable
from claude_lsp.workspace.images import LONGEST_EDGE, Picture, picture_of
from claude_lsp.workspace.workspace import Workspace
from tests import cases_loader

if TYPE_CHECKING:
    from pathlib import Path

CURSOR = "<CURSOR/>"


def encoded(
    size: tuple[int, int] = (40, 30), kind: str = "PNG", mode: str = "RGB", **options: Any
) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, "red").save(buffer, kind, **options)
    return buffer.getvalue()


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def bomb() -> bytes:
    """A small file that says that it has 100,000 times 100,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def look(root: Path, target: str = "a.png", document: str = "docs/page.md") -> Picture | Unreadable:
    snapshot = Snapshot(uri_from_path(root / document), 1, "", "markdown")
    return picture_of(Workspace((root,), Settings()), snapshot, target)


def put(root: Path, content: bytes, name: str = "docs/a.png") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content)


@pytest.mark.parametrize("path", cases_loader.paths("describeImage"), ids=lambda path: path.stem)
def test_images_in_documents(path: Path) -> None:
    sections = {
        name: text.removesuffix("\n") for name, text in cases_loader.load(path).sections.items()
    }
    text = sections["document"]
    at = text.index(CURSOR)
    text = text.replace(CURSOR, "")
    snapshot = Snapshot("file:///w/page", 1, text, sections["language"])
    found = image_at(snapshot, snapshot.index.position_at(at))
    if "result" not in sections:
        assert found is None
        return
    assert found is not None
    assert found.target == sections["target"]
    start, end = (snapshot.index.offset_at(place) for place in found.range)
    new = found.replacement(sections["text"])
    assert text[:start] + new + text[end:] == sections["result"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_the_format_is_told_by_the_bytes(tmp_path: Path, kind: str) -> None:
    put(tmp_path, encoded(kind=kind))
    picture = look(tmp_path)
    assert isinstance(picture, Picture)
    assert (picture.origin, picture.width, picture.height) == ("docs/a.png", 40, 30)
    assert Image.open(io.BytesIO(picture.data)).size == (40, 30)
    assert picture.tokens == 4


def test_a_large_one_is_made_smaller(tmp_path: Path) -> None:
    put(tmp_path, encoded((4000, 1000)))
    picture = look(tmp_path)
    assert isinstance(picture, Picture)
    assert (picture.width, picture.height) == (LONGEST_EDGE, LONGEST_EDGE // 4)
    assert picture.tokens == 820


def test_noise_that_no_format_makes_small_still_fits(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((2000, 2000), 200).convert("RGBA").save(buffer, "PNG")
    put(tmp_path, buffer.getvalue())
    picture = look(tmp_path)
    assert isinstance(picture, Picture)
    assert picture.media_type == "image/jpeg"
    assert len(picture.data) < 3_600_000


def test_where_a_photograph_was_taken_is_not_sent(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "PLANTED description"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    put(tmp_path, encoded(kind="JPEG", exif=exif.tobytes()), "docs/a.png")
    picture = look(tmp_path)
    assert isinstance(picture, Picture)
    assert b"PLANTED" not in picture.data
    assert not Image.open(io.BytesIO(picture.data)).getexif()


def test_transparency_stays(tmp_path: Path) -> None:
    put(tmp_path, encoded(mode="RGBA"))
    picture = look(tmp_path)
    assert isinstance(picture, Picture)
    assert Image.open(io.BytesIO(picture.data)).mode == "RGBA"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no PNG, JPEG, GIF or WebP image"),
        (b"<svg/>", "is no PNG, JPEG, GIF or WebP image"),
        (b"password = 1", "is no PNG, JPEG, GIF or WebP image"),
        (encoded()[:60], "can't be decoded"),
        (b"\xff\xd8\xff" + bytes(100), "can't be decoded"),
        (animated("GIF"), "is animated"),
        (animated("WEBP"), "is animated"),
        (animated("PNG"), "is animated"),
        (bomb(), "is too large: it says"),
        (encoded((8000, 7000), mode="1"), "is too large: 8,000 x 7,000 pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20_000_000), "is larger than 20 MB"),
    ],
    ids=range(11),
)
def test_what_is_no_usable_image_is_told(tmp_path: Path, content: bytes, reason: str) -> None:
    put(tmp_path, content)
    found = look(tmp_path)
    assert isinstance(found, Unreadable)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("", "is computed"),
        ("missing.png", "missing.png is not there"),
        ("https://example.org/a.png", "not a file of the workspace"),
        ("//example.org/a.png", "not a file of the workspace"),
        ("data:image/png;base64,AAAA", "not a file of the workspace"),
        ("file:///etc/passwd", "not a file of the workspace"),
        ("../../outside.png", "outside the workspace"),
        ("%2e%2e/%2e%2e/outside.png", "outside the workspace"),
        ("linked.png", "outside the workspace"),
        ("ignored/a.png", "ignored/a.png is not sent"),
        ("a%00.png", "no file's"),
        ("/", "no file's"),
        ("..", "is not there"),
    ],
)
def test_what_must_not_be_read_is_not(tmp_path: Path, target: str, reason: str) -> None:
    root = tmp_path / "project"
    put(tmp_path, encoded(), "outside.png")
    put(root, encoded(), "docs/ignored/a.png")
    put(root, b"ignored/\n", ".claudeignore")
    (root / "docs/linked.png").symlink_to(tmp_path / "outside.png")
    found = look(root, target)
    assert isinstance(found, Unreadable)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("a.png", "docs/a.png"),
        ("./a%20b.png?v=2#x", "docs/a b.png"),
        ("../img/a.png", "img/a.png"),
        ("/img/a.png", "img/a.png"),
        ("/logo.png", "public/logo.png"),
    ],
)
def test_paths_as_documents_write_them(tmp_path: Path, target: str, name: str) -> None:
    put(tmp_path, encoded(), name)
    (tmp_path / "docs").mkdir(exist_ok=True)
    picture = look(tmp_path, target)
    assert isinstance(picture, Picture)
    assert picture.origin == name
