/** `vite preview`: the artifact of the target `node`, behind the server of Vite. */
import { join } from 'node:path'
import type { PreviewServer } from 'vite'
import { loadAdapter } from '../build/adapters.ts'
import { readArtifact } from '../build/build.ts'
import { targetFolder } from '../build/environments.ts'
import { loadConfig, loadProject } from '../build/project.ts'
import { isUnmoorError } from '../../errors.ts'
import { DevFront } from '../dev/front.ts'
import { readVariables } from '../dev/loop.ts'
import type { UnmoorViteOptions } from './options.ts'
import { refuseWorker, viteError } from './project.ts'

/**
 * Starts the artifact that `vite build` has written, and passes all requests on to it.
 *
 * @throws `InvalidArgument` if there is no artifact.
 */
export async function previewArtifact(
  server: PreviewServer,
  projectDir: string,
  { environment }: UnmoorViteOptions,
): Promise<void> {
  const loaded = await loadConfig(projectDir, { environment })
  refuseWorker(loaded.worker !== undefined)
  const folder = targetFolder('node', loaded.environment)
  const dir = join(projectDir, '.unmoor', folder)
  const info = await readArtifact(dir, 'node', environment).catch((error: unknown) => {
    if (!isUnmoorError(error, 'NotFound')) throw error
    throw viteError(`There is no artifact of the target node in ${dir}. Run first: vite build`)
  })
  const [adapter, project] = await Promise.all([
    loadAdapter('node', projectDir, loaded.config),
    loadProject(projectDir, { environment, declarationsOnly: true }),
  ])
  const { logger } = server.config
  const log = { info: () => {}, warn: (message: string) => logger.warn(message) }
  const { variables } = await readVariables(info, project, { projectDir, env: environment, log })
  const runtime = await adapter.start({
    dir,
    info,
    dataDir: join(loaded.dataDir, folder),
    port: 0,
    host: '127.0.0.1',
    variables,
    onOutput: (line) => void process.stderr.write(`${line}\n`),
    log,
  })
  const front = new DevFront()
  front.open(Number(new URL(runtime.url).port))
  logger.info(`${info.manifest.name} on ${runtime.runtime}`)
  server.middlewares.use((incoming, outgoing) => void front.answer(incoming, outgoing))
  server.httpServer
    .on('upgrade', (incoming, socket, head) => void front.upgrade(incoming, socket, head))
    .once('close', () => {
      void front.close()
      void runtime.stop()
    })
  void runtime.exited.then((code) =>
    front.fail(`The app ended with exit code ${code ?? 'none'}. What it said last is in the terminal.`),
  )
}
