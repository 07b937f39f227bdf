"""Texts and code of the contracts as HTML."""

import re
from html import escape
from typing import Any

import msgspec

from schema.schema import FIELDS

#: A longer line would be broken by the browser, in a narrow column.
_WIDEST = 56

_JSON = re.compile(
    r'(?P<k>"(?:\\.|[^"\\])*")(?=\s*:)|(?P<s>"(?:\\.|[^"\\])*")'
    r"|(?P<n>-?\b\d+(?:\.\d+)?\b|\b(?:true|false|null)\b)"
)
_GRAPHQL = re.compile(
    r'(?P<s>"(?:\\.|[^"\\])*")|(?P<k>\b(?:query|mutation|subscription|fragment|on)\b)'
    r"|(?P<n>\$\w+)|(?P<c>#.*)"
)


def prose(text: str) -> str:
    """Text of a contract: paragraphs, and code between backticks."""
    parts = re.split(r"\n\s*\n", text.strip())
    return "\n".join(f"<p>{inline(' '.join(part.split()))}</p>" for part in parts if part)


def inline(text: str) -> str:
    """One line of text, with code between backticks; the name of an operation is a link."""
    return re.sub("`([^`]+)`", _code, escape(text))


def _code(found: re.Match[str]) -> str:
    code = f"<code>{found[1]}</code>"
    return f'<a href="/docs/{found[1]}">{code}</a>' if found[1] in FIELDS else code


def json_code(value: Any) -> str:
    """A value as JSON, with its keys, texts and numbers marked."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return _marked(text, _JSON)


def graphql_code(text: str) -> str:
    """A GraphQL document, with its words marked; long lines are broken at their arguments."""
    return _marked("\n".join(map(_broken, text.splitlines())), _GRAPHQL)


def _broken(line: str) -> str:
    found = re.fullmatch(r"( *)(.*?)\((.*)\)(.*)", line)
    if found is None or len(line) <= _WIDEST:
        return line
    indent, head, arguments, tail = found.groups()
    inside = "".join(f"\n{indent}  {one}" for one in arguments.split(", "))
    return f"{indent}{head}({inside}\n{indent}){tail}"


def block(name: str, face: str, code: str) -> str:
    """A block of code of a face under its name; ``code`` is HTML."""
    label = f"{face} {name.lower()}"
    return (
        f'<figure class="code"><figcaption>{name}</figcaption>'
        f'<pre tabindex="0" role="region" aria-label="{label}"><code>{code}</code></pre>'
        "</figure>"
    )


def method(name: str) -> str:
    """An HTTP method as a badge."""
    return f'<span class="method {name.lower()}">{name}</span>'


def _marked(text: str, tokens: re.Pattern[str]) -> str:
    parts, last = [], 0
    for found in tokens.finditer(text):
        parts += [escape(text[last : found.start()], quote=False)]
        parts += [f'<span class="{found.lastgroup}">{escape(found[0], quote=False)}</span>']
        last = found.end()
    return "".join((*parts, escape(text[last:], quote=False)))
