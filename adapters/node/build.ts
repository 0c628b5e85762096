import type { BuildContext } from '../../core/adapter.ts'
import { cronStoreImport } from './cron-store-import.ts'
import { checkOptions, type NodeOptions } from './options.ts'

/** Writes server.mjs (the app and all it needs), its assets, package.json and a Dockerfile. */
export async function build(context: BuildContext): Promise<void> {
  const options = checkOptions(context.options)
  await context.bundle({ entry: createEntry(context, options), file: 'server.mjs', external: [] })
  await context.copyAssets('assets')
  await context.write('package.json', `${JSON.stringify(createPackage(context.manifest.name), null, 2)}\n`)
  await context.write('Dockerfile', DOCKERFILE)
  await context.write('.dockerignore', 'data\n')
}

function createEntry(context: BuildContext, options: NodeOptions): string {
  const drivers = context.driverImports()
  const cronStore = cronStoreImport(context, options)
  // The run-time half comes first: it puts its Response and Request in place before the app's modules run.
  return [
    `import { serve } from 'unmoor/node/runtime'`,
    ...(context.testChannel ? [`import { testChannel } from 'unmoor/test-channel'`] : []),
    drivers.imports,
    cronStore.imports,
    `import app from '#app'`,
    `await serve({`,
    `  app,`,
    `  name: ${JSON.stringify(context.manifest.name)},`,
    `  drivers: ${drivers.object},`,
    `  cronStore: ${cronStore.object},`,
    `  migrations: ${JSON.stringify(context.migrations)},`,
    `  options: ${JSON.stringify(options)},`,
    `  dir: import.meta.dirname,`,
    ...(context.testChannel ? [`  testChannel,`] : []),
    `})`,
    ``,
  ].join('\n')
}

function createPackage(name: string): object {
  return {
    name,
    private: true,
    type: 'module',
    engines: { node: '>=24' },
    scripts: { start: 'node server.mjs', migrate: 'node server.mjs migrate' },
  }
}

/** The base image is an argument, so that a team can pin or mirror its own. The process is PID 1: it handles SIGTERM itself. */
const DOCKERFILE = `ARG NODE_IMAGE=node:26-slim
FROM \${NODE_IMAGE}
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
WORKDIR /app
COPY . .
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["node", "server.mjs"]
`
