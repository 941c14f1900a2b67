"""Make archives of several files in memory."""

import tarfile
import zipfile
from collections.abc import Mapping
from io import BytesIO


def make_tar(files: Mapping[str, bytes], layout: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar of files, by their names."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=layout) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    return packed.getvalue()


def make_zip(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive of files, by their names."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()
