/** Writes the comparison report for the terminal, as Markdown, and as one HTML page. */
import { total, type CostLine } from './cost.ts'
import type { Change, Comparison } from './compare.ts'
import type { Proof } from './facts.ts'
import { LIMIT_ROWS, PLATFORM_LIMITS_READ, type PlatformLimits } from './platforms.ts'

/** Returns the headline of a comparison report, which counts the changes. */
export function headline({ app, from, to, changes }: Comparison): string {
  const count = changes.length
  return (
    `Moving ${app} from ${from} to ${to} changes ` +
    `${count === 0 ? 'no behaviour' : count === 1 ? 'this one behaviour' : `these ${count} behaviours`}.`
  )
}

export function proofText({ cases = [], limits = [], adapter }: Proof): string {
  return [
    ...cases,
    ...limits.map((name) => `limit ${name}`),
    ...(cases.length + limits.length === 0 && adapter !== undefined ? [adapter] : []),
  ].join(', ')
}

const KIND: Readonly<Record<Change['kind'], string>> = {
  lost: 'lost',
  gained: 'gained',
  different: 'different',
}

export function toText(comparison: Comparison): string {
  const lines = [headline(comparison), '']
  comparison.changes.forEach(({ kind, what, todo, uses, proof }, index) => {
    lines.push(`${index + 1}. [${KIND[kind]}] ${what}`, `   do: ${todo}`)
    if (uses.length > 0) lines.push(`   here: ${placesText(uses)}`)
    lines.push(`   proof: ${proofText(proof)}`, '')
  })
  lines.push(
    'The same on both:',
    ...comparison.same.map(({ text, proof }) => `  ${text} (${proofText(proof)})`),
  )
  if (comparison.unused.length > 0)
    lines.push('', `Differs, and the app does not use it: ${comparison.unused.join(', ')}`)
  lines.push(
    '',
    `Limits of the platforms (as known of ${PLATFORM_LIMITS_READ}):`,
    ...limitRows(comparison).map((row) => `  ${row.join('  |  ')}`),
  )
  lines.push('', ...costLines(comparison))
  return lines.join('\n')
}

function placesText(uses: Change['uses']): string {
  const shown = uses.slice(0, 5).map(({ file, line }) => `${file}:${line}`)
  return uses.length > shown.length
    ? `${shown.join(', ')} and ${uses.length - shown.length} more`
    : shown.join(', ')
}

/** Returns the comparison report's table of limits: header and rows of limit, from, to. */
export function limitRows({ from, to, limits }: Comparison): string[][] {
  const value = (
    of: PlatformLimits | undefined,
    name: (typeof LIMIT_ROWS)[number]['name'],
    unit: string,
  ): string => {
    if (of === undefined) return 'not known'
    const number = of[name]
    if (number === null) return 'none'
    return unit === 'bytes'
      ? `${Math.round(number / 1024 / 1024)} MB`
      : `${number}${unit === '' ? '' : ` ${unit}`}`
  }
  return [
    ['limit', from, to],
    ...LIMIT_ROWS.map(({ name, label, unit }) => [
      label,
      value(limits.from, name, unit),
      value(limits.to, name, unit),
    ]),
  ]
}

/** Returns the comparison report's table of costs: header and rows of item, from, to, with the sum last. */
export function costRows({ from, to, cost }: Comparison): string[][] {
  const items = [...new Set([...(cost.from ?? []), ...(cost.to ?? [])].map(({ item }) => item))]
  const amount = (lines: readonly CostLine[] | undefined, item: string): string =>
    lines?.find((line) => line.item === item)?.amount.toFixed(2) ?? '-'
  const sum = (lines: readonly CostLine[] | undefined): string =>
    lines === undefined ? 'not known' : total(lines).toFixed(2)
  return [
    [`${cost.currency} a month`, from, to],
    ...items.map((item) => [item, amount(cost.from, item), amount(cost.to, item)]),
    ['sum', sum(cost.from), sum(cost.to)],
  ]
}

function loadText({ cost: { load, read } }: Comparison): string {
  const operations = Object.entries({
    'kv reads': load.kvReads,
    'kv writes': load.kvWrites,
    'blob reads': load.blobReads,
    'sql rows read': load.sqlReads,
    'queue messages': load.queueMessages,
  })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
  return (
    `${load.requests / 1e6} million requests a month, ${load.cpuMs} ms of CPU in ${load.wallMs} ms ` +
    `each, ${load.memoryMb} MB; per request ${operations.join(', ') || 'no operations'}; ` +
    `${load.kvGb + load.blobGb + load.sqlGb} GB stored. Prices as known of ${read}: an estimate, ` +
    'not an offer.'
  )
}

function limitsText({ limits }: Comparison): string {
  const sources = [...new Set([limits.from?.source, limits.to?.source])].filter(
    (source) => source !== undefined,
  )
  return `As known of ${PLATFORM_LIMITS_READ}. ${sources.join('; ')}.`
}

/** Returns one line on the source of each price in the comparison report. */
function sourceLines({ cost: { sources } }: Comparison): string[] {
  return sources.map(({ of, page, copy }) => `${of}: ${page}${copy === undefined ? '' : ` (${copy})`}`)
}

function costLines(comparison: Comparison): string[] {
  return [
    'Cost:',
    `  ${loadText(comparison)}`,
    ...costRows(comparison).map((row) => `  ${row.join('  |  ')}`),
  ]
}

export function toMarkdown(comparison: Comparison): string {
  const table = (rows: readonly (readonly string[])[]): string[] => [
    `| ${(rows[0] as string[]).join(' | ')} |`,
    `|${' --- |'.repeat((rows[0] as string[]).length)}`,
    ...rows.slice(1).map((row) => `| ${row.join(' | ')} |`),
  ]
  const lines = [`# ${headline(comparison)}`, '']
  comparison.changes.forEach(({ kind, what, todo, uses, proof }, index) => {
    lines.push(`${index + 1}. **${KIND[kind]}**: ${what}`, `   - do: ${todo}`)
    if (uses.length > 0)
      lines.push(`   - here: ${uses.map(({ file, line }) => `\`${file}:${line}\``).join(', ')}`)
    lines.push(`   - proof: ${proofText(proof)}`)
  })
  lines.push(
    '',
    '## The same on both',
    '',
    ...comparison.same.map(({ text, proof }) => `- ${text} (${proofText(proof)})`),
  )
  if (comparison.unused.length > 0)
    lines.push(
      '',
      `Differs, and the app does not use it: ${comparison.unused.map((name) => `\`${name}\``).join(', ')}.`,
    )
  lines.push(
    '',
    `## Limits of the platforms`,
    '',
    ...table(limitRows(comparison)),
    '',
    limitsText(comparison),
  )
  lines.push(
    '',
    '## Cost',
    '',
    loadText(comparison),
    '',
    ...table(costRows(comparison)),
    '',
    ...sourceLines(comparison).map((line) => `- ${line}`),
    '',
  )
  return lines.join('\n')
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** Escapes text of the report for HTML; `code` in backticks becomes an element. */
function rich(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const columns = head.map((cell) => `<th scope="col">${escape(cell)}</th>`).join('')
  const toCell = (cell: string, index: number): string =>
    index === 0 ? `<th scope="row">${escape(cell)}</th>` : `<td>${escape(cell)}</td>`
  const body = rows.map((row) => `<tr>${row.map(toCell).join('')}</tr>`).join('')
  return `<table><thead><tr>${columns}</tr></thead><tbody>${body}</tbody></table>`
}

function changeItem({ id, kind, what, todo, uses, proof }: Comparison['changes'][number]): string {
  const places = uses.map(({ file, line }) => `<code>${escape(file)}:${line}</code>`).join(' ')
  return (
    `<li id="${escape(id)}" class="${kind}"><p><span class="kind">${KIND[kind]}</span> ${rich(what)}</p>` +
    `<p class="todo">${rich(todo)}</p>` +
    (uses.length > 0 ? `<p class="uses">${places}</p>` : '') +
    `<p class="proof">proof: ${escape(proofText(proof))}</p></li>`
  )
}

/** Returns the comparison report as one HTML page that needs no other file and no network. */
export function toHtml(comparison: Comparison): string {
  const changes = comparison.changes.map(changeItem).join('\n')
  const same = comparison.same.map(
    ({ text, proof }) => `<li>${escape(text)} <span class="proof">(${escape(proofText(proof))})</span></li>`,
  )
  const unused = comparison.unused.map((name) => `<code>${escape(name)}</code>`).join(', ')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(headline(comparison))}</title>
<style>
:root {
  color-scheme: light dark;
  --line: #8884; --soft: #8882; --lost: #c2410c; --gained: #15803d; --different: #1d4ed8;
}
@media (prefers-color-scheme: dark) { :root { --lost: #fb923c; --gained: #4ade80; --different: #93c5fd; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { margin-top: 2.5rem; font-size: 1.2rem; }
ol { padding-left: 1.5rem; } ol > li { margin: 0 0 1.25rem; padding-left: .25rem; } li p { margin: .15rem 0; }
.kind {
  font-size: .75rem; font-weight: 600; border: 1px solid currentColor; border-radius: 1rem;
  padding: 0 .5rem; margin-right: .25rem; white-space: nowrap;
}
.lost .kind { color: var(--lost); } .gained .kind { color: var(--gained); }
.different .kind { color: var(--different); }
.uses, .proof { font-size: .85rem; opacity: .85; overflow-wrap: anywhere; }
code { background: var(--soft); border-radius: .25rem; padding: 0 .25rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid var(--line); }
td { font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; } svg text { fill: currentColor; font: 13px system-ui, sans-serif; }
.scroll { overflow-x: auto; }
</style>
</head>
<body>
<h1>${escape(headline(comparison))}</h1>
<ol>
${changes}
</ol>
<h2>The same on both</h2>
<ul>${same.join('')}</ul>
${unused === '' ? '' : `<p>Differs, and the app does not use it: ${unused}</p>`}
<h2>Limits of the platforms</h2>
<div class="scroll">${table(limitRows(comparison))}</div>
<p class="proof">${escape(limitsText(comparison))}</p>
<h2>Cost</h2>
<p>${escape(loadText(comparison))}</p>
${chart(comparison)}
<div class="scroll">${table(costRows(comparison))}</div>
<ul class="proof">${sourceLines(comparison)
    .map((line) => `<li>${escape(line)}</li>`)
    .join('')}</ul>
</body>
</html>
`
}

const COLOURS = [
  '#2563eb',
  '#16a34a',
  '#d97706',
  '#9333ea',
  '#0891b2',
  '#dc2626',
  '#65a30d',
  '#db2777',
  '#4f46e5',
  '#0d9488',
  '#a16207',
  '#64748b',
]

/** Draws the report's cost chart: a bar for each side with its monthly cost by item. */
function chart({ from, to, cost }: Comparison): string {
  const sides = [
    { label: from, lines: cost.from },
    { label: to, lines: cost.to },
  ]
  const items = [...new Set(sides.flatMap(({ lines }) => (lines ?? []).map(({ item }) => item)))]
  const most = Math.max(...sides.map(({ lines }) => total(lines ?? [])), 1)
  const width = 640
  const bars = sides.map(({ label, lines }, row) => {
    let at = 0
    const y = row * 56
    const parts = (lines ?? []).map(({ item, amount }) => {
      const length = (amount / most) * (width - 120)
      const part =
        `<rect x="${at.toFixed(1)}" y="${y + 20}" ` +
        `width="${Math.max(length, 0.5).toFixed(1)}" height="24" ` +
        `fill="${COLOURS[items.indexOf(item) % COLOURS.length]}">` +
        `<title>${escape(`${item}: ${amount.toFixed(2)}`)}</title></rect>`
      at += length
      return part
    })
    return (
      `<text x="0" y="${y + 14}">${escape(label)}</text>${parts.join('')}<text ` +
      `x="${(at + 6).toFixed(1)}" ` +
      `y="${y + 37}">${sumText(lines)}</text>`
    )
  })
  const legend = items.map((item, index) => {
    const [x, y] = [(index % 4) * 160, 128 + Math.floor(index / 4) * 20]
    return (
      `<rect x="${x}" y="${y - 10}" width="10" height="10" ` +
      `fill="${COLOURS[index % COLOURS.length]}"/><text x="${x + 14}" ` +
      `y="${y}">${escape(item)}</text>`
    )
  })
  const height = 130 + Math.ceil(items.length / 4) * 20
  const sums = sides.map(({ label, lines }) => `${label} ${sumText(lines)}`).join(', ')
  return (
    `<svg viewBox="0 0 ${width} ${height}" role="img" ` +
    `aria-label="${escape(`Cost of a month: ${sums} ${cost.currency}`)}">` +
    `${bars.join('')}${legend.join('')}</svg>`
  )
}

function sumText(lines: Comparison['cost']['from']): string {
  return lines === undefined ? 'not known' : total(lines).toFixed(2)
}
