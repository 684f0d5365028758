"""State between two runs of the agent."""

import json
import logging
import os
import tempfile

LOG = logging.getLogger(__name__)


def load(path):
    try:
        with open(path) as stream:
            return json.load(stream)
    except Exception:
        LOG.exception("cannot read %s", path)
        return {}


def save(path, state):
    fd, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    try:
        with os.fdopen(fd, "w") as stream:
            json.dump(state, stream)
        os.replace(temporary, path)
    except Exception:
        os.unlink(temporary)
        raise


def version(path):
    return json.load(open(path))["version"]
