"""Formulas as MathML that browsers draw without help: SymPy's, with cases set as cases."""

from typing import Any

from sympy.printing.mathml import MathMLPresentationPrinter

__all__ = ["mathml_of"]


def mathml_of(equation: Any) -> str:
    """`equation`, a SymPy expression, as presentation MathML without the `<math>` around it."""
    return str(_Printer().doprint(equation))


class _Printer(MathMLPresentationPrinter):  # type: ignore[misc]  # SymPy carries no types
    def _print_Piecewise(self, expr: Any) -> Any:
        """A brace, and a line for each case."""
        table = self._element("mtable", columnalign="left")
        for value, condition in expr.args:
            line = self._element("mtr")
            line.appendChild(self._cell(self._print(value)))
            if condition == True:  # noqa: E712  SymPy's true, which is no Python bool
                line.appendChild(self._cell(self._text("otherwise")))
            else:
                line.appendChild(self._cell(self._text("if\u00a0"), self._print(condition)))
            table.appendChild(line)
        brace = self._element("mo", stretchy="true")
        brace.appendChild(self.dom.createTextNode("{"))
        row = self._element("mrow")
        row.appendChild(brace)
        row.appendChild(table)
        return row

    def _element(self, name: str, **attributes: str) -> Any:
        element = self.dom.createElement(name)
        for key, value in attributes.items():
            element.setAttribute(key, value)
        return element

    def _text(self, words: str) -> Any:
        text = self._element("mtext")
        text.appendChild(self.dom.createTextNode(words))
        return text

    def _cell(self, *parts: Any) -> Any:
        cell = self._element("mtd")
        for part in parts:
            cell.appendChild(part)
        return cell
