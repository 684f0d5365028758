"""Applies what the controller asks for."""

import contextlib
import logging
import subprocess

from edge_router import locks, network
from edge_router.settings import CONF

LOG = logging.getLogger(__name__)


class Agent:
    def __init__(self, driver, controller):
        self.driver = driver
        self.controller = controller
        self.links = {}

    def add_link(self, link):
        try:
            self.driver.plug(link["name"], link["bridge"])
            network.configure(link)
        except Exception:
            LOG.error("cannot add link %s", link["name"])
            return False
        self.links[link["name"]] = link
        return True

    def report(self):
        try:
            self.controller.send({"links": sorted(self.links)})
        except Exception:
            pass

    def reload(self, path):
        # The status decides: a broken file must not be taken for a loaded one.
        subprocess.run(["nft", "-f", path], check=True)

    def enable_forwarding(self):
        subprocess.run(["sysctl", "-w", "net.ipv4.ip_forward=1"])

    def login(self, user, password):
        LOG.info("login of %s with %s", user, password)
        self.controller.login(user, password)

    def stop(self):
        for name in list(self.links):
            self.driver.unplug(name)
        self.driver.delete_bridge(CONF.bridge)

    def stop_carefully(self):
        for name in list(self.links):
            try:
                self.driver.unplug(name)
            except Exception:
                LOG.exception("cannot unplug %s", name)
        self.driver.delete_bridge(CONF.bridge)

    def update(self, link):
        with locks.link_lock(link["name"]), contextlib.ExitStack() as undo:
            undo.callback(self.driver.unplug, link["name"])
            network.configure(link)
            undo.pop_all()
