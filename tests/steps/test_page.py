"""Documents from readable examples: kept and left out, tables, texts, values."""

from __future__ import annotations

import pytest

from steps.gitops import page

HOLDS = {"dns": True, "vpn": False, "key copy": True}


def fill(template: str, **values: str) -> str:
    return page.fill(template, HOLDS, {"nodes": [("a|b", ""), ("c", "d")]}, {"chart": "flowchart\n  x\n"}, values)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a\n", "a\n"), ("a <!-- with dns -->\nb", "a\nb\n"), ("a <!-- with vpn -->\nb", "b\n"),
        ("a <!-- without vpn -->\nb", "a\nb\n"), ("a <!-- with dns and key copy -->", "a\n"),
        ("a <!-- with dns and vpn -->\nb", "b\n"), ("a <!-- without dns and vpn -->", "a\n"),
        ("<!-- with vpn -->\na\nb\n<!-- end -->\nc", "c\n"), ("<!-- with dns -->\na\n<!-- end -->\nb", "a\nb\n"),
        ("<!-- with dns -->\na\nb <!-- with vpn -->\n<!-- end -->", "a\n"),
        ("<!-- with vpn -->\na <!-- with dns -->\n<!-- end -->\nb", "b\n"),
        ("a\n\n<!-- with vpn -->\nb\n<!-- end -->\n\n\nc", "a\n\nc\n"),
        ("<!-- a remark -->\n", "<!-- a remark -->\n"),
        ("<!-- rows nodes -->\n|x|y|\n|-|-|\n| 1 | 2 |\nend", "|x|y|\n|-|-|\n| a\\|b | – |\n| c | d |\nend\n"),
        ("<!-- text chart -->\n```mermaid\nflowchart\n```\nend", "```mermaid\nflowchart\n  x\n```\nend\n"),
    ],
)  # fmt: skip
def test_marks(template: str, text: str) -> None:
    assert fill(template) == text


@pytest.mark.parametrize(
    "template",
    [
        "a <!-- with nothing known -->", "<!-- rows unknown -->\n| x |\n|---|\n", "<!-- with dns -->\na",
        "<!-- end -->",
        "<!-- with dns -->\n<!-- with vpn -->\na\n<!-- end -->\n<!-- end -->",
    ],
)  # fmt: skip
def test_a_mark_that_can_not_be_understood_is_a_mistake(template: str) -> None:
    with pytest.raises(LookupError):
        fill(template)


def test_the_longest_example_counts_and_what_is_filled_in_is_left_alone() -> None:
    values = {"home.org": "b.test", "my.home.org": "home.org"}
    assert fill("my.home.org home.org\n", **values) == "home.org b.test\n"
    assert page.replaced("a.c abc", {"a.c": "x"}) == "x abc"
