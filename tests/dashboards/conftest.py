"""The browser, for modules that look at pages."""

from browsers import browser, built

__all__ = ["browser", "built"]
