/**
 * `unmoor/lambda`: the target `lambda`, a container image for AWS Lambda, and the local Lambda that runs it.
 */
import { NODE_GLOBALS, type Adapter } from '../../core/adapter.ts'
import { NODE_CONDITIONS } from '../node-server/target.ts'
import { build } from './build/build.ts'
import { CAPABILITIES } from './capabilities.ts'
import { lambdaDeployOptions, LAMBDA_PLACES } from './deploy/options.ts'
import { plan, rollback } from './deploy/plan.ts'
import { migrate, recordedMigrations } from './local/migrate.ts'
import { start } from './local/start.ts'
import { environmentOptions, lambdaOptions } from './options.ts'
import { apiGatewayTables } from './socket-options.ts'

export type { FunctionSettings, QueueSettings } from './build/function-settings.ts'
export type { LambdaDeployOptions } from './deploy/options.ts'
export type { LambdaRuntime } from './local/launch.ts'
export { createGateway, type Gateway, type GatewayOptions } from './local/web-sockets/gateway.ts'
export type { GatewayClock } from './local/web-sockets/clock.ts'
export type { LambdaOptions, LambdaPackage, LambdaTargetOptions } from './options.ts'
export type { ApiGatewayOptions } from './socket-options.ts'
export type { InvokeMode } from './runtime/events.ts'
export type { HttpEventKind } from '../../core/compat/from-lambda/http-events.ts'
export {
  createRuntimeApi,
  type ApiInvocation,
  type ApiResponse,
  type RuntimeApi,
  type RuntimeApiOptions,
} from './local/runtime-api.ts'

/** The target `lambda`: a container image or a zip for AWS Lambda. Its options are {@link LambdaOptions}. */
const lambda: Adapter = {
  name: 'lambda',
  capabilities: CAPABILITIES,
  nodeBuiltins: 'all',
  conditions: NODE_CONDITIONS,
  defaultDrivers: {
    kv: { driver: 'dynamodb' },
    blob: { driver: 's3' },
    sql: { driver: 'postgres' },
    queue: { driver: 'sqs' },
    cache: { driver: 'memory' },
    secret: { driver: 'env' },
    service: { driver: 'http' },
    assets: { driver: 'files' },
    sockets: { driver: 'api-gateway' },
  },
  drivers: { 'api-gateway': 'unmoor/internal/lambda/sockets' },
  driverOptions: { 'api-gateway': apiGatewayTables },
  code: { globals: [...NODE_GLOBALS, 'WebSocket'], packages: true },
  options: lambdaOptions,
  environmentOptions,
  build,
  start,
  migrate,
  recordedMigrations,
  deploy: { options: lambdaDeployOptions, places: LAMBDA_PLACES, plan, rollback },
}

export default lambda
