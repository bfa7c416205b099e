"""Lessons as HTML: the Markdown in a module's docstring, and what the docstrings of its functions say.

A module may be a learner's own, so no HTML in it counts as HTML, and nothing is fetched: images are left out.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, list_block
from markdown_it.rules_inline import StateInline, emphasis
from markdown_it.token import Token
from pygments.lexers.python import PythonConsoleLexer, PythonLexer
from pygments.token import Comment, Generic, Keyword, Name, Number, String

from grader.course.plain_text import visible

# The rest of a highlighted line stays as it is.
_CLASSES = (
    (Generic.Prompt, "prompt"),
    (Generic.Output, "output"),
    (Generic.Error, "output"),
    (Generic.Traceback, "output"),
    (Comment, "comment"),
    (Keyword, "keyword"),
    (String, "string"),
    (Number, "number"),
    (Name.Builtin, "builtin"),
)
# A heading of a docstring's section, as in "Args:".
_SECTION = re.compile(r"(Args|Attributes|Example|Examples|Raises|Returns|Yields):")
_ITEM = re.compile(r"(\*{0,2}\w+(?: \([^)]*\))?): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Lesson:
    """A lesson as HTML.

    Attributes:
        title: its first line, such as "Step 03: the gradient formula."; or "".
        html: the text, with headings from level 3 on.
        functions: the functions and classes to write as HTML; or "".
        places: pairs of an id in the HTML and the source text at that place.
    """

    title: str = ""
    html: str = ""
    functions: str = ""
    places: tuple[tuple[str, str], ...] = ()

    def find(self, phrase: str) -> str:
        """Return the id of the first place whose text holds a phrase; "" if there is none."""
        wanted = _squeezed(phrase)
        return next((name for name, text in self.places if wanted and wanted in text), "")


def lesson_of(source: str) -> Lesson:
    """Return the lesson of a step's module; an empty one if Python cannot read the module.

    Args:
        source: the whole module.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Lesson()
    title, _, text = (ast.get_docstring(tree) or "").partition("\n")
    pages = _Writer()
    html = pages.markdown(text)
    functions = "".join(
        pages.definition(node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node)
    )
    return Lesson(title, html, functions, tuple(pages.places))


def code_html(code: str) -> str:
    """Return a block of code, highlighted if it is a session with Python and not a figure or formula."""
    if code.lstrip().startswith(">>>"):
        return (
            f'<pre class="session"><code>{_highlighted(code, PythonConsoleLexer())}</code></pre>\n'
        )
    return f'<pre class="figure"><code>{escape(visible(code.rstrip()))}</code></pre>\n'


def python_html(code: str) -> str:
    """Return a block of Python, highlighted."""
    return f'<pre class="python"><code>{_highlighted(code, PythonLexer())}</code></pre>\n'


def _highlighted(code: str, lexer: Any) -> str:
    pieces = []
    for kind, text in lexer.get_tokens(visible(code.rstrip())):
        name = next((name for group, name in _CLASSES if kind in group), "")
        inside = escape(text)
        pieces.append(f'<span class="{name}">{inside}</span>' if name else inside)
    return "".join(pieces).rstrip("\n")


class _Writer:
    """Writes HTML, and remembers which text stands where.

    Attributes:
        places: see `Lesson.places`.
    """

    def __init__(self) -> None:
        self.places: list[tuple[str, str]] = []
        self._parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
        # In lessons, underscores belong to names such as __init__, and a line may begin with the end of "(n, 1)".
        self._parser.inline.ruler.at("emphasis", _emphasis)
        self._parser.block.ruler.at(
            "list", _list, {"alt": ["paragraph", "reference", "blockquote"]}
        )
        self._parser.add_render_rule("code_block", _code)
        self._parser.add_render_rule("fence", _code)

    def markdown(self, text: str, top: bool = True) -> str:
        """Return Markdown as HTML; with `top`, its headings begin at level 3."""
        tokens = self._parser.parse(visible(text))
        for number, token in enumerate(tokens):
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{min(int(token.tag[1]) + 1, 6)}" if top else "h4"
            elif token.type in ("inline", "code_block", "fence"):
                # The text follows the opening of its element, which may be hidden, as in a list.
                opening = (
                    token
                    if token.type != "inline"
                    else next(before for before in reversed(tokens[:number]) if _opens(before))
                )
                self._mark(opening, token.content)
        return str(self._parser.renderer.render(tokens, self._parser.options, {}))

    def _mark(self, opening: Token, text: str) -> None:
        if not opening.attrGet("id"):
            opening.attrSet("id", self._place(text))
        else:
            self._place(text, str(opening.attrGet("id")))

    def _place(self, text: str, name: str = "") -> str:
        """Remember that a text stands at a place, and return the place's id, a new one by default."""
        name = name or f"lesson-{len(self.places) + 1}"
        self.places.append((name, _squeezed(text)))
        return name

    def definition(self, node: ast.FunctionDef | ast.ClassDef) -> str:
        """Return what the docstrings of a function, or of a class and its methods, say."""
        name = escape(node.name)
        parts = [
            f'<section class="definition" id="function-{name}">\n<h3><code>{name}</code></h3>\n',
            self._described(node),
        ]
        methods = node.body if isinstance(node, ast.ClassDef) else []
        for method in methods:
            if isinstance(method, ast.FunctionDef) and ast.get_docstring(method):
                title = escape(f"{node.name}.{method.name}")
                parts += [f"<h4><code>{title}</code></h4>\n", self._described(method)]
        return "".join([*parts, "</section>\n"])

    def _described(self, node: ast.FunctionDef | ast.ClassDef) -> str:
        parts = [python_html(_signature(node))]
        for heading, text in _sections(ast.get_docstring(node) or ""):
            if heading:
                parts.append(f'<p class="part">{heading}</p>\n')
            items = list(_items(text)) if heading in ("Args", "Attributes", "Raises") else []
            if items:
                parts.append("<dl>\n")
                for name, said in items:
                    place = self._place(f"{name}: {said}")
                    parts += [
                        f'<dt id="{place}"><code>{escape(name)}</code></dt>\n',
                        f"<dd>{self.markdown(said, top=False)}</dd>\n",
                    ]
                parts.append("</dl>\n")
            elif text.lstrip().startswith(">>>"):
                parts.append(_with_id(code_html(text), self._place(text)))
            else:
                parts.append(self.markdown(text, top=False))
        return "".join(parts)


def _code(_: object, tokens: list[Token], number: int, *__: object) -> str:
    token = tokens[number]
    name = token.attrGet("id")
    html = code_html(token.content)
    return _with_id(html, str(name)) if name else html


def _with_id(html: str, name: str) -> str:
    """Return an element with an id."""
    return html.replace("<pre", f'<pre id="{name}"', 1)


def _emphasis(state: StateInline, silent: bool) -> bool:
    return state.src[state.pos] == "*" and emphasis.tokenize(state, silent)


def _list(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    start = state.bMarks[line] + state.tShift[line]
    return not re.match(r"\d+\)", state.src[start : start + 12]) and list_block(
        state, line, end, silent
    )


def _opens(token: Token) -> bool:
    return token.nesting == 1 and not token.hidden


def _signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    """Return the first line of a definition, as Python prints it."""
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {node.name}({bases})" if bases else f"class {node.name}"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"def {node.name}({ast.unparse(node.args)}){returns}"


def _sections(docstring: str) -> Iterator[tuple[str, str]]:
    """Return the parts of a docstring: its heading, "" for the first, and its text without indentation."""
    heading, lines = "", list[str]()
    for line in [*inspect.cleandoc(docstring).splitlines(), None]:
        found = _SECTION.fullmatch(line) if line is not None else None
        if line is None or found:
            if text := "\n".join(lines).strip("\n"):
                yield heading, inspect.cleandoc("\n" + text) if heading else text
            heading, lines = (found[1] if found else ""), []
        else:
            lines.append(line)


def _items(text: str) -> Iterator[tuple[str, str]]:
    """Return the names in a list of arguments, each with its description."""
    for entry in re.split(r"\n(?=\S)", text):
        item = _ITEM.fullmatch(entry)
        if item is None:
            return
        first, _, rest = item[2].partition("\n")
        yield item[1], f"{first}\n{inspect.cleandoc(chr(10) + rest)}"


def _squeezed(text: str) -> str:
    return " ".join(text.split())
