"""Look the pinned packages up among known vulnerabilities; without a way there, say so and go on."""

import json
import subprocess
import sys

COMMAND = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", "10", "--format", "json"]


def main() -> int:
    """Return 1 when a pinned package is known to be vulnerable."""
    command = [sys.executable, "-m", "pip_audit", *COMMAND, "-r", "requirements/production.txt"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
        dependencies = json.loads(result.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        print("NOTICE: pip-audit could not reach its data; skipped")
        return 0
    audited = [dependency for dependency in dependencies if "skip_reason" not in dependency]
    for dependency in audited:
        for vulnerability in dependency["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "none yet"
            print(f"{dependency['name']} {dependency['version']}: {vulnerability['id']}, fixed in {fixed}")
    if len(audited) < len(dependencies):
        print(f"NOTICE: pip-audit had data for {len(audited)} of {len(dependencies)} packages; the rest is skipped")
    return int(any(dependency["vulns"] for dependency in audited))


sys.exit(main())
