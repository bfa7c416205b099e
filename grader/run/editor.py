"""Opens a file in the learner's editor, at a line where the editor can do that."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

# Editors that take `+LINE` before the file.
_PLUS = {
    "vi",
    "vim",
    "nvim",
    "nano",
    "pico",
    "emacs",
    "emacsclient",
    "micro",
    "joe",
    "gedit",
    "kak",
}


def editor_command(file: Path, line: int, wanted: str = "") -> list[str] | None:
    """Return the command that opens a file; None if no editor is known.

    Args:
        file: the file.
        line: the line to go to, from 1.
        wanted: a command that was given for it, in which {file} and {line} are replaced; without {file}, the
            file comes last. By default, VS Code if this is its terminal, then $VISUAL and $EDITOR.
    """
    if wanted:
        words = shlex.split(wanted, posix=os.name != "nt")
        if not any("{file}" in word for word in words):
            words.append("{file}")
        return [word.replace("{file}", str(file)).replace("{line}", str(line)) for word in words]
    if os.environ.get("TERM_PROGRAM") == "vscode" and shutil.which("code"):
        return [shutil.which("code") or "code", "-g", f"{file}:{line}"]
    for name in ("VISUAL", "EDITOR"):
        words = shlex.split(os.environ.get(name, ""), posix=os.name != "nt")
        if words:
            program = Path(words[0]).stem
            if program in ("code", "codium"):
                return [*words, "-g", f"{file}:{line}"]
            return [*words, *([f"+{line}"] if program in _PLUS else []), str(file)]
    return None


def open_editor(command: list[str]) -> str:
    """Run an editor in this terminal until it returns; return why that failed, or ""."""
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        return f"{command[0]} does not start: {error.strerror}."
    return f"{command[0]} ended with code {code}." if code else ""
