import sys

from common.process import run
from gateway.app import serve
from gateway.settings import Settings

sys.exit(run(Settings.from_env, serve, service="gateway"))
