import { blob, kv } from '../../../../core/bindings/declarations.ts'
import { type LocalAws, startLocalAws } from '../../../../adapters/lambda/local/services/index.ts'
import type { Service } from './service.ts'

let started: Promise<LocalAws> | undefined

function start(): Promise<LocalAws> {
  started ??= startLocalAws({
    // What makes the starter start DynamoDB's and S3's protocols; their table and bucket are not used.
    manifest: {
      version: 1,
      name: 'corpus',
      bindings: { things: kv(), files: blob() },
      fetch: false,
      queues: [],
      crons: {},
    },
    drivers: { things: { driver: 'dynamodb' }, files: { driver: 's3' } },
    variables: {},
    log: { info() {}, warn() {} },
  })
  return started
}

/**
 * DynamoDB and S3 by the servers that a local Lambda uses (dynalite and fauxqs), started once per run. An app
 * begins the names of its tables and buckets with `AWS_PREFIX`.
 */
export const aws: Service = {
  missing: () => Promise.resolve(undefined),
  async open(space) {
    const { variables } = await start()
    return {
      variables: {
        S3_ENDPOINT: variables['AWS_ENDPOINT_URL_S3'] as string,
        DYNAMODB_ENDPOINT: variables['AWS_ENDPOINT_URL_DYNAMODB'] as string,
        AWS_PREFIX: space.replaceAll('_', '-'),
      },
      close: () => Promise.resolve(),
    }
  },
  async stop() {
    await (await started)?.stop()
  },
}
