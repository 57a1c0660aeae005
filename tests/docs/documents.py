"""The Markdown files of the repository, taken apart: headings, links, code in spans and blocks."""

import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r" {0,3}(```+|~~~+) *(\S*)")
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^ {0,3}#{1,6} +(.*?)(?: +#+)? *$", re.MULTILINE)


class Block(NamedTuple):
    """A code block; language "" where it names none or is indented; its first line's number."""
    language: str
    text: str
    line: int


class Document(NamedTuple):
    """One Markdown file: name relative to the root, blocks in their order, and its prose without them."""
    name: str
    text: str
    blocks: list
    prose: str

    @property
    def spans(self):
        """Inline code, on one line each."""
        return [" ".join(span.split()) for span in SPAN.findall(self.prose)]

    @property
    def links(self):
        """Targets of links and images."""
        return LINK.findall(SPAN.sub("``", self.prose))

    @property
    def anchors(self):
        """What `#…` may name, by GitHub's rule for headings."""
        seen, found = Counter(), set()
        for title in HEADING.findall(self.prose):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
            slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return found


def _end_of_fence(lines, start, fence):
    return next((at for at in range(start, len(lines)) if re.fullmatch(rf" {{0,3}}{fence}{fence[0]}* *", lines[at])),
                len(lines))


def parse(name, text):
    """A fence's lines, or lines of four spaces after an empty one, are a block; all else is prose."""
    lines, blocks, prose, at = text.split("\n"), [], [], 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if fence:
            end = _end_of_fence(lines, at + 1, fence[1])
            blocks.append(Block(fence[2], "\n".join(lines[at + 1:end]) + "\n", at + 2))
            at = end + 1
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            end = at
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            blocks.append(Block("", "\n".join(line[4:] for line in lines[at:end]) + "\n", at + 1))
            at = end
        else:
            prose.append(lines[at])
            at += 1
            continue
        prose.append("")
    return Document(name, text, blocks, "\n".join(prose))


def repository_files():
    """Relative paths of what is or will be in the repository."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True,
                            text=True, check=True, timeout=60).stdout.split("\0")
    return {name for name in listed if name and (ROOT / name).is_file()}


def repository_paths():
    """The files and their folders."""
    found = repository_files()
    return found | {str(folder) for name in found for folder in Path(name).parents}


def documents():
    """All of them, by name."""
    return [parse(name, (ROOT / name).read_text(encoding="utf-8")) for name in sorted(repository_files())
            if name.endswith(".md")]
