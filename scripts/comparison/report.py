# SPDX-License-Identifier: MIT
"""The report of a results.json: answers, budgets, figures and plots, and how they were made."""
from comparison import answers, budgets
from comparison.document import Document
from comparison.results import Results, size
from comparison.sections import Sections
from comparison.svg import standing_alone
from comparison.variants import HERD, VARIANTS

QUIET = 0.25  # of a CPU's time, for each: a load average above that at the beginning is somebody else's
CLIENT_SUITE = "tests/herd/run.py --client-suite"


class Report:
    """Writes one document from results."""

    def __init__(self, data):
        self.results = Results(data)
        self.data = data
        self.document = Document("herdd, a thread pool, against event loops")

    def write(self):
        d, data = self.document, self.data
        machine = data["machine"]
        d.text(
            f"Made by `{data['command']}` on {machine['begun']}, in {data['seconds'] / 60:.0f} minutes, on"
            f" {machine['cpu']}, {machine['cpus']} CPUs. Figures are medians of"
            f" {data['settings']['repetitions']} repetitions at the most, which were made in turns (every variant once,"
            " then every variant again), with the lowest and highest in brackets."
        )
        if machine["load_average_at_begin"][0] > QUIET * machine["cpus"]:
            d.text(
                "The machine was not quiet: its load average at the beginning was"
                f" {machine['load_average_at_begin'][0]:.2f}. What is absolute in these figures suffers from that,"
                " ratios of pairs less."
            )
        if data["settings"]["quick"]:
            d.text(
                "This was the quick round: fewer repetitions, short windows, parts of the workloads. It shows the order"
                " of things, not more."
            )
        if data["interrupted"]:
            d.text("The run was interrupted; the report is of what was measured until then.")
        self.write_answers()
        d.heading(2, "Budgets")
        d.text("What herdd is held to, computed from the samples of this run.")
        d.table(["what", "wanted", "measured", "verdict"], budgets.judge_all(self.results))
        d.heading(2, "Figures")
        Sections(d, self.results).write()
        self.write_how()
        return d

    def write_answers(self):
        self.document.heading(2, "Answers")
        for question, verdict, points in answers.answer_all(self.results):
            self.document.heading(3, question)
            self.document.text(verdict)
            self.document.items(points)

    # -- how it was made

    def write_how(self):
        d, data, machine = self.document, self.data, self.data["machine"]
        d.heading(2, "How it was made")
        settings = data["settings"]
        d.items(
            [
                (
                    f"Machine: {machine['cpu']}, {machine['cpus']} CPUs, {size(machine['memory_bytes'])} of memory;"
                    f" {machine['system']}, Linux {machine['kernel']}; load average at the beginning"
                    f" {machine['load_average_at_begin'][0]:.2f}."
                ),
                "Mitigations: "
                + (
                    "not readable."
                    if machine["mitigations"] is None
                    else (
                        "; ".join(f"{name}: {text}" for name, text in machine["mitigations"].items()) + "."
                        if machine["mitigations"]
                        else "none needed, says the kernel."
                    )
                ),
                (
                    f"This tree at `{machine['commit']}`{', with changes' if machine['changed'] else ''},"
                    f" {settings['build']}; {machine['compiler']}."
                ),
                data["placement"],
                f"Every window has a warm-up of {settings['warm_up_s']} s; a server that has just been started gets"
                f" {settings['first_warm_up_s']} s of load first, {settings['compiling_warm_up_s']} s if it compiles"
                " while it runs (Java, Node.js). Windows lasted " + self.windows() + ".",
                (
                    "The log is off but where it says otherwise; nobody keeps anything on disk. memcached runs with one"
                    " thread, for the one CPU that it gets."
                ),
                "All samples, with the commands that made them, are in `results.json`.",
            ]
        )
        d.heading(3, "Variants")
        rows = []
        for row in data["variants"]:
            suite = row["conformance"]
            if row["missing"]:
                verdict = "-"
            elif suite is None:
                verdict = "not a member of a herd" if VARIANTS[row["key"]].kind != HERD else "not tried"
            elif suite["conforms"]:
                verdict = f"{suite['passed']} passed"
            else:
                verdict = f"does not conform: {suite['problem'] or '; '.join(suite['failed'][:3])}"
            rows.append(
                [
                    VARIANTS[row["key"]].title,
                    VARIANTS[row["key"]].what,
                    row["version"] or "not measured: " + row["missing"],
                    verdict,
                ]
            )
        d.table(["", "what", "version", "client suite"], rows)
        patterns = data["settings"]["client_suite"]
        d.text(
            f"Client suite: `{CLIENT_SUITE}`"
            + (f", of it `{patterns}`." if patterns else ", all of it.")
            + " Who does not pass it is shown, not ranked."
        )
        if data["not_measured"]:
            d.heading(3, "Not measured")
            d.items(f"{item['what']}: {item['why']}" for item in data["not_measured"])
        failures = self.results.samples.failures()
        if failures:
            d.heading(3, "Measurements that failed")
            d.table(
                ["workload", "variant", "what", "repetition", "why"],
                [
                    [
                        s["workload"],
                        VARIANTS[s["variant"]].title,
                        ", ".join(f"{k} {v}" for k, v in s["cell"].items()),
                        s["repetition"] + 1,
                        s["error"],
                    ]
                    for s in failures[:40]
                ],
            )
            if len(failures) > 40:
                d.text(f"And {len(failures) - 40} more, in `results.json`.")

    def windows(self):
        seconds = [s["result"]["seconds"] for s in self.data["samples"] if s["result"] and s["result"]["seconds"]]
        return f"{min(seconds):.1f} to {max(seconds):.1f} s" if seconds else "no time"


def write_report(data, folder):
    """report.md, report.html and the plots of a results.json."""
    document = Report(data).write()
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    for name, drawing in document.plots.items():
        (folder / "plots" / name).write_text(standing_alone(drawing))
    (folder / "report.md").write_text(document.markdown())
    (folder / "report.html").write_text(document.html())
