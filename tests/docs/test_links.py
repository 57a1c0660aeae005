"""Every link leads to a file and a heading of the repository, and every path that is named is there."""

import fnmatch
import posixpath
import re
from functools import lru_cache
from urllib.parse import unquote, urlsplit

import pytest

from documents import documents, parse, repository_paths


@lru_cache(maxsize=None)
def paths():
    return repository_paths()


@lru_cache(maxsize=None)
def all_anchors():
    return {document.name: document.anchors for document in documents()}


def link_faults(document):
    """Targets that lead nowhere. Pages elsewhere are not asked for; they have to be whole https addresses."""
    for target in document.links:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            if parts.scheme != "https" or "." not in parts.netloc:
                yield f"{target}: no https address"
            continue
        path = posixpath.normpath(posixpath.join(posixpath.dirname(document.name), unquote(parts.path)))
        anchors = all_anchors().get(path, ()) if parts.path else document.anchors
        if parts.path and path not in paths():
            yield f"{target}: no such file in the repository"
        elif parts.fragment and unquote(parts.fragment) not in anchors:
            yield f"{target}: no such heading"


def test_links_lead_somewhere(document):
    assert not list(link_faults(document))


def expand(path):
    """a{b,c} -> ab, ac; what follows `<`, `{name}` or a name in capitals stands for anything and is cut off."""
    braces = re.search(r"\{([^{}]*,[^{}]*)\}", path)
    if braces:
        return [one for part in braces[1].split(",")
                for one in expand(path[:braces.start()] + part + path[braces.end():])]
    open_end = re.search(r"/[^/]*[<{]|/[A-Z_]{2,}(?=/|$)", path)
    if open_end and path not in paths():
        path = path[:open_end.start()]
    return [path.rstrip("/")]


def path_faults(document):
    """Paths below a folder of the repository that are not there; `*` and a module's name without its ending may be."""
    tops = sorted({name.split("/")[0] for name in paths() if "/" in name}, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w./{{}}<>~$@:-])(?:{'|'.join(map(re.escape, tops))})/[\w./{{}}*,<>-]*")
    for found in pattern.findall(document.text):
        for path in expand(found.rstrip(".,-")):
            if path not in paths() and not fnmatch.filter(paths(), path) and not fnmatch.filter(paths(), path + ".*"):
                yield path


def test_paths_that_are_named_exist(document):
    assert not list(path_faults(document))


SAMPLE = """# One `code` (and) more

## Twice
## Twice

[a](../README.md#licence), [`b`](#one-code-and-more), ![c](console.png), [d](#twice-1), [e](https://example.org/x#y),
`[no](link.md)`; `docs/{design,security}.md`, tests/docs/*.py, `models/<name>/1`, models/NAME/1, model/kernels/dense.

    [in](a-block.md)
"""


def test_a_right_document_has_no_faults():
    sample = parse("docs/sample.md", SAMPLE)
    assert len(sample.links) == 5 and not list(link_faults(sample)) and not list(path_faults(sample))


@pytest.mark.parametrize("text", ["[a](nowhere.md)", "[a](../README.md#nowhere)", "[a](#nowhere)", "[a](http://x.org)",
                                  "[a](https://x)", "![a](none.png)", "[a](../../outside.md)", "[a](design.md#l10)"])
def test_a_wrong_link_is_found(text):
    assert len(list(link_faults(parse("docs/sample.md", "# A\n\n" + text)))) == 1


@pytest.mark.parametrize("text", ["`docs/none.md`", "see tests/docs/none.py.", "    scripts/none\n",
                                  "`docs/{design,x}.md`", "`tests/none/<name>.c`", "`deploy/none/*.yaml`"])
def test_a_wrong_path_is_found(text):
    assert len(list(path_faults(parse("docs/sample.md", text)))) == 1
