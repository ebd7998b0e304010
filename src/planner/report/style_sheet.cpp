#include "planner/report/style_sheet.h"

namespace smol::report {

// --m: models, --s: stages, --p: cost models. Every colour has a contrast of at least 3 to 1 with its page; paper is always
// light.
const char* const kStyleSheet = R"css(
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --panel: #ffffff; --ink: #1c2329; --soft: #56616b; --line: #dfe3e6; --grid: #eceeef;
  --accent: #24609f; --tint: #eaf1f8; --warn: #8a4b00; --warn-tint: #fdf1de;
  --m0: #2b6cb0; --m1: #c05b17; --m2: #2f855a; --m3: #7b51b5; --m4: #b83253; --m5: #14858b; --m6: #8f7113; --m7: #66707c;
  --s0: #8a949e; --s1: #24547f; --s2: #3f7fb8; --s3: #6a9fcb; --s4: #88a9c4; --s5: #2b8a7e; --s6: #c2662b; --s7: #9a7d2c;
  --p0: #24609f; --p1: #c05b17; --p2: #7b51b5; --p3: #7a848d;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14181c; --panel: #1b2025; --ink: #e6eaed; --soft: #a2adb7; --line: #333b43; --grid: #272e35;
    --accent: #86b6e8; --tint: #1f2c3a; --warn: #f0b969; --warn-tint: #34291a;
    --m0: #74aee8; --m1: #ee9a63; --m2: #72c795; --m3: #b598e6; --m4: #ee839c; --m5: #5cc4c9; --m6: #d2b553; --m7: #a9b3bd;
    --s0: #8d98a2; --s1: #3f78b0; --s2: #629fd8; --s3: #8fbce4; --s4: #b9d1e6; --s5: #55b8aa; --s6: #e0905a; --s7: #cdb25c;
    --p0: #86b6e8; --p1: #ee9a63; --p2: #b598e6; --p3: #98a2ab;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1216px; margin: 0 auto; padding: 48px 24px 72px; }
h1, h2, h3, p, ul, dl, dd, figure, pre { margin: 0; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -.02em; font-weight: 650; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; letter-spacing: -.01em; font-weight: 650; margin-bottom: 14px; }
h3 { font-size: .95rem; font-weight: 650; margin: 18px 0 8px; }
p { max-width: 78ch; overflow-wrap: anywhere; text-wrap: pretty; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 24px; margin-top: 20px; }
section > p + *, section > .legend { margin-top: 12px; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .875em; }
.eyebrow { color: var(--soft); font-size: .8rem; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; }
.about { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 2px 22px; margin-top: 8px; color: var(--soft); }
.about li { overflow-wrap: anywhere; }
.pill {
  display: inline-block; padding: 0 7px; border-radius: 9px; font: 600 11px/17px system-ui, sans-serif; letter-spacing: 0;
  text-transform: none; background: var(--tint); color: var(--accent); vertical-align: 1px; white-space: nowrap;
}
.pill.simulated { background: var(--warn-tint); color: var(--warn); }
.note, .quiet { color: var(--soft); font-size: .87rem; }

.asked { color: var(--soft); }
.asked span { font-weight: 600; color: var(--ink); }
.banner {
  margin-top: 12px; padding: 10px 14px; border-left: 4px solid var(--warn); border-radius: 4px; background: var(--warn-tint);
}
.banner b { color: var(--warn); }
.answer .sentence { font-size: 1.35rem; line-height: 1.4; letter-spacing: -.01em; max-width: none; }
.answer .sentence code { font-size: .9em; font-weight: 600; color: var(--accent); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 16px 24px; margin: 18px 0 16px; }
.tiles > div { border-top: 2px solid var(--line); padding-top: 8px; }
.tiles dt { color: var(--soft); font-size: .84rem; }
.tiles dd { font-size: 1.7rem; line-height: 1.3; font-weight: 600; letter-spacing: -.02em; }
.below { display: block; color: var(--soft); font-size: .8rem; font-weight: 400; letter-spacing: 0; line-height: 1.35; }
.tiles .below { font-size: .82rem; }

.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: .86rem; margin-bottom: 10px; }
.legend li { display: flex; align-items: center; gap: 6px; overflow-wrap: anywhere; }
.icon { flex: none; vertical-align: -3px; overflow: visible; }
figure svg { display: block; width: 100%; height: auto; }
svg.narrow { display: none; }
svg text { font-size: 12.5px; fill: var(--ink); }
svg .tick { fill: var(--soft); }
svg .axis-title { fill: var(--soft); font-weight: 600; }
svg .number { font-size: 12px; font-weight: 650; paint-order: stroke; stroke: var(--panel); stroke-width: 3px; }
svg .value { font-size: 12px; paint-order: stroke; stroke: var(--panel); stroke-width: 3px; }
.grid { stroke: var(--grid); }
.rule { stroke: var(--line); }
.axis { stroke: var(--soft); }
.link { stroke: var(--line); stroke-width: 3px; }
.whisker { stroke: var(--soft); stroke-width: 1.2px; }
.whiskers.pale { opacity: .28; }
.staircase { fill: none; stroke: var(--soft); stroke-width: 1.5px; stroke-linejoin: round; }
.reach { fill: var(--accent); opacity: .055; }
.diagonal { stroke: var(--soft); stroke-width: 1.2px; stroke-dasharray: 5 4; }
.ring { fill: none; stroke: var(--ink); stroke-width: 2px; }
.mark path { stroke: var(--panel); stroke-width: 1px; fill: var(--c); }
.mark.hollow path { fill: var(--panel); stroke: var(--c); stroke-width: 2px; }
.mark.pale path { opacity: .42; }
.mark.hollow.pale path { opacity: .6; }
.mark.seen-through path { fill-opacity: .82; }
.mark.ring-key path { fill: none; stroke: var(--ink); stroke-width: 2px; }
g.mark:hover path { stroke: var(--ink); opacity: 1; }

.scroll { overflow-x: auto; margin-top: 12px; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; line-height: 1.4; }
th { text-align: left; font-weight: 600; color: var(--soft); vertical-align: bottom; border-bottom: 1px solid var(--soft); }
th[title] { text-decoration: underline dotted; text-underline-offset: 3px; }
th, td { padding: 7px 8px; }
th:first-child, td:first-child { padding-left: 2px; }
td { border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word; }
tr:last-child td { border-bottom: 0; }
.number { text-align: right; }
td.number { white-space: nowrap; }
td .below { font-size: .92em; }
tr.chosen td { background: var(--tint); }
.key { white-space: nowrap; color: var(--soft); font-weight: 600; }
details { border-top: 1px solid var(--line); margin-top: 12px; padding-top: 10px; }
summary { cursor: pointer; color: var(--soft); overflow-wrap: anywhere; }
summary:hover { color: var(--ink); }
summary code { color: var(--ink); }
pre {
  margin-top: 10px; padding: 12px 14px; overflow-x: auto; background: var(--page); border: 1px solid var(--line);
  border-radius: 6px; font-size: .8rem; line-height: 1.5;
}
pre.wrapped { white-space: pre-wrap; overflow-wrap: anywhere; }
.findings { padding-left: 20px; display: grid; gap: 6px; max-width: 90ch; }
.findings li { overflow-wrap: anywhere; }
.beside { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 32px; align-items: start; margin-top: 12px; }
.facts { display: grid; gap: 8px; }
.facts > div { display: grid; grid-template-columns: 150px minmax(0, 1fr); gap: 16px; }
.facts dt { color: var(--soft); }
.facts dd { overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

@media screen and (max-width: 820px) {
  main { padding: 24px 12px 48px; }
  section { padding: 16px 14px; border-radius: 8px; margin-top: 14px; }
  h1 { font-size: 1.6rem; }
  .answer .sentence { font-size: 1.12rem; }
  .tiles { grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 14px; }
  .tiles dd { font-size: 1.35rem; }
  svg.wide { display: none; }
  svg.narrow { display: block; max-width: 560px; margin: 0 auto; }
  .beside { grid-template-columns: minmax(0, 1fr); gap: 12px; }
  .facts > div { grid-template-columns: 100px minmax(0, 1fr); }
  /* Rows become cards. */
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: 10px 0; }
  tr.chosen { background: var(--tint); margin: 0 -8px; padding: 10px 8px; }
  tr.chosen td { background: none; }
  td, td.number { display: flex; justify-content: space-between; gap: 14px; border: 0; padding: 2px 0; text-align: right; }
  td > div { min-width: 0; overflow-wrap: anywhere; white-space: normal; }
  td.none { display: none; }
  td:first-child[data-label=""] { justify-content: flex-start; }
  .scroll { overflow: visible; }
  td::before { content: attr(data-label); color: var(--soft); text-align: left; flex: none; }
  td:first-child[data-label=""]::before { display: none; }
}
@media print {
  @page { size: landscape; margin: 12mm; }
  html { font-size: 12px; }
  body { background: none; font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: 12px 0; margin-top: 12px; }
  table { font-size: 7.5pt; }
  th, td { padding: 4px 5px; }
  figure, tr, .tiles, .banner { break-inside: avoid; }
  h2, h3, .legend, section:not(.answer) > p { break-after: avoid; }
  p, .facts { break-inside: avoid; }
  figure svg { max-height: 145mm; }
  .answer + section figure svg { max-height: 112mm; }
  pre { white-space: pre-wrap; }
  .reach, .mark path, .pill, tr.chosen td, rect { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
)css";

}  // namespace smol::report
