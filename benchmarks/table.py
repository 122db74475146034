"""What is printed: one row for each thing measured, a ratio first of all."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    work: str
    measured: str
    against: str
    ratio: float
    goal: str = ""
    is_met: bool | None = None
    """Whether the goal is reached; None where there is none."""

    def cells(self) -> str:
        verdict = {True: "met", False: "**missed**", None: ""}[self.is_met]
        ratio = f"{self.ratio:.2f}" if self.ratio >= 0.1 else f"{self.ratio:.1g}"
        return f"| {self.work} | {self.measured} | {self.against} | {ratio} | {self.goal} | {verdict} |"


HEAD = "| work | measured | against | ratio | goal | |\n|---|---|---|---:|---|---|"
