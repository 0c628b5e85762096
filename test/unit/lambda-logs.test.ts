/** The log lines of our runtime, as a process of its own writes them. */
import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'

const SCRIPT = `
import { installLogs } from '${new URL('../../adapters/lambda/runtime/logs.ts', import.meta.url).href}'
const logs = installLogs((name) => process.env[name])
console.log('before')
const work = async () => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  console.log('two\\nlines', { a: 1 })
  console.info({ user: 7, nested: { ok: true } })
  console.warn('%s of %d', 'one', 2)
  console.debug('detail')
  console.error('it failed:', new RangeError('too far'))
  console.error(new TypeError('alone'))
  const circle = {}; circle.self = circle
  console.log(circle)
}
await Promise.all([logs.run({ requestId: 'r1', traceId: 'Root=1-aa-bb;Parent=cc;Sampled=0' }, work)])
console.log('after')
`

function run(variables: Record<string, string>): string[] {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--no-warnings', '--input-type=module', '-e', SCRIPT],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', ...variables },
    },
  )
  if (status !== 0) throw new Error(stderr)
  return stdout.trimEnd().split('\n')
}

it('writes JSON with request id and trace id, also behind an await', () => {
  const lines = run({ AWS_LAMBDA_LOG_FORMAT: 'JSON' }).map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  )
  expect(lines).toHaveLength(9)
  for (const { timestamp } of lines) expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const of = { requestId: 'r1', traceId: '1-aa-bb' }
  expect(lines[0]).toEqual({ timestamp: expect.anything(), level: 'INFO', message: 'before' })
  expect(lines[1]).toMatchObject({ ...of, level: 'INFO', message: 'two\nlines { a: 1 }' })
  expect(lines[2]).toMatchObject({ ...of, level: 'INFO', message: { user: 7, nested: { ok: true } } })
  expect(lines[3]).toMatchObject({ ...of, level: 'WARN', message: 'one of 2' })
  expect(lines[4]).toMatchObject({ ...of, level: 'DEBUG', message: 'detail' })
  expect(lines[5]).toMatchObject({
    ...of,
    level: 'ERROR',
    errorType: 'RangeError',
    errorMessage: 'too far',
    message: expect.stringContaining('it failed:'),
  })
  expect(lines[5]?.['stackTrace']).toEqual(expect.arrayContaining(['RangeError: too far']))
  expect(lines[6]).toMatchObject({ level: 'ERROR', errorType: 'TypeError', errorMessage: 'alone' })
  expect(lines[7]).toMatchObject({ message: expect.stringContaining('[Circular') })
  expect(lines[8]).toEqual({ timestamp: expect.anything(), level: 'INFO', message: 'after' })
})

it('writes an entry per line as text, as AWS does', () => {
  const lines = run({ AWS_LAMBDA_LOG_FORMAT: 'Text' })
  expect(lines).toHaveLength(9)
  expect(lines[1]).toMatch(/^\S+Z\tr1\tINFO\ttwo\rlines \{ a: 1 \}$/)
  expect(lines[5]).toMatch(/\tr1\tERROR\tit failed: RangeError: too far\r/)
})

it('drops what is below the level', () => {
  const levels = run({ AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'WARN' }).map(
    (line) => (JSON.parse(line) as { level: string }).level,
  )
  expect(levels).toEqual(['WARN', 'ERROR', 'ERROR'])
})

it('leaves console alone outside of Lambda', () => {
  expect(run({})[0]).toBe('before')
})
