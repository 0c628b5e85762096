import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../adapters/isolate/host/limits.ts'

/** Limits that settings say in seconds. */
const IN_SECONDS: Readonly<Record<string, string>> = {
  wallTimeout: 'wallMs',
  migrationTimeout: 'migrationMs',
}

it('the README of the host has each limit of a host, with its default and the name that metrics have', () => {
  const text = readFileSync(new URL('../../adapters/isolate/host/README.md', import.meta.url), 'utf8')
  const section = /## Limits\n([^]*?)\n## /.exec(text)?.[1] ?? ''
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  const told = rows.map(([, limit = '', preset, metric = '']) => {
    const name = /^`(\w+)`/.exec(limit)?.[1] ?? ''
    const inMs = IN_SECONDS[name]
    return [metric.replaceAll('`', ''), inMs ?? name, Number(preset) * (inMs === undefined ? 1 : 1000)]
  })
  expect(told.map(String)).toEqual(expect.arrayContaining(Object.entries(DEFAULT_LIMITS).map(rowOf)))
  expect(told).toHaveLength(Object.keys(DEFAULT_LIMITS).length)
})

function rowOf([name, preset]: [string, number]): string {
  return String([name, name, preset])
}
