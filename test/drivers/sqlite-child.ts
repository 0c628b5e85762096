/**
 * A second process on the same files, for sqlite-files.test.ts: `node sqlite-child.ts DATA_DIR ROLE [COUNT]`.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { queue, sql } from '../../adapters/drivers/sqlite/index.ts'
import type { AnyDeclaration } from '../../core/bindings/declarations.ts'
import { queue as declareQueue, sql as declareSql } from '../../core/bindings/declarations.ts'
import type { DriverContext } from '../../core/bindings/drivers.ts'

const [, , dataDir, role, count] = process.argv

function context(binding: string, declaration: AnyDeclaration): DriverContext {
  return { binding, app: 'test', declaration, dataDir, variable: () => undefined, now: Date.now }
}

const jobs = context('jobs', declareQueue({ maxRetries: 100 }))

switch (role) {
  case 'exclusive': {
    const driver = await sql({}, context('things', declareSql()))
    await driver.exclusive?.(async () => {
      await driver.query({ text: 'CREATE TABLE IF NOT EXISTS counter (n INTEGER)', params: [] })
      const { rows } = await driver.query({ text: 'SELECT n FROM counter', params: [] })
      await sleep(100)
      if (rows.length === 0) await driver.query({ text: 'INSERT INTO counter VALUES (1)', params: [] })
      else await driver.query({ text: 'UPDATE counter SET n = ?1', params: [Number(rows[0]?.[0]) + 1] })
    })
    await driver.close?.()
    break
  }
  case 'send': {
    const driver = await queue({}, jobs)
    await driver.send(
      Array.from({ length: Number(count) }, () => ({
        id: randomUUID(),
        contentType: 'json',
        body: '1',
        delaySeconds: 0,
      })),
    )
    await driver.close?.()
    break
  }
}
