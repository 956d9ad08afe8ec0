from pathlib import Path

from tests.tenant.config import load_config
from tests.tenant.settings import table

_README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_table_of_choices() -> None:
    """The README's table of unverified choices is the settings table, row by row."""
    rows = []
    for row in table():
        free = "a text" if isinstance(row.default, str) else "a number"
        variants = " · ".join(f"`{variant}`" for variant in row.variants) or free
        rows.append(f"| `{row.name}` | `{row.default}` | {variants} | {row.meaning} |")
    assert "\n".join(rows) in _README


def test_example_file(tmp_path: Path) -> None:
    """The README's tenant.yaml is one that the program takes."""
    text = _README.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "action").mkdir()
    (tmp_path / "action" / "code.js").write_text("", encoding="utf-8")
    path = tmp_path / "tenant.yaml"
    path.write_text(text, encoding="utf-8")
    assert set(load_config(path).clients) == {"WEB_APPLICATION_CLIENT_ID_32CHAR", "metadata-sync"}
