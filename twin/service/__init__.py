"""The composition root: settings, plug-ins, command line."""
