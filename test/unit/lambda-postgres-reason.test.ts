import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const MODULE = join(import.meta.dirname, '../../adapters/lambda/local/services/postgres.ts')

/** What a start says in a process where those packages are not installed. */
async function reason(server: string, missing: readonly string[]): Promise<string> {
  const script = `
    import { registerHooks } from 'node:module'
    const missing = ${JSON.stringify(missing)}
    registerHooks({
      resolve(specifier, context, next) {
        if (missing.includes(specifier)) throw Object.assign(new Error('not installed'), { code: 'ERR_MODULE_NOT_FOUND' })
        return next(specifier, context)
      },
    })
    const { startPostgres } = await import(${JSON.stringify(MODULE)})
    await startPostgres({ app: 'a', dataDir: undefined, server: ${JSON.stringify(server)} }).catch((error) => console.log(error.message))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  return stdout.trim()
}

/** Something that answers where a Postgres would; one that is there does as well. */
async function withListener<T>(work: () => Promise<T>): Promise<T> {
  const server = createServer((socket) => socket.destroy())
  const listening = once(server, 'listening')
  server.listen(5432, '127.0.0.1')
  await listening.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
  })
  try {
    return await work()
  } finally {
    server.close()
  }
}

it('a local Postgres that answers is not said to be missing where only its npm package is', async () => {
  const text = await withListener(() => reason('probe', ['postgres', '@electric-sql/pglite']))
  expect(text).toContain('A sql binding on Postgres needs the package postgres.')
  expect(text).not.toContain('no server answers')
})

it('a Postgres within the process says why it is one', async () => {
  expect(await reason('embedded', ['@electric-sql/pglite'])).toMatch(
    /started within this process as UNMOOR_POSTGRES_URL is "embedded", needs the package @electric-sql\/pglite/,
  )
})
