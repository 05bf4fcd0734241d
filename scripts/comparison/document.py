# SPDX-License-Identifier: MIT
"""A report as blocks, written as Markdown and as a page of HTML that needs nothing else."""
import html
import re

from comparison import svg

PAGE_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#1f2937;background:#fff}
h1{font-size:1.8rem;line-height:1.2}h2{margin-top:2.5rem;border-bottom:1px solid #e5e7eb;padding-bottom:.3rem}
h3{margin-top:1.8rem}
p,li{max-width:52rem}.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;margin:.8rem 0}
th,td{padding:.3rem .5rem;border-bottom:1px solid #e5e7eb;text-align:right;white-space:nowrap}
th{vertical-align:bottom}th:first-child,td:first-child{text-align:left}
td.words,th.words{text-align:left;white-space:normal;min-width:13rem}
td.met{color:#15803d;font-weight:600}td.not-met{color:#b91c1c;font-weight:600}
code{font-size:.9em;background:#f3f4f6;padding:.1em .3em;border-radius:3px;overflow-wrap:anywhere}
figure{margin:1rem 0}
@media (prefers-color-scheme:dark){body{color:#e5e7eb;background:#111827}h2,th,td{border-color:#374151}
code{background:#1f2937}
td.met{color:#4ade80}td.not-met{color:#f87171}}
"""
WORDS = 32  # characters from which on a cell of a table may take several lines
CODE = re.compile(r"`([^`]+)`")


class Document:
    """Blocks in their order. Text is plain, but for `code`."""

    def __init__(self, title):
        self.title = title
        self.blocks = []
        self.plots = {}  # file name -> SVG

    def heading(self, level, text):
        self.blocks.append(("heading", level, text))

    def text(self, text):
        self.blocks.append(("text", text))

    def items(self, items):
        if items:
            self.blocks.append(("items", list(items)))

    def table(self, head, rows):
        if rows:
            self.blocks.append(("table", head, [[str(cell) for cell in row] for row in rows]))

    def plot(self, name, drawing, title):
        self.plots[f"{name}.svg"] = drawing
        self.blocks.append(("plot", f"{name}.svg", title))

    # -- Markdown

    def markdown(self):
        return (
            "\n\n".join(
                [f"# {self.title}", *(getattr(self, "_markdown_" + kind)(*rest) for kind, *rest in self.blocks)]
            )
            + "\n"
        )

    @staticmethod
    def _markdown_heading(level, text):
        return "#" * level + " " + text

    @staticmethod
    def _markdown_text(text):
        return text

    @staticmethod
    def _markdown_items(items):
        return "\n".join("- " + item for item in items)

    @staticmethod
    def _markdown_table(head, rows):
        def line(cells):
            return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

        return "\n".join([line(head), "|" + "---|" * len(head), *map(line, rows)])

    @staticmethod
    def _markdown_plot(name, title):
        return f"![{title}](plots/{name})"

    # -- HTML

    def html(self):
        body = "\n".join(getattr(self, "_html_" + kind)(*rest) for kind, *rest in self.blocks)
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
            f"<title>{html.escape(self.title)}</title>\n<style>{PAGE_STYLE}{svg.STYLE}</style>\n</head>\n<body>\n"
            f"<h1>{html.escape(self.title)}</h1>\n{body}\n</body>\n</html>\n"
        )

    @staticmethod
    def inline(text):
        return CODE.sub(r"<code>\1</code>", html.escape(text, quote=False))

    def _html_heading(self, level, text):
        return f"<h{level}>{self.inline(text)}</h{level}>"

    def _html_text(self, text):
        return f"<p>{self.inline(text)}</p>"

    def _html_items(self, items):
        return "<ul>" + "".join(f"<li>{self.inline(item)}</li>" for item in items) + "</ul>"

    def _html_table(self, head, rows):
        # A column with words in it is one of words: it stands on the left, on several lines if need be.
        words = [any(len(row[place]) >= WORDS for row in rows) for place in range(len(head))]

        def cell(tag, text, place):
            kind = {"met": "met", "not met": "not-met"}.get(text) or ("words" if words[place] else None)
            return (
                f'<{tag} class="{kind}">{self.inline(text)}</{tag}>' if kind else f"<{tag}>{self.inline(text)}</{tag}>"
            )

        lines = [
            "<tr>" + "".join(cell(tag, text, place) for place, text in enumerate(row)) + "</tr>"
            for tag, row in [("th", head), *(("td", row) for row in rows)]
        ]
        return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"

    def _html_plot(self, name, _title):
        return f"<figure>{self.plots[name]}</figure>"
