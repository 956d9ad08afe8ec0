import sys

from common.process import run
from proofing.service import serve
from proofing.settings import Settings

sys.exit(run(Settings.from_env, serve, service="proofing"))
