"""The words of a verdict."""

__all__ = ["AGREES", "DISAGREES", "HOLDS", "UNANSWERED"]

AGREES = "agrees"  # an exact formula, at every point
HOLDS = "holds"  # a bound that bounds, an estimate within its stated error
DISAGREES = "disagrees"
UNANSWERED = "no counterpart"
