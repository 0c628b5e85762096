import type { BenchResult } from './bench.ts'

/** Prints results for people: one block per id, ours first. */
export function printTable(results: readonly BenchResult[]): void {
  for (const result of results) {
    console.log(`\n${result.id} (${result.unit})${result.note === undefined ? '' : `: ${result.note}`}`)
    const rows = [['', result.unit, 'ratio', 'spread', 'requests/s', 'p50 ms', 'p99 ms']]
    for (const [name, figure] of [['ours', result.ours] as const, ...Object.entries(result.against)]) {
      const latency = result.latency?.[name]
      rows.push([
        name,
        show(figure),
        result.ratio[name]?.toFixed(3) ?? '',
        `±${((result.spread[name] ?? 0) * 100).toFixed(1)}%`,
        show(result.rps?.[name]),
        show(latency?.p50),
        show(latency?.p99),
      ])
    }
    const widths =
      rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length))) ?? []
    for (const row of rows)
      console.log(
        `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number))).join('  ')}`,
      )
  }
}

function show(value: number | undefined): string {
  if (value === undefined) return ''
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(2)
}
