import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LIMITS, WAIT_UNTIL_SECONDS } from '../../core/limits.ts'
import { ROOT } from '../checks/package.ts'

const number = (value: number) => value.toLocaleString('en-US')

test('the table of limits in the guide and LIMITS say the same', async () => {
  const guide = await readFile(join(ROOT, '.docs/guides/limits.md'), 'utf8')
  const rows = guide.split('\n').filter((line) => /^\| [a-z`]/.test(line))
  const mib = 1024 * 1024
  expect(rows).toEqual([
    `| kv key, value, shortest time to live | ${LIMITS['kv.key']} bytes, ${LIMITS['kv.value'] / mib} MiB, ${LIMITS['kv.ttl.min']} s |`,
    `| blob key, one put | ${number(LIMITS['blob.key'])} bytes, ${5 - LIMITS['blob.size'] / 1024 / mib === 5 / 1024 ? '5 MiB less than 5 GiB' : '?'} |`,
    `| sql parameters, columns, row | ${LIMITS['sql.params']}, ${LIMITS['sql.columns']}, ${number(LIMITS['sql.row'])} bytes |`,
    `| queue message, delay, batch | ${number(LIMITS['queue.message'])} bytes, ${LIMITS['queue.delay']} s, ${LIMITS['queue.sendBatch']} |`,
    `| socket message (\`largeMessages\`), data | ${number(LIMITS['sockets.message'])} bytes (${LIMITS['sockets.largeMessage'] / mib} MiB), ${number(LIMITS['sockets.data'])} bytes |`,
    `| secret | ${number(LIMITS['secret.value'])} bytes |`,
    `| \`ctx.waitUntil\` after the answer | ${WAIT_UNTIL_SECONDS} s |`,
  ])
})
