"""The first page, the numbers, the glossary and the addresses, without building the book."""

import inspect
import json
import re
from pathlib import Path

import pytest
import yaml
from docutils import nodes
from extensions import extension

from scripts.book.address import add_addresses

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("part*/*.ipynb"))
EXERCISES = sorted((ROOT / "exercises" / "source").glob("*/*.ipynb"))


def texts(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_has_its_number_in_its_title(path):
    assert texts(path)[0].startswith(f"# {int(path.stem[:2])}. ")


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_exercises_are_numbered_by_chapter_and_task(path):
    number, found = int(path.stem[:2]), texts(path)
    assert found[0].startswith(f"# Exercises {number}: ")
    tasks = [match[1] for text in found for match in re.finditer(r"^## Exercise ([\d.]+): ", text, flags=re.M)]
    assert tasks == [f"{number}.{task}" for task in range(1, len(tasks) + 1)] and tasks
    page = (BOOK / "exercises" / f"{path.stem}.md").read_text(encoding="utf-8")
    (chapter,) = BOOK.glob(f"part*/{path.stem}.ipynb")
    assert f"{{doc}}`../{chapter.parent.name}/{path.stem}`" in page
    assert any(f"exercises/{path.stem}`" in text for text in texts(chapter))  # and back


def test_the_map_of_the_first_page_has_every_chapter_once():
    found = re.findall(r"^- \[(.*?)\]\((part.*?)\)$", "\n".join(texts(BOOK / "intro.ipynb")), flags=re.M)
    titles = {path.relative_to(BOOK).as_posix(): texts(path)[0].splitlines()[0].removeprefix("# ") for path in CHAPTERS}
    assert sorted((page, title) for title, page in found) == sorted(titles.items())


def doctree(*words):
    document, section = nodes.document(None, None), nodes.section()
    section += nodes.title("", "Priors")
    section += [nodes.paragraph("", "", node if isinstance(node, nodes.Node) else nodes.Text(node)) for node in words]
    document += section
    return document


def linked(document, terms):
    module, done = extension("terms"), set()
    rule = module.pattern(list(terms))
    for text in module.prose(document):
        module.link(text, rule, {term.lower(): place for term, place in terms.items()}, "{0[0]}#{0[1]}".format, done)
    return [
        (node.astext(), node["refuri"]) for node in document.findall(nodes.reference) if "drl-term" in node["classes"]
    ]


TERMS = {
    "prior": ("g", "1"),
    "field of experts": ("g", "2"),
    "MAP": ("g", "3"),
    "mode": ("g", "3"),
    "score": ("g", "4"),
}


def test_the_first_place_of_a_term_leads_to_the_glossary_and_no_other():
    document = doctree("Two priors, a map and a field of experts.", "The MAP is the mode; a prior again.")
    assert linked(document, TERMS) == [("priors", "g#1"), ("field of experts", "g#2"), ("MAP", "g#3")]
    assert document.astext().count("Two priors, a map and a field of experts.") == 1  # nothing is lost


def test_titles_code_links_and_parts_of_words_are_left_alone():
    link = nodes.reference("", "a prior", refuri="x")
    assert linked(doctree(nodes.literal("", "prior"), link, "a-priori, scored, model"), TERMS) == []


def test_every_term_has_one_meaning_and_every_alias_of_it_a_line():
    text = (BOOK / "appendices" / "glossary.md").read_text(encoding="utf-8")
    terms = [line for block in re.findall(r"```\{glossary\}\n(.*?)```", text, flags=re.S) for line in block.split("\n")]
    terms = [line for line in terms if line and not line.startswith(" ")]
    assert len({term.lower() for term in terms}) == len(terms) > 60


def test_a_description_is_the_first_prose_and_ends_with_a_sentence():
    front = extension("front")
    long = "A sentence that says in plain words what a reader will find on this page. " * 5
    assert front.description(doctree("Short.", long)) == " ".join([long.strip()[: long.index(".") + 1]] * 2)
    assert front.description(doctree("Short.")) == "" == front.description(None)


def settings():
    return yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))


def test_without_variables_no_page_names_an_address():
    assert add_addresses(settings(), {}) == settings()


def test_variables_bring_the_canonical_address_and_the_buttons():
    variables = {
        "DEEPRESTORE_ADDRESS": "https://example.org/lab/",
        "DEEPRESTORE_REPOSITORY": "https://example.org/code",
    }
    config = add_addresses(settings(), variables)
    assert config["sphinx"]["config"]["html_baseurl"] == "https://example.org/lab/"
    assert config["repository"] == {"url": "https://example.org/code", "path_to_book": "book", "branch": "main"}
    assert config["html"]["use_edit_page_button"] and config["launch_buttons"]["binderhub_url"]
    assert "colab_address" not in config["sphinx"]["config"]  # a branch has to be named for it


@pytest.mark.parametrize("value", ["example.org", "ftp://example.org", "https://example.org/?q=1"])
def test_what_is_no_address_is_refused_by_name(value):
    with pytest.raises(SystemExit, match="DEEPRESTORE_ADDRESS must be an address"):
        add_addresses(settings(), {"DEEPRESTORE_ADDRESS": value})


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_asks_before_it_tells(path):
    found = [text for text in texts(path) if text.startswith('<div class="drl-ask">')]
    assert len(found) >= 2
    for text in found:
        reasons = re.findall(r"<summary>[^<]+</summary>\n\n\*\*(Yes|No)\.\*\* \S.*\n\n</details>", text)
        assert len(reasons) == text.count("<details>") >= 2 and reasons.count("Yes") == 1


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_each_question_of_a_chapter_has_its_place_among_the_answers(path):
    number, title = texts(path)[0].splitlines()[0].removeprefix("# ").split(". ", 1)
    (asked,) = (text for text in texts(path) if text.startswith("## Exercises"))
    page = (BOOK / "answers.md").read_text(encoding="utf-8")
    part = rf"^## Chapter {number}: {re.escape(title)}$(.*?)(?=^## |\Z)"
    (answered,) = re.findall(part, page, flags=re.S | re.M | re.I)
    numbers = re.findall(r"^(\d+)\. ", asked.split("## What to read")[0], flags=re.M)
    given = re.findall(r"^(\d+)\. ", answered, flags=re.M)
    for line in re.findall(r"^([\d, and]+)\. \*Experiments", answered, flags=re.M):
        given += re.findall(r"\d+", line)
    assert sorted(set(given)) == numbers and numbers


def test_every_entry_of_the_bibliography_is_closed_and_has_its_own_key():
    """An entry left open, as joining two lists can leave it, stops the whole book from being built."""
    entries = (BOOK / "references.bib").read_text(encoding="utf-8").split("\n@")
    assert not [each.split(",")[0] for each in entries if each.count("{") != each.count("}")]
    names = [each.split("{")[1].split(",")[0] for each in entries]
    assert len(names) == len(set(names))


def test_buttons_that_unfold_have_names_and_folded_cells_say_theirs():
    bar = '<a href="#">A &amp; B</a><details open="open"><summary><span class="toctree-toggle"></span></summary>'
    page = bar + '<details><summary aria-label="Toggle hidden content"><p>Show code</p></summary></details>'
    named = extension("accessible").named(page)
    assert '<summary aria-label="Pages of A &amp; B"><span' in named and "<summary><p>Show code" in named
    assert extension("accessible").named(named) == named


def test_names_in_tables_may_be_broken_where_a_reader_would_break_them():
    breakable = extension("breaks").breakable
    cell = '<td><code><span class="pre">solve/choice.py,</span> <span class="pre">f(x_1,</span></code> a/b.c</td>'
    found = breakable(f"<table>{cell}</table>{cell}")
    table, after = found.split("</table>")
    assert "solve/<wbr>choice.<wbr>py," in table and "f(<wbr>x_<wbr>1," in table and "a/b.c" in table
    assert after == cell and found.replace("<wbr>", "") == f"<table>{cell}</table>{cell}"


def test_words_that_python_says_of_its_types_are_left_out():
    module = extension("library")
    for text, kept in ((bool.__doc__, False), (int.__doc__, False), ("Whether it is smooth.", True), ("", False)):
        lines = inspect.cleandoc(text).splitlines()
        module.drop_builtin(None, "property", "x", None, None, lines)
        assert bool(lines) == kept


def test_the_buttons_and_the_settings_of_the_theme_reach_sphinx_together(tmp_path):
    """jupyter-book replaces its own settings by those of `sphinx: config` unless it is told to join them."""
    from jupyter_book.config import get_final_config

    variables = {"DEEPRESTORE_REPOSITORY": "https://github.com/someone/lab"}
    path = tmp_path / "_config.yml"
    path.write_text(yaml.safe_dump(add_addresses(settings(), variables)), encoding="utf-8")
    final, _ = get_final_config(user_yaml=path, cli_config={"latex_individualpages": False}, sourcedir=BOOK)
    options = final["html_theme_options"]
    assert options["repository_url"] == "https://github.com/someone/lab" and options["use_repository_button"]
    assert options["use_edit_page_button"] and options["launch_buttons"]["binderhub_url"]
    assert options["show_toc_level"] == 2 and options["navigation_with_keys"] is False
