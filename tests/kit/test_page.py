"""The page beside the watcher: who is let in, what it shows, and how it behaves in a real browser."""

import http.client
import http.server
import json
import re
import shutil
import socket
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from grader.course.course import Course
from grader.course.paths import HINTS_FILE, MEMORY, PICTURES, QUIZ
from grader.course.places import Places, command
from grader.course.verdicts import Status, StepVerdict, TestVerdict
from grader.report.watching import STILL, View, lines
from grader.run.quiz import Question, Recorded, text_of
from grader.submissions.submission import Submission

from .conftest import ROOT, TOY_SOLUTION
from .test_watch import STUB, WRONG, Terminal

pytest.importorskip("starlette", reason="needs the extra `page`")
pytest.importorskip("uvicorn", reason="needs the extra `page`")

from grader.report.html import counterexample_html, failures_html, message_html, sentence
from grader.report.lessons import Lesson, lesson_of
from grader.run.page import Page

EVIL = '<img src=x onerror="window.hit=1">'
GRADIENT = "step_03_gradient"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><rect width="{}" height="20"/></svg>'


def add_quiz(kit):
    """Give the kit's first step two questions."""
    asked = [
        Question("sum", "print(1 + 1)", "Which number does it print?", "number", "One and one."),
        Question("truth", "print(1 > 0)", "Is `1` more?", "bool", "It is."),
    ]
    folder = kit.root / QUIZ
    folder.mkdir(parents=True)
    keys = ("id", "code", "question", "kind", "explanation")
    tables = [[f"{key} = {json.dumps(getattr(each, key))}" for key in keys] for each in asked]
    text = "\n".join("[[question]]\n" + "\n".join(lines) for lines in tables)
    (folder / "step_00.toml").write_text(text)
    answers = {
        each.id: Recorded(each.digest, said)
        for each, said in zip(asked, ("2", "True"), strict=True)
    }
    (folder / "answers.json").write_text(text_of(answers))


class Served:
    """A page of a toy kit, and what it told the watcher."""

    def __init__(self, kit):
        add_quiz(kit)
        self.kit = kit
        self.told = []
        self.course = Course.load(kit.root)
        self.page = Page(
            self.course,
            Places(kit.root, kit.root),
            lambda *event: self.told.append(event),
            lambda step: (kit.root / "exercises" / step.filename).read_text(),
        )
        self.page.start()
        _, _, host, query = self.page.address.split("/")
        self.port = int(host.partition(":")[2])
        self.token = query.partition("=")[2]
        submission = Submission.read(kit.root / "exercises", self.course)
        self.view = View(self.course, submission, self.course.steps[0])
        self.page.publish(self.view)
        self.cookie = self.ask(f"/?token={self.token}").getheader("set-cookie").partition(";")[0]

    def ask(self, path, method="GET", body=None, cookie="", **headers):
        """Send a request; the answer's `body` is what came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie:
            headers["Cookie"] = cookie
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        if "event-stream" not in (answer.getheader("content-type") or ""):
            answer.body = answer.read()
            connection.close()
        return answer

    def act(self, action, **more):
        """Click."""
        body = action if isinstance(action, bytes) else json.dumps(action).encode()
        headers = {"Origin": f"http://127.0.0.1:{self.port}", "Content_Type": "application/json"}
        return self.ask("/act", "POST", body, self.cookie, **{**headers, **more})


@pytest.fixture
def served(kit):
    page = Served(kit)
    yield page
    page.page.close()


def test_only_the_token_and_then_the_cookie_let_a_browser_in(served):
    paths = ("/", "/page.js", "/events", "/lesson/00", "/nothing", "/picture/00/a.svg")
    for path in paths:
        assert served.ask(path).status == 403
        assert served.ask(path, cookie=served.cookie[:-1]).status == 403
    for token in ("", "x", served.token[:-1], f"{served.token}x", "%C3%BC"):
        assert served.ask(f"/?token={token}").status == 403
    assert served.ask(f"/page.js?token={served.token}").status == 403
    answer = served.ask(f"/?token={served.token}")
    cookie = answer.getheader("set-cookie").lower()
    assert answer.status == 200 and "httponly" in cookie and "samesite=strict" in cookie
    assert served.token.lower() not in cookie
    for path in ("/", "/page.js", "/page.css", "/icon.svg", "/lesson/00"):
        assert served.ask(path, cookie=served.cookie).status == 200
    assert served.ask("/nothing", cookie=served.cookie).status == 404


def test_the_address_that_a_browser_is_started_with_counts_once(served):
    path = served.page._server.address_once.partition(str(served.port))[2]
    assert served.ask(path).status == 200
    assert served.ask(path).status == 403
    assert served.ask(f"/?token={served.token}").status == 200


def test_other_hosts_and_other_pages_are_refused(served):
    def status(path="/", **headers):
        return served.ask(path, cookie=served.cookie, **headers).status

    own = f"127.0.0.1:{served.port}"
    assert status(Host=own) == status(Host=f"localhost:{served.port}") == 200
    for host in (
        "example.org",
        f"example.org:{served.port}",
        "127.0.0.1",
        f"{own}.example.org",
        "",
    ):
        assert status(Host=host) == 421
    assert status(Origin=f"http://{own}") == 200
    for origin in (
        "null",
        "http://example.org",
        "http://127.0.0.1:1",
        f"https://{own}",
        "http://127.0.0.1",
    ):
        assert status(Origin=origin) == 403
    for site in ("cross-site", "same-site"):
        assert status(Sec_Fetch_Site=site) == status("/page.js", Sec_Fetch_Site=site) == 403
    # A terminal may itself be a page, on which the address is clicked.
    assert status(f"/?token={served.token}", Sec_Fetch_Site="cross-site") == 200


def test_clicks_come_from_the_page_alone_and_make_sense(served):
    run = {"act": "run"}
    assert served.ask("/act", "POST", b"{}", Origin=f"http://127.0.0.1:{served.port}").status == 403
    headers = {"Content_Type": "application/json"}
    assert served.ask("/act", "POST", b'{"act": "run"}', served.cookie, **headers).status == 403
    assert served.act(run, Origin="http://example.org").status == 403
    assert served.act(run, Content_Type="text/plain").status == 415
    assert served.act(b" " * 5000).status == 413
    for nonsense in (b"", b"[]", b"[" * 3000, b"\xff", {}, {"act": "reset"}, {"act": "step"}):
        assert served.act(nonsense).status == 400
    assert served.act({"act": "step", "step": "../00"}).status == 400
    assert served.ask("/act", cookie=served.cookie).status == 404
    assert served.told == []
    assert served.act(run).status == 200
    assert served.act({"act": "step", "step": "01"}).status == 200
    second = served.course.steps[1]
    assert served.told == [("page", run), ("page", {"act": "step", "step": second})]


def test_each_response_says_what_a_browser_may_do(served):
    answers = [
        served.ask("/"),
        served.ask("/", Host="example.org"),
        *(served.ask(path, cookie=served.cookie) for path in ("/", "/page.js", "/nothing")),
    ]
    for answer in answers:
        policy = answer.getheader("content-security-policy")
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.getheader("x-content-type-options") == "nosniff"
        assert answer.getheader("referrer-policy") == "no-referrer"
        assert answer.getheader("cache-control") == "no-store"
        assert answer.getheader("cross-origin-opener-policy") == "same-origin"
        assert answer.getheader("cross-origin-resource-policy") == "same-origin"
    page = answers[2].body.decode()
    assert not re.search(r"<script>|<style|style=|\son\w+=|https?://", page)


def test_pictures_come_from_the_folder_of_a_step_alone(served):
    folder = served.kit.root / MEMORY / PICTURES / "step_00"
    folder.mkdir(parents=True)
    (folder / "loss.svg").write_text(SVG.format(1))
    (folder / "secret.txt").write_text("secret")
    (folder / "link.svg").symlink_to(served.kit.root / "course.toml")
    answer = served.ask("/picture/00/loss.svg", cookie=served.cookie)
    assert answer.status == 200 and answer.getheader("content-type") == "image/svg+xml"
    assert answer.getheader("content-security-policy").endswith("sandbox")
    names = (
        "secret.txt",
        "link.svg",
        "none.svg",
        "..%2f..%2fchecks.json",
        "%2e%2e",
        "loss.svg%00",
        "loss.SVG",
    )
    for name in names:
        assert served.ask(f"/picture/00/{name}", cookie=served.cookie).status == 404
    for step in ("99", "..", "%2e%2e", "01"):
        assert served.ask(f"/picture/{step}/loss.svg", cookie=served.cookie).status == 404


def next_state(stream):
    """Read a stream up to the next state or end."""
    while True:
        line = stream.readline().decode().strip()
        if line.startswith("data: "):
            return json.loads(line[6:])


def test_states_come_at_once_and_after_each_change_and_then_the_end(served):
    stream = served.ask("/events", cookie=served.cookie)
    state = next_state(stream)
    assert state["title"] == "Step 00 · Toy 0" and "Loading PyTorch" in state["parts"]["verdict"]
    tests = [TestVerdict("t::a", "00", "double", "two", "visible", Status.PASSED, 1, "")]
    served.view.verdict = StepVerdict(served.view.step, tuple(tests))
    served.page.publish(served.view)
    served.page.publish(served.view)
    state = next_state(stream)
    assert state["said"] == "Step 00: All is right: 1 test passed."
    # Whoever comes later sees the same.
    assert next_state(served.ask("/events", cookie=served.cookie)) == state
    start = time.monotonic()
    served.page.close()
    assert time.monotonic() - start < 2
    assert stream.readline() == b"\n" and stream.readline() == b"event: end\n"


def test_an_old_verdict_stays_whole_while_a_new_one_is_made(served):
    view, step = served.view, served.view.step

    def html(verdict, judging):
        view.verdict, view.judging = verdict, judging
        served.page.publish(view)
        state = next_state(served.ask("/events", cookie=served.cookie))
        assert (state["said"] == "") is judging
        return state["parts"]["verdict"]

    right = StepVerdict(step, (failed(status=Status.PASSED),))
    assert "All is right" in html(right, False) and "All is right" in html(right, True)
    wrong = StepVerdict(step, (failed(message="wrong"),))
    assert "is not right yet" in html(wrong, True), "nothing is counted yet"
    assert "fails 1 of 1 test." in html(wrong, False)
    assert "fails 1 of 1 test." in html(wrong, True)


def test_what_all_pictures_wait_for_is_said_once(served):
    def html(*waiting):
        names = ("one", "two")
        drawn = [
            {"name": name, "title": f"Title {name}", "waiting": words, "alt": "", "files": ()}
            for name, words in zip(names, waiting, strict=True)
        ]
        served.page.show(served.view.step, drawn)
        served.page.publish(served.view)
        return next_state(served.ask("/events", cookie=served.cookie))["parts"]["pictures"]

    same = html("It waits for `f`.", "It waits for `f`.")
    assert same.count("waits for") == 1 and "Title one" in same and "Title two" in same
    both = html("It waits for `f`.", "It waits for `g`.")
    assert both.count("waits for") == both.count("<figure") == 2
    error = "Python cannot read line 3 of x.py: invalid syntax."
    assert "line 3" not in html(error, error)


def test_while_tests_take_long_nothing_is_said_of_the_last_save(served):
    passed = failed(status=Status.PASSED)
    served.view.verdict = StepVerdict(served.view.step, (passed,))
    served.page.publish(served.view)
    stream = served.ask("/events", cookie=served.cookie)
    assert "All is right" in next_state(stream)["parts"]["verdict"]
    served.view.judging = True
    served.view.notice = f"{STILL}. A loop that never ends is stopped after 3 seconds."
    served.page.publish(served.view)
    verdict = next_state(stream)["parts"]["verdict"]
    assert "All is right" not in verdict and "is stopped after 3 seconds" in verdict


def test_a_file_that_was_deleted_is_missing_and_not_only_unwritten(served):
    step = served.view.step
    (served.kit.root / "exercises" / step.filename).unlink()
    served.view.submission = Submission.read(served.kit.root / "exercises", served.course)
    test = failed(message=served.view.submission.absence(step), status=Status.NOT_STARTED)
    served.view.verdict = StepVerdict(step, (test,))
    served.page.publish(served.view)
    state = next_state(served.ask("/events", cookie=served.cookie))
    html = state["parts"]["verdict"]
    assert f"The file {step.filename} is missing" in html and "is missing" in state["said"]
    assert command(True, "reset", "00") in html
    assert "Nothing is written yet" not in html and "Open <code>" not in html


def test_a_port_that_is_taken_is_an_error(kit):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError):
        Page(Course.load(kit.root), Places(kit.root, kit.root), print, str, taken.getsockname()[1])


def test_the_quiz_answers_at_once_and_a_hint_is_the_next_one_for_all(served):
    def reply(typed, question="sum"):
        action = {"act": "answer", "step": "00", "question": question, "typed": typed}
        return served.act(action)

    assert "Right." in json.loads(reply("2.0").body)["html"]
    answer = json.loads(reply("3").body)["html"]
    assert "No." in answer and "It prints 2." in answer and "One and one." in answer
    answer = json.loads(reply("?").body)["html"]
    assert "No." not in answer and "It prints 2." in answer
    assert reply("2", "other").status == reply(None).status == 400
    assert served.told == []
    served.page.next_hint(served.course.steps[0], "double")
    served.page.next_hint(served.course.steps[0], "nothing")
    assert json.loads((served.kit.root / MEMORY / HINTS_FILE).read_text()) == {"00 double": 1}
    served.page.publish(served.view)
    state = next_state(served.ask("/events", cookie=served.cookie))
    assert "<p>first</p>" in state["parts"]["hints"]
    assert "Show hint 2 of 3 for <code>double</code>" in state["parts"]["hints"]


# How verdicts and lessons become HTML


def failed(function="double", message="", **more):
    """Return the verdict on a failed test."""
    status = more.pop("status", Status.FAILED)
    return TestVerdict("t::a", "00", function, "a title", "visible", status, 1, message, **more)


def test_what_a_learner_says_is_text_everywhere(served):
    test = failed(EVIL, f"`f({EVIL})`\n{EVIL}\n    {EVIL}", counterexample={EVIL: EVIL})
    verdict = StepVerdict(served.view.step, (test,))
    served.view.verdict, served.view.place, served.view.idea = verdict, EVIL, EVIL
    served.view.notice = f"The kit {EVIL}"
    served.page.publish(served.view)
    state = next_state(served.ask("/events", cookie=served.cookie))
    html = "".join(state["parts"].values()) + lesson_of(f'"""{EVIL}\n\n{EVIL}\n"""').html
    assert "<img" not in html and html.count("&lt;img") > 5
    assert "\x1b" not in message_html("\x1b[31m \u202e", Lesson())


def test_a_message_becomes_a_call_sentences_code_and_a_named_mistake():
    lesson = lesson_of('"""Step.\n\n## Why\n\nThe *loss* of\nthe line.\n"""\n')
    html = message_html(
        "`f(1)`\nExpected `2`, got 3.\n    x = (\n        ^\nThis looks like a common mistake: It is `x`.\n"
        'Hint: Look.\nRead more in step_00.py, at "*loss* of the line".',
        lesson,
    )
    assert '<pre class="call"><code>f(1)</code></pre>' in html
    assert "<p>Expected <code>2</code>, got 3.</p>" in html
    assert "<pre><code>    x = (\n        ^</code></pre>" in html
    assert '<div class="mistake">' in html and "<b>Hint:</b> Look." in html
    assert '<a href="#lesson-2">' in html and '<p id="lesson-2">' in lesson.html
    # What a learner prints is no link to somewhere else.
    assert "<a" not in message_html('Read more in x.py, at "loss".', lesson)


def test_a_counterexample_is_a_table_with_shapes():
    table = counterexample_html({"x": "[[1., nan], [3., 4.]]", "lr": "0.1", "f": "'text'"})
    assert "<td>(2, 2)</td><td><code>[[1., nan],\n [3., 4.]]</code></td>" in table
    assert "<td>number</td><td><code>0.1</code>" in table
    assert "<td></td><td><code>&#x27;text&#x27;</code>" in table
    assert counterexample_html({"x": "[[1], [2, 3]]"}).count("<td>") == 1
    assert counterexample_html({"x": "[" * 300}) and not counterexample_html({})


def test_the_first_failure_is_open_and_the_others_are_folded(served):
    step = served.course.steps[0]
    mistake = "\nThis looks like a common mistake: signs."
    tests = (
        failed("a", "", status=Status.PASSED),
        failed("b", "`b` is not written yet: open x.py.", status=Status.NOT_STARTED),
        failed("c", f"one{mistake}", misconception="m"),
        failed("c", f"two{mistake}", misconception="m"),
        failed("d", "three"),
    )
    verdict = StepVerdict(step, tests)
    assert sentence(verdict) == "`c` fails 2 of 2 tests. So does `d`."
    html = failures_html(verdict, Lesson())
    before, _, folded = html.partition("<details")
    assert "one" in before and "two" not in before and "signs" in before
    assert "two" in folded and "signs" not in folded and "three" in folded
    assert sentence(StepVerdict(step, tests[:2])) == "Right so far. Not written yet: `b`."
    served.view.verdict, served.view.place = verdict, "x.py:3"
    todo = todo_of(served)
    assert "Fix <code>c</code> in <code>x.py:3</code>" in todo
    assert todo.endswith("Not written yet: <code>b</code>.")
    served.view.verdict = StepVerdict(step, tests[:2])
    assert "then write: <code>b</code>" in todo_of(served)


def test_the_map_says_what_is_known_of_each_step(served):
    first = served.course.steps[0]
    tests = (failed(status=Status.PASSED), failed("total", status=Status.NOT_STARTED))

    def rows():
        served.page.publish(served.view)
        state = next_state(served.ask("/events", cookie=served.cookie))
        return re.findall('<li class="(.*?)">.*<span class="words">(.*?)<', state["parts"]["steps"])

    served.view.know(StepVerdict(first, tests))
    assert rows() == [("partly", "right so far"), ("unknown", "not checked")]
    listed = lines(replace(served.view, marked=0), 80, 24)
    assert any("right so far" in line.plain for line in listed)
    # The verdict may change while the status stays the same.
    served.view.know(StepVerdict(first, (*tests, failed("more"))))
    assert rows()[0] == ("failed", "not right yet")


def todo_of(served):
    """Return what the page says is to be done next, as HTML."""
    served.page.publish(served.view)
    html = next_state(served.ask("/events", cookie=served.cookie))["parts"]["verdict"]
    return re.search('<p class="todo">(.*)</p>', html)[1]


def test_a_file_that_cannot_be_read_is_no_failure_of_a_function(served):
    step = served.course.steps[0]
    words = f"Python cannot read line 4 of {step.filename}: invalid syntax.\n    def double(x:\n"
    tests = (failed("double", words), failed("double", words), failed("total", words))
    served.view.verdict, served.view.place = StepVerdict(step, tests), "x.py:4"
    assert sentence(served.view.verdict) == f"`{step.filename}` cannot be read."
    served.page.publish(served.view)
    html = next_state(served.ask("/events", cookie=served.cookie))["parts"]["verdict"]
    assert "tests" not in html and "a title" not in html and "✗" not in html
    assert html.count("Python cannot read line 4") == 1
    assert todo_of(served).startswith("Repair <code>x.py:4</code>")


@pytest.mark.parametrize("step", Course.load(ROOT).steps, ids=lambda step: step.id)
def test_each_lesson_becomes_html_and_has_what_mistakes_point_to(step):
    import tomllib

    lesson = lesson_of((ROOT / "exercises" / step.filename).read_text("utf-8"))
    html = lesson.html + lesson.functions
    assert lesson.title.startswith(f"Step {step.id}:")
    assert not re.search("<blockquote|<strong|<a |<img|<h[1256]", html)
    assert len(re.findall("<h3>|<h3 ", lesson.html)) >= 3
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    (file,) = ROOT.glob(f"grader/content/misconceptions/step_{step.id}*.toml")
    for entry in tomllib.loads(file.read_text("utf-8"))["misconception"]:
        assert lesson.find(entry["read"]) in ids, entry["read"]


# In a browser


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
    if sys.platform != "linux" or not (shutil.which("chromium") and shutil.which("tmux")):
        pytest.skip("needs chromium and tmux")
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield browser
        browser.close()


@pytest.fixture
def watcher(kit_factory):
    """A watcher with a page, in a terminal; the first step is right."""
    kit = kit_factory("step_00_numbers", "step_01_more", "step_02_rest", GRADIENT, seconds=3)
    add_quiz(kit)
    opened = Terminal(kit)
    yield opened
    opened.end()


@pytest.fixture
def opened(chromium, watcher):
    """Opens the watcher's page, each time in a fresh profile."""
    contexts = []

    def open_page(**options):
        if not contexts:
            watcher.start("0 --page --no-browser")
        watcher.address = re.search(r"http://\S+", watcher.wait_for("The page: http", "is done"))[0]
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.problems.append(said.text))
        page.goto(watcher.address)
        wait_for(page, "All is right: 3 tests passed.")
        return page

    yield open_page
    for context in contexts:
        context.close()


def wait_for(page, text, element="body"):
    """Wait until an element shows a text."""
    page.wait_for_function(
        "([element, text]) => document.querySelector(element).innerText.includes(text)",
        arg=[element, text],
    )


def test_a_save_changes_the_pictures_which_are_drawn_from_the_learners_code(watcher, opened):
    kit = watcher.kit
    real = (ROOT / "solutions" / f"{GRADIENT}.py").read_text("utf-8")
    kit.write(GRADIENT, real + TOY_SOLUTION)
    page = opened()
    page.evaluate("window.marker = 'the same document'")
    page.locator('#steps button[data-step="03"]').click()
    arrows = "document.querySelector('figure img[src*=gradient]')"
    page.wait_for_function(f"() => {arrows}?.naturalWidth > 0")
    before, said = (page.evaluate(f"{arrows}.{name}") for name in ("src", "alt"))
    assert said.replace("`", "") in page.inner_text("#pictures"), (
        "what can be seen is also a caption"
    )
    with page.context.expect_page() as alone:
        page.locator("figure a[href*=gradient]").click()
    assert alone.value.url == before and alone.value.locator("svg").count() > 0
    alone.value.close()
    kit.write(
        GRADIENT, real.replace("return 2 * error.mean()", "return -2 * error.mean()") + TOY_SOLUTION
    )
    page.wait_for_function(f"src => {arrows}.src !== src && {arrows}.naturalWidth > 0", arg=before)
    assert page.evaluate(f"{arrows}.alt") != said
    kit.write(GRADIENT, STUB)
    wait_for(page, "gradients", "#pictures")
    kit.write(GRADIENT, f"{STUB}\n)")
    wait_for(page, "No pictures until Python can read the file.", "#pictures")
    assert "cannot read line" not in page.inner_text("#pictures")
    page.wait_for_function("() => document.querySelector('figure img') === null")
    assert page.evaluate("window.marker") == "the same document" and page.problems == []


def test_a_save_changes_the_verdict_without_a_reload(watcher, opened):
    kit = watcher.kit
    page = opened()
    assert page.url == f"{watcher.address.partition('?')[0]}", "the token has gone"
    page.evaluate("window.marker = 'the same document'")
    page.locator("#hints summary").focus()
    kit.write("step_00_numbers", WRONG)
    wait_for(page, "double fails 2 of 2 tests.")
    wait_for(page, "Expected 4.0, got 6.0")
    assert page.title() == "✗ Step 00 · Toy 0"
    page.wait_for_function(
        "() => document.querySelector('#said').textContent.includes('double fails')"
    )
    assert page.locator("table.inputs").first.inner_text().split() == [
        "The",
        "inputs",
        "of",
        "this",
        "call",
        "Name",
        "Shape",
        "Value",
        "input",
        "1",
        "number",
        "2",
    ]
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    kit.write("step_00_numbers", TOY_SOLUTION)
    wait_for(page, "All is right")
    assert page.evaluate("window.marker") == "the same document"
    page.locator(".functions a").first.click()
    assert page.locator(":target").count() == 1
    page.locator('#steps button[data-step="02"]').click()
    wait_for(page, "Step 02: Toy 2", "h1")
    watcher.wait_for("Step 02  Toy 2")
    assert page.evaluate("window.marker") == "the same document"
    page.wait_for_function("() => document.querySelector(':target') === null && scrollY === 0")
    assert page.problems == []
    watcher.type("q")
    wait_for(page, "The watcher has ended", "#ended")
    wait_for(page, "make watch PAGE=1", "#ended")
    watcher.start(f"2 --page --no-browser --port {page.url.split(':')[2].rstrip('/')}")
    watcher.wait_for("The page: http", "is done")
    time.sleep(1.5)
    wait_for(page, "open the address that it shows", "#ended")
    wait_for(page, "Step 02: Toy 2", "h1")
    page.goto(re.search(r"http://\S+", watcher.wait_for("The page: http"))[0])
    wait_for(page, "All is right")
    assert page.inner_text("#ended") == ""


def test_what_the_code_says_stays_text_in_the_browser(watcher, opened):
    page = opened()
    # Without a solution, the lesson is the learner's own, too.
    source = TOY_SOLUTION.replace(
        "A toy step.", f"A toy step.\n\n{EVIL}\n\n![x](http://127.0.0.1:1/x)\n"
    )
    source = source.replace(
        "return 2 * x", f"print('''{EVIL}''')\n    raise ValueError('''{EVIL}''')"
    )
    watcher.kit.write("step_00_numbers", source)
    wait_for(page, EVIL, "#verdict")
    wait_for(page, EVIL, "#lesson")
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hit") is None
    assert page.problems == []


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, *_):
        """Write nothing."""


def test_another_page_of_this_machine_gets_nothing(watcher, opened, tmp_path):
    page = opened()
    base = watcher.address.partition("?")[0]
    handler = partial(QuietHandler, directory=tmp_path)
    (tmp_path / "index.html").write_text("<title>another</title>")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        # In the same profile, with the cookie: another port is another origin, and yet the same site.
        other = page.context.new_page()
        seen = []
        other.on("response", lambda answer: seen.append((answer.url, answer.status)))
        other.goto(f"http://127.0.0.1:{server.server_port}/")
        ask = """([url, options]) => fetch(url, {credentials: 'include', ...options})
            .then(answer => answer.text(), () => 'none')"""
        click = {"method": "POST", "body": '{"act": "step", "step": "02"}', "mode": "no-cors"}
        as_json = {**click, "mode": "cors", "headers": {"Content-Type": "application/json"}}
        for path, options in (("lesson/00", {}), ("page.js", {"mode": "no-cors"}), ("events", {})):
            assert other.evaluate(ask, [base + path, options]) in ("none", "")
        for options in (click, as_json):
            assert other.evaluate(ask, [f"{base}act", options]) in ("none", "")
        other.evaluate("url => { location = url; }", f"{base}lesson/00")
        other.wait_for_url(f"{base}lesson/00")
        assert {status for url, status in seen if url.startswith(base)} == {403}
        assert page.inner_text("h1") == "Step 00: Toy 0"
    finally:
        server.shutdown()
        server.server_close()


def test_the_keyboard_alone_gets_everywhere(watcher, opened):
    watcher.kit.write("step_01_more", STUB)
    page = opened(viewport={"width": 1280, "height": 900})

    def focused():
        return page.evaluate("document.activeElement.innerText")

    def tab_to(words):
        seen = []
        for _ in range(60):
            page.keyboard.press("Tab")
            seen.append(focused())
            if words in seen[-1]:
                visible = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert visible != "none", words
                return
        raise AssertionError(f"{words} is not among {seen}")

    page.keyboard.press("Tab")
    assert focused() == "Skip to the result"
    page.keyboard.press("Enter")
    tab_to("Go on: step 01")
    page.keyboard.press("Enter")
    wait_for(page, "Not written yet: double", "#verdict")
    tab_to("Show hint 1 of 3 for double")
    page.keyboard.press("Enter")
    wait_for(page, "first", "#hints")
    assert focused() == "Show hint 2 of 3 for double", "the focus stays on the button"
    page.keyboard.press("Enter")
    wait_for(page, "second", "#hints")
    watcher.type("h")
    watcher.wait_for("Hint 3 of 3 for double")
    wait_for(page, "third", "#hints")
    assert focused() == "All hints for double are shown"
    watcher.type("p")
    wait_for(page, "Step 00: Toy 0", "h1")
    tab_to("2 questions")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    wait_for(page, "It prints 2.", "#quiz")
    tab_to("True")
    page.keyboard.press("Enter")
    wait_for(page, "Right.", "#quiz")


def test_a_screen_reader_finds_nothing_serious_and_a_phone_nothing_too_wide(watcher, opened):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    lesson = (ROOT / "exercises" / "step_07_graph.py").read_text("utf-8")
    # A real lesson, with its wide figures, above the functions of the toy.
    lesson = lesson.partition("\nfrom collections")[0]
    wrong, right = (lesson + source.partition('"""\n')[2] for source in (WRONG, TOY_SOLUTION))
    # The policy of the page keeps the checker's script out as well.
    wide = opened(bypass_csp=True, viewport={"width": 1280, "height": 900})
    narrow = opened(bypass_csp=True, viewport={"width": 390, "height": 844}, color_scheme="dark")
    for source, words in ((wrong, "double fails"), (right, "All is right")):
        watcher.kit.write("step_00_numbers", source)
        for page in (wide, narrow):
            wait_for(page, words)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            time.sleep(0.2)
            found = [
                f"{each['id']}: {[node['html'][:200] for node in each['nodes']]}"
                for each in axe.run(page).response["violations"]
                if each["impact"] in ("serious", "critical")
            ]
            assert found == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            levels = page.evaluate(
                "[...document.querySelectorAll('h1,h2,h3,h4')].map(each => +each.tagName[1])"
            )
            assert levels[0] == 1 and levels.count(1) == 1
            assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_lesson_stays_where_it_is_when_the_result_above_it_changes(watcher, opened):
    lesson = "\n\n".join(f"Paragraph {i}." for i in range(200))
    source = TOY_SOLUTION.replace("A toy step.", f"A toy step.\n\n{lesson}\n")
    watcher.kit.write("step_00_numbers", source)
    page = opened(viewport={"width": 390, "height": 844})
    wait_for(page, "Paragraph 199.", "#lesson")
    place = "document.querySelector('#lesson-100').getBoundingClientRect().top"
    page.evaluate("document.querySelector('#lesson-100').scrollIntoView({behavior: 'instant'})")
    before = page.evaluate(place)
    watcher.kit.write("step_00_numbers", source.replace("2 * x", "3 * x"))
    wait_for(page, "double fails")
    time.sleep(0.5)
    assert abs(page.evaluate(place) - before) < 3


def test_a_new_step_begins_at_the_top_of_each_column(opened):
    page = opened(viewport={"width": 1280, "height": 400})
    scroll = "document.querySelector('.work').scrollTop"
    page.evaluate(
        f"document.querySelectorAll('details').forEach(each => each.open = true); {scroll} = 200"
    )
    assert page.evaluate(scroll) > 100
    page.evaluate("document.querySelector('#steps button[data-step=\"01\"]').click()")
    wait_for(page, "Step 01: Toy 1", "h1")
    page.wait_for_function(f"() => {scroll} === 0 && scrollY === 0")
    assert page.problems == []


def test_a_verdict_is_seen_though_the_result_is_scrolled_away(watcher, opened):
    page = opened(viewport={"width": 1280, "height": 400})
    brief = page.locator("#brief p")
    assert not brief.is_visible()
    page.locator("#quiz summary").click()
    page.evaluate("document.querySelector('#quiz li:last-child').scrollIntoView()")
    brief.wait_for()
    watcher.kit.write("step_00_numbers", WRONG)
    wait_for(page, "✗ double fails 2 of 2 tests.", "#brief")
    assert not page.locator(".sentence").evaluate("it => it.getBoundingClientRect().bottom > 0")
    is_hidden = """() => document.activeElement.matches('#brief.stuck ~ * *') &&
        document.activeElement.getBoundingClientRect().top <
        document.querySelector('#brief p').getBoundingClientRect().bottom"""
    for _ in range(8):
        page.keyboard.press("Shift+Tab")
        assert not page.evaluate(is_hidden)
    page.evaluate("document.querySelector('.work').scrollTo({top: 0, behavior: 'instant'})")
    brief.wait_for(state="hidden")
    assert page.problems == []


def test_a_narrow_window_begins_without_the_map_and_shows_each_reply(opened):
    page = opened(viewport={"width": 650, "height": 400})
    assert page.get_attribute("#map", "open") is None
    page.locator("#quiz summary").click()
    buttons = page.locator("#quiz li:last-child [role=group]")
    buttons.evaluate("it => it.scrollIntoView({block: 'end', behavior: 'instant'})")
    buttons.locator("button").first.evaluate("it => it.click()")
    wait_for(page, "Right.", "#quiz")
    page.wait_for_function(
        """() => document.querySelector('#quiz li:last-child .reply').getBoundingClientRect().bottom
            <= innerHeight"""
    )
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_function("() => document.querySelector('#map').open")
    page.set_viewport_size({"width": 650, "height": 800})
    page.wait_for_function("() => !document.querySelector('#map').open")
    assert page.problems == []


def test_without_the_extra_a_sentence_says_how_to_get_it(kit):
    terminal = Terminal(kit, width=120)
    try:
        (kit.root / "without").mkdir()
        (kit.root / "without" / "uvicorn.py").write_text(
            "raise ModuleNotFoundError(name='uvicorn')"
        )
        path = f"PYTHONPATH={kit.root}/without:{ROOT}"
        command = f"{path} {sys.executable} -m grader watch 0 --page"
        terminal.type(f"cd {kit.root}; {command}", "Enter")
        terminal.wait_for("The page needs uvicorn", "python -m pip install -r")
    finally:
        terminal.end()


def test_the_browser_is_opened_with_an_address(kit):
    terminal = Terminal(kit)
    try:
        browser = Path(kit.root / "browser.sh")
        browser.write_text(f'#!/bin/sh\necho "$1" > {kit.root}/told\n')
        browser.chmod(0o755)
        terminal.type(f"export BROWSER={browser}", "Enter")
        terminal.start("0 --page --port 0")
        terminal.wait_for("is done")
        told = kit.root / "told"
        end = time.monotonic() + 20
        while not told.exists() or not told.read_text().strip():
            assert time.monotonic() < end
            time.sleep(0.05)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+\n", told.read_text())
    finally:
        terminal.end()
