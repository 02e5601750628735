import { element, type Markup, text } from './svg.ts';

const CSS = `
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6675;--rule:#e3e7ec;--page:#f6f7f9;--card:#fff;
--s0:#2766b0;--s1:#cf6317;--s2:#2b8a5a;--s3:#8847ad;--s4:#b83266;--s5:#697386}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--rule:#2b323c;--page:#14181e;--card:#1b2027;
--s0:#6fb1f5;--s1:#f2a35e;--s2:#62c795;--s3:#c79be9;--s4:#f388ae;--s5:#a3adba}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1160px;margin:0 auto;padding:32px 20px 56px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:17px;margin:34px 0 10px}
.lead{margin:0 0 18px;color:var(--soft)}
.facts{display:flex;flex-wrap:wrap;gap:8px 30px;margin:0;padding:14px 18px;background:var(--card);border:1px solid var(--rule);border-radius:8px}
.facts dt{font-size:12px;color:var(--soft)}.facts dd{margin:0;font-variant-numeric:tabular-nums}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:14px}
.charts.three{grid-template-columns:repeat(auto-fit,minmax(min(100%,310px),1fr))}
.charts.one{grid-template-columns:1fr}
figure,.card{margin:0;padding:14px 16px 10px;background:var(--card);border:1px solid var(--rule);border-radius:8px;min-width:0}
figcaption{display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 14px;margin-bottom:6px}
figcaption b{font-size:14px;font-weight:600;width:100%}
.key{font-size:13px;color:var(--soft);white-space:nowrap}
.key::before{content:"";display:inline-block;width:10px;height:10px;border-radius:50%;background:var(--c);margin-right:6px}
svg{display:block;width:100%;height:auto;max-height:560px}
svg text{font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}
svg .halo{stroke:var(--card);stroke-width:4px;paint-order:stroke;stroke-linejoin:round}
svg .name{font-size:12px;fill:var(--ink)}
.grid{stroke:var(--rule)}.axis{stroke:var(--soft)}
.guide{stroke:var(--soft);stroke-dasharray:5 4}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}
.band{fill:var(--c);opacity:.16}.dot{fill:var(--c)}.soft{opacity:.55}
.interval{stroke:var(--c);stroke-width:2.5;stroke-linecap:round;opacity:.65}
.note{margin:6px 0 2px;font-size:13px;color:var(--soft)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums;background:var(--card);border:1px solid var(--rule)}
th,td{padding:6px 14px;text-align:left;border-bottom:1px solid var(--rule);vertical-align:top}
th{font-size:12px;font-weight:600;color:var(--soft)}
tr:last-child td{border-bottom:0}td{overflow-wrap:anywhere}
@media print{body{background:#fff}figure{break-inside:avoid}}
`;

/** Named facts in one row. */
export function facts(pairs: readonly (readonly [string, string])[]): Markup {
  return element(
    'dl',
    { class: 'facts' },
    ...pairs.map(([name, value]) =>
      element('div', {}, element('dt', {}, text(name)), element('dd', {}, text(value))),
    ),
  );
}

/** A heading with its charts; `layout` is a class of the grid. Empty sections say why. */
export function section(
  title: string,
  layout: 'two' | 'three' | 'one',
  charts: readonly Markup[],
  whenEmpty: string,
): Markup {
  return element(
    'section',
    {},
    element('h2', {}, text(title)),
    charts.length > 0
      ? element('div', { class: `charts ${layout}` }, ...charts)
      : element('p', { class: 'note' }, text(whenEmpty)),
  );
}

/** The whole document: no script, no outside reference; the policy forbids both. */
export function page(title: string, content: readonly Markup[]): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title><style>${CSS}</style></head>
<body>${element('main', {}, ...content)}</body></html>
`;
}
