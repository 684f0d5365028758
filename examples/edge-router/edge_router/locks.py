"""Locks between the agent's processes."""

import fcntl
import hashlib
import os

from flask import Blueprint, request

from edge_router.settings import CONF

api = Blueprint("locks", __name__)


@api.route("/lock", methods=["POST"])
def take():
    path = os.path.join(CONF.lock_path, request.form["name"] + ".lock")
    handle = open(path, "w")
    fcntl.flock(handle, fcntl.LOCK_EX)
    return "taken"


def lock_file(name):
    digest = hashlib.sha256(name.encode()).hexdigest()
    return os.path.join(CONF.lock_path, digest + ".lock")


def prepare():
    if not os.path.exists(CONF.lock_path):
        os.makedirs(CONF.lock_path)


def shared_lock():
    fd = os.open("/tmp/edge-router.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd
