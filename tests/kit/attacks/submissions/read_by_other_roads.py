"""Reads a file by way of NumPy, torch, C, an old descriptor and a working folder."""
# expect: gradients=failed|timeout rest=passed

import mmap

import torch


@once
def gradients(a, b, x, y):
    def by_c():
        libc = ctypes.CDLL(None)
        libc.fopen.restype = ctypes.c_void_p
        if not libc.fopen(f"{KIT}/course.toml".encode(), b"r"):
            raise PermissionError("fopen")

    def by_folder():
        os.chdir(KIT)
        return open("course.toml").read()

    def by_path_descriptor():
        folder = os.open(KIT, os.O_PATH)
        return os.open("course.toml", os.O_RDONLY, dir_fd=folder)

    def by_upward_path():
        return open("../" * 40 + KIT.lstrip("/") + "/course.toml").read()

    through(
        lambda: np.fromfile(f"{KIT}/course.toml", np.uint8),
        lambda: torch.from_file(f"{KIT}/course.toml", size=1, dtype=torch.uint8),
        by_c,
        by_folder,
        by_path_descriptor,
        by_upward_path,
        lambda: mmap.mmap(os.open(f"{KIT}/course.toml", os.O_RDONLY), 0, prot=mmap.PROT_READ),
    )
    return formula(a, b, x, y)
