"""What pages show where scripts do not run: MathML in place of TeX, the light colours, and nothing twice."""

import shutil
import types
from pathlib import Path
from xml.etree import ElementTree

import pytest
from extensions import extension
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node was not found")
PAGE = """<html lang="en" data-theme="auto"><head><title>x</title></head><body>
<p>With <span class="math notranslate nohighlight">\\(a &lt; b\\)</span>,
<div class="math notranslate nohighlight" id="equation-one"><span class="eqno">(1)<a href="#x">#</a></span>\\[c\\]</div>
</body></html>"""


@pytest.fixture(scope="module")
def scriptless():
    return extension("scriptless")


@pytest.fixture
def app(tmp_path):
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    return types.SimpleNamespace(outdir=tmp_path, builder=types.SimpleNamespace(format="html"))


def letters(mathml):
    return "".join(ElementTree.fromstring(mathml).itertext())


@needs_node
@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (r"\lVert A x - y \rVert^2", "‖Ax−y‖2"),
        (r"a < b", "a<b"),
        (r"\mathbb E \log p", "𝔼logp"),
        (r"\mathcal N(0, \sigma^2)", "𝒩(0,σ2)"),
        (r"\boldsymbol a", "𝒂"),
        (r"\text{is a picture}", "is a picture"),
    ],
)
def test_a_formula_has_the_letters_of_its_tex(scriptless, tex, expected):
    (mathml,) = scriptless.converted([(tex, False)], node=NODE).values()
    assert letters(mathml) == expected


@needs_node
def test_structure_of_fractions_boxes_rows_and_names(scriptless):
    formulas = [(r"\frac{a}{b}", True), (r"\boxed{c}", False), (r"\begin{aligned} a &= b \\ &= c \end{aligned}", True)]
    fraction, boxed, rows = (ElementTree.fromstring(one) for one in scriptless.converted(formulas, node=NODE).values())
    assert fraction.get("display") == "block" and [part.text for part in fraction.find("mfrac")] == ["a", "b"]
    assert boxed.find("mrow").get("class") == "drl-box" and not list(boxed.iter("menclose"))
    assert len(list(rows.iter("mtr"))) == 2
    (spaced,) = scriptless.converted([(r"k \operatorname{mean} u + \log(x)", False)], node=NODE).values()
    tags = [part.tag for part in ElementTree.fromstring(spaced)]
    assert tags[:5] == ["mi", "mspace", "mi", "mspace", "mi"] and tags.count("mspace") == 2


@needs_node
@pytest.mark.parametrize("tex", ["a}", r"\nosuchname{a}"])
def test_a_formula_that_cannot_be_read_is_named(scriptless, tex):
    with pytest.raises(ExtensionError) as raised:
        scriptless.converted([("x", False), (tex, False)], node=NODE)
    assert repr(tex) in str(raised.value) and "'x'" not in str(raised.value)


@needs_node
def test_a_page_is_edited_once_and_keeps_what_scripts_read(scriptless, app):
    for _ in range(2):
        scriptless.edit_pages(app, None)
        page = (app.outdir / "page.html").read_text(encoding="utf-8")
        assert '<html lang="en" data-theme="light">' in page and page.count("<math") == 2
        assert page.count("<noscript><style>") == 1 and ".math { display: none" in page
    assert r'nohighlight">\(a &lt; b\)</span><noscript><math>' in page
    assert r'\[c\]</div><noscript><div class="drl-mathml"><math display="block">' in page
    assert page.count('<span class="eqno">(1)</span></div></noscript>') == 1


def test_without_node_the_tex_stays_to_be_seen(scriptless, app, monkeypatch):
    monkeypatch.setattr(scriptless.shutil, "which", lambda name: None)
    scriptless.edit_pages(app, None)
    page = (app.outdir / "page.html").read_text(encoding="utf-8")
    assert 'data-theme="light"' in page and "<math" not in page and ".math { display: none" not in page
