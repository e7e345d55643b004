"""What is said to the person beside the data: on stderr, in lines no wider than their terminal."""

import shutil
import sys
import textwrap

__all__ = ["tell"]


def tell(text: str) -> None:
    """Print `text` on stderr: wrapped at blanks on a terminal, in one line anywhere else."""
    if sys.stderr is not None and sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        text = textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
    print(text, file=sys.stderr)
