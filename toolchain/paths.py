"""Where the toolchain keeps its things."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TOOLCHAIN = REPOSITORY / ".toolchain"
VENV = REPOSITORY / ".venv"

BIN = TOOLCHAIN / "bin"
COMMANDS = REPOSITORY / "toolchain" / "bin"
LOGS = TOOLCHAIN / "log"
PULUMI_HOME = TOOLCHAIN / "pulumi"
STATE = TOOLCHAIN / "state"
PASSPHRASE = TOOLCHAIN / "passphrase"
