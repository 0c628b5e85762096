import { join } from 'node:path'
import type { BuildContext } from 'unmoor/adapter'
import { denoFlags } from './flags.ts'

/**
 * Writes server.mjs (the app with everything that it needs), the assets, and instructions to run the
 * artifact.
 */
export async function build(context: BuildContext): Promise<void> {
  await context.bundle({ entry: entry(context), file: 'server.mjs' })
  await context.copyAssets('assets')
  await context.write('Dockerfile', DOCKERFILE)
}

function entry(context: BuildContext): string {
  const drivers = context.driverImports()
  return [
    `import { serve } from ${JSON.stringify(join(import.meta.dirname, 'runtime/serve.ts'))}`,
    ...(context.testChannel ? [`import { testChannel } from 'unmoor/test-channel'`] : []),
    drivers.imports,
    `import app from '#app'`,
    `await serve({`,
    `  app,`,
    `  name: ${JSON.stringify(context.manifest.name)},`,
    `  drivers: ${drivers.object},`,
    `  migrations: ${JSON.stringify(context.migrations)},`,
    `  dir: import.meta.dirname,`,
    ...(context.testChannel ? [`  testChannel,`] : []),
    `})`,
  ].join('\n')
}

const DOCKERFILE = `FROM denoland/deno:2.9.6
ENV HOST=0.0.0.0 PORT=8080 DATA_DIR=/data DENO_NO_UPDATE_CHECK=1
WORKDIR /app
COPY . .
RUN mkdir /data && chown deno:deno /data
USER deno
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ${JSON.stringify(['run', ...denoFlags('/data'), 'server.mjs'])}
`
