/** Deployments of an app that has the data route, for the tests of the commands that ask it. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { LocalRuntime } from '../../core/adapter.ts'
import { buildApp, type BuildOptions } from '../../core/tools/build/build.ts'
import type { TempProject } from '../unit/temp-project.ts'

/** The token of the data route of each deployment. */
export const TOKEN: string = randomUUID()
const SILENT = { info() {}, warn() {} }

/** Builds an app for a target and starts it. Default: with the data route. */
export async function start(
  of: TempProject,
  target: string,
  options: Pick<BuildOptions, 'dataRoute' | 'strict' | 'worker'> = {},
): Promise<LocalRuntime> {
  const id = randomUUID()
  const { outDir, info, adapter } = await buildApp({
    projectDir: of.dir,
    target,
    outDir: join(of.dir, 'out', id),
    dataRoute: true,
    ...options,
    log: SILENT,
  })
  return adapter.start({
    dir: outDir,
    info,
    dataDir: join(of.dir, 'data', id),
    port: 0,
    variables: options.dataRoute === false ? {} : { UNMOOR_DATA_TOKEN: TOKEN },
    onOutput() {},
    log: SILENT,
  })
}

/** Stands before a deployment, and asks it for operations that it does not know, as if it were an older one. */
export async function startOlder(
  { url }: LocalRuntime,
  command: 'cron' | 'queue',
): Promise<AsyncDisposable & { url: string }> {
  const server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const answer = await fetch(new URL(request.url ?? '', url), {
        method: 'POST',
        headers: { authorization: request.headers.authorization ?? '' },
        body: body.replace(`"${command}.`, '"later.'),
      })
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
