"""How the report looks: one style sheet for light and dark screens and for paper."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fdfdfc; --ink: #1d2329; --quiet: #626c76; --line: #e2e5e8; --soft: #f4f5f5; --bar: #8fa3b4;
  --sans: "Inter", "Source Sans 3", system-ui, -apple-system, "Segoe UI", "Noto Sans", "Helvetica Neue", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "Source Code Pro", "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171a; --ink: #e4e7ea; --quiet: #98a2ab; --line: #2c3238; --soft: #1b1f23; --bar: #64798c; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3.5rem 1.5rem 5rem; max-width: 68rem;
  background: var(--paper); color: var(--ink); font: 400 1rem/1.6 var(--sans);
}
h1 { margin: 0.2rem 0 0.9rem; font-size: 2.15rem; line-height: 1.2; font-weight: 600; letter-spacing: -0.015em; }
h2 { margin: 0 0 0.5rem; font-size: 1.3rem; line-height: 1.3; font-weight: 600; letter-spacing: -0.005em; }
p { margin: 0 0 1rem; max-width: 44rem; }
.kicker { margin: 0; color: var(--quiet); font-size: 0.875rem; }
.lede { font-size: 1.125rem; line-height: 1.55; }
section { margin-top: 3.75rem; }
figure { margin: 1.25rem 0 0; break-inside: avoid; }
figcaption, .note { color: var(--quiet); font-size: 0.875rem; line-height: 1.5; max-width: 44rem; }
figcaption { margin-top: 0.6rem; }
img { display: block; width: 100%; height: auto; border-radius: 3px; }
.hero { margin-top: 2rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; margin: 0.9rem 0 0; padding: 0; list-style: none;
  font-size: 0.9375rem; }
.swatch { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.5em; border-radius: 50%;
  vertical-align: -0.06em; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1.5rem 2rem;
  margin: 2.25rem 0 0; padding: 1.4rem 0; border: solid var(--line); border-width: 1px 0; }
.figures div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.figures dt { color: var(--quiet); font-size: 0.875rem; line-height: 1.4; }
.figures dd { margin: 0; font-size: 1.6rem; line-height: 1.3; font-weight: 600; font-variant-numeric: tabular-nums;
  letter-spacing: -0.01em; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9375rem; }
caption { text-align: left; }
th, td { padding: 0.55rem 0 0.55rem 1.25rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
thead th { color: var(--quiet); font-weight: 500; font-size: 0.875rem; vertical-align: bottom; }
tbody th { font-weight: 500; }
.panels { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.75rem; }
.panels span { font-size: 0.875rem; color: var(--quiet); }
.panels figure { margin: 0; }
.slice { margin-top: 1.5rem; break-inside: avoid; }
.slice:first-of-type { margin-top: 0.9rem; }
h3 { margin: 0 0 0.5rem; font-size: 0.9375rem; font-weight: 500; }
.slice h3 em { font-style: normal; color: var(--quiet); font-weight: 400; }
.halves { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 2rem 3rem; align-items: start; }
.halves figure { margin-top: 0.6rem; }
.marks { margin: 0.75rem 0 1.25rem; padding: 0; list-style: none; font-size: 0.9375rem; }
.marks li { margin: 0.3rem 0; }
.marks svg { width: 1.4em; height: 1.4em; margin-right: 0.6em; vertical-align: -0.36em; }
.chart { display: block; width: 100%; height: auto; font: 400 13px var(--sans); fill: var(--ink);
  font-variant-numeric: tabular-nums; }
.chart .quiet { fill: var(--quiet); }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.chart .bar { fill: var(--bar); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.35rem 1.5rem; margin: 0.75rem 0 0;
  font-size: 0.9375rem; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.steps { margin: 1.25rem 0 0; padding: 0; list-style: none; }
.steps li { margin: 0 0 1.1rem; break-inside: avoid; }
pre { margin: 0; padding: 0.7rem 0.95rem; background: var(--soft); border-radius: 3px;
  font: 400 0.8125rem/1.6 var(--mono);
  white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-family: var(--mono); font-size: 0.9em; }
pre span { white-space: nowrap; }
pre code { display: block; padding-left: 2em; text-indent: -2em; font-size: inherit; }
footer { margin-top: 4rem; padding-top: 1.1rem; border-top: 1px solid var(--line); }
@media (max-width: 46rem) {
  body { padding-top: 2rem; }
  .halves { grid-template-columns: minmax(0, 1fr); }
  h1 { font-size: 1.75rem; }
}
@media print {
  :root { --paper: #fff; --ink: #000; --quiet: #444; --line: #ccc; --soft: #f4f4f4; --bar: #8fa3b4; }
  @page { margin: 16mm 15mm; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  section { margin-top: 2rem; }
  h2, h3 { break-after: avoid; }
  h1 { font-size: 1.7rem; }
  p { break-inside: avoid; }
  section > p { break-after: avoid; }
  .figures { break-inside: avoid; grid-template-columns: repeat(4, 1fr); }
  .wide { overflow: visible; break-inside: avoid; }
  table { font-size: 8.5pt; }
  th, td { padding-left: 0.6rem; }
  thead th { white-space: normal; font-size: 8pt; }
}
"""
