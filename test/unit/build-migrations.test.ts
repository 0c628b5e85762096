import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createMigration, readMigrations } from '../../core/tools/build/migrations.ts'
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

describe('createMigration', () => {
  const create = async (
    files: readonly string[],
    name: string,
  ): Promise<{ made: string; files: string[]; text: string }> => {
    await using project = await tempProject(
      Object.fromEntries(files.map((file) => [`m/${file}`, `-- own text of ${file}`])),
    )
    const folder = join(project.dir, 'm')
    const { name: made, path } = await createMigration(folder, 'db', name)
    for (const file of files)
      expect(await readFile(join(folder, file), 'utf8')).toBe(`-- own text of ${file}`)
    return { made, files: (await readdir(folder)).toSorted(), text: await readFile(path, 'utf8') }
  }

  test.each([
    [[], '0001_add_users'],
    [['0001_a.sql'], '0002_add_users'],
    [['0001_a.sql', '0007_b.postgres.sql', '0007_b.sqlite.sql', 'README.md'], '0008_add_users'],
    [['0009_a.sql'], '0010_add_users'],
    // Files of a Worker may have any numbers.
    [['20260101120000_a.sql'], '20260101120001_add_users'],
  ])('after %j it creates %s, and leaves the others alone', async (files, name) => {
    const { made, files: now, text } = await create(files, 'add_users')
    expect(made).toBe(name)
    expect(now).toEqual([...files, `${name}.sql`].toSorted())
    expect(text).toContain(name)
  })

  test.each([
    ['Add users', /"Add users" cannot name a migration\. A name has lower-case letters, digits, - and _/],
    ['', /"" cannot name/],
    ['_a', /begins with a letter or digit/],
    ['../up', /"\.\.\/up" cannot name/],
    ['a.sql', /Leave out \.sql/],
    ['0002_a', /Leave out the number/],
    ['a'.repeat(101), /at most 100 characters/],
  ])('the name %j is refused with the rule, and nothing is created', async (name, message) => {
    await using project = await tempProject()
    await expect(createMigration(join(project.dir, 'm'), 'db', name)).rejects.toMatchObject({
      code: 'InvalidArgument',
      operation: 'config',
      message: expect.stringMatching(message),
    })
    expect(await readdir(project.dir)).not.toContain('m')
  })

  test.each([
    [['9999_a.sql'], /"10000_b\.sql" would sort before "9999_a\.sql"/],
    [['0001_a.sql', 'seed.sql'], /"0002_b\.sql" would sort before "seed\.sql"/],
  ])('after %j no next number sorts last: it is refused', async (files, message) => {
    await expect(create(files, 'b')).rejects.toThrow(message)
  })

  test('a folder that is a file is named', async () => {
    await using project = await tempProject({ m: 'text' })
    await expect(createMigration(join(project.dir, 'm'), 'db', 'a')).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining(join(project.dir, 'm')),
    })
  })

  test('a new file is no migration until its statements are written', async () => {
    await using project = await tempProject()
    const folder = join(project.dir, 'm')
    await mkdir(folder)
    const { path } = await createMigration(folder, 'db', 'a')
    await expect(readMigrations(folder, 'db')).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(
        /"0001_a\.sql" is as "unmoor migrate new" made it\. Write its statements/,
      ),
    })
    const text = `${await readFile(path, 'utf8')}CREATE TABLE a (x INTEGER);\n`
    await project.write({ 'm/0001_a.sql': text })
    expect(await readMigrations(folder, 'db')).toMatchObject([{ name: '0001_a', sql: { default: text } }])
  })
})
