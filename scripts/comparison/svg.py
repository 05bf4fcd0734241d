# SPDX-License-Identifier: MIT
"""Plots as SVG: lines and bars. Colours come from classes, so that a page in light and in dark needs one drawing."""
import dataclasses
import math
from xml.sax.saxutils import escape, quoteattr

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 74, 16, 44, 52
LEGEND_COLUMN, LEGEND_ROW = 148, 18
BAR_ROW, BAR_LEFT, BAR_RIGHT = 28, 140, 190

# In light, in dark, and the marker: who cannot tell colours apart has the shape.
LOOKS = {
    "herdd": ("#0b5fd0", "#5aa2ff", "circle"),
    "libuv": ("#ea7a0c", "#fb923c", "square"),
    "asyncio": ("#15803d", "#4ade80", "triangle"),
    "uvloop": ("#0891b2", "#22d3ee", "diamond"),
    "node": ("#854d0e", "#facc15", "cross"),
    "java": ("#dc2626", "#f87171", "diamond"),
    "echo": ("#6b7280", "#9ca3af", "circle"),
    "memcached": ("#7e22ce", "#c084fc", "triangle"),
    "redis": ("#c026a3", "#f472b6", "square"),
    "redis-geoadd": ("#831843", "#f9a8d4", "cross"),
}
DASHED = ("echo", "memcached", "redis", "redis-geoadd")  # what is no member of a herd

STYLE = (
    ".plot{font:12px system-ui,sans-serif;max-width:100%;height:auto}.plot text{fill:#1f2937}.plot"
    " .soft{fill:#6b7280}.plot .title{font-weight:600;font-size:14px}.plot .grid{stroke:#e5e7eb}.plot"
    " .axis{stroke:#9ca3af}.plot .line{fill:none;stroke-width:2;stroke:currentColor}.plot .mark{fill:currentColor}.plot"
    " .cross{fill:none;stroke:currentColor;stroke-width:2}.plot"
    " .spread{stroke:currentColor;stroke-width:1.2;opacity:.6}.plot .ends{stroke:#1f2937;stroke-width:1.2}"
    + "".join(f".v-{key}{{color:{light}}}" for key, (light, _, _) in LOOKS.items())
    + "".join(f".v-{key} .line{{stroke-dasharray:5 4;stroke-width:1.5}}" for key in DASHED)
    + ".v-herdd .line{stroke-width:3}"
    + "@media (prefers-color-scheme:dark){.plot text{fill:#e5e7eb}.plot .soft{fill:#9ca3af}.plot .grid{stroke:#374151}"
    ".plot .axis{stroke:#6b7280}.plot .ends{stroke:#e5e7eb}"
    + "".join(f".v-{key}{{color:{dark}}}" for key, (_, dark, _) in LOOKS.items())
    + "}"
)


def short(value):
    """A number for an axis: 0.5, 12, 3k, 1.5M."""
    return scaled(value, (("M", 1e6), ("k", 1e3), ("", 1)))


def short_bytes(value):
    return scaled(value, ((" GB", 1e9), (" MB", 1e6), (" kB", 1e3), (" B", 1)))


def short_duration(value):
    """Of microseconds."""
    return scaled(value, ((" s", 1e6), (" ms", 1e3), (" µs", 1)))


def scaled(value, units):
    unit, factor = next((pair for pair in units if abs(value) >= pair[1]), units[-1])
    return f"{value / factor:g}{unit}"


class Axis:
    """From values to a range of pixels, logarithmic or not. names, if given, are categories 0, 1, 2 ...; marks the
    values that are written at the axis; form writes them."""

    def __init__(self, values, pixels, *, log=False, names=None, marks=None, form=short):
        self.pixels = pixels
        self.log = log
        self.names = names
        self.marks = marks
        self.form = form
        least, most = min(values), max(values)
        if names is not None:
            least, most = -0.3, len(names) - 0.7
        elif log:
            least, most = math.log10(least), math.log10(most)
            room = 0.04 * max(most - least, 0.5)
            least, most = least - room, most + room
        else:
            least, most = 0.0, most * 1.06
        self.least, self.most = least, most if most > least else least + 1

    def at(self, value):
        inner = math.log10(value) if self.log else value
        begin, end = self.pixels
        return begin + (end - begin) * (inner - self.least) / (self.most - self.least)

    def ticks(self):
        """(value, name)."""
        if self.names is not None:
            return list(enumerate(self.names))
        if self.marks is not None:
            return [(value, self.form(value)) for value in self.marks]
        values = self.powers() if self.log else self.even(self.least, self.most)
        return [(value, self.form(value)) for value in values]

    def powers(self):
        """Powers of ten; with their doubles and halves, or evenly, where that would be fewer than three."""
        decades = range(math.floor(self.least), math.ceil(self.most) + 1)
        for steps in ((1,), (1, 2, 5)):
            values = [m * 10.0**decade for decade in decades for m in steps]
            values = [value for value in values if self.least <= math.log10(value) <= self.most]
            if len(values) >= 3:
                return values
        return [value for value in self.even(10**self.least, 10**self.most) if value > 0]

    @staticmethod
    def even(least, most):
        """Round numbers at equal distances, about five."""
        raw = (most - least) / 5
        magnitude = 10.0 ** math.floor(math.log10(raw))
        step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= raw)
        return [round(i * step, 10) for i in range(math.ceil(least / step), math.floor(most / step) + 1)]


def mark(key, x, y):
    shape = LOOKS[key][2]
    if shape == "circle":
        return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
    if shape == "square":
        return f'<rect class="mark" x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4"/>'
    if shape == "triangle":
        return f'<path class="mark" d="M{x:.1f} {y - 4:.1f}l4 7h-8z"/>'
    if shape == "diamond":
        return f'<path class="mark" d="M{x:.1f} {y - 4.5:.1f}l4.5 4.5l-4.5 4.5l-4.5 -4.5z"/>'
    return f'<path class="cross" d="M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m0 -7l-7 7"/>'


def opening(height, title):
    return [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" aria-label={quoteattr(title)}>'
        ),
        f"<title>{escape(title)}</title>",
        f'<text class="title" x="12" y="22">{escape(title)}</text>',
    ]


def legend(rows, top):
    """Of (key, title), in columns; markup."""
    columns = (WIDTH - LEFT) // LEGEND_COLUMN
    parts = []
    for number, (key, title) in enumerate(rows):
        x = LEFT + number % columns * LEGEND_COLUMN
        y = top + number // columns * LEGEND_ROW
        parts.append(
            f'<g class="v-{key}"><path class="line" d="M{x} {y - 4}h18"/>{mark(key, x + 9, y - 4)}</g>'
            f'<text x="{x + 24}" y="{y}">{escape(title)}</text>'
        )
    return parts


def legend_height(count):
    columns = (WIDTH - LEFT) // LEGEND_COLUMN
    return math.ceil(count / columns) * LEGEND_ROW


def above_zero(points):
    """Those that a logarithm has a place for, and of their spread the part that it has one for."""
    return [(x, dataclasses.replace(s, least=s.least if s.least > 0 else s.median)) for x, s in points if s.median > 0]


def line_plot(title, x_title, y_title, series, *, x_log=False, y_log=False, x_names=None, x_marks=None, y_form=short):
    """@series: (key, title, points), a point (x, Spread). x is the place in x_names, if there are names."""
    if y_log:
        series = [(key, name, above_zero(points)) for key, name, points in series]
    series = [(key, name, sorted(points, key=lambda point: point[0])) for key, name, points in series if points]
    spreads = [s for _, _, points in series for _, s in points]
    bottom = HEIGHT - BOTTOM
    x_axis = Axis(
        [x for _, _, points in series for x, _ in points],
        (LEFT, WIDTH - RIGHT),
        log=x_log,
        names=x_names,
        marks=x_marks,
        form="{:,}".format if x_marks else short,
    )
    y_axis = Axis([s.least for s in spreads] + [s.most for s in spreads], (bottom, TOP), log=y_log, form=y_form)
    parts = opening(HEIGHT + legend_height(len(series)), title)
    for value, name in y_axis.ticks():
        y = y_axis.at(value)
        parts.append(
            f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            f'<text class="soft" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>'
        )
    for value, name in x_axis.ticks():
        x = x_axis.at(value)
        parts.append(
            f'<path class="grid" d="M{x:.1f} {TOP}V{bottom}"/>'
            f'<text class="soft" x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{escape(name)}</text>'
        )
    parts.append(f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}"/>')
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{bottom + 36}" text-anchor="middle">{escape(x_title)}</text>'
        f'<text x="18" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 18 {middle:.1f})">'
        f"{escape(y_title)}</text>"
    )
    for key, name, points in series:
        places = [(x_axis.at(x), y_axis.at(s.median), s) for x, s in points]
        way = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in places)
        parts.append(f'<g class="v-{key}"><path class="line" d="M{way}"/>')
        for x, y, s in places:
            tip = f"{name}: {y_form(float(f'{s.median:.3g}'))}"
            parts.append(
                f'<path class="spread" d="M{x:.1f} {y_axis.at(s.least):.1f}V{y_axis.at(s.most):.1f}"/>'
                f"<g><title>{escape(tip)}</title>{mark(key, x, y)}</g>"
            )
        parts.append("</g>")
    parts += legend([(key, name) for key, name, _ in series], HEIGHT + 6)
    return "\n".join([*parts, "</svg>"])


def bar_plot(title, x_title, rows, form="{:,.1f}"):
    """@rows: (key, title, Spread), a bar each, with its spread as a line."""
    height = TOP + BAR_ROW * len(rows) + 28
    axis = Axis([0.0] + [s.most for _, _, s in rows], (BAR_LEFT, WIDTH - BAR_RIGHT))
    bottom = height - 28
    parts = opening(height, title)
    parts.append(f'<text class="soft" x="{WIDTH - 12}" y="22" text-anchor="end">{escape(x_title)}</text>')
    for value, name in axis.ticks():
        x = axis.at(value)
        parts.append(
            f'<path class="grid" d="M{x:.1f} {TOP - 6}V{bottom}"/>'
            f'<text class="soft" x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{escape(name)}</text>'
        )
    for number, (key, name, s) in enumerate(rows):
        y = TOP + number * BAR_ROW
        middle = y + BAR_ROW / 2 - 2
        end = axis.at(s.median)
        parts.append(
            f'<text x="{BAR_LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(name)}</text>'
            f'<g class="v-{key}"><rect class="mark" x="{BAR_LEFT}" y="{y + 2}" width="{max(1.0, end - BAR_LEFT):.1f}" '
            f'height="{BAR_ROW - 10}"><title>{escape(name + ": " + s.text(form))}</title></rect></g>'
        )
        if s.count > 1:
            parts.append(
                f'<path class="ends" fill="none" d="M{axis.at(s.least):.1f} {middle - 4:.1f}v8m0'
                f' -4H{axis.at(s.most):.1f}m0 -4v8"/>'
            )
        parts.append(f'<text x="{axis.at(s.most) + 8:.1f}" y="{middle + 4:.1f}">{escape(s.text(form))}</text>')
    return "\n".join([*parts, "</svg>"])


def standing_alone(svg):
    """The same as a file of its own."""
    return svg.replace(">", f"><style>{STYLE}</style>", 1)
