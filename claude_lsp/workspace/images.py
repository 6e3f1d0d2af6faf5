"""Images of a workspace, made fit to be sent: still, not too large, and without their metadata."""

from __future__ import annotations

import errno
import io
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from claude_lsp.reading import read_regular
from claude_lsp.workspace.files import Unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.workspace import Workspace

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_LARGEST_BYTES = 20_000_000
_MOST_PIXELS = 50_000_000
"""Decoded, an image takes up to four bytes for each; small files can claim to have billions."""
LONGEST_EDGE = 1568
"""Pixels; the service makes larger ones smaller itself, at the cost of time."""
_MOST_SENT = 3_600_000
"""Bytes; the service takes 5 MB of their base64 form."""
_SERVED_FROM = ("", "public", "static", "assets")
"""Folders that a path with a leading slash may be in."""


@dataclass(frozen=True)
class Picture:
    """An image as it is sent.

    Attributes:
        origin: its path in the workspace.
        media_type: of the data.
        data: the encoded image.
        width, height: in pixels, as sent.
    """

    origin: str
    media_type: str
    data: bytes
    width: int
    height: int

    @property
    def tokens(self) -> int:
        """Upper bound on the tokens that it costs: one for each 750 pixels, by whole tiles."""
        tiles = math.ceil(self.width / 28) * math.ceil(self.height / 28)
        return max(tiles, math.ceil(self.width * self.height / 750))


def picture_of(workspace: Workspace, document: Snapshot, target: str) -> Picture | Unreadable:
    """Return the image that a document names, if it is one that may be sent.

    Reads and decodes it, so call it in a worker.

    Args:
        workspace: says what may be read.
        document: relative paths start in its folder.
        target: the path or address as it stands in the document.
    """
    if not target:
        return Unreadable("its path is computed, so it can't be found")
    if urlsplit(target).scheme or target.startswith("//"):
        return Unreadable("it is not a file of the workspace")
    if document.path is None or workspace.root_of(document.path) is None:
        return Unreadable("the document is not in the open folder")
    name = unquote(target.split("?", 1)[0].split("#", 1)[0])
    if "\0" in name or not name.strip("/"):
        return Unreadable("its path is no file's")
    path = _found(workspace, document.path, name)
    if path is None:
        return Unreadable(f"{name} is not there")
    reason = workspace.reason_against_path(path)
    if reason is not None:
        return Unreadable(f"{name} is not sent: {reason}")
    made = _made(path)
    if isinstance(made, Unreadable):
        return Unreadable(f"{name} {made.reason}")
    return Picture(workspace.origin_of(path), *made)


def _found(workspace: Workspace, document: Path, name: str) -> Path | None:
    root = workspace.root_of(document)
    if root is None:
        return None
    places = [document.parent]
    if name.startswith("/"):
        places = [root / folder for folder in _SERVED_FROM]
    for place in places:
        # Lexically: the ignore rules see where a link leads.
        path = type(place)(os.path.normpath(place / name.lstrip("/")))
        if path.is_file():
            return path
    return None


def _made(path: Path) -> tuple[str, bytes, int, int] | Unreadable:
    """Return an image's type, data, width and height, made anew from its pixels."""
    try:
        content = read_regular(path, _LARGEST_BYTES).data
    except OSError as error:
        if error.errno == errno.EFBIG:
            return Unreadable(f"is larger than {_LARGEST_BYTES // 1_000_000} MB")
        return Unreadable(f"can't be read: {error.strerror}")
    kind = next((kind for begin, kind in _BEGINNINGS if content.startswith(begin)), None)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "WEBP"
    if kind is None:
        return Unreadable("is no PNG, JPEG, GIF or WebP image, whatever it is called")
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content), formats=(kind,)) as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                return Unreadable(f"is too large: {width:,} x {height:,} pixels")
            if getattr(image, "is_animated", False):
                return Unreadable("is animated; only still images are described")
            image.load()
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((LONGEST_EDGE, LONGEST_EDGE))
            return _encoded(upright)
    except Image.DecompressionBombError:
        return Unreadable("is too large: it says that it has more pixels than any image")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        return Unreadable(f"can't be decoded: {error}")


def _encoded(image: Any) -> tuple[str, bytes, int, int]:
    """Encode without metadata: photographs tell where they were taken."""
    width, height = image.size
    plain = image.convert("RGBA" if "transparency" in image.info or "A" in image.mode else "RGB")
    plain.info.clear()
    lossless = io.BytesIO()
    plain.save(lossless, "PNG")
    if lossless.tell() <= _MOST_SENT // 4:
        return "image/png", lossless.getvalue(), width, height
    lossy = io.BytesIO()
    on_white = plain
    if plain.mode == "RGBA":
        from PIL import Image

        on_white = Image.new("RGB", plain.size, "white")
        on_white.paste(plain, mask=plain.getchannel("A"))
    on_white.save(lossy, "JPEG", quality=85)
    return "image/jpeg", lossy.getvalue(), width, height
