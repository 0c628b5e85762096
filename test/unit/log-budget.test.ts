import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { LogBudget } from '../../adapters/isolate/host/worker/log-budget.ts'
import { StackMapper } from '../../adapters/isolate/server/stack-mapper.ts'

function budgetOf(map: (text: string) => string): {
  budget: LogBudget
  written: string[]
  hits: () => number
} {
  const written: string[] = []
  let hits = 0
  const budget = new LogBudget({
    perSecond: 100,
    write: (_level, text) => written.push(text),
    map,
    onHit: () => hits++,
  })
  return { budget, written, hits: () => hits }
}

it('no more of a long text is mapped to sources than may be written', () => {
  const mapped: string[] = []
  const { budget, written, hits } = budgetOf((text) => {
    mapped.push(text)
    return text
  })
  budget.write('log', 'x'.repeat(1e6))
  expect(mapped).toEqual(['x'.repeat(100)])
  expect(written).toEqual([`${'x'.repeat(100)}...`])
  expect(hits()).toBe(1)
  budget.close()
  expect(written.at(-1)).toContain('999900 bytes of 1 lines')
})

it('text that grows when it is mapped counts with the size that it has then', () => {
  const { budget, written, hits } = budgetOf((text) => text.repeat(50))
  budget.write('log', 'abcd')
  expect(written).toEqual([`${'abcd'.repeat(25)}...`])
  expect(hits()).toBe(1)
  budget.close()
  expect(written.at(-1)).toContain('100 bytes of 1 lines')
})

it('a stack is mapped up to 1000 places, and no place to a name longer than a path', () => {
  const dir = mkdtempSync(join(tmpdir(), 'unmoor-map-'))
  try {
    const map = (source: string): StackMapper => {
      const path = join(dir, 'app.js.map')
      // The first segment of the first line is the first place of the first source.
      writeFileSync(path, JSON.stringify({ version: 3, sources: [source], names: [], mappings: 'AAAA' }))
      return new StackMapper(path)
    }
    const text = 'app.js:1:1 '.repeat(1200)
    const places = map('../src/a.ts').text(text)
    expect(places.split('src/a.ts:1:1 ')).toHaveLength(1001)
    expect(places.split('app.js:1:1 ')).toHaveLength(201)
    expect(map(`../${'n'.repeat(5000)}.ts`).text(text)).toBe(text)
    const stack = 'Error: a\n    at app.js:1:1\n    at (<isolated-vm boundary>)\n    at host.js:1:1'
    expect(map('../src/a.ts').text(stack)).toBe('Error: a\n    at src/a.ts:1:1')
    // What an app logs is no frame without a line of its own.
    expect(map('../src/a.ts').text('x at (<isolated-vm boundary>) y')).toBe('x at (<isolated-vm boundary>) y')
  } finally {
    rmSync(dir, { recursive: true })
  }
})
