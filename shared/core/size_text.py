"""A number of bytes, as people read it."""


def size_text(size: int) -> str:
    """12 bytes, 3.0 KiB, 25.0 MiB."""
    if size < 1024:
        return f"{size} byte" if size == 1 else f"{size} bytes"
    return f"{size / 1024:.1f} KiB" if size < 1024**2 else f"{size / 1024**2:.1f} MiB"
