/**
 * unmoor's own entries of the maps of a config: options of drivers and targets by name. Types only, none of
 * them of Node or of a client library.
 */
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
import type { LambdaOptions } from './lambda/options.ts'
import type { NodeOptions } from './node/options.ts'

declare module '../core/config-maps.ts' {
  interface Drivers {
    /** The platform's own binding, on Cloudflare. */
    cloudflare: CloudflareDriverOptions
    /** Key-value stores on Amazon DynamoDB. */
    dynamodb: DynamodbOptions
    /** Secrets from variables of the process. */
    env: EnvOptions
    /** Static files of a folder. */
    files: FilesOptions
    /** Blobs as files. */
    fs: FsOptions
    /** Another app over HTTP. */
    http: HttpOptions
    /** Data of one process, gone when it ends. */
    memory: MemoryOptions & MemoryCacheOptions
    /** Queues on NATS JetStream. */
    nats: NatsOptions
    /** Models of a server of OpenAI's protocol, for the `ai` binding of existing Workers. */
    openai: OpenaiOptions
    /** Postgres. */
    postgres: PostgresBlobOptions
    /** Redis or Valkey. */
    redis: RedisQueueOptions & RedisCacheOptions
    /** Blobs on S3. */
    s3: S3Options
    /** Secrets from AWS Secrets Manager. */
    secretsmanager: SecretsManagerOptions
    /** SQLite files of one machine. */
    sqlite: SqliteSqlOptions
    /** Queues on Amazon SQS. */
    sqs: SqsOptions
    /** Secrets from AWS Systems Manager's parameters. */
    ssm: SsmOptions
  }

  interface Targets {
    /** A Node server. */
    node: NodeOptions
    /** Cloudflare Workers. */
    cloudflare: CloudflareOptions
    /** AWS Lambda. */
    lambda: LambdaOptions
    /** A server, or an `unmoor host`, that runs the app in an isolate. */
    isolate: IsolateOptions
  }
}
