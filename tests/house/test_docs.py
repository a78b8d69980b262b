"""Documents say what is there: links lead somewhere, generated tables are current, settings are all described."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md", "server/**/README.md",
                         "gateway/**/README.md", "cli/README.md", "bench/README.md")
    for path in ROOT.glob(pattern))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (document.parent / target).exists(), target


def test_named_files_exist():
    """Paths of sources that the documents name in backquotes."""
    for document in DOCUMENTS:
        if document.parent not in (ROOT, ROOT / "docs") or document.name == "CHANGELOG.md":
            continue
        for path in re.findall(r"`((?:server|gateway|cli|proto|scripts|tests|docs|bench)/[\w./-]+)`",
                               document.read_text()):
            assert (ROOT / path.rstrip("/")).exists(), f"{document.name}: {path}"


def test_generated_tables_are_current():
    done = subprocess.run([ROOT / "scripts" / "gen-docs", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_setting_is_described():
    source = (ROOT / "server" / "app" / "config.cc").read_text()
    names = set(re.findall(r'"(HEIM_[A-Z_]+)"', source))
    described = set(re.findall(r"`(HEIM_[A-Z_]+)`", (ROOT / "docs" / "operations.md").read_text()))
    assert names - described == set()


def test_architecture_and_decisions_stay_short():
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 150
    for adr in (ROOT / "docs" / "adr").glob("*.md"):
        assert len(adr.read_text().splitlines()) <= 40, adr.name
