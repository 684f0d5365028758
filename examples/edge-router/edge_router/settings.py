"""Options of the agent."""

from oslo_config import cfg

CONF = cfg.CONF
CONF.register_opts([
    cfg.StrOpt("bridge", default="br-edge", help="Bridge that links are plugged into."),
    cfg.StrOpt("local_ip", help="IP address that tunnels end at."),
    cfg.StrOpt("controller_password", help="Password of the controller."),
    cfg.StrOpt("lock_path", default="/var/lib/edge-router/locks", help="Folder of lock files."),
])
