"""After a fork: what belongs to the parent process is never destroyed in the child."""

import ctypes


def keep_for_ever(thing: object) -> None:
    """Hold on to something until the process ends, also when everybody else has let it go."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
