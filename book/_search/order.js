// The order of what the search finds: chapters and the glossary before exercises, all of them before the library.
var Scorer = {
  score: (result) => {
    const [page, , , , score] = result;
    if (page.startsWith("api")) return score - 40;
    if (page.startsWith("part")) return score + 20;
    if (page.endsWith("glossary")) return score + 25;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
