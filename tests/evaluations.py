"""A fit that is ended at a chosen moment, and the count of what it computed."""

from functools import partial

from eulerot.shooting.journal import Journal


class Evaluations:
    """Counts the evaluations of the functions that a fit minimises, and ends the fit at one of them.

    All of them go through `Journal.minimise`. It is replaced because nothing outside of a fit ends it at the same
    moment every time: a signal comes a little earlier or later.
    """

    def __init__(self, monkeypatch):
        self.until(None, None)
        minimise = Journal.minimise

        def counted(journal, function, start, **options):
            return minimise(journal, partial(self.evaluated, function), start, **options)

        monkeypatch.setattr(Journal, "minimise", counted)

    def until(self, end, ending):
        """Count anew, and call `ending` at the evaluation of number `end`, from 0."""
        self.count, self._end, self._ending = 0, end, ending

    def evaluated(self, function, theta):
        if self.count == self._end:
            self._ending()
        self.count += 1
        return function(theta)
