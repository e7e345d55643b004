"""`evtplan report`: one page that needs no network, and looks right in a real browser."""

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evtplan.commands.app import main

ROOT = Path(__file__).resolve().parents[2]
CLOUD = str(ROOT / "examples" / "fleets" / "cloud.toml")


def run(*args: str) -> subprocess.CompletedProcess[str]:
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(["report", *args])
        except SystemExit as ended:
            code = ended.code
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    assert isinstance(code, int)
    return subprocess.CompletedProcess(args, code, *texts)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    result = run(CLOUD, "--abi", "all", "-o", str(path))
    assert result.returncode == 0, result.stderr
    return path


SECTIONS = [
    "Headroom", "The fleet", "What binds", "ABIs side by side", "Break-even", "Sensitivity",
    "Validation", "Assumptions", "Formulas used",
]  # fmt: skip


class _Outline(HTMLParser):
    VOID = frozenset(["meta", "br", "link", "img", "input"])

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value and not value.startswith("#"):
                self.links.append(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


class TestPage:
    """one self-contained page (no network) for a capacity review"""

    def test_has_every_section_and_closes_what_it_opens(self, page: Path) -> None:
        outline = _Outline()
        outline.feed(page.read_text())
        assert outline.headings == SECTIONS
        assert outline.open == []

    def test_fetches_nothing(self, page: Path) -> None:
        text = page.read_text()
        outline = _Outline()
        outline.feed(text)
        assert outline.links == []
        assert "<script" not in text
        assert not re.search(r"url\((?!#)|@import", text)

    def test_shows_the_figures_of_size(self, page: Path) -> None:
        command = [sys.executable, "-m", "evtplan", "size", CLOUD, "--format", "json"]
        size = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        text = page.read_text().replace("\u202f", "")
        row = size["rows"][0]
        assert f"<b>{row['vm_limit']}</b>" in text
        assert f"<b>{row['headroom_vms']}</b>" in text
        for limit in size["limits"]:
            assert limit["why"] in text

    def test_names_the_formulas_its_figures_came_from(self, page: Path) -> None:
        text = page.read_text()
        assert "fifo.event_array_pages" in text
        assert "<math" in text
        assert "xen/common/event_fifo.c" in text
        assert "simulation" not in text

    def test_is_the_same_every_time(self, page: Path, tmp_path: Path) -> None:
        run(CLOUD, "--abi", "all", "-o", str(tmp_path / "again.html"))
        assert (tmp_path / "again.html").read_bytes() == page.read_bytes()

    def test_a_hostile_name_stays_text(self, tmp_path: Path) -> None:
        fleet = tmp_path / "f.toml"
        fleet.write_text('name = "<script>x</script>"\n[[guest]]\nname = "a|b<i>"\n')
        run(str(fleet), "-o", str(tmp_path / "r.html"))
        text = (tmp_path / "r.html").read_text()
        assert "<script" not in text
        assert "<i>" not in text
        run(str(fleet), "-o", str(tmp_path / "r.md"))
        assert r"a\|b<i>" in (tmp_path / "r.md").read_text()

    def test_says_that_nothing_fits(self, tmp_path: Path) -> None:
        fleet = tmp_path / "f.toml"
        fleet.write_text('[[guest]]\nname = "g"\ndevice = [{ kind = "vif", count = 5000 }]\n')
        text = run(str(fleet), "--format", "html").stdout
        assert "None of the 1 VMs planned fits" in text
        assert "No VM of this mix fits under any of these ABIs." in text
        assert "<svg" not in text
        assert "<figure" not in text

    def test_of_many_groups_shows_the_largest_and_counts_the_rest(self, tmp_path: Path) -> None:
        fleet = tmp_path / "f.toml"
        group = '[[guest]]\nname = "g{0}"\ncount = {1}\ndevice = [{{ kind = "vif" }}]\n'
        fleet.write_text("".join(group.format(n, 1 + n % 50) for n in range(100)))
        for form in ("html", "md"):
            text = run(str(fleet), "--format", form).stdout.replace("\u202f", "")
            assert "and 60 smaller groups with 930 VMs between them" in text
            assert "of 100 groups the 12 with the most VMs were varied" in text
            assert "guest.g49.vcpus" in text
            assert "guest.g0.vcpus" not in text

    def test_sets_cases_as_cases(self, page: Path) -> None:
        text = page.read_text()
        assert "piecewise" not in text
        assert text.count("<mtable") == text.count(">otherwise<") >= 1


class TestBrowser:
    """looks right on screen and in print; checked in a real headless browser"""

    @pytest.fixture(scope="class")
    @classmethod
    def browser(cls) -> str:
        for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
            if found := shutil.which(name):
                return found
        pytest.skip("no headless browser is installed: apt-get install chromium")

    def draw(self, browser: str, *args: str) -> str:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout

    def test_nothing_is_wider_than_the_window_or_the_sheet(
        self, browser: str, page: Path, tmp_path: Path
    ) -> None:
        probe = tmp_path / "probe.html"
        script = (
            "<script>addEventListener('load', () => { const d = document.documentElement;"
            "const plot = document.querySelector('figure svg').getBoundingClientRect();"
            "const wide = [...document.querySelectorAll('table')].filter("
            "t => t.scrollWidth > t.parentElement.clientWidth + 1).length;"
            "document.title = JSON.stringify([d.scrollWidth, d.clientWidth, plot.width,"
            "plot.height, wide, document.querySelectorAll('math mfrac').length]); });</script>"
        )
        probe.write_text(page.read_text().replace("</head>", script + "</head>"))
        for width in (1200, 794):  # a screen, and the width of A4 in CSS pixels
            dumped = self.draw(browser, f"--window-size={width},1000", "--dump-dom", probe.as_uri())
            found = re.search(r"<title>(\[.*?\])</title>", dumped)
            assert found is not None
            scroll, client, plot_width, plot_height, wide, fractions = json.loads(found[1])
            assert scroll <= client
            assert 300 < plot_width <= client
            assert plot_height > 150
            assert wide == 0
            assert fractions > 0

    def test_is_drawn_on_screen_and_on_paper(
        self, browser: str, page: Path, tmp_path: Path
    ) -> None:
        picture, paper = tmp_path / "page.png", tmp_path / "page.pdf"
        self.draw(browser, f"--screenshot={picture}", "--window-size=1100,3000", page.as_uri())
        self.draw(browser, f"--print-to-pdf={paper}", page.as_uri())
        from matplotlib.image import imread

        pixels = imread(picture)[..., :3]
        assert (pixels.min(axis=2) < 0.5).mean() > 0.005, "the page is blank"
        assert paper.read_bytes().startswith(b"%PDF")
        assert 2 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", paper.read_bytes())) <= 12


class TestMarkdown:
    def test_has_the_same_sections(self, tmp_path: Path) -> None:
        path = tmp_path / "report.md"
        assert run(CLOUD, "-o", str(path)).returncode == 0
        text = path.read_text()
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS[1:]
        assert r"$$ " in text

    def test_is_what_stdout_gets(self) -> None:
        assert run(CLOUD).stdout.startswith("# Event-channel capacity of cloud\n")


class TestBreakEven:
    """break-even points, those that `evtplan compare` gives"""

    def test_are_those_of_a_comparison(self) -> None:
        compare = [sys.executable, "-m", "evtplan", "compare", CLOUD, "--abi", "all"]
        said = subprocess.run([*compare, "--format", "json"], capture_output=True, check=True)
        points = json.loads(said.stdout)["break_even"]
        assert points
        found = run(CLOUD, "--abi", "all").stdout.split("## Break-even\n")[1].split("\n## ")[0]
        for point in points:
            assert f"| {point['first_value']} | {point['best_from'] or 'none of'}" in found

    def test_a_single_abi_has_none(self) -> None:
        assert "There is none" in run(CLOUD, "--abi", "fifo").stdout


class TestValidation:
    """the validation status"""

    def test_is_not_run_where_nobody_ran_it(self, page: Path) -> None:
        assert "not run" in page.read_text()

    def test_counts_what_a_validation_said(self, tmp_path: Path) -> None:
        said = tmp_path / "v.json"
        rows = [
            {"formula": "heap.buckets", "verdict": "agrees", "points": 7},
            {"formula": "fifo.channels", "verdict": "disagrees", "points": 2},
        ]
        said.write_text(json.dumps({"rows": rows}))
        found = run(CLOUD, "--validation", str(said)).stdout
        assert "1 of 2 formulas agree with the engine in 9 comparisons" in found
        assert "NOT: fifo.channels" in found

    @pytest.mark.parametrize("kind", ["hosts", "lives"])
    def test_names_a_host_or_a_life_that_failed(self, tmp_path: Path, kind: str) -> None:
        said = tmp_path / "v.json"
        rows = [{"formula": "heap.buckets", "verdict": "agrees", "points": 7}]
        failed = {"host": "Xen 4.4", "question": "ports in use", "verdict": "disagrees"}
        held = {"host": "Xen 4.5", "question": "pages", "verdict": "holds"}
        said.write_text(json.dumps({"rows": rows, kind: [failed, held]}))
        found = run(CLOUD, "--validation", str(said)).stdout
        assert "1 of 2 counts of whole hosts hold; NOT: Xen 4.4: ports in use" in found

    @pytest.mark.parametrize("text", ["{", "[]", '{"rows": [{}]}', '{"rows": 3}', "[" * 9999])
    def test_refuses_what_is_none(self, tmp_path: Path, text: str) -> None:
        said = tmp_path / "v.json"
        said.write_text(text)
        result = run(CLOUD, "--validation", str(said))
        assert result.returncode == 2
        assert result.stderr.startswith(f"error: {said}: this is no answer of evtplan validate")


class TestBadInput:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            ([CLOUD, "-o", "report.pdf"], "html or md"),
            ([CLOUD, "--format", "pdf"], "html or md"),
            ([CLOUD, "--abi", "fifoo"], "did you mean fifo?"),
            (["no-such.toml"], "no-such.toml"),
            ([CLOUD, "--validation", "no-such.json"], "no-such.json"),
            ([CLOUD, "-o", "/no/such/folder/r.html"], "/no/such/folder/r.html"),
            ([CLOUD, "-o", "/dev/full", "--format", "md"], "No space left"),
            ([], "fleet"),
        ],
    )
    def test_is_one_error_and_exit_2(self, args: list[str], said: str) -> None:
        result = run(*args)
        assert result.returncode == 2
        assert result.stdout == ""
        assert said.lower() in result.stderr.lower()
        assert "Traceback" not in result.stderr
