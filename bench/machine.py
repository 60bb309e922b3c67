"""What the figures were measured on."""

import datetime as dt
import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

_PACKAGES = (
    "azure-functions-runtime",
    "azure-functions",
    "azure-functions-durable",
    "durabletask",
    "azure-core",
    "azure-identity",
    "azure-mgmt-communication",
    "azure-keyvault-secrets",
    "azure-communication-phonenumbers",
    "aiohttp",
    "protobuf",
)


def facts() -> list[tuple[str, str]]:
    """Return name and value of what a reader needs to judge the figures; the load is that of the moment."""
    return [
        ("date (UTC)", f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M}"),
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("packages", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)),
        ("load average before the run", f"{os.getloadavg()[0]:.2f}"),
    ]


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    sysctl = shutil.which("sysctl")
    if platform.system() == "Darwin" and sysctl:
        told = subprocess.run([sysctl, "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        if told.returncode == 0:
            return told.stdout.strip()
    return platform.processor() or "unknown processor"
