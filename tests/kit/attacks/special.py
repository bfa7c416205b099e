"""Attacks that are no plain module: strange sources, strange files in a folder, strange zip files."""

import os
import socket
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

MODULE = "step_03_gradient.py"
HONEST = Path(__file__).with_name("honest.py").read_bytes()
WRONG = HONEST.replace(b"return 2 * error.mean(), 2 * (error * x).mean()", b"return 1e9, 1e9")
assert WRONG != HONEST
PASSED = "rest=passed"
LOST = ""

# Sources. Each is (what is expected, the bytes of the module).

SOURCES: dict[str, tuple[str, bytes]] = {
    "source_nested_parentheses": (LOST, HONEST + b"(" * 500_000 + b")" * 500_000),
    "source_nested_lists": (LOST, HONEST + b"v = " + b"[" * 5_000 + b"]" * 5_000),
    "source_nested_minus": (LOST, HONEST + b"v = " + b"-" * 1_000_000 + b"1"),
    "source_nested_calls": (LOST, HONEST + b"v = " + b"f(" * 90 + b")" * 90 + b"." * 3),
    "source_nested_attributes": (LOST, HONEST + b"v = np" + b".a" * 100_000),
    "source_nested_blocks": (
        LOST,
        HONEST + b"".join(b" " * i + b"if 1:\n" for i in range(200)) + b" " * 200 + b"pass\n",
    ),
    "source_huge_integer": (LOST, HONEST + b"v = " + b"9" * 900_000),
    "source_huge_hexadecimal": (PASSED, HONEST + b"v = 0x" + b"f" * 900_000),
    "source_constant_bomb": (LOST, HONEST + b"v = ((((1,) * 4000) * 4000) * 4000) * 4000"),
    "source_zero_bytes": (LOST, HONEST + b"\0\0\0"),
    "source_utf_16": (LOST, HONEST.decode().encode("utf-16")),
    "source_two_megabytes": (LOST, HONEST + b"#" * (2 << 20)),
    "source_one_megabyte": (PASSED, HONEST + b"#" * ((1 << 20) - len(HONEST))),
    "source_byte_order_mark": (PASSED, b"\xef\xbb\xbf" + HONEST),
    "source_windows_lines": (PASSED, HONEST.replace(b"\n", b"\r\n")),
    "source_cookie_utf_7": (LOST, b"# coding: utf-7\n" + HONEST),
    "source_cookie_rot13": (LOST, b"# coding: rot13\n" + HONEST),
    "source_cookie_zlib": (LOST, b"# coding: zlib_codec\n" + HONEST),
    "source_cookie_escape": (
        "rest=passed gradients=failed",
        b"# coding: raw_unicode_escape\n" + WRONG,
    ),
    "source_cookie_unknown": (LOST, b"# coding: no-such-thing\n" + HONEST),
    "source_cookie_latin_1": (PASSED, b"# coding: latin-1\n# \xe9\n" + HONEST),
    "source_not_utf_8": (LOST, HONEST + b"# \xff\xfe"),
    "source_empty": (LOST, b""),
    "source_blank": (LOST, b"\n \n\t\n"),
    "source_noise": (LOST, bytes(range(1, 256)) * 100),
    "source_long_name": (PASSED, HONEST + b"a" * 500_000 + b" = 1\n"),
    "source_many_lines": (PASSED, HONEST + b"\n" * 900_000),
    "source_form_feeds": (PASSED, HONEST + b"\x0c\n" * 1000),
    "source_star_import": (LOST, b"from grader.content.hidden.test_step_03 import *\n" + HONEST),
}

# Folders. Each is (what is expected, what makes them in the submission's folder).


def _link(target: str) -> Callable[[Path], object]:
    return lambda folder: (folder / MODULE).symlink_to(target)


def _socket(folder: Path) -> None:
    # The path of a socket must be short.
    here = os.open(folder, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"/proc/self/fd/{here}/{MODULE}")
    os.close(here)


def _device(folder: Path) -> None:
    try:
        os.mknod(folder / MODULE, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        (folder / MODULE).symlink_to("/dev/zero")


def _sparse(folder: Path) -> None:
    with open(folder / MODULE, "wb") as file:
        file.truncate(1 << 40)


def _exercises_link(folder: Path) -> None:
    (folder / "exercises").symlink_to(folder.parent / "000-honest")


def _in_a_folder(folder: Path) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "my work").mkdir()
    (folder / "my work" / MODULE).write_bytes(HONEST)


def _link_in_a_folder(folder: Path) -> None:
    (folder / "work").mkdir()
    (folder / "work" / "exercises").symlink_to(folder.parent / "000-honest")


def _beside(**files: str) -> Callable[[Path], object]:
    """Return what makes further files beside an honest module; `__` in their names stands for a dot."""

    def make(folder: Path) -> None:
        (folder / MODULE).write_bytes(HONEST)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text)
            (folder / "tests").mkdir(exist_ok=True)
            (folder / "tests" / name.replace("__", ".")).write_text(text)

    return make


_BAD = "raise SystemExit('this was run')\n"
_HOOK = "def pytest_runtest_makereport(item, call):\n    raise SystemExit('this was run')\n"

FOLDERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "place_folder": (LOST, lambda folder: (folder / MODULE).mkdir()),
    "place_pipe": (LOST, lambda folder: os.mkfifo(folder / MODULE)),
    "place_socket": (LOST, _socket),
    "place_device": (LOST, _device),
    "place_sparse_terabyte": (LOST, _sparse),
    "place_link_to_solution": (LOST, _link("../../kit/solutions/" + MODULE)),
    "place_link_to_neighbour": (LOST, _link("../000-honest/" + MODULE)),
    "place_link_to_hidden_tests": (LOST, _link("../../kit/grader/content/hidden/test_step_03.py")),
    "place_link_to_itself": (LOST, _link(MODULE)),
    "place_link_to_memory": (LOST, _link("/proc/self/environ")),
    "place_exercises_link": (LOST, _exercises_link),
    "place_in_a_folder": (PASSED, _in_a_folder),
    "place_link_as_folder": (
        LOST,
        lambda folder: (folder / "work").symlink_to(folder.parent / "000-honest"),
    ),
    "place_link_in_a_folder": (LOST, _link_in_a_folder),
    "place_exercises_pipe": (LOST, lambda folder: os.mkfifo(folder / "exercises")),
    "place_nothing": (LOST, lambda _: None),
    "place_conftest": (
        PASSED,
        _beside(conftest__py=_BAD + _HOOK, pytest__ini="[pytest]\naddopts=-x --co\n"),
    ),
    "place_configuration": (
        PASSED,
        _beside(
            setup__cfg="[tool:pytest]\naddopts=-x\n",
            tox__ini="[pytest]\naddopts=-x\n",
            pyproject__toml="[tool.pytest.ini_options]\naddopts='-x'\n",
            course__toml="",
        ),
    ),
    "place_startup": (
        PASSED,
        _beside(
            sitecustomize__py=_BAD,
            usercustomize__py=_BAD,
            evil__pth="import os; os._exit(0)\n",
            pyvenv__cfg="home = .\n",
        ),
    ),
    "place_shadow_modules": (
        PASSED,
        _beside(
            torch__py=_BAD,
            numpy__py=_BAD,
            random__py=_BAD,
            struct__py=_BAD,
            grader__py=_BAD,
            test_step_03__py=_BAD,
            step_03_gradient__pyc="",
            results__json='{"score": 100}',
        ),
    ),
}

# Zip files. Each is (what is expected, what makes them).


def _zip(*members: tuple[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_DEFLATED):
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", how) as archive:
            for name, data in members:
                archive.writestr(name, data, how)

    return make


def _member(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def _changed(old: bytes, new: bytes, how: int = zipfile.ZIP_DEFLATED, source: bytes = HONEST):
    """Return what makes a zip file of one module in which some bytes are replaced."""

    def make(path: Path) -> None:
        _zip((MODULE, source), how=how)(path)
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new))

    return make


def _encrypted(path: Path) -> None:
    _zip((MODULE, HONEST))(path)
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes(data))


def _overlapping(path: Path) -> None:
    """Two entries of the directory that point to the same bytes."""
    _zip((MODULE, WRONG), ("exercises/" + MODULE, HONEST))(path)
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\1\2")
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    path.write_bytes(bytes(data))


def _many_entries(path: Path) -> None:
    """A directory of two hundred thousand entries without anything behind them."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    directory = (entry + b"x") * 200_000
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    path.write_bytes(directory + end)


def _far_away(path: Path) -> None:
    """A module that is said to begin eight exabytes behind the end."""
    _zip((MODULE, HONEST))(path)
    data = path.read_bytes()
    start = data.rindex(b"PK\1\2")
    entry, end = bytearray(data[start : data.rindex(b"PK\5\6")]), data[data.rindex(b"PK\5\6") :]
    extra = struct.pack("<HHQ", 1, 8, (1 << 63) - 1)
    entry[42:46] = b"\xff" * 4
    entry[30:32] = struct.pack("<H", len(extra))
    size = len(entry) + len(extra)
    end = end[:12] + struct.pack("<I", size) + end[16:]
    path.write_bytes(data[:start] + bytes(entry) + extra + end)


def _twice(path: Path) -> None:
    _zip((MODULE, HONEST), ("Step_03_gradient.py", WRONG))(path)
    path.write_bytes(path.read_bytes().replace(b"Step_03_gradient.py", MODULE.encode()))


ZIPS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "zip_honest": (PASSED, _zip((MODULE, HONEST))),
    "zip_honest_in_exercises": (PASSED, _zip((f"exercises/{MODULE}", HONEST))),
    "zip_honest_in_a_folder": (
        PASSED,
        _zip((f"my work/exercises/{MODULE}", HONEST), (f"__MACOSX/my work/._{MODULE}", WRONG)),
    ),
    "zip_two_folders": (LOST, _zip((f"old/{MODULE}", HONEST), (f"new/{MODULE}", WRONG))),
    "zip_folder_beside_modules": (PASSED, _zip((MODULE, HONEST), (f"old/{MODULE}", WRONG))),
    "zip_upward_names": (
        PASSED,
        _zip((MODULE, HONEST), ("../../left", b"1"), (f"../000-honest/{MODULE}", WRONG)),
    ),
    "zip_only_upward_names": (LOST, _zip((f"../{MODULE}", HONEST), (f"x/../{MODULE}", HONEST))),
    "zip_absolute_names": (PASSED, _zip(("/tmp/left-zip", b"1"), (f"/{MODULE}", HONEST))),
    "zip_link": (
        LOST,
        _zip((_member(MODULE, stat.S_IFLNK | 0o777), b"../000-honest/" + MODULE.encode())),
    ),
    "zip_folder": (LOST, _zip((_member(MODULE, stat.S_IFDIR | 0o777), b""))),
    "zip_device": (LOST, _zip((_member(MODULE, stat.S_IFCHR | 0o666), HONEST))),
    "zip_bomb": (LOST, _zip((MODULE, HONEST + b"#" * (200 << 20)))),
    "zip_bomb_elsewhere": (PASSED, _zip((MODULE, HONEST), ("data.bin", bytes(200 << 20)))),
    "zip_bomb_bzip2": (LOST, _zip((MODULE, HONEST + b"#" * (50 << 20)), how=zipfile.ZIP_BZIP2)),
    "zip_lzma": (PASSED, _zip((MODULE, HONEST), how=zipfile.ZIP_LZMA)),
    # The dictionary of the decoder is said to have 4 GiB.
    "zip_lzma_dictionary": (
        PASSED,
        _changed(b"]\0\0\x80\0", b"]\xff\xff\xff\xff", zipfile.ZIP_LZMA),
    ),
    "zip_lzma_broken": (LOST, _changed(b"]\0\0\x80\0", b"\xff\0\0\x80\0", zipfile.ZIP_LZMA)),
    "zip_lzma_headless": (
        LOST,
        _changed(b"\5\0]\0\0\x80\0", b"\xff\xff]\0\0\x80\0", zipfile.ZIP_LZMA),
    ),
    "zip_encrypted": (LOST, _encrypted),
    "zip_overlapping": ("rest=passed gradients=failed", _overlapping),
    "zip_two_of_a_name": ("rest=passed gradients=failed", _twice),
    "zip_many_entries": (LOST, _many_entries),
    "zip_far_away": (LOST, _far_away),
    "zip_unknown_method": (LOST, _changed(b"\x14\0\0\0\x08\0", b"\x14\0\0\0\x61\0")),
    "zip_wrong_sum": (LOST, _changed(b"return a + b * x", b"return a - b * x", zipfile.ZIP_STORED)),
    "zip_shorter_name": (LOST, _changed(b"\x13\0\0\0step", b"\x12\0\0\0step")),
    "zip_truncated": (LOST, lambda path: (_zip((MODULE, HONEST))(path), os.truncate(path, 300))),
    "zip_no_zip": (LOST, lambda path: path.write_bytes(HONEST)),
    "zip_empty": (LOST, lambda path: path.write_bytes(b"")),
    "zip_only_an_end": (LOST, lambda path: path.write_bytes(b"PK\5\6" + bytes(18))),
    "zip_shadow_modules": (
        PASSED,
        _zip((MODULE, HONEST), ("conftest.py", _BAD.encode()), ("numpy.py", _BAD.encode())),
    ),
}
