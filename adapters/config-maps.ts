/**
 * Options of unmoor's own drivers and targets, by name, for the types of a config. No type here comes from
 * Node or from a client library.
 */
import type { CloudflareDeployOptions } from './cloudflare/deploy/options.ts'
import type { CloudflareDriverOptions, CloudflareOptions } from './cloudflare/options.ts'
import type { DynamodbOptions } from './drivers/dynamodb/options.ts'
import type { EnvOptions } from './drivers/env/options.ts'
import type { FilesOptions } from './drivers/files/options.ts'
import type { FsOptions } from './drivers/fs/options.ts'
import type { HttpOptions } from './drivers/http/options.ts'
import type { MemoryCacheOptions, MemoryOptions } from './drivers/memory/options.ts'
import type { NatsOptions } from './drivers/nats/options.ts'
import type { OpenaiOptions } from './drivers/openai/options.ts'
import type { PostgresBlobOptions } from './drivers/postgres/options.ts'
import type { RedisCacheOptions, RedisQueueOptions } from './drivers/redis/options.ts'
import type { S3Options } from './drivers/s3/options.ts'
import type { SecretsManagerOptions } from './drivers/secretsmanager/options.ts'
import type { SqliteSqlOptions } from './drivers/sqlite/options.ts'
import type { SqsOptions } from './drivers/sqs/options.ts'
import type { SsmOptions } from './drivers/ssm/options.ts'
import type { IsolateOptions } from './isolate/options.ts'
import type { LambdaDeployOptions } from './lambda/deploy/options.ts'
import type { LambdaOptions } from './lambda/options.ts'
import type { ApiGatewayOptions } from './lambda/socket-options.ts'
import type { NodeDeployOptions } from './node/deploy/options.ts'
import type { NodeOptions } from './node/options.ts'

declare module '../core/config-maps.ts' {
  interface Drivers {
    /** Driver `api-gateway`: sockets of a WebSocket API of API Gateway, on Lambda only. */
    'api-gateway': ApiGatewayOptions
    /** Driver `cloudflare`: the platform's own binding, on Cloudflare only. */
    cloudflare: CloudflareDriverOptions
    /** Driver `dynamodb`: key-value stores on Amazon DynamoDB. */
    dynamodb: DynamodbOptions
    /** Driver `env`: secrets from environment variables of the process. */
    env: EnvOptions
    /** Driver `files`: static files from a folder. */
    files: FilesOptions
    /** Driver `fs`: blobs as files. */
    fs: FsOptions
    /** Driver `http`: another app, called over HTTP. */
    http: HttpOptions
    /** Driver `memory`: data of one process, lost when the process ends. */
    memory: MemoryOptions & MemoryCacheOptions
    /** Driver `nats`: queues on NATS JetStream. */
    nats: NatsOptions
    /**
     * Driver `openai`: models on a server with OpenAI's protocol, for the `ai` binding of existing Workers.
     */
    openai: OpenaiOptions
    /** Driver `postgres`: data in a Postgres database. */
    postgres: PostgresBlobOptions
    /** Driver `redis`: data in Redis or Valkey. */
    redis: RedisQueueOptions & RedisCacheOptions
    /** Driver `s3`: blobs on S3. */
    s3: S3Options
    /** Driver `secretsmanager`: secrets from AWS Secrets Manager. */
    secretsmanager: SecretsManagerOptions
    /** Driver `sqlite`: SQLite files on one machine. */
    sqlite: SqliteSqlOptions
    /** Driver `sqs`: queues on Amazon SQS. */
    sqs: SqsOptions
    /** Driver `ssm`: secrets from AWS Systems Manager Parameter Store. */
    ssm: SsmOptions
  }

  interface Targets {
    /** Target `node`: a Node server. */
    node: NodeOptions
    /** Target `cloudflare`: Cloudflare Workers. */
    cloudflare: CloudflareOptions
    /** Target `lambda`: AWS Lambda. */
    lambda: LambdaOptions
    /** Target `isolate`: a server, or an `unmoor host`, that runs the app in an isolate. */
    isolate: IsolateOptions
  }

  interface DeployTargets {
    /** Deploys to Cloudflare Workers, by wrangler. */
    cloudflare: CloudflareDeployOptions
    /** Deploys to a server, by ssh. */
    node: NodeDeployOptions
    /** Deploys to AWS Lambda, by signed calls and docker. */
    lambda: LambdaDeployOptions
  }
}
