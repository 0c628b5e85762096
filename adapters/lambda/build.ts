import type { BuildContext } from '../../core/adapter.ts'
import { describeFunction } from './function-settings.ts'
import { readOptions } from './options.ts'

/** Writes index.mjs (the app and the runtime in one file), its assets, a Dockerfile and lambda.json, which tells what the function needs on AWS. */
export async function build(context: BuildContext): Promise<void> {
  const options = readOptions(context.options)
  await context.bundle({ entry: createEntry(context, options.invokeMode), file: 'index.mjs' })
  await context.copyAssets('assets')
  const hasAssets = (context.assets?.files.length ?? 0) > 0
  await context.write('Dockerfile', dockerfile(hasAssets))
  await context.write('.dockerignore', `*\n!index.mjs\n${hasAssets ? '!assets\n' : ''}`)
  await context.write('lambda.json', `${JSON.stringify(describeFunction(context, options), null, 2)}\n`)
}

function createEntry(context: BuildContext, invokeMode: string): string {
  const drivers = context.driverImports()
  const consumes = context.manifest.queues.length > 0
  // The run-time half comes first: it reports an app whose module throws, and mends globals before the app's modules take them.
  return [
    `import { createLambda } from 'unmoor/lambda/runtime'`,
    ...(consumes ? [`import { decodeSqsRecord } from 'unmoor/drivers/sqs'`] : []),
    ...(context.testChannel ? [`import { handleTestChannel } from 'unmoor/test-channel'`] : []),
    drivers.imports,
    `import app from '#app'`,
    `export const { handler } = await createLambda({`,
    `  app,`,
    `  name: ${JSON.stringify(context.manifest.name)},`,
    `  drivers: ${drivers.object},`,
    `  dir: import.meta.dirname,`,
    `  main: import.meta.main,`,
    `  invokeMode: ${JSON.stringify(invokeMode)},`,
    ...(consumes ? [`  decodeSqsRecord,`] : []),
    ...(context.testChannel ? [`  handleTestChannel,`] : []),
    `})`,
    ``,
  ].join('\n')
}

/** No build step: the bundle stands alone. The base image is an argument, so that a team can pin or mirror its own. */
function dockerfile(hasAssets: boolean): string {
  return `ARG BASE=node:26-slim
FROM \${BASE}
ENV NODE_ENV=production
WORKDIR /var/task
COPY index.mjs ./
${hasAssets ? 'COPY assets ./assets\n' : ''}# Any user without rights will do; Lambda runs the image as one of its own.
USER 993:990
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/var/task/index.mjs"]
# Read by AWS's own base image and client, where one of them is used instead of our bootstrap; see the README.
CMD ["index.handler"]
`
}
