import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readMigrations } from '../../core/tools/build/migrations.ts'
import { tempProject } from './temp-project.ts'

const read = async (files: Record<string, string>): Promise<Awaited<ReturnType<typeof readMigrations>>> => {
  await using project = await tempProject({
    'm/.keep': '',
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`m/${name}`, text])),
  })
  // Awaited here: the folder goes when this function ends.
  return await readMigrations(join(project.dir, 'm'), 'db')
}

describe('readMigrations', () => {
  test('gives them in the order of their names, with a text per engine', async () => {
    const migrations = await read({
      '0002_b.postgres.sql': 'P',
      '0010_c.sql': 'C',
      '0001_a.sql': 'A',
      '0002_b.sql': 'B',
      'README.md': 'no migration',
    })
    expect(migrations.map(({ name, sql }) => [name, sql])).toEqual([
      ['0001_a', { default: 'A' }],
      ['0002_b', { default: 'B', postgres: 'P' }],
      ['0010_c', { default: 'C' }],
    ])
    expect(new Set(migrations.map(({ checksum }) => checksum)).size).toBe(3)
    for (const { checksum } of migrations) expect(checksum).toMatch(/^[0-9a-f]{64}$/)
  })

  test('checksums cover every variant, and not the line ends', async () => {
    const sum = async (files: Record<string, string>): Promise<string | undefined> =>
      (await read(files))[0]?.checksum
    const base = await sum({ '0001_a.sql': 'x\ny' })
    expect(await sum({ '0001_a.sql': 'x\r\ny' })).toBe(base)
    expect(await sum({ '0001_a.sql': 'x\nz' })).not.toBe(base)
    expect(await sum({ '0001_a.sql': 'x\ny', '0001_a.postgres.sql': 'x\ny' })).not.toBe(base)
    expect(await sum({ '0001_a.sqlite.sql': 'x\ny' })).not.toBe(base)
  })

  test.each([
    [{ '1_a.sql': '' }, /"1_a\.sql" is not of the form 0001_name\.sql/],
    [{ '0001_A.sql': '' }, /"0001_A\.sql" is not of the form/],
    [{ '0001_a.SQL': '' }, /"0001_a\.SQL" is not of the form/],
    [{ '0001_a.mysql.sql': '' }, /"0001_a\.mysql\.sql" is not of the form/],
    [{ 'a.sql': '' }, /"a\.sql" is not of the form/],
    [{ '0001_a.sql': '', '0001_b.sql': '' }, /"0001_a" and "0001_b" have the same number/],
  ])('%j is refused', async (files, message) => {
    await expect(read(files)).rejects.toMatchObject({
      code: 'InvalidArgument',
      binding: 'db',
      message: expect.stringMatching(message),
    })
  })

  test('a folder that is not there is named', async () => {
    await expect(readMigrations('/nowhere/migrations', 'db')).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('/nowhere/migrations'),
    })
  })
})
