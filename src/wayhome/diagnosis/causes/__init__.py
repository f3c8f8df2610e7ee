"""What sets each cause apart from its neighbours. `find` asks the recognisers in the order in which they exclude others."""

from wayhome.diagnosis.causes.find import find_cause

__all__ = ["find_cause"]
