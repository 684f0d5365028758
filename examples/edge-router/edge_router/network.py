"""Addresses, routes and the name server's configuration."""

import ipaddress
import subprocess

from flask import Blueprint, request

api = Blueprint("network", __name__)


def configure(link):
    address = str(ipaddress.ip_interface(link["address"]))
    subprocess.run(["ip", "address", "replace", address, "dev", link["name"]], check=True)


@api.route("/routes", methods=["POST"])
def add_route():
    gateway = request.form["gateway"]
    subprocess.run(["ip", "route", "add", "default", "via", gateway], check=True)
    return "added"


@api.route("/routes/checked", methods=["POST"])
def add_checked_route():
    gateway = str(ipaddress.ip_address(request.form["gateway"]))
    subprocess.run(["ip", "route", "add", "default", "via", gateway], check=True)
    return "added"


@api.route("/hosts", methods=["POST"])
def add_host():
    with open("/etc/dnsmasq.d/hosts.conf", "a") as stream:
        stream.write("dhcp-host=%s,%s\n" % (request.form["mac"], request.form["ip"]))
    return "added"
