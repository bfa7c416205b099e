"""Each attack is a real one: where nothing stops it, it does what it says.

Attacks on what holds answers and verdicts together meet naive judges (naive.py), those on the wire somebody who
reads from it what comes, and those on isolation a worker without the layers that stop them.
"""

import ctypes
import json
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.wire.decoder import decode
from tests.kit.attacks.conftest import CALL
from tests.kit.attacks.special import FOLDERS, HONEST, LOST, MODULE, SOURCES, WRONG, ZIPS
from tests.kit.attacks.test_attacks import ATTACKS, HERE, ROOT, assemble

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="attacks are tried on Linux")

NAMES = [path.stem for path in ATTACKS]
# Long enough for a judge that gives a verdict on a busy machine.
SECONDS = 20.0

# How each is judged, and what comes of it: a regular expression for the beginning of what naive.py says.
NAIVE = {
    "bomb_expression": ("equal", "hung"),
    "bomb_integer": ("equal", "hung"),
    "bomb_lists_of_itself": ("copied", "hung|broke MemoryError"),
    "bomb_recursion": ("equal", "ended -|raised RecursionError"),
    "cheat_memorise": ("equal", "passed"),
    "cheat_search_stack": ("by_calling", "passed"),
    "exit_at_import": ("equal", "ended 0"),
    "exit_at_import_by_exception": ("equal", "ended 0"),
    "exit_by_abort": ("equal", "ended -6"),
    "exit_by_exception": ("equal", "ended 0"),
    "exit_by_exec": ("equal", "ended 0"),
    "exit_by_fault": ("equal", "ended -11"),
    "exit_by_quit": ("equal", "ended 0"),
    "exit_by_signal": ("equal", "ended -9"),
    "exit_by_stopping": ("equal", "hung"),
    "exit_hook": ("equal", "ended 0 .*left late"),
    "exit_in_thread": ("equal", "ended 0"),
    "exit_loudly": ("equal", "ended 1"),
    "exit_silently": ("equal", "ended 0"),
    "hook_alarm": ("repeated", "said [1-9] of 10"),
    "hook_audit": ("by_pytest", "ended by KeyboardInterrupt"),
    "hook_collector": ("changed", "said changed gc"),
    "hook_deleter": ("equal", "failed .*left late"),
    "hook_exceptions": ("changed", "said changed hooks"),
    "hook_faults": ("changed_by_a_call", r"said changed faults .*most recent call first"),
    "hook_imports": ("by_late_numpy", "broke AttributeError"),
    "hook_profile_raises": ("equal", "ended by KeyboardInterrupt"),
    "hook_recursion": ("copied", "broke RecursionError"),
    "hook_settings": ("changed", "said changed dtype errors decimal"),
    "hook_signals": ("changed", "said changed signals"),
    "hook_threads": ("changed_by_a_call", "said changed threads|ended 1 .*Thread creation failed"),
    "hook_trace": ("equal", "passed"),
    "kernel_session": ("equal", "passed"),
    "kernel_terminal": ("equal", "passed"),
    "name_functions": ("by_signature", "broke ZeroDivisionError"),
    "name_module_getattr": ("by_presence", "passed"),
    "name_module_replaced": ("caught", r"said .*\x1b\[31m"),
    "name_signature_hangs": ("by_signature", "hung"),
    "output_escapes": ("equal", r"raised ValueError .*\\x1b\[2J"),
    "output_hanging_stream": ("printed", "hung"),
    "output_hostile_stream": ("printed", "broke ValueError"),
    "output_of_100_mb": ("equal", r"failed \| printed 11\d{7}:"),
    "output_of_a_verdict": ("equal", "failed (?=.*25 passed ).*set-output name=passed::true"),
    "output_of_zeros": ("equal", r"failed \| printed 4000: b'\\x00\\xff"),
    "output_without_end": ("equal", r"(hung|raised OSError) \| printed \d{6}"),
    "patch_builtins": ("by_abs", "passed"),
    "patch_clock": ("changed", "said changed clock"),
    "patch_decoder": ("changed_by_a_call", "said changed decoder"),
    "patch_float": ("by_method", "passed"),
    "patch_modules": ("by_late_numpy", "passed"),
    "patch_numpy": ("by_numpy", "passed"),
    "patch_packing": ("by_math", "passed"),
    "patch_seeds": ("changed", "said changed seeds"),
    "patch_torch": ("by_torch", "passed"),
    "raise_base_exception": ("caught", "ended by Stop"),
    "raise_chain": ("caught", r"said \d{6}"),
    "raise_generator_exit": ("caught", "ended by GeneratorExit"),
    "raise_group": ("caught", "ended by BaseExceptionGroup"),
    "raise_hanging_text": ("caught", "hung"),
    "raise_hostile_class": ("caught", "broke TypeError"),
    "raise_huge_text": ("caught", r"said \d{9}: builtins.ValueError: 4.0"),
    "raise_hypothesis": ("by_pytest", "said 1 failed passed"),
    "raise_keyboard_interrupt": ("caught", "ended by KeyboardInterrupt"),
    "raise_lost_traceback": ("caught", r"said \d+: builtins.ValueError: \x1b"),
    "raise_many_bases": ("caught", r"said \d+: step_03_gradient.(Error299){20}"),
    "raise_memory_error": ("caught", "said the judge has no memory left"),
    "raise_missing": ("caught", "not started"),
    "raise_not_implemented": ("caught", "not started"),
    "raise_not_written": ("caught", "not started"),
    "raise_pytest_exit": ("by_pytest", "said 0  "),
    "raise_pytest_skip": ("by_pytest", "said 0 skipped skipped"),
    "raise_pytest_xfail": ("by_pytest", "said 0 skipped skipped"),
    "raise_recursion_error": ("caught", r"said \d+: builtins.RecursionError"),
    "raise_same_name": ("caught", "skipped"),
    "raise_stop_iteration": ("of_all", "passed"),
    "raise_system_exit": ("caught", "ended 0"),
    "raise_text_of_another_class": ("caught", "broke TypeError"),
    "raise_text_that_exits": ("caught", "ended 0"),
    "raise_text_that_raises": ("caught", "broke Bad"),
    "raise_unittest_skip": ("caught", "skipped"),
    "raise_warnings": ("changed", "said changed warnings"),
    "read_descriptors": ("equal", "passed"),
    "slow_and_uninterruptible": ("equal", "hung"),
    "slow_answer_to_all": ("equal", "hung"),
    "slow_answers": ("repeated", "hung"),
    "slow_crashes": ("equal", "ended 0"),
    "slow_import": ("equal", "hung"),
    "slow_import_without_end": ("equal", "hung"),
    "state_environment": ("equal", "passed"),
    "stay_thread": ("changed", "said changed threads"),
    "value_array_subclass": ("equal", "passed"),
    "value_changes_inputs": ("by_same_inputs", "passed"),
    "value_deep": ("shown", "broke RecursionError"),
    "value_dictionary_hangs": ("copied", "hung"),
    "value_dictionary_liar": ("copied", "said {'kind': 'value'}"),
    "value_empty_dimensions": ("by_numpy", "passed"),
    "value_equal_to_all": ("equal", "passed"),
    "value_expanded": ("by_numpy", "broke _?(Array)?MemoryError"),
    "value_float_subclass": ("equal", "passed"),
    "value_forged_description": ("encoded", r"said .*floats\\x03\\x00\\x00\\x004\.0"),
    "value_forged_fields": ("encoded", r"said 8\d{3}: .*(float){20}"),
    "value_generator": ("listed", "hung|broke MemoryError"),
    "value_gigabyte": ("weighed", "said 2 items, 1073741832 bytes"),
    "value_list_hangs": ("copied", "hung"),
    "value_list_liar": ("by_index", "broke IndexError"),
    "value_list_without_end": ("copied", "hung|broke MemoryError"),
    "value_lying_class": ("equal", "passed"),
    "value_many_arrays": ("weighed", "said 40000 items"),
    "value_many_small": ("weighed", "said 900000 items"),
    "value_metaclass": ("typed", "broke ValueError"),
    "value_numbers": ("shown", "broke ValueError"),
    "value_objects": ("by_numpy", "broke TypeError"),
    "value_of_types": ("numbers", "broke TypeError"),
    "value_pickle": ("pickled", "broke FileExistsError .*left unpickled"),
    "value_repr_exits": ("shown", "ended by KeyboardInterrupt"),
    "value_repr_hangs": ("shown", "hung"),
    "value_repr_huge": ("shown", r"said \d{9}: \(4.04.0"),
    "value_ruins_inputs": ("inputs_changed", r"said \(1, 1, 1\) \(0, 1\)"),
    "value_self_containing": ("copied", "broke RecursionError"),
    "value_sixty_megabytes": ("weighed", "said 2 items, 62400000 bytes"),
    "value_tensor_subclass": ("equal", "passed"),
    "value_tensors": ("by_torch", "broke NotImplementedError"),
    "value_text_subclass": ("as_bytes", r"said \[b'(\\x00){20}"),
    "value_texts": ("printed", r"passed .*\\x1b\[2J.*<script>"),
    "value_verdict": ("by_status", "passed"),
    "walk_frames": ("equal", "passed"),
    "walk_functions": ("equal", "passed"),
    "walk_modules": ("equal", "passed"),
    "walk_objects": ("equal", "passed"),
    "walk_referrers": ("equal", "passed"),
}

# The same for what is handed in with a strange source, in a strange folder or as a strange zip file: the parser
# gives up, there is no end, the judge breaks, or it runs what is not the learner's.
UNREADABLE = "raised (Syntax|Indentation|Memory|Recursion|Unicode|Lookup|Value)Error|ended -"
ENDLESS = "hung|broke MemoryError"
# Of zero bytes, older versions of Python say ValueError.
BREAKING = "broke |raised (SyntaxError|ValueError)"
HANDED_IN = {
    **dict.fromkeys(
        (
            name
            for name, (words, _) in SOURCES.items()
            if name.startswith(("source_nested_", "source_cookie_")) and words == LOST
        ),
        UNREADABLE,
    ),
    "source_cookie_escape": "failed",
    "source_huge_integer": UNREADABLE,
    "source_constant_bomb": UNREADABLE,
    "source_zero_bytes": UNREADABLE,
    "source_utf_16": UNREADABLE,
    "source_noise": UNREADABLE,
    "source_star_import": "passed",
    "place_pipe": ENDLESS,
    "place_device": ENDLESS,
    "place_sparse_terabyte": ENDLESS,
    "place_folder": BREAKING,
    "place_socket": BREAKING,
    "place_link_to_itself": BREAKING,
    "place_link_to_memory": BREAKING,
    "place_link_to_hidden_tests": BREAKING,
    "place_exercises_pipe": BREAKING,
    "place_link_to_solution": "passed",
    "place_link_to_neighbour": "passed",
    "place_exercises_link": "passed",
    "zip_bomb": ENDLESS,
    "zip_bomb_bzip2": ENDLESS,
    "zip_bomb_elsewhere": ENDLESS,
    "zip_lzma_dictionary": ENDLESS,
    "zip_many_entries": ENDLESS,
    "zip_lzma_broken": BREAKING,
    "zip_lzma_headless": BREAKING,
    "zip_encrypted": BREAKING,
    "zip_far_away": BREAKING,
    "zip_unknown_method": BREAKING,
    "zip_wrong_sum": BREAKING,
    "zip_truncated": BREAKING,
    "zip_no_zip": BREAKING,
    "zip_link": BREAKING,
    "zip_only_upward_names": "passed",
    "zip_device": "passed",
}

ZERO, PASSED = ("value", (0.0, 0.0)), ("passed", None)
RIGHT = ("value", (4.0, 12.0))
# Frames that come before the stream ends or nothing more comes: the distance of each one's number from that of
# the request, then kind and value of the answer.
FRAMES = {
    "patch_encoder": [(0, *PASSED)],
    "patch_service": [(0, *PASSED)],
    "patch_service_value": [(0, "value", 1e9)],
    "wire_all_closed": [],
    "wire_both_numbers": [(0, *ZERO), (1, *ZERO), (0, *ZERO)],
    "wire_closed": [],
    "wire_early_answer": [(0, *ZERO), (0, *ZERO)],
    "wire_in_advance": [(0, *ZERO), (1, *ZERO)],
    "wire_next_number": [(1, *ZERO), (0, *RIGHT)],
    "wire_replaced": [],
    "wire_thousand_frames": [*((1 + count, *ZERO) for count in range(1000)), (0, *RIGHT)],
    "wire_unknown_kind": [(0, "passed", True)],
    "wire_verdict": [(0, *ZERO)],
    "wire_wrong_number": [(1000, *ZERO), (0, *RIGHT)],
}


def header(data):
    """Return length and number of the frame with which a stream begins."""
    return struct.unpack_from("<II", data)


# What else shows on the stream: a function of the bytes and of the number of the request.
STREAMS = {
    "net_on_the_wire": lambda data, _: data.startswith(b"x"),
    "wire_byte_by_byte": lambda data, number: (
        header(data) == (1 << 20, number) and 2 <= len(data) - 8 < 1000 and not any(data[8:])
    ),
    "wire_half_frame": lambda data, number: (
        data.startswith(struct.pack("<II", 30, number) + b"d\2\0\0\0s\4") and len(data) > 40
    ),
    "wire_half_header": lambda data, _: data == b"\1\0\0",
    "wire_huge_length": lambda data, number: header(data) == (0xFFFFFFFF, number),
    "wire_largest_length": lambda data, number: data == struct.pack("<II", 64 << 20, number),
    "wire_noise": lambda data, number: (
        header(data) == (5000, number) and data.endswith(b"l\xff\xff\xff\xff")
    ),
    "wire_write_to_all": lambda data, _: data.startswith(b"PASSED\n" * 10),
}
# Each is a test of its own below.
APART = {
    "bomb_memory_import",
    "state_1_writer",
    "state_2_reader",
    "wire_answers_at_import",
    "wire_pickle",
    "wire_read_ahead",
}
LAYERS = [name for name in NAMES if name not in {*NAIVE, *FRAMES, *STREAMS, *APART}]


def hand_in(name, path):
    """Make a folder or a zip file for one of the attacks in special.py; return where it is."""
    if name in ZIPS:
        path = path.with_suffix(".zip")
        ZIPS[name][1](path)
        return path
    path.mkdir()
    if name in SOURCES:
        (path / MODULE).write_bytes(SOURCES[name][1])
    else:
        FOLDERS[name][1](path)
    return path


@pytest.fixture(scope="module")
def naive(tmp_path_factory):
    """Judges a module naively; returns what naive.py says, and what is left in the attack's folder."""
    place = tmp_path_factory.mktemp("naive")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.kit.attacks.naive", str(place)],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    honest = {}
    # A class, for those who look around in it.
    (place / "class/000-honest").mkdir(parents=True)
    (place / "class/000-honest" / MODULE).write_bytes(HONEST)
    (place / "kit").symlink_to(ROOT)

    def judge(name, way, seconds=SECONDS):
        if name == "honest" and way in honest:
            return honest[way]
        canary = place / name
        canary.mkdir(exist_ok=True)
        if name in HANDED_IN:
            path = hand_in(name, place / "class" / name)
        else:
            path = place / f"{name}.py"
            known = {"honest": HONEST, "wrong": WRONG}
            attack = HERE / f"submissions/{name}.py"
            path.write_bytes(known.get(name) or assemble(attack, CANARY=str(canary)))
        print(json.dumps([way, str(path), seconds]), file=process.stdin, flush=True)
        said = " ".join((json.loads(process.stdout.readline()), "left", *os.listdir(canary)))
        if name == "honest":
            honest[way] = said
        return said

    with process:
        yield judge
        process.stdin.close()


def test_each_attack_has_a_control():
    kinds = {name.partition("_")[0] for name in LAYERS}
    assert kinds == {"bomb", "files", "forge", "kernel", "kill", "net", "read", "stay"}
    assert sorted([*NAIVE, *FRAMES, *STREAMS, *APART, *LAYERS]) == NAMES


@pytest.mark.parametrize(
    "way", sorted({way for way, pattern in NAIVE.values() if pattern == "passed"})
)
def test_naive_judges_are_right_about_honest_learners(naive, way):
    assert naive("honest", way).startswith("passed")
    # Who looks whether a function is there looks no further.
    assert naive("wrong", way).startswith("failed") or way == "by_presence"


@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_judge_meets_what_the_attack_says(naive, name):
    way, pattern = NAIVE[name]
    # The code before it runs in milliseconds, so it is the attack that takes this long.
    seconds = 1.5 if pattern.startswith(("hung", "(hung")) else SECONDS
    said = naive(name, way, seconds)
    assert re.match(pattern, said, re.DOTALL), said
    if pattern != "passed":
        assert not re.match(pattern, naive("honest", way), re.DOTALL), "so it is whatever is judged"


@pytest.mark.parametrize("name", HANDED_IN)
def test_a_naive_judge_of_what_is_handed_in_meets_it(naive, name):
    pattern = HANDED_IN[name]
    # What is honest is unpacked in milliseconds; a bomb takes a second on a fast machine.
    said = naive(name, "equal", 0.3 if pattern == ENDLESS else SECONDS)
    assert re.match(pattern, said), said


RUN = {
    "place_conftest": ("-m", "pytest", "."),
    "place_startup": ("-c", "pass"),
    "place_shadow_modules": ("-c", "import random"),
    "zip_shadow_modules": ("-c", "import numpy"),
}


@pytest.mark.parametrize("name", RUN)
def test_who_runs_python_among_the_learners_files_runs_them(tmp_path, name):
    path = hand_in(name, tmp_path / "handed_in")
    if path.suffix == ".zip":
        shutil.unpack_archive(path, path.with_suffix(""))
    folder = path.with_suffix("")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, *RUN[name]]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.returncode and "this was run" in ran.stdout + ran.stderr


def read_all(worker, *requests, limit=SECONDS):
    """Send requests at once; return what comes until the stream ends or is silent, and the first one's number."""
    stream = worker.connection.wire._frames
    first = worker.connection.wire._number + 1
    sent = b""
    for number, request in enumerate(requests, first):
        sent += struct.pack("<II", len(request), number) + request
    stream.setblocking(True)
    stream.sendall(sent)
    stream.settimeout(1.0)
    data, end = b"", time.monotonic() + limit
    try:
        while time.monotonic() < end:
            piece = stream.recv(1 << 16)
            if not piece:
                break
            data += piece
    except (TimeoutError, ConnectionError):
        pass
    return data, first


def frames(data, number):
    """Return the frames of a stream, as in FRAMES."""
    found = []
    while len(data) >= 8:
        length, asked = header(data)
        answer = decode(data[8 : 8 + length])
        found.append((asked - number, answer["kind"], answer.get("value")))
        data = data[8 + length :]
    assert not data
    return found


@pytest.mark.parametrize("name", [*FRAMES, *STREAMS])
def test_who_reads_the_wire_gets_what_the_attack_sends(workers, name):
    with workers(name, frozenset()) as worker:
        assert worker.ask(worker.load)["kind"] == "loaded"
        data, number = read_all(worker, CALL, limit=SECONDS if name in FRAMES else 2)
        if name in FRAMES:
            assert frames(data, number) == FRAMES[name]
        else:
            assert STREAMS[name](data, number), data[:200]


def test_an_answer_can_be_sent_before_the_request(workers):
    with workers("wire_answers_at_import", frozenset()) as worker:
        data, number = read_all(worker, worker.load)
        assert frames(data, number) == [(0, "loaded", None), (1, "value", 0.0)]


def test_who_unpickles_what_comes_over_the_wire_runs_it(workers):
    with workers("wire_pickle", frozenset()) as worker:
        worker.ask(worker.load)
        data, _ = read_all(worker, CALL)
        pickle.loads(data[8:])
        assert (worker.canary / "pickled").is_dir()


def test_a_request_that_waits_on_the_wire_can_be_read_ahead(workers):
    with workers("wire_read_ahead", frozenset()) as worker:
        worker.ask(worker.load)
        data, number = read_all(worker, CALL, CALL)
        length, _ = header(data)
        assert frames(data[: 8 + length], number) == [(0, *RIGHT)]


def layers_left(name):
    """Return the layers that an attack on isolation meets.

    With a file system of its own, what it writes to /tmp is gone with it. What it starts ends after some seconds.
    """
    return frozenset() if name.startswith("bomb_disk") else frozenset({"scratch"})


def has_x32():
    """Return whether the kernel takes system calls by the numbers of x32."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(ctypes.c_long(0x40000000 | 39)) > 0


@pytest.mark.parametrize("name", LAYERS)
def test_without_the_layers_that_stop_it_an_attack_gets_through(workers, name):
    if name == "kernel_other_numbers" and not has_x32():
        pytest.skip("this kernel knows no system calls of x32")
    with workers(name, layers_left(name)) as worker:
        assert worker.ask(worker.load)["kind"] == "loaded"
        answer = worker.ask(CALL)
        assert answer.get("value") == (4.0, 12.0), answer


def test_without_limits_memory_is_there_for_who_is_loaded(workers):
    with workers("bomb_memory_import", frozenset()) as worker:
        assert worker.ask(worker.load)["kind"] == "loaded"


def test_without_landlock_a_note_reaches_the_next_submission(workers):
    layers = frozenset({"scratch"})
    try:
        with workers("state_1_writer", layers) as writer:
            writer.ask(writer.load)
            writer.ask(CALL)
        with workers("state_2_reader", layers, writer.canary) as reader:
            reader.ask(reader.load)
            assert reader.ask(CALL).get("value") == (4.0, 12.0)
    finally:
        # The only one of its notes that is in no folder of this test.
        Path("/dev/note").unlink(missing_ok=True)
